/* The inside of the player of scripts:
 *
 *     script.c           the lines of a script, and what each does
 *     script_network.c   the endpoint, its owner, and the far side
 *     script_segment.c   segments: reading, writing, comparing
 *     script_settings.c  what "set" lines set */
#pragma once

#include "script.h"
#include "transport/tcp_internal.h"

enum { N_CONNECTIONS = 9 };

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

/* The script has failed, here; the first failure counts. */
void play_fail(Play *play, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* "@1.5s"; to be freed. */
char *play_print_time(VsTime time);

/* script_network.c */

/* Makes the endpoint and the far side, by the settings. */
void play_open(Play *play);
void play_close(Play *play);

/* What the owner does. */
void play_connect(Play *play, Connection *connection);
void play_listen(Play *play, uint32_t backlog, bool is_accepting);

/* The endpoint gets 'segment' on 'connection'. */
void play_inject(Play *play, Connection *connection, const ScriptSegment *segment);

/* It gets an ICMP "destination unreachable" about the latest segment sent that began at
 * 'start'; false: there is none. */
bool play_inject_icmp(Play *play, const Connection *connection, uint8_t code,
                      uint16_t next_mtu, uint32_t start);

/* The next segment sent and not yet expected, or NULL; its connection, or NULL, in
 * 'ret_connection'. */
const Sent *play_next_sent(Play *play, Connection **ret_connection);

ScriptSegment play_segment_of(const Connection *connection, const Sent *sent);
char *play_print_sent(const Connection *connection, const Sent *sent);

/* Fails if something was sent up to now that nobody expected. */
void play_check_quiet(Play *play);
