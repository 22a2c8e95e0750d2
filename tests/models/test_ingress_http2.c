/* HTTP/2 on both sides of an ingress: gRPC is balanced request by request. */
#include "models/ingress_fixture.h"

/* A client with one connection of HTTP/2, an ingress, pods 'p'; all is free. */
#define GRPC(client, ingress, pods)                                               \
    "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "                \
    "http-version='2' " client "/><link from='c' to='n' delay='1us' "             \
    "rate='800Gbit/s'/><node id='n' costs='free'>"                                \
    "<pod id='controller' labels='app=ingress'><ingress id='in' processing='0s' " \
    "http-version='2' default-service='s' " ingress "/></pod>" pods               \
    "</node><service id='front' type='NodePort' node-port='30080' "               \
    "select='app=ingress'/><service id='s' target-port='8080' select='app=web'/>"
#define POD(id, pod, container)                                     \
    "<pod id='" id "' labels='app=web' " pod "><container id='w" id \
    "' http-version='2' workers='1000' " container "/></pod>"
#define FOUR(container)     \
    POD("a", "", container) \
    POD("b", "", container) POD("d", "", container) POD("e", "", container)

static void
test_each_request_is_balanced(void)
{
    static const char *const pods[] = {"wa", "wb", "wd", "we"};
    Model *model = model_new(GRPC("arrivals='constant(100/s)' stop='3.995s'",
                                  "backend-protocol='grpc'", FOUR("")),
                             model_free_costs);

    model_run(model, 6 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 400);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "in", "connections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "in", "upstream-opened"), 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(pods); i++) {
        CU_ASSERT_EQUAL(model_counter(model, pods[i], "requests"), 100);
        CU_ASSERT_EQUAL(model_counter(model, pods[i], "connections"), 1);
    }
    model_free(model);
}

/* HTTP/2 in front, HTTP/1.1 behind: a connection for each of those under way. */
static void
test_each_side_has_its_own_version(void)
{
    Model *model =
        model_new(GRPC("arrivals='constant(100/s)' stop='3.995s'", "",
                       "<pod id='a' labels='app=web'><container id='wa' workers='1000' "
                       "service-time='95ms'/></pod>"),
                  model_free_costs);

    model_run(model, 6 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 400);
    CU_ASSERT_EQUAL(model_counter(model, "in", "connections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "connections"), 10);
    model_free(model);
}

/* Ten requests are under way at a time, so many a connection. */
static void
test_connections_have_room_for_streams(void)
{
    static const struct {
        const char *ingress;
        const char *container;
        unsigned n_connections;
    } rows[] = {
        {"", "", 1},
        {"upstream-streams='1'", "", 10},
        {"upstream-streams='3'", "", 4},
        {"upstream-streams='3'", "max-streams='2'", 5},
        {"profile='nginx'", "", 10},
        {"profile='envoy'", "", 1},
        {"profile='haproxy' keepalive-reuse='always'", "", 1},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(GRPC("arrivals='constant(100/s)' stop='3.995s'",
                                      "backend-protocol='grpc' %s",
                                      POD("a", "", "service-time='95ms' %s")),
                                 model_free_costs, rows[i].ingress, rows[i].container);

        model_run(model, 6 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 400);
        CU_ASSERT_EQUAL(model_counter(model, "wa", "connections"),
                        rows[i].n_connections);
        CU_ASSERT_EQUAL(model_counter(model, "in", "upstream-opened") +
                            model_counter(model, "in", "upstream-reused"),
                        400);
        model_free(model);
    }
}

/* Of 20 at once the upstream takes 5, as it says too late: 15 go again, then 10 or more. */
static void
test_refused_streams_go_again(void)
{
    Model *model = model_new(
        "<client id='c' to='http://172.16.0.2:30080/' http-version='2' "
        "arrivals='closed(20)' stop='1us'/><link from='c' to='n' delay='1us'/><node "
        "id='n'><pod id='controller' labels='app=ingress'><ingress id='in' "
        "http-version='2' processing='0s' backend-protocol='grpc' "
        "default-service='s'/></pod>" POD(
            "a", "",
            "max-streams='5' service-time='1s'") "</node>"
                                                 "<service id='front' type='NodePort' "
                                                 "node-port='30080' "
                                                 "select='app=ingress'/>"
                                                 "<service id='s' target-port='8080' "
                                                 "select='app=web'/>");

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20);
    CU_ASSERT(model_counter(model, "in", "upstream-retries") >= 25);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "connections"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "requests"), 20);
    model_free(model);
}

/* GOAWAY each second: what is under way is answered, and others go elsewhere. */
static void
test_goaway_loses_nothing(void)
{
    Model *model = model_new(GRPC("arrivals='constant(200/s)' stop='9.9975s'",
                                  "backend-protocol='grpc'",
                                  FOUR("service-time='50ms' max-connection-age='1s'")),
                             model_free_costs);

    model_run(model, 12 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2000);
    CU_ASSERT(model_counter(model, "in", "upstream-opened") >= 4 * 9);
    CU_ASSERT(model_counter(model, "in", "upstream-opened") <= 4 * 12);
    model_free(model);
}

static void
test_limits_of_kept_connections(void)
{
    static const struct {
        const char *ingress;
        unsigned n_opened; /* For a request each 100 ms, of 1 ms each. */
        unsigned n_expired;
    } rows[] = {
        {"", 1, 0},
        {"keepalive='0'", 20, 0},
        {"keepalive-requests='5'", 4, 4},
        {"keepalive-timeout='90ms'", 20, 20},
        {"keepalive-timeout='110ms'", 1, 1},
        {"keepalive-time='550ms'", 3, 2},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(GRPC("arrivals='constant(10/s)' stop='1.95s'",
                                      "backend-protocol='h2c' %s", POD("a", "", "")),
                                 model_free_costs, rows[i].ingress);

        model_run(model, 3 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20);
        CU_ASSERT_EQUAL(model_counter(model, "in", "upstream-opened"),
                        rows[i].n_opened);
        CU_ASSERT_EQUAL(model_counter(model, "in", "upstream-expired"),
                        rows[i].n_expired);
        model_free(model);
    }
}

/* ---- Errors and rollouts ---- */

static void
test_each_error_has_its_reason(void)
{
    static const struct {
        const char *ingress;
        const char *pod;
        const char *container;
        const char *error;
        const char *reason;
    } rows[] = {
        {"", "terminates-at='1us' grace='1s'", "on-sigterm='exit'", "error-502",
         "failed-connect"},
        {"", "terminates-at='60ms' grace='1s'", "on-sigterm='exit' service-time='1s'",
         "error-502", "failed-broken"},
        {"read-timeout='100ms'", "", "service-time='1s'", "error-504",
         "failed-read-timeout"},
        {"request-timeout='100ms'", "", "service-time='1s'", "error-504",
         "failed-request-timeout"},
        {"", "condition='unready'", "", "error-503", "failed-no-endpoint"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(
            GRPC("arrivals='closed(10)' start='50ms' stop='50001us'",
                 "backend-protocol='grpc' %s", POD("a", "%s", "%s")),
            model_free_costs, rows[i].ingress, rows[i].pod, rows[i].container);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 10);
        CU_ASSERT_EQUAL(model_counter(model, "c", rows[i].error), 10);
        CU_ASSERT_EQUAL(model_counter(model, "in", rows[i].reason), 10);
        model_free(model);
    }
}

static void
test_a_silent_pod_is_a_connect_timeout(void)
{
    IngressFixture f;

    ingress_fixture_init(
        &f, model_new(INGRESS_TWO_PODS(ONE_REQUEST "http-version='2'",
                                       "connect-timeout='2s' backend-protocol='grpc' "
                                       "http-version='both'",
                                       "http-version='2'"),
                      model_free_costs));
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    model_run(f.model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(f.model, "c", "error-504"), 1);
    CU_ASSERT_EQUAL(model_counter(f.model, "in", "failed-connect-timeout"), 1);
    ingress_fixture_clear(&f);
}

static void
test_a_rollout_with_draining_loses_nothing(void)
{
    static const char *const ingresses[] = {"", "upstream-streams='1'"};

    for (unsigned i = 0; i < G_N_ELEMENTS(ingresses); i++) {
        Model *model = model_new(
            GRPC("arrivals='constant(100/s)' stop='2.995s'",
                 "backend-protocol='grpc' %s",
                 POD("a", "terminates-at='1.005s' grace='10s'",
                     "service-time='50ms' on-sigterm='drain' pre-stop='300ms'")
                     POD("b", "", "")),
            model_free_costs, ingresses[i]);

        model_run(model, 10 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 300);
        CU_ASSERT(model_counter(model, "wa", "requests") >= 50);
        CU_ASSERT(model_counter(model, "wa", "requests") <= 56);
        model_free(model);
    }
}

/* What is given up is told to the pod, and the connection is used on. */
static void
test_what_is_given_up_leaves_its_connection(void)
{
    Model *model = model_new(GRPC("arrivals='constant(10/s)' stop='0.95s'",
                                  "backend-protocol='grpc' read-timeout='50ms'",
                                  POD("a", "", "service-time='80ms'")),
                             model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-504"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "in", "upstream-opened"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "requests"), 10);
    model_free(model);
}

static void
test_what_cannot_be_is_refused(void)
{
    static const struct {
        const char *ingress;
        const char *message;
    } cases[] = {
        {"profile='nginx' backend-protocol='h2c'",
         "it speaks HTTP/2 to backends of gRPC alone"},
        {"profile='kong' backend-protocol='h2c'",
         "it speaks HTTP/2 to backends of gRPC alone"},
        {"upstream-streams='3'", "upstream-streams has no effect without HTTP/2"},
        {"backend-protocol='grpc'", "gRPC comes by HTTP/2; write http-version=\"2\""},
    };
    static const char *const fine[] = {
        "profile='envoy' backend-protocol='h2c'",
        "profile='traefik' backend-protocol='h2c'",
        "profile='nginx' backend-protocol='grpc' http-version='both'",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases) + G_N_ELEMENTS(fine); i++) {
        bool is_fine = i >= G_N_ELEMENTS(cases);

        model_check_error(
            is_fine ? NULL : cases[i].message,
            "<node id='n'/><pod id='p'><ingress id='i' default-service='s' %s/></pod>"
            "<service id='s' select='a=b'/>",
            is_fine ? fine[i - G_N_ELEMENTS(cases)] : cases[i].ingress);
    }
}

/* An upgrade of HTTP/1.1 cannot go on by HTTP/2. */
static void
test_websockets_are_not_implemented(void)
{
    Model *model = model_new(
        "%s<client id='c' costs='free' to='ws://172.16.0.2:30080/' "
        "arrivals='closed(1)' reconnect-jitter='none'/><link from='c' to='n'/>"
        "<node id='n' costs='free'><pod id='i' labels='app=i'><ingress id='in' "
        "backend-protocol='h2c' default-service='s'/></pod>" POD(
            "a", "",
            "") "</node><service id='front' type='NodePort' node-port='30080' "
                "select='app=i'/><service id='s' target-port='8080' select='app=web'/>",
        model_free_costs);

    model_run(model, 500 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-status"), 1);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"each request is balanced", test_each_request_is_balanced},
    {"each side has its own version", test_each_side_has_its_own_version},
    {"connections have room for streams", test_connections_have_room_for_streams},
    {"refused streams go again", test_refused_streams_go_again},
    {"GOAWAY loses nothing", test_goaway_loses_nothing},
    {"limits of kept connections", test_limits_of_kept_connections},
    {"each error has its reason", test_each_error_has_its_reason},
    {"a silent pod is a connect time-out", test_a_silent_pod_is_a_connect_timeout},
    {"a rollout with draining loses nothing",
     test_a_rollout_with_draining_loses_nothing},
    {"what is given up leaves its connection",
     test_what_is_given_up_leaves_its_connection},
    {"what cannot be is refused", test_what_cannot_be_is_refused},
    {"WebSockets are not implemented", test_websockets_are_not_implemented},
    {0},
};
VS_TESTS("ingress HTTP/2")
