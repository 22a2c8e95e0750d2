/* Datagrams of QUIC as captures and traces show them. */
#pragma once

#include <glib.h>

#include "packet/quic.h"

/* Appends the bytes of 'datagram': headers are those of RFC 9000 section 17, with the bits that
 * header protection hides; the rest is noise, as keys are nobody's. */
void vs_quic_print(const VsQuicDatagram *datagram, GByteArray *out);

/* "QUIC Initial 0 (CRYPTO 0-511), 1-RTT 3 (ACK 0-2, STREAM 0 0-999 FIN)"; newly allocated. */
char *vs_quic_describe(const VsQuicDatagram *datagram);
