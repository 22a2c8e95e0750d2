#include "transport/quic.h"

#include <glib.h>

#include "net/host.h"
#include "packet/packet.h"
#include "transport/quic_internal.h"

#define TICKET_LIFETIME (7200 * VS_S)

enum {
    OBJECTS_A_SLAB = 16,
    SENTS_A_SLAB = 64,

    /* Lengths of TLS messages, without records: see tls.c. */
    CLIENT_HELLO_BYTES = 512,
    SERVER_HELLO_BYTES = 122,
    SERVER_FLIGHT_BYTES =
        201, /* EncryptedExtensions to Finished, without certificates. */
    RESUMED_FLIGHT_BYTES = 101,
    CLIENT_FINISHED_BYTES = 52,
    TICKETS_BYTES = 466,
};

static void recovery_acked(VsQuicRecovery *recovery, VsQuicSpace space,
                           const VsQuicSent *sent);
static void recovery_lost(VsQuicRecovery *recovery, VsQuicSpace space,
                          const VsQuicSent *sent);
static void socket_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code);
static void loss_due(VsTimer *timer);
static void ack_due(VsTimer *timer);
static void idle_due(VsTimer *timer);
static void pace_due(VsTimer *timer);

static const VsQuicRecoveryOps recovery_ops = {recovery_acked, recovery_lost};
static const VsUdpOps listener_ops = {.receive = vs_quic_server_receive};
static const VsUdpOps socket_ops = {.receive = vs_quic_client_receive,
                                    .refused = socket_refused};

/* ---- Endpoints ---- */

void
vs_quic_open(VsQuic *quic, VsNetns *netns, const VsQuicConfig *config,
             const VsQuicOps *ops, void *user)
{
    *quic = (VsQuic){.netns = netns, .config = *config, .ops = ops, .user = user};
    vs_pool_init(&quic->connections, sizeof(VsQuicConnection), OBJECTS_A_SLAB);
    vs_pool_init(&quic->streams, sizeof(VsQuicStream), OBJECTS_A_SLAB);
    vs_pool_init(&quic->sents, sizeof(VsQuicSent), SENTS_A_SLAB);
    vs_pool_init(&quic->deliveries, sizeof(VsDelivery), OBJECTS_A_SLAB);
    vs_pool_init(&quic->spans, sizeof(VsQuicSpan), SENTS_A_SLAB);
    vs_pool_init(&quic->tickets, sizeof(VsQuicTicket), OBJECTS_A_SLAB);
    vs_table_init(&quic->by_id);
    vs_table_init(&quic->by_number);
    vs_table_init(&quic->by_server);
}

bool
vs_quic_listen(VsQuic *quic, VsNetns *netns, VsAddr address, uint16_t port,
               const VsQuicConfig *config, const VsQuicOps *ops, void *user)
{
    vs_quic_open(quic, netns, config, ops, user);
    quic->is_server = true;
    return vs_udp_open(&quic->listener, netns, address, port, &listener_ops, quic);
}

static void
cancel_timers(VsQuicConnection *connection)
{
    vs_timer_cancel(&connection->loss);
    vs_timer_cancel(&connection->ack);
    vs_timer_cancel(&connection->idle);
    vs_timer_cancel(&connection->pace);
}

void
vs_quic_close(VsQuic *quic)
{
    size_t cursor = 0;
    VsKey key;
    void *connection;

    if (!quic->netns) {
        return;
    }
    while (vs_table_next(&quic->by_id, &cursor, &key, &connection)) {
        cancel_timers(connection);
    }
    vs_pool_clear(&quic->connections);
    vs_pool_clear(&quic->streams);
    vs_pool_clear(&quic->sents);
    vs_pool_clear(&quic->deliveries);
    vs_pool_clear(&quic->spans);
    vs_pool_clear(&quic->tickets);
    vs_table_clear(&quic->by_id);
    vs_table_clear(&quic->by_number);
    vs_table_clear(&quic->by_server);
    quic->netns = NULL;
}

/* ---- Tickets ---- */

static VsKey
server_key(const VsQuicConnection *connection)
{
    return (VsKey){{connection->remote, connection->remote_port}};
}

/* Those of the server at our address and port; never 0. */
static uint32_t
own_ticket(const VsQuicConnection *connection)
{
    return (uint32_t)vs_mix64((uint64_t)connection->local << 16 |
                              connection->udp->port) |
           1;
}

void
vs_quic_keep_ticket(VsQuicConnection *connection, uint32_t number,
                    const VsQuicLimits *limits)
{
    VsQuic *quic = connection->quic;
    VsQuicTicket *ticket = vs_table_find(&quic->by_server, server_key(connection));

    if (!ticket) {
        ticket = vs_pool_alloc(&quic->tickets);
        vs_table_insert(&quic->by_server, server_key(connection), ticket);
    }
    *ticket = (VsQuicTicket){.number = number,
                             .expires = vs_quic_now(connection) + TICKET_LIFETIME,
                             .limits = *limits};
}

static void
show_ticket(VsQuicConnection *connection)
{
    const VsQuic *quic = connection->quic;
    const VsQuicTicket *ticket =
        vs_table_find(&quic->by_server, server_key(connection));

    if (quic->config.tls.is_resuming && ticket &&
        ticket->expires > vs_quic_now(connection)) {
        connection->ticket = ticket->number;
        connection->is_early = quic->config.tls.is_early;
        if (connection->is_early) { /* RFC 9000 section 7.4.1. */
            vs_quic_flow_take_limits(connection, &ticket->limits);
        }
    }
}

/* ---- Connections ---- */

static VsQuicConnection *
connection_new(VsQuic *quic, VsAddr remote, uint16_t remote_port)
{
    VsQuicConnection *connection = vs_pool_alloc(&quic->connections);
    VsEntity *entity = &quic->netns->host->entity;

    *connection =
        (VsQuicConnection){.quic = quic, .remote = remote, .remote_port = remote_port};
    vs_quic_recovery_init(&connection->recovery, &recovery_ops, &quic->sents,
                          &quic->deliveries, VS_CONGESTION_CUBIC,
                          VS_QUIC_DATAGRAM_BYTES, VS_QUIC_ACK_DELAY);
    vs_quic_flow_init(connection);
    vs_timer_init(&connection->loss, entity, loss_due);
    vs_timer_init(&connection->ack, entity, ack_due);
    vs_timer_init(&connection->idle, entity, idle_due);
    vs_timer_init(&connection->pace, entity, pace_due);
    return connection;
}

static void
connection_begin(VsQuicConnection *connection, uint64_t id)
{
    VsQuic *quic = connection->quic;

    connection->id = id;
    connection->idle_since = vs_quic_now(connection);
    vs_timer_arm(&connection->idle, connection->idle_since + VS_QUIC_HANDSHAKE_TIMEOUT);
    vs_table_insert(&quic->by_id, (VsKey){{id, 0}}, connection);
    quic->n_connections++;
}

VsQuicConnection *
vs_quic_connect(VsQuic *quic, VsAddr address, uint16_t port, VsJourney *journey,
                void *user)
{
    VsAddr local = vs_netns_source_for(quic->netns, address);
    VsQuicConnection *connection = connection_new(quic, address, port);
    VsUdp *own = &connection->own;

    if (!vs_udp_open(own, quic->netns, VS_ADDR_ANY, 0, &socket_ops, connection)) {
        vs_pool_free(&quic->connections, connection);
        return NULL;
    }
    connection_begin(connection,
                     vs_mix64((uint64_t)local << 32 | (uint64_t)own->port << 16 |
                              (quic->n_connections & UINT16_MAX)));
    connection->udp = own;
    connection->user = user;
    connection->spaces[VS_QUIC_INITIAL].crypto_bytes = CLIENT_HELLO_BYTES;
    connection->spaces[VS_QUIC_HANDSHAKE].crypto_bytes = CLIENT_FINISHED_BYTES;
    show_ticket(connection);
    if (!connection->is_early) {
        vs_payload_set_journey(&connection->handshake, journey);
        vs_quic_flush(connection);
    }
    return connection;
}

bool
vs_quic_is_ready(const VsQuicConnection *connection)
{
    return connection->is_opened || connection->is_early;
}

VsQuicConnection *
vs_quic_accept(VsQuic *quic, uint64_t id, const VsFlow *flow)
{
    VsQuicConnection *connection = connection_new(quic, flow->saddr, flow->sport);

    connection_begin(connection, id);
    connection->udp = &quic->listener;
    connection->local = flow->daddr;
    connection->spaces[VS_QUIC_INITIAL].crypto_bytes = SERVER_HELLO_BYTES;
    connection->spaces[VS_QUIC_DATA].crypto_bytes = TICKETS_BYTES;
    connection->ticket = own_ticket(connection);
    return connection;
}

uint32_t
vs_quic_flight_bytes(const VsQuicConnection *connection)
{
    return connection->is_resumed
               ? RESUMED_FLIGHT_BYTES
               : SERVER_FLIGHT_BYTES + connection->quic->config.tls.certificate_bytes;
}

void
vs_quic_discard(VsQuicConnection *connection, VsQuicSpace space)
{
    VsQuicSpaceSide *side = &connection->spaces[space];
    VsPool *spans = &connection->quic->spans;

    if (side->is_discarded) {
        return;
    }
    side->is_discarded = true;
    side->is_ack_due = side->is_ping_due = false;
    vs_quic_spans_clear(&side->crypto_lost, spans);
    vs_quic_spans_clear(&side->crypto_acked, spans);
    vs_quic_spans_clear(&side->crypto_received, spans);
    vs_quic_recovery_discard(&connection->recovery, space);
}

/* Nothing is sent any more, and nothing waited for. */
static void
retire(VsQuicConnection *connection)
{
    while (connection->streams) {
        vs_quic_stream_free(connection->streams);
    }
    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        vs_quic_discard(connection, (VsQuicSpace)space);
    }
    vs_quic_recovery_clear(&connection->recovery);
    cancel_timers(connection);
}

static void
forget(VsQuicConnection *connection)
{
    VsQuic *quic = connection->quic;

    cancel_timers(connection);
    vs_table_remove(&quic->by_id, (VsKey){{connection->id, 0}});
    if (!quic->is_server) {
        vs_udp_close(&connection->own);
    }
    vs_pool_free(&quic->connections, connection);
}

void
vs_quic_end(VsQuicConnection *connection, VsTcpEnd end)
{
    connection->is_busy = true;
    if (!connection->is_closing && !connection->is_draining) {
        connection->quic->ops->ended(connection, end);
        retire(connection);
    }
    forget(connection);
}

/* It stays known for as long as packets may still come. */
static void
linger(VsQuicConnection *connection)
{
    VsTime pto = vs_quic_recovery_pto(&connection->recovery, VS_QUIC_DATA);

    connection->is_busy = true;
    retire(connection);
    vs_timer_arm(&connection->idle, vs_quic_now(connection) + 3 * pto);
}

void
vs_quic_shut(VsQuicConnection *connection)
{
    connection->quic->n_closed++;
    vs_quic_send_close(connection);
    connection->is_closing = true;
    linger(connection);
}

void
vs_quic_drain(VsQuicConnection *connection)
{
    connection->is_busy = true;
    if (!connection->is_closing) {
        connection->quic->ops->ended(connection, VS_TCP_END_RESET);
        linger(connection);
    }
    connection->is_closing = false;
    connection->is_draining = true;
}

/* An ICMP error counts while nothing has come from the server (RFC 9000 section 21.1.1 has
 * others taken with care). */
static void
socket_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code)
{
    VsQuicConnection *connection = udp->user;

    (void)sent;
    if (connection->received_bytes == 0 && icmp_code != VS_ICMP_CODE_TOO_BIG) {
        vs_quic_end(connection, icmp_code == VS_ICMP_CODE_PORT
                                    ? VS_TCP_END_REFUSED
                                    : VS_TCP_END_UNREACHABLE);
    }
}

/* ---- What recovery tells ---- */

static void
recovery_acked(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent)
{
    VsQuicConnection *connection =
        VS_CONTAINER_OF(recovery, VsQuicConnection, recovery);
    const VsQuicFrames *frames = &sent->frames;

    if (frames->kinds & VS_QUIC_CRYPTO) {
        vs_quic_spans_add(&connection->spaces[space].crypto_acked,
                          &connection->quic->spans,
                          (VsQuicRange){frames->crypto_offset,
                                        frames->crypto_offset + frames->crypto_bytes});
    }
    if (frames->kinds & VS_QUIC_STREAM) {
        vs_quic_stream_acked(connection, frames);
    }
    if (frames->kinds & VS_QUIC_RESET_STREAM) {
        VsQuicStream *stream = vs_quic_stream_find(connection, frames->reset_stream);
        const VsQuic *quic = connection->quic;

        if (stream && (quic->is_server || quic->config.limits.data == 0)) {
            vs_quic_stream_free(stream);
        }
    }
}

static void
recovery_lost(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent)
{
    VsQuicConnection *connection =
        VS_CONTAINER_OF(recovery, VsQuicConnection, recovery);

    connection->quic->n_lost++;
    vs_quic_send_again(connection, space, sent);
}

/* ---- Timers ---- */

/* A client probes until it knows that the server is not held by its limit (RFC 9002 section
 * 6.2.2.1); a server that is held does not. */
static VsTime
next_loss(const VsQuicConnection *connection)
{
    const VsQuicRecovery *recovery = &connection->recovery;
    VsTime next = vs_quic_recovery_next(recovery);
    bool is_server = connection->quic->is_server;

    if (is_server && !connection->is_validated &&
        connection->sent_bytes + VS_QUIC_DATAGRAM_BYTES >
            3 * connection->received_bytes) {
        return VS_TIME_NEVER;
    }
    if (next == VS_TIME_NEVER && !is_server && !connection->is_validated) {
        next =
            connection->last_sent + (vs_quic_recovery_pto(recovery, VS_QUIC_HANDSHAKE)
                                     << MIN(recovery->pto_count, 20u));
    }
    return next;
}

static void
set_timer(VsTimer *timer, VsTime due, VsTime now)
{
    if (due == VS_TIME_NEVER) {
        vs_timer_cancel(timer);
    } else {
        vs_timer_arm(timer, MAX(due, now));
    }
}

void
vs_quic_arm(VsQuicConnection *connection)
{
    const VsQuicSpaceSide *data = &connection->spaces[VS_QUIC_DATA];
    VsTime now = vs_quic_now(connection);

    set_timer(&connection->loss, next_loss(connection), now);
    if (data->n_unacked == 0) {
        vs_timer_cancel(&connection->ack);
    } else if (!vs_timer_is_armed(&connection->ack)) {
        vs_timer_arm(&connection->ack, now + VS_QUIC_ACK_DELAY);
    }
}

/* The first packet under way of each space from 'space' on goes again, in one datagram. */
static void
probe(VsQuicConnection *connection, VsQuicSpace first)
{
    connection->quic->n_probes++;
    connection->is_probing = true;
    for (unsigned space = first; space < VS_QUIC_N_SPACES; space++) {
        const VsQuicSent *sent = connection->recovery.spaces[space].first;

        if (sent) {
            vs_quic_send_again(connection, (VsQuicSpace)space, sent);
        }
    }
    connection->spaces[first].is_ping_due = true;
}

static void
loss_due(VsTimer *timer)
{
    VsQuicConnection *connection = VS_CONTAINER_OF(timer, VsQuicConnection, loss);
    VsQuicRecovery *recovery = &connection->recovery;
    VsQuicSpace space = connection->spaces[VS_QUIC_INITIAL].is_discarded
                            ? VS_QUIC_HANDSHAKE
                            : VS_QUIC_INITIAL;

    if (vs_quic_recovery_next(recovery) == VS_TIME_NEVER) {
        recovery->pto_count++;
        probe(connection, space);
    } else if (vs_quic_recovery_due(recovery, timer->due, &space)) {
        probe(connection, space);
    }
    vs_quic_flush(connection);
}

static void
ack_due(VsTimer *timer)
{
    VsQuicConnection *connection = VS_CONTAINER_OF(timer, VsQuicConnection, ack);

    connection->spaces[VS_QUIC_DATA].is_ack_due = true;
    vs_quic_flush(connection);
}

static void
pace_due(VsTimer *timer)
{
    vs_quic_flush(VS_CONTAINER_OF(timer, VsQuicConnection, pace));
}

/* Of both sides' times the shorter, but three times that of a probe (RFC 9000 section 10.1). */
VsTime
vs_quic_idle(const VsQuicConnection *connection)
{
    VsTime own = connection->quic->config.idle;
    VsTime peer = connection->flow.peer.idle;
    VsTime pto = vs_quic_recovery_pto(&connection->recovery, VS_QUIC_DATA);

    return MAX(peer > 0 ? MIN(own, peer) : own, 3 * pto);
}

static void
idle_due(VsTimer *timer)
{
    VsQuicConnection *connection = VS_CONTAINER_OF(timer, VsQuicConnection, idle);
    VsTime due =
        connection->idle_since + (connection->is_complete ? vs_quic_idle(connection)
                                                          : VS_QUIC_HANDSHAKE_TIMEOUT);
    bool is_over = connection->is_closing || connection->is_draining;

    if (!is_over && due > timer->due) {
        vs_timer_arm(timer, due);
    } else {
        vs_quic_end(connection, VS_TCP_END_TIMED_OUT);
    }
}
