/* Kong's balancers by turn and by hash.  A backend is a target with one address; one that is
 * down keeps its place and is passed over. */
#include <string.h>

#include "balance/kinds.h"
#include "base/hash.h"

/* Slots of a wheel or a continuum. */
typedef struct Slots {
    uint32_t *slots; /* Backends, or VS_BALANCER_NONE. */
    uint32_t n_slots;
    uint32_t at; /* Of the wheel: the slot of the last turn. */
    bool is_due; /* Targets or weights have changed. */
} Slots;

static void
slots_clear(VsBalancer *balancer)
{
    Slots *state = balancer->state;

    g_free(state->slots);
}

static void
slots_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    Slots *state = balancer->state;

    (void)backend;
    state->is_due |= change != VS_BALANCER_UP && change != VS_BALANCER_DOWN;
}

static inline bool
is_usable(const VsBalancer *balancer, uint32_t backend)
{
    return backend != VS_BALANCER_NONE &&
           vs_backend_is_available(&balancer->backends[backend]);
}

/* ---- Round robin -------------------------------------------------------------------- */

static uint32_t
greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static void
shuffle(uint32_t *slots, uint32_t n, VsRng *rng)
{
    for (uint32_t i = n; i >= 2; i--) {
        uint32_t j = (uint32_t)vs_rng_below(rng, i);
        uint32_t slot = slots[i - 1];

        slots[i - 1] = slots[j];
        slots[j] = slot;
    }
}

static void
round_robin_rebuild(VsBalancer *balancer)
{
    Slots *wheel = balancer->state;
    uint32_t divisor = 0;
    uint64_t total = 0;

    if (!wheel->is_due) {
        return;
    }
    wheel->is_due = false;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!balancer->backends[i].is_removed) {
            divisor = greatest_common_divisor(divisor, balancer->backends[i].weight);
            total += balancer->backends[i].weight;
        }
    }
    if (total == 0) {
        return; /* The old wheel stays; nobody of it is usable. */
    }
    wheel->slots = g_renew(uint32_t, wheel->slots, total / divisor);
    wheel->n_slots = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        for (uint32_t n = 0; !backend->is_removed && n < backend->weight / divisor;
             n++) {
            wheel->slots[wheel->n_slots++] = i;
        }
    }
    shuffle(wheel->slots, wheel->n_slots, &balancer->rng);
}

static uint32_t
round_robin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Slots *wheel = balancer->state;

    (void)key;
    do {
        wheel->at = wheel->at + 1 < wheel->n_slots ? wheel->at + 1 : 0;
    } while (!is_usable(balancer, wheel->slots[wheel->at]));
    return wheel->slots[wheel->at];
}

/* ---- Consistent hashing ------------------------------------------------------------- */

enum { HASH_SLOTS };
enum { POINTS_A_TARGET = 160, MIN_CONTINUUM = 1000 };

static bool
hash_init(VsBalancer *balancer, GError **error)
{
    Slots *continuum = balancer->state;

    (void)error;
    continuum->n_slots = balancer->params[HASH_SLOTS] < MIN_CONTINUUM
                             ? MIN_CONTINUUM
                             : (uint32_t)balancer->params[HASH_SLOTS];
    continuum->slots = g_new(uint32_t, continuum->n_slots);
    memset(continuum->slots, 0xff, continuum->n_slots * sizeof(uint32_t));
    return true;
}

/* The length of the name without ":PORT". */
static int
host_length(const VsBackend *backend)
{
    return (int)(backend->port ? strrchr(backend->name, ':') - backend->name
                               : (long)strlen(backend->name));
}

static int
compare_targets(gconstpointer a_, gconstpointer b_, gpointer balancer_)
{
    const VsBalancer *balancer = balancer_;
    const VsBackend *a = &balancer->backends[*(const uint32_t *)a_];
    const VsBackend *b = &balancer->backends[*(const uint32_t *)b_];
    int a_length = host_length(a);
    int b_length = host_length(b);
    int order = memcmp(a->name, b->name, (size_t)MIN(a_length, b_length));

    order = order ? order : a_length - b_length;
    return order ? order : a->port - b->port;
}

/* Puts the backend's points into free slots; each that is taken gives it one point more.
 * False if it runs out of slots to try. */
static bool
add_points(const VsBalancer *balancer, uint32_t index, uint64_t total,
           uint32_t n_targets, uint32_t *slots, uint32_t n_slots)
{
    const VsBackend *backend = &balancer->backends[index];
    double share = (double)backend->weight / (double)total;
    uint64_t n_points = (uint64_t)(share * n_targets * POINTS_A_TARGET);
    g_autoptr(GString) name = g_string_new(NULL);
    g_autofree char *port =
        backend->port ? g_strdup_printf(":%u", backend->port) : g_strdup("");

    n_points = backend->weight > 0 ? MAX(n_points, 1) : n_points;
    for (uint32_t i = 1; i <= n_points; i++) {
        uint32_t *slot;

        if (i >= n_slots) {
            return false;
        }
        g_string_printf(name, "%.*s:%s %u", host_length(backend), backend->name, port,
                        i);
        slot = &slots[vs_xxhash32(name->str, name->len, 0) % n_slots];
        if (*slot == VS_BALANCER_NONE) {
            *slot = index;
        } else {
            n_points++;
        }
    }
    return true;
}

static void
hash_rebuild(VsBalancer *balancer)
{
    Slots *continuum = balancer->state;
    g_autofree uint32_t *targets = g_new(uint32_t, balancer->n_backends);
    g_autofree uint32_t *slots = g_new(uint32_t, continuum->n_slots);
    uint32_t n_targets = 0;
    uint64_t total = 0;

    if (!continuum->is_due) {
        return;
    }
    continuum->is_due = false;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!balancer->backends[i].is_removed) {
            targets[n_targets++] = i;
            total += balancer->backends[i].weight;
        }
    }
    g_qsort_with_data(targets, (int)n_targets, sizeof(*targets), compare_targets,
                      balancer);
    memset(slots, 0xff, continuum->n_slots * sizeof(*slots));
    for (uint32_t i = 0; total > 0 && i < n_targets; i++) {
        if (!add_points(balancer, targets[i], total, n_targets, slots,
                        continuum->n_slots)) {
            return; /* As Kong: the old continuum stays. */
        }
    }
    memcpy(continuum->slots, slots, continuum->n_slots * sizeof(*slots));
}

static uint32_t
hash_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Slots *continuum = balancer->state;
    uint32_t at = vs_xxhash32(key->data, key->bytes, 0) % continuum->n_slots;

    for (uint32_t n = 0; n < continuum->n_slots; n++) {
        if (is_usable(balancer, continuum->slots[at])) {
            return continuum->slots[at];
        }
        at = at > 0 ? at - 1 : continuum->n_slots - 1;
    }
    return VS_BALANCER_NONE;
}

static const VsBalancerParam hash_params[] = {
    {.name = "slots",
     .doc = "Of the continuum (an upstream's slots); below 1000 it has 1000.",
     .def = 10000,
     .min = 10,
     .max = 65536},
    {0},
};

const VsBalancerKind vs_balancer_kinds_kong[] = {
    {
        .name = "kong-round-robin",
        .doc =
            "A wheel with a slot for each unit of weight (over their greatest common "
            "divisor), shuffled whenever targets or weights change; a request takes "
            "the next slot whose target is up.  Kong's Lua draws other numbers than "
            "the balancer's random stream does.",
        .source = "Kong, kong/runloop/balancer/round_robin.lua, afterHostUpdate(), "
                  "getPeer()",
        .formula = "shuffled wheel[++turn mod (total / gcd)]",
        .state_size = sizeof(Slots),
        .clear = slots_clear,
        .changed = slots_changed,
        .rebuild = round_robin_rebuild,
        .pick = round_robin_pick,
    },
    {
        .name = "kong-consistent-hashing",
        .doc =
            "A continuum of slots in which each target has about 160 points, more or "
            "fewer by weight; a request's slot is the hash of its text, and the first "
            "point there or below whose target is up gets it.  With too many points "
            "for the slots the continuum stays as it was.",
        .source = "Kong, kong/runloop/balancer/consistent_hashing.lua, "
                  "afterHostUpdate(), getPeer()",
        .formula =
            "slot XXH32(text) mod slots, downwards; points XXH32(\"IP::PORT j\") "
            "mod slots, j = 1 .. weight / total * targets * 160",
        .key = VS_BALANCE_BY_TEXT,
        .params = hash_params,
        .state_size = sizeof(Slots),
        .init = hash_init,
        .clear = slots_clear,
        .changed = slots_changed,
        .rebuild = hash_rebuild,
        .pick = hash_pick,
    },
    {0},
};
