#include "tests/netfilter/random_rules.h"

enum {
    N_CHAINS = 5, /* Besides the base; they go to later ones only. */
    N_DADDR = 24,
    N_SADDR = 12,
};

static const char *const chain_names[] = {"c0", "c1", "c2", "c3", "c4"};

static unsigned
below(VsRng *rng, unsigned n)
{
    return (unsigned)vs_rng_below(rng, n);
}

static bool
one_in(VsRng *rng, unsigned n)
{
    return below(rng, n) == 0;
}

static VsAddr
some_daddr(VsRng *rng)
{
    return IP(10, 96, 0, below(rng, N_DADDR));
}

static VsAddr
some_saddr(VsRng *rng)
{
    return IP(10, 244, below(rng, 2), below(rng, N_SADDR / 2));
}

static void
add_range(VsRule *rule, VsRng *rng, VsField field, uint32_t min, uint32_t max)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_RANGE, VS_MODULE_BASE);

    step->range.field = field;
    step->range.mask = UINT32_MAX;
    step->range.min = min;
    step->range.max = max;
    step->range.is_inverted = one_in(rng, 4);
}

static void
add_lookup(VsRule *rule, VsRng *rng)
{
    static const char *const names[] = {"sources", "nets", "services", "seen"};
    unsigned which = below(rng, G_N_ELEMENTS(names));
    VsLookup *lookup = &vs_rule_add_step(rule, VS_STEP_LOOKUP, VS_MODULE_SET)->lookup;

    ask_set(lookup, VS_FIELD_SADDR, names[which]);
    if (which == 2) {
        lookup->n_fields = 3;
        lookup->fields[0] = VS_FIELD_DADDR;
        lookup->fields[1] = VS_FIELD_PROTOCOL;
        lookup->fields[2] = VS_FIELD_DPORT;
    }
    lookup->is_inverted = one_in(rng, 4);
}

static void
add_recent(VsRule *rule, VsRng *rng)
{
    VsRecent *recent =
        &vs_rule_add_step(rule, VS_STEP_RECENT, VS_MODULE_RECENT)->recent;

    recent->name = g_strdup(one_in(rng, 2) ? "red" : "blue");
    recent->check = (VsRecentCheck)below(rng, 4);
    recent->is_inverted = one_in(rng, 4);
    recent->mask = recent->name[0] == 'r' ? UINT32_MAX : UINT32_MAX << 2;
    if (recent->check == VS_RECENT_RCHECK || recent->check == VS_RECENT_UPDATE) {
        recent->seconds = below(rng, 4);
        recent->hitcount = below(rng, 6);
    }
}

static void
add_ports(VsRule *rule, VsRng *rng)
{
    VsPorts *ports = &vs_rule_add_step(rule, VS_STEP_PORTS, VS_MODULE_MULTIPORT)->ports;

    ports->sides = (VsPortSides)(1 + below(rng, 3));
    ports->is_inverted = one_in(rng, 3);
    ports->n_ranges = 1 + below(rng, 3);
    for (unsigned i = 0; i < ports->n_ranges; i++) {
        ports->ranges[i].min = (uint16_t)(78 + below(rng, 6));
        ports->ranges[i].max = (uint16_t)(ports->ranges[i].min + below(rng, 2));
    }
}

/* A match that cannot show whether it was examined. */
static void
add_silent_match(VsRule *rule, VsRng *rng)
{
    VsRuleStep *step;

    switch (below(rng, 10)) {
    case 0:
        add_range(rule, rng, VS_FIELD_PROTOCOL, VS_PROTOCOL_TCP, VS_PROTOCOL_TCP);
        break;
    case 1:
        add_range(rule, rng, VS_FIELD_DPORT, 79 + below(rng, 3), 81);
        break;
    case 2:
        vs_rule_match_prefix(rule, VS_FIELD_SADDR, some_saddr(rng), 24 + below(rng, 9),
                             one_in(rng, 2));
        break;
    case 3:
        vs_rule_match_mark(rule, below(rng, 4), 3, one_in(rng, 2));
        break;
    case 4:
        vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                           1 + below(rng, 15));
        break;
    case 5:
        step = vs_rule_add_step(rule, VS_STEP_NAME, VS_MODULE_BASE);
        step->name.field = (VsField)(VS_FIELD_IIF + below(rng, 4));
        step->name.name = g_strdup(one_in(rng, 2) ? "eth+" : "eth1");
        step->name.is_inverted = one_in(rng, 2);
        break;
    case 6:
        add_ports(rule, rng);
        break;
    case 7:
        vs_rule_match_not(rule, VS_MODULE_BASE, VS_FIELD_DADDR, some_daddr(rng));
        break;
    case 8:
        vs_rule_match_prefix(rule, VS_FIELD_DADDR, some_daddr(rng), 29, one_in(rng, 2));
        break;
    default:
        vs_rule_comment(rule, "a service");
    }
}

static VsNumber *
new_number(VsRng *rng)
{
    static const VsField hashed[] = {VS_FIELD_SADDR, VS_FIELD_MARK, VS_FIELD_DPORT};
    VsNumber *number = vs_number_new((VsNumberKind)below(rng, 3), 1 + below(rng, 4));
    unsigned first = below(rng, G_N_ELEMENTS(hashed));

    number->offset = 78 + below(rng, 3);
    if (number->kind == VS_NUMBER_JHASH) {
        number->has_seed = one_in(rng, 2);
        number->seed = number->has_seed ? below(rng, 3) : 0;
        number->n_fields = 1 + below(rng, G_N_ELEMENTS(hashed) - first);
        memcpy(number->fields, hashed + first, number->n_fields * sizeof(*hashed));
    }
    return number;
}

/* A match whose examination leaves a mark, or costs something. */
static void
add_telling_match(VsRule *rule, VsRng *rng)
{
    VsRuleStep *step;

    switch (below(rng, 7)) {
    case 0:
        add_lookup(rule, rng);
        break;
    case 5:
        add_range(rule, rng, VS_FIELD_NUMBER, 78 + below(rng, 3), 80);
        step = &rule->steps[rule->n_steps - 1];
        step->kind = VS_STEP_NUMBER;
        step->range.number = new_number(rng);
        break;
    case 1:
        step = vs_rule_add_step(rule, VS_STEP_RANDOM, VS_MODULE_STATISTIC);
        step->random.threshold = below(rng, 5) << 29;
        step->random.is_inverted = one_in(rng, 4);
        break;
    case 2:
        step = vs_rule_add_step(rule, VS_STEP_NTH, VS_MODULE_STATISTIC);
        step->nth.every = 1 + below(rng, 5);
        step->nth.first = below(rng, step->nth.every);
        step->nth.is_inverted = one_in(rng, 4);
        break;
    case 3:
        add_recent(rule, rng);
        break;
    case 4:
        step = vs_rule_add_step(rule, VS_STEP_LIMIT, VS_MODULE_LIMIT);
        step->limit.amount = 1 + below(rng, 7);
        step->limit.unit = VS_S;
        step->limit.burst = 1 + below(rng, 4);
        step->limit.is_inverted = one_in(rng, 4);
        break;
    default:
        vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE,
                           one_in(rng, 2) ? VS_FIELD_SADDR_TYPE : VS_FIELD_DADDR_TYPE,
                           VS_ADDR_TYPE_LOCAL);
    }
}

static void
add_effect(VsRule *rule, VsRng *rng)
{
    VsRuleStep *step;

    switch (below(rng, 5)) {
    case 0:
        vs_rule_add_step(rule, VS_STEP_COUNTER, VS_MODULE_BASE);
        break;
    case 1:
        step = vs_rule_add_step(rule, VS_STEP_UPDATE, VS_MODULE_BASE);
        ask_set(&step->update.key, VS_FIELD_SADDR, "seen");
        step->update.timeout = below(rng, 3) * VS_S;
        step->update.is_add = one_in(rng, 2);
        break;
    case 2:
        vs_rule_add_step(rule, VS_STEP_LOG, VS_MODULE_BASE);
        break;
    case 3:
        step = vs_rule_add_step(rule, VS_STEP_SET_ZONE, VS_MODULE_BASE);
        step->mark.value = below(rng, 9);
        break;
    default:
        step = vs_rule_add_step(rule, (VsStepKind)(VS_STEP_SET_MARK + below(rng, 4)),
                                VS_MODULE_BASE);
        step->mark.value = below(rng, 8);
        step->mark.mask = below(rng, 8);
    }
}

/* Goes to a chain after number 'from', if there is one. */
static void
set_verdict(VsRuleVerdict *verdict, VsRng *rng, unsigned from)
{
    static const VsVerdictKind kinds[] = {
        VS_RULE_JUMP,   VS_RULE_JUMP,   VS_RULE_JUMP, VS_RULE_GOTO,    VS_RULE_GOTO,
        VS_RULE_RETURN, VS_RULE_ACCEPT, VS_RULE_DROP, VS_RULE_CONTINUE};

    verdict->kind = kinds[below(rng, G_N_ELEMENTS(kinds))];
    if (verdict->kind == VS_RULE_JUMP || verdict->kind == VS_RULE_GOTO) {
        if (from == N_CHAINS) {
            verdict->kind = VS_RULE_CONTINUE;
        } else {
            verdict->target = g_strdup(chain_names[from + below(rng, N_CHAINS - from)]);
        }
    }
}

static void
add_vmap(VsRule *rule, VsRng *rng, unsigned from)
{
    VsLookup *lookup = &vs_rule_add_step(rule, VS_STEP_VMAP, VS_MODULE_BASE)->lookup;

    lookup->n_fields = 1;
    lookup->fields[0] = VS_FIELD_DPORT;
    if (one_in(rng, 2)) {
        lookup->fields[0] = VS_FIELD_NUMBER;
        lookup->number = new_number(rng);
    }
    lookup->set = vs_set_new();
    lookup->set->is_map = true;
    for (uint32_t i = 78; i < 83; i++) {
        if (!one_in(rng, 3)) {
            set_verdict(&add_element(lookup->set, i)->verdict, rng, from);
        }
    }
}

/* "dnat to NUMBER map { ... }" */
static void
add_nat_map(VsRule *rule, VsRng *rng)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_DNAT, VS_MODULE_BASE);
    VsLookup *map = step->nat.map = g_new0(VsLookup, 1);

    map->n_fields = 1;
    map->fields[0] = VS_FIELD_NUMBER;
    map->number = new_number(rng);
    map->set = vs_set_new();
    map->set->is_nat_map = true;
    for (uint32_t i = 78; i < 83; i++) {
        if (!one_in(rng, 3)) {
            VsRuleStep *of = add_element(map->set, i)->nat = g_new0(VsRuleStep, 1);

            of->kind = VS_STEP_DNAT;
            of->nat.has_address = true;
            of->nat.min_address = of->nat.max_address = i;
        }
    }
}

static void
add_end(VsRule *rule, VsRng *rng, unsigned from)
{
    static const VsStepKind kinds[] = {VS_STEP_DNAT, VS_STEP_SNAT, VS_STEP_MASQUERADE,
                                       VS_STEP_REDIRECT, VS_STEP_REJECT};
    unsigned which = below(rng, 16);

    if (which == 15) {
        add_nat_map(rule, rng);
    } else if (which < 2) {
        vs_rule_add_step(rule, kinds[below(rng, G_N_ELEMENTS(kinds))], VS_MODULE_BASE);
    } else if (which < 9) {
        set_verdict(&vs_rule_add_step(rule, VS_STEP_VERDICT, VS_MODULE_BASE)->verdict,
                    rng, from);
    } else if (which < 11) {
        add_vmap(rule, rng, from);
        add_effect(rule, rng);
    } else if (which < 14) {
        add_effect(rule, rng);
    }
}

static void
add_random_rule(VsChain *chain, VsRng *rng, unsigned from, bool has_daddr)
{
    VsRule *rule = vs_chain_add_rule(chain);

    if (one_in(rng, 3)) {
        add_silent_match(rule, rng);
    }
    if (one_in(rng, 40)) {
        add_telling_match(rule, rng);
    }
    if (one_in(rng, 60)) {
        add_effect(rule, rng);
    }
    if (has_daddr) {
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_DADDR, some_daddr(rng));
    } else {
        add_silent_match(rule, rng);
        vs_rule_match_prefix(rule, VS_FIELD_SADDR, some_saddr(rng), 31, false);
    }
    for (unsigned i = below(rng, 3); i > 0; i--) {
        if (one_in(rng, 3)) {
            add_telling_match(rule, rng);
        } else {
            add_silent_match(rule, rng);
        }
    }
    add_end(rule, rng, from);
}

/* Runs of rules for one destination each, with others between them. */
static void
fill_chain(VsChain *chain, VsRng *rng, unsigned from)
{
    for (unsigned n_runs = below(rng, 4); n_runs > 0; n_runs--) {
        for (unsigned i = below(rng, 40); i > 0; i--) {
            add_random_rule(chain, rng, from, true);
        }
        for (unsigned i = below(rng, 4); i > 0; i--) {
            add_random_rule(chain, rng, from, false);
        }
    }
}

static void
add_sets(RulesFixture *f, VsRng *rng)
{
    VsSet *sources = add_set(f, "sources", VS_SET_IPV4_ADDR);
    VsSet *nets = add_set(f, "nets", VS_SET_IPV4_ADDR);
    VsSet *services = add_set(f, "services", VS_SET_IPV4_ADDR);
    VsSet *seen = add_set(f, "seen", VS_SET_IPV4_ADDR);

    nets->has_intervals = true;
    seen->is_dynamic = true;
    seen->has_timeout = true;
    seen->timeout = one_in(rng, 2) ? 0 : VS_S;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t end = IP(10, 244, 0, i * 8 + below(rng, 7));
        uint32_t parts[] = {some_daddr(rng), VS_PROTOCOL_TCP, 79 + below(rng, 3)};
        VsKey key = vs_set_key(parts, 3);

        add_element(sources, some_saddr(rng));
        add_element(nets, IP(10, 244, 0, i * 8))->end = vs_set_key(&end, 1);
        vs_set_add(services, &key);
    }
}

RulesFixture
random_rules_new(unsigned seed)
{
    RulesFixture f = rules_fixture();
    g_autofree char *name = g_strdup_printf("%u", seed);
    VsRng rng;

    vs_rng_init(&rng, 7, name, "ruleset");
    add_sets(&f, &rng);
    f.base->policy = one_in(&rng, 2) ? VS_RULE_ACCEPT : VS_RULE_DROP;
    for (unsigned i = 0; i < N_CHAINS; i++) {
        fill_chain(chain_of(&f, chain_names[i]), &rng, i + 1);
    }
    fill_chain(f.base, &rng, 0);
    fill_chain(f.base, &rng, 0);
    vs_rng_init(&f.rng, 7, name, "draws");
    link_rules(&f);
    return f;
}

void
random_rules_change(RulesFixture *f, unsigned seed)
{
    g_autofree char *name = g_strdup_printf("%u", seed);
    VsRng rng;

    vs_rng_init(&rng, 7, name, "change");
    vs_chain_flush(f->base);
    fill_chain(f->base, &rng, 0);
    fill_chain(chain_of(f, chain_names[1]), &rng, 2);
    link_rules(f);
}

static uint32_t
local_if_odd(void *data, VsAddr address)
{
    (void)data;
    return address % 2 ? VS_ADDR_TYPE_LOCAL : VS_ADDR_TYPE_UNICAST;
}

VsRuleView
random_view(VsRng *rng, VsTime now)
{
    static const char *const names[] = {NULL, "eth0", "eth1", "cni0"};
    VsRuleView view = {.bytes = 40 + below(rng, 1460), .now = now};

    view.fields[VS_FIELD_SADDR] = some_saddr(rng);
    view.fields[VS_FIELD_DADDR] = one_in(rng, 10) ? IP(192, 0, 2, 1) : some_daddr(rng);
    view.fields[VS_FIELD_PROTOCOL] = one_in(rng, 4) ? VS_PROTOCOL_UDP : VS_PROTOCOL_TCP;
    view.fields[VS_FIELD_SPORT] = 78 + below(rng, 6);
    view.fields[VS_FIELD_DPORT] = 78 + below(rng, 6);
    view.fields[VS_FIELD_MARK] = below(rng, 8);
    view.fields[VS_FIELD_CT_MARK] = below(rng, 8);
    view.fields[VS_FIELD_CT_STATE] = 1u << below(rng, 4);
    view.iif = names[below(rng, 4)];
    view.oif = names[below(rng, 4)];
    view.physin = names[below(rng, 4)];
    view.physout = names[below(rng, 4)];
    view.addr_type = local_if_odd;
    return view;
}
