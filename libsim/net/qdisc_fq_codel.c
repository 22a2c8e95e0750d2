/* Flow queues, each controlled by CoDel, served by deficit round robin, new flows first.
 * Linux net/sched/sch_fq_codel.c (fq_codel_enqueue, fq_codel_drop, fq_codel_dequeue);
 * RFC 8290.  Linux hashes by a secret; here the run's seed stands for it. */
#include "net/codel.h"

typedef struct Flow Flow;

struct Flow {
    Flow *next; /* In the list of new flows or that of old ones. */
    VsCodel codel;
    int64_t deficit;
    bool is_listed;
};

typedef struct FlowList {
    Flow *first;
    Flow *last;
} FlowList;

typedef struct FqCodel {
    VsQdisc qdisc;
    VsFqCodelConfig config;
    uint64_t secret;
    Flow *flows;
    FlowList new_flows;
    FlowList old_flows;
} FqCodel;

static void
fq_codel_open(VsQdisc *qdisc, const void *config)
{
    FqCodel *self = (FqCodel *)qdisc;
    VsRng rng;

    self->config = *(const VsFqCodelConfig *)config;
    self->flows = g_new0(Flow, self->config.n_flows);
    vs_qdisc_init_rng(qdisc, &rng, "secret");
    self->secret = vs_rng_u64(&rng);
}

/* The number of flows stays, as in fq_codel_change(); a lower limit drops what would have
 * been sent next. */
static void
fq_codel_change(VsQdisc *qdisc, const void *config)
{
    FqCodel *self = (FqCodel *)qdisc;
    uint32_t n_flows = self->config.n_flows;

    self->config = *(const VsFqCodelConfig *)config;
    self->config.n_flows = n_flows;
    vs_qdisc_trim_ready(qdisc, self->config.codel.packets_max);
}

static Flow *
classify(const FqCodel *self, const VsPacket *packet)
{
    uint32_t hash = (uint32_t)vs_mix64(
        vs_flow_mix(&packet->layers[packet->n_layers - 1].flow) ^ self->secret);

    return &self->flows[(uint64_t)hash * self->config.n_flows >> 32];
}

static void
append(FlowList *list, Flow *flow)
{
    flow->next = NULL;
    flow->is_listed = true;
    if (list->first) {
        list->last->next = flow;
    } else {
        list->first = flow;
    }
    list->last = flow;
}

static Flow *
remove_first(FlowList *list)
{
    Flow *flow = list->first;

    list->first = flow->next;
    flow->is_listed = false;
    return flow;
}

/* The flow that holds most loses from its head up to half of it, or a batch. */
static void
drop_batch(FqCodel *self)
{
    Flow *fattest = self->flows;
    uint64_t threshold, bytes = 0;
    uint32_t n_dropped = 0;

    for (uint32_t i = 1; i < self->config.n_flows; i++) {
        if (self->flows[i].codel.bytes > fattest->codel.bytes) {
            fattest = &self->flows[i];
        }
    }
    threshold = fattest->codel.bytes / 2;
    do {
        VsPacket *packet = vs_codel_pop(&fattest->codel);

        bytes += vs_qdisc_bytes(packet);
        vs_qdisc_drop(&self->qdisc, packet, VS_DROP_QUEUE_FULL);
    } while (++n_dropped < self->config.drop_batch && bytes < threshold &&
             fattest->codel.queue.first);
    fattest->codel.count += n_dropped;
}

static void
fq_codel_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    FqCodel *self = (FqCodel *)qdisc;
    Flow *flow = classify(self, packet);

    (void)now;
    vs_codel_push(&flow->codel, packet);
    if (!flow->is_listed) {
        append(&self->new_flows, flow);
        flow->deficit = self->config.quantum_bytes;
    }
    if (qdisc->n_held > self->config.codel.packets_max) {
        drop_batch(self);
    }
}

/* A new flow that has run dry passes through the old ones, so that none starves. */
static VsPacket *
fq_codel_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    FqCodel *self = (FqCodel *)qdisc;

    (void)ret_next;
    for (;;) {
        FlowList *list = self->new_flows.first ? &self->new_flows : &self->old_flows;
        Flow *flow = list->first;
        VsPacket *packet;

        if (!flow) {
            return NULL;
        }
        if (flow->deficit <= 0) {
            flow->deficit += self->config.quantum_bytes;
            append(&self->old_flows, remove_first(list));
            continue;
        }
        packet = vs_codel_dequeue(&flow->codel, &self->config.codel, qdisc, now);
        if (packet) {
            flow->deficit -= vs_qdisc_bytes(packet);
            return packet;
        }
        remove_first(list);
        if (list == &self->new_flows && self->old_flows.first) {
            append(&self->old_flows, flow);
        }
    }
}

static VsPacket *
fq_codel_evict(VsQdisc *qdisc)
{
    FqCodel *self = (FqCodel *)qdisc;

    for (;;) {
        FlowList *list = self->new_flows.first ? &self->new_flows : &self->old_flows;
        VsPacket *packet;

        if (!list->first) {
            return NULL;
        }
        packet = vs_codel_pop(&list->first->codel);
        if (packet) {
            return packet;
        }
        remove_first(list);
    }
}

static void
fq_codel_close(VsQdisc *qdisc)
{
    g_free(((FqCodel *)qdisc)->flows);
}

const VsQdiscKind vs_qdisc_fq_codel = {
    .name = "fq_codel",
    .size = sizeof(FqCodel),
    .open = fq_codel_open,
    .change = fq_codel_change,
    .enqueue = fq_codel_enqueue,
    .dequeue = fq_codel_dequeue,
    .evict = fq_codel_evict,
    .close = fq_codel_close,
};
