/* RACK-TLP (RFC 8985): a segment is lost when one that was sent later has arrived, and enough
 * time for reordering has passed; and if the tail of a flight brings no ACK, a probe gets one.
 *
 * Linux: net/ipv4/tcp_recovery.c, and tcp_schedule_loss_probe() of tcp_output.c. */
#include <glib.h>

#include "transport/tcp_internal.h"

#define TIMER_MIN (2 * VS_MS) /* TCP_TIMEOUT_MIN: two ticks, of a thousand a second. */

enum { WINDOW_PERSIST = 16, WINDOW_STEPS_MAX = UINT8_MAX };

static bool
is_sent_after(VsTime time, uint64_t end, VsTime other_time, uint64_t other_end)
{
    return time > other_time || (time == other_time && end > other_end);
}

/* tcp_rack_advance(): an ACK sooner than any round trip is that of the first time. */
void
vs_tcp_rack_advance(VsTcp *tcp, const VsTcpSent *sent)
{
    VsTcpRack *rack = &tcp->flight->rack;
    VsTime rtt = MAX(vs_now(tcp->sockets->run) - sent->sent_at, VS_PS);

    if (!sent->was_resent) {
        tcp->min_rtt = tcp->min_rtt > 0 ? MIN(tcp->min_rtt, rtt) : rtt;
    } else if (rtt < tcp->min_rtt) {
        return;
    }
    rack->has_advanced = true;
    rack->rtt = rtt;
    if (is_sent_after(sent->sent_at, sent->end, rack->sent_at, rack->end)) {
        rack->sent_at = sent->sent_at;
        rack->end = sent->end;
    }
}

/* tcp_rack_reo_wnd(): none in recovery, nor when there are enough duplicate ACKs, unless
 * reordering was seen. */
static VsTime
reordering_window(const VsTcp *tcp)
{
    const VsTcpScoreboard *board = &tcp->flight->board;

    if (!tcp->has_seen_reordering &&
        (tcp->recovery != VS_TCP_RECOVERY_NONE || board->n_sacked >= tcp->reordering)) {
        return 0;
    }
    return MIN(tcp->min_rtt / 4 * tcp->rack_steps, tcp->srtt);
}

/* tcp_rack_detect_loss(): marks what is lost.  Returns how long until all that is in doubt
 * is; 0: nothing is. */
static VsTime
detect(VsTcp *tcp)
{
    VsTime now = vs_now(tcp->sockets->run);
    VsTime patience = tcp->flight->rack.rtt + reordering_window(tcp);
    VsTime longest = 0;
    VsTcpSent *next;

    for (VsTcpSent *sent = tcp->flight->board.oldest; sent; sent = next) {
        VsTime left = sent->sent_at + patience - now;

        next = sent->later;
        if (!is_sent_after(tcp->flight->rack.sent_at, tcp->flight->rack.end,
                           sent->sent_at, sent->end)) {
            break;
        }
        if (left <= 0) {
            vs_tcp_sent_mark_lost(tcp, sent);
        } else {
            longest = MAX(longest, left);
        }
    }
    return longest;
}

void
vs_tcp_rack_detect(VsTcp *tcp)
{
    VsTime left;

    if (!tcp->flight->rack.has_advanced) {
        return;
    }
    tcp->flight->rack.has_advanced = false;
    left = detect(tcp);
    if (left > 0) {
        tcp->flight->loss_due = vs_now(tcp->sockets->run) + left + TIMER_MIN;
        tcp->is_probing = false;
    } else if (!tcp->is_probing) {
        tcp->flight->loss_due = VS_TIME_NEVER;
    }
}

bool
vs_tcp_rack_is_recent(const VsTcp *tcp, const VsTcpSent *sent)
{
    return sent->sent_at + tcp->flight->rack.rtt > vs_now(tcp->sockets->run);
}

/* RFC 8985, 6.2, step 4: at most a step for each round trip with a D-SACK. */
void
vs_tcp_rack_take_dsack(VsTcp *tcp)
{
    VsTcpRack *rack = &tcp->flight->rack;

    if (tcp->snd_una >= rack->dsack_end) {
        rack->dsack_end = tcp->snd_nxt;
        tcp->rack_steps += tcp->rack_steps < WINDOW_STEPS_MAX;
        tcp->rack_persist = WINDOW_PERSIST;
    }
}

void
vs_tcp_rack_recovered(VsTcp *tcp)
{

    if (tcp->rack_persist > 0 && --tcp->rack_persist == 0) {
        tcp->rack_steps = 1;
    }
}

/* Probes of the tail. --------------------------------------------------------------- */

void
vs_tcp_probe_arm(VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    const VsTcpScoreboard *board;
    VsTime wait = config->rto_initial;

    if (!tcp->flight || (tcp->flight->loss_due != VS_TIME_NEVER && !tcp->is_probing)) {
        return; /* Reordering is waited for. */
    }
    board = &tcp->flight->board;
    tcp->flight->loss_due = VS_TIME_NEVER;
    if (!config->has_loss_probe || !tcp->has_sack || !board->first ||
        tcp->recovery != VS_TCP_RECOVERY_NONE || board->n_sacked > 0) {
        return;
    }
    if (tcp->srtt > 0) {
        /* Of one segment the ACK may be delayed. */
        wait =
            2 * tcp->srtt + (board->first == board->last ? config->rto_min : TIMER_MIN);
    }
    tcp->flight->loss_due = MIN(vs_now(tcp->sockets->run) + wait, tcp->rto_due);
    tcp->is_probing = true;
}

/* tcp_send_loss_probe(): something new if there is, else the last again. */
static void
send_probe(VsTcp *tcp)
{
    VsTcpRack *rack = &tcp->flight->rack;

    if (rack->probe_end != 0 || !tcp->flight->board.last) {
        return;
    }
    rack->is_probe_repeat = !vs_tcp_send_beyond_window(tcp);
    if (rack->is_probe_repeat) {
        VsTcpSent *last = tcp->flight->board.last;
        uint32_t most = vs_tcp_segment_bytes(tcp);

        if (last->end - last->start > most) {
            last = vs_tcp_sent_split(tcp, last,
                                     (uint32_t)(last->end - last->start) - most);
        }
        vs_tcp_resend(tcp, last);
    }
    tcp->sockets->stats.n_loss_probes++;
    rack->probe_end = tcp->snd_nxt;
    tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp);
    tcp->flight->loss_due = VS_TIME_NEVER; /* Not after what it has sent. */
}

/* tcp_process_tlp_ack(): if nothing says that the last segment came twice, the probe has
 * repaired a loss, for which the window pays. */
void
vs_tcp_probe_take_ack(VsTcp *tcp, const VsTcpNews *news)
{
    VsTcpRack *rack = &tcp->flight->rack;

    if (rack->probe_end == 0 || tcp->snd_una < rack->probe_end) {
        return;
    }
    if (!rack->is_probe_repeat || news->has_dsack || news->is_duplicate) {
        rack->probe_end = 0;
    } else if (tcp->snd_una > rack->probe_end) {
        rack->probe_end = 0;
        vs_tcp_reduce_once(tcp);
    }
}

/* tcp_rack_reo_timeout() */
void
vs_tcp_loss_due(VsTcp *tcp)
{
    tcp->flight->loss_due = VS_TIME_NEVER;
    if (tcp->is_probing) {
        send_probe(tcp);
    } else {
        detect(tcp);
        vs_tcp_recovery_found(tcp);
        vs_tcp_output(tcp);
    }
}
