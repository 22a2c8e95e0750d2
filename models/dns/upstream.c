#include "models/dns/upstream.h"

#define EXPIRE (10 * VS_S)

enum { LINKS_A_SLAB = 16 };

struct DnsUpstreamLink {
    DnsUpstreams *upstreams;
    VsTcp *tcp;
    VsAddr server;
    void *asker;           /* NULL: it is idle. */
    DnsUpstreamLink *next; /* Idle ones. */
    VsTimer expiry;
};

static void
unlink_idle(DnsUpstreamLink *link)
{
    DnsUpstreamLink **at = &link->upstreams->idle;

    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
}

/* Nobody hears of the connection any more. */
static void
forget(DnsUpstreamLink *link)
{
    if (!link->asker) {
        unlink_idle(link);
    }
    vs_timer_cancel(&link->expiry);
    vs_tcp_set_user(link->tcp, NULL);
    vs_pool_free(&link->upstreams->links, link);
}

static void
link_expired(VsTimer *timer)
{
    DnsUpstreamLink *link = VS_CONTAINER_OF(timer, DnsUpstreamLink, expiry);
    VsTcp *tcp = link->tcp;

    forget(link);
    vs_tcp_close(tcp);
}

static void
link_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
link_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    DnsUpstreamLink *link = vs_tcp_user(tcp);
    DnsUpstreams *upstreams;
    void *asker;

    (void)bytes;
    if (!link || !link->asker) {
        return;
    }
    upstreams = link->upstreams;
    asker = link->asker;
    link->asker = NULL;
    link->next = upstreams->idle;
    upstreams->idle = link;
    vs_timer_arm(&link->expiry, vs_now(upstreams->netns->run) + EXPIRE);
    upstreams->answered(upstreams, asker, &payload->dns);
}

static void
lose(DnsUpstreamLink *link)
{
    DnsUpstreams *upstreams = link->upstreams;
    void *asker = link->asker;

    forget(link);
    if (asker) {
        upstreams->answered(upstreams, asker, NULL);
    }
}

static void
link_finished(VsTcp *tcp)
{
    DnsUpstreamLink *link = vs_tcp_user(tcp);

    if (link) { /* Else we have closed already. */
        lose(link);
        vs_tcp_close(tcp);
    }
}

static void
link_broken(VsTcp *tcp, VsTcpEnd end)
{
    DnsUpstreamLink *link = vs_tcp_user(tcp);

    (void)end;
    if (link) {
        lose(link);
    }
}

static const VsTcpOps link_ops = {
    .connected = link_connected,
    .message = link_message,
    .finished = link_finished,
    .broken = link_broken,
};

void
dns_upstreams_open(DnsUpstreams *upstreams, VsNetns *netns, VsEntity *entity,
                   void (*answered)(DnsUpstreams *, void *, const VsDns *))
{
    *upstreams = (DnsUpstreams){.netns = netns, .entity = entity, .answered = answered};
    vs_pool_init(&upstreams->links, sizeof(DnsUpstreamLink), LINKS_A_SLAB);
}

void
dns_upstreams_close(DnsUpstreams *upstreams)
{
    if (upstreams->netns) {
        vs_pool_clear(&upstreams->links);
        upstreams->netns = NULL;
    }
}

static DnsUpstreamLink *
find_idle(DnsUpstreams *upstreams, VsAddr server)
{
    DnsUpstreamLink *link = upstreams->idle;

    while (link && link->server != server) {
        link = link->next;
    }
    return link;
}

DnsUpstreamLink *
dns_upstreams_ask(DnsUpstreams *upstreams, VsAddr server, const VsPayload *question,
                  void *asker)
{
    const VsNames *names = &upstreams->netns->run->packets->names;
    DnsUpstreamLink *link = find_idle(upstreams, server);

    if (link) {
        unlink_idle(link);
        vs_timer_cancel(&link->expiry);
    } else {
        link = vs_pool_alloc(&upstreams->links);
        *link = (DnsUpstreamLink){.upstreams = upstreams, .server = server};
        vs_timer_init(&link->expiry, upstreams->entity, link_expired);
        upstreams->n_connects++;
        link->tcp = vs_tcp_connect(upstreams->netns, 0, server, VS_DNS_PORT,
                                   vs_payload_journey(question), &link_ops, link);
    }
    link->asker = asker;
    vs_tcp_send(link->tcp, question,
                VS_DNS_TCP_LENGTH_BYTES + vs_dns_measure(&question->dns, names));
    return link;
}

void
dns_upstreams_cancel(DnsUpstreamLink *link)
{
    VsTcp *tcp = link->tcp;

    forget(link);
    vs_tcp_abort(tcp);
}
