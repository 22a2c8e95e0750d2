/* The reasons that traces print. */
#include "tests/netfilter/rules_fixture.h"

/* Of the packet of the fixture. */
static void
assert_explained(RulesFixture *f, const VsRuleStep *step, bool holds, const char *text)
{
    VsRuleView view = view_of(f);
    g_autofree char *why = vs_rule_step_explain(step, &view, holds);

    if (strcmp(why, text) != 0) {
        fprintf(stderr, "\"%s\" instead of \"%s\"\n", why, text);
    }
    CU_ASSERT_STRING_EQUAL(why, text);
}

static VsRuleStep *
range_of(RulesFixture *f, VsField field, uint32_t mask, uint32_t min, uint32_t max)
{
    VsRuleStep *step = add_step_rule(f->base, VS_STEP_RANGE);

    step->range.field = field;
    step->range.mask = mask;
    step->range.min = min;
    step->range.max = max;
    return step;
}

static void
test_values_are_named_as_people_write_them(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = range_of(&f, VS_FIELD_DPORT, UINT32_MAX, 443, 443);

    assert_explained(&f, step, false, "dport 80 is not 443");
    step->range.is_inverted = true;
    assert_explained(&f, step, true, "dport 80 is not 443");
    step->range.min = step->range.max = 80;
    assert_explained(&f, step, false, "dport is 80");
    step = range_of(&f, VS_FIELD_DPORT, UINT32_MAX, 8000, 8100);
    assert_explained(&f, step, false, "dport 80 is not in 8000-8100");
    step =
        range_of(&f, VS_FIELD_SADDR, 0xffff0000, IP(10, 244, 0, 0), IP(10, 244, 0, 0));
    assert_explained(&f, step, true, "saddr 10.244.1.3 is in 10.244.0.0/16");
    step = range_of(&f, VS_FIELD_SADDR, 0, 0, 0);
    assert_explained(&f, step, true, "saddr 10.244.1.3 is in 0.0.0.0/0");
    step = range_of(&f, VS_FIELD_PROTOCOL, UINT32_MAX, 17, 17);
    assert_explained(&f, step, false, "protocol tcp is not udp");
    step = range_of(&f, VS_FIELD_MARK, 0x4000, 0x4000, 0x4000);
    assert_explained(&f, step, false, "mark 0x0 in the bits 0x4000 is not 0x4000");
    step = range_of(&f, VS_FIELD_UID, UINT32_MAX, 1337, 1337);
    assert_explained(&f, step, false, "user 0 is not 1337");
    rules_fixture_clear(&f);
}

static void
test_bits_are_named(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_BITS);

    step->range.field = VS_FIELD_CT_STATE;
    step->range.mask = VS_CT_STATE_ESTABLISHED | VS_CT_STATE_RELATED;
    assert_explained(&f, step, false, "ct state NEW is not ESTABLISHED,RELATED");
    step->range.mask = VS_CT_STATE_NEW | VS_CT_STATE_RELATED;
    assert_explained(&f, step, true, "ct state NEW is among RELATED,NEW");
    step->range.mask = VS_CT_STATE_NEW;
    assert_explained(&f, step, true, "ct state is NEW");
    step->range.field = VS_FIELD_TCP_FLAGS;
    step->range.mask = 0x12;
    assert_explained(&f, step, false, "tcp flags none is not SYN,ACK");
    rules_fixture_clear(&f);
}

static void
test_interfaces_and_ports_are_named(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_NAME);
    VsPorts *ports;

    step->name.field = VS_FIELD_IIF;
    step->name.name = g_strdup("cni0");
    assert_explained(&f, step, false, "interface eth0 is not cni0");
    step->name.is_inverted = true;
    assert_explained(&f, step, true, "interface eth0 is not cni0");
    step->name.field = VS_FIELD_OIF;
    assert_explained(&f, step, true, "there is no output interface, asked for cni0");
    step = add_step_rule(f.base, VS_STEP_NAME);
    step->name.field = VS_FIELD_IIF;
    step->name.name = g_strdup("eth+");
    assert_explained(&f, step, true, "interface eth0 is like eth+");
    step = add_step_rule(f.base, VS_STEP_PORTS);
    ports = &step->ports;
    ports->sides = VS_PORTS_EITHER;
    ports->n_ranges = 2;
    ports->ranges[0].min = ports->ranges[0].max = 22;
    ports->ranges[1].min = 8000;
    ports->ranges[1].max = 8100;
    assert_explained(&f, step, false, "sport 40000 or dport 80 is not in 22,8000-8100");
    ports->sides = VS_PORTS_DESTINATION;
    ports->ranges[0].max = 80;
    assert_explained(&f, step, true, "dport 80 is in 22-80,8000-8100");
    step = add_step_rule(f.base, VS_STEP_PHYSDEV);
    step->range.mask = 1;
    assert_explained(&f, step, false, "the packet is not bridged");
    rules_fixture_clear(&f);
}

static void
test_sets_and_maps_say_what_they_have(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_LOOKUP);
    VsRuleStep *vmap = add_step_rule(f.base, VS_STEP_VMAP);
    VsRuleStep *update = add_step_rule(f.base, VS_STEP_UPDATE);

    add_set(&f, "cluster-ips", VS_SET_IPV4_ADDR);
    add_set(&f, "service-ips", VS_SET_IPV4_ADDR)->is_map = true;
    ask_set(&step->lookup, VS_FIELD_DADDR, "cluster-ips");
    ask_set(&vmap->lookup, VS_FIELD_DADDR, "service-ips");
    ask_set(&update->update.key, VS_FIELD_SADDR, "cluster-ips");
    vmap->lookup.n_fields = 3;
    vmap->lookup.fields[1] = VS_FIELD_PROTOCOL;
    vmap->lookup.fields[2] = VS_FIELD_DPORT;
    link_rules(&f);
    assert_explained(&f, step, false, "set cluster-ips has no 10.96.0.10");
    step->lookup.is_inverted = true;
    assert_explained(&f, step, false, "set cluster-ips has 10.96.0.10");
    assert_explained(&f, vmap, false, "map service-ips has no 10.96.0.10 . tcp . 80");
    vmap->lookup.n_fields = 1;
    vmap->lookup.fields[0] = VS_FIELD_NUMBER;
    vmap->lookup.number = vs_number_new(VS_NUMBER_RANDOM, 3);
    assert_explained(&f, vmap, true,
                     "map service-ips has a number below 3, drawn at random");
    assert_explained(&f, update, true, "set cluster-ips has 10.244.1.3 now");
    assert_explained(&f, update, false, "set cluster-ips is full, without 10.244.1.3");
    rules_fixture_clear(&f);
}

static void
test_hashes_are_told(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_NUMBER);
    VsRuleView view = view_of(&f);
    g_autofree char *in = NULL, *out = NULL;
    VsNumber *number = step->range.number = vs_number_new(VS_NUMBER_JHASH, 4);
    uint32_t value;

    number->has_seed = true;
    number->offset = 10;
    number->n_fields = 1;
    number->fields[0] = VS_FIELD_SADDR;
    value = vs_number_of_hash(number, view.fields);
    step->range.min = step->range.max = value;
    in = g_strdup_printf("hash %u, is %u", value, value);
    assert_explained(&f, step, true, in);
    step->range.min = 20;
    step->range.max = 30;
    out = g_strdup_printf("hash %u, is not in 20-30", value);
    assert_explained(&f, step, false, out);
    number->kind = VS_NUMBER_INC;
    assert_explained(&f, step, false,
                     "a number below 4, taken in turn, is not in 20-30");
    rules_fixture_clear(&f);
}

static void
test_what_is_drawn_counted_or_remembered(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_RANDOM);

    step->random.threshold = 715827883; /* 2^31 / 3 */
    assert_explained(&f, step, false, "the draw failed (probability 0.33333)");
    step->random.is_inverted = true;
    assert_explained(&f, step, false, "the draw succeeded (probability 0.33333)");
    step = add_step_rule(f.base, VS_STEP_NTH);
    step->nth.every = 3;
    assert_explained(&f, step, true, "its turn came, as every 3 packets");
    step->nth.count = 1;
    assert_explained(&f, step, false,
                     "its turn did not come: 1 after the last of every 3 packets");
    step = add_step_rule(f.base, VS_STEP_LIMIT);
    step->limit.amount = 3;
    step->limit.unit = 60 * VS_S;
    step->limit.burst = 5;
    assert_explained(&f, step, false, "over the limit of 3 in 60s, burst 5");
    step = add_step_rule(f.base, VS_STEP_RECENT);
    step->recent.name = g_strdup("KUBE-SEP-1");
    assert_explained(&f, step, true, "saddr 10.244.1.3 was written to list KUBE-SEP-1");
    step->recent.check = VS_RECENT_RCHECK;
    step->recent.seconds = 10800;
    assert_explained(
        &f, step, false,
        "saddr 10.244.1.3 was not seen by list KUBE-SEP-1 in the last 10800 s");
    step->recent.check = VS_RECENT_REMOVE;
    assert_explained(&f, step, true, "saddr 10.244.1.3 was taken from list KUBE-SEP-1");
    assert_explained(&f, add_step_rule(f.base, VS_STEP_COMMENT), true, "always");
    rules_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"values are named as people write them",
     test_values_are_named_as_people_write_them},
    {"bits are named", test_bits_are_named},
    {"interfaces and ports are named", test_interfaces_and_ports_are_named},
    {"sets and maps say what they have", test_sets_and_maps_say_what_they_have},
    {"hashes are told", test_hashes_are_told},
    {"what is drawn, counted or remembered", test_what_is_drawn_counted_or_remembered},
    {0}};

VS_TESTS("explain")
