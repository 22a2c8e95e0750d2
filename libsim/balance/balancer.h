/* Choosing a backend: pure choice, no clock.
 *
 * A balancer holds backends in the order of addition, each with a weight and up or down,
 * and picks one for a key.  The algorithms are rows of tables, one table a program or
 * family that they are taken from (kinds.h); each row names the source that it follows,
 * and given the same input picks what that program picks. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "balance/key.h"
#include "base/rng.h"

#define VS_BALANCER_NONE UINT32_MAX

enum { VS_BALANCER_MAX_PARAMS = 8, VS_BALANCER_MAX_WEIGHT = 65535 };

typedef enum VsBalanceError {
    VS_BALANCE_ERROR_VALUE,   /* Of a param, a weight, a key. */
    VS_BALANCE_ERROR_UNKNOWN, /* No algorithm or param of that name. */
} VsBalanceError;

#define VS_BALANCE_ERROR (vs_balance_error_quark())
GQuark vs_balance_error_quark(void);

typedef struct VsBalancer VsBalancer;

typedef struct VsBackend {
    char *name;            /* As given: a name, or ADDRESS[:PORT]. */
    uint8_t address[16];   /* Of the name, in network order; zeros if it has none. */
    uint8_t address_bytes; /* 4, 16, or 0: the name is no address. */
    uint16_t port;         /* Of the name; 0: none. */
    uint32_t weight;       /* 0: gets nothing new. */
    bool is_up;
    bool is_removed;     /* Its index stays its own. */
    uint32_t n_active;   /* Picked and not released. */
    uint32_t n_inactive; /* Closing; for its owner to count, where that is modelled. */
    uint64_t n_picked;   /* Ever. */
} VsBackend;

/* A setting of an algorithm: a number, or one of some words. */
typedef struct VsBalancerParam {
    const char *name; /* "table-size"; NULL ends a table. */
    const char *doc;
    uint64_t def; /* Of words: the index. */
    uint64_t min;
    uint64_t max;
    const char *const *choices; /* Ended by NULL; NULL: a number. */
} VsBalancerParam;

typedef enum VsBalancerChange {
    VS_BALANCER_ADDED,
    VS_BALANCER_REMOVED, /* is_removed is set already. */
    VS_BALANCER_WEIGHED,
    VS_BALANCER_UP,
    VS_BALANCER_DOWN,
} VsBalancerChange;

/* How a request went, for algorithms that learn from it. */
typedef struct VsBalanceOutcome {
    VsTime now;
    VsTime latency;
    bool has_failed;
} VsBalanceOutcome;

typedef struct VsBalancerKind {
    const char *name;    /* "nginx-hash"; NULL ends a table. */
    const char *doc;     /* One paragraph: what it does. */
    const char *source;  /* Program, file, function; or paper, section. */
    const char *formula; /* The choice in a line; may be NULL. */
    VsBalanceKeyKind key;
    uint32_t
        weight_max; /* That the program takes; 0: VS_BALANCER_MAX_WEIGHT; 1: it knows no
                          * weights, only servers in use and not. */
    const VsBalancerParam *params; /* May be NULL. */
    size_t state_size;             /* Of what it keeps; zeroed before init(). */
    size_t backend_size;           /* The same for each backend; zeroed when added. */

    /* All but pick() may be NULL. */

    /* Checks params against each other and sets up its state. */
    bool (*init)(VsBalancer *balancer, GError **error);
    void (*clear)(VsBalancer *balancer);

    /* Called right after each change. */
    void (*changed)(VsBalancer *balancer, VsBalancerChange change, uint32_t backend);

    /* Called before the next pick after any changes, also when nobody is available. */
    void (*rebuild)(VsBalancer *balancer);

    /* The index of a backend, or VS_BALANCER_NONE: a hash may lead to one that is down.
     * At least one is available. */
    uint32_t (*pick)(VsBalancer *balancer, const VsBalanceKey *key);

    /* What pick() returns for each of 'n' keys, faster; of kinds whose picks do not depend on
     * those before. */
    void (*pick_bulk)(VsBalancer *balancer, const VsBalanceKey *keys, size_t n,
                      uint32_t *ret_backends);

    /* 'outcome' may be NULL. */
    void (*released)(VsBalancer *balancer, uint32_t backend,
                     const VsBalanceOutcome *outcome);

    /* Appends lines about its state: tables, points, scores. */
    void (*describe)(const VsBalancer *balancer, GString *out);
} VsBalancerKind;

struct VsBalancer {
    const VsBalancerKind *kind;
    VsBackend *backends;
    uint32_t n_backends;                     /* With those that were removed. */
    uint32_t n_available;                    /* Up, with weight, not removed. */
    uint64_t total_weight;                   /* Of those. */
    uint64_t params[VS_BALANCER_MAX_PARAMS]; /* In the order of the kind's table. */
    void *state;
    void *backend_states; /* n_backends * backend_size bytes. */
    bool is_stale;        /* rebuild() is due. */
    VsRng rng;            /* Of choices by chance. */
};

/* The kind of this name, or NULL. */
const VsBalancerKind *vs_balancer_kind_find(const char *name);

/* All kinds, from *cursor = 0 on; NULL at the end. */
const VsBalancerKind *vs_balancer_kind_next(unsigned *cursor);

/* The greatest weight that backends of this kind may have. */
static inline uint32_t
vs_balancer_kind_max_weight(const VsBalancerKind *kind)
{
    return kind->weight_max ? kind->weight_max : VS_BALANCER_MAX_WEIGHT;
}

/* Starts without backends.  'settings' are params as "NAME=VALUE", ended by NULL, or NULL
 * for the defaults; 'rng' is copied: the stream of random choices.  False with an error that
 * names the param and what it takes; then there is nothing to clear. */
bool vs_balancer_init(VsBalancer *balancer, const VsBalancerKind *kind,
                      const char *const *settings, const VsRng *rng,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vs_balancer_clear(VsBalancer *balancer);

/* Adds a backend that is up; returns its index. */
uint32_t vs_balancer_add(VsBalancer *balancer, const char *name, uint32_t weight);
void vs_balancer_remove(VsBalancer *balancer, uint32_t backend);
void vs_balancer_set_weight(VsBalancer *balancer, uint32_t backend, uint32_t weight);
void vs_balancer_set_up(VsBalancer *balancer, uint32_t backend, bool is_up);

/* The backend of this name that is not removed, or VS_BALANCER_NONE. */
uint32_t vs_balancer_find(const VsBalancer *balancer, const char *name);

/* Picks a backend for 'key', now active once more; VS_BALANCER_NONE if the algorithm has
 * none for it. */
uint32_t vs_balancer_pick(VsBalancer *balancer, const VsBalanceKey *key);

/* The same for 'n' keys, in order. */
void vs_balancer_pick_bulk(VsBalancer *balancer, const VsBalanceKey *keys, size_t n,
                           uint32_t *ret_backends);

/* What was picked is over; 'outcome' may be NULL. */
void vs_balancer_release(VsBalancer *balancer, uint32_t backend,
                         const VsBalanceOutcome *outcome);

/* Algorithm, params, backends and what the algorithm has made of them, for people.  Newly
 * allocated. */
char *vs_balancer_describe(const VsBalancer *balancer);

static inline bool
vs_backend_is_available(const VsBackend *backend)
{
    return backend->is_up && backend->weight > 0 && !backend->is_removed;
}

/* What the algorithm keeps for a backend. */
static inline void *
vs_balancer_backend_state(const VsBalancer *balancer, uint32_t backend)
{
    return (char *)balancer->backend_states + backend * balancer->kind->backend_size;
}

/* Trial division: for tables of parameters, not for the path. */
bool vs_is_prime(uint32_t number);
uint32_t vs_next_prime(uint32_t number);
