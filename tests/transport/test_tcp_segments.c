/* Segments as no peer of ours would send them: what is done with each. */
#include "fixture.h"

#include "net/ip.h"
#include "transport/tcp_internal.h"

static const NetConfig gigabit = {.bits_per_s = 1000000000, .delay = VS_MS};

enum { WINDOW = 4 * 65535 };

typedef struct Stage {
    Net *net;
    Server server;
    Peer client;
    Peer *peer;
    uint32_t n_seen_by_a;
} Stage;

/* A connection over which a has sent 1000 bytes and b 500.  From now on a hears nothing:
 * it would object to answers to what it has not said. */
static void
stage_open(Stage *stage)
{
    stage->net = net_new(&gigabit);
    server_open(&stage->server, stage->net, 10);
    stage->server.like.reply_bytes = 500;
    peer_init(&stage->client, &stage->net->run);
    peer_connect(&stage->client, stage->net, NULL);
    peer_send(&stage->client, 1000);
    net_run(stage->net, VS_S);
    stage->peer = &stage->server.peers[0];
    stage->n_seen_by_a = stage->net->to_a.n_seen;
    stage->net->to_a.loss_ppm = 1000000;
    CU_ASSERT_EQUAL(stage->client.n_messages, 1);
}

typedef struct Odd {
    int64_t seq; /* From what b expects next. */
    int64_t ack; /* From what b has sent. */
    uint8_t flags;
    uint32_t bytes;
    VsDrop drop;         /* How b drops it; VS_DROP_LENGTH: not at all. */
    bool is_answered;    /* By something. */
    bool is_deadly;      /* To the connection. */
    unsigned n_messages; /* That b has heard of after it. */
} Odd;

/* Sends 'odd' from a to b, as if it were the client's.  Its bytes are the end of a
 * message of 100. */
static void
stage_send(Stage *stage, const Odd *odd)
{
    const VsTcp *tcp = stage->client.tcp;
    VsPacket *packet = vs_ip_packet_new(stage->net->a->root, &tcp->flow,
                                        VS_TCP_HEADER_BYTES + odd->bytes);

    vs_packet_top(packet)->tcp = (VsTcpHeader){
        .seq = (uint32_t)tcp->snd_nxt + (uint32_t)odd->seq,
        .ack = (uint32_t)tcp->rcv_nxt + (uint32_t)odd->ack,
        .flags = odd->flags,
        .window = UINT16_MAX,
    };
    packet->payload_bytes = odd->bytes;
    packet->message_bytes = 100;
    packet->message_offset = 100 - odd->bytes;
    vs_ip_send(stage->net->a->root, packet);
    net_run(stage->net, stage->net->run.now + VS_S / 100);
}

static void
check_odd(const Odd *odd)
{
    const uint64_t *n_dropped;
    Stage stage;

    stage_open(&stage);
    n_dropped = stage.net->run.packets->n_dropped;
    stage_send(&stage, odd);
    if (odd->drop < VS_DROP_LENGTH) {
        CU_ASSERT_EQUAL(n_dropped[odd->drop], 1);
    } else {
        CU_ASSERT_EQUAL(vs_packets_dropped(&stage.net->run),
                        n_dropped[VS_DROP_QUEUE_FULL]); /* Those to a. */
    }
    CU_ASSERT_EQUAL(stage.net->to_a.n_seen > stage.n_seen_by_a, odd->is_answered);
    CU_ASSERT_EQUAL(stage.peer->broken_at != NEVER, odd->is_deadly);
    CU_ASSERT_EQUAL(stage.peer->n_messages, odd->n_messages);
    net_free(stage.net);
}

#define ACK VS_TCP_ACK
#define FIN VS_TCP_FIN
#define SYN VS_TCP_SYN
#define RST VS_TCP_RST

static void
test_odd_segments(void)
{
    /* clang-format off */
    static const Odd odds[] = {
        /* seq, ack, flags, bytes, drop, is_answered, is_deadly, n_messages. */
        {0, 0, ACK, 100, VS_DROP_LENGTH, true, false, 2}, /* Nothing odd. */
        {0, 0, ACK, 0, VS_DROP_LENGTH, false, false, 1},
        {-100, 0, ACK, 100, VS_DROP_DUPLICATE, true, false, 1},
        {-60, 0, ACK, 100, VS_DROP_LENGTH, true, false, 2}, /* 40 bytes are new. */
        {-100, 0, ACK | FIN, 100, VS_DROP_LENGTH, true, false, 1}, /* FIN is new. */
        {WINDOW - 1, 0, ACK, 100, VS_DROP_LENGTH, true, false, 1}, /* Kept. */
        {WINDOW, 0, ACK, 100, VS_DROP_OUTSIDE_WINDOW, true, false, 1},
        {WINDOW, 0, ACK, 0, VS_DROP_LENGTH, false, false, 1},
        {WINDOW + 1, 0, ACK, 0, VS_DROP_OUTSIDE_WINDOW, true, false, 1},
        {-1, 0, ACK, 0, VS_DROP_DUPLICATE, true, false, 1}, /* A probe. */
        {0, 0, 0, 100, VS_DROP_BAD_SEGMENT, true, false, 1},
        {0, 1, ACK, 100, VS_DROP_BAD_SEGMENT, true, false, 1},
        {0, -500, ACK, 100, VS_DROP_LENGTH, true, false, 2}, /* An old ACK. */
        {0, 0, SYN, 0, VS_DROP_BAD_SEGMENT, true, false, 1},
        {0, 0, RST, 0, VS_DROP_LENGTH, false, true, 1},
        {1, 0, RST, 0, VS_DROP_BAD_SEGMENT, true, false, 1},
        {-1, 0, RST, 0, VS_DROP_DUPLICATE, false, false, 1},
        {WINDOW + 1, 0, RST, 0, VS_DROP_OUTSIDE_WINDOW, false, false, 1},
    };
    /* clang-format on */

    for (unsigned i = 0; i < G_N_ELEMENTS(odds); i++) {
        check_odd(&odds[i]);
    }
}

/* Pieces of one message of 100 bytes, in any order, some twice. */
static void
test_pieces_in_any_order_make_the_message_once(void)
{
    static const struct {
        uint32_t start, end;
        unsigned n_held; /* After it. */
    } pieces[] = {{40, 100, 1}, {10, 20, 2}, {10, 20, 2}, {5, 30, 3},
                  {30, 41, 4},  {0, 12, 0},  {0, 100, 0}};
    Stage stage;
    const VsTcp *tcp;
    uint32_t seq;

    stage_open(&stage);
    tcp = stage.client.tcp;
    seq = (uint32_t)tcp->snd_nxt;
    for (unsigned i = 0; i < G_N_ELEMENTS(pieces); i++) {
        uint32_t bytes = pieces[i].end - pieces[i].start;
        VsPacket *packet = vs_ip_packet_new(stage.net->a->root, &tcp->flow,
                                            VS_TCP_HEADER_BYTES + bytes);

        vs_packet_top(packet)->tcp = (VsTcpHeader){.seq = seq + pieces[i].start,
                                                   .ack = (uint32_t)tcp->rcv_nxt,
                                                   .flags = ACK,
                                                   .window = UINT16_MAX};
        packet->payload_bytes = bytes;
        packet->message_bytes = 100;
        packet->message_offset = pieces[i].start;
        vs_ip_send(stage.net->a->root, packet);
        net_run(stage.net, stage.net->run.now + VS_MS / 2 * 3);
        CU_ASSERT_EQUAL(vs_sockets_n_held(stage.net->b->root), pieces[i].n_held);
        CU_ASSERT_EQUAL(stage.peer->n_messages, i < 5 ? 1 : 2);
    }
    CU_ASSERT_EQUAL(stage.peer->bytes, 1100);
    /* (10, 20) the second time; when the hole is filled, the first; all at the end. */
    CU_ASSERT_EQUAL(stage.net->run.packets->n_dropped[VS_DROP_DUPLICATE], 3);
    net_free(stage.net);
}

static const VsTestCase tests[] = {
    {"each odd segment has its treatment", test_odd_segments},
    {"pieces in any order make the message once",
     test_pieces_in_any_order_make_the_message_once},
    {0},
};

VS_TESTS("transport/tcp: segments")
