/* Network plug-ins: what a packet from a pod of one node meets on its way to a pod of
 * another, hook by hook and header by header; and services that all of them carry. */
#include "models/cni_fixture.h"

/* ---- The way of one packet ------------------------------------------------------- */

static void
check_direct(const char *cni)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/root prerouting cni0> 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/root forward cni0>eth0 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-1/root postrouting cni0>eth0 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-2/root prerouting eth0> 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-2/root forward eth0>cni0 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/root postrouting eth0>cni0 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/b prerouting eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/b input eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, cni, ONE_SEGMENT, expected);
    const VsIface *eth0 = find_iface(root_of(model, "n-2"), "eth0");
    const VsPacket *packet = watch_find(&watch, eth0);

    CU_ASSERT_EQUAL(packet->n_layers, 1);
    CU_ASSERT_EQUAL(packet->wire_bytes, wire_bytes(128));
    CU_ASSERT_EQUAL(packet->layers[0].dmac, eth0->mac);
    CU_ASSERT_EQUAL(packet->layers[0].smac,
                    find_iface(root_of(model, "n-1"), "eth0")->mac);
    CU_ASSERT_EQUAL(find_iface(model_pod(model, "a")->netns, "eth0")->mtu, 1500);
    end_walk(&watch, model);
}

static void
test_bridge_and_host_gw_route_by_node_range(void)
{
    check_direct("bridge");
    check_direct("flannel-host-gw");
}

/* The outer layer on the far node's link, and the inner one below it. */
static void
check_vxlan_frame(const Watch *watch, const Model *model, const char *device)
{
    const VsIface *eth0 = find_iface(root_of(model, "n-2"), "eth0");
    const VsPacket *packet = watch_find(watch, eth0);
    const VsLayer *outer = &packet->layers[1];
    const VsLayer *inner = &packet->layers[0];

    CU_ASSERT_EQUAL(packet->n_layers, 2);
    CU_ASSERT_EQUAL(outer->ip_bytes, 128 + 14 + 8 + 8 + 20);
    CU_ASSERT_EQUAL(packet->wire_bytes, wire_bytes(178));
    CU_ASSERT_EQUAL(outer->ip_fragment, 0);
    CU_ASSERT_EQUAL(outer->flow.protocol, VS_PROTOCOL_UDP);
    CU_ASSERT(outer->flow.sport >= 32768 && outer->flow.sport <= 60999);
    CU_ASSERT_EQUAL(outer->dmac, eth0->mac);
    CU_ASSERT_EQUAL(outer->smac, find_iface(root_of(model, "r"), "eth1")->mac);
    CU_ASSERT_EQUAL(inner->smac, find_iface(root_of(model, "n-1"), device)->mac);
    CU_ASSERT_EQUAL(inner->dmac, find_iface(root_of(model, "n-2"), device)->mac);
    CU_ASSERT_EQUAL(inner->ip_bytes, 128);
    CU_ASSERT_EQUAL(inner->ip_fragment, VS_IP_DF);
    CU_ASSERT_EQUAL(find_iface(root_of(model, "n-1"), device)->mtu, 1450);
    CU_ASSERT_EQUAL(find_iface(model_pod(model, "a")->netns, "eth0")->mtu, 1450);
}

static void
test_flannel_vxlan_crosses_routers(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/root prerouting cni0> 10.244.0.2 > 10.244.1.2 ttl 64",
        "n-1/root forward cni0>flannel.1 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-1/root postrouting cni0>flannel.1 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-1/root output >eth0 192.168.1.1 > 192.168.2.1 ttl 64 port 8472 vni 1",
        "n-1/root postrouting >eth0 192.168.1.1 > 192.168.2.1 ttl 64 port 8472 vni 1",
        "r/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 64 port 8472 vni 1",
        "r/root forward eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 63 port 8472 vni 1",
        "r/root postrouting eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 63 port 8472 vni 1",
        "n-2/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 63 port 8472 vni 1",
        "n-2/root input eth0> 192.168.1.1 > 192.168.2.1 ttl 63 port 8472 vni 1",
        "n-2/root prerouting flannel.1> 10.244.0.2 > 10.244.1.2 ttl 63",
        "n-2/root forward flannel.1>cni0 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/root postrouting flannel.1>cni0 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/b prerouting eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        "n-2/b input eth0> 10.244.0.2 > 10.244.1.2 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "flannel-vxlan", TWO_SEGMENTS, expected);
    VsNetns *root = root_of(model, "n-1");

    check_vxlan_frame(&watch, model, "flannel.1");
    CU_ASSERT_EQUAL(find_iface(root, "cni0")->mtu, 1450);
    CU_ASSERT_EQUAL(find_iface(root, "flannel.1")->address, 0x0af40000);
    CU_ASSERT_EQUAL(vs_routes_find(&root->routes, 0x0af40102)->via, 0x0af40100);
    /* The connection inside and the one outside. */
    CU_ASSERT_EQUAL(root->conntrack->stats->n_entries, 2);
    CU_ASSERT_EQUAL(root_of(model, "n-2")->conntrack->stats->n_entries, 2);
    end_walk(&watch, model);
}

static void
test_calico_routes_blocks(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.0 > 10.244.0.64 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.0 > 10.244.0.64 ttl 64",
        "n-1/root prerouting caliacd53aa4120> 10.244.0.0 > 10.244.0.64 ttl 64",
        "n-1/root forward caliacd53aa4120>eth0 10.244.0.0 > 10.244.0.64 ttl 63",
        "n-1/root postrouting caliacd53aa4120>eth0 10.244.0.0 > 10.244.0.64 ttl 63",
        "n-2/root prerouting eth0> 10.244.0.0 > 10.244.0.64 ttl 63",
        "n-2/root forward eth0>califf6fc35a693 10.244.0.0 > 10.244.0.64 ttl 62",
        "n-2/root postrouting eth0>califf6fc35a693 10.244.0.0 > 10.244.0.64 ttl 62",
        "n-2/b prerouting eth0> 10.244.0.0 > 10.244.0.64 ttl 62",
        "n-2/b input eth0> 10.244.0.0 > 10.244.0.64 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "calico", ONE_SEGMENT, expected);
    VsNetns *a = model_pod(model, "a")->netns;
    const VsIface *eth0 = find_iface(model_pod(model, "b")->netns, "eth0");
    const VsPacket *packet = watch_find(&watch, eth0);
    const VsRoute *route = vs_routes_find(&a->routes, 0x08080808);

    CU_ASSERT_EQUAL(packet->layers[0].smac, UINT64_C(0xeeeeeeeeeeee));
    CU_ASSERT_EQUAL(packet->layers[0].dmac, eth0->mac);
    CU_ASSERT_EQUAL(route->via, 0xa9fe0101); /* 169.254.1.1 */
    CU_ASSERT_EQUAL(route->length, 0);
    CU_ASSERT_EQUAL(vs_routes_find(&a->routes, 0xa9fe0101)->length, 32);
    route = vs_routes_find(&root_of(model, "n-1")->routes, 0x0af40045);
    CU_ASSERT_EQUAL(route->length, 26);
    CU_ASSERT_EQUAL(route->via, vs_host_address(model_host(model, "n-2")));
    end_walk(&watch, model);
}

static void
test_calico_ipip_crosses_routers(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/root prerouting caliacd53aa4120> 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/root forward caliacd53aa4120>tunl0 10.244.0.1 > 10.244.0.65 ttl 63",
        "n-1/root postrouting caliacd53aa4120>tunl0 10.244.0.1 > 10.244.0.65 ttl 63",
        "n-1/root output >eth0 192.168.1.1 > 192.168.2.1 ttl 63 protocol 4",
        "n-1/root postrouting >eth0 192.168.1.1 > 192.168.2.1 ttl 63 protocol 4",
        "r/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 63 protocol 4",
        "r/root forward eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 62 protocol 4",
        "r/root postrouting eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 62 protocol 4",
        "n-2/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 62 protocol 4",
        "n-2/root input eth0> 192.168.1.1 > 192.168.2.1 ttl 62 protocol 4",
        "n-2/root prerouting tunl0> 10.244.0.1 > 10.244.0.65 ttl 63",
        "n-2/root forward tunl0>califf6fc35a693 10.244.0.1 > 10.244.0.65 ttl 62",
        "n-2/root postrouting tunl0>califf6fc35a693 10.244.0.1 > 10.244.0.65 ttl 62",
        "n-2/b prerouting eth0> 10.244.0.1 > 10.244.0.65 ttl 62",
        "n-2/b input eth0> 10.244.0.1 > 10.244.0.65 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "calico-ipip", TWO_SEGMENTS, expected);
    const VsPacket *packet =
        watch_find(&watch, find_iface(root_of(model, "n-2"), "eth0"));

    CU_ASSERT_EQUAL(packet->layers[1].ip_bytes, 128 + 20);
    CU_ASSERT_EQUAL(packet->layers[1].ip_fragment, VS_IP_DF); /* As inside. */
    CU_ASSERT_EQUAL(packet->wire_bytes, wire_bytes(148));
    CU_ASSERT_EQUAL(find_iface(root_of(model, "n-1"), "tunl0")->mtu, 1480);
    CU_ASSERT_EQUAL(find_iface(root_of(model, "n-1"), "tunl0")->address, 0x0af40000);
    CU_ASSERT_EQUAL(find_iface(model_pod(model, "a")->netns, "eth0")->mtu, 1480);
    end_walk(&watch, model);
}

static void
test_calico_vxlan_crosses_routers(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/a postrouting >eth0 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/root prerouting caliacd53aa4120> 10.244.0.1 > 10.244.0.65 ttl 64",
        "n-1/root forward caliacd53aa4120>vxlan.calico 10.244.0.1 > 10.244.0.65 ttl 63",
        "n-1/root postrouting caliacd53aa4120>vxlan.calico 10.244.0.1 > 10.244.0.65 "
        "ttl 63",
        "n-1/root output >eth0 192.168.1.1 > 192.168.2.1 ttl 64 port 4789 vni 4096",
        "n-1/root postrouting >eth0 192.168.1.1 > 192.168.2.1 ttl 64 port 4789 vni "
        "4096",
        "r/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 64 port 4789 vni 4096",
        "r/root forward eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 63 port 4789 vni 4096",
        "r/root postrouting eth0>eth1 192.168.1.1 > 192.168.2.1 ttl 63 port 4789 "
        "vni 4096",
        "n-2/root prerouting eth0> 192.168.1.1 > 192.168.2.1 ttl 63 port 4789 vni 4096",
        "n-2/root input eth0> 192.168.1.1 > 192.168.2.1 ttl 63 port 4789 vni 4096",
        "n-2/root prerouting vxlan.calico> 10.244.0.1 > 10.244.0.65 ttl 63",
        "n-2/root forward vxlan.calico>califf6fc35a693 10.244.0.1 > 10.244.0.65 ttl 62",
        "n-2/root postrouting vxlan.calico>califf6fc35a693 10.244.0.1 > 10.244.0.65 "
        "ttl 62",
        "n-2/b prerouting eth0> 10.244.0.1 > 10.244.0.65 ttl 62",
        "n-2/b input eth0> 10.244.0.1 > 10.244.0.65 ttl 62",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "calico-vxlan", TWO_SEGMENTS, expected);

    check_vxlan_frame(&watch, model, "vxlan.calico");
    end_walk(&watch, model);
}

/* The VPC's addresses: .1 of each link is the node, .2 the router, pods come after. */
static void
test_vpc_pods_have_addresses_of_their_nodes_subnet(void)
{
    static const char *const expected[] = {
        "n-1/a output >eth0 192.168.1.3 > 192.168.2.3 ttl 64",
        "n-1/a postrouting >eth0 192.168.1.3 > 192.168.2.3 ttl 64",
        "n-1/root prerouting eniacd53aa4120> 192.168.1.3 > 192.168.2.3 ttl 64",
        "n-1/root forward eniacd53aa4120>eth0 192.168.1.3 > 192.168.2.3 ttl 63",
        "n-1/root postrouting eniacd53aa4120>eth0 192.168.1.3 > 192.168.2.3 ttl 63",
        "r/root prerouting eth0> 192.168.1.3 > 192.168.2.3 ttl 63",
        "r/root forward eth0>eth1 192.168.1.3 > 192.168.2.3 ttl 62",
        "r/root postrouting eth0>eth1 192.168.1.3 > 192.168.2.3 ttl 62",
        "n-2/root prerouting eth0> 192.168.1.3 > 192.168.2.3 ttl 62",
        "n-2/root forward eth0>eniff6fc35a693 192.168.1.3 > 192.168.2.3 ttl 61",
        "n-2/root postrouting eth0>eniff6fc35a693 192.168.1.3 > 192.168.2.3 ttl 61",
        "n-2/b prerouting eth0> 192.168.1.3 > 192.168.2.3 ttl 61",
        "n-2/b input eth0> 192.168.1.3 > 192.168.2.3 ttl 61",
        NULL,
    };
    Watch watch;
    Model *model = walk(&watch, "aws-vpc", TWO_SEGMENTS, expected);
    const VsIface *eth0 = find_iface(root_of(model, "n-2"), "eth0");

    CU_ASSERT_EQUAL(watch_find(&watch, eth0)->n_layers, 1);
    CU_ASSERT_EQUAL(watch_find(&watch, eth0)->layers[0].dmac, eth0->mac);
    /* Both subnets: what kube-proxy takes for pods. */
    CU_ASSERT_EQUAL(model->build->cluster->pod_cidr.address, 0xc0a80000);
    CU_ASSERT_EQUAL(model->build->cluster->pod_cidr.length, 22);
    end_walk(&watch, model);
}

/* ---- Services -------------------------------------------------------------------- */

/* A client asks a node, the only endpoint being on node 2; and a controller in a pod of
 * node 1 asks the cluster IP. */
static void
check_service_at(const char *cni, const char *nodes, const char *node, const char *id)
{
    g_autofree char *port = g_strdup_printf("%s:30080", node);
    g_autofree char *ingress = g_strdup_printf("%s:30090", node);
    Model *model = model_new(
        "<cluster cni='%s'/>%s%s%s"
        "<client id='c' costs='free' arrivals='constant(10/s)' stop='1s' "
        "to='http://%s/'/>"
        "<client id='d' costs='free' arrivals='constant(10/s)' stop='1s' "
        "to='http://%s/'/>"
        "<link from='c' to='r'/><link from='d' to='r'/>"
        "<pod id='i' nodes='n-1' labels='app=i'><ingress id='nginx' upstream='service'>"
        "<rule><path service='s'/></rule></ingress></pod>"
        "<service id='ingress' type='NodePort' node-port='30090' select='app=i'/>"
        "<service id='s' type='NodePort' port='80' target-port='8080' "
        "node-port='30080' "
        "select='app=web'/>",
        cni, nodes, PODS, model_free_costs, port, ingress);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);
    VsAddr ingress_pod = model_pod(model, "i")->address;
    VsNetns *asked = root_of(model, id);
    unsigned n_from_pod = 0;

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "d", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "web", "requests"), 20);
    /* A pod's own connection keeps its address; the client's is hidden by the
     * node's that it asked. */
    for (unsigned i = 0; i < tap->entries->len; i++) {
        VsAddr saddr = tap_get(tap, i)->flow.saddr;

        n_from_pod += saddr == ingress_pod;
        CU_ASSERT(saddr == ingress_pod || vs_netns_is_local(asked, saddr));
    }
    CU_ASSERT(n_from_pod > 10 && n_from_pod < tap->entries->len);
    model_free(model);
    tap_free(tap);
}

static void
check_service(const char *cni, const char *nodes)
{
    bool is_one = strcmp(nodes, ONE_SEGMENT) == 0;

    check_service_at(cni, nodes, is_one ? "192.168.0.1" : "192.168.1.1", "n-1");
    check_service_at(cni, nodes, is_one ? "192.168.0.2" : "192.168.2.1", "n-2");
}

static void
test_services_work_with_every_plugin(void)
{
    check_service("bridge", ONE_SEGMENT);
    check_service("flannel-host-gw", ONE_SEGMENT);
    check_service("flannel-vxlan", ONE_SEGMENT);
    check_service("flannel-vxlan", TWO_SEGMENTS);
    check_service("calico", ONE_SEGMENT);
    check_service("calico-ipip", ONE_SEGMENT);
    check_service("calico-ipip", TWO_SEGMENTS);
    check_service("calico-vxlan", TWO_SEGMENTS);
    check_service("aws-vpc", ONE_SEGMENT);
    check_service("aws-vpc", TWO_SEGMENTS);
}

/* A masqueraded connection comes from the address of the device it leaves by. */
static void
test_masquerade_takes_the_tunnels_address(void)
{
    Model *model = model_new(
        "<cluster cni='flannel-vxlan'/>" TWO_SEGMENTS CLIENT("192.168.1.1:30080") PODS
        "%s<service id='s' type='NodePort' node-port='30080' "
        "target-port='8080' select='app=web'/>",
        model_free_costs);
    Tap *tap = tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT(tap->entries->len > 0);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(tap, i)->flow.saddr, 0x0af40000); /* 10.244.0.0 */
    }
    model_free(model);
    tap_free(tap);
}

static const VsTestCase tests[] = {
    {"bridge, flannel-host-gw: a route by node range",
     test_bridge_and_host_gw_route_by_node_range},
    {"flannel-vxlan: in a tunnel through a router", test_flannel_vxlan_crosses_routers},
    {"calico: a route by block, no bridge", test_calico_routes_blocks},
    {"calico-ipip: in a tunnel through a router", test_calico_ipip_crosses_routers},
    {"calico-vxlan: in a tunnel through a router", test_calico_vxlan_crosses_routers},
    {"aws-vpc: pods have addresses of their node's subnet",
     test_vpc_pods_have_addresses_of_their_nodes_subnet},
    {"services work with every plug-in", test_services_work_with_every_plugin},
    {"what leaves by a tunnel is masqueraded with its address",
     test_masquerade_takes_the_tunnels_address},
    {0},
};

VS_TESTS("cni")
