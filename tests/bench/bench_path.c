/* A node's whole datapath: packets through it a second of processor time.
 *
 * usage: bench_path [SERVICES [MILLION_PACKETS [PROXY]]]
 *
 * Packets of established connections arrive at a node's network card for a node port; each
 * walks PREROUTING, routing, FORWARD, POSTROUTING, the bridge, a veth pair and the pod's
 * namespace to its socket: one traversal.  The cluster has so many services besides; "plain"
 * as a last argument remembers no outcome, so that every packet walks the rules.  Prints
 * million traversals a second, and the events each takes. */
#include <glib.h>

#include "model/registry.h"
#include "net/host.h"
#include "net/ip.h"
#include "net/netns.h"
#include "scenario/scenario.h"
#include "scenario/simulation.h"
#include "tests/bench/bench.h"

enum {
    N_CONNECTIONS = 1000,
    BATCH = 64, /* Packets that arrive together. */
    WARM_UP_ROUNDS = 3,
    NODE_PORT = 30080,
};

typedef struct Counter {
    VsHop hop;
    uint64_t n_packets;
    VsFlow last;
} Counter;

typedef struct Path {
    VsSimulation *simulation;
    VsRun *run;
    VsNode *node;
    VsPod *pod;
    VsIface *card;
    VsAddr node_address;
    VsAddr client_address; /* The router's: answers have a way back. */
    Counter counter;       /* In the place of the pod's sockets. */
    Counter client; /* And of the router's, which would reset what it does not know. */
} Path;

static void
count_packet(VsHop *hop, VsPacket *packet)
{
    Counter *counter = VS_CONTAINER_OF(hop, Counter, hop);

    counter->n_packets++;
    counter->last = vs_packet_top(packet)->flow;
    vs_packet_deliver(packet);
}

static char *
make_scenario(unsigned n_services, const char *proxy)
{
    return g_strdup_printf(
        "<scenario version='1' xmlns='urn:vethsim:scenario:1' seed='1' until='100s'>"
        "<router id='r'/><cluster proxy='%s'/>"
        "<node id='n' cores='1'/>"
        "<link from='r' to='n' rate='100Gbit/s' delay='1us' queue='1s'/>"
        "<service id='web' type='NodePort' port='80' node-port='%d' select='app=web'/>"
        "<pod id='p' nodes='n' labels='app=web'><container id='c' port='80' "
        "service-time='1ms'/></pod>"
        "<service id='other' count='%u' port='80' select='app=web'/>"
        "</scenario>",
        proxy, NODE_PORT, n_services);
}

static void
path_init(Path *path, const VsScenario *scenario, bool is_plain)
{
    VsSimulationOptions options = {.is_plain = is_plain};
    g_autoptr(GError) error = NULL;
    VsHost *router;

    path->simulation = vs_simulation_new(scenario, &options, &error);
    if (!path->simulation) {
        g_error("%s", error->message);
    }
    path->run = vs_simulation_run(path->simulation);
    path->node =
        vs_cluster_find_node(vs_simulation_build(path->simulation)->cluster, "n");
    path->pod =
        vs_cluster_find_pod(vs_simulation_build(path->simulation)->cluster, "p");
    for (VsIface *iface = path->node->host->root->ifaces; iface; iface = iface->next) {
        if (iface->kind == VS_IFACE_ETHERNET) {
            path->card = iface;
        }
    }
    path->node_address = path->card->address;
    router = g_array_index(vs_simulation_build(path->simulation)->hosts, VsBuiltHost, 0)
                 .host;
    path->client_address = vs_host_address(router);
    path->client = (Counter){.hop = {count_packet}};
    router->root->local = &path->client.hop;
    path->counter = (Counter){.hop = {count_packet}};
    path->pod->netns->local = &path->counter.hop;
}

static void
put_segment(Path *path, unsigned connection, uint8_t flags)
{
    VsPacket *packet = vs_packet_new(path->run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_IPV4;
    top->dmac = path->card->mac;
    top->smac = 1;
    top->flow = (VsFlow){.saddr = path->client_address,
                         .sport = (uint16_t)(1024 + connection),
                         .daddr = path->node_address,
                         .dport = NODE_PORT,
                         .protocol = VS_PROTOCOL_TCP,
                         .family = VS_FAMILY_IPV4};
    top->ttl = 64;
    top->ip_fragment = VS_IP_DF;
    top->ip_bytes = VS_IPV4_HEADER_BYTES + VS_TCP_HEADER_BYTES;
    top->tcp.flags = flags;
    vs_packet_measure(packet);
    path->card->card.receive(&path->card->card, packet);
}

/* Time for a batch on one core: some microseconds a packet. */
static void
settle(Path *path)
{
    vs_run_advance(path->run, vs_now(path->run) + VS_MS, UINT64_MAX);
}

/* A SYN in, its SYN/ACK out: conntrack has seen both directions.  All within the time that
 * it remembers half a handshake, 60 s. */
static void
open_connections(Path *path)
{
    g_assert((uint64_t)N_CONNECTIONS * 2 * VS_MS < 60 * VS_S);
    for (unsigned i = 0; i < N_CONNECTIONS; i++) {
        VsFlow reply;
        VsPacket *answer;

        put_segment(path, i, VS_TCP_SYN);
        settle(path);
        reply = vs_flow_reverse(&path->counter.last);
        answer = vs_ip_packet_new(path->pod->netns, &reply, VS_TCP_HEADER_BYTES);
        vs_packet_top(answer)->tcp.flags = VS_TCP_SYN | VS_TCP_ACK;
        vs_ip_send(path->pod->netns, answer);
        settle(path);
    }
    g_assert(path->counter.n_packets == N_CONNECTIONS);
}

static void
traverse(Path *path, uint64_t n_packets)
{
    for (uint64_t i = 0; i < n_packets; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            put_segment(path, (unsigned)((i + k) % N_CONNECTIONS), VS_TCP_ACK);
        }
        settle(path);
    }
}

int
main(int argc, char **argv)
{
    unsigned n_services = (unsigned)bench_number(argc, argv, 1, "SERVICES", 10);
    uint64_t n_packets =
        (uint64_t)(bench_number(argc, argv, 2, "MILLION_PACKETS", 3) * 1e6);
    const char *proxy = argc > 3 ? argv[3] : "iptables";
    bool is_plain = argc > 4 && g_str_equal(argv[4], "plain");
    g_autofree char *text = make_scenario(n_services, proxy);
    g_autoptr(GError) error = NULL;
    VsScenario *scenario = vs_scenario_parse(text, strlen(text), "bench.xml",
                                             vs_registry_builtin(), NULL, &error);
    Path path;
    uint64_t n_before;
    uint64_t n_events;
    double seconds;

    if (!scenario) {
        g_error("%s", error->message);
    }
    path_init(&path, scenario, is_plain);
    open_connections(&path);
    traverse(&path, (uint64_t)WARM_UP_ROUNDS * N_CONNECTIONS);
    n_before = path.counter.n_packets;
    n_events = path.run->n_events;
    seconds = -bench_seconds();
    traverse(&path, n_packets);
    seconds += bench_seconds();
    g_assert(path.counter.n_packets - n_before >= n_packets); /* None was dropped. */
    n_packets = path.counter.n_packets - n_before;
    g_print("%.3f (%.1f events each)\n", (double)n_packets / seconds / 1e6,
            (double)(path.run->n_events - n_events) / (double)n_packets);
    vs_simulation_free(path.simulation);
    vs_scenario_free(scenario);
    return 0;
}
