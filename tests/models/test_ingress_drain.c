/* Errors of an ingress, each caused on purpose, and rollouts through it: who drains loses
 * nothing. */
#include "models/ingress_fixture.h"

/* Pods are behind the ingress 'in' of one node; costs are free, and changes of endpoints
 * take 200 ms to be known. */
#define OTHERS /* Endpoints change, if none of those. */            \
    "<pod id='o' labels='app=o' ready-at='100s'><container/></pod>" \
    "<service id='o' target-port='8080' select='app=o'/>"
#define CLUSTER(client, ingress, pods)                                            \
    "%s<cluster endpoint-delay='200ms' min-sync-period='0s'/>"                    \
    "<client id='c' costs='free' to='http://172.16.0.2:30080/' " client "/>"      \
    "<link from='c' to='n' delay='1us' rate='800Gbit/s'/>"                        \
    "<node id='n' costs='free' proxy='ipvs' ipvs-scheduler='rr'>"                 \
    "<pod id='controller' labels='app=ingress'><ingress id='in' processing='0s' " \
    "default-service='s' " ingress "/></pod>" pods "</node>" OTHERS               \
    "<service id='front' type='NodePort' node-port='30080' "                      \
    "select='app=ingress'/><service id='s' target-port='8080' select='app=web'/>"
#define POD(id, pod, container)                                                    \
    "<pod id='" id "' labels='app=web' " pod "><container id='w" id "' " container \
    "/></pod>"
#define STEADY "arrivals='constant(100/s)' stop='3s' "

static void
test_each_error_has_its_cause(void)
{
    static const struct {
        const char *ingress;
        const char *pod;
        const char *container;
        const char *error;
        const char *reason;
        unsigned n_errors;
        unsigned n_of_reason;
    } cases[] = {
        /* Nobody listens at 50 ms, nor 200 ms later. */
        {"", "terminates-at='1us' grace='1s'", "on-sigterm='exit'", "error-502",
         "failed-connect", 10, 10},
        /* The third request under way kills all of them; more are refused. */
        {"", "",
         "service-time='1s' memory-limit='4MiB' memory='1MiB' "
         "request-memory='1500KiB'",
         "error-502", "failed-broken", 10, 3},
        {"", "condition='unready'", "", "error-503", "failed-no-endpoint", 10, 10},
        {"max-requests='4'", "", "service-time='1s' workers='9'", "error-503",
         "failed-overload", 6, 6},
        {"", "", "service-time='1s' workers='3' queue='2'", "error-503", "passed-5xx",
         5, 5},
        {"read-timeout='100ms'", "", "service-time='1s' workers='10'", "error-504",
         "failed-read-timeout", 10, 10},
        {"request-timeout='100ms'", "", "service-time='1s' workers='10'", "error-504",
         "failed-request-timeout", 10, 10},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            CLUSTER("arrivals='constant(100/s)' start='50ms' stop='145ms'",
                    "upstream='endpoints' %s", POD("a", "%s", "%s")),
            model_free_costs, cases[i].ingress, cases[i].pod, cases[i].container);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 10);
        CU_ASSERT_EQUAL(model_counter(model, "c", cases[i].error), cases[i].n_errors);
        CU_ASSERT_EQUAL(model_counter(model, "in", cases[i].reason),
                        cases[i].n_of_reason);
        model_free(model);
    }
}

static void
test_a_silent_pod_is_a_connect_timeout(void)
{
    IngressFixture f;

    ingress_fixture_init(
        &f, model_new(INGRESS_TWO_PODS(ONE_REQUEST, "connect-timeout='2s'", ""),
                      model_free_costs));
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_SILENT);
    model_run(f.model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(f.model, "c", "error-504"), 1);
    CU_ASSERT_EQUAL(model_counter(f.model, "in", "failed-connect-timeout"), 1);
    ingress_fixture_clear(&f);
}

/* What the container's own calls meet: a breaker that is open, a call that takes too long. */
static void
test_errors_of_calls_are_passed_on(void)
{
    static const struct {
        const char *call;
        const char *error;
        unsigned n;
    } cases[] = {
        {"timeout='10ms'", "error-504", 10},
        {"try-timeout='5ms' breaker-failures='4'", "error-503", 6},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            CLUSTER(
                "arrivals='constant(100/s)' stop='95ms'", "",
                "<pod id='a' labels='app=web'><container id='wa' workers='10'>"
                "<call service='slow' %s/></container></pod>"
                "<pod id='d' labels='app=slow'><container workers='10' "
                "service-time='1s'/></pod>") "<service id='slow' target-port='8080' "
                                             "select='app=slow'/>",
            model_free_costs, cases[i].call);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", cases[i].error), cases[i].n);
        CU_ASSERT_EQUAL(model_counter(model, "in", "passed-5xx"), 10);
        model_free(model);
    }
}

/* ---- Endpoints that come and go ---- */

typedef struct Outcome {
    uint64_t n_completed;
    uint64_t n_502;
    uint64_t n_other; /* What is neither. */
    uint64_t n_old;   /* Requests of the pod that leaves. */
    uint64_t n_new;   /* Of the one that comes. */
} Outcome;

/* 'a' leaves at 1 s, 'b' stays, 'd' comes at 1.5 s. */
static Outcome
roll_out(const char *client, const char *ingress, const char *container)
{
    Model *model =
        model_new(CLUSTER(STEADY "%s", "upstream='endpoints' %s",
                          POD("a", "terminates-at='1.005s' grace='20s'",
                              "workers='1000' %s") POD("b", "", "workers='1000'")
                              POD("d", "ready-at='1.505s'", "workers='1000'")),
                  model_free_costs, client, ingress, container);
    Outcome outcome;

    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 300);
    outcome = (Outcome){.n_completed = model_counter(model, "c", "completed"),
                        .n_502 = model_counter(model, "c", "error-502"),
                        .n_old = model_counter(model, "wa", "requests"),
                        .n_new = model_counter(model, "wd", "requests")};
    outcome.n_other = 300 - outcome.n_completed - outcome.n_502;
    CU_ASSERT_EQUAL(model_counter(model, "in", "failed-connect") +
                        model_counter(model, "in", "failed-broken"),
                    outcome.n_502);
    model_free(model);
    return outcome;
}

/* The ingress knows after 200 ms; then each third request goes to 'd'. */
static void
test_a_rollout_with_draining_loses_nothing(void)
{
    static const char *const clients[] = {"", "keep-alive='yes'"};

    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        Outcome with = roll_out(clients[i], "", "on-sigterm='drain' pre-stop='300ms'");
        Outcome without = roll_out(clients[i], "keepalive='0'", "on-sigterm='drain'");
        Outcome killed = roll_out(clients[i], "keepalive='0'",
                                  "on-sigterm='exit' pre-stop='300ms' "
                                  "service-time='500ms'");

        CU_ASSERT_EQUAL(with.n_completed, 300);
        /* Of 0 to 1.2 s each other one, 121 in all; of 1.71 to 2.99 each other one. */
        CU_ASSERT(with.n_old >= 60 && with.n_old <= 61);
        CU_ASSERT(with.n_new >= 64 && with.n_new <= 65);
        /* Each other one of the 20 from 1.01 to 1.2. */
        CU_ASSERT_EQUAL(without.n_502, 10);
        CU_ASSERT_EQUAL(without.n_completed, 290);
        /* Those of 0.805 to 1.205 are under way at 1.305. */
        CU_ASSERT_EQUAL(killed.n_502, 20);
        CU_ASSERT_EQUAL(with.n_other + without.n_other + killed.n_other, 0);
    }
}

/* A further try goes to who is left. */
static void
test_retries_hide_a_rollout_without_draining(void)
{
    Outcome outcome = roll_out("", "keepalive='0' retries='1' algorithm='round-robin'",
                               "on-sigterm='drain'");

    CU_ASSERT_EQUAL(outcome.n_completed, 300);
}

/* 'd' is heard of 0.5 s after 'a', which is too soon for an interval of 1 s. */
static void
test_updates_wait_for_the_interval(void)
{
    Outcome at_once = roll_out("", "", "on-sigterm='drain' pre-stop='300ms'");
    Outcome later =
        roll_out("", "update-interval='1s'", "on-sigterm='drain' pre-stop='300ms'");

    CU_ASSERT_EQUAL(later.n_completed, 300);
    CU_ASSERT_EQUAL(later.n_old, at_once.n_old);
    /* From 2.21 on, not 1.71: 80 requests less 1. */
    CU_ASSERT(later.n_new >= 39 && later.n_new <= 40);
}

/* An update that comes later than a hook sleeps: pods are asked that have gone. */
static void
test_a_late_update_loses_what_the_hook_does_not_cover(void)
{
    Model *model =
        model_new(CLUSTER(STEADY, "update-interval='1s' keepalive='0'",
                          POD("a", "terminates-at='1.005s' grace='20s'",
                              "on-sigterm='drain' pre-stop='300ms'") POD("b", "", "")
                              POD("d", "ready-at='505ms'", "")),
                  model_free_costs);

    /* 'd' is taken in at 705 ms, so 'a' leaves at 1.705, not at 1.205, but is gone at 1.305:
     * each third one of the 40 between. */
    model_run(model, 10 * VS_S);
    CU_ASSERT(model_counter(model, "in", "failed-connect") >= 13);
    CU_ASSERT(model_counter(model, "in", "failed-connect") <= 14);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed") +
                        model_counter(model, "c", "error-502"),
                    300);
    model_free(model);
}

/* ---- The end of the ingress ---- */

/* Of two ingresses the one in 'i' ends; requests take as long as 'container' says. */
static Model *
end_ingress(const char *client, const char *ingress, const char *container)
{
    Model *model = model_new(
        "%s<cluster endpoint-delay='200ms' min-sync-period='0s'/>"
        "<client id='c' costs='free' to='http://172.16.0.2:30080/' " STEADY "%s/>"
        "<link from='c' to='n' delay='1us' rate='800Gbit/s'/>"
        "<node id='n' costs='free' proxy='ipvs' ipvs-scheduler='rr'>"
        "<pod id='i' labels='app=ingress' terminates-at='1.005s' grace='10s'>"
        "<ingress id='ii' processing='0s' default-service='s' %s/></pod>"
        "<pod id='j' labels='app=ingress'><ingress id='ij' processing='0s' "
        "default-service='s'/></pod>" POD(
            "a", "", "workers='1000' %s") "</node><service id='front' type='NodePort' "
                                          "node-port='30080' "
                                          "select='app=ingress'/>"
                                          "<service id='s' target-port='8080' "
                                          "select='app=web'/>",
        model_free_costs, client, ingress, container);

    model_run(model, 30 * VS_S);
    return model;
}

static void
test_an_ingress_that_drains_loses_nothing(void)
{
    static const char *const clients[] = {"", "keep-alive='yes'"};

    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        Model *model = end_ingress(clients[i], "on-sigterm='drain' pre-stop='300ms'",
                                   "service-time='500ms'");

        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 300);
        CU_ASSERT_EQUAL(model_counter(model, "ii", "lost"), 0);
        CU_ASSERT(model_counter(model, "ii", "requests") > 0);
        model_free(model);
    }
}

/* Kept connections get "Connection: close" with their answer, or FIN while they wait: the
 * client opens others. */
static void
test_kept_connections_are_closed_on_drain(void)
{
    Model *model =
        end_ingress("keep-alive='yes'", "on-sigterm='drain'", "service-time='15ms'");
    Model *staying =
        end_ingress("keep-alive='yes'", "on-sigterm='ignore'", "service-time='15ms'");

    CU_ASSERT_EQUAL(model_counter(staying, "c", "connects"), 2);
    CU_ASSERT_EQUAL(model_counter(staying, "c", "completed"), 300);
    CU_ASSERT(model_counter(model, "c", "connects") > 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 0);
    model_free(model);
    model_free(staying);
}

/* Requests take 2 s; the ingress has each other one from 0 on, until kube-proxy knows. */
static void
test_the_shutdown_timeout_cuts_what_is_under_way(void)
{
    static const struct {
        const char *ingress;
        unsigned n_answered;
    } cases[] = {
        /* SIGTERM comes at 1.505, the end at 2.505: of 0 to 0.5 it has 26, */
        {"on-sigterm='drain' pre-stop='500ms' shutdown-timeout='1s'", 26},
        /* or comes when all have been answered, */
        {"on-sigterm='drain' pre-stop='500ms' shutdown-timeout='3s'", UINT_MAX},
        /* or at once. */
        {"on-sigterm='exit' pre-stop='500ms'", 0},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = end_ingress("", cases[i].ingress, "service-time='2s'");
        uint64_t n_requests = model_counter(model, "ii", "requests");
        uint64_t n_lost = n_requests - MIN(n_requests, cases[i].n_answered);

        CU_ASSERT(n_requests > 60);
        CU_ASSERT_EQUAL(model_counter(model, "ii", "lost"), n_lost);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), n_lost);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 300 - n_lost);
        model_free(model);
    }
}

static void
test_what_cannot_act_is_refused(void)
{
    static const struct {
        const char *ingress;
        const char *message;
    } cases[] = {
        {"shutdown-timeout='1s'", "shutdown-timeout has no effect without on-sigterm"},
        {"on-sigterm='exit' shutdown-timeout='1s'", "shutdown-timeout has no effect"},
        {"pre-stop='1s'", "pre-stop has no effect without on-sigterm"},
        {"on-sigterm='drain'", "in a pod that stays"},
        {"upstream='service' update-interval='1s'",
         "update-interval has no effect with upstream=\"service\""},

    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        model_check_error(cases[i].message, CLUSTER(STEADY, "%s", POD("a", "", "")),
                          model_free_costs, cases[i].ingress);
    }
}

static const VsTestCase tests[] = {
    {"each error has its cause", test_each_error_has_its_cause},
    {"a silent pod is a connect time-out", test_a_silent_pod_is_a_connect_timeout},
    {"errors of calls are passed on", test_errors_of_calls_are_passed_on},
    {"a rollout with draining loses nothing",
     test_a_rollout_with_draining_loses_nothing},
    {"retries hide a rollout without draining",
     test_retries_hide_a_rollout_without_draining},
    {"updates wait for the interval", test_updates_wait_for_the_interval},
    {"a late update loses what the hook does not cover",
     test_a_late_update_loses_what_the_hook_does_not_cover},
    {"an ingress that drains loses nothing", test_an_ingress_that_drains_loses_nothing},
    {"kept connections are closed on drain", test_kept_connections_are_closed_on_drain},
    {"the shutdown time-out cuts what is under way",
     test_the_shutdown_timeout_cuts_what_is_under_way},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("ingress drain")
