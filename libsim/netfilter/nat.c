#include "netfilter/nat.h"

#include <glib.h>

#include "base/hash.h"
#include "net/decision.h"
#include "net/icmp.h"
#include "netfilter/conntrack_story.h"
#include "packet/trace.h"

enum {
    MAX_TRIES = 128,
    MIN_TRIES = 16,
    N_PORTS = 65536,
};

void
vs_nat_add_dst_rule(VsConntrack *conntrack, VsNatRule rule, void *data)
{
    VsNatChain *chain = &conntrack->dst_rules;

    g_assert(chain->n_rules < G_N_ELEMENTS(chain->rules));
    chain->rules[chain->n_rules].rule = rule;
    chain->rules[chain->n_rules++].data = data;
}

void
vs_nat_add_src_rule(VsConntrack *conntrack, VsNatRule rule, void *data)
{
    VsNatChain *chain = &conntrack->src_rules;

    g_assert(chain->n_rules < G_N_ELEMENTS(chain->rules));
    chain->rules[chain->n_rules].rule = rule;
    chain->rules[chain->n_rules++].data = data;
}

/* ---- The choice of a tuple ------------------------------------------------------- */

/* Another connection's packets come in as answers to 'tuple' would.  One with our own
 * original tuple does not count: the packets are of one flow, and meet at confirmation. */
static bool
is_taken(const VsConntrackEntry *entry, const VsFlow *tuple)
{
    VsConntrack *conntrack = entry->table;
    VsFlow reply = vs_flow_reverse(tuple);
    VsCtDir dir;
    const VsConntrackEntry *other = vs_conntrack_find(conntrack, &reply, &dir);

    if (!other || !vs_conntrack_sees(conntrack, other) ||
        vs_flow_equals(&other->tuple[VS_CT_ORIGINAL], &entry->tuple[VS_CT_ORIGINAL])) {
        return false;
    }
    conntrack->stats->found++;
    return true;
}

/* What of 'tuple' may be changed to make it unique: a port, or the identifier of an echo;
 * NULL for other protocols. */
static uint16_t *
port_of(VsFlow *tuple, VsNatManip manip)
{
    switch (tuple->protocol) {
    case VS_PROTOCOL_ICMP:
        return &tuple->sport;
    case VS_PROTOCOL_TCP:
    case VS_PROTOCOL_UDP:
        return manip == VS_NAT_SRC ? &tuple->sport : &tuple->dport;
    default:
        return NULL;
    }
}

static bool
has_port_in_range(VsFlow *tuple, VsNatManip manip, const VsNatRange *range)
{
    const uint16_t *port = port_of(tuple, manip);

    return !port || (*port >= range->min_port && *port <= range->max_port);
}

/* The source of 'tuple' is in the range. */
static bool
has_source_in_range(VsFlow *tuple, const VsNatRange *range)
{
    if (range->has_address &&
        (tuple->saddr < range->min_address || tuple->saddr > range->max_address)) {
        return false;
    }
    return !range->has_ports || has_port_in_range(tuple, VS_NAT_SRC, range);
}

/* Spreads sources, and destinations unless the range is persistent, over its addresses as
 * the kernel does, which hashes words in network byte order (find_best_ips_proto). */
static void
choose_address(VsFlow *tuple, VsNatManip manip, const VsNatRange *range)
{
    VsAddr *address = manip == VS_NAT_SRC ? &tuple->saddr : &tuple->daddr;
    uint32_t words[4] = {GUINT32_SWAP_LE_BE(tuple->saddr)};
    uint32_t n_addresses = range->max_address - range->min_address + 1;
    uint32_t hash;

    if (!range->has_address) {
        return;
    }
    if (n_addresses == 1) {
        *address = range->min_address;
        return;
    }
    hash = vs_jhash_words(
        words, G_N_ELEMENTS(words),
        range->is_persistent ? 0 : GUINT32_SWAP_LE_BE(tuple->daddr) ^ tuple->zone);
    *address = range->min_address + (uint32_t)((uint64_t)hash * n_addresses >> 32);
}

/* The ports to choose from when the rule names none: those of the same class. */
static void
class_of_port(const VsFlow *tuple, uint16_t port, uint32_t *ret_first,
              uint32_t *ret_n_ports)
{
    uint32_t last = port < 512 ? 511 : port < 1024 ? 1023 : 65535;

    if (tuple->protocol == VS_PROTOCOL_ICMP) {
        *ret_first = 0;
        *ret_n_ports = N_PORTS;
        return;
    }
    *ret_first = port < 512 ? 1 : port < 1024 ? 600 : 1024;
    *ret_n_ports = last - *ret_first + 1;
}

/* Looks for a port that makes the tuple unique: from a random one on, then from another,
 * ever fewer, so that a crowded range costs no more (nf_nat_l4proto_unique_tuple). */
static bool
choose_port(VsConntrackEntry *entry, VsFlow *tuple, VsNatManip manip,
            const VsNatRange *range)
{
    VsRng *rng = &entry->table->rng;
    uint16_t *port = port_of(tuple, manip);
    uint32_t first, n_ports;
    uint32_t n_tries;

    if (!port || (!range->has_ports && manip == VS_NAT_DST &&
                  tuple->protocol != VS_PROTOCOL_ICMP)) {
        return !is_taken(entry, tuple);
    }
    if (range->has_ports) {
        first = MIN(range->min_port, range->max_port);
        n_ports = MAX(range->min_port, range->max_port) - first + 1;
    } else {
        class_of_port(tuple, *port, &first, &n_ports);
    }
    n_tries = MIN(n_ports, (uint32_t)MAX_TRIES);
    for (;;) {
        uint32_t offset = vs_rng_u32(rng) & (N_PORTS - 1);

        for (uint32_t i = 0; i < n_tries; i++) {
            *port = (uint16_t)(first + (offset + i) % n_ports);
            if (!is_taken(entry, tuple)) {
                return true;
            }
        }
        if (n_tries >= n_ports || n_tries < MIN_TRIES) {
            return false;
        }
        n_tries /= 2;
    }
}

/* ---- Sources that were translated ------------------------------------------------ */

/* By the original source.  Only connections whose source was changed are kept: what was
 * left alone tells nothing about where else it could be mapped. */
static VsKey
source_key(const VsConntrackEntry *entry)
{
    VsFlow source = entry->tuple[VS_CT_ORIGINAL];

    source.daddr = 0;
    source.dport = 0;
    return vs_flow_key(&source);
}

static void
remember_source(VsConntrackEntry *entry)
{
    VsTable *sources = &entry->table->sources;
    VsKey key = source_key(entry);
    VsConntrackEntry *first = vs_table_remove(sources, key);

    entry->next_of_source = first;
    if (first) {
        first->previous_of_source = entry;
    }
    vs_table_insert(sources, key, entry);
}

void
vs_nat_forget(VsConntrackEntry *entry)
{
    VsConntrackEntry *next = entry->next_of_source;
    VsConntrackEntry *previous = entry->previous_of_source;

    if (!(entry->status & VS_CT_SRC_NAT)) {
        return;
    }
    if (next) {
        next->previous_of_source = previous;
    }
    if (previous) {
        previous->next_of_source = next;
        return;
    }
    vs_table_remove(&entry->table->sources, source_key(entry));
    if (next) {
        vs_table_insert(&entry->table->sources, source_key(entry), next);
    }
}

/* Gives 'tuple' the source that another connection of the same socket was given, if that
 * is in the range. */
static bool
take_known_source(const VsConntrackEntry *entry, VsFlow *tuple, const VsNatRange *range)
{
    const VsConntrackEntry *other =
        vs_table_find(&entry->table->sources, source_key(entry));

    for (; other; other = other->next_of_source) {
        VsFlow known = *tuple;

        known.saddr = other->tuple[VS_CT_REPLY].daddr;
        if (tuple->protocol == VS_PROTOCOL_ICMP) {
            known.sport = other->tuple[VS_CT_REPLY].sport;
        } else {
            known.sport = other->tuple[VS_CT_REPLY].dport;
        }
        if (has_source_in_range(&known, range)) {
            *tuple = known;
            return true;
        }
    }
    return false;
}

/* ---- Setting up a translation ---------------------------------------------------- */

/* Turns 'tuple', what the connection looks like so far, into what it shall look like. */
static bool
make_unique(VsConntrackEntry *entry, VsFlow *tuple, VsNatManip manip,
            const VsNatRange *range)
{
    bool is_random = range->is_random || range->is_random_fully;
    VsFlow known = *tuple;

    if (manip == VS_NAT_SRC && !is_random) {
        if (has_source_in_range(tuple, range)) {
            if (!is_taken(entry, tuple)) {
                return true;
            }
        } else if (take_known_source(entry, &known, range) &&
                   !is_taken(entry, &known)) {
            *tuple = known;
            return true;
        }
    }
    choose_address(tuple, manip, range);
    if (!is_random) {
        if (!range->has_ports) {
            if (!is_taken(entry, tuple)) {
                return true;
            }
        } else if (has_port_in_range(tuple, manip, range) &&
                   (range->min_port == range->max_port || !is_taken(entry, tuple))) {
            return true;
        }
    }
    return choose_port(entry, tuple, manip, range);
}

bool
vs_nat_setup(VsConntrackEntry *entry, VsNatManip manip, const VsNatRange *range)
{
    VsFlow now = vs_flow_reverse(&entry->tuple[VS_CT_REPLY]);
    VsFlow tuple = now;
    bool is_unique = make_unique(entry, &tuple, manip, range);

    entry->status |= manip == VS_NAT_SRC ? VS_CT_SRC_NAT_DONE : VS_CT_DST_NAT_DONE;
    if (!vs_flow_equals(&tuple, &now)) {
        entry->tuple[VS_CT_REPLY] = vs_flow_reverse(&tuple);
        if (manip == VS_NAT_DST) {
            entry->status |= VS_CT_DST_NAT;
        } else {
            entry->status |= VS_CT_SRC_NAT;
            remember_source(entry);
        }
    }
    if (!is_unique && manip == VS_NAT_SRC) { /* Else the source can still help. */
        entry->status |= VS_CT_NAT_FAILED;
        entry->table->stats->insert_failed++;
        entry->table->stats->drop++;
    }
    return is_unique || manip == VS_NAT_DST;
}

void
vs_nat_dst(VsConntrackEntry *entry, VsAddr address, uint16_t port)
{
    bool has_port =
        port != 0 && entry->tuple[VS_CT_ORIGINAL].protocol != VS_PROTOCOL_ICMP;

    vs_nat_setup(entry, VS_NAT_DST,
                 &(VsNatRange){.has_address = true,
                               .min_address = address,
                               .max_address = address,
                               .has_ports = has_port,
                               .min_port = port,
                               .max_port = port});
}

bool
vs_nat_src(VsConntrackEntry *entry, VsAddr address)
{
    return vs_nat_setup(entry, VS_NAT_SRC,
                        &(VsNatRange){.has_address = true,
                                      .min_address = address,
                                      .max_address = address});
}

/* Without a rule too, the answers must not be another connection's (the kernel's null
 * binding): two flows may have been sent to one endpoint. */
static void
bind_as_it_is(VsConntrackEntry *entry, VsNatManip manip)
{
    if (manip == VS_NAT_DST) {
        entry->status |= VS_CT_DST_NAT_DONE;
    } else {
        vs_nat_src(entry, entry->tuple[VS_CT_REPLY].daddr);
    }
}

/* ---- The hooks ------------------------------------------------------------------- */

/* Lets the rules decide for a new connection; false when the packet is gone. */
static bool
run_rules(VsConntrack *conntrack, VsPacket *packet, const VsHookState *state,
          VsNatManip manip)
{
    const VsNatChain *chain =
        manip == VS_NAT_DST ? &conntrack->dst_rules : &conntrack->src_rules;
    uint16_t done = manip == VS_NAT_SRC ? VS_CT_SRC_NAT_DONE : VS_CT_DST_NAT_DONE;
    bool is_stolen = false;

    for (unsigned i = 0; i < chain->n_rules; i++) {
        if (chain->rules[i].rule(chain->rules[i].data, packet, packet->ct, state,
                                 &is_stolen)) {
            break;
        }
        if (is_stolen) {
            return false;
        }
    }
    if (!(packet->ct->status & done)) {
        bind_as_it_is(packet->ct, manip);
    }
    if (G_UNLIKELY(packet->ct->status & VS_CT_NAT_FAILED)) {
        vs_packet_drop(packet, VS_DROP_NO_NAT_PORT);
        return false;
    }
    return true;
}

/* Gives 'flow' the source or destination that answers to 'other' come from: the tuple of
 * the connection's other direction. */
static inline void
rewrite(VsFlow *flow, const VsFlow *other, VsNatManip manip)
{
    bool has_ports = flow->protocol != VS_PROTOCOL_ICMP;

    if (manip == VS_NAT_SRC) {
        flow->saddr = other->daddr;
        flow->sport = has_ports ? other->dport : other->sport;
    } else {
        flow->daddr = other->saddr;
        if (has_ports) {
            flow->dport = other->sport;
        } else {
            flow->sport = other->sport; /* The identifier belongs to no side. */
        }
    }
}

/* An ICMP error goes where the connection's packets go; what it quotes came from there, so
 * the other end of the quoted flow is what changes. */
static void
translate_error(VsPacket *packet, const VsFlow *other, VsNatManip manip)
{
    VsLayer *top = vs_packet_top(packet);
    VsFlow *quoted = &packet->layers[packet->n_layers - 2].flow;
    VsFlow back = vs_flow_reverse(other);

    rewrite(quoted, &back, manip == VS_NAT_SRC ? VS_NAT_DST : VS_NAT_SRC);
    if (manip == VS_NAT_SRC) {
        top->flow.saddr = other->daddr;
    } else {
        top->flow.daddr = other->saddr;
    }
}

static inline void
translate(VsPacket *packet, VsNatManip manip)
{
    VsLayer *top = vs_packet_top(packet);
    const VsFlow *other = &packet->ct->tuple[!packet->ct_dir];

    if (G_UNLIKELY(vs_icmp_is_error(top))) {
        translate_error(packet, other, manip);
    } else {
        rewrite(&top->flow, other, manip);
    }
}

/* The first packet of a connection meets the rules, once; false when they took it. */
static bool
bind_new(VsConntrack *conntrack, VsPacket *packet, const VsHookState *state,
         VsNatManip manip)
{
    uint16_t done = manip == VS_NAT_SRC ? VS_CT_SRC_NAT_DONE : VS_CT_DST_NAT_DONE;

    return packet->ct != conntrack->unconfirmed || (packet->ct->status & done) ||
           run_rules(conntrack, packet, state, manip);
}

/* True if a packet of this direction is to be changed so: what is done to the source of one
 * direction is done to the destination of the other. */
static inline bool
is_translated(const VsPacket *packet, VsNatManip manip)
{
    bool is_source = (manip == VS_NAT_SRC) == (packet->ct_dir == VS_CT_ORIGINAL);

    return packet->ct->status & (is_source ? VS_CT_SRC_NAT : VS_CT_DST_NAT);
}

/* Rare: kept out of the way of packets that nobody follows. */
static void __attribute__((noinline, cold))
translate_and_tell(VsPacket *packet, const VsNetns *netns, VsNatManip manip)
{
    VsLayer before = *vs_packet_top(packet);
    bool is_error = vs_icmp_is_error(&before);
    VsFlow quoted = packet->layers[is_error ? packet->n_layers - 2 : 0].flow;

    translate(packet, manip);
    if (vs_packet_is_traced(packet)) {
        vs_ct_story_translated(netns, packet, &before, is_error ? &quoted : NULL,
                               manip);
    }
    if (vs_decision_is_wanted(netns)) {
        vs_decision_translated(netns, packet, "conntrack", &before.flow,
                               is_error ? &quoted : NULL);
    }
}

static inline VsVerdict
nat_hook(VsConntrack *conntrack, VsPacket *packet, const VsHookState *state,
         VsNatManip manip)
{
    if (!packet->ct) {
        return VS_VERDICT_ACCEPT;
    }
    if (G_UNLIKELY(packet->flags & VS_PACKET_CT_NEW) &&
        !bind_new(conntrack, packet, state, manip)) {
        return VS_VERDICT_STOLEN;
    }
    if (is_translated(packet, manip)) {
        vs_host_charge(state->netns->host, state->netns->host->costs.nat_rewrite);
        if (vs_packet_is_traced(packet) || vs_decision_is_wanted(state->netns)) {
            translate_and_tell(packet, state->netns, manip);
        } else {
            translate(packet, manip);
        }
    }
    return VS_VERDICT_ACCEPT;
}

VsVerdict
vs_nat_dst_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    return nat_hook(data, packet, state, VS_NAT_DST);
}

VsVerdict
vs_nat_src_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    return nat_hook(data, packet, state, VS_NAT_SRC);
}
