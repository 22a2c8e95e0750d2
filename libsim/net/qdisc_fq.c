/* Fair queue: a queue for each flow, served by deficit round robin, new flows first, each
 * paced to a maximum rate.  Linux net/sched/sch_fq.c (fq_enqueue, fq_dequeue,
 * fq_check_throttled, fq_gc), as before the bands of 6.7.
 *
 * Linux knows a flow by its socket; here it is the 5-tuple, on hosts that forward, too.
 * Pacing rates of sockets (SO_MAX_PACING_RATE, BBR) are not seen. */
#include "base/pool.h"
#include "net/due_heap.h"
#include "net/qdisc_kinds.h"

#define N_BUCKETS 1024
#define FORGET_AFTER (3 * VS_S)   /* FQ_GC_AGE. */
#define LOW_RATE UINT64_C(550000) /* low_rate_threshold, bit/s. */

typedef struct Flow Flow;

typedef enum FlowState { FLOW_DETACHED, FLOW_LISTED, FLOW_THROTTLED } FlowState;

struct Flow {
    Flow *chain; /* In its bucket. */
    Flow *next;  /* In the list of new flows or that of old ones. */
    VsFlow key;
    VsPacketQueue queue;
    int64_t credit; /* Bytes. */
    VsTime next_packet_at;
    VsTime idle_since; /* DETACHED. */
    FlowState state;
};

typedef struct FlowList {
    Flow *first;
    Flow *last;
} FlowList;

typedef struct Fq {
    VsQdisc qdisc;
    VsFqConfig config;
    VsPool pool;
    Flow *buckets[N_BUCKETS];
    FlowList new_flows;
    FlowList old_flows;
    VsDueHeap throttled;
} Fq;

/* As fq_change(): of those above a lower limit, packets that are paced stay. */
static void
fq_change(VsQdisc *qdisc, const void *config)
{
    ((Fq *)qdisc)->config = *(const VsFqConfig *)config;
    vs_qdisc_trim_ready(qdisc, ((Fq *)qdisc)->config.packets_max);
}

static void
fq_open(VsQdisc *qdisc, const void *config)
{
    ((Fq *)qdisc)->config = *(const VsFqConfig *)config;
    vs_pool_init(&((Fq *)qdisc)->pool, sizeof(Flow), 64);
}

/* The flow of 'key'; one of its bucket that has been idle for long gives its place. */
static Flow *
find_flow(Fq *fq, const VsFlow *key, VsTime now)
{
    Flow **bucket = &fq->buckets[vs_flow_mix(key) % N_BUCKETS];
    Flow *stale = NULL;
    Flow *flow;

    for (flow = *bucket; flow; flow = flow->chain) {
        if (vs_flow_equals(&flow->key, key)) {
            return flow;
        }
        if (flow->state == FLOW_DETACHED && now - flow->idle_since > FORGET_AFTER) {
            stale = flow;
        }
    }
    if (stale) {
        flow = stale;
    } else {
        flow = vs_pool_alloc(&fq->pool);
        flow->chain = *bucket;
        *bucket = flow;
    }
    *flow = (Flow){.chain = flow->chain,
                   .key = *key,
                   .credit = fq->config.initial_quantum_bytes,
                   .idle_since = now};
    return flow;
}

static void
append(FlowList *list, Flow *flow)
{
    flow->next = NULL;
    flow->state = FLOW_LISTED;
    if (list->first) {
        list->last->next = flow;
    } else {
        list->first = flow;
    }
    list->last = flow;
}

static void
fq_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Fq *fq = (Fq *)qdisc;
    Flow *flow;

    if (qdisc->n_held > fq->config.packets_max) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    flow = find_flow(fq, &vs_packet_top(packet)->flow, now);
    if (flow->queue.length >= fq->config.flow_packets_max) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_FLOW_FULL);
        return;
    }
    if (flow->state == FLOW_DETACHED) {
        append(&fq->new_flows, flow);
        if (now - flow->idle_since > fq->config.refill_delay) {
            flow->credit = MAX(flow->credit, (int64_t)fq->config.quantum_bytes);
        }
    }
    vs_packet_queue_push(&flow->queue, packet);
}

/* Flows whose time has come are served again. */
static void
release_throttled(Fq *fq, VsTime now)
{
    const VsDueItem *first;

    while ((first = vs_due_heap_first(&fq->throttled)) && first->due <= now) {
        append(&fq->old_flows, vs_due_heap_pop(&fq->throttled));
    }
}

/* When the flow may send again, after a packet of so many bytes. */
static void
pace(const Fq *fq, Flow *flow, uint32_t bytes, VsTime now)
{
    uint64_t rate = fq->config.flow_bits_per_s_max;

    if (rate <= LOW_RATE) {
        flow->credit = 0;
    } else {
        bytes = MAX(bytes, fq->config.quantum_bytes);
        if (flow->credit > 0) {
            return;
        }
    }
    flow->next_packet_at = now + MIN(vs_qdisc_time_of(bytes, rate), VS_S);
}

/* The list whose first flow may send, that flow having credit; NULL: none. */
static FlowList *
find_turn(Fq *fq, VsTime now)
{
    for (;;) {
        FlowList *list = fq->new_flows.first ? &fq->new_flows : &fq->old_flows;
        Flow *flow = list->first;

        if (!flow) {
            return NULL;
        }
        if (flow->credit <= 0) {
            flow->credit += fq->config.quantum_bytes;
            list->first = flow->next;
            append(&fq->old_flows, flow);
        } else if (!flow->queue.first) {
            list->first = flow->next;
            if (list == &fq->new_flows && fq->old_flows.first) {
                append(&fq->old_flows, flow);
            } else {
                flow->state = FLOW_DETACHED;
                flow->idle_since = now;
            }
        } else if (flow->next_packet_at > now) {
            list->first = flow->next;
            flow->state = FLOW_THROTTLED;
            vs_due_heap_push(&fq->throttled, flow->next_packet_at, flow);
            fq->qdisc.n_overlimits++;
        } else {
            return list;
        }
    }
}

static VsPacket *
fq_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    Fq *fq = (Fq *)qdisc;
    FlowList *list;
    VsPacket *packet;

    release_throttled(fq, now);
    list = find_turn(fq, now);
    if (!list) {
        *ret_next = fq->throttled.length > 0 ? vs_due_heap_first(&fq->throttled)->due
                                             : VS_TIME_NEVER;
        return NULL;
    }
    packet = vs_packet_queue_pop(&list->first->queue);
    list->first->credit -= vs_qdisc_bytes(packet);
    if (fq->config.flow_bits_per_s_max > 0) {
        pace(fq, list->first, vs_qdisc_bytes(packet), now);
    }
    return packet;
}

static VsPacket *
fq_evict(VsQdisc *qdisc)
{
    Fq *fq = (Fq *)qdisc;
    FlowList *list;

    release_throttled(fq, VS_TIME_NEVER);
    list = find_turn(fq, VS_TIME_NEVER);
    return list ? vs_packet_queue_pop(&list->first->queue) : NULL;
}

static void
fq_close(VsQdisc *qdisc)
{
    Fq *fq = (Fq *)qdisc;

    vs_pool_clear(&fq->pool);
    vs_due_heap_clear(&fq->throttled);
}

const VsQdiscKind vs_qdisc_fq = {
    .name = "fq",
    .size = sizeof(Fq),
    .open = fq_open,
    .change = fq_change,
    .enqueue = fq_enqueue,
    .dequeue = fq_dequeue,
    .evict = fq_evict,
    .close = fq_close,
};
