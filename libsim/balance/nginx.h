/* What the upstream modules of nginx share: peers with failures and smooth weighted round
 * robin, which is also what the others fall back to.
 *
 * A change of servers or weights is a reload: everything starts over, as it does in nginx's
 * new worker.  A server that goes down or up is one whose "down" changes; the rest stays.
 * There is one worker process (or a shared zone), and each pick is the first try of a
 * request: that a request is not sent again to where it failed holds by max_fails=1, nginx's
 * default, which shuts such a server out at once. */
#pragma once

#include "balance/balancer.h"
#include "balance/ketama.h"

/* Of vs_nginx_params[]. */
enum { VS_NGINX_MAX_FAILS, VS_NGINX_FAIL_TIMEOUT };
extern const VsBalancerParam vs_nginx_params[];

/* Modules that draw or hash give up after this many servers that will not do. */
enum { VS_NGINX_TRIES = 20 };

/* A server; the state of a backend. */
typedef struct VsNginxPeer {
    int64_t current;   /* Weights, as in ngx_http_upstream_rr_peer_t. */
    int64_t effective; /* Below the weight after failures. */
    int64_t checked;   /* In s, of nginx's clock. */
    int64_t accessed;  /* The last failure's. */
    uint32_t fails;
    uint32_t n_before;   /* See balance/reload.h. */
    uint32_t next_alike; /* Of the same name; VS_BALANCER_NONE: none. */
} VsNginxPeer;

/* The state of a balancer. */
typedef struct VsNginx {
    bool is_configured;
    uint32_t n_peers; /* With a weight and not removed; they may be down. */
    uint32_t *peers;  /* Backends, in the order of addition. */
    uint64_t *starts; /* The weight of all peers before. */
    uint64_t total_weight;
    size_t n_points; /* Of the consistent hash alone, by hash, which differ. */
    VsKetamaPoint *points;
} VsNginx;

/* For the tables of kinds. */
void vs_nginx_clear(VsBalancer *balancer);
void vs_nginx_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend);
void vs_nginx_rebuild(VsBalancer *balancer);
void vs_nginx_released(VsBalancer *balancer, uint32_t backend,
                       const VsBalanceOutcome *outcome);
void vs_nginx_describe(const VsBalancer *balancer, GString *out);

/* Whether there is but one server, of which nginx asks nothing. */
bool vs_nginx_is_single(const VsBalancer *balancer);

/* Up, and not shut out by failures. */
bool vs_nginx_is_eligible(const VsBalancer *balancer, uint32_t backend, VsTime now);

/* The peer whose share of the total weight 'at' (below it) falls into; it may not be
 * eligible.  O(log peers). */
uint32_t vs_nginx_peer_at(const VsNginx *nginx, uint64_t at);

/* Connections of the present configuration. */
uint32_t vs_nginx_conns(const VsBalancer *balancer, uint32_t backend);

/* A turn of smooth weighted round robin for 'backend', one of several in the game: adds to
 * '*total' and makes it '*best' (VS_BALANCER_NONE at first) if it is the greatest yet. */
void vs_nginx_weigh(VsBalancer *balancer, uint32_t backend, int64_t *total,
                    uint32_t *best);

/* Notes that 'backend' is tried now, and returns it. */
uint32_t vs_nginx_take(VsBalancer *balancer, uint32_t backend, VsTime now);

/* Of all eligible; VS_BALANCER_NONE if there is none. */
uint32_t vs_nginx_round_robin(VsBalancer *balancer, VsTime now);

/* The picks of the kinds that hash. */
uint32_t vs_nginx_ip_hash_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_nginx_hash_pick(VsBalancer *balancer, const VsBalanceKey *key);
uint32_t vs_nginx_consistent_pick(VsBalancer *balancer, const VsBalanceKey *key);
void vs_nginx_consistent_rebuild(VsBalancer *balancer);
