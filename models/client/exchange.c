#include "models/client/client.h"

enum { CONNECTIONS_A_SLAB = 32 };

void
client_exchange_open(Client *client, const char *host, const char *path, uint16_t port)
{
    VsNames *names = &client->host->part.run->packets->names;

    client->port = port;
    client->message =
        vs_http_new_request(names, host, path, client->config->body_bytes,
                            !client->config->is_keep_alive &&
                                client->config->closer == CLIENT_CLOSER_SERVER);
    vs_pool_init(&client->connections, sizeof(ClientConnection), CONNECTIONS_A_SLAB);
}

void
client_exchange_close(Client *client)
{
    if (client->message.kind != VS_PAYLOAD_NONE) {
        vs_pool_clear(&client->connections);
    }
}

static void
send_request(ClientRequest *request)
{
    VsPayload payload = request->client->message;

    client_enter_phase(request, CLIENT_PHASE_REQUEST);
    vs_payload_set_journey(&payload, &request->journey);
    vs_tcp_send(request->connection->tcp, &payload,
                payload.http.head_bytes + payload.http.body_bytes);
}

/* Takes an idle connection from the list; it is there. */
static void
unlink_idle(ClientConnection *connection)
{
    ClientConnection **link = &connection->client->idle;

    while (*link != connection) {
        link = &(*link)->next;
    }
    *link = connection->next;
}

static void
forget(ClientConnection *connection)
{
    vs_tcp_set_user(connection->tcp, NULL);
    if (connection->request) {
        connection->request->connection = NULL;
    } else if (connection->client->config->is_keep_alive) {
        unlink_idle(connection);
    }
    vs_pool_free(&connection->client->connections, connection);
}

static void
exchange_connected(VsTcp *tcp)
{
    ClientConnection *connection = vs_tcp_user(tcp);

    if (connection) {
        send_request(connection->request);
    }
}

static void
finish(ClientRequest *request, unsigned status)
{
    static const struct {
        unsigned status;
        ClientError error;
    } errors[] = {
        {404, CLIENT_ERROR_404},
        {502, CLIENT_ERROR_502},
        {503, CLIENT_ERROR_503},
        {504, CLIENT_ERROR_504},
    };

    if (status == 200) {
        client_complete(request);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].status == status) {
            client_fail(request, errors[i].error);
            return;
        }
    }
    client_fail(request, CLIENT_ERROR_STATUS);
}

static void
exchange_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    ClientConnection *connection = vs_tcp_user(tcp);
    ClientRequest *request = connection ? connection->request : NULL;

    (void)bytes;
    if (!request) {
        return; /* An answer that nobody waits for any more. */
    }
    request->connection = NULL;
    connection->request = NULL;
    if (connection->client->config->is_keep_alive) {
        connection->next = connection->client->idle;
        connection->client->idle = connection;
    } else if (connection->client->config->closer == CLIENT_CLOSER_CLIENT) {
        vs_tcp_close(tcp);
    }
    finish(request, payload->http.status);
}

/* The server has closed: it was asked to, or it has had enough. */
static void
exchange_finished(VsTcp *tcp)
{
    ClientConnection *connection = vs_tcp_user(tcp);

    if (connection) {
        ClientRequest *request = connection->request;

        forget(connection);
        vs_tcp_close(tcp);
        if (request) {
            client_fail(request, CLIENT_ERROR_RESET);
        }
    }
}

static void
exchange_broken(VsTcp *tcp, VsTcpEnd end)
{
    static const ClientError errors[] = {
        [VS_TCP_END_REFUSED] = CLIENT_ERROR_REFUSED,
        [VS_TCP_END_UNREACHABLE] = CLIENT_ERROR_UNREACHABLE,
        [VS_TCP_END_TIMED_OUT] = CLIENT_ERROR_TIMEOUT,
        [VS_TCP_END_RESET] = CLIENT_ERROR_RESET,
        [VS_TCP_END_NO_PORT] = CLIENT_ERROR_NO_PORT,
    };
    ClientConnection *connection = vs_tcp_user(tcp);

    if (connection) {
        ClientRequest *request = connection->request;

        forget(connection);
        if (request) {
            client_fail(request, errors[end]);
        }
    }
}

static const VsTcpOps exchange_ops = {
    .connected = exchange_connected,
    .message = exchange_message,
    .finished = exchange_finished,
    .broken = exchange_broken,
};

bool
client_reuse(ClientRequest *request)
{
    Client *client = request->client;
    ClientConnection *connection = client->idle;

    if (!connection) {
        return false;
    }
    client->idle = connection->next;
    connection->request = request;
    request->connection = connection;
    client_enter_phase(request, CLIENT_PHASE_CONNECT);
    send_request(request);
    return true;
}

void
client_connect(ClientRequest *request)
{
    Client *client = request->client;
    ClientConnection *connection = vs_pool_alloc(&client->connections);

    *connection = (ClientConnection){.client = client, .request = request};
    request->connection = connection;
    client_enter_phase(request, CLIENT_PHASE_CONNECT);
    client->n_connects++;
    connection->tcp =
        vs_tcp_connect(client->host->root, 0, client->address, client->port,
                       &request->journey, &exchange_ops, connection);
}

void
client_exchange_cancel(ClientRequest *request)
{
    ClientConnection *connection = request->connection;

    if (connection) {
        VsTcp *tcp = connection->tcp;

        forget(connection);
        vs_tcp_abort(tcp);
    }
    request->connection = NULL;
}
