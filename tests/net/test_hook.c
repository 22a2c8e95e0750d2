/* Hooks: the five points in the kernel's order, and priorities within each. */
#include <glib.h>

#include "base/rng.h"
#include "tests/net/net_fixture.h"

/* Writes down which points and priorities a packet met. */
typedef struct {
    GString *walk;
    const char *name;
    const char *steals_at; /* A step, or NULL. */
} Spy;

static const char *const point_names[VS_HOOK_N_POINTS] = {"pre", "in", "fwd", "out",
                                                          "post"};

static VsVerdict
spy(Spy *data, VsPacket *packet, const VsHookState *state, const char *priority)
{
    g_autofree char *step =
        g_strdup_printf("%s%s%s ", data->name, point_names[state->point], priority);

    g_string_append(data->walk, step);
    /* The input interface is known from the start; the output after routing. */
    CU_ASSERT_EQUAL(state->in == NULL,
                    state->point == VS_HOOK_OUTPUT ||
                        (state->point == VS_HOOK_POSTROUTING && !packet->iface));
    CU_ASSERT_EQUAL(state->out != NULL, state->point == VS_HOOK_OUTPUT ||
                                            state->point == VS_HOOK_FORWARD ||
                                            state->point == VS_HOOK_POSTROUTING);
    if (data->steals_at && g_str_has_prefix(step, data->steals_at)) {
        vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
        return VS_VERDICT_STOLEN;
    }
    return VS_VERDICT_ACCEPT;
}

static VsVerdict
spy_early(void *data, VsPacket *packet, const VsHookState *state)
{
    return spy(data, packet, state, "-200");
}

static VsVerdict
spy_filter(void *data, VsPacket *packet, const VsHookState *state)
{
    return spy(data, packet, state, "+0");
}

static VsVerdict
spy_late(void *data, VsPacket *packet, const VsHookState *state)
{
    return spy(data, packet, state, "+max");
}

/* Registered in no order: priorities decide. */
static const VsHook spies[] = {
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_FILTER, spy_filter},
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_CONNTRACK, spy_early},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_CONFIRM, spy_late},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_CONNTRACK, spy_early},
    {VS_HOOK_INPUT, VS_HOOK_PRI_CONFIRM, spy_late},
    {VS_HOOK_INPUT, VS_HOOK_PRI_FILTER, spy_filter},
    {VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER, spy_filter},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_FILTER, spy_filter},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_CONNTRACK, spy_early},
    {0},
};

/* A, router R, B; spies on R. */
typedef struct {
    Net net;
    VsHost *a, *r, *b;
    NetSink *sinks[3];
    Spy spy;
} HookFixture;

static const VsAddr addr_a = NET_IP(10, 0, 1, 2);
static const VsAddr addr_r = NET_IP(10, 0, 1, 1);
static const VsAddr addr_r2 = NET_IP(10, 0, 2, 1);
static const VsAddr addr_b = NET_IP(10, 0, 2, 2);

static void
hook_fixture(HookFixture *f)
{
    VsIface *card_a, *card_r, *card_r2, *card_b;

    net_init(&f->net);
    f->a = net_host(&f->net, "a");
    f->r = net_host(&f->net, "r");
    f->b = net_host(&f->net, "b");
    card_a = net_card(f->a, "eth0", addr_a, 24);
    card_r = net_card(f->r, "eth0", addr_r, 24);
    card_r2 = net_card(f->r, "eth1", addr_r2, 24);
    card_b = net_card(f->b, "eth0", addr_b, 24);
    net_link(&f->net, card_a, card_r, &net_10g);
    net_link(&f->net, card_r2, card_b, &net_10g);
    net_introduce(card_a, card_r);
    net_introduce(card_r2, card_b);
    vs_netns_add_route(f->a->root, 0, 0, card_a, addr_r);
    vs_netns_add_route(f->b->root, 0, 0, card_b, addr_r2);
    f->r->root->is_forwarding = true;
    for (unsigned i = 0; i < 3; i++) {
        f->sinks[i] = net_listen(&f->net, f->net.hosts[i]->root);
    }
    f->spy = (Spy){g_string_new(NULL), "", NULL};
    vs_netns_add_hooks(f->r->root, spies, &f->spy);
}

static void
hook_clear(HookFixture *f)
{
    g_string_free(f->spy.walk, TRUE);
    net_clear(&f->net);
}

static void
test_forwarded_packet_meets_three_points(void)
{
    HookFixture f;

    hook_fixture(&f);
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_STRING_EQUAL(f.spy.walk->str, "pre-200 pre+0 fwd+0 post-200 post+max ");
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 1);
    hook_clear(&f);
}

static void
test_packet_for_a_socket_meets_two(void)
{
    HookFixture f;

    hook_fixture(&f);
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_r2, 2),
                 10); /* Its other address. */
    net_run(&f.net, VS_S);
    CU_ASSERT_STRING_EQUAL(f.spy.walk->str, "pre-200 pre+0 in+0 in+max ");
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]), 1);
    hook_clear(&f);
}

static void
test_packet_of_a_socket_meets_two(void)
{
    HookFixture f;

    hook_fixture(&f);
    net_udp_send(f.r->root, net_flow(addr_r2, 1, addr_b, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_STRING_EQUAL(f.spy.walk->str, "out-200 out+0 post-200 post+max ");
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 1);
    hook_clear(&f);
}

static void
test_packet_to_oneself_meets_four(void)
{
    HookFixture f;

    hook_fixture(&f);
    net_udp_send(f.r->root, net_flow(addr_r, 1, addr_r2, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_STRING_EQUAL(f.spy.walk->str, "out-200 out+0 post-200 post+max "
                                            "pre-200 pre+0 in+0 in+max ");
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]), 1);
    hook_clear(&f);
}

static void
test_stolen_packet_goes_no_further(void)
{
    static const struct {
        const char *at;
        const char *walk;
    } rows[] = {
        {"pre-200", "pre-200 "},
        {"pre+0", "pre-200 pre+0 "},
        {"fwd+0", "pre-200 pre+0 fwd+0 "},
        {"post-200", "pre-200 pre+0 fwd+0 post-200 "},
        {"post+max", "pre-200 pre+0 fwd+0 post-200 post+max "},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        HookFixture f;

        hook_fixture(&f);
        f.spy.steals_at = rows[i].at;
        net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
        net_run(&f.net, VS_S);
        CU_ASSERT_STRING_EQUAL(f.spy.walk->str, rows[i].walk);
        CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 0);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ENDPOINT), 1);
        hook_clear(&f);
    }
    for (unsigned i = 0; i < 2; i++) {
        HookFixture f;

        hook_fixture(&f);
        f.spy.steals_at = i ? "in+max" : "out-200";
        if (i) {
            net_udp_send(f.a->root, net_flow(addr_a, 1, addr_r, 2), 10);
        } else {
            net_udp_send(f.r->root, net_flow(addr_r2, 1, addr_b, 2), 10);
        }
        net_run(&f.net, VS_S);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ENDPOINT), 1);
        CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]) + net_n_arrived(f.sinks[2]), 0);
        hook_clear(&f);
    }
}

/* Many hooks of random priorities against a stable sort by hand. */
static VsVerdict
append_number(void *data, VsPacket *packet, const VsHookState *state)
{
    unsigned *entry = data;

    (void)state;
    packet->payload_bytes = packet->payload_bytes * 31 + *entry;
    return VS_VERDICT_ACCEPT;
}

static void
test_list_is_sorted_by_priority_then_registration(void)
{
    enum { N = 100 };
    VsHookState state = {0};
    unsigned numbers[N];
    int32_t priorities[N];
    VsHookList list = {0};
    uint32_t expected = 0;
    VsPacket *packet;
    VsRng rng;
    Net net;

    net_init(&net);
    vs_rng_init(&rng, 1, "hook", "priorities");
    for (unsigned i = 0; i < N; i++) {
        numbers[i] = i;
        priorities[i] = i < 2 ? (i ? INT32_MAX : INT32_MIN)
                              : (int32_t)vs_rng_below(&rng, 10) * 100 - 400;
        vs_hook_list_add(&list, &(VsHook){VS_HOOK_INPUT, priorities[i], append_number},
                         &numbers[i]);
    }
    for (int64_t priority = INT32_MIN; priority <= INT32_MAX;
         priority = priority == INT32_MIN ? -400
                    : priority == 500     ? INT32_MAX
                                          : priority + 100) {
        for (unsigned i = 0; i < N; i++) {
            if (priorities[i] == priority) {
                expected = expected * 31 + i;
            }
        }
        if (priority == INT32_MAX) {
            break;
        }
    }
    packet = vs_packet_new(&net.run);
    CU_ASSERT_EQUAL(list.n_hooks, N);
    CU_ASSERT_EQUAL(vs_hook_list_run(&list, packet, &state), VS_VERDICT_ACCEPT);
    CU_ASSERT_EQUAL(packet->payload_bytes, expected);
    vs_packet_deliver(packet);
    vs_hook_list_clear(&list);
    CU_ASSERT_EQUAL(list.n_hooks, 0);
    net_clear(&net);
}

static const VsTestCase tests[] = {
    {"a forwarded packet meets prerouting, forward, postrouting",
     test_forwarded_packet_meets_three_points},
    {"a packet for a socket meets prerouting, input",
     test_packet_for_a_socket_meets_two},
    {"a packet of a socket meets output, postrouting",
     test_packet_of_a_socket_meets_two},
    {"a packet to oneself meets all but forward", test_packet_to_oneself_meets_four},
    {"a stolen packet goes no further", test_stolen_packet_goes_no_further},
    {"hooks run by priority, then registration",
     test_list_is_sorted_by_priority_then_registration},
    {0},
};
VS_TESTS("hook")
