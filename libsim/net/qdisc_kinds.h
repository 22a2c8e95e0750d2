/* The kinds of queue disciplines, and what each wants to know.
 *
 * Sources: the functions of Linux' net/sched that each file names; RFC 8289 (CoDel),
 * RFC 8290 (FQ-CoDel), RFC 3168 (ECN); the manual pages tc-*(8). */
#pragma once

#include "net/qdisc.h"

extern const VsQdiscKind vs_qdisc_pfifo;
extern const VsQdiscKind vs_qdisc_bfifo;
extern const VsQdiscKind vs_qdisc_pfifo_fast;
extern const VsQdiscKind vs_qdisc_tbf;
extern const VsQdiscKind vs_qdisc_htb;
extern const VsQdiscKind vs_qdisc_fq;
extern const VsQdiscKind vs_qdisc_codel;
extern const VsQdiscKind vs_qdisc_fq_codel;
extern const VsQdiscKind vs_qdisc_red;
extern const VsQdiscKind vs_qdisc_netem;

/* pfifo: packets; bfifo: bytes; pfifo_fast: packets in each of its three bands. */
typedef struct VsFifoConfig {
    uint64_t limit;
} VsFifoConfig;

/* The band of a type of service, 0 first: rt_tos2priority() and prio2band. */
unsigned vs_pfifo_fast_band(uint8_t tos);

typedef struct VsTbfConfig {
    uint64_t bits_per_s;
    uint64_t burst_bytes;
    uint64_t limit_bytes;     /* Of the bfifo inside, unless there is another. */
    uint64_t peak_bits_per_s; /* 0: none. */
    uint64_t peak_burst_bytes;
    VsQdisc *inner; /* Or NULL. */
} VsTbfConfig;

/* Which packets a class takes: all that are given must hold. */
typedef struct VsHtbMatch {
    uint32_t source, source_mask; /* Mask 0: any. */
    uint32_t destination, destination_mask;
    uint16_t source_port, destination_port; /* 0: any. */
    uint8_t protocol;                       /* 0: any. */
    int16_t dscp;                           /* Below 0: any. */
} VsHtbMatch;

typedef struct VsHtbClassConfig {
    unsigned parent; /* Its place among the classes, which is before this; own: none. */
    bool is_leaf;
    uint64_t bits_per_s;
    uint64_t ceil_bits_per_s;
    uint64_t burst_bytes;
    uint64_t ceil_burst_bytes;
    uint32_t quantum_bytes;
    unsigned prio;  /* 0 to 7, 0 first. */
    VsQdisc *inner; /* Of a leaf. */
    unsigned n_matches;
    VsHtbMatch *matches;
} VsHtbClassConfig;

#define VS_HTB_MAX_LEVELS 8
#define VS_HTB_N_PRIOS 8
#define VS_HTB_DIRECT UINT_MAX

typedef struct VsHtbConfig {
    unsigned n_classes;
    const VsHtbClassConfig *classes; /* Parents before children. */
    unsigned default_class;  /* VS_HTB_DIRECT: unlimited, before all others... */
    uint64_t direct_packets; /* ...and so many may wait. */
} VsHtbConfig;

typedef struct VsFqConfig {
    uint32_t packets_max;
    uint32_t flow_packets_max;
    uint32_t quantum_bytes;
    uint32_t initial_quantum_bytes;
    uint64_t flow_bits_per_s_max; /* 0: no pacing. */
    VsTime refill_delay;          /* An idle flow's credit is renewed after it. */
} VsFqConfig;

typedef struct VsCodelConfig {
    uint32_t packets_max;
    VsTime target;
    VsTime interval;
    uint32_t mtu_bytes; /* No drop while no more than this waits. */
    bool is_ecn;
} VsCodelConfig;

typedef struct VsFqCodelConfig {
    VsCodelConfig codel;
    uint32_t n_flows;
    uint32_t quantum_bytes;
    uint32_t drop_batch;
} VsFqCodelConfig;

typedef struct VsRedConfig {
    uint64_t limit_bytes;
    uint64_t min_bytes;
    uint64_t max_bytes;
    double probability; /* At max. */
    unsigned ewma;      /* The average's weight is 2^-ewma. */
    uint32_t average_packet_bytes;
    bool is_ecn;
} VsRedConfig;

typedef enum VsNetemDist {
    VS_NETEM_UNIFORM, /* delay - jitter to delay + jitter. */
    VS_NETEM_NORMAL,  /* Standard deviation: the jitter. */
    VS_NETEM_PARETO,  /* Exponent 3, mean 0 beyond the delay. */
} VsNetemDist;

/* Chances are parts of 1; a correlation is the weight of the random number before. */
typedef struct VsNetemConfig {
    uint32_t packets_max;
    VsTime delay, jitter;
    VsNetemDist distribution;
    double delay_correlation;
    double loss, loss_correlation;
    bool is_gilbert_elliott; /* Instead of 'loss'. */
    double good_to_bad, bad_to_good, loss_in_bad, loss_in_good;
    double duplicate, duplicate_correlation;
    double corrupt, corrupt_correlation;
    double reorder, reorder_correlation;
    uint32_t reorder_gap; /* 0: no reordering. */
    uint64_t bits_per_s;  /* 0: none. */
    VsQdisc *inner;       /* Or NULL. */
} VsNetemConfig;
