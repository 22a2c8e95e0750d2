/* Bytes of the C heap for each idle host, pod's namespace and TCP connection.
 *
 * usage: bench_memory
 *
 * Makes many of each and divides what mallinfo2() says they took.  Prints a line for each:
 * its name and bytes. */
#include <glib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run.h"
#include "net/host.h"
#include "net/iface.h"
#include "net/netns.h"
#include "packet/packet.h"
#include "transport/tcp.h"

enum {
    N_HOSTS = 10000,
    N_PODS = 10000,
    N_CONNECTIONS = 20000, /* Fewer than there are ephemeral ports. */
    PORT = 80,
};

#define LOCALHOST 0x7f000001

static double
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return (double)(info.uordblks + info.hblkhd);
}

static void
report(const char *name, double before, unsigned n)
{
    g_print("%-40s %6.0f\n", name, (heap_bytes() - before) / n);
}

static VsHost *
make_host(VsRun *run, unsigned number)
{
    static const VsCosts no_costs;
    VsHostConfig config = {.n_cores = 1, .backlog_max = 1000, .costs = &no_costs};
    g_autofree char *name = g_strdup_printf("host-%u", number);

    return vs_host_new(run, name, &config);
}

static void
measure_hosts(VsRun *run)
{
    VsHost **hosts = g_new(VsHost *, N_HOSTS);
    double before = heap_bytes();

    for (unsigned i = 0; i < N_HOSTS; i++) {
        hosts[i] = make_host(run, i);
    }
    report("host with one core", before, N_HOSTS);
    for (unsigned i = 0; i < N_HOSTS; i++) {
        vs_host_free(hosts[i]);
    }
    g_free(hosts);
}

static void
measure_pods(VsRun *run)
{
    VsHost *host = make_host(run, 0);
    double before = heap_bytes();

    for (unsigned i = 0; i < N_PODS; i++) {
        g_autofree char *name = g_strdup_printf("pod-%u", i);
        g_autofree char *veth = g_strdup_printf("veth%u", i);
        VsNetns *netns = vs_netns_new(host, name);
        VsIface *inside;
        VsIface *outside;

        vs_veth_new(netns, "eth0", host->root, veth, &inside, &outside);
        vs_iface_set_address(inside, (VsAddr)(0x0af40000 + i), 24);
    }
    report("pod: namespace and veth pair", before, N_PODS);
    vs_host_free(host);
}

/* ---- Connections ---- */

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
finished(VsTcp *tcp)
{
    (void)tcp;
}

static void
broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    g_error("a connection broke: VsTcpEnd %d", (int)end);
}

static const VsTcpOps ops = {
    .connected = connected, .message = message, .finished = finished, .broken = broken};

static const VsTcpOps *
accept_connection(VsTcpListener *listener, VsTcp *tcp)
{
    (void)listener;
    (void)tcp;
    return &ops;
}

static void
measure_connections(VsRun *run)
{
    static const VsTcpListenerOps listener_ops = {accept_connection};
    VsHost *host = make_host(run, 0);
    VsTcpListener listener;
    VsTcp **connections = g_new(VsTcp *, N_CONNECTIONS);
    double before;

    memset(&listener, 0, sizeof(listener));
    if (!vs_tcp_listen(&listener, host->root, 0, PORT, N_CONNECTIONS, &listener_ops,
                       NULL)) {
        g_error("port %d is taken", PORT);
    }
    before = heap_bytes();
    for (unsigned i = 0; i < N_CONNECTIONS; i++) {
        connections[i] =
            vs_tcp_connect(host->root, 0, LOCALHOST, PORT, NULL, &ops, NULL);
        vs_run_advance(run, vs_now(run) + VS_MS, UINT64_MAX);
        g_assert(vs_tcp_state(connections[i]) == VS_TCP_ESTABLISHED);
    }
    report("TCP connection, both ends", before, N_CONNECTIONS);
    vs_tcp_unlisten(&listener);
    vs_host_free(host);
    g_free(connections);
}

int
main(void)
{
    VsRun run;

    vs_run_init(&run, 1);
    vs_run_make_packets(&run);
    measure_hosts(&run);
    measure_pods(&run);
    measure_connections(&run);
    vs_run_free_packets(&run);
    vs_run_clear(&run);
    return EXIT_SUCCESS;
}
