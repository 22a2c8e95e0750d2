/* The timer of a connection: retransmission (RFC 6298, as Linux does it), losses found by
 * time, delayed ACK, pacing.
 *
 * Deadlines move with every segment; the timer does not.  It stays armed for the
 * earliest deadline it ever had, and when it fires too early it is armed again for
 * the present one: an event per time-out at most, instead of a move per segment. */
#include <glib.h>

#include "transport/tcp_internal.h"

static void time_out(VsTcp *tcp);
static void keep_alive(VsTcp *tcp);

static inline VsTime
loss_due_of(const VsTcp *tcp)
{
    return tcp->flight ? tcp->flight->loss_due : VS_TIME_NEVER;
}

void
vs_tcp_arm(VsTcp *tcp)
{
    VsTime due =
        MIN(MIN(tcp->rto_due, loss_due_of(tcp)), MIN(tcp->ack_due, tcp->keepalive_due));

    if (tcp->is_paced) {
        due = MIN(due, tcp->pace_due);
    }

    if (due != VS_TIME_NEVER && vs_tcp_is_alive(tcp) &&
        (!vs_timer_is_armed(&tcp->timer) || tcp->timer.due > due)) {
        vs_timer_arm(&tcp->timer, due);
    }
}

void
vs_tcp_timer_due(VsTimer *timer)
{
    VsTcp *tcp = VS_CONTAINER_OF(timer, VsTcp, timer);
    VsSockets *sockets = tcp->sockets;

    vs_sockets_enter(sockets);
    if (tcp->ack_due <= timer->due) {
        vs_tcp_delack_due(tcp);
    }
    if (tcp->is_paced && tcp->pace_due <= timer->due && vs_tcp_is_alive(tcp)) {
        vs_tcp_output(tcp);
        vs_tcp_tell_sendable(tcp);
    }
    if (loss_due_of(tcp) <= timer->due && vs_tcp_is_alive(tcp)) {
        vs_tcp_loss_due(tcp);
    }
    if (tcp->rto_due <= timer->due && vs_tcp_is_alive(tcp)) {
        time_out(tcp);
    }
    if (G_UNLIKELY(tcp->keepalive_due <= timer->due) && vs_tcp_is_alive(tcp)) {
        keep_alive(tcp);
    }
    vs_tcp_arm(tcp);
    vs_sockets_leave(sockets);
}

enum { TS_MAX_ELAPSED = 1 << 30 }; /* An echo of the future is of no use. */

/* How often the time-out is doubled: for each time-out in a row, but not for the first few of
 * a SYN where those are linear. */
static unsigned
n_doublings(const VsTcp *tcp)
{
    uint32_t n_linear = tcp->sockets->config.syn_linear_timeouts;

    if (tcp->state != VS_TCP_SYN_SENT) {
        return tcp->n_retries;
    }
    return tcp->n_retries > n_linear ? tcp->n_retries - n_linear : 0;
}

/* SRTT + max(rto_min, 4 RTTVAR), doubled. */
VsTime
vs_tcp_rto(const VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    VsTime rto = config->rto_initial;

    if (tcp->srtt > 0) {
        rto = tcp->srtt + MAX(config->rto_min, 4 * tcp->rttvar);
    }
    for (unsigned n = n_doublings(tcp); n > 0 && rto < config->rto_max; n--) {
        rto *= 2;
    }
    return MIN(rto, config->rto_max);
}

static void
add_sample(VsTcp *tcp, VsTime rtt)
{
    if (tcp->srtt == 0) {
        tcp->srtt = rtt;
        tcp->rttvar = rtt / 2;
    } else {
        tcp->rttvar += (ABS(tcp->srtt - rtt) - tcp->rttvar) / 4;
        tcp->srtt += (rtt - tcp->srtt) / 8;
    }
    tcp->min_rtt = tcp->min_rtt == 0 ? rtt : MIN(tcp->min_rtt, rtt);
}

void
vs_tcp_sample_timed(VsTcp *tcp)
{
    tcp->is_timing = false;
    add_sample(tcp, MAX(vs_now(tcp->sockets->run) - tcp->rtt_started, VS_PS));
}

/* Karn: what was sent twice is not timed; but an echo says which of both it was (RFC 7323,
 * 4.1, as tcp_ack_update_rtt() does it). */
void
vs_tcp_sample_rtt(VsTcp *tcp, VsPacket *packet)
{
    if (tcp->is_timing) {
        if (tcp->snd_una >= tcp->rtt_end) {
            vs_tcp_sample_timed(tcp);
        }
    } else if (tcp->has_timestamps &&
               (vs_packet_top(packet)->tcp.options & VS_TCP_OPTION_TIMESTAMPS)) {
        uint32_t elapsed = vs_tcp_ts_now(tcp->sockets) - packet->tcp_options.ts_echo;

        if (packet->tcp_options.ts_echo != 0 && elapsed < TS_MAX_ELAPSED) {
            add_sample(tcp, MAX(elapsed, 1) * VS_MS);
        }
    }
}

static uint32_t
max_retries(const VsTcp *tcp)
{
    switch ((VsTcpState)tcp->state) {
    case VS_TCP_SYN_SENT:
        return tcp->sockets->config.syn_retries +
               tcp->sockets->config.syn_linear_timeouts;
    case VS_TCP_SYN_RECEIVED:
        return VS_TCP_SYN_ACK_RETRIES;
    default:
        return tcp->sockets->config.retries;
    }
}

/* Nothing sent was acknowledged in time: what is lost is sent again, as ACKs allow.  With
 * nothing sent, it is the peer's closed window that we ask about. */
static void
go_back(VsTcp *tcp)
{
    uint64_t n_sent = tcp->sockets->stats.n_segments_sent;

    if (tcp->snd_nxt > tcp->snd_una) {
        vs_tcp_recovery_time_out(tcp);
    }
    tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp);
    vs_tcp_output(tcp);
    if (tcp->sockets->stats.n_segments_sent == n_sent) {
        vs_tcp_send_probe(tcp);
    }
}

static void
time_out(VsTcp *tcp)
{
    /* An answered probe of a closed window is no failure. */
    bool is_patient = tcp->snd_nxt == tcp->snd_una && tcp->is_answered;

    if (tcp->is_doomed) {
        vs_tcp_break(tcp, (VsTcpEnd)tcp->end);
        return;
    }
    if (tcp->state == VS_TCP_FIN_WAIT_2 ||
        (tcp->n_retries >= max_retries(tcp) && !is_patient)) {
        vs_tcp_break(tcp, VS_TCP_END_TIMED_OUT);
        return;
    }
    tcp->n_retries += tcp->n_retries < UINT8_MAX;
    tcp->is_answered = false;
    tcp->sockets->stats.n_timeouts++;
    if (tcp->state == VS_TCP_SYN_SENT || tcp->state == VS_TCP_SYN_RECEIVED) {
        vs_tcp_send_syn(tcp, NULL);
    } else {
        go_back(tcp);
    }
}

/* tcp_keepalive_timer(): asks a peer that has been silent for long whether it is there. */
static void
keep_alive(VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    VsTime now = vs_now(tcp->sockets->run);

    if (tcp->state != VS_TCP_ESTABLISHED && tcp->state != VS_TCP_CLOSE_WAIT) {
        tcp->keepalive_due = VS_TIME_NEVER; /* Closing has time-outs of its own. */
    } else if (tcp->snd_end > tcp->snd_una) {
        tcp->keepalive_due = now + config->keepalive_idle; /* So have data. */
    } else if (now < tcp->received_at + config->keepalive_idle) {
        tcp->keepalive_due = tcp->received_at + config->keepalive_idle;
    } else if (tcp->n_keepalives >= config->keepalive_probes) {
        vs_tcp_send_abort(tcp);
        vs_tcp_break(tcp, VS_TCP_END_TIMED_OUT);
    } else {
        tcp->n_keepalives++;
        tcp->keepalive_due = now + config->keepalive_interval;
        vs_tcp_send_probe(tcp);
    }
}
