#include "base/units.h"
#include "models/fixture.h"

#define NODES(n)                                               \
    "<node id='n' count='" n "' costs='free'/><switch id='sw'" \
    " subnet='172.16.0.0/24'/><link from='n' to='sw'/>"

static void
assert_address(const Model *model, const char *pod, const char *expected)
{
    g_autofree char *address = vs_format_ipv4(model_pod(model, pod)->address);

    CU_ASSERT_STRING_EQUAL(address, expected);
}

static void
test_pods_have_addresses_of_their_node(void)
{
    Model *model =
        model_new(NODES("2") "%s"
                             "<pod id='a' nodes='n-1'/><pod id='b' nodes='n-2'/>"
                             "<pod id='d' nodes='n-1'/><pod id='e' nodes='n-2'/>",
                  model_free_costs);

    assert_address(model, "a", "10.244.0.2"); /* .1 is cni0. */
    assert_address(model, "d", "10.244.0.3");
    assert_address(model, "b", "10.244.1.2");
    assert_address(model, "e", "10.244.1.3");
    CU_ASSERT_EQUAL(model_node(model, "n-1")->bridge->iface->address, 0x0af40001);
    CU_ASSERT_EQUAL(model_node(model, "n-2")->bridge->iface->address, 0x0af40101);
    model_free(model);

    model = model_new("<cluster pod-cidr='10.1.0.0/16' node-cidr-length='26'/>" NODES(
                          "3") "%s<pod id='p' count='3'/>",
                      model_free_costs);
    assert_address(model, "p-1", "10.1.0.2");
    assert_address(model, "p-2", "10.1.0.66");
    assert_address(model, "p-3", "10.1.0.130");
    model_free(model);
}

static void
test_ranges_end(void)
{
    /* Of a /30 the bridge has .1, a pod .2, and .3 is the broadcast address. */
    g_autofree char *fits =
        model_error("<cluster node-cidr-length='30'/><node id='n'/><pod id='p'/>");
    g_autofree char *pods = model_error(
        "<cluster node-cidr-length='30'/><node id='n'/><pod id='p' count='2'/>");
    g_autofree char *nodes = model_error(
        "<cluster pod-cidr='10.1.0.0/23'/>" NODES("3") "%s", model_free_costs);
    g_autofree char *part = model_error(
        "<cluster pod-cidr='10.1.0.0/25' node-cidr-length='24'/><node id='n'/>");

    CU_ASSERT_PTR_NULL(fits);
    CU_ASSERT_PTR_NOT_NULL(strstr(pods, "no pod address left for pod \"p-2\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(nodes, "no /24 left for node \"n-3\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(part, "larger than the whole pod range"));
}

static void
test_ranges_must_not_overlap(void)
{
    g_autofree char *services =
        model_error("<cluster pod-cidr='10.96.0.0/16' service-cidr='10.96.0.0/12'/>");

    CU_ASSERT_PTR_NOT_NULL_FATAL(services);
    CU_ASSERT_PTR_NOT_NULL(strstr(services, "overlap"));
}

static void
test_replicas_are_spread_in_turn(void)
{
    static const char *const all[] = {"n-1", "n-2", "n-3", "n-1", "n-2"};
    static const char *const some[] = {"n-3", "n-1", "n-3", "n-1"};
    Model *model =
        model_new(NODES("3") "%s<pod id='p' count='5'/>"
                             "<pod id='q' count='4' nodes='n-3 n-1'/>"
                             "<node id='own'><pod id='inside' count='2'/></node>"
                             "<link from='own' to='sw'/>",
                  model_free_costs);

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autofree char *id = g_strdup_printf("p-%u", i + 1);

        /* The node inside which other pods stand takes its turn as well, the fourth. */
        CU_ASSERT_STRING_EQUAL(model_pod(model, id)->node->name,
                               i == 3 ? "own" : all[i > 3 ? i - 1 : i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(some); i++) {
        g_autofree char *id = g_strdup_printf("q-%u", i + 1);

        CU_ASSERT_STRING_EQUAL(model_pod(model, id)->node->name, some[i]);
    }
    CU_ASSERT_STRING_EQUAL(model_pod(model, "inside-1")->node->name, "own");
    CU_ASSERT_STRING_EQUAL(model_pod(model, "inside-2")->node->name, "own");
    model_free(model);
}

static void
test_one_port_one_container(void)
{
    g_autofree char *two =
        model_error("<node id='n'><pod id='p'>\n<container id='first'/>\n"
                    "<container id='second'/></pod></node>");
    g_autofree char *ingress = model_error(
        "<node id='n'><pod id='p'><container id='web' port='80'/>"
        "<ingress id='nginx'><rule><path service='s'/></rule></ingress></pod></node>"
        "<service id='s' select='a=b'/>");
    g_autofree char *apart =
        model_error("<node id='n'><pod id='p'><container id='a'/><container id='b' "
                    "port='8081'/></pod>"
                    "<pod id='q'><container id='d'/></pod></node>");

    CU_ASSERT_PTR_NOT_NULL_FATAL(two);
    CU_ASSERT_PTR_NOT_NULL(strstr(two, "\"first\" (line 3)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(two, "\"second\" of pod \"p\" both want port 8080"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(ingress);
    CU_ASSERT_PTR_NOT_NULL(strstr(ingress, "\"web\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(ingress, "\"nginx\""));
    CU_ASSERT_PTR_NULL(apart);
}

/* A router whose segment has the nodes on it knows the way to pods. */
#define OUTSIDE(clients, pods) \
    "%s" NODES("2") "<router id='r' costs='free'/><link from='r' to='sw'/>" clients pods
#define CLIENT(id, to, attributes)                                          \
    "<client id='" id "' costs='free' to='http://" to "/' " attributes "/>" \
    "<link from='" id "' to='r'/>"

static void
test_containers_of_a_pod_share_its_address(void)
{
    Model *model = model_new(
        OUTSIDE(
            CLIENT("a", "10.244.0.2:8080", "arrivals='constant(10/s)' stop='1s'")
                CLIENT("b", "10.244.0.2:8081", "arrivals='constant(20/s)' stop='1s'")
                    CLIENT("d", "10.244.0.2:8082",
                           "arrivals='constant(5/s)' stop='1s'"),
            "<pod id='p'><container id='one'/><container id='two' port='8081'/></pod>"),
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "b", "completed"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "d", "error-refused"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "one", "requests"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "two", "requests"), 20);
    model_free(model);
}

static void
test_empty_pod_refuses(void)
{
    Model *model = model_new(
        OUTSIDE(CLIENT("a", "10.244.0.2:80", "arrivals='constant(10/s)' stop='1s'")
                    CLIENT("b", "10.244.1.9:80",
                           "arrivals='constant(1/s)' stop='1s' timeout='10s'"),
                "<pod id='p'/>"),
        model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-refused"), 10);
    /* An address that no pod has: the node asks for it in vain for 3 s, then says so. */
    CU_ASSERT_EQUAL(model_counter(model, "b", "error-unreachable"), 1);
    CU_ASSERT(model_dropped(model, VS_DROP_NO_NEIGHBOUR) >= 1);
    model_free(model);
}

static void
test_pod_sees_the_clients_address(void)
{
    Model *model = model_new(
        OUTSIDE(CLIENT("a", "10.244.1.2:8080", "arrivals='constant(10/s)' stop='1s'"),
                "<pod id='p' nodes='n-2'><container id='web'/></pod>"),
        model_free_costs);
    Tap *tap = tap_new(model_pod(model, "p")->netns, VS_HOOK_INPUT);
    VsAddr client = vs_host_address(model_host(model, "a"));

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "completed"), 10);
    CU_ASSERT(tap->entries->len >= 40);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(tap, i)->flow.saddr, client);
        CU_ASSERT_EQUAL(tap_get(tap, i)->flow.daddr, model_pod(model, "p")->address);
        CU_ASSERT_EQUAL(tap_get(tap, i)->ttl, 64 - 2); /* Router, node. */
    }
    model_free(model);
    tap_free(tap);
}

/* An ingress controller on n-1 goes to the endpoints themselves. */
static void
pod_to_pod(const char *node, unsigned n_routed)
{
    Model *model = model_new(
        OUTSIDE(
            CLIENT("a", "10.244.0.2", "arrivals='constant(10/s)' stop='1s'"),
            "<pod id='from' nodes='n-1'><ingress id='nginx'><rule><path service='s'/>"
            "</rule></ingress></pod>"
            "<pod id='to' labels='app=web' nodes='%s'><container id='web'/></pod>"
            "<service id='s' target-port='8080' select='app=web'/>"),
        model_free_costs, node);
    VsAddr from = model_pod(model, "from")->address;
    VsAddr to = model_pod(model, "to")->address;
    Tap *there = tap_new(model_pod(model, "to")->netns, VS_HOOK_INPUT);
    Tap *back = tap_new(model_pod(model, "from")->netns, VS_HOOK_INPUT);
    unsigned n_answers = 0;

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "completed"), 10);
    for (unsigned i = 0; i < there->entries->len; i++) {
        const TapEntry *entry = tap_get(there, i);

        CU_ASSERT_EQUAL(entry->flow.saddr, from);
        CU_ASSERT_EQUAL(entry->flow.daddr, to);
        CU_ASSERT_EQUAL(entry->ttl, 64 - n_routed);
    }
    for (unsigned i = 0; i < back->entries->len; i++) {
        const TapEntry *entry = tap_get(back, i);

        if (entry->flow.sport == 8080) {
            CU_ASSERT_EQUAL(entry->flow.saddr, to);
            CU_ASSERT_EQUAL(entry->ttl, 64 - n_routed);
            n_answers++;
        }
    }
    CU_ASSERT(there->entries->len > 10 && n_answers > 10);
    model_free(model);
    tap_free(there);
    tap_free(back);
}

static void
test_pods_reach_pods_of_other_nodes_without_nat(void)
{
    pod_to_pod("n-2", 2); /* Both nodes route. */
}

static void
test_pods_of_a_node_are_bridged(void)
{
    pod_to_pod("n-1", 0);
}

static void
test_selectors_pick_endpoints(void)
{
    Model *model = model_new(
        NODES(
            "2") "%s"
                 "<pod id='a' labels='app=web tier=front'><container id='a-web'/></pod>"
                 "<pod id='b' labels='app=web tier=back'><container id='b-web'/></pod>"
                 "<pod id='d' labels='app=web tier=front'><container id='d-web' "
                 "port='9090'/></pod>"
                 "<pod id='e' labels='app=webb'><container id='e-web'/></pod>"
                 "<service id='web' target-port='8080' select='app=web'/>"
                 "<service id='front' target-port='8080' select='tier=front app=web'/>"
                 "<service id='other' target-port='9090' select='app=web'/>"
                 "<service id='same' port='8080' select='app=web'/>"
                 "<service id='none' target-port='8080' select='app=we'/>",
        model_free_costs);

    CU_ASSERT_EQUAL(model_service(model, "web")->n_endpoints, 2);
    CU_ASSERT_EQUAL(model_service(model, "front")->n_endpoints, 1);
    CU_ASSERT_PTR_EQUAL(model_service(model, "front")->endpoints[0].pod,
                        model_pod(model, "a"));
    CU_ASSERT_EQUAL(model_service(model, "other")->n_endpoints, 1);
    CU_ASSERT_EQUAL(model_service(model, "other")->endpoints[0].port, 9090);
    CU_ASSERT_EQUAL(model_service(model, "same")->n_endpoints, 2);
    CU_ASSERT_EQUAL(model_service(model, "none")->n_endpoints, 0);
    model_free(model);
}

/* Four users, two workers of 100 ms: two are served after 100 ms, two after 200 ms. */
static void
test_container_workers_and_queue(void)
{
    Model *model = model_new(
        OUTSIDE(
            CLIENT("a", "10.244.0.2:8080", "arrivals='closed(4)' stop='1us'"),
            "<pod id='p'><container id='web' workers='2' service-time='100ms'/></pod>"),
        model_free_costs);
    const VsHistogram *latency = model_histogram(model, "a", "latency");

    model_run(model, VS_S);
    CU_ASSERT_EQUAL(latency->count, 4);
    CU_ASSERT(latency->min > 100 * VS_MS && latency->min < 101 * VS_MS);
    CU_ASSERT(latency->max > 200 * VS_MS && latency->max < 201 * VS_MS);
    CU_ASSERT_EQUAL(*(const VsTime *)model_stat(model, "web", "workers"), 400 * VS_MS);
    CU_ASSERT_EQUAL(((const VsQueueStat *)model_stat(model, "web", "queue"))->n_max, 2);
    model_free(model);
}

static void
test_response_size_is_what_travels(void)
{
    uint64_t bytes[2];
    static const char *const sizes[] = {"0B", "1000B"};

    for (unsigned i = 0; i < 2; i++) {
        Model *model =
            model_new(OUTSIDE(CLIENT("a", "10.244.0.2:8080",
                                     "arrivals='constant(1/s)' stop='1s'"),
                              "<pod id='p'><container id='web' response='%s'/></pod>"),
                      model_free_costs, sizes[i]);

        model_run(model, 5 * VS_S);
        bytes[i] = model_wire(model, "r > a")->n_bytes;
        model_free(model);
    }
    CU_ASSERT_EQUAL(bytes[1] - bytes[0], 1000 + 3); /* "Content-Length: 1000", not 0. */
}

/* One place of the backlog, ten connections at once: SYNs are dropped, and sent again. */
static void
test_listen_backlog_drops_syns(void)
{
    Model *model = model_new(
        OUTSIDE(
            CLIENT("a", "10.244.0.2:8080",
                   "arrivals='closed(10)' stop='1us' timeout='60s'"),
            "<pod id='p' tcp-syncookies='no'><container id='web' backlog='1'/></pod>"),
        model_free_costs);

    model_run(model, 60 * VS_S);
    CU_ASSERT(model_dropped(model, VS_DROP_ACCEPT_QUEUE_FULL) >= 9);
    CU_ASSERT(model_counter(model, "a", "completed") >= 2);
    CU_ASSERT(vs_histogram_max(model_histogram(model, "a", "latency")) > VS_S);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"pods have addresses of their node's range",
     test_pods_have_addresses_of_their_node},
    {"ranges of addresses end", test_ranges_end},
    {"ranges of pods and services must not overlap", test_ranges_must_not_overlap},
    {"replicas are spread over nodes in turn", test_replicas_are_spread_in_turn},
    {"one port of a pod is one container's", test_one_port_one_container},
    {"containers of a pod share its address",
     test_containers_of_a_pod_share_its_address},
    {"a pod without containers refuses; without a pod nobody answers",
     test_empty_pod_refuses},
    {"a pod sees the client's address", test_pod_sees_the_clients_address},
    {"pods reach pods of other nodes without NAT, over two hops",
     test_pods_reach_pods_of_other_nodes_without_nat},
    {"pods of one node are bridged, over none", test_pods_of_a_node_are_bridged},
    {"selectors pick pods with all labels and the port", test_selectors_pick_endpoints},
    {"a container's workers serve, the rest waits", test_container_workers_and_queue},
    {"an answer's size is what travels", test_response_size_is_what_travels},
    {"a full listen backlog drops SYNs", test_listen_backlog_drops_syns},
    {0},
};

VS_TESTS("pod")
