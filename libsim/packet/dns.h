/* DNS messages (RFC 1035, 6891, 7871): lengths and bytes as on the wire. */
#pragma once

#include <glib.h>

#include "packet/dns_records.h"
#include "packet/names.h"
#include "packet/payload.h"

#define VS_DNS_PORT 53

#define VS_DNS_HEADER_BYTES 12
#define VS_DNS_QUESTION_FIXED_BYTES 4 /* Type and class. */
#define VS_DNS_UDP_BYTES 512          /* Largest datagram without EDNS. */
#define VS_DNS_TCP_LENGTH_BYTES 2     /* Before each message of a connection. */

/* The name without the dot that may end it. */
size_t vs_dns_name_length(const char *name);

/* The domain that 'name' is in: "example" of "www.example"; that of a name without a dot is the
 * root, the empty name. */
VsName vs_dns_parent(VsNames *names, VsName name);

/* "www.example" has two, the root none. */
unsigned vs_dns_n_labels(const VsNames *names, VsName name);

/* Bytes of the message. */
uint32_t vs_dns_measure(const VsDns *dns, const VsNames *names);

/* Makes a response fit 'max_bytes': leaves out what has no room, from its end on, and says so
 * (TC); what is left out already stays so.  With 'is_lazy' names are compressed only where they must be, as by CoreDNS
 * (github.com/miekg/dns, Msg.Truncate()). */
void vs_dns_fit(VsDns *dns, const VsNames *names, uint32_t max_bytes, bool is_lazy);

/* Writes the bytes of the message to 'out'. */
void vs_dns_print(const VsDns *dns, const VsNames *names, GByteArray *out);

/* The addresses that the message gives for the name in question, in its order.  The i-th takes
 * O(i) where they are shuffled. */
unsigned vs_dns_n_addresses(const VsDns *dns);
VsAddr vs_dns_address(const VsDns *dns, unsigned i);
