/* Congestion control: how many bytes of a connection may be under way, and how fast they go.
 *
 * An algorithm is a row of functions (VsCongestionAlgorithm) that TCP calls with what
 * happened; it answers by setting 'cwnd', 'ssthresh' and 'pacing_rate'.  It has no timer
 * and no network: tests drive it alone.  Its state lies inside the connection; nothing is
 * allocated.  Arithmetic is in integers, or in doubles with base/fmath.h: a run has the
 * same windows on every machine.
 *
 *     cubic   RFC 9438, with HyStart++ (RFC 9406); Linux' default
 *     reno    NewReno: RFC 5681, RFC 6582, appropriate byte counting (RFC 3465)
 *     dctcp   RFC 8257: reduces by the share of marks; for queues that mark early (ECN)
 *     bbr     BBR v1, paced by the delivery rate it measures
 *
 * In common to all but BBR: the window grows only while it is what limits the sender (Linux
 * tcp_is_cwnd_limited()), and a connection that was idle for longer than its time-out
 * begins again with the initial window at most, halved for each time-out that it was idle
 * (RFC 2861, Linux tcp_cwnd_restart()). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/time.h"
#include "transport/delivery.h"

#define VS_CONGESTION_CWND_MAX (UINT32_C(64) << 20)
#define VS_CONGESTION_NO_SSTHRESH UINT32_MAX /* Slow start has not ended yet. */
#define VS_DCTCP_ALPHA_ONE 1024              /* An 'alpha' of 1. */

typedef enum VsCongestionKind {
    VS_CONGESTION_CUBIC,
    VS_CONGESTION_RENO,
    VS_CONGESTION_DCTCP,
    VS_CONGESTION_BBR,
} VsCongestionKind;

/* By kind, NULL-terminated. */
extern const char *const vs_congestion_names[];

typedef struct VsCongestion VsCongestion;

/* An ACK that acknowledged something new. */
typedef struct VsCongestionAck {
    VsTime now;
    VsTime srtt;        /* Smoothed round trip; 0: none yet. */
    uint32_t acked;     /* Bytes. */
    uint64_t snd_una;   /* Position acknowledged up to; */
    uint64_t snd_nxt;   /* and sent up to: a round ends when that is acknowledged. */
    uint32_t in_flight; /* Bytes under way after it: neither arrived nor lost. */
    bool is_recovering; /* Recovery from a loss goes on. */
    bool is_growing;    /* No fast recovery nor reduction for marks forbids growth. */
    bool is_echo;       /* It says that packets were marked (ECE). */
    VsRateSample rate;  /* Filled in by vs_congestion_ack(). */
} VsCongestionAck;

typedef struct VsCongestionAlgorithm {
    /* It sets 'cwnd' in recovery, too; else that follows from 'ssthresh' (RFC 6937). */
    bool is_rate_based;

    /* 'cwnd' and 'mss' are set, the rest is zero. */
    void (*init)(VsCongestion *congestion);
    void (*on_ack)(VsCongestion *congestion, const VsCongestionAck *ack);

    /* An echo of marks, the first since the latest reduction was acknowledged. */
    void (*on_ecn)(VsCongestion *congestion, VsTime now);

    /* Fast recovery begins, with 'in_flight' bytes under way; and ends. */
    void (*on_loss)(VsCongestion *congestion, uint64_t in_flight, VsTime now);
    void (*on_recovered)(VsCongestion *congestion);

    /* A retransmission time-out; 'is_first': of this flight, which was in no recovery. */
    void (*on_timeout)(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                       VsTime now);

    /* It sends again after having had nothing under way for 'idle'. */
    void (*on_restart)(VsCongestion *congestion, VsTime idle, VsTime rto);
} VsCongestionAlgorithm;

/* HyStart++ (RFC 9406): rounds of slow start, watched for a rise of the round trip. */
typedef struct VsHystart {
    uint64_t round_end; /* Position; 0: no round has begun. */
    VsTime last_min; /* Smallest round trip of the round before; VS_TIME_NEVER: none. */
    VsTime current_min;
    VsTime baseline;   /* 'current_min' when conservative slow start began. */
    uint8_t n_samples; /* In this round. */
    uint8_t
        n_css_rounds; /* Of conservative slow start, this one counted; 0: not in it. */
} VsHystart;

typedef struct VsCubic {
    double w_max;        /* Segments; 0: no loss yet. */
    double cwnd_prior;   /* Segments, before the latest reduction. */
    bool has_epoch;      /* Congestion avoidance goes on since epoch_start... */
    bool is_after_loss;  /* ...after a reduction from w_max; else there is no curve. */
    float cwnd_fraction; /* Bytes that 'cwnd' lacks, below 1. */
    union {
        VsHystart hystart; /* In the first slow start. */
        struct {           /* After it. */
            VsTime epoch_start;
            VsTime last_ack;
            double w_est; /* Segments: what Reno would have. */
            double k_s;   /* Seconds from the epoch's start until w_max is reached. */
        };
    };
} VsCubic;

typedef struct VsReno {
    uint32_t counted; /* Bytes acknowledged towards the next increase. */
} VsReno;

typedef struct VsDctcp {
    uint32_t alpha;      /* Estimated share of marked bytes, of VS_DCTCP_ALPHA_ONE. */
    uint64_t window_end; /* Position whose acknowledgement ends the observation of... */
    uint64_t acked_bytes;  /* ...these bytes, */
    uint64_t marked_bytes; /* of which so many were marked. */
} VsDctcp;

/* A delivery rate, in 64 bytes per second, and the round in which it was measured. */
typedef struct VsBbrRate {
    uint32_t rate;
    uint32_t round;
} VsBbrRate;

typedef struct VsBbr {
    VsBbrRate best[3]; /* Of the latest rounds: the highest, and those after it. */
    VsTime min_rtt;    /* Or VS_TIME_NEVER. */
    VsTime min_rtt_at;
    VsTime
        since; /* Of the phase; when probing for round trips, the end of that, or 0. */
    uint64_t
        round_end; /* Position; what is sent beyond it belongs to the next round. */
    uint32_t round;
    uint32_t full_rate; /* The latest that was a quarter more than the one before. */
    uint32_t prior_cwnd;
    uint8_t n_full_rounds; /* Since full_rate. */
    uint8_t mode;
    uint8_t phase;
    bool is_full : 1; /* The pipe has been filled once. */
    bool is_round_start : 1;
    bool is_restarting : 1;
    bool is_probe_round_over : 1;
} VsBbr;

struct VsCongestion {
    const VsCongestionAlgorithm *algorithm;
    VsDelivery *delivery;   /* Borrowed while data are under way; or NULL. */
    VsTime last_sent;       /* New data. */
    uint64_t pacing_rate;   /* Bytes per second; 0: bursts as the window allows. */
    uint64_t usage_end;     /* Position whose acknowledgement ends the present round. */
    uint64_t reduced_until; /* What was sent before has had its marks answered. */
    uint32_t max_in_flight; /* Bytes, most of that round. */
    uint32_t cwnd;          /* Bytes. */
    uint32_t ssthresh;      /* Bytes. */
    uint32_t initial_window; /* Bytes. */
    uint16_t mss;
    bool is_measuring; /* The algorithm wants the rate samples of ACKs. */
    union {
        VsCubic cubic;
        VsBbr bbr;
        struct {
            VsReno reno; /* DCTCP grows so, too. */
            VsDctcp dctcp;
        };
    };
};

void vs_congestion_init(VsCongestion *congestion, VsCongestionKind kind, uint16_t mss,
                        uint32_t initial_segments);

/* Gives back what it has borrowed. */
void vs_congestion_clear(VsCongestion *congestion);

/* The path has another MSS now; the window in bytes stays. */
void vs_congestion_set_mss(VsCongestion *congestion, uint16_t mss);

/* New data up to 'end' were sent; all up to 'snd_una' is acknowledged.
 * 'deliveries' has VsDelivery to lend until all is. */
void vs_congestion_sent(VsCongestion *congestion, VsPool *deliveries, uint64_t snd_una,
                        uint64_t end, VsTime now);

/* Something was sent again. */
void vs_congestion_resent(VsCongestion *congestion);

/* All up to 'snd_nxt' was sent, and the owner has no more. */
void vs_congestion_sent_all(VsCongestion *congestion, uint64_t snd_una,
                            uint64_t snd_nxt);

/* Something is to be sent, and nothing is under way. */
void vs_congestion_restart(VsCongestion *congestion, VsTime now, VsTime rto);

/* True when the window was reduced for marks: the peer is to be told (CWR). */
bool vs_congestion_ack(VsCongestion *congestion, VsCongestionAck *ack);
void vs_congestion_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now);
void vs_congestion_recovered(VsCongestion *congestion);
void vs_congestion_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                           VsTime now);

/* The latest reduction was for nothing: 'cwnd' and 'ssthresh' are at least what they were
 * (Linux tcp_undo_cwnd_reduction(); curves of the algorithm stay as they are). */
void vs_congestion_undo(VsCongestion *congestion, uint32_t cwnd, uint32_t ssthresh);

/* Does 'kind' need ECN, and its receivers' exact echo of it (RFC 8257 section 3.2)? */
static inline bool
vs_congestion_needs_ecn(VsCongestionKind kind)
{
    return kind == VS_CONGESTION_DCTCP;
}

/* For the algorithms. */

static inline bool
vs_congestion_is_slow_start(const VsCongestion *congestion)
{
    return congestion->cwnd < congestion->ssthresh;
}

/* Was the window used up in this round?  In slow start, half of it will do. */
static inline bool
vs_congestion_is_limiting(const VsCongestion *congestion)
{
    if (vs_congestion_is_slow_start(congestion)) {
        return (uint64_t)2 * congestion->max_in_flight >= congestion->cwnd;
    }
    return congestion->max_in_flight + congestion->mss > congestion->cwnd;
}

/* Sets the window to 'bytes', within one segment and VS_CONGESTION_CWND_MAX. */
void vs_congestion_set_cwnd(VsCongestion *congestion, uint64_t bytes);

/* RFC 5681: one segment, and slow start up to 'ssthresh' from there. */
void vs_congestion_collapse(VsCongestion *congestion);

/* RFC 2861. */
void vs_congestion_decay(VsCongestion *congestion, VsTime idle, VsTime rto);

/* Slow start: adds 'acked', but not beyond ssthresh.  Returns what is left of it. */
uint32_t vs_congestion_slow_start(VsCongestion *congestion, uint32_t acked);

void vs_hystart_init(VsHystart *hystart);

/* Slow start of 'ack', watched if it is the first. */
void vs_hystart_grow(VsCongestion *congestion, VsHystart *hystart,
                     const VsCongestionAck *ack);

/* What DCTCP has of NewReno. */
void vs_reno_on_ack(VsCongestion *congestion, const VsCongestionAck *ack);
void vs_reno_on_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now);
void vs_reno_on_recovered(VsCongestion *congestion);
void vs_reno_on_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                        VsTime now);

/* Segments that the curve of the present epoch has at this time of it. */
double vs_cubic_window(const VsCubic *cubic, VsTime since_epoch);

extern const VsCongestionAlgorithm vs_congestion_bbr;
extern const VsCongestionAlgorithm vs_congestion_cubic;
extern const VsCongestionAlgorithm vs_congestion_dctcp;
extern const VsCongestionAlgorithm vs_congestion_reno;
