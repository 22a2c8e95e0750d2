#include "model/registry.h"
#include "model/value.h"
#include "tests/scenario/toy_models.h"
#include "tests/vs_test.h"

static const VsParam *
gadget_param(const char *name)
{
    const VsParam *param = vs_params_find(toy_gadget_params, name);

    g_assert(param);
    return param;
}

/* Reads 'text' into the parameter 'name'; true if that prints as 'expected'. */
static bool
prints(const char *name, const char *text, const char *expected)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    g_autoptr(GError) error = NULL;
    const VsParam *param = gadget_param(name);
    g_autofree char *printed = NULL;
    ToyGadget config = {0};

    if (!vs_param_parse(param, text, &config, strings, &error)) {
        printf("\n    %s", error->message);
        return false;
    }
    printed = vs_param_print(param, &config);
    vs_param_clear(param, &config);
    if (strcmp(printed, expected) != 0) {
        printf("\n    %s is not %s", printed, expected);
    }
    return strcmp(printed, expected) == 0;
}

/* Reads 'text' into the parameter 'name'; true if that fails with exactly 'message' and
 * leaves the member alone. */
static bool
fails(const char *name, const char *text, const char *message)
{
    static const ToyGadget zero;
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    g_autoptr(GError) error = NULL;
    const VsParam *param = gadget_param(name);
    ToyGadget config = {0};

    if (vs_param_parse(param, text, &config, strings, &error)) {
        vs_param_clear(param, &config);
        return false;
    }
    if (strcmp(error->message, message) != 0) {
        printf("\n    %s\n    is not %s", error->message, message);
    }
    return strcmp(error->message, message) == 0 && error->domain == VS_SCENARIO_ERROR &&
           error->code == VS_SCENARIO_ERROR_VALUE &&
           memcmp(&config, &zero, sizeof(config)) == 0;
}

static void
test_each_type_reads_and_prints(void)
{
    CU_ASSERT(prints("string", " a b ", " a b "));
    CU_ASSERT(prints("string", "", ""));
    CU_ASSERT(prints("uint", "42", "42"));
    CU_ASSERT(prints("bool", "yes", "yes"));
    CU_ASSERT(prints("bool", "no", "no"));
    CU_ASSERT(prints("time", "0.0025s", "2.5ms"));
    CU_ASSERT(prints("rate", "10000Mbit/s", "10Gbit/s"));
    CU_ASSERT(prints("size", "65536B", "64KiB"));
    CU_ASSERT(prints("frequency", "60/min", "1/s"));
    CU_ASSERT(prints("ratio", "0.01%", "0.01%"));
    CU_ASSERT(prints("choice", "green", "green"));
    CU_ASSERT(prints("ipv4", "10.0.0.1", "10.0.0.1"));
    CU_ASSERT(prints("prefix", "10.0.0.0/8", "10.0.0.0/8"));
    CU_ASSERT(prints("prefixes", "10.0.0.0/8", "10.0.0.0/8"));
    CU_ASSERT(prints("prefixes", " 10.0.0.1\n10.1.0.0/16", "10.0.0.1 10.1.0.0/16"));
    CU_ASSERT(prints("prefixes", "10.0.0.1/32", "10.0.0.1"));
    CU_ASSERT(prints("labels", "tier=web app=shop", "app=shop tier=web"));
    CU_ASSERT(prints("labels", "", ""));
    CU_ASSERT(prints("labels", "example.org/app=", "example.org/app="));
    CU_ASSERT(prints("arrivals", "constant(20k/s)", "constant(20k/s)"));
    CU_ASSERT(prints("arrivals", " poisson( 60/min ) ", "poisson(1/s)"));
    CU_ASSERT(prints("arrivals", "closed(16)", "closed(16)"));
    CU_ASSERT(prints("arrivals", "ramp(60/min, 5k/s, 0.5min)", "ramp(1/s,5k/s,30s)"));
    CU_ASSERT(prints("arrivals", "mmpp(0/s:1000ms, 60/min:2s)", "mmpp(0/s:1s,1/s:2s)"));
    CU_ASSERT(prints("queue", "100packets", "100packets"));
    CU_ASSERT(prints("queue", "1 packet", "1packets"));
    CU_ASSERT(prints("queue", "262144B", "256KiB"));
    CU_ASSERT(prints("queue", "1000us", "1ms"));
    CU_ASSERT(prints("queue", "unlimited", "unlimited"));
}

static void
test_members_hold_what_was_read(void)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    ToyGadget g = {0};
    const struct {
        const char *name, *text;
    } values[] = {
        {"uint", "99"},
        {"bool", "yes"},
        {"time", "3ns"},
        {"rate", "1kbit/s"},
        {"size", "1KiB"},
        {"frequency", "0.5/s"},
        {"ratio", "50%"},
        {"choice", "blue"},
        {"ipv4", "1.2.3.4"},
        {"prefix", "192.168.0.0/16"},
        {"labels", "b=2 a=1"},
        {"arrivals", "closed(7,constant(2s))"},
        {"prefixes", "10.0.0.0/8 1.2.3.4"},
        {"queue", "9packets"},
        {"dist", "empirical(1ms:0.5, 2ms:1)"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        CU_ASSERT_TRUE(vs_param_parse(gadget_param(values[i].name), values[i].text, &g,
                                      strings, NULL));
    }
    CU_ASSERT_EQUAL(g.uint, 99);
    CU_ASSERT_TRUE(g.boolean);
    CU_ASSERT_EQUAL(g.time, 3 * VS_NS);
    CU_ASSERT_EQUAL(g.rate, 1000);
    CU_ASSERT_EQUAL(g.size, 1024);
    CU_ASSERT_EQUAL(g.frequency, 500000);
    CU_ASSERT_EQUAL(g.ratio, 500000000);
    CU_ASSERT_EQUAL(g.choice, 2);
    CU_ASSERT_EQUAL(g.ipv4, 0x01020304);
    CU_ASSERT_TRUE(g.prefix.is_set && g.prefix.address == 0xC0A80000 &&
                   g.prefix.length == 16);
    CU_ASSERT_EQUAL_FATAL(g.prefixes.n_prefixes, 2);
    CU_ASSERT_EQUAL(g.prefixes.prefixes[0].length, 8);
    CU_ASSERT_EQUAL(g.prefixes.prefixes[1].address, 0x01020304);
    CU_ASSERT_EQUAL(g.prefixes.prefixes[1].length, 32);
    CU_ASSERT_EQUAL_FATAL(g.labels.n_labels, 2);
    CU_ASSERT_STRING_EQUAL(g.labels.labels[0].key, "a");
    CU_ASSERT_STRING_EQUAL(g.labels.labels[1].value, "2");
    CU_ASSERT_EQUAL(g.arrivals.kind, VS_ARRIVALS_CLOSED);
    CU_ASSERT_EQUAL(g.arrivals.n_users, 7);
    CU_ASSERT_EQUAL(vs_dist_mean(&g.arrivals.think), 2.0 * VS_S);
    CU_ASSERT_TRUE(g.queue.kind == VS_QUEUE_LIMIT_PACKETS && g.queue.amount == 9);
    CU_ASSERT_EQUAL(g.dist.kind, VS_DIST_EMPIRICAL);
    vs_params_clear(toy_gadget_params, &g);
}

/* Any value at all: what is printed reads as the same. */
static void
test_printing_and_reading_are_inverse(void)
{
    static const char *const names[] = {"time", "rate", "size", "frequency"};
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    GRand *rand = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < 4000; i++) {
        const VsParam *param = gadget_param(names[i % G_N_ELEMENTS(names)]);
        uint64_t bits = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        uint64_t value = bits >> g_rand_int_range(rand, 1, 64), again;
        ToyGadget a = {0}, b = {0};
        g_autofree char *text = NULL;

        memcpy((char *)&a + param->offset, &value, sizeof(value));
        text = vs_param_print(param, &a);
        CU_ASSERT_TRUE_FATAL(vs_param_parse(param, text, &b, strings, NULL));
        memcpy(&again, (char *)&b + param->offset, sizeof(again));
        CU_ASSERT_EQUAL(again, value);
    }
    g_rand_free(rand);
}

static void
test_distributions_read_as_they_print(void)
{
    static const char *const texts[] = {
        "constant(2ms)",     "exponential(2ms)",
        "uniform(1ms, 3ms)", "normal(2ms, 300us)",
        "lognormal(2ms, 4)", "pareto(1ms, 2.5)",
        "weibull(2ms, 0.7)", "hyperexponential(2ms, 4)",
        "erlang(2ms, 3)",    "empirical(1ms:0.1, 2ms:0.5, 5ms:1)",
    };
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    const VsParam *param = gadget_param("dist");

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *first = NULL;
        g_autofree char *second = NULL;
        ToyGadget a = {0}, b = {0};

        CU_ASSERT_TRUE_FATAL(vs_param_parse(param, texts[i], &a, strings, NULL));
        first = vs_param_print(param, &a);
        CU_ASSERT_TRUE_FATAL(vs_param_parse(param, first, &b, strings, NULL));
        second = vs_param_print(param, &b);
        CU_ASSERT_STRING_EQUAL(first, second);
        CU_ASSERT_EQUAL(vs_dist_mean(&a.dist), vs_dist_mean(&b.dist));
        CU_ASSERT_EQUAL(vs_dist_scv(&a.dist), vs_dist_scv(&b.dist));
        vs_param_clear(param, &a);
        vs_param_clear(param, &b);
    }
}

static void
test_errors_say_what_would_be_right(void)
{
    CU_ASSERT(
        fails("rate", "100", "rate=\"100\" has no unit: write 100Mbit/s or 100bit/s"));
    CU_ASSERT(fails("uint", "2", "uint=\"2\" is below the least, 3"));
    CU_ASSERT(fails("uint", "101", "uint=\"101\" is above the most, 100"));
    CU_ASSERT(fails("uint", "4294967296",
                    "uint=\"4294967296\" is too large: write at most 4294967295"));
    CU_ASSERT(fails("ratio", "51%", "ratio=\"51%\" is above the most, 50%"));
    CU_ASSERT(
        fails("bool", "true", "bool=\"true\" is not yes or no: write one of them"));
    CU_ASSERT(
        fails("choice", "gren", "choice=\"gren\" is not one of: red, green, blue"));
    CU_ASSERT(fails("prefixes", " ",
                    "prefixes=\"\" has no prefix: write 10.0.0.0/16 or an address"));
    CU_ASSERT(fails("prefixes", "10.0.0.1 10.0.0.1/32",
                    "prefixes=\"10.0.0.1 10.0.0.1/32\" has 10.0.0.1/32 twice: write it "
                    "once"));
    CU_ASSERT(fails("labels", "app",
                    "labels=\"app\" has a label without value: write app=VALUE"));
    CU_ASSERT(fails("labels", "a=1 a=2",
                    "labels=\"a=1 a=2\" has the label a twice: write it "
                    "once"));
    CU_ASSERT(fails("labels", "a=1,b=2",
                    "labels=\"a=1,b=2\" has a comma: write labels as "
                    "key=value key=value"));
    CU_ASSERT(fails("queue", "5",
                    "queue=\"5\" has no unit: write 100packets, 256KiB, 1ms of "
                    "line rate, or unlimited"));
    CU_ASSERT(fails("arrivals", "poisson(5)",
                    "arrivals=\"poisson(5)\": \"5\" has no unit: write 5/s or 5k/s"));
    CU_ASSERT(fails("arrivals", "poisson(0/s)",
                    "arrivals=\"poisson(0/s)\" never arrives: "
                    "write more than 0/s"));
    CU_ASSERT(fails("arrivals", "closed(0)",
                    "arrivals=\"closed(0)\" has no users: write 1 to 4294967295"));
    CU_ASSERT(fails("arrivals", "burst(5/s)",
                    "arrivals=\"burst(5/s)\": there are no burst arrivals: write "
                    "constant(1000/s), poisson(1000/s), ramp(10/s,1000/s,60s), "
                    "mmpp(100/s:10s,900/s:1s) or closed(16,exponential(1s))"));
}

static void
test_a_distribution_has_the_bounds_of_its_mean(void)
{
    CU_ASSERT(prints("dist", "exponential(1s)", "exponential(1s)"));
    CU_ASSERT(fails("dist", "exponential(2s)",
                    "dist=\"exponential(2s)\" has a mean above the most, 1s"));
    /* Its mean is infinite. */
    CU_ASSERT(fails("dist", "pareto(1ms, 1)",
                    "dist=\"pareto(1ms, 1)\" has a mean above the most, 1s"));
}

static void
test_defaults_fill_what_was_not_given(void)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    ToyWire wire = {.rate = 5};

    vs_params_set_defaults(toy_wire_params, &(VsParamSet){{1 << 2}}, &wire, strings);
    CU_ASSERT_EQUAL(wire.rate, 5); /* Row 2 was given. */
    CU_ASSERT_EQUAL(wire.delay, VS_US);
    CU_ASSERT_EQUAL(wire.queue.amount, 1000);
    vs_params_clear(toy_wire_params, &wire);
    CU_ASSERT_EQUAL(wire.queue.amount, 0);
}

/* The models of the library: their tables. ----------------------------------------- */

static void
check_table(const VsRegistry *registry, const VsModel *model)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    g_autofree void *config = g_malloc0(model->config_size + 1);
    g_auto(GStrv) parents = g_strsplit(model->parents, " ", -1);
    unsigned n = 0;

    CU_ASSERT(*model->summary && g_str_has_suffix(model->summary, "."));
    for (char **parent = parents; *parent; parent++) {
        CU_ASSERT(strcmp(*parent, "scenario") == 0 ||
                  vs_registry_find(registry, *parent));
    }
    for (const VsParam *param = model->params; param && param->name; param++, n++) {
        bool is_ref =
            param->type == VS_PARAM_TYPE_REF || param->type == VS_PARAM_TYPE_REFS;
        g_auto(GStrv) kinds = g_strsplit(param->to ? param->to : "", " ", -1);

        CU_ASSERT(param->doc && *param->doc);
        CU_ASSERT(strcmp(param->name, "id") != 0 && strcmp(param->name, "count") != 0);
        CU_ASSERT_EQUAL(vs_params_find(model->params, param->name), param);
        CU_ASSERT(!param->is_required || !param->def);
        CU_ASSERT((param->type == VS_PARAM_TYPE_CHOICE) == (param->choices != NULL));
        CU_ASSERT(is_ref || !param->to);
        if (param->min) {
            CU_ASSERT_TRUE(vs_param_parse(param, param->min, config, strings, NULL));
            vs_param_clear(param, config);
        }
        if (param->max) {
            CU_ASSERT_TRUE(vs_param_parse(param, param->max, config, strings, NULL));
            vs_param_clear(param, config);
        }
        for (char **kind = kinds; *kind; kind++) {
            CU_ASSERT_PTR_NOT_NULL(vs_registry_find(registry, *kind));
        }
    }
    CU_ASSERT(n <= VS_PARAMS_MAX);

    /* Reads all defaults and bounds, and aborts over a bad one. */
    vs_params_set_defaults(model->params, &(VsParamSet){0}, config, strings);
    vs_params_clear(model->params, config);
}

static void
test_tables_of_all_models_are_sound(void)
{
    const VsRegistry *const registries[] = {&toy_registry, vs_registry_builtin()};

    for (unsigned i = 0; i < G_N_ELEMENTS(registries); i++) {
        const VsRegistry *registry = registries[i];

        for (const VsModel *const *model = registry->models; *model; model++) {
            CU_ASSERT_EQUAL(vs_registry_find(registry, (*model)->element), *model);
            check_table(registry, *model);
        }
    }
}

static void
test_a_word_list_has_whole_words(void)
{
    CU_ASSERT(vs_word_list_has("client lb node", "lb"));
    CU_ASSERT(vs_word_list_has("client lb node", "client"));
    CU_ASSERT(vs_word_list_has("client lb node", "node"));
    CU_ASSERT(!vs_word_list_has("client lb node", "no"));
    CU_ASSERT(!vs_word_list_has("client lb node", "ode"));
    CU_ASSERT(!vs_word_list_has("", "lb"));
}

static const VsTestCase tests[] = {
    {"each type reads and prints", test_each_type_reads_and_prints},
    {"members hold what was read", test_members_hold_what_was_read},
    {"printing and reading are inverse", test_printing_and_reading_are_inverse},
    {"distributions read as they print", test_distributions_read_as_they_print},
    {"errors say what would be right", test_errors_say_what_would_be_right},
    {"a distribution has the bounds of its mean",
     test_a_distribution_has_the_bounds_of_its_mean},
    {"defaults fill what was not given", test_defaults_fill_what_was_not_given},
    {"tables of all models are sound", test_tables_of_all_models_are_sound},
    {"a word list has whole words", test_a_word_list_has_whole_words},
    {0}};
VS_TESTS("param")
