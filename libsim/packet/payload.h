/* What the bytes after the last header mean, carried by value in each packet.
 *
 * Names (hosts, paths) are handles into the run's names (names.h). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/time.h"
#include "packet/flow.h"
#include "packet/names.h"

struct VsJourney;

typedef enum VsPayloadKind {
    VS_PAYLOAD_NONE,
    VS_PAYLOAD_ARP,
    VS_PAYLOAD_DNS,
    VS_PAYLOAD_HTTP,
    VS_PAYLOAD_TLS,
    VS_PAYLOAD_HTTP2,
    VS_PAYLOAD_WEBSOCKET,
} VsPayloadKind;

/* RFC 826. */
typedef struct VsArp {
    bool is_reply;
    VsAddr sender;
    VsAddr target;
    uint64_t sender_mac;
    uint64_t target_mac;
} VsArp;

/* RFC 1035: one question, and the records that answer it (packet/dns.h). */
typedef enum VsDnsType {
    VS_DNS_A,
    VS_DNS_AAAA,
    VS_DNS_SRV,
    VS_DNS_NS,
} VsDnsType;

typedef enum VsDnsCode {
    VS_DNS_NOERROR = 0,
    VS_DNS_SERVFAIL = 2,
    VS_DNS_NXDOMAIN = 3,
    VS_DNS_REFUSED = 5,
} VsDnsCode;

typedef struct VsDns {
    uint16_t id;
    bool is_response : 1;
    bool is_authoritative : 1;
    bool is_truncated : 1;
    bool is_plain : 1;     /* Names are written out, not compressed. */
    bool is_iterative : 1; /* A resolver asks on its own: no recursion is desired. */
    uint8_t code;          /* VsDnsCode. */
    uint8_t type;          /* VsDnsType: what is asked for. */
    uint8_t subnet_bits;   /* Of the client's subnet (RFC 7871); 0: not told. */
    uint16_t edns_bytes;   /* Largest datagram that is taken (RFC 6891); 0: no EDNS. */
    uint16_t n_left_out; /* The last ones of 'records', for which there was no room. */
    VsName name;
    VsAddr subnet;
    uint32_t ttl_s;                     /* Of all records. */
    const struct VsDnsRecords *records; /* NULL: none. */
    uint64_t order; /* 0: addresses come as in 'records'; else shuffled by it. */
} VsDns;

/* An HTTP/1.1 message (RFC 9112): the head's meaning, and the length of head and body. */
typedef enum VsHttpMethod {
    VS_HTTP_GET,
    VS_HTTP_HEAD,
    VS_HTTP_POST,
    VS_HTTP_PUT,
    VS_HTTP_PATCH,
    VS_HTTP_DELETE,
    VS_HTTP_OPTIONS,
    VS_HTTP_N_METHODS
} VsHttpMethod;

typedef struct VsHttp {
    VsName host;
    VsName path;
    VsAddr forwarded_for; /* X-Forwarded-For of a proxied request, else 0. */
    uint16_t status;      /* 0 in a request. */
    uint8_t method;       /* VsHttpMethod. */
    bool is_close : 1;    /* "Connection: close". */
    bool is_upgrade : 1;  /* "Upgrade: websocket" of a request (RFC 6455, section 4). */
    uint32_t head_bytes;
    uint32_t
        told_bytes; /* In a request: 1 + the body bytes that its answer had where it was
                          * recorded; 0: its server says.  It does not travel. */
    uint64_t body_bytes;
} VsHttp;

/* A frame of the WebSocket protocol (RFC 6455): opcodes and codes of a close. */
enum {
    VS_WEBSOCKET_TEXT = 0x1,
    VS_WEBSOCKET_CLOSE = 0x8,
    VS_WEBSOCKET_PING = 0x9,
    VS_WEBSOCKET_PONG = 0xa,

    VS_WEBSOCKET_NORMAL = 1000,
    VS_WEBSOCKET_GOING_AWAY = 1001,
    VS_WEBSOCKET_ABNORMAL = 1006, /* In no frame: there was none. */
    VS_WEBSOCKET_ERROR = 1011,
    VS_WEBSOCKET_TRY_LATER = 1013,

    VS_WEBSOCKET_CODE_BYTES = 2,
};

typedef struct VsWebSocketFrame {
    uint8_t opcode;
    bool is_masked; /* By clients, always. */
    uint16_t code;  /* CLOSE. */
    uint32_t id;    /* TEXT: in its content, which message this answers; 0: none. */
    uint64_t bytes; /* Of the content. */
    VsTime sent;    /* In the content, too. */
} VsWebSocketFrame;

/* Frames of HTTP/2 (RFC 9113) that were written together, in this order. */
#define VS_HTTP2_PREFACE 0x0001
#define VS_HTTP2_SETTINGS 0x0002
#define VS_HTTP2_SETTINGS_ACK 0x0004
#define VS_HTTP2_UPDATE 0x0008        /* WINDOW_UPDATE of the connection, */
#define VS_HTTP2_STREAM_UPDATE 0x0010 /* of the stream. */
#define VS_HTTP2_HEADERS 0x0020
#define VS_HTTP2_DATA 0x0040
#define VS_HTTP2_RST_STREAM 0x0080
#define VS_HTTP2_GOAWAY 0x0100
#define VS_HTTP2_PING 0x0200
#define VS_HTTP2_PING_ACK 0x0400

/* About them: */
#define VS_HTTP2_END_STREAM 0x0800
#define VS_HTTP2_HTTPS 0x1000      /* HEADERS: the scheme; */
#define VS_HTTP2_NEW_HOST 0x2000   /* the host goes into the table of HPACK, */
#define VS_HTTP2_KNOWN_HOST 0x4000 /* or is there. */

typedef struct VsHttp2Frames {
    VsHttp http;         /* The message that HEADERS and DATA belong to; its head_bytes
                          * are those of HTTP/1.1. */
    uint32_t stream;     /* 0: the connection. */
    uint16_t set;        /* VS_HTTP2_*. */
    uint16_t data_bytes; /* Of DATA. */
    uint32_t
        argument; /* SETTINGS: most streams, or UINT32_MAX; UPDATE: bytes; RST_STREAM:
                          * error; GOAWAY: last stream. */
    uint32_t window; /* SETTINGS: of streams; STREAM_UPDATE: bytes. */
} VsHttp2Frames;

/* What one side of a TLS handshake sends before it waits for the other (RFC 8446 section 2,
 * RFC 5246 section 7.3). */
typedef enum VsTlsFlight {
    VS_TLS_CLIENT_HELLO,
    VS_TLS_SERVER_HELLO,
    VS_TLS_CLIENT_FINISHED_1_2, /* With the key exchange, unless resumed. */
    VS_TLS_SERVER_FINISHED_1_2, /* With a ticket. */
    VS_TLS_CLIENT_FINISHED,
    VS_TLS_TICKETS,
} VsTlsFlight;

typedef struct VsTlsHandshake {
    uint8_t flight;  /* VsTlsFlight. */
    uint8_t version; /* VsTlsVersion. */
    bool is_resumed;
    bool is_early;
    bool is_mutual;  /* Of a server: asks for a certificate; of a client: has one. */
    uint8_t alpn;    /* VS_TLS_ALPN_*: what a client offers; 0: nothing. */
    uint32_t ticket; /* Shown or given; 0: none. */
} VsTlsHandshake;

typedef struct VsPayload {
    uint8_t kind;   /* VsPayloadKind. */
    bool is_sealed; /* It travels in TLS records. */
    uint32_t journey_generation;
    struct VsJourney *journey; /* Whose request this serves, or NULL: trail.h. */
    union {
        VsArp arp;
        VsDns dns;
        VsHttp http;
        VsTlsHandshake tls;
        VsHttp2Frames http2;
        VsWebSocketFrame websocket;
    };
} VsPayload;

G_STATIC_ASSERT(sizeof(VsPayload) <= 64);
