/* TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) of a connection: the handshake's flights, with the
 * sizes and the work that they have, and the records that data travel in.
 *
 * A connection with TLS tells its owner 'connected' when data may be sent: a client after
 * one round trip more than TCP's with 1.3, two with 1.2, one with a session of 1.2 that is
 * resumed, none with early data (0-RTT).  The owner sends and receives as ever; its messages
 * grow by their records' headers and tags on the wire.  Work is charged to the core that
 * handles the packet (net/costs.def, "tls-...").
 *
 * A client keeps one ticket for each address and port that it called, two hours; the server
 * takes tickets that were given at its own address and port, so behind a balancer a
 * resumption fails when it leads to another server, and the whole handshake follows.
 * With mutual TLS 1.3 the server asks for the client's certificate too, and both sign and
 * verify; a resumed session has shown it before.  Certificates are trusted; alerts,
 * renegotiation and HelloRetryRequest are not modelled.  A peer that does not speak TLS, or
 * that has no certificate where it is asked for one, is reset. */
#pragma once

#include "transport/tcp.h"

typedef enum VsTlsVersion {
    VS_TLS_NONE,
    VS_TLS_1_2,
    VS_TLS_1_3,
} VsTlsVersion;

/* What is spoken inside, told by ALPN (RFC 7301); its bytes are in the hellos' lengths. */
#define VS_TLS_ALPN_HTTP1 0x01
#define VS_TLS_ALPN_HTTP2 0x02

typedef struct VsTlsConfig {
    VsTlsVersion version; /* The highest spoken; not NONE. */
    uint32_t
        certificate_bytes; /* The chain, as sent by a server, and by a client that is
                                 * asked for it; 0: a client without one. */
    bool is_mutual;        /* Server, 1.3 alone: asks the client for its certificate. */
    bool is_optional;      /* Server: a client that begins in plaintext goes on so. */
    bool is_resuming;      /* Client: shows its ticket, if it has one. */
    bool is_early;         /* 1.3: data with the first flight; client and server. */
    uint8_t alpn; /* VS_TLS_ALPN_*: offered, or agreed to; 0: whatever it is.  A server
                    * resets whose offer has nothing that it speaks. */
} VsTlsConfig;

/* Of a namespace. */
typedef struct VsTlsStats {
    uint64_t n_full; /* Handshakes that ended, of either side, */
    uint64_t n_resumed;
    uint64_t n_early; /* of these with early data. */
} VsTlsStats;

const VsTlsStats *vs_tls_stats(const VsNetns *netns);

/* Called right after vs_tcp_connect(): speaks TLS as a client, for 'journey' or NULL.
 * 'config' stays the caller's, and must live as long as the connection. */
void vs_tls_start(VsTcp *tcp, const VsTlsConfig *config, VsJourney *journey);

/* Connections accepted from now on speak TLS as servers. */
void vs_tls_listen(VsTcpListener *listener, const VsTlsConfig *config);

/* The bytes that a message of 'bytes' takes in records of 'version': 5 of header and 16 of
 * tag, and one of type (1.3) or eight of nonce (1.2, AES-GCM: RFC 5288), for each 16 KiB
 * begun. */
uint64_t vs_tls_sealed_bytes(VsTlsVersion version, uint64_t bytes);
