/* Packet-hops a second: chains of store-and-forward wires under load.
 *
 * usage: bench_chain CHAINS [MILLION_HOPS]
 *
 * A chain is a Poisson source, eight wires of 10 Gbit/s and 1 us with a hop between any two
 * that forwards at once, and a sink.  Packets are of 1500 bytes and load each wire by 90 %.
 * Prints million packet-hops per second of processor time, after a warm-up. */
#include <glib.h>
#include <stdlib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/run.h"
#include "net/wire.h"
#include "packet/packet.h"
#include "tests/bench/bench.h"

enum {
    N_WIRES = 8,
    IP_BYTES = 1500,
    WARM_UP_PACKETS = 40, /* A chain's; some 20 are under way at a time. */
};

typedef struct Forwarder {
    VsHop hop;
    VsWire *next;
} Forwarder;

typedef struct Chain {
    VsPart part;
    VsEntity entity;
    VsTimer send;
    VsRng *rng; /* Shared by all chains. */
    double mean_gap;
    VsWire wires[N_WIRES];
    Forwarder forwarders[N_WIRES - 1];
    VsHop sink;
} Chain;

static void
forward(VsHop *hop, VsPacket *packet)
{
    vs_wire_send(VS_CONTAINER_OF(hop, Forwarder, hop)->next, packet);
}

static void
sink(VsHop *hop, VsPacket *packet)
{
    (void)hop;
    vs_packet_deliver(packet);
}

static void
send_packet(VsTimer *timer)
{
    Chain *chain = VS_CONTAINER_OF(timer, Chain, send);
    VsPacket *packet = vs_packet_new(chain->part.run);

    vs_packet_top(packet)->ip_bytes = IP_BYTES;
    vs_packet_measure(packet);
    vs_wire_send(&chain->wires[0], packet);
    vs_timer_arm(timer, timer->due + (VsTime)(vs_draw_exponential(chain->rng) *
                                              chain->mean_gap));
}

static void
chain_init(Chain *chain, VsRun *run, VsRng *rng)
{
    static const VsWireConfig config = {
        .bits_per_s = 10000000000,
        .delay = VS_US,
        .backlog_max = VS_S,
    };

    vs_part_init(&chain->part, run);
    chain->rng = rng;
    chain->mean_gap =
        (IP_BYTES + VS_ETHER_HEADER_BYTES + VS_ETHER_OVERHEAD_BYTES) * 800 / 0.9;
    chain->sink.receive = sink;
    for (unsigned i = 0; i < N_WIRES; i++) {
        VsHop *far_end = i < N_WIRES - 1 ? &chain->forwarders[i].hop : &chain->sink;

        vs_wire_init(&chain->wires[i], "w", &config, &chain->part, far_end);
    }
    for (unsigned i = 0; i < N_WIRES - 1; i++) {
        chain->forwarders[i] = (Forwarder){{forward}, &chain->wires[i + 1]};
    }
    vs_entity_init(&chain->entity, &chain->part);
    vs_timer_init(&chain->send, &chain->entity, send_packet);
    vs_timer_arm(&chain->send, (VsTime)(vs_rng_double(rng) * chain->mean_gap));
}

static void
chain_clear(Chain *chain)
{
    vs_timer_cancel(&chain->send);
    for (unsigned i = 0; i < N_WIRES; i++) {
        vs_wire_clear(&chain->wires[i]);
    }
}

static uint64_t
count_hops(const Chain *chains, size_t n_chains)
{
    uint64_t n_hops = 0;

    for (size_t i = 0; i < n_chains; i++) {
        for (unsigned k = 0; k < N_WIRES; k++) {
            n_hops += chains[i].wires[k].stat.n_left;
        }
    }
    return n_hops;
}

int
main(int argc, char **argv)
{
    size_t n_chains = (size_t)bench_number(argc, argv, 1, "CHAINS", 1);
    double n_hops = bench_number(argc, argv, 2, "MILLION_HOPS", 20) * 1e6;
    uint64_t events_a_packet = N_WIRES + 1;
    Chain *chains = g_new0(Chain, n_chains);
    VsRun run;
    VsRng rng;
    uint64_t before;
    double seconds;

    vs_run_init(&run, 1);
    vs_run_make_packets(&run);
    vs_rng_init(&rng, 1, "bench", "gaps");
    for (size_t i = 0; i < n_chains; i++) {
        chain_init(&chains[i], &run, &rng);
    }

    vs_run_advance(&run, VS_TIME_NEVER, n_chains * WARM_UP_PACKETS * events_a_packet);
    before = count_hops(chains, n_chains);
    seconds = -bench_seconds();
    vs_run_advance(&run, VS_TIME_NEVER,
                   (uint64_t)(n_hops * (double)events_a_packet / N_WIRES));
    seconds += bench_seconds();
    g_print("%.4f\n", (double)(count_hops(chains, n_chains) - before) / seconds / 1e6);

    for (size_t i = 0; i < n_chains; i++) {
        chain_clear(&chains[i]);
    }
    vs_run_free_packets(&run);
    vs_run_clear(&run);
    g_free(chains);
    return EXIT_SUCCESS;
}
