/* The balancers of Traefik v3 between the servers of a service.  A new configuration builds
 * them anew; servers that a health check finds down stay in place. */
#include "balance/kinds.h"
#include "balance/reload.h"

/* ---- wrr -------------------------------------------------------------------------- */

enum { SHUFFLE };

static const char *const shuffle_choices[] = {"yes", "no", NULL};

static const VsBalancerParam wrr_params[] = {
    [SHUFFLE] = {.name = "shuffle",
                 .doc = "Whether servers are added in an order by chance, as Traefik "
                        "does; it decides between equal deadlines.",
                 .choices = shuffle_choices},
    {0},
};

typedef struct Entry {
    double deadline;
    double period; /* 1 / weight. */
    uint32_t backend;
} Entry;

typedef struct Wrr {
    bool is_configured;
    Entry *heap; /* As Go's container/heap keeps it: ties are broken as there. */
    uint32_t n_heap;
} Wrr;

static void
swap(Entry *a, Entry *b)
{
    Entry kept = *a;

    *a = *b;
    *b = kept;
}

static void
heap_push(Wrr *wrr, Entry entry)
{
    uint32_t i = wrr->n_heap++;

    wrr->heap[i] = entry;
    while (i > 0 && wrr->heap[i].deadline < wrr->heap[(i - 1) / 2].deadline) {
        swap(&wrr->heap[i], &wrr->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static Entry
heap_pop(Wrr *wrr)
{
    uint32_t n = --wrr->n_heap;
    uint32_t i = 0;
    uint32_t child;

    swap(&wrr->heap[0], &wrr->heap[n]);
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n &&
            wrr->heap[child + 1].deadline < wrr->heap[child].deadline) {
            child++;
        }
        if (!(wrr->heap[child].deadline < wrr->heap[i].deadline)) {
            break;
        }
        swap(&wrr->heap[i], &wrr->heap[child]);
        i = child;
    }
    return wrr->heap[n];
}

static void
wrr_clear(VsBalancer *balancer)
{
    g_free(((Wrr *)balancer->state)->heap);
}

static void
wrr_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    Wrr *wrr = balancer->state;

    (void)backend;
    wrr->is_configured = wrr->is_configured && !vs_balancer_is_reload(change);
}

static void
wrr_rebuild(VsBalancer *balancer)
{
    g_autofree uint32_t *order = g_new(uint32_t, balancer->n_backends);
    Wrr *wrr = balancer->state;

    if (wrr->is_configured) {
        return;
    }
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        order[i] = i;
    }
    for (uint32_t i = balancer->n_backends - 1;
         shuffle_choices[balancer->params[SHUFFLE]][0] == 'y' && i > 0; i--) {
        uint32_t other = (uint32_t)vs_rng_below(&balancer->rng, i + 1);
        uint32_t kept = order[i];

        order[i] = order[other];
        order[other] = kept;
    }
    wrr->is_configured = true;
    wrr->heap = g_renew(Entry, wrr->heap, balancer->n_backends);
    wrr->n_heap = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[order[i]];

        if (!backend->is_removed && backend->weight > 0) {
            double period = 1.0 / backend->weight;

            heap_push(wrr, (Entry){period, period, order[i]});
        }
    }
}

static uint32_t
wrr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Wrr *wrr = balancer->state;
    Entry entry;

    (void)key;
    do { /* Those that are down take their turns too. */
        entry = heap_pop(wrr);
        entry.deadline += entry.period;
        heap_push(wrr, entry);
    } while (!vs_backend_is_available(&balancer->backends[entry.backend]));
    return entry.backend;
}

/* ---- p2c -------------------------------------------------------------------------- */

typedef struct P2c {
    bool is_configured;
    uint32_t *healthy;
    uint32_t n_healthy;
} P2c;

static void
p2c_clear(VsBalancer *balancer)
{
    g_free(((P2c *)balancer->state)->healthy);
}

static void
p2c_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    P2c *p2c = balancer->state;

    (void)backend;
    p2c->is_configured = p2c->is_configured && !vs_balancer_is_reload(change);
}

static void
p2c_rebuild(VsBalancer *balancer)
{
    P2c *p2c = balancer->state;
    uint32_t *n_before = balancer->backend_states;

    p2c->healthy = g_renew(uint32_t, p2c->healthy, balancer->n_backends);
    p2c->n_healthy = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            p2c->healthy[p2c->n_healthy++] = i;
        }
        if (!p2c->is_configured) {
            vs_reload_mark(&balancer->backends[i], &n_before[i]);
        }
    }
    p2c->is_configured = true;
}

static uint32_t
p2c_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const P2c *p2c = balancer->state;
    const uint32_t *n_before = balancer->backend_states;
    uint32_t a, b;

    (void)key;
    if (p2c->n_healthy == 1) {
        return p2c->healthy[0];
    }
    a = (uint32_t)vs_rng_below(&balancer->rng, p2c->n_healthy);
    b = (uint32_t)vs_rng_below(&balancer->rng, p2c->n_healthy - 1);
    b += b >= a;
    a = p2c->healthy[a];
    b = p2c->healthy[b];
    return vs_reload_count(&balancer->backends[b], n_before[b]) <
                   vs_reload_count(&balancer->backends[a], n_before[a])
               ? b
               : a;
}

static void
p2c_released(VsBalancer *balancer, uint32_t backend, const VsBalanceOutcome *outcome)
{
    (void)outcome;
    vs_reload_release(vs_balancer_backend_state(balancer, backend));
}

const VsBalancerKind vs_balancer_kinds_traefik[] = {
    {
        .name = "traefik-wrr",
        .doc =
            "Traefik's default, earliest deadline first: the server with the earliest "
            "deadline is picked and gets one that is later by 1 / weight; one that "
            "is down takes its turn and is passed over.",
        .source =
            "Traefik v3, pkg/server/service/loadbalancer/wrr/wrr.go, nextServer(); "
            "Go, container/heap; pkg/server/service/service.go, shuffle()",
        .formula = "argmin(deadline); deadline += 1 / weight",
        .params = wrr_params,
        .state_size = sizeof(Wrr),
        .clear = wrr_clear,
        .changed = wrr_changed,
        .rebuild = wrr_rebuild,
        .pick = wrr_pick,
    },
    {
        .name = "traefik-p2c",
        .doc =
            "Of two different healthy servers, drawn whatever their weights, the one "
            "with fewer requests in flight, of equals the first.",
        .source =
            "Traefik v3, pkg/server/service/loadbalancer/p2c/p2c.go, nextServer()",
        .formula = "argmin(in flight) of two drawn",
        .state_size = sizeof(P2c),
        .backend_size = sizeof(uint32_t),
        .clear = p2c_clear,
        .changed = p2c_changed,
        .rebuild = p2c_rebuild,
        .pick = p2c_pick,
        .released = p2c_released,
    },
    {0},
};
