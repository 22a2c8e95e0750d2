/* Endpoints that change in ipvs mode: what becomes of servers, weights and connections. */
#include "models/fixture.h"
#include "models/kubeproxy/sync.h"
#include "results/export.h"
#include "transport/socket_internal.h"

/* A node at 172.16.0.1 and a client; p and q at 10.244.0.2 and .3 serve. */
#define SITE(cluster, service, client, pods)                                        \
    "%s<cluster proxy='ipvs' " cluster "/><switch id='sw' "                         \
    "subnet='172.16.0.0/24'/><node id='n1' costs='free'/><link from='n1' to='sw'/>" \
    "<client id='a' costs='free' to='http://172.16.0.1:30080/' " client "/>"        \
    "<link from='a' to='sw'/><service id='s' type='NodePort' node-port='30080' "    \
    "cluster-ip='10.96.0.50' target-port='8080' select='app=web' " service "/>" pods
#define POD(id, attributes)                                              \
    "<pod id='" id "' labels='app=web' " attributes "><container id='c'" \
    " service-time='100us'/><container id='u' protocol='udp'"            \
    " service-time='100us'/></pod>"
#define NOW "endpoint-delay='0s' "
#define NO_LOAD "arrivals='constant(1/s)' start='999h'"
#define KEPT "arrivals='closed(1,constant(10ms))' keep-alive='yes'"
#define NODE 0xac100001
#define POD_P 0x0af40002
#define POD_Q 0x0af40003

static VsIpvs *
ipvs_of(const Model *model)
{
    return model_host(model, "n1")->root->ipvs;
}

/* The server of the node port at 'pod', or NULL. */
static const VsIpvsServer *
server_at(const Model *model, VsAddr pod)
{
    const VsIpvsService *service =
        vs_ipvs_find_service(ipvs_of(model), VS_PROTOCOL_TCP, NODE, 30080);

    return vs_ipvs_find_server(service, pod, 8080);
}

/* Its weight; -1: there is none. */
static int
weight(const Model *model, VsAddr pod)
{
    const VsIpvsServer *server = server_at(model, pod);

    return server ? (int)server->weight : -1;
}

static uint64_t
share(const Model *model, const char *pod)
{
    return model_share(model, "s", "endpoints", pod);
}

static bool
exports(const Model *model, VsExportForm form, const char *line)
{
    g_autofree char *text = vs_export(model->simulation, "n1", form, NULL);

    return strstr(text, line) != NULL;
}

/* ---- Servers --------------------------------------------------------------------- */

static void
test_a_pod_gets_connections_once_it_is_a_server(void)
{
    Model *model = model_new(SITE(NOW, "", "arrivals='constant(1000/s)'",
                                  POD("p", "") POD("q", "ready-at='1s'")),
                             model_free_costs);
    const VsHistogram *sync_time = model_histogram(model, "n1", "proxy-sync-time");
    VsTime done;
    uint64_t n_p;

    model_run(model, VS_S);
    done = VS_S + vs_histogram_max(sync_time);
    CU_ASSERT(done > VS_S);
    model_run(model, done - 1);
    CU_ASSERT_EQUAL(weight(model, POD_Q), -1);
    CU_ASSERT_EQUAL(share(model, "q"), 0);
    model_run(model, done);
    CU_ASSERT_EQUAL(weight(model, POD_Q), 1);
    CU_ASSERT(exports(model, VS_EXPORT_IPVSADM,
                      "-a -t 172.16.0.1:30080 -r 10.244.0.3:8080 -m -w 1\n"));
    n_p = share(model, "p");
    model_run(model, done + VS_S);
    /* Round robin: a thousand, half each. */
    CU_ASSERT_EQUAL(share(model, "q"), 500);
    CU_ASSERT_EQUAL(share(model, "p"), n_p + 500);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-partial-syncs"), 0);
    model_free(model);
}

static void
test_connections_outlive_their_pods_endpoint(void)
{
    Model *model = model_new(
        SITE(NOW, "", KEPT,
             POD("p", "terminates-at='2s' grace='1s'")
                 POD("q", "ready-at='500ms'")) "<client id='b' costs='free' "
                                               "to='http://172.16.0.1:30080/' "
                                               "arrivals='constant(100/s)' "
                                               "start='1s'/><link from='b' to='sw'/>",
        model_free_costs);
    uint64_t n_p;

    model_run(model, 2 * VS_S);
    CU_ASSERT(exports(model, VS_EXPORT_IPVSADM, "-r 10.244.0.2:8080 -m -w 1\n"));
    model_run(model, 2200 * VS_MS);
    CU_ASSERT(exports(model, VS_EXPORT_IPVSADM,
                      "-a -t 172.16.0.1:30080 -r 10.244.0.2:8080 -m -w 0\n"));
    n_p = share(model, "p");
    CU_ASSERT(n_p > 40);
    model_run(model, 300 * VS_S);
    CU_ASSERT_EQUAL(share(model, "p"), n_p);
    CU_ASSERT_EQUAL(model_counter(model, "a", "connects"), 1);
    CU_ASSERT(model_counter(model, "a", "completed") > 29000);
    CU_ASSERT(model_counter(model, "b", "completed") >= 29899);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0); /* Its connection is open. */
    CU_ASSERT_EQUAL(server_at(model, POD_P)->n_active, 1);
    model_free(model);
}

/* The last connection of p, at 990 ms, is in TIME_WAIT until 111 s; kube-proxy looks each
 * full minute. */
static void
test_a_server_goes_after_its_last_connection(void)
{
    Model *model =
        model_new(SITE(NOW, "", "arrivals='constant(100/s)' stop='1s'",
                       POD("p", "terminates-at='2s' grace='1s'") POD("q", "")),
                  model_free_costs);

    model_run(model, 120 * VS_S - 1);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0);
    CU_ASSERT(server_at(model, POD_P)->n_inactive > 0);
    model_run(model, 130 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0);
    CU_ASSERT_EQUAL(server_at(model, POD_P)->n_inactive, 0);
    model_run(model, 180 * VS_S - 1);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0);
    model_run(model, 180 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_P), -1);
    CU_ASSERT_EQUAL(weight(model, POD_Q), 1);
    CU_ASSERT_EQUAL(ipvs_of(model)->removed->len, 0);
    model_free(model);
}

static void
test_a_server_without_connections_goes_at_once(void)
{
    Model *model = model_new(
        SITE(NOW, "", NO_LOAD, POD("p", "terminates-at='2s' grace='1s'") POD("q", "")),
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_P), 1);
    model_run(model, 2200 * VS_MS);
    CU_ASSERT_EQUAL(weight(model, POD_P), -1);
    model_free(model);
}

/* When both terminate, p serves again: it is removed and added, and keeps its connection. */
static void
test_a_leaving_server_comes_back(void)
{
    Model *model = model_new(SITE(NOW, "", KEPT,
                                  POD("p", "terminates-at='2s' grace='1h'")
                                      POD("q", "ready-at='1s' terminates-at='4s' "
                                               "grace='1h'")),
                             model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0);
    CU_ASSERT_EQUAL(weight(model, POD_Q), 1);
    model_run(model, 200 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_P), 1);
    CU_ASSERT_EQUAL(weight(model, POD_Q), 1);
    CU_ASSERT_EQUAL(server_at(model, POD_P)->n_active, 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "connects"), 1);
    CU_ASSERT(model_counter(model, "a", "completed") > 19000);
    model_free(model);
}

static void
test_affinity_to_a_leaving_server_ends(void)
{
    Model *model =
        model_new(SITE(NOW, "session-affinity='ClientIP'", "arrivals='constant(10/s)'",
                       POD("p", "terminates-at='2s' grace='1h'") POD("q", "")),
                  model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT(share(model, "p") >= 19);
    CU_ASSERT_EQUAL(share(model, "q"), 0);
    model_run(model, 4 * VS_S);
    CU_ASSERT(share(model, "p") <= 22);
    CU_ASSERT(share(model, "q") >= 17);
    CU_ASSERT_EQUAL(weight(model, POD_P), 0);
    model_free(model);
}

/* ---- Ports that are used again ---------------------------------------------------- */

static void
heard(VsTcp *tcp)
{
    (void)tcp;
}

static void
heard_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
heard_end(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps mute = {.connected = heard,
                              .message = heard_message,
                              .finished = heard,
                              .broken = heard_end};

/* A connection from the client's port 40000. */
static VsTcp *
connect_from_port(const Model *model)
{
    VsNetns *netns = model_host(model, "a")->root;
    VsTcp *tcp;

    vs_sockets_of(netns)->next_port[VS_PORTS_TCP] = 40000;
    tcp = vs_tcp_connect(netns, 0, NODE, 30080, NULL, &mute, NULL);
    CU_ASSERT_EQUAL(vs_tcp_flow(tcp)->sport, 40000);
    return tcp;
}

/* The connection to p is reset, p leaves, and the same port asks again within the 10 s for
 * which IPVS keeps what was reset.  In mode 0 it gets to p, which is leaving. */
static void
test_a_reused_port_reaches_a_live_pod(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        Model *model =
            model_new(SITE(NOW "ipvs-conn-reuse-mode='%u'", "", NO_LOAD,
                           POD("p", "terminates-at='2s' grace='1h'") POD("q", "")),
                      model_free_costs, mode);
        VsTcp *tcp;

        model_run(model, VS_S);
        tcp = connect_from_port(model);
        model_run(model, 1500 * VS_MS);
        CU_ASSERT_EQUAL(vs_tcp_state(tcp), VS_TCP_ESTABLISHED);
        CU_ASSERT_EQUAL(server_at(model, POD_P)->n_active, 1);
        vs_tcp_abort(tcp);
        model_run(model, 3 * VS_S);
        CU_ASSERT_EQUAL(weight(model, POD_P), 0);

        tcp = connect_from_port(model);
        model_run(model, 3500 * VS_MS);
        CU_ASSERT_EQUAL(vs_tcp_state(tcp), VS_TCP_ESTABLISHED);
        CU_ASSERT_EQUAL(server_at(model, POD_P)->n_active, mode == 0);
        CU_ASSERT_EQUAL(server_at(model, POD_Q)->n_active, mode != 0);
        vs_tcp_abort(tcp);
        model_free(model);
    }
}

static void
test_reuse_modes_are_the_clusters_or_the_nodes(void)
{
    Model *model =
        model_new("<cluster proxy='ipvs' ipvs-conn-reuse-mode='2'/><switch "
                  "id='sw'/><node id='n1'/>"
                  "<node id='n2' ipvs-conn-reuse-mode='0'/><link from='n1' to='sw'/>"
                  "<link from='n2' to='sw'/><service id='s' select='a=b'/>");

    CU_ASSERT_EQUAL(model_host(model, "n1")->root->ipvs->config.conn_reuse_mode, 2);
    CU_ASSERT_EQUAL(model_host(model, "n2")->root->ipvs->config.conn_reuse_mode, 0);
    model_free(model);
    model_check_error("has no effect", "<cluster ipvs-conn-reuse-mode='1'/>");
    model_check_error("has no effect", "<node id='n' ipvs-conn-reuse-mode='1'/>");
    model_check_error("2", "<cluster proxy='ipvs' ipvs-conn-reuse-mode='3'/>");
}

/* ---- UDP -------------------------------------------------------------------------- */

static void
ignore(VsUdp *udp, VsPacket *packet)
{
    (void)udp;
    (void)packet;
}

static const VsUdpOps deaf = {.receive = ignore};

static void
test_udp_servers_go_at_once(void)
{
    Model *model =
        model_new(SITE(NOW, "", NO_LOAD,
                       POD("p", "terminates-at='2s' grace='1h'")
                           POD("q", "")) "<service id='dns' protocol='udp' "
                                         "type='NodePort' port='53' node-port='30053' "
                                         "target-port='8080' select='app=web'/>",
                  model_free_costs);
    VsPayload payload = {0};
    const VsIpvsService *service =
        vs_ipvs_find_service(ipvs_of(model), VS_PROTOCOL_UDP, NODE, 30053);
    VsUdp udp;

    CU_ASSERT_FATAL(
        vs_udp_open(&udp, model_host(model, "a")->root, VS_ADDR_ANY, 0, &deaf, NULL));
    vs_udp_send(&udp, 0, NODE, 30053, &payload, 10);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_find_server(service, POD_P, 8080)->n_active, 1);
    CU_ASSERT(exports(model, VS_EXPORT_CONNTRACK, "src=10.244.0.2"));
    model_run(model, 2200 * VS_MS);
    CU_ASSERT_PTR_NULL(vs_ipvs_find_server(service, POD_P, 8080));
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(ipvs_of(model)), 0);
    CU_ASSERT(!exports(model, VS_EXPORT_CONNTRACK, "src=10.244.0.2"));
    vs_udp_send(&udp, 0, NODE, 30053, &payload, 10);
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_find_server(service, POD_Q, 8080)->n_active, 1);
    CU_ASSERT_EQUAL(model_share(model, "dns", "endpoints", "q"), 1);
    vs_udp_close(&udp);
    model_free(model);
}

/* ---- Syncs ------------------------------------------------------------------------ */

/* q comes, p goes: what the one sync takes with so many services of one pod besides. */
static VsTime
sync_time(unsigned n_services)
{
    GString *others =
        g_string_new("<pod id='o' labels='app=o'><container id='c'/></pod>");
    Model *model;
    VsTime time;

    for (unsigned i = 0; i < n_services; i++) {
        g_string_append_printf(
            others, "<service id='o-%u' target-port='8080' select='app=o'/>", i);
    }
    model =
        model_new(SITE(NOW, "", NO_LOAD, POD("p", "") POD("q", "ready-at='2s'") "%s"),
                  model_free_costs, others->str);
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(weight(model, POD_Q), 1);
    time = vs_histogram_max(model_histogram(model, "n1", "proxy-sync-time"));
    model_free(model);
    g_string_free(others, TRUE);
    return time;
}

/* Each asks the kernel for a virtual server and its destination, 10 us each; for what has
 * not changed there is nothing else.  The rest: iptables-restore and 16 lists of ipsets; 3
 * more virtual servers of one destination each, which q joins; 21 rules. */
static void
test_a_sync_looks_at_every_virtual_server(void)
{
    VsTime few = sync_time(10);

    CU_ASSERT_EQUAL(sync_time(1010) - few, 1000 * 2 * 10 * VS_US);
    CU_ASSERT_EQUAL(few, 20 * VS_MS + 16 * 2 * VS_MS + (10 + 3) * 2 * 10 * VS_US +
                             3 * 50 * VS_US + 21 * 12 * VS_US);
}

static void
test_changes_are_synced_at_once(void)
{
    Model *model = model_new(
        SITE(NOW, "", NO_LOAD,
             POD("p", "") POD("q", "ready-at='2s'") POD("r", "ready-at='2.3s'")
                 POD("t", "ready-at='2.6s'") POD("u", "ready-at='2.9s'")),
        model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 4);
    model_free(model);
    /* With a period tokens for two, and the third a second after. */
    model = model_new(SITE(NOW "min-sync-period='1s'", "", NO_LOAD,
                           POD("p", "") POD("q", "ready-at='2s'")
                               POD("r", "ready-at='2.3s'") POD("t", "ready-at='2.6s'")
                                   POD("u", "ready-at='2.9s'")),
                      model_free_costs);
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 2);
    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 3);
    model_free(model);
}

/* KUBE-LOOP-BACK has the node's endpoints, also while they terminate. */
static void
test_ipsets_follow(void)
{
    static const char line[] = "add KUBE-LOOP-BACK 10.244.0.2,tcp:8080,10.244.0.2\n";
    static const char rule[] = "--match-set KUBE-LOOP-BACK";
    Model *model =
        model_new(SITE(NOW, "", NO_LOAD, POD("p", "terminates-at='2s' grace='1s'")),
                  model_free_costs);

    model_run(model, 2500 * VS_MS);
    CU_ASSERT(exports(model, VS_EXPORT_IPSET, line));
    CU_ASSERT(exports(model, VS_EXPORT_IPTABLES_SAVE, rule));
    model_run(model, 3500 * VS_MS);
    CU_ASSERT(!exports(model, VS_EXPORT_IPSET, line));
    CU_ASSERT(!exports(model, VS_EXPORT_IPTABLES_SAVE, rule));
    model_free(model);
}

static char *
digest(bool is_plain)
{
    Model *model = model_new(
        SITE("endpoint-delay='exponential(50ms)'", "", "arrivals='constant(1000/s)'",
             POD("p", "terminates-at='300ms' grace='400ms'")
                 POD("q", "ready-at='200ms'") POD("r", "ready-at='900ms'")),
        model_free_costs);
    char *text;

    model->run->is_plain = is_plain;
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 4);
    text = vs_simulation_digest(model->simulation);
    model_free(model);
    return text;
}

static void
test_digests_are_the_same_without_memos(void)
{
    g_autofree char *fast = digest(false);
    g_autofree char *plain = digest(true);

    CU_ASSERT_STRING_EQUAL(fast, plain);
}

static const VsTestCase tests[] = {
    {"a pod gets connections once it is a server",
     test_a_pod_gets_connections_once_it_is_a_server},
    {"connections outlive their pod's endpoint",
     test_connections_outlive_their_pods_endpoint},
    {"a server goes after its last connection",
     test_a_server_goes_after_its_last_connection},
    {"a server without connections goes at once",
     test_a_server_without_connections_goes_at_once},
    {"a leaving server comes back", test_a_leaving_server_comes_back},
    {"affinity to a leaving server ends", test_affinity_to_a_leaving_server_ends},
    {"a port used again reaches a live pod", test_a_reused_port_reaches_a_live_pod},
    {"reuse modes are the cluster's or the node's",
     test_reuse_modes_are_the_clusters_or_the_nodes},
    {"UDP servers go at once", test_udp_servers_go_at_once},
    {"a sync looks at every virtual server", test_a_sync_looks_at_every_virtual_server},
    {"changes are synced at once", test_changes_are_synced_at_once},
    {"ipsets follow", test_ipsets_follow},
    {"digests are the same without memos", test_digests_are_the_same_without_memos},
    {0},
};
VS_TESTS("kubeproxy ipvs sync")
