#include "netfilter/dispatch.h"

enum { RUN_MIN = 8 }; /* Shorter runs are walked: looking them up takes as long. */

/* A run of consecutive rules, [first, end), each for one destination address. */
typedef struct Run {
    unsigned first;
    unsigned end;
    GArray
        *rules; /* Of unsigned: rule numbers, grouped by address, ascending in each. */
    VsTable
        groups; /* Address to index in 'rules' + 1 of its group, which ends with END. */
} Run;

#define END UINT32_MAX

struct VsDispatch {
    uint32_t generation;
    unsigned n_rules;
    GArray *runs; /* Of Run, ascending. */
};

static VsKey
address_key(VsAddr address)
{
    return (VsKey){{address, 1}};
}

/* The one destination address that 'rule' asks for; false when it asks for none. */
static bool
destination_of(const VsRule *rule, VsAddr *ret_address)
{
    for (unsigned i = 0; i < rule->n_steps; i++) {
        const VsRuleStep *step = &rule->steps[i];

        if (step->kind == VS_STEP_RANGE && step->range.field == VS_FIELD_DADDR &&
            !step->range.is_inverted && step->range.mask == UINT32_MAX &&
            step->range.min == step->range.max) {
            *ret_address = step->range.min;
            return true;
        }
        /* What comes before the address must be a match without effects. */
        if (step->kind != VS_STEP_RANGE && step->kind != VS_STEP_COMMENT &&
            step->kind != VS_STEP_BITS && step->kind != VS_STEP_NAME) {
            return false;
        }
    }
    return false;
}

static int
compare_rules(gconstpointer a_, gconstpointer b_, gpointer addresses_)
{
    unsigned a = *(const unsigned *)a_;
    unsigned b = *(const unsigned *)b_;
    const VsAddr *addresses = addresses_;

    if (addresses[a] != addresses[b]) {
        return addresses[a] < addresses[b] ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static void
add_run(VsDispatch *dispatch, const VsAddr *addresses, unsigned first, unsigned end)
{
    Run run = {.first = first, .end = end};
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(unsigned));
    unsigned stop = END;

    for (unsigned i = first; i < end; i++) {
        g_array_append_val(order, i);
    }
    g_array_sort_with_data(order, compare_rules, (gpointer)addresses);
    run.rules = g_array_new(FALSE, FALSE, sizeof(unsigned));
    vs_table_init(&run.groups);
    for (unsigned i = 0; i < order->len; i++) {
        unsigned rule = g_array_index(order, unsigned, i);

        if (i == 0 ||
            addresses[rule] != addresses[g_array_index(order, unsigned, i - 1)]) {
            if (i > 0) {
                g_array_append_val(run.rules, stop);
            }
            vs_table_insert(&run.groups, address_key(addresses[rule]),
                            GSIZE_TO_POINTER((gsize)run.rules->len + 1));
        }
        g_array_append_val(run.rules, rule);
    }
    g_array_append_val(run.rules, stop);
    g_array_append_val(dispatch->runs, run);
}

static VsDispatch *
dispatch_new(const VsChain *chain)
{
    VsDispatch *dispatch = g_new0(VsDispatch, 1);
    unsigned n_rules = chain->rules->len;
    g_autofree VsAddr *addresses = g_new0(VsAddr, n_rules);
    unsigned first = 0;

    dispatch->generation = chain->table->ruleset->generation;
    dispatch->n_rules = n_rules;
    dispatch->runs = g_array_new(FALSE, FALSE, sizeof(Run));
    for (unsigned i = 0; i <= n_rules; i++) {
        if (i < n_rules && destination_of(chain->rules->pdata[i], &addresses[i])) {
            continue;
        }
        if (i - first >= RUN_MIN) {
            add_run(dispatch, addresses, first, i);
        }
        first = i + 1;
    }
    return dispatch;
}

void
vs_dispatch_free(VsDispatch *dispatch)
{
    if (!dispatch) {
        return;
    }
    for (unsigned i = 0; i < dispatch->runs->len; i++) {
        Run *run = &g_array_index(dispatch->runs, Run, i);

        g_array_free(run->rules, TRUE);
        vs_table_clear(&run->groups);
    }
    g_array_free(dispatch->runs, TRUE);
    g_free(dispatch);
}

const VsDispatch *
vs_dispatch_get(VsChain *chain)
{
    if (!chain->dispatch ||
        chain->dispatch->generation != chain->table->ruleset->generation) {
        vs_dispatch_free(chain->dispatch);
        chain->dispatch = dispatch_new(chain);
    }
    return chain->dispatch;
}

unsigned
vs_dispatch_next(const VsDispatch *dispatch, unsigned from, VsAddr daddr)
{
    for (unsigned i = 0; i < dispatch->runs->len; i++) {
        const Run *run = &g_array_index(dispatch->runs, Run, i);
        gsize group;

        if (from >= run->end) {
            continue;
        }
        if (from < run->first) {
            return from;
        }
        group = GPOINTER_TO_SIZE(vs_table_find(&run->groups, address_key(daddr)));
        for (; group > 0; group++) {
            unsigned rule = g_array_index(run->rules, unsigned, group - 1);

            if (rule == END) {
                break;
            }
            if (rule >= from) {
                return rule;
            }
        }
        from = run->end;
    }
    return from;
}
