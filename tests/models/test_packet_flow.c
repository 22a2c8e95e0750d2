/* Where kube-proxy's rules send a first packet, in both modes.
 *
 * What upstream's packet flow tests say (TestClusterIPGeneral, TestNodePorts,
 * TestLoadBalancer, TestExternalTrafficPolicyLocal, TestInternalTrafficPolicy,
 * TestNoEndpointsReject, TestHealthCheckNodePort, TestTerminatingEndpoints, TestMasquerade
 * in proxier_test.go), on a cluster of our own. */
#include <gsl/gsl_cdf.h>

#include "tests/models/proxy_fixture.h"

/* Who sends.  Rules are those of n1. */
#define POD_HERE NET_IP(10, 180, 0, 9)   /* On n1, no endpoint. */
#define POD_THERE NET_IP(10, 180, 0, 10) /* On n2. */
#define POD_A NET_IP(10, 180, 0, 1)      /* An endpoint itself. */
#define NODE NET_IP(192, 168, 0, 2)
#define NODE_2 NET_IP(192, 168, 1, 2) /* Its second address. */
#define LOOPBACK NET_IP(127, 0, 0, 1)
#define OUTSIDE NET_IP(203, 0, 113, 77)   /* In the source range... */
#define STRANGER NET_IP(203, 0, 113, 200) /* ...and not. */

/* Cluster IPs, external IPs and VIPs by the services' numbers. */
#define CLUSTER(n) NET_IP(172, 30, 0, n)
#define EXTERNAL(n) NET_IP(192, 168, 99, n)
#define VIP(n) NET_IP(1, 2, 3, n)

enum {
    PLAIN = 41,      /* ClusterIP; pods a here, b there. */
    IN_LOCAL,        /* Internal policy Local; a, b. */
    IN_FAR,          /* The same, with pod f there only. */
    NODE_PORT,       /* a, b. */
    NODE_PORT_LOCAL, /* External policy Local; a, b. */
    NODE_PORT_FAR,   /* The same; f. */
    BALANCED,        /* VIP, external IP, source range; a, b. */
    BALANCED_LOCAL,  /* External policy Local; a, b. */
    BALANCED_FAR,    /* The same; f. */
    EMPTY,           /* Everything open, nobody there. */
    EMPTY_RANGE,     /* The same with a source range. */
    ENDING,          /* Pods t (serving) here, u (not serving) there end. */
    MIXED,           /* External policy Local: r there is ready, s here ends. */
    MIXED_IN,        /* The same with internal policy Local. */
    UNREADY,         /* Pod v here fails its probe. */
    PUBLISHED,       /* The same, published for all that. */
    NAMES,           /* UDP 53 to port 5353; a, b. */
    BOTH_LOCAL,      /* Internal and external policy Local; f. */
};

static void
add_pods(Proxy *proxy)
{
    static const struct {
        const char *name;
        unsigned node;
        const char *app;
        VsPodCondition condition;
    } pods[] = {
        {"a", 0, "web", VS_POD_READY},
        {"b", 1, "web", VS_POD_READY},
        {"f", 1, "far", VS_POD_READY},
        {"t", 0, "ending", VS_POD_TERMINATING},
        {"u", 1, "ending", VS_POD_TERMINATING_UNREADY},
        {"r", 1, "mixed", VS_POD_READY},
        {"s", 0, "mixed", VS_POD_TERMINATING},
        {"v", 0, "unready", VS_POD_UNREADY},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(pods); i++) {
        VsPod *pod =
            proxy_pod(proxy, pods[i].name, pods[i].node, NET_IP(10, 180, 0, 1 + i),
                      pods[i].app, pods[i].condition);

        vs_pod_open_port(pod, VS_PROTOCOL_UDP, 5353, "dns", NULL);
    }
}

typedef struct Wanted {
    unsigned number;
    const char *app;
    uint16_t node_port;
    bool has_vip, has_external_ip, has_range;
    bool is_external_local, is_internal_local, publishes;
} Wanted;

static void
add_service(Proxy *proxy, const Wanted *wanted)
{
    static VsPrefix range[] = {{NET_IP(203, 0, 113, 0), 25, true}};
    char *name = g_strdup_printf("svc%u", wanted->number);
    bool is_names = wanted->number == NAMES;
    VsAddr external_ip[] = {EXTERNAL(wanted->number)};

    g_ptr_array_add(proxy->owned, name);
    proxy_service(
        proxy, wanted->app, wanted->has_vip ? VIP(wanted->number) : 0,
        (VsService){
            .name = name,
            .type = wanted->node_port ? VS_SERVICE_NODE_PORT : VS_SERVICE_CLUSTER_IP,
            .protocol = is_names ? VS_PROTOCOL_UDP : VS_PROTOCOL_TCP,
            .cluster_ip = CLUSTER(wanted->number),
            .port = is_names ? 53 : 80,
            .target_port = is_names ? 5353 : 80,
            .node_port = wanted->node_port,
            .n_external_ips = wanted->has_external_ip,
            .external_ips = external_ip,
            .n_source_ranges = wanted->has_range,
            .source_ranges = range,
            .is_external_local = wanted->is_external_local,
            .is_internal_local = wanted->is_internal_local,
            .publishes_not_ready = wanted->publishes,
            .health_check_node_port = wanted->number == BALANCED_FAR ? 32001 : 0,
        });
}

static Proxy *
cluster_new(VsProxyMode mode)
{
    static const Wanted services[] = {
        {PLAIN, "web", .node_port = 0},
        {IN_LOCAL, "web", .is_internal_local = true},
        {IN_FAR, "far", .is_internal_local = true},
        {NODE_PORT, "web", .node_port = 30044},
        {NODE_PORT_LOCAL, "web", .node_port = 30045, .is_external_local = true},
        {NODE_PORT_FAR, "far", .node_port = 30046, .is_external_local = true},
        {BALANCED, "web", .node_port = 30047, .has_vip = true, .has_external_ip = true,
         .has_range = true},
        {BALANCED_LOCAL, "web", .node_port = 30048, .has_vip = true,
         .has_external_ip = true, .is_external_local = true},
        {BALANCED_FAR, "far", .node_port = 30049, .has_vip = true,
         .has_external_ip = true, .is_external_local = true},
        {EMPTY, "nobody", .node_port = 30050, .has_vip = true, .has_external_ip = true},
        {EMPTY_RANGE, "nobody", .node_port = 30051, .has_vip = true, .has_range = true},
        {ENDING, "ending", .node_port = 30052},
        {MIXED, "mixed", .node_port = 30053, .is_external_local = true},
        {MIXED_IN, "mixed", .is_internal_local = true},
        {UNREADY, "unready", .node_port = 30055},
        {PUBLISHED, "unready", .publishes = true},
        {NAMES, "web", .node_port = 30057},
        {BOTH_LOCAL, "far", .node_port = 30058, .is_external_local = true,
         .is_internal_local = true},
    };
    Proxy *proxy = proxy_new();

    add_pods(proxy);
    for (unsigned i = 0; i < G_N_ELEMENTS(services); i++) {
        add_service(proxy, &services[i]);
    }
    proxy_rules(proxy, mode);
    return proxy;
}

/* "a b*": every endpoint that is chosen in 64 draws, in the order of the pods, starred when
 * it gets the node's address as source; or what becomes of the packet untranslated. */
static char *
outcomes(Proxy *proxy, VsAddr from, VsAddr to, uint16_t port, uint8_t protocol)
{
    static const char *const ends[] = {[FLOW_PASSED] = "passed",
                                       [FLOW_DELIVERED] = "node",
                                       [FLOW_DROPPED] = "DROP",
                                       [FLOW_REJECTED] = "REJECT"};
    GString *text = g_string_new(NULL);
    unsigned seen[2][8] = {{0}};
    unsigned seen_end[FLOW_REJECTED + 1] = {0};

    for (unsigned i = 0; i < 64; i++) {
        Flow flow = proxy_walk(proxy, from, to, port, protocol);

        seen_end[flow.end]++;
        if (flow.end == FLOW_TRANSLATED) {
            CU_ASSERT_EQUAL(flow.port, protocol == VS_PROTOCOL_UDP ? 5353 : 80);
            seen[flow.is_masqueraded][flow.address - NET_IP(10, 180, 0, 1)]++;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        if (seen[i % 2][i / 2]) {
            const VsPod *pod = proxy->cluster->pods->pdata[i / 2];

            g_string_append_printf(text, "%s%s%s", text->len ? " " : "", pod->name,
                                   i % 2 ? "*" : "");
        }
    }
    for (FlowEnd end = FLOW_PASSED; end <= FLOW_REJECTED; end++) {
        if (seen_end[end]) {
            g_string_append_printf(text, "%s%s", text->len ? " " : "", ends[end]);
        }
    }
    return g_string_free(text, FALSE);
}

typedef struct Row {
    const char *what;
    VsAddr from;
    VsAddr to;
    uint16_t port;
    const char *expected;
    const char *nftables; /* Where that mode differs. */
} Row;

static void
check_rows(const Row *rows, uint8_t protocol)
{
    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        Proxy *proxy = cluster_new(mode);

        for (const Row *row = rows; row->what; row++) {
            bool is_other = mode == VS_PROXY_NFTABLES && row->nftables;
            const char *expected = is_other ? row->nftables : row->expected;
            g_autofree char *text =
                outcomes(proxy, row->from, row->to, row->port, protocol);

            if (strcmp(text, expected) != 0) {
                fprintf(stderr, "%s: %s: \"%s\" and not \"%s\"\n",
                        mode ? "nftables" : "iptables", row->what, text, expected);
            }
            CU_ASSERT_STRING_EQUAL(text, expected);
        }
        proxy_free(proxy);
    }
}

static void
test_cluster_ips(void)
{
    static const Row rows[] = {
        {"pod", POD_HERE, CLUSTER(PLAIN), 80, "a b", NULL},
        {"pod of another node", POD_THERE, CLUSTER(PLAIN), 80, "a b", NULL},
        {"endpoint itself", POD_A, CLUSTER(PLAIN), 80, "a* b", NULL},
        {"node", NODE, CLUSTER(PLAIN), 80, "a* b*", NULL},
        {"outside, by a route to the node", OUTSIDE, CLUSTER(PLAIN), 80, "a* b*", NULL},
        {"other port", POD_HERE, CLUSTER(PLAIN), 81, "passed", "REJECT"},
        {"other port, node", NODE, CLUSTER(PLAIN), 81, "passed", "REJECT"},
        {"address that no service has", POD_HERE, CLUSTER(200), 80, "passed", "DROP"},
        {"internal policy Local, pod", POD_HERE, CLUSTER(IN_LOCAL), 80, "a", NULL},
        {"internal policy Local, endpoint", POD_A, CLUSTER(IN_LOCAL), 80, "a*", NULL},
        {"internal policy Local, node", NODE, CLUSTER(IN_LOCAL), 80, "a*", NULL},
        {"internal policy Local, outside", OUTSIDE, CLUSTER(IN_LOCAL), 80, "a*", NULL},
        {"nobody here, pod", POD_HERE, CLUSTER(IN_FAR), 80, "DROP", NULL},
        {"nobody here, node", NODE, CLUSTER(IN_FAR), 80, "DROP", NULL},
        {"of an external policy Local, pod", POD_HERE, CLUSTER(BALANCED_LOCAL), 80,
         "a b", NULL},
        {"of an external policy Local, far", POD_HERE, CLUSTER(BALANCED_FAR), 80, "f",
         NULL},
        {"both policies Local", POD_HERE, CLUSTER(BOTH_LOCAL), 80, "DROP", NULL},
        {"empty, pod", POD_HERE, CLUSTER(EMPTY), 80, "REJECT", NULL},
        {"empty, node", NODE, CLUSTER(EMPTY), 80, "REJECT", NULL},
        {"pod to pod, no service", POD_HERE, POD_A, 80, "passed", NULL},
        {0},
    };

    check_rows(rows, VS_PROTOCOL_TCP);
}

static void
test_node_ports(void)
{
    static const Row rows[] = {
        {"outside", OUTSIDE, NODE, 30044, "a* b*", NULL},
        {"pod here", POD_HERE, NODE, 30044, "a* b*", NULL},
        {"pod there", POD_THERE, NODE, 30044, "a* b*", NULL},
        {"node", NODE, NODE, 30044, "a* b*", NULL},
        {"second address of the node", OUTSIDE, NODE_2, 30044, "a* b*", "node"},
        {"loopback", LOOPBACK, LOOPBACK, 30044, "a* b*", "node"},
        {"another node's, by this one", POD_HERE, NET_IP(192, 168, 0, 3), 30044,
         "passed", NULL},
        {"port that nobody has", OUTSIDE, NODE, 30099, "node", NULL},
        {"policy Local, outside", OUTSIDE, NODE, 30045, "a", NULL},
        {"policy Local, pod here", POD_HERE, NODE, 30045, "a b", NULL},
        {"policy Local, pod there", POD_THERE, NODE, 30045, "a b", NULL},
        {"policy Local, endpoint itself", POD_A, NODE, 30045, "a* b", NULL},
        {"policy Local, node", NODE, NODE, 30045, "a* b*", NULL},
        {"nobody here, outside", OUTSIDE, NODE, 30046, "DROP", NULL},
        {"nobody here, pod", POD_HERE, NODE, 30046, "f", NULL},
        {"nobody here, node", NODE, NODE, 30046, "f*", NULL},
        {"source ranges are not for node ports", STRANGER, NODE, 30047, "a* b*", NULL},
        {"empty, outside", OUTSIDE, NODE, 30050, "REJECT", NULL},
        {"empty, pod", POD_HERE, NODE, 30050, "REJECT", NULL},
        {"both policies Local, outside", OUTSIDE, NODE, 30058, "DROP", NULL},
        {"both policies Local, pod", POD_HERE, NODE, 30058, "f", NULL},
        {"health check", OUTSIDE, NODE, 32001, "node", NULL},
        {0},
    };

    check_rows(rows, VS_PROTOCOL_TCP);
}

static void
test_addresses_from_outside(void)
{
    static const Row rows[] = {
        {"VIP, in the range", OUTSIDE, VIP(BALANCED), 80, "a* b*", NULL},
        {"VIP, not in the range", STRANGER, VIP(BALANCED), 80, "DROP", NULL},
        {"VIP, pod", POD_HERE, VIP(BALANCED), 80, "DROP", NULL},
        {"VIP, node", NODE, VIP(BALANCED), 80, "DROP", NULL},
        {"VIP, other port", OUTSIDE, VIP(BALANCED), 81, "passed", NULL},
        {"external IP goes by no range", STRANGER, EXTERNAL(BALANCED), 80, "a* b*",
         NULL},
        {"policy Local, VIP, outside", OUTSIDE, VIP(BALANCED_LOCAL), 80, "a", NULL},
        {"policy Local, external IP, outside", OUTSIDE, EXTERNAL(BALANCED_LOCAL), 80,
         "a", NULL},
        {"policy Local, VIP, pod here", POD_HERE, VIP(BALANCED_LOCAL), 80, "a b", NULL},
        {"policy Local, VIP, node", NODE, VIP(BALANCED_LOCAL), 80, "a* b*", NULL},
        {"policy Local, VIP, endpoint itself", POD_A, VIP(BALANCED_LOCAL), 80, "a* b",
         NULL},
        {"nobody here, VIP, outside", OUTSIDE, VIP(BALANCED_FAR), 80, "DROP", NULL},
        {"nobody here, external IP, outside", OUTSIDE, EXTERNAL(BALANCED_FAR), 80,
         "DROP", NULL},
        {"nobody here, VIP, pod", POD_HERE, VIP(BALANCED_FAR), 80, "f", NULL},
        {"nobody here, VIP, node", NODE, VIP(BALANCED_FAR), 80, "f*", NULL},
        {"empty, VIP", OUTSIDE, VIP(EMPTY), 80, "REJECT", NULL},
        {"empty, external IP", OUTSIDE, EXTERNAL(EMPTY), 80, "REJECT", NULL},
        /* iptables mode has no firewall without endpoints. */
        {"empty, in the range", OUTSIDE, VIP(EMPTY_RANGE), 80, "REJECT", NULL},
        {"empty, not in the range", STRANGER, VIP(EMPTY_RANGE), 80, "REJECT", "DROP"},
        {0},
    };

    check_rows(rows, VS_PROTOCOL_TCP);
}

static void
test_conditions_of_endpoints(void)
{
    static const Row rows[] = {
        {"only terminating: those that serve", POD_HERE, CLUSTER(ENDING), 80, "t",
         NULL},
        {"the same from outside", OUTSIDE, NODE, 30052, "t*", NULL},
        {"cluster policy: the ready one", POD_HERE, CLUSTER(MIXED), 80, "r", NULL},
        {"policy Local: nobody else is here", OUTSIDE, NODE, 30053, "s", NULL},
        {"short circuit: the ready one", POD_HERE, NODE, 30053, "r", NULL},
        {"internal policy Local", POD_HERE, CLUSTER(MIXED_IN), 80, "s", NULL},
        {"unready", POD_HERE, CLUSTER(UNREADY), 80, "REJECT", NULL},
        {"unready, node port", OUTSIDE, NODE, 30055, "REJECT", NULL},
        {"unready but published", POD_HERE, CLUSTER(PUBLISHED), 80, "v", NULL},
        {0},
    };

    check_rows(rows, VS_PROTOCOL_TCP);
}

static void
test_protocols_are_told_apart(void)
{
    static const Row udp[] = {
        {"cluster IP", POD_HERE, CLUSTER(NAMES), 53, "a b", NULL},
        {"node port", OUTSIDE, NODE, 30057, "a* b*", NULL},
        {"a service of TCP", POD_HERE, CLUSTER(PLAIN), 80, "passed", "REJECT"},
        {"a node port of TCP", OUTSIDE, NODE, 30044, "node", NULL},
        {0},
    };
    static const Row tcp[] = {
        {"a service of UDP", POD_HERE, CLUSTER(NAMES), 53, "passed", "REJECT"},
        {"a node port of UDP", OUTSIDE, NODE, 30057, "node", NULL},
        {0},
    };

    check_rows(udp, VS_PROTOCOL_UDP);
    check_rows(tcp, VS_PROTOCOL_TCP);
}

static void
check_one(Proxy *proxy, VsAddr from, VsAddr to, uint16_t port, const char *expected)
{
    g_autofree char *text = outcomes(proxy, from, to, port, VS_PROTOCOL_TCP);

    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void
test_masquerade_all_spares_no_pod(void)
{
    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        Proxy *proxy = cluster_new(mode);

        proxy->cluster->masquerades_all = true;
        proxy_rules(proxy, mode);
        check_one(proxy, POD_HERE, CLUSTER(PLAIN), 80, "a* b*");
        check_one(proxy, OUTSIDE, CLUSTER(PLAIN), 80, "a* b*");
        /* But it is about cluster IPs. */
        check_one(proxy, OUTSIDE, NODE, 30045, "a");
        proxy_free(proxy);
    }
}

static void
test_node_port_addresses(void)
{
    static const struct {
        VsNodePortAddresses which;
        VsPrefix prefix;
        const char *first, *second, *loopback, *nft_loopback;
    } rows[] = {
        {VS_NODE_PORTS_ALL, {0}, "a* b*", "a* b*", "a* b*", "node"},
        {VS_NODE_PORTS_PRIMARY, {0}, "a* b*", "node", "node", "node"},
        {VS_NODE_PORTS_PREFIXES,
         {NET_IP(192, 168, 1, 0), 24, true},
         "node",
         "a* b*",
         "node",
         "node"},
        {VS_NODE_PORTS_PREFIXES,
         {NET_IP(192, 168, 0, 0), 16, true},
         "a* b*",
         "a* b*",
         "node",
         "node"},
        {VS_NODE_PORTS_PREFIXES,
         {NET_IP(127, 0, 0, 0), 8, true},
         "node",
         "node",
         "a* b*",
         "node"},
    };

    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            Proxy *proxy = cluster_new(mode);

            proxy->cluster->node_port_addresses = rows[i].which;
            g_array_append_val(proxy->cluster->node_port_prefixes, rows[i].prefix);
            proxy_rules(proxy, mode);
            check_one(proxy, OUTSIDE, NODE, 30044, rows[i].first);
            check_one(proxy, OUTSIDE, NODE_2, 30044, rows[i].second);
            check_one(proxy, LOOPBACK, LOOPBACK, 30044,
                      mode ? rows[i].nft_loopback : rows[i].loopback);
            proxy_free(proxy);
        }
    }
}

/* A node in the source range may use the VIP that it has itself. */
static void
test_ranges_with_the_node_allow_the_vip(void)
{
    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        static VsPrefix ranges[] = {{NET_IP(192, 168, 0, 0), 24, true}};
        Proxy *proxy = proxy_new();

        proxy_pod(proxy, "a", 0, POD_A, "web", VS_POD_READY);
        proxy_service(proxy, "web", VIP(1),
                      (VsService){.name = "s",
                                  .port = 80,
                                  .n_source_ranges = 1,
                                  .source_ranges = ranges});
        proxy_rules(proxy, mode);
        check_one(proxy, NODE, VIP(1), 80, "a*");
        check_one(proxy, OUTSIDE, VIP(1), 80, "DROP");
        vs_netns_add_local(proxy->nodes[0]->host->root, VIP(1));
        check_one(proxy, VIP(1), VIP(1), 80, "a*");
        proxy_free(proxy);
    }
}

/* Five pods, and clients 203.0.113.0 and up. */
static Proxy *
five_pods(VsProxyMode mode, uint32_t affinity_s)
{
    Proxy *proxy = proxy_new();

    for (unsigned i = 0; i < 5; i++) {
        proxy_pod(proxy, "p", i % 2, NET_IP(10, 180, 0, 1 + i), "web", VS_POD_READY);
    }
    proxy_service(proxy, "web", 0,
                  (VsService){.name = "s",
                              .port = 80,
                              .type = VS_SERVICE_NODE_PORT,
                              .node_port = 30000,
                              .affinity_s = affinity_s});
    proxy_rules(proxy, mode);
    return proxy;
}

static void
test_affinity_keeps_clients_until_it_times_out(void)
{
    enum { N_CLIENTS = 60 };

    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        Proxy *proxy = five_pods(mode, 10800);
        VsAddr first[N_CLIENTS];
        unsigned n_moved = 0;

        for (unsigned round = 0; round < 4; round++) {
            /* The third is 10799 s after the second, which refreshed the entry. */
            static const VsTime at[] = {1, 10000, 10000 + 10799, 20799 + 10801};

            proxy->now = at[round] * VS_S;
            for (unsigned i = 0; i < N_CLIENTS; i++) {
                Flow flow = proxy_walk(proxy, NET_IP(203, 0, 113, i), NODE, 30000,
                                       VS_PROTOCOL_TCP);

                CU_ASSERT_EQUAL(flow.end, FLOW_TRANSLATED);
                if (round == 0) {
                    first[i] = flow.address;
                } else if (round < 3) {
                    CU_ASSERT_EQUAL(flow.address, first[i]);
                } else {
                    n_moved += flow.address != first[i];
                }
            }
        }
        /* 4 of 5 move: 48, and 3.1 a standard deviation. */
        CU_ASSERT(n_moved > 48 - 5 * 3.1);
        proxy_free(proxy);
    }
}

static void
test_choice_is_even_and_counted(void)
{
    enum { N_DRAWS = 50000 };

    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        Proxy *proxy = five_pods(mode, 0);
        const VsService *service = proxy->cluster->services->pdata[0];
        uint64_t counts[5] = {0};
        double chi_square = 0;

        for (unsigned i = 0; i < N_DRAWS; i++) {
            Flow flow = proxy_walk(proxy, OUTSIDE, NODE, 30000, VS_PROTOCOL_TCP);

            counts[flow.address - NET_IP(10, 180, 0, 1)]++;
        }
        for (unsigned i = 0; i < 5; i++) {
            double off = (double)counts[i] - N_DRAWS / 5;

            chi_square += off * off / (N_DRAWS / 5);
            CU_ASSERT_EQUAL(service->shares->shares[i].count, counts[i]);
        }
        CU_ASSERT(gsl_cdf_chisq_Q(chi_square, 4) > 1e-6);
        proxy_free(proxy);
    }
}

/* iptables: a rule a service before ours.  nftables: as many for any number. */
static void
test_rules_examined_grow_in_iptables_mode_only(void)
{
    for (VsProxyMode mode = VS_PROXY_IPTABLES; mode <= VS_PROXY_NFTABLES; mode++) {
        uint32_t n_rules[2];

        for (unsigned i = 0; i < 2; i++) {
            Proxy *proxy = proxy_new();

            proxy_pod(proxy, "a", 0, POD_A, "web", VS_POD_READY);
            for (unsigned j = 0; j < i * 500; j++) {
                proxy_service(proxy, "web", 0,
                              (VsService){.name = "other", .port = 80});
            }
            proxy_service(proxy, "web", 0,
                          (VsService){.name = "s",
                                      .port = 80,
                                      .cluster_ip = NET_IP(172, 30, 200, 1)});
            proxy_rules(proxy, mode);
            n_rules[i] = proxy_walk(proxy, POD_HERE, NET_IP(172, 30, 200, 1), 80,
                                    VS_PROTOCOL_TCP)
                             .n_rules;
            proxy_free(proxy);
        }
        CU_ASSERT_EQUAL(n_rules[1] - n_rules[0], mode ? 0 : 500);
    }
}

static const VsTestCase tests[] = {
    {"cluster IPs", test_cluster_ips},
    {"node ports", test_node_ports},
    {"addresses from outside", test_addresses_from_outside},
    {"conditions of endpoints", test_conditions_of_endpoints},
    {"protocols are told apart", test_protocols_are_told_apart},
    {"masquerade-all spares no pod", test_masquerade_all_spares_no_pod},
    {"node port addresses", test_node_port_addresses},
    {"ranges with the node allow the VIP", test_ranges_with_the_node_allow_the_vip},
    {"affinity keeps clients until it times out",
     test_affinity_keeps_clients_until_it_times_out},
    {"the choice is even, and counted", test_choice_is_even_and_counted},
    {"rules examined grow in iptables mode only",
     test_rules_examined_grow_in_iptables_mode_only},
    {0},
};
VS_TESTS("packet flow")
