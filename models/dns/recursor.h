/* Recursive resolution: a server finds answers on its own, from the root's servers down (RFC
 * 1034 section 5.3.3), and remembers what it learns on the way.
 *
 * A question that is not answered from memory is asked of a server of the nearest zone that is
 * known to hold the name (peers.h says which and for how long), by UDP, and by TCP if the answer was
 * cut short.  A referral leads on, with the addresses that come with it so far as they are of the
 * referring zone, else once those of one server were found in the same way; another name (CNAME) is
 * looked for in turn.  A server that fails, or does not have the zone after all, is not asked again
 * for the question.  Equal questions are asked once.  The first of all asks a root server for the
 * root's servers (RFC 8109).
 *
 * Bounded as in BIND 9: a question and those about servers that come of it send at most
 * 'max_queries', go 'max_depth' deep and follow 11 other names; more is SERVFAIL.  So is what no
 * server answers: with Unbound's selection each is asked 5 times, with BIND's for 10 s. */
#pragma once

#include "models/dns/memory.h"
#include "models/dns/peers.h"
#include "models/dns/server.h"
#include "models/dns/upstream.h"

/* How much of a name a server is told that is not known to have it (RFC 9156).  RELAXED asks with
 * the whole name when one above it is said not to exist, as servers that are at fault do; STRICT
 * takes their word. */
typedef enum DnsMinimisation {
    DNS_MINIMISATION_OFF,
    DNS_MINIMISATION_RELAXED,
    DNS_MINIMISATION_STRICT,
} DnsMinimisation;

typedef struct DnsRecursorConfig {
    const VsRefs *roots; /* Servers of the root, whose addresses are known (hints). */
    DnsSelection selection;
    DnsMinimisation minimisation;
    uint32_t max_queries;
    uint32_t max_depth;
    VsTime max_ttl;
    VsTime max_denial_ttl;
} DnsRecursorConfig;

typedef struct DnsRecursor {
    DnsServer *server;
    DnsRecursorConfig config;
    DnsMemory memory;
    DnsPeers peers;
    DnsDelegation hints;
    VsUdp client;
    DnsUpstreams tcp;
    VsTable tasks; /* Name and type to DnsTask. */
    VsTable asked; /* Id of a question under way to the same. */
    VsPool pool;   /* Of DnsTask. */
    uint16_t last_id;
    VsStage wait_stage;
    DnsCounts *counts;
    uint64_t n_by_tcp;
    uint64_t n_referrals;
    uint64_t n_timeouts;
    uint64_t n_lame;
} DnsRecursor;

/* 'name' is that of the server, which is open; what becomes of queries goes to 'counts'.  Fails
 * when a root server has no address. */
bool dns_recursor_open(DnsRecursor *recursor, DnsServer *server, const char *name,
                       const DnsRecursorConfig *config, DnsCounts *counts,
                       const VsElement *element, VsBuild *build, GError **error);

/* Zeroed memory is fine. */
void dns_recursor_close(DnsRecursor *recursor);

/* Answers 'query' now or when the answer is found. */
void dns_recursor_query(DnsRecursor *recursor, VsDnsRequest *query);
