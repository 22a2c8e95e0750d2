/* Targets, rules and tables as iptables-save prints them. */
#include <string.h>

#include "netfilter/iptables_options.h"

/* ---- Targets -------------------------------------------------------------------------- */

static void
print_verdict(GString *out, const VsRuleVerdict *verdict)
{
    static const char *const names[] = {
        [VS_RULE_ACCEPT] = "ACCEPT",
        [VS_RULE_DROP] = "DROP",
        [VS_RULE_RETURN] = "RETURN",
    };

    if (verdict->kind == VS_RULE_GOTO) {
        g_string_append_printf(out, " -g %s", verdict->target);
    } else {
        g_string_append_printf(out, " -j %s",
                               verdict->kind == VS_RULE_JUMP ? verdict->target
                                                             : names[verdict->kind]);
    }
}

static void
print_nat(GString *out, const char *target, const char *option, const VsNatRange *nat)
{
    g_string_append_printf(out, " -j %s", target);
    if (nat->has_address || nat->has_ports) {
        g_string_append_printf(out, " %s ", option);
    }
    if (nat->has_address) {
        vs_ipt_print_address(out, nat->min_address);
        if (nat->max_address != nat->min_address) {
            g_string_append_c(out, '-');
            vs_ipt_print_address(out, nat->max_address);
        }
    }
    if (nat->has_ports) {
        /* --to-ports has no address to part from. */
        if (!g_str_equal(option, "--to-ports")) {
            g_string_append_c(out, ':');
        }
        vs_ipt_print_range(out, nat->min_port, nat->max_port, '-');
    }
    if (nat->is_random) {
        g_string_append(out, " --random");
    }
    if (nat->is_random_fully) {
        g_string_append(out, " --random-fully");
    }
    if (nat->is_persistent) {
        g_string_append(out, " --persistent");
    }
}

static void
print_log(GString *out, const VsRuleStep *step)
{
    g_string_append(out, " -j LOG");
    if (step->log.prefix) {
        g_string_append(out, " --log-prefix");
        vs_ipt_print_text(out, step->log.prefix);
    }
    if (step->log.level != 4) {
        g_string_append_printf(out, " --log-level %u", step->log.level);
    }
}

/* 'has_ct': "-j CT" has been said for the step before. */
static void
print_target(GString *out, const VsRuleStep *step, bool has_ct)
{
    switch (step->kind) {
    case VS_STEP_VERDICT:
        print_verdict(out, &step->verdict);
        break;
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
        g_string_append_printf(out, " -j %s --set-xmark 0x%x/0x%x",
                               step->kind == VS_STEP_SET_MARK ? "MARK" : "CONNMARK",
                               step->mark.value, step->mark.mask);
        break;
    case VS_STEP_SAVE_MARK:
        g_string_append_printf(out,
                               " -j CONNMARK --save-mark --nfmask 0x%x --ctmask 0x%x",
                               step->mark.value, step->mark.mask);
        break;
    case VS_STEP_RESTORE_MARK:
        g_string_append_printf(
            out, " -j CONNMARK --restore-mark --nfmask 0x%x --ctmask 0x%x",
            step->mark.mask, step->mark.value);
        break;
    case VS_STEP_NOTRACK:
        g_string_append(out, " -j CT --notrack");
        break;
    case VS_STEP_SET_ZONE:
        g_string_append_printf(out, "%s --zone %u", has_ct ? "" : " -j CT",
                               step->mark.value);
        break;
    case VS_STEP_DNAT:
        print_nat(out, "DNAT", "--to-destination", &step->nat);
        break;
    case VS_STEP_SNAT:
        print_nat(out, "SNAT", "--to-source", &step->nat);
        break;
    case VS_STEP_MASQUERADE:
        print_nat(out, "MASQUERADE", "--to-ports", &step->nat);
        break;
    case VS_STEP_REDIRECT:
        print_nat(out, "REDIRECT", "--to-ports", &step->nat);
        break;
    case VS_STEP_REJECT:
        g_string_append_printf(out, " -j REJECT --reject-with %s",
                               vs_ipt_word_name(vs_ipt_rejects, step->reject));
        break;
    case VS_STEP_LOG:
        print_log(out, step);
        break;
    default:
        g_assert_not_reached(); /* Of nft alone. */
    }
}

/* ---- Rules ---------------------------------------------------------------------------- */

static const char *const module_names[VS_MODULE_LENGTH_] = {
    [VS_MODULE_TCP] = "tcp",
    [VS_MODULE_UDP] = "udp",
    [VS_MODULE_SCTP] = "sctp",
    [VS_MODULE_ICMP] = "icmp",
    [VS_MODULE_COMMENT] = "comment",
    [VS_MODULE_ADDRTYPE] = "addrtype",
    [VS_MODULE_STATISTIC] = "statistic",
    [VS_MODULE_RECENT] = "recent",
    [VS_MODULE_MARK] = "mark",
    [VS_MODULE_CONNMARK] = "connmark",
    [VS_MODULE_CONNTRACK] = "conntrack",
    [VS_MODULE_STATE] = "state",
    [VS_MODULE_SET] = "set",
    [VS_MODULE_LIMIT] = "limit",
    [VS_MODULE_MULTIPORT] = "multiport",
    [VS_MODULE_PHYSDEV] = "physdev",
    [VS_MODULE_LENGTH] = "length",
    [VS_MODULE_TTL] = "ttl",
    [VS_MODULE_NFACCT] = "nfacct",
    [VS_MODULE_OWNER] = "owner",
};

static bool
is_statement(const VsRuleStep *step)
{
    return step->kind >= VS_STEP_COUNTER;
}

/* Where the steps belong: what has no module, the matches, the target. */
static unsigned
group_of(const VsRuleStep *step)
{
    return is_statement(step) ? 2 : step->module == VS_MODULE_BASE ? 0 : 1;
}

/* Is 'a' to come after 'b', which is before it in the rule?  Options of one match are in the
 * order of their ranks. */
static bool
is_misplaced(const VsRuleStep *a, const VsRuleStep *b)
{
    if (group_of(a) != group_of(b)) {
        return group_of(b) > group_of(a);
    }
    return a->module == b->module && vs_ipt_step_rank(b) > vs_ipt_step_rank(a);
}

static const VsRuleStep **
ordered_steps(const VsRule *rule)
{
    const VsRuleStep **steps = g_new(const VsRuleStep *, rule->n_steps + 1);

    for (unsigned i = 0; i < rule->n_steps; i++) {
        const VsRuleStep *step = &rule->steps[i];
        unsigned j = i;

        for (; j > 0 && is_misplaced(step, steps[j - 1]); j--) {
            steps[j] = steps[j - 1];
        }
        steps[j] = step;
    }
    return steps;
}

/* Of the same match as 'before'?  An option that it has already begins another. */
static bool
goes_on(const VsRuleStep *step, const VsRuleStep *before)
{
    return before && before->module == step->module &&
           vs_ipt_step_rank(step) > vs_ipt_step_rank(before);
}

static void
print_rule(GString *out, const VsRule *rule)
{
    g_autofree const VsRuleStep **steps = ordered_steps(rule);
    const VsRuleStep *before = NULL;

    g_string_append(out, "-A ");
    g_string_append(out, rule->chain->name);
    for (unsigned i = 0; i < rule->n_steps; i++) {
        const VsRuleStep *step = steps[i];

        if (is_statement(step)) {
            print_target(out, step, before && before->kind == VS_STEP_NOTRACK);
        } else {
            if (step->module != VS_MODULE_BASE && !goes_on(step, before)) {
                g_string_append(out, " -m ");
                g_string_append(out, module_names[step->module]);
            }
            vs_ipt_print_match(out, step);
        }
        before = step;
    }
}

char *
vs_iptables_rule_print(const VsRule *rule)
{
    GString *out = g_string_new(NULL);

    print_rule(out, rule);
    return g_string_free(out, FALSE);
}

/* ---- Tables --------------------------------------------------------------------------- */

static int
compare_chains(gconstpointer a_, gconstpointer b_)
{
    const VsChain *a = *(VsChain *const *)a_;
    const VsChain *b = *(VsChain *const *)b_;

    return strcmp(a->name, b->name);
}

/* Built-in chains as they were made, then the others by name. */
static GPtrArray *
ordered_chains(const VsRuleTable *table)
{
    GPtrArray *chains = g_ptr_array_new();
    g_autoptr(GPtrArray) regular = g_ptr_array_new();

    for (unsigned i = 0; i < table->chains->len; i++) {
        VsChain *chain = table->chains->pdata[i];

        g_ptr_array_add(chain->type == VS_CHAIN_REGULAR ? regular : chains, chain);
    }
    g_ptr_array_sort(regular, compare_chains);
    g_ptr_array_extend(chains, regular, NULL, NULL);
    return chains;
}

static void
print_chain(GString *out, const VsChain *chain)
{
    const char *policy = chain->type == VS_CHAIN_REGULAR   ? "-"
                         : chain->policy == VS_RULE_ACCEPT ? "ACCEPT"
                                                           : "DROP";

    g_string_append_printf(out,
                           ":%s %s [%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT "]\n",
                           chain->name, policy, chain->n_packets, chain->n_bytes);
}

static void
print_table(GString *out, const VsRuleTable *table, bool with_counters)
{
    g_autoptr(GPtrArray) chains = ordered_chains(table);

    g_string_append_printf(out, "*%s\n", table->name);
    for (unsigned i = 0; i < chains->len; i++) {
        print_chain(out, chains->pdata[i]);
    }
    for (unsigned i = 0; i < chains->len; i++) {
        const VsChain *chain = chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            const VsRule *rule = chain->rules->pdata[j];

            if (with_counters) {
                g_string_append_printf(out,
                                       "[%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT "] ",
                                       rule->n_packets, rule->n_bytes);
            }
            print_rule(out, rule);
            g_string_append_c(out, '\n');
        }
    }
    g_string_append(out, "COMMIT\n");
}

char *
vs_iptables_print_table(const VsRuleTable *table, bool with_counters)
{
    GString *out = g_string_new(NULL);

    print_table(out, table, with_counters);
    return g_string_free(out, FALSE);
}

char *
vs_iptables_print(const VsRuleset *ruleset, bool with_counters)
{
    static const char *const order[] = {"mangle", "raw", "filter", "nat"};
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        const VsRuleTable *table =
            vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, order[i]);

        if (table) {
            print_table(out, table, with_counters);
        }
    }
    return g_string_free(out, FALSE);
}
