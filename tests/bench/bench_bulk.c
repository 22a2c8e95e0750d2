/* Bulk TCP: segments delivered a second of processor time.
 *
 * usage: bench_bulk [FLOWS [SECONDS]]                 100 flows for 10 simulated seconds
 *        bench_bulk gso [FLOWS [SECONDS]]             the same with trains of segments
 *        bench_bulk loss reno|cubic PPM RTT_MS SECONDS
 *
 * Two hosts and a link of 1 Gbit/s and 1 ms, with room for 1000 packets: the flows fill it.
 * With "loss" one flow, a segment in a million times PPM is lost at random, and the link is
 * no limit: prints segments delivered a second of simulated time instead. */
#include <glib.h>
#include <stdlib.h>

#include "base/rng.h"
#include "engine/run.h"
#include "net/host.h"
#include "net/iface.h"
#include "net/netns.h"
#include "net/wire.h"
#include "packet/train.h"
#include "tests/bench/bench.h"
#include "transport/tcp.h"

enum { PORT = 80, MSS = 1460, QUEUE_PACKETS = 1000 };

#define ADDRESS_A 0x0a000001
#define ADDRESS_B 0x0a000002
#define ENDLESS ((uint64_t)1 << 40) /* Bytes of a message: more than any run sends. */

/* Counts the segments that reach b, and loses some before. */
typedef struct Tap {
    VsHop hop;
    VsHop *next;
    VsRng rng;
    uint64_t ppm;
    uint64_t n_data;
} Tap;

typedef struct Net {
    VsRun run;
    VsHost *a, *b;
    VsIface *eth_a, *eth_b;
    VsWire ab, ba;
    Tap tap;
    VsTcpListener listener;
} Net;

static void
tap_receive(VsHop *hop, VsPacket *packet)
{
    Tap *tap = VS_CONTAINER_OF(hop, Tap, hop);

    if (packet->payload_bytes > 0) {
        if (tap->ppm > 0 && vs_rng_below(&tap->rng, 1000000) < tap->ppm) {
            vs_packet_drop(packet, VS_DROP_QUEUE_FULL);
            return;
        }
        tap->n_data += vs_packet_n_frames(packet);
    }
    tap->next->receive(tap->next, packet);
}

/* ---- Owners of connections, which have nothing to say ---- */

static void
connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    g_error("a connection broke: VsTcpEnd %d", (int)end);
}

static const VsTcpOps ops = {.connected = connected,
                             .message = message,
                             .finished = connected,
                             .broken = broken};

static const VsTcpOps *
accept_connection(VsTcpListener *listener, VsTcp *tcp)
{
    (void)listener;
    (void)tcp;
    return &ops;
}

static const VsTcpListenerOps listener_ops = {accept_connection};

/* ---- The two hosts ---- */

static VsIface *
make_iface(VsHost *host, VsAddr address)
{
    VsIface *iface = vs_iface_new(host->root, VS_IFACE_ETHERNET, "eth0");

    iface->mtu = 1500;
    vs_iface_set_address(iface, address, 24);
    return iface;
}

static void
net_init(Net *net, const VsWireConfig *wire, const VsTcpConfig *tcp, uint64_t ppm)
{
    static const VsCosts no_costs;
    VsHostConfig host = {.n_cores = 1, .backlog_max = UINT32_MAX, .costs = &no_costs};

    vs_run_init(&net->run, 1);
    vs_run_make_packets(&net->run);
    net->a = vs_host_new(&net->run, "a", &host);
    net->b = vs_host_new(&net->run, "b", &host);
    net->eth_a = make_iface(net->a, ADDRESS_A);
    net->eth_b = make_iface(net->b, ADDRESS_B);
    net->tap = (Tap){{tap_receive}, &net->eth_b->card, .ppm = ppm};
    vs_rng_init(&net->tap.rng, 1, "bench", "loss");
    vs_wire_init(&net->ab, "a > b", wire, &net->b->part, &net->tap.hop);
    vs_wire_init(&net->ba, "b > a", wire, &net->a->part, &net->eth_a->card);
    net->eth_a->wire = &net->ab;
    net->eth_b->wire = &net->ba;
    vs_neighbour_add(net->eth_a, ADDRESS_B, net->eth_b->mac);
    vs_neighbour_add(net->eth_b, ADDRESS_A, net->eth_a->mac);
    vs_sockets_set_tcp_config(vs_sockets_of(net->a->root), tcp);
    vs_sockets_set_tcp_config(vs_sockets_of(net->b->root), tcp);
    vs_tcp_listen(&net->listener, net->b->root, VS_ADDR_ANY, PORT, 4096, &listener_ops,
                  NULL);
}

static void
send_endlessly(Net *net)
{
    static const VsPayload payload;
    VsTcp *tcp = vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, NULL, &ops, NULL);

    vs_tcp_send(tcp, &payload, ENDLESS);
}

static double
bench_flows(unsigned n_flows, double seconds, bool has_gso)
{
    VsWireConfig wire = {.bits_per_s = 1000000000,
                         .delay = VS_MS,
                         .backlog_max = VS_TIME_NEVER,
                         .packets_max = QUEUE_PACKETS};
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;
    static Net net;
    double taken;

    tcp.has_gso = has_gso;
    net_init(&net, &wire, &tcp, 0);
    for (unsigned i = 0; i < n_flows; i++) {
        send_endlessly(&net);
    }
    taken = -bench_seconds();
    vs_run_advance(&net.run, (VsTime)(seconds * VS_S), UINT64_MAX);
    taken += bench_seconds();
    return (double)net.tap.n_data / taken / 1e6;
}

static double
measure_loss(VsCongestionKind congestion, uint64_t ppm, VsTime rtt, double seconds)
{
    VsWireConfig wire = {
        .bits_per_s = 10000000000, .delay = rtt / 2, .backlog_max = VS_TIME_NEVER};
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;
    static Net net;

    tcp.congestion = congestion;
    tcp.receive_buffer = 1 << 26;
    net_init(&net, &wire, &tcp, ppm);
    send_endlessly(&net);
    vs_run_advance(&net.run, (VsTime)(seconds * VS_S), UINT64_MAX);
    return (double)net.tap.n_data / seconds;
}

int
main(int argc, char **argv)
{
    bool has_gso = false;
    int first = 1;

    if (argc > 1 && strcmp(argv[1], "loss") == 0) {
        bool is_reno = argc > 2 && strcmp(argv[2], "reno") == 0;

        printf("%.4f\n",
               measure_loss(is_reno ? VS_CONGESTION_RENO : VS_CONGESTION_CUBIC,
                            (uint64_t)bench_number(argc, argv, 3, "PPM", 1000),
                            (VsTime)(bench_number(argc, argv, 4, "RTT_MS", 20) * VS_MS),
                            bench_number(argc, argv, 5, "SECONDS", 100)));
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "gso") == 0) {
        has_gso = true;
        first = 2;
    }
    printf("%.4f\n",
           bench_flows((unsigned)bench_number(argc, argv, first, "FLOWS", 100),
                       bench_number(argc, argv, first + 1, "SECONDS", 10), has_gso));
    return EXIT_SUCCESS;
}
