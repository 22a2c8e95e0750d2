/* How containers end: by their memory limit, and with their pod. */
#include "models/fixture.h"

/* Two pods of a service behind a NodePort; costs are free, endpoints take 200 ms to be known.
 * Requests take 1 s in 'a', and in 'b' as well. */
#define PODS(clients, pod_a, container_a, pods)                                        \
    "%s<cluster endpoint-delay='200ms' min-sync-period='0s'/>"                         \
    "<switch id='sw' subnet='172.16.0.0/24'/>"                                         \
    "<link from='n1' to='sw' delay='1us' rate='800Gbit/s'/>" clients                   \
    "<node id='n1' costs='free' proxy='ipvs' ipvs-scheduler='rr'>"                     \
    "<pod id='a' labels='app=s' " pod_a ">"                                            \
    "<container id='wa' workers='1000' service-time='1s' " container_a "/></pod>" pods \
    "</node><service id='s' type='NodePort' node-port='30080' target-port='8080' "     \
    "select='app=s'/>"
#define CLIENT(id, what)                                                        \
    "<client id='" id "' costs='free' to='http://172.16.0.1:30080/' " what "/>" \
    "<link from='" id "' to='sw' delay='1us' rate='800Gbit/s'/>"
#define POD_B                                                       \
    "<pod id='b' labels='app=s'><container id='wb' workers='1000' " \
    "service-time='1s'/></pod>"

/* The third request at a time is too much. */
#define THREE_KILL "memory='10MiB' request-memory='1MiB' memory-limit='12MiB' "

static void
test_what_was_under_way_is_lost(void)
{
    Model *model = model_new(
        PODS(CLIENT("c", "arrivals='constant(10/s)' stop='450ms'"), "", THREE_KILL, ""),
        model_free_costs);

    model_run(model, 210 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "lost"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "memory-max"), 13 * 1024 * 1024);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 3);
    model_run(model, 5 * VS_S);
    /* Nobody listens, and then there is no endpoint. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), 1);
    model_free(model);
}

/* Killed 0.2 s to 0.3 s after it listens, and then back 1 s after the back-off. */
static void
test_restarts_back_off(void)
{
    static const struct {
        unsigned s;
        uint64_t n_kills;
    } expected[] = {
        {1, 1},             /* At 0.2: at once. */
        {11, 2},            /* At 1.5: after 10 s. */
        {20, 3},            /* At 12.8: 20 s. */
        {33, 3},  {50, 4},  /* At 34: 40 s. */
        {100, 5},           /* At 76: 80 s. */
        {200, 6},           /* At 157: 160 s. */
        {400, 7},           /* At 318: 300 s. */
        {615, 7}, {700, 8}, /* At 620: 300 s, no more. */
        {915, 8}, {930, 9},
    };
    Model *model =
        model_new(PODS(CLIENT("c", "arrivals='constant(10/s)'"), "", THREE_KILL, ""),
                  model_free_costs);

    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        model_run(model, expected[i].s * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), expected[i].n_kills);
    }
    model_run(model, 930 * VS_S + 50 * VS_MS); /* Nothing is on its way. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"),
                    model_counter(model, "c", "error-reset") +
                        model_counter(model, "c", "error-refused") +
                        model_counter(model, "wa", "requests") -
                        model_counter(model, "wa", "lost"));
    model_free(model);
}

/* A second kill after 'second': is the container back 3 s later? */
static bool
is_back_soon(unsigned second, unsigned third)
{
    Model *model = model_new(
        PODS(
            "<client id='c1' costs='free' to='http://172.16.0.1:30080/' "
            "arrivals='constant(10/s)' stop='250ms'/>"
            "<client id='c2' costs='free' to='http://172.16.0.1:30080/' "
            "arrivals='constant(1000/s)' start='%us' stop='%u.005s'/>"
            "<client id='c3' costs='free' to='http://172.16.0.1:30080/' "
            "arrivals='constant(1/s)' start='%us' stop='%u.005s'/>"
            "<link from='c1' to='sw' delay='1us'/><link from='c2' to='sw' delay='1us'/>"
            "<link from='c3' to='sw' delay='1us'/>",
            "", THREE_KILL, ""),
        model_free_costs, second, second, third, third);
    bool is_back;

    model_run(model, 720 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), 2);
    is_back = model_counter(model, "c3", "completed") > 0;
    model_free(model);
    return is_back;
}

static void
test_a_long_life_is_a_new_start(void)
{
    CU_ASSERT_FALSE(is_back_soon(500, 503));
    CU_ASSERT_TRUE(is_back_soon(700, 703));
}

/* While 'a' is down, 'b' has all from the time on at which the rules are written. */
static void
test_the_endpoint_goes_and_comes_back(void)
{
    Model *model = model_new(PODS(CLIENT("c", "arrivals='constant(10/s)' stop='9.05s'"),
                                  "", THREE_KILL "start-time='3s' ", POD_B),
                             model_free_costs);
    uint64_t n_before;

    /* rr: 'a' has 0, 0.2 and 0.4, and is killed; 0.6 is refused, as rules change at about
     * 0.62. */
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "requests"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 1);
    n_before = model_counter(model, "wb", "requests");
    CU_ASSERT_EQUAL(n_before, 31 - 3 - 1 - 1);
    /* It listens at 3.4, is in the rules again at 3.6, and is killed once more at 4.1. */
    model_run(model, 9 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "requests"), 6);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 6);
    model_run(model, 12 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"),
                    model_counter(model, "c", "completed") + 6 +
                        model_counter(model, "c", "error-refused"));
    model_free(model);
}

/* However requests are worked on, all that is under way is lost, with its calls. */
static void
test_every_scheduling_loses_all(void)
{
    static const char *const ways[] = {
        "workers='1' scheduling='event-loop' service-time='1ms' wait-time='1s'",
        "workers='2' scheduling='sharing' service-time='1s'",
        "workers='1' service-time='1s' cpu-limit='2'",
        "workers='8' service-time='1ms' wait-time='10ms'><call service='t'/"
        "><call service='t' async='yes'/",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        Model *model = model_new(
            "%s<node id='n1' costs='free'><pod id='a' labels='app=s'>"
            "<container id='wa' " THREE_KILL "%s></container></pod>"
            "<pod id='t' labels='app=t'><container id='wt' service-time='5s'/></pod>"
            "</node><client id='c' costs='free' to='http://172.16.0.2:30080/' "
            "arrivals='constant(10/s)' stop='250ms' keep-alive='yes'/>"
            "<link from='c' to='n1' delay='1us'/>"
            "<service id='t' target-port='8080' select='app=t'/>"
            "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
            "select='app=s'/>",
            model_free_costs, ways[i]);

        model_run(model, 30 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "wa", "oom-kills"), 1);
        CU_ASSERT_EQUAL(model_counter(model, "wa", "lost"), 3);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), 3);
        model_free(model);
    }
}

/* Requests of 100 a second that failed, and why, as 'a' terminates after 1 s of 3 s. */
typedef struct Losses {
    uint64_t n_refused;
    uint64_t n_reset;
    uint64_t n_completed;
} Losses;

static Losses
terminate(const char *container, const char *client)
{
    Model *model =
        model_new(PODS(CLIENT("c", "arrivals='constant(100/s)' stop='3s' %s"),
                       "terminates-at='1.005s' grace='5s'", "%s", POD_B),
                  model_free_costs, client, container);
    Losses losses;

    model_run(model, 20 * VS_S);
    losses = (Losses){model_counter(model, "c", "error-refused"),
                      model_counter(model, "c", "error-reset"),
                      model_counter(model, "c", "completed")};
    CU_ASSERT_EQUAL(losses.n_refused + losses.n_reset + losses.n_completed, 300);
    CU_ASSERT_EQUAL(model_counter(model, "wa", "lost"), losses.n_reset);
    model_free(model);
    return losses;
}

static void
test_a_pre_stop_as_long_as_the_news_loses_nothing(void)
{
    Losses with = terminate("on-sigterm='drain' pre-stop='300ms'", "");
    Losses without = terminate("on-sigterm='drain'", "");
    Losses too_short = terminate("on-sigterm='drain' pre-stop='100ms'", "");

    CU_ASSERT_EQUAL(with.n_completed, 300);
    /* The rules change a few 10 ms after 1.205: from 1.01 on, each other one of 20 to 25. */
    CU_ASSERT(without.n_refused >= 10 && without.n_refused <= 13);
    CU_ASSERT_EQUAL(without.n_reset, 0);
    CU_ASSERT_EQUAL(too_short.n_refused, without.n_refused - 5);
    CU_ASSERT_EQUAL(too_short.n_reset, 0);
}

static void
test_who_exits_at_once_resets(void)
{
    Losses late = terminate("on-sigterm='exit' pre-stop='300ms'", "");
    Losses patient = terminate("on-sigterm='exit' pre-stop='3s'", "");
    Losses ignoring = terminate("on-sigterm='ignore'", "");

    /* What came since 0.305 is still worked on: each other one of those from 0.31 until the
     * rules changed, at 1.21 or a little later. */
    CU_ASSERT_EQUAL(late.n_refused, 0);
    CU_ASSERT(late.n_reset >= 45 && late.n_reset <= 48);
    CU_ASSERT_EQUAL(patient.n_completed, 300);
    CU_ASSERT_EQUAL(ignoring.n_completed, 300);
}

/* Kept connections lead to 'a' whatever the rules say: they are closed with an answer. */
static void
test_kept_connections_are_closed_with_an_answer(void)
{
    Losses drained =
        terminate("on-sigterm='drain' pre-stop='300ms'", "keep-alive='yes'");
    Losses ignored =
        terminate("on-sigterm='ignore' pre-stop='300ms'", "keep-alive='yes'");

    CU_ASSERT_EQUAL(drained.n_completed, 300);
    CU_ASSERT_EQUAL(ignored.n_completed, 300);
}

/* By an ingress, to the cluster IP: what is refused is 502 there, what is reset, too. */
static void
test_an_ingress_tells_502(void)
{
    static const struct {
        const char *container;
        uint64_t least;
        uint64_t most;
    } cases[] = {
        {"on-sigterm='drain' pre-stop='300ms'", 0, 0},
        {"on-sigterm='drain'", 10, 13},
        {"on-sigterm='exit' pre-stop='300ms'", 45, 48},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            "%s<cluster endpoint-delay='200ms' min-sync-period='0s'/>"
            "<client id='c' costs='free' to='http://172.16.0.2:30080/' "
            "arrivals='constant(100/s)' stop='3s'/><link from='c' to='n1' delay='1us'/>"
            "<node id='n1' costs='free' proxy='ipvs' ipvs-scheduler='rr'>"
            "<pod id='i' labels='app=i'><ingress processing='0s' upstream='service' "
            "keepalive='0' default-service='s'/></pod>"
            "<pod id='a' labels='app=s' terminates-at='1.005s' grace='5s'>"
            "<container id='wa' workers='1000' service-time='1s' %s/></pod>" POD_B
            "</node><service id='i' type='NodePort' node-port='30080' select='app=i'/>"
            "<service id='s' target-port='8080' select='app=s'/>",
            model_free_costs, cases[i].container);
        uint64_t n_failed;

        model_run(model, 20 * VS_S);
        n_failed = model_counter(model, "c", "error-502");
        CU_ASSERT(n_failed >= cases[i].least && n_failed <= cases[i].most);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed") + n_failed, 300);
        model_free(model);
    }
}

#define REFUSED(part, pod, container) \
    model_check_error(part, PODS("", pod, container, ""), model_free_costs)

static void
test_what_cannot_act_is_refused(void)
{
    REFUSED("memory has no effect without memory-limit", "", "memory='1MiB'");
    REFUSED("memory-limit has no effect where requests have no memory", "",
            "memory-limit='1MiB'");
    REFUSED("killed by its first request", "",
            "memory='1MiB' request-memory='1MiB' memory-limit='1MiB'");
    REFUSED("not modelled with protocol=\"udp\"", "", "protocol='udp' " THREE_KILL);
    REFUSED("pre-stop has no effect without on-sigterm", "", "pre-stop='1s'");
    REFUSED("in a pod that stays", "", "on-sigterm='drain'");
    REFUSED("pre-stop is not shorter than the pod's grace",
            "terminates-at='1s' grace='2s'", "on-sigterm='drain' pre-stop='2s'");
    REFUSED(NULL, "terminates-at='1s' grace='2s'",
            "on-sigterm='drain' pre-stop='1.9s'");
}

static const VsTestCase tests[] = {
    {"what was under way is lost", test_what_was_under_way_is_lost},
    {"restarts back off", test_restarts_back_off},
    {"a long life is a new start", test_a_long_life_is_a_new_start},
    {"the endpoint goes and comes back", test_the_endpoint_goes_and_comes_back},
    {"every scheduling loses all", test_every_scheduling_loses_all},
    {"a pre-stop as long as the news loses nothing",
     test_a_pre_stop_as_long_as_the_news_loses_nothing},
    {"who exits at once resets", test_who_exits_at_once_resets},
    {"kept connections are closed with an answer",
     test_kept_connections_are_closed_with_an_answer},
    {"an ingress tells 502", test_an_ingress_tells_502},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("container life")
