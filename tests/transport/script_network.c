/* The endpoint of a script, its owner, and the far side.
 *
 *     near 10.0.0.1 ==[veth]== far 10.0.0.2
 *
 * The endpoint lives in 'near'.  'far' has no sockets: what is delivered there is written
 * down, and what the script says the endpoint gets is sent from there. */
#include <glib.h>
#include <string.h>

#include "net/icmp.h"
#include "net/ip.h"
#include "script_play.h"

#define NEAR 0x0a000001
#define FAR 0x0a000002

enum {
    SERVER_PORT = 80,
    FAR_PORT = 40000,       /* Of connection 0, when the far side opens. */
    FAR_START = 0xffff0000, /* The far side's SYN: positions wrap soon. */
};

/* The owner. ------------------------------------------------------------------------ */

static void G_GNUC_PRINTF(2, 3) hear(VsTcp *tcp, const char *format, ...)
{
    Connection *connection = vs_tcp_user(tcp);
    Heard heard = {.time = vs_now(&connection->play->run),
                   .connection = connection->number};
    va_list args;

    va_start(args, format);
    g_vsnprintf(heard.text, sizeof(heard.text), format, args);
    va_end(args);
    g_array_append_val(connection->play->heard, heard);
}

static void
owner_connected(VsTcp *tcp)
{
    hear(tcp, "connected");
}

static void
owner_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)payload;
    hear(tcp, "message %u", (unsigned)bytes);
}

static void
owner_finished(VsTcp *tcp)
{
    hear(tcp, "finished");
}

static void
owner_broken(VsTcp *tcp, VsTcpEnd end)
{
    static const char *const names[] = {
        [VS_TCP_END_REFUSED] = "refused",     [VS_TCP_END_UNREACHABLE] = "unreachable",
        [VS_TCP_END_TIMED_OUT] = "timed-out", [VS_TCP_END_RESET] = "reset",
        [VS_TCP_END_NO_PORT] = "no-port",
    };
    Connection *connection = vs_tcp_user(tcp);

    hear(tcp, "broken %s", names[end]);
    connection->tcp = NULL;
}

static void
owner_closed(VsTcp *tcp)
{
    Connection *connection = vs_tcp_user(tcp);

    hear(tcp, "closed");
    connection->tcp = NULL;
}

static const VsTcpOps owner_ops = {owner_connected, owner_message, owner_finished,
                                   owner_broken,    owner_closed,  NULL};

static const VsTcpOps *
owner_accept(VsTcpListener *listener, VsTcp *tcp)
{
    Play *play = listener->user;
    unsigned number = vs_tcp_flow(tcp)->dport - FAR_PORT;

    play->connections[number].tcp = tcp;
    vs_tcp_set_user(tcp, &play->connections[number]);
    return &owner_ops;
}

static const VsTcpListenerOps listener_ops = {owner_accept};

/* The network. ---------------------------------------------------------------------- */

static void
far_receive(VsHop *hop, VsPacket *packet)
{
    Play *play = VS_CONTAINER_OF(hop, Play, tap);
    Sent sent = {vs_now(&play->run), *vs_packet_top(packet), packet->tcp_options,
                 packet->payload_bytes};

    g_array_append_val(play->sent, sent);
    vs_packet_deliver(packet);
}

void
play_open(Play *play)
{
    VsCosts costs = {0};
    VsHostConfig config = {.n_cores = 0, .backlog_max = UINT32_MAX, .costs = &costs};
    VsIface *near_iface;
    VsIface *far_iface;

    vs_run_init(&play->run, 1);
    vs_run_make_packets(&play->run);
    play->host = vs_host_new(&play->run, "near", &config);
    play->near = play->host->root;
    play->far = vs_netns_new(play->host, "far");
    vs_veth_new(play->near, "eth0", play->far, "eth0", &near_iface, &far_iface);
    near_iface->mtu = far_iface->mtu = play->mtu;
    vs_iface_set_address(near_iface, NEAR, 24);
    vs_iface_set_address(far_iface, FAR, 24);
    vs_neighbour_add(near_iface, FAR, far_iface->mac);
    vs_neighbour_add(far_iface, NEAR, near_iface->mac);
    play->tap.receive = far_receive;
    play->far->local = &play->tap;
    vs_sockets_set_tcp_config(vs_sockets_of(play->near), &play->config);
    play->sent = g_array_new(FALSE, TRUE, sizeof(Sent));
    play->heard = g_array_new(FALSE, TRUE, sizeof(Heard));
    for (unsigned i = 1; i <= N_CONNECTIONS; i++) {
        play->connections[i] = (Connection){.play = play,
                                            .number = i,
                                            .near_port = SERVER_PORT,
                                            .far_port = (uint16_t)(FAR_PORT + i)};
    }
}

void
play_close(Play *play)
{
    if (play->host) {
        vs_host_free(play->host);
        if (vs_packets_in_flight(&play->run) != 0) {
            play_fail(play, "packets were lost without a reason");
        }
        vs_run_free_packets(&play->run);
        vs_run_clear(&play->run);
        g_array_free(play->sent, TRUE);
        g_array_free(play->heard, TRUE);
    }
}

static uint32_t
far_start_of(const Connection *connection)
{
    return connection->is_far_known ? FAR_START : 0;
}

ScriptSegment
play_segment_of(const Connection *connection, const Sent *sent)
{
    const VsTcpHeader *tcp = &sent->layer.tcp;
    bool has_timestamps = tcp->options & VS_TCP_OPTION_TIMESTAMPS;
    ScriptSegment segment = {
        .flags = tcp->flags,
        .has_range = true,
        .has_ack = (tcp->flags & VS_TCP_ACK) != 0,
        .has_window = true,
        .has_options = true,
        .start = tcp->seq - connection->near_start,
        .bytes = sent->payload_bytes,
        .ack = tcp->ack - far_start_of(connection),
        .window = tcp->window,
        .mss = tcp->mss,
        .wscale = tcp->wscale,
        .has_timestamps = has_timestamps,
        .ts_value = has_timestamps ? sent->options.ts_value : 0,
        .ts_echo = has_timestamps ? sent->options.ts_echo : 0,
        .has_sack_permitted = tcp->options & VS_TCP_OPTION_SACK_PERMITTED,
        .n_sack = vs_tcp_n_sack_blocks(tcp),
    };

    for (unsigned i = 0; i < segment.n_sack; i++) {
        segment.sack[i].start = sent->options.sack[i].start - far_start_of(connection);
        segment.sack[i].end = sent->options.sack[i].end - far_start_of(connection);
    }
    return segment;
}

/* The next segment sent and not yet expected; its connection in 'ret_connection'. */
const Sent *
play_next_sent(Play *play, Connection **ret_connection)
{
    const Sent *sent;

    if (play->n_read == play->sent->len) {
        return NULL;
    }
    sent = &g_array_index(play->sent, Sent, play->n_read);
    *ret_connection = NULL;
    for (unsigned i = 1; i <= N_CONNECTIONS; i++) {
        Connection *connection = &play->connections[i];

        if (connection->near_port == sent->layer.flow.sport &&
            connection->far_port == sent->layer.flow.dport) {
            *ret_connection = connection;
        }
    }
    if (*ret_connection && (sent->layer.tcp.flags & VS_TCP_SYN) &&
        !(*ret_connection)->is_near_known) {
        (*ret_connection)->is_near_known = true;
        (*ret_connection)->near_start = sent->layer.tcp.seq;
    }
    return sent;
}

char *
play_print_sent(const Connection *connection, const Sent *sent)
{
    ScriptSegment segment = play_segment_of(connection, sent);
    g_autofree char *time = play_print_time(sent->time);
    g_autofree char *text = script_segment_print(&segment);

    return g_strdup_printf("%s [%u] > %s", time, connection->number, text);
}

/* Fails if something was sent up to now that nobody expected. */
void
play_check_quiet(Play *play)
{
    Connection *connection;
    const Sent *sent = play_next_sent(play, &connection);

    if (sent) {
        g_autofree char *text = connection ? play_print_sent(connection, sent) : NULL;

        play_fail(play, "expected nothing, got %s",
                  text ? text : "another connection's");
    }
}

void
play_inject(Play *play, Connection *connection, const ScriptSegment *segment)
{
    VsFlow flow = {.saddr = FAR,
                   .daddr = NEAR,
                   .sport = connection->far_port,
                   .dport = connection->near_port,
                   .protocol = VS_PROTOCOL_TCP,
                   .family = VS_FAMILY_IPV4};
    VsPacket *packet;

    if (segment->flags & VS_TCP_SYN) {
        connection->is_far_known = true;
        if (!connection->tcp && !(segment->flags & VS_TCP_ACK)) {
            connection->is_near_known = false; /* The answer starts anew. */
        }
    }
    packet = vs_ip_packet_new(play->far, &flow, VS_TCP_HEADER_BYTES + segment->bytes);
    vs_packet_top(packet)->tcp = (VsTcpHeader){
        .seq = segment->start + far_start_of(connection),
        .ack = segment->has_ack
                   ? segment->ack +
                         (connection->is_near_known ? connection->near_start : 0)
                   : 0,
        .flags = segment->flags,
        .window = segment->has_window ? segment->window : UINT16_MAX,
        .mss = segment->mss,
        .wscale = segment->wscale,
        .options =
            (uint8_t)((segment->has_timestamps ? VS_TCP_OPTION_TIMESTAMPS : 0) |
                      (segment->has_sack_permitted ? VS_TCP_OPTION_SACK_PERMITTED : 0) |
                      segment->n_sack << VS_TCP_OPTION_SACK_SHIFT),
    };
    packet->tcp_options =
        (VsTcpOptions){.ts_value = segment->ts_value, .ts_echo = segment->ts_echo};
    for (unsigned i = 0; i < segment->n_sack; i++) {
        packet->tcp_options.sack[i].start =
            segment->sack[i].start + connection->near_start;
        packet->tcp_options.sack[i].end = segment->sack[i].end + connection->near_start;
    }
    packet->payload_bytes = segment->bytes;
    packet->message_bytes = segment->bytes;
    if (segment->message_end != segment->message_start) {
        packet->message_offset = segment->start - segment->message_start;
        packet->message_bytes = segment->message_end - segment->message_start;
    }
    vs_ip_send(play->far, packet);
}

bool
play_inject_icmp(Play *play, const Connection *connection, uint8_t code,
                 uint16_t next_mtu, uint32_t start)
{
    uint32_t seq = start + connection->near_start;

    for (unsigned i = play->sent->len; i-- > 0;) {
        const Sent *sent = &g_array_index(play->sent, Sent, i);

        if (sent->layer.tcp.seq == seq &&
            sent->layer.flow.dport == connection->far_port) {
            VsPacket *packet = vs_packet_new(&play->run);

            packet->layers[0] = sent->layer;
            packet->tcp_options = sent->options;
            packet->payload_bytes = sent->payload_bytes;
            vs_icmp_send_error(play->far, packet, VS_ICMP_UNREACHABLE, code, next_mtu);
            vs_packet_deliver(packet);
            return true;
        }
    }
    return false;
}

void
play_connect(Play *play, Connection *connection)
{
    connection->is_near_known = false;
    connection->near_start = 0;
    connection->is_far_known = false;
    connection->far_port = SERVER_PORT;
    connection->tcp =
        vs_tcp_connect(play->near, 0, FAR, SERVER_PORT, NULL, &owner_ops, connection);
    connection->near_port = vs_tcp_flow(connection->tcp)->sport;
}

void
play_listen(Play *play, uint32_t backlog, bool is_accepting)
{
    vs_tcp_listen(&play->listener, play->near, VS_ADDR_ANY, SERVER_PORT, backlog,
                  &listener_ops, play);
    play->listener.is_accepting = is_accepting;
}
