/* Connection tracking: one table a namespace, each connection under both its tuples.
 *
 * Sources: Linux 6.6 net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{tcp,udp,icmp,
 * generic}.c and nf_conntrack-sysctl.rst.  An entry is made by the first packet (PREROUTING
 * or OUTPUT, priority -200) and enters the table when that packet leaves the namespace or
 * reaches a socket ("confirm").  A packet that is dropped on the way takes its entry with it.
 *
 * The race for the table: a core's walk takes simulated time, so a confirmed entry is seen
 * from the time on at which the walk reaches confirmation.  A packet that another core
 * looks up before makes an entry of its own, and clashes when it is confirmed.  Of two
 * overlapping walks the one that began first wins.
 *
 * Not modelled: TCP's windows are not checked (as with nf_conntrack_tcp_be_liberal, for RST
 * too; sequence numbers are followed only as far as timeouts and reopening need them);
 * helpers and expectations; zones of one direction; garbage collection of closing
 * connections in a full table; ICMP types other than echo and errors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/rng.h"
#include "base/table.h"
#include "engine/timer.h"
#include "net/netns.h"
#include "netfilter/rule.h"
#include "packet/packet.h"

typedef enum VsCtDir {
    VS_CT_ORIGINAL,
    VS_CT_REPLY,
} VsCtDir;

/* As the kernel names and numbers TCP's states. */
typedef enum VsCtState {
    VS_CT_NONE, /* UDP, ICMP. */
    VS_CT_SYN_SENT,
    VS_CT_SYN_RECV,
    VS_CT_ESTABLISHED,
    VS_CT_FIN_WAIT,
    VS_CT_CLOSE_WAIT,
    VS_CT_LAST_ACK,
    VS_CT_TIME_WAIT,
    VS_CT_CLOSE,
    VS_CT_SYN_SENT2, /* Simultaneous open. */
    VS_CT_N_STATES
} VsCtState;

/* Status bits: the kernel's numbers (IPS_*), of which rules see VS_CT_STATUS_*. */
#define VS_CT_SEEN_REPLY VS_CT_STATUS_SEEN_REPLY
#define VS_CT_ASSURED VS_CT_STATUS_ASSURED /* No early drop. */
#define VS_CT_CONFIRMED VS_CT_STATUS_CONFIRMED
#define VS_CT_SRC_NAT VS_CT_STATUS_SNAT
#define VS_CT_DST_NAT VS_CT_STATUS_DNAT
#define VS_CT_NAT_FAILED 0x0040 /* No unique tuple was found: its packet is dropped. */
#define VS_CT_SRC_NAT_DONE 0x0080
#define VS_CT_DST_NAT_DONE 0x0100
#define VS_CT_DYING \
    0x0200 /* Out of the table; the last packet that holds it frees it. */
#define VS_CT_FIXED_TIMEOUT 0x0400
#define VS_CT_NAT_CLASH 0x1000 /* In the table by its reply tuple only. */
#define VS_CT_STATUS_MASK 0x003f

typedef struct VsConntrack VsConntrack;
typedef struct VsConntrackEntry VsConntrackEntry;

/* What is remembered of a TCP connection beyond its state. */
typedef struct VsCtTcp {
    uint32_t end[2];   /* Highest sequence number sent, by direction. */
    uint32_t last_seq; /* Of the last segment looked at. */
    uint32_t last_ack;
    uint32_t last_end;
    uint16_t last_window;
    uint8_t last_dir;
    uint8_t last_kind; /* conntrack_tcp.c: SYN, SYN/ACK, FIN, ACK, RST. */
    uint8_t n_retransmitted;
    uint8_t flags;
} VsCtTcp;

struct VsConntrackEntry {
    VsConntrack *table;
    VsFlow tuple[2]; /* As received in each direction: reply's is what NAT will see. */
    uint16_t status;
    uint8_t state; /* VsCtState. */
    uint32_t mark; /* CONNMARK. */
    VsTime expires;
    VsTime visible; /* Other cores find it from then on. */
    union {
        VsCtTcp tcp;
        VsTime udp_stream; /* UDP: from then on an answered flow is a stream. */
    };
    VsTimer timeout; /* Armed for 'expires' as it was; late ones are armed again. */
    uint64_t n_packets[2];
    uint64_t number; /* Order of creation. */
    VsConntrackEntry
        *next_of_source; /* nat.c: of the same original source, translated. */
    VsConntrackEntry *previous_of_source;
    uint32_t n_holders; /* Packets that keep it alive. */
    /* Told once when the connection is over or the entry goes, but not when the namespace
     * itself goes; may be NULL. */
    void (*release)(VsConntrackEntry *entry);
    void *user; /* Of whoever set 'release'. */
};

/* What becomes of the loser of the race for the table. */
typedef enum VsCtClash {
    VS_CT_CLASH_INSERT, /* Linux 5.7: merged if the same, else kept for its replies. */
    VS_CT_CLASH_MERGE,  /* Linux 4.7: merged if the same, else dropped. */
    VS_CT_CLASH_DROP,   /* Before: dropped. */
} VsCtClash;

typedef struct VsConntrackConfig {
    uint32_t max;       /* nf_conntrack_max; 0: no limit. */
    uint32_t n_buckets; /* nf_conntrack_buckets: how far early drop looks; no cost. */
    VsTime tcp_timeout[VS_CT_N_STATES];
    VsTime tcp_unacknowledged_timeout; /* At most, while data is not acknowledged. */
    VsTime tcp_retransmitted_timeout;  /* At most, after 'tcp_max_retransmitted'. */
    uint8_t tcp_max_retransmitted;
    bool is_strict; /* nf_conntrack_tcp_loose=0: none picked up in the middle. */
    VsTime udp_timeout;
    VsTime udp_stream_timeout; /* Answered, and more than 2 s old. */
    VsTime icmp_timeout;
    VsTime generic_timeout;
    VsCtClash clash;
} VsConntrackConfig;

/* The kernel's defaults, with the two timeouts that kube-proxy sets. */
extern const VsConntrackConfig vs_conntrack_config_default;

/* The same with the size that kube-proxy gives the table of a node: 'max_per_core' entries
 * a core, at least 'min' (conntrack.maxPerCore and .min, by default 32768 and 131072);
 * buckets at least a quarter of that, and the kernel's own 262144 of machines with more
 * than 4 GB. */
VsConntrackConfig vs_conntrack_config_for(unsigned n_cores, uint32_t max_per_core,
                                          uint32_t min);

/* /proc/net/stat/nf_conntrack, by its names. */
typedef struct VsConntrackStats {
    uint64_t n_entries; /* Now. */
    uint64_t n_entries_max;
    uint64_t found;         /* Tuples that NAT wanted and another had. */
    uint64_t invalid;       /* Packets of no connection. */
    uint64_t insert_failed; /* Lost the race, or no unique tuple. */
    uint64_t drop;          /* Packets dropped for that, or for a full table. */
    uint64_t early_drop;    /* Entries that made room. */
    uint64_t icmp_error;    /* ICMP errors about no connection. */
    uint64_t clash_resolve;
} VsConntrackStats;

/* A nat rule: for the first packet of a connection; sets a translation with vs_nat_dst(),
 * vs_nat_src() or vs_nat_setup() and returns true, returns false to let the next rule see,
 * or drops the packet and sets *ret_stolen. */
typedef bool (*VsNatRule)(void *data, VsPacket *packet, VsConntrackEntry *entry,
                          const VsHookState *state, bool *ret_stolen);

typedef struct VsNatChain {
    unsigned n_rules;
    struct {
        VsNatRule rule;
        void *data;
    } rules[8];
} VsNatChain;

struct VsConntrack {
    VsNetns *netns;
    VsConntrackConfig config;
    VsTable tuples; /* Flow to entry, the direction in the lowest bit of the pointer. */
    VsPool entries;
    VsRng rng;                     /* Of NAT port allocation. */
    VsTable sources;               /* nat.c: original source to entries. */
    VsConntrackEntry *unconfirmed; /* Of the packet being handled, or dropped since. */
    VsConntrackEntry *over;        /* Ended by the packet being handled. */
    VsNatChain dst_rules;
    VsNatChain src_rules;
    uint64_t n_created;
    VsConntrackStats *stats;
};

/* Tracks connections in 'netns' from now on, with NAT (nat.h); freed with it.  Counts in
 * 'stats', which is zeroed and outlives the namespace. */
VsConntrack *vs_conntrack_attach(VsNetns *netns, const VsConntrackConfig *config,
                                 VsConntrackStats *stats);

/* The entry of which 'flow' is a tuple, or NULL; whether cores see it yet or not. */
VsConntrackEntry *vs_conntrack_find(const VsConntrack *conntrack, const VsFlow *flow,
                                    VsCtDir *ret_dir);

/* Where the peer of a local socket, whose flow as we send is 'flow', wanted to go before
 * rules sent it here (getsockopt SO_ORIGINAL_DST: nf_conntrack_proto.c, getorigdst).
 * False when no connection is known. */
bool vs_conntrack_original_destination(const VsConntrack *conntrack, const VsFlow *flow,
                                       VsAddr *ret_daddr, uint16_t *ret_dport);

/* True if a packet handled right now finds 'entry'. */
bool vs_conntrack_sees(const VsConntrack *conntrack, const VsConntrackEntry *entry);

/* Ends the connection: 'entry' leaves the table (conntrack -D). */
void vs_conntrack_delete(VsConntrackEntry *entry);

/* What rules see of a packet that has passed conntrack: one of VS_CT_STATE_INVALID,
 * ESTABLISHED, RELATED, NEW, UNTRACKED, with SNAT and DNAT where those are the
 * connection's; and VS_CT_STATUS_* (0 without a connection). */
uint32_t vs_conntrack_state(const VsPacket *packet);
uint32_t vs_conntrack_status(const VsPacket *packet);

/* Before conntrack (raw): it is not to be tracked, or in zone 'zone'. */
void vs_conntrack_set_notrack(VsPacket *packet);
void vs_conntrack_set_zone(VsPacket *packet, uint16_t zone);

/* Makes 'answer', made here about 'cause', RELATED to the connection of 'cause', in its
 * other direction, and translated with it (nf_ct_attach). */
void vs_conntrack_relate(const VsPacket *cause, VsPacket *answer);

/* All connections, in the order of their creation, as `conntrack -L` prints them, a line
 * each.  Newly allocated. */
char *vs_conntrack_print(const VsConntrack *conntrack);

const char *vs_ct_state_name(VsCtState state);
