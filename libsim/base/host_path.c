#define _GNU_SOURCE /* strchrnul() */

#include "base/host_path.h"

#include <string.h>

enum {
    BIT_DEEP = 62,
    BIT_EXACT = 63,
    BLOCK = 64, /* Requests of a bulk match under way at a time. */
};

/* ---- Texts ---- */

/* What a text is hashed as: the same letters are other texts to each. */
typedef enum TextKind {
    TEXT_HOST = 1, /* Case does not count. */
    TEXT_WILDCARD,
    TEXT_PREFIX, /* A path up to the end of one of its elements. */
    TEXT_EXACT,
} TextKind;

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 Wide;
    Wide product = (Wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of the words before, of eight letters each: two chains of folded products, as
 * wyhash has one, that do not wait for each other. */
typedef struct TextHash {
    uint64_t a, b;
} TextHash;

static const TextHash nothing = {0xA0761D6478BD642Fu, 0x8EBC6AF09C88C6E3u};

static inline TextHash
absorb(TextHash hash, uint64_t word)
{
    return (TextHash){fold(hash.a ^ word, 0xE7037ED1A0B428DBu),
                      fold(hash.b ^ word, 0x589965CC75374CC3u)};
}

/* 128 bits for a text of 'length' that goes on with 'rest', up to seven letters. */
static inline VsKey
finish(TextHash hash, uint64_t rest, size_t length, TextKind kind)
{
    uint64_t tag = (uint64_t)length << 3 | kind;

    return (VsKey){{fold(hash.a ^ rest, 0x1D8E4E27C47D124Fu ^ tag),
                    fold(hash.b ^ rest, 0xEB44ACCAB455D165u ^ tag)}};
}

static inline uint64_t
load_eight(const char *text)
{
    uint64_t word;

    memcpy(&word, text, 8);
    return GUINT64_FROM_LE(word);
}

static inline uint64_t
load_four(const char *text)
{
    uint32_t word;

    memcpy(&word, text, 4);
    return GUINT32_FROM_LE(word);
}

/* The letters of a text from 'at', a multiple of eight, to its end, less than eight, and
 * zeros.  It reads nothing beyond the text, and overlapping words rather than letters. */
static inline uint64_t
load_rest(const char *text, size_t length, size_t at)
{
    size_t left = length - at;
    uint64_t word = 0;

    if (left == 0) {
        return 0;
    }
    if (length >= 8) {
        return load_eight(text + length - 8) >> (64 - 8 * left);
    }
    if (length >= 4) {
        return load_four(text) | load_four(text + length - 4) << (8 * length - 32);
    }
    for (size_t k = length; k > 0; k--) {
        word = word << 8 | (uint8_t)text[k - 1];
    }
    return word;
}

/* Bit 7 of each byte of 'word' that is 'letter'. */
static inline uint64_t
find_letter(uint64_t word, char letter)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t differing = word ^ (uint8_t)letter * ones;

    return ~(((differing & 0x7F * ones) + 0x7F * ones) | differing) & 0x80 * ones;
}

/* Case is a letter's bit 5, and all else that a name of a host may have, digits, "-" and ".",
 * has it set.  (Of what no name has, "_" becomes DEL, "[" becomes "{" and so on.) */
static inline uint64_t
lower_case(uint64_t word)
{
    return word | UINT64_C(0x2020202020202020);
}

/* As a path, but sixteen letters at a time. */
static inline VsKey
hash_host(const char *host, size_t length, TextKind kind)
{
    const uint64_t tag = (uint64_t)length << 3 | kind;
    uint64_t a = nothing.a, b = nothing.b, word, rest = 0;
    size_t at = 0;

    for (; length - at >= 16; at += 16) {
        word = lower_case(load_eight(host + at));
        rest = lower_case(load_eight(host + at + 8));
        a = fold(a ^ word, rest ^ 0xE7037ED1A0B428DBu);
        b = fold(b ^ rest, word ^ 0x589965CC75374CC3u);
    }
    rest = 0;
    if (length - at >= 8) {
        rest = lower_case(load_eight(host + at));
        at += 8;
    }
    word = lower_case(load_rest(host, length, at));
    return (VsKey){{fold(a ^ word, rest ^ 0x1D8E4E27C47D124Fu ^ tag),
                    fold(b ^ rest, word ^ 0xEB44ACCAB455D165u ^ tag)}};
}

/* One pass over a path, which has a key for the end of each of its elements. */
typedef struct PathScan {
    const char *path;
    size_t length;
    size_t at;        /* Of 'word'. */
    uint64_t word;    /* Letters not yet in the hash. */
    uint64_t slashes; /* Bits of those that are ahead in 'word'. */
    TextHash hash;
    size_t end;      /* Of the element. */
    uint64_t before; /* The bits of 'word' below its end. */
    bool has_ended;
} PathScan;

static inline void
scan_word(PathScan *scan)
{
    scan->word = scan->length - scan->at >= 8
                     ? load_eight(scan->path + scan->at)
                     : load_rest(scan->path, scan->length, scan->at);
    scan->slashes = find_letter(scan->word, '/');
}

static inline void
scan_open(PathScan *scan, const char *path, size_t length)
{
    scan->path = path;
    scan->length = length;
    scan->at = 0;
    scan->hash = nothing;
    scan->has_ended = false;
    scan_word(scan);
    scan->slashes &= ~UINT64_C(0x80); /* The slash that it starts with. */
}

/* True if a whole word is ahead, which then is in the hash. */
static inline bool
scan_on(PathScan *scan)
{
    if (scan->length - scan->at < 8) {
        return false;
    }
    scan->hash = absorb(scan->hash, scan->word);
    scan->at += 8;
    scan_word(scan);
    return true;
}

/* Goes to the end of the path's next element, a slash or the path's own; false at the end.  "/"
 * has none. */
static inline bool
scan_element(PathScan *scan)
{
    if (scan->has_ended) {
        return false;
    }
    while (!scan->slashes && scan_on(scan)) {
    }
    scan->has_ended = scan->slashes == 0;
    scan->before = (scan->slashes & -scan->slashes) - 1;
    scan->end = scan->slashes ? scan->at + (unsigned)__builtin_ctzll(scan->slashes) / 8
                              : scan->length;
    scan->slashes &= scan->slashes - 1;
    return !scan->has_ended || scan->length > 1;
}

/* The key of the path up to there. */
static inline VsKey
scan_key(const PathScan *scan)
{
    return finish(scan->hash, scan->word & scan->before >> 7, scan->end, TEXT_PREFIX);
}

/* The key of the whole path as an exact one. */
static inline VsKey
scan_whole(PathScan *scan)
{
    while (scan_on(scan)) {
    }
    return finish(scan->hash, scan->word, scan->length, TEXT_EXACT);
}

/* ---- Building ---- */

void
vs_host_path_init(VsHostPath *table)
{
    VsHostPathNode root = {VS_HOST_PATH_NONE, 0};

    *table = (VsHostPath){
        .host_depths = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
        .path_nodes = g_array_new(FALSE, FALSE, sizeof(VsHostPathNode)),
        .any_host = VS_HOST_PATH_NONE,
    };
    vs_flow_table_init(&table->hosts);
    vs_table_init(&table->paths);
    vs_flow_table_init(&table->rules);
    g_array_append_val(table->path_nodes, root);
}

void
vs_host_path_clear(VsHostPath *table)
{
    vs_flow_table_clear(&table->hosts);
    vs_table_clear(&table->paths);
    vs_flow_table_clear(&table->rules);
    g_array_free(table->host_depths, TRUE);
    g_array_free(table->path_nodes, TRUE);
    *table = (VsHostPath){0};
}

static uint32_t
new_host(VsHostPath *table)
{
    uint64_t no_paths = 0;

    g_array_append_val(table->host_depths, no_paths);
    return table->host_depths->len - 1;
}

static uint32_t
add_host(VsHostPath *table, const char *host)
{
    bool is_wildcard = host && strncmp(host, "*.", 2) == 0;
    uint32_t number;
    VsKey key;

    if (!host) {
        if (table->any_host == VS_HOST_PATH_NONE) {
            table->any_host = new_host(table);
        }
        return table->any_host;
    }
    host += is_wildcard ? 1 : 0;
    table->has_wildcard |= is_wildcard;
    key = hash_host(host, strlen(host), is_wildcard ? TEXT_WILDCARD : TEXT_HOST);
    number = vs_flow_table_find(&table->hosts, key);
    if (number == VS_FLOW_TABLE_NONE) {
        number = new_host(table);
        vs_flow_table_insert(&table->hosts, key, number);
    }
    return number;
}

/* The number of a path other than "/", or 0. */
static inline uint32_t
find_node(const VsHostPath *table, VsKey key)
{
    return GPOINTER_TO_UINT(vs_table_find(&table->paths, key));
}

static uint32_t
add_node(VsHostPath *table, VsKey key, uint32_t parent, unsigned bit)
{
    VsHostPathNode node = {parent, bit};
    uint32_t number = find_node(table, key);

    if (number == 0) {
        number = table->path_nodes->len;
        g_array_append_val(table->path_nodes, node);
        vs_table_insert(&table->paths, key, GUINT_TO_POINTER(number));
    }
    return number;
}

/* A prefix without the slashes at its end. */
static size_t
prefix_length(const char *path)
{
    size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/') {
        length--;
    }
    return length;
}

static uint32_t
add_path(VsHostPath *table, const char *path)
{
    uint32_t node = 0;
    unsigned depth = 0;
    PathScan scan;

    scan_open(&scan, path, prefix_length(path));
    while (scan_element(&scan)) {
        depth++;
        node = add_node(table, scan_key(&scan), node, MIN(depth, BIT_DEEP));
        table->prefix_lengths |= UINT64_C(1) << scan.end % 64;
    }
    table->depth_max = MAX(table->depth_max, depth);
    return node;
}

bool
vs_host_path_add(VsHostPath *table, const char *host, const char *path, bool is_exact,
                 uint32_t value)
{
    uint32_t host_number = add_host(table, host);
    uint32_t node = add_path(table, path);
    uint64_t *depths = &g_array_index(table->host_depths, uint64_t, host_number);

    g_assert(value != VS_HOST_PATH_NONE);
    if (is_exact) {
        PathScan scan;

        scan_open(&scan, path, strlen(path));
        node = add_node(table, scan_whole(&scan), node, BIT_EXACT);
        table->has_exact = true;
    }
    *depths |=
        UINT64_C(1) << g_array_index(table->path_nodes, VsHostPathNode, node).bit;
    return vs_flow_table_insert(&table->rules, (VsKey){{host_number, node}}, value);
}

/* ---- Resolving ---- */

/* The number of a host that no rule names: of its wildcard, or of any host. */
static uint32_t
resolve_other_host(const VsHostPath *table, const char *host, size_t length)
{
    const char *dot = table->has_wildcard ? memchr(host, '.', length) : NULL;
    uint32_t number = VS_FLOW_TABLE_NONE;

    if (dot && dot != host) {
        number = vs_flow_table_find(
            &table->hosts,
            hash_host(dot, length - (size_t)(dot - host), TEXT_WILDCARD));
    }
    return number != VS_FLOW_TABLE_NONE ? number : table->any_host;
}

uint32_t
vs_host_path_resolve_host(const VsHostPath *table, const char *host)
{
    size_t length = strlen(host);
    uint32_t number =
        vs_flow_table_find(&table->hosts, hash_host(host, length, TEXT_HOST));

    return number != VS_FLOW_TABLE_NONE ? number
                                        : resolve_other_host(table, host, length);
}

uint32_t
vs_host_path_resolve_path(const VsHostPath *table, const char *path)
{
    const size_t length = (size_t)(strchrnul(path, '?') - path);
    uint32_t node = 0, next;
    PathScan scan;

    if (table->has_exact) {
        scan_open(&scan, path, length);
        next = find_node(table, scan_whole(&scan));
        if (next != 0) {
            return next;
        }
    }
    scan_open(&scan, path, length);
    /* With a path, all that it starts with is there: none is below one that is not. */
    for (unsigned depth = 0; depth < table->depth_max && scan_element(&scan); depth++) {
        if (!(table->prefix_lengths >> scan.end % 64 & 1)) {
            break;
        }
        next = find_node(table, scan_key(&scan));
        if (next == 0) {
            break;
        }
        node = next;
    }
    return node;
}

static void
resolve_hosts(const VsHostPath *table, const char *const *hosts, size_t n,
              uint32_t *ret_numbers)
{
    VsKey keys[BLOCK];

    for (size_t i = 0; i < n; i++) {
        keys[i] = hash_host(hosts[i], strlen(hosts[i]), TEXT_HOST);
    }
    if (vs_flow_table_find_bulk(&table->hosts, keys, n, ret_numbers) == n) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (ret_numbers[i] == VS_FLOW_TABLE_NONE) {
            ret_numbers[i] = resolve_other_host(table, hosts[i], strlen(hosts[i]));
        }
    }
}

/* ---- Matching ---- */

/* 'node' or the next one above it at whose depth the host has paths; or NONE. */
static inline uint32_t
candidate(const VsHostPathNode *nodes, uint64_t depths, uint32_t node)
{
    while (node != VS_HOST_PATH_NONE && !(depths >> nodes[node].bit & 1)) {
        node = nodes[node].parent;
    }
    return node;
}

uint32_t
vs_host_path_find(const VsHostPath *table, uint32_t host, uint32_t path)
{
    const VsHostPathNode *nodes =
        (const VsHostPathNode *)(void *)table->path_nodes->data;
    uint32_t value = VS_HOST_PATH_NONE;
    uint64_t depths;

    if (host == VS_HOST_PATH_NONE) {
        return value;
    }
    depths = g_array_index(table->host_depths, uint64_t, host);
    path = candidate(nodes, depths, path);
    while (path != VS_HOST_PATH_NONE) {
        value = vs_flow_table_find(&table->rules, (VsKey){{host, path}});
        if (value != VS_FLOW_TABLE_NONE) {
            return value;
        }
        path = candidate(nodes, depths, nodes[path].parent);
    }
    return value;
}

void
vs_host_path_find_bulk(const VsHostPath *table, const uint32_t *hosts,
                       const uint32_t *paths, size_t n, uint32_t *ret_values)
{
    const VsHostPathNode *nodes =
        (const VsHostPathNode *)(void *)table->path_nodes->data;
    VsKey keys[BLOCK];

    for (size_t from = 0; from < n; from += BLOCK) {
        size_t length = MIN(n - from, BLOCK);

        for (size_t i = 0; i < length; i++) {
            uint32_t host = hosts[from + i];
            uint64_t depths = host == VS_HOST_PATH_NONE
                                  ? 0
                                  : g_array_index(table->host_depths, uint64_t, host);

            keys[i] = (VsKey){{host, candidate(nodes, depths, paths[from + i])}};
        }
        vs_flow_table_find_bulk(&table->rules, keys, length, ret_values + from);
        for (size_t i = 0; i < length; i++) {
            uint32_t tried = (uint32_t)keys[i].w[1];

            /* The longest path was another host's, or of another branch. */
            if (ret_values[from + i] == VS_FLOW_TABLE_NONE &&
                tried != VS_HOST_PATH_NONE) {
                ret_values[from + i] =
                    vs_host_path_find(table, hosts[from + i], nodes[tried].parent);
            }
        }
    }
}

/* A short text's second cache line, too, if it has one. */
static inline void
fetch_texts(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(texts[i]);
        __builtin_prefetch(texts[i] + 32);
    }
}

void
vs_host_path_match_bulk(const VsHostPath *table, const char *const *hosts,
                        const char *const *paths, size_t n, uint32_t *ret_values)
{
    uint32_t host_numbers[BLOCK], path_numbers[BLOCK];

    for (size_t from = 0; from < n; from += BLOCK) {
        size_t length = MIN(n - from, BLOCK);

        fetch_texts(paths + from, length);
        resolve_hosts(table, hosts + from, length, host_numbers);
        fetch_texts(hosts + from + length, MIN(n - from - length, BLOCK));
        for (size_t i = 0; i < length; i++) {
            path_numbers[i] = vs_host_path_resolve_path(table, paths[from + i]);
        }
        vs_host_path_find_bulk(table, host_numbers, path_numbers, length,
                               ret_values + from);
    }
}
