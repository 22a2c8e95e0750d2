/* What a sender of TCP keeps to find and repair losses:
 *
 *     tcp_sent.c       what is under way: a record for each segment (the scoreboard)
 *     tcp_sack.c       selective acknowledgements, RFC 2018 and 2883, of both sides
 *     tcp_rack.c       losses found by time, RFC 8985: RACK, and probes of a tail (TLP)
 *     tcp_newreno.c    losses without selective acknowledgements, RFC 6582
 *     tcp_recovery.c   what follows from a loss: the states, the window, undoing it
 *
 * All of it as in Linux (net/ipv4/tcp_input.c, tcp_recovery.c, tcp_output.c), whose functions
 * are named there.  Not modelled of that: F-RTO (RFC 5682), and ACKs that are held back while
 * much is out of order (tcp_comp_sack_delay_ns). */
#pragma once

#include "packet/packet.h"

#pragma GCC visibility push(hidden)

#define VS_TCP_REORDERING 3 /* net.ipv4.tcp_reordering: segments; duplicate ACKs. */
#define VS_TCP_MAX_REORDERING 300 /* net.ipv4.tcp_max_reordering. */

struct VsTcpMessage;

/* A segment that was sent and is not acknowledged. */
typedef struct VsTcpSent VsTcpSent;
struct VsTcpSent {
    VsTcpSent *next; /* By position. */
    VsTcpSent *previous;
    VsTcpSent *later; /* By the time of sending: those that RACK still waits for. */
    VsTcpSent *earlier;
    uint64_t start;
    uint64_t end;
    VsTime sent_at;               /* The latest time. */
    struct VsTcpMessage *message; /* That it is a piece of; NULL: it is FIN. */
    bool is_waiting;              /* Neither sacked nor lost: in the list by time. */
    bool is_sacked;               /* The peer has it. */
    bool is_lost;                 /* So we think of the first time; */
    bool is_resent;               /* and it is under way again. */
    bool was_resent;              /* Ever: whose ACK is it? */
};

typedef struct VsTcpScoreboard {
    VsTcpSent *first;
    VsTcpSent *last;
    VsTcpSent *oldest; /* By time of sending. */
    VsTcpSent *newest;
    VsTcpSent *highest;   /* The last that is sacked, or NULL. */
    VsTcpSent *found;     /* Where the latest search ended, or NULL. */
    VsTcpSent *next_lost; /* None before it must be sent again; NULL: none at all. */
    uint32_t sacked_bytes;
    uint32_t lost_bytes;
    uint32_t resent_bytes;
    uint32_t n_records;
    uint32_t n_sacked; /* Of them; */
    uint32_t n_lost;
    uint64_t judged_upto; /* Without RACK: what is lost below it was marked so. */

    /* The blocks of the latest ACK: they are known. */
    uint8_t n_known;
    struct {
        uint64_t start;
        uint64_t end;
    } known[VS_TCP_SACK_MAX_BLOCKS];

    /* Without SACK: so many segments we guess to be there (RFC 6582). */
    uint32_t n_duplicate_acks;
} VsTcpScoreboard;

typedef struct VsTcpRack {
    VsTime sent_at;     /* Of the latest sent that was delivered, */
    uint64_t end;       /* its end, */
    VsTime rtt;         /* and its round trip. */
    uint64_t dsack_end; /* What was sent at the latest D-SACK: others count after it. */
    uint64_t probe_end; /* A probe is under way until that is acknowledged; 0: none. */
    bool has_advanced;  /* By this ACK. */
    bool is_probe_repeat; /* The probe was no new data. */
} VsTcpRack;

/* Proportional rate reduction (RFC 6937). */
typedef struct VsTcpPrr {
    uint32_t prior_cwnd;
    uint64_t delivered; /* Bytes, since recovery began; */
    uint64_t out;       /* and sent. */
} VsTcpPrr;

/* What to go back to if the loss was none. */
typedef struct VsTcpUndo {
    bool is_set;
    bool has_resent;
    uint32_t n_resent; /* Segments sent again that no D-SACK has told of. */
    uint32_t stamp;    /* Timestamp of the first; 0: none. */
    uint64_t start;    /* snd_una when recovery began. */
    uint32_t cwnd;
    uint32_t ssthresh;
} VsTcpUndo;

/* All that is kept while something is under way, or to be told of what was: lent by
 * VsSockets.flights. */
typedef struct VsTcpFlight {
    VsTcpScoreboard board;
    VsTcpRack rack;
    VsTcpPrr prr; /* Of fast recovery. */
    VsTcpUndo undo;
    VsTime loss_due;  /* A segment will be lost then, or the tail is probed. */
    uint64_t recover; /* Recovery ends when that is acknowledged. */
} VsTcpFlight;

/* What the receiver has beyond a hole, for the next ACK: sequence numbers.  Lent by
 * VsSockets.blocks. */
typedef struct VsTcpBlocks {
    uint8_t length;
    bool has_duplicate;                         /* RFC 2883. */
    VsSackBlock blocks[VS_TCP_SACK_MAX_BLOCKS]; /* The newest first. */
    VsSackBlock duplicate;
} VsTcpBlocks;

/* What one ACK has told. */
typedef struct VsTcpNews {
    uint64_t acked;       /* Bytes, in order; */
    uint32_t n_acked;     /* records of those, whole; */
    uint64_t delivered;   /* and those and others that are there now. */
    uint64_t highest;     /* Start of the highest sacked before it; 0: none was. */
    uint64_t lowest_late; /* Start of the lowest that came after it, sent once. */
    bool has_timed;       /* The timed segment was delivered. */
    bool is_duplicate;    /* It says nothing new at all. */
    bool has_sacked;
    bool has_dsack;
} VsTcpNews;

#pragma GCC visibility pop
