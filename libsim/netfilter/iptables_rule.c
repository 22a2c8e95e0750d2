/* One rule of iptables' text: its options, matches and target. */
#include <string.h>

#include "base/suggest.h"
#include "netfilter/iptables_options.h"

/* More matches than any rule has; each has at most 16 options. */
enum { MAX_INSTANCES = 64, MAX_STEPS = MAX_INSTANCES * 16 };

/* Instances are in this order in their rule: what has no module, matches, the target. */
#define TARGET_ORDER UINT32_MAX

VsRuleStep *
vs_ipt_add_step(VsIptReader *reader, const VsIptInstance *instance, VsStepKind kind)
{
    g_array_append_val(reader->orders, instance->order);
    return vs_rule_add_step(reader->rule, kind, instance->module->module);
}

VsRuleStep *
vs_ipt_get_step(VsIptReader *reader, const VsIptInstance *instance)
{
    for (unsigned i = 0; i < reader->orders->len; i++) {
        if (g_array_index(reader->orders, uint32_t, i) == instance->order) {
            return &reader->rule->steps[i];
        }
    }
    return NULL;
}

bool
vs_ipt_has_ports(const VsIptReader *reader)
{
    static const uint8_t protocols[] = {6, 17, 33, 132, 136};

    return reader->has_protocol && !reader->is_protocol_inverted &&
           memchr(protocols, reader->protocol, sizeof(protocols));
}

static VsIptInstance *
instance_at(VsIptReader *reader, unsigned i)
{
    return &g_array_index(reader->instances, VsIptInstance, i);
}

static bool
add_instance(VsIptReader *reader, const VsIptModule *module, bool is_target)
{
    VsIptInstance instance = {
        .module = module,
        .order = is_target ? TARGET_ORDER : reader->instances->len,
    };

    g_array_append_val(reader->instances, instance);
    return !module->begin ||
           module->begin(reader, instance_at(reader, reader->instances->len - 1));
}

static const VsIptOption *
find_option(const VsIptModule *module, const char *name)
{
    for (const VsIptOption *option = module->options; option->parse; option++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(option->names); i++) {
            if (option->names[i] && strcmp(option->names[i], name) == 0) {
                return option;
            }
        }
    }
    return NULL;
}

/* "-p tcp --dport 80" means "-p tcp -m tcp --dport 80": the protocol's match, when it has
 * 'option' and is not there yet; or NULL. */
static const VsIptModule *
implied_module(VsIptReader *reader, const char *option)
{
    const char *name = reader->has_protocol
                           ? vs_ipt_word_name(vs_ipt_protocols, reader->protocol)
                           : NULL;
    const VsIptModule *module = name ? vs_ipt_find_match(name) : NULL;

    if (!module || module->protocol != reader->protocol ||
        !find_option(module, option)) {
        return NULL;
    }
    for (unsigned i = 0; i < reader->instances->len; i++) {
        if (instance_at(reader, i)->module == module) {
            return NULL;
        }
    }
    return module;
}

/* The latest module that has 'name', as in iptables. */
static bool
find_instance(VsIptReader *reader, const char *name, VsIptInstance **ret_instance,
              const VsIptOption **ret_option)
{
    const VsIptModule *implied = implied_module(reader, name);

    if (implied) {
        add_instance(reader, implied, false); /* Protocols begin with nothing. */
    }
    for (unsigned i = reader->instances->len; i-- > 0;) {
        *ret_instance = instance_at(reader, i);
        *ret_option = find_option((*ret_instance)->module, name);
        if (*ret_option) {
            return true;
        }
    }
    return false;
}

/* What could have been said instead of 'name', in the modules of the rule. */
static bool
refuse_option(VsIptReader *reader, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    if (*name != '-') {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_SYNTAX,
            "\"%s\" is not an option: quote texts with spaces, and write "
            "! before the option it turns round",
            name);
    }
    for (unsigned i = 0; i < reader->instances->len; i++) {
        const VsIptModule *module = instance_at(reader, i)->module;

        for (const VsIptOption *option = module->options; option->parse; option++) {
            g_ptr_array_add(names, (gpointer)option->names[0]);
        }
    }
    g_ptr_array_add(names, NULL);
    near = name[1] == '-' ? vs_suggest(name, (const char *const *)names->pdata) : NULL;
    if (near) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "option %s is not modelled here: did you mean %s?", name,
                           near);
    }
    return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                       "option %s is not modelled here: write its match (-m) or target "
                       "(-j) before it, or leave the rule out",
                       name);
}

/* Is the target allowed where the rule is? */
static bool
check_place(VsIptReader *reader, const VsIptModule *target)
{
    const VsChain *chain = reader->rule->chain;

    if (target->table && !g_str_equal(target->table, reader->table->name)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "target %s is for table %s, not %s", target->name,
                           target->table, reader->table->name);
    }
    if (target->chains && vs_ipt_is_built_in(chain) &&
        !strstr(target->chains, chain->name)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "target %s cannot be in chain %s: it works in %s and chains "
                           "called from there",
                           target->name, chain->name, target->chains);
    }
    return true;
}

static bool
read_verdict(VsIptReader *reader, VsVerdictKind kind, const char *target)
{
    const VsIptInstance instance = {.module = &vs_ipt_base, .order = TARGET_ORDER};
    VsRuleStep *step = vs_ipt_add_step(reader, &instance, VS_STEP_VERDICT);

    step->verdict.kind = kind;
    step->verdict.target = g_strdup(target);
    return true;
}

static bool
refuse_target(VsIptReader *reader, const char *name, const VsChain *chain)
{
    g_autofree char *names = NULL;

    if (chain) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                           "chain %s is built in: rules can only go to chains of your "
                           "own",
                           name);
    }
    names = vs_ipt_target_names();
    return vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                       "there is no chain \"%s\" in table %s, and no such target is "
                       "modelled: write :%s - [0:0] before the rule, or one of ACCEPT, "
                       "DROP, RETURN, %s",
                       name, reader->table->name, name, names);
}

/* "-j NAME", "-g NAME" */
static bool
read_target(VsIptReader *reader, const char *name, bool is_goto)
{
    static const VsIptWord verdicts[] = {{"ACCEPT", VS_RULE_ACCEPT},
                                         {"DROP", VS_RULE_DROP},
                                         {"RETURN", VS_RULE_RETURN},
                                         {NULL, 0}};
    const VsChain *chain = vs_rule_table_find_chain(reader->table, name);
    const VsIptModule *module = is_goto ? NULL : vs_ipt_find_target(name);

    if (reader->has_target) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "a second target, %s: write another rule for it", name);
    }
    reader->has_target = true;
    if (module) {
        return check_place(reader, module) && add_instance(reader, module, true);
    }
    for (unsigned i = 0; !is_goto && verdicts[i].name; i++) {
        if (g_str_equal(verdicts[i].name, name)) {
            return read_verdict(reader, verdicts[i].value, NULL);
        }
    }
    if (!chain || vs_ipt_is_built_in(chain)) {
        return refuse_target(reader, name, chain);
    }
    return read_verdict(reader, is_goto ? VS_RULE_GOTO : VS_RULE_JUMP, name);
}

static bool
read_match(VsIptReader *reader, const char *name)
{
    const VsIptModule *module = vs_ipt_find_match(name);

    if (!module) {
        g_autofree char *names = vs_ipt_match_names();

        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "match \"%s\" is not modelled: there are %s", name, names);
    }
    return add_instance(reader, module, false);
}

/* The option in word 'at' with its arguments; moves 'at' behind them. */
static bool
read_option(VsIptReader *reader, unsigned *at, bool is_inverted)
{
    const char *name = vs_ipt_nth_word(reader, (*at)++);
    const VsIptOption *option;
    VsIptInstance *instance;

    if (!find_instance(reader, name, &instance, &option)) {
        return refuse_option(reader, name);
    }
    if (is_inverted && !option->may_invert) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s cannot be turned round: leave the ! out", name);
    }
    if (instance->given & 1u << option->slot) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s comes after itself or an option it excludes: leave "
                           "one of them out",
                           name);
    }
    if (*at + option->n_args > reader->words->len) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s wants %u argument%s behind it", name, option->n_args,
                           option->n_args == 1 ? "" : "s");
    }
    instance->given |= 1u << option->slot;
    *at += option->n_args;
    return option->parse(reader, instance, option, is_inverted,
                         (char **)reader->words->pdata + *at - option->n_args);
}

static bool
is_word(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* One option of a rule, or a match or target; moves 'at' behind it. */
static bool
read_item(VsIptReader *reader, unsigned *at)
{
    bool is_inverted = g_str_equal(vs_ipt_nth_word(reader, *at), "!");
    const char *name;
    bool is_match, is_jump, is_goto;

    *at += is_inverted;
    name = vs_ipt_nth_word(reader, *at);
    if (!name) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "! at the end: write the option it turns round behind it");
    }
    is_match = is_word(name, "-m", "--match");
    is_jump = is_word(name, "-j", "--jump");
    is_goto = is_word(name, "-g", "--goto");
    if (!is_match && !is_jump && !is_goto) {
        return read_option(reader, at, is_inverted);
    }
    if (is_inverted || !vs_ipt_nth_word(reader, *at + 1)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           is_inverted ? "%s cannot be turned round: leave the ! out"
                                       : "%s wants a name behind it",
                           name);
    }
    *at += 2;
    name = vs_ipt_nth_word(reader, *at - 1);
    return is_match ? read_match(reader, name) : read_target(reader, name, is_goto);
}

/* What a module wants of the whole rule. */
static bool
end_instance(VsIptReader *reader, VsIptInstance *instance)
{
    const VsIptModule *module = instance->module;

    if (module->protocol != 0 &&
        (!reader->has_protocol || reader->is_protocol_inverted ||
         reader->protocol != module->protocol)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "-m %s wants -p %s",
                           module->name, module->name);
    }
    if (module->wants != 0 && !(instance->given & module->wants)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "%s wants %s", module->name,
                           module->wants_text);
    }
    return !module->end || module->end(reader, instance);
}

/* Puts the steps in the order of print: an insertion sort, for they nearly are. */
static void
sort_steps(VsIptReader *reader)
{
    VsRule *rule = reader->rule;
    uint64_t keys[MAX_STEPS];

    for (unsigned i = 0; i < rule->n_steps; i++) {
        VsRuleStep step = rule->steps[i];
        uint64_t key = (uint64_t)g_array_index(reader->orders, uint32_t, i) << 8 |
                       vs_ipt_step_rank(&step);
        unsigned j = i;

        for (; j > 0 && keys[j - 1] > key; j--) {
            keys[j] = keys[j - 1];
            rule->steps[j] = rule->steps[j - 1];
        }
        keys[j] = key;
        rule->steps[j] = step;
    }
}

bool
vs_ipt_read_rule(VsIptReader *reader, unsigned at)
{
    g_array_set_size(reader->orders, 0);
    g_array_set_size(reader->instances, 0);
    reader->has_target = false;
    reader->has_protocol = false;
    add_instance(reader, &vs_ipt_base, false);
    while (at < reader->words->len) {
        if (!read_item(reader, &at)) {
            return false;
        }
        if (reader->instances->len > MAX_INSTANCES) {
            return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                               "more than %d matches: write several rules",
                               MAX_INSTANCES);
        }
    }
    for (unsigned i = 0; i < reader->instances->len; i++) {
        if (!end_instance(reader, instance_at(reader, i))) {
            return false;
        }
    }
    sort_steps(reader);
    return true;
}
