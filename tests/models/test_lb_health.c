#include "models/fixture.h"
#include "models/lb/lb.h"

/* A load balancer with three backends that is checked every second. */
#define LB(clients, lb, service)                                               \
    "%s" clients "<lb id='edge' service='s' costs='free' health-interval='1s'" \
    " health-timeout='400ms' " lb "/>"                                         \
    "<switch id='tor'/><link from='edge' to='tor'/>"                           \
    "<node id='n' count='3' costs='free'/><link from='n' to='tor'/>"           \
    "<pod id='p' count='3' labels='app=web'>"                                  \
    "<container id='web' service-time='1ms'/></pod>"                           \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"     \
    " select='" service "'/>"
#define CLIENT(attributes)                                                   \
    "<client id='c' costs='free' to='http://203.0.113.10/' " attributes "/>" \
    "<link from='c' to='edge'/>"

static const char *const nodes[] = {"n-1", "n-2", "n-3"};

static Lb *
lb_of(const Model *model)
{
    const VsElement *element = NULL;

    for (unsigned i = 0; !element || strcmp(element->model->element, "lb") != 0; i++) {
        element = vs_scenario_element(model->scenario, i);
    }
    return vs_simulation_instance(model->simulation, element);
}

/* Nobody listens there any more, as far as checks and new connections go. */
static void
close_backend(const Model *model, unsigned backend)
{
    lb_of(model)->backends[backend].port = 9;
}

static uint64_t
share(const Model *model, const char *node)
{
    return model_share(model, "edge", "backends", node);
}

/* Backend i of 3 is checked at i/3 s and every second after that. */
static void
test_checks_are_spread_over_the_interval(void)
{
    Model *model = model_new(LB("", "", "app=web"), model_free_costs);
    Tap *tap = tap_new(model_host(model, "edge")->root, VS_HOOK_OUTPUT);

    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "checks"), 30);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"), 0);
    CU_ASSERT_EQUAL(tap_count(tap, VS_TCP_SYN), 30);
    for (unsigned i = 0; i < 30; i++) {
        const TapEntry *syn = tap_find(tap, VS_TCP_SYN, i);
        VsTime expected = i / 3 * VS_S + i % 3 * VS_S / 3;

        CU_ASSERT_EQUAL(syn->time, expected);
        CU_ASSERT_EQUAL(syn->flow.daddr,
                        vs_host_address(model_host(model, nodes[i % 3])));
        CU_ASSERT_EQUAL(syn->flow.dport, 30080);
    }
    model_free(model);
    tap_free(tap);
}

/* The node of a pod answers nothing: the pod's checks of 5.33, 6.33 and 7.33 s time out
 * after 400 ms each, so it goes at 7.73 s and is given nothing from then on. */
static void
test_silent_backend_is_taken_out_in_time(void)
{
    Model *model = model_new(LB(CLIENT("arrivals='constant(300/s)' timeout='500ms'"),
                                "target='pods'", "app=web"),
                             model_free_costs);
    VsTime out = 7 * VS_S + VS_S / 3 + 400 * VS_MS;
    uint64_t before;

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(share(model, "p-1"), share(model, "p-3"));
    model_unplug(model, "n-2");
    model_run(model, out - 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 0);
    model_run(model, out);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"), 3);
    before = share(model, "p-2");
    CU_ASSERT(before >= 7 * 100);

    model_run(model, 20 * VS_S);
    CU_ASSERT_EQUAL(share(model, "p-2"), before);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    /* From 5 s to then every third request was lost; the latest may be under way. */
    CU_ASSERT(labs((long)model_counter(model, "c", "error-timeout") -
                   (long)((out - 5 * VS_S) / (10 * VS_MS))) <= 1);
    CU_ASSERT(model_counter(model, "c", "requests") -
                  model_counter(model, "c", "completed") -
                  model_counter(model, "c", "error-timeout") <=
              1);
    CU_ASSERT_EQUAL(share(model, "p-1") + share(model, "p-2") + share(model, "p-3"),
                    model_counter(model, "edge", "new-flows"));
    model_free(model);
}

static void
test_unhealthy_after_counts_checks_in_a_row(void)
{
    static const unsigned needed[] = {1, 2, 5};

    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        Model *model =
            model_new(LB("", "target='pods' unhealthy-after='%u'", "app=web"),
                      model_free_costs, needed[i]);
        /* Backend 0 is checked at 2, 3, ... s. */
        VsTime out = 2 * VS_S + (needed[i] - 1) * VS_S + 400 * VS_MS;

        model_run(model, VS_S + VS_S / 2);
        model_unplug(model, "n-1");
        model_run(model, out - 1);
        CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 0);
        model_run(model, out);
        CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
        CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"), needed[i]);
        model_free(model);
    }
}

static void
test_backend_comes_back_after_healthy_checks(void)
{
    Model *model =
        model_new(LB(CLIENT("arrivals='constant(300/s)' timeout='500ms'"),
                     "target='pods' healthy-after='2' unhealthy-after='1'", "app=web"),
                  model_free_costs);
    VsNetns *root = model_host(model, "n-1")->root;
    uint64_t before;

    model_run(model, VS_S + VS_S / 2);
    root->is_forwarding = false; /* Node ports lead nowhere. */
    model_run(model, 2 * VS_S + 400 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    before = share(model, "p-1");
    model_run(model, 4 * VS_S + VS_S / 2);
    CU_ASSERT_EQUAL(share(model, "p-1"), before);

    /* Good checks at 5 and 6 s. */
    root->is_forwarding = true;
    model_run(model, 6 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    CU_ASSERT_EQUAL(share(model, "p-1"), before);
    model_run(model, 6 * VS_S + VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 2);
    model_run(model, 10 * VS_S);
    CU_ASSERT(share(model, "p-1") > before + 300);
    model_free(model);
}

/* The service has no endpoint: nobody serves the node ports, every check is refused at
 * once, and after the third all are out.  Then clients' SYNs are dropped. */
static void
test_no_healthy_backend_drops(void)
{
    Model *model = model_new(
        LB(CLIENT("arrivals='constant(10/s)' timeout='500ms'"), "", "app=nobody"),
        model_free_costs);
    uint64_t refused;

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"), 9);
    refused = model_counter(model, "edge", "refused");
    CU_ASSERT(refused <= 2 * 5); /* The last is out at 2.67 s. */
    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 3);
    /* A request each 100 ms, its SYN sent once before its time-out. */
    CU_ASSERT_EQUAL(model_counter(model, "edge", "refused"), refused + 70);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_NO_BACKEND), refused + 70);
    CU_ASSERT(model_counter(model, "c", "error-timeout") >= 60);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 0);
    model_free(model);
}

/* A port that nobody listens at answers a check at once: no time-out to wait for. */
static void
test_refused_check_fails_at_once(void)
{
    Model *model = model_new(LB(CLIENT("arrivals='constant(300/s)' timeout='500ms'"),
                                "target='pods' unhealthy-after='2'", "app=web"),
                             model_free_costs);
    VsTime checked = 2 * VS_S + VS_S / 3; /* The second check after 1 s. */
    uint64_t before;

    model_run(model, VS_S);
    close_backend(model, 1);
    model_run(model, checked);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 0);
    model_run(model, checked + 100 * VS_US);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    CU_ASSERT(model_counter(model, "c", "error-refused") > 100);

    before = share(model, "p-2");
    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(share(model, "p-2"), before);
    model_free(model);
}

/* What was open stays open, on its backend; what is new goes elsewhere. */
static void
test_open_connections_outlive_the_change(void)
{
    Model *model = model_new(
        LB(CLIENT("arrivals='constant(100/s)' keep-alive='yes'"
                  " stop='20s'") "<client id='late' costs='free' start='10s' stop='12s'"
                                 " arrivals='constant(100/s)'"
                                 " to='http://203.0.113.10/'/>"
                                 "<link from='late' to='edge'/>",
           "", "app=web"),
        model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(share(model, "n-1"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "new-flows"), 1);
    close_backend(model, 0);
    model_run(model, 25 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "late", "completed"), 200);
    CU_ASSERT_EQUAL(share(model, "n-1"), 1);
    CU_ASSERT_EQUAL(share(model, "n-2") + share(model, "n-3"), 200);
    model_free(model);
}

/* Who goes while another is out changes nothing for the third. */
static void
test_last_backend_takes_all(void)
{
    Model *model =
        model_new(LB(CLIENT("arrivals='constant(300/s)' start='5s' stop='6s'"),
                     "target='pods'", "app=web"),
                  model_free_costs);

    close_backend(model, 0);
    close_backend(model, 2);
    model_run(model, 8 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "transitions"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 300);
    CU_ASSERT_EQUAL(share(model, "p-2"), 300);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"checks are spread over the interval", test_checks_are_spread_over_the_interval},
    {"a silent backend is taken out after unhealthy-after time-outs",
     test_silent_backend_is_taken_out_in_time},
    {"unhealthy-after counts checks in a row",
     test_unhealthy_after_counts_checks_in_a_row},
    {"a backend comes back after healthy-after checks",
     test_backend_comes_back_after_healthy_checks},
    {"without a healthy backend connections are dropped",
     test_no_healthy_backend_drops},
    {"a refused check fails at once", test_refused_check_fails_at_once},
    {"open connections outlive their backend's health",
     test_open_connections_outlive_the_change},
    {"the last healthy backend takes all", test_last_backend_takes_all},
    {0},
};

VS_TESTS("lb health")
