/* Network plug-ins: the MTU of their devices, the addresses they give out, and what they
 * refuse. */
#include "models/cni_fixture.h"

/* ---- MTU ------------------------------------------------------------------------- */

/* From outside a packet of 1500 bytes, not to be fragmented, comes to node 1 for the pod
 * on node 2: it says what would fit. */
static void
check_too_big(const char *cni, const char *nodes, VsAddr node_1, uint16_t mtu)
{
    static const VsHook hooks[] = {{VS_HOOK_INPUT, VS_HOOK_PRI_FILTER, see_error}, {0}};
    Model *model = model_new("<cluster cni='%s'/>%s" CLIENT("192.168.9.9") PODS "%s",
                             cni, nodes, model_free_costs);
    VsHost *client = model_host(model, "c");
    VsNetns *router = root_of(model, "r");
    VsAddr pod = model_pod(model, "b")->address;
    VsLayer error = {0};
    const VsHook *row = hooks;

    vs_netns_add_hooks(client->root, row, &error);
    vs_netns_add_route(router, pod, 32, vs_routes_find(&router->routes, node_1)->iface,
                       node_1);
    send_from(client->root, flow_to(vs_host_address(client), pod), mtu + 1);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL(error.icmp.type, 3);
    CU_ASSERT_EQUAL(error.icmp.code, 4);
    CU_ASSERT_EQUAL(error.icmp.next_mtu, mtu);
    CU_ASSERT_EQUAL(error.flow.saddr, node_1);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_TOO_BIG), 1);

    error = (VsLayer){0};
    send_from(client->root, flow_to(vs_host_address(client), pod), mtu);
    model_run(model, 2 * VS_MS);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_TOO_BIG), 1);
    model_free(model);
}

static void
test_what_does_not_fit_into_the_tunnel_is_refused(void)
{
    check_too_big("flannel-vxlan", TWO_SEGMENTS, 0xc0a80101, 1450);
    check_too_big("calico-vxlan", TWO_SEGMENTS, 0xc0a80101, 1450);
    check_too_big("calico-ipip", TWO_SEGMENTS, 0xc0a80101, 1480);
}

static void
test_mtu_follows_the_link(void)
{
    static const struct {
        const char *cni;
        uint32_t mtu;
    } rows[] = {
        {"flannel-host-gw", 9001}, {"flannel-vxlan", 8951}, {"calico", 9001},
        {"calico-ipip", 8981},     {"calico-vxlan", 8951},  {"aws-vpc", 9001},
        {"cilium", 9001},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new("<cluster cni='%s'/><node id='n'/><switch id='sw' "
                                 "subnet='192.168.0.0/24'/>"
                                 "<link from='n' to='sw' mtu='9001B'/><pod id='a'/>",
                                 rows[i].cni);
        const VsIface *eth0 = find_iface(model_pod(model, "a")->netns, "eth0");

        CU_ASSERT_EQUAL(eth0->mtu, rows[i].mtu);
        CU_ASSERT_EQUAL(eth0->peer->mtu, rows[i].mtu);
        model_free(model);
    }
}

/* ---- Addresses ------------------------------------------------------------------- */

static void
test_calico_claims_blocks_as_needed(void)
{
    Model *model = model_new("<cluster cni='calico'/>" ONE_SEGMENT
                             "<pod id='p' count='65' nodes='n-1'/>"
                             "<pod id='q' nodes='n-2'/>%s",
                             model_free_costs);
    const VsNode *node = model_node(model, "n-1");
    VsRoutes *routes = &root_of(model, "n-2")->routes;

    /* 10.244.0.0/26 to the first node, .64/26 to the second, .128/26 when the first is
     * full. */
    CU_ASSERT_EQUAL(node->ranges->len, 2);
    CU_ASSERT_EQUAL(model_pod(model, "p-64")->address, 0x0af4003f);
    CU_ASSERT_EQUAL(model_pod(model, "p-65")->address, 0x0af40080);
    CU_ASSERT_EQUAL(model_pod(model, "q")->address, 0x0af40040);
    CU_ASSERT_EQUAL(vs_routes_find(routes, 0x0af4003f)->via,
                    vs_host_address(node->host));
    CU_ASSERT_EQUAL(vs_routes_find(routes, 0x0af40080)->via,
                    vs_host_address(node->host));
    /* What no pod has of a node's own block goes nowhere. */
    CU_ASSERT_EQUAL(vs_routes_find(routes, 0x0af40041)->type, VS_ROUTE_BLACKHOLE);
    model_free(model);
}

static void
test_blocks_end(void)
{
    model_check_error("the pod range 10.1.0.0/26 has no /26 left for node \"n\"",
                      "<cluster cni='calico' pod-cidr='10.1.0.0/26'/><node id='n'/>"
                      "<pod id='p' count='65'/>");
    model_check_error(NULL,
                      "<cluster cni='calico' pod-cidr='10.1.0.0/26'/><node id='n'/>"
                      "<pod id='p' count='64'/>");
}

/* sha1("namespace.podname") begins 82111e10a96: Calico's own test has it. */
static void
test_veth_names_are_hashes_of_the_pods(void)
{
    g_autofree char *hash =
        g_compute_checksum_for_string(G_CHECKSUM_SHA1, "namespace.podname", -1);
    g_autofree char *a =
        g_compute_checksum_for_string(G_CHECKSUM_SHA1, "default.a", -1);
    g_autofree char *name = vs_cni_veth_name("cali", "a");

    CU_ASSERT_NSTRING_EQUAL(hash, "82111e10a96", 11);
    CU_ASSERT_NSTRING_EQUAL(name, "cali", 4);
    CU_ASSERT_NSTRING_EQUAL(name + 4, a, 11);
    CU_ASSERT_EQUAL(strlen(name), 15);
}

static void
test_vpc_subnets_end(void)
{
    /* A /29 has six addresses: two nodes, a router, three pods. */
    model_check_error(NULL,
                      "<cluster cni='aws-vpc'/><node id='n' count='2'/><router id='r'/>"
                      "<switch id='sw' subnet='10.0.0.0/29'/><link from='n' to='sw'/>"
                      "<link from='r' to='sw'/><pod id='p' count='3'/>");
    model_check_error("the subnet 10.0.0.0/29 of node \"n-2\" has no address left for "
                      "pod \"p-4\"",
                      "<cluster cni='aws-vpc'/><node id='n' count='2'/><router id='r'/>"
                      "<switch id='sw' subnet='10.0.0.0/29'/><link from='n' to='sw'/>"
                      "<link from='r' to='sw'/><pod id='p' count='4'/>");
    model_check_error("has no link, and so no subnet",
                      "<cluster cni='aws-vpc'/><node id='n'/><pod id='p'/>");
    model_check_error("pod-cidr has no effect with cni=\"aws-vpc\"",
                      "<cluster cni='aws-vpc' pod-cidr='10.0.0.0/16'/>");
    model_check_error("node-cidr-length has no effect",
                      "<cluster cni='aws-vpc' node-cidr-length='24'/>");
}

/* ---- What is refused ------------------------------------------------------------- */

static void
test_routes_by_range_need_one_segment(void)
{
    static const char *const cnis[] = {"bridge", "flannel-host-gw", "calico", "cilium"};

    for (unsigned i = 0; i < G_N_ELEMENTS(cnis); i++) {
        g_autofree char *message = model_error(
            "<cluster cni='%s'/>\n" TWO_SEGMENTS "%s", cnis[i], model_free_costs);
        g_autofree char *need = g_strdup_printf("which cni=\"%s\" needs", cnis[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(message, "test.xml:3: node \"n-1\" has no link to the segment of "
                            "node \"n-2\""));
        CU_ASSERT_PTR_NOT_NULL(strstr(message, need));
    }
}

static void
test_tunnels_need_a_way(void)
{
    model_check_error("node \"n-1\" has no way to node \"n-2\", which "
                      "cni=\"flannel-vxlan\" needs",
                      "<cluster cni='flannel-vxlan'/><node id='n' count='2'/>"
                      "<switch id='sw'/><link from='n-1' to='sw'/>");
    model_check_error(NULL, "<cluster cni='flannel-vxlan'/><node id='n'/>");
}

#define LB                                                           \
    "<lb id='e' service='s' target='pods'/><link from='e' to='sw'/>" \
    "<service id='s' type='LoadBalancer' target-port='8080' select='app=web'/>"

static void
test_balancer_cannot_see_into_tunnels(void)
{
    model_check_error("cni=\"flannel-vxlan\" keeps them behind tunnels",
                      "<cluster cni='flannel-vxlan'/>" ONE_SEGMENT PODS LB "%s",
                      model_free_costs);
    model_check_error(NULL, "<cluster cni='calico'/>" ONE_SEGMENT PODS LB "%s",
                      model_free_costs);
    model_check_error(NULL, "<cluster cni='aws-vpc'/>" ONE_SEGMENT PODS LB "%s",
                      model_free_costs);
}

static void
test_tunnel_needs_room(void)
{
    static const char text[] = "<cluster cni='calico-vxlan'/><node id='n'/>"
                               "<switch id='sw'/><link from='n' to='sw' mtu='%s'/>";

    model_check_error("has an MTU of 117 bytes; cni=\"calico-vxlan\" adds 50 to each "
                      "packet and needs at least 118",
                      text, "117B");
    model_check_error(NULL, text, "118B");
}

static const VsTestCase tests[] = {
    {"what does not fit into the tunnel is refused with its MTU",
     test_what_does_not_fit_into_the_tunnel_is_refused},
    {"the MTU of pods follows the link's", test_mtu_follows_the_link},
    {"calico claims blocks as needed", test_calico_claims_blocks_as_needed},
    {"blocks end", test_blocks_end},
    {"veth names are hashes of the pods' names",
     test_veth_names_are_hashes_of_the_pods},
    {"the subnet of a VPC ends; ranges have no effect", test_vpc_subnets_end},
    {"routes by range need one segment", test_routes_by_range_need_one_segment},
    {"tunnels need a way", test_tunnels_need_a_way},
    {"tunnels need room", test_tunnel_needs_room},
    {"a balancer outside cannot see into tunnels",
     test_balancer_cannot_see_into_tunnels},
    {0},
};

VS_TESTS("cni addresses")
