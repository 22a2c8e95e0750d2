/* HAProxy's choices by load: leastconn (lb_fwlc.c) and first (lb_fas.c). */
#include "balance/haproxy.h"

#include <stdlib.h>

#include "balance/kinds.h"
#include "balance/queue.h"

/* ---- leastconn ---------------------------------------------------------------------- */

/* Of a server with connections one is added, as if it were picked; one without is always
 * before those with some. */
static uint32_t
leastconn_key(const VsBackend *backend, uint32_t n_active)
{
    const uint32_t heaviest = VS_HAPROXY_WEIGHT_MAX * VS_HAPROXY_WEIGHT_SCALE;

    return n_active > 0
               ? (n_active + 1) * heaviest / vs_haproxy_effective_weight(backend)
               : 0;
}

static void
leastconn_requeue(VsBalancer *balancer, uint32_t backend, uint32_t n_active)
{
    VsBalanceQueue *queue = balancer->state;

    vs_balance_queue_remove(queue, backend);
    vs_balance_queue_push(queue, backend,
                          leastconn_key(&balancer->backends[backend], n_active));
}

static void
leastconn_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    VsBalanceQueue *queue = balancer->state;
    uint32_t *weight = vs_balancer_backend_state(balancer, backend);
    uint32_t weight_before = *weight;

    if (change == VS_BALANCER_ADDED) {
        vs_balance_queue_reserve(queue, backend + 1);
    }
    *weight = vs_haproxy_effective_weight(&balancer->backends[backend]);
    if (*weight == weight_before) {
        return;
    }
    if (weight_before > 0) {
        vs_balance_queue_remove(queue, backend);
    }
    if (*weight > 0) {
        const VsBackend *changed = &balancer->backends[backend];

        vs_balance_queue_push(queue, backend,
                              leastconn_key(changed, changed->n_active));
    }
}

static uint32_t
leastconn_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    uint32_t backend = vs_balance_queue_first(balancer->state);

    (void)key;
    leastconn_requeue(balancer, backend, balancer->backends[backend].n_active + 1);
    return backend;
}

static void
leastconn_released(VsBalancer *balancer, uint32_t backend,
                   const VsBalanceOutcome *outcome)
{
    (void)outcome;
    if (vs_balance_queue_holds(balancer->state, backend)) {
        leastconn_requeue(balancer, backend, balancer->backends[backend].n_active);
    }
}

static void
leastconn_clear(VsBalancer *balancer)
{
    vs_balance_queue_clear(balancer->state);
}

/* ---- first -------------------------------------------------------------------------- */

enum { FIRST_MAXCONN };

/* The available backends in order of their ids. */
typedef struct First {
    uint32_t *order;
    uint32_t length;
} First;

static void
first_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    uint32_t *ids = balancer->backend_states;

    if (change == VS_BALANCER_ADDED) {
        First *first = balancer->state;

        ids[backend] = vs_haproxy_next_id(balancer, backend, ids, sizeof(*ids));
        first->order = g_renew(uint32_t, first->order, backend + 1);
    }
}

static int
compare_ids(const void *a, const void *b, void *ids_)
{
    const uint32_t *ids = ids_;
    uint32_t id_a = ids[*(const uint32_t *)a];
    uint32_t id_b = ids[*(const uint32_t *)b];

    return (id_a > id_b) - (id_a < id_b);
}

static void
first_rebuild(VsBalancer *balancer)
{
    First *first = balancer->state;

    first->length = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            first->order[first->length++] = i;
        }
    }
    if (first->length > 1) {
        g_qsort_with_data(first->order, (int)first->length, sizeof(*first->order),
                          compare_ids, balancer->backend_states);
    }
}

static uint32_t
first_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const First *first = balancer->state;
    uint64_t maxconn = balancer->params[FIRST_MAXCONN];

    (void)key;
    for (uint32_t i = 0; i < first->length; i++) {
        if (maxconn == 0 || balancer->backends[first->order[i]].n_active < maxconn) {
            return first->order[i];
        }
    }
    return VS_BALANCER_NONE;
}

static void
first_clear(VsBalancer *balancer)
{
    First *first = balancer->state;

    g_free(first->order);
}

static const VsBalancerParam first_params[] = {
    [FIRST_MAXCONN] = {.name = "maxconn",
                       .doc = "Connections that each server takes; 0: no limit.",
                       .def = 0,
                       .min = 0,
                       .max = UINT32_MAX},
    {0},
};

const VsBalancerKind vs_balancer_kinds_haproxy_load[] = {
    {
        .name = "haproxy-leastconn",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "The fewest connections for its weight (0 to 256), counting the one to "
               "come; a server without any is always before those with some.  Among "
               "equals "
               "the one that has been so for longest, which takes turns.",
        .source =
            "HAProxy 2.6, src/lb_fwlc.c, fwlc_get_next_server(), fwlc_queue_srv()",
        .formula = "argmin(active > 0 ? (active + 1) * 4096 div (16 * weight) : 0)",
        .state_size = sizeof(VsBalanceQueue),
        .backend_size = sizeof(uint32_t),
        .clear = leastconn_clear,
        .changed = leastconn_changed,
        .pick = leastconn_pick,
        .released = leastconn_released,
    },
    {
        .name = "haproxy-first",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "The first server, in order of ids, that has less than maxconn "
               "connections: load is packed on as few as possible.  Weights do not "
               "matter, but 0 takes a server out.  When all are full there is no "
               "choice: HAProxy queues the request.",
        .source = "HAProxy 2.6, src/lb_fas.c, fas_get_next_server()",
        .formula = "min id with active < maxconn",
        .params = first_params,
        .state_size = sizeof(First),
        .backend_size = sizeof(uint32_t),
        .clear = first_clear,
        .changed = first_changed,
        .rebuild = first_rebuild,
        .pick = first_pick,
    },
    {0},
};
