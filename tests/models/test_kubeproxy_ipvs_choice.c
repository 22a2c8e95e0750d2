/* kube-proxy's ipvs mode: which endpoint a connection gets, and what that costs. */
#include "models/fixture.h"

#define NODE_1 0xac100001 /* 172.16.0.1 */

#define ASKED(client, pods, service)                                         \
    "%s<cluster proxy='ipvs' %s/><switch id='sw' subnet='172.16.0.0/24'/>"   \
    "<node id='n' count='3' costs='free'/><link from='n' to='sw'/>"          \
    "<client id='c' costs='free' to='http://172.16.0.1:30080/' " client "/>" \
    "<link from='c' to='sw'/><pod id='p' count='" pods "' labels='app=web'>" \
    "<container id='web' service-time='100us'/></pod>"                       \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080' "  \
    "select='app=web' " service "/>"

static void
test_round_robin_is_exact_and_counted(void)
{
    Model *model = model_new(ASKED("arrivals='constant(100/s)' stop='600ms'", "3", ""),
                             model_free_costs, "");
    Tap *tap = tap_new(model_host(model, "n-1")->root, VS_HOOK_POSTROUTING);
    unsigned n_seen = 0;

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 60);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        const TapEntry *entry = tap_get(tap, i);

        if (entry->tcp_flags == VS_TCP_SYN && entry->flow.dport == 8080) {
            /* 10.244.0.2, 10.244.1.2, 10.244.2.2 in turn. */
            CU_ASSERT_EQUAL(entry->flow.daddr, 0x0af40002 + n_seen % 3 * 256);
            n_seen++;
        }
    }
    CU_ASSERT_EQUAL(n_seen, 60);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p-1"), 20);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p-2"), 20);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p-3"), 20);
    model_free(model);
    tap_free(tap);
}

static void
test_affinity_is_persistence(void)
{
    /* A connection each second; round robin would deal them out. */
    Model *model =
        model_new(ASKED("arrivals='constant(1/s)' stop='20s'", "3",
                        "session-affinity='ClientIP' affinity-timeout='100s'"),
                  model_free_costs, "");
    const VsIpvs *ipvs = model_host(model, "n-1")->root->ipvs;
    const VsIpvsService *service =
        vs_ipvs_find_service(ipvs, VS_PROTOCOL_TCP, NODE_1, 30080);

    CU_ASSERT_EQUAL(service->persistence, 100 * VS_S);
    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p-1"), 20);
    model_free(model);
}

static void
test_scheduler_is_the_clusters_or_the_nodes(void)
{
    Model *model =
        model_new("<cluster proxy='ipvs' ipvs-scheduler='wlc'/><node id='n1'/>"
                  "<node id='n2' ipvs-scheduler='sh'/><node id='n3' proxy='nftables'/>"
                  "<switch id='sw'/><link from='n1' to='sw'/><link from='n2' to='sw'/>"
                  "<link from='n3' to='sw'/><service id='s' select='a=b'/>");
    const VsIpvsService *services[2];

    for (unsigned i = 0; i < 2; i++) {
        const VsIpvs *ipvs = model_host(model, i ? "n2" : "n1")->root->ipvs;

        CU_ASSERT_EQUAL_FATAL(ipvs->services->len, 1);
        services[i] = ipvs->services->pdata[0];
    }
    CU_ASSERT_STRING_EQUAL(services[0]->scheduler->name, "wlc");
    CU_ASSERT_STRING_EQUAL(services[1]->scheduler->name, "sh");
    CU_ASSERT_PTR_NULL(model_host(model, "n3")->root->ipvs);
    model_free(model);
    model_check_error("has no effect", "<cluster ipvs-scheduler='rr'/>");
    model_check_error("has no effect", "<cluster cni='cilium' proxy='ipvs' "
                                       "ipvs-scheduler='rr'/>");
    model_check_error("has no effect", "<node id='n' ipvs-scheduler='rr'/>");
    model_check_error("has no effect", "<cluster proxy='ipvs'/><node id='n' "
                                       "proxy='iptables' ipvs-scheduler='rr'/>");
    model_check_error("mh, lblc, lblcr",
                      "<cluster proxy='ipvs' ipvs-scheduler='twos'/>");
}

static void
test_every_scheduler_serves(void)
{
    for (unsigned i = 0; vs_ipvs_scheduler_names[i]; i++) {
        g_autofree char *attribute =
            g_strdup_printf("ipvs-scheduler='%s'", vs_ipvs_scheduler_names[i]);
        Model *model =
            model_new(ASKED("arrivals='constant(100/s)' stop='300ms'", "3", ""),
                      model_free_costs, attribute);

        CU_ASSERT_STRING_EQUAL(vs_ipvs_scheduler_names[i], vs_ipvs_schedulers[i].name);
        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 30);
        model_free(model);
    }
}

/* The example, quickly and with every packet worked out anew. */
static void
test_remembered_walks_change_nothing(void)
{
    Model *model = model_load("ipvs/scenario.xml");
    char *digests[2];

    for (unsigned i = 0; i < 2; i++) {
        VsSimulationOptions options = {.until = 300 * VS_MS, .is_plain = i};
        g_autoptr(VsSimulation) simulation =
            vs_simulation_new(model->scenario, &options, NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(simulation);
        while (vs_simulation_advance(simulation, 1000000) == VS_RUN_PAUSED) {
        }
        CU_ASSERT_TRUE(vs_simulation_check(simulation, NULL));
        digests[i] = vs_simulation_digest(simulation);
    }
    CU_ASSERT_STRING_EQUAL(digests[0], digests[1]);
    g_free(digests[0]);
    g_free(digests[1]);
    model_free(model);
}

/* ---- The bill -------------------------------------------------------------------- */

/* The least time of the connect phase with so many services besides. */
static VsTime
connect_time(const char *proxy, unsigned n_services)
{
    GString *others = g_string_new(NULL);
    VsTime least;
    Model *model;

    for (unsigned i = 0; i < n_services; i++) {
        g_string_append_printf(others,
                               "<service id='o-%u' target-port='8080' "
                               "select='app=web'/>",
                               i);
    }
    model = model_new(
        "<costs id='dear' rule='1us' set-lookup='10us'/><cluster proxy='%s'/>"
        "<client id='c' to='http://172.16.0.2:30080/' arrivals='constant(1/s)' "
        "stop='3s'/><link from='c' to='n1'/><node id='n1' costs='dear'>"
        "<pod id='p' labels='app=web'><container id='web'/></pod></node>%s"
        "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
        "select='app=web'/>",
        proxy, others->str);
    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3);
    least = vs_histogram_min(model_histogram(model, "c", "latency-connect"));
    model_free(model);
    g_string_free(others, TRUE);
    return least;
}

static void
test_first_packet_costs_the_same_however_many_services(void)
{
    VsTime few = connect_time("ipvs", 10);

    /* Sets are asked, which costs: so few rules take less than 100 us without. */
    CU_ASSERT(few > 100 * VS_US);
    CU_ASSERT_EQUAL(connect_time("ipvs", 1000), few);
    /* In iptables mode each cluster IP has a rule, of 1 us. */
    CU_ASSERT_EQUAL(connect_time("iptables", 1000) - connect_time("iptables", 10),
                    990 * VS_US);
}

static const VsTestCase tests[] = {
    {"round robin is exact, and counted", test_round_robin_is_exact_and_counted},
    {"affinity is persistence", test_affinity_is_persistence},
    {"the scheduler is the cluster's or the node's",
     test_scheduler_is_the_clusters_or_the_nodes},
    {"every scheduler serves", test_every_scheduler_serves},
    {"remembered walks change nothing", test_remembered_walks_change_nothing},
    {"the first packet costs the same however many services there are",
     test_first_packet_costs_the_same_however_many_services},
    {0},
};

VS_TESTS("kubeproxy ipvs choice")
