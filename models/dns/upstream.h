/* A server's own questions by TCP: connections to upstream servers, each with one question at a
 * time; one that is idle is used again for as long as CoreDNS' plugin forward keeps it (10 s). */
#pragma once

#include "vethsim-model.h"

typedef struct DnsUpstreams DnsUpstreams;
typedef struct DnsUpstreamLink DnsUpstreamLink;

struct DnsUpstreams {
    VsNetns *netns;
    VsEntity *entity;

    /* What came of the question of 'asker', whose link is given back or gone: the answer, or
     * NULL when the connection broke. */
    void (*answered)(DnsUpstreams *upstreams, void *asker, const VsDns *answer);
    VsPool links;
    DnsUpstreamLink *idle;
    uint64_t n_connects;
};

void dns_upstreams_open(DnsUpstreams *upstreams, VsNetns *netns, VsEntity *entity,
                        void (*answered)(DnsUpstreams *, void *, const VsDns *));

/* The namespace's sockets must not run any more.  Zeroed memory is fine. */
void dns_upstreams_close(DnsUpstreams *upstreams);

/* Asks 'server' for 'asker'.  What comes back is good until 'answered' or
 * dns_upstreams_cancel(). */
DnsUpstreamLink *dns_upstreams_ask(DnsUpstreams *upstreams, VsAddr server,
                                   const VsPayload *question, void *asker);

/* Nobody waits for the answer any more: the connection is reset. */
void dns_upstreams_cancel(DnsUpstreamLink *link);
