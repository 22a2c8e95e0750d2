/* The Amazon VPC CNI with several interfaces: which one a pod's packets come and go by. */
#include "models/fixture.h"

/* A t3.small has 3 interfaces of 4 addresses: pods p-1 to p-3 have theirs of eth0, p-4 and p-5
 * of eth1.  addresses: the router, eth0, eth1, node m, the pods. */
#define LINK "<link from='n' to='sw'/>"
#define NODE(type, links, n_pods)                                         \
    "<cluster cni='aws-vpc'" type "/><node id='n' costs='free'/>"         \
    "<router id='r' costs='free'/><switch id='sw' subnet='10.0.1.0/24'/>" \
    "<link from='r' to='sw'/>" links "<node id='m' costs='free'/>"        \
    "<link from='m' to='sw'/><pod id='p' count='" n_pods "' nodes='n'/>"  \
    "<client id='c' costs='free' arrivals='constant(10/s)' stop='1ms' "   \
    "to='http://10.0.1.2/'/><link from='c' to='r' subnet='10.0.9.0/24'/>"
#define T3_SMALL " instance-type='t3.small'"
#define TWO_INTERFACES NODE(T3_SMALL, LINK LINK, "5")

#define ETH0 0x0a000102
#define CLIENT_ADDRESS 0x0a000901

enum { PORT = 2000, NODE_PORT = 30080 };

/* Interfaces that packets of a port, on either side, came in and went out by at node n. */
typedef struct Watch {
    uint16_t port;
    GString *in;
    GString *out;
} Watch;

static bool
is_watched(const Watch *watch, const VsPacket *packet)
{
    const VsFlow *flow = &packet->layers[packet->n_layers - 1].flow;

    return flow->sport == watch->port || flow->dport == watch->port;
}

static VsVerdict
watch_in(void *watch_, VsPacket *packet, const VsHookState *state)
{
    Watch *watch = watch_;

    if (is_watched(watch, packet)) {
        g_string_append_printf(watch->in, "%.4s ", state->in->name);
    }
    return VS_VERDICT_ACCEPT;
}

static VsVerdict
watch_out(void *watch_, VsPacket *packet, const VsHookState *state)
{
    Watch *watch = watch_;

    if (is_watched(watch, packet)) {
        g_string_append_printf(watch->out, "%.4s ", state->out->name);
    }
    return VS_VERDICT_ACCEPT;
}

static void
watch_node(Watch *watch, const Model *model, uint16_t port)
{
    static const VsHook hooks[] = {
        {VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW, watch_in},
        {VS_HOOK_POSTROUTING, VS_HOOK_PRI_FILTER, watch_out},
        {0},
    };

    *watch = (Watch){port, g_string_new(NULL), g_string_new(NULL)};
    vs_netns_add_hooks(model_host(model, "n")->root, hooks, watch);
}

static void
check_watch(Watch *watch, const char *in, const char *out)
{
    CU_ASSERT_STRING_EQUAL(watch->in->str, in);
    CU_ASSERT_STRING_EQUAL(watch->out->str, out);
    g_string_free(watch->in, TRUE);
    g_string_free(watch->out, TRUE);
}

static void
send_from(VsNetns *netns, VsAddr saddr, VsAddr daddr, uint16_t dport, uint16_t sport)
{
    VsFlow flow = {saddr, daddr, sport, dport, VS_PROTOCOL_UDP, VS_FAMILY_IPV4, 0};
    VsPacket *packet = vs_ip_packet_new(netns, &flow, 108);

    packet->payload_bytes = 100;
    vs_ip_send(netns, packet);
}

/* Asked from outside at their own addresses, pods answer by the interface that has them. */
static void
check_answer(const char *pod_name, const char *in, const char *out)
{
    Model *model = model_new(TWO_INTERFACES "%s", model_free_costs);
    VsPod *pod = model_pod(model, pod_name);
    VsNetns *client = model_host(model, "c")->root;
    Tap *tap = tap_new(client, VS_HOOK_INPUT);
    VsAddr address = pod->address;
    Watch watch;

    watch_node(&watch, model, PORT);
    send_from(client, CLIENT_ADDRESS, address, PORT, 1000);
    model_run(model, VS_S);
    send_from(pod->netns, address, CLIENT_ADDRESS, 1000, PORT);
    model_run(model, 2 * VS_S);
    model_free(model);
    check_watch(&watch, in, out);
    CU_ASSERT_EQUAL(tap_get(tap, tap->entries->len - 1)->flow.saddr, address);
    tap_free(tap);
}

static void
test_the_answer_leaves_by_the_pods_interface(void)
{
    check_answer("p-3", "eth0 eni9 ", "eni9 eth0 ");
    check_answer("p-4", "eth1 eni2 ", "eni2 eth1 ");
}

/* With the first one's address, which is what the world outside answers. */
static void
test_what_leaves_the_vpc_leaves_by_the_first_interface(void)
{
    Model *model = model_new(TWO_INTERFACES "%s", model_free_costs);
    VsPod *pod = model_pod(model, "p-4");
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_INPUT);
    VsAddr address = pod->address;
    Watch watch;

    watch_node(&watch, model, PORT);
    for (unsigned i = 1; i <= 2; i++) { /* The second is not the first of its flow. */
        send_from(pod->netns, address, CLIENT_ADDRESS, PORT, 1000);
        model_run(model, i * VS_S);
    }
    model_free(model);
    check_watch(&watch, "eni2 eni2 ", "eth0 eth0 ");
    CU_ASSERT_EQUAL(tap_get(tap, tap->entries->len - 1)->flow.saddr, ETH0);
    tap_free(tap);
}

/* Inside the VPC it keeps its address and goes by the second. */
static void
test_what_stays_in_the_vpc_leaves_by_the_pods_interface(void)
{
    Model *model = model_new(TWO_INTERFACES "%s", model_free_costs);
    VsPod *pod = model_pod(model, "p-4");
    VsNetns *other = model_host(model, "m")->root;
    VsAddr address = pod->address;
    Tap *tap = tap_new(other, VS_HOOK_INPUT);
    Watch watch;

    watch_node(&watch, model, PORT);
    send_from(pod->netns, address, vs_host_address(other->host), PORT, 1000);
    send_from(pod->netns, address, model_pod(model, "p-1")->address, PORT, 1000);
    model_run(model, VS_S);
    model_free(model);
    check_watch(&watch, "eni2 eni2 ", "eth1 eni1 ");
    CU_ASSERT_EQUAL_FATAL(tap->entries->len, 1);
    CU_ASSERT_EQUAL(tap_get(tap, 0)->flow.saddr, address);
    tap_free(tap);
}

/* The client asks the node's address: with a local policy the pod sees it, and its answer
 * would leave by eth1, in the pod's name, did the connection's mark not hold it. */
static void
test_node_ports_are_answered_by_the_first_interface(void)
{
    Model *model = model_new(
        "<cluster cni='aws-vpc' instance-type='t3.small'/><node id='n' costs='free'/>"
        "<router id='r' costs='free'/><switch id='sw' subnet='10.0.1.0/24'/>"
        "<link from='r' to='sw'/>" LINK LINK "<pod id='p' count='3' nodes='n'/>"
        "<pod id='q' nodes='n' labels='app=q'><container id='w' port='8080'/></pod>"
        "<service id='s' type='NodePort' target-port='8080' node-port='30080' "
        "select='app=q' external-traffic-policy='Local'/>"
        "<client id='c' costs='free' arrivals='constant(1/s)' stop='1ms' "
        "to='http://10.0.1.2:30080/'/><link from='c' to='r' subnet='10.0.9.0/24'/>%s",
        model_free_costs);
    Watch watch;

    CU_ASSERT_EQUAL(vs_eni_device_of(model_node(model, "n"), 3), 1);
    watch_node(&watch, model, 8080);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
    model_free(model);
    CU_ASSERT_PTR_NOT_NULL(strstr(watch.in->str, "eni"));
    CU_ASSERT_PTR_NULL(strstr(watch.out->str, "eth1"));
    g_string_free(watch.in, TRUE);
    g_string_free(watch.out, TRUE);
}

/* Pods of a second interface, of as many as the type and the links give. */
static void
test_interfaces_have_so_many_addresses(void)
{
    Model *model = model_new(NODE("", LINK LINK, "18") "%s", model_free_costs);
    const VsNode *node = model_node(model, "n");

    CU_ASSERT_EQUAL(vs_eni_device_of(node, 8), 0); /* m5.large: 10 addresses each. */
    CU_ASSERT_EQUAL(vs_eni_device_of(node, 9), 1);
    model_free(model);
    model_check_error(
        "node \"n\" has no address left for pod \"p-19\": m5.large has up "
        "to 3 interfaces with 9 addresses for pods each, and the node 2 of "
        "them; write its <link> once more for another",
        NODE("", LINK LINK, "19") "%s", model_free_costs);
    model_check_error("t3.small has up to 3 interfaces with 3 addresses for pods each, "
                      "and the node 3 of them; give <cluster> a larger instance-type",
                      NODE(T3_SMALL, LINK LINK LINK LINK, "10") "%s", model_free_costs);
    model_check_error("and the node 1 of them; write its <link> once more",
                      NODE(T3_SMALL, LINK, "4") "%s", model_free_costs);
    model_check_error(NULL, NODE("", LINK, "40") "%s", model_free_costs);
    model_check_error("instance-type has no effect with cni=\"bridge\"",
                      "<cluster instance-type='m5.large'/>");
}

static const VsTestCase tests[] = {
    {"the answer leaves by the pod's interface",
     test_the_answer_leaves_by_the_pods_interface},
    {"what leaves the VPC leaves by the first interface",
     test_what_leaves_the_vpc_leaves_by_the_first_interface},
    {"what stays in the VPC leaves by the pod's interface",
     test_what_stays_in_the_vpc_leaves_by_the_pods_interface},
    {"node ports are answered by the first interface",
     test_node_ports_are_answered_by_the_first_interface},
    {"interfaces have so many addresses", test_interfaces_have_so_many_addresses},
    {0},
};

VS_TESTS("cni vpc")
