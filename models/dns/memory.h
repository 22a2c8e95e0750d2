/* What a recursive resolver remembers: what it was told of names, and which servers have which
 * zones, each for its time to live. */
#pragma once

#include "vethsim-model.h"

/* What is known of a name in one type. */
typedef struct DnsFact {
    VsName name;
    VsName alias;                /* It is another name of this one; 0: it is not. */
    uint8_t code;                /* VS_DNS_NOERROR, NXDOMAIN. */
    const VsDnsRecords *records; /* For a question for the name alone; may be NULL. */
    uint64_t order;              /* Of the addresses, as in VsDns. */
    VsTime expires;
} DnsFact;

/* A server of a zone. */
typedef struct DnsTarget {
    VsName name;
    VsAddr address; /* 0: not told with the referral. */
} DnsTarget;

typedef struct DnsDelegation {
    VsName zone;
    GArray
        *targets; /* Of DnsTarget: one for each address of a server, or without any. */
    VsTime expires;
} DnsDelegation;

/* Addresses of a server that came with a referral: good for asking it, not as an answer. */
typedef struct DnsGlue {
    GArray *addresses; /* Of VsAddr. */
    VsTime expires;
} DnsGlue;

typedef struct DnsMemory {
    VsRun *run;
    VsTable facts;       /* Name and type. */
    VsTable delegations; /* Zone. */
    VsTable glue;        /* Name to DnsGlue. */
    VsTable parts; /* Records of messages and a name, to those that are its own. */
} DnsMemory;

void dns_memory_init(DnsMemory *memory, VsRun *run);

/* Zeroed memory is fine. */
void dns_memory_clear(DnsMemory *memory);

/* What is known of 'name' when asked for 'type'; NULL: nothing any more. */
const DnsFact *dns_memory_find(const DnsMemory *memory, VsName name, VsDnsType type);

/* Remembers 'fact', of all types where it is another name or none, for 'ttl'; what comes back
 * is as it is until the same is remembered anew. */
const DnsFact *dns_memory_add(DnsMemory *memory, const DnsFact *fact, VsDnsType type,
                              VsTime ttl);

/* The servers of the nearest zone that holds 'name'; NULL: not even those of the root are
 * known. */
DnsDelegation *dns_memory_closest(const DnsMemory *memory, VsName name);

/* The delegation of 'zone' without a server, to be filled; it lives as long as the memory. */
DnsDelegation *dns_memory_refer(DnsMemory *memory, VsName zone, VsTime ttl);

/* The addresses of the server 'name' are no longer what they were, but to be filled in. */
DnsGlue *dns_memory_glue(DnsMemory *memory, VsName name, VsTime ttl);

/* Those that are known of it, whoever said so; NULL: none. */
const DnsGlue *dns_memory_find_glue(const DnsMemory *memory, VsName name);

/* Of the records of 'answer' those for a question for 'name' alone. */
const VsDnsRecords *dns_memory_part(DnsMemory *memory, const VsDns *answer,
                                    VsName name);
