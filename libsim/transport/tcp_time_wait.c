/* TIME_WAIT: what remains of a connection that closed first.
 *
 * It answers the peer's repeated FIN, keeps its addresses and ports from being used
 * again, and gives way to a SYN that starts beyond it (RFC 9293, 3.10.7.4; RFC
 * 6191).  All of a namespace last equally long, so they end in the order of a list. */
#include <glib.h>

#include "transport/tcp_internal.h"

static void
wait_begin(VsSockets *sockets, VsTcpTimeWait *wait)
{
    wait->due = vs_now(sockets->run) + sockets->config.time_wait;
    wait->next = NULL;
    wait->previous = sockets->last_time_wait;
    if (wait->previous) {
        wait->previous->next = wait;
    } else {
        sockets->first_time_wait = wait;
    }
    sockets->last_time_wait = wait;
    if (!vs_timer_is_armed(&sockets->time_wait_timer)) {
        vs_timer_arm(&sockets->time_wait_timer, wait->due);
    }
}

static void
wait_end(VsSockets *sockets, VsTcpTimeWait *wait)
{
    if (wait->previous) {
        wait->previous->next = wait->next;
    } else {
        sockets->first_time_wait = wait->next;
    }
    if (wait->next) {
        wait->next->previous = wait->previous;
    } else {
        sockets->last_time_wait = wait->previous;
    }
}

static void
forget(VsSockets *sockets, VsTcpTimeWait *wait)
{
    VsFlow reverse = vs_flow_reverse(&wait->flow);

    wait_end(sockets, wait);
    vs_table_remove(&sockets->connections, vs_flow_key(&reverse));
    vs_pool_free(&sockets->time_waits, wait);
}

void
vs_tcp_time_wait_enter(VsTcp *tcp)
{
    VsSockets *sockets = tcp->sockets;
    VsFlow reverse = vs_flow_reverse(&tcp->flow);
    VsTcpTimeWait *wait = vs_pool_alloc(&sockets->time_waits);

    *wait = (VsTcpTimeWait){.entry.is_time_wait = true,
                            .flow = tcp->flow,
                            .snd_nxt = (uint32_t)tcp->snd_nxt,
                            .rcv_nxt = (uint32_t)tcp->rcv_nxt,
                            .has_timestamps = tcp->has_timestamps,
                            .ts_recent = tcp->ts_recent,
                            .ts_recent_at = tcp->ts_recent_at};
    vs_tcp_retire(tcp, VS_TCP_TIME_WAIT);
    vs_table_insert(&sockets->connections, vs_flow_key(&reverse), wait);
    wait_begin(sockets, wait);
}

void
vs_tcp_time_wait_due(VsTimer *timer)
{
    VsSockets *sockets = VS_CONTAINER_OF(timer, VsSockets, time_wait_timer);

    while (sockets->first_time_wait && sockets->first_time_wait->due <= timer->due) {
        forget(sockets, sockets->first_time_wait);
    }
    if (sockets->first_time_wait) {
        vs_timer_arm(timer, sockets->first_time_wait->due);
    }
}

/* tcp_twsk_unique(): the peer tells the new segments from old ones by their timestamps, once
 * those, in whole seconds, have gone on. */
bool
vs_tcp_time_wait_reuse(VsSockets *sockets, VsTcpTimeWait *wait)
{
    if (!sockets->config.is_reusing_time_wait || !wait->has_timestamps ||
        vs_now(sockets->run) / VS_S <= wait->ts_recent_at / VS_S) {
        return false;
    }
    sockets->stats.n_time_wait_reused++;
    forget(sockets, wait);
    return true;
}

/* True when the SYN in 'packet' starts beyond the old connection. */
static bool
is_beyond(const VsTcpTimeWait *wait, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;

    if (wait->has_timestamps && (header->options & VS_TCP_OPTION_TIMESTAMPS) &&
        (int32_t)(packet->tcp_options.ts_value - wait->ts_recent) > 0) {
        return true;
    }
    return (int32_t)(header->seq - wait->rcv_nxt) > 0;
}

void
vs_tcp_time_wait_input(VsSockets *sockets, VsTcpTimeWait *wait, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;

    if ((header->flags & (VS_TCP_SYN | VS_TCP_ACK | VS_TCP_RST)) == VS_TCP_SYN &&
        is_beyond(wait, packet)) {
        forget(sockets, wait);
        vs_tcp_listen_input(sockets, packet);
        return;
    }
    vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
    if (header->flags & VS_TCP_RST) {
        forget(sockets, wait); /* net.ipv4.tcp_rfc1337 is 0. */
        vs_packet_deliver(packet);
    } else if (packet->payload_bytes > 0 ||
               (header->flags & (VS_TCP_SYN | VS_TCP_FIN))) {
        vs_tcp_send_time_wait_ack(sockets, wait);
        wait_end(sockets, wait);
        wait_begin(sockets, wait);
        vs_packet_drop(packet, VS_DROP_DUPLICATE);
    } else {
        vs_packet_deliver(packet);
    }
}
