/* iptables mode: the rules of kube-proxy's own example of everything, in their order. */
#include "models/kubeproxy/sync.h"
#include "tests/models/proxy_fixture.h"

#define NAT(proxy, name, expected)                                                     \
    proxy_check_text(                                                                  \
        name, proxy_print_chain(proxy_chain(proxy, VS_DIALECT_IPTABLES, "nat", name)), \
        expected)
#define FILTER(proxy, name, expected)                                               \
    proxy_check_text(                                                               \
        name,                                                                       \
        proxy_print_chain(proxy_chain(proxy, VS_DIALECT_IPTABLES, "filter", name)), \
        expected)

static void
test_kernel_chains_jump_in_the_real_order(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    NAT(proxy, "PREROUTING", "# kubernetes service portals # jump KUBE-SERVICES\n");
    NAT(proxy, "OUTPUT", "# kubernetes service portals # jump KUBE-SERVICES\n");
    NAT(proxy, "POSTROUTING",
        "# kubernetes postrouting rules # jump KUBE-POSTROUTING\n");
    FILTER(proxy, "INPUT",
           "state 0x8 # kubernetes load balancer firewall # jump KUBE-PROXY-FIREWALL\n"
           "# kubernetes health check service ports # jump KUBE-NODEPORTS\n"
           "state 0x8 # kubernetes externally-visible service portals # jump "
           "KUBE-EXTERNAL-SERVICES\n"
           "jump KUBE-FIREWALL\n");
    FILTER(proxy, "FORWARD",
           "state 0x8 # kubernetes load balancer firewall # jump KUBE-PROXY-FIREWALL\n"
           "# kubernetes forwarding rules # jump KUBE-FORWARD\n"
           "state 0x8 # kubernetes service portals # jump KUBE-SERVICES\n"
           "state 0x8 # kubernetes externally-visible service portals # jump "
           "KUBE-EXTERNAL-SERVICES\n");
    FILTER(proxy, "OUTPUT",
           "state 0x8 # kubernetes load balancer firewall # jump KUBE-PROXY-FIREWALL\n"
           "state 0x8 # kubernetes service portals # jump KUBE-SERVICES\n"
           "jump KUBE-FIREWALL\n");
    proxy_free(proxy);
}

static void
test_marks_are_masqueraded_and_forwarded(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    NAT(proxy, "KUBE-POSTROUTING",
        "mark not 0x4000/0x4000 return\n"
        "mark and not 0 xor 0x4000\n"
        "# kubernetes service traffic requiring SNAT # masquerade random-fully\n");
    NAT(proxy, "KUBE-MARK-MASQ", "mark and not 0x4000 xor 0x4000\n");
    FILTER(proxy, "KUBE-FORWARD",
           "state 0x1 drop\n"
           "# kubernetes forwarding rules # mark 0x4000/0x4000 accept\n"
           "# kubernetes forwarding conntrack rule # state 0x6 accept\n");
    FILTER(proxy, "KUBE-FIREWALL",
           "saddr not 127.0.0.0/8 daddr 127.0.0.0/8 # block incoming localnet "
           "connections # state not 0x46 drop\n");
    proxy_free(proxy);
}

static void
test_services_are_captured_in_turn(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    NAT(proxy, "KUBE-SERVICES",
        "daddr 172.30.0.41/32 protocol 6 # ns1/svc1:p80 cluster IP # tcp dport 80 jump "
        "KUBE-SVC-XPGD46QRK7WJZT7O\n"
        "daddr 172.30.0.42/32 protocol 6 # ns2/svc2:p80 cluster IP # tcp dport 80 jump "
        "KUBE-SVC-GNZBNJ2PO5MGZ6GT\n"
        "daddr 192.168.99.22/32 protocol 6 # ns2/svc2:p80 external IP # tcp dport 80 "
        "jump KUBE-EXT-GNZBNJ2PO5MGZ6GT\n"
        "daddr 1.2.3.4/32 protocol 6 # ns2/svc2:p80 loadbalancer IP # tcp dport 80 "
        "jump "
        "KUBE-EXT-GNZBNJ2PO5MGZ6GT\n"
        "daddr 172.30.0.43/32 protocol 6 # ns3/svc3:p80 cluster IP # tcp dport 80 jump "
        "KUBE-SVC-X27LE4BHSL4DOUIK\n"
        "daddr 172.30.0.44/32 protocol 6 # ns4/svc4:p80 cluster IP # tcp dport 80 jump "
        "KUBE-SVC-4SW47YFZTEDKD3PK\n"
        "daddr 192.168.99.33/32 protocol 6 # ns4/svc4:p80 external IP # tcp dport 80 "
        "jump KUBE-EXT-4SW47YFZTEDKD3PK\n"
        "daddr 172.30.0.45/32 protocol 6 # ns5/svc5:p80 cluster IP # tcp dport 80 jump "
        "KUBE-SVC-NUKIZ6OKUXPJNT4C\n"
        "daddr 5.6.7.8/32 protocol 6 # ns5/svc5:p80 loadbalancer IP # tcp dport 80 "
        "jump "
        "KUBE-FW-NUKIZ6OKUXPJNT4C\n"
        "# kubernetes service nodeports; NOTE: this must be the last rule in this "
        "chain # destination type 0x4 jump KUBE-NODEPORTS\n");
    NAT(proxy, "KUBE-NODEPORTS",
        "protocol 6 # ns2/svc2:p80 # tcp dport 3001 jump KUBE-EXT-GNZBNJ2PO5MGZ6GT\n"
        "protocol 6 # ns3/svc3:p80 # tcp dport 3003 jump KUBE-EXT-X27LE4BHSL4DOUIK\n"
        "protocol 6 # ns5/svc5:p80 # tcp dport 3002 jump KUBE-EXT-NUKIZ6OKUXPJNT4C\n");
    proxy_free(proxy);
}

static void
test_those_without_endpoints_are_refused_in_filter(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    FILTER(
        proxy, "KUBE-SERVICES",
        "daddr 172.30.0.46/32 protocol 6 # ns6/svc6:p80 has no endpoints # tcp dport "
        "80 reject\n");
    FILTER(
        proxy, "KUBE-EXTERNAL-SERVICES",
        "daddr 192.168.99.22/32 protocol 6 # ns2/svc2:p80 has no local endpoints # "
        "tcp dport 80 drop\n"
        "daddr 1.2.3.4/32 protocol 6 # ns2/svc2:p80 has no local endpoints # tcp "
        "dport 80 drop\n"
        "protocol 6 # ns2/svc2:p80 has no local endpoints # destination type 0x4 tcp "
        "dport 3001 drop\n");
    FILTER(
        proxy, "KUBE-NODEPORTS",
        "protocol 6 # ns2/svc2:p80 health check node port # tcp dport 30000 accept\n");
    FILTER(proxy, "KUBE-PROXY-FIREWALL",
           "daddr 5.6.7.8/32 protocol 6 # ns5/svc5:p80 traffic not accepted by "
           "KUBE-FW-NUKIZ6OKUXPJNT4C # tcp dport 80 drop\n");
    proxy_free(proxy);
}

static void
test_chains_of_services(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    /* Two endpoints: the first with probability 1/2 of 2^31. */
    NAT(proxy, "KUBE-SVC-4SW47YFZTEDKD3PK",
        "saddr not 10.0.0.0/8 daddr 172.30.0.44/32 protocol 6 # ns4/svc4:p80 cluster "
        "IP "
        "# tcp dport 80 jump KUBE-MARK-MASQ\n"
        "# ns4/svc4:p80 -> 10.180.0.4:80 # random 1073741824 jump "
        "KUBE-SEP-UKSFD7AGPMPPLUHC\n"
        "# ns4/svc4:p80 -> 10.180.0.5:80 # jump KUBE-SEP-C6EBXVWJJZMIWKLZ\n");
    NAT(proxy, "KUBE-EXT-4SW47YFZTEDKD3PK",
        "# masquerade traffic for ns4/svc4:p80 external destinations # jump "
        "KUBE-MARK-MASQ\n"
        "jump KUBE-SVC-4SW47YFZTEDKD3PK\n");
    NAT(proxy, "KUBE-SEP-UKSFD7AGPMPPLUHC",
        "saddr 10.180.0.4/32 # ns4/svc4:p80 # jump KUBE-MARK-MASQ\n"
        "protocol 6 # ns4/svc4:p80 # tcp dport 0-65535 dnat 10.180.0.4:80\n");
    /* Policy Local and nobody here: only the short circuits. */
    NAT(proxy, "KUBE-EXT-GNZBNJ2PO5MGZ6GT",
        "saddr 10.0.0.0/8 # pod traffic for ns2/svc2:p80 external destinations # jump "
        "KUBE-SVC-GNZBNJ2PO5MGZ6GT\n"
        "# masquerade LOCAL traffic for ns2/svc2:p80 external destinations # source "
        "type 0x4 jump KUBE-MARK-MASQ\n"
        "# route LOCAL traffic for ns2/svc2:p80 external destinations # source type "
        "0x4 "
        "jump KUBE-SVC-GNZBNJ2PO5MGZ6GT\n");
    CU_ASSERT_PTR_NULL(
        proxy_chain(proxy, VS_DIALECT_IPTABLES, "nat", "KUBE-SVL-GNZBNJ2PO5MGZ6GT"));
    /* Source ranges and affinity. */
    NAT(proxy, "KUBE-FW-NUKIZ6OKUXPJNT4C",
        "saddr 203.0.113.0/25 # ns5/svc5:p80 loadbalancer IP # jump "
        "KUBE-EXT-NUKIZ6OKUXPJNT4C\n"
        "# other traffic to ns5/svc5:p80 will be dropped by KUBE-PROXY-FIREWALL #\n");
    NAT(proxy, "KUBE-SVC-NUKIZ6OKUXPJNT4C",
        "saddr not 10.0.0.0/8 daddr 172.30.0.45/32 protocol 6 # ns5/svc5:p80 cluster "
        "IP "
        "# tcp dport 80 jump KUBE-MARK-MASQ\n"
        "# ns5/svc5:p80 -> 10.180.0.3:80 # recent rcheck KUBE-SEP-I77PXRDZVX7PMWMN "
        "seconds 10800 reap jump KUBE-SEP-I77PXRDZVX7PMWMN\n"
        "# ns5/svc5:p80 -> 10.180.0.3:80 # jump KUBE-SEP-I77PXRDZVX7PMWMN\n");
    NAT(proxy, "KUBE-SEP-I77PXRDZVX7PMWMN",
        "saddr 10.180.0.3/32 # ns5/svc5:p80 # jump KUBE-MARK-MASQ\n"
        "protocol 6 # ns5/svc5:p80 # recent set KUBE-SEP-I77PXRDZVX7PMWMN tcp dport "
        "0-65535 dnat 10.180.0.3:80\n");
    proxy_free(proxy);
}

static void
test_canaries_are_in_every_table(void)
{
    static const char *const tables[] = {"mangle", "nat", "filter"};
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);

    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        CU_ASSERT_PTR_NOT_NULL(
            proxy_chain(proxy, VS_DIALECT_IPTABLES, tables[i], "KUBE-PROXY-CANARY"));
        CU_ASSERT_PTR_NOT_NULL(
            proxy_chain(proxy, VS_DIALECT_IPTABLES, tables[i], "KUBE-KUBELET-CANARY"));
    }
    CU_ASSERT_PTR_NOT_NULL(
        proxy_chain(proxy, VS_DIALECT_IPTABLES, "mangle", "KUBE-IPTABLES-HINT"));
    proxy_free(proxy);
}

/* 1/n as "%0.10f" prints it, times 2^31, to the nearest. */
static void
test_probabilities_are_printed_with_ten_decimals(void)
{
    static const uint32_t of[] = {0,         0,         1073741824, 715827883,
                                  536870912, 429496730, 357913941,  306783378};
    Proxy *proxy = proxy_new();
    VsService *service;
    g_autofree char *base = NULL;
    g_autofree char *name = NULL;
    const VsChain *chain;

    for (unsigned i = 0; i < 7; i++) {
        proxy_pod(proxy, "p", 0, NET_IP(10, 180, 0, 1 + i), "web", VS_POD_READY);
    }
    service = proxy_service(proxy, "web", 0, (VsService){.name = "s", .port = 80});
    proxy_rules(proxy, VS_PROXY_IPTABLES);
    base = proxy_iptables_base(service, NULL);
    name = g_strconcat(PROXY_SVC, base, NULL);
    chain = proxy_chain(proxy, VS_DIALECT_IPTABLES, "nat", name);
    CU_ASSERT_EQUAL(chain->rules->len, 1 + 7);
    for (unsigned i = 0; i < 6; i++) {
        const VsRule *rule = chain->rules->pdata[1 + i];

        CU_ASSERT_EQUAL(rule->steps[1].kind, VS_STEP_RANDOM);
        CU_ASSERT_EQUAL(rule->steps[1].random.threshold, of[7 - i]);
    }
    CU_ASSERT_EQUAL(((const VsRule *)chain->rules->pdata[7])->n_steps, 2);
    proxy_free(proxy);
}

/* Rules of endpoints lose their comments above 1000 endpoints of all services. */
static void
test_large_clusters_go_without_comments(void)
{
    for (unsigned n = 1000; n <= 1001; n++) {
        Proxy *proxy = proxy_new();
        const VsChain *chain;

        for (unsigned i = 0; i < n - 996; i++) {
            proxy_pod(proxy, "p", 0, NET_IP(10, 180, 0, 1 + i), "one", VS_POD_READY);
        }
        for (unsigned i = 0; i < 4; i++) {
            proxy_pod(proxy, "q", 1, NET_IP(10, 180, 1, 1 + i), "all", VS_POD_READY);
        }
        for (unsigned i = 0; i < 249; i++) {
            g_autofree char *name = g_strdup_printf("s%u", i);
            VsService *service =
                proxy_service(proxy, "all", 0, (VsService){.name = name, .port = 80});

            service->name = g_strdup(name);
            g_ptr_array_add(proxy->owned, (gpointer)service->name);
        }
        proxy_service(
            proxy, "one", 0,
            (VsService){
                .name = "svc1", .name_space = "ns1", .port_name = "p80", .port = 80});
        proxy_rules(proxy, VS_PROXY_IPTABLES);
        chain =
            proxy_chain(proxy, VS_DIALECT_IPTABLES, "nat", "KUBE-SEP-SXIVWICOYRO3J4NJ");
        CU_ASSERT_EQUAL(((const VsRule *)chain->rules->pdata[0])->n_steps,
                        n > 1000 ? 2 : 3);
        proxy_free(proxy);
    }
}

/* Every rule that is not of the kernel's chains; after a change of svc4 all of filter, the
 * lists, and the chains of svc4. */
static void
test_partial_syncs_write_the_lists_and_one_service(void)
{
    Proxy *proxy = proxy_new_everything(VS_PROXY_IPTABLES);
    VsRuleset *ruleset = vs_ruleset_new();
    const VsService *changed = proxy->cluster->services->pdata[3];
    ProxySync full, partial;

    proxy_iptables_compile(proxy->nodes[0], ruleset, NULL);
    full = proxy_sync_full(ruleset);
    partial = proxy_sync_partial(ruleset, &changed, 1);
    /* filter: 1 + 3 + 1 + 1 + 3; lists of nat: 10 + 3 + 3 + 1. */
    CU_ASSERT_EQUAL(partial.n_present, full.n_written);
    CU_ASSERT_EQUAL(partial.n_written, 9 + 17 + /* SVC, EXT, SEP: */ 3 + 2 + 2 * 2);
    /* SVC 2 + 2 + 2 + 3 + 3, EXT 3 + 2 + 2 + 2, FW 2, SEP 2 a pod of a service. */
    CU_ASSERT_EQUAL(full.n_written, 9 + 17 + 12 + 9 + 2 + 6 * 2);
    CU_ASSERT_EQUAL(proxy_sync_time(&full) - proxy_sync_time(&partial),
                    (full.n_written - partial.n_written) * 10 * VS_US);
    vs_ruleset_free(ruleset);
    proxy_free(proxy);
}

static const VsTestCase tests[] = {
    {"the kernel's chains jump in the real order",
     test_kernel_chains_jump_in_the_real_order},
    {"marks are masqueraded and forwarded", test_marks_are_masqueraded_and_forwarded},
    {"services are captured in turn", test_services_are_captured_in_turn},
    {"those without endpoints are refused in filter",
     test_those_without_endpoints_are_refused_in_filter},
    {"chains of services", test_chains_of_services},
    {"canaries are in every table", test_canaries_are_in_every_table},
    {"probabilities are printed with ten decimals",
     test_probabilities_are_printed_with_ten_decimals},
    {"large clusters go without comments", test_large_clusters_go_without_comments},
    {"partial syncs write the lists and one service",
     test_partial_syncs_write_the_lists_and_one_service},
    {0},
};
VS_TESTS("kubeproxy iptables")
