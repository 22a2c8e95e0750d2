#include "fixture.h"

#include "transport/socket.h"

static void
tap_receive(VsHop *hop, VsPacket *packet)
{
    Tap *tap = VS_CONTAINER_OF(hop, Tap, hop);
    const VsLayer *top = vs_packet_top(packet);
    bool is_lost = vs_mix64(top->flow.saddr + ((uint64_t)tap->n_seen << 32)) % 1000000 <
                   tap->loss_ppm;

    tap->n_seen++;
    if (tap->is_logging) {
        Arrival arrival = {vs_now(tap->run), top->flow, top->tcp, packet->payload_bytes,
                           top->tos};

        g_array_append_val(tap->log, arrival);
    }
    if (packet->payload_bytes > 0 && tap->loss_every > 0) {
        is_lost = is_lost || ++tap->n_data % tap->loss_every == 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(tap->lost); i++) {
        is_lost = is_lost || tap->lost[i] == tap->n_seen;
    }
    if (is_lost) {
        vs_packet_drop(packet, VS_DROP_QUEUE_FULL);
    } else {
        tap->next->receive(tap->next, packet);
    }
}

static void
tap_init(Tap *tap, VsRun *run, VsHop *next)
{
    tap->hop.receive = tap_receive;
    tap->next = next;
    tap->run = run;
    tap->is_logging = true;
    tap->log = g_array_new(FALSE, FALSE, sizeof(Arrival));
}

const Arrival *
tap_get(const Tap *tap, unsigned index)
{
    static const Arrival none = {.time = NEVER};

    return index < tap->log->len ? &g_array_index(tap->log, Arrival, index) : &none;
}

static VsIface *
make_iface(VsHost *host, VsAddr address, uint32_t mtu)
{
    VsIface *iface = vs_iface_new(host->root, VS_IFACE_ETHERNET, "eth0");

    iface->mtu = mtu ? mtu : 1500;
    vs_iface_set_address(iface, address, 24);
    return iface;
}

Net *
net_new(const NetConfig *config)
{
    Net *net = g_new0(Net, 1);
    VsCosts costs = {.socket_send = config->socket_cost,
                     .socket_receive = config->socket_cost};
    VsHostConfig host = {.n_cores = 1, .backlog_max = UINT32_MAX, .costs = &costs};
    VsWireConfig wire = {.bits_per_s = config->bits_per_s,
                         .delay = config->delay,
                         .backlog_max =
                             config->backlog_max ? config->backlog_max : VS_TIME_NEVER,
                         .packets_max = config->packets_max,
                         .mark_packets = config->mark_packets};

    vs_run_init(&net->run, 1);
    vs_run_make_packets(&net->run);
    net->ps_per_byte = (VsTime)(8 * VS_S / (VsTime)config->bits_per_s);
    net->delay = config->delay;
    net->a = vs_host_new(&net->run, "a", &host);
    net->b = vs_host_new(&net->run, "b", &host);
    net->iface_a = make_iface(net->a, ADDRESS_A, config->mtu);
    net->iface_b = make_iface(net->b, ADDRESS_B, config->mtu);
    tap_init(&net->to_a, &net->run, &net->iface_a->card);
    tap_init(&net->to_b, &net->run, &net->iface_b->card);
    vs_wire_init(&net->ab, "a > b", &wire, &net->b->part, &net->to_b.hop);
    vs_wire_init(&net->ba, "b > a", &wire, &net->a->part, &net->to_a.hop);
    net->iface_a->wire = &net->ab;
    net->iface_b->wire = &net->ba;
    vs_neighbour_add(net->iface_a, ADDRESS_B, net->iface_b->mac);
    vs_neighbour_add(net->iface_b, ADDRESS_A, net->iface_a->mac);
    vs_sockets_of(net->a->root);
    vs_sockets_of(net->b->root);
    return net;
}

static void
check_conservation(Net *net)
{
    const VsPacketPool *pool = net->run.packets;
    uint64_t in_flight = vs_packets_in_flight(&net->run);
    uint64_t held = vs_host_n_held(net->a) + vs_host_n_held(net->b) +
                    vs_sockets_n_held(net->a->root) + vs_sockets_n_held(net->b->root) +
                    net->ab.in_flight.length + net->ba.in_flight.length;

    CU_ASSERT_EQUAL(in_flight, held);
    CU_ASSERT_EQUAL(pool->n_created,
                    pool->n_delivered + vs_packets_dropped(&net->run) + in_flight);
}

void
net_free(Net *net)
{
    check_conservation(net);
    vs_wire_clear(&net->ab);
    vs_wire_clear(&net->ba);
    vs_host_free(net->a);
    vs_host_free(net->b);
    CU_ASSERT_EQUAL(vs_packets_in_flight(&net->run), 0);
    g_array_free(net->to_a.log, TRUE);
    g_array_free(net->to_b.log, TRUE);
    vs_run_free_packets(&net->run);
    vs_run_clear(&net->run);
    g_free(net);
}

void
net_run(Net *net, VsTime until)
{
    vs_run_advance(&net->run, until, UINT64_MAX);
}

VsTime
net_time(const Net *net, uint64_t wire_bytes)
{
    return (VsTime)wire_bytes * net->ps_per_byte + net->delay;
}

void
net_set_tcp(Net *net, const VsTcpConfig *config)
{
    vs_sockets_set_tcp_config(vs_sockets_of(net->a->root), config);
    vs_sockets_set_tcp_config(vs_sockets_of(net->b->root), config);
}

static void
on_connected(VsTcp *tcp)
{
    Peer *peer = vs_tcp_user(tcp);

    peer->connected_at = vs_now(peer->run);
}

static void
on_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Peer *peer = vs_tcp_user(tcp);

    peer->n_messages++;
    peer->bytes += bytes;
    peer->message_at = vs_now(peer->run);
    peer->payload = *payload;
    if (peer->reply_bytes > 0) {
        vs_tcp_send(tcp, payload, peer->reply_bytes);
    }
    if (peer->is_closing_after_message) {
        vs_tcp_close(tcp);
    }
}

static void
on_finished(VsTcp *tcp)
{
    Peer *peer = vs_tcp_user(tcp);

    peer->finished_at = vs_now(peer->run);
    if (peer->is_closing_when_finished) {
        vs_tcp_close(tcp);
    }
}

static void
on_broken(VsTcp *tcp, VsTcpEnd end)
{
    Peer *peer = vs_tcp_user(tcp);

    peer->broken_at = vs_now(peer->run);
    peer->end = end;
    peer->tcp = NULL;
}

static void
on_closed(VsTcp *tcp)
{
    Peer *peer = vs_tcp_user(tcp);

    peer->closed_at = vs_now(peer->run);
    peer->tcp = NULL;
}

static const VsTcpOps peer_ops = {on_connected, on_message, on_finished,
                                  on_broken,    on_closed,  NULL};

void
peer_init(Peer *peer, VsRun *run)
{
    *peer = (Peer){.run = run,
                   .connected_at = NEVER,
                   .finished_at = NEVER,
                   .broken_at = NEVER,
                   .closed_at = NEVER,
                   .message_at = NEVER};
}

void
peer_connect(Peer *peer, Net *net, VsJourney *journey)
{
    peer->tcp =
        vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, journey, &peer_ops, peer);
}

void
peer_connect_to(Peer *peer, Net *net, VsAddr daddr)
{
    peer->tcp = vs_tcp_connect(net->a->root, 0, daddr, PORT, NULL, &peer_ops, peer);
}

void
peer_send(Peer *peer, uint64_t bytes)
{
    VsPayload payload = {.kind = VS_PAYLOAD_NONE};

    vs_tcp_send(peer->tcp, &payload, bytes);
}

static const VsTcpOps *
on_accept(VsTcpListener *listener, VsTcp *tcp)
{
    Server *server = listener->user;
    Peer *peer = &server->peers[server->n_peers++ % SERVER_MAX_PEERS];

    *peer = server->like;
    peer->tcp = tcp;
    vs_tcp_set_user(tcp, peer);
    return &peer_ops;
}

static const VsTcpListenerOps server_ops = {on_accept};

void
server_open(Server *server, Net *net, uint32_t backlog)
{
    memset(server, 0, sizeof(*server));
    peer_init(&server->like, &net->run);
    CU_ASSERT_TRUE(vs_tcp_listen(&server->listener, net->b->root, VS_ADDR_ANY, PORT,
                                 backlog, &server_ops, server));
}

typedef struct Alarm {
    VsTimer timer;
    void (*function)(void *data);
    void *data;
} Alarm;

static void
alarm_due(VsTimer *timer)
{
    Alarm *alarm = VS_CONTAINER_OF(timer, Alarm, timer);

    alarm->function(alarm->data);
    g_free(alarm);
}

void
net_at(VsHost *host, VsTime time, void (*function)(void *data), void *data)
{
    Alarm *alarm = g_new0(Alarm, 1);

    alarm->function = function;
    alarm->data = data;
    vs_timer_init(&alarm->timer, &host->entity, alarm_due);
    vs_timer_arm(&alarm->timer, time);
}
