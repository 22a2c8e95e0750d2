#include "models/ingress/tunnel.h"

enum { TUNNELS_A_SLAB = 32 };

struct IngressTunnel {
    IngressTunnels *owner;
    IngressTunnel *next;
    IngressTunnel *previous;
    VsTcp *client;
    VsTcp *upstream;
    VsTimer idle;
    void *user;
};

struct IngressTunnels {
    VsTime idle;
    VsEntity *entity;
    IngressTunnelsStats *stats;
    void (*ended)(void *user);
    VsPool pool;
    IngressTunnel *open; /* The last first. */
};

static const VsTcpOps tunnel_ops;
static void idle_due(VsTimer *timer);

IngressTunnels *
ingress_tunnels_new(VsTime idle, VsEntity *entity, IngressTunnelsStats *stats,
                    void (*ended)(void *user))
{
    IngressTunnels *tunnels = g_new0(IngressTunnels, 1);

    *tunnels = (IngressTunnels){
        .idle = idle, .entity = entity, .stats = stats, .ended = ended};
    vs_pool_init(&tunnels->pool, sizeof(IngressTunnel), TUNNELS_A_SLAB);
    return tunnels;
}

void
ingress_tunnels_free(IngressTunnels *tunnels)
{
    if (tunnels) {
        vs_pool_clear(&tunnels->pool);
        g_free(tunnels);
    }
}

static void
arm_idle(IngressTunnel *tunnel)
{
    const IngressTunnels *owner = tunnel->owner;

    if (owner->idle > 0) {
        vs_timer_arm(&tunnel->idle, vs_now(owner->entity->run) + owner->idle);
    }
}

void
ingress_tunnel_open(IngressTunnels *tunnels, VsTcp *client, VsTcp *upstream, void *user)
{
    IngressTunnelsStats *stats = tunnels->stats;
    IngressTunnel *tunnel = vs_pool_alloc(&tunnels->pool);

    *tunnel = (IngressTunnel){.owner = tunnels,
                              .next = tunnels->open,
                              .client = client,
                              .upstream = upstream,
                              .user = user};
    if (tunnel->next) {
        tunnel->next->previous = tunnel;
    }
    tunnels->open = tunnel;
    stats->n_opened++;
    stats->n_open++;
    stats->n_open_max = MAX(stats->n_open_max, stats->n_open);
    vs_tcp_set_ops(client, &tunnel_ops, tunnel);
    vs_tcp_set_ops(upstream, &tunnel_ops, tunnel);
    vs_timer_init(&tunnel->idle, tunnels->entity, idle_due);
    arm_idle(tunnel);
}

/* Its connections are their own now; what its owner knows it by. */
static void *
let_go(IngressTunnel *tunnel)
{
    IngressTunnels *owner = tunnel->owner;
    void *user = tunnel->user;

    vs_tcp_set_user(tunnel->client, NULL);
    vs_tcp_set_user(tunnel->upstream, NULL);
    vs_timer_cancel(&tunnel->idle);
    if (tunnel->next) {
        tunnel->next->previous = tunnel->previous;
    }
    if (tunnel->previous) {
        tunnel->previous->next = tunnel->next;
    } else {
        owner->open = tunnel->next;
    }
    owner->stats->n_open--;
    vs_pool_free(&owner->pool, tunnel);
    return user;
}

static void
tunnel_close(IngressTunnel *tunnel)
{
    IngressTunnels *owner = tunnel->owner;

    vs_tcp_close(tunnel->client);
    vs_tcp_close(tunnel->upstream);
    owner->ended(let_go(tunnel));
}

static void
idle_due(VsTimer *timer)
{
    IngressTunnel *tunnel = VS_CONTAINER_OF(timer, IngressTunnel, idle);

    tunnel->owner->stats->n_idle++;
    tunnel_close(tunnel);
}

void
ingress_tunnels_kill(IngressTunnels *tunnels)
{
    while (tunnels->open) {
        VsTcp *client = tunnels->open->client;
        VsTcp *upstream = tunnels->open->upstream;

        let_go(tunnels->open);
        vs_tcp_abort(client);
        vs_tcp_abort(upstream);
    }
}

static void
end_connected(VsTcp *tcp)
{
    (void)tcp; /* It was. */
}

static void
end_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    IngressTunnel *tunnel = vs_tcp_user(tcp);

    if (tunnel) {
        vs_tcp_send(tcp == tunnel->client ? tunnel->upstream : tunnel->client, payload,
                    bytes);
        arm_idle(tunnel);
    }
}

static void
end_finished(VsTcp *tcp)
{
    IngressTunnel *tunnel = vs_tcp_user(tcp);

    if (tunnel) {
        tunnel_close(tunnel);
    }
}

static void
end_broken(VsTcp *tcp, VsTcpEnd end)
{
    IngressTunnel *tunnel = vs_tcp_user(tcp);

    (void)end;
    if (tunnel) {
        tunnel_close(tunnel);
    }
}

static const VsTcpOps tunnel_ops = {
    .connected = end_connected,
    .message = end_message,
    .finished = end_finished,
    .broken = end_broken,
};
