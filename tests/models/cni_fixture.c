#include "models/cni_fixture.h"

#include "base/units.h"
#include "net/tunnel.h"

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

const VsPacket *
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

VsIface *
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

void
send_from(VsNetns *netns, VsFlow flow, uint32_t ip_bytes)
{
    uint32_t bytes = ip_bytes - VS_IPV4_HEADER_BYTES;
    VsPacket *packet = vs_ip_packet_new(netns, &flow, bytes);

    packet->payload_bytes = bytes - VS_UDP_HEADER_BYTES;
    vs_ip_send(netns, packet);
}

VsFlow
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

Model *
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

void
end_walk(Watch *watch, Model *model)
{
    model_free(model);
    watch_clear(watch);
}

VsNetns *
root_of(const Model *model, const char *id)
{
    return model_host(model, id)->root;
}

uint32_t
wire_bytes(uint32_t ip_bytes)
{
    return ip_bytes + VS_ETHER_HEADER_BYTES + VS_ETHER_OVERHEAD_BYTES;
}

VsVerdict
see_error(void *data, VsPacket *packet, const VsHookState *state)
{
    const VsLayer *top = vs_packet_top(packet);

    (void)state;
    if (top->flow.protocol == VS_PROTOCOL_ICMP) {
        *(VsLayer *)data = *top;
    }
    return VS_VERDICT_ACCEPT;
}
