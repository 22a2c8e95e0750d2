/* Plays a script: script.h has the language. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "script_play.h"

void
play_fail(Play *play, const char *format, ...)
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

char *
play_print_time(VsTime time)
{
    return g_strdup_printf("@%.9gs", (double)time / (double)VS_S);
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
        play_fail(play, "%s", error->message);
        return;
    }
    play->n_expectations++;
    while (!(sent = play_next_sent(play, &connection)) &&
           vs_now(&play->run) < play->at + tolerance) {
        play_until(play, play->at + tolerance);
    }
    if (!sent || !connection) {
        play_fail(play, "expected > %s, got %s", text, sent ? "another's" : "nothing");
        return;
    }
    got = play_segment_of(connection, sent);
    difference = connection != expected_of ? "connection"
                 : ABS(sent->time - play->at) > tolerance
                     ? "time"
                     : script_segment_differs(&expected, &got);
    if (difference) {
        g_autofree char *time = play_print_time(play->at);
        g_autofree char *got_text = play_print_sent(connection, sent);

        play_fail(play, "expected %s [%u] > %s, got %s: %s", time, expected_of->number,
                  text, got_text, difference);
        return;
    }
    play->n_read++;
}

static void
inject_segment(Play *play, Connection *connection, const char *text)
{
    g_autoptr(GError) error = NULL;
    ScriptSegment segment;

    if (script_segment_parse(text, &segment, &error)) {
        play_inject(play, connection, &segment);
    } else {
        play_fail(play, "%s", error->message);
    }
}

static void
inject_icmp(Play *play, Connection *connection, char **words)
{
    static const char *const codes[] = {[VS_ICMP_CODE_NET] = "net",
                                        [VS_ICMP_CODE_HOST] = "host",
                                        [VS_ICMP_CODE_PORT] = "port"};
    bool is_too_big = words[0] && strcmp(words[0], "too-big") == 0;
    uint8_t code = VS_ICMP_CODE_TOO_BIG;

    if (g_strv_length(words) != 3 ||
        !(is_too_big || strcmp(words[0], "unreachable") == 0)) {
        play_fail(play, "icmp too-big MTU SEQ or icmp unreachable CODE SEQ");
        return;
    }
    for (unsigned i = 0; !is_too_big && i < G_N_ELEMENTS(codes); i++) {
        if (codes[i] && strcmp(codes[i], words[1]) == 0) {
            code = (uint8_t)i;
        }
    }
    if (!is_too_big && code == VS_ICMP_CODE_TOO_BIG) {
        play_fail(play, "\"%s\" is not a code: net, host or port", words[1]);
        return;
    }
    if (!play_inject_icmp(play, connection, code,
                          is_too_big ? (uint16_t)atoi(words[1]) : 0,
                          (uint32_t)atoi(words[2]))) {
        play_fail(play, "no segment sent begins at %s", words[2]);
    }
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
                g_autofree char *time = play_print_time(heard->time);

                play_fail(play, "expected hears %s, got it %s", text, time);
            }
            heard->is_read = true;
            return;
        }
    }
    play_fail(play, "expected hears %s, got nothing of that", text);
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
        play_fail(play, "expected state %s, got %s", text, got);
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
        {"recoveries", stats->n_recoveries},
        {"loss-probes", stats->n_loss_probes},
        {"dsacks", stats->n_dsacks},
        {"undone", stats->n_undone},
        {"without-port", stats->n_without_port},
        {"time-wait-reused", stats->n_time_wait_reused},
        {"old-timestamps", stats->n_old_timestamps},
        {"listen-overflows", play->listener.n_overflows},
        {"listen-drops", play->listener.n_drops},
        {"cookies-sent", play->listener.n_cookies},
        {"cookies-received", play->listener.n_cookies_received},
    };

    play->n_expectations++;
    for (unsigned i = 0; words[0] && words[1] && i < G_N_ELEMENTS(counters); i++) {
        if (strcmp(counters[i].name, words[0]) == 0) {
            if (counters[i].value != g_ascii_strtoull(words[1], NULL, 10)) {
                play_fail(play, "expected counter %s %s, got %" G_GUINT64_FORMAT,
                          words[0], words[1], counters[i].value);
            }
            return;
        }
    }
    play_fail(play, "counter NAME N, with a NAME that there is");
}

static void
call_listen(Play *play, char **words)
{
    bool is_manual = words[0] && words[1] && strcmp(words[1], "manual") == 0;

    if (!words[0] || atoi(words[0]) <= 0 || (words[1] && !is_manual)) {
        play_fail(play, "listen BACKLOG [manual]");
        return;
    }
    play_listen(play, (uint32_t)atoi(words[0]), !is_manual);
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
        play_fail(play, "%s: the owner has no connection", words[0]);
    } else if (is_send && (!words[1] || atoi(words[1]) <= 0)) {
        play_fail(play, "send BYTES");
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
        play_connect(play, connection);
    } else if (strcmp(words[0], "listen") == 0) {
        call_listen(play, words + 1);
    } else if (strcmp(words[0], "accept") == 0) {
        if (!vs_tcp_accept_waiting(&play->listener)) {
            play_fail(play, "accept: no connection waits");
        }
    } else if (!call_on_connection(play, connection, words)) {
        play_fail(play, "\"%s\" is not a word of scripts", words[0]);
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
            play_fail(play, "%s", error->message);
            return false;
        }
    }
    if ((text[0] != '+' && text[0] != '@') ||
        !(strcmp(text + 1, "0") == 0 || vs_parse_time(text + 1, &time, &error))) {
        play_fail(play, "\"%s\" is not a time, such as +10ms, @3s, +1s~20ms", word);
        return false;
    }
    *at = text[0] == '+' ? play->at + time : time;
    if (*at < play->at) {
        play_fail(play, "%s is before the line before", word);
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
        play_check_quiet(play);
    }
    if (tolerance != 0 && !is_expectation) {
        play_fail(play, "only what is expected has a tolerance");
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
            play_fail(play, "set NAME VALUE, before anything else");
        } else if (!script_setting_parse(words[1], words[2], &play->config, &play->mtu,
                                         &error)) {
            play_fail(play, "%s", error->message);
        }
        return;
    }
    if (!play->host) {
        play_open(play);
    }
    if (!parse_when(play, *words++, &at, &tolerance)) {
        return;
    }
    if (*words && sscanf(*words, "[%u]", &number) == 1) {
        words++;
    }
    if (!*words || number < 1 || number > N_CONNECTIONS) {
        play_fail(play, "TIME [CONNECTION] WHAT; connections are 1 to %d",
                  N_CONNECTIONS);
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
        play_fail(&play,
                  "the first line is not a comment that says what the script shows");
    }
    for (unsigned i = 0; lines[i] && !play.failure; i++) {
        g_autoptr(GPtrArray) words = split(lines[i]);

        play.line = i + 1;
        if (words->len > 1) {
            play_line(&play, (char **)words->pdata);
        }
    }
    if (!play.failure && play.n_expectations == 0) {
        play_fail(&play, "the script expects nothing");
    }
    if (!play.failure) {
        play_check_quiet(&play);
    }
    play_close(&play);
    return play.failure;
}
