#include "transport/udp_server.h"

enum { REQUESTS_A_SLAB = 32 };

static bool
server_has_room(VsUdp *udp)
{
    VsUdpServer *server = udp->user;

    return !server->ops->has_room || server->ops->has_room(server);
}

static void
server_receive(VsUdp *udp, VsPacket *packet)
{
    VsUdpServer *server = udp->user;
    VsUdpRequest *request = vs_pool_alloc(&server->requests);

    vs_packet_arrive(packet);
    *request = (VsUdpRequest){.server = server,
                              .flow = vs_packet_top(packet)->flow,
                              .payload = packet->payload};
    server->ops->request(server, request);
}

static const VsUdpOps udp_ops = {.has_room = server_has_room,
                                 .receive = server_receive};

bool
vs_udp_server_open(VsUdpServer *server, VsNetns *netns, VsAddr address, uint16_t port,
                   const VsUdpServerOps *ops, void *user)
{
    *server = (VsUdpServer){.ops = ops, .user = user};
    vs_pool_init(&server->requests, sizeof(VsUdpRequest), REQUESTS_A_SLAB);
    return vs_udp_open(&server->socket, netns, address, port, &udp_ops, server);
}

void
vs_udp_server_close(VsUdpServer *server)
{
    if (server->ops) {
        vs_pool_clear(&server->requests);
        server->ops = NULL;
    }
}

void
vs_udp_server_reply(VsUdpRequest *request, const VsPayload *payload, uint32_t bytes)
{
    const VsFlow *flow = &request->flow;

    vs_udp_send(&request->server->socket, flow->daddr, flow->saddr, flow->sport,
                payload, bytes);
    vs_udp_server_ignore(request);
}

void
vs_udp_server_ignore(VsUdpRequest *request)
{
    vs_pool_free(&request->server->requests, request);
}
