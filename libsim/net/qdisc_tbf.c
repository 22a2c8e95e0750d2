/* Token bucket filter.  Linux net/sched/sch_tbf.c (tbf_enqueue, tbf_dequeue).
 *
 * Tokens are picoseconds of the rate: the bucket holds the time that 'burst' takes.  A
 * packet may be sent when the bucket, and with a peak rate that of 'peak burst' too, has the
 * time it takes. */
#include "net/qdisc_kinds.h"

typedef struct Tbf {
    VsQdisc qdisc;
    VsTbfConfig config;
    VsTime bucket;
    VsTime peak_bucket;
    VsTime tokens;
    VsTime peak_tokens;
    VsTime counted_at; /* When the tokens were as many. */
    VsQdisc *inner;
} Tbf;

static void
set_config(Tbf *tbf, const VsTbfConfig *config)
{
    tbf->config = *config;
    tbf->bucket = vs_qdisc_time_of(config->burst_bytes, config->bits_per_s);
    tbf->peak_bucket = 0;
    if (config->peak_bits_per_s > 0) {
        tbf->peak_bucket =
            vs_qdisc_time_of(config->peak_burst_bytes, config->peak_bits_per_s);
    }
}

static void
tbf_open(VsQdisc *qdisc, const void *config_)
{
    Tbf *tbf = (Tbf *)qdisc;
    const VsTbfConfig *config = config_;
    VsFifoConfig fifo = {config->limit_bytes};

    set_config(tbf, config);
    tbf->tokens = tbf->bucket;
    tbf->peak_tokens = tbf->peak_bucket;
    tbf->inner = config->inner ? config->inner
                               : vs_qdisc_new(&vs_qdisc_bfifo, &fifo, qdisc->context);
    vs_qdisc_adopt(qdisc, tbf->inner);
}

/* As tbf_change(): the bucket is full again. */
static void
tbf_change(VsQdisc *qdisc, const void *config_)
{
    Tbf *tbf = (Tbf *)qdisc;
    const VsTbfConfig *config = config_;
    VsFifoConfig fifo = {config->limit_bytes};

    set_config(tbf, config);
    tbf->tokens = tbf->bucket;
    tbf->peak_tokens = tbf->peak_bucket;
    tbf->counted_at = vs_now(qdisc->context->run);
    tbf->inner->kind->change(tbf->inner, &fifo);
}

static inline bool
is_over_burst(const Tbf *tbf, uint32_t bytes)
{
    return bytes > tbf->config.burst_bytes ||
           (tbf->config.peak_bits_per_s > 0 && bytes > tbf->config.peak_burst_bytes);
}

/* A train longer than the burst is cut (tbf_segment()), if its frames are not. */
static void
tbf_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Tbf *tbf = (Tbf *)qdisc;

    if (!is_over_burst(tbf, vs_qdisc_bytes(packet))) {
        vs_qdisc_enqueue(tbf->inner, packet, now);
    } else if (vs_packet_is_train(packet) &&
               !is_over_burst(tbf,
                              VS_ETHER_HEADER_BYTES + vs_packet_mtu_bytes(packet))) {
        packet = vs_qdisc_split(qdisc, packet, now);
        while (packet) {
            VsPacket *next = packet->next;

            vs_qdisc_enqueue(tbf->inner, packet, now);
            packet = next;
        }
    } else {
        vs_qdisc_drop(qdisc, packet, VS_DROP_OVER_BURST);
    }
}

static VsPacket *
tbf_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    Tbf *tbf = (Tbf *)qdisc;
    const VsPacket *first = vs_qdisc_peek(tbf->inner, now, ret_next);
    VsTime elapsed, tokens, peak_tokens = 0;

    if (!first) {
        return NULL;
    }
    elapsed = now - tbf->counted_at;
    tokens = MIN(elapsed, tbf->bucket) + tbf->tokens;
    tokens = MIN(tokens, tbf->bucket) -
             vs_qdisc_time_of(vs_qdisc_bytes(first), tbf->config.bits_per_s);
    if (tbf->config.peak_bits_per_s > 0) {
        peak_tokens = MIN(elapsed, tbf->peak_bucket) + tbf->peak_tokens;
        peak_tokens =
            MIN(peak_tokens, tbf->peak_bucket) -
            vs_qdisc_time_of(vs_qdisc_bytes(first), tbf->config.peak_bits_per_s);
    }
    if (tokens < 0 || peak_tokens < 0) {
        qdisc->n_overlimits++;
        *ret_next = now + MAX(-tokens, -peak_tokens);
        return NULL;
    }
    tbf->counted_at = now;
    tbf->tokens = tokens;
    tbf->peak_tokens = peak_tokens;
    return vs_qdisc_dequeue(tbf->inner, now, ret_next);
}

static VsPacket *
tbf_evict(VsQdisc *qdisc)
{
    return vs_qdisc_evict(((Tbf *)qdisc)->inner);
}

static void
tbf_close(VsQdisc *qdisc)
{
    vs_qdisc_free(((Tbf *)qdisc)->inner);
}

const VsQdiscKind vs_qdisc_tbf = {
    .name = "tbf",
    .size = sizeof(Tbf),
    .open = tbf_open,
    .change = tbf_change,
    .enqueue = tbf_enqueue,
    .dequeue = tbf_dequeue,
    .evict = tbf_evict,
    .close = tbf_close,
};
