/* Endpoints that change during the run, and the syncs of kube-proxy that follow. */
#include "models/kubeproxy/sync.h"
#include "models/kubeproxy/targets.h"
#include "netfilter/iptables.h"
#include "netfilter/nft.h"
#include "tests/models/fixture.h"

/* Two nodes, one in each mode, at 172.16.0.1 and .2; clients a and b ask one each. */
#define SITE(cluster, client, pods)                                          \
    "%s<cluster " cluster "/><switch id='sw' subnet='172.16.0.0/24'/>"       \
    "<node id='n1' costs='free' proxy='iptables'/><link from='n1' to='sw'/>" \
    "<node id='n2' costs='free' proxy='nftables'/><link from='n2' to='sw'/>" \
    "<client id='a' costs='free' to='http://172.16.0.1:30080/' " client "/>" \
    "<link from='a' to='sw'/>"                                               \
    "<client id='b' costs='free' to='http://172.16.0.2:30080/' " client "/>" \
    "<link from='b' to='sw'/>"                                               \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"   \
    " select='app=web'/>"                                                    \
    "<service id='other' type='NodePort' target-port='8080' select='app=other'/>" pods
#define POD(id, attributes)                                              \
    "<pod id='" id "' labels='app=web' " attributes "><container id='c'" \
    " service-time='100us'/></pod>"
#define UDP_POD(id, attributes)                                               \
    "<pod id='" id "' labels='app=dns' " attributes "><container id='udp-" id \
    "' protocol='udp' service-time='100us'/></pod>"
#define EVERY_MS "arrivals='constant(1000/s)'"
#define NO_LOAD "arrivals='constant(1/s)' start='999h'"

static VsRuleset *
rules_of(const Model *model, const char *node)
{
    return vs_filter_ruleset(vs_filter_of(model_host(model, node)->root));
}

/* The rules without what their chains have counted. */
static char *
print(const VsRuleset *ruleset)
{
    g_autoptr(GRegex) counters = g_regex_new("\\[\\d+:\\d+\\]", 0, 0, NULL);
    g_autofree char *counted = vs_iptables_print(ruleset, false);
    g_autofree char *iptables =
        g_regex_replace_literal(counters, counted, -1, 0, "[0:0]", 0, NULL);
    g_autofree char *nft = vs_nft_print(ruleset);

    return g_strconcat(iptables, nft, NULL);
}

/* The rules of 'node' read as if compiled now, of endpoints as they were at 'as_of'. */
static bool
has_rules_of(const Model *model, const char *id, VsTime as_of)
{
    VsNode node = *model_node(model, id);
    VsRuleset *fresh = vs_ruleset_new();
    g_autofree char *wanted = NULL;
    g_autofree char *text = print(rules_of(model, id));

    node.endpoints_as_of = as_of;
    proxy_compile(&node, fresh, NULL);
    wanted = print(fresh);
    vs_ruleset_free(fresh);
    return strcmp(text, wanted) == 0;
}

/* How long a partial sync takes that makes the rules those of 'as_of'. */
static VsTime
sync_time(const Model *model, const char *id, VsTime as_of)
{
    VsNode node = *model_node(model, id);
    const VsService *service = model_service(model, "s");
    VsRuleset *fresh = vs_ruleset_new();
    ProxySync sync;

    node.endpoints_as_of = as_of;
    proxy_own_compile(&node, fresh, NULL);
    sync = proxy_sync_partial(fresh, &service, 1);
    vs_ruleset_free(fresh);
    return proxy_sync_time(&sync);
}

static void
test_each_node_has_the_rules_after_delay_and_sync(void)
{
    Model *model = model_new(SITE("endpoint-delay='100ms'", NO_LOAD,
                                  POD("old", "") POD("new", "ready-at='2s'")),
                             model_free_costs);
    VsTime done[] = {2100 * VS_MS + sync_time(model, "n1", 2 * VS_S),
                     2100 * VS_MS + sync_time(model, "n2", 2 * VS_S)};

    CU_ASSERT(has_rules_of(model, "n1", 0));
    CU_ASSERT(!has_rules_of(model, "n1", 2 * VS_S));
    CU_ASSERT(done[1] < done[0]); /* nft starts sooner. */

    model_run(model, done[1] - 1);
    CU_ASSERT(has_rules_of(model, "n2", 0));
    model_run(model, done[1]);
    CU_ASSERT(has_rules_of(model, "n2", 2 * VS_S));
    CU_ASSERT(has_rules_of(model, "n1", 0));

    model_run(model, done[0] - 1);
    CU_ASSERT(has_rules_of(model, "n1", 0));
    model_run(model, done[0]);
    CU_ASSERT(has_rules_of(model, "n1", 2 * VS_S));

    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-partial-syncs"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-full-syncs"), 0);
    CU_ASSERT_EQUAL(
        vs_histogram_max(model_histogram(model, "n2", "network-programming-latency")),
        done[1] - 2 * VS_S);
    CU_ASSERT_EQUAL(vs_histogram_max(model_histogram(model, "n1", "proxy-sync-time")),
                    done[0] - 2100 * VS_MS);
    model_free(model);
}

static void
test_a_pod_has_connections_only_once_it_is_in_the_rules(void)
{
    Model *model = model_new(SITE("endpoint-delay='100ms'", EVERY_MS,
                                  POD("old", "") POD("new", "ready-at='200ms'")),
                             model_free_costs);
    VsTime done = 300 * VS_MS + sync_time(model, "n2", 200 * VS_MS);
    uint64_t n_new, n_old;

    model_run(model, done);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "new"), 0);
    n_old = model_share(model, "s", "endpoints", "old");
    model_run(model, 1300 * VS_MS);
    n_new = model_share(model, "s", "endpoints", "new");
    n_old = model_share(model, "s", "endpoints", "old") - n_old;
    /* Two clients, 1000 requests a second: nearly half of 2000, give or take 5 sigma. */
    CU_ASSERT(n_new > 850 && n_new < 1150);
    CU_ASSERT(n_old > 850 && n_old < 1150);
    model_free(model);
}

static void
test_delays_differ_by_node(void)
{
    Model *model = model_new(SITE("endpoint-delay='uniform(100ms,200ms)'", NO_LOAD,
                                  POD("p", "ready-at='2s'")),
                             model_free_costs);
    VsTime learned[2];

    model_run(model, 3 * VS_S);
    for (unsigned i = 0; i < 2; i++) {
        const char *id = i ? "n2" : "n1";
        const VsHistogram *latency =
            model_histogram(model, id, "network-programming-latency");

        CU_ASSERT(has_rules_of(model, id, 2 * VS_S));
        learned[i] = vs_histogram_max(latency) - sync_time(model, id, 2 * VS_S);
        CU_ASSERT(learned[i] >= 99 * VS_MS && learned[i] <= 201 * VS_MS);
    }
    CU_ASSERT(llabs(learned[0] - learned[1]) > VS_MS);
    model_free(model);
}

/* Tokens for two syncs; what changes in the wait for a third is one sync. */
static void
test_changes_within_the_period_are_one_sync(void)
{
    Model *model = model_new(
        SITE("endpoint-delay='0s'", NO_LOAD,
             POD("p", "") POD("q", "ready-at='5s'") POD("r", "ready-at='5.1s'")
                 POD("t", "ready-at='5.2s'") POD("u", "ready-at='5.3s'")),
        model_free_costs);
    VsTime second_end = 5100 * VS_MS + sync_time(model, "n1", 5100 * VS_MS);
    VsTime third_end = second_end + VS_S + sync_time(model, "n1", 5300 * VS_MS);

    model_run(model, second_end);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-partial-syncs"), 2);
    CU_ASSERT(has_rules_of(model, "n1", 5100 * VS_MS));
    model_run(model, third_end - 1);
    CU_ASSERT(has_rules_of(model, "n1", 5100 * VS_MS));
    model_run(model, third_end);
    CU_ASSERT(has_rules_of(model, "n1", 5300 * VS_MS));
    model_run(model, 20 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n1", "proxy-partial-syncs"), 3);
    CU_ASSERT_EQUAL(
        vs_histogram_count(model_histogram(model, "n1", "network-programming-latency")),
        4);
    model_free(model);
}

static void
test_news_during_a_sync_are_the_next_one(void)
{
    Model *model = model_new(SITE("endpoint-delay='0s' min-sync-period='0s'", NO_LOAD,
                                  POD("p", "") POD("q", "ready-at='5s'")
                                      POD("r", "ready-at='5.001s'")),
                             model_free_costs);
    VsTime first_end = 5 * VS_S + sync_time(model, "n1", 5 * VS_S);

    model_run(model, first_end);
    CU_ASSERT(has_rules_of(model, "n1", 5 * VS_S));
    model_run(model, first_end + sync_time(model, "n1", 5001 * VS_MS) - 1);
    CU_ASSERT(has_rules_of(model, "n1", 5 * VS_S));
    model_run(model, first_end + sync_time(model, "n1", 5001 * VS_MS));
    CU_ASSERT(has_rules_of(model, "n1", 5001 * VS_MS));
    model_free(model);
}

static void
test_terminating_pods_serve_only_when_none_is_ready(void)
{
    Model *model = model_new(SITE("endpoint-delay='0s' min-sync-period='0s'", EVERY_MS,
                                  POD("p", "terminates-at='500ms' grace='2s'")
                                      POD("q", "terminates-at='1s' grace='500ms'")),
                             model_free_costs);
    uint64_t n_p, n_q;

    model_run(model, 600 * VS_MS);
    n_p = model_share(model, "s", "endpoints", "p");
    n_q = model_share(model, "s", "endpoints", "q");
    CU_ASSERT(n_p > 0);
    model_run(model, 1 * VS_S); /* q alone is ready. */
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p"), n_p);
    CU_ASSERT(model_share(model, "s", "endpoints", "q") > n_q + 700);
    model_run(model, 1400 * VS_MS); /* Both terminate and serve. */
    CU_ASSERT(model_share(model, "s", "endpoints", "p") > n_p + 200);
    model_run(model, 1600 * VS_MS); /* q has gone. */
    n_q = model_share(model, "s", "endpoints", "q");
    model_run(model, 2400 * VS_MS);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "q"), n_q);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-refused"), 0);
    model_run(model, 3 * VS_S); /* Nobody is left. */
    CU_ASSERT(model_counter(model, "a", "error-refused") > 400);
    CU_ASSERT(has_rules_of(model, "n1", 3 * VS_S));
    CU_ASSERT(has_rules_of(model, "n2", 3 * VS_S));
    model_free(model);
}

static void
test_established_connections_live_on(void)
{
    Model *model =
        model_new(SITE("endpoint-delay='0s'",
                       "arrivals='closed(1,constant(10ms))' keep-alive='yes'",
                       POD("p", "terminates-at='500ms' grace='100ms'")
                           POD("q", "ready-at='400ms'")),
                  model_free_costs);

    model_run(model, 5 * VS_S);
    /* Of each client the one connection of the start, long after its endpoint went. */
    CU_ASSERT_EQUAL(model_counter(model, "a", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "b", "connects"), 1);
    CU_ASSERT(model_counter(model, "a", "completed") > 400);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "p"), 2);
    CU_ASSERT_EQUAL(model_share(model, "s", "endpoints", "q"), 0);
    model_free(model);
}

static uint64_t
n_packets(const Model *model, const char *chain)
{
    const VsRuleTable *nat =
        vs_ruleset_find_table(rules_of(model, "n1"), VS_DIALECT_IPTABLES, "nat");
    const VsRule *rule = vs_rule_table_find_chain(nat, chain)->rules->pdata[0];

    return rule->n_packets;
}

static void
test_chains_that_stay_keep_their_counters(void)
{
    Model *model = model_new(
        SITE("endpoint-delay='0s'", EVERY_MS, POD("p", "") POD("q", "ready-at='1s'")),
        model_free_costs);
    VsTime done = VS_S + sync_time(model, "n1", VS_S);
    uint64_t before;

    model_run(model, done - 1);
    before = n_packets(model, "KUBE-MARK-MASQ");
    CU_ASSERT(before > 1000);
    model_run(model, done);
    CU_ASSERT(n_packets(model, "KUBE-MARK-MASQ") >= before);
    model_free(model);
}

static char *
digest(bool is_plain)
{
    Model *model =
        model_new(SITE("endpoint-delay='exponential(50ms)'", EVERY_MS,
                       POD("p", "terminates-at='300ms' grace='400ms'")
                           POD("q", "ready-at='200ms'") POD("r", "ready-at='900ms'")),
                  model_free_costs);
    char *text;

    model->run->is_plain = is_plain;
    model_run(model, 2 * VS_S);
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

/* Asks the UDP service at node n1 from one port each 500 ms. */
typedef struct Asker {
    VsUdp udp;
    unsigned n_answers;
    Model *model;
} Asker;

static void
count_answer(VsUdp *udp, VsPacket *packet)
{
    (void)packet;
    ((Asker *)udp->user)->n_answers++;
}

static void
asker_run(Asker *asker, VsTime until)
{
    VsPayload payload = {0};

    while (vs_now(asker->model->run) < until) {
        vs_udp_send(&asker->udp, 0, 0xac100001, 30053, &payload, 10);
        model_run(asker->model, vs_now(asker->model->run) + 500 * VS_MS);
    }
}

/* Of the UDP service only 'p' is an endpoint until 'q' comes after 2 s. */
static void
asker_init(Asker *asker, const char *attributes)
{
    static const VsUdpOps ops = {.receive = count_answer};

    memset(asker, 0, sizeof(*asker));
    asker->model = model_new(
        SITE("endpoint-delay='0s'", NO_LOAD,
             UDP_POD("p", "%s")
                 UDP_POD("q", "ready-at='2s'")) "<service id='dns' type='NodePort' "
                                                "protocol='udp' port='53' "
                                                "node-port='30053' target-port='8080' "
                                                "select='app=dns'/>",
        model_free_costs, attributes);
    CU_ASSERT_FATAL(vs_udp_open(&asker->udp, model_host(asker->model, "a")->root,
                                VS_ADDR_ANY, 0, &ops, asker));
}

static void
asker_check(const Asker *asker, unsigned n_by_p, unsigned n_by_q)
{
    CU_ASSERT_EQUAL(model_counter(asker->model, "udp-p", "requests"), n_by_p);
    CU_ASSERT_EQUAL(model_counter(asker->model, "udp-q", "requests"), n_by_q);
    CU_ASSERT_EQUAL(asker->n_answers, n_by_p + n_by_q);
}

static void
asker_clear(Asker *asker)
{
    vs_udp_close(&asker->udp);
    model_free(asker->model);
}

static void
test_udp_flows_leave_removed_endpoints(void)
{
    Asker asker;

    asker_init(&asker, "terminates-at='3s' grace='2s'");
    asker_run(&asker, 5 * VS_S);
    asker_check(&asker, 10, 0); /* Terminating, and serving. */
    asker_run(&asker, 8 * VS_S);
    /* At 5 s kube-proxy of n1 has not synced yet; 'p' would still answer afterwards. */
    asker_check(&asker, 11, 5);
    asker_clear(&asker);
}

static void
test_udp_flows_stay_where_an_endpoint_serves(void)
{
    Asker asker;

    asker_init(&asker, "");
    asker_run(&asker, 8 * VS_S);
    asker_check(&asker, 16, 0);
    asker_clear(&asker);
}

static void
test_what_does_not_follow_is_refused(void)
{
    model_check_error("target=\"node-port\"",
                      "<node id='n'/><pod id='p' labels='app=web' ready-at='1s'>"
                      "<container id='c'/></pod><pod id='o' labels='app=web'>"
                      "<container id='d'/></pod><lb id='l' service='s' target='pods'/>"
                      "<switch id='sw'/><link from='l' to='sw'/>"
                      "<link from='n' to='sw'/>"
                      "<service id='s' target-port='8080' select='app=web'/>");
    model_check_error("cilium",
                      "<cluster cni='cilium'/><node id='n'/><pod id='p' "
                      "labels='app=web' ready-at='1s'><container id='c'/></pod>"
                      "<service id='s' target-port='8080' select='app=web'/>");
}

static void
test_times_that_contradict_are_refused(void)
{
    model_check_error("has no effect", "<node id='n'/><pod id='p' grace='1s'/>");
    model_check_error("contradict", "<node id='n'/><pod id='p' ready-at='1s' "
                                    "condition='unready'/>");
    model_check_error("contradict", "<node id='n'/><pod id='p' terminates-at='1s' "
                                    "condition='terminating'/>");
    model_check_error("not after ready-at",
                      "<node id='n'/><pod id='p' terminates-at='1s' ready-at='1s'/>");
}

static const VsTestCase tests[] = {
    {"each node has the rules after the delay and its sync",
     test_each_node_has_the_rules_after_delay_and_sync},
    {"a pod has connections only once it is in the rules",
     test_a_pod_has_connections_only_once_it_is_in_the_rules},
    {"delays differ by node", test_delays_differ_by_node},
    {"changes within the period are one sync",
     test_changes_within_the_period_are_one_sync},
    {"news during a sync are the next one", test_news_during_a_sync_are_the_next_one},
    {"terminating pods serve only when none is ready",
     test_terminating_pods_serve_only_when_none_is_ready},
    {"established connections live on", test_established_connections_live_on},
    {"chains that stay keep their counters", test_chains_that_stay_keep_their_counters},
    {"digests are the same without memos", test_digests_are_the_same_without_memos},
    {"UDP flows leave endpoints that are removed",
     test_udp_flows_leave_removed_endpoints},
    {"UDP flows stay at an endpoint that serves",
     test_udp_flows_stay_where_an_endpoint_serves},
    {"what does not follow is refused", test_what_does_not_follow_is_refused},
    {"times that contradict are refused", test_times_that_contradict_are_refused},
    {0},
};

VS_TESTS("kubeproxy sync")
