#include "netfilter/conntrack_tcp.h"

#include <glib.h>

/* What a segment is to the table, by its flags. */
typedef enum Kind {
    KIND_SYN,
    KIND_SYNACK,
    KIND_FIN,
    KIND_ACK,
    KIND_RST,
    KIND_NONE,
    N_KINDS
} Kind;

/* Flags of VsCtTcp. */
enum {
    CLOSE_STARTED = 0x01, /* A FIN was seen in an open connection. */
    UNACKED = 0x02,       /* << direction: data of it is not acknowledged. */
    CHALLENGE = 0x08,     /* A SYN was let through in LAST_ACK. */
    SIMULTANEOUS = 0x10,
    SEEN = 0x20, /* << direction: its sequence numbers are known. */
};

/* Beyond the states: the segment is no part of the connection; or may be of another that
 * we do not know of, and passes without a change. */
enum { INVALID = VS_CT_N_STATES, IGNORE };

#define NO VS_CT_NONE
#define SS VS_CT_SYN_SENT
#define SR VS_CT_SYN_RECV
#define ES VS_CT_ESTABLISHED
#define FW VS_CT_FIN_WAIT
#define CW VS_CT_CLOSE_WAIT
#define LA VS_CT_LAST_ACK
#define TW VS_CT_TIME_WAIT
#define CL VS_CT_CLOSE
#define S2 VS_CT_SYN_SENT2
#define IV INVALID
#define IG IGNORE

/* clang-format off */
static const uint8_t next_states[2][N_KINDS][VS_CT_N_STATES] = {
    [VS_CT_ORIGINAL] = {            /* NO  SS  SR  ES  FW  CW  LA  TW  CL  S2 */
        [KIND_SYN]                  = {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2},
        [KIND_SYNACK]               = {IV, IV, SR, IV, IV, IV, IV, IV, IV, SR},
        [KIND_FIN]                  = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
        [KIND_ACK]                  = {ES, IV, ES, ES, CW, CW, TW, TW, CL, IV},
        [KIND_RST]                  = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [KIND_NONE]                 = {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
    },
    [VS_CT_REPLY] = {
        [KIND_SYN]                  = {IV, S2, IV, IV, IV, IV, IV, SS, IV, S2},
        [KIND_SYNACK]               = {IV, SR, IG, IG, IG, IG, IG, IG, IG, SR},
        [KIND_FIN]                  = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
        [KIND_ACK]                  = {IV, IG, SR, ES, CW, CW, TW, TW, CL, IG},
        [KIND_RST]                  = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [KIND_NONE]                 = {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
    },
};
/* clang-format on */

/* Flags besides PSH, ECE and CWR that a stack can send together. */
static bool
has_valid_flags(uint8_t flags)
{
    switch (flags & (VS_TCP_FIN | VS_TCP_SYN | VS_TCP_RST | VS_TCP_ACK)) {
    case VS_TCP_SYN:
    case VS_TCP_SYN | VS_TCP_ACK:
    case VS_TCP_RST:
    case VS_TCP_RST | VS_TCP_ACK:
    case VS_TCP_FIN | VS_TCP_ACK:
    case VS_TCP_ACK:
        return true;
    default:
        return false;
    }
}

static Kind
segment_kind(uint8_t flags)
{
    if (flags & VS_TCP_RST) {
        return KIND_RST;
    }
    if (flags & VS_TCP_SYN) {
        return flags & VS_TCP_ACK ? KIND_SYNACK : KIND_SYN;
    }
    if (flags & VS_TCP_FIN) {
        return KIND_FIN;
    }
    return flags & VS_TCP_ACK ? KIND_ACK : KIND_NONE;
}

/* The sequence number after the segment: SYN and FIN take one. */
static uint32_t
segment_end(const VsLayer *top)
{
    uint32_t headers =
        VS_IPV4_HEADER_BYTES + VS_TCP_HEADER_BYTES + top->tcp.option_bytes;
    uint32_t bytes = top->ip_bytes > headers ? top->ip_bytes - headers : 0;

    return top->tcp.seq + bytes + ((top->tcp.flags & VS_TCP_SYN) != 0) +
           ((top->tcp.flags & VS_TCP_FIN) != 0);
}

static inline bool
is_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Lets a segment through that the state does not allow, and remembers it: it may belong to
 * a connection that both ends know of and we do not.  True for the answer to such a SYN,
 * with which we are in step again. */
static bool
ignore_segment(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir, Kind kind)
{
    VsCtTcp *tcp = &entry->tcp;

    if (kind == KIND_SYNACK && tcp->last_kind == KIND_SYN && tcp->last_dir != dir &&
        top->tcp.ack == tcp->last_end) {
        tcp->end[tcp->last_dir] = tcp->last_end;
        tcp->flags &= (uint8_t) ~(CHALLENGE | CLOSE_STARTED | UNACKED | UNACKED << 1 |
                                  SEEN << dir);
        return true;
    }
    tcp->last_kind = (uint8_t)kind;
    tcp->last_dir = (uint8_t)dir;
    tcp->last_seq = top->tcp.seq;
    tcp->last_end = segment_end(top);
    tcp->last_window = top->tcp.window;
    if (kind == KIND_SYN && dir == VS_CT_ORIGINAL) {
        tcp->flags &= (uint8_t) ~(CHALLENGE | SIMULTANEOUS);
        tcp->flags |= entry->state == VS_CT_LAST_ACK ? CHALLENGE : 0;
    }
    return false;
}

/* What is sent and not acknowledged, and ACKs that come again and again. */
static inline void
follow_sequence(VsCtTcp *tcp, const VsLayer *top, VsCtDir dir, Kind kind)
{
    uint32_t end = segment_end(top);
    uint32_t seq = top->tcp.seq;
    uint32_t ack = top->tcp.ack;

    if (!(tcp->flags & SEEN << dir)) {
        tcp->flags |= (uint8_t)(SEEN << dir);
        tcp->end[dir] = end;
    } else if (is_after(end, tcp->end[dir])) {
        tcp->end[dir] = end;
        tcp->flags |= (uint8_t)(UNACKED << dir);
    }
    if ((top->tcp.flags & VS_TCP_ACK) && ack == tcp->end[!dir]) {
        tcp->flags &= (uint8_t) ~(UNACKED << !dir);
    }
    if (kind != KIND_ACK) {
        return;
    }
    if (tcp->last_dir == dir && tcp->last_seq == seq && tcp->last_ack == ack &&
        tcp->last_end == end && tcp->last_window == top->tcp.window) {
        tcp->n_retransmitted += tcp->n_retransmitted < UINT8_MAX;
    } else {
        tcp->last_seq = seq;
        tcp->last_ack = ack;
        tcp->last_end = end;
        tcp->last_window = top->tcp.window;
        tcp->n_retransmitted = 0;
    }
}

static VsTime
timeout_of(const VsConntrackEntry *entry, VsCtState state, Kind kind)
{
    const VsConntrackConfig *config = &entry->table->config;
    const VsCtTcp *tcp = &entry->tcp;
    VsTime timeout = config->tcp_timeout[state];

    if (tcp->n_retransmitted >= config->tcp_max_retransmitted &&
        timeout > config->tcp_retransmitted_timeout) {
        return config->tcp_retransmitted_timeout;
    }
    if (kind == KIND_RST) {
        return config->tcp_timeout[VS_CT_CLOSE];
    }
    if ((tcp->flags & (UNACKED | UNACKED << 1)) &&
        timeout > config->tcp_unacknowledged_timeout) {
        return config->tcp_unacknowledged_timeout;
    }
    if (tcp->last_window == 0 && timeout > config->tcp_retransmitted_timeout) {
        return config->tcp_retransmitted_timeout; /* A closed window. */
    }
    return timeout;
}

/* A SYN in TIME_WAIT or CLOSE opens the connection anew if we saw how the old one ended. */
static bool
may_reopen(const VsCtTcp *tcp, VsCtDir dir)
{
    return (tcp->flags & CLOSE_STARTED) ||
           (tcp->last_dir == dir && tcp->last_kind == KIND_RST);
}

/* Moves the state, then says how long it lasts. */
static VsCtVerdict
enter_state(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir, Kind kind,
            VsCtState old, VsCtState state, VsTime *ret_timeout)
{
    const VsConntrackConfig *config = &entry->table->config;
    VsCtTcp *tcp = &entry->tcp;

    follow_sequence(tcp, top, dir, kind);
    tcp->last_kind = (uint8_t)kind;
    tcp->last_dir = (uint8_t)dir;
    entry->state = (uint8_t)state;
    if (old != state && state == VS_CT_FIN_WAIT) {
        tcp->flags |= CLOSE_STARTED;
    }
    *ret_timeout = timeout_of(entry, state, kind);
    if (!(entry->status & VS_CT_SEEN_REPLY)) {
        if (kind == KIND_RST) {
            return VS_CT_OVER; /* Refused: nothing to remember. */
        }
        if (kind == KIND_SYN && old == VS_CT_SYN_SENT) {
            *ret_timeout = 0; /* SYNs alone keep nothing alive. */
        } else if (state == VS_CT_ESTABLISHED) {
            *ret_timeout = MIN(*ret_timeout, config->tcp_unacknowledged_timeout);
        }
    } else if ((old == VS_CT_SYN_RECV || old == VS_CT_ESTABLISHED) &&
               state == VS_CT_ESTABLISHED) {
        entry->status |= VS_CT_ASSURED;
    }
    return VS_CT_ACCEPT;
}

/* What enter_state() comes to for an ACK in an open connection. */
static inline void
stay_open(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir, VsTime *ret_timeout)
{
    follow_sequence(&entry->tcp, top, dir, KIND_ACK);
    entry->tcp.last_kind = KIND_ACK;
    entry->tcp.last_dir = (uint8_t)dir;
    *ret_timeout = timeout_of(entry, VS_CT_ESTABLISHED, KIND_ACK);
    if (G_LIKELY(entry->status & VS_CT_SEEN_REPLY)) {
        entry->status |= VS_CT_ASSURED;
    } else {
        *ret_timeout =
            MIN(*ret_timeout, entry->table->config.tcp_unacknowledged_timeout);
    }
}

/* A segment that may change the state. */
static VsCtVerdict
track_change(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir,
             VsTime *ret_timeout)
{
    VsCtTcp *tcp = &entry->tcp;
    VsCtState old = (VsCtState)entry->state;
    Kind kind = segment_kind(top->tcp.flags);
    unsigned next = next_states[dir][kind][old];

    *ret_timeout = 0;
    if (G_UNLIKELY(!has_valid_flags(top->tcp.flags) || next == INVALID)) {
        return VS_CT_INVALID;
    }
    if (!(entry->status & VS_CT_CONFIRMED)) {
        if (next != VS_CT_SYN_SENT && entry->table->config.is_strict) {
            return VS_CT_INVALID;
        }
        *tcp = (VsCtTcp){.last_kind = KIND_NONE};
    }
    switch (next) {
    case VS_CT_SYN_SENT:
        if (old < VS_CT_TIME_WAIT) {
            break;
        }
        if (may_reopen(tcp, dir)) {
            return VS_CT_AGAIN;
        }
        /* Fall through. */
    case IGNORE:
        if (!ignore_segment(entry, top, dir, kind)) {
            return VS_CT_ACCEPT;
        }
        old = VS_CT_SYN_SENT;
        next = VS_CT_SYN_RECV;
        break;
    case VS_CT_TIME_WAIT:
        if (old == VS_CT_LAST_ACK && kind == KIND_ACK && tcp->last_dir != dir &&
            tcp->last_kind == KIND_SYN && (tcp->flags & CHALLENGE)) {
            tcp->flags &= (uint8_t)~CHALLENGE; /* It answers the SYN (RFC 5961). */
            return VS_CT_ACCEPT;
        }
        break;
    case VS_CT_SYN_SENT2:
        tcp->flags |= SIMULTANEOUS;
        break;
    case VS_CT_SYN_RECV:
        if (dir == VS_CT_REPLY && kind == KIND_ACK && (tcp->flags & SIMULTANEOUS)) {
            next = VS_CT_ESTABLISHED;
        }
        break;
    default:
        break;
    }
    return enter_state(entry, top, dir, kind, old, (VsCtState)next, ret_timeout);
}

/* An ACK, with or without data, in an open connection: most segments.  They change no
 * state. */
static inline bool
is_ordinary(const VsConntrackEntry *entry, uint8_t flags)
{
    return entry->state == VS_CT_ESTABLISHED && (entry->status & VS_CT_CONFIRMED) &&
           (flags & (VS_TCP_FIN | VS_TCP_SYN | VS_TCP_RST | VS_TCP_ACK)) == VS_TCP_ACK;
}

VsCtVerdict
vs_ct_track_tcp(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir,
                VsTime *ret_timeout)
{
    if (G_LIKELY(is_ordinary(entry, top->tcp.flags))) {
        stay_open(entry, top, dir, ret_timeout);
        return VS_CT_ACCEPT;
    }
    return track_change(entry, top, dir, ret_timeout);
}
