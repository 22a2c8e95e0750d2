/* The schedulers of IPVS, the part that they share: the list of destinations, thresholds,
 * the measure of load.
 *
 * Destinations are in order of addition; the kernel puts a new one at the head of its list
 * (ip_vs_ctl.c, __ip_vs_update_dest()), so to compare with one add them in reverse.  What is
 * down counts as of weight 0.  A backend's connections are n_active and n_inactive; the latter
 * is its owner's to set. */
#pragma once

#include "balance/balancer.h"

/* The first params of every kind of the family. */
enum { VS_IPVS_U_THRESHOLD, VS_IPVS_L_THRESHOLD, VS_IPVS_N_SHARED_PARAMS };

/* clang-format off */
#define VS_IPVS_SHARED_PARAMS                                                                \
    {.name = "u-threshold",                                                                  \
     .doc = "Connections at which a server is overloaded and gets no more; 0: never.",       \
     .max = UINT32_MAX},                                                                     \
    {.name = "l-threshold",                                                                  \
     .doc = "It gets more with fewer connections than so many; 0: than 3/4 of the upper.",   \
     .max = UINT32_MAX}
/* clang-format on */

/* Of each backend.  VS_BALANCER_NONE stands for the head of the list, before the first and
 * after the last. */
typedef struct VsIpvsDest {
    uint32_t previous;
    uint32_t next;
    uint32_t last_weight; /* The last one above 0. */
    bool is_overloaded;
} VsIpvsDest;

/* What the state of every kind starts with. */
typedef struct VsIpvsList {
    uint32_t first;
    uint32_t last;
} VsIpvsList;

bool vs_ipvs_list_init(VsBalancer *balancer, GError **error);
void vs_ipvs_list_changed(VsBalancer *balancer, VsBalancerChange change,
                          uint32_t backend);

static inline VsIpvsDest *
vs_ipvs_dest(const VsBalancer *balancer, uint32_t backend)
{
    return vs_balancer_backend_state(balancer, backend);
}

/* The one after 'backend', or the first after VS_BALANCER_NONE. */
static inline uint32_t
vs_ipvs_next(const VsBalancer *balancer, uint32_t backend)
{
    const VsIpvsList *list = balancer->state;

    return backend == VS_BALANCER_NONE ? list->first
                                       : vs_ipvs_dest(balancer, backend)->next;
}

static inline uint32_t
vs_ipvs_weight(const VsBalancer *balancer, uint32_t backend)
{
    const VsBackend *b = &balancer->backends[backend];

    return b->is_up ? b->weight : 0;
}

/* IP_VS_DEST_F_OVERLOAD, as it is by now. */
bool vs_ipvs_is_overloaded(VsBalancer *balancer, uint32_t backend);

/* There, of some weight and not overloaded. */
bool vs_ipvs_is_usable(VsBalancer *balancer, uint32_t backend);

/* Notes that 'backend', or VS_BALANCER_NONE, is what pick() returns, and returns it. */
uint32_t vs_ipvs_take(VsBalancer *balancer, uint32_t backend);

/* active * 256 + inactive (ip_vs_dest_conn_overhead). */
static inline uint64_t
vs_ipvs_overhead(const VsBalancer *balancer, uint32_t backend)
{
    const VsBackend *b = &balancer->backends[backend];

    return (uint64_t)b->n_active * 256 + b->n_inactive;
}

/* The usable destination of least overhead for its weight; the first of those.  O(n). */
uint32_t vs_ipvs_least_loaded(VsBalancer *balancer);

/* The greatest common divisor; that of 0 and n is n. */
uint32_t vs_ipvs_divisor(uint32_t a, uint32_t b);

/* hash_32() of linux/hash.h. */
static inline uint32_t
vs_ipvs_hash_32(uint32_t value, unsigned bits)
{
    return value * 0x61C88647u >> (32 - bits);
}

/* ---- What the rows of the family are made of -------------------------------------- */

typedef struct VsIpvsRr {
    VsIpvsList list;
    uint32_t chosen; /* Last; VS_BALANCER_NONE: the head. */
} VsIpvsRr;

bool vs_ipvs_rr_init(VsBalancer *balancer, GError **error);
void vs_ipvs_rr_changed(VsBalancer *balancer, VsBalancerChange change,
                        uint32_t backend);
uint32_t vs_ipvs_rr_pick(VsBalancer *balancer, const VsBalanceKey *key);

typedef struct VsIpvsWrr {
    VsIpvsList list;
    uint32_t chosen;
    uint32_t weight; /* Asked for in this pass. */
    uint32_t step;
    uint32_t max;
} VsIpvsWrr;

bool vs_ipvs_wrr_init(VsBalancer *balancer, GError **error);
void vs_ipvs_wrr_changed(VsBalancer *balancer, VsBalancerChange change,
                         uint32_t backend);
uint32_t vs_ipvs_wrr_pick(VsBalancer *balancer, const VsBalanceKey *key);
void vs_ipvs_wrr_describe(const VsBalancer *balancer, GString *out);

uint32_t vs_ipvs_lc_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_wlc_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_sed_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_nq_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_fo_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_ovf_pick(VsBalancer *balancer, const VsBalanceKey *key);

enum { VS_IPVS_HASH_BITS = 8, VS_IPVS_HASH_BUCKETS = 1 << VS_IPVS_HASH_BITS };

typedef struct VsIpvsHash {
    VsIpvsList list;
    uint32_t buckets[VS_IPVS_HASH_BUCKETS]; /* VS_BALANCER_NONE without destinations. */
} VsIpvsHash;

extern const VsBalancerParam vs_ipvs_sh_params[];
extern const VsBalancerParam vs_ipvs_dh_params[];
void vs_ipvs_sh_rebuild(VsBalancer *balancer);
void vs_ipvs_dh_rebuild(VsBalancer *balancer);
uint32_t vs_ipvs_sh_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_dh_pick(VsBalancer *balancer, const VsBalanceKey *key);
void vs_ipvs_hash_describe(const VsBalancer *balancer, GString *out);

typedef struct VsIpvsMh {
    VsIpvsList list;
    uint32_t size;
    uint16_t *table; /* VS_MAGLEV_FREE while all weights are 0. */
} VsIpvsMh;

extern const VsBalancerParam vs_ipvs_mh_params[];
bool vs_ipvs_mh_init(VsBalancer *balancer, GError **error);
void vs_ipvs_mh_clear(VsBalancer *balancer);
void vs_ipvs_mh_rebuild(VsBalancer *balancer);
uint32_t vs_ipvs_mh_pick(VsBalancer *balancer, const VsBalanceKey *key);
void vs_ipvs_mh_describe(const VsBalancer *balancer, GString *out);

/* The caches of lblc and lblcr, from a destination address to its server or servers. */
typedef struct VsIpvsCache VsIpvsCache;
typedef struct VsIpvsLocal {
    VsIpvsList list;
    VsIpvsCache *cache;
} VsIpvsLocal;

extern const VsBalancerParam vs_ipvs_local_params[];
bool vs_ipvs_local_init(VsBalancer *balancer, GError **error);
void vs_ipvs_local_clear(VsBalancer *balancer);
uint32_t vs_ipvs_lblc_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_ipvs_lblcr_pick(VsBalancer *balancer, const VsBalanceKey *key);
void vs_ipvs_local_describe(const VsBalancer *balancer, GString *out);

/* Addresses that the cache remembers. */
uint32_t vs_ipvs_local_n_entries(const VsBalancer *balancer);
