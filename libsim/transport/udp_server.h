/* The server side of a protocol of one datagram each way: a request that is kept until its
 * answer goes.
 *
 * A request is its owner's from ops->request until vs_udp_server_reply() or
 * vs_udp_server_ignore(), which free it.  An ICMP error that comes for an answer means that
 * the client has gone: nothing to do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/station.h"
#include "transport/udp.h"

typedef struct VsUdpServer VsUdpServer;

typedef struct VsUdpRequest {
    VsJob job; /* For the owner's station. */
    VsUdpServer *server;
    VsFlow flow;               /* As received. */
    VsPayload payload;         /* As received. */
    struct VsUdpRequest *next; /* The owner's. */
} VsUdpRequest;

typedef struct VsUdpServerOps {
    /* May be NULL.  False: the datagram that just came is dropped, as VsUdpOps says. */
    bool (*has_room)(VsUdpServer *server);

    void (*request)(VsUdpServer *server, VsUdpRequest *request);
} VsUdpServerOps;

struct VsUdpServer {
    VsUdp socket;
    const VsUdpServerOps *ops;
    void *user;
    VsPool requests;
};

/* Listens at (address, port); false when that is taken. */
bool vs_udp_server_open(VsUdpServer *server, VsNetns *netns, VsAddr address,
                        uint16_t port, const VsUdpServerOps *ops, void *user);

/* Frees requests; the namespace's sockets must not run any more. */
void vs_udp_server_close(VsUdpServer *server);

/* Answers 'request' with 'payload' of 'bytes', from the address it was sent to, and frees
 * it; 'payload' may be the request's. */
void vs_udp_server_reply(VsUdpRequest *request, const VsPayload *payload,
                         uint32_t bytes);

/* Frees 'request' without an answer. */
void vs_udp_server_ignore(VsUdpRequest *request);
