#include "tests/netfilter/rules_twin.h"

#include <string.h>

#include "base/hash.h"

/* A packet that a list has seen, or an element of a dynamic set; found by walking all. */
typedef struct Seen {
    char list[16];
    const VsSet *set;
    VsKey key;
    VsTime time;
    VsTime expires;
} Seen;

struct Twin {
    VsRuleset *ruleset;
    GHashTable *counts; /* Of steps and numbers: nth, limit, numgen and seeds. */
    GArray *stamps;     /* Of Seen: every packet that lists of xt_recent have seen. */
    GArray *elements;   /* Of Seen: what dynamic sets hold. */
};

/* Where the walk of a rule or chain ended. */
typedef enum End { END_CONTINUE, END_FAILED, END_RETURN, END_ACCEPT, END_DROP } End;

static End run_chain(Twin *twin, VsChain *chain, VsRuleView *view);

Twin *
twin_new(VsRuleset *ruleset)
{
    Twin *twin = g_new0(Twin, 1);

    twin->ruleset = ruleset;
    twin->counts = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    twin->stamps = g_array_new(FALSE, TRUE, sizeof(Seen));
    twin->elements = g_array_new(FALSE, TRUE, sizeof(Seen));
    return twin;
}

void
twin_free(Twin *twin)
{
    g_hash_table_destroy(twin->counts);
    g_array_free(twin->stamps, TRUE);
    g_array_free(twin->elements, TRUE);
    g_free(twin);
}

static const VsNumber *
number_in(const VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_NUMBER:
        return step->range.number;
    case VS_STEP_LOOKUP:
    case VS_STEP_VMAP:
        return step->lookup.number;
    case VS_STEP_DNAT:
        return step->nat.map ? step->nat.map->number : NULL;
    default:
        return NULL;
    }
}

void
twin_forget(Twin *twin, const VsChain *chain)
{
    for (unsigned i = 0; i < chain->rules->len; i++) {
        VsRule *rule = chain->rules->pdata[i];

        for (unsigned j = 0; j < rule->n_steps; j++) {
            g_hash_table_remove(twin->counts, &rule->steps[j]);
            g_hash_table_remove(twin->counts, number_in(&rule->steps[j]));
        }
    }
}

static uint32_t
field(VsRuleView *view, VsField name)
{
    if (name == VS_FIELD_SADDR_TYPE && !view->has_addr_type[0]) {
        view->fields[name] = view->addr_type(view->data, view->fields[VS_FIELD_SADDR]);
        view->has_addr_type[0] = true;
    }
    if (name == VS_FIELD_DADDR_TYPE && !view->has_addr_type[1]) {
        view->fields[name] = view->addr_type(view->data, view->fields[VS_FIELD_DADDR]);
        view->has_addr_type[1] = true;
    }
    return view->fields[name];
}

/* A number that belongs to 'step', 'start' at first. */
static int64_t *
number_of(Twin *twin, const void *step, int64_t start)
{
    int64_t *number = g_hash_table_lookup(twin->counts, step);

    if (!number) {
        number = g_new(int64_t, 1);
        *number = start;
        g_hash_table_insert(twin->counts, (gpointer)step, number);
    }
    return number;
}

/* jhash over words, each in the order of a packet's bytes but for marks, which a
 * little-endian kernel has in its own. */
static uint32_t
hash_of(const VsNumber *number, VsRuleView *view, uint32_t seed)
{
    GByteArray *bytes = g_byte_array_new();
    uint32_t hash;

    for (unsigned i = 0; i < number->n_fields; i++) {
        uint32_t value = field(view, number->fields[i]);
        uint8_t word[4] = {(uint8_t)value, (uint8_t)(value >> 8),
                           (uint8_t)(value >> 16), (uint8_t)(value >> 24)};

        if (number->fields[i] == VS_FIELD_SADDR) {
            g_byte_array_append(bytes, (uint8_t[]){word[3], word[2], word[1], word[0]},
                                4);
        } else if (number->fields[i] == VS_FIELD_DPORT) {
            g_byte_array_append(bytes, (uint8_t[]){word[1], word[0], 0, 0},
                                number->n_fields == 1 ? 2 : 4);
        } else {
            g_assert(number->fields[i] == VS_FIELD_MARK);
            g_byte_array_append(bytes, word, 4);
        }
    }
    hash = vs_jhash(bytes->data, bytes->len, seed);
    g_byte_array_free(bytes, TRUE);
    return hash;
}

static uint64_t
next_number(Twin *twin, const VsNumber *number, VsRuleView *view)
{
    uint64_t value;
    int64_t *n;

    switch (number->kind) {
    case VS_NUMBER_RANDOM:
        view->is_volatile = true;
        value = (uint64_t)vs_rng_u32(view->rng) * number->modulus >> 32;
        break;
    case VS_NUMBER_INC:
        view->is_volatile = true;
        n = number_of(twin, number, 0);
        value = (uint64_t)((*n)++ % number->modulus);
        break;
    default:
        n = number_of(twin, number, -1);
        if (*n < 0) {
            *n = number->has_seed ? number->seed : vs_rng_u32(view->rng);
        }
        value = (uint64_t)hash_of(number, view, (uint32_t)*n) * number->modulus >> 32;
    }
    return value + number->offset;
}

static VsKey
key_of(Twin *twin, const VsLookup *lookup, VsRuleView *view)
{
    VsKey key = {{0, 0}};

    for (unsigned i = 0; i < lookup->n_fields; i++) {
        uint64_t value;

        value = lookup->fields[i] == VS_FIELD_NUMBER
                    ? next_number(twin, lookup->number, view)
                    : field(view, lookup->fields[i]);
        key.w[i / 2] |= value << (i % 2 ? 0 : 32);
    }
    return key;
}

static Seen *
find_element(Twin *twin, const VsSet *set, VsKey key, VsTime now)
{
    for (unsigned i = 0; i < twin->elements->len; i++) {
        Seen *seen = &g_array_index(twin->elements, Seen, i);

        if (seen->set == set && memcmp(&seen->key, &key, sizeof(key)) == 0 &&
            (seen->expires == 0 || now < seen->expires)) {
            return seen;
        }
    }
    return NULL;
}

/* The element of a set or map, or anything that is not NULL for a dynamic set. */
static const void *
look_up(Twin *twin, const VsLookup *lookup, VsRuleView *view)
{
    const VsSet *set = lookup->set;
    VsKey key = key_of(twin, lookup, view);

    view->n_lookups++;
    if (set->is_dynamic) {
        view->is_volatile = true;
        return find_element(twin, set, key, view->now);
    }
    for (unsigned i = 0; i < set->elements->len; i++) {
        const VsSetElement *element = set->elements->pdata[i];

        if (set->has_intervals
                ? element->key.w[0] <= key.w[0] && key.w[0] <= element->end.w[0]
                : memcmp(&element->key, &key, sizeof(key)) == 0) {
            return element;
        }
    }
    return NULL;
}

static bool
nth_matches(Twin *twin, const VsRuleStep *step)
{
    int64_t *count = number_of(twin, step, step->nth.first);

    /* The kernel keeps every - 1. */
    *count = *count == (int64_t)step->nth.every - 1 ? 0 : *count + 1;
    return *count == 0;
}

/* As a queue whose every packet leaves 'cost' after the one before: the packet is within the
 * limit if fewer than 'burst' are ahead. */
static bool
is_within_limit(Twin *twin, const VsRuleStep *step, VsTime now)
{
    VsTime cost = step->limit.unit / step->limit.amount;
    int64_t *empty_at = number_of(twin, step, now);

    *empty_at = MAX(*empty_at, now);
    if (*empty_at - now > cost * (step->limit.burst - 1)) {
        return false;
    }
    *empty_at += cost;
    return true;
}

static bool
recent_matches(Twin *twin, const VsRecent *recent, VsRuleView *view)
{
    Seen now = {.time = view->now};
    uint32_t n = 0, n_any = 0;
    bool holds;

    g_strlcpy(now.list, recent->name, sizeof(now.list));
    now.key.w[0] =
        view->fields[recent->is_destination ? VS_FIELD_DADDR : VS_FIELD_SADDR] &
        recent->mask;
    for (unsigned i = 0; i < twin->stamps->len; i++) {
        const Seen *seen = &g_array_index(twin->stamps, Seen, i);

        if (seen->key.w[0] == now.key.w[0] && strcmp(seen->list, now.list) == 0) {
            n_any++;
            n += recent->seconds == 0 ||
                 view->now <= seen->time + recent->seconds * VS_S;
            if (recent->check == VS_RECENT_REMOVE) {
                g_array_remove_index(twin->stamps, i--);
            }
        }
    }
    if (recent->check == VS_RECENT_SET) {
        g_array_append_val(twin->stamps, now);
        return !recent->is_inverted;
    }
    if (n_any == 0 || recent->check == VS_RECENT_REMOVE) {
        return (n_any > 0) != recent->is_inverted;
    }
    holds = (n >= MAX(recent->hitcount, 1)) != recent->is_inverted;
    if (recent->check == VS_RECENT_UPDATE && holds) {
        g_array_append_val(twin->stamps, now);
    }
    return holds;
}

static bool
name_matches(const VsRuleStep *step, const VsRuleView *view)
{
    const char *const names[] = {view->iif, view->oif, view->physin, view->physout};
    const char *name = names[step->name.field - VS_FIELD_IIF];
    g_autofree char *glob = g_strdup(step->name.name);

    g_strdelimit(glob, "+", '*');
    return g_pattern_match_simple(glob, name ? name : "");
}

static bool
ports_match(const VsPorts *ports, const VsRuleView *view)
{
    bool is_found = false;

    for (unsigned i = 0; i < ports->n_ranges; i++) {
        for (unsigned port = ports->ranges[i].min; port <= ports->ranges[i].max;
             port++) {
            is_found |=
                (ports->sides == VS_PORTS_SOURCE || ports->sides == VS_PORTS_EITHER) &&
                port == view->fields[VS_FIELD_SPORT];
            is_found |= (ports->sides == VS_PORTS_DESTINATION ||
                         ports->sides == VS_PORTS_EITHER) &&
                        port == view->fields[VS_FIELD_DPORT];
        }
    }
    return is_found;
}

static bool
holds(Twin *twin, const VsRuleStep *step, VsRuleView *view)
{
    uint32_t value;

    switch (step->kind) {
    case VS_STEP_RANGE:
        value = field(view, step->range.field) & step->range.mask;
        return step->range.is_inverted
                   ? value < step->range.min || value > step->range.max
                   : value >= step->range.min && value <= step->range.max;
    case VS_STEP_NUMBER:
        value = (uint32_t)next_number(twin, step->range.number, view);
        return step->range.is_inverted
                   ? value < step->range.min || value > step->range.max
                   : value >= step->range.min && value <= step->range.max;
    case VS_STEP_BITS:
        value = field(view, step->range.field) & step->range.mask;
        return step->range.is_inverted ? value == 0 : value != 0;
    case VS_STEP_NAME:
        return name_matches(step, view) ^ step->name.is_inverted;
    case VS_STEP_PORTS:
        return ports_match(&step->ports, view) ^ step->ports.is_inverted;
    case VS_STEP_LOOKUP:
        return (look_up(twin, &step->lookup, view) != NULL) ^ step->lookup.is_inverted;
    case VS_STEP_RANDOM:
        view->is_volatile = true;
        return (vs_rng_u32(view->rng) % (UINT32_C(1) << 31) < step->random.threshold) ^
               step->random.is_inverted;
    case VS_STEP_NTH:
        view->is_volatile = true;
        return nth_matches(twin, step) ^ step->nth.is_inverted;
    case VS_STEP_RECENT:
        view->is_volatile = true;
        return recent_matches(twin, &step->recent, view);
    case VS_STEP_LIMIT:
        view->is_volatile = true;
        return is_within_limit(twin, step, view->now) ^ step->limit.is_inverted;
    case VS_STEP_COMMENT:
        return true;
    default:
        g_assert_not_reached();
    }
}

static End
follow(Twin *twin, const VsRuleVerdict *verdict, VsRuleView *view)
{
    End end;

    switch (verdict->kind) {
    case VS_RULE_ACCEPT:
        return END_ACCEPT;
    case VS_RULE_DROP:
        return END_DROP;
    case VS_RULE_RETURN:
        return END_RETURN;
    case VS_RULE_JUMP:
        end = run_chain(twin, verdict->chain, view);
        return end == END_RETURN ? END_CONTINUE : end;
    case VS_RULE_GOTO:
        return run_chain(twin, verdict->chain, view);
    default:
        return END_CONTINUE;
    }
}

static void
update(Twin *twin, const VsRuleStep *step, VsRuleView *view)
{
    const VsSet *set = step->update.key.set;
    VsTime timeout = step->update.timeout ? step->update.timeout : set->timeout;
    Seen fresh = {.set = set, .key = key_of(twin, &step->update.key, view)};
    Seen *seen = find_element(twin, set, fresh.key, view->now);

    view->is_volatile = true;
    view->n_lookups++;
    if (seen && step->update.is_add) {
        return;
    }
    fresh.expires = timeout ? view->now + timeout : 0;
    if (seen) {
        *seen = fresh;
    } else {
        g_array_append_val(twin->elements, fresh);
    }
}

static void
set_marks(const VsRuleStep *step, VsRuleView *view)
{
    uint32_t mark = view->fields[VS_FIELD_MARK];
    uint32_t ct_mark = view->fields[VS_FIELD_CT_MARK];
    uint32_t value = step->mark.value, mask = step->mark.mask;

    switch (step->kind) {
    case VS_STEP_SET_MARK:
        view->fields[VS_FIELD_MARK] = (mark & ~mask) ^ value;
        break;
    case VS_STEP_SET_CT_MARK:
        view->fields[VS_FIELD_CT_MARK] = (ct_mark & ~mask) ^ value;
        break;
    case VS_STEP_SAVE_MARK:
        view->fields[VS_FIELD_CT_MARK] = (ct_mark & ~mask) ^ (mark & value);
        break;
    case VS_STEP_RESTORE_MARK:
        view->fields[VS_FIELD_MARK] = (mark & ~mask) ^ (ct_mark & value);
        break;
    default:
        g_assert_not_reached();
    }
}

static void
credit(VsRule *rule, VsRuleView *view)
{
    rule->n_packets++;
    rule->n_bytes += view->bytes;
    if (view->n_hits < VS_WALK_MAX_HITS) {
        view->hits[view->n_hits] = rule;
    }
    view->n_hits++;
}

/* One rule from step 'at' on.  What ends it credits it first. */
static End
run_rule(Twin *twin, VsRule *rule, unsigned at, VsRuleView *view)
{
    VsRuleStep *step = &rule->steps[at];
    const VsSetElement *element;

    if (at == rule->n_steps) {
        credit(rule, view);
        return END_CONTINUE;
    }
    switch (step->kind) {
    case VS_STEP_VERDICT:
        credit(rule, view);
        return follow(twin, &step->verdict, view);
    case VS_STEP_VMAP:
        element = look_up(twin, &step->lookup, view);
        if (!element) {
            return END_FAILED;
        }
        if (element->verdict.kind != VS_RULE_CONTINUE) {
            credit(rule, view);
            return follow(twin, &element->verdict, view);
        }
        break;
    case VS_STEP_DNAT:
        if (step->nat.map) {
            element = look_up(twin, step->nat.map, view);
            if (!element) {
                return END_FAILED;
            }
            step = element->nat;
        }
        view->nat = step;
        credit(rule, view);
        return END_ACCEPT;
    case VS_STEP_SNAT:
    case VS_STEP_MASQUERADE:
    case VS_STEP_REDIRECT:
        view->nat = step;
        credit(rule, view);
        return END_ACCEPT;
    case VS_STEP_REJECT:
        view->reject = step;
        credit(rule, view);
        return END_DROP;
    case VS_STEP_COUNTER:
        view->is_volatile = true;
        step->counter.n_packets++;
        step->counter.n_bytes += view->bytes;
        break;
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
    case VS_STEP_SAVE_MARK:
    case VS_STEP_RESTORE_MARK:
        set_marks(step, view);
        break;
    case VS_STEP_UPDATE:
        update(twin, step, view);
        break;
    case VS_STEP_LOG:
        break;
    case VS_STEP_NOTRACK:
        view->is_notrack = true;
        break;
    case VS_STEP_SET_ZONE:
        view->has_zone = true;
        view->zone = (uint16_t)step->mark.value;
        break;
    default:
        if (!holds(twin, step, view)) {
            return END_FAILED;
        }
    }
    return run_rule(twin, rule, at + 1, view);
}

static End
run_chain(Twin *twin, VsChain *chain, VsRuleView *view)
{
    for (unsigned i = 0; i < chain->rules->len; i++) {
        End end;

        view->n_rules++;
        end = run_rule(twin, chain->rules->pdata[i], 0, view);
        if (end == END_RETURN || end == END_ACCEPT || end == END_DROP) {
            return end;
        }
    }
    return END_RETURN;
}

VsVerdictKind
twin_run(Twin *twin, VsChain *base, VsRuleView *view)
{
    switch (run_chain(twin, base, view)) {
    case END_ACCEPT:
        return VS_RULE_ACCEPT;
    case END_DROP:
        return VS_RULE_DROP;
    default:
        view->has_met_policy = true;
        base->n_packets++;
        base->n_bytes += view->bytes;
        return base->policy;
    }
}
