/* kube-proxy's ipvs mode: real connections through virtual servers and ipsets. */
#include "models/fixture.h"
#include "netfilter/iptables.h"
#include "results/export.h"

/* Two nodes and client c on one segment; pods a (n1), b and f (n2) serve, q (n1) asks. */
#define NODE_1 0xac100001              /* 172.16.0.1 */
#define CNI0 0x0af40001                /* Of n1: 10.244.0.1 */
#define CLUSTER(n) (0x0a600064 + (n))  /* 10.96.0.100 + n */
#define EXTERNAL(n) (0xc0000200 + (n)) /* 192.0.2.n */
#define VIP(n) (0xcb007100 + (n))      /* 203.0.113.n */
#define LOOPBACK 0x7f000001

enum {
    PLAIN = 1,       /* ClusterIP; pods a here, b there. */
    IN_LOCAL,        /* Internal policy Local; a, b. */
    IN_FAR,          /* The same, with pod f there only. */
    NODE_PORT,       /* a, b; and an external IP. */
    NODE_PORT_LOCAL, /* The same, external policy Local. */
    NODE_PORT_FAR,   /* The same; f. */
    BALANCED,        /* VIP; a, b. */
    BALANCED_LOCAL,  /* External policy Local. */
    RANGE,           /* VIP with a source range that has the client, not the node. */
    RANGE_STRANGE,   /* One that has the node, not the client. */
    EMPTY,           /* Everything open, nobody there. */
};

#define NODES                                                             \
    "%s<cluster proxy='ipvs'%s/><switch id='sw' subnet='172.16.0.0/24'/>" \
    "<node id='n' count='2' costs='free'/><link from='n' to='sw'/>"       \
    "<client id='c' costs='free' to='http://172.16.0.1/' arrivals='%s'/>" \
    "<link from='c' to='sw'/>"
#define POD(id, app, node)                                      \
    "<pod id='" id "' labels='app=" app "' nodes='n-" node "'>" \
    "<container id='" id "-web' port='8080' service-time='1us'/></pod>"
#define SERVICE(id, n, app, attributes)           \
    "<service id='" id "' cluster-ip='10.96.0." n \
    "' target-port='8080' select='app=" app "' " attributes "/>"
#define BALANCER(id, service, n)                              \
    "<lb id='" id "' service='" service "' vip='203.0.113." n \
    "' health-interval='1000s' costs='free'/><link from='" id "' to='sw'/>"
#define INTERNAL_LOCAL "internal-traffic-policy='Local'"
#define EXTERNAL_LOCAL " external-traffic-policy='Local'"
#define RANGES(ranges) " load-balancer-source-ranges='" ranges "'"
#define OPEN(port, n) \
    "type='NodePort' node-port='300" port "' external-ips='192.0.2." n "'"

/* A service of each kind, numbered as above. */
/* clang-format off */
#define CLUSTER_XML \
    NODES \
    POD("a", "web", "1") POD("b", "web", "2") POD("f", "far", "2") \
    "<pod id='q' nodes='n-1'/>" \
    BALANCER("lb7", "s7", "7") BALANCER("lb8", "s8", "8") \
    BALANCER("lb9", "s9", "9") BALANCER("lb10", "s10", "10") \
    SERVICE("s1", "101", "web", "") \
    SERVICE("s2", "102", "web", INTERNAL_LOCAL) \
    SERVICE("s3", "103", "far", INTERNAL_LOCAL) \
    SERVICE("s4", "104", "web", OPEN("04", "4")) \
    SERVICE("s5", "105", "web", OPEN("05", "5") EXTERNAL_LOCAL) \
    SERVICE("s6", "106", "far", OPEN("06", "6") EXTERNAL_LOCAL) \
    SERVICE("s7", "107", "web", "type='LoadBalancer'") \
    SERVICE("s8", "108", "web", "type='LoadBalancer'" EXTERNAL_LOCAL) \
    SERVICE("s9", "109", "web", "type='LoadBalancer'" RANGES("172.16.0.3/32")) \
    SERVICE("s10", "110", "web", "type='LoadBalancer'" RANGES("172.16.0.1/32")) \
    SERVICE("s11", "111", "none", OPEN("11", "11"))
/* clang-format on */

static Model *
cluster_new(void)
{
    Model *model = model_new(CLUSTER_XML, model_free_costs, "", "constant(0.001/s)");
    VsNetns *client = model_host(model, "c")->root;
    VsIface *eth0 = client->ifaces;

    while (eth0->kind != VS_IFACE_ETHERNET) {
        eth0 = eth0->next;
    }
    /* By way of n-1 to whatever is virtual. */
    vs_netns_add_route(client, 0x0a600000, 12, eth0, NODE_1);
    vs_netns_add_route(client, EXTERNAL(0), 24, eth0, NODE_1);
    for (unsigned n = BALANCED; n <= RANGE_STRANGE; n++) {
        vs_netns_add_route(client, VIP(n), 32, eth0, NODE_1);
    }
    return model;
}

typedef struct Attempts {
    unsigned n_connected;
    unsigned n_refused;
} Attempts;

static void
count_connected(VsTcp *tcp)
{
    ((Attempts *)vs_tcp_user(tcp))->n_connected++;
}

static void
ignore_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
count_refused(VsTcp *tcp, VsTcpEnd end)
{
    ((Attempts *)vs_tcp_user(tcp))->n_refused += end == VS_TCP_END_REFUSED;
}

static const VsTcpOps counting_ops = {.connected = count_connected,
                                      .message = ignore_message,
                                      .finished = vs_tcp_close,
                                      .broken = count_refused};

/* Rows are so far apart that SYNs that nobody answers are sent again, after a second, when
 * all are done. */
#define ROW_TIME (30 * VS_MS)
enum { N_TRIES = 4 };

static VsNetns *
netns_of(const Model *model, const char *from)
{
    return from[0] == 'n' || from[0] == 'c' ? model_host(model, from)->root
                                            : model_pod(model, from)->netns;
}

static void
append(GString *text, const char *word)
{
    g_string_append_printf(text, "%s%s", text->len ? " " : "", word);
}

/* "a b*": pods that got SYNs, starred where they came from an address of n1; then what is
 * not so with all attempts: "refused", or "silent" for no answer. */
static char *
outcomes(Model *model, Tap *const *taps, const char *from, VsAddr to, uint16_t port)
{
    static const char *const names[] = {"a", "b", "f"};
    GString *text = g_string_new(NULL);
    Attempts attempts = {0};
    unsigned first[3];

    for (unsigned i = 0; i < 3; i++) {
        first[i] = taps[i]->entries->len;
    }
    for (unsigned i = 0; i < N_TRIES; i++) {
        vs_tcp_connect(netns_of(model, from), 0, to, port, NULL, &counting_ops,
                       &attempts);
    }
    model_run(model, vs_now(model->run) + ROW_TIME);
    for (unsigned i = 0; i < 3; i++) {
        bool is_seen = false;
        bool is_masqueraded = false;

        for (unsigned j = first[i]; j < taps[i]->entries->len; j++) {
            const TapEntry *entry = tap_get(taps[i], j);

            if (entry->tcp_flags == VS_TCP_SYN) {
                is_seen = true;
                is_masqueraded =
                    entry->flow.saddr == NODE_1 || entry->flow.saddr == CNI0;
            }
        }
        if (is_seen) {
            g_autofree char *word =
                g_strconcat(names[i], is_masqueraded ? "*" : "", NULL);

            append(text, word);
        }
    }
    if (attempts.n_refused == N_TRIES) {
        append(text, "refused");
    } else if (attempts.n_connected == 0 && attempts.n_refused == 0) {
        append(text, "silent");
    } else if (attempts.n_connected != N_TRIES) {
        append(text, "mixed");
    }
    return g_string_free(text, FALSE);
}

typedef struct Row {
    const char *what;
    const char *from;
    VsAddr to;
    uint16_t port;
    const char *expected;
} Row;

/* Frees the model. */
static void
check_rows_of(Model *model, const Row *rows)
{
    Tap *taps[] = {tap_new(model_pod(model, "a")->netns, VS_HOOK_INPUT),
                   tap_new(model_pod(model, "b")->netns, VS_HOOK_INPUT),
                   tap_new(model_pod(model, "f")->netns, VS_HOOK_INPUT)};

    model_run(model, 100 * VS_MS); /* Health checks are over. */
    for (const Row *row = rows; row->what; row++) {
        g_autofree char *text = outcomes(model, taps, row->from, row->to, row->port);

        if (strcmp(text, row->expected) != 0) {
            fprintf(stderr, "%s: \"%s\" and not \"%s\"\n", row->what, text,
                    row->expected);
        }
        CU_ASSERT_STRING_EQUAL(text, row->expected);
    }
    model_free(model);
    for (unsigned i = 0; i < G_N_ELEMENTS(taps); i++) {
        tap_free(taps[i]);
    }
}

static void
check_rows(const Row *rows)
{
    check_rows_of(cluster_new(), rows);
}

static void
test_cluster_ips(void)
{
    static const Row rows[] = {
        {"pod", "q", CLUSTER(PLAIN), 80, "a b"},
        {"endpoint itself", "a", CLUSTER(PLAIN), 80, "a* b"},
        {"node", "n-1", CLUSTER(PLAIN), 80, "a* b*"},
        {"outside, by a route to the node", "c", CLUSTER(PLAIN), 80, "a* b*"},
        {"other port, pod", "q", CLUSTER(PLAIN), 81, "refused"},
        {"other port, outside", "c", CLUSTER(PLAIN), 81, "refused"},
        {"internal policy Local, pod", "q", CLUSTER(IN_LOCAL), 80, "a"},
        {"internal policy Local, endpoint", "a", CLUSTER(IN_LOCAL), 80, "a*"},
        {"internal policy Local, node", "n-1", CLUSTER(IN_LOCAL), 80, "a*"},
        /* The other modes drop. */
        {"nobody here, pod", "q", CLUSTER(IN_FAR), 80, "refused"},
        {"nobody here, node", "n-1", CLUSTER(IN_FAR), 80, "refused"},
        {"of an external policy Local", "q", CLUSTER(NODE_PORT_LOCAL), 80, "a b"},
        {"empty, pod", "q", CLUSTER(EMPTY), 80, "refused"},
        {"empty, node", "n-1", CLUSTER(EMPTY), 80, "refused"},
        {"empty, outside", "c", CLUSTER(EMPTY), 80, "refused"},
        {0},
    };

    check_rows(rows);
}

#define POD_AS(id, app, node, condition)                       \
    "<pod id='" id "' labels='app=" app "' nodes='n-" node "'" \
    " condition='" condition "'>"                              \
    "<container id='" id "-web' port='8080' service-time='1us'/></pod>"
#define SITE_OF(pod_a, pod_b, pod_f) NODES pod_a pod_b pod_f "<pod id='q' nodes='n-1'/>"
#define NODE_PORT_OF(n, app, attributes) \
    SERVICE("s" n, "1" n, app, "type='NodePort' node-port='300" n "' " attributes)
#define POLICY_LOCAL "external-traffic-policy='Local'"
#define MIXED_SITE                                                        \
    SITE_OF(POD_AS("a", "web", "1", "terminating"), POD("b", "web", "2"), \
            POD_AS("f", "far", "2", "unready"))                           \
    NODE_PORT_OF("20", "web", "")                                         \
    NODE_PORT_OF("21", "web", POLICY_LOCAL) NODE_PORT_OF("22", "far", "")
#define ENDING_SITE                                         \
    SITE_OF(POD_AS("a", "web", "1", "terminating-unready"), \
            POD_AS("b", "web", "2", "terminating"),         \
            POD_AS("f", "web", "2", "unready"))             \
    NODE_PORT_OF("20", "web", "")
#define WEB_SITE                                                              \
    SITE_OF(POD("a", "web", "1"), POD("b", "web", "2"), POD("f", "far", "2")) \
    NODE_PORT_OF("20", "web", "")

/* What is known at the start, with these attributes of the cluster. */
#define site_new(site, attributes) \
    model_new(site, model_free_costs, attributes, "constant(0.001/s)")

static void
test_conditions_of_endpoints(void)
{
    static const Row mixed[] = {
        {"the ready one", "q", CLUSTER(20), 80, "b"},
        {"the same from outside", "c", NODE_1, 30020, "b*"},
        {"policy Local: nobody else is here", "c", NODE_1, 30021, "a"},
        {"unready", "q", CLUSTER(22), 80, "refused"},
        {"unready, node port", "c", NODE_1, 30022, "refused"},
        {0},
    };
    static const Row ending[] = {
        {"only terminating: those that serve", "q", CLUSTER(20), 80, "b"},
        {"the same from outside", "c", NODE_1, 30020, "b*"},
        {0},
    };

    check_rows_of(site_new(MIXED_SITE, ""), mixed);
    check_rows_of(site_new(ENDING_SITE, ""), ending);
}

static void
test_node_port_addresses(void)
{
    static const struct {
        const char *attribute, *first, *second;
    } cases[] = {
        {" node-ports='all'", "a* b*", "a* b*"},
        {" node-ports='primary'", "a* b*", "refused"},
        {" node-port-addresses='10.244.0.0/16'", "refused", "a* b*"},
        {" node-port-addresses='172.16.0.0/24 10.244.0.0/24'", "a* b*", "a* b*"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Row rows[] = {
            {cases[i].attribute, "q", NODE_1, 30020, cases[i].first},
            {cases[i].attribute, "q", CNI0, 30020, cases[i].second},
            {0},
        };

        check_rows_of(site_new(WEB_SITE, cases[i].attribute), rows);
    }
}

static void
test_node_ports(void)
{
    static const Row rows[] = {
        {"outside", "c", NODE_1, 30004, "a* b*"},
        {"pod", "q", NODE_1, 30004, "a* b*"},
        {"node", "n-1", NODE_1, 30004, "a* b*"},
        {"second address of the node", "q", CNI0, 30004, "a* b*"},
        {"loopback has none", "n-1", LOOPBACK, 30004, "refused"},
        {"port that nobody has", "c", NODE_1, 30099, "refused"},
        {"policy Local, outside", "c", NODE_1, 30005, "a"},
        {"policy Local, pod: no short circuit", "q", NODE_1, 30005, "a"},
        {"policy Local, endpoint itself", "a", NODE_1, 30005, "a*"},
        /* The answer goes straight to the client, who knows nothing of it. */
        {"nobody here, outside", "c", NODE_1, 30006, "f silent"},
        {"nobody here, pod", "q", NODE_1, 30006, "f"},
        {"empty, outside", "c", NODE_1, 30011, "refused"},
        {"empty, pod", "q", NODE_1, 30011, "refused"},
        {0},
    };

    check_rows(rows);
}

static void
test_addresses_from_outside(void)
{
    static const Row rows[] = {
        {"external IP, outside", "c", EXTERNAL(NODE_PORT), 80, "a* b*"},
        {"external IP, pod", "q", EXTERNAL(NODE_PORT), 80, "a* b*"},
        {"external IP, other port", "c", EXTERNAL(NODE_PORT), 81, "refused"},
        {"external IP, policy Local", "c", EXTERNAL(NODE_PORT_LOCAL), 80, "a"},
        {"external IP, policy Local, pod", "q", EXTERNAL(NODE_PORT_LOCAL), 80, "a"},
        {"external IP, empty", "c", EXTERNAL(EMPTY), 80, "refused"},
        {"VIP, outside", "c", VIP(BALANCED), 80, "a* b*"},
        {"VIP, pod", "q", VIP(BALANCED), 80, "a* b*"},
        {"VIP, node", "n-1", VIP(BALANCED), 80, "a* b*"},
        {"VIP, a port of the node", "c", VIP(BALANCED), 22, "refused"},
        {"VIP, policy Local", "c", VIP(BALANCED_LOCAL), 80, "a"},
        {"VIP, in the range", "c", VIP(RANGE), 80, "a* b*"},
        {"VIP, not in the range, pod", "q", VIP(RANGE), 80, "silent"},
        {"VIP, not in the range, node", "n-1", VIP(RANGE), 80, "silent"},
        {"VIP, node in the range", "n-1", VIP(RANGE_STRANGE), 80, "a* b*"},
        {"VIP, not in the range, outside", "c", VIP(RANGE_STRANGE), 80, "silent"},
        {0},
    };

    check_rows(rows);
}

/* What listens on the node itself stays out of reach by virtual addresses, which are local. */
static void
test_node_is_not_reached_by_virtual_addresses(void)
{
    static const struct {
        VsAddr to;
        unsigned n_rejected;
    } rows[] = {{NODE_1, 0}, {VIP(BALANCED), 1}, {CLUSTER(PLAIN), 1}, {EXTERNAL(4), 1}};
    Model *model = cluster_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t n_before = model_dropped(model, VS_DROP_REJECTED);
        Attempts attempts = {0};

        vs_tcp_connect(netns_of(model, "c"), 0, rows[i].to, 22, NULL, &counting_ops,
                       &attempts);
        model_run(model, vs_now(model->run) + ROW_TIME);
        CU_ASSERT_EQUAL(attempts.n_refused, 1);
        CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_REJECTED) - n_before,
                        rows[i].n_rejected);
    }
    model_free(model);
}

/* A balancer's own health checks come from an address that is no virtual one. */
static void
test_load_balancer_is_served(void)
{
    Model *model = model_new(
        "%s<cluster proxy='ipvs'/><client id='c' costs='free' to='http://203.0.113.9/' "
        "arrivals='constant(50/s)' stop='1s'/><link from='c' to='edge'/>"
        "<lb id='edge' service='s' vip='203.0.113.9' costs='free'/><switch id='sw'/>"
        "<link from='edge' to='sw'/><node id='n' count='3' costs='free'/>"
        "<link from='n' to='sw'/><pod id='p' count='3' labels='app=web'>"
        "<container id='web' service-time='100us'/></pod>"
        "<service id='s' type='LoadBalancer' target-port='8080' select='app=web'/>",
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 50);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 50);
    model_free(model);
}

/* ---- What the node's tools print ------------------------------------------------- */

static void
check_text(const char *what, const char *text, const char *expected)
{
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "%s is\n%sand not\n%s", what, text, expected);
    }
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void
test_virtual_servers(void)
{
    Model *model = model_new(
        "<cluster proxy='ipvs'/><switch id='sw' subnet='172.16.0.0/24'/><node id='n1'>"
        "<pod id='a' labels='app=web'><container id='web'/></pod></node>"
        "<link from='n1' to='sw'/>"
        "<service id='s' type='NodePort' node-port='30080' cluster-ip='10.96.0.50' "
        "external-ips='192.0.2.1' target-port='8080' select='app=web' "
        "session-affinity='ClientIP' affinity-timeout='60s'/>"
        "<service id='dns' protocol='udp' port='53' cluster-ip='10.96.0.51' "
        "select='app=none'/>");
    VsNetns *root = model_host(model, "n1")->root;
    g_autoptr(GError) error = NULL;
    g_autofree char *text =
        vs_export(model->simulation, "n1", VS_EXPORT_IPVSADM, &error);
    const VsIface *dummy = root->ifaces;

    check_text("ipvsadm -Sn", text,
               "-A -t 10.96.0.50:80 -s rr -p 60\n"
               "-a -t 10.96.0.50:80 -r 10.244.0.2:8080 -m -w 1\n"
               "-A -t 192.0.2.1:80 -s rr -p 60\n"
               "-a -t 192.0.2.1:80 -r 10.244.0.2:8080 -m -w 1\n"
               "-A -t 10.244.0.1:30080 -s rr -p 60\n"
               "-a -t 10.244.0.1:30080 -r 10.244.0.2:8080 -m -w 1\n"
               "-A -t 172.16.0.1:30080 -s rr -p 60\n"
               "-a -t 172.16.0.1:30080 -r 10.244.0.2:8080 -m -w 1\n"
               "-A -u 10.96.0.51:53 -s rr\n");
    CU_ASSERT_PTR_NULL(vs_export(model->simulation, "n1/a", VS_EXPORT_IPVSADM, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "no virtual servers"));
    while (dummy && dummy->kind != VS_IFACE_DUMMY) {
        dummy = dummy->next;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(dummy);
    CU_ASSERT_STRING_EQUAL(dummy->name, "kube-ipvs0");
    CU_ASSERT_EQUAL(dummy->address, 0x0a600032);
    CU_ASSERT(vs_netns_is_local(root, 0x0a600032));
    CU_ASSERT(vs_netns_is_local(root, 0x0a600033));
    CU_ASSERT(vs_netns_is_local(root, 0xc0000201));
    CU_ASSERT(!vs_netns_is_local(root, 0x0a600034));
    model_free(model);
}

/* The rules of one chain of a table, in iptables' words. */
static char *
chain_text(const VsNetns *netns, const char *table, const char *chain)
{
    const VsRuleset *ruleset = vs_filter_ruleset(vs_filter_of(netns));
    const VsChain *found = vs_rule_table_find_chain(
        vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, table), chain);
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < found->rules->len; i++) {
        g_autofree char *rule = vs_iptables_rule_print(found->rules->pdata[i]);

        g_string_append_printf(text, "%s\n", rule);
    }
    return g_string_free(text, FALSE);
}

static void
check_chain(const VsNetns *netns, const char *table, const char *chain,
            const char *expected)
{
    g_autofree char *text = chain_text(netns, table, chain);

    check_text(chain, text, expected);
}

static void
test_rules(void)
{
    Model *model = cluster_new();
    const VsNetns *root = model_host(model, "n-1")->root;

    check_chain(
        root, "nat", "KUBE-SERVICES",
        "-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service lb portal\" -m set "
        "--match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER\n"
        "-A KUBE-SERVICES ! -s 10.244.0.0/16 -m comment --comment \"Kubernetes service "
        "cluster ip + port for masquerade purpose\" -m set --match-set KUBE-CLUSTER-IP "
        "dst,dst -j KUBE-MARK-MASQ\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service external ip + port "
        "for masquerade and filter purpose\" -m set --match-set KUBE-EXTERNAL-IP "
        "dst,dst -j KUBE-MARK-MASQ\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service external ip + port "
        "for masquerade and filter purpose\" -m set --match-set KUBE-EXTERNAL-IP "
        "dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j "
        "ACCEPT\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service external ip + port "
        "for masquerade and filter purpose\" -m set --match-set KUBE-EXTERNAL-IP "
        "dst,dst -m addrtype --dst-type LOCAL -j ACCEPT\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service external ip + port "
        "with externalTrafficPolicy=local\" -m set --match-set KUBE-EXTERNAL-IP-LOCAL "
        "dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j "
        "ACCEPT\n"
        "-A KUBE-SERVICES -m comment --comment \"Kubernetes service external ip + port "
        "with externalTrafficPolicy=local\" -m set --match-set KUBE-EXTERNAL-IP-LOCAL "
        "dst,dst -m addrtype --dst-type LOCAL -j ACCEPT\n"
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT\n"
        "-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT\n"
        "-A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT\n");
    check_chain(root, "nat", "KUBE-LOAD-BALANCER",
                "-A KUBE-LOAD-BALANCER -m comment --comment \"Kubernetes service load "
                "balancer ip + port with externalTrafficPolicy=local\" -m set "
                "--match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN\n"
                "-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ\n");
    check_chain(root, "filter", "KUBE-IPVS-OUT-FILTER",
                "-A KUBE-IPVS-OUT-FILTER -s 203.0.113.9/32 -p tcp -m conntrack "
                "--ctorigdst 203.0.113.9 --ctorigdstport 80 -j DROP\n");
    model_free(model);
}

static const VsTestCase tests[] = {
    {"cluster IPs", test_cluster_ips},
    {"conditions of endpoints", test_conditions_of_endpoints},
    {"node port addresses", test_node_port_addresses},
    {"node ports", test_node_ports},
    {"addresses from outside", test_addresses_from_outside},
    {"the node is not reached by virtual addresses",
     test_node_is_not_reached_by_virtual_addresses},
    {"a load balancer outside is served", test_load_balancer_is_served},
    {"virtual servers and kube-ipvs0", test_virtual_servers},
    {"rules are the real program's", test_rules},
    {0},
};

VS_TESTS("kubeproxy ipvs")
