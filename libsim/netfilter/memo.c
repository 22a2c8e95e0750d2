#include "netfilter/memo.h"

#include <string.h>

enum { MEMOS_A_SLAB = 64, MAX_MEMOS_A_CLASS = 4096 };

void
vs_memos_init(VsMemos *memos, VsChain *chain)
{
    memset(memos, 0, sizeof(*memos));
    memos->chain = chain;
    vs_pool_init(&memos->pool, sizeof(VsMemo), MEMOS_A_SLAB);
}

static void
forget(VsMemos *memos)
{
    for (unsigned i = 0; i < memos->n_classes; i++) {
        vs_table_clear(&memos->classes[i].memos);
    }
    memos->n_classes = 0;
    vs_pool_clear(&memos->pool);
}

void
vs_memos_clear(VsMemos *memos)
{
    forget(memos);
}

static VsKey
key_of(uint32_t fields, VsFieldReader read, const void *data)
{
    uint32_t values[VS_MEMO_MAX_FIELDS] = {0};
    unsigned n_values = 0;

    for (; fields; fields &= fields - 1) {
        values[n_values++] = read(data, (VsField)__builtin_ctz(fields));
    }
    return vs_set_key(values, n_values);
}

const VsMemo *
vs_memos_find(VsMemos *memos, VsFieldReader read, const void *data)
{
    if (G_UNLIKELY(memos->generation != memos->chain->table->ruleset->generation)) {
        forget(memos);
        memos->generation = memos->chain->table->ruleset->generation;
        return NULL;
    }
    for (unsigned i = 0; i < memos->n_classes; i++) {
        const VsMemo *memo = vs_table_find(
            &memos->classes[i].memos, key_of(memos->classes[i].fields, read, data));

        if (memo) {
            return memo;
        }
    }
    return NULL;
}

static uint32_t
read_array(const void *values, VsField field)
{
    return ((const uint32_t *)values)[field];
}

/* The table of the class of 'fields'; NULL when there are too many classes. */
static VsTable *
class_of(VsMemos *memos, uint32_t fields)
{
    for (unsigned i = 0; i < memos->n_classes; i++) {
        if (memos->classes[i].fields == fields) {
            return &memos->classes[i].memos;
        }
    }
    if (memos->n_classes == VS_MEMO_MAX_CLASSES) {
        return NULL;
    }
    memos->classes[memos->n_classes].fields = fields;
    vs_table_init(&memos->classes[memos->n_classes].memos);
    return &memos->classes[memos->n_classes++].memos;
}

void
vs_memos_add(VsMemos *memos, const VsRuleView *view, VsVerdictKind verdict,
             const uint32_t *before)
{
    VsTable *table;
    VsMemo *memo;

    if (view->is_volatile || view->n_hits > VS_MEMO_MAX_HITS ||
        __builtin_popcount(view->consulted) > VS_MEMO_MAX_FIELDS) {
        return;
    }
    table = class_of(memos, view->consulted);
    if (!table || vs_table_length(table) >= MAX_MEMOS_A_CLASS) {
        return;
    }
    memo = vs_pool_alloc(&memos->pool);
    *memo = (VsMemo){
        .verdict = verdict,
        .n_rules = view->n_rules,
        .n_lookups = view->n_lookups,
        .has_met_policy = view->has_met_policy,
        .sets_mark = view->fields[VS_FIELD_MARK] != before[VS_FIELD_MARK],
        .sets_ct_mark = view->fields[VS_FIELD_CT_MARK] != before[VS_FIELD_CT_MARK],
        .mark = view->fields[VS_FIELD_MARK],
        .ct_mark = view->fields[VS_FIELD_CT_MARK],
        .is_notrack = view->is_notrack,
        .has_zone = view->has_zone,
        .zone = view->zone,
        .nat = view->nat,
        .reject = view->reject,
        .n_hits = view->n_hits,
    };
    memcpy(memo->hits, view->hits, view->n_hits * sizeof(VsRule *));
    if (!vs_table_insert(table, key_of(view->consulted, read_array, before), memo)) {
        vs_pool_free(&memos->pool, memo);
    }
}

void
vs_memo_credit(const VsMemo *memo, VsChain *base, uint32_t bytes)
{
    for (unsigned i = 0; i < memo->n_hits; i++) {
        memo->hits[i]->n_packets++;
        memo->hits[i]->n_bytes += bytes;
    }
    if (memo->has_met_policy) {
        base->n_packets++;
        base->n_bytes += bytes;
    }
}
