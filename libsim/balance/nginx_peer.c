#include "balance/nginx.h"

#include <inttypes.h>

#include "balance/reload.h"

/* nginx's clock is the wall's: a server that was never checked was so long ago. */
#define CLOCK_START INT64_C(0x40000000)

const VsBalancerParam vs_nginx_params[] = {
    [VS_NGINX_MAX_FAILS] = {.name = "max-fails",
                            .doc = "Failures that shut a server out; 0: none does.",
                            .def = 1,
                            .max = UINT32_MAX},
    [VS_NGINX_FAIL_TIMEOUT] = {.name = "fail-timeout",
                               .doc = "For how many seconds, and within how many.",
                               .def = 10,
                               .max = 1000000},
    {0},
};

static int64_t
seconds(VsTime now)
{
    return CLOCK_START + now / VS_S;
}

static VsNginxPeer *
peer_of(const VsBalancer *balancer, uint32_t backend)
{
    return vs_balancer_backend_state(balancer, backend);
}

void
vs_nginx_clear(VsBalancer *balancer)
{
    VsNginx *nginx = balancer->state;

    g_free(nginx->peers);
    g_free(nginx->starts);
    g_free(nginx->points);
}

void
vs_nginx_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    VsNginx *nginx = balancer->state;

    (void)backend;
    nginx->is_configured = nginx->is_configured && !vs_balancer_is_reload(change);
}

void
vs_nginx_rebuild(VsBalancer *balancer)
{
    VsNginx *nginx = balancer->state;

    if (nginx->is_configured) {
        return;
    }
    nginx->is_configured = true;
    nginx->peers = g_renew(uint32_t, nginx->peers, balancer->n_backends);
    nginx->starts = g_renew(uint64_t, nginx->starts, balancer->n_backends);
    nginx->n_peers = 0;
    nginx->total_weight = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        VsNginxPeer *peer = peer_of(balancer, i);

        *peer =
            (VsNginxPeer){.effective = backend->weight, .next_alike = VS_BALANCER_NONE};
        vs_reload_mark(backend, &peer->n_before);
        if (!backend->is_removed && backend->weight > 0) {
            nginx->peers[nginx->n_peers] = i;
            nginx->starts[nginx->n_peers++] = nginx->total_weight;
            nginx->total_weight += backend->weight;
        }
    }
}

void
vs_nginx_released(VsBalancer *balancer, uint32_t backend,
                  const VsBalanceOutcome *outcome)
{
    uint64_t max_fails = balancer->params[VS_NGINX_MAX_FAILS];
    VsNginxPeer *peer = peer_of(balancer, backend);

    if (vs_reload_release(&peer->n_before) || vs_nginx_is_single(balancer)) {
        return;
    }
    if (outcome && outcome->has_failed) {
        peer->fails++;
        peer->accessed = seconds(outcome->now);
        peer->checked = peer->accessed;
        if (max_fails > 0) {
            peer->effective -=
                (int64_t)(balancer->backends[backend].weight / max_fails);
        }
        peer->effective = MAX(peer->effective, 0);
    } else if (peer->accessed < peer->checked) {
        peer->fails = 0; /* It was tried again, and is well. */
    }
}

void
vs_nginx_describe(const VsBalancer *balancer, GString *out)
{
    const VsNginx *nginx = balancer->state;

    for (uint32_t i = 0; nginx->is_configured && i < nginx->n_peers; i++) {
        const VsNginxPeer *peer = peer_of(balancer, nginx->peers[i]);

        g_string_append_printf(
            out, "%s current %" PRId64 " effective %" PRId64 " fails %u\n",
            balancer->backends[nginx->peers[i]].name, peer->current, peer->effective,
            peer->fails);
    }
    if (nginx->n_points > 0) {
        g_string_append_printf(out, "%zu points\n", nginx->n_points);
    }
}

bool
vs_nginx_is_single(const VsBalancer *balancer)
{
    return ((const VsNginx *)balancer->state)->n_peers == 1;
}

bool
vs_nginx_is_eligible(const VsBalancer *balancer, uint32_t backend, VsTime now)
{
    uint64_t max_fails = balancer->params[VS_NGINX_MAX_FAILS];
    const VsNginxPeer *peer = peer_of(balancer, backend);

    return vs_backend_is_available(&balancer->backends[backend]) &&
           (max_fails == 0 || peer->fails < max_fails ||
            seconds(now) - peer->checked >
                (int64_t)balancer->params[VS_NGINX_FAIL_TIMEOUT]);
}

uint32_t
vs_nginx_peer_at(const VsNginx *nginx, uint64_t at)
{
    uint32_t first = 0;
    uint32_t end = nginx->n_peers;

    while (end - first > 1) {
        uint32_t middle = first + (end - first) / 2;

        if (at < nginx->starts[middle]) {
            end = middle;
        } else {
            first = middle;
        }
    }
    return nginx->peers[first];
}

uint32_t
vs_nginx_conns(const VsBalancer *balancer, uint32_t backend)
{
    return vs_reload_count(&balancer->backends[backend],
                           peer_of(balancer, backend)->n_before);
}

void
vs_nginx_weigh(VsBalancer *balancer, uint32_t backend, int64_t *total, uint32_t *best)
{
    VsNginxPeer *peer = peer_of(balancer, backend);

    peer->current += peer->effective;
    *total += peer->effective;
    if (peer->effective < balancer->backends[backend].weight) {
        peer->effective++;
    }
    if (*best == VS_BALANCER_NONE ||
        peer->current > peer_of(balancer, *best)->current) {
        *best = backend;
    }
}

uint32_t
vs_nginx_take(VsBalancer *balancer, uint32_t backend, VsTime now)
{
    VsNginxPeer *peer = peer_of(balancer, backend);

    if (seconds(now) - peer->checked >
        (int64_t)balancer->params[VS_NGINX_FAIL_TIMEOUT]) {
        peer->checked = seconds(now);
    }
    return backend;
}

uint32_t
vs_nginx_round_robin(VsBalancer *balancer, VsTime now)
{
    const VsNginx *nginx = balancer->state;
    uint32_t best = VS_BALANCER_NONE;
    int64_t total = 0;

    if (vs_nginx_is_single(balancer)) {
        return nginx->peers[0];
    }
    for (uint32_t i = 0; i < nginx->n_peers; i++) {
        if (vs_nginx_is_eligible(balancer, nginx->peers[i], now)) {
            vs_nginx_weigh(balancer, nginx->peers[i], &total, &best);
        }
    }
    if (best == VS_BALANCER_NONE) {
        return VS_BALANCER_NONE;
    }
    peer_of(balancer, best)->current -= total;
    return vs_nginx_take(balancer, best, now);
}
