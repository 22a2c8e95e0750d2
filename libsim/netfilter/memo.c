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
    memos->recent = 0;
    vs_pool_clear(&memos->pool);
}

void
vs_memos_clear(VsMemos *memos)
{
    forget(memos);
}

/* The values of 'fields', by their order; 0 for the rest. */
static inline void
read_values(uint32_t fields, VsFieldReader read, const void *data,
            uint32_t ret_values[VS_MEMO_MAX_FIELDS])
{
    unsigned n_values = 0;

    memset(ret_values, 0, VS_MEMO_MAX_FIELDS * sizeof(*ret_values));
    for (; fields; fields &= fields - 1) {
        ret_values[n_values++] = read(data, (VsField)__builtin_ctz(fields));
    }
}

static const VsMemo *
find_in_class(VsMemoClass *class, VsFieldReader read, const void *data)
{
    uint32_t values[VS_MEMO_MAX_FIELDS];
    const VsMemo *memo;

    read_values(class->fields, read, data, values);
    if (memcmp(class->last->values, values, sizeof(values)) == 0) {
        return class->last;
    }
    memo = vs_table_find(&class->memos, vs_set_key(values, VS_MEMO_MAX_FIELDS));
    if (memo) {
        class->last = memo;
    }
    return memo;
}

/* Memos of several classes may fit; their outcomes are the same, so the class that served
 * last may be asked first. */
const VsMemo *
vs_memos_find(VsMemos *memos, VsFieldReader read, const void *data)
{
    const VsMemo *memo = NULL;

    if (G_UNLIKELY(memos->generation != memos->chain->table->ruleset->generation)) {
        forget(memos);
        memos->generation = memos->chain->table->ruleset->generation;
        return NULL;
    }
    if (memos->n_classes > 0) {
        memo = find_in_class(&memos->classes[memos->recent], read, data);
    }
    for (unsigned i = 0; !memo && i < memos->n_classes; i++) {
        if (i != memos->recent) {
            memo = find_in_class(&memos->classes[i], read, data);
            memos->recent = memo ? i : memos->recent;
        }
    }
    return memo;
}

static uint32_t
read_array(const void *values, VsField field)
{
    return ((const uint32_t *)values)[field];
}

/* The class of 'fields'; NULL when there are too many classes. */
static VsMemoClass *
class_of(VsMemos *memos, uint32_t fields)
{
    VsMemoClass *class = memos->classes;

    for (; class < &memos->classes[memos->n_classes]; class ++) {
        if (class->fields == fields) {
            return class;
        }
    }
    if (memos->n_classes == VS_MEMO_MAX_CLASSES) {
        return NULL;
    }
    memos->n_classes++;
    class->fields = fields;
    vs_table_init(&class->memos);
    return class;
}

void
vs_memos_add(VsMemos *memos, const VsRuleView *view, VsVerdictKind verdict,
             const uint32_t *before)
{
    VsMemoClass *class;
    VsMemo *memo;

    if (view->is_volatile || view->n_hits > VS_MEMO_MAX_HITS ||
        __builtin_popcount(view->consulted) > VS_MEMO_MAX_FIELDS) {
        return;
    }
    class = class_of(memos, view->consulted);
    if (!class || vs_table_length(&class->memos) >= MAX_MEMOS_A_CLASS) {
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
    read_values(view->consulted, read_array, before, memo->values);
    if (vs_table_insert(&class->memos, vs_set_key(memo->values, VS_MEMO_MAX_FIELDS),
                        memo)) {
        class->last = memo;
    } else {
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
