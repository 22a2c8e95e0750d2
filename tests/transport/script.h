/* A language for tests of TCP, segment by segment: one endpoint, and a script that is its
 * peer, its owner and its judge.
 *
 * A script is a text of lines.  "#" begins a comment; the first line must be one and says
 * which rule the script shows.  Lines "set NAME VALUE" come first: settings of the endpoint's
 * TCP (script_settings.c has the names).  Then lines "TIME [CONNECTION] WHAT":
 *
 *     +10ms          10 ms after the line before; @3s: 3 s after the beginning
 *     +1s~20ms       before an expectation: 20 ms sooner or later will do
 *     [2]            which connection; [1] when it is left out
 *
 *     < SEGMENT      the endpoint gets it
 *     > SEGMENT      the endpoint sends it, at that time
 *     < icmp too-big MTU SEQ, < icmp unreachable net|host|port SEQ
 *                    an ICMP error about the latest segment sent that began at SEQ
 *     connect, listen BACKLOG [manual], accept, send BYTES, close, abort
 *                    what the owner does; "manual": accepts by "accept" alone
 *     hears connected|finished|closed|broken WHY|message BYTES
 *                    what the owner has heard, at that time
 *     state STATE    what the connection is in; "gone" when its owner has none
 *     counter NAME N what statistics say
 *     quiet          nothing was sent since the line before
 *
 * A SEGMENT: FLAGS [START:END(BYTES)] [ack N] [win N] [<OPTIONS>] [of START:END].  FLAGS are
 * of S F R P and "." (ACK).  Sequence numbers count from the SYN of each side, which is 0;
 * before there was one, they are the header's own.  What an expectation leaves out may be
 * anything, but for ack, which comes with "." alone.  OPTIONS are "mss N", "wscale N",
 * "ts VALUE ECHO", "sackOK", "sack START:END ...", separated by commas; "<>" is none.  The endpoint's clock of timestamps is 1
 * at the beginning and goes by milliseconds.  "of": the message that the bytes are part of, else they
 * are one.  The window is the header's field, 65535 when left out of what the endpoint gets.
 *
 * The network takes no time.  A segment sent and not expected fails the script, and so does
 * a script that expects nothing. */
#pragma once

#include "transport/socket.h"

/* Plays 'text'.  Returns NULL, or what is wrong: "NAME:LINE: ...", to be freed. */
char *script_play(const char *name, const char *text);

/* The inside. --------------------------------------------------------------------- */

typedef struct ScriptSegment {
    uint8_t flags;
    bool has_range;
    bool has_ack;
    bool has_window;
    bool has_options;
    uint32_t start; /* From the sender's SYN. */
    uint32_t bytes;
    uint32_t ack; /* From the receiver's SYN. */
    uint16_t window;
    uint16_t mss;   /* 0: absent. */
    uint8_t wscale; /* Plus one; 0: absent. */
    bool has_timestamps;
    uint32_t ts_value;
    uint32_t ts_echo;
    bool has_sack_permitted;
    uint32_t n_sack;
    VsSackBlock sack[VS_TCP_SACK_MAX_BLOCKS]; /* From the receiver's SYN. */
    uint32_t message_start;
    uint32_t message_end; /* 'message_start': the segment is a message. */
} ScriptSegment;

/* script_segment.c */

/* Reads a segment; false with 'error' set. */
bool script_segment_parse(const char *text, ScriptSegment *segment, GError **error);

/* Writes it as it is read. */
char *script_segment_print(const ScriptSegment *segment);

/* What is the first word by which 'got' is not as 'expected'; or NULL. */
const char *script_segment_differs(const ScriptSegment *expected,
                                   const ScriptSegment *got);

/* script_settings.c */

/* "set NAME VALUE". */
bool script_setting_parse(const char *name, const char *value, VsTcpConfig *config,
                          uint32_t *mtu, GError **error);
