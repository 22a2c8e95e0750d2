#include "balance/haproxy.h"

#include <string.h>

#include "balance/kinds.h"

void
vs_haproxy_map_clear(VsHaproxyMap *map)
{
    g_free(map->slots);
    g_free(map->weights);
    memset(map, 0, sizeof(*map));
}

void
vs_haproxy_map_change(VsHaproxyMap *map, const VsBalancer *balancer, uint32_t backend)
{
    uint32_t weight = MIN(balancer->backends[backend].weight, VS_HAPROXY_WEIGHT_MAX);

    if (backend >= map->n_weights) {
        map->weights = g_renew(uint32_t, map->weights, backend + 1);
        map->weights[backend] = 0;
        map->n_weights = backend + 1;
    }
    if (balancer->backends[backend].is_removed) {
        map->weights[backend] = 0;
        map->next = 0;
    } else if (weight > 0 && weight != map->weights[backend]) {
        map->weights[backend] = weight;
        map->next = 0;
    }
}

static uint32_t
common_divisor(const VsHaproxyMap *map)
{
    uint32_t divisor = 0;

    for (uint32_t i = 0; i < map->n_weights; i++) {
        uint32_t other = map->weights[i];

        while (other > 0) {
            uint32_t rest = divisor % other;

            divisor = other;
            other = rest;
        }
    }
    return MAX(divisor, 1);
}

/* The slot's backend: the first whose score reaches the most whole rounds. */
static uint32_t
fill_slot(const VsBalancer *balancer, const uint32_t *weights, int64_t *scores,
          uint32_t length)
{
    uint32_t best = VS_BALANCER_NONE;
    int64_t best_rounds = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        int64_t rounds;

        if (weights[i] == 0) {
            continue;
        }
        scores[i] += weights[i];
        rounds = (scores[i] + length) / length;
        if (best == VS_BALANCER_NONE || rounds > best_rounds) {
            best = i;
            best_rounds = rounds;
        }
    }
    scores[best] -= length;
    return best;
}

void
vs_haproxy_map_rebuild(VsHaproxyMap *map, const VsBalancer *balancer)
{
    g_autofree uint32_t *weights = g_new0(uint32_t, balancer->n_backends + 1);
    g_autofree int64_t *scores = g_new0(int64_t, balancer->n_backends + 1);
    uint32_t divisor = common_divisor(map);

    map->length = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            weights[i] = map->weights[i] / divisor;
            map->length += weights[i];
        }
    }
    if (map->length > map->capacity) {
        map->slots = g_renew(uint32_t, map->slots, map->length);
        map->capacity = map->length;
    }
    for (uint32_t slot = 0; slot < map->length; slot++) {
        map->slots[slot] = fill_slot(balancer, weights, scores, map->length);
    }
}

uint32_t
vs_haproxy_map_next(VsHaproxyMap *map)
{
    if (map->next >= map->length) {
        map->next = 0;
    }
    return map->slots[map->next++];
}

uint32_t
vs_haproxy_map_at(const VsHaproxyMap *map, uint32_t hash)
{
    return map->slots[hash % map->length];
}

/* ---- static-rr ---------------------------------------------------------------------- */

static void
static_rr_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    (void)change;
    vs_haproxy_map_change(balancer->state, balancer, backend);
}

static void
static_rr_rebuild(VsBalancer *balancer)
{
    vs_haproxy_map_rebuild(balancer->state, balancer);
}

static uint32_t
static_rr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_haproxy_map_next(balancer->state);
}

static void
static_rr_clear(VsBalancer *balancer)
{
    vs_haproxy_map_clear(balancer->state);
}

const VsBalancerKind vs_balancer_kinds_haproxy_map[] = {
    {
        .name = "haproxy-static-rr",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc =
            "Walks a map of slots in which each server has its weight's share, made "
            "anew when a server comes or goes.  Weights (0 to 256) are divided by what "
            "they have in common.",
        .source = "HAProxy 2.6, src/lb_map.c, recalc_server_map(), map_get_server_rr()",
        .formula =
            "slot: first argmax((score += weight) + total) div total; score -= total",
        .state_size = sizeof(VsHaproxyMap),
        .clear = static_rr_clear,
        .changed = static_rr_changed,
        .rebuild = static_rr_rebuild,
        .pick = static_rr_pick,
    },
    {0},
};
