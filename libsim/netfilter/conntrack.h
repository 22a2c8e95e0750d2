/* Connection tracking: one table a namespace, each connection under both its tuples.
 *
 * Sources: Linux net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_tcp.c and
 * nf_conntrack-sysctl.rst.  An entry is made by the first packet (PREROUTING or OUTPUT,
 * priority -200) and enters the table when that packet leaves the namespace or reaches a
 * socket ("confirm").  A packet that is dropped on the way takes its entry with it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/rng.h"
#include "base/table.h"
#include "engine/timer.h"
#include "net/netns.h"
#include "packet/packet.h"

typedef enum VsCtDir {
    VS_CT_ORIGINAL,
    VS_CT_REPLY,
} VsCtDir;

/* As the kernel names TCP's states in `conntrack -L`. */
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
    VS_CT_N_STATES
} VsCtState;

/* Status bits. */
#define VS_CT_SEEN_REPLY 0x01
#define VS_CT_ASSURED 0x02
#define VS_CT_CONFIRMED 0x04
#define VS_CT_SRC_NAT 0x08
#define VS_CT_DST_NAT 0x10
#define VS_CT_SRC_NAT_DONE 0x20
#define VS_CT_DST_NAT_DONE 0x40

typedef struct VsConntrack VsConntrack;
typedef struct VsConntrackEntry VsConntrackEntry;

struct VsConntrackEntry {
    VsConntrack *table;
    VsFlow tuple[2]; /* As received in each direction: reply's is what NAT will see. */
    uint8_t status;
    uint8_t state;       /* VsCtState. */
    uint8_t fin_seen[2]; /* By direction: FIN sent. */
    VsTime expires;
    VsTimer timeout; /* Armed for 'expires' as it was; late ones are armed again. */
    uint64_t n_packets[2];
    /* Told once when the connection is over or the entry goes; may be NULL. */
    void (*release)(VsConntrackEntry *entry);
    void *user; /* Of whoever set 'release'. */
};

typedef struct VsConntrackConfig {
    uint32_t max; /* nf_conntrack_max; 0: no limit. */
    VsTime tcp_timeout[VS_CT_N_STATES];
    VsTime udp_timeout;
    VsTime udp_stream_timeout; /* Replies seen. */
    VsTime icmp_timeout;
} VsConntrackConfig;

/* The kernel's defaults, with the two timeouts that kube-proxy sets. */
extern const VsConntrackConfig vs_conntrack_config_default;

/* A nat rule: for the first packet of a connection; sets a translation with vs_nat_dst()
 * or vs_nat_src() and returns true, returns false to let the next rule see, or drops the
 * packet and sets *ret_stolen. */
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
    VsConntrackEntry *unconfirmed; /* Of the packet being handled, or dropped since. */
    VsNatChain dst_rules;
    VsNatChain src_rules;
    uint64_t n_entries;
    uint64_t n_entries_max;
    uint64_t n_created;
    uint64_t n_full;
    uint64_t n_insert_failed;
};

/* Tracks connections in 'netns' from now on, with NAT (nat.h); freed with it. */
VsConntrack *vs_conntrack_attach(VsNetns *netns, const VsConntrackConfig *config);

/* The entry of which 'flow' is a tuple, or NULL. */
VsConntrackEntry *vs_conntrack_find(const VsConntrack *conntrack, const VsFlow *flow,
                                    VsCtDir *ret_dir);

const char *vs_ct_state_name(VsCtState state);
