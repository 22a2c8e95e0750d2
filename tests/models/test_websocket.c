/* WebSockets of clients, through load balancers and ingresses, to containers: who closes them,
 * when, and what comes of messages. */
#include "models/fixture.h"

/* A client, an ingress, and a pod; all is free, and a way takes 1 us. */
#define THROUGH_INGRESS(client, ingress, pods)                                      \
    "%s<client id='c' costs='free' to='ws://172.16.0.2:30080/' "                    \
    "reconnect-jitter='none' " client "/>"                                          \
    "<link from='c' to='n' delay='1us' rate='800Gbit/s'/>"                          \
    "<node id='n' costs='free'><pod id='controller' labels='app=ingress'>"          \
    "<ingress id='in' processing='0s' default-service='s' " ingress "/></pod>" pods \
    "</node><service id='front' type='NodePort' node-port='30080' "                 \
    "select='app=ingress'/><service id='s' target-port='8080' select='app=web'/>"
#define POD(id, pod, container)                                     \
    "<pod id='" id "' labels='app=web' " pod "><container id='w" id \
    "' service-time='1ms' websocket='yes' " container "/></pod>"
#define ONE_SILENT "arrivals='closed(1)' message-every='20h' "

static void
test_messages_are_requests(void)
{
    Model *model = model_new(
        THROUGH_INGRESS("arrivals='closed(3)' message-every='1s' stop='10.5s'", "",
                        POD("a", "", "response='500B' push-every='3s'")),
        model_free_costs);
    const VsHistogram *latency;

    model_run(model, 20 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 3 + 3 * 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 33);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "pushes"), 3 * 6);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "requests"), 33);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "websockets-max"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "in", "tunnels"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "in", "requests"), 3);
    latency = model_histogram(model, "c", "latency");
    CU_ASSERT_EQUAL(latency->count, 30);
    /* 1 ms of work, and 1 us there and back, and something to be sent. */
    CU_ASSERT(latency->min >= VS_MS + 2 * VS_US && latency->max < VS_MS + 4 * VS_US);
    CU_ASSERT_EQUAL(model_histogram(model, "c", "opening-latency")->count, 3);
    CU_ASSERT_EQUAL(model_histogram(model, "c", "push-latency")->count, 18);
    model_free(model);
}

/* The documented time-outs of idle tunnels; 0: there is none. */
static void
test_each_profile_cuts_idle_connections(void)
{
    static const struct {
        const char *profile;
        VsTime idle;
    } rows[] = {{"nginx", 60 * VS_S},
                {"haproxy", 3600 * VS_S},
                {"traefik", 0},
                {"kong", 60 * VS_S},
                {"envoy", 300 * VS_S}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(
            THROUGH_INGRESS(ONE_SILENT "reconnect-after='20h' reconnect-max='20h'",
                            "profile='%s'", POD("a", "", "")),
            model_free_costs, rows[i].profile);
        VsTime idle = rows[i].idle > 0 ? rows[i].idle : 10 * 3600 * VS_S;

        model_run(model, idle);
        CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 1);
        model_run(model, idle + 10 * VS_MS);
        CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), rows[i].idle == 0);
        CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut"), rows[i].idle != 0);
        CU_ASSERT_EQUAL(model_counter(model, "in", "tunnels-idle"), rows[i].idle != 0);
        CU_ASSERT_EQUAL(model_counter(model, "wa", "websockets"), rows[i].idle == 0);
        model_free(model);
    }
}

/* Frames of either side, of any kind, keep it open. */
static void
test_whatever_comes_keeps_a_connection(void)
{
    static const struct {
        const char *client;
        const char *container;
        bool is_kept;
    } rows[] = {
        {"message-every='55s'", "", true}, {"message-every='65s'", "", false},
        {"ping-every='55s'", "", true},    {"ping-every='65s'", "", false},
        {"", "ping-every='55s'", true},    {"", "ping-every='65s'", false},
        {"", "push-every='55s'", true},    {"", "push-every='65s'", false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool is_silent = !strstr(rows[i].client, "message-every");
        Model *model =
            model_new(THROUGH_INGRESS("arrivals='closed(1)' %s %s",
                                      "tunnel-timeout='60s'", POD("a", "", "%s")),
                      model_free_costs, is_silent ? "message-every='20h'" : "",
                      rows[i].client, rows[i].container);

        model_run(model, 600 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut") == 0, rows[i].is_kept);
        CU_ASSERT_EQUAL(model_counter(model, "c", "reconnects") == 0, rows[i].is_kept);
        CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 1);
        model_free(model);
    }
}

/* At 0, 1, 1 + 2, 1 + 2 + 4, ..., and then each 10 s. */
static void
test_reconnecting_backs_off(void)
{
    static const struct {
        VsTime until;
        unsigned n_tries;
    } rows[] = {
        {VS_S - 1, 1},         {VS_S + VS_MS, 2},          {3 * VS_S - 1, 2},
        {3 * VS_S + VS_MS, 3}, {7 * VS_S + VS_MS, 4},      {15 * VS_S + 2 * VS_MS, 5},
        {25 * VS_S - 1, 5},    {25 * VS_S + 2 * VS_MS, 6}, {35 * VS_S + 2 * VS_MS, 7}};
    Model *model =
        model_new(THROUGH_INGRESS(ONE_SILENT "reconnect-after='1s' reconnect-max='10s'",
                                  "", "<pod id='a' labels='app=other'/>"),
                  model_free_costs);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        model_run(model, rows[i].until);
        CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), rows[i].n_tries);
        CU_ASSERT_EQUAL(model_counter(model, "c", "reconnects"), rows[i].n_tries - 1);
    }
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 7);
    CU_ASSERT_EQUAL(model_counter(model, "in", "failed-no-endpoint"), 7);
    model_free(model);
}

/* Cut at 60 s, open again at 65 s: the message of 61.5 s waits. */
static void
test_messages_wait_for_a_connection(void)
{
    Model *model =
        model_new(THROUGH_INGRESS("arrivals='closed(1)' message-every='61.5s' "
                                  "reconnect-after='5s' stop='150s'",
                                  "tunnel-timeout='60s'", POD("a", "", "")),
                  model_free_costs);

    model_run(model, 66 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2 + 1); /* Openings, it. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut"), 1);
    /* Due at 61.5 s, sent at 65 s. */
    CU_ASSERT(model_histogram(model, "c", "latency")->max > 3500 * VS_MS);
    CU_ASSERT(model_histogram(model, "c", "latency")->max < 3520 * VS_MS);
    model_free(model);
    model = model_new(THROUGH_INGRESS("arrivals='closed(1)' message-every='61.5s' "
                                      "reconnect-after='5s' stop='62s' timeout='3s'",
                                      "tunnel-timeout='60s'", POD("a", "", "")),
                      model_free_costs);
    model_run(model, 70 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets-opened"), 2);
    model_free(model);
}

/* Sessions of 10 s, the next after 2 s; the message of 9.9 s takes 0.5 s and is waited for. */
static void
test_a_lifetime_ends_normally(void)
{
    Model *model =
        model_new(THROUGH_INGRESS(
                      "arrivals='closed(1,2s)' message-every='3.3s' lifetime='10s'", "",
                      "<pod id='a' labels='app=web'><container id='wa' "
                      "websocket='yes' service-time='500ms'/></pod>"),
                  model_free_costs);

    model_run(model, 2 * VS_S + 10350 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 1);
    model_run(model, 2 * VS_S + 10450 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-normal"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "in", "tunnels"), 0);
    model_run(model, 50 * VS_S); /* 2, 14.4, 26.8, 39.2. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets-opened"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "c", "reconnects"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"),
                    model_counter(model, "c", "completed"));
    model_free(model);
}

#define DRAINING "on-sigterm='drain' pre-stop='2s'"

/* Sessions of a pod that leaves go to the other one, and lose no message. */
static void
test_a_pod_that_drains_says_so(void)
{
    Model *model = model_new(
        THROUGH_INGRESS("arrivals='closed(10)' message-every='100ms' stop='20s' "
                        "reconnect-after='10ms'",
                        "",
                        POD("a", "terminates-at='5.05s' grace='10s'", DRAINING)
                            POD("b", "", "")),
        model_free_costs);

    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-going-away"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "c", "reconnects"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"),
                    model_counter(model, "c", "completed"));
    CU_ASSERT_EQUAL(model_counter(model, "wa", "websockets"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "wb", "websockets"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "lost"), 0);
    model_free(model);
}

/* Killed, it resets: messages under way are lost. */
static void
test_a_pod_that_exits_cuts(void)
{
    Model *model =
        model_new(THROUGH_INGRESS(
                      "arrivals='closed(10)' message-every='100ms' stop='20s' "
                      "reconnect-after='10ms'",
                      "",
                      "<pod id='a' labels='app=web' terminates-at='5.05s' "
                      "grace='10s'><container id='wa' websocket='yes' workers='99' "
                      "service-time='80ms' on-sigterm='exit' pre-stop='2s'/></pod>" POD(
                          "b", "", "")),
                  model_free_costs);

    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "lost"), 5);
    model_free(model);
}

/* An ingress that ends waits for its tunnels, but not for ever. */
static void
test_an_ingress_that_ends_cuts_tunnels(void)
{
    Model *model = model_new(
        "%s<client id='c' costs='free' to='ws://172.16.0.2:30080/' "
        "arrivals='closed(4)' message-every='10s' reconnect-jitter='none'/>"
        "<link from='c' to='n' delay='1us'/><node id='n' costs='free' proxy='ipvs' "
        "ipvs-scheduler='rr'><pod id='i' labels='app=i' terminates-at='5s' grace='60s'>"
        "<ingress id='ii' on-sigterm='drain' pre-stop='2s' shutdown-timeout='20s' "
        "default-service='s'/></pod><pod id='j' labels='app=i'><ingress id='ij' "
        "default-service='s'/></pod>" POD(
            "a", "",
            "") "</node>"
                "<service id='front' type='NodePort' node-port='30080' select='app=i'/>"
                "<service id='s' target-port='8080' select='app=web'/>",
        model_free_costs);

    model_run(model, 27 * VS_S - VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "ii", "tunnels"), 2);
    model_run(model, 29 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-cut"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "ii", "tunnels"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "ij", "tunnels"), 4);
    model_free(model);
}

static void
test_overload_is_told(void)
{
    Model *model =
        model_new(THROUGH_INGRESS("arrivals='closed(2)' message-every='1s' stop='1.5s' "
                                  "reconnect-after='3s'",
                                  "",
                                  "<pod id='a' labels='app=web'><container id='wa' "
                                  "websocket='yes' workers='1' queue='0' "
                                  "service-time='100us'/></pod>"),
                  model_free_costs);

    model_run(model, 2 * VS_S);
    /* One of two openings is refused, and tried again at 3 s; of its messages none is due. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 1);
    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets"), 2);
    model_free(model);
    model = model_new(
        THROUGH_INGRESS("arrivals='closed(1)' message-every='10ms' stop='55ms' "
                        "reconnect-after='3s'",
                        "",
                        "<pod id='a' labels='app=web'><container id='wa' "
                        "websocket='yes' workers='1' queue='0' "
                        "service-time='25ms'/></pod>"),
        model_free_costs);
    model_run(model, 100 * VS_MS);
    /* Open at 25 ms, with the messages of 10 and 20 ms: the second is too much. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "closed-error"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 2);
    model_free(model);
}

static void
test_who_does_not_speak_it_refuses(void)
{
    Model *model =
        model_new("%s<client id='c' costs='free' to='ws://172.16.0.2:30080/' "
                  "arrivals='closed(1)' message-every='1s' stop='500ms'/>"
                  "<link from='c' to='n'/><node id='n' costs='free'><pod id='a' "
                  "labels='app=web'><container/></pod></node>"
                  "<service id='s' type='NodePort' node-port='30080' "
                  "target-port='8080' select='app=web'/>",
                  model_free_costs);

    model_run(model, 500 * VS_MS);
    CU_ASSERT(model_counter(model, "c", "error-status") > 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "websockets-opened"), 0);
    model_free(model);
}

/* By name, by TLS, through a load balancer. */
static void
test_tls_and_a_load_balancer(void)
{
    Model *model = model_new(
        "%s<client id='c' costs='free' to='wss://shop.example/chat' resolver='d' "
        "arrivals='closed(5)' message-every='1s' ping-every='2s' stop='10.5s'/>"
        "<dns id='d' costs='free'><record name='shop.example' to='l'/></dns>"
        "<switch id='sw'/><lb id='l' costs='free' service='front' port='443'/>"
        "<link from='c' to='sw' delay='1us'/><link from='d' to='sw' delay='1us'/>"
        "<link from='l' to='sw' delay='1us'/><link from='n' to='sw' delay='1us'/>"
        "<node id='n' costs='free'><pod id='i' labels='app=i'><ingress id='in' "
        "port='443' tls='1.3' default-service='s'/></pod>" POD(
            "a", "",
            "") "</node>"
                "<service id='front' type='LoadBalancer' port='443' select='app=i'/>"
                "<service id='s' target-port='8080' select='app=web'/>",
        model_free_costs);

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 5 + 50);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 55);
    CU_ASSERT_EQUAL(model_counter(model, "c", "pings"), 25);
    CU_ASSERT_EQUAL(model_counter(model, "c", "pongs"), 25);
    model_free(model);
}

static void
test_what_cannot_act_is_refused(void)
{
#define CLIENT(url, attributes) \
    "<client id='c' to='" url "' arrivals='constant(1/s)' " attributes "/>"
#define CONTAINER(attributes) \
    "<node id='n'/><pod id='p'><container id='w' " attributes "/></pod>"
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {CLIENT("http://10.0.0.1/", "ping-every='1s'"),
         "ping-every has no effect on a URL of HTTP; write ws://"},
        {CLIENT("ws://10.0.0.1/", "keep-alive='yes'"),
         "keep-alive has no effect on a URL of WebSocket"},
        {CLIENT("ws://10.0.0.1/", "http-version='2'"), "http-version has no effect"},
        {CLIENT("ws://10.0.0.1/", "retries='2'"), "retries has no effect"},
        {CLIENT("ws://10.0.0.1/", "tls='1.2'"), "tls has no effect on http://"},
        {CLIENT("wss://10.0.0.1/", "message-every='0s'"), "has a mean of 0"},
        {CONTAINER("push-every='1s'"), "push-every has no effect without websocket"},
        {CONTAINER("websocket='yes' push='1KiB'"), "push has no effect without"},
        {CONTAINER("websocket='yes' http-version='2'"), "upgrades HTTP/1.1"},
        {CONTAINER("websocket='yes' protocol='udp'"), "write protocol=\"tcp\""},
        {CONTAINER("websocket='yes' accept='by-workers'"), "is not modelled"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        model_check_error(cases[i].message, "%s", cases[i].body);
    }
}

static const VsTestCase tests[] = {
    {"messages are requests", test_messages_are_requests},
    {"each profile cuts idle connections", test_each_profile_cuts_idle_connections},
    {"whatever comes keeps a connection", test_whatever_comes_keeps_a_connection},
    {"reconnecting backs off", test_reconnecting_backs_off},
    {"messages wait for a connection", test_messages_wait_for_a_connection},
    {"a lifetime ends normally", test_a_lifetime_ends_normally},
    {"a pod that drains says so", test_a_pod_that_drains_says_so},
    {"a pod that exits cuts", test_a_pod_that_exits_cuts},
    {"an ingress that ends cuts tunnels", test_an_ingress_that_ends_cuts_tunnels},
    {"overload is told", test_overload_is_told},
    {"who does not speak it refuses", test_who_does_not_speak_it_refuses},
    {"TLS and a load balancer", test_tls_and_a_load_balancer},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("websockets of models")
