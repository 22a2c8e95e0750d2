/* Builders of rules: one function a step. */
#include "netfilter/rule.h"
#include "base/prefix.h"

#include "netfilter/ruleset.h"

VsRuleStep *
vs_rule_add_step(VsRule *rule, VsStepKind kind, VsModule module)
{
    VsRuleStep *step;

    rule->steps = g_renew(VsRuleStep, rule->steps, rule->n_steps + 1);
    step = &rule->steps[rule->n_steps++];
    *step = (VsRuleStep){.kind = kind, .module = module};
    return step;
}

static VsRuleStep *
add_range(VsRule *rule, VsModule module, VsField field, uint32_t value, uint32_t mask)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_RANGE, module);

    step->range.field = field;
    step->range.mask = mask;
    step->range.min = value;
    step->range.max = value;
    return step;
}

void
vs_rule_match(VsRule *rule, VsModule module, VsField field, uint32_t value)
{
    add_range(rule, module, field, value, UINT32_MAX);
}

void
vs_rule_match_not(VsRule *rule, VsModule module, VsField field, uint32_t value)
{
    add_range(rule, module, field, value, UINT32_MAX)->range.is_inverted = true;
}

void
vs_rule_match_prefix(VsRule *rule, VsField field, VsAddr prefix, unsigned length,
                     bool is_inverted)
{
    uint32_t mask = vs_prefix_mask(length);

    add_range(rule, VS_MODULE_BASE, field, prefix & mask, mask)->range.is_inverted =
        is_inverted;
}

void
vs_rule_match_bits(VsRule *rule, VsModule module, VsField field, uint32_t bits)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_BITS, module);

    step->range.field = field;
    step->range.mask = bits;
}

void
vs_rule_match_mark(VsRule *rule, uint32_t value, uint32_t mask, bool is_inverted)
{
    add_range(rule, VS_MODULE_MARK, VS_FIELD_MARK, value, mask)->range.is_inverted =
        is_inverted;
}

void
vs_rule_comment(VsRule *rule, const char *comment)
{
    vs_rule_add_step(rule, VS_STEP_COMMENT, VS_MODULE_COMMENT)->comment =
        g_strdup(comment);
}

void
vs_rule_verdict(VsRule *rule, VsVerdictKind kind)
{
    vs_rule_add_step(rule, VS_STEP_VERDICT, VS_MODULE_BASE)->verdict.kind = kind;
}

static void
add_target(VsRule *rule, VsVerdictKind kind, const char *chain)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_VERDICT, VS_MODULE_BASE);

    step->verdict.kind = kind;
    step->verdict.target = g_strdup(chain);
}

void
vs_rule_jump(VsRule *rule, const char *chain)
{
    add_target(rule, VS_RULE_JUMP, chain);
}

void
vs_rule_goto(VsRule *rule, const char *chain)
{
    add_target(rule, VS_RULE_GOTO, chain);
}

void
vs_rule_set_mark(VsRule *rule, uint32_t value, uint32_t mask)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_SET_MARK, VS_MODULE_BASE);

    step->mark.value = value;
    step->mark.mask = mask;
}

void
vs_rule_dnat(VsRule *rule, VsAddr address, uint16_t port)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_DNAT, VS_MODULE_BASE);

    step->nat.has_address = true;
    step->nat.min_address = address;
    step->nat.max_address = address;
    step->nat.has_ports = port != 0;
    step->nat.min_port = port;
    step->nat.max_port = port;
}
