#include "base/host_path.h"

#include <string.h>

enum {
    BIT_DEEP = 62,
    BIT_EXACT = 63,
    BLOCK = 64, /* Pairs of a bulk match under way at a time. */
};

/* ---- Texts ---- */

/* What a text is hashed as: the same letters are other texts to each. */
typedef enum TextKind {
    TEXT_HOST = 1, /* Case does not count. */
    TEXT_WILDCARD,
    TEXT_ELEMENT,
    TEXT_EXACT,
} TextKind;

/* Eight letters with those from A to Z made small: 0x20 is added where bit 7 of a byte, with
 * the eighth bits left out, tells that it is at least 'A' and not above 'Z'. */
static inline uint64_t
lower_case(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t seven = word & (0x7F * ones);
    uint64_t from_a = seven + (0x80 - 'A') * ones;
    uint64_t above_z = seven + (0x7F - 'Z') * ones;
    uint64_t is_upper = from_a & ~above_z & ~word & (0x80 * ones);

    return word | is_upper >> 2;
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 Wide;
    Wide product = (Wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* 128 bits from a text: in two chains of folded products, as wyhash has one. */
static inline VsKey
hash_text(const char *text, size_t length, TextKind kind, uint32_t seed)
{
    uint64_t a = (uint64_t)seed << 8 | kind, b = ~length;

    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;

        if (length - i >= 8) {
            memcpy(&word, text + i, 8);
        } else {
            for (size_t k = length; k > i; k--) {
                word = word << 8 | (uint8_t)text[k - 1];
            }
        }
        word = GUINT64_FROM_LE(word);
        if (kind <= TEXT_WILDCARD) {
            word = lower_case(word);
        }
        a = fold(a ^ word ^ 0xA0761D6478BD642Fu, 0xE7037ED1A0B428DBu ^ i) + word;
        b = fold(b ^ word ^ 0x8EBC6AF09C88C6E3u, 0x589965CC75374CC3u ^ i) ^ a;
    }
    return (VsKey){{a, b}};
}

/* The element of a path that starts at 'from', which may be empty; NULL at the end. */
static inline const char *
next_element(const char *from, const char *end, size_t *ret_length)
{
    const char *slash;

    if (from == end) {
        return NULL;
    }
    slash = memchr(from, '/', (size_t)(end - from));
    *ret_length = (size_t)((slash ? slash : end) - from);
    return from;
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
    vs_flow_table_init(&table->paths);
    vs_flow_table_init(&table->rules);
    g_array_append_val(table->path_nodes, root);
}

void
vs_host_path_clear(VsHostPath *table)
{
    vs_flow_table_clear(&table->hosts);
    vs_flow_table_clear(&table->paths);
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
    key = hash_text(host, strlen(host), is_wildcard ? TEXT_WILDCARD : TEXT_HOST, 0);
    number = vs_flow_table_find(&table->hosts, key);
    if (number == VS_FLOW_TABLE_NONE) {
        number = new_host(table);
        vs_flow_table_insert(&table->hosts, key, number);
    }
    return number;
}

static uint32_t
add_node(VsHostPath *table, VsKey key, uint32_t parent, unsigned bit)
{
    VsHostPathNode node = {parent, bit};
    uint32_t number = vs_flow_table_find(&table->paths, key);

    if (number == VS_FLOW_TABLE_NONE) {
        number = table->path_nodes->len;
        g_array_append_val(table->path_nodes, node);
        vs_flow_table_insert(&table->paths, key, number);
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
    const char *end = path + prefix_length(path), *element;
    uint32_t node = 0;
    unsigned depth = 0;
    size_t length;

    while (path < end && (element = next_element(path + 1, end, &length))) {
        VsKey key = hash_text(element, length, TEXT_ELEMENT, node);

        depth++;
        node = add_node(table, key, node, MIN(depth, BIT_DEEP));
        path = element + length;
    }
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
        VsKey key = hash_text(path, strlen(path), TEXT_EXACT, 0);

        node = add_node(table, key, node, BIT_EXACT);
        table->has_exact = true;
    }
    *depths |=
        UINT64_C(1) << g_array_index(table->path_nodes, VsHostPathNode, node).bit;
    return vs_flow_table_insert(&table->rules, (VsKey){{host_number, node}}, value);
}

/* ---- Resolving ---- */

uint32_t
vs_host_path_resolve_host(const VsHostPath *table, const char *host)
{
    size_t length = strlen(host);
    uint32_t number =
        vs_flow_table_find(&table->hosts, hash_text(host, length, TEXT_HOST, 0));
    const char *dot;

    if (number != VS_FLOW_TABLE_NONE) {
        return number;
    }
    dot = memchr(host, '.', length);
    if (dot && dot != host) {
        number = vs_flow_table_find(
            &table->hosts,
            hash_text(dot, length - (size_t)(dot - host), TEXT_WILDCARD, 0));
    }
    return number != VS_FLOW_TABLE_NONE ? number : table->any_host;
}

uint32_t
vs_host_path_resolve_path(const VsHostPath *table, const char *path)
{
    const char *end = path + strcspn(path, "?"), *from = path, *element;
    uint32_t node = 0, next;
    size_t length;

    if (table->has_exact) {
        next = vs_flow_table_find(&table->paths,
                                  hash_text(path, (size_t)(end - path), TEXT_EXACT, 0));
        if (next != VS_FLOW_TABLE_NONE) {
            return next;
        }
    }
    while (from < end && (element = next_element(from + 1, end, &length))) {
        next = vs_flow_table_find(&table->paths,
                                  hash_text(element, length, TEXT_ELEMENT, node));
        if (next == VS_FLOW_TABLE_NONE) {
            break;
        }
        node = next;
        from = element + length;
    }
    return node;
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
