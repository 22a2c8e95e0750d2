/* Sidecars: who speaks TLS to whom, and what they do about failures. */
#include "models/sidecar_fixture.h"

#define BARE ""
#define OFF(id) SIDECAR(id, "mtls='off'")
#define PERMISSIVE(id) SIDECAR(id, "mtls='permissive'")
#define STRICT(id) SIDECAR(id, "mtls='strict'")

/* Handshakes that ended at the server's side of 'pod'. */
static uint64_t
handshakes(const Model *model, const char *pod)
{
    const VsTlsStats *stats = vs_tls_stats(model_pod(model, pod)->netns);

    return stats->n_full + stats->n_resumed;
}

/* A front end's sidecar, or none, calls a leaf with such a one. */
static void
test_who_speaks_tls_to_whom(void)
{
    static const struct {
        const char *front;
        const char *leaf;
        bool is_answered;
        bool is_tls;
    } cases[] = {
        {BARE, BARE, true, false},
        {BARE, OFF("sa"), true, false},
        {BARE, PERMISSIVE("sa"), true, false},
        {BARE, STRICT("sa"), false, false},
        {PERMISSIVE("sw"), BARE, true, false},
        {PERMISSIVE("sw"), OFF("sa"), true, false},
        {PERMISSIVE("sw"), PERMISSIVE("sa"), true, true},
        {PERMISSIVE("sw"), STRICT("sa"), true, true},
        {OFF("sw"), STRICT("sa"), true, true}, /* It says what it takes, no more. */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' timeout='5s' "
            "arrivals='constant(10/s)' stop='950ms'/>"
            "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"
            "<node id='n1' costs='free'>"
            "<pod id='w' labels='app=web'><container id='web'><call service='api'/>"
            "</container>%s</pod>"
            "<pod id='a' labels='app=api'><container id='api-c'/>%s</pod></node>"
            "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
            "select='app=web'/>"
            "<service id='api' port='80' target-port='8080' select='app=api'/>",
            model_free_costs, cases[i].front, cases[i].leaf);

        model_run(model, 8 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                        cases[i].is_answered ? 10 : 0);
        CU_ASSERT_EQUAL(model_counter(model, "api-c", "served"),
                        cases[i].is_answered ? 10 : 0);
        CU_ASSERT_EQUAL(handshakes(model, "a") > 0, cases[i].is_tls);
        if (*cases[i].front) {
            CU_ASSERT_EQUAL(model_counter(model, "sw", "mtls-opened") > 0,
                            cases[i].is_tls);
        }
        model_free(model);
    }
}

/* model_free_costs with 'tls-sign' and 'tls-verify' set. */
static char *
tls_costs(const char *sign, const char *verify)
{
    g_auto(GStrv) first = g_strsplit(model_free_costs, "tls-sign='0s'", 2);
    g_auto(GStrv) second = g_strsplit(first[1], "tls-verify='0s'", 2);

    return g_strdup_printf("%stls-sign='%s'%stls-verify='%s'%s", first[0], sign,
                           second[0], verify, second[1]);
}

static VsTime
latency_of_one(const char *costs, const char *mtls)
{
    g_autofree char *text = g_strdup_printf(MESH(ONE, CALL, "%s", "%s", "%s", LEAF),
                                            costs, SIDECAR("sw", ""), mtls, mtls);
    Model *model = model_new("%s", text);
    VsTime latency;

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
    latency = vs_histogram_max(model_histogram(model, "c", "latency"));
    model_free(model);
    return latency;
}

/* The server signs; the client verifies and signs before its request goes; the server's
 * verifying delays what it sends next, the tickets. */
static void
test_a_handshake_costs_both_sides(void)
{
    g_autofree char *costs = tls_costs("100us", "300us");
    static const char off[] = "<sidecar processing='1ms' mtls='off'/>";
    static const char on[] = "<sidecar processing='1ms'/>";
    VsTime free_plain = latency_of_one(model_free_costs, off);
    VsTime free_mutual = latency_of_one(model_free_costs, on);

    CU_ASSERT_EQUAL(free_mutual, free_plain);
    CU_ASSERT_EQUAL(latency_of_one(costs, off), free_plain);
    CU_ASSERT_EQUAL(latency_of_one(costs, on), free_plain + (100 + 300 + 100) * VS_US);
}

/* Endpoint 'endpoint' names a port where nobody listens. */
static void
refuse(const Model *model, unsigned endpoint)
{
    model_service(model, "api")->all_endpoints[endpoint].port = 9;
}

/* ---- To whom ---- */

static void
test_what_is_no_service_passes_or_is_refused(void)
{
    static const char *const policies[] = {"allow-any", "registry-only"};

    for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++) {
        Model *model = model_new(
            "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' " ONE "/>"
            "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"
            "<node id='n1' costs='free'>"
            "<pod id='w' labels='app=web'><ingress id='in' processing='0s' "
            "default-service='api'/><sidecar id='sw' outbound-policy='%s'/></pod>"
            "<pod id='a' labels='app=api'><container id='api-c'/></pod></node>"
            "<service id='s' type='NodePort' node-port='30080' target-port='80' "
            "select='app=web'/>"
            "<service id='api' port='80' target-port='8080' select='app=api'/>",
            model_free_costs, policies[i]);

        model_run(model, 2 * VS_S);
        /* The ingress chooses pods: addresses that no service has. */
        CU_ASSERT_EQUAL(model_counter(model, "sw", "passthrough"), 1);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), i == 0);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), i == 1);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-nr"), i == 1);
        model_free(model);
    }
}

/* An eBPF program puts a pod in place of the service before the rules see the packet. */
static void
test_ciliums_sockets_pass_the_mesh_by(void)
{
    static const char *const plugins[] = {"bridge", "cilium"};

    for (unsigned i = 0; i < G_N_ELEMENTS(plugins); i++) {
        g_autofree char *text = g_strdup_printf(
            "<cluster cni='%s'/>" MESH(ONE, CALL, SIDECAR("sw", ""), STRICT("sa"),
                                       STRICT("sb"), LEAF),
            plugins[i], model_free_costs);
        Model *model = model_new("%s", text);

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "passthrough"), i == 1);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uc"), i == 1);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), i == 0);
        model_free(model);
    }
}

/* Overwrites what was asked: the test has no other use for it. */
static void
asked(VsHttpExchange *exchange, const VsHttp *answer)
{
    exchange->payload.http.status = answer->status;
}

static void
failed(VsHttpExchange *exchange, VsTcpEnd end)
{
    (void)exchange;
    (void)end;
}

/* Who calls a pod by the name that a headless service gives it gets mutual TLS; by an address
 * that nobody named, plaintext, which a strict sidecar refuses. */
static void
test_endpoints_of_headless_services_are_known(void)
{
    static const char *const services[] = {"cluster-ip='none'", "port='80'"};
    static const VsHttpExchangeOps ops = {.answered = asked, .failed = failed};

    for (unsigned i = 0; i < G_N_ELEMENTS(services); i++) {
        Model *model = model_new(
            "%s<node id='n1' costs='free'>"
            "<pod id='w'>" SIDECAR(
                "sw", "") "</pod>"
                          "<pod id='a' labels='app=api'><container id='a-api'/>" STRICT(
                              "sa") "</pod>"
                                    "</node><service id='api' %s target-port='8080' "
                                    "select='app=api'/>",
            model_free_costs, services[i]);
        const VsHttpClientConfig config = {.netns = model_pod(model, "w")->netns,
                                           .n_links_max = 1};
        VsHttpExchange exchange = {.ops = &ops,
                                   .payload = vs_http_new_request(
                                       &model->run->packets->names, "a", "/", 0, false),
                                   .address = model_pod(model, "a")->address,
                                   .port = 8080};
        VsHttpClient client;

        vs_http_client_open(&client, &config);
        vs_http_client_send(&client, &exchange);
        model_run(model, VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "a-api", "served"), i == 0);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "passthrough"), i == 1);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uc"), i == 1);
        vs_http_client_close(&client);
        model_free(model);
    }
}

static void
test_upgrades_are_forbidden(void)
{
    static const VsHttpExchangeOps ops = {.answered = asked, .failed = failed};
    Model *model = model_new(
        "%s<node id='n1' costs='free'><pod id='w'>" SIDECAR(
            "sw",
            "") "</pod>"
                "<pod id='a' labels='app=api'><container id='a-api'/></pod></node>"
                "<service id='api' port='80' select='app=api' target-port='8080'/>",
        model_free_costs);
    const VsHttpClientConfig config = {.netns = model_pod(model, "w")->netns,
                                       .n_links_max = 1};
    VsHttpExchange exchange = {
        .ops = &ops,
        .payload = vs_http_new_request(&model->run->packets->names, "a", "/", 0, false),
        .address = model_service(model, "api")->cluster_ip,
        .port = 80};
    VsHttpClient client;

    exchange.payload.http.is_upgrade = true;
    vs_http_client_open(&client, &config);
    vs_http_client_send(&client, &exchange);
    model_run(model, VS_S);
    CU_ASSERT_EQUAL(exchange.payload.http.status, 403);
    CU_ASSERT_EQUAL(model_counter(model, "a-api", "requests"), 0);
    vs_http_client_close(&client);
    model_free(model);
}

/* Endpoints as they are known so long after they change. */
static void
test_news_of_endpoints_take_their_time(void)
{
    Model *model = model_new(
        "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' "
        "arrivals='constant(100/s)' stop='3s'/>"
        "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"
        "<node id='n1' costs='free'>"
        "<pod id='w' labels='app=web'><container id='web'><call service='api'/>"
        "</container><sidecar id='sw' xds-delay='500ms' processing='0s'/></pod>"
        "<pod id='a' labels='app=api' terminates-at='1s'><container id='a-api'/></pod>"
        "<pod id='b' labels='app=api' ready-at='2s'><container id='b-api'/></pod>"
        "</node>"
        "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
        "select='app=web'/>"
        "<service id='api' port='80' target-port='8080' select='app=api'/>",
        model_free_costs);

    model_run(model, 4 * VS_S);
    /* 1.5 s of a, 1 s of nobody, 0.5 s of b; a request at each edge is either's. */
    CU_ASSERT(ABS((int)model_counter(model, "a-api", "served") - 150) <= 1);
    CU_ASSERT(ABS((int)model_counter(model, "b-api", "served") - 50) <= 1);
    CU_ASSERT(ABS((int)model_counter(model, "sw", "failed-uh") - 100) <= 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed") +
                        model_counter(model, "sw", "failed-uh"),
                    300);
    model_free(model);
}

/* Many requests at a time on one connection of HTTP/2: kube-proxy sends all to one pod, a
 * sidecar each to the next. */
static void
test_requests_of_http2_are_spread(void)
{
    static const struct {
        const char *caller, *a, *b;
    } cases[] = {{BARE, BARE, BARE}, {PERMISSIVE("sw"), STRICT("sa"), STRICT("sb")}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            "%s<node id='n1' costs='free'>"
            "<pod id='w'><client id='c' to='http://10.96.0.11/' "
            "arrivals='constant(1000/s)' stop='995ms' http-version='2'/>%s</pod>"
            "<pod id='a' labels='app=api'><container id='a-api' http-version='2' "
            "service-time='5ms' workers='100'/>%s</pod>"
            "<pod id='b' labels='app=api'><container id='b-api' http-version='2' "
            "service-time='5ms' workers='100'/>%s</pod></node>"
            "<service id='api' port='80' cluster-ip='10.96.0.11' target-port='8080' "
            "select='app=api'/>",
            model_free_costs, cases[i].caller, cases[i].a, cases[i].b);
        uint64_t n_a, n_b;

        model_run(model, 2 * VS_S);
        n_a = model_counter(model, "a-api", "served");
        n_b = model_counter(model, "b-api", "served");
        CU_ASSERT_EQUAL(n_a + n_b, 995);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 995);
        CU_ASSERT_EQUAL(n_a > 400 && n_b > 400, i == 1);
        if (i == 1) {
            CU_ASSERT_EQUAL(model_counter(model, "sw", "outbound-connections"), 1);
            CU_ASSERT_EQUAL(model_counter(model, "sw", "outbound-opened"), 2);
            CU_ASSERT_EQUAL(model_counter(model, "sw", "mtls-opened"), 2);
            CU_ASSERT_EQUAL(model_counter(model, "sa", "inbound-opened"), 1);
        }
        model_free(model);
    }
}

/* Nobody listens: each request connects again at once, and none waits for a back-off of the
 * connection. */
static void
test_connections_of_http2_are_tried_at_once(void)
{
    Model *model = model_new(
        "%s<node id='n1' costs='free'>"
        "<pod id='w'><client id='c' to='http://10.96.0.11/' "
        "arrivals='constant(100/s)' stop='995ms' http-version='2'/>" SIDECAR(
            "sw",
            "retries='0'") "</pod>"
                           "<pod id='a' labels='app=api'><container id='a-api' "
                           "http-version='2'/></pod>"
                           "</node><service id='api' port='80' cluster-ip='10.96.0.11' "
                           "target-port='8080' select='app=api'/>",
        model_free_costs);

    refuse(model, 0);
    model_run(model, 500 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT_EQUAL(model_counter(model, "sw", "outbound-opened"),
                    model_counter(model, "c", "requests"));
    model_service(model, "api")->all_endpoints[0].port = 8080;
    model_run(model, 2 * VS_S);
    CU_ASSERT(model_counter(model, "c", "completed") >= 48);
    model_free(model);
}

/* ---- Failures ---- */

static void
test_a_refused_request_goes_to_another_endpoint(void)
{
    static const struct {
        const char *settings;
        unsigned n_completed_least;
        unsigned n_completed_most;
    } cases[] = {{"", 100, 100}, {"retries='0'", 20, 80}, {"retry-on='503'", 20, 80}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(MESH("arrivals='constant(10/s)' stop='9950ms' ", CALL,
                                 "<sidecar id='sw' processing='0s' %s/>", "", "", LEAF),
                            model_free_costs, cases[i].settings);
        Model *model = model_new("%s", text);
        uint64_t n_completed, n_failed;

        refuse(model, 0);
        model_run(model, 12 * VS_S);
        n_completed = model_counter(model, "c", "completed");
        n_failed = model_counter(model, "sw", "failed-uf");
        CU_ASSERT(n_completed >= cases[i].n_completed_least);
        CU_ASSERT(n_completed <= cases[i].n_completed_most);
        CU_ASSERT_EQUAL(n_completed + n_failed, 100);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), n_failed);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "retries") > 0, i == 0);
        if (i == 0) { /* A uniform back-off of up to 25 ms. */
            const VsHistogram *latency = model_histogram(model, "c", "latency");

            CU_ASSERT(vs_histogram_max(latency) < 2 * VS_MS + 26 * VS_MS);
            CU_ASSERT(vs_histogram_max(latency) > 2 * VS_MS + 15 * VS_MS);
        }
        model_free(model);
    }
}

/* The sidecar of the leaf answers for a container that is not there, and the front end's tries
 * again: the same pod, when there is no other. */
static void
test_an_answer_503_is_tried_again(void)
{
    Model *model = model_new(
        MESH(ONE, CALL, SIDECAR("sw", ""), SIDECAR("sa", ""), SIDECAR("sb", ""), LEAF),
        model_free_costs);

    refuse(model, 0);
    refuse(model, 1);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "retries"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "sa", "failed-uf") +
                        model_counter(model, "sb", "failed-uf"),
                    3);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"), 0); /* It passes it on. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 1);
    model_free(model);
}

static void
test_time_outs_pass_in_time(void)
{
    static const struct {
        const char *settings;
        VsTime latency_least;
        VsTime latency_most;
        unsigned n_tries;
    } cases[] = {
        {"timeout='100ms'", 101 * VS_MS, 102 * VS_MS, 1},
        {"try-timeout='100ms'", 101 * VS_MS, 102 * VS_MS, 1},
        {"try-timeout='100ms' retry-on='gateway-error'", 301 * VS_MS, 377 * VS_MS, 3},
        {"try-timeout='100ms' timeout='250ms' retry-on='5xx' backoff='1us'",
         251 * VS_MS, 252 * VS_MS, 3},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(MESH(ONE, CALL, "<sidecar id='sw' processing='0s' %s/>", "",
                                 "", "service-time='10s' workers='10'"),
                            model_free_costs, cases[i].settings);
        Model *model = model_new("%s", text);

        model_run(model, cases[i].latency_least);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-ut"), 0);
        model_run(model, cases[i].latency_most);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-ut"), 1);
        CU_ASSERT_EQUAL(model_counter(model, "a-api", "requests") +
                            model_counter(model, "b-api", "requests"),
                        cases[i].n_tries);
        model_free(model);
    }
}

/* No packet comes back: the connection is given up, and there is no other pod. */
static void
test_a_connection_that_takes_too_long_has_failed(void)
{
    Model *model = model_new(
        MESH(ONE, CALL,
             SIDECAR("sw", "connect-timeout='500ms' retries='1' backoff='1us'"), "", "",
             LEAF),
        model_free_costs);

    model_unplug_netns(model_pod(model, "a")->netns);
    model_unplug_netns(model_pod(model, "b")->netns);
    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "retries"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 1);
    model_free(model);
}

/* ---- Limits ---- */

/* Five calls at once; those that are not refused get no packet back. */
static void
test_limits_of_a_service(void)
{
    static const struct {
        const char *settings;
        unsigned n_refused;
    } cases[] = {{"", 0},
                 {"max-requests='2'", 3},
                 {"max-pending='3'", 2},
                 {"max-pending='0'", 5}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            MESH(ONE,
                 "service-time='1ms'><call service='api' parallel='yes' count='5'/>",
                 "<sidecar id='sw' processing='0s' retries='0' connect-timeout='500ms' "
                 "%s/>",
                 "", "", LEAF),
            model_free_costs, cases[i].settings);
        Model *model = model_new("%s", text);

        model_unplug_netns(model_pod(model, "a")->netns);
        model_unplug_netns(model_pod(model, "b")->netns);
        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uo"), cases[i].n_refused);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"),
                        5 - cases[i].n_refused);
        model_free(model);
    }
}

/* One after another none is too many, whether they are answered or not. */
static void
test_limits_are_for_requests_under_way(void)
{
    static const bool is_refused[] = {false, true};

    for (unsigned i = 0; i < G_N_ELEMENTS(is_refused); i++) {
        Model *model = model_new(
            MESH("arrivals='constant(10/s)' stop='950ms' ", CALL,
                 SIDECAR("sw", "max-requests='1' max-pending='1' retries='0'"), "", "",
                 LEAF),
            model_free_costs);

        if (is_refused[i]) {
            refuse(model, 0);
            refuse(model, 1);
        }
        model_run(model, 3 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uo"), 0);
        CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"),
                        is_refused[i] ? 10 : 0);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), is_refused[i] ? 0 : 10);
        model_free(model);
    }
}

/* Five failures in sequence, and the endpoint gets nothing for 2 s, and the second time for
 * 4 s. */
static void
test_endpoints_that_fail_are_ejected(void)
{
    Model *model = model_new(
        MESH("arrivals='constant(100/s)' stop='7s' ", CALL,
             SIDECAR("sw", "retries='0' consecutive-errors='5' ejection-time='2s' "
                           "workers='1'"),
             "", "", LEAF),
        model_free_costs);

    refuse(model, 0);
    model_run(model, 9 * VS_S);
    /* At the start, after 2 s and a bit, after 6 s and two bits. */
    CU_ASSERT_EQUAL(model_counter(model, "sw", "ejections"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"), 15);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 700 - 15);
    model_free(model);
}

/* Only one of two may be ejected: the others' failures are borne. */
static void
test_not_all_endpoints_are_ejected(void)
{
    Model *model = model_new(
        MESH("arrivals='constant(100/s)' stop='2s' ", CALL,
             SIDECAR("sw", "retries='0' consecutive-errors='5' max-ejection='10%%'"),
             "", "", LEAF),
        model_free_costs);

    refuse(model, 0);
    refuse(model, 1);
    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "ejections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-uf"), 200);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"who speaks TLS to whom", test_who_speaks_tls_to_whom},
    {"a handshake costs both sides", test_a_handshake_costs_both_sides},
    {"what is no service passes or is refused",
     test_what_is_no_service_passes_or_is_refused},
    {"Cilium's sockets pass the mesh by", test_ciliums_sockets_pass_the_mesh_by},
    {"endpoints of headless services are known",
     test_endpoints_of_headless_services_are_known},
    {"upgrades are forbidden", test_upgrades_are_forbidden},
    {"news of endpoints take their time", test_news_of_endpoints_take_their_time},
    {"requests of HTTP/2 are spread", test_requests_of_http2_are_spread},
    {"connections of HTTP/2 are tried at once",
     test_connections_of_http2_are_tried_at_once},
    {"a refused request goes to another endpoint",
     test_a_refused_request_goes_to_another_endpoint},
    {"an answer 503 is tried again", test_an_answer_503_is_tried_again},
    {"time-outs pass in time", test_time_outs_pass_in_time},
    {"a connection that takes too long has failed",
     test_a_connection_that_takes_too_long_has_failed},
    {"limits of a service", test_limits_of_a_service},
    {"limits are for requests under way", test_limits_are_for_requests_under_way},
    {"endpoints that fail are ejected", test_endpoints_that_fail_are_ejected},
    {"not all endpoints are ejected", test_not_all_endpoints_are_ejected},
    {0},
};
VS_TESTS("sidecar policy")
