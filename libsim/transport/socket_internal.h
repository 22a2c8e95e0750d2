/* The inside of VsSockets, for the files of this folder. */
#pragma once

#include "packet/trace.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "transport/udp.h"

#pragma GCC visibility push(hidden)

typedef struct VsTcpTimeWait VsTcpTimeWait;

/* What a UDP socket sent to one address went to another, which answers. */
struct VsUdpPeer {
    VsUdpPeer *next;
    VsAddr asked_address;
    VsAddr address;
    uint16_t asked_port;
    uint16_t port;
};

struct VsSockets {
    VsNetns *netns;
    VsRun *run;
    VsHop local;        /* Where the namespace delivers to. */
    VsStage wait_stage; /* Time a message waits in here for window, time-out, holes. */
    VsTable bound;      /* By protocol, address, port: VsTcpListener or VsUdp. */
    uint16_t next_port[2]; /* Ephemeral: of TCP, of UDP. */

    /* Owners are called in the middle of things and call back, and where hosts cost no
     * time a packet sent may come in before the call that sent it returns.  So inside
     * any function of this folder ('depth' > 0) dead connections stay readable, and
     * packets that come in wait for an event of their own at the same instant. */
    uint32_t depth;
    VsTcp *dead;
    VsPacketQueue deferred;
    VsTimer deferred_timer;

    /* TCP. */
    VsTable connections; /* By flow as received: what starts with VsTcpEntry. */
    VsTcpConfig config;
    VsConnectHook connect_hook; /* NULL: none. */
    void *connect_data;
    VsConnectStory connect_story; /* NULL: none. */
    VsAddr asked_daddr;           /* Of the socket that connects just now; 0: none. */
    uint16_t asked_dport;
    VsTcpStats stats;
    VsPool tcps;
    VsPool messages;
    VsPool sents;      /* VsTcpSent; */
    VsPool flights;    /* VsTcpFlight, of connections with data under way; */
    VsPool blocks;     /* VsTcpBlocks, of those with data beyond a hole. */
    VsPool deliveries; /* VsDelivery, of connections with data under way. */
    VsPool time_waits;
    VsPool udp_peers;
    VsTcpTimeWait *first_time_wait; /* In order of their end, which has one timer. */
    VsTcpTimeWait *last_time_wait;
    VsTimer time_wait_timer;
    uint64_t n_held;   /* Segments that wait for one before them. */
    VsTable path_mtus; /* By address: what ICMP said. */
    VsPool path_mtu_entries;

    /* TLS. */
    VsTable tls_tickets; /* By address and port of whom was called. */
    VsPool tls_ticket_entries;
    VsPool tlss;
    VsTlsStats tls_stats;
};

enum {
    VS_PORTS_TCP,
    VS_PORTS_UDP,
};

static inline void
vs_sockets_enter(VsSockets *sockets)
{
    sockets->depth++;
}

void vs_sockets_free_dead(VsSockets *sockets);

static inline void
vs_sockets_leave(VsSockets *sockets)
{
    if (--sockets->depth == 0 && sockets->dead) {
        vs_sockets_free_dead(sockets);
    }
}

/* How many ephemeral ports there are. */
static inline unsigned
vs_sockets_n_ports(const VsSockets *sockets)
{
    return sockets->config.port_last - sockets->config.port_first + 1U;
}

/* The next ephemeral port of VS_PORTS_TCP or _UDP, round and round. */
uint16_t vs_sockets_next_port(VsSockets *sockets, unsigned ports);

static inline VsKey
vs_bound_key(uint8_t protocol, VsAddr address, uint16_t port)
{
    return vs_flow_key(&(VsFlow){.daddr = address,
                                 .dport = port,
                                 .protocol = protocol,
                                 .family = VS_FAMILY_IPV4});
}

/* Who is bound to (address, port), or to the port at all addresses; or NULL. */
static inline void *
vs_sockets_find_bound(const VsSockets *sockets, uint8_t protocol, VsAddr address,
                      uint16_t port)
{
    void *owner = vs_table_find(&sockets->bound, vs_bound_key(protocol, address, port));

    return owner ? owner
                 : vs_table_find(&sockets->bound,
                                 vs_bound_key(protocol, VS_ADDR_ANY, port));
}

/* Makes 'answer', sent at the instant 'cause' came in, go on with the trail of
 * 'cause'. */
static inline void
vs_sockets_hand_trail(VsPacket *cause, VsPacket *answer)
{
    answer->payload.journey = cause->payload.journey;
    answer->payload.journey_generation = cause->payload.journey_generation;
    answer->trail = cause->trail;
    answer->flags |= cause->flags & VS_PACKET_TRACED;
    cause->trail = NULL;
}

/* Tells the trace, if 'packet' is traced, that a socket sends it, or takes it. */
static inline void
vs_sockets_tell(const VsSockets *sockets, VsPacket *packet, VsTraceKind kind)
{
    if (vs_packet_is_traced(packet)) {
        const VsCore *core = sockets->netns->host->core;

        vs_trace_add(packet, kind, sockets->netns->name, core ? core->charge : 0);
    }
}

void vs_udp_input(VsSockets *sockets, VsPacket *packet);

/* An ICMP error came for what a socket here sent; false when that has gone. */
bool vs_udp_input_error(VsSockets *sockets, const VsLayer *error,
                        const VsLayer *quoted);

#pragma GCC visibility pop
