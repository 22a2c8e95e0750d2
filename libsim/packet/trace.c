#include "packet/trace.h"

static const char *const kind_names[VS_TRACE_N_KINDS] = {
    [VS_TRACE_SEND] = "send",
    [VS_TRACE_RECEIVE] = "receive",
    [VS_TRACE_HOOK] = "hook",
    [VS_TRACE_CHAIN] = "chain",
    [VS_TRACE_RULE] = "rule",
    [VS_TRACE_POLICY] = "policy",
    [VS_TRACE_CONNTRACK] = "conntrack",
    [VS_TRACE_NAT] = "nat",
    [VS_TRACE_ROUTE] = "route",
    [VS_TRACE_NEIGHBOUR] = "neighbour",
    [VS_TRACE_BRIDGE] = "bridge",
    [VS_TRACE_ENCAPSULATE] = "encapsulate",
    [VS_TRACE_DECAPSULATE] = "decapsulate",
    [VS_TRACE_SERVICE] = "service",
    [VS_TRACE_TRANSMIT] = "transmit",
    [VS_TRACE_TIME] = "time",
    [VS_TRACE_DELIVER] = "deliver",
    [VS_TRACE_DROP] = "drop",
};

static void
record_clear(gpointer record_)
{
    VsTraceRecord *record = record_;

    g_free(record->place);
    g_free(record->device);
    g_free(record->table);
    g_free(record->name);
    g_free(record->text);
    g_free(record->why);
    g_free(record->verdict);
}

VsTrace *
vs_run_start_trace(VsRun *run)
{
    g_assert(!run->trace);
    run->trace = g_new0(VsTrace, 1);
    run->trace->records = g_array_new(FALSE, TRUE, sizeof(VsTraceRecord));
    g_array_set_clear_func(run->trace->records, record_clear);
    return run->trace;
}

void
vs_run_free_trace(VsRun *run)
{
    if (run->trace) {
        g_array_free(run->trace->records, TRUE);
        g_free(run->trace);
        run->trace = NULL;
    }
}

VsTraceRecord *
vs_trace_add(VsPacket *packet, VsTraceKind kind, const char *place, VsTime charge)
{
    GArray *records = packet->run->trace->records;
    VsTraceRecord *record;

    g_array_set_size(records, records->len + 1);
    record = &g_array_index(records, VsTraceRecord, records->len - 1);
    record->kind = kind;
    record->time = vs_now(packet->run) + charge;
    record->packet = packet->number;
    record->place = g_strdup(place);
    record->after = *vs_packet_top(packet);
    record->n_layers = packet->n_layers;
    record->payload_bytes = packet->payload_bytes;
    record->payload = packet->payload;
    return record;
}

const char *
vs_trace_kind_name(VsTraceKind kind)
{
    return kind_names[kind];
}
