/* Kong's balancers by load: connections and latency. */
#include "balance/kinds.h"
#include "base/fmath.h"

/* ---- Least connections -------------------------------------------------------------- */

/* A heap as lua-binaryheap has it, whose order of equals Kong's picks show: the least first,
 * children of place p (from 1) at 2p and 2p + 1. */
typedef struct Heap {
    uint32_t *places; /* Backends. */
    uint32_t n_places;
} Heap;

typedef struct HeapEntry {
    double value;
    uint32_t place; /* In the heap, from 1; 0: not in it. */
} HeapEntry;

static inline HeapEntry *
entry_at(const VsBalancer *balancer, uint32_t place)
{
    const Heap *heap = balancer->state;

    return vs_balancer_backend_state(balancer, heap->places[place - 1]);
}

static void
swap_places(const VsBalancer *balancer, uint32_t a, uint32_t b)
{
    const Heap *heap = balancer->state;
    uint32_t backend = heap->places[a - 1];

    heap->places[a - 1] = heap->places[b - 1];
    heap->places[b - 1] = backend;
    entry_at(balancer, a)->place = a;
    entry_at(balancer, b)->place = b;
}

static void
bubble_up(const VsBalancer *balancer, uint32_t place)
{
    while (place > 1 &&
           entry_at(balancer, place)->value < entry_at(balancer, place / 2)->value) {
        swap_places(balancer, place, place / 2);
        place /= 2;
    }
}

static void
sink_down(const VsBalancer *balancer, uint32_t place)
{
    const Heap *heap = balancer->state;

    while (true) {
        uint32_t least = place;

        for (uint32_t child = 2 * place;
             child <= 2 * place + 1 && child <= heap->n_places; child++) {
            if (entry_at(balancer, child)->value < entry_at(balancer, least)->value) {
                least = child;
            }
        }
        if (least == place) {
            return;
        }
        swap_places(balancer, place, least);
        place = least;
    }
}

/* One more than there are, so that among idle ones the heaviest goes first. */
static inline double
load_with(const VsBackend *backend, uint32_t n_active)
{
    return ((double)n_active + 1) / backend->weight;
}

static void
least_connections_clear(VsBalancer *balancer)
{
    Heap *heap = balancer->state;

    g_free(heap->places);
}

static void
least_connections_rebuild(VsBalancer *balancer)
{
    Heap *heap = balancer->state;

    heap->places = g_renew(uint32_t, heap->places, balancer->n_backends);
    heap->n_places = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        HeapEntry *entry = vs_balancer_backend_state(balancer, i);

        entry->place = 0;
        if (vs_backend_is_available(backend)) {
            heap->places[heap->n_places++] = i;
            *entry = (HeapEntry){load_with(backend, backend->n_active), heap->n_places};
            bubble_up(balancer, heap->n_places);
        }
    }
}

static uint32_t
least_connections_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Heap *heap = balancer->state;
    uint32_t backend = heap->places[0];

    (void)key;
    entry_at(balancer, 1)->value = load_with(&balancer->backends[backend],
                                             balancer->backends[backend].n_active + 1);
    sink_down(balancer, 1);
    return backend;
}

static void
least_connections_released(VsBalancer *balancer, uint32_t index,
                           const VsBalanceOutcome *outcome)
{
    const VsBackend *backend = &balancer->backends[index];
    HeapEntry *entry = vs_balancer_backend_state(balancer, index);

    (void)outcome;
    if (entry->place > 0 && vs_backend_is_available(backend)) {
        entry->value = load_with(backend, backend->n_active);
        bubble_up(balancer, entry->place);
    }
}

/* ---- Latency ------------------------------------------------------------------------ */

#define DECAY_SECONDS 10.0

typedef struct Latency {
    double average; /* In seconds, when last touched. */
    VsTime touched;
    bool is_known;
    bool is_new; /* Its time begins with the next pick. */
} Latency;

/* The average as it is at 'now' when the latest latency is 'seconds'. */
static double
decayed(const Latency *latency, double seconds, VsTime now)
{
    double age = now > latency->touched ? (double)(now - latency->touched) / VS_S : 0;
    double weight = vs_exp(-age / DECAY_SECONDS);

    return latency->average * weight + seconds * (1.0 - weight);
}

/* A newcomer starts with the mean, in which newcomers count as 0. */
static void
latency_rebuild(VsBalancer *balancer)
{
    Latency *latencies = balancer->backend_states;
    double sum = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!vs_backend_is_available(&balancer->backends[i])) {
            latencies[i] = (Latency){0};
        }
        sum += latencies[i].average;
    }
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i]) && !latencies[i].is_known) {
            latencies[i] = (Latency){
                .average = sum / balancer->n_available,
                .is_known = true,
                .is_new = true,
            };
        }
    }
}

static uint32_t
latency_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Latency *latencies = balancer->backend_states;
    uint32_t best = VS_BALANCER_NONE;
    double least = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        double score;

        if (!vs_backend_is_available(&balancer->backends[i])) {
            continue;
        }
        if (latencies[i].is_new) {
            latencies[i].touched = key->now;
            latencies[i].is_new = false;
        }
        score = decayed(&latencies[i], 0, key->now) / balancer->backends[i].weight;
        if (best == VS_BALANCER_NONE || score < least) {
            best = i;
            least = score;
        }
    }
    return best;
}

static void
latency_released(VsBalancer *balancer, uint32_t backend,
                 const VsBalanceOutcome *outcome)
{
    Latency *latency = vs_balancer_backend_state(balancer, backend);

    if (outcome && latency->is_known) {
        double seconds = (double)outcome->latency / VS_S;

        latency->average = decayed(latency, seconds, outcome->now);
        latency->touched = outcome->now;
    }
}

const VsBalancerKind vs_balancer_kinds_kong_load[] = {
    {
        .name = "kong-least-connections",
        .doc = "The least connections for its weight, counting the one to come; equals "
               "go by the order of a binary heap.",
        .source = "Kong, kong/runloop/balancer/least_connections.lua, getPeer(); "
                  "lua-binaryheap, minUnique",
        .formula = "argmin((active + 1) / weight)",
        .state_size = sizeof(Heap),
        .backend_size = sizeof(HeapEntry),
        .clear = least_connections_clear,
        .rebuild = least_connections_rebuild,
        .pick = least_connections_pick,
        .released = least_connections_released,
    },
    {
        .name = "kong-latency",
        .doc =
            "The least average latency for its weight.  The average moves to each "
            "latency by how long ago the last one was, and fades while nothing comes; "
            "a newcomer starts at the mean.  All backends are compared, as Kong's "
            "releases do though it means to compare two; equals go by the order of "
            "addition, for which Kong has none.",
        .source = "Kong, kong/runloop/balancer/latency.lua, getPeer(), afterBalance(), "
                  "decay_ewma()",
        .formula = "argmin(average * e^(-age / 10 s) / weight); average = average * "
                   "e^(-age / 10 s) + latency * (1 - e^(-age / 10 s))",
        .backend_size = sizeof(Latency),
        .rebuild = latency_rebuild,
        .pick = latency_pick,
        .released = latency_released,
    },
    {0},
};
