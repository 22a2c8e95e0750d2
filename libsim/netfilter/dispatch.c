#include "netfilter/dispatch.h"

enum { RUN_MIN = 8 }; /* Shorter runs are walked: looking them up takes as long. */

/* A run of consecutive rules, [first, end), each for one destination address. */
typedef struct Run {
    unsigned first;
    unsigned end;
    GArray *rules;  /* Of unsigned: for each address how many rules, and which. */
    VsTable groups; /* Address to the place in 'rules' of its first; above 0. */
} Run;

struct VsDispatch {
    uint32_t generation;
    GArray *runs; /* Of Run, ascending. */
};

static VsKey
address_key(VsAddr address)
{
    return (VsKey){{address, 1}};
}

/* Matches without effects: rules that have only these before the address cannot show that
 * they were passed by.  Types of addresses are asked for when needed, which shows. */
static bool
is_silent(const VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_BITS:
        return step->range.field != VS_FIELD_SADDR_TYPE &&
               step->range.field != VS_FIELD_DADDR_TYPE;
    case VS_STEP_NAME:
    case VS_STEP_PORTS:
    case VS_STEP_PHYSDEV:
    case VS_STEP_COMMENT:
        return true;
    default:
        return false;
    }
}

/* The one destination address that 'rule' asks for; false when it asks for none. */
static bool
destination_of(const VsRule *rule, VsAddr *ret_address)
{
    for (unsigned i = 0; i < rule->n_steps && is_silent(&rule->steps[i]); i++) {
        const VsRuleStep *step = &rule->steps[i];

        if (step->kind == VS_STEP_RANGE && step->range.field == VS_FIELD_DADDR &&
            !step->range.is_inverted && step->range.mask == UINT32_MAX &&
            step->range.min == step->range.max) {
            *ret_address = step->range.min;
            return true;
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
    unsigned group = 0;

    for (unsigned i = first; i < end; i++) {
        g_array_append_val(order, i);
    }
    g_array_sort_with_data(order, compare_rules, (gpointer)addresses);
    run.rules = g_array_new(FALSE, FALSE, sizeof(unsigned));
    vs_table_init(&run.groups);
    for (unsigned i = 0; i < order->len; i++) {
        unsigned rule = g_array_index(order, unsigned, i);
        unsigned none = 0;

        if (i == 0 ||
            addresses[rule] != addresses[g_array_index(order, unsigned, i - 1)]) {
            group = run.rules->len;
            g_array_append_val(run.rules, none);
            vs_table_insert(&run.groups, address_key(addresses[rule]),
                            GSIZE_TO_POINTER((gsize)group + 1));
        }
        g_array_append_val(run.rules, rule);
        g_array_index(run.rules, unsigned, group)++;
    }
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

/* The first of 'n' ascending numbers that is 'least' or more, or 'none'. */
static unsigned
first_from(const unsigned *numbers, unsigned n, unsigned least, unsigned none)
{
    unsigned low = 0;
    unsigned high = n;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (numbers[middle] >= least) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low < n ? numbers[low] : none;
}

/* The first run that ends after 'from'; the number of runs when there is none. */
static unsigned
find_run(const GArray *runs, unsigned from)
{
    unsigned low = 0;
    unsigned high = runs->len;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (g_array_index(runs, Run, middle).end > from) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

unsigned
vs_dispatch_next(const VsDispatch *dispatch, unsigned from, VsAddr daddr)
{
    for (unsigned i = find_run(dispatch->runs, from); i < dispatch->runs->len; i++) {
        const Run *run = &g_array_index(dispatch->runs, Run, i);
        gsize group;

        if (from < run->first) {
            return from;
        }
        group = GPOINTER_TO_SIZE(vs_table_find(&run->groups, address_key(daddr)));
        if (group > 0) {
            const unsigned *rules = &g_array_index(run->rules, unsigned, group);

            from = first_from(rules, rules[-1], from, run->end);
        } else {
            from = run->end;
        }
        if (from < run->end) {
            return from;
        }
    }
    return from;
}
