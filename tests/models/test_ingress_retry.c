/* What an ingress does when an upstream fails, and when it keeps a connection: one setting
 * at a time. */
#include "models/ingress_fixture.h"

static uint64_t
counter(const IngressFixture *f, const char *stat)
{
    return model_counter(f->model, "in", stat);
}

static uint64_t
client(const IngressFixture *f, const char *stat)
{
    return model_counter(f->model, "c", stat);
}

/* The client's counter 'stat' becomes 1 'after' the first try: not a picosecond sooner, and
 * within the way back. */
static void
assert_answered_after(IngressFixture *f, VsTime after, const char *stat)
{
    VsTime due = ingress_fixture_first_try(f) + after;

    model_run(f->model, due + 100 * VS_US - 1);
    CU_ASSERT_EQUAL(client(f, stat), 0);
    model_run(f->model, due + 101 * VS_US);
    CU_ASSERT_EQUAL(client(f, stat), 1);
}

#define FIXTURE(f, client, ingress, containers)                                       \
    IngressFixture f;                                                                 \
    ingress_fixture_init(&f, model_new(INGRESS_TWO_PODS(client, ingress, containers), \
                                       model_free_costs))

static void
test_refused_request_is_answered_by_the_other_pod(void)
{
    static const char *const clients[] = {"", "body='100B'"};

    for (unsigned i = 0; i < 2; i++) {
        IngressFixture f;

        ingress_fixture_init(
            &f, model_new(INGRESS_TWO_PODS("stop='10s' %s", "retries='1'", ""),
                          model_free_costs, clients[i]));
        ingress_fixture_break(&f, 0, INGRESS_FAULT_REFUSED);
        model_run(f.model, 11 * VS_S);
        /* In turn: a, b for the first; then a for each, and b again. */
        CU_ASSERT_EQUAL(client(&f, "completed"), 10);
        CU_ASSERT_EQUAL(model_counter(f.model, "b-web", "requests"), 10);
        CU_ASSERT_EQUAL(counter(&f, "upstream-retries"), 10);
        CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 10 + 1);
        ingress_fixture_clear(&f);
    }
}

static void
test_retries_are_limited(void)
{
    FIXTURE(f, ONE_REQUEST, "retries='2'", "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_REFUSED);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_REFUSED);
    model_run(f.model, VS_S);
    CU_ASSERT_EQUAL(client(&f, "error-502"), 1);
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 1 + 2);
    CU_ASSERT_EQUAL(counter(&f, "upstream-retries"), 2);
    ingress_fixture_clear(&f);
}

static void
test_only_named_failures_are_retried(void)
{
    FIXTURE(f, ONE_REQUEST, "retries='2' retry-on='connect-timeout read-timeout'", "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_REFUSED);
    model_run(f.model, VS_S);
    CU_ASSERT_EQUAL(client(&f, "error-502"), 1);
    CU_ASSERT_EQUAL(counter(&f, "upstream-retries"), 0);
    ingress_fixture_clear(&f);
}

static void
test_post_that_was_sent_is_not_retried(void)
{
    FIXTURE(get, ONE_REQUEST, "retries='1' retry-on='broken'", "");
    FIXTURE(post, ONE_POST, "retries='1' retry-on='broken'", "");
    FIXTURE(anyway, ONE_POST,
            "retries='1' retry-on='broken' retry-non-idempotent='yes'", "");
    IngressFixture *all[] = {&get, &post, &anyway};

    for (unsigned i = 0; i < 3; i++) {
        ingress_fixture_break(all[i], 0, INGRESS_FAULT_CLOSED);
        model_run(all[i]->model, VS_S);
        CU_ASSERT_EQUAL(all[i]->fakes[0].n_requests, 1);
    }
    CU_ASSERT_EQUAL(client(&get, "completed"), 1);
    CU_ASSERT_EQUAL(client(&post, "error-502"), 1);
    CU_ASSERT_EQUAL(counter(&post, "upstream-opened"), 1);
    CU_ASSERT_EQUAL(client(&anyway, "completed"), 1);
    for (unsigned i = 0; i < 3; i++) {
        ingress_fixture_clear(all[i]);
    }
}

static void
test_connect_timeout(void)
{
    FIXTURE(f, ONE_REQUEST, "connect-timeout='3s'", "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    assert_answered_after(&f, 3 * VS_S, "error-504");
    CU_ASSERT_EQUAL(counter(&f, "upstream-timeouts"), 1);
    ingress_fixture_clear(&f);
}

/* An upstream that accepts is not bound by the connect time-out: from then on the other one
 * counts, and the veth pair takes no time here. */
static void
test_read_timeout_counts_from_the_connection(void)
{
    FIXTURE(f, ONE_REQUEST, "connect-timeout='1s' read-timeout='4s'", "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SLOW);
    assert_answered_after(&f, 4 * VS_S, "error-504");
    ingress_fixture_clear(&f);
}

static void
test_read_timeout_of_zero_waits(void)
{
    FIXTURE(f, ONE_REQUEST, "read-timeout='0s'", "service-time='500s'");
    assert_answered_after(&f, 500 * VS_S, "completed");
    ingress_fixture_clear(&f);
}

static void
test_request_timeout_bounds_all_tries(void)
{
    FIXTURE(f, ONE_REQUEST,
            "connect-timeout='1s' retries='5' request-timeout='2500ms' "
            "status-read-timeout='503'",
            "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_SILENT);
    assert_answered_after(&f, 2500 * VS_MS, "error-503");
    model_run(f.model, 100 * VS_S);
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 3); /* At 0, 1 and 2 s. */
    ingress_fixture_clear(&f);
}

static void
test_retry_timeout_ends_the_tries(void)
{
    FIXTURE(f, ONE_REQUEST, "connect-timeout='1s' retries='5' retry-timeout='2500ms'",
            "");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_SILENT);
    /* Tries begin at 0, 1, 2 s; at 3 s none may. */
    assert_answered_after(&f, 3 * VS_S, "error-504");
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 3);
    ingress_fixture_clear(&f);
}

static void
test_retry_of_the_same_waits_between(void)
{
    FIXTURE(f, ONE_REQUEST, "retries='3' retry-to='same' retry-delay='1s'", "");
    FIXTURE(capped, ONE_REQUEST,
            "retries='3' retry-to='same' retry-delay='1s' connect-timeout='300ms'", "");
    FIXTURE(silent, ONE_REQUEST,
            "retries='3' retry-to='same' retry-delay='1s' connect-timeout='300ms'", "");

    ingress_fixture_break(&f, 0, INGRESS_FAULT_REFUSED);
    assert_answered_after(&f, 3 * VS_S, "error-502");
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 4);
    CU_ASSERT_EQUAL(model_share(f.model, "s", "endpoints", "b"), 0);

    ingress_fixture_break(&capped, 0, INGRESS_FAULT_REFUSED);
    assert_answered_after(&capped, 900 * VS_MS, "error-502");

    /* What has waited already does not wait again: four tries of 300 ms. */
    ingress_fixture_break(&silent, 0, INGRESS_FAULT_SILENT);
    assert_answered_after(&silent, 1200 * VS_MS, "error-504");
    ingress_fixture_clear(&f);
    ingress_fixture_clear(&capped);
    ingress_fixture_clear(&silent);
}

static void
test_nobody_is_asked_for_a_client_that_left(void)
{
    FIXTURE(f, ONE_REQUEST "", "connect-timeout='1s' retries='5'", "");
    IngressFixture left;

    ingress_fixture_init(
        &left,
        model_new("%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
                  "timeout='1500ms' arrivals='constant(1/s)' stop='1us'/>"
                  "<link from='c' to='n1'/><node id='n1' costs='free'>"
                  "<pod id='controller' labels='app=ingress'><ingress id='in' "
                  "connect-timeout='1s' retries='5'><rule><path service='s'/></rule>"
                  "</ingress></pod><pod id='a' labels='app=web'><container/></pod>"
                  "</node><service id='front' type='NodePort' node-port='30080' "
                  "select='app=ingress'/><service id='s' target-port='8080' "
                  "select='app=web'/>",
                  model_free_costs));
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&left, 0, INGRESS_FAULT_SILENT);
    model_run(f.model, 100 * VS_S);
    model_run(left.model, 100 * VS_S);
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 6);
    CU_ASSERT_EQUAL(counter(&left, "upstream-opened"), 2); /* At 0 and 1 s. */
    ingress_fixture_clear(&f);
    ingress_fixture_clear(&left);
}

/* The slow pod still works on the first try when the other has answered: its time is not the
 * request's, and every picosecond has one stage. */
static void
test_time_of_a_retried_request_adds_up(void)
{
    FIXTURE(f, ONE_REQUEST, "read-timeout='1s' retries='1' retry-on='read-timeout'",
            "service-time='uniform(800ms,1200ms)'");
    const VsStageTotals *stages;
    const VsHistogram *latency;
    unsigned __int128 sum = 0;

    ingress_fixture_break(&f, 0, INGRESS_FAULT_SLOW);
    model_run(f.model, 100 * VS_S);
    CU_ASSERT_EQUAL_FATAL(client(&f, "completed"), 1);
    stages = model_stat(f.model, "c", "stages");
    latency = model_histogram(f.model, "c", "latency");
    for (unsigned i = 0; i < stages->n_rows; i++) {
        sum += stages->rows[i].elapsed;
    }
    CU_ASSERT(sum == stages->elapsed);
    CU_ASSERT_EQUAL((VsTime)stages->elapsed, vs_histogram_max(latency));
    CU_ASSERT(vs_histogram_max(latency) > 1800 * VS_MS);
    CU_ASSERT(vs_histogram_max(latency) < 2202 * VS_MS);
    ingress_fixture_clear(&f);
}

/* Both pods take 1.5 s, and the first is no longer waited for after 1 s: its answer, half a
 * second later, must not end up in the books of the request that the second serves. */
static void
test_late_answer_of_a_failed_try_counts_nowhere(void)
{
    const VsStageTotals *stages;
    IngressFixture f;

    ingress_fixture_init(
        &f, model_new("%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
                      "arrivals='constant(1/s)' stop='1us'/><link from='c' to='n1'/>"
                      "<node id='n1' costs='free'>"
                      "<pod id='controller' labels='app=ingress'><ingress id='in' "
                      "read-timeout='1s' retries='1' retry-on='read-timeout'><rule>"
                      "<path service='s'/></rule></ingress></pod>"
                      "<pod id='a' labels='app=web'><container id='a-web' "
                      "service-time='1500ms'/></pod><pod id='b' labels='app=web'>"
                      "<container id='b-web' service-time='900ms'/></pod></node>"
                      "<service id='front' type='NodePort' node-port='30080' "
                      "select='app=ingress'/><service id='s' target-port='8080' "
                      "select='app=web'/>",
                      model_free_costs));
    model_run(f.model, 100 * VS_S);
    CU_ASSERT_EQUAL(client(&f, "completed"), 1);
    CU_ASSERT_EQUAL(model_counter(f.model, "a-web", "served"), 1);
    stages = model_stat(f.model, "c", "stages");
    for (unsigned i = 0; i < stages->n_rows; i++) {
        const char *place =
            vs_stages_get(&f.model->run->packets->stages, stages->rows[i].stage)->place;

        CU_ASSERT_PTR_NULL(strstr(place, "a-web"));
    }
    CU_ASSERT_EQUAL((VsTime)stages->elapsed,
                    vs_histogram_max(model_histogram(f.model, "c", "latency")));
    ingress_fixture_clear(&f);
}

static void
test_idle_connection_is_closed_in_time(void)
{
    FIXTURE(f, "stop='1us'", "keepalive-timeout='5s'", "service-time='2s'");
    VsTime answered = ingress_fixture_first_try(&f) + 2 * VS_S;

    model_run(f.model, answered + 5 * VS_S - 1);
    CU_ASSERT_EQUAL(counter(&f, "upstream-expired"), 0);
    model_run(f.model, answered + 5 * VS_S);
    CU_ASSERT_EQUAL(counter(&f, "upstream-expired"), 1);
    ingress_fixture_clear(&f);
}

/* A request each second to one pod or the other, so each is idle for two seconds. */
static void
test_idle_connection_is_used_before_its_time_out(void)
{
    FIXTURE(kept, "stop='10s'", "keepalive-timeout='2500ms'", "service-time='1ms'");
    FIXTURE(closed, "stop='10s'", "keepalive-timeout='1500ms'", "service-time='1ms'");

    model_run(kept.model, 10 * VS_S);
    CU_ASSERT_EQUAL(counter(&kept, "upstream-opened"), 2);
    CU_ASSERT_EQUAL(counter(&kept, "upstream-expired"), 0);
    model_run(closed.model, 20 * VS_S);
    CU_ASSERT_EQUAL(counter(&closed, "upstream-opened"), 10);
    CU_ASSERT_EQUAL(counter(&closed, "upstream-expired"), 10);
    ingress_fixture_clear(&kept);
    ingress_fixture_clear(&closed);
}

static void
test_connection_is_closed_after_its_last_request(void)
{
    FIXTURE(f, "stop='20s'", "keepalive-requests='3'", "");

    model_run(f.model, 21 * VS_S);
    /* Ten requests for each pod, by threes: four connections, the last of one request. */
    CU_ASSERT_EQUAL(client(&f, "completed"), 20);
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 2 * 4);
    CU_ASSERT_EQUAL(counter(&f, "upstream-expired"), 2 * 3);
    ingress_fixture_clear(&f);
}

static void
test_old_connection_is_closed_after_an_answer(void)
{
    FIXTURE(f, "stop='20s'", "keepalive-time='3s'", "service-time='1ms'");

    model_run(f.model, 21 * VS_S);
    /* Each pod is asked at 0, 2, 4 s: older than 3 s then, so every third opens one. */
    CU_ASSERT_EQUAL(counter(&f, "upstream-opened"), 2 * 4);
    CU_ASSERT_EQUAL(counter(&f, "upstream-expired"), 2 * 3);
    ingress_fixture_clear(&f);
}

static void
test_safe_reuse_is_not_for_first_requests(void)
{
    FIXTURE(each, "stop='10s'", "keepalive-reuse='safe'", "service-time='1ms'");
    FIXTURE(kept, "stop='10s' keep-alive='yes'", "keepalive-reuse='safe'",
            "service-time='1ms'");

    model_run(each.model, 11 * VS_S);
    CU_ASSERT_EQUAL(counter(&each, "upstream-opened"), 10);
    model_run(kept.model, 11 * VS_S);
    CU_ASSERT_EQUAL(counter(&kept, "upstream-opened"), 2);
    ingress_fixture_clear(&each);
    ingress_fixture_clear(&kept);
}

/* An upstream answers once and closes when it is asked again. */
static void
test_request_on_a_stale_connection_is_sent_again(void)
{
    FIXTURE(given, "stop='4s'", "retry-reused='yes'", "");
    FIXTURE(post, "stop='4s' body='10B'", "retry-reused='yes'", "");
    FIXTURE(without, "stop='4s'", "", "");
    IngressFixture *all[] = {&given, &post, &without};

    for (unsigned i = 0; i < 3; i++) {
        ingress_fixture_fake(all[i], 0, 1);
        ingress_fixture_fake(all[i], 1, 1);
        model_run(all[i]->model, 5 * VS_S);
    }
    /* a and b; then a's is broken, b's as well, and a gets a new one, which is broken by
     * the fourth request, for which b gets a new one. */
    CU_ASSERT_EQUAL(client(&given, "completed"), 4);
    CU_ASSERT_EQUAL(client(&post, "completed"), 2);
    CU_ASSERT_EQUAL(client(&post, "error-502"), 2);
    CU_ASSERT_EQUAL(client(&without, "completed"), 2);
    CU_ASSERT_EQUAL(client(&without, "error-502"), 2);
    CU_ASSERT_EQUAL(counter(&without, "upstream-retries"), 0);
    for (unsigned i = 0; i < 3; i++) {
        ingress_fixture_clear(all[i]);
    }
}

static void
test_statuses_are_settings(void)
{
    static const struct {
        IngressFault fault;
        const char *settings;
    } cases[] = {
        {INGRESS_FAULT_REFUSED, "status-connect-failed='503'"},
        {INGRESS_FAULT_SILENT, "connect-timeout='1s' status-connect-timeout='503'"},
        {INGRESS_FAULT_CLOSED, "status-broken='503'"},
        {INGRESS_FAULT_SLOW, "status-read-timeout='503'"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        IngressFixture f;

        ingress_fixture_init(&f, model_new(INGRESS_TWO_PODS(ONE_REQUEST, "%s", ""),
                                           model_free_costs, cases[i].settings));
        ingress_fixture_break(&f, 0, cases[i].fault);
        model_run(f.model, 100 * VS_S);
        CU_ASSERT_EQUAL(client(&f, "error-503"), 1);
        ingress_fixture_clear(&f);
    }
}

static void
check_refused(const char *part, const char *settings)
{
    model_check_error(part, INGRESS_TWO_PODS("", "%s", ""), model_free_costs, settings);
}

static void
test_what_cannot_act_is_refused(void)
{
    check_refused("test.xml:", "retries='1' retry-on='refused'");
    check_refused("retry-on: \"refused\" is unknown; there are connect-failed, ",
                  "retries='1' retry-on='refused'");
    check_refused("retry-on has no effect without retries", "retry-on='broken'");
    check_refused("retry-delay has no effect without retries", "retry-delay='1s'");
    check_refused("retry-timeout has no effect without retries",
                  "retry-timeout='1s' retry-reused='yes'");
    check_refused(NULL, "retry-non-idempotent='yes' retry-reused='yes'");
    check_refused("retries has no effect with an empty retry-on",
                  "retries='1' retry-on=''");
    check_refused("keepalive-timeout has no effect with keepalive=\"0\"",
                  "keepalive='0' keepalive-timeout='1s'");
    check_refused("keepalive-reuse has no effect with keepalive=\"0\"",
                  "keepalive='0' keepalive-reuse='safe'");
    check_refused("request-buffering=\"off\" is not modelled",
                  "request-buffering='off'");
    check_refused("response-buffering=\"off\" is not modelled",
                  "response-buffering='off'");
    check_refused(NULL, "request-buffering='on' response-buffering='on'");
    check_refused("status-broken=\"404\"", "status-broken='404'");
}

static const VsTestCase tests[] = {
    {"a refused request is answered by the other pod",
     test_refused_request_is_answered_by_the_other_pod},
    {"retries are limited", test_retries_are_limited},
    {"only what retry-on names is retried", test_only_named_failures_are_retried},
    {"a POST that was sent is not retried", test_post_that_was_sent_is_not_retried},
    {"connect time-out", test_connect_timeout},
    {"the read time-out counts from the connection",
     test_read_timeout_counts_from_the_connection},
    {"read-timeout 0s waits", test_read_timeout_of_zero_waits},
    {"the request time-out bounds all tries", test_request_timeout_bounds_all_tries},
    {"after retry-timeout no try begins", test_retry_timeout_ends_the_tries},
    {"retries at the same endpoint, with delays", test_retry_of_the_same_waits_between},
    {"nobody is asked for a client that left",
     test_nobody_is_asked_for_a_client_that_left},
    {"the time of a retried request adds up", test_time_of_a_retried_request_adds_up},
    {"the late answer of a failed try counts nowhere",
     test_late_answer_of_a_failed_try_counts_nowhere},
    {"an idle connection is closed in time", test_idle_connection_is_closed_in_time},
    {"an idle connection is used before its time-out",
     test_idle_connection_is_used_before_its_time_out},
    {"a connection is closed after its last request",
     test_connection_is_closed_after_its_last_request},
    {"an old connection is closed after an answer",
     test_old_connection_is_closed_after_an_answer},
    {"safe reuse is not for first requests", test_safe_reuse_is_not_for_first_requests},
    {"a request on a stale connection is sent again",
     test_request_on_a_stale_connection_is_sent_again},
    {"statuses are settings", test_statuses_are_settings},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};

VS_TESTS("ingress retries")
