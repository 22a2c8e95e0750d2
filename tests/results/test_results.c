#include <glib/gstdio.h>

#include "results/folder.h"
#include "results/plot.h"
#include "results/results.h"
#include "temporary_folder.h"
#include "ticker.h"
#include "vs_test.h"

/* Folders of this test. ------------------------------------------------------------ */

static char *top;

static char *
path_to(const char *name)
{
    return g_build_filename(top, name, NULL);
}

static void
make_top(void)
{
    top = temporary_folder_new();
}

static void
delete_top(void)
{
    g_clear_pointer(&top, temporary_folder_delete);
}

static char *
read_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;

    CU_ASSERT(g_file_get_contents(path, &text, NULL, NULL));
    return text ? text : g_strdup("");
}

static void
write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    CU_ASSERT(g_file_set_contents(path, text, -1, NULL));
}

/* What there is in 'top', in one text. */
static char *
list_top(void)
{
    g_autoptr(GPtrArray) names = vs_folder_list(top, "");

    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

/* Runs ten ticks, or to 'time' if that is not 0, with results in 'folder'. */
static bool
run_to(const char *folder, VsTime time, unsigned n_samples, GError **error)
{
    const VsResultsOptions options = {folder, n_samples, .has_no_plots = true};
    const VsResultsHost host = {.wall_s = 1};
    g_autoptr(VsScenario) scenario = ticker_scenario(ticker_ten);
    g_autoptr(VsSimulation) simulation = ticker_simulation(scenario);
    g_autoptr(VsResults) results = vs_results_new(simulation, &options, error);
    g_autoptr(VsSummary) summary = NULL;
    g_autofree char *warning = NULL;

    if (!results) {
        return false;
    }
    while (vs_results_advance(results, 1) == VS_RUN_PAUSED) {
        if (time > 0 && vs_now(vs_simulation_run(simulation)) >= time) {
            break;
        }
    }
    summary = vs_summary_new(simulation);
    return vs_results_close(results, summary, &host, &warning, error);
}

/* Replacing. ----------------------------------------------------------------------- */

static void
test_a_folder_appears_as_a_whole(void)
{
    g_autofree char *place = NULL;
    g_autoptr(VsFolder) folder = NULL;

    make_top();
    place = path_to("a/b/run/");
    folder = vs_folder_new(place, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    CU_ASSERT_FALSE(g_file_test(place, G_FILE_TEST_EXISTS));
    write_file(vs_folder_partial_path(folder), "x", "1");
    CU_ASSERT(vs_folder_commit(folder, NULL));
    CU_ASSERT(g_file_test(place, G_FILE_TEST_IS_DIR));
    delete_top();
}

static void
test_an_abandoned_folder_leaves_nothing(void)
{
    g_autofree char *place = NULL;
    g_autofree char *left = NULL;
    VsFolder *folder;

    make_top();
    place = path_to("run");
    folder = vs_folder_new(place, NULL, NULL);
    write_file(vs_folder_partial_path(folder), "x", "1");
    vs_folder_free(folder);
    left = list_top();
    CU_ASSERT_STRING_EQUAL(left, "");
    delete_top();
}

static void
test_results_replace_results(void)
{
    g_autofree char *place = NULL;
    g_autofree char *left = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    make_top();
    place = path_to("run");
    CU_ASSERT(run_to(place, 3 * VS_MS, 0, NULL));
    first = read_file(place, "summary.json");
    CU_ASSERT(run_to(place, 0, 0, NULL));
    second = read_file(place, "summary.json");
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "\"partial\" : true"));
    CU_ASSERT_PTR_NOT_NULL(strstr(second, "\"partial\" : false"));
    left = list_top();
    CU_ASSERT_STRING_EQUAL(left, "run");
    delete_top();
}

static void
test_what_others_wrote_is_left_alone(void)
{
    g_autofree char *place = NULL;
    g_autofree char *file = NULL;
    g_autofree char *notes_path = NULL;
    g_autofree char *left = NULL;
    g_autoptr(GError) foreign = NULL;
    g_autoptr(GError) notes = NULL;
    g_autoptr(GError) taken = NULL;

    make_top();
    place = path_to("run");
    file = path_to("file");
    g_mkdir(place, 0777);
    write_file(place, "notes.txt", "mine");
    CU_ASSERT_FALSE(run_to(place, 0, 0, &foreign));
    CU_ASSERT(g_error_matches(foreign, G_FILE_ERROR, G_FILE_ERROR_EXIST));

    /* Nor among results. */
    notes_path = g_build_filename(place, "notes.txt", NULL);
    g_unlink(notes_path);
    CU_ASSERT(run_to(place, 0, 0, NULL));
    write_file(place, "notes.txt", "mine");
    CU_ASSERT_FALSE(run_to(place, 0, 0, &notes));
    CU_ASSERT_PTR_NOT_NULL(strstr(notes->message, "\"notes.txt\""));

    write_file(top, "file", "mine");
    CU_ASSERT_FALSE(run_to(file, 0, 0, &taken));
    CU_ASSERT(g_error_matches(taken, G_FILE_ERROR, G_FILE_ERROR_EXIST));
    left = list_top();
    CU_ASSERT_STRING_EQUAL(left, "file run");
    delete_top();
}

/* Content. ------------------------------------------------------------------------- */

static void
test_samples_are_tidy(void)
{
    g_autofree char *place = NULL;
    g_autofree char *csv = NULL;
    g_auto(GStrv) rows = NULL;
    unsigned n_latency = 0;

    make_top();
    place = path_to("run");
    CU_ASSERT(run_to(place, 0, 5, NULL));
    csv = read_file(place, "samples.csv");
    rows = g_strsplit(csv, "\n", -1);
    CU_ASSERT_STRING_EQUAL(rows[0], "run,entity,metric,unit,time_ps,value");
    for (char **row = rows + 1; **row; row++) {
        g_auto(GStrv) fields = g_strsplit(*row, ",", -1);
        int64_t time = g_ascii_strtoll(fields[4], NULL, 10);

        CU_ASSERT_EQUAL_FATAL(g_strv_length(fields), 6);
        CU_ASSERT_EQUAL(strlen(fields[0]), 12);
        CU_ASSERT_EQUAL(time % (2 * VS_MS), 0);
        if (strcmp(fields[2], "latency-count") == 0) {
            /* At 2 4 6 8 10 ms, without the 4th and the 8th. */
            static const char *const counts[] = {"2", "3", "5", "6", "8"};

            CU_ASSERT_STRING_EQUAL(fields[1], "t");
            CU_ASSERT_EQUAL_FATAL((time / (2 * VS_MS)), n_latency + 1);
            CU_ASSERT_STRING_EQUAL(fields[5], counts[n_latency]);
            n_latency++;
        }
    }
    CU_ASSERT_EQUAL(n_latency, 5);
    /* A metric begins when it is first not zero: no failure at 2 ms. */
    CU_ASSERT_PTR_NULL(strstr(csv, "error-fourth,request,2000000000,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(csv, "error-fourth,request,4000000000,1"));
    delete_top();
}

static void
test_latencies_are_written_as_hgrm(void)
{
    static const char expected[] =
        "       Value   Percentile   TotalCount 1/(1-Percentile)\n\n"
        "       0.001     0.000000            1         1.00\n";
    g_autofree char *place = NULL;
    g_autofree char *text = NULL;

    make_top();
    place = path_to("run");
    CU_ASSERT(run_to(place, 0, 0, NULL));
    text = read_file(place, "latency.hgrm");
    CU_ASSERT(g_str_has_prefix(text, expected));
    /* 43 us in 8 requests, the slowest of 10 us. */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "#[Mean    =        0.005,"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "#[Max     =        0.010, Total count    =            8]"));
    delete_top();
}

static void
test_samples_do_not_change_the_run(void)
{
    g_autoptr(VsScenario) scenario = ticker_scenario(ticker_ten);
    g_autoptr(VsSimulation) simulation = ticker_simulation(scenario);
    g_autofree char *digest = NULL;
    g_autofree char *place = NULL;
    g_autofree char *json = NULL;

    vs_simulation_advance(simulation, UINT64_MAX);
    digest = vs_simulation_digest(simulation);
    make_top();
    place = path_to("run");
    CU_ASSERT(run_to(place, 0, 1000, NULL));
    json = read_file(place, "summary.json");
    CU_ASSERT_PTR_NOT_NULL(strstr(json, digest));
    delete_top();
}

static void
test_the_same_run_writes_the_same_bytes(void)
{
    static const char *const names[] = {"summary.json", "summary.txt", "samples.csv",
                                        "histograms.csv", "latency.hgrm"};
    g_autofree char *a = NULL;
    g_autofree char *b = NULL;
    g_autofree char *left = NULL;
    g_autofree char *right = NULL;

    make_top();
    a = path_to("a");
    b = path_to("b");
    CU_ASSERT(run_to(a, 0, 0, NULL));
    CU_ASSERT(run_to(b, 0, 0, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *in_a = read_file(a, names[i]);
        g_autofree char *in_b = read_file(b, names[i]);

        CU_ASSERT(*in_a);
        CU_ASSERT_STRING_EQUAL(in_a, in_b);
    }
    /* Of the manifest all that comes before the host. */
    left = read_file(a, "manifest.json");
    right = read_file(b, "manifest.json");
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(left, "\"host\""));
    CU_ASSERT_EQUAL(strncmp(left, right, (size_t)(strstr(left, "\"host\"") - left)), 0);
    delete_top();
}

static void
test_a_manifest_has_every_value_in_force(void)
{
    g_autofree char *place = NULL;
    g_autofree char *text = NULL;

    make_top();
    place = path_to("run");
    CU_ASSERT(run_to(place, 3 * VS_MS, 0, NULL));
    text = read_file(place, "manifest.json");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"partial\" : true"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"reached\" : \"3ms\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"name\" : \"interval\",\n"
                                        "          \"value\" : \"1ms\",\n"
                                        "          \"origin\" : \"default\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"name\" : \"samples.csv\""));
    delete_top();
}

static void
test_the_id_depends_on_what_is_run(void)
{
    const VsSimulationOptions other = {.has_seed = true, .seed = 8};
    g_autoptr(VsScenario) scenario = ticker_scenario(ticker_ten);
    g_autoptr(VsSimulation) a = ticker_simulation(scenario);
    g_autoptr(VsSimulation) b = ticker_simulation(scenario);
    g_autoptr(VsSimulation) c = vs_simulation_new(scenario, &other, NULL);
    g_autofree char *id_a = vs_results_id(a);
    g_autofree char *id_b = vs_results_id(b);
    g_autofree char *id_c = vs_results_id(c);

    CU_ASSERT_EQUAL(strlen(id_a), 12);
    CU_ASSERT_STRING_EQUAL(id_a, id_b);
    CU_ASSERT_STRING_NOT_EQUAL(id_a, id_c);
}

/* Figures. ------------------------------------------------------------------------- */

static void
test_scripts_and_data_need_no_gnuplot(void)
{
    g_autofree char *place = NULL;
    g_autofree char *plots = NULL;
    g_autofree char *search = g_strdup(g_getenv("PATH"));
    g_autofree char *data = NULL;
    g_autofree char *names_text = NULL;
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GError) error = NULL;

    make_top();
    place = path_to("run");
    plots = g_build_filename(place, "plots", NULL);
    CU_ASSERT(run_to(place, 0, 0, NULL));
    CU_ASSERT(vs_plots_write(place, NULL));
    names = vs_folder_list(plots, "");
    g_ptr_array_add(names, NULL);
    names_text = g_strjoinv(" ", (char **)names->pdata);
    CU_ASSERT_STRING_EQUAL(names_text, "latency-cdf.dat latency-cdf.gp "
                                       "latency-percentiles.dat latency-percentiles.gp "
                                       "queues.dat queues.gp stages.dat stages.gp "
                                       "throughput.dat throughput.gp");

    /* 10.75 us of waiting and 32.25 us of work in 8 requests, phase by phase. */
    data = read_file(plots, "stages.dat");
    CU_ASSERT_PTR_NOT_NULL(strstr(data, "0 \"ask\" 0 1.34375 \"1.344us\"\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(data, "3 \"ticker t\" 1.34375 1.34375 5.375 5.375 \"4.031us\"\n"));

    g_setenv("PATH", plots, TRUE);
    CU_ASSERT_FALSE(vs_plots_draw(place, &error));
    CU_ASSERT(g_error_matches(error, VS_PLOT_ERROR, VS_PLOT_ERROR_NO_GNUPLOT));
    g_setenv("PATH", search, TRUE);
    delete_top();
}

static void
test_a_run_without_requests_has_no_latency_figure(void)
{
    g_autofree char *place = NULL;
    g_autofree char *script = NULL;

    make_top();
    place = path_to("run");
    script = g_build_filename(place, "plots", "latency-cdf.gp", NULL);
    CU_ASSERT(run_to(place, 0, 0, NULL));
    write_file(place, "histograms.csv",
               "run,entity,metric,unit,value_from,value_to,count\n");
    CU_ASSERT(vs_plots_write(place, NULL));
    CU_ASSERT_FALSE(g_file_test(script, G_FILE_TEST_EXISTS));
    delete_top();
}

static void
test_a_folder_without_results_has_no_figures(void)
{
    g_autoptr(GError) nothing = NULL;
    g_autoptr(GError) nonsense = NULL;

    make_top();
    CU_ASSERT_FALSE(vs_plots_write(top, &nothing));
    CU_ASSERT(g_error_matches(nothing, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER));
    write_file(top, "summary.json", "[1, {\"format\": 3}]");
    CU_ASSERT_FALSE(vs_plots_write(top, &nonsense));
    CU_ASSERT(g_error_matches(nonsense, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER));
    delete_top();
}

static const VsTestCase tests[] = {
    {"a folder appears as a whole", test_a_folder_appears_as_a_whole},
    {"an abandoned folder leaves nothing", test_an_abandoned_folder_leaves_nothing},
    {"results replace results", test_results_replace_results},
    {"what others wrote is left alone", test_what_others_wrote_is_left_alone},
    {"samples are tidy", test_samples_are_tidy},
    {"latencies are written as hgrm", test_latencies_are_written_as_hgrm},
    {"samples do not change the run", test_samples_do_not_change_the_run},
    {"the same run writes the same bytes", test_the_same_run_writes_the_same_bytes},
    {"a manifest has every value in force", test_a_manifest_has_every_value_in_force},
    {"the id depends on what is run", test_the_id_depends_on_what_is_run},
    {"scripts and data need no gnuplot", test_scripts_and_data_need_no_gnuplot},
    {"a run without requests has no latency figure",
     test_a_run_without_requests_has_no_latency_figure},
    {"a folder without results has no figures",
     test_a_folder_without_results_has_no_figures},
    {0},
};
VS_TESTS("results")
