/* Matches of rules: what is in the packet, statistic and limit. */
#include "tests/base/random_fixture.h"
#include "tests/netfilter/rules_fixture.h"

/* What one rule with the step it is given does with the packet of the fixture: is it hit? */
static bool
is_hit(RulesFixture *f, VsRuleView *view)
{
    VsRule *rule = f->base->rules->pdata[0];
    uint64_t before = rule->n_packets;

    vs_chain_run(f->base, view);
    return rule->n_packets > before;
}

/* ---- Matches of what is in the packet ---- */

/* Is a packet to 'value' in 'min'..'max' under 'mask'? */
static bool
range_holds(uint32_t value, uint32_t mask, uint32_t min, uint32_t max, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_RANGE);
    bool holds;

    step->range.field = VS_FIELD_MARK;
    step->range.mask = mask;
    step->range.min = min;
    step->range.max = max;
    step->range.is_inverted = is_inverted;
    view.fields[VS_FIELD_MARK] = value;
    link_rules(&f);
    holds = is_hit(&f, &view);
    CU_ASSERT(!view.is_volatile);
    rules_fixture_clear(&f);
    return holds;
}

static void
test_ranges_include_both_ends(void)
{
    CU_ASSERT(!range_holds(79, UINT32_MAX, 80, 90, false));
    CU_ASSERT(range_holds(80, UINT32_MAX, 80, 90, false));
    CU_ASSERT(range_holds(90, UINT32_MAX, 80, 90, false));
    CU_ASSERT(!range_holds(91, UINT32_MAX, 80, 90, false));
    CU_ASSERT(range_holds(79, UINT32_MAX, 80, 90, true));
    CU_ASSERT(!range_holds(85, UINT32_MAX, 80, 90, true));
    CU_ASSERT(range_holds(UINT32_MAX, UINT32_MAX, 0, UINT32_MAX, false));
}

/* xt_owner.c, owner_mt(): without a socket only what is asked for with "!" holds. */
static void
test_owners_of_sockets(void)
{
    static const struct {
        uint32_t uid;
        bool is_inverted;
        bool holds;
    } cases[] = {
        {1337, false, true},         {0, false, false},   {1338, false, false},
        {VS_UID_NONE, false, false}, {1337, true, false}, {0, true, true},
        {VS_UID_NONE, true, true},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        RulesFixture f = rules_fixture();
        VsRuleView view = view_of(&f);
        VsRuleStep *step = add_step_rule(f.base, VS_STEP_RANGE);

        step->range.field = VS_FIELD_UID;
        step->range.mask = UINT32_MAX;
        step->range.min = step->range.max = 1337;
        step->range.is_inverted = cases[i].is_inverted;
        view.fields[VS_FIELD_UID] = cases[i].uid;
        link_rules(&f);
        CU_ASSERT_EQUAL(is_hit(&f, &view), cases[i].holds);
        rules_fixture_clear(&f);
    }
}

static void
test_masks_hide_bits_of_the_value_not_of_what_is_asked(void)
{
    CU_ASSERT(range_holds(0xabcd4fff, 0x4000, 0x4000, 0x4000, false));
    CU_ASSERT(!range_holds(0xabcd0fff, 0x4000, 0x4000, 0x4000, false));
    CU_ASSERT(!range_holds(0x4001, 0x4000, 0x4001, 0x4001, false));
    CU_ASSERT(range_holds(0x4001, 0x4000, 0x4001, 0x4001, true));
}

static void
test_prefixes(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f); /* From 10.244.1.3. */
    VsRule *in_16 = vs_chain_add_rule(f.base);
    VsRule *not_in_16 = vs_chain_add_rule(f.base);
    VsRule *in_24 = vs_chain_add_rule(f.base);
    VsRule *any = vs_chain_add_rule(f.base);

    vs_rule_match_prefix(in_16, VS_FIELD_SADDR, IP(10, 244, 7, 7), 16, false);
    vs_rule_match_prefix(not_in_16, VS_FIELD_SADDR, IP(10, 244, 0, 0), 16, true);
    vs_rule_match_prefix(in_24, VS_FIELD_SADDR, IP(10, 244, 2, 0), 24, false);
    vs_rule_match_prefix(any, VS_FIELD_SADDR, IP(1, 2, 3, 4), 0, false);
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(in_16->n_packets, 1);
    CU_ASSERT_EQUAL(not_in_16->n_packets, 0);
    CU_ASSERT_EQUAL(in_24->n_packets, 0);
    CU_ASSERT_EQUAL(any->n_packets, 1);
    rules_fixture_clear(&f);
}

static void
test_bits_want_one_of_them(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f); /* ct state NEW. */
    VsRule *among = vs_chain_add_rule(f.base);
    VsRule *others = vs_chain_add_rule(f.base);

    vs_rule_match_bits(among, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                       VS_CT_STATE_NEW | VS_CT_STATE_RELATED);
    vs_rule_match_bits(others, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                       VS_CT_STATE_ESTABLISHED | VS_CT_STATE_RELATED);
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(among->n_packets, 1);
    CU_ASSERT_EQUAL(others->n_packets, 0);
    others->steps[0].range.is_inverted = true;
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(others->n_packets, 1);
    rules_fixture_clear(&f);
}

static bool
name_holds(const char *pattern, const char *name, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_NAME);
    bool holds;

    step->name.field = VS_FIELD_OIF;
    step->name.name = g_strdup(pattern);
    step->name.is_inverted = is_inverted;
    view.oif = name;
    link_rules(&f);
    holds = is_hit(&f, &view);
    rules_fixture_clear(&f);
    return holds;
}

static void
test_names_of_interfaces(void)
{
    CU_ASSERT(name_holds("eth0", "eth0", false));
    CU_ASSERT(!name_holds("eth0", "eth01", false));
    CU_ASSERT(!name_holds("eth01", "eth0", false));
    CU_ASSERT(name_holds("eth0", "eth1", true));
    CU_ASSERT(name_holds("veth+", "veth12", false));
    CU_ASSERT(name_holds("veth*", "veth", false));
    CU_ASSERT(!name_holds("veth+", "vet", false));
    CU_ASSERT(!name_holds("veth+", "veth12", true));
    /* Without an interface its name is empty. */
    CU_ASSERT(!name_holds("eth0", NULL, false));
    CU_ASSERT(name_holds("eth0", NULL, true));
    CU_ASSERT(!name_holds("eth+", NULL, false));
    CU_ASSERT(name_holds("+", NULL, false));
}

/* Ports 40000 to 80; the list is 22, 80-90. */
static bool
ports_hold(VsPortSides sides, uint16_t sport, uint16_t dport, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsPorts *ports = &add_step_rule(f.base, VS_STEP_PORTS)->ports;
    bool holds;

    ports->sides = sides;
    ports->is_inverted = is_inverted;
    ports->n_ranges = 2;
    ports->ranges[0].min = ports->ranges[0].max = 22;
    ports->ranges[1].min = 80;
    ports->ranges[1].max = 90;
    view.fields[VS_FIELD_SPORT] = sport;
    view.fields[VS_FIELD_DPORT] = dport;
    link_rules(&f);
    holds = is_hit(&f, &view);
    rules_fixture_clear(&f);
    return holds;
}

static void
test_multiport_looks_at_either_side(void)
{
    CU_ASSERT(ports_hold(VS_PORTS_DESTINATION, 40000, 90, false));
    CU_ASSERT(!ports_hold(VS_PORTS_DESTINATION, 80, 91, false));
    CU_ASSERT(ports_hold(VS_PORTS_SOURCE, 22, 91, false));
    CU_ASSERT(!ports_hold(VS_PORTS_SOURCE, 23, 22, false));
    CU_ASSERT(ports_hold(VS_PORTS_EITHER, 85, 1, false));
    CU_ASSERT(ports_hold(VS_PORTS_EITHER, 1, 85, false));
    CU_ASSERT(!ports_hold(VS_PORTS_EITHER, 1, 85, true));
    CU_ASSERT(ports_hold(VS_PORTS_EITHER, 1, 2, true));
}

static bool
physdev_holds(uint32_t asked, const char *in, const char *out, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_PHYSDEV);
    bool holds;

    step->range.mask = asked;
    step->range.is_inverted = is_inverted;
    view.physin = in;
    view.physout = out;
    link_rules(&f);
    holds = is_hit(&f, &view);
    rules_fixture_clear(&f);
    return holds;
}

/* xt_physdev: a packet is bridged when it has a port to leave by. */
static void
test_physdev_knows_bridged_packets(void)
{
    CU_ASSERT(physdev_holds(1, "veth1", "veth2", false));
    CU_ASSERT(!physdev_holds(1, "veth1", NULL, false));
    CU_ASSERT(physdev_holds(1, NULL, NULL, true));
    CU_ASSERT(physdev_holds(2, "veth1", NULL, false));
    CU_ASSERT(!physdev_holds(4, "veth1", NULL, false));
    CU_ASSERT(physdev_holds(4, "veth1", "veth2", false));
}

static uint32_t
count_asking(void *data, VsAddr address)
{
    (*(unsigned *)data)++;
    return address == IP(10, 96, 0, 10) ? VS_ADDR_TYPE_LOCAL : VS_ADDR_TYPE_UNICAST;
}

static void
test_types_of_addresses_are_asked_for_once(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    unsigned n_asked = 0;

    for (int i = 0; i < 3; i++) {
        vs_rule_match_bits(vs_chain_add_rule(f.base), VS_MODULE_ADDRTYPE,
                           VS_FIELD_DADDR_TYPE, VS_ADDR_TYPE_LOCAL);
    }
    view.addr_type = count_asking;
    view.data = &n_asked;
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(n_asked, 1);
    CU_ASSERT_EQUAL(view.n_hits, 3);
    rules_fixture_clear(&f);
}

/* ---- Statistic ---- */

/* Which of ten packets match, as bits from the first. */
static unsigned
nth_pattern(uint32_t every, uint32_t first, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_NTH);
    unsigned pattern = 0;

    step->nth.every = every;
    step->nth.first = first;
    step->nth.is_inverted = is_inverted;
    link_rules(&f);
    for (unsigned i = 0; i < 10; i++) {
        VsRuleView view = view_of(&f);

        pattern |= (unsigned)is_hit(&f, &view) << i;
        CU_ASSERT(view.is_volatile);
    }
    rules_fixture_clear(&f);
    return pattern;
}

/* The count starts at --packet and goes 0 .. every-1; packets that bring it to 0 match. */
static void
test_nth_starts_at_packet(void)
{
    CU_ASSERT_EQUAL(nth_pattern(1, 0, false), 0x3ff);
    CU_ASSERT_EQUAL(nth_pattern(3, 0, false), 1 << 2 | 1 << 5 | 1 << 8);
    CU_ASSERT_EQUAL(nth_pattern(3, 1, false), 1 << 1 | 1 << 4 | 1 << 7);
    CU_ASSERT_EQUAL(nth_pattern(3, 2, false), 1 << 0 | 1 << 3 | 1 << 6 | 1 << 9);
    CU_ASSERT_EQUAL(nth_pattern(3, 0, true), 0x3ff & ~(1 << 2 | 1 << 5 | 1 << 8));
}

/* The rules of kube-proxy for three endpoints: 1/3, 1/2, the rest. */
static void
test_random_rules_of_kube_proxy_choose_evenly(void)
{
    RulesFixture f = rules_fixture();
    const uint32_t thresholds[] = {715827883, 1073741824};
    unsigned counts[3];

    for (int i = 0; i < 3; i++) {
        VsRule *rule = vs_chain_add_rule(f.base);

        if (i < 2) {
            vs_rule_add_step(rule, VS_STEP_RANDOM, VS_MODULE_STATISTIC)
                ->random.threshold = thresholds[i];
        }
        vs_rule_dnat(rule, IP(10, 244, 0, i), 8080);
    }
    link_rules(&f);
    for (int i = 0; i < 100000; i++) {
        VsRuleView view = view_of(&f);

        CU_ASSERT_EQUAL_FATAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
        CU_ASSERT_FATAL(view.nat != NULL && view.is_volatile);
    }
    for (int i = 0; i < 3; i++) {
        counts[i] = (unsigned)((VsRule *)f.base->rules->pdata[i])->n_packets;
    }
    CU_ASSERT_EQUAL(counts[0] + counts[1] + counts[2], 100000);
    CU_ASSERT(get_chi_square_chance(counts, 3, 100000) > 0.001);
    rules_fixture_clear(&f);
}

static unsigned
n_random_hits(uint32_t threshold, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_RANDOM);
    unsigned n = 0;

    step->random.threshold = threshold;
    step->random.is_inverted = is_inverted;
    link_rules(&f);
    for (int i = 0; i < 100000; i++) {
        VsRuleView view = view_of(&f);

        n += is_hit(&f, &view);
    }
    rules_fixture_clear(&f);
    return n;
}

static void
test_random_follows_its_probability(void)
{
    /* 0.25: a standard deviation is sqrt(10^5 * 0.25 * 0.75) = 137. */
    unsigned n = n_random_hits(UINT32_C(1) << 29, false);

    CU_ASSERT(n > 25000 - 4 * 137 && n < 25000 + 4 * 137);
    CU_ASSERT_EQUAL(n_random_hits(UINT32_C(1) << 29, true), 100000 - n);
    CU_ASSERT_EQUAL(n_random_hits(0, false), 0);
    CU_ASSERT_EQUAL(n_random_hits(UINT32_C(1) << 31, false), 100000);
}

/* ---- Limit ---- */

/* The bits of packets at 'times' seconds that are within 2/s, burst 3. */
static unsigned
limit_pattern(const double *times, unsigned n, bool is_inverted)
{
    RulesFixture f = rules_fixture();
    VsLimit *limit = &add_step_rule(f.base, VS_STEP_LIMIT)->limit;
    unsigned pattern = 0;

    limit->amount = 2;
    limit->unit = VS_S;
    limit->burst = 3;
    limit->is_inverted = is_inverted;
    link_rules(&f);
    for (unsigned i = 0; i < n; i++) {
        VsRuleView view = view_of(&f);

        view.now = (VsTime)(times[i] * 1000) * VS_MS;
        pattern |= (unsigned)is_hit(&f, &view) << i;
    }
    rules_fixture_clear(&f);
    return pattern;
}

/* The burst at once; then one each half second; silence fills the bucket, no further than
 * the burst. */
static void
test_limit_is_a_token_bucket(void)
{
    const double times[] = {5,     5,   5,   5,   /* Three of four. */
                            5.499, 5.5, 5.5,      /* One at 5.5. */
                            6.0,                  /* One more. */
                            60,    60,  60,  60}; /* Three of four. */

    CU_ASSERT_EQUAL(limit_pattern(times, 12, false), 0x7 | 1 << 5 | 1 << 7 | 0x7 << 8);
    CU_ASSERT_EQUAL(limit_pattern(times, 12, true),
                    0xfff & ~(0x7 | 1 << 5 | 1 << 7 | 0x7 << 8));
}

static const VsTestCase tests[] = {
    {"ranges include both ends", test_ranges_include_both_ends},
    {"owners of sockets", test_owners_of_sockets},
    {"masks hide bits of the value, not of what is asked",
     test_masks_hide_bits_of_the_value_not_of_what_is_asked},
    {"prefixes of any length", test_prefixes},
    {"bits want one of them", test_bits_want_one_of_them},
    {"names of interfaces, wild or absent", test_names_of_interfaces},
    {"multiport looks at either side", test_multiport_looks_at_either_side},
    {"physdev knows bridged packets", test_physdev_knows_bridged_packets},
    {"types of addresses are asked for once",
     test_types_of_addresses_are_asked_for_once},
    {"nth starts at --packet", test_nth_starts_at_packet},
    {"random rules of kube-proxy choose evenly",
     test_random_rules_of_kube_proxy_choose_evenly},
    {"random follows its probability", test_random_follows_its_probability},
    {"limit is a token bucket", test_limit_is_a_token_bucket},
    {0}};

VS_TESTS("evaluate_match")
