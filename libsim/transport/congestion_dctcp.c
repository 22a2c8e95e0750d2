/* DCTCP: RFC 8257, section 3.3 for the sender; its receiver's echo (section 3.2) is TCP's.
 * The window shrinks by half the share of bytes that were marked, once a round trip; it
 * grows, and answers losses and time-outs, as NewReno.  Linux: net/ipv4/tcp_dctcp.c, which
 * counts alpha in 1/1024, too. */
#include <glib.h>

#include "transport/congestion.h"

enum { G_SHIFT = 4 }; /* g = 1/16, the weight of the newest observation. */

static void
dctcp_init(VsCongestion *congestion)
{
    congestion->dctcp.alpha = VS_DCTCP_ALPHA_ONE; /* Until something is observed. */
}

/* alpha = (1 - g) alpha + g M; it falls to 0 when it would be too small to fall further. */
static void
observe(VsDctcp *dctcp, uint64_t snd_nxt)
{
    uint32_t decay = dctcp->alpha >> G_SHIFT;
    uint64_t share =
        dctcp->marked_bytes * (VS_DCTCP_ALPHA_ONE >> G_SHIFT) / dctcp->acked_bytes;

    dctcp->alpha -= decay > 0 ? decay : dctcp->alpha;
    dctcp->alpha = (uint32_t)MIN(dctcp->alpha + share, VS_DCTCP_ALPHA_ONE);
    dctcp->acked_bytes = 0;
    dctcp->marked_bytes = 0;
    dctcp->window_end = snd_nxt;
}

static void
dctcp_on_ack(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsDctcp *dctcp = &congestion->dctcp;

    dctcp->acked_bytes += ack->acked;
    dctcp->marked_bytes += ack->is_echo ? ack->acked : 0;
    if (ack->snd_una > dctcp->window_end) {
        observe(dctcp, ack->snd_nxt);
    }
    vs_reno_on_ack(congestion, ack);
}

static void
dctcp_on_ecn(VsCongestion *congestion, VsTime now)
{
    uint64_t cwnd = congestion->cwnd;

    (void)now;
    cwnd -= cwnd * congestion->dctcp.alpha / (2 * VS_DCTCP_ALPHA_ONE);
    congestion->ssthresh = (uint32_t)MAX(cwnd, 2u * congestion->mss);
    congestion->reno.counted = 0;
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

const VsCongestionAlgorithm vs_congestion_dctcp = {
    .init = dctcp_init,
    .on_ack = dctcp_on_ack,
    .on_ecn = dctcp_on_ecn,
    .on_loss = vs_reno_on_loss,
    .on_recovered = vs_reno_on_recovered,
    .on_timeout = vs_reno_on_timeout,
    .on_restart = vs_congestion_decay,
};
