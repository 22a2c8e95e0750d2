#include "transport/dns_socket.h"

#include "packet/dns.h"

enum {
    REQUESTS_A_SLAB = 32,
    CONNECTIONS_A_SLAB = 16,
    BACKLOG = 4096,
    TCP_BYTES_MAX = 65535,
};

struct VsDnsConnection {
    VsDnsSocket *socket;
    VsTcp *tcp;          /* NULL: gone. */
    unsigned n_requests; /* Not answered yet. */
    bool is_client_done;
};

static bool
is_question(const VsPayload *payload)
{
    return payload->kind == VS_PAYLOAD_DNS && !payload->dns.is_response;
}

static void
ask(VsDnsSocket *socket, VsDnsConnection *connection, const VsFlow *flow,
    const VsPayload *payload)
{
    VsDnsRequest *request = vs_pool_alloc(&socket->requests);

    *request = (VsDnsRequest){
        .socket = socket, .connection = connection, .flow = *flow, .payload = *payload};
    socket->asked(socket, request);
}

/* UDP. ------------------------------------------------------------------------------ */

static void
udp_receive(VsUdp *udp, VsPacket *packet)
{
    vs_packet_arrive(packet);
    if (is_question(&packet->payload)) {
        ask(udp->user, NULL, &vs_packet_top(packet)->flow, &packet->payload);
    }
}

/* An ICMP error for an answer: the client has gone. */
static const VsUdpOps udp_ops = {.receive = udp_receive};

/* TCP. ------------------------------------------------------------------------------ */

static void
free_if_done(VsDnsConnection *connection)
{
    if (connection->n_requests > 0) {
        return;
    }
    if (!connection->tcp) {
        vs_pool_free(&connection->socket->connections, connection);
    } else if (connection->is_client_done) {
        vs_tcp_close(connection->tcp);
    }
}

static void
tcp_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
tcp_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsDnsConnection *connection = vs_tcp_user(tcp);
    VsFlow flow = vs_flow_reverse(vs_tcp_flow(tcp));

    (void)bytes;
    if (is_question(payload)) {
        connection->n_requests++;
        ask(connection->socket, connection, &flow, payload);
    }
}

static void
tcp_finished(VsTcp *tcp)
{
    VsDnsConnection *connection = vs_tcp_user(tcp);

    connection->is_client_done = true;
    free_if_done(connection);
}

static void
tcp_closed(VsTcp *tcp)
{
    VsDnsConnection *connection = vs_tcp_user(tcp);

    connection->tcp = NULL;
    free_if_done(connection);
}

static void
tcp_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)end;
    tcp_closed(tcp);
}

static const VsTcpOps tcp_ops = {
    .connected = tcp_connected,
    .message = tcp_message,
    .finished = tcp_finished,
    .broken = tcp_broken,
    .closed = tcp_closed,
};

static const VsTcpOps *
tcp_accept(VsTcpListener *listener, VsTcp *tcp)
{
    VsDnsSocket *socket = listener->user;
    VsDnsConnection *connection = vs_pool_alloc(&socket->connections);

    *connection = (VsDnsConnection){.socket = socket, .tcp = tcp};
    vs_tcp_set_user(tcp, connection);
    socket->n_connections++;
    return &tcp_ops;
}

static const VsTcpListenerOps listener_ops = {.accept = tcp_accept};

/* Both. ----------------------------------------------------------------------------- */

bool
vs_dns_socket_open(VsDnsSocket *socket, VsNetns *netns, VsAddr address,
                   void (*asked)(VsDnsSocket *, VsDnsRequest *), void *user)
{
    socket->asked = asked;
    socket->user = user;
    vs_pool_init(&socket->requests, sizeof(VsDnsRequest), REQUESTS_A_SLAB);
    vs_pool_init(&socket->connections, sizeof(VsDnsConnection), CONNECTIONS_A_SLAB);
    return vs_udp_open(&socket->udp, netns, address, VS_DNS_PORT, &udp_ops, socket) &&
           vs_tcp_listen(&socket->listener, netns, address, VS_DNS_PORT, BACKLOG,
                         &listener_ops, socket);
}

void
vs_dns_socket_close(VsDnsSocket *socket)
{
    if (socket->asked) {
        vs_pool_clear(&socket->requests);
        vs_pool_clear(&socket->connections);
        socket->asked = NULL;
    }
}

static void
reply_by_udp(VsDnsRequest *request, VsPayload *payload, const VsNames *names)
{
    VsDnsSocket *socket = request->socket;
    const VsFlow *flow = &request->flow;
    uint32_t max_bytes = MAX(request->payload.dns.edns_bytes, VS_DNS_UDP_BYTES);

    vs_dns_fit(&payload->dns, names, max_bytes, socket->is_lazy);
    socket->n_truncated += payload->dns.is_truncated;
    vs_udp_send(&socket->udp, flow->daddr, flow->saddr, flow->sport, payload,
                vs_dns_measure(&payload->dns, names));
}

static void
reply_by_tcp(VsDnsRequest *request, VsPayload *payload, const VsNames *names)
{
    VsDnsConnection *connection = request->connection;

    vs_dns_fit(&payload->dns, names, TCP_BYTES_MAX, request->socket->is_lazy);
    if (connection->tcp) {
        vs_tcp_send(connection->tcp, payload,
                    VS_DNS_TCP_LENGTH_BYTES + vs_dns_measure(&payload->dns, names));
    }
    connection->n_requests--;
    free_if_done(connection);
}

void
vs_dns_reply(VsDnsRequest *request, VsPayload *payload)
{
    const VsNames *names = &request->socket->udp.netns->run->packets->names;

    if (request->connection) {
        reply_by_tcp(request, payload, names);
    } else {
        reply_by_udp(request, payload, names);
    }
    vs_pool_free(&request->socket->requests, request);
}
