/* Questions that a server passes on: a cache of answers by name and type, and upstream servers
 * that are asked for what is not in it.  Of one question asked several times at once, one goes
 * upstream.  Resolvers are little else; CoreDNS' plugins forward and cache.
 *
 * A question by TCP goes upstream by TCP, one by UDP by UDP.  An answer that was cut short is
 * passed on to those who asked by UDP, and not kept. */
#pragma once

#include "models/dns/server.h"
#include "models/dns/upstream.h"

/* Which upstream is asked first; after a time-out the next of the list. */
typedef enum DnsPolicy {
    DNS_POLICY_SEQUENTIAL,
    DNS_POLICY_RANDOM,
    DNS_POLICY_ROUND_ROBIN,
} DnsPolicy;

typedef struct DnsForwardConfig {
    const VsRefs *upstreams;
    VsAddr address; /* Instead: the one upstream's. */
    unsigned
        subnet_bits; /* Of its clients' subnets, which are told upstream (RFC 7871), and
                           * answers kept for each; 0: they are not. */
    bool is_by_tcp;  /* All questions go by TCP: force_tcp. */
    DnsPolicy policy;
    VsTime timeout; /* A question not answered by then is asked again. */
    uint32_t attempts;
    uint32_t
        max_concurrent;    /* Questions under way; one more is REFUSED.  0: no limit. */
    VsTime max_ttl;        /* Nothing is kept for longer; VS_TIME_NEVER: no limit. */
    VsTime max_denial_ttl; /* The same of what has no address; 0: as max_ttl. */
} DnsForwardConfig;

typedef struct DnsForward {
    DnsServer *server;
    DnsForwardConfig config;
    unsigned n_upstreams;
    VsAddr *upstreams;
    unsigned n_chosen; /* ROUND_ROBIN. */
    VsRng rng;         /* RANDOM. */
    VsUdp client;      /* Our own questions; */
    DnsUpstreams tcp;  /* those by TCP. */
    VsTable cache;     /* Name and type to DnsCacheEntry. */
    uint16_t next_id;
    /* May be NULL.  The name between the one in question and the one forwarded; 0: none. */
    VsName (*find_via)(DnsServer *server, const VsDnsRequest *query);
    VsStage wait_stage;
    uint32_t n_concurrent;
    DnsCounts counts;
    uint64_t n_refused;
} DnsForward;

/* 'name' is that of the server, which is open; fails when an upstream has no address. */
bool dns_forward_open(DnsForward *forward, DnsServer *server, const char *name,
                      const DnsForwardConfig *config, const VsElement *element,
                      VsBuild *build, GError **error);
void dns_forward_close(DnsForward *forward);

/* Answers 'query' with what is known of 'name' in the type it asks for, now or when an upstream
 * has answered; where 'name' is another than it asks for, by way of a CNAME. */
void dns_forward_query(DnsForward *forward, VsDnsRequest *query, VsName name);
