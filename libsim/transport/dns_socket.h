/* The server side of DNS: questions by UDP, and by TCP in messages with their length before them
 * (RFC 1035 section 4.2.2, RFC 7766), any number of them on a connection.
 *
 * A request is its owner's from 'asked' until vs_dns_reply(), which answers and frees it.  Its
 * connection may go in between, then the answer goes nowhere.  The server closes when the
 * client has. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/station.h"
#include "transport/tcp.h"
#include "transport/udp.h"

typedef struct VsDnsSocket VsDnsSocket;
typedef struct VsDnsConnection VsDnsConnection;

typedef struct VsDnsRequest {
    VsJob job; /* For the owner's station. */
    VsDnsSocket *socket;
    VsDnsConnection *connection; /* It came by TCP; NULL: by UDP. */
    VsFlow flow;                 /* As received. */
    VsPayload payload;           /* The same: a question. */
    struct VsDnsRequest *next;   /* The owner's. */
} VsDnsRequest;

struct VsDnsSocket {
    VsUdp udp;
    VsTcpListener listener;
    VsPool requests;
    VsPool connections;
    void (*asked)(VsDnsSocket *socket, VsDnsRequest *request);
    void *user;
    bool is_lazy;           /* Names are compressed only where they must be. */
    uint64_t n_connections; /* Accepted. */
    uint64_t n_truncated;   /* Answers by UDP for which there was no room. */
};

/* Listens at port 53 of 'address' (VS_ADDR_ANY: all); false when that is taken. */
bool vs_dns_socket_open(VsDnsSocket *socket, VsNetns *netns, VsAddr address,
                        void (*asked)(VsDnsSocket *, VsDnsRequest *), void *user);

/* Frees requests and connections; the namespace's sockets must not run any more.  Zeroed memory
 * is fine. */
void vs_dns_socket_close(VsDnsSocket *socket);

/* Answers 'request' with payload->dns, cut to what the client takes, and frees it. */
void vs_dns_reply(VsDnsRequest *request, VsPayload *payload);
