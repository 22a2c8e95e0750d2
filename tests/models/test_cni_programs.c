/* Cilium: programs take packets past the stack, and translate where pods connect. */
#include "models/cni_fixture.h"

/* No hook of a root namespace: programs take the packet from lxc* to the card, and from
 * the card into the pod. */
static void
test_cilium_passes_the_stack_by(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-2/b prerouting eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/b input eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "cilium", ONE_SEGMENT, expected);
    const VsIface *eth0 = find_iface(model_pod(model, "b")->netns, "eth0");
    const VsLayer *top = vs_packet_top((VsPacket *)watch_find(&watch, eth0));

    CU_ASSERT_EQUAL(top->dmac, eth0->mac);
    CU_ASSERT_EQUAL(top->smac, eth0->peer->mac);
    CU_ASSERT_EQUAL(vs_routes_find(&model_pod(model, "a")->netns->routes, 0)->via,
                    0x0af40001);
    CU_ASSERT_EQUAL(root_of(model, "n-1")->conntrack->n_created, 0);
    CU_ASSERT_EQUAL(root_of(model, "n-2")->conntrack->n_created, 0);
    end_walk(&watch, model);
}

static VsVerdict
see_time(void *data, VsPacket *packet, const VsHookState *state)
{
    VsTime *charge = data;

    if (vs_packet_top(packet)->flow.dport == 2000) {
        *charge = state->netns->host->core->charge;
    }
    return VS_VERDICT_ACCEPT;
}

/* From pod to pod of one node: one veth with its backlog, not two; one hop of TTL. */
static void
test_redirect_costs_no_second_crossing(void)
{
    static const VsHook hooks[] = {{VS_HOOK_INPUT, VS_HOOK_PRI_CONFIRM, see_time}, {0}};
    Model *model = model_new(
        "<cluster cni='cilium'/><node id='n' costs='x'/><pod id='a'/><pod id='b'/>"
        "<costs id='x' socket-send='1ns' route-lookup='10ns' neighbour-lookup='100ns' "
        "veth-cross='1us' bpf-program='10us' redirect-peer='100us'/>");
    VsPod *a = model_pod(model, "a");
    VsPod *b = model_pod(model, "b");
    Tap *tap = tap_new(b->netns, VS_HOOK_INPUT);
    VsTime charge = 0;

    vs_netns_add_hooks(b->netns, hooks, &charge);
    send_from(a->netns, flow_to(a->address, b->address), 128); /* Waits for ARP. */
    model_run(model, VS_S);
    send_from(a->netns, flow_to(a->address, b->address), 128);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(charge, VS_NS + 2 * 10 * VS_NS + 100 * VS_NS + VS_US + 10 * VS_US +
                                100 * VS_US);
    CU_ASSERT_EQUAL(tap_get(tap, 0)->ttl, 63);
    model_free(model);
    tap_free(tap);
}

/* What a program cannot forward is the stack's: it answers. */
static void
test_stack_answers_what_programs_cannot_forward(void)
{
    static const VsHook hooks[] = {{VS_HOOK_INPUT, VS_HOOK_PRI_FILTER, see_error}, {0}};
    Model *model =
        model_new("<cluster cni='cilium'/>" ONE_SEGMENT PODS "%s", model_free_costs);
    VsPod *a = model_pod(model, "a");
    VsFlow flow = flow_to(a->address, model_pod(model, "b")->address);
    VsPacket *packet = vs_ip_packet_new(a->netns, &flow, 108);
    VsLayer error = {0};

    vs_netns_add_hooks(a->netns, hooks, &error);
    vs_packet_top(packet)->ttl = 1;
    vs_ip_send(a->netns, packet);
    model_run(model, VS_S);
    CU_ASSERT_EQUAL(error.icmp.type, VS_ICMP_TIME_EXCEEDED);
    CU_ASSERT_EQUAL(error.flow.saddr, 0x0af40001);

    find_iface(root_of(model, "n-1"), "eth0")->mtu = 1400;
    error = (VsLayer){0};
    send_from(a->netns, flow, 1500);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(error.icmp.code, VS_ICMP_CODE_TOO_BIG);
    CU_ASSERT_EQUAL(error.icmp.next_mtu, 1400);
    model_free(model);
}

/* A balancer sends to the controller's pod, which connects to the cluster IP: its packets
 * have an endpoint's address from the first. */
static void
test_cilium_translates_where_pods_connect(void)
{
    Model *model =
        model_new("<cluster cni='cilium'/>" ONE_SEGMENT
                  "<lb id='e' service='front' target='pods' vip='203.0.113.1'/>"
                  "<link from='e' to='sw'/>" CLIENT(
                      "203.0.113.1") "<pod id='i' nodes='n-1' labels='app=i'>"
                                     "<ingress id='nginx' upstream='service' "
                                     "keepalive='0'><rule><path service='s'/>"
                                     "</rule></ingress></pod>"
                                     "<pod id='p' count='2' "
                                     "labels='app=web'><container id='web'/></pod>"
                                     "<service id='front' select='app=i'/>"
                                     "<service id='s' port='80' target-port='8080' "
                                     "select='app=web'/>%s",
                  model_free_costs);
    Tap *tap = tap_new(model_pod(model, "i")->netns, VS_HOOK_OUTPUT);
    Tap *root = tap_new(root_of(model, "n-1"), VS_HOOK_FORWARD);
    VsAddr cluster_ip = model_service(model, "s")->cluster_ip;
    unsigned n_syns = 0;

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        CU_ASSERT_NOT_EQUAL(tap_get(tap, i)->flow.daddr, cluster_ip);
        n_syns += tap_get(tap, i)->tcp_flags == VS_TCP_SYN &&
                  tap_get(tap, i)->flow.dport == 8080;
    }
    CU_ASSERT_EQUAL(n_syns, 10);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p-1") +
                        model_share(model, "s", "endpoints", "p-2"),
                    10);
    CU_ASSERT(model_share(model, "s", "endpoints", "p-1") > 0);
    CU_ASSERT(model_share(model, "s", "endpoints", "p-2") > 0);
    CU_ASSERT_EQUAL(root->entries->len, 0);
    CU_ASSERT_PTR_NULL(model_node(model, "n-1")->proxy);
    model_free(model);
    tap_free(tap);
    tap_free(root);
}

typedef struct Ended {
    unsigned n_ended;
    VsTcpEnd end;
} Ended;

static void
note_end(VsTcp *tcp, VsTcpEnd end)
{
    Ended *ended = vs_tcp_user(tcp);

    ended->n_ended++;
    ended->end = end;
}

static void
test_service_without_endpoints_is_unreachable(void)
{
    static const VsTcpOps ops = {.broken = note_end};
    Model *model = model_new("<cluster cni='cilium'/>" ONE_SEGMENT PODS
                             "<service id='none' select='app=none'/>%s",
                             model_free_costs);
    Ended ended = {0};

    vs_tcp_connect(model_pod(model, "a")->netns, 0,
                   model_service(model, "none")->cluster_ip, 80, NULL, &ops, &ended);
    model_run(model, VS_S);
    CU_ASSERT_EQUAL(ended.n_ended, 1);
    CU_ASSERT_EQUAL(ended.end, VS_TCP_END_UNREACHABLE);
    model_free(model);
}

/* ---- Datagrams -------------------------------------------------------------------- */

/* A socket of pod a, and what it heard. */
typedef struct Asker {
    Model *model;
    VsUdp udp;
    unsigned n_answers;
    unsigned n_refused;
    VsFlow last;
} Asker;

static void
hear(VsUdp *udp, VsPacket *packet)
{
    Asker *asker = udp->user;

    asker->n_answers++;
    asker->last = vs_packet_top(packet)->flow;
}

static void
hear_refusal(VsUdp *udp, const VsFlow *sent, uint8_t code)
{
    Asker *asker = udp->user;

    CU_ASSERT_EQUAL(code, VS_ICMP_CODE_HOST);
    asker->n_refused++;
    asker->last = *sent;
}

static void
asker_init(Asker *asker)
{
    static const VsUdpOps ops = {.receive = hear, .refused = hear_refusal};

    *asker = (Asker){.model = model_new(
                         "<cluster cni='cilium'/>" ONE_SEGMENT
                         "<pod id='a' nodes='n-1'/><pod id='p' count='2' "
                         "labels='app=dns'><container id='d' protocol='udp'/></pod>"
                         "<service id='s' protocol='udp' port='53' target-port='8080' "
                         "select='app=dns'/><service id='none' protocol='udp' "
                         "port='53' select='app=none'/>%s",
                         model_free_costs)};
    CU_ASSERT_FATAL(vs_udp_open(&asker->udp, model_pod(asker->model, "a")->netns,
                                VS_ADDR_ANY, 0, &ops, asker));
}

static void
ask(Asker *asker, const char *service)
{
    const VsPayload payload = {0};

    vs_udp_send(&asker->udp, 0, model_service(asker->model, service)->cluster_ip, 53,
                &payload, 40);
    model_run(asker->model, vs_now(asker->model->run) + 2 * VS_S);
}

static void
test_each_datagram_is_drawn_and_its_answer_is_the_services(void)
{
    Asker asker;
    VsAddr cluster_ip;

    asker_init(&asker);
    cluster_ip = model_service(asker.model, "s")->cluster_ip;
    for (unsigned i = 1; i <= 20; i++) {
        ask(&asker, "s");
        CU_ASSERT_EQUAL(asker.n_answers, i);
        CU_ASSERT_EQUAL(asker.last.saddr, cluster_ip);
        CU_ASSERT_EQUAL(asker.last.sport, 53);
    }
    /* All at one but once in 500 000. */
    CU_ASSERT(model_share(asker.model, "s", "endpoints", "p-1") > 0);
    CU_ASSERT(model_share(asker.model, "s", "endpoints", "p-2") > 0);
    vs_udp_close(&asker.udp);
    model_free(asker.model);
}

static void
test_datagram_to_no_endpoint_is_unreachable(void)
{
    Asker asker;

    asker_init(&asker);
    ask(&asker, "none");
    CU_ASSERT_EQUAL(asker.n_refused, 1);
    CU_ASSERT_EQUAL(asker.last.daddr, model_service(asker.model, "none")->cluster_ip);
    CU_ASSERT_EQUAL(model_dropped(asker.model, VS_DROP_NO_ROUTE), 1);
    vs_udp_close(&asker.udp);
    model_free(asker.model);
}

/* What another socket with the same port asked for is forgotten. */
static void
test_closed_sockets_leave_no_translation(void)
{
    const VsPayload payload = {0};
    VsAddr pod;
    Asker asker;

    asker_init(&asker);
    pod = model_pod(asker.model, "p-1")->address;
    while (model_share(asker.model, "s", "endpoints", "p-1") == 0) {
        ask(&asker, "s");
    }
    asker.n_answers = 0;
    vs_udp_close(&asker.udp);
    CU_ASSERT_FATAL(vs_udp_open(&asker.udp, asker.udp.netns, VS_ADDR_ANY,
                                asker.udp.port, asker.udp.ops, &asker));
    vs_udp_send(&asker.udp, 0, pod, 8080, &payload, 40);
    model_run(asker.model, vs_now(asker.model->run) + 2 * VS_S);
    CU_ASSERT_EQUAL(asker.n_answers, 1);
    CU_ASSERT_EQUAL(asker.last.saddr, pod);
    vs_udp_close(&asker.udp);
    model_free(asker.model);
}

static const VsTestCase tests[] = {
    {"cilium: programs pass the stack by", test_cilium_passes_the_stack_by},
    {"cilium: a redirected packet pays for no second crossing",
     test_redirect_costs_no_second_crossing},
    {"cilium: the stack answers what programs cannot forward",
     test_stack_answers_what_programs_cannot_forward},
    {"cilium: services are translated where pods connect",
     test_cilium_translates_where_pods_connect},
    {"cilium: a service without endpoints is unreachable",
     test_service_without_endpoints_is_unreachable},
    {"cilium: each datagram is drawn, and its answer is the service's",
     test_each_datagram_is_drawn_and_its_answer_is_the_services},
    {"cilium: a datagram to no endpoint is unreachable",
     test_datagram_to_no_endpoint_is_unreachable},
    {"cilium: closed sockets leave no translation",
     test_closed_sockets_leave_no_translation},
    {0},
};

VS_TESTS("cni programs")
