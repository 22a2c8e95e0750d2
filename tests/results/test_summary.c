#include "base/units.h"
#include "results/json_get.h"
#include "results/number.h"
#include "results/stage_table.h"
#include "results/summary.h"
#include "results/text_table.h"
#include "ticker.h"
#include "vs_test.h"

/* Numbers. ------------------------------------------------------------------------- */

/* Frees 'text'. */
static bool
is_text(char *text, const char *expected)
{
    bool is_equal = strcmp(text, expected) == 0;

    if (!is_equal) {
        printf("\"%s\" should be \"%s\"\n", text, expected);
    }
    g_free(text);
    return is_equal;
}

static void
test_numbers_for_people(void)
{
    CU_ASSERT(is_text(vs_number_print_count(0), "0"));
    CU_ASSERT(is_text(vs_number_print_count(999), "999"));
    CU_ASSERT(is_text(vs_number_print_count(1000), "1,000"));
    CU_ASSERT(is_text(vs_number_print_count(UINT64_MAX), "18,446,744,073,709,551,615"));

    CU_ASSERT(is_text(vs_number_print_share(0), "0%"));
    CU_ASSERT(is_text(vs_number_print_share(1e-9), "<0.1%"));
    CU_ASSERT(is_text(vs_number_print_share(0.0005), "0.1%"));
    CU_ASSERT(is_text(vs_number_print_share(0.4986), "49.9%"));
    CU_ASSERT(is_text(vs_number_print_share(1), "100.0%"));

    CU_ASSERT(is_text(vs_number_print_rate(0), "0/s"));
    CU_ASSERT(is_text(vs_number_print_rate(0.5), "0.500/s"));
    CU_ASSERT(is_text(vs_number_print_rate(9.9996), "10.00/s"));
    CU_ASSERT(is_text(vs_number_print_rate(999.04), "999.0/s"));
    CU_ASSERT(is_text(vs_number_print_rate(12345), "12345/s"));
    CU_ASSERT(is_text(vs_number_print_rate(99999.7), "100.0k/s"));
    CU_ASSERT(is_text(vs_number_print_rate(8176000), "8.176M/s"));

    CU_ASSERT(is_text(vs_number_print_real(0), "0"));
    CU_ASSERT(is_text(vs_number_print_real(0.00001), "1.0e-05"));
    CU_ASSERT(is_text(vs_number_print_real(0.12345), "0.1235"));
    CU_ASSERT(is_text(vs_number_print_real(1234.6), "1235"));
}

static void
test_sums_beyond_64_bits_come_back(void)
{
    VsSum sum = 0;

    CU_ASSERT(is_text(vs_number_print_sum(~(VsSum)0),
                      "340282366920938463463374607431768211455"));
    CU_ASSERT(vs_number_read_sum("340282366920938463463374607431768211455", &sum));
    CU_ASSERT(sum == ~(VsSum)0);
    CU_ASSERT_FALSE(
        vs_number_read_sum("340282366920938463463374607431768211456", &sum));
    CU_ASSERT_FALSE(vs_number_read_sum("", &sum));
    CU_ASSERT_FALSE(vs_number_read_sum("-1", &sum));
    CU_ASSERT_FALSE(vs_number_read_sum("1 ", &sum));
}

static void
test_means_are_rounded_half_up(void)
{
    CU_ASSERT_EQUAL(vs_number_mean(0, 0), 0);
    CU_ASSERT_EQUAL(vs_number_mean(5, 2), 3);
    CU_ASSERT_EQUAL(vs_number_mean(7, 3), 2);
    CU_ASSERT_EQUAL(vs_number_mean(8, 3), 3);
}

/* Tables. -------------------------------------------------------------------------- */

static void
test_columns_are_as_wide_as_they_must_be(void)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrl");
    g_autoptr(GString) out = g_string_new(NULL);

    vs_text_table_put_words(table, "|mean|");
    vs_text_table_put_words(table, "users|1|yes");
    vs_text_table_take(table, g_strdup("ab"));
    vs_text_table_put(table, "23456");
    vs_text_table_put(table, "");
    vs_text_table_print(table, 2, out);
    CU_ASSERT_STRING_EQUAL(out->str, "          mean\n"
                                     "  users      1  yes\n"
                                     "  ab     23456\n");
}

/* Stages. -------------------------------------------------------------------------- */

static void
add_row(VsStageTable *table, const char *phase, const char *place, VsStageKind kind,
        uint64_t elapsed)
{
    VsStageRow row = {phase, place, "what", kind, 1, elapsed};

    g_array_append_val(table->rows, row);
    table->elapsed += elapsed;
}

static const VsStageLine *
line_of(const GArray *lines, guint index)
{
    return &g_array_index(lines, VsStageLine, index);
}

static void
test_cores_count_in_the_root_namespace(void)
{
    VsStageTable table;
    GArray *lines;

    vs_stage_table_init(&table);
    add_row(&table, "connect", "namespace n1/root", VS_STAGE_SERVICE, 3);
    add_row(&table, "connect", "wire n1 > n2", VS_STAGE_DELAY, 10);
    add_row(&table, "connect", "core n1/0", VS_STAGE_QUEUEING, 4);
    add_row(&table, "connect", "core n1/12", VS_STAGE_QUEUEING, 5);
    lines = vs_stage_table_fold(&table, 8);

    CU_ASSERT_EQUAL_FATAL(lines->len, 2);
    CU_ASSERT_STRING_EQUAL(line_of(lines, 0)->place, "namespace n1/root");
    CU_ASSERT(line_of(lines, 0)->elapsed[VS_STAGE_QUEUEING] == 9);
    CU_ASSERT(line_of(lines, 0)->elapsed[VS_STAGE_SERVICE] == 3);
    CU_ASSERT_STRING_EQUAL(line_of(lines, 1)->place, "wire n1 > n2");
    g_array_free(lines, TRUE);
    vs_stage_table_clear(&table);
}

static void
test_alike_places_share_a_line_when_there_are_many(void)
{
    VsStageTable table;
    GArray *lines;
    VsSum sum = 0;

    vs_stage_table_init(&table);
    add_row(&table, "ask", "pod a", VS_STAGE_SERVICE, 1);
    add_row(&table, "ask", "pod w-1", VS_STAGE_SERVICE, 2);
    add_row(&table, "ask", "pod w-23", VS_STAGE_SERVICE, 3);
    add_row(&table, "ask", "disk 5", VS_STAGE_SERVICE, 4);
    add_row(&table, "answer", "pod w-1", VS_STAGE_DELAY, 5);

    lines = vs_stage_table_fold(&table, 4);
    CU_ASSERT_EQUAL(lines->len, 5);
    g_array_free(lines, TRUE);

    lines = vs_stage_table_fold(&table, 3);
    CU_ASSERT_EQUAL_FATAL(lines->len, 4);
    CU_ASSERT_STRING_EQUAL(line_of(lines, 1)->place, "pod w-*");
    CU_ASSERT_EQUAL(line_of(lines, 1)->n_places, 2);
    CU_ASSERT_STRING_EQUAL(line_of(lines, 2)->place, "disk 5");
    CU_ASSERT_STRING_EQUAL(line_of(lines, 3)->phase, "answer");
    g_array_free(lines, TRUE);

    lines = vs_stage_table_fold(&table, 2);
    CU_ASSERT_EQUAL_FATAL(lines->len, 3);
    CU_ASSERT_STRING_EQUAL(line_of(lines, 0)->place, "pod w-*");
    CU_ASSERT_STRING_EQUAL(line_of(lines, 1)->place, "2 others");
    for (guint i = 0; i < lines->len; i++) {
        sum += vs_stage_line_sum(line_of(lines, i));
    }
    CU_ASSERT(sum == table.elapsed);
    g_array_free(lines, TRUE);
    vs_stage_table_clear(&table);
}

/* Summaries. ----------------------------------------------------------------------- */

typedef struct Fixture {
    VsScenario *scenario;
    VsSimulation *simulation;
    VsSummary *summary;
} Fixture;

/* Runs 'text' until 'time', or its end if that is 0. */
static Fixture
fixture(const char *text, VsTime time)
{
    Fixture f = {.scenario = ticker_scenario(text)};

    f.simulation = ticker_simulation(f.scenario);
    vs_simulation_advance_to(f.simulation, time ? time : VS_TIME_NEVER, UINT64_MAX);
    f.summary = vs_summary_new(f.simulation);
    return f;
}

static void
fixture_clear(Fixture *f)
{
    vs_summary_free(f->summary);
    vs_simulation_free(f->simulation);
    vs_scenario_free(f->scenario);
}

static const VsSummaryClient *
client_of(const Fixture *f, guint index)
{
    return &g_array_index(f->summary->clients, VsSummaryClient, index);
}

static void
test_a_summary_has_the_numbers_of_the_run(void)
{
    Fixture f = fixture(ticker_ten, 0);
    const VsSummaryClient *client = client_of(&f, 0);
    const VsSummaryQueue *queue = &g_array_index(f.summary->queues, VsSummaryQueue, 0);
    const VsSummaryServer *server =
        &g_array_index(f.summary->servers, VsSummaryServer, 0);

    CU_ASSERT_EQUAL(f.summary->n_events, 10);
    CU_ASSERT_FALSE(f.summary->is_partial);
    CU_ASSERT_STRING_EQUAL(client->id, "t");

    /* Requests 1 2 3 5 6 7 9 10 completed, in as many us: 43 in all. */
    CU_ASSERT_EQUAL(client->latency.count, 8);
    CU_ASSERT(client->latency.sum == 43 * VS_US);
    CU_ASSERT_EQUAL(vs_histogram_max(&client->latency), 10 * VS_US);
    CU_ASSERT_EQUAL(vs_summary_quantile(&client->latency, 0.999), 10 * VS_US);
    CU_ASSERT_EQUAL(vs_summary_throughput(f.summary, client), 800);
    CU_ASSERT_EQUAL(vs_summary_n_under_way(client), 0);

    CU_ASSERT_EQUAL(client->stages.rows->len, 2);
    CU_ASSERT(g_array_index(client->stages.rows, VsStageRow, 0).elapsed ==
              43 * VS_US / 4);
    CU_ASSERT(vs_stage_table_sum(&client->stages) == 43 * VS_US);

    /* One visitor from 1 ms on: nine went after 1 ms each. */
    CU_ASSERT_DOUBLE_EQUAL(queue->mean, 0.9, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(queue->mean_visit, (double)VS_MS, 1e-3);
    CU_ASSERT(queue->is_balanced);

    /* Half of 1 + 2 + ... + 10 us, of 10 ms. */
    CU_ASSERT_DOUBLE_EQUAL(server->utilisation, 27.5 / 10000, 1e-12);
    CU_ASSERT(vs_summary_check(f.summary, NULL));
    fixture_clear(&f);
}

static void
test_text_says_what_json_says(void)
{
    Fixture f = fixture(ticker_ten, 0);
    g_autofree char *text = vs_summary_print_text(f.summary);
    g_autofree char *json = vs_summary_print_json(f.summary);
    g_autoptr(JsonParser) parser = json_parser_new();
    static const char *const numbers[] = {"mean_ps", "p50_ps",   "p90_ps",
                                          "p99_ps",  "p99_9_ps", "max_ps"};
    g_autoptr(GString) latencies = g_string_new("  t");
    JsonObject *client;

    CU_ASSERT_FATAL(json_parser_load_from_data(parser, json, -1, NULL));
    client = json_node_get_object(json_array_get_element(
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)),
                                     "clients"),
        0));
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        JsonObject *latency = vs_json_get_object(client, "latency");
        double ps = json_object_get_double_member(latency, numbers[i]);
        g_autofree char *time = vs_format_time_short((int64_t)(ps + 0.5));

        g_string_append_printf(latencies, "  %s", time);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(text, latencies->str));
    CU_ASSERT_EQUAL(json_object_get_int_member(vs_json_get_object(client, "failures"),
                                               "error-fourth"),
                    2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  error-fourth        2  It was the fourth."));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "times exactly: 43,000,000 ps in all"));
    CU_ASSERT_STRING_EQUAL(
        vs_json_get_text(vs_json_get_object(client, "stages"), "end_to_end_ps"),
        "43000000");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, f.summary->digest));
    fixture_clear(&f);
}

static void
test_a_stopped_run_is_partial(void)
{
    Fixture f = fixture(ticker_ten, 3 * VS_MS);
    g_autofree char *text = vs_summary_print_text(f.summary);
    g_autofree char *json = vs_summary_print_json(f.summary);

    CU_ASSERT(f.summary->is_partial);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "PARTIAL: stopped at 3ms of 10ms"));
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"partial\" : true"));
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"reached_ps\" : 3000000000"));
    fixture_clear(&f);
}

static void
test_a_missing_picosecond_is_noticed(void)
{
    Fixture f = fixture(ticker_ten, 0);
    Ticker *ticker =
        vs_simulation_instance(f.simulation, vs_scenario_find(f.scenario, "t"));
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    ticker->stages.rows[0].elapsed--;
    vs_summary_free(f.summary);
    f.summary = vs_summary_new(f.simulation);
    text = vs_summary_print_text(f.summary);
    CU_ASSERT_FALSE(vs_summary_check(f.summary, &error));
    CU_ASSERT_STRING_EQUAL(error->message,
                           "internal error: the stages of t add up to 42999999ps, its "
                           "requests took 43000000ps");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "INTERNAL ERROR"));
    fixture_clear(&f);
}

static void
test_latencies_are_compared_with_stages(void)
{
    Fixture f = fixture(ticker_ten, 0);
    Ticker *ticker =
        vs_simulation_instance(f.simulation, vs_scenario_find(f.scenario, "t"));

    ticker->latency.sum++;
    vs_summary_free(f.summary);
    f.summary = vs_summary_new(f.simulation);
    CU_ASSERT_FALSE(vs_summary_check(f.summary, NULL));
    fixture_clear(&f);
}

static void
test_the_total_adds_up_the_clients(void)
{
    Fixture f = fixture("<scenario version='1' until='10ms' "
                        "xmlns='urn:vethsim:scenario:1'>"
                        "<ticker id='a'/><ticker id='b' interval='2ms'/></scenario>",
                        0);
    g_autofree char *text = vs_summary_print_text(f.summary);

    /* Eight of ten, and four of five. */
    CU_ASSERT_EQUAL(f.summary->clients->len, 2);
    CU_ASSERT_EQUAL(f.summary->total.latency.count, 12);
    CU_ASSERT(f.summary->total.latency.sum == (43 + 11) * VS_US);
    CU_ASSERT(vs_stage_table_sum(&f.summary->total.stages) == (43 + 11) * VS_US);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "all clients"));
    fixture_clear(&f);
}

static void
test_a_run_without_time_has_no_numbers(void)
{
    g_autoptr(VsScenario) scenario = ticker_scenario(ticker_ten);
    g_autoptr(VsSimulation) simulation = ticker_simulation(scenario);
    g_autoptr(VsSummary) summary = vs_summary_new(simulation);
    g_autofree char *text = vs_summary_print_text(summary);
    g_autofree char *json = vs_summary_print_json(summary);

    CU_ASSERT_PTR_NULL(strstr(text, "nan"));
    CU_ASSERT_PTR_NULL(strstr(json, "nan"));
    CU_ASSERT(vs_summary_check(summary, NULL));
}

static const VsTestCase tests[] = {
    {"numbers for people", test_numbers_for_people},
    {"sums beyond 64 bits come back", test_sums_beyond_64_bits_come_back},
    {"means are rounded half up", test_means_are_rounded_half_up},
    {"columns are as wide as they must be", test_columns_are_as_wide_as_they_must_be},
    {"cores count in the root namespace", test_cores_count_in_the_root_namespace},
    {"alike places share a line when there are many",
     test_alike_places_share_a_line_when_there_are_many},
    {"a summary has the numbers of the run", test_a_summary_has_the_numbers_of_the_run},
    {"text says what JSON says", test_text_says_what_json_says},
    {"a stopped run is partial", test_a_stopped_run_is_partial},
    {"a missing picosecond is noticed", test_a_missing_picosecond_is_noticed},
    {"latencies are compared with stages", test_latencies_are_compared_with_stages},
    {"the total adds up the clients", test_the_total_adds_up_the_clients},
    {"a run without time has no numbers", test_a_run_without_time_has_no_numbers},
    {0},
};
VS_TESTS("summary")
