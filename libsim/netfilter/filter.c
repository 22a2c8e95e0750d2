#include "netfilter/filter.h"

#include <string.h>

#include "net/decision.h"
#include "net/icmp.h"
#include "netfilter/memo.h"
#include "netfilter/nat.h"
#include "netfilter/reject.h"
#include "netfilter/rule_story.h"
#include "packet/trace.h"

/* A base chain at its hook. */
typedef struct Base {
    VsFilter *filter;
    VsChain *chain;
    VsMemos memos;
} Base;

struct VsFilter {
    VsNetns *netns;
    VsRuleset *ruleset;
    GPtrArray *bases; /* Of Base; one whose chain has gone stays, without a chain. */
    VsRng rng;
    uint32_t routes_generation; /* That the memos were made with. */
    VsFilterTranslated translated;
    void *translated_data;
};

/* A packet at a hook, as memos ask for its fields. */
typedef struct Subject {
    const VsPacket *packet;
    const VsLayer *top;
    const VsHookState *state;
} Subject;

/* What the rules of a base chain decided. */
typedef struct Decision {
    VsVerdictKind verdict;
    const VsRuleStep *reject; /* Or NULL. */
    const VsRule *rule;       /* NULL: the policy. */
} Decision;

static void filter_free(VsFilter *filter);
static VsVerdict base_hook(void *data, VsPacket *packet, const VsHookState *state);
static bool base_nat(void *data, VsPacket *packet, VsConntrackEntry *entry,
                     const VsHookState *state, bool *ret_stolen);

VsFilter *
vs_filter_attach(VsNetns *netns, VsRuleset *ruleset)
{
    VsFilter *filter = g_new0(VsFilter, 1);

    g_assert(netns->conntrack && !netns->filter);
    filter->netns = netns;
    filter->ruleset = ruleset;
    filter->bases = g_ptr_array_new();
    vs_rng_init(&filter->rng, netns->run->seed, netns->name, "rules");
    netns->filter = filter;
    netns->free_filter = filter_free;
    vs_filter_refresh(filter);
    return filter;
}

static void
filter_free(VsFilter *filter)
{
    for (unsigned i = 0; i < filter->bases->len; i++) {
        Base *base = filter->bases->pdata[i];

        vs_memos_clear(&base->memos);
        g_free(base);
    }
    g_ptr_array_free(filter->bases, TRUE);
    vs_ruleset_free(filter->ruleset);
    g_free(filter);
}

VsFilter *
vs_filter_of(const VsNetns *netns)
{
    return netns->filter;
}

VsRuleset *
vs_filter_ruleset(const VsFilter *filter)
{
    return filter->ruleset;
}

void
vs_filter_on_translated(VsFilter *filter, VsFilterTranslated translated, void *data)
{
    filter->translated = translated;
    filter->translated_data = data;
}

static Base *
find_base(const VsFilter *filter, const VsChain *chain)
{
    for (unsigned i = 0; i < filter->bases->len; i++) {
        Base *base = filter->bases->pdata[i];

        if (base->chain == chain) {
            return base;
        }
    }
    return NULL;
}

static void
add_base(VsFilter *filter, VsChain *chain)
{
    Base *base = g_new0(Base, 1);
    VsHook hooks[] = {{chain->point, chain->priority, base_hook}, {0}};

    base->filter = filter;
    base->chain = chain;
    vs_memos_init(&base->memos, chain);
    g_ptr_array_add(filter->bases, base);
    if (chain->type != VS_CHAIN_NAT) {
        vs_netns_add_hooks(filter->netns, hooks, base);
    } else if (chain->point == VS_HOOK_PREROUTING || chain->point == VS_HOOK_OUTPUT) {
        vs_nat_add_dst_rule(filter->netns->conntrack, base_nat, base);
    } else {
        vs_nat_add_src_rule(filter->netns->conntrack, base_nat, base);
    }
}

void
vs_filter_refresh(VsFilter *filter)
{
    for (unsigned i = 0; i < filter->ruleset->tables->len; i++) {
        const VsRuleTable *table = filter->ruleset->tables->pdata[i];

        for (unsigned j = 0; j < table->chains->len; j++) {
            VsChain *chain = table->chains->pdata[j];

            if (chain->type != VS_CHAIN_REGULAR && !find_base(filter, chain)) {
                add_base(filter, chain);
            }
        }
    }
}

/* Broadcast and multicast are told by the address; the rest by the routes. */
static uint32_t
addr_type(void *data, VsAddr address)
{
    VsNetns *netns = data;

    if (address == UINT32_MAX) {
        return VS_ADDR_TYPE_BROADCAST;
    }
    if (address >> 28 == 0xe) {
        return VS_ADDR_TYPE_MULTICAST;
    }
    return vs_netns_is_local(netns, address) ? VS_ADDR_TYPE_LOCAL
                                             : VS_ADDR_TYPE_UNICAST;
}

static uint32_t
ct_tuple_field(const VsConntrackEntry *entry, VsField field)
{
    static const VsFlow none;
    const VsFlow *original = entry ? &entry->tuple[VS_CT_ORIGINAL] : &none;
    const VsFlow *reply = entry ? &entry->tuple[VS_CT_REPLY] : &none;

    switch (field) {
    case VS_FIELD_CT_ORIG_SADDR:
        return original->saddr;
    case VS_FIELD_CT_ORIG_DADDR:
        return original->daddr;
    case VS_FIELD_CT_ORIG_SPORT:
        return original->sport;
    case VS_FIELD_CT_ORIG_DPORT:
        return original->dport;
    case VS_FIELD_CT_REPLY_SADDR:
        return reply->saddr;
    default:
        return reply->daddr;
    }
}

static uint32_t
icmp_type(const VsLayer *layer)
{
    return layer->flow.protocol == VS_PROTOCOL_ICMP
               ? (uint32_t)layer->icmp.type << 8 | layer->icmp.code
               : 0;
}

static uint32_t
index_of(const VsIface *iface)
{
    return iface ? iface->index : 0;
}

static uint32_t
read_field(const void *data, VsField field)
{
    const Subject *subject = data;
    const VsPacket *packet = subject->packet;
    const VsLayer *top = subject->top;
    const VsHookState *state = subject->state;

    switch (field) {
    case VS_FIELD_SADDR:
        return top->flow.saddr;
    case VS_FIELD_DADDR:
        return top->flow.daddr;
    case VS_FIELD_PROTOCOL:
        return top->flow.protocol;
    case VS_FIELD_SPORT:
        return top->flow.sport;
    case VS_FIELD_DPORT:
        return top->flow.dport;
    case VS_FIELD_MARK:
        return packet->mark;
    case VS_FIELD_CT_MARK:
        return packet->ct ? packet->ct->mark : 0;
    case VS_FIELD_CT_STATE:
        return vs_conntrack_state(packet);
    case VS_FIELD_CT_STATUS:
        return vs_conntrack_status(packet);
    case VS_FIELD_CT_DIRECTION:
        return packet->ct_dir;
    case VS_FIELD_CT_ORIG_SADDR:
    case VS_FIELD_CT_ORIG_DADDR:
    case VS_FIELD_CT_ORIG_SPORT:
    case VS_FIELD_CT_ORIG_DPORT:
    case VS_FIELD_CT_REPLY_SADDR:
    case VS_FIELD_CT_REPLY_DADDR:
        return ct_tuple_field(packet->ct, field);
    case VS_FIELD_SADDR_TYPE:
        return addr_type(state->netns, top->flow.saddr);
    case VS_FIELD_DADDR_TYPE:
        return addr_type(state->netns, top->flow.daddr);
    case VS_FIELD_TCP_FLAGS:
        return top->flow.protocol == VS_PROTOCOL_TCP ? top->tcp.flags : 0;
    case VS_FIELD_ICMP_TYPE:
        return icmp_type(top);
    case VS_FIELD_LENGTH:
        return top->ip_bytes;
    case VS_FIELD_TTL:
        return top->ttl;
    case VS_FIELD_UID:
    case VS_FIELD_GID: /* Groups have the numbers of their users. */
        return packet->owner - 1;
    case VS_FIELD_IIF:
        return index_of(state->in);
    case VS_FIELD_OIF:
        return index_of(state->out);
    case VS_FIELD_PHYSIN:
        return index_of(state->physin);
    case VS_FIELD_PHYSOUT:
        return index_of(state->physout);
    case VS_FIELD_NUMBER:
    case VS_FIELD_LENGTH_:
        break;
    }
    return 0;
}

static const char *
name_of(const VsIface *iface)
{
    return iface ? iface->name : NULL;
}

void
vs_filter_view(VsFilter *filter, VsPacket *packet, const VsHookState *state,
               VsRuleView *view)
{
    Subject subject = {packet, vs_packet_top(packet), state};

    memset(view, 0, offsetof(VsRuleView, hits));
    for (unsigned i = 0; i < VS_N_FIELDS; i++) {
        if (i != VS_FIELD_SADDR_TYPE && i != VS_FIELD_DADDR_TYPE) {
            view->fields[i] = read_field(&subject, (VsField)i);
        }
    }
    view->iif = name_of(state->in);
    view->oif = name_of(state->out);
    view->physin = name_of(state->physin);
    view->physout = name_of(state->physout);
    view->bytes = subject.top->ip_bytes;
    view->now = vs_now(filter->netns->run);
    view->rng = &filter->rng;
    view->addr_type = addr_type;
    view->data = filter->netns;
    view->is_plain = filter->netns->run->is_plain;
}

static void
charge(const VsFilter *filter, uint32_t n_rules, uint32_t n_lookups)
{
    VsHost *host = filter->netns->host;

    vs_host_charge(host,
                   n_rules * host->costs.rule + n_lookups * host->costs.set_lookup);
}

/* Walks the rules, telling their story if the packet is traced, and takes over the marks
 * that they set. */
static VsVerdictKind
walk(Base *base, VsPacket *packet, const VsHookState *state, VsRuleView *view)
{
    VsVerdictKind verdict;

    if (vs_packet_is_traced(packet)) {
        verdict = vs_rule_story_walk(base->chain, packet, state, view);
    } else {
        verdict = vs_chain_run(base->chain, view);
    }
    charge(base->filter, view->n_rules, view->n_lookups);
    packet->mark = view->fields[VS_FIELD_MARK];
    if (packet->ct) {
        packet->ct->mark = view->fields[VS_FIELD_CT_MARK];
    }
    if (view->is_notrack) {
        vs_conntrack_set_notrack(packet);
    }
    if (view->has_zone) {
        vs_conntrack_set_zone(packet, view->zone);
    }
    return verdict;
}

static void
refuse(const Base *base, VsPacket *packet, const VsRuleStep *reject)
{
    if (reject) {
        vs_reject(base->filter->netns, packet, reject->reject);
    }
    vs_packet_drop(packet, reject ? VS_DROP_REJECTED : VS_DROP_FILTERED);
}

/* The rule that ended a walk, or NULL. */
static const VsRule *
last_rule(bool has_met_policy, unsigned n_hits, VsRule *const *hits)
{
    return has_met_policy || n_hits == 0 ? NULL
                                         : hits[MIN(n_hits, VS_WALK_MAX_HITS) - 1];
}

/* Replays a remembered walk; false when there is none. */
static bool
replay(Base *base, VsPacket *packet, const VsHookState *state, Decision *ret_decision)
{
    Subject subject = {packet, vs_packet_top(packet), state};
    const VsMemo *memo = vs_memos_find(&base->memos, read_field, &subject);

    if (!memo) {
        return false;
    }
    vs_memo_credit(memo, base->chain, subject.top->ip_bytes);
    charge(base->filter, memo->n_rules, memo->n_lookups);
    if (memo->sets_mark) {
        packet->mark = memo->mark;
    }
    if (memo->sets_ct_mark && packet->ct) {
        packet->ct->mark = memo->ct_mark;
    }
    if (memo->is_notrack) {
        vs_conntrack_set_notrack(packet);
    }
    if (memo->has_zone) {
        vs_conntrack_set_zone(packet, memo->zone);
    }
    ret_decision->verdict = memo->verdict;
    ret_decision->reject = memo->reject;
    ret_decision->rule = last_rule(memo->has_met_policy, memo->n_hits, memo->hits);
    return true;
}

/* Types of addresses follow the routes: memos that asked for them are out of date. */
static void
follow_routes(VsFilter *filter)
{
    uint32_t generation = filter->netns->routes.generation;

    if (G_UNLIKELY(generation != filter->routes_generation)) {
        filter->routes_generation = generation;
        for (unsigned i = 0; i < filter->bases->len; i++) {
            vs_memos_clear(&((Base *)filter->bases->pdata[i])->memos);
        }
    }
}

/* Walks the rules, and remembers the walk if it may be replayed. */
static void
walk_and_remember(Base *base, VsPacket *packet, const VsHookState *state,
                  Decision *ret_decision)
{
    bool is_plain = base->filter->netns->run->is_plain;
    uint32_t before[VS_N_FIELDS];
    VsRuleView view;

    vs_filter_view(base->filter, packet, state, &view);
    memcpy(before, view.fields, sizeof(before));
    ret_decision->verdict = walk(base, packet, state, &view);
    ret_decision->reject = view.reject;
    ret_decision->rule = last_rule(view.has_met_policy, view.n_hits, view.hits);
    if (!is_plain) {
        before[VS_FIELD_SADDR_TYPE] = view.fields[VS_FIELD_SADDR_TYPE];
        before[VS_FIELD_DADDR_TYPE] = view.fields[VS_FIELD_DADDR_TYPE];
        vs_memos_add(&base->memos, &view, ret_decision->verdict, before);
    }
}

/* Kept apart from base_hook(), which most packets only pass by. */
static VsVerdict __attribute__((noinline))
consult(Base *base, VsPacket *packet, const VsHookState *state)
{
    Decision decision;

    follow_routes(base->filter);
    if (base->filter->netns->run->is_plain || vs_packet_is_traced(packet) ||
        !replay(base, packet, state, &decision)) {
        walk_and_remember(base, packet, state, &decision);
    }
    if (vs_decision_is_wanted(state->netns)) {
        vs_rule_story_note(base->chain, decision.rule, decision.verdict, state->netns,
                           packet);
    }
    if (G_LIKELY(decision.verdict == VS_RULE_ACCEPT)) {
        return VS_VERDICT_ACCEPT;
    }
    refuse(base, packet, decision.reject);
    return VS_VERDICT_STOLEN;
}

static VsVerdict
base_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    Base *base = data;
    VsChain *chain = base->chain;

    if (chain->rules->len > 0 || chain->policy != VS_RULE_ACCEPT ||
        vs_packet_is_traced(packet)) {
        return consult(base, packet, state);
    }
    chain->n_packets++;
    chain->n_bytes += vs_packet_top(packet)->ip_bytes;
    return VS_VERDICT_ACCEPT;
}

/* Where the packet goes by MASQUERADE and REDIRECT: the address of the interface it leaves
 * or came by. */
static VsNatRange
resolve(const Base *base, const VsRuleStep *step, const VsHookState *state)
{
    VsNatRange range = step->nat;
    const VsIface *iface = step->kind == VS_STEP_MASQUERADE ? state->out : state->in;
    VsAddr address = 0;

    if (step->kind == VS_STEP_MASQUERADE || step->kind == VS_STEP_REDIRECT) {
        address = iface && iface->address ? iface->address
                  : step->kind == VS_STEP_REDIRECT && !iface
                      ? base->filter->netns->loopback->address
                      : vs_host_address(base->filter->netns->host);
        range.has_address = true;
        range.min_address = address;
        range.max_address = address;
    }
    return range;
}

/* A chain of type nat, for the first packet of a connection. */
static bool
base_nat(void *data, VsPacket *packet, VsConntrackEntry *entry,
         const VsHookState *state, bool *ret_stolen)
{
    Base *base = data;
    VsRuleView view;
    VsVerdictKind verdict;
    VsNatRange range;
    VsNatManip manip;

    if (state->point != base->chain->point) {
        return false;
    }
    vs_filter_view(base->filter, packet, state, &view);
    verdict = walk(base, packet, state, &view);
    if (vs_decision_is_wanted(state->netns)) {
        vs_rule_story_note(base->chain,
                           last_rule(view.has_met_policy, view.n_hits, view.hits),
                           verdict, state->netns, packet);
    }
    if (verdict != VS_RULE_ACCEPT) {
        refuse(base, packet, view.reject);
        *ret_stolen = true;
        return false;
    }
    if (!view.nat) {
        return false;
    }
    range = resolve(base, view.nat, state);
    manip = view.nat->kind == VS_STEP_DNAT || view.nat->kind == VS_STEP_REDIRECT
                ? VS_NAT_DST
                : VS_NAT_SRC;
    if (!vs_nat_setup(entry, manip, &range)) {
        vs_packet_drop(packet, VS_DROP_NO_NAT_PORT);
        *ret_stolen = true;
        return false;
    }
    if (base->filter->translated) {
        base->filter->translated(base->filter->translated_data, view.nat);
    }
    return true;
}
