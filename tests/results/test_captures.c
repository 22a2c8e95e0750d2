/* Captures of whole runs: complete, in order, and without influence. */
#include <glib/gstdio.h>

#include "models/fixture.h"
#include "results/results.h"
#include "temporary_folder.h"
#include "vs_test.h"

#define ARTICLE "article/scenario.xml"

/* What a file says of one interface. */
typedef struct {
    char *name;
    uint64_t n_in;
    uint64_t n_out;
    uint64_t bytes;
} Captured;

typedef struct {
    GArray *ifaces; /* Of Captured. */
    uint64_t n_packets;
    bool is_ordered; /* No time is before its predecessor's. */
    bool is_whole;   /* Blocks fill the file, and say their length twice alike. */
} Capture;

static char *folder;

static void
make_folder(void)
{
    folder = temporary_folder_new();
}

static void
delete_folder(void)
{
    g_clear_pointer(&folder, temporary_folder_delete);
}

/* Reading. ------------------------------------------------------------------------- */

static uint32_t
get_u32(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return GUINT32_FROM_LE(value);
}

/* The name is an interface's first option. */
static void
read_interface(Capture *capture, const char *block)
{
    uint32_t option = get_u32(block + 16);
    Captured iface = {.name = g_strndup(block + 20, option >> 16)};

    CU_ASSERT_EQUAL(option & 0xffff, 2);
    g_array_append_val(capture->ifaces, iface);
}

/* The flags are a packet's first option. */
static void
read_packet(Capture *capture, const char *block, uint64_t *last_ns)
{
    uint64_t time = (uint64_t)get_u32(block + 12) << 32 | get_u32(block + 16);
    uint32_t bytes = get_u32(block + 20);
    const char *options = block + 28 + (bytes + 3) / 4 * 4;
    Captured *iface;

    CU_ASSERT_FATAL(get_u32(block + 8) < capture->ifaces->len);
    iface = &g_array_index(capture->ifaces, Captured, get_u32(block + 8));
    CU_ASSERT_EQUAL(get_u32(options), 4 << 16 | 2);
    iface->n_in += get_u32(options + 4) == 1;
    iface->n_out += get_u32(options + 4) == 2;
    iface->bytes += bytes;
    capture->is_ordered &= time >= *last_ns;
    *last_ns = time;
    capture->n_packets++;
}

static void
capture_read(Capture *capture, const char *path)
{
    g_autofree char *contents = NULL;
    gsize n_bytes = 0;
    gsize at = 0;
    uint64_t last_ns = 0;

    *capture = (Capture){.is_ordered = true, .is_whole = true};
    capture->ifaces = g_array_new(FALSE, FALSE, sizeof(Captured));
    CU_ASSERT_FATAL(g_file_get_contents(path, &contents, &n_bytes, NULL));
    while (at + 12 <= n_bytes && capture->is_whole) {
        const char *block = contents + at;
        uint32_t length = get_u32(block + 4);

        capture->is_whole = length >= 12 && length <= n_bytes - at &&
                            get_u32(block + length - 4) == length;
        if (capture->is_whole && get_u32(block) == 1) {
            read_interface(capture, block);
        } else if (capture->is_whole && get_u32(block) == 6) {
            read_packet(capture, block, &last_ns);
        }
        at += length;
    }
    capture->is_whole &= at == n_bytes;
}

static void
capture_clear(Capture *capture)
{
    for (guint i = 0; i < capture->ifaces->len; i++) {
        g_free(g_array_index(capture->ifaces, Captured, i).name);
    }
    g_array_free(capture->ifaces, TRUE);
}

/* The names of the captured interfaces, joined by spaces. */
static char *
capture_names(const Capture *capture)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < capture->ifaces->len; i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? " " : "",
                               g_array_index(capture->ifaces, Captured, i).name);
    }
    return g_string_free(names, FALSE);
}

/* Running. ------------------------------------------------------------------------- */

/* Runs 'model' to 'until' with results in "run", and a capture of everything in
 * "all.pcapng" if asked to. */
static void
run(Model *model, VsTime until, bool has_all)
{
    g_autofree char *place = g_build_filename(folder, "run", NULL);
    g_autofree char *all = g_build_filename(folder, "all.pcapng", NULL);
    const VsResultsOptions options = {
        .folder = place, .has_no_plots = true, .pcapng = has_all ? all : NULL};
    const VsResultsHost host = {.wall_s = 1};
    g_autoptr(VsSummary) summary = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *warning = NULL;
    VsResults *results = vs_results_new(model->simulation, &options, &error);

    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    while (model->run->now < until &&
           vs_results_advance(results, 100) == VS_RUN_PAUSED) {
    }
    summary = vs_summary_new(model->simulation);
    CU_ASSERT(vs_results_close(results, summary, &host, &warning, &error));
    vs_results_free(results);
}

static void
read_file(Capture *capture, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    capture_read(capture, path);
}

/* Tests. --------------------------------------------------------------------------- */

/* Each interface has as many packets, and in, and out, as it has counted; and as many
 * bytes, but for the padding of short frames. */
static void
test_captures_agree_with_counters(void)
{
    Model *model = model_load(ARTICLE);
    Capture capture;
    guint n_ifaces = 0;

    make_folder();
    run(model, 100 * VS_MS, true);
    read_file(&capture, "all.pcapng");
    CU_ASSERT(capture.is_whole);
    CU_ASSERT(capture.is_ordered);
    CU_ASSERT(capture.n_packets > 10000);
    for (unsigned i = 0; i < model->build->hosts->len; i++) {
        const VsHost *host = g_array_index(model->build->hosts, VsBuiltHost, i).host;

        for (const VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
                g_autofree char *name =
                    g_strdup_printf("%s/%s", netns->name, iface->name);
                const Captured *captured;
                uint64_t bytes = iface->rx_bytes + iface->tx_bytes;

                CU_ASSERT_FATAL(n_ifaces < capture.ifaces->len);
                captured = &g_array_index(capture.ifaces, Captured, n_ifaces++);
                CU_ASSERT_STRING_EQUAL(captured->name, name);
                CU_ASSERT_EQUAL(captured->n_in, iface->rx_packets);
                CU_ASSERT_EQUAL(captured->n_out, iface->tx_packets);
                CU_ASSERT(captured->bytes <= bytes);
                CU_ASSERT(captured->bytes + 18 * (captured->n_in + captured->n_out) >=
                          bytes);
            }
        }
    }
    CU_ASSERT_EQUAL(n_ifaces, capture.ifaces->len);
    capture_clear(&capture);
    delete_folder();
    model_free(model);
}

static void
test_a_captured_run_is_the_same(void)
{
    g_autofree char *digests[2] = {NULL, NULL};

    for (unsigned i = 0; i < 2; i++) {
        Model *model = model_load(ARTICLE);

        make_folder();
        run(model, 100 * VS_MS, i == 1);
        digests[i] = vs_simulation_digest(model->simulation);
        delete_folder();
        model_free(model);
    }
    CU_ASSERT_STRING_EQUAL(digests[0], digests[1]);
    g_clear_pointer(&digests[1], g_free);
}

static const char two_hosts[] =
    "<client id='c' arrivals='constant(10/s)' to='http://10.0.0.2/' %s/>"
    "<router id='r' %s/>"
    "<link from='c' to='r' rate='1Gbit/s' delay='1ms' subnet='10.0.0.0/24'/>";

static void
test_the_scenario_names_interfaces(void)
{
    static const struct {
        const char *of_client;
        const char *of_router;
        const char *expected;
    } rows[] = {
        {"capture='eth0'", "", "c/root/eth0"},
        {"capture='*'", "capture='e*'", "c/root/lo c/root/eth0 r/root/eth0"},
        {"capture='eth0 e* lo'", "", "c/root/eth0 c/root/lo"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Model *model = model_new(two_hosts, rows[i].of_client, rows[i].of_router);
        Capture capture;
        g_autofree char *names = NULL;
        g_autofree char *path = NULL;
        g_autofree char *manifest = NULL;

        make_folder();
        run(model, VS_S, false);
        read_file(&capture, "run/capture.pcapng");
        names = capture_names(&capture);
        CU_ASSERT_STRING_EQUAL(names, rows[i].expected);
        CU_ASSERT(capture.n_packets > 0);
        path = g_build_filename(folder, "run", "manifest.json", NULL);
        CU_ASSERT_FATAL(g_file_get_contents(path, &manifest, NULL, NULL));
        CU_ASSERT_PTR_NOT_NULL(strstr(manifest, "\"capture.pcapng\""));
        capture_clear(&capture);
        delete_folder();
        model_free(model);
    }
}

static void
test_nothing_named_nothing_written(void)
{
    Model *model = model_new(two_hosts, "", "");
    g_autofree char *path = NULL;

    make_folder();
    run(model, VS_S, false);
    path = g_build_filename(folder, "run", "capture.pcapng", NULL);
    CU_ASSERT_FALSE(g_file_test(path, G_FILE_TEST_EXISTS));
    delete_folder();
    model_free(model);
}

static void
test_names_that_match_nothing(void)
{
    model_check_error(
        "no interface of c/root is called \"eht0\"; did you mean \"eth0\"?", two_hosts,
        "capture='lo eht0'", "");
    model_check_error("no interface of r/root is called \"veth*\"; it has lo, eth0",
                      two_hosts, "", "capture='veth*'");
    model_check_error("names no interface", two_hosts, "capture=' '", "");
}

static const VsTestCase tests[] = {
    {"captures agree with the counters of interfaces",
     test_captures_agree_with_counters},
    {"a captured run has the same digest", test_a_captured_run_is_the_same},
    {"a scenario names what is captured", test_the_scenario_names_interfaces},
    {"without names there is no capture", test_nothing_named_nothing_written},
    {"names that match nothing are refused", test_names_that_match_nothing},
    {0},
};

VS_TESTS("results/captures")
