/* A probe of a scenario given as text, and its story. */
#pragma once

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/units.h"
#include "packet/trace.h"
#include "results/json_get.h"
#include "vethsim.h"
#include "vs_test.h"

/* A client and a resolver on one wire each to a node with two pods; "deaf" has no
 * container, "slow" answers after 40 s. */
static const char probe_scenario[] =
    "<scenario version='1' name='small' seed='3' until='1s'"
    " xmlns='urn:vethsim:scenario:1'>"
    "<client id='users' arrivals='poisson(1000/s)' to='http://shop.example/'"
    " resolver='isp'/>"
    "<client id='guest' arrivals='poisson(1000/s)' to='http://203.0.113.1/'/>"
    "<resolver id='isp' upstream='authority'/>"
    "<dns id='authority'><record name='shop.example' to='edge'/></dns>"
    "<router id='internet'/>"
    "<link from='users' to='internet' rate='1Gbit/s' delay='1ms'/>"
    "<link from='guest' to='internet' rate='1Gbit/s' delay='1ms'/>"
    "<link from='isp' to='internet' rate='1Gbit/s' delay='1ms'/>"
    "<link from='authority' to='internet' rate='1Gbit/s' delay='1ms'/>"
    "<link from='internet' to='edge' rate='1Gbit/s' delay='1ms'/>"
    "<lb id='edge' service='shop' vip='203.0.113.1'/>"
    "<switch id='tor'/>"
    "<link from='edge' to='tor' rate='1Gbit/s' delay='1us'/>"
    "<node id='n1'/><node id='n2'/>"
    "<link from='n1' to='tor' rate='1Gbit/s' delay='1us'/>"
    "<link from='n2' to='tor' rate='1Gbit/s' delay='1us'/>"
    "<service id='shop' type='LoadBalancer' port='80' select='app=proxy'/>"
    "<service id='web' cluster-ip='10.96.0.2' port='80' target-port='8080' "
    "select='app=web'/>"
    "<service id='late' port='80' target-port='8080' select='app=late'/>"
    "<pod id='proxy' labels='app=proxy'><ingress id='nginx' port='80'>"
    "<rule host='shop.example'><path path='/' service='web'/></rule>"
    "<rule host='other.example'><path path='/' service='web'/></rule>"
    "</ingress></pod>"
    "<service id='names' cluster-ip='10.96.0.53' port='53' protocol='udp'"
    " target-port='5353' select='app=web'/>"
    "<pod id='a' labels='app=web'><container id='c' service-time='1ms'/>"
    "<container id='d' port='5353' protocol='udp' response='200B'/></pod>"
    "<pod id='slow' labels='app=late'><container id='c' service-time='40s'/></pod>"
    "<pod id='deaf'/>"
    "</scenario>";

typedef struct ProbeFixture {
    VsScenario *scenario;
    VsSimulation *simulation;
    VsProbe *probe; /* NULL: refused with 'error'. */
    GError *error;
} ProbeFixture;

static inline void
probe_fixture_fail(const GError *error)
{
    fprintf(stderr, "the scenario of the test is wrong: %s\n", error->message);
    exit(EXIT_FAILURE);
}

/* Compiles the scenario and prepares the probe, which does not run yet. */
static inline ProbeFixture
probe_fixture_prepare(const char *from, const char *to, uint64_t seed, bool is_traced,
                      bool has_load)
{
    VsProbeOptions options = {.from = from,
                              .to = to,
                              .at = VS_PROBE_AT,
                              .timeout = VS_PROBE_TIMEOUT,
                              .is_traced = is_traced};
    VsSimulationOptions run = {.has_seed = true,
                               .seed = seed,
                               .until = vs_probe_until(&options),
                               .is_without_load = !has_load};
    ProbeFixture f = {0};

    f.scenario = vs_scenario_parse(probe_scenario, strlen(probe_scenario), "test.xml",
                                   vs_registry_builtin(), NULL, &f.error);
    if (f.scenario) {
        f.simulation = vs_simulation_new(f.scenario, &run, &f.error);
    }
    if (!f.simulation) {
        probe_fixture_fail(f.error);
    }
    f.probe = vs_probe_new(f.simulation, &options, &f.error);
    return f;
}

static inline ProbeFixture
probe_fixture(const char *from, const char *to)
{
    ProbeFixture f = probe_fixture_prepare(from, to, 3, true, false);

    if (!f.probe) {
        probe_fixture_fail(f.error);
    }
    vs_probe_run(f.probe);
    return f;
}

/* Checks conservation, too. */
static inline void
probe_fixture_clear(ProbeFixture *f)
{
    GError *error = NULL;

    CU_ASSERT(vs_simulation_check(f->simulation, &error));
    g_clear_error(&error);
    vs_probe_free(f->probe);
    vs_simulation_free(f->simulation);
    vs_scenario_free(f->scenario);
    g_clear_error(&f->error);
}

/* The story; to be freed with g_object_unref(). */
static inline JsonParser *
probe_fixture_parse(const ProbeFixture *f, const VsTraceOptions *options)
{
    g_autofree char *json = vs_trace_print_json(f->probe, options, NULL);
    JsonParser *parser = json_parser_new();

    if (!json || !json_parser_load_from_data(parser, json, -1, NULL)) {
        CU_FAIL_FATAL("no JSON");
    }
    return parser;
}

static inline JsonObject *
probe_fixture_root(JsonParser *parser)
{
    return json_node_get_object(json_parser_get_root(parser));
}
