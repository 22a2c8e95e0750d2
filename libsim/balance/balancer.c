#include "balance/balancer.h"

#include <glib.h>
#include <string.h>

#include "balance/kinds.h"

const VsBalancerKind vs_balancer_kinds[] = {
    {
        .name = "round-robin",
        .doc = "The next available backend in order, whatever its weight.",
        .pick = vs_round_robin_pick,
    },
    {
        .name = "smooth-wrr",
        .doc = "Smooth weighted round robin (nginx, ngx_http_upstream_round_robin.c).",
        .pick = vs_smooth_wrr_pick,
    },
    {
        .name = "random",
        .doc = "At random, in proportion to the weights.",
        .pick = vs_random_pick,
    },
    {
        .name = "least-conn",
        .doc = "The fewest active connections for its weight; ties go to the first.",
        .pick = vs_least_conn_pick,
    },
    {
        .name = "source-hash",
        .doc = "A hash of the client's address, modulo the total weight.",
        .is_by_source = true,
        .pick = vs_source_hash_pick,
    },
    {
        .name = "maglev",
        .doc = "Maglev consistent hashing (Eisenbud et al., NSDI 2016, section 3.4).",
        .rebuild = vs_maglev_rebuild,
        .pick = vs_maglev_pick,
    },
    {0},
};

const VsBalancerKind *
vs_balancer_kind_find(const char *name)
{
    for (const VsBalancerKind *kind = vs_balancer_kinds; kind->name; kind++) {
        if (strcmp(kind->name, name) == 0) {
            return kind;
        }
    }
    return NULL;
}

void
vs_balancer_init(VsBalancer *balancer, const VsBalancerKind *kind, const VsRng *rng,
                 uint32_t table_size)
{
    memset(balancer, 0, sizeof(*balancer));
    balancer->kind = kind;
    balancer->rng = *rng;
    balancer->table_size = table_size;
}

void
vs_balancer_clear(VsBalancer *balancer)
{
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        g_free(balancer->backends[i].name);
    }
    g_free(balancer->backends);
    g_free(balancer->table);
    memset(balancer, 0, sizeof(*balancer));
}

static void
recount(VsBalancer *balancer)
{
    balancer->n_available = 0;
    balancer->total_weight = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            balancer->n_available++;
            balancer->total_weight += balancer->backends[i].weight;
        }
    }
    balancer->is_stale = true;
}

uint32_t
vs_balancer_add(VsBalancer *balancer, const char *name, uint32_t weight)
{
    balancer->backends =
        g_renew(VsBackend, balancer->backends, balancer->n_backends + 1);
    balancer->backends[balancer->n_backends] =
        (VsBackend){.name = g_strdup(name), .weight = weight, .is_up = true};
    balancer->n_backends++;
    recount(balancer);
    return balancer->n_backends - 1;
}

void
vs_balancer_set_weight(VsBalancer *balancer, uint32_t backend, uint32_t weight)
{
    balancer->backends[backend].weight = weight;
    recount(balancer);
}

void
vs_balancer_set_up(VsBalancer *balancer, uint32_t backend, bool is_up)
{
    balancer->backends[backend].is_up = is_up;
    recount(balancer);
}

uint32_t
vs_balancer_pick(VsBalancer *balancer, uint64_t key)
{
    uint32_t backend;

    if (balancer->n_available == 0) {
        return VS_BALANCER_NONE;
    }
    if (balancer->is_stale) {
        if (balancer->kind->rebuild) {
            balancer->kind->rebuild(balancer);
        }
        balancer->is_stale = false;
    }
    backend = balancer->kind->pick(balancer, key);
    balancer->backends[backend].n_active++;
    return backend;
}

void
vs_balancer_release(VsBalancer *balancer, uint32_t backend)
{
    g_assert(balancer->backends[backend].n_active > 0);
    balancer->backends[backend].n_active--;
}

bool
vs_is_prime(uint32_t number)
{
    for (uint32_t divisor = 2; (uint64_t)divisor * divisor <= number; divisor++) {
        if (number % divisor == 0) {
            return false;
        }
    }
    return number >= 2;
}

uint32_t
vs_next_prime(uint32_t number)
{
    while (!vs_is_prime(number)) {
        number++;
    }
    return number;
}
