/* The bytes of a packet as they would travel, written only where somebody looks at them.
 *
 * Frames start at the Ethernet header and end with the IP packet: no padding to the
 * Ethernet minimum and no frame check sequence, as a sender's captures show them.  Lengths
 * are those the layers say (ip_bytes); checksums of IP, TCP, UDP and ICMP are right, but
 * that of UDP around a tunnel, which is absent (0), as Linux sends it.  DNS messages,
 * HTTP heads and headers of QUIC are real; HTTP bodies, and payloads without meaning, are filler text. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

/* Appends the frame of 'packet' to 'out'. */
void vs_packet_print(const VsPacket *packet, GByteArray *out);

/* Appends the frame without its Ethernet header, as a device that has none carries it. */
void vs_packet_print_ip(const VsPacket *packet, GByteArray *out);

/* The Internet checksum (RFC 1071) of 'bytes' and of 'sum', what other bytes gave with
 * vs_checksum_add(), 0 for none. */
uint16_t vs_checksum(const uint8_t *bytes, size_t n_bytes, uint64_t sum);

/* Adds the 16-bit words of 'bytes', an even number of them but for the last call. */
uint64_t vs_checksum_add(uint64_t sum, const uint8_t *bytes, size_t n_bytes);
