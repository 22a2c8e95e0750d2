/* Closing: FIN, RST, TIME_WAIT, and owners that act from within what they are told. */
#include "fixture.h"

#include "transport/tcp_internal.h"

static const NetConfig gigabit = {.bits_per_s = 1000000000, .delay = VS_MS};

typedef struct Pair {
    Net *net;
    Server server;
    Peer client;
    Peer *peer; /* The server's end. */
    VsTime way; /* Of a segment without data. */
} Pair;

/* A connection, established and silent, at 1 s. */
static void
pair_open(Pair *pair)
{
    pair->net = net_new(&gigabit);
    server_open(&pair->server, pair->net, 10);
    peer_init(&pair->client, &pair->net->run);
    peer_connect(&pair->client, pair->net, NULL);
    net_run(pair->net, VS_S);
    pair->peer = &pair->server.peers[0];
    pair->way = net_time(pair->net, ACK_WIRE_BYTES);
    CU_ASSERT_NOT_EQUAL(pair->peer->connected_at, NEVER);
}

static size_t
n_connections(const VsHost *host)
{
    return vs_table_length(&host->root->sockets->connections);
}

static void
test_active_side_closes_first(void)
{
    Pair p;

    pair_open(&p);
    p.peer->is_closing_when_finished = true;
    vs_tcp_close(p.client.tcp);
    CU_ASSERT_EQUAL(vs_tcp_state(p.client.tcp), VS_TCP_FIN_WAIT_1);
    net_run(p.net, 2 * VS_S);

    /* FIN, FIN with ACK, ACK. */
    CU_ASSERT_EQUAL(p.peer->finished_at, VS_S + p.way);
    CU_ASSERT_EQUAL(p.client.finished_at, VS_S + 2 * p.way);
    CU_ASSERT_EQUAL(p.client.closed_at, VS_S + 2 * p.way);
    CU_ASSERT_EQUAL(p.peer->closed_at, VS_S + 3 * p.way);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 1); /* TIME_WAIT. */
    CU_ASSERT_EQUAL(n_connections(p.net->b), 0);
    CU_ASSERT_EQUAL(p.client.broken_at, NEVER);
    CU_ASSERT_EQUAL(p.peer->broken_at, NEVER);
    net_free(p.net);
}

static void
test_passive_side_closes_first(void)
{
    Pair p;

    pair_open(&p);
    p.client.is_closing_when_finished = true;
    net_run(p.net, VS_S);
    vs_tcp_close(p.peer->tcp);
    net_run(p.net, 2 * VS_S);
    CU_ASSERT_EQUAL(p.client.finished_at, VS_S + p.way);
    CU_ASSERT_EQUAL(p.peer->closed_at, VS_S + 2 * p.way);
    CU_ASSERT_EQUAL(p.client.closed_at, VS_S + 3 * p.way);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 0);
    CU_ASSERT_EQUAL(n_connections(p.net->b), 1);
    net_free(p.net);
}

static void
test_both_sides_close_at_once(void)
{
    Pair p;

    pair_open(&p);
    vs_tcp_close(p.client.tcp);
    vs_tcp_close(p.peer->tcp);
    net_run(p.net, VS_S + p.way);
    CU_ASSERT_EQUAL(vs_tcp_state(p.client.tcp), VS_TCP_CLOSING);
    CU_ASSERT_EQUAL(vs_tcp_state(p.peer->tcp), VS_TCP_CLOSING);
    net_run(p.net, 2 * VS_S);
    CU_ASSERT_EQUAL(p.client.finished_at, VS_S + p.way);
    CU_ASSERT_EQUAL(p.client.closed_at, VS_S + 2 * p.way);
    CU_ASSERT_EQUAL(p.peer->closed_at, VS_S + 2 * p.way);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 1);
    CU_ASSERT_EQUAL(n_connections(p.net->b), 1);
    net_free(p.net);
}

static void
test_half_closed_connection_still_receives(void)
{
    Pair p;

    pair_open(&p);
    vs_tcp_close(p.client.tcp);
    net_run(p.net, 2 * VS_S);
    CU_ASSERT_EQUAL(vs_tcp_state(p.client.tcp), VS_TCP_FIN_WAIT_2);
    CU_ASSERT_EQUAL(vs_tcp_state(p.peer->tcp), VS_TCP_CLOSE_WAIT);
    peer_send(p.peer, 5000);
    vs_tcp_close(p.peer->tcp);
    net_run(p.net, 3 * VS_S);
    CU_ASSERT_EQUAL(p.client.bytes, 5000);
    CU_ASSERT_NOT_EQUAL(p.client.closed_at, NEVER);
    CU_ASSERT_NOT_EQUAL(p.peer->closed_at, NEVER);
    net_free(p.net);
}

static void
test_fin_wait_2_ends_after_60_s_of_silence(void)
{
    Pair p;

    pair_open(&p);
    vs_tcp_close(p.client.tcp);
    net_run(p.net, 11 * VS_S);
    peer_send(p.peer, 5);
    net_run(p.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(p.client.message_at, 11 * VS_S + p.way);
    CU_ASSERT_EQUAL(p.client.broken_at, p.client.message_at + 60 * VS_S);
    CU_ASSERT_EQUAL(p.client.end, VS_TCP_END_TIMED_OUT);
    net_free(p.net);
}

static void
test_data_sent_before_closing_arrive(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    server.like.is_closing_when_finished = true;
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    peer_send(&client, 100000);
    peer_send(&client, 1);
    vs_tcp_close(client.tcp); /* Long before the handshake is done. */
    net_run(net, VS_S);
    CU_ASSERT_EQUAL(server.peers[0].n_messages, 2);
    CU_ASSERT_EQUAL(server.peers[0].bytes, 100001);
    CU_ASSERT_NOT_EQUAL(client.closed_at, NEVER);
    CU_ASSERT_NOT_EQUAL(server.peers[0].closed_at, NEVER);
    net_free(net);
}

/* Each segment of the closing lost in turn: it takes longer, and ends the same. */
static void
test_lost_segments_of_closing_are_made_good(void)
{
    for (unsigned i = 0; i < 4; i++) {
        Pair p;
        Tap *tap;

        pair_open(&p);
        tap = i % 2 == 0 ? &p.net->to_b : &p.net->to_a;
        p.peer->is_closing_when_finished = true;
        tap->lost[0] = tap->n_seen + 1 + i / 2;
        vs_tcp_close(p.client.tcp);
        net_run(p.net, 40 * VS_S);
        CU_ASSERT_NOT_EQUAL(p.client.closed_at, NEVER);
        CU_ASSERT_NOT_EQUAL(p.peer->closed_at, NEVER);
        CU_ASSERT_EQUAL(n_connections(p.net->a), 1);
        CU_ASSERT_EQUAL(n_connections(p.net->b), 0);
        net_free(p.net);
    }
}

/* The last ACK is lost: the peer's FIN comes again after its time-out, finds TIME_WAIT
 * and is answered. */
static void
test_time_wait_answers_a_repeated_fin(void)
{
    Pair p;
    VsTime rto;

    pair_open(&p);
    rto = p.peer->tcp->srtt + 200 * VS_MS;
    p.peer->is_closing_when_finished = true;
    p.net->to_b.lost[0] = p.net->to_b.n_seen + 2;
    vs_tcp_close(p.client.tcp);
    net_run(p.net, 2 * VS_S);
    CU_ASSERT_EQUAL(p.peer->closed_at, VS_S + p.way + rto + 2 * p.way);

    /* And TIME_WAIT begins again. */
    net_run(p.net, VS_S + p.way + rto + p.way + 60 * VS_S - 1);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 1);
    net_run(p.net, p.net->run.now + 1);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 0);
    net_free(p.net);
}

static void
test_time_wait_lasts_60_s_and_keeps_the_port(void)
{
    Pair p;
    VsSockets *sockets;

    pair_open(&p);
    sockets = p.net->a->root->sockets;
    p.peer->is_closing_when_finished = true;
    vs_tcp_close(p.client.tcp);
    net_run(p.net, 2 * VS_S);

    sockets->next_port[VS_PORTS_TCP] = VS_EPHEMERAL_FIRST;
    peer_connect(&p.client, p.net, NULL);
    CU_ASSERT_EQUAL(vs_tcp_flow(p.client.tcp)->sport, VS_EPHEMERAL_FIRST + 1);
    vs_tcp_abort(p.client.tcp);

    net_run(p.net, VS_S + 2 * p.way + 60 * VS_S - 1);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 1);
    net_run(p.net, p.net->run.now + 1);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&sockets->tcps), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&sockets->time_waits), 0);

    sockets->next_port[VS_PORTS_TCP] = VS_EPHEMERAL_FIRST;
    peer_connect(&p.client, p.net, NULL);
    CU_ASSERT_EQUAL(vs_tcp_flow(p.client.tcp)->sport, VS_EPHEMERAL_FIRST);
    net_free(p.net);
}

/* The server closed first and has the TIME_WAIT; its client calls from the same port. */
static void
test_new_syn_ends_time_wait(void)
{
    Pair p;

    pair_open(&p);
    p.client.is_closing_when_finished = true;
    vs_tcp_close(p.peer->tcp);
    net_run(p.net, 2 * VS_S);
    CU_ASSERT_EQUAL(n_connections(p.net->b), 1);

    p.net->a->root->sockets->next_port[VS_PORTS_TCP] = VS_EPHEMERAL_FIRST;
    peer_init(&p.client, &p.net->run);
    peer_connect(&p.client, p.net, NULL);
    net_run(p.net, 3 * VS_S);
    CU_ASSERT_EQUAL(p.client.connected_at,
                    2 * VS_S + 2 * net_time(p.net, SYN_WIRE_BYTES));
    CU_ASSERT_EQUAL(p.server.n_peers, 2);
    CU_ASSERT_EQUAL(vs_tcp_stats(p.net->a->root)->n_retransmitted, 0);
    net_free(p.net);
}

static void
test_abort_resets_the_peer(void)
{
    Pair p;

    pair_open(&p);
    peer_send(&p.client, 100000);
    vs_tcp_abort(p.client.tcp);
    net_run(p.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(p.client.broken_at, NEVER);
    CU_ASSERT_NOT_EQUAL(p.peer->broken_at, NEVER);
    CU_ASSERT_EQUAL(p.peer->end, VS_TCP_END_RESET);
    CU_ASSERT_EQUAL(n_connections(p.net->a), 0);
    CU_ASSERT_EQUAL(n_connections(p.net->b), 0);
    net_free(p.net);
}

static void
test_data_for_a_forgotten_connection_are_reset(void)
{
    Pair p;

    pair_open(&p);
    vs_tcp_retire(p.peer->tcp, VS_TCP_CLOSED); /* As if b had been restarted. */
    vs_sockets_free_dead(p.net->b->root->sockets);
    peer_send(&p.client, 6); /* As long as a padded ACK. */
    net_run(p.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(p.client.end, VS_TCP_END_RESET);
    CU_ASSERT_EQUAL(p.client.broken_at, VS_S + 2 * p.way);
    net_free(p.net);
}

/* Owners that do the same thing in whatever they are told. */
typedef enum Deed {
    DEED_NONE,
    DEED_SEND,
    DEED_CLOSE,
    DEED_ABORT,
    DEED_SEND_AND_CLOSE,
    DEED_SEND_AND_ABORT,
    DEED_CLOSE_AND_ABORT,
    N_DEEDS
} Deed;

typedef enum Moment {
    MOMENT_ACCEPT,
    MOMENT_CONNECTED,
    MOMENT_MESSAGE,
    MOMENT_FINISHED,
    MOMENT_BROKEN,
    MOMENT_CLOSED,
    N_MOMENTS
} Moment;

typedef struct Actor {
    Moment moment;
    Deed deed;
} Actor;

static void
act(VsTcp *tcp, Moment moment)
{
    Actor *actor = vs_tcp_user(tcp);
    Deed deed = actor->moment == moment ? actor->deed : DEED_NONE;
    VsPayload payload = {0};

    if (deed == DEED_NONE) {
        return;
    }
    actor->deed = DEED_NONE; /* Once. */
    if (deed == DEED_SEND || deed == DEED_SEND_AND_CLOSE ||
        deed == DEED_SEND_AND_ABORT) {
        vs_tcp_send(tcp, &payload, 3000);
    }
    if (deed == DEED_CLOSE || deed == DEED_SEND_AND_CLOSE ||
        deed == DEED_CLOSE_AND_ABORT) {
        vs_tcp_close(tcp);
    }
    if (deed == DEED_ABORT || deed == DEED_SEND_AND_ABORT ||
        deed == DEED_CLOSE_AND_ABORT) {
        vs_tcp_abort(tcp);
    }
}

static void
act_connected(VsTcp *tcp)
{
    act(tcp, MOMENT_CONNECTED);
}

static void
act_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)payload;
    (void)bytes;
    act(tcp, MOMENT_MESSAGE);
}

static void
act_finished(VsTcp *tcp)
{
    act(tcp, MOMENT_FINISHED);
    vs_tcp_close(tcp);
}

static void
act_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)end;
    act(tcp, MOMENT_BROKEN);
}

static void
act_closed(VsTcp *tcp)
{
    act(tcp, MOMENT_CLOSED);
}

static const VsTcpOps act_ops = {act_connected, act_message, act_finished,
                                 act_broken,    act_closed,  NULL};

static const VsTcpOps *
act_accept(VsTcpListener *listener, VsTcp *tcp)
{
    vs_tcp_set_user(tcp, listener->user);
    act(tcp, MOMENT_ACCEPT);
    return &act_ops;
}

static const VsTcpListenerOps act_listener_ops = {act_accept};

static void
abort_client(void *tcp)
{
    vs_tcp_abort(tcp);
}

/* Three messages at once and the end; all is gone after a while, whatever was done. */
static void
act_once(Moment moment, Deed deed, bool is_server, bool is_on_loopback)
{
    Net *net = net_new(&gigabit);
    Actor idle = {0};
    Actor actor = {moment, deed};
    VsPayload payload = {0};
    VsTcpListener listener;
    VsNetns *from = is_on_loopback ? net->b->root : net->a->root;
    VsTcp *tcp;

    vs_tcp_listen(&listener, net->b->root, VS_ADDR_ANY, PORT, 10, &act_listener_ops,
                  is_server ? &actor : &idle);
    tcp = vs_tcp_connect(from, 0, ADDRESS_B, PORT, NULL, &act_ops,
                         is_server ? &idle : &actor);
    for (unsigned i = 0; i < 3; i++) {
        vs_tcp_send(tcp, &payload, 1000 + 3000 * i);
    }
    if (moment == MOMENT_BROKEN) {
        net_at(net->a, 5 * VS_MS, abort_client, tcp);
        net_run(net, 4 * VS_MS);
        CU_ASSERT_TRUE(vs_tcp_is_alive(tcp));
    } else {
        vs_tcp_close(tcp);
    }
    net_run(net, 200 * VS_S);
    CU_ASSERT_EQUAL(n_connections(net->a), 0);
    CU_ASSERT_EQUAL(n_connections(net->b), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&net->b->root->sockets->tcps), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&net->b->root->sockets->messages), 0);
    net_free(net);
}

static void
test_owners_may_do_anything_anywhere(void)
{
    for (Moment moment = MOMENT_ACCEPT; moment < N_MOMENTS; moment++) {
        for (Deed deed = DEED_NONE; deed < N_DEEDS; deed++) {
            bool is_sending = deed == DEED_SEND || deed == DEED_SEND_AND_CLOSE ||
                              deed == DEED_SEND_AND_ABORT;

            act_once(moment, deed, true, false);
            act_once(moment, deed, true, moment != MOMENT_BROKEN);
            /* The client has closed: it sends no more. */
            if (!is_sending || moment >= MOMENT_BROKEN) {
                act_once(moment, deed, false, false);
            }
        }
    }
}

static const VsTestCase tests[] = {
    {"the active side closes first", test_active_side_closes_first},
    {"the passive side closes first", test_passive_side_closes_first},
    {"both sides close at once", test_both_sides_close_at_once},
    {"a half-closed connection still receives",
     test_half_closed_connection_still_receives},
    {"FIN_WAIT_2 ends after 60 s of silence",
     test_fin_wait_2_ends_after_60_s_of_silence},
    {"data sent before closing arrive", test_data_sent_before_closing_arrive},
    {"lost segments of closing are made good",
     test_lost_segments_of_closing_are_made_good},
    {"TIME_WAIT answers a repeated FIN", test_time_wait_answers_a_repeated_fin},
    {"TIME_WAIT lasts 60 s and keeps the port",
     test_time_wait_lasts_60_s_and_keeps_the_port},
    {"a new SYN ends TIME_WAIT", test_new_syn_ends_time_wait},
    {"abort resets the peer", test_abort_resets_the_peer},
    {"data for a forgotten connection are reset",
     test_data_for_a_forgotten_connection_are_reset},
    {"owners may do anything anywhere", test_owners_may_do_anything_anywhere},
    {0},
};

VS_TESTS("transport/tcp: closing")
