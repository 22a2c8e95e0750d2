/* TCP (RFC 9293): connections that carry messages.
 *
 * A message is a payload (what it means) and a length (what travels).  Segments carry
 * pieces of one message each, of at most the MSS; the receiver's owner hears of a
 * message when its last byte is in order.  Handshake, MSS option, window scaling,
 * sliding window, delayed ACK, retransmission time-out with back-off (RFC 6298), SYN cookies, fast
 * retransmission by selective ACKs and time (RFC 2018, 8985: transport/tcp_recovery.h) or
 * without (RFC 6582), path MTU discovery, FIN in all states, simultaneous opening,
 * TIME_WAIT, RST (RFC 5961), the two queues of a listener, timestamps (RFC 7323: RTT, PAWS,
 * ports of TIME_WAIT used again), keep-alive.  The congestion window is that of
 * transport/congestion.h: CUBIC, as in Linux, unless the host says otherwise.  No urgent data.
 *
 * A message is sent at once, as by HTTP programs, which set TCP_NODELAY; or by Nagle's
 * algorithm (RFC 896, RFC 1122 section 4.2.3.4) as Linux has it (Minshall): what is less
 * than a full segment waits for the ACK of the last one that was, too.  What goes when is as
 * if messages were joined in segments; but they are not: what has waited together goes
 * as a segment a message.
 *
 * With 'has_gso' new data go as trains (packet/train.h) of as many segments as Linux' TSO
 * takes; what is sent again goes segment by segment.  A train that comes is acknowledged
 * once, as one that GRO has joined.  Frames that come one by one are not joined.
 *
 * Following time: with a journey in a message's payload, each of its segments is
 * followed; the one that completes the message has its steps appended to the journey
 * before the receiver hears of it.  The same holds for the handshake of a connection
 * that was opened for a journey: SYN, SYN-ACK.  Time a message waits in the socket
 * (window, time-out) goes to the socket's wait stage. */
#pragma once

#include "transport/socket.h"

typedef struct VsTcp VsTcp;
typedef struct VsTcpListener VsTcpListener;
struct VsTlsConfig;

typedef enum VsTcpState {
    VS_TCP_CLOSED,
    VS_TCP_SYN_SENT,
    VS_TCP_SYN_RECEIVED,
    VS_TCP_ESTABLISHED,
    VS_TCP_FIN_WAIT_1,
    VS_TCP_FIN_WAIT_2,
    VS_TCP_CLOSE_WAIT,
    VS_TCP_CLOSING,
    VS_TCP_LAST_ACK,
    VS_TCP_TIME_WAIT,
} VsTcpState;

/* Why a connection ended other than by both sides closing it. */
typedef enum VsTcpEnd {
    VS_TCP_END_REFUSED,     /* RST in answer to our SYN, or ICMP port unreachable. */
    VS_TCP_END_UNREACHABLE, /* ICMP unreachable while connecting. */
    VS_TCP_END_TIMED_OUT,   /* Retries ran out. */
    VS_TCP_END_RESET,       /* RST in an open connection. */
    VS_TCP_END_NO_PORT,     /* No ephemeral port was free. */
} VsTcpEnd;

/* What the owner of a connection hears, always from an event, never from within a call
 * of its own.  It may close, abort or send in any of them; what comes too late for the
 * connection does nothing. */
typedef struct VsTcpOps {
    /* The handshake is done (active side: SYN-ACK came; passive: its ACK). */
    void (*connected)(VsTcp *tcp);

    /* A whole message has arrived.  'payload' is valid during the call. */
    void (*message)(VsTcp *tcp, const VsPayload *payload, uint64_t bytes);

    /* The peer sent FIN: no more messages; we may still send. */
    void (*finished)(VsTcp *tcp);

    /* The connection is gone; 'tcp' is freed after the call.  Not called for those
     * that the owner closed and both sides finished, nor after
     * vs_tcp_abort().  Called with TIMED_OUT when the peer neither finishes nor
     * sends for 60 s after the owner closed (Linux: tcp_fin_timeout). */
    void (*broken)(VsTcp *tcp, VsTcpEnd end);

    /* May be NULL.  Both sides have finished, ours was acknowledged to the last
     * byte, and the connection has left the owner: it is freed after the call, and
     * nothing more is told (TIME_WAIT goes on without it).  A connection that its
     * owner does not abort ends with either 'closed' or 'broken'. */
    void (*closed)(VsTcp *tcp);

    /* May be NULL.  ACKs have come, or the window has opened: of what was sent so much has
     * gone on its way that vs_tcp_unsent_bytes() may be less. */
    void (*sendable)(VsTcp *tcp);
} VsTcpOps;

typedef struct VsTcpListenerOps {
    /* A connection was accepted from the queue: returns its ops and sets tcp->user; or
     * NULL to refuse it with RST.  Called when the handshake is done. */
    const VsTcpOps *(*accept)(VsTcpListener *listener, VsTcp *tcp);
} VsTcpListenerOps;

/* In order of arrival. */
typedef struct VsTcpList {
    VsTcp *first;
    VsTcp *last;
} VsTcpList;

struct VsTcpListener {
    VsNetns *netns;
    const VsTcpListenerOps *ops;
    void *user;
    VsAddr address;
    uint16_t port;
    uint32_t uid;      /* Of its program, 0 at first: as VsTcpOrigin has it. */
    bool is_accepting; /* False: they wait for vs_tcp_accept_waiting(). */
    const struct VsTlsConfig *tls; /* NULL: none (vs_tls_listen()). */
    VsTcpList handshakes;          /* The SYN queue: begun, */
    VsTcpList waiting;             /* the accept queue: finished, but not accepted. */
    uint32_t n_handshakes;
    uint32_t n_waiting;
    uint32_t backlog; /* Of each: see below. */
    uint64_t n_accepted;
    uint64_t n_overflows; /* The accept queue was full: ListenOverflows of Linux. */
    uint64_t n_drops;     /* That, or the SYN queue was: ListenDrops. */
    uint64_t n_cookies;   /* Sent: SyncookiesSent. */
    uint64_t n_cookies_received; /* Came back, and were good: SyncookiesRecv. */
    VsTime cookies_until;        /* ACKs may bring one back before; 0: none was sent. */
};

/* The two queues of a listener, as in Linux (tcp_conn_request(), tcp_check_req()).  'backlog'
 * connections may be in their handshake and one more than that may wait to be accepted
 * (sk_acceptq_is_full()).  A SYN that finds the second full is dropped without a word, and so
 * is one that finds the first full where there are no SYN cookies; else its SYN-ACK is a
 * cookie and nothing is kept of it, until the ACK brings it back within two minutes.  The ACK that ends a handshake and finds the accept queue full is dropped,
 * too: the client takes the connection for open, what it sends goes nowhere, and SYN-ACK is
 * repeated, until an ACK finds room; or, with 'is_aborting_on_overflow', it is reset. */

/* Listens with 'listener' (embedded in its owner).  False when (address, port) is
 * taken; one address may be listened at besides VS_ADDR_ANY, and goes first. */
bool vs_tcp_listen(VsTcpListener *listener, VsNetns *netns, VsAddr address,
                   uint16_t port, uint32_t backlog, const VsTcpListenerOps *ops,
                   void *user);

/* Stops listening, and resets what was not accepted.  Accepted connections go on. */
void vs_tcp_unlisten(VsTcpListener *listener);

/* After that: listens again where it did, which nobody has taken; its counters go on. */
void vs_tcp_listen_again(VsTcpListener *listener);

/* Accepts the connection that has waited longest, for owners that set is_accepting
 * to false (all workers are busy).  Its 'connected' is called, then 'message' for
 * each that has arrived meanwhile (its journey is accounted for up to its arrival:
 * the owner adds the wait), then 'finished' if the peer has finished.  Until then at
 * most a receive buffer of data is taken in, and a connection that the peer resets
 * just vanishes.  False when none waits. */
bool vs_tcp_accept_waiting(VsTcpListener *listener);

/* Opens a connection from 'netns' to (daddr, dport), or where its connect hook says.
 * 'saddr' 0 lets the route choose; 'journey' may be NULL.  Never NULL: failure is told by
 * ops->broken later, from an event of its own. */
VsTcp *vs_tcp_connect(VsNetns *netns, VsAddr saddr, VsAddr daddr, uint16_t dport,
                      VsJourney *journey, const VsTcpOps *ops, void *user);

/* Who opens a connection, and from where. */
typedef struct VsTcpOrigin {
    VsAddr address; /* 0: the route chooses. */
    uint32_t uid;   /* The user, and group, of the program: what "-m owner" sees. */
} VsTcpOrigin;

/* The same from 'origin'; vs_tcp_connect() is for programs of user 0. */
VsTcp *vs_tcp_connect_from(VsNetns *netns, const VsTcpOrigin *origin, VsAddr daddr,
                           uint16_t dport, VsJourney *journey, const VsTcpOps *ops,
                           void *user);

/* Sends a message of 'bytes' > 0; allowed until vs_tcp_close(), before 'connected'
 * too. */
void vs_tcp_send(VsTcp *tcp, const VsPayload *payload, uint64_t bytes);

/* Of what was sent those bytes that still wait for a window, or for being connected. */
uint64_t vs_tcp_unsent_bytes(const VsTcp *tcp);

/* Closes our side after what was sent (FIN). */
void vs_tcp_close(VsTcp *tcp);

/* Forgets the connection at once, with RST; 'tcp' is gone. */
void vs_tcp_abort(VsTcp *tcp);

VsTcpState vs_tcp_state(const VsTcp *tcp);
const VsFlow *vs_tcp_flow(const VsTcp *tcp); /* As we send: saddr is ours. */
void *vs_tcp_user(const VsTcp *tcp);
void vs_tcp_set_user(VsTcp *tcp, void *user);

/* Hands a connection that is connected to another owner. */
void vs_tcp_set_ops(VsTcp *tcp, const VsTcpOps *ops, void *user);

typedef struct VsTcpStats {
    uint64_t n_opened; /* Active. */
    uint64_t n_accepted;
    uint64_t n_failed; /* Attempts that never got established. */
    uint64_t n_resets_sent;
    uint64_t n_segments_sent;
    uint64_t n_retransmitted;
    uint64_t n_timeouts;
    uint64_t n_recoveries;       /* Fast: losses found by ACKs. */
    uint64_t n_loss_probes;      /* Sent: TCPLossProbes of Linux. */
    uint64_t n_dsacks;           /* Received: what was sent came twice. */
    uint64_t n_undone;           /* Recoveries from a loss that was none. */
    uint64_t n_without_port;     /* No ephemeral port was free. */
    uint64_t n_time_wait_reused; /* A connection took the port of one in TIME_WAIT. */
    uint64_t n_old_timestamps;   /* Segments that PAWS refused (RFC 7323). */
} VsTcpStats;

const VsTcpStats *vs_tcp_stats(const VsNetns *netns);
