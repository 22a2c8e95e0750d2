#include "models/ingress/channel.h"

typedef struct Target Target;

/* A connection. */
struct IngressChannel {
    IngressChannels *owner;
    Target *target;
    IngressChannel *next; /* Of all. */
    IngressChannel *previous;
    IngressChannel *next_with_room;
    IngressChannel *previous_with_room;
    VsTcp *tcp;
    VsHttp2Session *session; /* NULL: not connected yet. */
    IngressCall *waiting;    /* For that, in order. */
    IngressCall *last_waiting;
    uint32_t n_calls; /* Those, and streams. */
    uint32_t n_requests;
    VsTime opened;
    VsTimer timeout; /* To connect; idle; leaving: now. */
    bool has_room;   /* It is in the list of those. */
    bool is_idle;    /* It is connected, has no calls and is kept for the next. */
    bool is_leaving; /* It gets no calls any more. */
    bool is_lost;    /* Its calls are being told. */
};

/* An address, with its connections that have room, the last first. */
struct Target {
    VsAddr address;
    uint16_t port;
    IngressChannel *with_room;
    uint32_t n_idle;
};

struct IngressChannels {
    IngressConnectionsConfig config;
    VsEntity *entity;
    IngressConnectionsStats *stats;
    VsHttp2 http2;
    VsPool pool;
    VsTable targets; /* (address, port) to Target. */
    IngressChannel *all;
};

enum { CHANNELS_A_SLAB = 32 };

static const VsTcpOps channel_ops;
static const VsHttp2Ops session_ops;
static void channel_timeout(VsTimer *timer);
static void call_timeout(VsTimer *timer);

IngressChannels *
ingress_channels_new(const IngressConnectionsConfig *config, VsEntity *entity,
                     IngressConnectionsStats *stats)
{
    const VsHttp2Config http2 = {.n_streams = UINT32_MAX,
                                 .window = VS_HTTP2_WINDOW_BYTES};
    IngressChannels *channels = g_new0(IngressChannels, 1);

    channels->config = *config;
    channels->entity = entity;
    channels->stats = stats;
    vs_http2_open(&channels->http2, config->netns, &http2, &session_ops);
    vs_pool_init(&channels->pool, sizeof(IngressChannel), CHANNELS_A_SLAB);
    vs_table_init(&channels->targets);
    return channels;
}

void
ingress_channels_free(IngressChannels *channels)
{
    size_t cursor = 0;
    VsKey key;
    void *target;

    if (!channels) {
        return;
    }
    while (vs_table_next(&channels->targets, &cursor, &key, &target)) {
        g_free(target);
    }
    vs_table_clear(&channels->targets);
    vs_pool_clear(&channels->pool);
    vs_http2_close(&channels->http2);
    g_free(channels);
}

static inline VsTime
now_of(const IngressChannels *channels)
{
    return vs_now(channels->config.netns->run);
}

static Target *
target_get(IngressChannels *channels, VsAddr address, uint16_t port)
{
    VsKey key = {{(uint64_t)address << 16 | port, 0}};
    Target *target = vs_table_find(&channels->targets, key);

    if (!target) {
        target = g_new0(Target, 1);
        target->address = address;
        target->port = port;
        vs_table_insert(&channels->targets, key, target);
    }
    return target;
}

/* Room. ---------------------------------------------------------------------------- */

static uint32_t
capacity(const IngressChannel *channel)
{
    uint32_t streams = channel->owner->config.streams;
    uint32_t of_peer =
        channel->session ? channel->session->n_streams_max : VS_HTTP2_STREAMS_UNTOLD;

    return streams > 0 ? MIN(streams, of_peer) : of_peer;
}

/* Puts it into the list of those with room, or takes it from there. */
static void
list(IngressChannel *channel)
{
    Target *target = channel->target;
    bool has_room = !channel->is_leaving && channel->n_calls < capacity(channel);

    if (has_room == channel->has_room) {
        return;
    }
    channel->has_room = has_room;
    if (has_room) {
        channel->previous_with_room = NULL;
        channel->next_with_room = target->with_room;
        if (target->with_room) {
            target->with_room->previous_with_room = channel;
        }
        target->with_room = channel;
        return;
    }
    if (channel->next_with_room) {
        channel->next_with_room->previous_with_room = channel->previous_with_room;
    }
    if (channel->previous_with_room) {
        channel->previous_with_room->next_with_room = channel->next_with_room;
    } else {
        target->with_room = channel->next_with_room;
    }
}

/* Connections. --------------------------------------------------------------------- */

static IngressChannel *
channel_open(IngressChannels *channels, Target *target, VsJourney *journey)
{
    IngressChannel *channel = vs_pool_alloc(&channels->pool);

    *channel = (IngressChannel){.owner = channels,
                                .target = target,
                                .next = channels->all,
                                .opened = now_of(channels)};
    if (channel->next) {
        channel->next->previous = channel;
    }
    channels->all = channel;
    vs_timer_init(&channel->timeout, channels->entity, channel_timeout);
    if (channels->config.connect_timeout > 0) {
        vs_timer_arm(&channel->timeout,
                     channel->opened + channels->config.connect_timeout);
    }
    channel->tcp = vs_tcp_connect(channels->config.netns, 0, target->address,
                                  target->port, journey, &channel_ops, channel);
    channels->stats->n_opened++;
    return channel;
}

/* It is used no more, but for what is under way. */
static void
leave(IngressChannel *channel)
{
    channel->is_leaving = true;
    list(channel);
}

/* It waits for nothing any more. */
static void
end_idleness(IngressChannel *channel)
{
    if (channel->is_idle) {
        channel->is_idle = false;
        channel->target->n_idle--;
        vs_timer_cancel(&channel->timeout);
    }
}

/* It has no calls.  What TCP has still to say nobody hears. */
static void
channel_free(IngressChannel *channel)
{
    leave(channel);
    end_idleness(channel);
    if (channel->next) {
        channel->next->previous = channel->previous;
    }
    if (channel->previous) {
        channel->previous->next = channel->next;
    } else {
        channel->owner->all = channel->next;
    }
    vs_timer_cancel(&channel->timeout);
    vs_tcp_set_user(channel->tcp, NULL);
    if (channel->session) {
        vs_http2_session_free(channel->session);
    }
    vs_pool_free(&channel->owner->pool, channel);
}

/* From an event of its own, as HTTP/2 may still be at work on it. */
static void
close_soon(IngressChannel *channel)
{
    leave(channel);
    end_idleness(channel);
    vs_timer_arm(&channel->timeout, now_of(channel->owner));
}

/* It has no calls now: it is kept for the next, if it may be. */
static void
channel_rest(IngressChannel *channel)
{
    const IngressConnectionsConfig *config = &channel->owner->config;
    bool is_old = config->keepalive_time > 0 &&
                  now_of(channel->owner) - channel->opened >= config->keepalive_time;

    channel->owner->stats->n_expired += is_old && !channel->is_leaving;
    if (channel->is_leaving || is_old || channel->target->n_idle >= config->keepalive) {
        close_soon(channel);
        return;
    }
    channel->is_idle = true;
    channel->target->n_idle++;
    list(channel);
    if (config->keepalive_timeout > 0) {
        vs_timer_arm(&channel->timeout,
                     now_of(channel->owner) + config->keepalive_timeout);
    }
}

/* A call is over, and its owner will be told. */
static void
call_leave(IngressCall *call)
{
    IngressChannel *channel = call->channel;

    vs_timer_cancel(&call->timeout);
    call->channel = NULL;
    call->stream = NULL;
    channel->n_calls--;
    if (channel->is_lost) {
        return;
    }
    if (channel->n_calls == 0 && channel->session) {
        channel_rest(channel);
    } else {
        list(channel);
    }
}

static void
call_fail(IngressCall *call, IngressFailure failure)
{
    call_leave(call);
    call->ops->failed(call, failure);
}

static void
leave_waiting(IngressCall *call)
{
    IngressChannel *channel = call->channel;
    IngressCall *before = NULL;

    for (IngressCall *at = channel->waiting; at != call; at = at->next) {
        before = at;
    }
    if (before) {
        before->next = call->next;
    } else {
        channel->waiting = call->next;
    }
    if (channel->last_waiting == call) {
        channel->last_waiting = before;
    }
}

/* The connection has gone, and with it what is under way on it. */
static void
channel_lost(IngressChannel *channel, IngressFailure failure)
{
    VsHttp2Session *session = channel->session;

    channel->is_lost = true;
    leave(channel);
    if (session) {
        session->is_closed = true;
    }
    while (channel->waiting) {
        IngressCall *call = channel->waiting;

        channel->waiting = call->next;
        call_fail(call, failure);
    }
    while (session && session->streams) {
        VsHttp2Stream *stream = session->streams;
        IngressCall *call = stream->user;

        vs_http2_cancel(stream);
        call_fail(call, failure);
    }
    channel_free(channel);
}

static void
channel_timeout(VsTimer *timer)
{
    IngressChannel *channel = VS_CONTAINER_OF(timer, IngressChannel, timeout);

    if (channel->session) {
        channel->owner->stats->n_expired += channel->is_idle;
        vs_http2_session_close(channel->session);
        channel_free(channel);
    } else {
        VsTcp *tcp = channel->tcp;

        channel_lost(channel, INGRESS_CONNECT_TIMEOUT);
        vs_tcp_abort(tcp);
    }
}

void
ingress_channels_drop(IngressChannels *channels)
{
    while (channels->all) {
        VsTcp *tcp = channels->all->tcp;

        channel_free(channels->all);
        vs_tcp_abort(tcp);
    }
}

/* Calls. --------------------------------------------------------------------------- */

static void
call_send(IngressCall *call)
{
    IngressChannel *channel = call->channel;
    const IngressConnectionsConfig *config = &channel->owner->config;

    call->stream = vs_http2_request(channel->session, &call->payload, call);
    if (config->read_timeout > 0) {
        vs_timer_arm(&call->timeout, now_of(channel->owner) + config->read_timeout);
    }
}

static void
call_wait(IngressCall *call)
{
    IngressChannel *channel = call->channel;
    const IngressConnectionsConfig *config = &channel->owner->config;

    call->next = NULL;
    if (channel->waiting) {
        channel->last_waiting->next = call;
    } else {
        channel->waiting = call;
    }
    channel->last_waiting = call;
    if (config->connect_timeout == 0 && config->read_timeout > 0) {
        vs_timer_arm(&call->timeout, now_of(channel->owner) + config->read_timeout);
    }
}

void
ingress_channels_call(IngressChannels *channels, IngressCall *call, VsAddr address,
                      uint16_t port, const VsPayload *payload, bool may_reuse)
{
    const IngressConnectionsConfig *config = &channels->config;
    Target *target = target_get(channels, address, port);
    IngressChannel *channel = may_reuse ? target->with_room : NULL;

    call->is_reused = channel != NULL;
    call->is_untouched = false;
    call->payload = *payload;
    vs_timer_init(&call->timeout, channels->entity, call_timeout);
    if (channel) {
        channels->stats->n_reused++;
        end_idleness(channel);
    } else {
        channel = channel_open(channels, target, vs_payload_journey(payload));
    }
    call->channel = channel;
    channel->n_calls++;
    channel->n_requests++;
    if (config->keepalive_requests > 0 &&
        channel->n_requests >= config->keepalive_requests) {
        channels->stats->n_expired++;
        channel->is_leaving = true;
    }
    list(channel);
    if (channel->session) {
        call_send(call);
    } else {
        call_wait(call);
    }
}

void
ingress_channels_cancel(IngressCall *call)
{
    VsHttp2Stream *stream = call->stream;

    if (!call->channel) {
        return;
    }
    if (!stream) {
        leave_waiting(call);
        call_leave(call);
        return;
    }
    call->stream = NULL;
    vs_http2_cancel(stream);
    call_leave(call);
}

static void
call_timeout(VsTimer *timer)
{
    IngressCall *call = VS_CONTAINER_OF(timer, IngressCall, timeout);

    ingress_channels_cancel(call);
    call->ops->failed(call, INGRESS_READ_TIMEOUT);
}

/* What TCP tells. ------------------------------------------------------------------ */

static void
channel_connected(VsTcp *tcp)
{
    IngressChannel *channel = vs_tcp_user(tcp);

    if (!channel) {
        return;
    }
    vs_timer_cancel(&channel->timeout);
    channel->session = vs_http2_session_new(&channel->owner->http2, tcp, channel);
    for (IngressCall *call = channel->waiting; call; call = call->next) {
        call_send(call);
    }
    channel->waiting = NULL;
    if (channel->n_calls == 0) { /* They have been given up. */
        channel_rest(channel);
    }
}

static void
channel_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    IngressChannel *channel = vs_tcp_user(tcp);

    (void)bytes;
    if (channel && !vs_http2_session_receive(channel->session, payload)) {
        channel_lost(channel, INGRESS_BROKEN);
        vs_tcp_abort(tcp);
    }
}

static void
channel_finished(VsTcp *tcp)
{
    IngressChannel *channel = vs_tcp_user(tcp);

    vs_tcp_close(tcp);
    if (channel) {
        channel_lost(channel, INGRESS_BROKEN);
    }
}

static void
channel_broken(VsTcp *tcp, VsTcpEnd end)
{
    IngressChannel *channel = vs_tcp_user(tcp);

    (void)end;
    if (channel) {
        channel->owner->stats->n_failed++;
        channel_lost(channel,
                     channel->session ? INGRESS_BROKEN : INGRESS_CONNECT_FAILED);
    }
}

static void
channel_sendable(VsTcp *tcp)
{
    IngressChannel *channel = vs_tcp_user(tcp);

    if (channel && channel->session) {
        vs_http2_session_continue(channel->session);
    }
}

static const VsTcpOps channel_ops = {
    .connected = channel_connected,
    .message = channel_message,
    .finished = channel_finished,
    .broken = channel_broken,
    .sendable = channel_sendable,
};

/* What HTTP/2 tells. --------------------------------------------------------------- */

static void
session_message(VsHttp2Stream *stream, const VsPayload *payload)
{
    IngressCall *call = stream->user;

    call_leave(call);
    call->ops->answered(call, &payload->http);
}

/* What was not looked at may be sent again (RFC 9113, section 8.7). */
static void
session_reset(VsHttp2Stream *stream, bool is_untouched)
{
    IngressCall *call = stream->user;

    call->is_untouched = is_untouched;
    call_fail(call, INGRESS_BROKEN);
}

static void
session_going_away(VsHttp2Session *session)
{
    leave(session->user);
}

static void
session_has_room(VsHttp2Session *session)
{
    list(session->user);
}

/* At once, when there was nothing under way. */
static void
session_drained(VsHttp2Session *session)
{
    IngressChannel *channel = session->user;

    if (channel->n_calls == 0) {
        close_soon(channel);
    }
}

static const VsHttp2Ops session_ops = {
    .message = session_message,
    .reset = session_reset,
    .going_away = session_going_away,
    .has_room = session_has_room,
    .drained = session_drained,
};
