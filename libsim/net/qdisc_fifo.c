/* First in, first out: by packets, by bytes, and in three bands.  Linux
 * net/sched/sch_fifo.c (pfifo_enqueue, bfifo_enqueue), sch_generic.c (pfifo_fast_enqueue,
 * pfifo_fast_dequeue, whose bands have txqueuelen packets each since 4.16). */
#include "net/qdisc_kinds.h"

#define N_BANDS 3

typedef struct Fifo {
    VsQdisc qdisc;
    uint64_t limit;
    VsPacketQueue bands[N_BANDS]; /* pfifo and bfifo use the first. */
} Fifo;

static void
fifo_configure(VsQdisc *qdisc, const void *config)
{
    ((Fifo *)qdisc)->limit = ((const VsFifoConfig *)config)->limit;
}

/* The packet counts among those held already. */
static void
pfifo_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Fifo *fifo = (Fifo *)qdisc;

    (void)now;
    if (qdisc->n_held > fifo->limit) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    vs_packet_queue_push(&fifo->bands[0], packet);
}

static void
bfifo_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Fifo *fifo = (Fifo *)qdisc;

    (void)now;
    if (qdisc->held_bytes > fifo->limit) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    vs_packet_queue_push(&fifo->bands[0], packet);
}

/* TC_PRIO_BESTEFFORT 0, _BULK 2, _INTERACTIVE_BULK 4, _INTERACTIVE 6 by the four bits of
 * TOS (ip_tos2prio), and the band of each priority. */
unsigned
vs_pfifo_fast_band(uint8_t tos)
{
    static const uint8_t priority_of_tos[16] = {0, 0, 0, 0, 2, 2, 2, 2,
                                                6, 6, 6, 6, 4, 4, 4, 4};
    static const uint8_t band_of_priority[16] = {1, 2, 2, 2, 1, 2, 0, 0,
                                                 1, 1, 1, 1, 1, 1, 1, 1};

    return band_of_priority[priority_of_tos[(tos >> 1) & 15]];
}

static void
pfifo_fast_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Fifo *fifo = (Fifo *)qdisc;
    const VsLayer *top = vs_packet_top(packet);
    uint8_t tos = top->ether_type == VS_ETHER_TYPE_ARP ? 0 : top->tos;
    VsPacketQueue *band = &fifo->bands[vs_pfifo_fast_band(tos)];

    (void)now;
    if (band->length >= fifo->limit) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    vs_packet_queue_push(band, packet);
}

static VsPacket *
fifo_evict(VsQdisc *qdisc)
{
    Fifo *fifo = (Fifo *)qdisc;

    for (unsigned i = 0; i < N_BANDS; i++) {
        VsPacket *packet = vs_packet_queue_pop(&fifo->bands[i]);

        if (packet) {
            return packet;
        }
    }
    return NULL;
}

static VsPacket *
fifo_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    (void)now;
    (void)ret_next;
    return fifo_evict(qdisc);
}

static void
fifo_close(VsQdisc *qdisc)
{
    (void)qdisc;
}

#define FIFO_ROW(name_, enqueue_)                                               \
    {                                                                           \
        .name = name_, .size = sizeof(Fifo), .open = fifo_configure,            \
        .change = fifo_configure, .enqueue = enqueue_, .dequeue = fifo_dequeue, \
        .evict = fifo_evict, .close = fifo_close,                               \
    }

const VsQdiscKind vs_qdisc_pfifo = FIFO_ROW("pfifo", pfifo_enqueue);
const VsQdiscKind vs_qdisc_bfifo = FIFO_ROW("bfifo", bfifo_enqueue);
const VsQdiscKind vs_qdisc_pfifo_fast = FIFO_ROW("pfifo_fast", pfifo_fast_enqueue);
