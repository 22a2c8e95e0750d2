#include <string.h>

#include "scenario/private.h"

/* Longer lists of references stand by a hash of their own, found once: many elements may
 * share one list of a large template. */
#define INLINE_REFS_MAX 8

/* What is hashed has numbers in little endian and strings with their end, so that no two
 * scenarios share it. */
typedef struct Hasher {
    GByteArray *bytes;       /* Not yet in the checksum. */
    GHashTable *list_hashes; /* Array of a VsRefs to its hash as text. */
} Hasher;

static void
add_uint(GByteArray *bytes, uint64_t number)
{
    uint64_t little = GUINT64_TO_LE(number);

    g_byte_array_append(bytes, (const guint8 *)&little, sizeof(little));
}

static void
add_string(GByteArray *bytes, const char *text)
{
    g_byte_array_append(bytes, (const guint8 *)(text ? text : ""),
                        text ? (guint)strlen(text) + 1 : 1);
}

static void
add_reference(GByteArray *bytes, const VsElement *target)
{
    add_uint(bytes, target ? (uint64_t)target->index + 1 : 0);
}

static char *
hash_list(const VsRefs *refs)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    for (unsigned i = 0; i < refs->n_elements; i++) {
        add_reference(bytes, refs->elements[i]);
    }
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);
}

static void
add_references(Hasher *hasher, const VsRefs *refs)
{
    const char *hash;

    add_uint(hasher->bytes, refs->n_elements);
    if (refs->n_elements <= INLINE_REFS_MAX) {
        for (unsigned i = 0; i < refs->n_elements; i++) {
            add_reference(hasher->bytes, refs->elements[i]);
        }
        return;
    }
    hash = g_hash_table_lookup(hasher->list_hashes, refs->elements);
    if (!hash) {
        hash = hash_list(refs);
        g_hash_table_insert(hasher->list_hashes, refs->elements, (char *)hash);
    }
    add_string(hasher->bytes, hash);
}

/* What a file says, not where it is.  One that cannot be read is an error when the
 * simulation is built. */
static void
add_file(GByteArray *bytes, const VsElement *element, const char *file)
{
    g_autofree char *path = vs_element_path(element, file);
    g_autofree char *hash = NULL;
    GMappedFile *mapped = g_mapped_file_new(path, FALSE, NULL);

    if (mapped) { /* Not copied: a trace of requests may be large. */
        g_autoptr(GBytes) text = g_mapped_file_get_bytes(mapped);

        hash = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, text);
        g_mapped_file_unref(mapped);
    }
    add_string(bytes, hash);
}

/* The quick way for what a large scenario has most of, the printed form for the rest. */
static void
add_value(Hasher *hasher, const VsParam *param, const VsElement *element)
{
    const void *member = (const char *)element->config + param->offset;
    GByteArray *bytes = hasher->bytes;
    g_autofree char *text = NULL;

    switch (param->type) {
    case VS_PARAM_TYPE_STRING:
        add_string(bytes, *(const char *const *)member);
        return;
    case VS_PARAM_TYPE_FILE:
        add_file(bytes, element, *(const char *const *)member);
        return;
    case VS_PARAM_TYPE_UINT:
    case VS_PARAM_TYPE_IPV4:
        add_uint(bytes, *(const uint32_t *)member);
        return;
    case VS_PARAM_TYPE_TIME:
    case VS_PARAM_TYPE_RATE:
    case VS_PARAM_TYPE_SIZE:
    case VS_PARAM_TYPE_FREQUENCY:
    case VS_PARAM_TYPE_RATIO:
        add_uint(bytes, *(const uint64_t *)member);
        return;
    case VS_PARAM_TYPE_REF:
        add_reference(bytes, *(const VsElement *const *)member);
        return;
    case VS_PARAM_TYPE_REFS:
        add_references(hasher, member);
        return;
    default:
        text = vs_param_print(param, element->config);
        add_string(bytes, text);
    }
}

static void
add_element(Hasher *hasher, const VsElement *element)
{
    const VsParam *params = element->model->params;
    GByteArray *bytes = hasher->bytes;

    add_string(bytes, element->model->element);
    add_string(bytes, element->id);
    add_reference(bytes, element->parent);
    add_uint(bytes, element->member);
    add_uint(bytes, element->n_members);
    for (unsigned i = 0; params && params[i].name; i++) {
        if (params[i].def || vs_param_set_has(&element->given, i)) {
            add_string(bytes, params[i].name);
            add_value(hasher, &params[i], element);
        }
    }
    add_string(bytes, "");
}

void
vs_scenario_compute_hash(VsScenario *scenario)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GHashTable) list_hashes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    Hasher hasher = {bytes, list_hashes};

    add_string(bytes, VS_SCENARIO_NAMESPACE);
    add_uint(bytes, scenario->seed);
    add_uint(bytes, (uint64_t)scenario->until);
    for (guint i = 0; i < scenario->elements->len; i++) {
        add_element(&hasher, scenario->elements->pdata[i]);
        g_checksum_update(checksum, bytes->data, bytes->len);
        g_byte_array_set_size(bytes, 0);
    }
    g_checksum_update(checksum, bytes->data, bytes->len);
    g_strlcpy(scenario->hash, g_checksum_get_string(checksum), sizeof(scenario->hash));
}
