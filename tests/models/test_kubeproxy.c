#include "models/fixture.h"

/* Smaller than this: not by chance. */
#define SURELY_WRONG 1e-6

#define CLUSTER_IP 0x0a60000b /* 10.96.0.11, the first that is given. */
#define CNI0(node) (0x0af40001 + ((node)-1) * 256)

/* Three nodes at 172.16.0.1 to .3, clients on the same switch. */
#define NODES(clients, pods, services)                                                \
    "%s<switch id='sw' subnet='172.16.0.0/24'/><node id='n' count='3' costs='free'/>" \
    "<link from='n' to='sw'/>" clients pods services
#define CLIENT(id, to, attributes)                                          \
    "<client id='" id "' costs='free' to='http://" to "/' " attributes "/>" \
    "<link from='" id "' to='sw'/>"
#define NODE_PORT                                                          \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'" \
    " select='app=web'/>"
#define PODS(n)                                                      \
    "<pod id='p' count='" n "' labels='app=web'><container id='web'" \
    " service-time='100us'/></pod>"

/* Client c asks the node port of n-1, which 'pods' are behind. */
#define ASKED(client, pods) \
    NODES(CLIENT("c", "172.16.0.1:30080", client), pods, NODE_PORT)

/* An ingress controller on n-1 that goes through the cluster IP of service s, which
 * 'pods' are behind. */
#define INSIDE(client, pods)                                       \
    NODES(CLIENT("c", "172.16.0.1:30090", client),                 \
          "<pod id='controller' labels='app=ingress' nodes='n-1'>" \
          "<ingress id='nginx' upstream='service' keepalive='0'>"  \
          "<rule><path service='s'/></rule></ingress>" pods,       \
          "<service id='s' target-port='8080' select='app=web'/>"  \
          "<service id='front' type='NodePort' node-port='30090' " \
          "select='app=ingress'/>")

/* How often an endpoint of service s was chosen. */
static uint64_t
n_chosen(const Model *model)
{
    const VsShares *shares = model_stat(model, "s", "endpoints");
    uint64_t n = 0;

    for (unsigned i = 0; i < shares->n_shares; i++) {
        n += shares->shares[i].count;
    }
    return n;
}

static void
test_node_port_is_open_on_every_node(void)
{
    Model *model = model_new(
        NODES(CLIENT("a", "172.16.0.1:30080", "arrivals='constant(50/s)' stop='1s'")
                  CLIENT("b", "172.16.0.2:30080", "arrivals='constant(50/s)' stop='1s'")
                      CLIENT("d", "172.16.0.3:30080",
                             "arrivals='constant(50/s)' stop='1s'"),
              "<pod id='p' labels='app=web' nodes='n-2'><container id='web'/></pod>",
              NODE_PORT),
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "completed"), 50);
    CU_ASSERT_EQUAL(model_counter(model, "b", "completed"), 50);
    CU_ASSERT_EQUAL(model_counter(model, "d", "completed"), 50);
    CU_ASSERT_EQUAL(model_counter(model, "web", "requests"), 150);
    model_free(model);
}

static void
test_endpoints_are_chosen_evenly(void)
{
    static const unsigned n_pods[] = {2, 3, 5};

    for (unsigned i = 0; i < G_N_ELEMENTS(n_pods); i++) {
        Model *model =
            model_new(ASKED("arrivals='constant(1000/s)' stop='3s'", PODS("%u")),
                      model_free_costs, n_pods[i]);
        const VsShares *shares = model_stat(model, "s", "endpoints");
        uint64_t counts[5];

        model_run(model, 4 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3000);
        CU_ASSERT_EQUAL(shares->n_shares, n_pods[i]);
        for (unsigned j = 0; j < n_pods[i]; j++) {
            counts[j] = shares->shares[j].count;
        }
        CU_ASSERT(model_uniform_p(counts, n_pods[i]) > SURELY_WRONG);
        model_free(model);
    }
}

/* The choice says nothing of the next one: pairs of choices are even, too. */
static void
test_choices_are_independent(void)
{
    enum { N_PODS = 3, N_CELLS = N_PODS * N_PODS };
    Model *model = model_new(ASKED("arrivals='constant(1000/s)' stop='4s'", PODS("3")),
                             model_free_costs);
    Tap *tap = tap_new(model_host(model, "n-1")->root, VS_HOOK_POSTROUTING);
    uint64_t counts[N_CELLS] = {0};
    int last = -1;

    model_run(model, 5 * VS_S);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        const TapEntry *entry = tap_get(tap, i);
        int choice = (int)((entry->flow.daddr >> 8) & 0xff); /* 10.244.NODE.2 */

        if (entry->tcp_flags == VS_TCP_SYN && entry->flow.dport == 8080) {
            if (last >= 0) {
                counts[last * N_PODS + choice]++;
                last = -1;
            } else {
                last = choice;
            }
        }
    }
    CU_ASSERT(model_uniform_p(counts, N_CELLS) > SURELY_WRONG);
    model_free(model);
    tap_free(tap);
}

static void
test_connection_keeps_its_endpoint(void)
{
    Model *model = model_new(
        ASKED("arrivals='constant(100/s)' stop='2s' keep-alive='yes'", PODS("3")),
        model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 200);
    CU_ASSERT_EQUAL(n_chosen(model), 1);
    model_free(model);
}

/* REJECT with ICMP port unreachable: refused at once, no SYN is sent again. */
static void
test_no_endpoint_refuses_at_once(void)
{
    Model *model =
        model_new(ASKED("arrivals='constant(10/s)' stop='1s'", ""), model_free_costs);
    Tap *sent = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    Tap *received = tap_new(model_host(model, "c")->root, VS_HOOK_INPUT);

    model_run(model, VS_S - 90 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_REJECTED), 10);
    CU_ASSERT_EQUAL(tap_count(sent, VS_TCP_SYN), 10);
    CU_ASSERT_EQUAL(received->entries->len, 10);
    for (unsigned i = 0; i < received->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(received, i)->flow.protocol, VS_PROTOCOL_ICMP);
        CU_ASSERT_EQUAL(tap_get(received, i)->flow.saddr, 0xac100001);
    }
    model_free(model);
    tap_free(sent);
    tap_free(received);
}

/* A port that no service has: the node's own kernel refuses, with RST. */
static void
test_other_ports_of_a_node_refuse(void)
{
    Model *model = model_new(
        NODES(CLIENT("c", "172.16.0.1:30081", "arrivals='constant(10/s)' stop='1s'"),
              PODS("1"), NODE_PORT),
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_NO_ENDPOINT), 0);
    model_free(model);
}

/* Source addresses of what a pod receives at port 8080: all are 'expected'. */
static void
assert_all_from(const Tap *tap, VsAddr expected)
{
    unsigned n_seen = 0;

    for (unsigned i = 0; i < tap->entries->len; i++) {
        if (tap_get(tap, i)->flow.dport == 8080) {
            CU_ASSERT_EQUAL(tap_get(tap, i)->flow.saddr, expected);
            n_seen++;
        }
    }
    CU_ASSERT(n_seen > 0);
}

static void
test_node_port_from_outside_is_masqueraded(void)
{
    /* Both enter by n-1; one pod is there, the other on n-2. */
    Model *model = model_new(ASKED("arrivals='constant(50/s)' stop='1s'", PODS("2")),
                             model_free_costs);
    Tap *here = tap_new(model_pod(model, "p-1")->netns, VS_HOOK_INPUT);
    Tap *there = tap_new(model_pod(model, "p-2")->netns, VS_HOOK_INPUT);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 50);
    assert_all_from(here, CNI0(1));     /* By cni0, whose address it gets; */
    assert_all_from(there, 0xac100001); /* by eth0 of n-1. */
    model_free(model);
    tap_free(here);
    tap_free(there);
}

static void
test_pod_to_cluster_ip_is_not_masqueraded(void)
{
    static const char *const nodes[] = {"n-1", "n-2"}; /* The controller's, another. */

    for (unsigned i = 0; i < G_N_ELEMENTS(nodes); i++) {
        Model *model = model_new(INSIDE("arrivals='constant(50/s)' stop='1s'",
                                        "</pod><pod id='p' labels='app=web' nodes='%s'>"
                                        "<container id='web'/></pod>"),
                                 model_free_costs, nodes[i]);
        Tap *tap = tap_new(model_pod(model, "p")->netns, VS_HOOK_INPUT);
        Tap *back = tap_new(model_pod(model, "controller")->netns, VS_HOOK_INPUT);
        unsigned n_from_service = 0;

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 50);
        assert_all_from(tap, model_pod(model, "controller")->address);
        /* And to the controller its answers come from the service. */
        for (unsigned j = 0; j < back->entries->len; j++) {
            if (tap_get(back, j)->flow.sport == 80) {
                CU_ASSERT_EQUAL(tap_get(back, j)->flow.saddr, CLUSTER_IP);
                n_from_service++;
            }
            CU_ASSERT(tap_get(back, j)->flow.saddr != model_pod(model, "p")->address);
        }
        CU_ASSERT(n_from_service >= 100);
        model_free(model);
        tap_free(tap);
        tap_free(back);
    }
}

/* A pod that reaches itself through its own service must not see its own address come in:
 * it would answer itself directly. */
static void
test_hairpin_is_masqueraded(void)
{
    Model *model = model_new(
        NODES(CLIENT("c", "172.16.0.1:30090", "arrivals='constant(50/s)' stop='1s'"),
              "<pod id='both' labels='app=both' nodes='n-1'>"
              "<ingress id='nginx' upstream='service' keepalive='0'>"
              "<rule><path service='s'/></rule></ingress><container id='web'/></pod>",
              "<service id='s' target-port='8080' select='app=both'/>"
              "<service id='front' type='NodePort' node-port='30090' target-port='80'"
              " select='app=both'/>"),
        model_free_costs);
    Tap *tap = tap_new(model_pod(model, "both")->netns, VS_HOOK_INPUT);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 50);
    CU_ASSERT_EQUAL(model_counter(model, "web", "requests"), 50);
    assert_all_from(tap, CNI0(1));
    model_free(model);
    tap_free(tap);
}

/* Fifty clients, all of whom begin with the same source port. */
static void
test_masquerading_keeps_connections_apart(void)
{
    Model *model = model_new(
        NODES("<client id='many' count='50' costs='free' to='http://172.16.0.1:30080/'"
              " arrivals='constant(10/s)' stop='1s'/><link from='many' to='sw'/>",
              "<pod id='p' labels='app=web' nodes='n-2'><container id='web'/></pod>",
              NODE_PORT),
        model_free_costs);

    model_run(model, 3 * VS_S);
    model_check_each(model, "many", 50, "completed", 10);
    model_free(model);
}

static void
test_load_balancer_service(void)
{
    Model *model = model_new(
        NODES("<client id='c' costs='free' to='http://203.0.113.10/'"
              " arrivals='constant(50/s)' stop='1s'/><link from='c' to='edge'/>"
              "<lb id='edge' service='s' costs='free'/><link from='edge' to='sw'/>",
              PODS("3"),
              "<service id='s' type='LoadBalancer' target-port='8080' "
              "select='app=web'/>"),
        model_free_costs);

    CU_ASSERT_EQUAL(n_chosen(model), 0);
    CU_ASSERT_EQUAL(model_service(model, "s")->node_port, 30000);
    CU_ASSERT_EQUAL(model_service(model, "s")->cluster_ip, CLUSTER_IP);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 50);
    /* And the health check of the first node, at 0 s. */
    CU_ASSERT_EQUAL(n_chosen(model), 50 + 1);
    model_free(model);
}

/* Node port services before ours, each with a rule in KUBE-SERVICES for its cluster IP and
 * one in KUBE-NODEPORTS. */
static char *
other_services(unsigned n)
{
    GString *xml = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(xml,
                               "<service id='other-%u' type='NodePort' node-port='%u'"
                               " target-port='8080' select='app=web'/>",
                               i, 31000 + i);
    }
    return g_string_free(xml, FALSE);
}

static void
count_connected(VsTcp *tcp)
{
    (*(unsigned *)vs_tcp_user(tcp))++;
}

static void
ignore_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
ignore_end(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps counting_ops = {.connected = count_connected,
                                      .message = ignore_message,
                                      .finished = vs_tcp_close,
                                      .broken = ignore_end};

/* Kubernetes short-circuits its own cluster's external VIP inside the node. */
static void
test_pod_reaches_the_vip_without_leaving_the_node(void)
{
    Model *model = model_new("<lb id='edge' service='s' vip='203.0.113.9' "
                             "health-interval='100s'/><node id='n1'>"
                             "<pod id='p' labels='app=web'><container id='web'/></pod>"
                             "<pod id='q'/></node><link from='edge' to='n1'/>"
                             "<service id='s' type='LoadBalancer' target-port='8080' "
                             "select='app=web'/>");
    unsigned n_connected = 0;

    vs_tcp_connect(model_pod(model, "q")->netns, 0, 0xcb007109, 80, NULL, &counting_ops,
                   &n_connected);
    model_run(model, VS_S);
    CU_ASSERT_EQUAL(n_connected, 1);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p"),
                    1 + 1 /* Health check. */);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 0);
    model_free(model);
}

/* Least times of the connect phase and of the request phase; the first request also waits
 * for ARP. */
static void
least_times(const char *proxy, unsigned n_before, unsigned n_after, VsTime *ret_connect,
            VsTime *ret_request)
{
    g_autofree char *before = other_services(n_before);
    g_autofree char *after = other_services(n_before + n_after);
    Model *model = model_new(
        "<costs id='rules' rule='1us'/><cluster proxy='%s'/>"
        "<client id='c' to='http://172.16.0.2:30080/' arrivals='constant(1/s)' "
        "stop='3s'/>"
        "<link from='c' to='n1'/><node id='n1' costs='rules'>"
        "<pod id='p' labels='app=web'><container id='web'/></pod></node>%s" NODE_PORT
        "%s",
        proxy, before, after + strlen(before));

    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3);
    *ret_connect = vs_histogram_min(model_histogram(model, "c", "latency-connect"));
    *ret_request = vs_histogram_min(model_histogram(model, "c", "latency-request"));
    model_free(model);
}

static void
test_first_packet_pays_for_the_rules_before(void)
{
    VsTime connect_alone, connect_last, connect_first;
    VsTime request_alone, request_last, request_first;

    least_times("iptables", 0, 0, &connect_alone, &request_alone);
    least_times("iptables", 300, 0, &connect_last, &request_last);
    least_times("iptables", 0, 300, &connect_first, &request_first);
    /* 300 cluster IPs come before the jump to the node ports, wherever ours stands; of
     * the node ports only those that come before it. */
    CU_ASSERT_EQUAL(connect_first - connect_alone, 300 * VS_US);
    CU_ASSERT_EQUAL(connect_last - connect_alone, (300 + 300) * VS_US);
    /* Packets of an established connection pay nothing. */
    CU_ASSERT_EQUAL(request_first, request_alone);
    CU_ASSERT_EQUAL(request_last, request_alone);
}

/* A verdict map finds the service in one lookup. */
static void
test_nftables_mode_does_not_grow(void)
{
    VsTime connect_alone, connect_among;
    VsTime request_alone, request_among;

    least_times("nftables", 0, 0, &connect_alone, &request_alone);
    least_times("nftables", 150, 150, &connect_among, &request_among);
    CU_ASSERT_EQUAL(connect_among, connect_alone);
    CU_ASSERT_EQUAL(request_among, request_alone);
}

static void
test_nodes_choose_independently(void)
{
    Model *model = model_new(
        NODES(
            CLIENT("a", "172.16.0.1:30080", "arrivals='constant(200/s)' stop='1s'")
                CLIENT("b", "172.16.0.2:30080", "arrivals='constant(200/s)' stop='1s'"),
            PODS("2"), NODE_PORT),
        model_free_costs);
    Tap *taps[] = {tap_new(model_host(model, "n-1")->root, VS_HOOK_POSTROUTING),
                   tap_new(model_host(model, "n-2")->root, VS_HOOK_POSTROUTING)};
    VsAddr choices[2][200] = {{0}};
    unsigned n_equal = 0;

    model_run(model, 2 * VS_S);
    for (unsigned n = 0; n < 2; n++) {
        unsigned at = 0;

        for (unsigned i = 0; i < taps[n]->entries->len && at < 200; i++) {
            const TapEntry *entry = tap_get(taps[n], i);

            /* Those it was asked itself, not those another node sent on. */
            if (entry->tcp_flags == VS_TCP_SYN &&
                (entry->flow.saddr == CNI0(n + 1) ||
                 entry->flow.saddr == 0xac100001 + n)) {
                choices[n][at++] = entry->flow.daddr;
            }
        }
        CU_ASSERT_EQUAL(at, 200);
    }
    for (unsigned i = 0; i < 200; i++) {
        n_equal += choices[0][i] == choices[1][i];
    }
    CU_ASSERT(n_equal > 60 && n_equal < 140); /* 100 and more than 5 sigma. */
    model_free(model);
    tap_free(taps[0]);
    tap_free(taps[1]);
}

static const VsTestCase tests[] = {
    {"pod reaches the VIP without leaving the node",
     test_pod_reaches_the_vip_without_leaving_the_node},
    {"a node port is open on every node", test_node_port_is_open_on_every_node},
    {"2, 3 and 5 endpoints are chosen evenly", test_endpoints_are_chosen_evenly},
    {"a choice says nothing of the next", test_choices_are_independent},
    {"a connection keeps its endpoint", test_connection_keeps_its_endpoint},
    {"a service without endpoints refuses at once", test_no_endpoint_refuses_at_once},
    {"a port without a service refuses", test_other_ports_of_a_node_refuse},
    {"a node port from outside is masqueraded",
     test_node_port_from_outside_is_masqueraded},
    {"a pod's way to a cluster IP is not masqueraded",
     test_pod_to_cluster_ip_is_not_masqueraded},
    {"a pod reaches itself through its service, masqueraded",
     test_hairpin_is_masqueraded},
    {"masquerading keeps equal source ports apart",
     test_masquerading_keeps_connections_apart},
    {"a LoadBalancer service is reached through its load balancer",
     test_load_balancer_service},
    {"the first packet pays for the rules before its service's, later ones do not",
     test_first_packet_pays_for_the_rules_before},
    {"in nftables mode the first packet pays the same among any number of services",
     test_nftables_mode_does_not_grow},
    {"nodes choose independently", test_nodes_choose_independently},
    {0},
};

VS_TESTS("kubeproxy")
