/* Network plug-ins: what a packet from a pod of one node meets on its way to a pod of
 * another, hook by hook and header by header. */
#include "base/units.h"
#include "models/fixture.h"
#include "net/tunnel.h"

enum { BYTES = 100 }; /* Of UDP payload: an IP packet of 128 bytes. */

/* One switch, or a router between the nodes. */
#define ONE_SEGMENT                                                     \
    "<node id='n' count='2' costs='free'/>"                             \
    "<switch id='sw' subnet='192.168.0.0/24'/><link from='n' to='sw'/>" \
    "<router id='r' costs='free'/><link from='r' to='sw'/>"
#define TWO_SEGMENTS                                                     \
    "<node id='n' count='2' costs='free'/><router id='r' costs='free'/>" \
    "<link from='n-1' to='r' subnet='192.168.1.0/24'/>"                  \
    "<link from='n-2' to='r' subnet='192.168.2.0/24'/>"
#define PODS                    \
    "<pod id='a' nodes='n-1'/>" \
    "<pod id='b' nodes='n-2' labels='app=web'><container id='web'/></pod>"
#define CLIENT(to)                                                                   \
    "<client id='c' costs='free' arrivals='constant(10/s)' stop='1s' to='http://" to \
    "/'/><link from='c' to='r' subnet='192.168.9.0/24'/>"

/* ---- Watching -------------------------------------------------------------------- */

typedef struct Watch {
    GPtrArray *lines; /* One for each point that a watched packet passed. */
    GArray *arrivals; /* VsPacket as it was at each PREROUTING. */
    VsFlow inner;     /* Of the watched packet. */
    VsUdp socket;     /* That it is for. */
    unsigned n_received;
} Watch;

static const char *const point_names[] = {"prerouting", "input", "forward", "output",
                                          "postrouting"};

static void
format_layer(GString *line, const VsLayer *layer, const VsLayer *inner)
{
    g_autofree char *saddr = vs_format_ipv4(layer->flow.saddr);
    g_autofree char *daddr = vs_format_ipv4(layer->flow.daddr);

    g_string_append_printf(line, " %s > %s ttl %u", saddr, daddr, layer->ttl);
    if (inner && layer->flow.protocol == VS_PROTOCOL_UDP) {
        CU_ASSERT_EQUAL(layer->flow.sport, vs_tunnel_source_port(inner));
        g_string_append_printf(line, " port %u vni %u", layer->flow.dport, layer->vni);
    } else if (inner) {
        g_string_append_printf(line, " protocol %u", layer->flow.protocol);
    }
}

static VsVerdict
watch_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    Watch *watch = data;
    GString *line;

    if (packet->layers[0].flow.daddr != watch->inner.daddr ||
        packet->layers[0].flow.dport != watch->inner.dport) {
        return VS_VERDICT_ACCEPT;
    }
    line = g_string_new(NULL);
    g_string_append_printf(line, "%s %s %s>%s", state->netns->name,
                           point_names[state->point], state->in ? state->in->name : "",
                           state->out ? state->out->name : "");
    format_layer(line, vs_packet_top(packet),
                 packet->n_layers > 1 ? &packet->layers[packet->n_layers - 2] : NULL);
    g_ptr_array_add(watch->lines, g_string_free(line, FALSE));
    if (state->point == VS_HOOK_PREROUTING) {
        g_array_append_val(watch->arrivals, *packet);
    }
    return VS_VERDICT_ACCEPT;
}

static void
watch_init(Watch *watch, const Model *model, VsFlow inner)
{
    watch->lines = g_ptr_array_new_with_free_func(g_free);
    watch->arrivals = g_array_new(FALSE, FALSE, sizeof(VsPacket));
    watch->inner = inner;
    watch->n_received = 0;
    for (unsigned i = 0; i < model->build->hosts->len; i++) {
        const VsHost *host = g_array_index(model->build->hosts, VsBuiltHost, i).host;

        for (VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            for (unsigned point = 0; point < VS_HOOK_N_POINTS; point++) {
                VsHook hooks[] = {{(VsHookPoint)point, 1000, watch_hook}, {0}};

                vs_netns_add_hooks(netns, hooks, watch);
            }
        }
    }
}

static void
watch_check(const Watch *watch, const char *const *expected)
{
    unsigned i = 0;

    for (; expected[i] && i < watch->lines->len; i++) {
        const char *line = watch->lines->pdata[i];

        CU_ASSERT_STRING_EQUAL(line, expected[i]);
        if (strcmp(line, expected[i]) != 0) {
            fprintf(stderr, "\n  is       %s\n  expected %s\n", line, expected[i]);
        }
    }
    CU_ASSERT_EQUAL(i, watch->lines->len);
    CU_ASSERT_PTR_NULL(expected[i]);
}

/* The packet as it came in by interface 'name' of 'netns'; the first such. */
static const VsPacket *
watch_find(const Watch *watch, const VsIface *iface)
{
    for (unsigned i = 0; i < watch->arrivals->len; i++) {
        const VsPacket *packet = &g_array_index(watch->arrivals, VsPacket, i);

        if (packet->iface == iface) {
            return packet;
        }
    }
    fprintf(stderr, "nothing came in by %s\n", iface->name);
    abort();
}

static void
watch_clear(Watch *watch)
{
    g_ptr_array_free(watch->lines, TRUE);
    g_array_free(watch->arrivals, TRUE);
}

static VsIface *
find_iface(const VsNetns *netns, const char *name)
{
    for (VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        if (strcmp(iface->name, name) == 0) {
            return iface;
        }
    }
    fprintf(stderr, "%s has no %s\n", netns->name, name);
    abort();
}

/* A UDP packet of 'ip_bytes' from one pod to the other, not to be fragmented. */
static void
send_from(VsNetns *netns, VsFlow flow, uint32_t ip_bytes)
{
    uint32_t bytes = ip_bytes - VS_IPV4_HEADER_BYTES;
    VsPacket *packet = vs_ip_packet_new(netns, &flow, bytes);

    packet->payload_bytes = bytes - VS_UDP_HEADER_BYTES;
    vs_ip_send(netns, packet);
}

static VsFlow
flow_to(VsAddr saddr, VsAddr daddr)
{
    return (VsFlow){.saddr = saddr,
                    .daddr = daddr,
                    .sport = 1000,
                    .dport = 2000,
                    .protocol = VS_PROTOCOL_UDP,
                    .family = VS_FAMILY_IPV4};
}

static void
socket_receive(VsUdp *udp, VsPacket *packet)
{
    (void)packet;
    ((Watch *)udp->user)->n_received++;
}

/* Sends one packet from pod a to pod b and compares its way. */
static Model *
walk(Watch *watch, const char *cni, const char *nodes, const char *const *expected)
{
    Model *model =
        model_new("<cluster cni='%s'/>%s%s%s", cni, nodes, PODS, model_free_costs);
    VsPod *a = model_pod(model, "a");
    VsPod *b = model_pod(model, "b");
    static const VsUdpOps ops = {.receive = socket_receive};

    watch_init(watch, model, flow_to(a->address, b->address));
    CU_ASSERT_TRUE(vs_udp_open(&watch->socket, b->netns, 0, 2000, &ops, watch));
    send_from(a->netns, watch->inner, BYTES + 28);
    model_run(model, VS_S);
    CU_ASSERT_EQUAL(watch->n_received, 1);
    watch_check(watch, expected);
    return model;
}

static void
end_walk(Watch *watch, Model *model)
{
    model_free(model);
    watch_clear(watch);
}

static VsNetns *
root_of(const Model *model, const char *id)
{
    return model_host(model, id)->root;
}

/* Frame bytes of an IP packet on a link: Ethernet's header and overhead. */
static uint32_t
wire_bytes(uint32_t ip_bytes)
{
    return ip_bytes + VS_ETHER_HEADER_BYTES + VS_ETHER_OVERHEAD_BYTES;
}

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
    CU_ASSERT_EQUAL(root->conntrack->n_entries, 2);
    CU_ASSERT_EQUAL(root_of(model, "n-2")->conntrack->n_entries, 2);
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

static VsVerdict
see_error(void *data, VsPacket *packet, const VsHookState *state)
{
    const VsLayer *top = vs_packet_top(packet);

    (void)state;
    if (top->flow.protocol == VS_PROTOCOL_ICMP) {
        *(VsLayer *)data = *top;
    }
    return VS_VERDICT_ACCEPT;
}

/* ---- Cilium ---------------------------------------------------------------------- */

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
    {"bridge, flannel-host-gw: a route by node range",
     test_bridge_and_host_gw_route_by_node_range},
    {"flannel-vxlan: in a tunnel through a router", test_flannel_vxlan_crosses_routers},
    {"calico: a route by block, no bridge", test_calico_routes_blocks},
    {"calico-ipip: in a tunnel through a router", test_calico_ipip_crosses_routers},
    {"calico-vxlan: in a tunnel through a router", test_calico_vxlan_crosses_routers},
    {"aws-vpc: pods have addresses of their node's subnet",
     test_vpc_pods_have_addresses_of_their_nodes_subnet},
    {"cilium: programs pass the stack by", test_cilium_passes_the_stack_by},
    {"cilium: a redirected packet pays for no second crossing",
     test_redirect_costs_no_second_crossing},
    {"cilium: the stack answers what programs cannot forward",
     test_stack_answers_what_programs_cannot_forward},
    {"cilium: services are translated where pods connect",
     test_cilium_translates_where_pods_connect},
    {"cilium: a service without endpoints is unreachable",
     test_service_without_endpoints_is_unreachable},
    {"services work with every plug-in", test_services_work_with_every_plugin},
    {"what leaves by a tunnel is masqueraded with its address",
     test_masquerade_takes_the_tunnels_address},
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

VS_TESTS("cni")
