/* DNS messages (RFC 1035): lengths as on the wire. */
#pragma once

#include <glib.h>

#include "packet/names.h"
#include "packet/payload.h"

#define VS_DNS_PORT 53

/* Bytes of the message: header 12, question, 12 and its name for an alias, 16 for each answer
 * (compressed names). */
uint32_t vs_dns_measure(const VsDns *dns, const VsNames *names);

/* Writes the bytes of the message to 'out'. */
void vs_dns_print(const VsDns *dns, const VsNames *names, GByteArray *out);
