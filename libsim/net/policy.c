#include "net/policy.h"

#include "base/units.h"
#include "net/netns.h"

/* Those that every namespace starts with. */
static const VsPolicyRule kernel_rules[] = {
    {.priority = 0, .table = VS_TABLE_LOCAL},
    {.priority = 32766, .table = VS_TABLE_MAIN},
    {.priority = 32767, .table = VS_TABLE_DEFAULT},
};

static void
table_free(gpointer table_)
{
    VsRouteTable *table = table_;

    vs_routes_clear(&table->routes);
    g_free(table);
}

VsPolicy *
vs_policy_of(VsNetns *netns)
{
    if (!netns->policy) {
        netns->policy = g_new0(VsPolicy, 1);
        netns->policy->rules = g_array_new(FALSE, FALSE, sizeof(VsPolicyRule));
        netns->policy->tables = g_ptr_array_new_with_free_func(table_free);
        g_array_append_vals(netns->policy->rules, kernel_rules,
                            G_N_ELEMENTS(kernel_rules));
    }
    return netns->policy;
}

void
vs_policy_free(VsPolicy *policy)
{
    if (!policy) {
        return;
    }
    g_array_free(policy->rules, TRUE);
    g_ptr_array_free(policy->tables, TRUE);
    g_free(policy);
}

static inline const VsPolicyRule *
rule_at(const VsPolicy *policy, unsigned i)
{
    return &g_array_index(policy->rules, VsPolicyRule, i);
}

void
vs_policy_add_rule(VsPolicy *policy, const VsPolicyRule *rule)
{
    unsigned place = policy->rules->len;

    while (place > 0 && rule_at(policy, place - 1)->priority > rule->priority) {
        place--;
    }
    g_array_insert_val(policy->rules, place, *rule);
}

static VsRouteTable *
find_table(const VsPolicy *policy, uint32_t number)
{
    for (unsigned i = 0; i < policy->tables->len; i++) {
        VsRouteTable *table = policy->tables->pdata[i];

        if (table->number == number) {
            return table;
        }
    }
    return NULL;
}

static int
compare_tables(gconstpointer a, gconstpointer b)
{
    uint32_t x = (*(const VsRouteTable *const *)a)->number;
    uint32_t y = (*(const VsRouteTable *const *)b)->number;

    return (x > y) - (x < y);
}

VsRoutes *
vs_policy_get_table(VsPolicy *policy, uint32_t number)
{
    VsRouteTable *table = find_table(policy, number);

    g_assert(number != VS_TABLE_LOCAL && number != VS_TABLE_MAIN);
    if (!table) {
        table = g_new0(VsRouteTable, 1);
        table->number = number;
        vs_routes_init(&table->routes);
        g_ptr_array_add(policy->tables, table);
        g_ptr_array_sort(policy->tables, compare_tables);
    }
    return &table->routes;
}

static inline bool
rule_matches(const VsPolicyRule *rule, const VsRouteKey *key)
{
    return vs_prefix_holds(rule->to, key->daddr) &&
           vs_prefix_holds(rule->from, key->saddr) &&
           ((key->mark ^ rule->mark) & rule->mask) == 0 &&
           (!rule->iif || rule->iif == key->iif);
}

static const VsRoute *
look_up(VsNetns *netns, uint32_t number, VsAddr daddr)
{
    VsRouteTable *table;
    const VsRoute *route;

    if (number == VS_TABLE_LOCAL || number == VS_TABLE_MAIN) {
        route = vs_routes_find(&netns->routes, daddr);
        return route && (route->type == VS_ROUTE_LOCAL) == (number == VS_TABLE_LOCAL)
                   ? route
                   : NULL;
    }
    table = find_table(netns->policy, number);
    return table ? vs_routes_find(&table->routes, daddr) : NULL;
}

const VsRoute *
vs_policy_find(VsNetns *netns, const VsRouteKey *key, VsPolicyChoice *ret_choice)
{
    *ret_choice = (VsPolicyChoice){0};
    for (unsigned i = 0; i < netns->policy->rules->len; i++) {
        const VsPolicyRule *rule = rule_at(netns->policy, i);
        const VsRoute *route;

        if (!rule_matches(rule, key)) {
            continue;
        }
        ret_choice->n_tables++;
        route = look_up(netns, rule->table, key->daddr);
        if (route) {
            ret_choice->rule = rule;
            return route;
        }
    }
    return NULL;
}

/* ---- Text ------------------------------------------------------------------------ */

char *
vs_policy_table_name(uint32_t number)
{
    static const char *const names[] = {"default", "main", "local"};

    return number >= VS_TABLE_DEFAULT && number <= VS_TABLE_LOCAL
               ? g_strdup(names[number - VS_TABLE_DEFAULT])
               : g_strdup_printf("%u", number);
}

static char *
format_prefix(VsPrefix prefix)
{
    return prefix.length == 32 ? vs_format_ipv4(prefix.address)
                               : vs_format_ipv4_prefix(prefix.address, prefix.length);
}

char *
vs_policy_rule_format(const VsPolicyRule *rule)
{
    GString *text = g_string_new("from ");
    g_autofree char *from =
        rule->from.length > 0 ? format_prefix(rule->from) : g_strdup("all");
    g_autofree char *table = vs_policy_table_name(rule->table);

    g_string_append(text, from);
    if (rule->to.length > 0) {
        g_autofree char *to = format_prefix(rule->to);

        g_string_append_printf(text, " to %s", to);
    }
    if (rule->mask == UINT32_MAX) {
        g_string_append_printf(text, " fwmark %#x", rule->mark);
    } else if (rule->mask != 0) {
        g_string_append_printf(text, " fwmark %#x/%#x", rule->mark, rule->mask);
    }
    if (rule->iif) {
        g_string_append_printf(text, " iif %s", rule->iif->name);
    }
    g_string_append_printf(text, " lookup %s", table);
    return g_string_free(text, FALSE);
}

char *
vs_policy_print(const VsNetns *netns)
{
    const VsPolicyRule *rules =
        netns->policy ? (const VsPolicyRule *)(const void *)netns->policy->rules->data
                      : kernel_rules;
    unsigned n_rules =
        netns->policy ? netns->policy->rules->len : G_N_ELEMENTS(kernel_rules);
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < n_rules; i++) {
        g_autofree char *rule = vs_policy_rule_format(&rules[i]);

        g_string_append_printf(text, "%u:\t%s\n", rules[i].priority, rule);
    }
    return g_string_free(text, FALSE);
}
