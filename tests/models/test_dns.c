#include "models/fixture.h"

/* Clients, a caching resolver and the authoritative server behind one switch, nothing of
 * which takes time but the links (1 ms each) and the servers' work. */
#define NET(clients, resolver, dns, records)                                  \
    "%s" clients                                                              \
    "<resolver id='r' upstream='d' costs='free' service-time='1ms' " resolver \
    "/><dns id='d' costs='free' service-time='2ms' " dns ">" records "</dns>" \
    "<switch id='sw' latency='0s'/>"                                          \
    "<link from='r' to='sw' delay='1ms' rate='800Gbit/s'/>"                   \
    "<link from='d' to='sw' delay='1ms' rate='800Gbit/s'/>"
#define CLIENT(id, arrivals, name)                                          \
    "<client id='" id "' costs='free' resolver='r' arrivals='" arrivals "'" \
    " to='http://" name ":9/'/><link from='" id                             \
    "' to='sw' delay='1ms' rate='800Gbit/s'/>"
#define WEB_RECORD(ttl) "<record name='web.example' to='d' ttl='" ttl "'/>"

/* The port is closed: a request is over when the name is known and the port refuses. */

/* Each client keeps the answer and asks once; the resolver asks once for both. */
static void
test_resolver_answers_from_its_cache(void)
{
    Model *model = model_new(NET(CLIENT("a", "constant(10/s)", "web.example")
                                     CLIENT("b", "constant(5/s)", "web.example"),
                                 "", "", WEB_RECORD("60s")),
                             model_free_costs);

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "b", "lookups"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "r", "queries"), 2);
    CU_ASSERT_EQUAL(
        model_counter(model, "r", "hits") + model_counter(model, "r", "misses"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 1);
    model_free(model);
}

/* Client a's question at 0 s gives the resolver an answer that holds until 10.0x s.  Client
 * b is told at 3.5 s what is left of it, six whole seconds; at 9.6 s and until 10.0 s there
 * is less than one, told as 0, which b must not keep; at 10.1 s both wait for a new one. */
static void
test_time_to_live_counts_down(void)
{
    Model *model = model_new(
        NET(CLIENT(
                "a", "constant(10/s)",
                "web.example") "<client id='b' costs='free' resolver='r' "
                               "arrivals='constant(10/s)'"
                               " start='3.5s' to='http://web.example:9/'/>"
                               "<link from='b' to='sw' delay='1ms' rate='800Gbit/s'/>",
            "", "", WEB_RECORD("10s")),
        model_free_costs);

    model_run(model, 9550 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "b", "lookups"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "r", "hits"), 1);
    model_run(model, 10050 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "b", "lookups"), 1 + 5);
    CU_ASSERT_EQUAL(model_counter(model, "r", "hits"), 1 + 5);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 1);
    model_run(model, 19 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 1 + 1);
    CU_ASSERT_EQUAL(model_counter(model, "b", "lookups"), 1 + 5 + 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 2);
    model_free(model);
}

static void
test_refusals_are_cached_for_the_negative_ttl(void)
{
    Model *model = model_new(NET(CLIENT("a", "constant(10/s)", "nowhere.example"), "",
                                 "negative-ttl='3s'", WEB_RECORD("60s")),
                             model_free_costs);

    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "r", "queries"), 100);
    /* Asked at 0, 3.1, 6.2 and 9.3 s: an answer comes some ms after the question. */
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "d", "unknown"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "r", "misses"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "r", "hits"), 96);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-dns"), 100);
    model_free(model);
}

static void
test_time_to_live_of_zero_is_not_cached(void)
{
    Model *model = model_new(
        NET(CLIENT("a", "constant(10/s)", "web.example"), "", "", WEB_RECORD("0s")),
        model_free_costs);

    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-refused"), 100);
    model_free(model);
}

/* The resolver's own work, the question upstream, the server's work. */
static void
test_lookup_takes_the_time_of_its_path(void)
{
    Model *model = model_new(
        NET(CLIENT("a", "constant(1/s)", "web.example"), "", "", WEB_RECORD("0s")),
        model_free_costs);
    /* Name 11 + 2 bytes, header 12, type and class 4, UDP 8, IP 20, Ethernet and the rest
     * 38; an answer takes 16 more.  10 ps a byte. */
    VsTime question = (11 + 2 + 12 + 4 + 8 + 20 + 38) * 10;
    VsTime answer = question + 16 * 10;
    VsTime leg = 2 * VS_MS; /* To the switch and on: a frame is sent twice. */
    VsTime expected = (2 * question + leg) + VS_MS + (2 * question + leg) + 2 * VS_MS +
                      (2 * answer + leg) + (2 * answer + leg);

    Tap *tap = tap_new(model_host(model, "a")->root, VS_HOOK_OUTPUT);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 3 + 1);
    /* At 1 s and 2 s a question begins; with the answer a SYN goes out. */
    CU_ASSERT_EQUAL(tap_find(tap, VS_TCP_SYN, 1)->time, VS_S + expected);
    CU_ASSERT_EQUAL(tap_find(tap, VS_TCP_SYN, 2)->time, 2 * VS_S + expected);
    model_free(model);
    tap_free(tap);
}

static void
test_silent_upstream_ends_in_servfail(void)
{
    Model *model = model_new(NET(CLIENT("a", "constant(0.1/s)", "web.example"),
                                 "timeout='500ms' attempts='4'", "", WEB_RECORD("60s")),
                             model_free_costs);
    VsTime failed = 4 * 500 * VS_MS; /* And the way there and back. */

    model_unplug(model, "d");
    model_run(model, failed);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "r", "failed"), 0);
    model_run(model, failed + 20 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "r", "failed"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-dns"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "lookups"), 1); /* 5 s were not over. */

    /* SERVFAIL is not kept: the next request has the resolver ask again. */
    model_run(model, 15 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 8);
    CU_ASSERT_EQUAL(model_counter(model, "r", "failed"), 2);
    model_free(model);
}

/* Twenty clients ask within a millisecond: one question goes upstream. */
static void
test_concurrent_questions_are_one(void)
{
    Model *model =
        model_new(NET("<client id='many' count='20' costs='free' resolver='r'"
                      " arrivals='constant(0.01/s)' to='http://web.example:9/'/>"
                      "<link from='many' to='sw' delay='1ms' rate='800Gbit/s'/>",
                      "workers='20'", "", WEB_RECORD("60s")),
                  model_free_costs);

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "r", "queries"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "r", "misses"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "r", "hits"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 1);
    model_check_each(model, "many", 20, "error-refused", 1);
    model_free(model);
}

/* And when it fails, all of them are told. */
static void
test_concurrent_questions_fail_together(void)
{
    Model *model =
        model_new(NET("<client id='many' count='5' costs='free' resolver='r'"
                      " arrivals='constant(0.01/s)' to='http://web.example:9/'/>"
                      "<link from='many' to='sw' delay='1ms' rate='800Gbit/s'/>",
                      "workers='5' attempts='1' timeout='1s'", "", WEB_RECORD("60s")),
                  model_free_costs);

    model_unplug(model, "d");
    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "r", "asked"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "r", "failed"), 5);
    model_check_each(model, "many", 5, "error-dns", 1);
    model_free(model);
}

static void
test_names_are_resolved_apart(void)
{
    Model *model = model_new(NET(CLIENT("a", "constant(1/s)", "one.example")
                                     CLIENT("b", "constant(1/s)", "two.example"),
                                 "", "",
                                 "<record name='one.example' to='d'/>"
                                 "<record name='two.example' address='192.0.2.77'/>"),
                             model_free_costs);

    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-refused"), 10);
    /* No way leads to 192.0.2.77. */
    CU_ASSERT_EQUAL(model_counter(model, "b", "error-refused"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "b", "error-unreachable"), 10);
    model_free(model);
}

/* Several addresses of one name are one answer; the client takes the first. */
static void
test_name_with_several_addresses(void)
{
    Model *model = model_new(
        NET(CLIENT("a", "constant(1/s)", "web.example"), "", "",
            WEB_RECORD("60s") "<record name='web.example' address='192.0.2.77'/>"),
        model_free_costs);

    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "a", "error-refused"), 10);
    model_free(model);
}

/* Two workers, 100 ms each, four questions at once: two wait. */
static void
test_workers_are_a_station(void)
{
    Model *model = model_new(
        "%s<client id='many' count='4' costs='free' resolver='d'"
        " arrivals='constant(0.01/s)' to='http://web.example:9/'/>"
        "<switch id='sw' latency='0s'/><link from='many' to='sw' delay='1ms'/>"
        "<dns id='d' costs='free' workers='2' service-time='100ms'>"
        "<record name='web.example' to='d'/></dns><link from='d' to='sw' delay='1ms'/>",
        model_free_costs);
    VsTime least = VS_TIME_NEVER;
    VsTime most = 0;
    Tap *taps[4];

    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *id = g_strdup_printf("many-%u", i + 1);

        taps[i] = tap_new(model_host(model, id)->root, VS_HOOK_OUTPUT);
    }
    model_run(model, VS_S);
    for (unsigned i = 0; i < 4; i++) {
        VsTime answered = tap_find(taps[i], VS_TCP_SYN, 0)->time;

        least = MIN(least, answered);
        most = MAX(most, answered);
        tap_free(taps[i]);
    }
    CU_ASSERT(least >= 100 * VS_MS && least < 120 * VS_MS);
    CU_ASSERT(most >= 200 * VS_MS && most < 220 * VS_MS);
    CU_ASSERT_EQUAL(*(const VsTime *)model_stat(model, "d", "workers"), 400 * VS_MS);
    model_free(model);
}

static void
test_wrong_configurations_are_refused(void)
{
    g_autofree char *empty = model_error("<dns id='d'></dns>");
    g_autofree char *both =
        model_error("<dns id='d'><record name='x' to='d' address='192.0.2.1'/></dns>");
    g_autofree char *neither = model_error("<dns id='d'><record name='x'/></dns>");
    g_autofree char *fraction =
        model_error("<dns id='d'><record name='x' to='d' ttl='1500ms'/></dns>");
    g_autofree char *lost =
        model_error("<resolver id='r' upstream='d'/>"
                    "<dns id='d'><record name='x' address='192.0.2.1'/></dns>");

    CU_ASSERT_PTR_NOT_NULL(strstr(empty, "knows no name"));
    CU_ASSERT_PTR_NOT_NULL(strstr(both, "one of address"));
    CU_ASSERT_PTR_NOT_NULL(strstr(neither, "one of address"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fraction, "whole seconds"));
    CU_ASSERT_PTR_NOT_NULL(strstr(lost, "no link leads to it"));
}

static const VsTestCase tests[] = {
    {"a resolver answers from its cache", test_resolver_answers_from_its_cache},
    {"the time to live counts down in the cache", test_time_to_live_counts_down},
    {"\"no such name\" is cached for negative-ttl",
     test_refusals_are_cached_for_the_negative_ttl},
    {"a time to live of 0 is not cached", test_time_to_live_of_zero_is_not_cached},
    {"a lookup takes the time of its path, to the picosecond",
     test_lookup_takes_the_time_of_its_path},
    {"a silent upstream ends in SERVFAIL after attempts x timeout",
     test_silent_upstream_ends_in_servfail},
    {"concurrent questions for a name are one upstream",
     test_concurrent_questions_are_one},
    {"concurrent questions fail together", test_concurrent_questions_fail_together},
    {"names are resolved apart", test_names_are_resolved_apart},
    {"of several addresses the client takes the first",
     test_name_with_several_addresses},
    {"workers take a time for each query", test_workers_are_a_station},
    {"configurations that cannot be are refused",
     test_wrong_configurations_are_refused},
    {0},
};

VS_TESTS("dns")
