/* The modules of nginx that hash: ip_hash, hash, hash consistent. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "balance/nginx.h"
#include "base/hash.h"

uint32_t
vs_nginx_ip_hash_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    static const uint8_t no_address[3]; /* Of a client by a UNIX socket. */
    const VsNginx *nginx = balancer->state;
    const uint8_t *address = key->bytes >= 4 ? key->data : no_address;
    size_t bytes = key->bytes == 16 ? 16 : 3; /* Of IPv4 the network. */
    uint32_t hash = 89;

    for (unsigned try = 0; try <= VS_NGINX_TRIES && nginx->n_peers > 1; try++) {
        uint32_t backend;

        for (size_t i = 0; i < bytes; i++) {
            hash = (hash * 113 + address[i]) % 6271;
        }
        backend = vs_nginx_peer_at(nginx, hash % nginx->total_weight);
        if (vs_nginx_is_eligible(balancer, backend, key->now)) {
            return vs_nginx_take(balancer, backend, key->now);
        }
    }
    return vs_nginx_round_robin(balancer, key->now);
}

/* The hash of Cache::Memcached: the number of the try, but for the first, and the key. */
static uint32_t
hash_of(unsigned try, const VsBalanceKey *key)
{
    char digits[16];
    uint32_t crc = 0;

    if (try > 0) {
        crc = vs_crc32(0, digits, (size_t)snprintf(digits, sizeof(digits), "%u", try));
    }
    return vs_crc32(crc, key->data, key->bytes) >> 16 & 0x7fff;
}

uint32_t
vs_nginx_hash_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsNginx *nginx = balancer->state;
    bool can_hash = nginx->n_peers > 1 && key->bytes > 0;
    uint32_t hash = 0;

    for (unsigned try = 0; try <= VS_NGINX_TRIES && can_hash; try++) {
        uint32_t backend;

        hash += hash_of(try, key);
        backend = vs_nginx_peer_at(nginx, hash % nginx->total_weight);
        if (vs_nginx_is_eligible(balancer, backend, key->now)) {
            return vs_nginx_take(balancer, backend, key->now);
        }
    }
    return vs_nginx_round_robin(balancer, key->now);
}

/* ---- Consistent ------------------------------------------------------------------- */

/* The CRC of HOST, a zero byte, PORT; without a port "unix:" is no part of the host. */
static uint32_t
base_of(const char *name)
{
    const char *colon = strrchr(name, ':');
    bool has_port = colon && colon[1 + strspn(colon + 1, "0123456789")] == '\0';
    const char *end = has_port ? colon : name + strlen(name);
    uint32_t crc;

    if (g_ascii_strncasecmp(name, "unix:", 5) == 0) {
        name += 5;
        end = name + strlen(name);
        has_port = false;
    }
    crc = vs_crc32(0, name, (size_t)(end - name));
    crc = vs_crc32(crc, "", 1);
    return has_port ? vs_crc32(crc, end + 1, strlen(end + 1)) : crc;
}

/* Servers of one name, as of one host with several addresses, share their points: puts
 * 'backend' at the end of the chain of those, and returns the first of it. */
static uint32_t
chain(VsBalancer *balancer, GHashTable *first_of_name, uint32_t backend)
{
    char *name = balancer->backends[backend].name;
    VsNginxPeer *peer;
    gpointer first;

    if (!g_hash_table_lookup_extended(first_of_name, name, NULL, &first)) {
        g_hash_table_insert(first_of_name, name, GUINT_TO_POINTER(backend));
        return backend;
    }
    peer = vs_balancer_backend_state(balancer, GPOINTER_TO_UINT(first));
    while (peer->next_alike != VS_BALANCER_NONE) {
        peer = vs_balancer_backend_state(balancer, peer->next_alike);
    }
    peer->next_alike = backend;
    return GPOINTER_TO_UINT(first);
}

/* Of equal hashes the first stays. */
static size_t
drop_doubles(VsKetamaPoint *points, size_t n_points)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n_points; i++) {
        if (n_kept == 0 || points[i].hash != points[n_kept - 1].hash) {
            points[n_kept++] = points[i];
        }
    }
    return n_kept;
}

void
vs_nginx_consistent_rebuild(VsBalancer *balancer)
{
    VsNginx *nginx = balancer->state;
    g_autoptr(GHashTable) first_of_name = NULL;
    size_t n_points = 0;

    if (nginx->is_configured) {
        return;
    }
    vs_nginx_rebuild(balancer);
    first_of_name = g_hash_table_new(g_str_hash, g_str_equal);
    nginx->points =
        g_renew(VsKetamaPoint, nginx->points, VS_KETAMA_POINTS * nginx->total_weight);
    for (uint32_t i = 0; i < nginx->n_peers; i++) {
        uint32_t index = nginx->peers[i];
        const VsBackend *backend = &balancer->backends[index];
        size_t n_own = VS_KETAMA_POINTS * (size_t)backend->weight;

        vs_ketama_fill(nginx->points + n_points, n_own, base_of(backend->name),
                       chain(balancer, first_of_name, index));
        n_points += n_own;
    }
    vs_ketama_sort(nginx->points, n_points);
    nginx->n_points = drop_doubles(nginx->points, n_points);
}

/* The turn of those of one name that are eligible, or VS_BALANCER_NONE. */
static uint32_t
pick_alike(VsBalancer *balancer, uint32_t first, VsTime now)
{
    uint32_t best = VS_BALANCER_NONE;
    int64_t total = 0;
    VsNginxPeer *peer;

    for (uint32_t i = first; i != VS_BALANCER_NONE; i = peer->next_alike) {
        peer = vs_balancer_backend_state(balancer, i);
        if (vs_nginx_is_eligible(balancer, i, now)) {
            vs_nginx_weigh(balancer, i, &total, &best);
        }
    }
    if (best != VS_BALANCER_NONE) {
        peer = vs_balancer_backend_state(balancer, best);
        peer->current -= total;
    }
    return best;
}

uint32_t
vs_nginx_consistent_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsNginx *nginx = balancer->state;
    bool can_hash = nginx->n_peers > 1 && key->bytes > 0;
    size_t point = vs_ketama_find(nginx->points, nginx->n_points,
                                  vs_crc32(0, key->data, key->bytes));

    for (unsigned try = 0; try <= VS_NGINX_TRIES && can_hash; try++) {
        const VsKetamaPoint *at = &nginx->points[(point + try) % nginx->n_points];
        uint32_t backend = pick_alike(balancer, at->backend, key->now);

        if (backend != VS_BALANCER_NONE) {
            return vs_nginx_take(balancer, backend, key->now);
        }
    }
    return vs_nginx_round_robin(balancer, key->now);
}
