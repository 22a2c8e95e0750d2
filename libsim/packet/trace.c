#include "packet/trace.h"

#include <string.h>

#include "packet/quic_print.h"

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
    g_strfreev(record->passed);
    g_free(record->quic);
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
    if (packet->flags & VS_PACKET_QUIC) {
        record->quic = vs_quic_describe(packet->quic);
    }
    return record;
}

/* The last record of a delivery in 'place', or NULL. */
static const VsTraceRecord *
find_delivery(const VsTrace *trace, const char *place)
{
    for (unsigned i = trace->records->len; i-- > 0;) {
        const VsTraceRecord *record = &g_array_index(trace->records, VsTraceRecord, i);

        if (record->kind == VS_TRACE_DELIVER && strcmp(record->place, place) == 0) {
            return record;
        }
    }
    return NULL;
}

VsTraceRecord *
vs_trace_add_message(VsRun *run, const VsPayload *payload, VsTraceKind kind,
                     const char *place)
{
    const VsJourney *journey = vs_payload_journey(payload);
    const VsTraceRecord *delivery;
    VsTraceRecord record = {.kind = kind, .time = vs_now(run), .payload = *payload};

    if (!run->trace || !journey || !journey->is_traced) {
        return NULL;
    }
    delivery = find_delivery(run->trace, place);
    if (!delivery) {
        return NULL;
    }
    record.packet = delivery->packet;
    record.after = delivery->after;
    record.n_layers = delivery->n_layers;
    record.place = g_strdup(place);
    g_array_append_val(run->trace->records, record);
    return &g_array_index(run->trace->records, VsTraceRecord,
                          run->trace->records->len - 1);
}

/* The last record of packet 'number' among the first 'n' ones, or NULL. */
static const VsTraceRecord *
last_of(const VsTrace *trace, unsigned n, uint64_t number)
{
    for (unsigned i = n; i-- > 0;) {
        const VsTraceRecord *record = &g_array_index(trace->records, VsTraceRecord, i);

        if (record->packet == number) {
            return record;
        }
    }
    return NULL;
}

const VsTraceRecord *
vs_trace_last(const VsTrace *trace, uint64_t number)
{
    return last_of(trace, trace->records->len, number);
}

const VsTraceRecord *
vs_trace_previous(const VsTrace *trace, const VsTraceRecord *record)
{
    const VsTraceRecord *first = &g_array_index(trace->records, VsTraceRecord, 0);

    return last_of(trace, (unsigned)(record - first), record->packet);
}

const char *
vs_trace_kind_name(VsTraceKind kind)
{
    return kind_names[kind];
}
