/* When data are acknowledged (net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c of Linux).
 *
 * At once: every second full segment; what is out of order or came twice; the first 16
 * segments and those after a long pause ("quick"), but not in a dialogue ("pingpong"), where
 * the answer will carry the ACK.  Else the ACK waits for data to go with, for a time (ATO)
 * that follows the gaps between data, from the configured least to 200 ms.  A wait in vain
 * ends the dialogue, or doubles the time. */
#include <glib.h>

#include "transport/tcp_internal.h"

#define DELAY_MAX (200 * VS_MS) /* TCP_DELACK_MAX. */

enum {
    QUICK_ACKS_MIN = 2,
    SEGMENT_BYTES = 536, /* Taken for the peer's (tcp_initialize_rcv_mss()). */
};

/* tcp_incr_quickack(): half of the window, at most. */
static void
be_quick(VsTcp *tcp)
{
    uint32_t n = (uint32_t)(tcp->rcv_edge - tcp->rcv_nxt) / (2 * SEGMENT_BYTES);

    n = n == 0 ? QUICK_ACKS_MIN : MIN(n, VS_TCP_QUICK_ACKS);
    tcp->n_quick_acks = (uint8_t)MAX(n, tcp->n_quick_acks);
}

void
vs_tcp_delack_hurry(VsTcp *tcp)
{
    be_quick(tcp);
    tcp->is_dialogue = false;
    tcp->ato = tcp->sockets->config.delayed_ack;
}

/* tcp_event_data_recv() */
void
vs_tcp_delack_received(VsTcp *tcp)
{
    VsTime now = vs_now(tcp->sockets->run);
    VsTime gap = now - tcp->data_at;
    VsTime least = tcp->sockets->config.delayed_ack;

    if (tcp->ato == 0) {
        be_quick(tcp);
        tcp->ato = least;
    } else if (gap <= least / 2) {
        tcp->ato = tcp->ato / 2 + least / 2;
    } else if (gap < tcp->ato) {
        tcp->ato = MIN(tcp->ato / 2 + gap, vs_tcp_rto(tcp));
    } else if (gap > vs_tcp_rto(tcp)) {
        be_quick(tcp); /* The peer begins anew. */
    }
    tcp->data_at = now;
}

/* tcp_event_data_sent(): an answer. */
void
vs_tcp_delack_sent_data(VsTcp *tcp)
{
    if (vs_now(tcp->sockets->run) - tcp->data_at < tcp->ato) {
        tcp->is_dialogue = true;
    }
}

/* tcp_dec_quickack_mode() */
void
vs_tcp_delack_sent(VsTcp *tcp)
{
    if (tcp->n_quick_acks > 0 && tcp->rcv_nxt != tcp->rcv_acked &&
        --tcp->n_quick_acks == 0) {
        tcp->ato = tcp->sockets->config.delayed_ack;
    }
}

/* True when the window that the peer knows has fallen to half of what it might be. */
static inline bool
is_window_half_used(const VsTcp *tcp)
{
    return 2 * (tcp->rcv_edge - tcp->rcv_nxt) + tcp->kept_bytes <=
           tcp->sockets->config.receive_buffer;
}

/* tcp_send_delayed_ack() */
static void
delay(VsTcp *tcp)
{
    VsTime now = vs_now(tcp->sockets->run);
    VsTime least = tcp->sockets->config.delayed_ack;
    VsTime wait = tcp->ato;

    if (wait > least) {
        VsTime most = MAX(DELAY_MAX, least);

        wait = MIN(wait, tcp->srtt > 0 ? MIN(most, MAX(tcp->srtt, least)) : most);
    }
    if (tcp->ack_due == VS_TIME_NEVER) {
        tcp->ack_due = now + wait;
    } else if (tcp->ack_due <= now + wait / 4) {
        vs_tcp_send_ack(tcp); /* It would be sent soon. */
    } else {
        tcp->ack_due = MIN(tcp->ack_due, now + wait);
    }
}

/* __tcp_ack_snd_check() */
void
vs_tcp_acknowledge(VsTcp *tcp)
{
    uint64_t n_bytes = tcp->rcv_nxt - tcp->rcv_acked;

    if (tcp->is_ack_now) {
        vs_tcp_send_ack(tcp);
    } else if (n_bytes == 0) {
        return;
    } else if ((tcp->n_quick_acks > 0 && !tcp->is_dialogue) || n_bytes > tcp->mss ||
               tcp->sockets->config.delayed_ack == 0 || is_window_half_used(tcp)) {
        vs_tcp_send_ack(tcp);
    } else {
        delay(tcp);
    }
}

/* tcp_delack_timer_handler() */
void
vs_tcp_delack_due(VsTcp *tcp)
{
    if (tcp->is_dialogue) {
        tcp->is_dialogue = false;
        tcp->ato = tcp->sockets->config.delayed_ack;
    } else {
        tcp->ato = MIN(2 * tcp->ato, vs_tcp_rto(tcp));
    }
    vs_tcp_send_ack(tcp);
}
