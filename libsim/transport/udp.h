/* UDP (RFC 768): datagrams between sockets. */
#pragma once

#include "transport/socket.h"

typedef struct VsUdp VsUdp;
typedef struct VsUdpPeer VsUdpPeer;

typedef struct VsUdpOps {
    /* May be NULL: always.  False: the datagram that just came is dropped
     * (VS_DROP_RECEIVE_QUEUE_FULL); then 'receive' is not called. */
    bool (*has_room)(VsUdp *udp);

    /* A datagram came in; it is the socket's only during the call.  The top layer's
     * flow is as received: an answer goes to its reverse (vs_udp_reply).  Who ends a
     * followed request calls vs_packet_arrive(). */
    void (*receive)(VsUdp *udp, VsPacket *packet);

    /* May be NULL.  An ICMP error came back for what was sent as 'sent' (type 3 of
     * RFC 792). */
    void (*refused)(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code);
} VsUdpOps;

struct VsUdp {
    VsNetns *netns;
    const VsUdpOps *ops;
    void *user;     /* The owner's. */
    VsAddr address; /* VS_ADDR_ANY: all. */
    uint16_t port;
    bool
        is_moved; /* What it sends takes another core than its flow's: the sending thread
                       * was moved. */
    VsUdpPeer *peers; /* Whom a connect hook had it send to, instead of whom. */
};

/* Opens 'udp' (embedded in its owner) at (address, port); port 0 takes the next free
 * ephemeral one.  Returns false when (address, port) is taken or none is free; one
 * address may be open besides VS_ADDR_ANY, and goes first. */
bool vs_udp_open(VsUdp *udp, VsNetns *netns, VsAddr address, uint16_t port,
                 const VsUdpOps *ops, void *user);
void vs_udp_close(VsUdp *udp);

/* Sends 'payload' of 'bytes' to (daddr, dport); 'saddr' 0 takes the socket's
 * address, or lets the route choose.  When payload->journey is set, the packet is
 * followed (packet/trail.h).  Without a route the namespace drops it. */
void vs_udp_send(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
                 const VsPayload *payload, uint32_t bytes);

/* The same of a datagram of QUIC, 'quic' from the run's pool, which goes with the packet;
 * it is not to be fragmented. */
void vs_udp_send_quic(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
                      const VsPayload *payload, struct VsQuicDatagram *quic,
                      uint32_t bytes);

/* Answers 'query', which stays the caller's, at the instant it came in.  With a
 * journey in 'payload', which must be the query's, the answer goes on with the
 * query's trail.  Who answers later calls vs_packet_arrive() for the query,
 * vs_journey_wait() when it answers, and vs_udp_send(). */
void vs_udp_reply(VsUdp *udp, VsPacket *query, const VsPayload *payload,
                  uint32_t bytes);
