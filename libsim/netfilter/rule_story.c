#include "netfilter/rule_story.h"

#include <string.h>

#include "net/decision.h"
#include "net/story.h"
#include "netfilter/iptables.h"
#include "netfilter/nft.h"

typedef struct Teller {
    VsRuleObserver observer;
    VsPacket *packet;
    const VsNetns *netns;
    const VsRuleView *view;
    VsTime told;           /* Work of the rules told so far: charged after the walk. */
    VsVerdictKind verdict; /* Of the last of them. */
} Teller;

static const char *const verdict_names[] = {
    [VS_RULE_CONTINUE] = "continue", [VS_RULE_ACCEPT] = "accept",
    [VS_RULE_DROP] = "drop",         [VS_RULE_RETURN] = "return",
    [VS_RULE_JUMP] = "jump",         [VS_RULE_GOTO] = "goto",
};

char *
vs_rule_print(const VsRule *rule)
{
    return rule->chain->table->dialect == VS_DIALECT_NFT ? vs_nft_rule_print(rule)
                                                         : vs_iptables_rule_print(rule);
}

static VsTraceRecord *
add(Teller *teller, VsTraceKind kind, const VsChain *chain)
{
    VsTraceRecord *record = vs_story_add(teller->netns, teller->packet, kind);
    const VsCosts *costs = &teller->netns->host->costs;
    VsTime work = teller->view->n_rules * costs->rule +
                  teller->view->n_lookups * costs->set_lookup;

    record->time += work;
    record->cost = work - teller->told;
    teller->told = work;
    record->table = g_strdup(chain->table->name);
    record->name = g_strdup(chain->name);
    return record;
}

/* The rule just told, if it is one that goes to 'chain', says so. */
static void
name_target(const Teller *teller, const VsChain *chain)
{
    const GArray *records = teller->packet->run->trace->records;
    VsTraceRecord *last;

    if (teller->view->n_rules == 0) {
        return; /* The base chain. */
    }
    last = &g_array_index(records, VsTraceRecord, records->len - 1);
    g_free(last->verdict);
    last->verdict =
        g_strdup_printf("%s %s", verdict_names[teller->verdict], chain->name);
}

static void
tell_enter(VsRuleObserver *observer, const VsChain *chain)
{
    Teller *teller = VS_CONTAINER_OF(observer, Teller, observer);

    name_target(teller, chain);
    add(teller, VS_TRACE_CHAIN, chain);
}

/* A match that any packet would pass, as iptables keeps of a bare "-m tcp". */
static bool
holds_always(const VsRuleStep *step)
{
    bool is_port =
        step->range.field == VS_FIELD_SPORT || step->range.field == VS_FIELD_DPORT;
    uint32_t most = (is_port ? UINT16_MAX : UINT32_MAX) & step->range.mask;

    return !step->range.is_inverted && step->range.min == 0 && step->range.max >= most;
}

/* A statement that decides by what a map has. */
static bool
has_map(const VsRuleStep *step)
{
    return step->kind == VS_STEP_VMAP ||
           ((step->kind == VS_STEP_DNAT || step->kind == VS_STEP_SNAT) &&
            step->nat.map);
}

/* The step that decided: the one that failed, or of those that held all. */
static char *
explain(const VsRule *rule, const VsRuleStep *failed, const VsRuleView *view)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (failed) {
        return vs_rule_step_explain(failed, view, false);
    }
    for (unsigned i = 0; i < rule->n_steps; i++) {
        const VsRuleStep *step = &rule->steps[i];
        g_autofree char *part = NULL;

        if ((step->kind >= VS_STEP_COMMENT && !has_map(step)) ||
            (step->kind == VS_STEP_RANGE && holds_always(step))) {
            continue;
        }
        part = vs_rule_step_explain(step, view, true);
        g_string_append_printf(text, "%s%s", text->len ? "; " : "", part);
    }
    return text->len ? g_strdup(text->str) : g_strdup("matches every packet");
}

/* What the rule did besides or instead of a verdict. */
static const char *
statement_name(const VsRule *rule)
{
    const VsRuleStep *last = &rule->steps[rule->n_steps - 1];

    switch (last->kind) {
    case VS_STEP_SET_MARK:
        return "mark";
    case VS_STEP_DNAT:
        return "dnat";
    case VS_STEP_SNAT:
        return "snat";
    case VS_STEP_MASQUERADE:
        return "masquerade";
    case VS_STEP_REDIRECT:
        return "redirect";
    case VS_STEP_REJECT:
        return "reject";
    default:
        return NULL;
    }
}

static const char *
outcome_name(const VsRule *rule, VsVerdictKind verdict)
{
    const char *name = statement_name(rule);

    return name ? name : verdict_names[verdict];
}

static void
tell_rule(VsRuleObserver *observer, const VsRule *rule, const VsRuleStep *failed,
          const VsRuleView *view, VsVerdictKind verdict)
{
    Teller *teller = VS_CONTAINER_OF(observer, Teller, observer);
    VsTraceRecord *record = add(teller, VS_TRACE_RULE, rule->chain);

    teller->verdict = verdict;
    record->number = rule->number;
    record->text = vs_rule_print(rule);
    record->why = explain(rule, failed, view);
    record->verdict = g_strdup(failed ? "no match" : outcome_name(rule, verdict));
}

static void
tell_policy(VsRuleObserver *observer, const VsChain *chain, VsVerdictKind verdict)
{
    VsTraceRecord *record =
        add(VS_CONTAINER_OF(observer, Teller, observer), VS_TRACE_POLICY, chain);

    record->verdict = g_strdup(verdict_names[verdict]);
}

VsVerdictKind
vs_rule_story_walk(VsChain *chain, VsPacket *packet, const VsHookState *state,
                   VsRuleView *view)
{
    Teller teller = {
        .observer = {.enter = tell_enter, .rule = tell_rule, .policy = tell_policy},
        .packet = packet,
        .netns = state->netns,
        .view = view,
    };
    VsVerdictKind verdict;

    view->observer = &teller.observer;
    verdict = vs_chain_run(chain, view);
    view->observer = NULL;
    return verdict;
}

void
vs_rule_story_note(const VsChain *base, const VsRule *rule, VsVerdictKind verdict,
                   const VsNetns *netns, VsPacket *packet)
{
    if (rule) {
        g_autofree char *text = vs_rule_print(rule);

        vs_note_add(packet, netns, "table %s, chain %s, rule %u: %s => %s",
                    rule->chain->table->name, rule->chain->name, rule->number, text,
                    outcome_name(rule, verdict));
    } else if (verdict != VS_RULE_ACCEPT) {
        vs_note_add(packet, netns, "table %s, chain %s, end: policy %s",
                    base->table->name, base->name, verdict_names[verdict]);
    }
}
