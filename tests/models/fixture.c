#include "models/fixture.h"

#include <gsl/gsl_cdf.h>
#include <stdarg.h>

#define UNTIL "1000h"

const char model_free_costs[] = "<costs id='free'"
#define VS_COST(member, name, def, doc) " " name "='0s'"
#include "net/costs.def"
#undef VS_COST
                                "/>";

static VsScenario *
parse(uint64_t seed, const char *format, va_list arguments, GError **error)
{
    g_autofree char *body = g_strdup_vprintf(format, arguments);
    g_autofree char *text = g_strdup_printf(
        "<scenario version='1' seed='%" G_GUINT64_FORMAT "' until='" UNTIL "'"
        " xmlns='urn:vethsim:scenario:1'>\n%s</scenario>",
        seed, body);

    return vs_scenario_parse(text, strlen(text), "test.xml", vs_registry_builtin(),
                             NULL, error);
}

static void G_GNUC_NORETURN
give_up(const GError *error)
{
    fprintf(stderr, "the scenario of the test is wrong: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static Model *
compile(VsScenario *scenario, GError *error)
{
    Model *model = g_new0(Model, 1);

    if (!scenario) {
        give_up(error);
    }
    model->scenario = scenario;
    model->simulation = vs_simulation_new(scenario, NULL, &error);
    if (!model->simulation) {
        give_up(error);
    }
    model->run = vs_simulation_run(model->simulation);
    model->build = vs_simulation_build(model->simulation);
    return model;
}

Model *
model_new(const char *format, ...)
{
    GError *error = NULL;
    VsScenario *scenario;
    va_list arguments;

    va_start(arguments, format);
    scenario = parse(1, format, arguments, &error);
    va_end(arguments);
    return compile(scenario, error);
}

Model *
model_new_seeded(uint64_t seed, const char *format, ...)
{
    GError *error = NULL;
    VsScenario *scenario;
    va_list arguments;

    va_start(arguments, format);
    scenario = parse(seed, format, arguments, &error);
    va_end(arguments);
    return compile(scenario, error);
}

Model *
model_load(const char *file)
{
    return model_load_with(file, NULL);
}

Model *
model_load_with(const char *file, const char *const *settings)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *path = g_build_filename(top ? top : ".", "scenarios", file, NULL);
    GError *error = NULL;
    VsScenario *scenario =
        vs_scenario_load(path, vs_registry_builtin(), settings, &error);

    return compile(scenario, error);
}

void
model_run(Model *model, VsTime until)
{
    while (vs_simulation_advance_to(model->simulation, until, 1000000) ==
           VS_RUN_PAUSED) {
    }
    CU_ASSERT_EQUAL(vs_now(model->run), until);
}

void
model_free(Model *model)
{
    g_autoptr(GError) error = NULL;

    CU_ASSERT_TRUE(vs_simulation_check(model->simulation, &error));
    if (error) {
        fprintf(stderr, "%s\n", error->message);
    }
    vs_simulation_free(model->simulation);
    vs_scenario_free(model->scenario);
    g_free(model);
}

char *
model_error(const char *format, ...)
{
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autoptr(GError) error = NULL;
    va_list arguments;

    va_start(arguments, format);
    scenario = parse(1, format, arguments, &error);
    va_end(arguments);
    if (scenario) {
        simulation = vs_simulation_new(scenario, NULL, &error);
    }
    return error ? g_strdup(error->message) : NULL;
}

void
model_check_error(const char *part, const char *format, ...)
{
    g_autofree char *body = NULL;
    g_autofree char *message = NULL;
    va_list arguments;
    bool is_right;

    va_start(arguments, format);
    body = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    message = model_error("%s", body);
    is_right = part ? message && strstr(message, part) : !message;
    CU_ASSERT(is_right);
    if (!is_right) {
        fprintf(stderr, "%s\n    is refused with \"%s\", not \"%s\"\n", body,
                message ? message : "nothing", part ? part : "nothing");
    }
}

/* The element of this id whose model has the statistic. */
const void *
model_stat(const Model *model, const char *id, const char *stat)
{
    for (unsigned i = 0; i < vs_scenario_n_elements(model->scenario); i++) {
        const VsElement *element = vs_scenario_element(model->scenario, i);
        const VsStat *row = element->model->stats;

        if (!element->id || strcmp(element->id, id) != 0) {
            continue;
        }
        for (; row && row->name; row++) {
            if (strcmp(row->name, stat) == 0) {
                return (const char *)vs_simulation_instance(model->simulation,
                                                            element) +
                       row->offset;
            }
        }
    }
    fprintf(stderr, "no element \"%s\" with a statistic \"%s\"\n", id, stat);
    abort();
}

uint64_t
model_counter(const Model *model, const char *id, const char *stat)
{
    return *(const uint64_t *)model_stat(model, id, stat);
}

const VsHistogram *
model_histogram(const Model *model, const char *id, const char *stat)
{
    return model_stat(model, id, stat);
}

uint64_t
model_share(const Model *model, const char *id, const char *stat, const char *name)
{
    const VsShares *shares = model_stat(model, id, stat);

    for (unsigned i = 0; i < shares->n_shares; i++) {
        if (strcmp(shares->shares[i].name, name) == 0) {
            return shares->shares[i].count;
        }
    }
    fprintf(stderr, "\"%s\" has no share of %s\n", name, stat);
    abort();
}

void
model_check_each(const Model *model, const char *id, unsigned n, const char *stat,
                 uint64_t expected)
{
    for (unsigned i = 1; i <= n; i++) {
        g_autofree char *id_of_one = g_strdup_printf("%s-%u", id, i);

        CU_ASSERT_EQUAL(model_counter(model, id_of_one, stat), expected);
    }
}

uint64_t
model_dropped(const Model *model, VsDrop drop)
{
    return model->run->packets->n_dropped[drop];
}

VsHost *
model_host(const Model *model, const char *id)
{
    for (unsigned i = 0; i < model->build->hosts->len; i++) {
        VsHost *host = g_array_index(model->build->hosts, VsBuiltHost, i).host;

        if (strcmp(host->name, id) == 0) {
            return host;
        }
    }
    fprintf(stderr, "no host \"%s\"\n", id);
    abort();
}

VsNode *
model_node(const Model *model, const char *id)
{
    return vs_cluster_find_node(model->build->cluster, id);
}

VsPod *
model_pod(const Model *model, const char *id)
{
    return vs_cluster_find_pod(model->build->cluster, id);
}

VsService *
model_service(const Model *model, const char *id)
{
    return vs_cluster_find_service(model->build->cluster, id);
}

VsWire *
model_wire(const Model *model, const char *name)
{
    for (unsigned i = 0; i < model->build->wires->len; i++) {
        VsWire *wire = g_array_index(model->build->wires, VsBuiltWire, i).wire;

        if (strcmp(wire->name, name) == 0) {
            return wire;
        }
    }
    fprintf(stderr, "no wire \"%s\"\n", name);
    abort();
}

static VsVerdict
tap_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    Tap *tap = data;
    const VsLayer *top = vs_packet_top(packet);
    TapEntry entry = {
        .time = vs_now(tap->run),
        .flow = top->flow,
        .ttl = top->ttl,
        .tcp_flags = top->flow.protocol == VS_PROTOCOL_TCP ? top->tcp.flags : 0,
        .payload_bytes = packet->payload_bytes,
    };

    (void)state;
    if (packet->payload_bytes > 0 && packet->payload.kind == VS_PAYLOAD_DNS) {
        entry.dns = packet->payload.dns;
    }
    g_array_append_val(tap->entries, entry);
    return VS_VERDICT_ACCEPT;
}

Tap *
tap_new(VsNetns *netns, VsHookPoint point)
{
    VsHook hooks[] = {{point, VS_HOOK_PRI_CONFIRM, tap_hook}, {0}};
    Tap *tap = g_new0(Tap, 1);

    tap->entries = g_array_new(FALSE, FALSE, sizeof(TapEntry));
    tap->run = netns->run;
    vs_netns_add_hooks(netns, hooks, tap);
    return tap;
}

void
tap_free(Tap *tap)
{
    g_array_free(tap->entries, TRUE);
    g_free(tap);
}

const TapEntry *
tap_get(const Tap *tap, unsigned index)
{
    return &g_array_index(tap->entries, TapEntry, index);
}

const TapEntry *
tap_find(const Tap *tap, uint8_t tcp_flags, unsigned n)
{
    for (unsigned i = 0; i < tap->entries->len; i++) {
        if (tap_get(tap, i)->tcp_flags == tcp_flags && n-- == 0) {
            return tap_get(tap, i);
        }
    }
    return NULL;
}

unsigned
tap_count(const Tap *tap, uint8_t tcp_flags)
{
    unsigned n = 0;

    while (tap_find(tap, tcp_flags, n)) {
        n++;
    }
    return n;
}

static VsVerdict
unplug_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)data;
    (void)state;
    vs_packet_drop(packet, VS_DROP_INTERFACE_DOWN);
    return VS_VERDICT_STOLEN;
}

void
model_unplug(const Model *model, const char *id)
{
    model_unplug_netns(model_host(model, id)->root);
}

void
model_unplug_netns(VsNetns *netns)
{
    static const VsHook hooks[] = {
        {VS_HOOK_PREROUTING, VS_HOOK_PRI_DEFRAG, unplug_hook},
        {VS_HOOK_OUTPUT, VS_HOOK_PRI_DEFRAG, unplug_hook},
        {0},
    };

    vs_netns_add_hooks(netns, hooks, NULL);
}

double
model_uniform_p(const uint64_t *counts, unsigned n_counts)
{
    double total = 0;
    double chi_square = 0;

    for (unsigned i = 0; i < n_counts; i++) {
        total += (double)counts[i];
    }
    for (unsigned i = 0; i < n_counts; i++) {
        double expected = total / n_counts;
        double off = (double)counts[i] - expected;

        chi_square += off * off / expected;
    }
    return gsl_cdf_chisq_Q(chi_square, n_counts - 1);
}
