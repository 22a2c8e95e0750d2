/* A host: cores, interfaces and namespaces that one part owns.
 *
 * A host without cores (a switch) takes no time: its packets are handled at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/entity.h"
#include "net/core.h"
#include "net/costs.h"
#include "net/rss.h"
#include "packet/packet.h"

struct VsNetns;
struct VsIface;

/* Settings of all namespaces of a host that its transport protocols look up: their words
 * and meaning are in transport/. */
typedef struct VsHostSysctls {
    unsigned tcp_congestion_control; /* VsCongestionKind of transport/congestion.h. */
    unsigned tcp_ecn;                /* VsTcpEcn of transport/socket.h. */
    bool has_gso;                    /* TCP sends trains: packet/train.h. */
} VsHostSysctls;

typedef struct VsHost {
    VsPart part;
    VsEntity entity; /* Of timers that belong to no core: ARP, sockets. */
    char *name;
    VsCosts costs;
    VsHostSysctls sysctls; /* 0, the default, if not set before sockets are made. */
    unsigned n_cores;
    VsCore *cores;
    VsRss *rss; /* Owned; NULL: received packets are steered by vs_flow_mix(), too. */
    VsHop resubmit; /* Submits what was made while a core worked. */
    VsTime owed;    /* Work of sockets that their next packet takes to its core, ps. */
    VsCore *core; /* That handles a packet right now; NULL: none, or no cores at all. */
    struct VsNetns *root; /* The root namespace. */
    struct VsNetns
        *namespaces; /* All of them, linked by their 'next', the root first. */
    uint64_t next_mac;
} VsHost;

typedef struct VsHostConfig {
    unsigned n_cores;
    uint32_t backlog_max; /* Packets from the network that may wait for each core. */
    const VsCosts *costs; /* Copied. */
} VsHostConfig;

/* Makes a host with its root namespace. */
VsHost *vs_host_new(VsRun *run, const char *name, const VsHostConfig *config);
void vs_host_free(VsHost *host);

/* A frame from the network: goes to 'hop' when the core its flow is steered to (that of a
 * receive queue, or by a hash of the flow, so a flow stays on its core) gets to it. */
void vs_host_receive(VsHost *host, VsPacket *packet, VsHop *hop);

/* The same for a packet that the host itself made, which no receive queue has and no
 * backlog refuses.  Made while
 * a core handles another (an ARP request, an ICMP error), it is there when that work is
 * done. */
void vs_host_submit(VsHost *host, VsPacket *packet, VsHop *hop);

/* The same for a socket's packet, whose core first does the work that sockets owe. */
void vs_host_submit_owing(VsHost *host, VsPacket *packet, VsHop *hop);

/* Called while 'packet' is handled: it goes to 'hop' when the work is done. */
void vs_host_depart(VsHost *host, VsPacket *packet, VsHop *hop);

/* Called while a packet is handled: that took 'cost'. */
static inline void
vs_host_charge(VsHost *host, VsTime cost)
{
    if (host->core) {
        host->core->charge += cost;
    }
}

/* Called by a socket, which runs when the work on what it got is done: there is 'cost' more
 * to do (keys, ciphers), before the next packet that a socket of the host sends.  So what a
 * socket does with its answer takes time, and what it does last of all delays nobody. */
static inline void
vs_host_owe(VsHost *host, VsTime cost)
{
    if (host->n_cores > 0) {
        host->owed += cost;
    }
}

/* Called while 'packet' is handled: the work since the last mark was done in 'stage'. */
static inline void
vs_host_mark(VsHost *host, VsPacket *packet, VsStage stage)
{
    if (host->core && packet->trail) {
        vs_core_mark(host->core, packet, stage);
    }
}

/* Called while 'packet' is handled: it is put aside to wait for something, then taken up
 * again, maybe by another core; 'work_stage' gets the work so far and 'wait_stage' the
 * time in between. */
void vs_host_park(VsHost *host, VsPacket *packet, VsStage work_stage);
void vs_host_unpark(VsHost *host, VsPacket *packet, VsStage wait_stage);

/* A locally administered MAC address that no other interface of the run has. */
uint64_t vs_host_new_mac(VsHost *host);

/* The address of the host's first Ethernet interface that has one; or 0. */
uint32_t vs_host_address(const VsHost *host);

/* Packets held in the host: queues of its cores, and those waiting for neighbours. */
uint64_t vs_host_n_held(const VsHost *host);
