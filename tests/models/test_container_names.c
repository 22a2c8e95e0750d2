/* Calls of a container to a headless service: by name, HTTP/2, and to all of its pods. */
#include "models/fixture.h"

/* A client, a container that calls, pods 'p' that are called, and the cluster's DNS. */
#define CALLS(client, call, service, pods, coredns)                                 \
    "<client id='c' to='http://172.16.0.2:30080/' " client "/>"                     \
    "<link from='c' to='n' delay='1us'/><node id='n'/>"                             \
    "<pod id='front' labels='app=front'><container id='w' workers='100' "           \
    "service-time='0s'><call service='db' " call "/></container></pod>" pods        \
    "<service id='front' type='NodePort' node-port='30080' target-port='8080' "     \
    "select='app=front'/><service id='db' port='50051' target-port='8080' " service \
    " select='app=db'/><service id='kube-dns' protocol='udp' port='53' "            \
    "cluster-ip='10.96.0.10' select='k8s-app=kube-dns'/>"                           \
    "<pod id='dns' labels='k8s-app=kube-dns'>" coredns "</pod>"
#define POD(id, pod, container)                                    \
    "<pod id='" id "' labels='app=db' " pod "><container id='w" id \
    "' http-version='2' service-time='1ms' workers='100' " container "/></pod>"
#define FOUR POD("1", "", "") POD("2", "", "") POD("3", "", "") POD("4", "", "")
#define HEADLESS "cluster-ip='none'"
#define COREDNS "<coredns id='cd'/>"

static const char *const pods[] = {"w1", "w2", "w3", "w4"};

/* How many of the four have requests, and the most that one has. */
static unsigned
spread(const Model *model, uint64_t *ret_most)
{
    unsigned n = 0;

    *ret_most = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(pods); i++) {
        uint64_t requests = model_counter(model, pods[i], "requests");

        n += requests > 0;
        *ret_most = MAX(*ret_most, requests);
    }
    return n;
}

static void
test_calls_go_round(void)
{
    static const struct {
        const char *call;
        const char *service;
        unsigned n_pods;
        uint64_t most;
    } rows[] = {
        {"http-version='2' grpc-policy='round_robin'", HEADLESS, 4, 101},
        {"http-version='2' grpc-policy='pick_first'", HEADLESS, 1, 400},
        {"http-version='2'", "", 1, 400},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(CALLS("arrivals='constant(100/s)' stop='3.995s'", "%s",
                                       "%s", FOUR, COREDNS),
                                 rows[i].call, rows[i].service);
        uint64_t most;

        model_run(model, 6 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 400);
        CU_ASSERT_EQUAL(spread(model, &most), rows[i].n_pods);
        CU_ASSERT(most >= 400 / rows[i].n_pods && most <= rows[i].most);
        model_free(model);
    }
}

/* What waits for the name goes when it is known, with the first connection; one question is
 * enough for all. */
static void
test_calls_wait_for_the_name(void)
{
    Model *model =
        model_new(CALLS("arrivals='closed(20)' stop='1us'",
                        "http-version='2' grpc-policy='round_robin'", HEADLESS, FOUR,
                        "<coredns id='cd' service-time='50ms'/>"));
    const VsStageTotals *stages;

    model_run(model, VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "cd", "cluster"), 2); /* A and AAAA. */
    CU_ASSERT(model_histogram(model, "c", "latency")->min > 50 * VS_MS);
    stages = model_stat(model, "c", "stages");
    CU_ASSERT_EQUAL(stages->n_journeys, 20);
    CU_ASSERT(stages->elapsed > (unsigned __int128)20 * 50 * VS_MS);
    model_free(model);
}

/* A pod that comes is found when a connection ends, and the name is asked for again. */
static void
test_new_pods_are_found(void)
{
    Model *model = model_new(CALLS(
        "arrivals='constant(100/s)' stop='99.995s'",
        "http-version='2' grpc-policy='round_robin'", HEADLESS,
        POD("1", "", "max-connection-age='20s'")
            POD("2", "", "max-connection-age='20s'")
                POD("3", "", "max-connection-age='20s'") POD("4", "ready-at='10s'", ""),
        COREDNS));
    uint64_t most;

    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "w4", "requests"), 0);
    model_run(model, 101 * VS_S); /* From 30 s on, when it may be asked for again. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10000);
    CU_ASSERT(model_counter(model, "w4", "requests") > 7000 / 4 - 200);
    CU_ASSERT_EQUAL(spread(model, &most), 4);
    model_free(model);
}

static void
test_a_name_that_nobody_knows(void)
{
    Model *model =
        model_new(CALLS("arrivals='constant(10/s)' stop='0.95s'", "http-version='2'",
                        HEADLESS, POD("1", "condition='unready'", ""), COREDNS));

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "w1", "requests"), 0);
    model_free(model);
    /* DNS does not answer: calls take too long, and leave the queue. */
    model = model_new(CALLS("arrivals='constant(10/s)' stop='0.95s'",
                            "http-version='2' timeout='200ms'", HEADLESS, FOUR,
                            "<coredns id='cd' service-time='1000s'/>"));
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-504"), 10);
    model_free(model);
}

static void
test_members_of_a_template_share(void)
{
    Model *model = model_new(CALLS("arrivals='constant(10/s)' stop='3.95s'",
                                   "count='3' parallel='yes' http-version='2' "
                                   "grpc-policy='round_robin'",
                                   HEADLESS, FOUR, COREDNS));
    uint64_t most;

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 40);
    CU_ASSERT_EQUAL(model_counter(model, "cd", "cluster"), 2);
    CU_ASSERT_EQUAL(spread(model, &most), 4);
    CU_ASSERT(most >= 30 && most <= 32); /* 120 calls. */
    for (unsigned i = 0; i < G_N_ELEMENTS(pods); i++) {
        CU_ASSERT_EQUAL(model_counter(model, pods[i], "connections"), 1);
    }
    model_free(model);
}

static void
test_what_cannot_act_is_refused(void)
{
    model_check_error("is headless, and its addresses are taken by HTTP/2 alone",
                      CALLS("arrivals='constant(1/s)'", "", HEADLESS, FOUR, COREDNS));
    model_check_error("grpc-policy=\"round_robin\" has no effect with a cluster IP",
                      CALLS("arrivals='constant(1/s)'",
                            "http-version='2' grpc-policy='round_robin'", "", FOUR,
                            COREDNS));
    model_check_error("grpc-policy has no effect without HTTP/2",
                      CALLS("arrivals='constant(1/s)'", "grpc-policy='round_robin'",
                            HEADLESS, FOUR, COREDNS));
    model_check_error(
        "needs a service with a cluster IP",
        "<node id='n'/><service id='s' type='ExternalName' external-name='a.example'/>"
        "<pod id='p'><container id='w'><call service='s'/></container></pod>");
}

static const VsTestCase tests[] = {
    {"calls go round", test_calls_go_round},
    {"calls wait for the name", test_calls_wait_for_the_name},
    {"new pods are found", test_new_pods_are_found},
    {"a name that nobody knows", test_a_name_that_nobody_knows},
    {"members of a template share", test_members_of_a_template_share},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("container names")
