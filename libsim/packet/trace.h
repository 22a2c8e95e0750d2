/* The story of chosen packets: what each step of the path did to them, and why.
 *
 * A run has a recorder only while something is traced; a packet of a traced journey carries
 * VS_PACKET_TRACED, and the floors above add a record for every step they take with it.
 * Records are typed; their texts are made when they are added, as only a request or two are
 * ever followed this closely.  Tracing changes neither time nor outcome: digests are the
 * same with it and without. */
#pragma once

#include "packet/packet.h"

typedef enum VsTraceKind {
    VS_TRACE_SEND,      /* A socket (or the stack: ICMP) sent it, in 'place'. */
    VS_TRACE_RECEIVE,   /* It came in by 'device'. */
    VS_TRACE_HOOK,      /* Hook 'name' ("PREROUTING") begins. */
    VS_TRACE_CHAIN,     /* Chain 'name' of 'table' is entered. */
    VS_TRACE_RULE,      /* Rule 'number' of chain 'name' was examined; 'text', 'why'. */
    VS_TRACE_POLICY,    /* The end of base chain 'name'. */
    VS_TRACE_CONNTRACK, /* Its connection: 'verdict' is new, found, confirmed, none. */
    VS_TRACE_NAT,       /* Headers were translated: 'before', 'after'. */
    VS_TRACE_ROUTE,     /* 'text' is the route. */
    VS_TRACE_NEIGHBOUR, /* 'text' is the next hop's address and MAC. */
    VS_TRACE_BRIDGE,    /* Bridge 'name' forwards to port 'device'. */
    VS_TRACE_ENCAPSULATE, /* A tunnel pushed a header; 'text'. */
    VS_TRACE_DECAPSULATE,
    VS_TRACE_SERVICE,  /* A balancer or an ingress chose: 'text', 'why'. */
    VS_TRACE_TRANSMIT, /* It goes out by 'device'. */
    VS_TRACE_TIME,     /* It spent 'elapsed' in 'stage', held by the qdisc 'name'. */
    VS_TRACE_DELIVER,  /* To a socket, in 'place'. */
    VS_TRACE_DROP,     /* 'text' is the reason. */
    VS_TRACE_N_KINDS
} VsTraceKind;

/* Texts are owned by the record, NULL where the kind has none. */
typedef struct VsTraceRecord {
    VsTraceKind kind;
    VsTime time;     /* Now; within the work of a core, its charges included. */
    uint64_t packet; /* Its number in the run. */
    char *place;     /* Namespace ("n1/root"), or wire ("users > internet"). */
    char *device;
    char *table;
    char *name;
    uint32_t number;
    char *text;
    char *why;
    char *verdict; /* "ACCEPT", "jump KUBE-SERVICES", "no match". */
    char **passed; /* SERVICE: what was not chosen, text and why in turn; or NULL. */
    VsTime cost;   /* Work that this step charged. */
    VsStage stage;
    VsTime elapsed;
    bool has_before;
    VsLayer before; /* The top layer before the step, where it changed. */
    VsLayer after;  /* The top layer after it. */
    uint8_t n_layers;
    uint32_t payload_bytes;
    VsPayload payload;
    char *quic; /* What a datagram of QUIC has; or NULL. */
} VsTraceRecord;

typedef struct VsTrace {
    GArray *records; /* Of VsTraceRecord. */
} VsTrace;

/* Gives 'run' a recorder, or frees it with all records. */
VsTrace *vs_run_start_trace(VsRun *run);
void vs_run_free_trace(VsRun *run);

static inline bool
vs_packet_is_traced(const VsPacket *packet)
{
    return G_UNLIKELY((packet->flags & VS_PACKET_TRACED) != 0);
}

/* Adds a record of 'packet', which is traced, as it is now; 'place' is copied, 'charge' is
 * the work of the present core so far.  Valid until the next call; its texts are to be set
 * to new strings. */
VsTraceRecord *vs_trace_add(VsPacket *packet, VsTraceKind kind, const char *place,
                            VsTime charge);

/* The same for a step taken with a message whose packets were delivered before: the record
 * belongs to the last of them in 'place'.  NULL when 'payload' serves no traced journey or
 * nothing traced was delivered there. */
VsTraceRecord *vs_trace_add_message(VsRun *run, const VsPayload *payload,
                                    VsTraceKind kind, const char *place);

/* The last record of packet 'number' of the run, or NULL. */
const VsTraceRecord *vs_trace_last(const VsTrace *trace, uint64_t number);

/* The record of the same packet before 'record', which is in 'trace', or NULL. */
const VsTraceRecord *vs_trace_previous(const VsTrace *trace,
                                       const VsTraceRecord *record);

/* "send", "rule": as in the published schema. */
const char *vs_trace_kind_name(VsTraceKind kind);
