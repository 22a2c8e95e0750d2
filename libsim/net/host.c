#include "net/host.h"

#include <glib.h>

#include "base/hash.h"
#include "net/egress.h"
#include "net/netns.h"
#include "net/reassembly.h"

/* 02 in the first byte: locally administered. */
#define MAC_PREFIX UINT64_C(0x020000000000)

static void resubmit_receive(VsHop *hop, VsPacket *packet);

static VsCore *
steer(const VsHost *host, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    bool is_moved = packet->flags & VS_PACKET_MOVED;
    uint32_t hash;
    unsigned core;

    packet->flags &= (uint16_t)~VS_PACKET_MOVED;
    if (host->n_cores == 1 || top->ether_type == VS_ETHER_TYPE_ARP) {
        return &host->cores[0];
    }
    hash = (uint32_t)vs_flow_mix(&top->flow);
    core = (unsigned)((uint64_t)hash * host->n_cores >> 32);
    if (G_UNLIKELY(is_moved)) {
        core = (core + 1) % host->n_cores;
    }
    return &host->cores[core];
}

static VsCore *
steer_received(const VsHost *host, VsPacket *packet)
{
    if (host->rss) {
        return &host->cores[vs_rss_steer(host->rss, vs_packet_top(packet)) %
                            host->n_cores];
    }
    return steer(host, packet);
}

VsHost *
vs_host_new(VsRun *run, const char *name, const VsHostConfig *config)
{
    VsHost *host = g_new0(VsHost, 1);

    vs_part_init(&host->part, run);
    vs_entity_init(&host->entity, &host->part);
    host->name = g_strdup(name);
    host->resubmit.receive = resubmit_receive;
    host->costs = *config->costs;
    host->n_cores = config->n_cores;
    host->cores = g_new0(VsCore, config->n_cores);
    for (unsigned i = 0; i < config->n_cores; i++) {
        vs_core_init(&host->cores[i], &host->part, name, i, config->backlog_max,
                     &host->core);
    }
    host->root = vs_netns_new(host, "root");
    return host;
}

void
vs_host_free(VsHost *host)
{
    if (!host) {
        return;
    }
    for (unsigned i = 0; i < host->n_cores; i++) {
        vs_core_clear(&host->cores[i]);
    }
    while (host->namespaces) {
        VsNetns *netns = host->namespaces;

        host->namespaces = netns->next;
        vs_netns_free(netns);
    }
    vs_rss_free(host->rss);
    g_free(host->cores);
    g_free(host->name);
    g_free(host);
}

void
vs_host_receive(VsHost *host, VsPacket *packet, VsHop *hop)
{
    if (host->n_cores == 0) {
        hop->receive(hop, packet);
        return;
    }
    packet->hop = hop;
    packet->charge = 0;
    vs_core_enqueue(steer_received(host, packet), packet, true);
}

void
vs_host_submit(VsHost *host, VsPacket *packet, VsHop *hop)
{
    if (host->n_cores == 0) {
        hop->receive(hop, packet);
        return;
    }
    if (host->core) {
        packet->then = hop;
        packet->charge = host->core->charge;
        vs_core_depart(host->core, packet, &host->resubmit);
        return;
    }
    packet->hop = hop;
    packet->charge = 0;
    vs_core_enqueue(steer(host, packet), packet, false);
}

/* Within a core's work a socket answers for the kernel (a reset), which owes nothing. */
void
vs_host_submit_owing(VsHost *host, VsPacket *packet, VsHop *hop)
{
    if (host->owed == 0 || host->core) {
        vs_host_submit(host, packet, hop);
        return;
    }
    packet->hop = hop;
    packet->charge = host->owed;
    host->owed = 0;
    vs_core_enqueue(steer(host, packet), packet, false);
}

static void
resubmit_receive(VsHop *hop, VsPacket *packet)
{
    vs_host_submit(VS_CONTAINER_OF(hop, VsHost, resubmit), packet, packet->then);
}

void
vs_host_depart(VsHost *host, VsPacket *packet, VsHop *hop)
{
    if (host->core) {
        vs_core_depart(host->core, packet, hop);
        return;
    }
    g_assert(host->n_cores == 0);
    hop->receive(hop, packet);
}

void
vs_host_park(VsHost *host, VsPacket *packet, VsStage work_stage)
{
    vs_host_mark(host, packet, work_stage);
    packet->entered = vs_now(host->part.run) + (host->core ? host->core->charge : 0);
}

void
vs_host_unpark(VsHost *host, VsPacket *packet, VsStage wait_stage)
{
    VsTime charge = host->core ? host->core->charge : 0;

    vs_packet_step(packet, wait_stage,
                   vs_now(host->part.run) + charge - packet->entered);
    packet->charge = charge;
}

uint64_t
vs_host_new_mac(VsHost *host)
{
    return MAC_PREFIX | (uint64_t)host->part.number << 16 | ++host->next_mac;
}

uint32_t
vs_host_address(const VsHost *host)
{
    for (const VsIface *iface = host->root->ifaces; iface; iface = iface->next) {
        if (iface->kind == VS_IFACE_ETHERNET && iface->address != 0) {
            return iface->address;
        }
    }
    return 0;
}

uint64_t
vs_host_n_held(const VsHost *host)
{
    uint64_t n_held = 0;

    for (unsigned i = 0; i < host->n_cores; i++) {
        n_held += host->cores[i].backlog.length + host->cores[i].departures.length;
    }
    for (const VsNetns *netns = host->namespaces; netns; netns = netns->next) {
        n_held += vs_neighbours_n_held(&netns->neighbours);
        n_held += vs_reassembly_n_held(netns->reassembly);
        for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
            n_held += iface->egress ? vs_egress_n_held(iface->egress) : 0;
        }
    }
    return n_held;
}
