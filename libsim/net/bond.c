#include "net/bond.h"

#include <glib.h>

/* When the carrier is looked at next, at 'time' or later. */
static VsTime
noticed(const VsBond *bond, VsTime time)
{
    VsTime miimon = bond->config.miimon;

    return time > VS_TIME_NEVER - miimon ? VS_TIME_NEVER
                                         : (time + miimon - 1) / miimon * miimon;
}

/* What the bond knows at 'now', and until when that holds. */
static void
look(VsBond *bond, VsTime now)
{
    bond->next_change = VS_TIME_NEVER;
    for (unsigned i = 0; i < bond->config.n_members; i++) {
        bond->is_usable[i] = true;
    }
    for (unsigned i = 0; i < bond->config.n_outages; i++) {
        const VsBondOutage *outage = &bond->config.outages[i];
        VsTime at = noticed(bond, outage->at), until = noticed(bond, outage->until);

        if (now >= at && now < until) {
            bond->is_usable[outage->member] = false;
        }
        bond->next_change = MIN(bond->next_change, now < at      ? at
                                                   : now < until ? until
                                                                 : VS_TIME_NEVER);
    }
    bond->n_usable = 0;
    for (unsigned i = 0; i < bond->config.n_members; i++) {
        if (bond->is_usable[i]) {
            bond->usable[bond->n_usable++] = i;
        }
    }
    if (bond->n_usable > 0 && !bond->is_usable[bond->active]) {
        bond->active = bond->usable[0];
    }
}

static bool
has_carrier(const VsBond *bond, unsigned member, VsTime now)
{
    for (unsigned i = 0; i < bond->config.n_outages; i++) {
        const VsBondOutage *outage = &bond->config.outages[i];

        if (outage->member == member && now >= outage->at && now < outage->until) {
            return false;
        }
    }
    return true;
}

static uint32_t
hash(const VsBond *bond, const VsLayer *layer)
{
    const VsFlow *flow = &layer->flow;
    bool is_fragment = layer->ip_fragment & (VS_IP_MF | VS_IP_OFFSET_MASK);
    bool is_icmp = flow->protocol == VS_PROTOCOL_ICMP;
    VsHashTuple tuple = {
        .saddr = flow->saddr, .daddr = flow->daddr, .protocol = flow->protocol};
    VsBondFrame frame = {
        .smac = layer->smac, .dmac = layer->dmac, .ether_type = layer->ether_type};

    if (layer->ether_type == VS_ETHER_TYPE_IPV4) {
        frame.ip = &tuple;
    }
    if (is_icmp && !is_fragment) {
        frame.icmp_type = layer->icmp.type;
        frame.icmp_code = layer->icmp.code;
        frame.icmp_identifier = flow->sport;
    } else if (!is_fragment) {
        tuple.sport = flow->sport;
        tuple.dport = flow->dport;
    }
    return vs_bond_hash(bond->config.policy, &frame);
}

/* The first usable member from 'turn' on, in a circle. */
static int
take_turn(const VsBond *bond, unsigned turn)
{
    for (unsigned i = 0; i < bond->config.n_members; i++) {
        unsigned member = (turn + i) % bond->config.n_members;

        if (bond->is_usable[member]) {
            return (int)member;
        }
    }
    return -1;
}

int
vs_bond_choose(VsBond *bond, VsPacket *packet)
{
    VsTime now = vs_now(bond->run);

    while (G_UNLIKELY(now >= bond->next_change)) {
        look(bond, bond->next_change); /* The active member depends on each. */
    }
    if (G_UNLIKELY(bond->n_usable == 0)) {
        return -1;
    }
    switch (bond->config.mode) {
    case VS_BOND_BALANCE_RR:
        return take_turn(bond, ++bond->n_turns % bond->config.n_members);
    case VS_BOND_ACTIVE_BACKUP:
        return (int)bond->active;
    case VS_BOND_BALANCE_XOR:
    case VS_BOND_8023AD:
        break;
    }
    return (int)bond->usable[hash(bond, vs_packet_top(packet)) % bond->n_usable];
}

static void
bond_receive(VsHop *hop, VsPacket *packet)
{
    VsBond *bond = VS_CONTAINER_OF(hop, VsBond, hop);
    int member = vs_bond_choose(bond, packet);

    if (G_UNLIKELY(member < 0 ||
                   !has_carrier(bond, (unsigned)member, vs_now(bond->run)))) {
        bond->n_lost++;
        vs_packet_drop(packet, VS_DROP_INTERFACE_DOWN);
        return;
    }
    vs_wire_send(bond->members[member], packet);
}

VsBond *
vs_bond_new(VsRun *run, const VsBondConfig *config, VsWire *const *members)
{
    VsBond *bond = g_new0(VsBond, 1);

    g_assert(config->n_members >= 2 && config->n_members <= VS_BOND_MAX_MEMBERS);
    g_assert(config->miimon > 0);
    bond->hop.receive = bond_receive;
    bond->run = run;
    bond->config = *config;
    bond->config.outages =
        g_memdup2(config->outages, config->n_outages * sizeof(*config->outages));
    for (unsigned i = 0; i < config->n_members; i++) {
        bond->members[i] = members[i];
    }
    look(bond, 0);
    return bond;
}

void
vs_bond_free(VsBond *bond)
{
    g_free((gpointer)bond->config.outages);
    g_free(bond);
}
