/* Rules of a packet filter: one model for both of Linux' dialects, iptables and nftables.
 *
 * A rule is a list of steps, taken in order: *matches*, which end the rule when they do not
 * hold, and *statements*, which do something; a verdict ends the rule.  iptables writes
 * matches and one target; nftables mixes them freely and looks keys up in sets and maps.
 * iptables.h and nft.h read and print the texts; evaluate.h walks the rules.
 *
 * Sources: Linux net/netfilter/x_tables.c, xt_*.c, ip_tables.c, nf_tables_core.c, nft_*.c;
 * iptables extensions/libxt_*.c; nftables doc/. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "engine/time.h"
#include "packet/flow.h"

typedef struct VsRuleset VsRuleset;
typedef struct VsRuleTable VsRuleTable;
typedef struct VsChain VsChain;
typedef struct VsRule VsRule;
typedef struct VsSet VsSet;

/* What rules can look at.  Addresses, ports and marks are in host byte order. */
typedef enum VsField {
    VS_FIELD_SADDR,
    VS_FIELD_DADDR,
    VS_FIELD_PROTOCOL,
    VS_FIELD_SPORT,
    VS_FIELD_DPORT,
    VS_FIELD_MARK,
    VS_FIELD_CT_MARK,
    VS_FIELD_CT_STATE,     /* VS_CT_STATE_* bits. */
    VS_FIELD_CT_STATUS,    /* VS_CT_STATUS_* bits. */
    VS_FIELD_CT_DIRECTION, /* 0 original, 1 reply. */
    VS_FIELD_CT_ORIG_SADDR,
    VS_FIELD_CT_ORIG_DADDR,
    VS_FIELD_CT_ORIG_SPORT,
    VS_FIELD_CT_ORIG_DPORT,
    VS_FIELD_CT_REPLY_SADDR,
    VS_FIELD_CT_REPLY_DADDR,
    VS_FIELD_SADDR_TYPE, /* VS_ADDR_TYPE_* bit of the source. */
    VS_FIELD_DADDR_TYPE,
    VS_FIELD_TCP_FLAGS,
    VS_FIELD_ICMP_TYPE, /* type << 8 | code. */
    VS_FIELD_LENGTH,    /* Of the IP packet, bytes. */
    VS_FIELD_TTL,
    VS_FIELD_UID, /* Of the local socket that sends; VS_UID_NONE: there is none. */
    VS_FIELD_GID,
    VS_FIELD_IIF, /* Names, not numbers: VS_STEP_NAME only. */
    VS_FIELD_OIF,
    VS_FIELD_PHYSIN, /* Bridge ports, of bridged packets. */
    VS_FIELD_PHYSOUT,
    VS_FIELD_NUMBER, /* What a VsNumber makes: of keys, and of VS_STEP_NUMBER. */
    VS_FIELD_LENGTH_
} VsField;
#define VS_N_FIELDS VS_FIELD_LENGTH_

#define VS_UID_NONE UINT32_MAX

/* Conntrack states as rules see them (xt_conntrack.h). */
#define VS_CT_STATE_INVALID 0x01
#define VS_CT_STATE_ESTABLISHED 0x02
#define VS_CT_STATE_RELATED 0x04
#define VS_CT_STATE_NEW 0x08
#define VS_CT_STATE_UNTRACKED 0x10
#define VS_CT_STATE_MASK 0x1f /* All of the above: what nft knows. */
#define VS_CT_STATE_SNAT 0x20 /* iptables' virtual states. */
#define VS_CT_STATE_DNAT 0x40

/* Conntrack status as rules see it (nf_conntrack_common.h: IPS_*). */
#define VS_CT_STATUS_EXPECTED 0x01
#define VS_CT_STATUS_SEEN_REPLY 0x02
#define VS_CT_STATUS_ASSURED 0x04
#define VS_CT_STATUS_CONFIRMED 0x08
#define VS_CT_STATUS_SNAT 0x10
#define VS_CT_STATUS_DNAT 0x20

/* Address types (xt_addrtype.h, fib). */
#define VS_ADDR_TYPE_UNSPEC 0x01
#define VS_ADDR_TYPE_UNICAST 0x02
#define VS_ADDR_TYPE_LOCAL 0x04
#define VS_ADDR_TYPE_BROADCAST 0x08
#define VS_ADDR_TYPE_MULTICAST 0x20
#define VS_ADDR_TYPE_BLACKHOLE 0x40
#define VS_ADDR_TYPE_UNREACHABLE 0x80

/* Modules of iptables: which "-m" a match belongs to; consecutive matches of one module
 * share it.  BASE is none: -s -d -p -i -o. */
typedef enum VsModule {
    VS_MODULE_BASE,
    VS_MODULE_TCP,
    VS_MODULE_UDP,
    VS_MODULE_SCTP,
    VS_MODULE_ICMP,
    VS_MODULE_COMMENT,
    VS_MODULE_ADDRTYPE,
    VS_MODULE_STATISTIC,
    VS_MODULE_RECENT,
    VS_MODULE_MARK,
    VS_MODULE_CONNMARK,
    VS_MODULE_CONNTRACK,
    VS_MODULE_STATE,
    VS_MODULE_SET,
    VS_MODULE_LIMIT,
    VS_MODULE_MULTIPORT,
    VS_MODULE_PHYSDEV,
    VS_MODULE_LENGTH,
    VS_MODULE_TTL,
    VS_MODULE_NFACCT,
    VS_MODULE_OWNER,
    VS_MODULE_LENGTH_
} VsModule;

typedef enum VsStepKind {
    /* Matches. */
    VS_STEP_RANGE,   /* (field & mask) in range.min..range.max. */
    VS_STEP_NUMBER,  /* nft: the next of range.number is in range.min..range.max. */
    VS_STEP_BITS,    /* (field & range.mask) != 0. */
    VS_STEP_NAME,    /* An interface's name; a last '+' (nft: '*') is any rest. */
    VS_STEP_PORTS,   /* multiport: ports of the list, on either side or both. */
    VS_STEP_LOOKUP,  /* The key of 'lookup' is in its set. */
    VS_STEP_RANDOM,  /* 31 random bits are below statistic.threshold. */
    VS_STEP_NTH,     /* Every so many packets. */
    VS_STEP_RECENT,  /* xt_recent. */
    VS_STEP_LIMIT,   /* Token bucket. */
    VS_STEP_PHYSDEV, /* is bridged, is in, is out: range.mask bits 1, 2, 4. */
    VS_STEP_COMMENT, /* Always holds; of NFACCT the name of what counts. */
    /* Statements. */
    VS_STEP_COUNTER, /* nft: counts here. */
    VS_STEP_VERDICT,
    VS_STEP_VMAP,     /* The verdict of the key in a map; without one, the rule ends. */
    VS_STEP_SET_MARK, /* mark = (mark & ~mask) ^ value. */
    VS_STEP_SET_CT_MARK,
    VS_STEP_SAVE_MARK,    /* ct mark = (ct mark & ~mask) ^ (mark & value): CONNMARK. */
    VS_STEP_RESTORE_MARK, /* mark = (mark & ~mask) ^ (ct mark & value). */
    VS_STEP_NOTRACK,
    VS_STEP_SET_ZONE, /* CT --zone, nft "ct zone set". */
    VS_STEP_DNAT,     /* Of a map: without the key, the rule ends. */
    VS_STEP_SNAT,
    VS_STEP_MASQUERADE,
    VS_STEP_REDIRECT,
    VS_STEP_REJECT,
    VS_STEP_LOG,
    VS_STEP_UPDATE, /* nft: adds or refreshes an element of a dynamic set; without room
                     * the rule ends. */
    VS_STEP_LENGTH_
} VsStepKind;

typedef enum VsVerdictKind {
    VS_RULE_CONTINUE, /* No verdict: the next rule. */
    VS_RULE_ACCEPT,
    VS_RULE_DROP,
    VS_RULE_RETURN,
    VS_RULE_JUMP,
    VS_RULE_GOTO,
} VsVerdictKind;

typedef struct VsRuleVerdict {
    VsVerdictKind kind;
    char *target;   /* JUMP, GOTO: name of the chain; owned. */
    VsChain *chain; /* The same, found by vs_ruleset_link(). */
} VsRuleVerdict;

typedef enum VsRejectWith {
    VS_REJECT_PORT_UNREACHABLE, /* icmp-port-unreachable, the default. */
    VS_REJECT_NET_UNREACHABLE,
    VS_REJECT_HOST_UNREACHABLE,
    VS_REJECT_PROTO_UNREACHABLE,
    VS_REJECT_NET_PROHIBITED,
    VS_REJECT_HOST_PROHIBITED,
    VS_REJECT_ADMIN_PROHIBITED,
    VS_REJECT_TCP_RESET,
} VsRejectWith;

/* Parts of the key of a lookup, in order; their values are packed into a VsKey by
 * vs_set_key(). */
enum { VS_KEY_MAX_FIELDS = 4 };

typedef enum VsNumberKind {
    VS_NUMBER_RANDOM, /* nft "numgen random": drawn anew each time. */
    VS_NUMBER_INC,    /* "numgen inc": 0, 1, .. modulus - 1, 0, .. */
    VS_NUMBER_JHASH,  /* "jhash": of fields of the packet. */
} VsNumberKind;

/* nft's own limit is what fits the kernel's registers: 12 parts of 4 bytes. */
enum { VS_HASH_MAX_FIELDS = 8 };

/* A number from 'offset' to offset + modulus - 1; number.h makes it. */
typedef struct VsNumber {
    VsNumberKind kind;
    uint32_t modulus; /* At least 1. */
    uint32_t offset;
    uint32_t next; /* INC, state: before the offset; starts at 0. */
    bool has_seed; /* JHASH: 'seed' was written; else it is drawn at the first use. */
    bool is_drawn; /* State: it has been. */
    uint32_t seed;
    unsigned n_fields; /* JHASH: what is hashed, in order. */
    VsField fields[VS_HASH_MAX_FIELDS];
    bool is_l4_generic[VS_HASH_MAX_FIELDS]; /* nft "th dport", not "tcp dport". */
} VsNumber;

typedef struct VsLookup {
    unsigned n_fields;
    VsField fields[VS_KEY_MAX_FIELDS];
    bool is_l4_generic[VS_KEY_MAX_FIELDS]; /* nft "th dport", not "tcp dport". */
    VsNumber *number; /* Owned; of the part that is VS_FIELD_NUMBER, one at most. */
    char *set_name;   /* Owned; NULL: the anonymous 'set', which the step owns. */
    VsSet *set;       /* Found by vs_ruleset_link() when it has a name. */
    bool is_inverted;
} VsLookup;

typedef enum VsRecentCheck {
    VS_RECENT_SET,
    VS_RECENT_RCHECK,
    VS_RECENT_UPDATE,
    VS_RECENT_REMOVE,
} VsRecentCheck;

typedef struct VsRecent {
    char *name; /* Of the list; owned. */
    VsRecentCheck check;
    bool is_inverted;
    bool is_destination;       /* --rdest */
    bool is_reaping;           /* --reap */
    uint32_t seconds;          /* 0: any age. */
    uint32_t hitcount;         /* 0: not asked. */
    VsAddr mask;               /* The first rule of a list decides for all. */
    struct VsRecentList *list; /* Found by vs_ruleset_link(). */
} VsRecent;

typedef enum VsPortSides {
    VS_PORTS_SOURCE = 1,
    VS_PORTS_DESTINATION = 2,
    VS_PORTS_EITHER = 3
} VsPortSides;

enum { VS_MULTIPORT_MAX = 15 };

typedef struct VsPorts {
    VsPortSides sides;
    bool is_inverted;
    unsigned n_ranges;
    struct {
        uint16_t min, max;
    } ranges[VS_MULTIPORT_MAX];
} VsPorts;

typedef struct VsLimit {
    uint32_t amount; /* Packets a 'unit'. */
    VsTime unit;
    uint32_t burst;
    bool is_inverted; /* nft "limit rate over". */
    VsTime credit;    /* State: unit/amount a packet; filled at the first packet. */
    VsTime updated;
    bool is_started;
} VsLimit;

/* DNAT, SNAT, MASQUERADE, REDIRECT: the range to choose from. */
typedef struct VsNatRange {
    bool has_address;
    VsAddr min_address, max_address;
    bool has_ports;
    uint16_t min_port, max_port;
    bool is_random;
    bool is_random_fully;
    bool is_persistent;
    VsLookup *map; /* Owned; nft: the range is that of the key's element.  Or NULL. */
} VsNatRange;

typedef struct VsRuleStep {
    VsStepKind kind;
    VsModule module;
    union {
        struct {
            VsField field;
            uint32_t mask, min, max; /* mask 0xffffffff but for prefixes and marks. */
            bool is_inverted;
            bool
                is_l4_generic; /* nft "th dport"; also "meta l4proto", not "ip protocol". */
            bool is_order;     /* nft "< N": from 0 or to UINT32_MAX, or not there. */
            VsNumber *number; /* Owned; of NUMBER, whose field is VS_FIELD_NUMBER. */
        } range;              /* RANGE, NUMBER, BITS, PHYSDEV. */
        struct {
            VsField field;
            char *name; /* Owned. */
            bool is_inverted;
        } name;
        VsPorts ports;
        VsLookup lookup; /* LOOKUP, VMAP. */
        struct {
            uint32_t threshold; /* Of 2^31. */
            bool is_inverted;
        } random;
        struct {
            uint32_t every, first; /* As written; 'first' is --packet. */
            uint32_t count;        /* State: packets so far, modulo 'every'. */
            bool is_inverted;
        } nth;
        VsRecent recent;
        VsLimit limit;
        char *comment; /* Owned. */
        struct {
            uint64_t n_packets, n_bytes;
        } counter;
        VsRuleVerdict verdict;
        struct {
            uint32_t value, mask;
        } mark; /* The five mark statements; SET_ZONE: value. */
        VsNatRange nat;
        VsRejectWith reject;
        struct {
            char *prefix; /* Owned; NULL: none. */
            uint32_t level;
        } log;
        struct {
            VsLookup key;
            VsTime timeout; /* 0: the set's. */
            bool is_add;    /* "add": an element that is there keeps its time. */
        } update;
    };
} VsRuleStep;

struct VsRule {
    VsChain *chain;
    uint32_t number; /* In its chain, from 1. */
    uint32_t handle; /* nft; 0: none. */
    uint32_t line;   /* Where it was read; 0: made here. */
    unsigned n_steps;
    VsRuleStep *steps;
    uint64_t n_packets; /* That all matches held for. */
    uint64_t n_bytes;
};
