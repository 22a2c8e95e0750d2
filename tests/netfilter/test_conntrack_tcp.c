/* Connection tracking of TCP: its states, how long they last, and how their end is told. */
#include "tests/netfilter/nat_box.h"

static const uint8_t SYN = VS_TCP_SYN;
static const uint8_t SYNACK = VS_TCP_SYN | VS_TCP_ACK;
static const uint8_t ACK = VS_TCP_ACK;
static const uint8_t FINACK = VS_TCP_FIN | VS_TCP_ACK;
static const uint8_t RST = VS_TCP_RST;

static VsFlow
tcp_flow(uint16_t sport)
{
    VsFlow flow = box_client_flow(sport);

    flow.protocol = VS_PROTOCOL_TCP;
    return flow;
}

/* A segment of the client's connection, from it or (dir 1) from the server. */
static void
pass_segment_ack(Box *box, VsFlow flow, VsCtDir dir, uint8_t flags, uint32_t ack)
{
    VsFlow sent = dir == VS_CT_ORIGINAL ? flow : vs_flow_reverse(&flow);
    VsIface *card = dir == VS_CT_ORIGINAL ? box->inside : box->outside;
    VsPacket *packet = box_tcp(box, sent, flags);
    VsFlow got;

    vs_packet_top(packet)->tcp.ack = ack;
    got = box_pass(box, card, packet);
    CU_ASSERT(vs_flow_equals(&got, &sent)); /* Tracking changes nothing. */
}

static void
pass_segment(Box *box, VsFlow flow, VsCtDir dir, uint8_t flags)
{
    pass_segment_ack(box, flow, dir, flags, 0);
}

/* ---- States ---------------------------------------------------------------------- */

/* A segment, the state it leads to, and how many seconds that lasts; KEPT: as long as it
 * would have without the segment. */
typedef struct {
    VsCtDir dir;
    unsigned flags; /* And in the upper half the number it acknowledges. */
    VsCtState state;
    unsigned timeout_s;
} Segment;

enum { KEPT = 0, ACK1 = VS_TCP_ACK | 1 << 8, ACK2 = VS_TCP_ACK | 2 << 8 };

static const VsCtDir CLIENT = VS_CT_ORIGINAL;
static const VsCtDir SERVER = VS_CT_REPLY;

/* Goes through the segments, one a second; after each a copy of the connection is left
 * alone, to see how long it lives. */
static void
check_life(const Segment *segments, unsigned n_segments)
{
    for (unsigned n = 1; n <= n_segments; n++) {
        VsFlow flow = tcp_flow(1000);
        VsTime refreshed = 0;
        VsTime timeout = 0;
        Box box;

        box_init(&box);
        for (unsigned i = 0; i < n; i++) {
            box_run(&box, VS_S);
            if (segments[i].timeout_s != KEPT) {
                refreshed = vs_now(&box.net.run);
                timeout = segments[i].timeout_s * VS_S;
            }
            pass_segment_ack(&box, flow, segments[i].dir, (uint8_t)segments[i].flags,
                             segments[i].flags >> 8);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&box, flow));
        CU_ASSERT_STRING_EQUAL(vs_ct_state_name((VsCtState)box_find(&box, flow)->state),
                               vs_ct_state_name(segments[n - 1].state));
        box_check_lives_for(&box, flow, refreshed, timeout);
        box_clear(&box);
    }
}

static void
test_life_of_a_connection(void)
{
    const Segment closed_by_client[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120},
        {CLIENT, SYN, VS_CT_SYN_SENT, KEPT}, /* Sent again. */
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60},
        {SERVER, SYNACK, VS_CT_SYN_RECV, KEPT},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400},
        {CLIENT, SYN, VS_CT_ESTABLISHED, KEPT},
        {SERVER, ACK, VS_CT_ESTABLISHED, 86400},
        {CLIENT, FINACK, VS_CT_FIN_WAIT, 120},
        {SERVER, ACK1, VS_CT_CLOSE_WAIT, 3600},
        {SERVER, ACK2, VS_CT_CLOSE_WAIT, 3600}, /* It may go on sending. */
        {SERVER, FINACK, VS_CT_LAST_ACK, 30},
        {CLIENT, SYN, VS_CT_LAST_ACK, KEPT},
        {SERVER, ACK, VS_CT_LAST_ACK, KEPT}, /* A challenge, not the last ACK. */
        {CLIENT, ACK1, VS_CT_TIME_WAIT, 120},
        {SERVER, FINACK, VS_CT_TIME_WAIT, 120}, /* Lost, and sent again. */
        {SERVER, SYNACK, VS_CT_TIME_WAIT, KEPT},
        {CLIENT, ACK1, VS_CT_TIME_WAIT, 120},
    };
    const Segment closed_by_server[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120},      {SERVER, SYNACK, VS_CT_SYN_RECV, 60},
        {SERVER, ACK, VS_CT_SYN_RECV, 60}, /* To a SYN that came late. */
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400}, {SERVER, FINACK, VS_CT_FIN_WAIT, 120},
        {CLIENT, FINACK, VS_CT_LAST_ACK, 30}, /* Its ACK is in its FIN. */
        {SERVER, ACK, VS_CT_TIME_WAIT, 120},
    };
    const Segment half_open[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120},
        {SERVER, ACK, VS_CT_SYN_SENT, KEPT}, /* It thinks that we are connected. */
        {CLIENT, RST, VS_CT_CLOSE, 10},
        {SERVER, ACK, VS_CT_CLOSE, 10}, /* Late ones change nothing. */
        {CLIENT, FINACK, VS_CT_CLOSE, 10},
        {SERVER, SYNACK, VS_CT_CLOSE, KEPT},
    };
    const Segment reset[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120},
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400},
        {CLIENT, RST, VS_CT_CLOSE, 10},
    };
    const Segment picked_up[] = {
        {CLIENT, ACK, VS_CT_ESTABLISHED, 300}, /* No answer seen yet. */
        {SERVER, ACK, VS_CT_ESTABLISHED, 300}, /* Nor before this one. */
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400},
        {SERVER, FINACK, VS_CT_FIN_WAIT, 120},
    };
    const Segment simultaneous[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120},      {SERVER, SYN, VS_CT_SYN_SENT2, KEPT},
        {CLIENT, SYNACK, VS_CT_SYN_RECV, 60},    {SERVER, SYNACK, VS_CT_SYN_RECV, KEPT},
        {SERVER, ACK, VS_CT_ESTABLISHED, 86400},
    };

    check_life(closed_by_client, G_N_ELEMENTS(closed_by_client));
    check_life(closed_by_server, G_N_ELEMENTS(closed_by_server));
    check_life(half_open, G_N_ELEMENTS(half_open));
    check_life(reset, G_N_ELEMENTS(reset));
    check_life(picked_up, G_N_ELEMENTS(picked_up));
    check_life(simultaneous, G_N_ELEMENTS(simultaneous));
}

static void
test_state_names_are_the_kernels(void)
{
    static const char *const names[] = {
        "NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
        "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};

    CU_ASSERT_EQUAL(G_N_ELEMENTS(names), VS_CT_N_STATES);
    for (int state = 0; state < VS_CT_N_STATES; state++) {
        CU_ASSERT_STRING_EQUAL(vs_ct_state_name((VsCtState)state), names[state]);
    }
}

/* INVALID: passed on as they are, but of no connection. */
static void
test_stray_segments_make_no_entry(void)
{
    const uint8_t strays[] = {RST, RST | ACK, SYNACK, FINACK, VS_TCP_FIN, 0};

    for (unsigned i = 0; i < G_N_ELEMENTS(strays); i++) {
        Box box;

        box_init(&box);
        pass_segment(&box, tcp_flow(1000), VS_CT_ORIGINAL, strays[i]);
        CU_ASSERT_EQUAL(box.conntrack->n_created, 0);
        CU_ASSERT_PTR_NULL(box_find(&box, tcp_flow(1000)));
        box_clear(&box);
    }
}

/* ---- The end --------------------------------------------------------------------- */

static void
open_and_close(Box *box, VsFlow flow)
{
    pass_segment(box, flow, VS_CT_ORIGINAL, SYN);
    pass_segment(box, flow, VS_CT_REPLY, SYNACK);
    pass_segment(box, flow, VS_CT_ORIGINAL, ACK);
    pass_segment(box, flow, VS_CT_ORIGINAL, FINACK);
    pass_segment(box, flow, VS_CT_REPLY, FINACK);
    CU_ASSERT_EQUAL(box->n_released[flow.sport % 8], 0);
    pass_segment(box, flow, VS_CT_ORIGINAL, ACK);
}

static void
test_end_is_told_once(void)
{
    Box box;

    box_init_release(&box);
    open_and_close(&box, tcp_flow(0)); /* At TIME_WAIT... */
    CU_ASSERT_EQUAL(box.n_released[0], 1);
    box_run(&box, 121 * VS_S); /* ...and not when the entry goes. */
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    CU_ASSERT_EQUAL(box.n_released[0], 1);

    pass_segment(&box, tcp_flow(1), VS_CT_ORIGINAL, SYN); /* A refusal... */
    CU_ASSERT_EQUAL(box.n_released[1], 0);
    pass_segment(&box, tcp_flow(1), VS_CT_REPLY, RST | ACK);
    CU_ASSERT_EQUAL(box.n_released[1], 1);
    CU_ASSERT_PTR_NULL(box_find(&box, tcp_flow(1))); /* The entry goes at once. */
    pass_segment(&box, tcp_flow(1), VS_CT_REPLY, RST);
    box_run(&box, 11 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[1], 1);

    pass_segment(&box, tcp_flow(4), VS_CT_ORIGINAL, SYN); /* ...a reset... */
    pass_segment(&box, tcp_flow(4), VS_CT_REPLY, SYNACK);
    pass_segment(&box, tcp_flow(4), VS_CT_REPLY, RST);
    CU_ASSERT_EQUAL(box.n_released[4], 1);
    pass_segment(&box, tcp_flow(4), VS_CT_REPLY, RST);
    box_run(&box, 11 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[4], 1);

    pass_segment(&box, tcp_flow(2), VS_CT_ORIGINAL, SYN); /* ...silence... */
    box_run(&box, 119 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[2], 0);
    box_run(&box, 2 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[2], 1);

    box_pass_udp(&box, box.inside, box_client_flow(3)); /* ...and UDP's only end. */
    box_run(&box, 31 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[3], 1);
    box_clear(&box);
}

static void
test_syn_opens_a_closed_connection_anew(void)
{
    VsFlow flow = tcp_flow(5);
    Box box;

    box_init_release(&box);
    open_and_close(&box, flow);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 2);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_SYN_SENT);
    CU_ASSERT_EQUAL(box_find(&box, flow)->n_packets[0], 1);
    CU_ASSERT_EQUAL(box.n_released[5], 1); /* The first one's, long ago. */
    pass_segment(&box, flow, VS_CT_REPLY, ACK);
    pass_segment(&box, flow, VS_CT_ORIGINAL, RST);
    CU_ASSERT_EQUAL(box.n_released[5], 2);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN); /* Also after its own reset. */
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_SYN_SENT);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 3);

    pass_segment(&box, flow, VS_CT_REPLY, SYNACK);
    pass_segment(&box, flow, VS_CT_ORIGINAL, ACK);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN); /* Not while it is open. */
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_ESTABLISHED);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 3);
    box_clear(&box);
}

/* In TIME_WAIT the server may be the one to call, and the original direction is its. */
static void
test_server_may_open_a_closed_connection(void)
{
    VsFlow flow = tcp_flow(5);
    VsFlow back = vs_flow_reverse(&flow);
    VsCtDir dir;
    Box box;

    box_init_release(&box);
    open_and_close(&box, flow);
    pass_segment(&box, flow, VS_CT_REPLY, SYN);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 2);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(vs_conntrack_find(box.conntrack, &back, &dir));
    CU_ASSERT_EQUAL(dir, VS_CT_ORIGINAL);
    box_clear(&box);
}

/* A SYN after the server's reset is let through without a change; when the server answers
 * that very SYN, we are in step with both. */
static void
test_answer_to_an_ignored_syn(void)
{
    VsFlow flow = tcp_flow(5);
    Box box;

    box_init(&box);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    pass_segment(&box, flow, VS_CT_REPLY, SYNACK);
    pass_segment(&box, flow, VS_CT_REPLY, RST);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_CLOSE);
    pass_segment_ack(&box, flow, VS_CT_REPLY, SYNACK, 7); /* To another. */
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_CLOSE);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    pass_segment_ack(&box, flow, VS_CT_REPLY, SYNACK, 1);
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_SYN_RECV);
    pass_segment(&box, flow, VS_CT_ORIGINAL, ACK);
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_ESTABLISHED);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    box_clear(&box);
}

/* ---- Timeouts of an open connection ---------------------------------------------- */

/* 100 bytes of data from the client, or an ACK of them from the server. */
static void
pass_data(Box *box, VsFlow flow, VsCtDir dir, uint32_t seq, uint32_t ack)
{
    VsFlow sent = dir == VS_CT_ORIGINAL ? flow : vs_flow_reverse(&flow);
    VsPacket *packet = box_tcp(box, sent, ACK);
    VsLayer *top = vs_packet_top(packet);

    top->tcp.seq = seq;
    top->tcp.ack = ack;
    top->ip_bytes = dir == VS_CT_ORIGINAL ? 140 : 40;
    vs_packet_measure(packet);
    box_pass(box, dir == VS_CT_ORIGINAL ? box->inside : box->outside, packet);
}

static VsTime
time_left(const Box *box, VsFlow flow)
{
    const VsConntrackEntry *entry = box_find(box, flow);

    return (entry->expires - vs_now(&box->net.run) + VS_S / 2) / VS_S;
}

static void
test_data_under_way_shortens_the_timeout(void)
{
    VsFlow flow = tcp_flow(5);
    Box box;

    box_init(&box);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    pass_segment_ack(&box, flow, VS_CT_REPLY, SYNACK, 1);
    pass_data(&box, flow, VS_CT_ORIGINAL, 1, 1); /* Bytes 1..100. */
    CU_ASSERT_EQUAL(time_left(&box, flow), 300);
    pass_data(&box, flow, VS_CT_REPLY, 1, 50); /* Some of them. */
    CU_ASSERT_EQUAL(time_left(&box, flow), 300);
    pass_data(&box, flow, VS_CT_REPLY, 1, 101);
    CU_ASSERT_EQUAL(time_left(&box, flow), 86400);
    for (unsigned i = 0; i < 3; i++) { /* The same three times more. */
        CU_ASSERT_EQUAL(time_left(&box, flow), 86400);
        pass_data(&box, flow, VS_CT_REPLY, 1, 101);
    }
    CU_ASSERT_EQUAL(time_left(&box, flow), 300);
    CU_ASSERT(box_find(&box, flow)->status & VS_CT_ASSURED);
    box_clear(&box);
}

/* ---- Assurance and strictness ---------------------------------------------------- */

static void
test_assured_by_the_last_of_the_handshake(void)
{
    VsFlow flow = tcp_flow(5);
    Box box;

    box_init(&box);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN);
    pass_segment(&box, flow, VS_CT_REPLY, SYNACK);
    CU_ASSERT(!(box_find(&box, flow)->status & VS_CT_ASSURED));
    pass_segment(&box, flow, VS_CT_ORIGINAL, ACK);
    CU_ASSERT(box_find(&box, flow)->status & VS_CT_ASSURED);
    box_clear(&box);
}

static void
test_strict_tracking_picks_nothing_up(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    Box box;

    config.is_strict = true;
    box_init_with(&box, &config, 0);
    pass_segment(&box, tcp_flow(5), VS_CT_ORIGINAL, ACK);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->invalid, 1);
    pass_segment(&box, tcp_flow(5), VS_CT_ORIGINAL, SYN);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"TCP goes through the kernel's states", test_life_of_a_connection},
    {"states have the kernel's names", test_state_names_are_the_kernels},
    {"stray segments make no entry", test_stray_segments_make_no_entry},
    {"the end of a connection is told once", test_end_is_told_once},
    {"a SYN opens a closed connection anew", test_syn_opens_a_closed_connection_anew},
    {"a server may open a closed connection", test_server_may_open_a_closed_connection},
    {"an answer to an ignored SYN brings us in step", test_answer_to_an_ignored_syn},
    {"data under way shortens the timeout", test_data_under_way_shortens_the_timeout},
    {"the last of the handshake assures", test_assured_by_the_last_of_the_handshake},
    {"strict tracking picks nothing up", test_strict_tracking_picks_nothing_up},
    {0},
};
VS_TESTS("conntrack_tcp")
