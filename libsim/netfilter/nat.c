#include "netfilter/nat.h"

#include <glib.h>

#include "net/icmp.h"

enum {
    MAX_TRIES = 128,
    MIN_TRIES = 16,
};

typedef enum Manip {
    MANIP_SRC,
    MANIP_DST,
} Manip;

static VsVerdict nat_hook(VsConntrack *conntrack, VsPacket *packet,
                          const VsHookState *state, Manip manip);

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

void
vs_nat_dst(VsConntrackEntry *entry, VsAddr address, uint16_t port)
{
    VsFlow *reply = &entry->tuple[VS_CT_REPLY];

    reply->saddr = address;
    if (port != 0 && reply->protocol != VS_PROTOCOL_ICMP) {
        reply->sport = port;
    }
    entry->status |= VS_CT_DST_NAT;
}

static bool
is_taken(const VsConntrack *conntrack, const VsFlow *tuple)
{
    return vs_table_find(&conntrack->tuples, vs_flow_key(tuple)) != NULL;
}

/* Makes the reply tuple unique by its destination port, which is our source port, or by
 * its ICMP identifier (nf_nat_l4proto_unique_tuple). */
static bool
make_unique(VsConntrackEntry *entry)
{
    VsConntrack *conntrack = entry->table;
    VsFlow *reply = &entry->tuple[VS_CT_REPLY];
    bool is_icmp = reply->protocol == VS_PROTOCOL_ICMP;
    uint16_t *key = is_icmp ? &reply->sport : &reply->dport;
    uint32_t first = is_icmp ? 0 : *key < 512 ? 1 : *key < 1024 ? 600 : 1024;
    uint32_t last = is_icmp ? 65535 : *key < 512 ? 511 : *key < 1024 ? 1023 : 65535;
    uint32_t n_ports = last - first + 1;
    uint32_t n_tries = MIN(n_ports, (uint32_t)MAX_TRIES);
    uint32_t offset;

    if (!is_taken(conntrack, reply)) {
        return true;
    }
    offset = vs_rng_u32(&conntrack->rng);
    for (;;) {
        for (uint32_t i = 0; i < n_tries; i++, offset++) {
            *key = (uint16_t)(first + offset % n_ports);
            if (!is_taken(conntrack, reply)) {
                entry->status |= VS_CT_SRC_NAT;
                return true;
            }
        }
        if (n_tries >= n_ports || n_tries < MIN_TRIES) {
            return false;
        }
        n_tries /= 2;
        offset = vs_rng_u32(&conntrack->rng);
    }
}

bool
vs_nat_src(VsConntrackEntry *entry, VsAddr address)
{
    entry->tuple[VS_CT_REPLY].daddr = address;
    entry->status |= VS_CT_SRC_NAT;
    return make_unique(entry);
}

VsVerdict
vs_nat_dst_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    return nat_hook(data, packet, state, MANIP_DST);
}

VsVerdict
vs_nat_src_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    return nat_hook(data, packet, state, MANIP_SRC);
}

/* Lets the rules decide for a new connection; false when the packet is gone. */
static bool
run_rules(VsConntrack *conntrack, VsPacket *packet, const VsHookState *state,
          Manip manip)
{
    const VsNatChain *chain =
        manip == MANIP_DST ? &conntrack->dst_rules : &conntrack->src_rules;
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
    /* Without a rule too, the reply must not be another connection's (the kernel's null
     * binding): two flows may have been sent to one endpoint. */
    if (manip == MANIP_SRC && !make_unique(packet->ct)) {
        vs_packet_drop(packet, VS_DROP_NO_NAT_PORT);
        return false;
    }
    return true;
}

static void
rewrite(VsFlow *flow, const VsFlow *target, Manip manip)
{
    if (manip == MANIP_SRC) {
        flow->saddr = target->saddr;
        flow->sport = target->sport;
    } else {
        flow->daddr = target->daddr;
        flow->dport = target->dport;
    }
    if (flow->protocol == VS_PROTOCOL_ICMP) {
        flow->sport = target->sport; /* The identifier belongs to no side. */
    }
}

static VsVerdict
nat_hook(VsConntrack *conntrack, VsPacket *packet, const VsHookState *state,
         Manip manip)
{
    VsHost *host = state->netns->host;
    VsConntrackEntry *entry = packet->ct;
    uint8_t done = manip == MANIP_SRC ? VS_CT_SRC_NAT_DONE : VS_CT_DST_NAT_DONE;
    uint8_t bit = manip == MANIP_SRC ? VS_CT_SRC_NAT : VS_CT_DST_NAT;
    VsLayer *top = vs_packet_top(packet);
    VsFlow target;

    if (!entry) {
        return VS_VERDICT_ACCEPT;
    }
    if (entry == conntrack->unconfirmed && !(entry->status & done)) {
        entry->status |= done;
        if (!run_rules(conntrack, packet, state, manip)) {
            return VS_VERDICT_STOLEN;
        }
    }
    if (packet->ct_dir == VS_CT_REPLY) {
        bit ^= VS_CT_SRC_NAT | VS_CT_DST_NAT;
    }
    if (!(entry->status & bit)) {
        return VS_VERDICT_ACCEPT;
    }

    vs_host_charge(host, host->costs.nat_rewrite);
    target = vs_flow_reverse(&entry->tuple[!packet->ct_dir]);
    if (G_UNLIKELY(vs_icmp_is_error(top))) {
        /* The error goes where the connection's packets go; what it quotes came from
         * there, so the other end of the quoted flow is what changes. */
        VsFlow *quoted = &packet->layers[packet->n_layers - 2].flow;
        VsFlow back = vs_flow_reverse(&target);

        rewrite(quoted, &back, manip == MANIP_SRC ? MANIP_DST : MANIP_SRC);
        if (manip == MANIP_SRC) {
            top->flow.saddr = target.saddr;
        } else {
            top->flow.daddr = target.daddr;
        }
        return VS_VERDICT_ACCEPT;
    }
    rewrite(&top->flow, &target, manip);
    return VS_VERDICT_ACCEPT;
}
