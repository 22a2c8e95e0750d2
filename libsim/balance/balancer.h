/* Choosing a backend: pure choice, no clock.
 *
 * A balancer holds backends in the order of addition, each with a weight and up or down,
 * and picks one for a key.  The algorithms are rows of a table (vs_balancer_kinds), each
 * with the source it follows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

#define VS_BALANCER_NONE UINT32_MAX

typedef struct VsBalancer VsBalancer;

typedef struct VsBackend {
    char *name;
    uint32_t weight; /* 0: gets nothing new. */
    bool is_up;
    uint32_t n_active; /* Picked and not released. */
    int64_t current;   /* Of the algorithm: smooth round robin's running weight. */
} VsBackend;

typedef struct VsBalancerKind {
    const char *name;  /* "round-robin"; NULL ends the table. */
    const char *doc;   /* One sentence, with its source. */
    bool is_by_source; /* The key is the source address; else the whole flow. */

    /* Called after any change of backends; may be NULL. */
    void (*rebuild)(VsBalancer *balancer);

    /* The index of an available backend: there is at least one. */
    uint32_t (*pick)(VsBalancer *balancer, uint64_t key);
} VsBalancerKind;

struct VsBalancer {
    const VsBalancerKind *kind;
    VsBackend *backends;
    uint32_t n_backends;
    uint32_t n_available;  /* Up, with weight. */
    uint64_t total_weight; /* Of those. */
    uint32_t next;         /* round-robin. */
    uint32_t table_size;   /* maglev: a prime. */
    uint16_t *table;       /* maglev: backend by slot. */
    bool is_stale;         /* rebuild() is due. */
    VsRng rng;
};

extern const VsBalancerKind vs_balancer_kinds[];

/* The kind of this name, or NULL. */
const VsBalancerKind *vs_balancer_kind_find(const char *name);

/* 'rng' is copied: the stream of random choices.  'table_size' is a prime above the number
 * of backends, at most 65537; used by maglev. */
void vs_balancer_init(VsBalancer *balancer, const VsBalancerKind *kind,
                      const VsRng *rng, uint32_t table_size);
void vs_balancer_clear(VsBalancer *balancer);

/* Adds a backend that is up; returns its index. */
uint32_t vs_balancer_add(VsBalancer *balancer, const char *name, uint32_t weight);
void vs_balancer_set_weight(VsBalancer *balancer, uint32_t backend, uint32_t weight);
void vs_balancer_set_up(VsBalancer *balancer, uint32_t backend, bool is_up);

/* Picks a backend for 'key' (a hash of what the connection is told by), now active once
 * more; VS_BALANCER_NONE if none is available. */
uint32_t vs_balancer_pick(VsBalancer *balancer, uint64_t key);

/* What was picked is over. */
void vs_balancer_release(VsBalancer *balancer, uint32_t backend);

static inline bool
vs_backend_is_available(const VsBackend *backend)
{
    return backend->is_up && backend->weight > 0;
}

/* Trial division: for tables of parameters, not for the path. */
bool vs_is_prime(uint32_t number);
uint32_t vs_next_prime(uint32_t number);
