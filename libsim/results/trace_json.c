#include "results/trace_json.h"

#include "base/json_put.h"
#include "base/suggest.h"
#include "base/units.h"
#include "netfilter/conntrack.h"
#include "packet/http.h"
#include "results/stage_table.h"
#include "results/trace_headers.h"

#define FORMAT "vethsim-trace"
#define FORMAT_VERSION 2

static void
put_address(JsonBuilder *json, const char *name, VsAddr address)
{
    g_autofree char *text = address != 0 ? vs_format_ipv4(address) : NULL;

    vs_json_put_text(json, name, text);
}

/* The request. --------------------------------------------------------------------- */

static void
put_target(JsonBuilder *json, const VsProbeResult *result)
{
    vs_json_begin_object(json, "origin");
    vs_json_put_text(json, "name", result->from);
    vs_json_put_text(json, "namespace", result->netns->name);
    put_address(
        json, "address",
        result->address != 0 ? vs_netns_source_for(result->netns, result->address) : 0);
    json_builder_end_object(json);
    vs_json_begin_object(json, "target");
    vs_json_put_text(json, "text", result->to);
    vs_json_put_text(json, "host", result->host);
    put_address(json, "address", result->address);
    vs_json_put_int(json, "port", result->port);
    vs_json_put_text(json, "protocol", result->is_udp ? "udp" : "http");
    vs_json_put_text(json, "path", result->is_udp ? NULL : result->path);
    json_builder_end_object(json);
}

/* Ended by NULL. */
static GPtrArray *
list_services(const VsCluster *cluster)
{
    GPtrArray *names = g_ptr_array_new();

    for (unsigned i = 0; i < cluster->services->len; i++) {
        g_ptr_array_add(names,
                        (gpointer)((VsService *)cluster->services->pdata[i])->name);
    }
    g_ptr_array_add(names, NULL);
    return names;
}

static char *
describe_resolution(const VsProbeResult *result, const VsCluster *cluster)
{
    g_autoptr(GPtrArray) services = list_services(cluster);
    g_autofree char *hint = NULL;
    const char *meant;

    switch (result->resolution) {
    case VS_PROBE_BY_ADDRESS:
        return g_strdup("the address was given");
    case VS_PROBE_BY_RESOLVER:
        return g_strdup_printf("asked %s, the resolver of %s", result->server,
                               result->from);
    case VS_PROBE_BY_FIRST:
        return g_strdup_printf("asked %s, the first DNS server that a way leads to",
                               result->server);
    case VS_PROBE_BY_SERVICE:
        return g_strdup_printf("took the cluster IP of service %s, as no cluster DNS "
                               "is modelled",
                               result->server);
    case VS_PROBE_BY_NOBODY:
        break;
    }
    meant = vs_suggest(result->host, (const char *const *)services->pdata);
    hint = meant ? g_strdup_printf("; did you mean service \"%s\"?", meant)
                 : vs_suggest_list("; services are ",
                                   (const char *const *)services->pdata);
    return g_strconcat("no way leads to a DNS server", hint, NULL);
}

static void
put_resolution(JsonBuilder *json, const VsProbeResult *result, const VsCluster *cluster)
{
    static const char *const words[] = {
        [VS_PROBE_BY_ADDRESS] = "address", [VS_PROBE_BY_RESOLVER] = "resolver",
        [VS_PROBE_BY_FIRST] = "first",     [VS_PROBE_BY_SERVICE] = "service",
        [VS_PROBE_BY_NOBODY] = "nobody",
    };
    g_autofree char *text = describe_resolution(result, cluster);

    vs_json_begin_object(json, "resolution");
    vs_json_put_text(json, "by", words[result->resolution]);
    vs_json_put_text(json, "text", text);
    vs_json_put_text(json, "server", result->server);
    put_address(json, "server_address", result->server_address);
    json_builder_end_object(json);
}

static char *
describe_outcome(const VsProbeResult *result)
{
    if (result->outcome != VS_PROBE_COMPLETED) {
        return g_strdup(vs_probe_outcome_name(result->outcome));
    }
    if (result->is_udp) {
        return g_strdup_printf("answered with %" G_GUINT64_FORMAT " bytes",
                               result->body_bytes);
    }
    return g_strdup_printf("completed: %u %s, %" G_GUINT64_FORMAT " bytes of body",
                           result->status, vs_http_reason(result->status),
                           result->body_bytes);
}

/* Why nothing was sent; newly allocated, NULL when something was. */
static char *
explain_no_route(const VsProbeResult *result)
{
    g_autofree char *address = vs_format_ipv4(result->address);

    if (result->outcome != VS_PROBE_UNREACHABLE ||
        vs_netns_source_for(result->netns, result->address) != 0) {
        return NULL;
    }
    return g_strdup_printf("no route to %s in %s; vethsim export --node %s --as routes "
                           "has its routes, and a <router> that it is linked to brings "
                           "a default route",
                           address, result->netns->name, result->netns->name);
}

static void
put_outcome(JsonBuilder *json, const VsProbeResult *result)
{
    g_autofree char *text = describe_outcome(result);
    g_autofree char *why = explain_no_route(result);

    vs_json_begin_object(json, "outcome");
    vs_json_put_text(json, "result", vs_probe_outcome_name(result->outcome));
    vs_json_put_text(json, "text", text);
    if (why) {
        vs_json_put_text(json, "why", why);
    }
    if (result->outcome == VS_PROBE_COMPLETED) {
        vs_json_put_int(json, "status", result->status);
        vs_json_put_uint(json, "body_bytes", result->body_bytes);
    }
    json_builder_end_object(json);
}

static void
put_stages(JsonBuilder *json, const VsProbeResult *result, const VsStages *stages)
{
    const VsJourney *journey = result->journey;

    vs_json_put_int(json, "started_ps", journey->started);
    vs_json_put_int(json, "end_to_end_ps", journey->accounted - journey->started);
    vs_json_begin_array(json, "stages");
    for (uint32_t i = 0; i < journey->n_steps; i++) {
        const VsStep *step = &journey->steps[i];
        const VsStageName *name = vs_stages_get(stages, step->stage);

        json_builder_begin_object(json);
        vs_json_put_text(json, "phase", result->phase_names[step->phase]);
        vs_json_put_text(json, "place", name->place);
        vs_json_put_text(json, "what", name->what);
        vs_json_put_text(json, "kind", vs_stage_kind_word(name->kind));
        vs_json_put_int(json, "elapsed_ps", step->elapsed);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

/* Packets. ------------------------------------------------------------------------- */

static void
put_if(JsonBuilder *json, const char *name, const char *text)
{
    if (text) {
        vs_json_put_text(json, name, text);
    }
}

/* What record->name is, by kind. */
static const char *
name_of(VsTraceKind kind)
{
    switch (kind) {
    case VS_TRACE_HOOK:
        return "hook";
    case VS_TRACE_CHAIN:
    case VS_TRACE_RULE:
    case VS_TRACE_POLICY:
        return "chain";
    case VS_TRACE_BRIDGE:
        return "bridge";
    case VS_TRACE_SERVICE:
        return "service";
    case VS_TRACE_TIME:
        return "qdisc";
    default:
        return "name";
    }
}

static void
put_passed(JsonBuilder *json, char **passed)
{
    vs_json_begin_array(json, "passed");
    for (; passed[0]; passed += 2) {
        json_builder_begin_object(json);
        vs_json_put_text(json, "text", passed[0]);
        vs_json_put_text(json, "why", passed[1]);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_step(JsonBuilder *json, const VsTraceRecord *record, const VsStages *stages)
{
    json_builder_begin_object(json);
    vs_json_put_int(json, "time_ps", record->time);
    vs_json_put_text(json, "kind", vs_trace_kind_name(record->kind));
    vs_json_put_text(json, "place", record->place ? record->place : "");
    put_if(json, "device", record->device);
    put_if(json, "table", record->table);
    put_if(json, name_of(record->kind), record->name);
    if (record->kind == VS_TRACE_RULE) {
        vs_json_put_int(json, "rule", record->number);
    }
    put_if(json, "text", record->text);
    put_if(json, "why", record->why);
    put_if(json, "verdict", record->verdict);
    if (record->passed && record->passed[0]) {
        put_passed(json, record->passed);
    }
    if (record->cost != 0) {
        vs_json_put_int(json, "cost_ps", record->cost);
    }
    if (record->kind == VS_TRACE_TIME) {
        put_if(json, "stage", vs_stages_get(stages, record->stage)->what);
        vs_json_put_int(json, "elapsed_ps", record->elapsed);
    }
    if (record->kind == VS_TRACE_SEND || record->kind == VS_TRACE_ENCAPSULATE) {
        vs_trace_put_headers(json, "headers", &record->after, NULL);
    }
    if (record->has_before) {
        vs_trace_put_headers(json, "before", &record->before, &record->after);
        vs_trace_put_headers(json, "after", &record->after, &record->before);
    }
    json_builder_end_object(json);
}

/* The packet whose story begins with record 'first', the 'number'-th of the request. */
static void
put_packet(JsonBuilder *json, const VsRun *run, guint first, unsigned number)
{
    const GArray *records = run->trace->records;
    const VsTraceRecord *begin = &g_array_index(records, VsTraceRecord, first);
    g_autofree char *summary = vs_trace_summarize(begin, &run->packets->names);

    json_builder_begin_object(json);
    vs_json_put_int(json, "number", number);
    vs_json_put_uint(json, "packet", begin->packet);
    vs_json_put_text(json, "summary", summary);
    vs_json_put_int(json, "started_ps", begin->time);
    vs_json_begin_array(json, "steps");
    for (guint i = first; i < records->len; i++) {
        const VsTraceRecord *record = &g_array_index(records, VsTraceRecord, i);

        if (record->packet == begin->packet) {
            put_step(json, record, &run->packets->stages);
        }
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void
put_packets(JsonBuilder *json, const VsRun *run)
{
    const GArray *records = run->trace->records;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    unsigned number = 0;

    vs_json_begin_array(json, "packets");
    for (guint i = 0; i < records->len; i++) {
        VsTraceRecord *record = &g_array_index(records, VsTraceRecord, i);

        if (g_hash_table_add(seen, &record->packet)) {
            put_packet(json, run, i, ++number);
        }
    }
    json_builder_end_array(json);
}

/* Connections. --------------------------------------------------------------------- */

static void
put_flow(JsonBuilder *json, const char *name, const VsFlow *flow)
{
    g_autofree char *text = vs_flow_format(flow);

    vs_json_put_text(json, name, text);
}

static void
put_connection(JsonBuilder *json, const VsNetns *netns, const VsConntrackEntry *entry)
{
    json_builder_begin_object(json);
    vs_json_put_text(json, "namespace", netns->name);
    put_flow(json, "original", &entry->tuple[VS_CT_ORIGINAL]);
    put_flow(json, "reply", &entry->tuple[VS_CT_REPLY]);
    vs_json_put_text(json, "state", vs_ct_state_name((VsCtState)entry->state));
    vs_json_put_bool(json, "is_dnat", entry->status & VS_CT_DST_NAT);
    vs_json_put_bool(json, "is_snat", entry->status & VS_CT_SRC_NAT);
    vs_json_put_bool(json, "is_replied", entry->status & VS_CT_SEEN_REPLY);
    vs_json_put_bool(json, "is_assured", entry->status & VS_CT_ASSURED);
    vs_json_put_uint(json, "mark", entry->mark);
    vs_json_put_int(json, "expires_ps", entry->expires);
    json_builder_end_object(json);
}

/* The connections of the traced packets that 'netns' still remembers. */
static void
put_connections_of(JsonBuilder *json, const VsNetns *netns, const GArray *records)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < records->len; i++) {
        const VsTraceRecord *record = &g_array_index(records, VsTraceRecord, i);
        VsConntrackEntry *entry;
        VsCtDir direction;

        if (g_strcmp0(record->place, netns->name) != 0) {
            continue;
        }
        entry = vs_conntrack_find(netns->conntrack, &record->after.flow, &direction);
        if (entry && g_hash_table_add(seen, entry)) {
            put_connection(json, netns, entry);
        }
    }
}

static void
put_connections(JsonBuilder *json, const VsBuild *build)
{
    vs_json_begin_array(json, "connections");
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (const VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            if (netns->conntrack) {
                put_connections_of(json, netns, build->run->trace->records);
            }
        }
    }
    json_builder_end_array(json);
}

/* The whole. ----------------------------------------------------------------------- */

static void
put_findings(JsonBuilder *json, const char *pattern, const GArray *findings)
{
    json_builder_begin_object(json);
    vs_json_put_text(json, "pattern", pattern);
    vs_json_begin_array(json, "findings");
    for (guint i = 0; i < findings->len; i++) {
        const VsTraceFinding *finding = &g_array_index(findings, VsTraceFinding, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "place", finding->place);
        vs_json_put_text(json, "text", finding->text);
        vs_json_put_text(json, "explanation", finding->explanation);
        vs_json_put_bool(json, "is_taken", finding->is_taken);
        vs_json_put_int(json, "times", finding->n_times);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

/* What became of each pattern; false with 'error' set when one matches nothing. */
static bool
put_answers(JsonBuilder *json, const VsProbe *probe, const VsTraceOptions *options,
            GError **error)
{
    vs_json_begin_array(json, "why_not");
    for (const char *const *pattern = options->why_not; *pattern; pattern++) {
        g_autoptr(GArray) findings = vs_trace_why_not(vs_probe_simulation(probe),
                                                      *pattern, options->rules, error);

        if (!findings) {
            return false;
        }
        put_findings(json, *pattern, findings);
    }
    json_builder_end_array(json);
    return true;
}

static void
put_all(JsonBuilder *json, const VsProbe *probe)
{
    VsSimulation *simulation = vs_probe_simulation(probe);
    const VsProbeResult *result = vs_probe_result(probe);
    const VsRun *run = vs_simulation_run(simulation);
    const VsScenario *scenario = vs_simulation_scenario(simulation);
    g_autofree char *digest = vs_simulation_digest(simulation);

    vs_json_put_text(json, "format", FORMAT);
    vs_json_put_int(json, "version", FORMAT_VERSION);
    vs_json_put_text(json, "scenario", vs_scenario_name(scenario));
    vs_json_put_text(json, "scenario_sha256", vs_scenario_hash(scenario));
    vs_json_put_uint(json, "seed", vs_simulation_seed(simulation));
    vs_json_put_text(json, "digest", digest);
    vs_json_put_bool(json, "with_load",
                     !vs_simulation_build(simulation)->is_without_load);
    put_target(json, result);
    put_resolution(json, result, vs_simulation_build(simulation)->cluster);
    put_outcome(json, result);
    put_stages(json, result, &run->packets->stages);
    put_packets(json, run);
    put_connections(json, vs_simulation_build(simulation));
}

char *
vs_trace_print_json(const VsProbe *probe, const VsTraceOptions *options, GError **error)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_object(json);
    put_all(json, probe);
    if (options->why_not && !put_answers(json, probe, options, error)) {
        return NULL;
    }
    json_builder_end_object(json);
    return vs_json_print(json);
}
