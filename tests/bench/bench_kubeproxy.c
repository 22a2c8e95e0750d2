/* kube-proxy as a compiler: services a second.
 *
 * usage: bench_kubeproxy iptables|nftables [SERVICES [ENDPOINTS]]
 *
 * Compiles and links the rules of one node for as many services (5000, without an argument)
 * with as many endpoints each (10).  Prints services per second of processor time, and the
 * seconds and rules it is made of. */
#include <glib.h>

#include "models/kubeproxy/targets.h"
#include "tests/bench/bench.h"

static const VsLabels *
label(void)
{
    static VsLabel one[] = {{"app", "web"}};
    static const VsLabels labels = {1, one};

    return &labels;
}

static VsCluster *
cluster_new(unsigned n_services, unsigned n_endpoints, GPtrArray *names)
{
    VsCluster *cluster = vs_cluster_new();
    VsNode *node = vs_cluster_add_node(cluster, "n1", NULL, NULL);

    for (unsigned i = 0; i < n_endpoints; i++) {
        vs_pod_open_port(vs_cluster_add_pod(cluster, "p", node, NULL, label(), NULL),
                         VS_PROTOCOL_TCP, 8080, "web", NULL);
    }
    for (unsigned i = 0; i < n_services; i++) {
        VsService service = {.port = 80, .target_port = 8080, .selector = label()};

        g_ptr_array_add(names, g_strdup_printf("service-%u", i));
        service.name = names->pdata[i];
        vs_cluster_add_service(cluster, &service, NULL);
    }
    vs_cluster_complete(cluster);
    return cluster;
}

static unsigned
count_rules(const VsRuleset *ruleset)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        for (unsigned j = 0; j < table->chains->len; j++) {
            n += ((const VsChain *)table->chains->pdata[j])->rules->len;
        }
    }
    return n;
}

int
main(int argc, char **argv)
{
    bool is_nft = argc > 1 && strcmp(argv[1], "nftables") == 0;
    unsigned n_services = (unsigned)bench_number(argc, argv, 2, "SERVICES", 5000);
    unsigned n_endpoints = (unsigned)bench_number(argc, argv, 3, "ENDPOINTS", 10);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    VsCluster *cluster = cluster_new(n_services, n_endpoints, names);
    VsNode *node = cluster->nodes->pdata[0];
    ProxyTargets targets;
    VsRuleset *ruleset;
    double seconds;

    node->proxy_mode = is_nft ? VS_PROXY_NFTABLES : VS_PROXY_IPTABLES;
    seconds = -bench_seconds();
    ruleset = proxy_ruleset_new(node, &targets);
    seconds += bench_seconds();
    printf("%.6g services/s: %.3f s for %u services of %u endpoints, %u rules\n",
           n_services / seconds, seconds, n_services, n_endpoints,
           count_rules(ruleset));
    proxy_targets_clear(&targets);
    vs_ruleset_free(ruleset);
    vs_cluster_free(cluster);
    g_ptr_array_free(names, TRUE);
    return EXIT_SUCCESS;
}
