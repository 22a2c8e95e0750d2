/* The kinds of nginx, and those of them that do not hash. */
#include "balance/nginx.h"

#include "balance/kinds.h"

static uint32_t
round_robin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return vs_nginx_round_robin(balancer, key->now);
}

/* -1, 0, 1: 'a' has fewer connections for its weight than 'b', as many, more. */
static int
compare_load(const VsBalancer *balancer, uint32_t a, uint32_t b)
{
    uint64_t load_a =
        (uint64_t)vs_nginx_conns(balancer, a) * balancer->backends[b].weight;
    uint64_t load_b =
        (uint64_t)vs_nginx_conns(balancer, b) * balancer->backends[a].weight;

    return (load_a > load_b) - (load_a < load_b);
}

static uint32_t
least_conn_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsNginx *nginx = balancer->state;
    uint32_t least = VS_BALANCER_NONE;
    uint32_t best = VS_BALANCER_NONE;
    uint32_t n_least = 0;
    int64_t total = 0;
    VsNginxPeer *peer;

    if (vs_nginx_is_single(balancer)) {
        return vs_nginx_round_robin(balancer, key->now);
    }
    for (uint32_t i = 0; i < nginx->n_peers; i++) {
        uint32_t backend = nginx->peers[i];
        int order = -1;

        if (vs_nginx_is_eligible(balancer, backend, key->now)) {
            if (least != VS_BALANCER_NONE) {
                order = compare_load(balancer, backend, least);
            }
            least = order < 0 ? backend : least;
            n_least = order < 0 ? 1 : n_least + (order == 0);
        }
    }
    if (n_least <= 1) {
        return n_least == 0 ? VS_BALANCER_NONE
                            : vs_nginx_take(balancer, least, key->now);
    }
    for (uint32_t i = 0; i < nginx->n_peers; i++) {
        uint32_t backend = nginx->peers[i];

        if (vs_nginx_is_eligible(balancer, backend, key->now) &&
            compare_load(balancer, backend, least) == 0) {
            vs_nginx_weigh(balancer, backend, &total, &best);
        }
    }
    peer = vs_balancer_backend_state(balancer, best);
    peer->current -= total;
    return vs_nginx_take(balancer, best, key->now);
}

static uint32_t
draw(VsBalancer *balancer)
{
    const VsNginx *nginx = balancer->state;

    return vs_nginx_peer_at(nginx, vs_rng_below(&balancer->rng, nginx->total_weight));
}

static uint32_t
random_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    bool is_single = vs_nginx_is_single(balancer);

    for (unsigned try = 0; try <= VS_NGINX_TRIES && !is_single; try++) {
        uint32_t backend = draw(balancer);

        if (vs_nginx_is_eligible(balancer, backend, key->now)) {
            return vs_nginx_take(balancer, backend, key->now);
        }
    }
    return vs_nginx_round_robin(balancer, key->now);
}

static uint32_t
random_two_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    bool is_single = vs_nginx_is_single(balancer);
    uint32_t first = VS_BALANCER_NONE;

    /* The first does not count as a try. */
    for (unsigned n_misses = 0; n_misses <= VS_NGINX_TRIES && !is_single;) {
        uint32_t backend = draw(balancer);

        if (backend == first || !vs_nginx_is_eligible(balancer, backend, key->now)) {
            n_misses++;
        } else if (first == VS_BALANCER_NONE) {
            first = backend;
        } else {
            if (compare_load(balancer, backend, first) > 0) {
                backend = first;
            }
            return vs_nginx_take(balancer, backend, key->now);
        }
    }
    return vs_nginx_round_robin(balancer, key->now);
}

#define NGINX_KIND                                                \
    .params = vs_nginx_params, .state_size = sizeof(VsNginx),     \
    .backend_size = sizeof(VsNginxPeer), .clear = vs_nginx_clear, \
    .changed = vs_nginx_changed, .released = vs_nginx_released,   \
    .describe = vs_nginx_describe

const VsBalancerKind vs_balancer_kinds_nginx[] = {
    {
        .name = "nginx-round-robin",
        .doc = "nginx's default, smooth weighted round robin: each server's current "
               "weight grows by its effective weight; the greatest is picked and pays "
               "the total.  A failure takes weight / max-fails off the effective "
               "weight, which each turn gives one back; max-fails of them shut the "
               "server out for fail-timeout.",
        .source = "nginx 1.22, src/http/ngx_http_upstream_round_robin.c, "
                  "ngx_http_upstream_get_peer(), ngx_http_upstream_free_round_robin_"
                  "peer()",
        .formula = "argmax(current += effective); current[pick] -= sum(effective)",
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = round_robin_pick,
    },
    {
        .name = "nginx-least-conn",
        .doc = "The fewest connections for the weight, of those of the present "
               "configuration; of several with as few the next by smooth weighted "
               "round robin among them.",
        .source = "nginx 1.22, src/http/modules/ngx_http_upstream_least_conn_module.c, "
                  "ngx_http_upstream_get_least_conn_peer()",
        .formula = "argmin(conns / weight)",
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = least_conn_pick,
    },
    {
        .name = "nginx-ip-hash",
        .doc = "A hash of the first three octets of an IPv4 address, or of all of an "
               "IPv6 address, chooses by weight, servers that are down included; where "
               "it meets one of those it goes on hashing, and after 20 tries goes "
               "round robin.",
        .source = "nginx 1.22, src/http/modules/ngx_http_upstream_ip_hash_module.c, "
                  "ngx_http_upstream_get_ip_hash_peer()",
        .formula = "hash = 89; hash = (hash * 113 + octet) mod 6271; hash mod total",
        .key = VS_BALANCE_BY_ADDRESS,
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = vs_nginx_ip_hash_pick,
    },
    {
        .name = "nginx-hash",
        .doc =
            "\"hash KEY\": 15 bits of the key's CRC-32 choose by weight, servers that "
            "are down included; for each of those, the CRC of the try's number and "
            "the key is added, and after 20 tries it goes round robin.",
        .source = "nginx 1.22, src/http/modules/ngx_http_upstream_hash_module.c, "
                  "ngx_http_upstream_get_hash_peer()",
        .formula = "hash += (crc32([try] key) >> 16) & 0x7fff; hash mod total",
        .key = VS_BALANCE_BY_TEXT,
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = vs_nginx_hash_pick,
    },
    {
        .name = "nginx-hash-consistent",
        .doc =
            "\"hash KEY consistent\", ketama: 160 points for each unit of weight; the "
            "first at or after the key's CRC-32 chooses.  From a server that is down "
            "it goes to the next point, and after 20 of those round robin.",
        .source =
            "nginx 1.22, src/http/modules/ngx_http_upstream_hash_module.c, "
            "ngx_http_upstream_update_chash(), ngx_http_upstream_get_chash_peer()",
        .formula =
            "point[j] = crc32(HOST 0 PORT point[j-1]); first point >= crc32(key)",
        .key = VS_BALANCE_BY_TEXT,
        NGINX_KIND,
        .rebuild = vs_nginx_consistent_rebuild,
        .pick = vs_nginx_consistent_pick,
    },
    {
        .name = "nginx-random",
        .doc = "\"random\": in proportion to the weights; after 20 draws of servers "
               "that are down it goes round robin.",
        .source = "nginx 1.22, src/http/modules/ngx_http_upstream_random_module.c, "
                  "ngx_http_upstream_get_random_peer()",
        .formula = "random() mod total",
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = random_pick,
    },
    {
        .name = "nginx-random-two",
        .doc = "\"random two least_conn\": of two different servers, drawn in "
               "proportion to the weights, the one with fewer connections for its "
               "weight, of equals the second; after 20 draws that will not do it goes "
               "round robin.",
        .source = "nginx 1.22, src/http/modules/ngx_http_upstream_random_module.c, "
                  "ngx_http_upstream_get_random2_peer()",
        .formula = "argmin(conns / weight) of two drawn",
        NGINX_KIND,
        .rebuild = vs_nginx_rebuild,
        .pick = random_two_pick,
    },
    {0},
};
