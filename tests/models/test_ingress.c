#include "models/fixture.h"

/* A client, the node port of an ingress controller, and what is behind it.  The client's
 * name is an address: rules match any host. */
#define INGRESS(client, ingress, rules, behind)                                    \
    "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' " client "/>"     \
    "<link from='c' to='n1' delay='100us' rate='800Gbit/s'/>"                      \
    "<node id='n1' costs='free'>"                                                  \
    "<pod id='controller' labels='app=ingress'>"                                   \
    "<ingress id='nginx' " ingress ">" rules "</ingress></pod>" behind "</node>"   \
    "<service id='front' type='NodePort' node-port='30080' select='app=ingress'/>" \
    "<service id='s' target-port='8080' select='app=web'/>"
#define TO_S "<rule><path path='/' service='s'/></rule>"
#define POD(id, container)                                                           \
    "<pod id='" id "' labels='app=web'><container id='" id "-web' " container "/></" \
    "pod>"

static uint64_t
sum_of_shares(const Model *model, const char *service)
{
    const VsShares *shares = model_stat(model, service, "endpoints");
    uint64_t sum = 0;

    for (unsigned i = 0; i < shares->n_shares; i++) {
        sum += shares->shares[i].count;
    }
    return sum;
}

/* All that ended well was sent to 'service', and nothing else was; it begins more than it
 * ends by those under way. */
static void
assert_served_by(const Model *model, const char *client, const char *service,
                 uint64_t n_expected)
{
    uint64_t n_requests = model_counter(model, client, "requests");
    uint64_t n_completed = model_counter(model, client, "completed");
    uint64_t n_sent = sum_of_shares(model, service);
    const VsShares *shares = model_stat(model, service, "endpoints");

    CU_ASSERT(n_requests > n_expected * 9 / 10 && n_requests < n_expected * 11 / 10);
    CU_ASSERT(n_completed <= n_sent && n_sent <= n_requests);
    CU_ASSERT(n_requests - n_completed < 30);
    /* In turn: no endpoint has two more than another. */
    CU_ASSERT_EQUAL(shares->n_shares, 2);
    CU_ASSERT(shares->shares[0].count - shares->shares[1].count <= 1 ||
              shares->shares[1].count - shares->shares[0].count <= 1);
}

static void
assert_all_404(const Model *model, const char *client)
{
    uint64_t n_requests = model_counter(model, client, "requests");

    CU_ASSERT(n_requests > 25);
    CU_ASSERT_EQUAL(model_counter(model, client, "completed"), 0);
    CU_ASSERT(n_requests - model_counter(model, client, "error-404") <= 3);
}

static void
test_simple_fanout_sends_each_path_to_its_service(void)
{
    Model *model = model_load("simple-fanout/scenario.xml");

    model_run(model, 5 * VS_S);
    assert_served_by(model, "foo-users", "service1", 5 * 300);
    assert_served_by(model, "bar-users", "service2", 5 * 200);
    assert_all_404(model, "lost-users");
    CU_ASSERT(model_counter(model, "simple-fanout-example", "unmatched") >=
              model_counter(model, "lost-users", "error-404"));
    CU_ASSERT(model_counter(model, "simple-fanout-example", "unmatched") <=
              model_counter(model, "lost-users", "requests"));
    model_free(model);
}

static void
test_name_virtual_host_sends_each_host_to_its_service(void)
{
    Model *model = model_load("name-virtual-host/scenario.xml");

    model_run(model, 5 * VS_S);
    assert_served_by(model, "foo-users", "service1", 5 * 300);
    assert_served_by(model, "bar-users", "service2", 5 * 200);
    assert_all_404(model, "lost-users");
    model_free(model);
}

static void
test_unmatched_is_404_at_once(void)
{
    Model *model = model_new(
        INGRESS("arrivals='constant(10/s)' stop='1s'", "",
                "<rule host='shop.example'><path service='s'/></rule>", POD("a", "")),
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-404"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "unmatched"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "requests"), 0);
    model_free(model);
}

static void
test_default_service_serves_the_unmatched(void)
{
    Model *model =
        model_new(INGRESS("arrivals='constant(10/s)' stop='1s'", "default-service='s'",
                          "<rule host='shop.example'><path service='front'/></rule>",
                          POD("a", "")),
                  model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "unmatched"), 0);
    model_free(model);
}

static void
test_refused_upstream_is_502(void)
{
    Model *model = model_new(
        INGRESS("arrivals='constant(10/s)' stop='1s'", "", TO_S, POD("a", "")),
        model_free_costs);

    /* The endpoint names a port that nobody listens at: its pod's kernel sends RST. */
    model_service(model, "s")->endpoints[0].port = 9;
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-failed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 10);
    model_free(model);
}

/* Makes every translation of the rules of 'node' to port 'from' go to port 'to'. */
static void
redirect_translations(const VsNode *node, uint16_t from, uint16_t to)
{
    VsRuleset *ruleset = vs_filter_ruleset(vs_filter_of(node->host->root));
    const VsRuleTable *nat = vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "nat");

    for (unsigned i = 0; i < nat->chains->len; i++) {
        const VsChain *chain = nat->chains->pdata[i];

        for (unsigned k = 0; k < chain->rules->len; k++) {
            const VsRule *rule = chain->rules->pdata[k];
            VsRuleStep *last = &rule->steps[rule->n_steps - 1];

            if (last->kind == VS_STEP_DNAT && last->nat.min_port == from) {
                last->nat.min_port = to;
                last->nat.max_port = to;
            }
        }
    }
    vs_ruleset_touch(ruleset);
}

/* The same through the cluster IP: kube-proxy sends the connection to a closed port. */
static void
test_refused_cluster_ip_is_502(void)
{
    Model *model = model_new(INGRESS("arrivals='constant(10/s)' stop='1s'",
                                     "upstream='service'", TO_S, POD("a", "")),
                             model_free_costs);

    for (unsigned i = 0; i < model->build->cluster->nodes->len; i++) {
        redirect_translations(model->build->cluster->nodes->pdata[i], 8080, 9);
    }
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 10);
    model_free(model);
}

static void
test_no_endpoint_is_503(void)
{
    static const char *const upstreams[] = {"upstream='endpoints'",
                                            "upstream='service'"};

    for (unsigned i = 0; i < G_N_ELEMENTS(upstreams); i++) {
        Model *model =
            model_new(INGRESS("arrivals='constant(10/s)' stop='1s'", "%s", TO_S, ""),
                      model_free_costs, upstreams[i]);

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 10);
        CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 0);
        model_free(model);
    }
}

/* One worker, a queue of one, three requests at once: the third is the container's 503. */
static void
test_full_queue_is_503(void)
{
    Model *model =
        model_new(INGRESS("arrivals='closed(3)' stop='1us' timeout='10s'", "", TO_S,
                          POD("a", "workers='1' queue='1' service-time='1s'")),
                  model_free_costs);

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "refused"), 1);
    model_free(model);
}

static void
test_late_answer_is_504(void)
{
    Model *model =
        model_new(INGRESS("arrivals='constant(1/s)' stop='1s'", "read-timeout='300ms'",
                          TO_S, POD("a", "service-time='400ms'")),
                  model_free_costs);

    model_run(model, 300 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-timeouts"), 0);
    model_run(model, 310 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-timeouts"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-504"), 1);
    /* What comes later finds the connection gone. */
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "served"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-504"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-failed"), 0);
    model_free(model);
}

static void
test_upstream_connections_are_kept(void)
{
    Model *model = model_new(INGRESS("arrivals='constant(100/s)' stop='1s'", "", TO_S,
                                     POD("a", "service-time='1ms'")),
                             model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "connections"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-reused"), 99);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "connections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "requests"), 100);
    model_free(model);
}

static void
test_keepalive_of_zero_keeps_none(void)
{
    Model *model =
        model_new(INGRESS("arrivals='constant(100/s)' stop='1s'", "keepalive='0'", TO_S,
                          POD("a", "service-time='1ms'")),
                  model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-reused"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "connections"), 100);
    model_free(model);
}

/* Ten users at once need ten connections, of which two are kept for the next round. */
static void
test_keepalive_limits_the_idle(void)
{
    Model *model = model_new(INGRESS("arrivals='closed(10, 1s)' stop='2500ms'",
                                     "keepalive='2' workers='10'", TO_S,
                                     POD("a", "service-time='100ms' workers='10'")),
                             model_free_costs);

    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20); /* At 1 s and 2.1 s. */
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 10 + 8);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-reused"), 2);
    model_free(model);
}

/* Endpoints in turn: each request goes to the next.  Through the cluster IP kube-proxy
 * chooses once for each connection, and that is kept. */
static void
test_upstream_service_balances_connections_not_requests(void)
{
    Model *direct = model_new(INGRESS("arrivals='constant(100/s)' stop='900ms'",
                                      "upstream='endpoints'", TO_S,
                                      POD("a", "") POD("b", "") POD("d", "")),
                              model_free_costs);
    Model *service = model_new(INGRESS("arrivals='constant(100/s)' stop='900ms'",
                                       "upstream='service'", TO_S,
                                       POD("a", "") POD("b", "") POD("d", "")),
                               model_free_costs);

    model_run(direct, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(direct, "a-web", "requests"), 30);
    CU_ASSERT_EQUAL(model_counter(direct, "b-web", "requests"), 30);
    CU_ASSERT_EQUAL(model_counter(direct, "d-web", "requests"), 30);
    CU_ASSERT_EQUAL(model_counter(direct, "nginx", "upstream-opened"), 3);
    CU_ASSERT_EQUAL(sum_of_shares(direct, "s"), 90);

    model_run(service, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(service, "c", "completed"), 90);
    CU_ASSERT_EQUAL(model_counter(service, "nginx", "upstream-opened"), 1);
    CU_ASSERT_EQUAL(sum_of_shares(service, "s"), 1);
    CU_ASSERT_EQUAL(MAX(model_counter(service, "a-web", "requests"),
                        MAX(model_counter(service, "b-web", "requests"),
                            model_counter(service, "d-web", "requests"))),
                    90);
    model_free(direct);
    model_free(service);
}

/* The client gives up; its answer goes nowhere, and the upstream connection is kept. */
static void
test_client_that_gave_up_does_not_harm_upstream(void)
{
    Model *model =
        model_new(INGRESS("arrivals='constant(1/s)' stop='3s' timeout='100ms'", "",
                          TO_S, POD("a", "service-time='200ms'")),
                  model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "served"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-opened"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-reused"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "upstream-failed"), 0);
    model_free(model);
}

/* One worker takes 10 ms a request: of five users the last waits for four others. */
static void
test_workers_process_one_at_a_time(void)
{
    Model *model = model_new(INGRESS("arrivals='closed(5)' stop='1us'",
                                     "processing='10ms' workers='1'", TO_S,
                                     POD("a", "service-time='1ms'")),
                             model_free_costs);
    const VsHistogram *latency;
    VsTime least;

    model_run(model, VS_S);
    latency = model_histogram(model, "c", "latency");
    least = vs_histogram_min(latency);
    CU_ASSERT_EQUAL(vs_histogram_count(latency), 5);
    CU_ASSERT(least > 11 * VS_MS && least < 13 * VS_MS);
    CU_ASSERT(vs_histogram_max(latency) > least + 39 * VS_MS);
    CU_ASSERT(vs_histogram_max(latency) < least + 41 * VS_MS);
    CU_ASSERT_EQUAL(*(const VsTime *)model_stat(model, "nginx", "workers"), 50 * VS_MS);
    model_free(model);
}

/* A kept-alive client through a kept-alive upstream: two connections in all. */
static void
test_keep_alive_on_both_sides(void)
{
    Model *model =
        model_new(INGRESS("arrivals='constant(50/s)' stop='2s' keep-alive='yes'", "",
                          TO_S, POD("a", "service-time='1ms'")),
                  model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "connections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "nginx", "requests"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "connections"), 1);
    model_free(model);
}

/* Several services, each with its own turn and its own connections. */
static void
test_each_service_has_its_own_turn(void)
{
    Model *model = model_new(
        "%s<client id='c1' costs='free' arrivals='constant(40/s)' stop='1s'"
        " to='http://172.16.0.1:30080/one'/>"
        "<client id='c2' costs='free' arrivals='constant(40/s)' stop='1s'"
        " to='http://172.16.0.1:30080/two/x'/>"
        "<switch id='sw' subnet='172.16.0.0/24'/><link from='n1' to='sw'/>"
        "<link from='c1' to='sw'/><link from='c2' to='sw'/>"
        "<node id='n1' costs='free'><pod id='controller' labels='app=ingress'>"
        "<ingress id='nginx'><rule><path path='/one' service='s'/>"
        "<path path='/two' service='t'/></rule></ingress></pod>" POD("a", "") POD(
            "b",
            "") "<pod id='d' labels='app=other'><container id='d-web'/></pod></node>"
                "<service id='front' type='NodePort' node-port='30080' "
                "select='app=ingress'/>"
                "<service id='s' target-port='8080' select='app=web'/>"
                "<service id='t' target-port='8080' select='app=other'/>",
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c1", "completed"), 40);
    CU_ASSERT_EQUAL(model_counter(model, "c2", "completed"), 40);
    CU_ASSERT_EQUAL(model_counter(model, "a-web", "requests"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "b-web", "requests"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "d-web", "requests"), 40);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"simple fan-out: each path to its service, others 404",
     test_simple_fanout_sends_each_path_to_its_service},
    {"name-based virtual hosting: each host to its service, others 404",
     test_name_virtual_host_sends_each_host_to_its_service},
    {"what no rule matches is 404 at once", test_unmatched_is_404_at_once},
    {"the default service serves what no rule matches",
     test_default_service_serves_the_unmatched},
    {"an upstream that refuses is a 502", test_refused_upstream_is_502},
    {"a cluster IP that leads to a closed port is a 502",
     test_refused_cluster_ip_is_502},
    {"a service without endpoints is a 503", test_no_endpoint_is_503},
    {"a container's full queue is a 503", test_full_queue_is_503},
    {"an answer after read-timeout is a 504", test_late_answer_is_504},
    {"upstream connections are kept and used again",
     test_upstream_connections_are_kept},
    {"keepalive 0 keeps none", test_keepalive_of_zero_keeps_none},
    {"keepalive limits the idle connections", test_keepalive_limits_the_idle},
    {"upstream=service balances connections, endpoints requests",
     test_upstream_service_balances_connections_not_requests},
    {"a client that gave up does no harm upstream",
     test_client_that_gave_up_does_not_harm_upstream},
    {"a worker processes one request at a time", test_workers_process_one_at_a_time},
    {"keep-alive on both sides", test_keep_alive_on_both_sides},
    {"each service has its own turn", test_each_service_has_its_own_turn},
    {0},
};

VS_TESTS("ingress")
