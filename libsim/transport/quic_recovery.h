/* Loss detection and congestion control of QUIC (RFC 9002, with the names of its appendix):
 * which packets are lost, when to probe, and how much may be under way.
 *
 * It knows neither streams nor network: a connection tells it what was sent and what an ACK
 * frame says, and hears for each packet, once, whether it arrived or was lost.  The window is
 * that of transport/congestion.h.  What asks for no ACK is not recorded here; explicit
 * congestion notification is not modelled. */
#pragma once

#include "base/pool.h"
#include "packet/quic.h"
#include "transport/congestion.h"

#define VS_QUIC_INITIAL_RTT (333 * VS_MS)
#define VS_QUIC_GRANULARITY VS_MS

enum { VS_QUIC_PACKET_THRESHOLD = 3 };

typedef struct VsQuicRecovery VsQuicRecovery;

/* A packet that asks for an ACK and has got none. */
typedef struct VsQuicSent {
    struct VsQuicSent *next; /* In its space, by number. */
    uint64_t number;
    VsTime sent_at;
    uint32_t bytes;
    bool is_after_acked; /* One between it and the one before it has arrived. */
    VsQuicFrames frames;
} VsQuicSent;

typedef struct VsQuicRecoveryOps {
    /* 'sent' is freed after the call. */
    void (*acked)(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent);
    void (*lost)(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent);
} VsQuicRecoveryOps;

typedef struct VsQuicSpaceState {
    VsQuicSent *first; /* Under way. */
    VsQuicSent *last;
    bool has_acked;
    bool is_last_acked; /* After 'last' one was sent that has arrived. */
    uint64_t largest_acked;
    VsTime loss_time; /* When the next is lost if no ACK comes; VS_TIME_NEVER. */
    VsTime last_sent;
} VsQuicSpaceState;

struct VsQuicRecovery {
    const VsQuicRecoveryOps *ops;
    VsPool *sents;
    VsPool *deliveries;
    VsQuicSpaceState spaces[VS_QUIC_N_SPACES];
    VsCongestion congestion;
    VsTime max_ack_delay; /* The peer's, of VS_QUIC_DATA. */
    VsTime latest_rtt;
    VsTime srtt;
    VsTime rttvar;
    VsTime min_rtt;
    VsTime first_sample; /* When the first was taken; VS_TIME_NEVER: none yet. */
    VsTime recovery_start;
    bool has_recovery;  /* Packets sent until 'recovery_start' change no window. */
    bool is_recovering; /* None that was sent later has arrived. */
    uint32_t pto_count;
    uint64_t in_flight; /* Bytes. */
    uint64_t sent;      /* Bytes, ever. */
    bool
        is_confirmed; /* The handshake is (RFC 9001 section 4.1.2): the connection's. */
};

/* 'sents' has VsQuicSent, 'deliveries' VsDelivery. */
void vs_quic_recovery_init(VsQuicRecovery *recovery, const VsQuicRecoveryOps *ops,
                           VsPool *sents, VsPool *deliveries, VsCongestionKind kind,
                           uint16_t datagram_bytes, VsTime max_ack_delay);
void vs_quic_recovery_clear(VsQuicRecovery *recovery);

/* A packet with 'frames' goes now; numbers of a space rise. */
void vs_quic_recovery_sent(VsQuicRecovery *recovery, VsQuicSpace space, uint64_t number,
                           uint32_t bytes, const VsQuicFrames *frames, VsTime now);

/* An ACK frame came.  'is_validated': the peer takes our address for valid, so its ACK ends
 * the back-off of probes. */
void vs_quic_recovery_ack(VsQuicRecovery *recovery, VsQuicSpace space,
                          const VsQuicAck *ack, bool is_validated, VsTime now);

/* Keys of 'space' are gone, and with them what is under way in it. */
void vs_quic_recovery_discard(VsQuicRecovery *recovery, VsQuicSpace space);

/* The time without back-off after which 'space' is probed. */
VsTime vs_quic_recovery_pto(const VsQuicRecovery *recovery, VsQuicSpace space);

/* When vs_quic_recovery_due() is to be called, or VS_TIME_NEVER. */
VsTime vs_quic_recovery_next(const VsQuicRecovery *recovery);

/* It is that time.  True when 'ret_space' is to be probed; else losses have been told. */
bool vs_quic_recovery_due(VsQuicRecovery *recovery, VsTime now, VsQuicSpace *ret_space);
