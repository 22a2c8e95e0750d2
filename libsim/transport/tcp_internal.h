/* The inside of TCP, for its own files:
 *
 *     tcp.c            connections: open, send, close, end; what the owner calls
 *     tcp_input.c      a segment arrives
 *     tcp_ack.c        its ACK
 *     tcp_data.c       its data, in order or not
 *     tcp_delack.c     when they are acknowledged
 *     tcp_output.c     segments are made and sent, within the windows
 *     tcp_train.c      how much goes at a time: trains of segments; Nagle
 *     tcp_sent.c, tcp_sack.c, tcp_rack.c, tcp_newreno.c, tcp_recovery.c: tcp_recovery.h
 *     tcp_timer.c      the one timer of a connection; round trips and time-outs
 *     tcp_listen.c     listeners, handshakes of the passive side, accepting
 *     tcp_cookie.c     handshakes without state
 *     tcp_time_wait.c  what remains of a closed connection for a minute
 *     tcp_error.c      ICMP errors, path MTU
 *
 * Positions in the two streams are 64-bit: the sequence number is the low half.  They
 * start above 2^32, so that arithmetic around them never goes below zero. */
#pragma once

#include "transport/socket_internal.h"
#include "transport/tcp_recovery.h"

#pragma GCC visibility push(hidden)

#define VS_TCP_SYN_ACK_RETRIES 5          /* net.ipv4.tcp_synack_retries. */
#define VS_TCP_FIN_TIMEOUT (60 * VS_S)    /* net.ipv4.tcp_fin_timeout. */
#define VS_TCP_MTU_EXPIRES (600 * VS_S)   /* net.ipv4.route.mtu_expires. */
#define VS_TCP_QUICK_ACKS 16              /* TCP_MAX_QUICKACKS of Linux. */
#define VS_TCP_COOKIES_VALID (120 * VS_S) /* TCP_SYNCOOKIE_VALID. */

/* What a key of VsSockets.connections leads to starts with this. */
typedef struct VsTcpEntry {
    bool is_time_wait;
} VsTcpEntry;

/* A message that is being sent, or that came before its connection was accepted. */
typedef struct VsTcpMessage VsTcpMessage;
struct VsTcpMessage {
    VsTcpMessage *next;
    uint64_t start; /* Position of its first byte. */
    uint64_t bytes;
    VsPayload payload;
};

typedef struct VsTcpMessages {
    VsTcpMessage *first;
    VsTcpMessage *last;
} VsTcpMessages;

/* After a loss, until all that was sent before it is acknowledged. */
typedef enum VsTcpRecovery {
    VS_TCP_RECOVERY_NONE,
    VS_TCP_RECOVERY_FAST,
    VS_TCP_RECOVERY_TIMEOUT,
} VsTcpRecovery;

/* A segment that has come, as the connection sees it: positions instead of sequence
 * numbers. */
typedef struct VsTcpSegment {
    uint64_t start;
    uint64_t end; /* SYN and FIN take a position each. */
    uint64_t ack;
    const VsTcpHeader *header;
    VsPacket *packet;
} VsTcpSegment;

struct VsTcp {
    VsTcpEntry entry;
    uint8_t state;      /* VsTcpState. */
    uint8_t recovery;   /* VsTcpRecovery. */
    uint8_t end;        /* VsTcpEnd, when 'is_doomed'. */
    uint8_t send_shift; /* Window scales. */
    uint8_t receive_shift;
    uint8_t n_retries;    /* Time-outs since the last progress. */
    uint8_t n_keepalives; /* Probes since something was received. */
    uint8_t n_quick_acks; /* ACKs still to be sent without delay, but in a dialogue. */
    uint8_t rack_steps;   /* Reordering window, in quarters of min_rtt. */
    uint8_t rack_persist; /* Recoveries until that is 1 again. */
    uint16_t reordering;  /* How far segments have overtaken each other, in segments. */
    uint16_t mss;
    bool is_doomed : 1;  /* It could not even start: the timer tells the owner. */
    bool is_waiting : 1; /* For being accepted, its handshake done. */
    bool is_closing : 1; /* The owner has closed: FIN follows what is queued. */
    bool is_scaling : 1; /* Both sides sent the window scale option. */
    bool
        has_timestamps : 1; /* They go with every segment; before: we would like that. */
    bool is_timing : 1;     /* A round trip is measured. */
    bool has_sack : 1; /* Both sides take selective ACKs; before: we would like that. */
    bool has_seen_reordering : 1;
    bool is_dialogue : 1; /* What we send answers what came (pingpong mode). */
    bool is_probing : 1;  /* 'loss_due' is that of a probe, else of RACK. */
    bool is_ack_now : 1;  /* The next ACK must not be delayed. */
    bool is_answered : 1; /* Something came since the last time-out. */
    bool is_traced : 1;   /* It carries a traced journey now: so are its ACK and FIN. */
    bool is_ecn : 1;      /* Both sides understand marks. */
    bool is_echoing : 1;  /* Our ACKs say that what came was marked. */
    bool is_cwr_due : 1;  /* The next new segment says that the window was reduced. */
    bool is_paced : 1;    /* The next new segment waits for pace_due. */
    uint32_t window;      /* The peer's, in bytes from snd_una. */
    uint32_t kept_bytes;  /* Of 'kept'. */
    uint32_t ts_recent; /* 'has_timestamps': the peer's latest in order (TS.Recent), */

    VsSockets *sockets;
    VsFlow flow;         /* As we send. */
    const VsTcpOps *ops; /* NULL until accepted. */
    void *user;
    VsTcpListener *listener; /* Until accepted. */
    VsTcp *next;             /* In a list of the listener, or of the dead. */
    VsTcp *previous;

    VsTimer timer;  /* Armed for the earliest of five, or for one that has passed. */
    VsTime rto_due; /* Or VS_TIME_NEVER. */
    VsTime ack_due;
    VsTime keepalive_due;
    VsTime pace_due; /* New data may go from then on. */

    VsTime ts_recent_at; /* which came then. */

    VsTime received_at; /* The latest segment; kept where there is keep-alive. */
    VsTime ato;         /* How long an ACK waits; 0: no data have come. */
    VsTime data_at;     /* The latest data came. */
    VsTime srtt;        /* 0: no sample yet. */
    VsTime rttvar;
    VsTime min_rtt;     /* The smallest of all samples; 0: none. */
    VsTime rtt_started; /* 'is_timing': the segment that ends at 'rtt_end' was sent. */
    uint64_t rtt_end;

    uint64_t snd_una;     /* First position not acknowledged. */
    uint64_t snd_nxt;     /* Next to be sent for the first time. */
    uint64_t snd_end;     /* After all that is queued; FIN has this position. */
    uint64_t nagle_edge;  /* What is before may go, be it a segment that is not full. */
    uint64_t small_end;   /* Of the latest that was not; 0: none. */
    uint64_t window_seq;  /* Of the segment that gave 'window'. */
    VsTcpMessages queue;  /* All not fully acknowledged. */
    VsTcpMessage *cursor; /* That of snd_nxt, or NULL when all was sent. */
    VsCongestion congestion;
    VsTcpFlight *flight; /* NULL: nothing is under way. */

    uint64_t rcv_nxt;    /* Next position expected. */
    uint64_t rcv_acked;  /* rcv_nxt that the peer was told last. */
    uint64_t rcv_edge;   /* End of the window that the peer was told. */
    VsPacketQueue early; /* Segments beyond a hole, by position. */
    VsTcpBlocks *blocks; /* What of it the peer is told; NULL: nothing. */
    VsTcpMessages kept;  /* Complete, but the connection is not accepted yet. */

    struct VsTls *tls; /* NULL: none. */

    VsJourney *journey; /* Of the handshake we began. */
    uint32_t journey_generation;
    uint32_t uid; /* Of its program. */
};

struct VsTcpTimeWait {
    VsTcpEntry entry;
    bool has_timestamps;
    VsFlow flow; /* As we send. */
    uint32_t snd_nxt;
    uint32_t rcv_nxt;
    uint32_t ts_recent;
    VsTime ts_recent_at;
    VsTime due;
    VsTcpTimeWait *next;
    VsTcpTimeWait *previous;
};

typedef struct VsPathMtu {
    uint32_t mtu;
    VsTime expires;
} VsPathMtu;

/* The position of sequence number 'seq' next to 'near'. */
static inline uint64_t
vs_tcp_position(uint64_t near, uint32_t seq)
{
    return near + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)near);
}

static inline VsTcpSegment
vs_tcp_segment_of(const VsTcp *tcp, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;
    bool has_syn = header->flags & VS_TCP_SYN;
    bool has_fin = header->flags & VS_TCP_FIN;
    VsTcpSegment segment = {
        .start = vs_tcp_position(tcp->rcv_nxt, header->seq),
        .ack = vs_tcp_position(tcp->snd_una, header->ack),
        .header = header,
        .packet = packet,
    };

    segment.end = segment.start + packet->payload_bytes + has_syn + has_fin;
    return segment;
}

/* The clock of timestamps: milliseconds, never 0. */
static inline uint32_t
vs_tcp_ts_now(const VsSockets *sockets)
{
    return (uint32_t)(vs_now(sockets->run) / VS_MS) + 1;
}

/* False for what only waits to be freed: after any call to an owner, look. */
static inline bool
vs_tcp_is_alive(const VsTcp *tcp)
{
    return tcp->state != VS_TCP_CLOSED && tcp->state != VS_TCP_TIME_WAIT;
}

/* tcp.c */

/* A connection for 'flow', in no table yet, CLOSED. */
VsTcp *vs_tcp_new(VsSockets *sockets, const VsFlow *flow);

/* Takes it out of everything, in its last state, CLOSED or TIME_WAIT; freed when the
 * outermost call returns. */
void vs_tcp_retire(VsTcp *tcp, VsTcpState last);

/* The end of that, and all there is to one that is in no table and has sent nothing that may
 * be repeated. */
void vs_tcp_discard(VsTcp *tcp);

/* Retires it and tells its owner. */
void vs_tcp_break(VsTcp *tcp, VsTcpEnd end);

/* Resets a connection whose peer breaks the rules, and tells the owner. */
void vs_tcp_break_off(VsTcp *tcp);

/* Tells the owner that it might send more. */
void vs_tcp_tell_sendable(VsTcp *tcp);

/* Tells the owner that the handshake is done; that a message has come.  TLS goes between. */
void vs_tcp_tell_connected(VsTcp *tcp);
void vs_tcp_tell_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes);

/* The MSS that fits 'mtu'. */
uint16_t vs_tcp_mss_of(uint32_t mtu);

/* What is left for data of an MSS, beside the options of every segment (RFC 6691). */
uint16_t vs_tcp_data_bytes(const VsTcp *tcp, uint16_t mss);

/* Sets what the peer's SYN says. */
void vs_tcp_take_options(VsTcp *tcp, VsPacket *syn);

/* And this side will have none of it. */
void vs_tcp_renounce_options(VsTcp *tcp);

/* Does this side want ECN, so that its SYN asks for it? */
bool vs_tcp_asks_for_ecn(const VsTcp *tcp);

/* The handshake is done: the first window, no time-out. */
void vs_tcp_establish(VsTcp *tcp);

VsTcpMessage *vs_tcp_messages_push(VsTcp *tcp, VsTcpMessages *messages,
                                   const VsPayload *payload, uint64_t bytes);
void vs_tcp_messages_pop(VsTcp *tcp, VsTcpMessages *messages);

/* tcp_input.c */
void vs_tcp_input(VsSockets *sockets, VsPacket *packet);

/* tcp_ack.c */

/* The connection has ended in order, on both sides. */
void vs_tcp_tell_closed(VsTcp *tcp);

/* Of an acceptable segment. */
void vs_tcp_take_ack(VsTcp *tcp, const VsTcpSegment *segment);

/* tcp_data.c */

/* Takes 'packet', which is acceptable and has data or FIN. */
void vs_tcp_take_data(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment);

/* tcp_delack.c */

/* Data have come, not beyond a hole; data are sent; something is sent that acknowledges. */
void vs_tcp_delack_received(VsTcp *tcp);
void vs_tcp_delack_sent_data(VsTcp *tcp);
void vs_tcp_delack_sent(VsTcp *tcp);

/* What comes now is to be acknowledged at once (tcp_enter_quickack_mode()). */
void vs_tcp_delack_hurry(VsTcp *tcp);

/* Sends an ACK, or sees to it that one is sent in time, for what no segment of ours has
 * acknowledged on the way. */
void vs_tcp_acknowledge(VsTcp *tcp);

/* The ACK that was delayed is sent. */
void vs_tcp_delack_due(VsTcp *tcp);

/* tcp_sent.c */

/* Something new was sent, a piece of 'message', or FIN for NULL. */
void vs_tcp_sent_add(VsTcp *tcp, VsTcpMessage *message, uint64_t start, uint64_t end);

/* 'sent' was sent again. */
void vs_tcp_sent_again(VsTcp *tcp, VsTcpSent *sent);

/* Cuts it after 'bytes'; returns the rest. */
VsTcpSent *vs_tcp_sent_split(VsTcp *tcp, VsTcpSent *sent, uint32_t bytes);

/* Joins what follows to a lost one that is shorter than 'bytes', as long as it is lost, too,
 * and of the same message. */
void vs_tcp_sent_join(VsTcp *tcp, VsTcpSent *sent, uint32_t bytes);

void vs_tcp_sent_mark_lost(VsTcp *tcp, VsTcpSent *sent);
void vs_tcp_sent_mark_sacked(VsTcp *tcp, VsTcpSent *sent);
void vs_tcp_sent_forget_sacks(VsTcp *tcp);
void vs_tcp_sent_forget_losses(VsTcp *tcp);

/* The first that is lost and not under way again; or NULL. */
VsTcpSent *vs_tcp_sent_next_lost(VsTcp *tcp);

/* That which has 'position', or the first after it; or NULL. */
VsTcpSent *vs_tcp_sent_find(VsTcp *tcp, uint64_t position);

/* All up to snd_una is acknowledged. */
void vs_tcp_sent_take_acknowledged(VsTcp *tcp, VsTcpNews *news);

/* Gives back the flight if nothing is left of it. */
void vs_tcp_flight_end(VsTcp *tcp);

/* Forgets all. */
void vs_tcp_flight_clear(VsTcp *tcp);

/* tcp_sack.c */

/* The receiver: came beyond a hole; rcv_nxt moved; came twice. */
void vs_tcp_sack_note_early(VsTcp *tcp, uint64_t start, uint64_t end);
void vs_tcp_sack_note_in_order(VsTcp *tcp);
void vs_tcp_sack_note_duplicate(VsTcp *tcp, uint64_t start, uint64_t end);
void vs_tcp_sack_clear(VsTcp *tcp);

/* The option of the next segment: its length, 0 without; and puts it in. */
uint32_t vs_tcp_sack_option_bytes(const VsTcp *tcp);
void vs_tcp_sack_write(VsTcp *tcp, VsPacket *packet);

/* The sender: 'sent' has arrived, as an ACK says for the first time. */
void vs_tcp_take_delivered(VsTcp *tcp, VsTcpSent *sent, VsTcpNews *news);

/* The blocks of a segment that acknowledges up to 'ack'. */
void vs_tcp_sack_take(VsTcp *tcp, const VsPacket *packet, const VsTcpHeader *header,
                      uint64_t ack, VsTcpNews *news);

/* tcp_rack.c */

/* 'sent' has arrived. */
void vs_tcp_rack_advance(VsTcp *tcp, const VsTcpSent *sent);

/* Marks what is lost, or sets 'loss_due'. */
void vs_tcp_rack_detect(VsTcp *tcp);

/* Was it sent less than a round trip ago? */
bool vs_tcp_rack_is_recent(const VsTcp *tcp, const VsTcpSent *sent);
void vs_tcp_rack_take_dsack(VsTcp *tcp);
void vs_tcp_rack_recovered(VsTcp *tcp);

/* Sets 'loss_due' for a probe of the tail, if one may be sent (tcp_schedule_loss_probe()). */
void vs_tcp_probe_arm(VsTcp *tcp);
void vs_tcp_probe_take_ack(VsTcp *tcp, const VsTcpNews *news);
void vs_tcp_loss_due(VsTcp *tcp);

/* tcp_newreno.c: without SACK. */

/* Counts duplicate ACKs, and corrects what 'news' say of what was delivered. */
void vs_tcp_newreno_count(VsTcp *tcp, VsTcpNews *news);

/* Marks the first segment, if it is lost. */
void vs_tcp_newreno_mark_lost(VsTcp *tcp, const VsTcpNews *news);

/* Recovery goes on until something sent after it began is acknowledged: before, duplicate ACKs
 * may be of what was sent again (tcp_is_non_sack_preventing_reopen()). */
bool vs_tcp_newreno_holds(const VsTcp *tcp);

/* tcp_recovery.c */

/* Bytes under way: neither arrived nor lost, as far as we know. */
uint32_t vs_tcp_pipe(const VsTcp *tcp);

/* An ACK has told 'news': finds losses, enters and leaves recovery, sets its window. */
void vs_tcp_recovery_take_ack(VsTcp *tcp, VsTcpNews *news, const VsTcpSegment *segment);

/* Losses were marked without an ACK. */
void vs_tcp_recovery_found(VsTcp *tcp);

/* The retransmission time-out. */
void vs_tcp_recovery_time_out(VsTcp *tcp);

/* 'mss' is less than it was. */
void vs_tcp_recovery_shrink(VsTcp *tcp);

/* A loss was repaired outside of recovery: the window pays for it. */
void vs_tcp_reduce_once(VsTcp *tcp);
void vs_tcp_recovery_note_sent(VsTcp *tcp, uint32_t bytes, bool is_again);

/* tcp_output.c */

/* Bytes of data that a segment sent now may have. */
uint32_t vs_tcp_segment_bytes(const VsTcp *tcp);

/* Sends what the windows allow, then FIN if it is time. */
void vs_tcp_output(VsTcp *tcp);

/* Sends 'sent' again. */
void vs_tcp_resend(VsTcp *tcp, VsTcpSent *sent);

/* Sends one new segment, whatever the congestion window is.  False: there is none, or the
 * peer has no place for it. */
bool vs_tcp_send_beyond_window(VsTcp *tcp);

/* Sends an ACK without data. */
void vs_tcp_send_ack(VsTcp *tcp);

/* Sends SYN or SYN-ACK, by state; 'cause' is the SYN answered, or NULL. */
void vs_tcp_send_syn(VsTcp *tcp, VsPacket *cause);

/* Asks for the peer's window. */
void vs_tcp_send_probe(VsTcp *tcp);

/* Sends RST for an open connection. */
void vs_tcp_send_abort(VsTcp *tcp);

/* Answers a segment of no connection with RST, unless it is one. */
void vs_tcp_answer_with_reset(VsSockets *sockets, VsPacket *cause);

void vs_tcp_send_time_wait_ack(VsSockets *sockets, const VsTcpTimeWait *wait);

/* tcp_train.c */

/* Where the host sends trains, or Nagle's algorithm: bytes to be sent together at snd_nxt, 'left'
 * of whose message are unsent.  0: they wait; more than a segment only as far as there is
 * 'room' in the windows. */
uint64_t vs_tcp_chunk_bytes(VsTcp *tcp, uint64_t left, uint64_t room);

/* tcp_timer.c */

/* Makes sure that the timer fires in time for whatever is due. */
void vs_tcp_arm(VsTcp *tcp);

void vs_tcp_timer_due(VsTimer *timer);

/* The present retransmission time-out, back-off included. */
VsTime vs_tcp_rto(const VsTcp *tcp);

/* Acknowledged up to snd_una: takes a sample if that was timed, or if 'packet' echoes a
 * timestamp. */
void vs_tcp_sample_rtt(VsTcp *tcp, VsPacket *packet);

/* The timed segment has arrived, beyond a hole. */
void vs_tcp_sample_timed(VsTcp *tcp);

/* tcp_listen.c */

/* A segment of no connection. */
void vs_tcp_listen_input(VsSockets *sockets, VsPacket *packet);

/* 'packet' ends the handshake of 'tcp', but if the accept queue is full: then it was dropped,
 * with 'tcp' if so configured, and the result is true. */
bool vs_tcp_listen_overflows(VsTcp *tcp, VsPacket *packet);

/* The handshake of a passive connection is done; it may be accepted in here. */
void vs_tcp_listen_established(VsTcp *tcp);

/* A passive connection goes before it was accepted. */
void vs_tcp_listen_forget(VsTcp *tcp);

/* tcp_cookie.c */

/* The sequence number of a SYN-ACK for the SYN of flow 'syn' as received, with sequence number
 * 'seq' and MSS option 'mss'. */
uint32_t vs_tcp_cookie_make(const VsSockets *sockets, const VsFlow *syn, uint32_t seq,
                            uint16_t mss);

/* The MSS that 'cookie' was made with, at most what the SYN said; 0: it is none, or too old. */
uint16_t vs_tcp_cookie_mss(const VsSockets *sockets, const VsFlow *syn, uint32_t seq,
                           uint32_t cookie);

/* tcp_time_wait.c */
void vs_tcp_time_wait_enter(VsTcp *tcp);
void vs_tcp_time_wait_due(VsTimer *timer);

/* Ends 'wait' for a new connection of ours with the same ports, if that may be; else
 * false. */
bool vs_tcp_time_wait_reuse(VsSockets *sockets, VsTcpTimeWait *wait);
void vs_tcp_time_wait_input(VsSockets *sockets, VsTcpTimeWait *wait, VsPacket *packet);

/* tcp_error.c */
bool vs_tcp_input_error(VsSockets *sockets, const VsLayer *error,
                        const VsLayer *quoted);

/* The MTU of the path to 'daddr' as far as we know; 0: there is no route. */
uint32_t vs_tcp_mtu_to(VsSockets *sockets, VsAddr daddr);

#pragma GCC visibility pop
