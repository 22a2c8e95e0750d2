/* HAProxy's choices by a hash (backend.c): what is hashed, how, and where the hash leads, to
 * a map's slot or a ring's point; and by chance, which leads to a point too. */
#include "balance/haproxy.h"

#include <string.h>

#include "balance/kinds.h"
#include "base/hash.h"

/* Params; those of all hashes are first, those of a kind follow. */
enum {
    HASH_TYPE,
    HASH_FUNCTION,
    HASH_MODIFIER,
    BALANCE_FACTOR,
    N_HASH_PARAMS,
    URI_WHOLE = N_HASH_PARAMS,
    URI_LEN,
    URI_DEPTH,
    URI_PATH_ONLY,
    HDR_DOMAIN_ONLY = N_HASH_PARAMS,
};

enum { TYPE_MAP_BASED, TYPE_CONSISTENT };
enum { FUNCTION_DEFAULT, FUNCTION_SDBM, FUNCTION_DJB2, FUNCTION_WT6, FUNCTION_CRC32 };
enum { MODIFIER_NONE, MODIFIER_AVALANCHE };

static const char *const type_names[] = {"map-based", "consistent", NULL};
static const char *const function_names[] = {"default", "sdbm",  "djb2",
                                             "wt6",     "crc32", NULL};
static const char *const modifier_names[] = {"none", "avalanche", NULL};
static const char *const yes_names[] = {"no", "yes", NULL};

typedef struct Hash {
    VsHaproxyMap map; /* Of the two one is used. */
    VsHaproxyRing ring;
    bool is_consistent;
    bool has_avalanche;
} Hash;

static bool
fail(const char *message, GError **error)
{
    g_set_error_literal(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE, message);
    return false;
}

static bool
hash_init(VsBalancer *balancer, GError **error)
{
    Hash *hash = balancer->state;
    bool is_default = balancer->params[HASH_FUNCTION] == FUNCTION_DEFAULT;
    uint64_t factor = balancer->params[BALANCE_FACTOR];

    hash->is_consistent = balancer->params[HASH_TYPE] == TYPE_CONSISTENT;
    hash->has_avalanche = balancer->params[HASH_MODIFIER] == MODIFIER_AVALANCHE;
    if (hash->has_avalanche && is_default) {
        return fail(
            "hash-modifier=avalanche needs a hash-function by name: sdbm, djb2, "
            "wt6 or crc32",
            error);
    }
    if (factor > 0 && factor <= 100) {
        return fail("hash-balance-factor is a per cent above 100, or 0 for no bound",
                    error);
    }
    if (factor > 0 && !hash->is_consistent) {
        return fail("hash-balance-factor needs hash-type=consistent", error);
    }
    hash->has_avalanche |= is_default && hash->is_consistent;
    hash->ring.factor = (uint32_t)factor;
    return true;
}

static void
hash_clear(VsBalancer *balancer)
{
    Hash *hash = balancer->state;

    vs_haproxy_map_clear(&hash->map);
    vs_haproxy_ring_clear(&hash->ring);
}

static void
hash_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    Hash *hash = balancer->state;

    if (hash->is_consistent) {
        vs_haproxy_ring_change(&hash->ring, balancer, change, backend);
    } else {
        vs_haproxy_map_change(&hash->map, balancer, backend);
    }
}

static void
hash_rebuild(VsBalancer *balancer)
{
    Hash *hash = balancer->state;

    if (hash->is_consistent) {
        vs_haproxy_ring_rebuild(&hash->ring, balancer);
    } else {
        vs_haproxy_map_rebuild(&hash->map, balancer);
    }
}

static void
hash_released(VsBalancer *balancer, uint32_t backend, const VsBalanceOutcome *outcome)
{
    Hash *hash = balancer->state;

    (void)backend;
    (void)outcome;
    hash->ring.n_served--;
}

static uint32_t
take_hash(VsBalancer *balancer, uint32_t value)
{
    Hash *hash = balancer->state;
    uint32_t backend;

    /* A single server is not asked for by a hash. */
    if (balancer->n_available == 1) {
        value = 0;
    } else if (hash->has_avalanche) {
        value = vs_avalanche(value);
    }
    backend = hash->is_consistent ? vs_haproxy_ring_at(&hash->ring, balancer, value)
                                  : vs_haproxy_map_at(&hash->map, value);
    hash->ring.n_served++;
    return backend;
}

static uint32_t
hash_of(const VsBalancer *balancer, const char *data, size_t bytes)
{
    switch (balancer->params[HASH_FUNCTION]) {
    case FUNCTION_DJB2:
        return vs_djb2(data, bytes);
    case FUNCTION_WT6:
        return vs_wt6(data, bytes);
    case FUNCTION_CRC32:
        return vs_crc32(0, data, bytes);
    default:
        return vs_sdbm(data, bytes);
    }
}

/* ---- source ------------------------------------------------------------------------- */

/* The address's words are xored, and go through no function. */
static uint32_t
source_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return take_hash(balancer, key->flow.saddr);
}

/* ---- uri ---------------------------------------------------------------------------- */

/* Steps over "scheme://authority" to the path, which may be empty; "*" has none. */
static const char *
find_path(const char *uri, const char *end)
{
    const char *at = uri;

    if (at < end && *at == '/') {
        return at;
    }
    while (at < end && *at != ':' && *at != '/') {
        at++;
    }
    if (end - at < 3 || memcmp(at, "://", 3) != 0) {
        return end;
    }
    at = memchr(at + 3, '/', (size_t)(end - at - 3));
    return at ? at : end;
}

static uint32_t
uri_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const uint64_t *params = balancer->params;
    const char *start = key->data;
    const char *end = start + key->bytes;
    const char *at;
    uint64_t n_slashes = 0;

    if (params[URI_PATH_ONLY]) {
        start = find_path(start, end);
    }
    if (params[URI_LEN] > 0 && params[URI_LEN] < (uint64_t)(end - start)) {
        end = start + params[URI_LEN];
    }
    for (at = start; at < end; at++) {
        if (*at == '/') {
            /* The first slash begins the first directory. */
            if (++n_slashes == params[URI_DEPTH] + 1 && params[URI_DEPTH] > 0) {
                break;
            }
        } else if (*at == '?' && !params[URI_WHOLE]) {
            break;
        }
    }
    return take_hash(balancer, hash_of(balancer, start, (size_t)(at - start)));
}

/* ---- hdr ---------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The end of the first value of a list with commas, some of which may be in quotes. */
static const char *
find_value_end(const char *at, const char *end)
{
    bool is_quoted = false;

    for (; at < end && (is_quoted || *at != ','); at++) {
        if (is_quoted && *at == '\\' && at + 1 < end) {
            at++;
        } else if (*at == '"') {
            is_quoted = !is_quoted;
        }
    }
    return at;
}

/* Narrows a host's name to the label before its last dot; without a dot it stays. */
static void
take_domain(const char **start, const char **end)
{
    const char *dot = *end - 1;
    const char *label;

    while (dot > *start && *dot != '.') {
        dot--;
    }
    if (dot <= *start) {
        return;
    }
    label = dot - 1;
    while (label > *start && label[-1] != '.') {
        label--;
    }
    *start = label;
    *end = dot;
}

/* Requests without the header take turns. */
static uint32_t
take_turn(VsBalancer *balancer)
{
    Hash *hash = balancer->state;

    hash->ring.n_served++;
    return hash->is_consistent ? vs_haproxy_ring_next(&hash->ring)
                               : vs_haproxy_map_next(&hash->map);
}

static uint32_t
hdr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const char *start = key->data;
    const char *end = start + key->bytes;

    while (start < end && is_blank(*start)) {
        start++;
    }
    end = find_value_end(start, end);
    while (end > start && is_blank(end[-1])) {
        end--;
    }
    if (balancer->n_available > 1 && start == end) {
        return take_turn(balancer);
    }
    if (balancer->params[HDR_DOMAIN_ONLY] && start < end) {
        take_domain(&start, &end);
    }
    return take_hash(balancer, hash_of(balancer, start, (size_t)(end - start)));
}

/* ---- random ------------------------------------------------------------------------- */

enum { RANDOM_DRAWS };

static void
random_clear(VsBalancer *balancer)
{
    vs_haproxy_ring_clear(balancer->state);
}

static void
random_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    vs_haproxy_ring_change(balancer->state, balancer, change, backend);
}

static void
random_rebuild(VsBalancer *balancer)
{
    vs_haproxy_ring_rebuild(balancer->state, balancer);
}

static uint32_t
random_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsBackend *backends = balancer->backends;
    uint32_t best = VS_BALANCER_NONE;

    (void)key;
    for (uint64_t i = 0; i < balancer->params[RANDOM_DRAWS]; i++) {
        uint32_t drawn =
            vs_haproxy_ring_at(balancer->state, balancer, vs_rng_u32(&balancer->rng));

        /* Of equals the last one drawn. */
        if (best == VS_BALANCER_NONE ||
            (uint64_t)backends[drawn].n_active *
                    vs_haproxy_effective_weight(&backends[best]) <=
                (uint64_t)backends[best].n_active *
                    vs_haproxy_effective_weight(&backends[drawn])) {
            best = drawn;
        }
    }
    return best;
}

/* ---- The table ---------------------------------------------------------------------- */

/* clang-format off */
#define HASH_PARAMS                                                                      \
    [HASH_TYPE] = {.name = "hash-type",                                                  \
        .doc = "map-based: a slot of a map that is made anew when servers change; "      \
               "consistent: the closest point of a ring, few of which then move.",       \
        .choices = type_names},                                                          \
    [HASH_FUNCTION] = {.name = "hash-function",                                          \
        .doc = "Of text; source addresses go through none.  default: sdbm, and with "    \
               "hash-type=consistent the modifier avalanche.",                           \
        .choices = function_names},                                                      \
    [HASH_MODIFIER] = {.name = "hash-modifier",                                          \
        .doc = "avalanche: the hash is mixed once more; needs a named hash-function.",   \
        .choices = modifier_names},                                                      \
    [BALANCE_FACTOR] = {.name = "hash-balance-factor",                                   \
        .doc = "With hash-type=consistent: a server takes at most this many per cent "   \
               "of its share of the connections, and the next on the ring the rest; "    \
               "0: no bound.",                                                           \
        .max = 65535}

static const VsBalancerParam source_params[] = {HASH_PARAMS, {0}};

static const VsBalancerParam uri_params[] = {
    HASH_PARAMS,
    [URI_WHOLE] = {.name = "whole",
        .doc = "The query is hashed too: what begins with the question mark.",
        .choices = yes_names},
    [URI_LEN] = {.name = "len",
        .doc = "Only so many bytes are hashed; 0: all.", .max = INT32_MAX},
    [URI_DEPTH] = {.name = "depth",
        .doc = "Only so many directories are hashed; 0: all.", .max = INT32_MAX - 1},
    [URI_PATH_ONLY] = {.name = "path-only",
        .doc = "Scheme and authority, if the request has them, are not hashed.",
        .choices = yes_names},
    {0},
};

static const VsBalancerParam hdr_params[] = {
    HASH_PARAMS,
    [HDR_DOMAIN_ONLY] = {.name = "use-domain-only",
        .doc = "Of a host's name only the label before the last dot is hashed.",
        .choices = yes_names},
    {0},
};

static const VsBalancerParam random_params[] = {
    [RANDOM_DRAWS] = {.name = "draws", .doc = "Servers drawn, of which one is chosen.",
        .def = 2, .min = 1, .max = INT32_MAX},
    {0},
};
/* clang-format on */

#define HASH_FUNCTIONS                                                  \
    .state_size = sizeof(Hash), .init = hash_init, .clear = hash_clear, \
    .changed = hash_changed, .rebuild = hash_rebuild, .released = hash_released

const VsBalancerKind vs_balancer_kinds_haproxy_hash[] = {
    {
        .name = "haproxy-random",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "Draws points of a ring (hash-type=consistent) at random and takes the "
               "server with the fewest connections for its weight; of equals the last "
               "one drawn.  Random numbers are the run's own.",
        .source = "HAProxy 2.6, src/backend.c, get_server_rnd()",
        .formula = "argmin over the draws of active / weight",
        .params = random_params,
        .state_size = sizeof(VsHaproxyRing),
        .clear = random_clear,
        .changed = random_changed,
        .rebuild = random_rebuild,
        .pick = random_pick,
    },
    {
        .name = "haproxy-source",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "A hash of the client's address: the xor of its 32-bit words.",
        .source = "HAProxy 2.6, src/backend.c, get_server_sh(); src/lb_map.c, "
                  "map_get_server_hash(); src/lb_chash.c, chash_get_server_hash()",
        .formula = "map[saddr mod total], or the point closest to avalanche(saddr)",
        .key = VS_BALANCE_BY_ADDRESS,
        .params = source_params,
        HASH_FUNCTIONS,
        .pick = source_pick,
    },
    {
        .name = "haproxy-uri",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "A hash of the request's URI up to its query.",
        .source = "HAProxy 2.6, src/backend.c, get_server_uh(), gen_hash(); src/hash.c",
        .formula = "map[hash(uri) mod total], or the point closest to avalanche(hash)",
        .key = VS_BALANCE_BY_TEXT,
        .params = uri_params,
        HASH_FUNCTIONS,
        .pick = uri_pick,
    },
    {
        .name = "haproxy-hdr",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc = "A hash of the first value of a header; requests without it take turns "
               "among slots or points.",
        .source = "HAProxy 2.6, src/backend.c, get_server_hh(), assign_server()",
        .formula =
            "map[hash(value) mod total], or the point closest to avalanche(hash)",
        .key = VS_BALANCE_BY_TEXT,
        .params = hdr_params,
        HASH_FUNCTIONS,
        .pick = hdr_pick,
    },
    {0},
};
