/* Services of a Cilium cluster from outside: what a client's packet and its answer look like
 * at every wire and in the pod, by mode and by where the endpoint is. */
#include "models/cni/backends.h"
#include "models/fixture.h"

#define CLUSTER(mode)                                                   \
    "<cluster cni='cilium' cilium-mode='" mode "'/>"                    \
    "<node id='n' count='3' costs='free'/>"                             \
    "<switch id='sw' subnet='192.168.0.0/24'/><link from='n' to='sw'/>" \
    "<router id='r' costs='free'/><link from='r' to='sw'/>"
#define CLIENT(to)                                                                   \
    "<client id='c' costs='free' arrivals='constant(10/s)' stop='1s' to='http://" to \
    "/'/><link from='c' to='r' subnet='192.168.9.0/24'/>"
/* Answers UDP, but later than any test looks. */
#define DEAF "<container id='deaf' protocol='udp' service-time='1h'/>"
#define POD(nodes)                                                        \
    "<pod id='b' nodes='" nodes "' labels='app=web'><container id='web' " \
    "response='20KiB'/>" DEAF "</pod>"
#define SERVICE                                                                       \
    "<service id='s' type='NodePort' port='80' target-port='8080' node-port='30080' " \
    "select='app=web'/>"

/* Addresses of CLUSTER and CLIENT. */
#define NODE_1 0xc0a80001
#define NODE_2 0xc0a80002
#define CLIENT_ADDRESS 0xc0a80901

/* ---- Watching wires -------------------------------------------------------------- */

typedef struct Seen {
    VsTapDirection direction;
    VsPacket packet;
} Seen;

typedef struct Watch {
    VsTap tap;
    GArray *seen; /* Of Seen. */
} Watch;

static void
see(VsTap *tap, VsPacket *packet, VsTime time, VsTapDirection direction)
{
    Watch *watch = VS_CONTAINER_OF(tap, Watch, tap);
    Seen seen = {direction, *packet};

    (void)time;
    if (packet->layers[packet->n_layers - 1].ether_type == VS_ETHER_TYPE_IPV4) {
        g_array_append_val(watch->seen, seen);
    }
}

static VsIface *
card_of(const Model *model, const char *id)
{
    VsIface *iface = model_host(model, id)->root->ifaces;

    while (iface->kind != VS_IFACE_ETHERNET) {
        iface = iface->next;
    }
    return iface;
}

static void
watch_init(Watch *watch, VsIface *iface)
{
    watch->seen = g_array_new(FALSE, FALSE, sizeof(Seen));
    watch->tap = (VsTap){.see = see, .next = iface->taps};
    iface->taps = &watch->tap;
}

/* The n-th packet of this direction, from 0. */
static const VsPacket *
watch_get(const Watch *watch, VsTapDirection direction, unsigned n)
{
    for (unsigned i = 0; i < watch->seen->len; i++) {
        const Seen *seen = &g_array_index(watch->seen, Seen, i);

        if (seen->direction == direction && n-- == 0) {
            return &seen->packet;
        }
    }
    fprintf(stderr, "no such packet\n");
    abort();
}

static void
watch_clear(Watch *watch)
{
    g_array_free(watch->seen, TRUE);
}

static void
check_flow(const VsFlow *flow, VsAddr saddr, uint16_t sport, VsAddr daddr,
           uint16_t dport)
{
    g_autofree char *text = vs_flow_format(flow);
    VsFlow wanted = {saddr, daddr, sport, dport, flow->protocol, flow->family, 0};
    g_autofree char *wanted_text = vs_flow_format(&wanted);

    CU_ASSERT_STRING_EQUAL(text, wanted_text);
    if (strcmp(text, wanted_text) != 0) {
        fprintf(stderr, "\n  is       %s\n  expected %s\n", text, wanted_text);
    }
}

static const VsFlow *
top_flow(const VsPacket *packet)
{
    return &packet->layers[packet->n_layers - 1].flow;
}

/* ---- SNAT ------------------------------------------------------------------------ */

static void
test_snat_answers_come_back_by_the_node_that_was_asked(void)
{
    Model *model =
        model_new(CLUSTER("snat") CLIENT("192.168.0.1:30080") POD("n-2") SERVICE "%s",
                  model_free_costs);
    VsAddr pod = model_pod(model, "b")->address;
    Watch first, second;
    Tap *root = tap_new(model_host(model, "n-1")->root, VS_HOOK_PREROUTING);
    uint16_t sport;
    uint16_t port;

    watch_init(&first, card_of(model, "n-1"));
    watch_init(&second, card_of(model, "n-2"));
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);

    /* SYN in, SYN out; SYN-ACK in, SYN-ACK out: all at node 1's card. */
    sport = top_flow(watch_get(&first, VS_TAP_IN, 0))->sport;
    port = top_flow(watch_get(&first, VS_TAP_OUT, 0))->sport;
    check_flow(top_flow(watch_get(&first, VS_TAP_IN, 0)), CLIENT_ADDRESS, sport, NODE_1,
               30080);
    check_flow(top_flow(watch_get(&first, VS_TAP_OUT, 0)), NODE_1, port, pod, 8080);
    check_flow(top_flow(watch_get(&second, VS_TAP_IN, 0)), NODE_1, port, pod, 8080);
    check_flow(top_flow(watch_get(&second, VS_TAP_OUT, 0)), pod, 8080, NODE_1, port);
    check_flow(top_flow(watch_get(&first, VS_TAP_IN, 1)), pod, 8080, NODE_1, port);
    check_flow(top_flow(watch_get(&first, VS_TAP_OUT, 1)), NODE_1, 30080,
               CLIENT_ADDRESS, sport);
    CU_ASSERT(port >= 32768);
    CU_ASSERT_EQUAL(port, sport < 32768 ? port : sport);
    /* One hop at the router, one at node 1: 64 - 2. */
    CU_ASSERT_EQUAL(vs_packet_top((VsPacket *)watch_get(&first, VS_TAP_OUT, 0))->ttl,
                    62);
    /* The root namespace saw nothing of it. */
    CU_ASSERT_EQUAL(root->entries->len, 0);
    model_free(model);
    watch_clear(&first);
    watch_clear(&second);
    tap_free(root);
}

static void
test_endpoint_on_the_same_node_sees_the_client(void)
{
    Model *model =
        model_new(CLUSTER("snat") CLIENT("192.168.0.1:30080") POD("n-1") SERVICE "%s",
                  model_free_costs);
    VsPod *pod = model_pod(model, "b");
    Tap *tap = tap_new(pod->netns, VS_HOOK_INPUT);
    Watch first;
    uint16_t sport;

    watch_init(&first, card_of(model, "n-1"));
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    sport = tap_get(tap, 0)->flow.sport;
    check_flow(&tap_get(tap, 0)->flow, CLIENT_ADDRESS, sport, pod->address, 8080);
    check_flow(top_flow(watch_get(&first, VS_TAP_OUT, 0)), NODE_1, 30080,
               CLIENT_ADDRESS, sport);
    model_free(model);
    watch_clear(&first);
    tap_free(tap);
}

/* ---- DSR ------------------------------------------------------------------------- */

static void
test_dsr_answers_go_straight_to_the_client(void)
{
    Model *model =
        model_new(CLUSTER("dsr") CLIENT("192.168.0.1:30080") POD("n-2") SERVICE "%s",
                  model_free_costs);
    VsPod *pod = model_pod(model, "b");
    Tap *tap = tap_new(pod->netns, VS_HOOK_INPUT);
    Watch first, second;
    const VsPacket *outer;
    uint16_t sport;

    watch_init(&first, card_of(model, "n-1"));
    watch_init(&second, card_of(model, "n-2"));
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);

    outer = watch_get(&second, VS_TAP_IN, 0);
    sport = outer->layers[0].flow.sport;
    CU_ASSERT_EQUAL(outer->n_layers, 2);
    check_flow(&outer->layers[0].flow, CLIENT_ADDRESS, sport, NODE_1, 30080);
    check_flow(&outer->layers[1].flow, NODE_1, 0, pod->address, 0);
    CU_ASSERT_EQUAL(outer->layers[1].flow.protocol, VS_PROTOCOL_IPIP);
    CU_ASSERT_EQUAL(outer->layers[1].ip_bytes, outer->layers[0].ip_bytes + 20);
    check_flow(&tap_get(tap, 0)->flow, CLIENT_ADDRESS, sport, pod->address, 8080);
    check_flow(top_flow(watch_get(&second, VS_TAP_OUT, 0)), NODE_1, 30080,
               CLIENT_ADDRESS, sport);
    /* Node 1 sees the way there only: what comes in by its card goes out in IPIP. */
    for (unsigned i = 0; i < first.seen->len; i++) {
        const Seen *seen = &g_array_index(first.seen, Seen, i);
        bool is_out = seen->direction == VS_TAP_OUT;

        CU_ASSERT_EQUAL(seen->packet.n_layers, is_out ? 2 : 1);
        CU_ASSERT_EQUAL(seen->packet.layers[0].flow.saddr, CLIENT_ADDRESS);
    }
    model_free(model);
    watch_clear(&first);
    watch_clear(&second);
    tap_free(tap);
}

static VsVerdict
see_error(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)state;
    if (vs_packet_top(packet)->flow.protocol == VS_PROTOCOL_ICMP) {
        *(VsLayer *)data = *vs_packet_top(packet);
    }
    return VS_VERDICT_ACCEPT;
}

static VsFlow
flow_to(VsAddr daddr, uint16_t sport)
{
    return (VsFlow){CLIENT_ADDRESS,  daddr,          sport, 30080,
                    VS_PROTOCOL_UDP, VS_FAMILY_IPV4, 0};
}

static void
send_udp(const Model *model, VsAddr daddr, uint16_t sport, uint32_t ip_bytes)
{
    VsNetns *root = model_host(model, "c")->root;
    VsFlow flow = flow_to(daddr, sport);
    VsPacket *packet = vs_ip_packet_new(root, &flow, ip_bytes - VS_IPV4_HEADER_BYTES);

    packet->payload_bytes = ip_bytes - VS_IPV4_HEADER_BYTES - VS_UDP_HEADER_BYTES;
    vs_ip_send(root, packet);
}

#define UDP_SERVICE                                                                \
    "<service id='u' type='NodePort' protocol='udp' port='53' target-port='8080' " \
    "node-port='30080' select='app=web'/>"

/* 1500 - 20 is what is left beside the outer header. */
static void
test_dsr_says_what_fits_beside_the_outer_header(void)
{
    static const VsHook hooks[] = {{VS_HOOK_INPUT, VS_HOOK_PRI_FILTER, see_error}, {0}};
    Model *model = model_new(CLUSTER("dsr") CLIENT("192.168.0.1:30080") POD("n-2")
                                 UDP_SERVICE "%s",
                             model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);
    VsLayer error = {0};

    vs_netns_add_hooks(model_host(model, "c")->root, hooks, &error);
    send_udp(model, NODE_1, 1000, 1480);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL(tap->entries->len, 1);
    send_udp(model, NODE_1, 1000, 1481);
    model_run(model, 2 * VS_MS);
    CU_ASSERT_EQUAL(tap->entries->len, 1);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_TOO_BIG), 1);
    CU_ASSERT_EQUAL(error.icmp.code, VS_ICMP_CODE_TOO_BIG);
    CU_ASSERT_EQUAL(error.icmp.next_mtu, 1480);
    CU_ASSERT_EQUAL(error.flow.saddr, NODE_1);
    model_free(model);
    tap_free(tap);
}

/* ---- Choice ---------------------------------------------------------------------- */

/* The slot is a hash of all but the destination address: another node takes the same. */
static void
test_all_nodes_choose_the_same_endpoint(void)
{
    Model *model = model_new(
        CLUSTER("snat") CLIENT(
            "192.168.0.1:30081") "<pod id='p' count='4' labels='app=web'><container "
                                 "id='web'/>" DEAF "</pod>" UDP_SERVICE "%s",
        model_free_costs);
    Tap *taps[4];
    unsigned n_used = 0;

    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *id = g_strdup_printf("p-%u", i + 1);

        taps[i] = tap_new(model_pod(model, id)->netns, VS_HOOK_INPUT);
    }
    for (uint16_t sport = 1; sport <= 40; sport++) {
        send_udp(model, NODE_1, sport, 100);
        send_udp(model, NODE_2, sport, 100);
        send_udp(model, NODE_2, sport, 100); /* Of the same connection. */
    }
    model_run(model, VS_MS);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(taps[i]->entries->len % 3, 0);
        n_used += taps[i]->entries->len > 0;
    }
    CU_ASSERT_EQUAL(n_used, 4);
    CU_ASSERT_EQUAL(model_share(model, "u", "endpoints", "p-1") +
                        model_share(model, "u", "endpoints", "p-2") +
                        model_share(model, "u", "endpoints", "p-3") +
                        model_share(model, "u", "endpoints", "p-4"),
                    80);
    model_free(model);
    for (unsigned i = 0; i < 4; i++) {
        tap_free(taps[i]);
    }
}

/* jhash_3words(0x0109a8c0, 0x8075e803, 6, 0x71dcda46) % 16381, computed outside this
 * project: words of 192.168.9.1, and of ports 30080 and 1000, as they lie in the packet. */
static void
test_slots_are_ciliums(void)
{
    VsFlow flow = {CLIENT_ADDRESS,  NODE_1,         1000, 30080,
                   VS_PROTOCOL_TCP, VS_FAMILY_IPV4, 0};

    CU_ASSERT_EQUAL(backends_slot(&flow), 14653);
    flow.daddr = NODE_2;
    CU_ASSERT_EQUAL(backends_slot(&flow), 14653);
}

/* Both connections would be one to the pod, which sees the client's address and port. */
static void
test_dsr_clashes_at_the_pod_are_dropped(void)
{
    Model *model = model_new(CLUSTER("dsr") CLIENT("192.168.0.1:30081") POD("n-3")
                                 UDP_SERVICE "%s",
                             model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);

    send_udp(model, NODE_1, 1000, 100);
    model_run(model, VS_MS);
    send_udp(model, NODE_2, 1000, 100);
    send_udp(model, NODE_2, 1001, 100);
    model_run(model, 2 * VS_MS);
    CU_ASSERT_EQUAL(tap->entries->len, 2);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_CONNTRACK_CLASH), 1);
    model_free(model);
    tap_free(tap);
}

/* ---- Ports and time -------------------------------------------------------------- */

/* Two clients' ports below 32768, and one above that is free. */
static void
test_snat_keeps_high_ports_and_moves_low_ones(void)
{
    Model *model = model_new(CLUSTER("snat") CLIENT("192.168.0.1:30081") POD("n-2")
                                 UDP_SERVICE "%s",
                             model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);

    send_udp(model, NODE_1, 40000, 100);
    send_udp(model, NODE_1, 1000, 100);
    send_udp(model, NODE_1, 1001, 100);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL_FATAL(tap->entries->len, 3);
    CU_ASSERT_EQUAL(tap_get(tap, 0)->flow.sport, 40000);
    CU_ASSERT(tap_get(tap, 1)->flow.sport >= 32768);
    CU_ASSERT(tap_get(tap, 2)->flow.sport >= 32768);
    CU_ASSERT_NOT_EQUAL(tap_get(tap, 1)->flow.sport, tap_get(tap, 2)->flow.sport);
    model_free(model);
    tap_free(tap);
}

/* A connection keeps its drawn port for 60 s after its last packet, and no longer. */
static void
test_udp_connections_live_for_60_s(void)
{
    Model *model = model_new(CLUSTER("snat") CLIENT("192.168.0.1:30081") POD("n-2")
                                 UDP_SERVICE "%s",
                             model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);

    send_udp(model, NODE_1, 1000, 100);
    model_run(model, 50 * VS_S);
    send_udp(model, NODE_1, 1000, 100);
    model_run(model, 109 * VS_S);
    send_udp(model, NODE_1, 1000, 100);
    model_run(model, 170 * VS_S);
    send_udp(model, NODE_1, 1000, 100);
    model_run(model, 171 * VS_S);
    CU_ASSERT_EQUAL_FATAL(tap->entries->len, 4);
    CU_ASSERT_EQUAL(tap_get(tap, 0)->flow.sport, tap_get(tap, 1)->flow.sport);
    CU_ASSERT_EQUAL(tap_get(tap, 0)->flow.sport, tap_get(tap, 2)->flow.sport);
    CU_ASSERT_NOT_EQUAL(tap_get(tap, 0)->flow.sport, tap_get(tap, 3)->flow.sport);
    CU_ASSERT_EQUAL(model_share(model, "u", "endpoints", "b"), 2);
    model_free(model);
    tap_free(tap);
}

/* ---- Policies and costs ---------------------------------------------------------- */

static void
test_local_policy_drops_where_there_is_no_endpoint(void)
{
    Model *model =
        model_new(CLUSTER("snat") CLIENT("192.168.0.1:30081")
                      POD("n-2") "<service id='u' type='NodePort' protocol='udp' "
                                 "port='53' target-port='8080' "
                                 "node-port='30080' external-traffic-policy='Local' "
                                 "select='app=web'/>%s",
                  model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);

    send_udp(model, NODE_1, 1000, 100);
    send_udp(model, NODE_2, 1000, 100);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_NO_ENDPOINT), 1);
    CU_ASSERT_EQUAL_FATAL(tap->entries->len, 1);
    check_flow(&tap_get(tap, 0)->flow, CLIENT_ADDRESS, 1000,
               model_pod(model, "b")->address, 8080);
    model_free(model);
    tap_free(tap);
}

static void
test_load_balancers_and_controllers_work_in_both_modes(void)
{
    static const char *const modes[] = {"snat", "dsr"};

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        Model *model = model_new(
            "<cluster cni='cilium' cilium-mode='%s'/>"
            "<node id='n' count='3' costs='free'/><switch id='sw'/>"
            "<link from='n' to='sw'/><router id='r' costs='free'/>"
            "<lb id='e' service='front' vip='203.0.113.1'/><link from='e' to='sw'/>"
            "<link from='r' to='sw'/>" CLIENT(
                "203.0.113.1") "<pod id='i' nodes='n-2' labels='app=i'><ingress "
                               "id='nginx' "
                               "upstream='service'><rule><path "
                               "service='s'/></rule></ingress></pod>"
                               "<pod id='p' count='2' nodes='n-3' "
                               "labels='app=web'><container id='web'/>"
                               "</pod><service id='front' type='LoadBalancer' "
                               "select='app=i'/>"
                               "<service id='s' port='80' target-port='8080' "
                               "select='app=web'/>%s",
            modes[i], model_free_costs);

        model_run(model, 3 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
        model_free(model);
    }
}

static VsVerdict
see_time(void *data, VsPacket *packet, const VsHookState *state)
{
    if (vs_packet_top(packet)->flow.dport == 8080) {
        *(VsTime *)data = state->netns->host->core->charge;
    }
    return VS_VERDICT_ACCEPT;
}

/* nic-receive 1, the program 10, the lookup 100, the translation 1000, into the pod 10000,
 * a route there 100000 nanoseconds. */
static void
test_a_translated_packet_pays_for_each_step(void)
{
    static const VsHook hooks[] = {{VS_HOOK_INPUT, VS_HOOK_PRI_CONFIRM, see_time}, {0}};
    Model *model = model_new(
        "<cluster cni='cilium'/><node id='n' costs='x'/>"
        "<switch id='sw' subnet='192.168.0.0/24'/><link from='n' to='sw'/>"
        "<router id='r' costs='free'/><link from='r' to='sw'/>" CLIENT(
            "192.168.0.1:30081") POD("n") UDP_SERVICE
        "%s"
        "<costs id='x' nic-receive='1ns' bpf-program='10ns' bpf-service='100ns' "
        "nat-rewrite='1us' redirect-peer='10us' route-lookup='100us'/>",
        model_free_costs);
    VsTime charge = 0;

    vs_netns_add_hooks(model_pod(model, "b")->netns, hooks, &charge);
    send_udp(model, NODE_1, 1000, 100);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL(charge, 111111 * VS_NS);
    model_free(model);
}

static void
test_what_is_refused(void)
{
    model_check_error("cilium-mode has no effect with cni=\"calico\"",
                      "<cluster cni='calico' cilium-mode='dsr'/>");
    model_check_error("node-ports has no effect with cni=\"cilium\", which has no "
                      "kube-proxy",
                      "<cluster cni='cilium' node-ports='all'/>");
    model_check_error("service \"s\" has session-affinity, which is not modelled with "
                      "cni=\"cilium\"",
                      "<cluster cni='cilium'/><node id='n'/><service id='s' "
                      "session-affinity='ClientIP' select='a=b'/>");
    model_check_error(NULL, "<cluster cni='cilium'/><node id='n'/>"
                            "<service id='s' type='NodePort' select='a=b'/>");
}

static const VsTestCase tests[] = {
    {"snat: answers come back by the node that was asked",
     test_snat_answers_come_back_by_the_node_that_was_asked},
    {"an endpoint on the same node sees the client",
     test_endpoint_on_the_same_node_sees_the_client},
    {"dsr: answers go straight to the client",
     test_dsr_answers_go_straight_to_the_client},
    {"dsr: says what fits beside the outer header",
     test_dsr_says_what_fits_beside_the_outer_header},
    {"all nodes choose the same endpoint", test_all_nodes_choose_the_same_endpoint},
    {"slots are Cilium's", test_slots_are_ciliums},
    {"dsr: connections that are one to the pod clash",
     test_dsr_clashes_at_the_pod_are_dropped},
    {"snat keeps high ports and moves low ones",
     test_snat_keeps_high_ports_and_moves_low_ones},
    {"UDP connections live for 60 s", test_udp_connections_live_for_60_s},
    {"policy Local drops where there is no endpoint",
     test_local_policy_drops_where_there_is_no_endpoint},
    {"load balancers and controllers work in both modes",
     test_load_balancers_and_controllers_work_in_both_modes},
    {"a translated packet pays for each step",
     test_a_translated_packet_pays_for_each_step},
    {"what is not modelled is refused", test_what_is_refused},
    {0},
};

VS_TESTS("cni cilium")
