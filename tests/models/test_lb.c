#include "models/fixture.h"
#include "models/lb/lb.h"

/* Clients, and a load balancer at 203.0.113.10 that has nodes behind its switch. */
#define EDGE(clients, lb)                                                  \
    "%s" clients                                                           \
    "<switch id='out' subnet='192.0.2.0/24'/><link from='edge' to='out'/>" \
    "<lb id='edge' service='s' costs='free' " lb "/>"                      \
    "<switch id='tor'/><link from='edge' to='tor'/>"

/* The same with four nodes, each with one pod. */
#define LB(clients, lb)                                                    \
    EDGE(clients, lb)                                                      \
    "<node id='n' count='4' costs='free'/><link from='n' to='tor'/>"       \
    "<pod id='p' count='4' labels='app=web'>"                              \
    "<container id='web' service-time='1ms'/></pod>"                       \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'" \
    " select='app=web'/>"

#define CLIENT(attributes) CLIENT_OF("203.0.113.10", attributes)
#define CLIENT_OF(vip, attributes)                                      \
    "<client id='c' costs='free' to='http://" vip "/' " attributes "/>" \
    "<link from='c' to='out'/>"
#define MANY_CLIENTS(attributes)                                                \
    "<client id='many' costs='free' to='http://203.0.113.10/' " attributes "/>" \
    "<link from='many' to='out'/>"

#define NODES "n-1", "n-2", "n-3", "n-4"
#define PODS "p-1", "p-2", "p-3", "p-4"

enum { N_BACKENDS = 4 };

/* A run of LB(); what follows are the values of %s in 'lb'. */
#define lb_new(clients, lb, ...) \
    model_new(LB(clients, lb), model_free_costs, ##__VA_ARGS__)

static void
shares_of(const Model *model, const char *const *names, uint64_t *ret_counts)
{
    for (unsigned i = 0; i < N_BACKENDS; i++) {
        ret_counts[i] = model_share(model, "edge", "backends", names[i]);
    }
}

static const char *const nodes[] = {NODES};
static const char *const pods[] = {PODS};

static void
assert_all_completed(const Model *model, uint64_t n_expected)
{
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), n_expected);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), n_expected);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), n_expected);
}

static void
test_round_robin_shares_are_equal(void)
{
    static const char *const algorithms[] = {"round-robin", "smooth-wrr"};

    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        Model *model = lb_new(CLIENT("arrivals='constant(1000/s)' stop='1s'"),
                              "algorithm='%s'", algorithms[i]);
        uint64_t counts[N_BACKENDS];

        model_run(model, 3 * VS_S);
        assert_all_completed(model, 1000);
        shares_of(model, nodes, counts);
        for (unsigned j = 0; j < N_BACKENDS; j++) {
            CU_ASSERT_EQUAL(counts[j], 250);
        }
        model_free(model);
    }
}

/* Each connection comes from a port of its own, so the hash is as good as random. */
static void
test_hashed_and_random_shares_are_even(void)
{
    static const char *const algorithms[] = {"random", "maglev"};

    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        Model *model = lb_new(CLIENT("arrivals='constant(1000/s)' stop='4s'"),
                              "algorithm='%s'", algorithms[i]);
        uint64_t counts[N_BACKENDS];

        model_run(model, 6 * VS_S);
        assert_all_completed(model, 4000);
        shares_of(model, nodes, counts);
        CU_ASSERT(model_uniform_p(counts, N_BACKENDS) > 1e-6);
        model_free(model);
    }
}

static void
test_source_hash_keeps_a_client_on_one_backend(void)
{
    Model *model =
        lb_new(MANY_CLIENTS("count='200' arrivals='constant(5/s)' stop='1s'"),
               "algorithm='source-hash'");
    uint64_t counts[N_BACKENDS];

    model_run(model, 3 * VS_S);
    shares_of(model, nodes, counts);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 1000);
    for (unsigned i = 0; i < N_BACKENDS; i++) {
        CU_ASSERT_EQUAL(counts[i] % 5, 0); /* All five of a client's, or none. */
        counts[i] /= 5;
    }
    CU_ASSERT(model_uniform_p(counts, N_BACKENDS) > 1e-6);
    model_free(model);
}

#define SLOW_AND_FAST_POD                                              \
    "<node id='n' costs='free'/><link from='n' to='tor'/>"             \
    "<pod id='slow' labels='app=web'>"                                 \
    "<container id='slow-web' service-time='1s' workers='100'/></pod>" \
    "<pod id='fast' labels='app=web'>"                                 \
    "<container id='fast-web' service-time='1ms'/></pod>"              \
    "<service id='s' target-port='8080' select='app=web'/>"

/* One backend is slow: least-conn sends the rest elsewhere. */
static void
test_least_conn_avoids_the_busy(void)
{
    Model *model =
        model_new(EDGE(CLIENT("arrivals='constant(100/s)' stop='5s'"),
                       "target='pods' algorithm='least-conn'") SLOW_AND_FAST_POD,
                  model_free_costs);

    model_run(model, 8 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 500);
    /* Every 10 ms a connection; the fast one is done by the next.  The slow one gets one
     * when it has none and the other too: about once a second. */
    CU_ASSERT(model_share(model, "edge", "backends", "slow") <= 10);
    CU_ASSERT(model_share(model, "edge", "backends", "fast") >= 490);
    model_free(model);
}

static uint32_t
active_of(const Model *model, unsigned backend)
{
    for (unsigned i = 0; i < vs_scenario_n_elements(model->scenario); i++) {
        const VsElement *element = vs_scenario_element(model->scenario, i);

        if (strcmp(element->model->element, "lb") == 0) {
            const Lb *lb = vs_simulation_instance(model->simulation, element);

            return lb->balancer.backends[backend].n_active;
        }
    }
    return UINT32_MAX;
}

/* A connection is off its backend's count when both sides have closed it. */
static void
test_least_conn_counts_until_the_connection_closes(void)
{
    Model *model = lb_new(CLIENT("arrivals='constant(1/s)' stop='4s' keep-alive='no'"),
                          "algorithm='least-conn'");

    /* They follow one another, so all find everybody idle: the first of equals. */
    model_run(model, 6 * VS_S);
    assert_all_completed(model, 4);
    CU_ASSERT_EQUAL(model_share(model, "edge", "backends", "n-1"), 4);
    CU_ASSERT_EQUAL(active_of(model, 0), 0);
    model_free(model);

    /* Four users at a time, each with an open connection: one each. */
    model = lb_new(CLIENT("arrivals='closed(4, 1s)' stop='10s' keep-alive='yes'"),
                   "algorithm='least-conn'");
    model_run(model, 20 * VS_S);
    for (unsigned i = 0; i < N_BACKENDS; i++) {
        CU_ASSERT_EQUAL(model_share(model, "edge", "backends", nodes[i]), 1);
        CU_ASSERT_EQUAL(active_of(model, i), 1);
    }
    model_free(model);
}

static void
test_target_pods_goes_past_kube_proxy(void)
{
    Model *model =
        lb_new(CLIENT("arrivals='constant(1000/s)' stop='1s'"), "target='pods'");
    const VsShares *endpoints;
    uint64_t counts[N_BACKENDS];

    model_run(model, 3 * VS_S);
    assert_all_completed(model, 1000);
    shares_of(model, pods, counts);
    endpoints = model_stat(model, "s", "endpoints");
    for (unsigned i = 0; i < N_BACKENDS; i++) {
        CU_ASSERT_EQUAL(counts[i], 250);
        CU_ASSERT_EQUAL(endpoints->shares[i].count, 0); /* kube-proxy chose nothing. */
    }
    model_free(model);
}

static void
test_nodes_limits_the_backends(void)
{
    Model *model =
        lb_new(CLIENT("arrivals='constant(100/s)' stop='1s'"), "nodes='n-2 n-4'");
    const VsShares *shares = model_stat(model, "edge", "backends");

    model_run(model, 3 * VS_S);
    assert_all_completed(model, 100);
    CU_ASSERT_EQUAL(shares->n_shares, 2);
    CU_ASSERT_EQUAL(model_share(model, "edge", "backends", "n-2"), 50);
    CU_ASSERT_EQUAL(model_share(model, "edge", "backends", "n-4"), 50);
    model_free(model);
}

/* Keep-alive: many requests, one connection, one backend. */
static void
test_connection_keeps_its_backend(void)
{
    Model *model =
        lb_new(CLIENT("arrivals='constant(100/s)' stop='5s' keep-alive='yes'"), "");

    model_run(model, 7 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 500);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 1);
    CU_ASSERT_EQUAL(model_share(model, "edge", "backends", "n-1"), 1);
    model_free(model);
}

/* The node sees the load balancer, the client sees the VIP: nobody answers past it. */
static void
test_replies_return_through_the_load_balancer(void)
{
    Model *model =
        lb_new(CLIENT("arrivals='constant(10/s)' stop='1s'"), "target='pods'");
    Tap *at_pod = tap_new(model_pod(model, "p-1")->netns, VS_HOOK_INPUT);
    Tap *at_client = tap_new(model_host(model, "c")->root, VS_HOOK_INPUT);
    VsAddr inside = model_host(model, "edge")->root->ifaces->next->next->address;

    model_run(model, 2 * VS_S);
    assert_all_completed(model, 10);
    CU_ASSERT(at_pod->entries->len > 0);
    for (unsigned i = 0; i < at_pod->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(at_pod, i)->flow.saddr, inside);
        CU_ASSERT_EQUAL(tap_get(at_pod, i)->flow.dport, 8080);
    }
    for (unsigned i = 0; i < at_client->entries->len; i++) {
        CU_ASSERT_EQUAL(tap_get(at_client, i)->flow.saddr, 0xcb00710a); /* The VIP. */
        CU_ASSERT_EQUAL(tap_get(at_client, i)->flow.sport, 80);
    }
    model_free(model);
    tap_free(at_pod);
    tap_free(at_client);
}

/* Two clients may use the same source port: the load balancer has but one address. */
static void
test_equal_source_ports_are_told_apart(void)
{
    Model *model = lb_new(
        MANY_CLIENTS("count='50' arrivals='constant(10/s)' stop='1s'"), "nodes='n-1'");

    model_run(model, 3 * VS_S);
    model_check_each(model, "many", 50, "completed", 10);
    model_free(model);
}

/* Clients at 198.51.100.1 to .4; what lets whom in is the service's to say. */
#define RANGED_LB(target, ranges)                                                 \
    "<switch id='out' subnet='198.51.100.0/24'/>"                                 \
    "<client id='c' count='4' to='http://203.0.113.10/'"                          \
    " arrivals='constant(10/s)' start='${index}ms' stop='1s' timeout='500ms'/>"   \
    "<link from='c' to='out'/>"                                                   \
    "<lb id='edge' service='s' target='" target "'/><link from='edge' to='out'/>" \
    "<switch id='tor'/><link from='edge' to='tor'/>"                              \
    "<node id='n' count='2'/><link from='n' to='tor'/>"                           \
    "<pod id='p' count='2' labels='app=web'><container id='web'/></pod>"          \
    "<service id='s' type='LoadBalancer' target-port='8080' select='app=web'"     \
    " load-balancer-source-ranges='" ranges "'/>"

/* A client whose SYN is dropped gives up before it would send it again. */
static void
check_ranges(const Model *model, unsigned n_admitted)
{
    static const char *const clients[] = {"c-1", "c-2", "c-3", "c-4"};

    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        bool is_in = i < n_admitted;

        CU_ASSERT_EQUAL(model_counter(model, clients[i], "completed"), is_in ? 10 : 0);
        CU_ASSERT_EQUAL(model_counter(model, clients[i], "error-timeout"),
                        is_in ? 0 : 10);
    }
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 10 * n_admitted);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "not-admitted"),
                    10 * (4 - n_admitted));
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_SOURCE_RANGES), 10 * (4 - n_admitted));
}

static void
test_source_ranges_limit_the_clients(void)
{
    static const char *const sites[] = {
        RANGED_LB("node-port", "192.0.2.0/24 198.51.100.0/30"),
        RANGED_LB("pods", "192.0.2.0/24 198.51.100.0/30"),
        RANGED_LB("node-port", "192.0.2.0/24"),
        RANGED_LB("node-port", "0.0.0.0/0"),
    };
    static const unsigned n_admitted[] = {3, 3, 0, 4};

    for (unsigned i = 0; i < G_N_ELEMENTS(sites); i++) {
        Model *model = model_new("%s", sites[i]);

        model_run(model, 3 * VS_S);
        check_ranges(model, n_admitted[i]);
        model_free(model);
    }
}

static void
test_other_ports_of_the_vip_refuse(void)
{
    Model *model =
        lb_new(CLIENT_OF("203.0.113.10:81", "arrivals='constant(10/s)' stop='1s'"), "");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 0);
    model_free(model);
}

static void
test_vip_and_port_as_given(void)
{
    Model *model =
        lb_new(CLIENT_OF("198.51.100.4:8443", "arrivals='constant(10/s)' stop='1s'"),
               "vip='198.51.100.4' port='8443'");

    model_run(model, 2 * VS_S);
    assert_all_completed(model, 10);
    model_free(model);
}

#define TWO_LBS(first, second)                                                  \
    "<lb id='one' service='s' " first "/><lb id='two' service='s' " second "/>" \
    "<switch id='sw'/><link from='one' to='sw'/><link from='two' to='sw'/>"     \
    "<node id='n'/><link from='n' to='sw'/>"                                    \
    "<pod id='p' labels='app=web'><container id='web'/></pod>"                  \
    "<service id='s' type='NodePort' target-port='8080' select='app=web'/>"

static void
test_wrong_configurations_are_refused(void)
{
    static const struct {
        const char *attributes;
        const char *message;
    } cases[] = {
        {"algorithm='maglev' algorithm-params='table-size=65535'",
         "is not prime; the next prime is 65537"},
        {"algorithm-params='table-size=65537'", "round-robin has no param"},
        {"algorithm='round-robbin'", "did you mean \"round-robin\""},
        {"target='pods' nodes='n-1'", "has no effect with target=\"pods\""},
        {"health-interval='1s' health-timeout='1s'", "not below health-interval"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        model_check_error(cases[i].message, LB("", "%s"), model_free_costs,
                          cases[i].attributes);
    }
    model_check_error("has no node port",
                      "<lb id='l' service='s'/><node id='n'/><link from='l' to='n'/>"
                      "<service id='s' select='a=b'/>");
    model_check_error("port 53 of service \"s\" is UDP's, and <lb> sends TCP",
                      "<lb id='l' service='s'/><node id='n'/><link from='l' to='n'/>"
                      "<service id='s' type='NodePort' protocol='udp' port='53' "
                      "select='a=b'/>");
    model_check_error("has no backend",
                      "<lb id='l' service='s' target='pods'/><node id='n'/>"
                      "<link from='l' to='n'/><service id='s' select='a=b'/>");
    model_check_error("198.51.100.4",
                      TWO_LBS("vip='198.51.100.4'", "vip='198.51.100.4'"));
    model_check_error("203.0.113.10", TWO_LBS("", "vip='203.0.113.10'"));
    model_check_error(NULL, TWO_LBS("vip='203.0.113.10'", ""));
}

static const VsTestCase tests[] = {
    {"round robin gives equal shares", test_round_robin_shares_are_equal},
    {"random and Maglev give even shares", test_hashed_and_random_shares_are_even},
    {"source hash keeps a client on one backend",
     test_source_hash_keeps_a_client_on_one_backend},
    {"least connections avoids the busy", test_least_conn_avoids_the_busy},
    {"least connections counts a connection until it is closed",
     test_least_conn_counts_until_the_connection_closes},
    {"target=pods goes past kube-proxy", test_target_pods_goes_past_kube_proxy},
    {"nodes= limits the backends", test_nodes_limits_the_backends},
    {"a connection keeps its backend", test_connection_keeps_its_backend},
    {"replies return through the load balancer",
     test_replies_return_through_the_load_balancer},
    {"equal source ports of clients are told apart",
     test_equal_source_ports_are_told_apart},
    {"source ranges limit the clients", test_source_ranges_limit_the_clients},
    {"another port of the VIP refuses", test_other_ports_of_the_vip_refuse},
    {"VIP and port are as given", test_vip_and_port_as_given},
    {"configurations that cannot be are refused",
     test_wrong_configurations_are_refused},
    {0},
};

VS_TESTS("lb")
