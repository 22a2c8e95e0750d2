#include "models/ingress/connection.h"

#include "models/ingress/channel.h"

typedef struct Target Target;

struct IngressConnection {
    IngressConnection *next; /* Among the idle of its target. */
    IngressConnection *previous;
    IngressConnections *owner;
    Target *target;
    VsTcp *tcp;
    IngressCall *call; /* Under way, or NULL. */
    bool is_idle;      /* In the list. */
    bool is_connected;
    uint32_t n_requests;
    VsTime opened;
    VsTimer timeout; /* Connect, read or idle. */
};

/* An address, with the idle connections to it. */
struct Target {
    VsAddr address;
    uint16_t port;
    IngressConnection *idle; /* The last used first. */
    uint32_t n_idle;
};

struct IngressConnections {
    IngressConnectionsConfig config;
    VsEntity *entity;
    IngressConnectionsStats *stats;
    VsPool pool;
    VsTable targets;           /* (address, port) to Target. */
    IngressChannels *channels; /* HTTP/2, which has none of the above; else NULL. */
};

enum { CONNECTIONS_A_SLAB = 32 };

static const VsTcpOps connection_ops;
static void connection_timeout(VsTimer *timer);

IngressConnections *
ingress_connections_new(const IngressConnectionsConfig *config, VsEntity *entity,
                        IngressConnectionsStats *stats)
{
    IngressConnections *connections = g_new0(IngressConnections, 1);

    connections->config = *config;
    connections->entity = entity;
    connections->stats = stats;
    vs_pool_init(&connections->pool, sizeof(IngressConnection), CONNECTIONS_A_SLAB);
    vs_table_init(&connections->targets);
    if (config->is_http2) {
        connections->channels = ingress_channels_new(config, entity, stats);
    }
    return connections;
}

void
ingress_connections_free(IngressConnections *connections)
{
    size_t cursor = 0;
    VsKey key;
    void *target;

    if (!connections) {
        return;
    }
    while (vs_table_next(&connections->targets, &cursor, &key, &target)) {
        g_free(target);
    }
    vs_table_clear(&connections->targets);
    vs_pool_clear(&connections->pool);
    ingress_channels_free(connections->channels);
    g_free(connections);
}

static inline VsTime
now_of(const IngressConnections *connections)
{
    return vs_now(connections->config.netns->run);
}

/* Time-outs of 0 never pass. */
static void
arm_timeout(IngressConnection *connection, VsTime timeout)
{
    if (timeout > 0) {
        vs_timer_arm(&connection->timeout, now_of(connection->owner) + timeout);
    } else {
        vs_timer_cancel(&connection->timeout);
    }
}

static Target *
target_get(IngressConnections *connections, VsAddr address, uint16_t port)
{
    VsKey key = {{(uint64_t)address << 16 | port, 0}};
    Target *target = vs_table_find(&connections->targets, key);

    if (!target) {
        target = g_new0(Target, 1);
        target->address = address;
        target->port = port;
        vs_table_insert(&connections->targets, key, target);
    }
    return target;
}

/* The end of the call, which its owner hears of next. */
static IngressCall *
detach_call(IngressConnection *connection)
{
    IngressCall *call = connection->call;

    vs_timer_cancel(&connection->timeout);
    connection->call = NULL;
    if (call) {
        call->connection = NULL;
    }
    return call;
}

static void
fail_call(IngressConnection *connection, IngressFailure failure)
{
    IngressCall *call = detach_call(connection);

    if (call) {
        call->ops->failed(call, failure);
    }
}

static void
push_idle(IngressConnection *connection)
{
    Target *target = connection->target;

    connection->is_idle = true;
    connection->previous = NULL;
    connection->next = target->idle;
    if (target->idle) {
        target->idle->previous = connection;
    }
    target->idle = connection;
    target->n_idle++;
}

static void
remove_idle(IngressConnection *connection)
{
    Target *target = connection->target;

    if (!connection->is_idle) {
        return;
    }
    connection->is_idle = false;
    target->n_idle--;
    if (connection->next) {
        connection->next->previous = connection->previous;
    }
    if (connection->previous) {
        connection->previous->next = connection->next;
    } else {
        target->idle = connection->next;
    }
}

/* It is in no list. */
static void
connection_free(IngressConnection *connection)
{
    vs_timer_cancel(&connection->timeout);
    vs_pool_free(&connection->owner->pool, connection);
}

static void
connection_close(IngressConnection *connection)
{
    VsTcp *tcp = connection->tcp;

    connection_free(connection);
    vs_tcp_set_user(tcp, NULL);
    vs_tcp_close(tcp);
}

void
ingress_connections_drop_idle(IngressConnections *connections)
{
    size_t cursor = 0;
    VsKey key;
    void *target_;

    if (connections->channels) {
        ingress_channels_drop(connections->channels);
    }
    while (vs_table_next(&connections->targets, &cursor, &key, &target_)) {
        Target *target = target_;

        while (target->idle) {
            IngressConnection *connection = target->idle;
            VsTcp *tcp = connection->tcp;

            remove_idle(connection);
            connection_free(connection);
            vs_tcp_abort(tcp);
        }
    }
}

/* True if no further request may go over it. */
static bool
has_expired(const IngressConnection *connection)
{
    const IngressConnectionsConfig *config = &connection->owner->config;

    return (config->keepalive_requests > 0 &&
            connection->n_requests >= config->keepalive_requests) ||
           (config->keepalive_time > 0 &&
            now_of(connection->owner) - connection->opened >= config->keepalive_time);
}

/* Its answer has come: it is kept for the next request, if it may be. */
static void
connection_keep(IngressConnection *connection, bool is_close)
{
    IngressConnections *owner = connection->owner;
    Target *target = connection->target;

    if (has_expired(connection)) {
        owner->stats->n_expired++;
        is_close = true;
    }
    if (is_close || target->n_idle >= owner->config.keepalive) {
        connection_close(connection);
        return;
    }
    push_idle(connection);
    arm_timeout(connection, owner->config.keepalive_timeout);
}

static void
connection_connected(VsTcp *tcp)
{
    IngressConnection *connection = vs_tcp_user(tcp);
    const IngressConnectionsConfig *config = &connection->owner->config;

    connection->is_connected = true;
    if (config->connect_timeout > 0) {
        arm_timeout(connection, config->read_timeout);
    }
}

static void
connection_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    IngressConnection *connection = vs_tcp_user(tcp);
    IngressCall *call;

    (void)bytes;
    if (!connection || !connection->call) {
        return; /* An answer that nobody asked for. */
    }
    call = detach_call(connection);
    if (payload->http.status == VS_HTTP_SWITCHING) {
        connection_free(connection);
        vs_tcp_set_user(tcp, NULL);
        call->ops->switched(call, tcp);
        return;
    }
    call->ops->answered(call, &payload->http);
    connection_keep(connection, payload->http.is_close);
}

static void
connection_finished(VsTcp *tcp)
{
    IngressConnection *connection = vs_tcp_user(tcp);

    if (!connection) {
        return;
    }
    remove_idle(connection);
    fail_call(connection, INGRESS_BROKEN);
    connection_close(connection);
}

static void
connection_broken(VsTcp *tcp, VsTcpEnd end)
{
    IngressConnection *connection = vs_tcp_user(tcp);

    (void)end;
    if (!connection) {
        return;
    }
    connection->owner->stats->n_failed++;
    remove_idle(connection);
    fail_call(connection,
              connection->is_connected ? INGRESS_BROKEN : INGRESS_CONNECT_FAILED);
    connection_free(connection);
}

static const VsTcpOps connection_ops = {
    .connected = connection_connected,
    .message = connection_message,
    .finished = connection_finished,
    .broken = connection_broken,
};

static void
connection_timeout(VsTimer *timer)
{
    IngressConnection *connection = VS_CONTAINER_OF(timer, IngressConnection, timeout);
    const IngressConnectionsConfig *config = &connection->owner->config;
    bool is_connecting = !connection->is_connected && config->connect_timeout > 0;
    VsTcp *tcp = connection->tcp;

    if (!connection->call) {
        connection->owner->stats->n_expired++;
        remove_idle(connection);
        connection_close(connection);
        return;
    }
    fail_call(connection,
              is_connecting ? INGRESS_CONNECT_TIMEOUT : INGRESS_READ_TIMEOUT);
    connection_free(connection);
    vs_tcp_abort(tcp);
}

static IngressConnection *
take_idle(Target *target)
{
    IngressConnection *connection = target->idle;

    if (connection) {
        remove_idle(connection);
    }
    return connection;
}

static IngressConnection *
connection_open(IngressConnections *connections, Target *target, VsJourney *journey)
{
    IngressConnection *connection = vs_pool_alloc(&connections->pool);

    *connection = (IngressConnection){
        .owner = connections, .target = target, .opened = now_of(connections)};
    vs_timer_init(&connection->timeout, connections->entity, connection_timeout);
    connection->tcp =
        vs_tcp_connect(connections->config.netns, 0, target->address, target->port,
                       journey, &connection_ops, connection);
    connections->stats->n_opened++;
    return connection;
}

void
ingress_call(IngressConnections *connections, IngressCall *call, VsAddr address,
             uint16_t port, const VsPayload *payload, bool may_reuse)
{
    const IngressConnectionsConfig *config = &connections->config;
    IngressConnection *connection;
    Target *target;

    if (connections->channels) {
        ingress_channels_call(connections->channels, call, address, port, payload,
                              may_reuse);
        return;
    }
    target = target_get(connections, address, port);
    connection = may_reuse ? take_idle(target) : NULL;
    call->is_reused = connection != NULL;
    if (connection) {
        connections->stats->n_reused++;
    } else {
        connection = connection_open(connections, target, vs_payload_journey(payload));
    }
    connection->call = call;
    connection->n_requests++;
    call->connection = connection;
    vs_tcp_send(connection->tcp, payload,
                payload->http.head_bytes + payload->http.body_bytes);
    arm_timeout(connection, !connection->is_connected && config->connect_timeout > 0
                                ? config->connect_timeout
                                : config->read_timeout);
}

void
ingress_call_cancel(IngressCall *call)
{
    IngressConnection *connection = call->connection;

    if (connection) {
        VsTcp *tcp = connection->tcp;

        detach_call(connection);
        connection_free(connection);
        vs_tcp_abort(tcp);
    } else {
        ingress_channels_cancel(call);
    }
}
