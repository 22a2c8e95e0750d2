/* Prints who accepts each connection of a list, and where it was meant to go: the other side of
 * sidecar.sh.
 *
 *     sidecar_connect FILE < CASES
 *
 * A case is a line "POD UID DADDR DPORT": a program of this user in the pod connects.  The
 * answer is "ADDRESS:PORT ORIGINAL:PORT": the accepting socket's own address, and what
 * SO_ORIGINAL_DST tells it, "-" without connection tracking; or "refused". */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "scenario/scenario.h"
#include "scenario/simulation.h"
#include "vethsim-model.h"

typedef struct Case {
    bool is_over;
    bool is_connected;
    VsFlow flow; /* As it was sent. */
} Case;

static void
case_connected(VsTcp *tcp)
{
    Case *asked = vs_tcp_user(tcp);

    asked->is_over = asked->is_connected = true;
    asked->flow = *vs_tcp_flow(tcp);
    vs_tcp_close(tcp);
}

static void
case_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
case_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static void
case_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)end;
    ((Case *)vs_tcp_user(tcp))->is_over = true;
}

static const VsTcpOps case_ops = {.connected = case_connected,
                                  .message = case_message,
                                  .finished = case_finished,
                                  .broken = case_broken};

/* The namespace that has 'address', seen from 'from'. */
static const VsNetns *
find_netns(const VsCluster *cluster, const VsPod *from, VsAddr address)
{
    for (unsigned i = 0; i < cluster->pods->len; i++) {
        const VsPod *pod = cluster->pods->pdata[i];

        if (pod->address == address) {
            return pod->netns;
        }
    }
    return from->netns;
}

/* Gives 'flow' the destination that it has when it has passed 'netns'. */
static void
follow(const VsNetns *netns, VsFlow *flow)
{
    VsCtDir dir;
    const VsConntrackEntry *entry =
        netns->conntrack ? vs_conntrack_find(netns->conntrack, flow, &dir) : NULL;

    if (entry) {
        *flow = vs_flow_reverse(&entry->tuple[VS_CT_REPLY]);
    }
}

static void
print_case(const VsCluster *cluster, const VsPod *from, const Case *asked)
{
    VsFlow flow = asked->flow;
    g_autofree char *address = NULL;
    const VsNetns *netns;
    VsFlow reply;
    VsAddr daddr;
    uint16_t dport;

    if (!asked->is_connected) {
        printf("refused\n");
        return;
    }
    follow(from->netns, &flow);
    netns = find_netns(cluster, from, flow.daddr);
    if (netns != from->netns) {
        follow(netns, &flow);
    }
    reply = vs_flow_reverse(&flow);
    address = vs_format_ipv4(flow.daddr);
    if (netns->conntrack &&
        vs_conntrack_original_destination(netns->conntrack, &reply, &daddr, &dport)) {
        g_autofree char *original = vs_format_ipv4(daddr);

        printf("%s:%u %s:%u\n", address, flow.dport, original, dport);
    } else {
        printf("%s:%u -\n", address, flow.dport);
    }
}

/* Answers the cases on stdin one after another; false for a line that is none. */
static bool
answer_all(VsSimulation *simulation)
{
    const VsCluster *cluster = vs_simulation_build(simulation)->cluster;
    VsTime now = 0;
    char name[32], address[32];
    unsigned uid, dport;
    VsAddr daddr;

    while (scanf("%31s %u %31s %u", name, &uid, address, &dport) == 4) {
        const VsTcpOrigin origin = {.uid = uid};
        const VsPod *pod = vs_cluster_find_pod(cluster, name);
        Case asked = {0};

        if (!pod || !vs_parse_ipv4(address, &daddr, NULL)) {
            return false;
        }
        vs_tcp_connect_from(pod->netns, &origin, daddr, (uint16_t)dport, NULL,
                            &case_ops, &asked);
        now += 10 * VS_MS;
        vs_simulation_advance_to(simulation, now, UINT64_MAX);
        print_case(cluster, pod, &asked);
    }
    return feof(stdin);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VsScenario *scenario =
        argc == 2 ? vs_scenario_load(argv[1], vs_registry_builtin(), NULL, &error)
                  : NULL;
    VsSimulation *simulation =
        scenario ? vs_simulation_new(scenario, NULL, &error) : NULL;
    bool is_answered;

    if (!simulation) {
        fprintf(stderr, "%s\n", error ? error->message : "sidecar_connect FILE");
        return EXIT_FAILURE;
    }
    is_answered = answer_all(simulation);
    vs_simulation_free(simulation);
    vs_scenario_free(scenario);
    return is_answered ? EXIT_SUCCESS : EXIT_FAILURE;
}
