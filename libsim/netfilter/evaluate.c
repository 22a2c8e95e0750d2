#include "netfilter/evaluate.h"

#include <string.h>

#include "netfilter/dispatch.h"
#include "netfilter/number.h"
#include "netfilter/recent.h"

typedef struct Outcome {
    VsVerdictKind kind;
    VsChain *chain;
} Outcome;

static uint32_t field_value(VsRuleView *view, VsField field);
static bool step_holds(VsRuleStep *step, VsRuleView *view);
static bool is_statement(VsStepKind kind);
static bool do_statement(VsRuleStep *step, VsRuleView *view, Outcome *outcome);

static void
credit(VsRuleView *view, VsRule *rule)
{
    rule->n_packets++;
    rule->n_bytes += view->bytes;
    view->hits[MIN(view->n_hits, VS_WALK_MAX_HITS - 1)] = rule;
    view->n_hits++;
}

/* The steps of one rule, up to a verdict or the first that does not hold.  nft rules, which
 * count in steps of their own, are credited as those of iptables are. */
static Outcome
run_rule(VsRule *rule, VsRuleView *view)
{
    const VsRuleStep *failed = NULL;
    Outcome outcome = {VS_RULE_CONTINUE, NULL};

    for (unsigned i = 0; i < rule->n_steps && outcome.kind == VS_RULE_CONTINUE; i++) {
        VsRuleStep *step = &rule->steps[i];

        if (is_statement(step->kind) ? !do_statement(step, view, &outcome)
                                     : !step_holds(step, view)) {
            failed = step;
            break;
        }
    }
    if (!failed) {
        credit(view, rule);
    }
    if (G_UNLIKELY(view->observer)) {
        view->observer->rule(view->observer, rule, failed, view, outcome.kind);
    }
    return outcome;
}

typedef struct Frame {
    VsChain *chain;
    unsigned next; /* Rule to go on with. */
} Frame;

/* The next rule to examine; what is passed by counts as examined. */
static unsigned
next_rule(const Frame *frame, VsRuleView *view)
{
    unsigned at = frame->next;

    if (!view->is_plain && !view->observer &&
        frame->chain->rules->len - at >= VS_DISPATCH_MIN_RULES) {
        at = vs_dispatch_next(vs_dispatch_get(frame->chain), at,
                              field_value(view, VS_FIELD_DADDR));
        view->n_rules += at - frame->next;
    }
    return at;
}

static void
enter(VsRuleView *view, const VsChain *chain)
{
    if (G_UNLIKELY(view->observer)) {
        view->observer->enter(view->observer, chain);
    }
}

static VsVerdictKind
apply_policy(VsChain *chain, VsRuleView *view)
{
    chain->n_packets++;
    chain->n_bytes += view->bytes;
    view->has_met_policy = true;
    if (G_UNLIKELY(view->observer)) {
        view->observer->policy(view->observer, chain, chain->policy);
    }
    return chain->policy;
}

VsVerdictKind
vs_chain_run(VsChain *base, VsRuleView *view)
{
    Frame stack[VS_CHAIN_MAX_DEPTH]; /* Linking refused more. */
    unsigned depth = 0;
    Frame frame = {base, 0};

    enter(view, base);
    for (;;) {
        Outcome outcome = {VS_RULE_RETURN, NULL};

        frame.next = next_rule(&frame, view);
        if (frame.next < frame.chain->rules->len) {
            view->n_rules++;
            outcome = run_rule(frame.chain->rules->pdata[frame.next++], view);
        }
        switch (outcome.kind) {
        case VS_RULE_CONTINUE:
            break;
        case VS_RULE_JUMP:
            g_assert(depth < VS_CHAIN_MAX_DEPTH);
            stack[depth++] = frame;
            G_GNUC_FALLTHROUGH;
        case VS_RULE_GOTO:
            frame = (Frame){outcome.chain, 0};
            enter(view, outcome.chain);
            break;
        case VS_RULE_RETURN:
            if (depth == 0) {
                return apply_policy(base, view);
            }
            frame = stack[--depth];
            break;
        case VS_RULE_ACCEPT:
        case VS_RULE_DROP:
            return outcome.kind;
        }
    }
}

static bool
is_statement(VsStepKind kind)
{
    return kind >= VS_STEP_COUNTER;
}

static inline void
consult(VsRuleView *view, VsField field)
{
    view->consulted |= UINT32_C(1) << field;
}

static uint32_t
field_value(VsRuleView *view, VsField field)
{
    consult(view, field);
    if (field == VS_FIELD_SADDR_TYPE || field == VS_FIELD_DADDR_TYPE) {
        unsigned i = field - VS_FIELD_SADDR_TYPE;

        if (view->addr_type && !view->has_addr_type[i]) {
            view->has_addr_type[i] = true;
            view->fields[field] = view->addr_type(
                view->data, view->fields[i ? VS_FIELD_DADDR : VS_FIELD_SADDR]);
        }
    }
    return view->fields[field];
}

static const char *
name_of(VsRuleView *view, VsField field)
{
    consult(view, field);
    switch (field) {
    case VS_FIELD_IIF:
        return view->iif;
    case VS_FIELD_OIF:
        return view->oif;
    case VS_FIELD_PHYSIN:
        return view->physin;
    default:
        return view->physout;
    }
}

/* No interface has the empty name: "-i eth0" fails, "! -i eth0" holds without one. */
static bool
name_matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    if (!name) {
        name = "";
    }
    if (length > 0 && (pattern[length - 1] == '+' || pattern[length - 1] == '*')) {
        return strncmp(pattern, name, length - 1) == 0;
    }
    return strcmp(pattern, name) == 0;
}

static bool
in_ports(const VsPorts *ports, uint32_t port)
{
    for (unsigned i = 0; i < ports->n_ranges; i++) {
        if (port >= ports->ranges[i].min && port <= ports->ranges[i].max) {
            return true;
        }
    }
    return false;
}

static bool
ports_hold(const VsPorts *ports, VsRuleView *view)
{
    bool is_in = ((ports->sides & VS_PORTS_SOURCE) &&
                  in_ports(ports, field_value(view, VS_FIELD_SPORT))) ||
                 ((ports->sides & VS_PORTS_DESTINATION) &&
                  in_ports(ports, field_value(view, VS_FIELD_DPORT)));

    return is_in != ports->is_inverted;
}

/* A hash is the same for all packets that agree on what it reads. */
static uint32_t
next_number(VsNumber *number, VsRuleView *view)
{
    view->is_volatile |= number->kind != VS_NUMBER_JHASH;
    for (unsigned i = 0; i < number->n_fields; i++) {
        consult(view, number->fields[i]);
    }
    return vs_number_next(number, view->fields, view->rng);
}

static VsKey
lookup_key(VsLookup *lookup, VsRuleView *view)
{
    uint32_t values[VS_KEY_MAX_FIELDS] = {0};

    for (unsigned i = 0; i < lookup->n_fields; i++) {
        values[i] = lookup->fields[i] == VS_FIELD_NUMBER
                        ? next_number(lookup->number, view)
                        : field_value(view, lookup->fields[i]);
        if (lookup->fields[i] == VS_FIELD_CT_STATE) {
            values[i] &= VS_CT_STATE_MASK; /* No state of nft's is virtual. */
        }
    }
    return vs_set_key(values, lookup->n_fields);
}

static VsSetElement *
look_up(VsLookup *lookup, VsRuleView *view)
{
    VsKey key = lookup_key(lookup, view);

    view->n_lookups++;
    if (lookup->set->is_dynamic || lookup->set->has_timeout) {
        view->is_volatile = true;
    }
    return vs_set_find(lookup->set, &key, view->now);
}

/* xt_statistic's nth, which starts at --packet and matches when it comes round to 0. */
static bool
nth_holds(VsRuleStep *step, VsRuleView *view)
{
    uint32_t every = step->nth.every;

    view->is_volatile = true;
    step->nth.count = (step->nth.count + 1) % every;
    return ((uint64_t)step->nth.first + step->nth.count) % every == 0
               ? !step->nth.is_inverted
               : step->nth.is_inverted;
}

/* Linux net/netfilter/xt_limit.c, in exact time: 'credit' grows with time up to the burst,
 * a packet takes unit/amount. */
static bool
limit_holds(VsLimit *limit, VsRuleView *view)
{
    VsTime cost = limit->unit / limit->amount;
    VsTime cap = cost * limit->burst;
    bool is_within;

    view->is_volatile = true;
    if (!limit->is_started) {
        limit->is_started = true;
        limit->credit = cap;
        limit->updated = view->now;
    }
    limit->credit = MIN(cap, limit->credit + (view->now - limit->updated));
    limit->updated = view->now;
    is_within = limit->credit >= cost;
    if (is_within) {
        limit->credit -= cost;
    }
    return is_within != limit->is_inverted;
}

static bool
recent_holds(const VsRecent *recent, VsRuleView *view)
{
    view->is_volatile = true;
    return vs_recent_holds(
        recent, view->fields[recent->is_destination ? VS_FIELD_DADDR : VS_FIELD_SADDR],
        view->now);
}

static bool
physdev_holds(const VsRuleStep *step, VsRuleView *view)
{
    uint32_t is = (name_of(view, VS_FIELD_PHYSIN) ? 2 : 0) |
                  (name_of(view, VS_FIELD_PHYSOUT) ? 1 | 4 : 0);

    return ((is & step->range.mask) == step->range.mask) != step->range.is_inverted;
}

static bool
step_holds(VsRuleStep *step, VsRuleView *view)
{
    uint32_t value;

    switch (step->kind) {
    case VS_STEP_RANGE:
        value = field_value(view, step->range.field) & step->range.mask;
        return (value >= step->range.min && value <= step->range.max) !=
               step->range.is_inverted;
    case VS_STEP_NUMBER:
        value = next_number(step->range.number, view);
        return (value >= step->range.min && value <= step->range.max) !=
               step->range.is_inverted;
    case VS_STEP_BITS:
        return ((field_value(view, step->range.field) & step->range.mask) != 0) !=
               step->range.is_inverted;
    case VS_STEP_NAME:
        return name_matches(step->name.name, name_of(view, step->name.field)) !=
               step->name.is_inverted;
    case VS_STEP_PORTS:
        return ports_hold(&step->ports, view);
    case VS_STEP_LOOKUP:
        return (look_up(&step->lookup, view) != NULL) != step->lookup.is_inverted;
    case VS_STEP_RANDOM:
        view->is_volatile = true;
        return ((vs_rng_u32(view->rng) & INT32_MAX) < step->random.threshold) !=
               step->random.is_inverted;
    case VS_STEP_NTH:
        return nth_holds(step, view);
    case VS_STEP_RECENT:
        return recent_holds(&step->recent, view);
    case VS_STEP_LIMIT:
        return limit_holds(&step->limit, view);
    case VS_STEP_PHYSDEV:
        return physdev_holds(step, view);
    default:
        return true; /* A comment. */
    }
}

static Outcome
to_outcome(const VsRuleVerdict *verdict)
{
    return (Outcome){verdict->kind, verdict->chain};
}

/* False when there is no room for a new element. */
static bool
update_set(VsRuleStep *step, VsRuleView *view)
{
    VsSet *set = step->update.key.set;
    VsKey key = lookup_key(&step->update.key, view);
    VsSetElement *element = vs_set_find(set, &key, view->now);
    VsTime timeout = step->update.timeout ? step->update.timeout : set->timeout;

    view->is_volatile = true;
    view->n_lookups++;
    if (element && step->update.is_add) {
        return true;
    }
    if (!element) {
        if (!vs_set_has_room(set, view->now)) {
            return false;
        }
        element = vs_set_add(set, &key);
    }
    element->expires = timeout ? view->now + timeout : 0;
    return true;
}

static void
do_mark(const VsRuleStep *step, VsRuleView *view)
{
    uint32_t *mark = &view->fields[VS_FIELD_MARK];
    uint32_t *ct_mark = &view->fields[VS_FIELD_CT_MARK];
    uint32_t value = step->mark.value;
    uint32_t keep = ~step->mark.mask;

    consult(view, VS_FIELD_MARK);
    consult(view, VS_FIELD_CT_MARK);
    switch (step->kind) {
    case VS_STEP_SET_MARK:
        *mark = (*mark & keep) ^ value;
        break;
    case VS_STEP_SET_CT_MARK:
        *ct_mark = (*ct_mark & keep) ^ value;
        break;
    case VS_STEP_SAVE_MARK:
        *ct_mark = (*ct_mark & keep) ^ (*mark & value);
        break;
    default:
        *mark = (*mark & keep) ^ (*ct_mark & value);
        break;
    }
}

static bool
do_vmap(VsRuleStep *step, VsRuleView *view, Outcome *outcome)
{
    const VsSetElement *element = look_up(&step->lookup, view);

    if (element) {
        *outcome = to_outcome(&element->verdict);
    }
    return element != NULL;
}

/* What a map of addresses says is done as if the rule said it. */
static bool
do_nat(VsRuleStep *step, VsRuleView *view, Outcome *outcome)
{
    if (step->nat.map) {
        const VsSetElement *element = look_up(step->nat.map, view);

        if (!element) {
            return false;
        }
        step = element->nat;
    }
    view->nat = step;
    outcome->kind = VS_RULE_ACCEPT;
    return true;
}

/* False when the rule ends here, as after a match that does not hold. */
static bool
do_statement(VsRuleStep *step, VsRuleView *view, Outcome *outcome)
{
    switch (step->kind) {
    case VS_STEP_COUNTER:
        view->is_volatile = true;
        step->counter.n_packets++;
        step->counter.n_bytes += view->bytes;
        return true;
    case VS_STEP_VERDICT:
        *outcome = to_outcome(&step->verdict);
        return true;
    case VS_STEP_VMAP:
        return do_vmap(step, view, outcome);
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
    case VS_STEP_SAVE_MARK:
    case VS_STEP_RESTORE_MARK:
        do_mark(step, view);
        return true;
    case VS_STEP_NOTRACK:
        view->is_notrack = true;
        return true;
    case VS_STEP_SET_ZONE:
        view->zone = (uint16_t)step->mark.value;
        view->has_zone = true;
        return true;
    case VS_STEP_DNAT:
    case VS_STEP_SNAT:
    case VS_STEP_MASQUERADE:
    case VS_STEP_REDIRECT:
        return do_nat(step, view, outcome);
    case VS_STEP_REJECT:
        view->reject = step;
        outcome->kind = VS_RULE_DROP;
        return true;
    case VS_STEP_UPDATE:
        return update_set(step, view);
    default:
        return true; /* A log line goes nowhere; the trace has the rule. */
    }
}
