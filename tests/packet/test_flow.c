/* The key of a flow. */
#include <glib.h>

#include "base/rng.h"
#include "packet/flow.h"
#include "vs_test.h"

static VsFlow
random_flow(VsRng *rng)
{
    static const uint8_t protocols[] = {VS_PROTOCOL_TCP, VS_PROTOCOL_UDP,
                                        VS_PROTOCOL_ICMP};

    return (VsFlow){.saddr = vs_rng_u32(rng),
                    .daddr = vs_rng_u32(rng),
                    .sport = (uint16_t)vs_rng_u32(rng),
                    .dport = (uint16_t)vs_rng_u32(rng),
                    .protocol = protocols[vs_rng_below(rng, 3)],
                    .family = VS_FAMILY_IPV4,
                    .zone = (uint16_t)vs_rng_below(rng, 2)};
}

static bool
has_same_members(const VsFlow *a, const VsFlow *b)
{
    return a->saddr == b->saddr && a->daddr == b->daddr && a->sport == b->sport &&
           a->dport == b->dport && a->protocol == b->protocol &&
           a->family == b->family && a->zone == b->zone;
}

/* Flips one bit of one member and looks whether the key notices. */
static void
test_key_has_every_bit_of_every_member(void)
{
    VsRng rng;

    vs_rng_init(&rng, 1, "flow", "key");
    for (unsigned i = 0; i < 100; i++) {
        VsFlow flow = random_flow(&rng);

        for (unsigned bit = 0; bit < 8 * sizeof(VsFlow); bit++) {
            VsFlow other = flow;

            ((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CU_ASSERT_FALSE(vs_flow_equals(&flow, &other));
            CU_ASSERT_FALSE(vs_key_equal(vs_flow_key(&flow), vs_flow_key(&other)));
        }
        CU_ASSERT(vs_flow_equals(&flow, &flow));
    }
}

static void
test_reverse_swaps_the_ends(void)
{
    VsFlow there = {.saddr = 1,
                    .daddr = 2,
                    .sport = 3,
                    .dport = 4,
                    .protocol = VS_PROTOCOL_TCP,
                    .family = VS_FAMILY_IPV4,
                    .zone = 5};
    VsFlow back = vs_flow_reverse(&there);
    VsFlow right = {.saddr = 2,
                    .daddr = 1,
                    .sport = 4,
                    .dport = 3,
                    .protocol = VS_PROTOCOL_TCP,
                    .family = VS_FAMILY_IPV4,
                    .zone = 5};

    CU_ASSERT(has_same_members(&back, &right));
}

/* Echo and reply have the same identifier, at the same place. */
static void
test_reverse_keeps_an_icmp_identifier(void)
{
    VsFlow there = {.saddr = 1, .daddr = 2, .sport = 77, .protocol = VS_PROTOCOL_ICMP};
    VsFlow back = vs_flow_reverse(&there);

    CU_ASSERT_EQUAL(back.saddr, 2);
    CU_ASSERT_EQUAL(back.daddr, 1);
    CU_ASSERT_EQUAL(back.sport, 77);
    CU_ASSERT_EQUAL(back.dport, 0);
}

static void
test_reverse_twice_is_the_same(void)
{
    VsRng rng;

    vs_rng_init(&rng, 1, "flow", "reverse");
    for (unsigned i = 0; i < 1000; i++) {
        VsFlow flow = random_flow(&rng);
        VsFlow back = vs_flow_reverse(&flow);
        VsFlow there = vs_flow_reverse(&back);

        CU_ASSERT(has_same_members(&flow, &there));
        CU_ASSERT(vs_flow_equals(&flow, &there));
    }
}

static void
test_text(void)
{
    static const struct {
        uint8_t protocol;
        const char *text;
    } rows[] = {{VS_PROTOCOL_TCP, "10.0.0.1:1234 > 192.0.2.255:80 tcp"},
                {VS_PROTOCOL_UDP, "10.0.0.1:1234 > 192.0.2.255:80 udp"},
                {VS_PROTOCOL_ICMP, "10.0.0.1:1234 > 192.0.2.255:80 icmp"},
                {0, "10.0.0.1:1234 > 192.0.2.255:80 ip"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsFlow flow = {.saddr = 0x0a000001,
                       .daddr = 0xc00002ff,
                       .sport = 1234,
                       .dport = 80,
                       .protocol = rows[i].protocol};
        g_autofree char *text = vs_flow_format(&flow);

        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static const VsTestCase tests[] = {
    {"the key has every bit of every member", test_key_has_every_bit_of_every_member},
    {"the reverse swaps addresses and ports", test_reverse_swaps_the_ends},
    {"the reverse keeps an ICMP identifier", test_reverse_keeps_an_icmp_identifier},
    {"the reverse of the reverse is the flow", test_reverse_twice_is_the_same},
    {"the text is for people", test_text},
    {0},
};
VS_TESTS("flow")
