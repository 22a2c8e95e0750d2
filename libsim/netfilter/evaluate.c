#include "netfilter/evaluate.h"

#include <string.h>

#include "netfilter/dispatch.h"

/* A chain deeper than this was refused when the rules were linked; jumps never circle. */
enum { MAX_DEPTH = 64 };

enum { RECENT_MAX_STAMPS = 20 }; /* ip_pkt_list_tot's default. */

/* An address in a list of xt_recent: the times of its last packets, a ring. */
typedef struct RecentEntry {
    VsTime stamps[RECENT_MAX_STAMPS];
    unsigned n_stamps;
    unsigned next;
} RecentEntry;

typedef struct Outcome {
    VsVerdictKind kind;
    VsChain *chain;
} Outcome;

static bool step_holds(VsRuleStep *step, VsRuleView *view);
static bool is_statement(VsStepKind kind);
static Outcome do_statement(VsRuleStep *step, VsRuleView *view);
static uint32_t field_value(VsRuleView *view, VsField field);

static void
credit(VsRuleView *view, VsRule *rule)
{
    rule->n_packets++;
    rule->n_bytes += view->bytes;
    if (view->n_hits < VS_WALK_MAX_HITS) {
        view->hits[view->n_hits] = rule;
    }
    view->n_hits++;
}

/* The steps of one rule up to a verdict.  An iptables rule is credited once all matches
 * hold, an nft rule has counters of its own but is credited alike. */
static Outcome
run_rule(VsRule *rule, VsRuleView *view)
{
    const VsRuleStep *failed = NULL;
    Outcome outcome = {VS_RULE_CONTINUE, NULL};
    bool is_credited = false;

    for (unsigned i = 0; i < rule->n_steps; i++) {
        VsRuleStep *step = &rule->steps[i];

        if (!is_statement(step->kind)) {
            if (!step_holds(step, view)) {
                failed = step;
                break;
            }
            continue;
        }
        if (!is_credited) {
            credit(view, rule);
            is_credited = true;
        }
        outcome = do_statement(step, view);
        if (outcome.kind != VS_RULE_CONTINUE) {
            break;
        }
    }
    if (!is_credited && !failed) {
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
                              view->fields[VS_FIELD_DADDR]);
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
    Frame stack[MAX_DEPTH];
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
            g_assert(depth < MAX_DEPTH);
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

static uint32_t
field_value(VsRuleView *view, VsField field)
{
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
name_of(const VsRuleView *view, VsField field)
{
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
ports_hold(const VsPorts *ports, const VsRuleView *view)
{
    bool is_in = ((ports->sides & VS_PORTS_SOURCE) &&
                  in_ports(ports, view->fields[VS_FIELD_SPORT])) ||
                 ((ports->sides & VS_PORTS_DESTINATION) &&
                  in_ports(ports, view->fields[VS_FIELD_DPORT]));

    return is_in != ports->is_inverted;
}

static uint32_t
next_number(VsLookup *lookup, VsRuleView *view)
{
    uint32_t modulus = lookup->numgen_modulus;
    uint32_t number;

    view->is_volatile = true;
    if (lookup->numgen == VS_NUMGEN_RANDOM) {
        /* reciprocal_scale(get_random_u32(), modulus). */
        number = (uint32_t)((uint64_t)vs_rng_u32(view->rng) * modulus >> 32);
    } else {
        number = lookup->numgen_next + 1 < modulus ? lookup->numgen_next + 1 : 0;
        lookup->numgen_next = number;
    }
    return number + lookup->numgen_offset;
}

static VsKey
lookup_key(VsLookup *lookup, VsRuleView *view)
{
    uint32_t values[VS_KEY_MAX_FIELDS] = {0};

    for (unsigned i = 0; i < lookup->n_fields; i++) {
        values[i] = lookup->fields[i] == VS_FIELD_NUMGEN
                        ? next_number(lookup, view)
                        : field_value(view, lookup->fields[i]);
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

/* xt_statistic's nth: the count starts at --packet and matches when it comes round to 0. */
static bool
nth_holds(VsRuleStep *step, VsRuleView *view)
{
    view->is_volatile = true;
    step->nth.count = step->nth.count == step->nth.every - 1 ? 0 : step->nth.count + 1;
    return (step->nth.count == 0) != step->nth.is_inverted;
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

static void
recent_stamp(RecentEntry *entry, VsTime now)
{
    entry->stamps[entry->next] = now;
    entry->next = (entry->next + 1) % RECENT_MAX_STAMPS;
    entry->n_stamps = MIN(entry->n_stamps + 1, RECENT_MAX_STAMPS);
}

/* Enough packets in the time asked for; the entry is there (recent_mt). */
static bool
recent_is_hit(const VsRecent *recent, const RecentEntry *entry, VsTime now)
{
    uint32_t n_hits = 0;
    uint32_t wanted = MAX(recent->hitcount, 1);

    if (recent->seconds == 0 && recent->hitcount == 0) {
        return true;
    }
    for (unsigned i = 0; i < entry->n_stamps; i++) {
        if (recent->seconds == 0 ||
            entry->stamps[i] + (VsTime)recent->seconds * VS_S >= now) {
            n_hits++;
        }
    }
    return n_hits >= wanted;
}

/* --reap: an entry whose last packet is too long ago is forgotten. */
static void
recent_reap(VsRecentList *list, const VsRecent *recent, VsTime now)
{
    size_t cursor = 0;
    VsKey key;
    void *value;
    g_autoptr(GArray) dead = NULL;

    while (vs_table_next(&list->entries, &cursor, &key, &value)) {
        const RecentEntry *entry = value;
        unsigned last = (entry->next + RECENT_MAX_STAMPS - 1) % RECENT_MAX_STAMPS;

        if (entry->stamps[last] + (VsTime)recent->seconds * VS_S < now) {
            dead = dead ? dead : g_array_new(FALSE, FALSE, sizeof(VsKey));
            g_array_append_val(dead, key);
        }
    }
    for (unsigned i = 0; dead && i < dead->len; i++) {
        VsKey *gone = &g_array_index(dead, VsKey, i);

        g_free(vs_table_find(&list->entries, *gone));
        vs_table_remove(&list->entries, *gone);
    }
}

static bool
recent_holds(VsRecent *recent, VsRuleView *view)
{
    VsField side = recent->is_destination ? VS_FIELD_DADDR : VS_FIELD_SADDR;
    VsKey key = {{view->fields[side] & recent->mask, 1}};
    RecentEntry *entry = vs_table_find(&recent->list->entries, key);
    bool holds = entry != NULL;

    view->is_volatile = true;
    switch (recent->check) {
    case VS_RECENT_SET:
        if (!entry) {
            entry = g_new0(RecentEntry, 1);
            vs_table_insert(&recent->list->entries, key, entry);
        }
        recent_stamp(entry, view->now);
        holds = true;
        break;
    case VS_RECENT_REMOVE:
        if (entry) {
            vs_table_remove(&recent->list->entries, key);
            g_free(entry);
        }
        break;
    case VS_RECENT_RCHECK:
    case VS_RECENT_UPDATE:
        if (entry) {
            holds = recent_is_hit(recent, entry, view->now);
            if (recent->is_reaping) {
                recent_reap(recent->list, recent, view->now);
            }
            if (recent->check == VS_RECENT_UPDATE && holds) {
                recent_stamp(entry, view->now);
            }
        }
        break;
    }
    return holds != recent->is_inverted;
}

static bool
physdev_holds(const VsRuleStep *step, const VsRuleView *view)
{
    uint32_t is = (view->physin ? 2 : 0) | (view->physout ? 1 | 4 : 0);

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
        return ((vs_rng_u32(view->rng) & 0x7fffffff) < step->random.threshold) !=
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

static void
update_set(VsRuleStep *step, VsRuleView *view)
{
    VsKey key = lookup_key(&step->update.key, view);
    VsSet *set = step->update.key.set;
    VsSetElement *element = vs_set_find(set, &key, view->now);
    VsTime timeout = step->update.timeout ? step->update.timeout : set->timeout;

    view->is_volatile = true;
    if (element && step->update.is_add) {
        return;
    }
    if (!element) {
        element = vs_set_add(set, &key);
    }
    element->expires = timeout ? view->now + timeout : 0;
}

static Outcome
do_mark(const VsRuleStep *step, VsRuleView *view)
{
    uint32_t mark = view->fields[VS_FIELD_MARK];
    uint32_t ct_mark = view->fields[VS_FIELD_CT_MARK];
    uint32_t value = step->mark.value;
    uint32_t keep = ~step->mark.mask;

    switch (step->kind) {
    case VS_STEP_SET_MARK:
        view->fields[VS_FIELD_MARK] = (mark & keep) ^ value;
        break;
    case VS_STEP_SET_CT_MARK:
        view->fields[VS_FIELD_CT_MARK] = (ct_mark & keep) ^ value;
        break;
    case VS_STEP_SAVE_MARK:
        view->fields[VS_FIELD_CT_MARK] = (ct_mark & keep) ^ (mark & value);
        break;
    default:
        view->fields[VS_FIELD_MARK] = (mark & keep) ^ (ct_mark & value);
        break;
    }
    return (Outcome){VS_RULE_CONTINUE, NULL};
}

static Outcome
do_statement(VsRuleStep *step, VsRuleView *view)
{
    const Outcome go_on = {VS_RULE_CONTINUE, NULL};
    VsSetElement *element;

    switch (step->kind) {
    case VS_STEP_COUNTER:
        view->is_volatile = true;
        step->counter.n_packets++;
        step->counter.n_bytes += view->bytes;
        return go_on;
    case VS_STEP_VERDICT:
        return to_outcome(&step->verdict);
    case VS_STEP_VMAP:
        element = look_up(&step->lookup, view);
        return element ? to_outcome(&element->verdict) : go_on;
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
    case VS_STEP_SAVE_MARK:
    case VS_STEP_RESTORE_MARK:
        return do_mark(step, view);
    case VS_STEP_NOTRACK:
        view->is_notrack = true;
        return go_on;
    case VS_STEP_SET_ZONE:
        view->zone = (uint16_t)step->mark.value;
        view->has_zone = true;
        return go_on;
    case VS_STEP_DNAT:
    case VS_STEP_SNAT:
    case VS_STEP_MASQUERADE:
    case VS_STEP_REDIRECT:
        view->nat = step;
        return (Outcome){VS_RULE_ACCEPT, NULL};
    case VS_STEP_REJECT:
        view->reject = step;
        return (Outcome){VS_RULE_DROP, NULL};
    case VS_STEP_UPDATE:
        update_set(step, view);
        return go_on;
    default:
        return go_on; /* A log line goes nowhere; the trace has the rule. */
    }
}
