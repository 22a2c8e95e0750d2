/* Plays a script: script.h has the language.
 *
 *     near 10.0.0.1 ==[veth]== far 10.0.0.2
 *
 * The endpoint lives in 'near'.  'far' has no sockets: what is delivered there is written
 * down, and what the script says the endpoint gets is sent from there. */
#include "script.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "transport/tcp_internal.h"

#define NEAR 0x0a000001
#define FAR 0x0a000002

enum {
    N_CONNECTIONS = 9,
    SERVER_PORT = 80,
    FAR_PORT = 40000,       /* Of connection 0, when the far side opens. */
    FAR_START = 0xffff0000, /* The far side's SYN: positions wrap soon. */
};

typedef struct Play Play;

typedef struct Connection {
    Play *play;
    unsigned number;
    VsTcp *tcp; /* NULL: the owner has none. */
    uint16_t near_port;
    uint16_t far_port;
    bool is_near_known;  /* 'near_start' is that of its latest connection. */
    uint32_t near_start; /* The near side's SYN; 0: it has sent none yet. */
    bool is_far_known;   /* The far side has sent its SYN. */
} Connection;

typedef struct Sent {
    VsTime time;
    VsLayer layer;
    VsTcpOptions options;
    uint32_t payload_bytes;
} Sent;

typedef struct Heard {
    VsTime time;
    unsigned connection;
    char text[32];
    bool is_read;
} Heard;

struct Play {
    const char *name;
    unsigned line;
    char *failure; /* NULL so far. */
    unsigned n_expectations;
    VsTcpConfig config;
    uint32_t mtu;

    VsRun run;
    VsHost *host; /* NULL until the settings are known. */
    VsNetns *near;
    VsNetns *far;
    VsHop tap;
    VsTcpListener listener;
    Connection connections[N_CONNECTIONS + 1];
    VsTime at;       /* Of the line before. */
    GArray *sent;    /* Of Sent. */
    unsigned n_read; /* Of 'sent'. */
    GArray *heard;   /* Of Heard. */
};

static void G_GNUC_PRINTF(2, 3) fail(Play *play, const char *format, ...)
{
    va_list args;

    if (!play->failure) {
        g_autofree char *text = NULL;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        play->failure = g_strdup_printf("%s:%u: %s", play->name, play->line, text);
    }
}

static char *
print_time(VsTime time)
{
    return g_strdup_printf("@%.9gs", (double)time / (double)VS_S);
}

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
                                   owner_broken, owner_closed};

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

static void
make_network(Play *play)
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

static void
free_network(Play *play)
{
    if (play->host) {
        vs_host_free(play->host);
        if (vs_packets_in_flight(&play->run) != 0) {
            fail(play, "packets were lost without a reason");
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

static ScriptSegment
segment_of(const Connection *connection, const Sent *sent)
{
    const VsTcpHeader *tcp = &sent->layer.tcp;
    bool has_timestamps = tcp->options & VS_TCP_OPTION_TIMESTAMPS;

    return (ScriptSegment){
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
    };
}

/* The next segment sent and not yet expected; its connection in 'ret_connection'. */
static const Sent *
next_sent(Play *play, Connection **ret_connection)
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

static char *
print_sent(const Connection *connection, const Sent *sent)
{
    ScriptSegment segment = segment_of(connection, sent);
    g_autofree char *time = print_time(sent->time);
    g_autofree char *text = script_segment_print(&segment);

    return g_strdup_printf("%s [%u] > %s", time, connection->number, text);
}

/* Fails if something was sent up to now that nobody expected. */
static void
check_quiet(Play *play)
{
    Connection *connection;
    const Sent *sent = next_sent(play, &connection);

    if (sent) {
        g_autofree char *text = connection ? print_sent(connection, sent) : NULL;

        fail(play, "expected nothing, got %s", text ? text : "another connection's");
    }
}

/* What lines do. -------------------------------------------------------------------- */

static void
play_until(Play *play, VsTime until)
{
    if (until >= vs_now(&play->run)) {
        vs_run_advance(&play->run, until, UINT64_MAX);
    }
}

static void
expect_segment(Play *play, Connection *expected_of, const char *text, VsTime tolerance)
{
    g_autoptr(GError) error = NULL;
    ScriptSegment expected;
    ScriptSegment got;
    Connection *connection;
    const Sent *sent;
    const char *difference;

    if (!script_segment_parse(text, &expected, &error)) {
        fail(play, "%s", error->message);
        return;
    }
    play->n_expectations++;
    while (!(sent = next_sent(play, &connection)) &&
           vs_now(&play->run) < play->at + tolerance) {
        play_until(play, play->at + tolerance);
    }
    if (!sent || !connection) {
        fail(play, "expected > %s, got %s", text, sent ? "another's" : "nothing");
        return;
    }
    got = segment_of(connection, sent);
    difference = connection != expected_of ? "connection"
                 : ABS(sent->time - play->at) > tolerance
                     ? "time"
                     : script_segment_differs(&expected, &got);
    if (difference) {
        g_autofree char *time = print_time(play->at);
        g_autofree char *got_text = print_sent(connection, sent);

        fail(play, "expected %s [%u] > %s, got %s: %s", time, expected_of->number, text,
             got_text, difference);
        return;
    }
    play->n_read++;
}

static void
inject_segment(Play *play, Connection *connection, const char *text)
{
    g_autoptr(GError) error = NULL;
    ScriptSegment segment;
    VsFlow flow = {.saddr = FAR,
                   .daddr = NEAR,
                   .sport = connection->far_port,
                   .dport = connection->near_port,
                   .protocol = VS_PROTOCOL_TCP,
                   .family = VS_FAMILY_IPV4};
    VsPacket *packet;

    if (!script_segment_parse(text, &segment, &error)) {
        fail(play, "%s", error->message);
        return;
    }
    if (segment.flags & VS_TCP_SYN) {
        connection->is_far_known = true;
        if (!connection->tcp && !(segment.flags & VS_TCP_ACK)) {
            connection->is_near_known = false; /* The answer starts anew. */
        }
    }
    packet = vs_ip_packet_new(play->far, &flow, VS_TCP_HEADER_BYTES + segment.bytes);
    vs_packet_top(packet)->tcp = (VsTcpHeader){
        .seq = segment.start + far_start_of(connection),
        .ack =
            segment.has_ack
                ? segment.ack + (connection->is_near_known ? connection->near_start : 0)
                : 0,
        .flags = segment.flags,
        .window = segment.has_window ? segment.window : UINT16_MAX,
        .mss = segment.mss,
        .wscale = segment.wscale,
        .options = segment.has_timestamps ? VS_TCP_OPTION_TIMESTAMPS : 0,
    };
    packet->tcp_options =
        (VsTcpOptions){.ts_value = segment.ts_value, .ts_echo = segment.ts_echo};
    packet->payload_bytes = segment.bytes;
    packet->message_bytes = segment.bytes;
    if (segment.message_end != segment.message_start) {
        packet->message_offset = segment.start - segment.message_start;
        packet->message_bytes = segment.message_end - segment.message_start;
    }
    vs_ip_send(play->far, packet);
}

static void
inject_icmp(Play *play, Connection *connection, char **words)
{
    static const char *const codes[] = {[VS_ICMP_CODE_NET] = "net",
                                        [VS_ICMP_CODE_HOST] = "host",
                                        [VS_ICMP_CODE_PORT] = "port"};
    bool is_too_big = words[0] && strcmp(words[0], "too-big") == 0;
    uint8_t code = VS_ICMP_CODE_TOO_BIG;
    uint32_t start;

    if (g_strv_length(words) != 3 ||
        !(is_too_big || strcmp(words[0], "unreachable") == 0)) {
        fail(play, "icmp too-big MTU SEQ or icmp unreachable CODE SEQ");
        return;
    }
    for (unsigned i = 0; !is_too_big && i < G_N_ELEMENTS(codes); i++) {
        if (codes[i] && strcmp(codes[i], words[1]) == 0) {
            code = (uint8_t)i;
        }
    }
    if (!is_too_big && code == VS_ICMP_CODE_TOO_BIG) {
        fail(play, "\"%s\" is not a code: net, host or port", words[1]);
        return;
    }
    start = (uint32_t)atoi(words[2]) + connection->near_start;
    for (unsigned i = play->sent->len; i-- > 0;) {
        const Sent *sent = &g_array_index(play->sent, Sent, i);

        if (sent->layer.tcp.seq == start &&
            sent->layer.flow.dport == connection->far_port) {
            VsPacket *packet = vs_packet_new(&play->run);

            packet->layers[0] = sent->layer;
            packet->payload_bytes = sent->payload_bytes;
            vs_icmp_send_error(play->far, packet, VS_ICMP_UNREACHABLE, code,
                               is_too_big ? (uint16_t)atoi(words[1]) : 0);
            vs_packet_deliver(packet);
            return;
        }
    }
    fail(play, "no segment sent begins at %s", words[2]);
}

static void
expect_heard(Play *play, const Connection *connection, const char *text,
             VsTime tolerance)
{
    play->n_expectations++;
    play_until(play, play->at + tolerance);
    for (unsigned i = 0; i < play->heard->len; i++) {
        Heard *heard = &g_array_index(play->heard, Heard, i);

        if (!heard->is_read && heard->connection == connection->number &&
            strcmp(heard->text, text) == 0) {
            if (ABS(heard->time - play->at) > tolerance) {
                g_autofree char *time = print_time(heard->time);

                fail(play, "expected hears %s, got it %s", text, time);
            }
            heard->is_read = true;
            return;
        }
    }
    fail(play, "expected hears %s, got nothing of that", text);
}

static void
expect_state(Play *play, const Connection *connection, const char *text)
{
    static const char *const names[] = {
        [VS_TCP_CLOSED] = "CLOSED",         [VS_TCP_SYN_SENT] = "SYN_SENT",
        [VS_TCP_SYN_RECEIVED] = "SYN_RCVD", [VS_TCP_ESTABLISHED] = "ESTABLISHED",
        [VS_TCP_FIN_WAIT_1] = "FIN_WAIT_1", [VS_TCP_FIN_WAIT_2] = "FIN_WAIT_2",
        [VS_TCP_CLOSE_WAIT] = "CLOSE_WAIT", [VS_TCP_CLOSING] = "CLOSING",
        [VS_TCP_LAST_ACK] = "LAST_ACK",     [VS_TCP_TIME_WAIT] = "TIME_WAIT",
    };
    const char *got = connection->tcp ? names[vs_tcp_state(connection->tcp)] : "gone";

    play->n_expectations++;
    if (strcmp(got, text) != 0) {
        fail(play, "expected state %s, got %s", text, got);
    }
}

static void
expect_counter(Play *play, char **words)
{
    const VsTcpStats *stats = vs_tcp_stats(play->near);
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"opened", stats->n_opened},
        {"accepted", stats->n_accepted},
        {"failed", stats->n_failed},
        {"resets-sent", stats->n_resets_sent},
        {"segments-sent", stats->n_segments_sent},
        {"retransmitted", stats->n_retransmitted},
        {"timeouts", stats->n_timeouts},
        {"without-port", stats->n_without_port},
        {"time-wait-reused", stats->n_time_wait_reused},
        {"old-timestamps", stats->n_old_timestamps},
        {"listen-overflows", play->listener.n_overflows},
        {"listen-drops", play->listener.n_drops},
    };

    play->n_expectations++;
    for (unsigned i = 0; words[0] && words[1] && i < G_N_ELEMENTS(counters); i++) {
        if (strcmp(counters[i].name, words[0]) == 0) {
            if (counters[i].value != g_ascii_strtoull(words[1], NULL, 10)) {
                fail(play, "expected counter %s %s, got %" G_GUINT64_FORMAT, words[0],
                     words[1], counters[i].value);
            }
            return;
        }
    }
    fail(play, "counter NAME N, with a NAME that there is");
}

static void
call_connect(Play *play, Connection *connection)
{
    connection->is_near_known = false;
    connection->near_start = 0;
    connection->is_far_known = false;
    connection->far_port = SERVER_PORT;
    connection->tcp =
        vs_tcp_connect(play->near, 0, FAR, SERVER_PORT, NULL, &owner_ops, connection);
    connection->near_port = vs_tcp_flow(connection->tcp)->sport;
}

static void
call_listen(Play *play, char **words)
{
    if (!words[0] || atoi(words[0]) <= 0) {
        fail(play, "listen BACKLOG [manual]");
        return;
    }
    vs_tcp_listen(&play->listener, play->near, VS_ADDR_ANY, SERVER_PORT,
                  (uint32_t)atoi(words[0]), &listener_ops, play);
    play->listener.is_accepting = !(words[1] && strcmp(words[1], "manual") == 0);
}

/* Calls about a connection that the owner has. */
static bool
call_on_connection(Play *play, Connection *connection, char **words)
{
    static const VsPayload payload = {.kind = VS_PAYLOAD_NONE};
    bool is_send = strcmp(words[0], "send") == 0;
    bool is_close = strcmp(words[0], "close") == 0;

    if (!is_send && !is_close && strcmp(words[0], "abort") != 0) {
        return false;
    }
    if (!connection->tcp) {
        fail(play, "%s: the owner has no connection", words[0]);
    } else if (is_send && (!words[1] || atoi(words[1]) <= 0)) {
        fail(play, "send BYTES");
    } else if (is_send) {
        vs_tcp_send(connection->tcp, &payload, (uint64_t)atoi(words[1]));
    } else if (is_close) {
        vs_tcp_close(connection->tcp);
    } else {
        vs_tcp_abort(connection->tcp);
        connection->tcp = NULL;
    }
    return true;
}

static void
call(Play *play, Connection *connection, char **words)
{
    if (strcmp(words[0], "connect") == 0) {
        call_connect(play, connection);
    } else if (strcmp(words[0], "listen") == 0) {
        call_listen(play, words + 1);
    } else if (strcmp(words[0], "accept") == 0) {
        if (!vs_tcp_accept_waiting(&play->listener)) {
            fail(play, "accept: no connection waits");
        }
    } else if (!call_on_connection(play, connection, words)) {
        fail(play, "\"%s\" is not a word of scripts", words[0]);
    }
}

/* Lines. ---------------------------------------------------------------------------- */

/* "+10ms", "@3s", "+1s~20ms". */
static bool
parse_when(Play *play, const char *word, VsTime *at, VsTime *tolerance)
{
    g_autofree char *text = g_strdup(word);
    g_autoptr(GError) error = NULL;
    char *tilde = strchr(text, '~');
    VsTime time = 0;

    *tolerance = 0;
    if (tilde) {
        *tilde = '\0';
        if (!vs_parse_time(tilde + 1, tolerance, &error)) {
            fail(play, "%s", error->message);
            return false;
        }
    }
    if ((text[0] != '+' && text[0] != '@') ||
        !(strcmp(text + 1, "0") == 0 || vs_parse_time(text + 1, &time, &error))) {
        fail(play, "\"%s\" is not a time, such as +10ms, @3s, +1s~20ms", word);
        return false;
    }
    *at = text[0] == '+' ? play->at + time : time;
    if (*at < play->at) {
        fail(play, "%s is before the line before", word);
        return false;
    }
    return true;
}

static void
play_words(Play *play, Connection *connection, char **words, VsTime tolerance)
{
    g_autofree char *rest = g_strjoinv(" ", words + 1);
    bool is_expectation = strcmp(words[0], ">") == 0 || strcmp(words[0], "hears") == 0;

    play_until(play, play->at);
    if (!is_expectation) {
        check_quiet(play);
    }
    if (tolerance != 0 && !is_expectation) {
        fail(play, "only what is expected has a tolerance");
    } else if (strcmp(words[0], ">") == 0) {
        expect_segment(play, connection, rest, tolerance);
    } else if (strcmp(words[0], "<") == 0 && words[1] &&
               strcmp(words[1], "icmp") == 0) {
        inject_icmp(play, connection, words + 2);
    } else if (strcmp(words[0], "<") == 0) {
        inject_segment(play, connection, rest);
    } else if (strcmp(words[0], "hears") == 0) {
        expect_heard(play, connection, rest, tolerance);
    } else if (strcmp(words[0], "state") == 0) {
        expect_state(play, connection, rest);
    } else if (strcmp(words[0], "counter") == 0) {
        expect_counter(play, words + 1);
    } else if (strcmp(words[0], "quiet") == 0) {
        play->n_expectations++;
    } else {
        call(play, connection, words);
    }
    play_until(play, vs_now(&play->run)); /* What comes of it at the same instant. */
}

static void
play_line(Play *play, char **words)
{
    unsigned number = 1;
    VsTime tolerance;
    VsTime at;

    if (strcmp(words[0], "set") == 0) {
        g_autoptr(GError) error = NULL;

        if (play->host || g_strv_length(words) != 3) {
            fail(play, "set NAME VALUE, before anything else");
        } else if (!script_setting_parse(words[1], words[2], &play->config, &play->mtu,
                                         &error)) {
            fail(play, "%s", error->message);
        }
        return;
    }
    if (!play->host) {
        make_network(play);
    }
    if (!parse_when(play, *words++, &at, &tolerance)) {
        return;
    }
    if (*words && sscanf(*words, "[%u]", &number) == 1) {
        words++;
    }
    if (!*words || number < 1 || number > N_CONNECTIONS) {
        fail(play, "TIME [CONNECTION] WHAT; connections are 1 to %d", N_CONNECTIONS);
        return;
    }
    play->at = at;
    play_words(play, &play->connections[number], words, tolerance);
}

/* The words of a line without its comment; to be freed with its array. */
static GPtrArray *
split(char *line)
{
    GPtrArray *words = g_ptr_array_new();
    char *comment = strchr(line, '#');

    if (comment) {
        *comment = '\0';
    }
    for (char *at = strtok(line, " \t"); at; at = strtok(NULL, " \t")) {
        g_ptr_array_add(words, at);
    }
    g_ptr_array_add(words, NULL);
    return words;
}

char *
script_play(const char *name, const char *text)
{
    Play play = {.name = name, .line = 1, .config = VS_TCP_CONFIG_DEFAULT, .mtu = 1500};
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    if (!g_str_has_prefix(text, "# ")) {
        fail(&play, "the first line is not a comment that says what the script shows");
    }
    for (unsigned i = 0; lines[i] && !play.failure; i++) {
        g_autoptr(GPtrArray) words = split(lines[i]);

        play.line = i + 1;
        if (words->len > 1) {
            play_line(&play, (char **)words->pdata);
        }
    }
    if (!play.failure && play.n_expectations == 0) {
        fail(&play, "the script expects nothing");
    }
    if (!play.failure) {
        check_quiet(&play);
    }
    free_network(&play);
    return play.failure;
}
