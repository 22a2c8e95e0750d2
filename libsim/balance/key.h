/* What a choice is told by: a connection, an address, or bytes of a request.
 *
 * Each algorithm says which of them it reads (VsBalancerKind.key); the rest may be zero. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/time.h"
#include "packet/flow.h"

typedef enum VsBalanceKeyKind {
    VS_BALANCE_BY_NOTHING, /* Turn, load or chance alone. */
    VS_BALANCE_BY_ADDRESS, /* data: the client's address in network order, 4 or 16 bytes;
                            * and flow. */
    VS_BALANCE_BY_FLOW,    /* flow: addresses, ports, protocol. */
    VS_BALANCE_BY_TEXT,    /* data: a URI, a header's value, a cookie: as sent. */
    VS_BALANCE_N_KEY_KINDS
} VsBalanceKeyKind;

/* "nothing", "address", "flow", "text". */
extern const char *const vs_balance_key_kind_names[];

typedef struct VsBalanceKey {
    const void *data; /* The caller's. */
    size_t bytes;
    VsFlow
        flow; /* IPv4 as it is; IPv6 addresses folded by xor, see vs_balance_fold(). */
    uint32_t tcp_seq; /* Of the SYN; for those that hash it (AWS NLB). */
    uint32_t
        attempt; /* Retries of this request so far, for those that look on (Envoy). */
    VsTime now;  /* For those that forget: affinity, averages, failures. */
} VsBalanceKey;

/* Room for what a key's data points to when it was made of text. */
typedef struct VsBalanceKeyBuffer {
    uint8_t address[16];
} VsBalanceKeyBuffer;

/* An IPv6 address as one word: the xor of its four words in host order, as IPVS and others
 * fold it (ipv6_addr_hash and alike). */
uint32_t vs_balance_fold(const uint8_t address[16]);

typedef enum VsBalancePort {
    VS_BALANCE_PORT_OPTIONAL,
    VS_BALANCE_PORT_NEEDED,
} VsBalancePort;

/* Reads "192.0.2.1", "192.0.2.1:80", "2001:db8::1" or "[2001:db8::1]:80".  Returns the bytes
 * of the address, 4 or 16 in network order, or 0 when 'text' is none; 'ret_port' is 0
 * without a port. */
size_t vs_balance_address_parse(const char *text, VsBalancePort port,
                                uint8_t ret_address[16], uint16_t *ret_port);

/* Reads 'text', a line of keys as people write them:
 *
 *   address   192.0.2.1   192.0.2.1:1234   2001:db8::1   [2001:db8::1]:1234
 *   flow      192.0.2.1:1234 198.51.100.1:80 tcp       ("tcp" may be left out)
 *   text      all of the line
 *   nothing   all of the line, which is not looked at
 *
 * 'text' and 'buffer' must outlive the key.  False with an error of the domain
 * VS_BALANCE_ERROR that says what would be right. */
bool vs_balance_key_parse(VsBalanceKeyKind kind, const char *text,
                          VsBalanceKeyBuffer *buffer, VsBalanceKey *ret,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
