/* nftables mode: the table of kube-proxy's own example of everything, in its order. */
#include "models/kubeproxy/sync.h"
#include "tests/models/proxy_fixture.h"

#define CHAIN(proxy, name, expected)                                               \
    proxy_check_text(                                                              \
        name,                                                                      \
        proxy_print_chain(proxy_chain(proxy, VS_DIALECT_NFT, "kube-proxy", name)), \
        expected)
#define SET(proxy, name, expected) \
    proxy_check_text(name, proxy_print_set(set_of(proxy, name)), expected)

#define SVC4 "LAUZTJTB-ns4/svc4/tcp/p80"
#define SVC5 "HVFWP5L3-ns5/svc5/tcp/p80"

static const VsSet *
set_of(const Proxy *proxy, const char *name)
{
    const VsRuleTable *table =
        vs_ruleset_find_table(proxy->ruleset, VS_DIALECT_NFT, "kube-proxy");

    return vs_ruleset_find_set(proxy->ruleset, table, name);
}

static void
test_base_chains_hang_where_they_should(void)
{
    static const struct {
        const char *name;
        VsChainType type;
        VsHookPoint point;
        int32_t priority;
        const char *rules;
    } rows[] = {
        {"filter-prerouting-pre-dnat", VS_CHAIN_FILTER, VS_HOOK_PREROUTING, -110,
         "state 0x8 jump firewall-check\n"},
        {"filter-output-pre-dnat", VS_CHAIN_FILTER, VS_HOOK_OUTPUT, -110,
         "state 0x8 jump firewall-check\n"},
        {"filter-input", VS_CHAIN_FILTER, VS_HOOK_INPUT, 0,
         "state 0x8 jump nodeport-endpoints-check\n"
         "state 0x8 jump service-endpoints-check\n"},
        {"filter-forward", VS_CHAIN_FILTER, VS_HOOK_FORWARD, 0,
         "state 0x8 jump service-endpoints-check\n"
         "state 0x8 jump cluster-ips-check\n"},
        {"filter-output", VS_CHAIN_FILTER, VS_HOOK_OUTPUT, 0,
         "state 0x8 jump service-endpoints-check\n"
         "state 0x8 jump cluster-ips-check\n"},
        {"nat-prerouting", VS_CHAIN_NAT, VS_HOOK_PREROUTING, -100, "jump services\n"},
        {"nat-output", VS_CHAIN_NAT, VS_HOOK_OUTPUT, -100, "jump services\n"},
        {"nat-postrouting", VS_CHAIN_NAT, VS_HOOK_POSTROUTING, 100,
         "jump masquerading\n"},
    };
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const VsChain *chain =
            proxy_chain(proxy, VS_DIALECT_NFT, "kube-proxy", rows[i].name);

        CU_ASSERT_EQUAL(chain->type, rows[i].type);
        CU_ASSERT_EQUAL(chain->point, rows[i].point);
        CU_ASSERT_EQUAL(chain->priority, rows[i].priority);
        CHAIN(proxy, rows[i].name, rows[i].rules);
    }
    proxy_free(proxy);
}

static void
test_top_level_chains(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    CHAIN(proxy, "mark-for-masquerade", "mark and not 0x4000 xor 0x4000\n");
    CHAIN(proxy, "masquerading",
          "mark 0/0x4000 return\n"
          "mark and not 0 xor 0x4000\n"
          "masquerade random-fully\n");
    CHAIN(proxy, "services",
          "daddr . protocol . dport vmap @service-ips\n"
          "daddr in @nodeport-ips protocol . dport vmap @service-nodeports\n");
    CHAIN(proxy, "service-endpoints-check",
          "daddr . protocol . dport vmap @no-endpoint-services\n");
    CHAIN(proxy, "nodeport-endpoints-check",
          "daddr in @nodeport-ips protocol . dport vmap @no-endpoint-nodeports\n");
    CHAIN(proxy, "firewall-check", "daddr . protocol . dport vmap @firewall-ips\n");
    CHAIN(proxy, "reject-chain", "reject\n");
    CHAIN(
        proxy, "cluster-ips-check",
        "daddr in @cluster-ips reject # Reject traffic to invalid ports of ClusterIPs "
        "#\n"
        "daddr 172.30.0.0/16 drop # Drop traffic to unallocated ClusterIPs #\n");
    proxy_free(proxy);
}

static void
test_maps_send_services_to_their_chains(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    SET(proxy, "nodeport-ips", "192.168.0.2\n");
    SET(proxy, "cluster-ips",
        "172.30.0.41\n172.30.0.42\n172.30.0.43\n172.30.0.44\n172.30.0.45\n"
        "172.30.0.46\n");
    SET(proxy, "service-ips",
        "172.30.0.41 . 6 . 80 : goto service-ULMVA6XW-ns1/svc1/tcp/p80\n"
        "172.30.0.42 . 6 . 80 : goto service-42NFTM6N-ns2/svc2/tcp/p80\n"
        "192.168.99.22 . 6 . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80\n"
        "1.2.3.4 . 6 . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80\n"
        "172.30.0.43 . 6 . 80 : goto service-4AT6LBPK-ns3/svc3/tcp/p80\n"
        "172.30.0.44 . 6 . 80 : goto service-" SVC4 "\n"
        "192.168.99.33 . 6 . 80 : goto external-" SVC4 "\n"
        "172.30.0.45 . 6 . 80 : goto service-" SVC5 "\n"
        "5.6.7.8 . 6 . 80 : goto external-" SVC5 "\n");
    SET(proxy, "service-nodeports",
        "6 . 3001 : goto external-42NFTM6N-ns2/svc2/tcp/p80\n"
        "6 . 3003 : goto external-4AT6LBPK-ns3/svc3/tcp/p80\n"
        "6 . 3002 : goto external-" SVC5 "\n");
    SET(proxy, "no-endpoint-services",
        "192.168.99.22 . 6 . 80 : drop # ns2/svc2:p80\n"
        "1.2.3.4 . 6 . 80 : drop # ns2/svc2:p80\n"
        "172.30.0.46 . 6 . 80 : goto reject-chain # ns6/svc6:p80\n");
    SET(proxy, "no-endpoint-nodeports", "6 . 3001 : drop # ns2/svc2:p80\n");
    SET(proxy, "firewall-ips", "5.6.7.8 . 6 . 80 : goto firewall-" SVC5 "\n");
    proxy_free(proxy);
}

static void
test_chains_of_services(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    CHAIN(
        proxy, "service-" SVC4,
        "daddr 172.30.0.44/32 saddr not 10.0.0.0/8 jump mark-for-masquerade\n"
        "random vmap { 0 : goto endpoint-UNZV3OEC-ns4/svc4/tcp/p80__10.180.0.4/80, 1 : "
        "goto endpoint-5RFCDDV7-ns4/svc4/tcp/p80__10.180.0.5/80 }\n");
    CHAIN(proxy, "external-" SVC4,
          "jump mark-for-masquerade\n"
          "goto service-" SVC4 "\n");
    CHAIN(proxy, "external-42NFTM6N-ns2/svc2/tcp/p80",
          "saddr 10.0.0.0/8 goto service-42NFTM6N-ns2/svc2/tcp/p80 # short-circuit pod "
          "traffic #\n"
          "source type 4 jump mark-for-masquerade # masquerade local traffic #\n"
          "source type 4 goto service-42NFTM6N-ns2/svc2/tcp/p80 # short-circuit local "
          "traffic #\n");
    CHAIN(proxy, "service-" SVC5,
          "daddr 172.30.0.45/32 saddr not 10.0.0.0/8 jump mark-for-masquerade\n"
          "saddr in @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 goto "
          "endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80\n"
          "random vmap { 0 : goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 "
          "}\n");
    CHAIN(proxy, "endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80",
          "saddr 10.180.0.3/32 jump mark-for-masquerade\n"
          "saddr update @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80\n"
          "protocol 6 dnat 10.180.0.3:80\n");
    CHAIN(proxy, "firewall-" SVC5, "saddr not 203.0.113.0/25 drop\n");
    proxy_free(proxy);
}

static void
test_affinity_sets_forget_in_time(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);
    const VsSet *set =
        set_of(proxy, "affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80");

    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT(set->is_dynamic);
    CU_ASSERT(set->has_timeout);
    CU_ASSERT_EQUAL(set->timeout, 10800 * VS_S);
    CU_ASSERT_EQUAL(set->size, 65535); /* As nft list ruleset tells. */
    proxy_free(proxy);
}

/* The kubelet does not ask for kube-proxy's mode. */
static void
test_kubelets_rules_are_there_too(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    proxy_check_text(
        "INPUT",
        proxy_print_chain(proxy_chain(proxy, VS_DIALECT_IPTABLES, "filter", "INPUT")),
        "jump KUBE-FIREWALL\n");
    CU_ASSERT_PTR_NULL(
        proxy_chain(proxy, VS_DIALECT_IPTABLES, "mangle", "KUBE-PROXY-CANARY"));
    proxy_free(proxy);
}

/* "all": every local address but 127.0.0.0/8. */
static void
test_node_ports_on_all_addresses(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);

    proxy->cluster->node_port_addresses = VS_NODE_PORTS_ALL;
    proxy_rules(proxy, VS_PROXY_NFTABLES);
    CHAIN(proxy, "services",
          "daddr . protocol . dport vmap @service-ips\n"
          "destination type 4 daddr not 127.0.0.0/8 protocol . dport vmap "
          "@service-nodeports\n");
    CU_ASSERT_PTR_NULL(set_of(proxy, "nodeport-ips"));
    proxy_free(proxy);
}

/* After a change only the chains of the service are written. */
static void
test_partial_syncs_write_one_service(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_NFTABLES);
    VsRuleset *ruleset = vs_ruleset_new();
    const VsService *changed = proxy->cluster->services->pdata[3];
    ProxySync full, partial;

    proxy_nftables_compile(proxy->nodes[0], ruleset, NULL);
    full = proxy_sync_full(ruleset);
    partial = proxy_sync_partial(ruleset, &changed, 1);
    CU_ASSERT_EQUAL(partial.n_written,
                    /* service, external, endpoints: */ 2 + 2 + 2 * 2);
    CU_ASSERT_EQUAL(partial.n_present, full.n_written);
    CU_ASSERT_EQUAL(proxy_sync_time(&full) - proxy_sync_time(&partial),
                    (full.n_written - partial.n_written) * 20 * VS_US);
    vs_ruleset_free(ruleset);
    proxy_free(proxy);
}

static const VsTestCase tests[] = {
    {"base chains hang where they should", test_base_chains_hang_where_they_should},
    {"top-level chains", test_top_level_chains},
    {"maps send services to their chains", test_maps_send_services_to_their_chains},
    {"chains of services", test_chains_of_services},
    {"affinity sets forget in time", test_affinity_sets_forget_in_time},
    {"the kubelet's rules are there, too", test_kubelets_rules_are_there_too},
    {"node ports on all addresses", test_node_ports_on_all_addresses},
    {"partial syncs write one service", test_partial_syncs_write_one_service},
    {0},
};
VS_TESTS("kubeproxy nftables")
