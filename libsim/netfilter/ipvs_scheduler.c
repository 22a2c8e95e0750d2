/* Schedulers of IPVS (ip_vs_{rr,wrr,lc,wlc,sh,dh,sed,nq}.c).  Servers are in order of
 * addition; ties go to the first. */
#include <glib.h>
#include <string.h>

#include "netfilter/ipvs.h"
#include "netfilter/ipvs_internal.h"

/* GOLDEN_RATIO_32 of linux/hash.h. */
#define HASH_MULTIPLIER 0x61C88647u

/* A connection that is open weighs as much as so many that are closing. */
enum { INACTIVE_PER_ACTIVE = 256 };

static inline VsIpvsServer *
server_at(const VsIpvsService *service, unsigned i)
{
    return service->servers->pdata[i];
}

static VsIpvsServer *
pick_rr(VsIpvsService *service, const VsFlow *flow)
{
    unsigned n_servers = service->servers->len;

    (void)flow;
    for (unsigned i = 0; i < n_servers; i++) {
        unsigned at = (service->position + i) % n_servers;

        if (server_at(service, at)->weight > 0) {
            service->position = at + 1;
            return server_at(service, at);
        }
    }
    return NULL;
}

static uint32_t
common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Weights have changed (ip_vs_wrr_dest_changed): the pass begins anew. */
static void
wrr_changed(VsIpvsService *service)
{
    uint32_t step = 0;
    uint32_t max = 0;

    for (unsigned i = 0; i < service->servers->len; i++) {
        step = common_divisor(server_at(service, i)->weight, step);
        max = MAX(max, server_at(service, i)->weight);
    }
    service->position = 0;
    service->wrr_step = MAX(step, 1);
    service->wrr_max = max >= service->wrr_step ? max - (service->wrr_step - 1) : 0;
    if (service->wrr_weight > service->wrr_max || service->wrr_weight == 0) {
        service->wrr_weight = service->wrr_max;
    } else if (service->wrr_step > 1) {
        service->wrr_weight =
            service->wrr_weight / service->wrr_step * service->wrr_step + 1;
    }
}

/* In each pass those of at least the present weight; from pass to pass that sinks by the
 * weights' common divisor. */
static VsIpvsServer *
pick_wrr(VsIpvsService *service, const VsFlow *flow)
{
    (void)flow;
    if (service->wrr_max == 0) {
        return NULL;
    }
    for (;;) {
        for (; service->position < service->servers->len; service->position++) {
            VsIpvsServer *server = server_at(service, service->position);

            if (server->weight >= service->wrr_weight) {
                service->position++;
                return server;
            }
        }
        service->position = 0;
        service->wrr_weight = service->wrr_weight > service->wrr_step
                                  ? service->wrr_weight - service->wrr_step
                                  : service->wrr_max;
    }
}

static uint64_t
load_of(const VsIpvsServer *server)
{
    return (uint64_t)server->n_active * INACTIVE_PER_ACTIVE + server->n_inactive;
}

static uint64_t
expected_delay(const VsIpvsServer *server)
{
    return (uint64_t)server->n_active + 1;
}

static uint64_t
weight_of(const VsIpvsServer *server)
{
    return server->weight;
}

static uint64_t
one(const VsIpvsServer *server)
{
    (void)server;
    return 1;
}

/* The server of least load for its weight, compared without division. */
static VsIpvsServer *
pick_least(const VsIpvsService *service, uint64_t (*load)(const VsIpvsServer *server),
           uint64_t (*weight)(const VsIpvsServer *server))
{
    VsIpvsServer *least = NULL;

    for (unsigned i = 0; i < service->servers->len; i++) {
        VsIpvsServer *server = server_at(service, i);

        if (server->weight > 0 &&
            (!least || load(least) * weight(server) > load(server) * weight(least))) {
            least = server;
        }
    }
    return least;
}

static VsIpvsServer *
pick_lc(VsIpvsService *service, const VsFlow *flow)
{
    (void)flow;
    return pick_least(service, load_of, one);
}

static VsIpvsServer *
pick_wlc(VsIpvsService *service, const VsFlow *flow)
{
    (void)flow;
    return pick_least(service, load_of, weight_of);
}

static VsIpvsServer *
pick_sed(VsIpvsService *service, const VsFlow *flow)
{
    (void)flow;
    return pick_least(service, expected_delay, weight_of);
}

static VsIpvsServer *
pick_nq(VsIpvsService *service, const VsFlow *flow)
{
    for (unsigned i = 0; i < service->servers->len; i++) {
        if (server_at(service, i)->weight > 0 && server_at(service, i)->n_active == 0) {
            return server_at(service, i);
        }
    }
    return pick_sed(service, flow);
}

/* Gives each server in turn as many buckets as its weight, one at least, or just one. */
static void
fill_buckets(VsIpvsService *service, bool is_weighted)
{
    unsigned at = 0;
    uint32_t n_given = 0;

    service->is_stale = false;
    memset(service->buckets, 0, sizeof(service->buckets));
    for (unsigned i = 0; service->servers->len > 0 && i < VS_IPVS_HASH_BUCKETS; i++) {
        VsIpvsServer *server = server_at(service, at);

        service->buckets[i] = server;
        if (++n_given >= (is_weighted ? server->weight : 1)) {
            at = (at + 1) % service->servers->len;
            n_given = 0;
        }
    }
}

static VsIpvsServer *
pick_bucket(VsIpvsService *service, VsAddr address, bool is_weighted)
{
    VsIpvsServer *server;

    if (service->is_stale) {
        fill_buckets(service, is_weighted);
    }
    server = service->buckets[address * HASH_MULTIPLIER >> 24];
    return server && server->weight > 0 ? server : NULL;
}

static VsIpvsServer *
pick_sh(VsIpvsService *service, const VsFlow *flow)
{
    return pick_bucket(service, flow->saddr, true);
}

static VsIpvsServer *
pick_dh(VsIpvsService *service, const VsFlow *flow)
{
    return pick_bucket(service, flow->daddr, false);
}

const VsIpvsScheduler vs_ipvs_schedulers[] = {
    {"rr", "Round robin.", pick_rr},
    {"wrr", "Weighted round robin, in bursts.", pick_wrr},
    {"lc", "Least connections.", pick_lc},
    {"wlc", "Least connections for the weight.", pick_wlc},
    {"sh", "Hash of the source address.", pick_sh},
    {"dh", "Hash of the destination address.", pick_dh},
    {"sed", "Shortest expected delay.", pick_sed},
    {"nq", "Never queue: an idle server, else shortest expected delay.", pick_nq},
    {NULL, NULL, NULL},
};

const char *const vs_ipvs_scheduler_names[] = {
    "rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", NULL,
};

const VsIpvsScheduler *
vs_ipvs_scheduler_find(const char *name)
{
    for (const VsIpvsScheduler *s = vs_ipvs_schedulers; s->name; s++) {
        if (g_str_equal(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

void
vs_ipvs_servers_changed(VsIpvsService *service, int removed)
{
    service->is_stale = true;
    if (service->scheduler->pick == pick_wrr) {
        wrr_changed(service);
    } else if (removed >= 0 && service->position > (unsigned)removed) {
        service->position--; /* To the one before, when the last chosen goes. */
    }
}
