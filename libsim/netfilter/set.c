#include <string.h>

#include "base/prefix.h"
#include "netfilter/ruleset.h"

static VsSet *
set_new(VsRuleset *ruleset, VsRuleTable *table, const char *name)
{
    VsSet *set = g_new0(VsSet, 1);

    set->ruleset = ruleset;
    set->table = table;
    set->name = g_strdup(name);
    set->elements = g_ptr_array_new();
    vs_table_init(&set->index);
    return set;
}

VsSet *
vs_set_new(void)
{
    return set_new(NULL, NULL, NULL);
}

static void
element_free(VsSetElement *element)
{
    g_free(element->verdict.target);
    g_free(element->nat);
    g_free(element->comment);
    g_free(element);
}

void
vs_set_free(VsSet *set)
{
    if (!set) {
        return;
    }
    for (unsigned i = 0; i < set->elements->len; i++) {
        element_free(set->elements->pdata[i]);
    }
    g_ptr_array_free(set->elements, TRUE);
    vs_table_clear(&set->index);
    g_free(set->name);
    g_free(set->comment);
    g_free(set);
}

VsSet *
vs_ruleset_find_set(const VsRuleset *ruleset, const VsRuleTable *table,
                    const char *name)
{
    return g_hash_table_lookup(table ? table->set_names : ruleset->ipset_names, name);
}

VsSet *
vs_ruleset_get_set(VsRuleset *ruleset, VsRuleTable *table, const char *name)
{
    VsSet *set = vs_ruleset_find_set(ruleset, table, name);

    if (!set) {
        set = set_new(ruleset, table, name);
        g_ptr_array_add(table ? table->sets : ruleset->ipsets, set);
        g_hash_table_insert(table ? table->set_names : ruleset->ipset_names, set->name,
                            set);
        vs_ruleset_touch(ruleset);
    }
    return set;
}

VsKey
vs_set_key(const uint32_t *values, unsigned n_values)
{
    uint32_t parts[VS_KEY_MAX_FIELDS] = {0};

    memcpy(parts, values, n_values * sizeof(*values));
    return (VsKey){
        {(uint64_t)parts[0] << 32 | parts[1], (uint64_t)parts[2] << 32 | parts[3]}};
}

/* Where a set with a name changes, cached outcomes of its ruleset are out of date; nobody
 * keeps outcomes that dynamic sets had a part in. */
static void
touch(VsSet *set)
{
    if (set->ruleset && !set->is_dynamic) {
        vs_ruleset_touch(set->ruleset);
    }
}

static VsSetElement *
append(VsSet *set, const VsKey *key, const VsKey *end)
{
    VsSetElement *element = g_new0(VsSetElement, 1);

    element->key = *key;
    element->end = *end;
    element->prefix_length = 32;
    g_ptr_array_add(set->elements, element);
    if (!set->has_intervals) {
        vs_table_insert(&set->index, *key, element);
    }
    touch(set);
    return element;
}

static void
remove_element(VsSet *set, VsSetElement *element)
{
    if (!element) {
        return;
    }
    if (!set->has_intervals) {
        vs_table_remove(&set->index, element->key);
    }
    g_ptr_array_remove(set->elements, element);
    element_free(element);
    touch(set);
}

/* The interval from 'key', to 'end' if that is not NULL; or NULL. */
static VsSetElement *
find_interval(const VsSet *set, const VsKey *key, const VsKey *end)
{
    for (unsigned i = 0; i < set->elements->len; i++) {
        VsSetElement *element = set->elements->pdata[i];

        if (vs_key_equal(element->key, *key) &&
            (!end || vs_key_equal(element->end, *end))) {
            return element;
        }
    }
    return NULL;
}

VsSetElement *
vs_set_add(VsSet *set, const VsKey *key)
{
    vs_set_remove(set, key);
    return append(set, key, key);
}

VsSetElement *
vs_set_add_interval(VsSet *set, const VsKey *key, const VsKey *end)
{
    remove_element(set, find_interval(set, key, end));
    return append(set, key, end);
}

VsSetElement *
vs_set_add_prefix(VsSet *set, VsAddr prefix, unsigned length)
{
    VsAddr last = prefix | ~vs_prefix_mask(length);
    VsKey key = vs_set_key(&prefix, 1);
    VsKey end = vs_set_key(&last, 1);
    VsSetElement *element;

    g_assert(set->has_intervals);
    element = vs_set_add_interval(set, &key, &end);
    element->prefix_length = (uint8_t)length;
    return element;
}

void
vs_set_remove(VsSet *set, const VsKey *key)
{
    remove_element(set, set->has_intervals ? find_interval(set, key, NULL)
                                           : vs_table_find(&set->index, *key));
}

bool
vs_set_has_room(VsSet *set, VsTime now)
{
    if (set->size == 0 || set->elements->len < set->size) {
        return true;
    }
    for (unsigned i = set->elements->len; i-- > 0;) {
        const VsSetElement *element = set->elements->pdata[i];

        if (element->expires != 0 && element->expires <= now) {
            VsKey key = element->key;

            vs_set_remove(set, &key);
        }
    }
    return set->elements->len < set->size;
}

void
vs_set_flush(VsSet *set)
{
    for (unsigned i = 0; i < set->elements->len; i++) {
        element_free(set->elements->pdata[i]);
    }
    g_ptr_array_set_size(set->elements, 0);
    vs_table_clear(&set->index);
    touch(set);
}

/* Is each part of 'key', of 32 bits, within those of the element? */
static bool
is_within(VsKey key, const VsSetElement *element)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(key.w); i++) {
        uint64_t first = element->key.w[i];
        uint64_t last = element->end.w[i];

        if (key.w[i] >> 32 < first >> 32 || key.w[i] >> 32 > last >> 32 ||
            (uint32_t)key.w[i] < (uint32_t)first ||
            (uint32_t)key.w[i] > (uint32_t)last) {
            return false;
        }
    }
    return true;
}

VsSetElement *
vs_set_find(const VsSet *set, const VsKey *key, VsTime now)
{
    VsSetElement *found = NULL;

    if (!set->has_intervals) {
        found = vs_table_find(&set->index, *key);
    }
    for (unsigned i = 0; set->has_intervals && !found && i < set->elements->len; i++) {
        VsSetElement *element = set->elements->pdata[i];

        if (is_within(*key, element)) {
            found = element;
        }
    }
    return found && (found->expires == 0 || found->expires > now) ? found : NULL;
}
