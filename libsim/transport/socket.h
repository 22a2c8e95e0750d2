/* The sockets of a namespace: who gets a packet that was delivered locally.
 *
 * A connected socket is found by its flow, a listening or unconnected one by (address,
 * port), then by (any, port).  What finds nobody is answered as the kernel does: TCP with
 * RST, UDP with ICMP port unreachable. */
#pragma once

#include <stdbool.h>

#include "base/pool.h"
#include "base/table.h"
#include "net/netns.h"
#include "transport/congestion.h"

#define VS_ADDR_ANY 0

/* net.ipv4.ip_local_port_range of Linux. */
#define VS_EPHEMERAL_FIRST 32768
#define VS_EPHEMERAL_LAST 60999

typedef struct VsSockets VsSockets;

/* The sockets of 'netns', made on first use; freed with it. */
VsSockets *vs_sockets_of(VsNetns *netns);

/* Packets held in its sockets: TCP segments that came before the one they follow. */
uint64_t vs_sockets_n_held(const VsNetns *netns);

/* Called where a TCP socket connects, and for each datagram that a UDP socket sends of its
 * own accord, before anything is sent: may put another destination in place.  False: there
 * is none, and it ends as unreachable.  What the UDP socket receives from there, or about
 * it, has the destination that was asked for. */
typedef bool (*VsConnectHook)(void *data, uint8_t protocol, VsAddr *daddr,
                              uint16_t *dport);
void vs_sockets_set_connect_hook(VsSockets *sockets, VsConnectHook hook, void *data);

/* Called for the traced SYN of such a connection, or a traced datagram, which was asked to go
 * to 'daddr' and 'dport': tells the story of what the hook did; with its data. */
typedef void (*VsConnectStory)(void *data, const VsNetns *netns, VsPacket *packet,
                               VsAddr daddr, uint16_t dport);
void vs_sockets_set_connect_story(VsSockets *sockets, VsConnectStory story);

/* Explicit congestion notification (RFC 3168): net.ipv4.tcp_ecn 2, 0, 1.  With a congestion
 * control that needs it, connections ask for it, whatever this says. */
typedef enum VsTcpEcn {
    VS_TCP_ECN_PASSIVE, /* Used when the peer asks for it. */
    VS_TCP_ECN_OFF,
    VS_TCP_ECN_ON, /* Asked for. */
} VsTcpEcn;

/* By value, NULL-terminated. */
extern const char *const vs_tcp_ecn_names[];

/* What a SYN gets that finds the SYN queue full: net.ipv4.tcp_syncookies 0, 1, 2. */
typedef enum VsTcpSynCookies {
    VS_TCP_SYN_COOKIES_OFF,    /* Nothing: it is dropped. */
    VS_TCP_SYN_COOKIES_ON,     /* A cookie. */
    VS_TCP_SYN_COOKIES_ALWAYS, /* As all the others do. */
} VsTcpSynCookies;

/* By value, NULL-terminated. */
extern const char *const vs_tcp_syn_cookies_names[];

/* How TCP of a namespace behaves; defaults are Linux'. */
typedef struct VsTcpConfig {
    uint32_t initial_window; /* Segments sent before the first ACK: 10 (RFC 6928). */
    uint32_t receive_buffer; /* Bytes: bounds the advertised window. */
    VsTime rto_initial;      /* 1 s (RFC 6298). */
    VsTime rto_min;          /* 200 ms (Linux TCP_RTO_MIN): RTO >= SRTT + this. */
    VsTime rto_max;          /* 120 s. */
    VsTime delayed_ack; /* 40 ms (Linux TCP_DELACK_MIN), the least: up to 200 ms as the
                               * data come; 0: every segment at once.  Never for every
                               * second full segment, nor for the first 16 until data are
                               * sent in answer (Linux quickack). */
    VsTime time_wait;   /* 60 s (Linux TCP_TIMEWAIT_LEN). */
    uint32_t syn_retries;         /* 6 (net.ipv4.tcp_syn_retries), 255 at most. */
    uint32_t retries;             /* 15 (net.ipv4.tcp_retries2), 255 at most. */
    uint32_t syn_linear_timeouts; /* The first so many retries of a SYN come at even
                                   * intervals, and it has so many more: 0 as before Linux
                                   * 6.5, 4 since (net.ipv4.tcp_syn_linear_timeouts). */
    VsTime keepalive_idle;     /* 0: no keep-alive, as where SO_KEEPALIVE is not set. */
    VsTime keepalive_interval; /* 75 s (net.ipv4.tcp_keepalive_intvl). */
    uint32_t keepalive_probes; /* 9 (net.ipv4.tcp_keepalive_probes). */
    uint32_t port_first;       /* Ephemeral ports, of UDP too: 32768 to 60999, */
    uint32_t port_last;        /* net.ipv4.ip_local_port_range. */
    bool has_timestamps; /* RFC 7323, when the peer has, too.  No, though Linux has them
                          * (net.ipv4.tcp_timestamps): 12 bytes a segment. */
    bool has_sack;       /* Yes (net.ipv4.tcp_sack), when the peer has, too. */
    bool has_rack;       /* With it: yes (net.ipv4.tcp_recovery). */
    bool has_loss_probe; /* With it: yes (net.ipv4.tcp_early_retrans). */
    bool is_reusing_time_wait;    /* A new connection may take the port of one in
                                   * TIME_WAIT that has timestamps, a second after the
                                   * peer's latest (net.ipv4.tcp_tw_reuse). */
    bool is_aborting_on_overflow; /* No (net.ipv4.tcp_abort_on_overflow). */
    VsTcpSynCookies syn_cookies;  /* On. */
    VsCongestionKind congestion;  /* CUBIC (net.ipv4.tcp_congestion_control). */
    VsTcpEcn ecn;                 /* Passive. */
    bool is_nodelay;              /* Yes, as programs of HTTP set it (TCP_NODELAY). */
    bool has_gso;                 /* No: several segments go as one packet. */
} VsTcpConfig;

#define VS_TCP_CONFIG_DEFAULT                            \
    ((VsTcpConfig){.initial_window = 10,                 \
                   .receive_buffer = 65535 * 4,          \
                   .rto_initial = VS_S,                  \
                   .rto_min = 200 * VS_MS,               \
                   .rto_max = 120 * VS_S,                \
                   .delayed_ack = 40 * VS_MS,            \
                   .has_sack = true,                     \
                   .has_rack = true,                     \
                   .has_loss_probe = true,               \
                   .time_wait = 60 * VS_S,               \
                   .syn_retries = 6,                     \
                   .keepalive_interval = 75 * VS_S,      \
                   .keepalive_probes = 9,                \
                   .port_first = VS_EPHEMERAL_FIRST,     \
                   .port_last = VS_EPHEMERAL_LAST,       \
                   .retries = 15,                        \
                   .syn_cookies = VS_TCP_SYN_COOKIES_ON, \
                   .congestion = VS_CONGESTION_CUBIC,    \
                   .ecn = VS_TCP_ECN_PASSIVE,            \
                   .is_nodelay = true})

/* Copies 'config'; to be called before the first connection. */
void vs_sockets_set_tcp_config(VsSockets *sockets, const VsTcpConfig *config);
