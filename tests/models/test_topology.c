#include "base/units.h"
#include "models/fixture.h"

static void
assert_address(const Model *model, const char *host, const char *expected)
{
    g_autofree char *address = vs_format_ipv4(vs_host_address(model_host(model, host)));

    CU_ASSERT_STRING_EQUAL(address, expected);
    if (strcmp(address, expected) != 0) {
        fprintf(stderr, "%s is %s, not %s\n", host, address, expected);
    }
}

static void
test_subnets_are_just_large_enough(void)
{
    Model *model = model_new("<node id='a'/><node id='b'/><client id='c'"
                             " arrivals='constant(1/s)' to='http://192.0.2.1/'/>"
                             "<switch id='sw'/><node id='m' count='5'/>"
                             "<link from='a' to='sw'/><link from='m' to='sw'/>"
                             "<link from='b' to='sw'/><link from='c' to='a'/>"
                             "<router id='r'/><link from='r' to='b'/>");

    /* Seven interfaces, network and broadcast: nine, so a /28; then a /30 for each link. */
    assert_address(model, "a", "172.16.0.1");
    assert_address(model, "m-1", "172.16.0.2");
    assert_address(model, "m-5", "172.16.0.6");
    assert_address(model, "b", "172.16.0.7");
    assert_address(model, "c", "172.16.0.17");
    assert_address(model, "r", "172.16.0.21");
    model_free(model);
}

static void
test_given_subnets_are_kept_free(void)
{
    Model *model =
        model_new("<router id='r'/><dns id='a'><record name='x' to='a'/></dns>"
                  "<dns id='b'><record name='x' to='b'/></dns>"
                  "<dns id='d'><record name='x' to='d'/></dns>"
                  "<link from='a' to='r'/><link from='b' to='r'/>"
                  "<link from='d' to='r' subnet='172.16.0.0/30'/>");

    assert_address(model, "d", "172.16.0.1");
    assert_address(model, "a", "172.16.0.5");
    assert_address(model, "b", "172.16.0.9");
    model_free(model);

    /* And what is the pods'. */
    model = model_new("<cluster pod-cidr='172.16.0.0/16'/><node id='a'/><node id='b'/>"
                      "<link from='a' to='b'/>");
    assert_address(model, "a", "172.17.0.1");
    model_free(model);
}

#define SWITCH_AND_LINK(of_switch, of_link)                                \
    "<switch id='sw' subnet='" of_switch "'/><node id='a'/><node id='b'/>" \
    "<link from='a' to='sw' subnet='" of_link "'/><link from='b' to='sw'/>"
#define PAIR(model, subnet)                  \
    "<" model " id='a'/><" model " id='b'/>" \
    "<link from='a' to='b' subnet='" subnet "'/>"

static void
test_wrong_subnets_are_refused(void)
{
    model_check_error("overlaps the one given in line 3",
                      "<router id='r'/><node id='a'/><node id='b'/>\n"
                      "<link from='a' to='r' subnet='10.0.0.0/8'/>\n"
                      "<link from='b' to='r' subnet='10.9.0.0/24'/>");
    model_check_error("differs from the one given",
                      SWITCH_AND_LINK("192.0.2.0/24", "198.51.100.0/24"));
    model_check_error(NULL, SWITCH_AND_LINK("192.0.2.0/24", "192.0.2.0/24"));
    model_check_error("too small for the 3 interfaces",
                      "<switch id='sw' subnet='192.0.2.0/30'/>"
                      "<node id='n' count='3'/><link from='n' to='sw'/>");
    model_check_error(NULL, "<switch id='sw' subnet='192.0.2.0/29'/>"
                            "<node id='n' count='6'/><link from='n' to='sw'/>");
    model_check_error("the cluster's pod-cidr", PAIR("node", "10.244.7.0/24"));
    model_check_error("the cluster's service-cidr", PAIR("node", "10.100.0.0/24"));
    model_check_error(NULL, PAIR("router", "10.244.7.0/24"));
}

static void
test_nodes_need_a_common_segment(void)
{
    model_check_error("no link to the segment of node",
                      "<router id='r'/><node id='a'/><node id='b'/>"
                      "<link from='a' to='r'/><link from='b' to='r'/>");
}

/* A server that refuses whatever it gets: who is refused has reached it. */
#define SERVER(id) "<dns id='" id "'><record name='x' address='192.0.2.1'/></dns>"
#define CLIENT(id, to) \
    "<client id='" id "' arrivals='constant(10/s)' stop='1s' to='http://" to ":9/'/>"

static void
test_way_over_several_routers(void)
{
    Model *model =
        model_new(CLIENT("c", "10.0.4.2")
                      SERVER("d") "<router id='r1'/><router id='r2'/><router id='r3'/>"
                                  "<link from='c' to='r1' subnet='10.0.1.0/24'/>"
                                  "<link from='r1' to='r2' subnet='10.0.2.0/24'/>"
                                  "<link from='r2' to='r3' subnet='10.0.3.0/24'/>"
                                  "<link from='r3' to='d' subnet='10.0.4.0/24'/>");
    Tap *tap = tap_new(model_host(model, "d")->root, VS_HOOK_INPUT);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(tap->entries->len, 10);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(tap, i)->ttl, 64 - 3);
    }
    model_free(model);
    tap_free(tap);
}

/* Three routers in a triangle: the side, not the other two. */
static void
test_shortest_way_is_taken(void)
{
    Model *model =
        model_new(CLIENT("c", "10.0.9.2")
                      SERVER("d") "<router id='r1'/><router id='r2'/><router id='r3'/>"
                                  "<link from='c' to='r1'/><link from='r1' to='r3'/>"
                                  "<link from='r3' to='r2'/><link from='r1' to='r2'/>"
                                  "<link from='r2' to='d' subnet='10.0.9.0/24'/>");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(model_wire(model, "r1 > r3")->n_packets, 0);
    CU_ASSERT_EQUAL(model_wire(model, "r2 > r3")->n_packets, 0);
    CU_ASSERT(model_wire(model, "r1 > r2")->n_packets >= 10);
    CU_ASSERT(model_wire(model, "r2 > r1")->n_packets >= 10);
    model_free(model);
}

#define BEHIND_LB                                                                  \
    "<lb id='lb' service='s'/><node id='n'/><pod id='p' labels='app=web'>"         \
    "<container id='web'/></pod><service id='s' type='NodePort' node-port='30080'" \
    " target-port='8080' select='app=web'/>"

/* Two segments that a router and a load balancer join, or the latter alone. */
static void
test_load_balancer_is_the_last_resort(void)
{
    static const char *const routers[] = {
        "<router id='r'/><link from='r' to='in'/><link from='r' to='out'/>", ""};

    for (unsigned i = 0; i < G_N_ELEMENTS(routers); i++) {
        Model *model = model_new(CLIENT("c", "10.0.2.1") SERVER("d") BEHIND_LB
                                 "<switch id='out' subnet='10.0.1.0/24'/><switch "
                                 "id='in' subnet='10.0.2.0/24'/>"
                                 "<link from='d' to='in'/><link from='c' to='out'/>"
                                 "<link from='lb' to='out'/><link from='lb' "
                                 "to='in'/><link from='n' to='in'/>%s",
                                 routers[i]);
        Tap *tap = tap_new(model_host(model, "lb")->root, VS_HOOK_FORWARD);

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
        CU_ASSERT_EQUAL(tap->entries->len, i == 0 ? 0 : 20); /* There and back. */
        model_free(model);
        tap_free(tap);
    }
}

static void
test_vip_is_reached_from_far(void)
{
    Model *model = model_new(
        "<client id='near' arrivals='constant(10/s)' stop='1s' "
        "to='http://203.0.113.10/'/>"
        "<client id='far' arrivals='constant(10/s)' stop='1s' "
        "to='http://203.0.113.10/'/>"
        "<client id='inside' arrivals='constant(10/s)' stop='1s'"
        " to='http://203.0.113.10/'/>"
        "<router id='r1'/><router id='r2'/>" BEHIND_LB
        "<link from='near' to='lb'/><link from='far' to='r1'/><link from='r1' to='r2'/>"
        "<link from='r2' to='lb'/><switch id='sw'/><link from='lb' to='sw'/>"
        "<link from='n' to='sw'/><link from='inside' to='sw'/>");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "near", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "far", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "inside", "completed"), 10);
    model_free(model);
}

static void
test_two_load_balancers_have_a_vip_each(void)
{
    Model *model = model_new(
        "<client id='a' arrivals='constant(10/s)' stop='1s' to='http://203.0.113.10/'/>"
        "<client id='b' arrivals='constant(20/s)' stop='1s' to='http://203.0.113.11/'/>"
        "<router id='r'/><link from='a' to='r'/><link from='b' to='r'/>" BEHIND_LB
        "<lb id='lb2' service='s'/><link from='r' to='lb'/><link from='r' to='lb2'/>"
        "<switch id='sw'/><link from='lb' to='sw'/><link from='lb2' to='sw'/>"
        "<link from='n' to='sw'/>");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "b", "completed"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "lb", "new-flows"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "lb2", "new-flows"), 20);
    model_free(model);
}

/* Client, router, load balancer, router, server: beyond the last resort routers count
 * again. */
static void
test_routers_beyond_a_load_balancer(void)
{
    Model *model = model_new(CLIENT("c", "10.0.9.1") SERVER("d") BEHIND_LB
                             "<router id='r1'/><router id='r2'/>"
                             "<link from='c' to='r1'/><link from='r1' to='lb'/>"
                             "<switch id='sw'/><link from='lb' to='sw'/>"
                             "<link from='n' to='sw'/><link from='r2' to='sw'/>"
                             "<link from='d' to='r2' subnet='10.0.9.0/24'/>");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    model_free(model);
}

/* Two hundred clients, a link each. */
static void
test_counted_clients(void)
{
    Model *model = model_new(
        "<client id='c' count='200' arrivals='constant(5/s)' stop='1s'"
        " to='http://203.0.113.10/'/>"
        "<router id='r'/><link from='c' to='r'/><link from='r' to='lb'/>" BEHIND_LB
        "<link from='lb' to='n'/>");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model->build->wires->len, 2 * (200 + 2));
    assert_address(model, "c-1", "172.16.0.1");
    assert_address(model, "c-200", "172.16.3.29"); /* 199 * 4 + 1 = 3 * 256 + 29. */
    model_check_each(model, "c", 200, "completed", 5);
    /* Clients all start at once: a SYN whose port another core took meanwhile comes again. */
    CU_ASSERT_EQUAL(model_counter(model, "lb", "new-flows"),
                    1000 + model_dropped(model, VS_DROP_CONNTRACK_CLASH));
    model_free(model);
}

/* On one segment nobody routes. */
static void
test_neighbours_talk_directly(void)
{
    Model *model = model_new(CLIENT("c", "192.0.2.3") SERVER(
        "d") "<router id='r'/><switch id='sw' subnet='192.0.2.0/24'/>"
             "<link from='c' to='sw'/><link from='r' to='sw'/>"
             "<link from='d' to='sw'/>");
    Tap *tap = tap_new(model_host(model, "r")->root, VS_HOOK_PREROUTING);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(tap->entries->len, 0);
    model_free(model);
    tap_free(tap);
}

/* Switches in a row are one segment: last bit in, 1 us, and on. */
static void
test_switches_are_one_segment(void)
{
    Model *model =
        model_new("%s<client id='c' costs='free' arrivals='constant(1/s)' stop='3s'"
                  " to='http://192.0.2.2:9/'/>"
                  "<dns id='d' costs='free'><record name='x' to='d'/></dns>"
                  "<switch id='s1' subnet='192.0.2.0/24' latency='1us'/>"
                  "<switch id='s2' latency='2us'/>"
                  "<link from='c' to='s1' rate='1Gbit/s' delay='10us'/>"
                  "<link from='s1' to='s2' rate='1Gbit/s' delay='20us'/>"
                  "<link from='s2' to='d' rate='1Gbit/s' delay='40us'/>",
                  model_free_costs);
    Tap *sent = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    Tap *got = tap_new(model_host(model, "d")->root, VS_HOOK_INPUT);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 3);
    CU_ASSERT_EQUAL(got->entries->len, 3);
    /* The second SYN, 90 bytes of 8 ns three times: nobody has to be asked for. */
    CU_ASSERT_EQUAL(tap_get(got, 1)->time - tap_get(sent, 1)->time,
                    3 * 90 * 8 * VS_NS + (10 + 20 + 40 + 1 + 2) * VS_US);
    CU_ASSERT_EQUAL(tap_get(got, 1)->ttl, 64);
    model_free(model);
    tap_free(sent);
    tap_free(got);
}

/* A client behind r1, a server behind r2, and three ways in between. */
#define FABRIC(of_r1)                                                                \
    "<client id='c' arrivals='constant(600/s)' stop='1s' to='http://203.0.113.2/'/>" \
    "<router id='r1' " of_r1 "/><router id='spine' count='3'/><router id='r2'/>"     \
    "<dns id='d'><record name='x' to='d'/></dns>"                                    \
    "<link from='c' to='r1'/><link from='r1' to='spine' delay='10us'/>"              \
    "<link from='spine' to='r2' delay='10us'/>"                                      \
    "<link from='r2' to='d' subnet='203.0.113.0/30'/>"

static void
test_equally_short_paths_share_the_flows(void)
{
    Model *model = model_new(FABRIC("ecmp='l4'"));
    const VsIface *iface = vs_netns_find_iface(model_host(model, "r1")->root, "eth1");
    uint64_t n_sent = 0;

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 600);
    for (unsigned i = 0; i < 3; i++, iface = iface->next) {
        /* 600 SYNs and some ARP: of a third five sigma are 58. */
        CU_ASSERT(iface->tx_packets > 142 && iface->tx_packets < 262);
        n_sent += iface->tx_packets;
    }
    CU_ASSERT(n_sent >= 600);
    model_free(model);
}

static void
test_without_ecmp_one_path_is_taken(void)
{
    Model *model = model_new(FABRIC(""));
    const VsIface *iface = vs_netns_find_iface(model_host(model, "r1")->root, "eth1");

    model_run(model, 3 * VS_S);
    CU_ASSERT(iface->tx_packets >= 600);
    CU_ASSERT(iface->next->tx_packets < 10);
    model_free(model);
}

static void
test_ecmp_without_effect_is_refused(void)
{
    model_check_error("no two shortest paths lead from \"r\" anywhere",
                      "<router id='r' ecmp='l3'/>" PAIR("node", "192.0.2.0/24"));
    model_check_error("ecmp-seed without ecmp", FABRIC("ecmp-seed='4'"));
    model_check_error(NULL, FABRIC("ecmp='inner-l3' ecmp-seed='4'"));
}

static const VsTestCase tests[] = {
    {"subnets are just large enough", test_subnets_are_just_large_enough},
    {"given subnets are kept free", test_given_subnets_are_kept_free},
    {"subnets that cannot be are refused", test_wrong_subnets_are_refused},
    {"nodes need a segment in common", test_nodes_need_a_common_segment},
    {"a way leads over several routers", test_way_over_several_routers},
    {"the shortest way is taken", test_shortest_way_is_taken},
    {"a load balancer routes only as the last resort",
     test_load_balancer_is_the_last_resort},
    {"a VIP is reached from near, far and inside", test_vip_is_reached_from_far},
    {"two load balancers have a VIP each", test_two_load_balancers_have_a_vip_each},
    {"routers beyond a load balancer are reached", test_routers_beyond_a_load_balancer},
    {"two hundred clients have a link each", test_counted_clients},
    {"neighbours talk without a router", test_neighbours_talk_directly},
    {"switches in a row are one segment", test_switches_are_one_segment},
    {"equally short paths share the flows", test_equally_short_paths_share_the_flows},
    {"without ecmp one path is taken", test_without_ecmp_one_path_is_taken},
    {"ecmp without effect is refused", test_ecmp_without_effect_is_refused},
    {0},
};

VS_TESTS("topology")
