/* Questions of a recursive resolver under way. */
#pragma once

#include "models/dns/recursor.h"

#define DNS_TCP_WAIT (3 * VS_S)       /* Unbound: TCP_AUTH_QUERY_TIMEOUT. */
#define DNS_BIND_DEADLINE (10 * VS_S) /* resolver-query-timeout. */

enum {
    DNS_EDNS_BYTES = 1232,
    DNS_UNBOUND_TRIES = 5, /* outbound-msg-retry. */
    DNS_ALIASES_MAX = 11,  /* BIND: max-query-restarts; Unbound: MAX_RESTART_COUNT. */
    DNS_CANDIDATES_MAX =
        64, /* Addresses of a zone's servers; more are not looked at. */
};

typedef struct DnsTask DnsTask;

/* Names that lead from the one in question to the one that is looked for. */
typedef struct DnsChain {
    VsName names[DNS_ALIASES_MAX];
    unsigned n;
    VsName last;
    uint32_t ttl_s; /* The shortest on the way. */
} DnsChain;

/* A server's part in a task: how often it was asked for the name in its zone. */
typedef struct DnsTried {
    VsAddr address;
    unsigned n_asked;
    bool is_out; /* It said that it cannot answer. */
} DnsTried;

struct DnsTask {
    DnsRecursor *recursor;
    VsName name;
    uint8_t type;
    DnsChain chain;
    DnsTask *
        root; /* Whose 'n_sent' it uses up: its own, or that of the first that waits. */
    uint32_t n_sent;
    VsTime started;
    unsigned depth;

    /* Who waits for it, in order of arrival; a task waits for one other at most. */
    VsDnsRequest *waiting;
    VsDnsRequest *last_waiting;
    DnsTask *parents;
    DnsTask *next_parent;
    DnsTask *awaits;

    DnsDelegation *delegation; /* The servers in use; NULL: to be found. */
    GArray *tried;             /* Of DnsTried, of these; */
    GArray *found;             /* DnsTarget: addresses found for them; */
    GArray *missing;           /* VsName: those for which none can be. */
    unsigned n_shown; /* Labels below the zone that its servers said something of. */
    unsigned n_minimised;
    bool is_minimised_no_more;

    /* The question under way: */
    VsName asked_name;
    uint8_t asked_type;
    VsAddr asked;
    uint16_t id;
    bool is_by_tcp;
    VsTime sent;
    VsTime wait;
    DnsUpstreamLink *link;
    VsTimer timeout;
};

/* Goes on: from memory, or by asking.  The task may be gone afterwards. */
void dns_task_step(DnsTask *task);

/* Whom 'task' may ask now, of the servers whose addresses are known. */
unsigned dns_task_candidates(const DnsTask *task,
                             DnsCandidate ret_candidates[DNS_CANDIDATES_MAX]);

/* A server of the zone whose address is not known, and may be found; false: none. */
bool dns_task_find_unknown(const DnsTask *task, VsName *ret_name);

/* What the server is asked: the name, or as much of it as is told a server that may not have it
 * (RFC 9156), and the type. */
void dns_task_choose_name(DnsTask *task);

/* Asks the same server the same again, by TCP. */
void dns_task_ask_by_tcp(DnsTask *task);

/* Looks for 'alias' from now on, of which the present name is another for 'ttl'; false: there
 * have been too many. */
bool dns_task_follow(DnsTask *task, VsName alias, VsTime ttl);

/* Asks the servers of 'delegation' from now on (NULL: the nearest to the name). */
void dns_task_use(DnsTask *task, DnsDelegation *delegation);

/* It ends with 'fact', or without (SERVFAIL), and is gone. */
void dns_task_end(DnsTask *task, const DnsFact *fact);

/* The part of 'task' that the server 'address' has; made if it has none. */
DnsTried *dns_task_tried(DnsTask *task, VsAddr address);

/* Takes what came back for the question under way, 'elapsed' after it was sent. */
void dns_task_take(DnsTask *task, const VsDns *answer);
