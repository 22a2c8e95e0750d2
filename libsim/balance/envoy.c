/* Envoy's balancers by turn, load and chance.
 *
 * One priority and one locality, all workers as one; hosts that are down are left out (there
 * is no panic threshold), and nobody starts slowly. */
#include "balance/edf.h"
#include "balance/kinds.h"
#include "base/fmath.h"

/* What the three keep. */
typedef struct Envoy {
    uint32_t *hosts; /* Those available, in the order of addition. */
    uint32_t n_hosts;
    bool has_weights; /* They differ: turns are scheduled. */
    uint64_t seed;    /* Where turns begin. */
    uint64_t turn;    /* Of those without weights. */
    VsEdf edf;
} Envoy;

static void
envoy_clear(VsBalancer *balancer)
{
    Envoy *envoy = balancer->state;

    vs_edf_clear(&envoy->edf);
    g_free(envoy->hosts);
}

/* Lists the hosts and sees whether their weights differ. */
static void
list_hosts(VsBalancer *balancer)
{
    Envoy *envoy = balancer->state;

    envoy->hosts = g_renew(uint32_t, envoy->hosts, balancer->n_backends);
    envoy->n_hosts = 0;
    envoy->has_weights = false;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            envoy->hosts[envoy->n_hosts++] = i;
            envoy->has_weights |= balancer->backends[i].weight !=
                                  balancer->backends[envoy->hosts[0]].weight;
        }
    }
}

typedef double (*HostWeight)(const VsBalancer *balancer, uint32_t host);

static uint32_t
take_turn(VsBalancer *balancer, HostWeight weight)
{
    Envoy *envoy = balancer->state;
    uint32_t host = vs_edf_first(&envoy->edf);

    vs_edf_renew(&envoy->edf, weight(balancer, host));
    return host;
}

/* A schedule is made anew with each change, and the first few turns are skipped. */
static void
schedule(VsBalancer *balancer, HostWeight weight)
{
    Envoy *envoy = balancer->state;

    list_hosts(balancer);
    vs_edf_reset(&envoy->edf, envoy->n_hosts);
    for (uint32_t i = 0; i < envoy->n_hosts; i++) {
        vs_edf_add(&envoy->edf, envoy->hosts[i], weight(balancer, envoy->hosts[i]));
    }
    for (uint64_t i = 0; envoy->n_hosts > 0 && i < envoy->seed % envoy->n_hosts; i++) {
        take_turn(balancer, weight);
    }
}

/* ---- Round robin -------------------------------------------------------------------- */

enum { RR_START };
enum { START_RANDOM, START_FIRST };

static const char *const start_choices[] = {"random", "first", NULL};

static bool
round_robin_init(VsBalancer *balancer, GError **error)
{
    Envoy *envoy = balancer->state;

    (void)error;
    if (balancer->params[RR_START] == START_RANDOM) {
        envoy->seed = vs_rng_u64(&balancer->rng);
    }
    envoy->turn = envoy->seed;
    return true;
}

static double
round_robin_weight(const VsBalancer *balancer, uint32_t host)
{
    return balancer->backends[host].weight;
}

static void
round_robin_rebuild(VsBalancer *balancer)
{
    schedule(balancer, round_robin_weight);
}

static uint32_t
round_robin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Envoy *envoy = balancer->state;

    (void)key;
    if (envoy->has_weights) {
        return take_turn(balancer, round_robin_weight);
    }
    return envoy->hosts[envoy->turn++ % envoy->n_hosts];
}

static const VsBalancerParam round_robin_params[] = {
    {.name = "start",
     .doc = "The first turn: at random, as each worker of Envoy begins, or the first.",
     .def = START_RANDOM,
     .choices = start_choices},
    {0},
};

/* ---- Least request ------------------------------------------------------------------ */

enum { LEAST_METHOD, LEAST_CHOICE_COUNT, LEAST_BIAS };
enum { METHOD_CHOICES, METHOD_FULL_SCAN };

static const char *const method_choices[] = {"n-choices", "full-scan", NULL};

static bool
least_request_init(VsBalancer *balancer, GError **error)
{
    Envoy *envoy = balancer->state;

    (void)error;
    envoy->seed = vs_rng_u64(&balancer->rng);
    return true;
}

static double
least_request_weight(const VsBalancer *balancer, uint32_t host)
{
    const VsBackend *backend = &balancer->backends[host];
    double requests = (double)backend->n_active + 1;
    uint64_t bias = balancer->params[LEAST_BIAS];

    return bias == 100 ? backend->weight / requests
                       : backend->weight / vs_pow(requests, (double)bias / 100);
}

static void
least_request_rebuild(VsBalancer *balancer)
{
    schedule(balancer, least_request_weight);
}

static uint32_t
pick_of_choices(VsBalancer *balancer)
{
    Envoy *envoy = balancer->state;
    uint32_t best = envoy->hosts[vs_rng_below(&balancer->rng, envoy->n_hosts)];

    for (uint64_t i = 1; i < balancer->params[LEAST_CHOICE_COUNT]; i++) {
        uint32_t host = envoy->hosts[vs_rng_below(&balancer->rng, envoy->n_hosts)];

        if (balancer->backends[host].n_active < balancer->backends[best].n_active) {
            best = host;
        }
    }
    return best;
}

/* Of n that tie, each is left with a chance of 1/n. */
static uint32_t
pick_of_all(VsBalancer *balancer)
{
    Envoy *envoy = balancer->state;
    uint32_t best = envoy->hosts[0];
    uint64_t n_ties = 1;

    for (uint32_t i = 1; i < envoy->n_hosts; i++) {
        uint32_t active = balancer->backends[envoy->hosts[i]].n_active;

        if (active < balancer->backends[best].n_active) {
            best = envoy->hosts[i];
            n_ties = 1;
        } else if (active == balancer->backends[best].n_active &&
                   vs_rng_below(&balancer->rng, ++n_ties) == 0) {
            best = envoy->hosts[i];
        }
    }
    return best;
}

static uint32_t
least_request_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Envoy *envoy = balancer->state;

    (void)key;
    if (envoy->has_weights) {
        return take_turn(balancer, least_request_weight);
    }
    return balancer->params[LEAST_METHOD] == METHOD_FULL_SCAN
               ? pick_of_all(balancer)
               : pick_of_choices(balancer);
}

static const VsBalancerParam least_request_params[] = {
    {.name = "selection-method",
     .doc = "Among equal weights: the best of a few drawn, or of all.",
     .def = METHOD_CHOICES,
     .choices = method_choices},
    {.name = "choice-count",
     .doc = "How many n-choices draws.",
     .def = 2,
     .min = 2,
     .max = 1000},
    {.name = "active-request-bias",
     .doc = "Among different weights, in per cent: how much active requests count; 0 "
            "is round robin.",
     .def = 100,
     .max = 10000},
    {0},
};

/* ---- Random ------------------------------------------------------------------------- */

static uint32_t
random_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Envoy *envoy = balancer->state;

    (void)key;
    return envoy->hosts[vs_rng_below(&balancer->rng, envoy->n_hosts)];
}

const VsBalancerKind vs_balancer_kinds_envoy[] = {
    {
        .name = "envoy-round-robin",
        .doc =
            "Hosts in turn from a random first one on.  With different weights turns "
            "go by the earliest deadline: a host comes again 1 / weight after its "
            "last.",
        .source =
            "Envoy, load_balancing_policies/round_robin/round_robin_lb.h, "
            "unweightedHostPick(); common/load_balancer_impl.cc, EdfLoadBalancerBase; "
            "source/common/upstream/edf_scheduler.h",
        .formula = "hosts[turn++ mod n], or argmin(deadline); deadline += 1 / weight",
        .params = round_robin_params,
        .state_size = sizeof(Envoy),
        .init = round_robin_init,
        .clear = envoy_clear,
        .rebuild = round_robin_rebuild,
        .pick = round_robin_pick,
    },
    {
        .name = "envoy-least-request",
        .doc =
            "The one of two drawn (with replacement) that has fewer active requests, "
            "the first if they tie; or the fewest of all, drawn among ties.  With "
            "different weights turns go by the earliest deadline instead, under "
            "weights that active requests lower when a host takes its turn.",
        .source = "Envoy, load_balancing_policies/least_request/least_request_lb.cc, "
                  "unweightedHostPickNChoices(), unweightedHostPickFullScan(), "
                  "hostWeight()",
        .formula = "argmin(active of the drawn), or argmin(deadline); deadline += "
                   "(active + 1)^bias / weight",
        .params = least_request_params,
        .state_size = sizeof(Envoy),
        .init = least_request_init,
        .clear = envoy_clear,
        .rebuild = least_request_rebuild,
        .pick = least_request_pick,
    },
    {
        .name = "envoy-random",
        .doc = "A host at random, whatever its weight.",
        .source = "Envoy, load_balancing_policies/random/random_lb.cc, peekOrChoose()",
        .formula = "hosts[random mod n]",
        .state_size = sizeof(Envoy),
        .clear = envoy_clear,
        .rebuild = list_hosts,
        .pick = random_pick,
    },
    {0},
};
