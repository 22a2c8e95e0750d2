/* Queue disciplines of links in a scenario. */
#include "models/fixture.h"

/* One request a second over a link of 1 Gbit/s, to a node whose answer has 'response'. */
static Model *
requests(const char *response, const char *inside)
{
    return model_new("%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
                     "arrivals='constant(1/s)' stop='9500ms'/>"
                     "<node id='n' costs='free'/>"
                     "<link from='c' to='n' rate='1Gbit/s' subnet='172.16.0.0/24'>%s"
                     "</link><pod id='p' labels='app=web'>"
                     "<container service-time='0s' response='%s'/></pod>"
                     "<service id='s' type='NodePort' node-port='30080' "
                     "target-port='8080' select='app=web'/>",
                     model_free_costs, inside, response);
}

/* Median latency of requests, all of which are answered. */
static double
median_latency(const char *response, const char *inside)
{
    Model *model = requests(response, inside);
    const VsHistogram *latency;
    double median;

    model_run(model, 12 * VS_S);
    latency = model_histogram(model, "c", "latency");
    CU_ASSERT_EQUAL(latency->count, 10);
    median = (double)vs_histogram_quantile(latency, 0.5);
    model_free(model);
    return median;
}

/* The qdisc whose name ends with 'name'. */
static const VsQdisc *
find_qdisc(const Model *model, const char *name)
{
    for (unsigned i = 0; i < model->build->qdiscs->len; i++) {
        const VsBuiltQdisc *built =
            &g_array_index(model->build->qdiscs, VsBuiltQdisc, i);

        if (g_str_has_suffix(built->name, name)) {
            return built->qdisc;
        }
    }
    CU_FAIL_FATAL("there is no such qdisc");
    return NULL;
}

/* A connection and a request: two round trips, of which the node's half is delayed. */
static void
test_a_delay_counts_where_it_is(void)
{
    double without = median_latency("1kB", "");
    double to = median_latency("1kB", "<qdisc kind='netem' delay='10ms' from='c'/>");
    double both = median_latency("1kB", "<qdisc kind='netem' delay='10ms'/>");

    CU_ASSERT_DOUBLE_EQUAL(to - without, 20 * VS_MS, 0.03 * VS_MS);
    CU_ASSERT_DOUBLE_EQUAL(both - without, 40 * VS_MS, 0.06 * VS_MS);
}

/* 1 MB at 10 Mbit/s: 685 segments and one in part, 54 bytes of headers each, but for the
 * burst; and half of that time at twice the rate, which comes at 4.5 s. */
static void
test_a_shaper_takes_its_time_and_changes(void)
{
    const double bytes = 1e6 + 685 * 54 - 5000;
    Model *model = requests("1MB", "<qdisc kind='tbf' rate='10Mbit/s' burst='5kB' "
                                   "limit='2MB' from='n'/>"
                                   "<qdisc kind='tbf' rate='20Mbit/s' burst='5kB' "
                                   "limit='2MB' from='n' at='4500ms'/>");
    const VsHistogram *latency;

    model_run(model, 12 * VS_S);
    latency = model_histogram(model, "c", "latency");
    CU_ASSERT_EQUAL(latency->count, 10);
    CU_ASSERT_DOUBLE_EQUAL((double)vs_histogram_max(latency), bytes * 800e3, 5 * VS_MS);
    CU_ASSERT_DOUBLE_EQUAL((double)vs_histogram_quantile(latency, 0.3), bytes * 400e3,
                           5 * VS_MS);
    CU_ASSERT_EQUAL(model->build->qdiscs->len, 1); /* It changed in place. */
    CU_ASSERT(find_qdisc(model, "n > c: tbf")->n_overlimits > 1000);
    model_free(model);
}

/* Answers have the port's class, ARP the other. */
static void
test_classes_count_what_they_take(void)
{
    Model *model =
        requests("100kB", "<qdisc kind='htb' from='n'><class id='all' rate='50Mbit/s'>"
                          "<class id='web' rate='40Mbit/s' ceil='50Mbit/s'>"
                          "<match source-port='30080' protocol='tcp'/>"
                          "<qdisc kind='fq_codel'/></class>"
                          "<class id='rest' rate='10Mbit/s' default='yes'/>"
                          "</class></qdisc>");
    const VsQdisc *htb, *web, *rest;

    model_run(model, 12 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    htb = find_qdisc(model, "n > c: htb");
    web = find_qdisc(model, "n > c: htb/all/web/fq_codel");
    rest = find_qdisc(model, "n > c: htb/all/rest");
    CU_ASSERT(web->n_packets > 10 * 69);
    CU_ASSERT(rest->n_packets >= 1);
    CU_ASSERT_EQUAL(htb->n_packets, web->n_packets + rest->n_packets);
    CU_ASSERT_EQUAL(htb->n_bytes, web->n_bytes + rest->n_bytes);
    model_free(model);
}

/* Before its time the link's queue is there; after it packets are lost, and come again. */
static void
test_losses_begin_in_time(void)
{
    Model *model =
        requests("20kB", "<qdisc kind='netem' loss='30%' from='n' at='5s'/>");

    model_run(model, 4900 * VS_MS);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_NETEM_LOSS), 0);
    model_run(model, 40 * VS_S);
    CU_ASSERT(model_dropped(model, VS_DROP_NETEM_LOSS) > 10);
    CU_ASSERT(find_qdisc(model, ": netem")->n_dropped > 10);
    model_free(model);
}

/* CoDel marks in place of dropping, and the server's window heeds the marks. */
static void
test_marks_take_the_place_of_drops(void)
{
    for (unsigned i = 0; i < 2; i++) {
        Model *model = model_new(
            "%s<client id='c' costs='free' ecn='on' timeout='100s' stop='1s' "
            "to='http://172.16.0.2:30080/' arrivals='constant(1/s)'/>"
            "<node id='n' costs='free'/>"
            "<link from='c' to='n' subnet='172.16.0.0/24' rate='10Mbit/s' delay='10ms'>"
            "<qdisc kind='fq_codel' from='n' ecn='%s'/></link>"
            "<pod id='p' labels='app=web'><container response='8MiB'/></pod>"
            "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
            "select='app=web'/>",
            model_free_costs, i ? "yes" : "no");
        const VsQdisc *qdisc;

        model_run(model, 60 * VS_S);
        qdisc = find_qdisc(model, "n > c: fq_codel");
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
        CU_ASSERT_EQUAL(qdisc->n_marked > 0, i == 1);
        CU_ASSERT_EQUAL(qdisc->n_dropped > 0, i == 0);
        model_free(model);
    }
}

static const VsTestCase tests[] = {
    {"a delay counts where it is", test_a_delay_counts_where_it_is},
    {"a shaper takes its time, and changes", test_a_shaper_takes_its_time_and_changes},
    {"classes count what they take", test_classes_count_what_they_take},
    {"losses begin in time", test_losses_begin_in_time},
    {"marks take the place of drops", test_marks_take_the_place_of_drops},
    {0},
};
VS_TESTS("link_qdisc")
