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
pass_segment(Box *box, VsFlow flow, VsCtDir dir, uint8_t flags)
{
    VsFlow sent = dir == VS_CT_ORIGINAL ? flow : vs_flow_reverse(&flow);
    VsIface *card = dir == VS_CT_ORIGINAL ? box->inside : box->outside;
    VsFlow got = box_pass(box, card, box_tcp(box, sent, flags));

    CU_ASSERT(vs_flow_equals(&got, &sent)); /* Tracking changes nothing. */
}

/* ---- States ---------------------------------------------------------------------- */

/* A segment, the state it leads to, and how long that lasts. */
typedef struct {
    VsCtDir dir;
    uint8_t flags;
    VsCtState state;
    VsTime timeout;
} Segment;

static const VsCtDir CLIENT = VS_CT_ORIGINAL;
static const VsCtDir SERVER = VS_CT_REPLY;

/* Goes through the segments; after each a copy of the connection is left alone, to
 * see how long it lives. */
static void
check_life(const Segment *segments, unsigned n_segments)
{
    for (unsigned n = 1; n <= n_segments; n++) {
        VsFlow flow = tcp_flow(1000);
        VsTime sent = 0;
        Box box;

        box_init(&box);
        for (unsigned i = 0; i < n; i++) {
            box_run(&box, VS_S);
            sent = vs_now(&box.net.run);
            pass_segment(&box, flow, segments[i].dir, segments[i].flags);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&box, flow));
        CU_ASSERT_STRING_EQUAL(vs_ct_state_name((VsCtState)box_find(&box, flow)->state),
                               vs_ct_state_name(segments[n - 1].state));
        box_check_lives_for(&box, flow, sent, segments[n - 1].timeout);
        box_clear(&box);
    }
}

static void
test_life_of_a_connection(void)
{
    const Segment closed_by_client[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120 * VS_S},
        {CLIENT, SYN, VS_CT_SYN_SENT, 120 * VS_S}, /* Sent again. */
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60 * VS_S},
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60 * VS_S},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {SERVER, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {CLIENT, FINACK, VS_CT_FIN_WAIT, 120 * VS_S},
        {SERVER, ACK, VS_CT_CLOSE_WAIT, 3600 * VS_S},
        {SERVER, ACK, VS_CT_CLOSE_WAIT, 3600 * VS_S}, /* It may go on sending. */
        {SERVER, FINACK, VS_CT_LAST_ACK, 30 * VS_S},
        {CLIENT, ACK, VS_CT_TIME_WAIT, 120 * VS_S},
        {SERVER, FINACK, VS_CT_TIME_WAIT, 120 * VS_S}, /* Lost, and sent again. */
        {CLIENT, ACK, VS_CT_TIME_WAIT, 120 * VS_S},
    };
    const Segment closed_by_server[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120 * VS_S},
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60 * VS_S},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {SERVER, FINACK, VS_CT_FIN_WAIT, 120 * VS_S},
        {CLIENT, FINACK, VS_CT_LAST_ACK, 30 * VS_S}, /* Its ACK is in its FIN. */
        {SERVER, ACK, VS_CT_TIME_WAIT, 120 * VS_S},
    };
    const Segment refused[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120 * VS_S},
        {SERVER, RST | ACK, VS_CT_CLOSE, 10 * VS_S},
        {SERVER, ACK, VS_CT_CLOSE, 10 * VS_S}, /* Late ones change nothing. */
        {CLIENT, FINACK, VS_CT_CLOSE, 10 * VS_S},
        {SERVER, SYNACK, VS_CT_CLOSE, 10 * VS_S},
    };
    const Segment reset[] = {
        {CLIENT, SYN, VS_CT_SYN_SENT, 120 * VS_S},
        {SERVER, SYNACK, VS_CT_SYN_RECV, 60 * VS_S},
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {CLIENT, RST, VS_CT_CLOSE, 10 * VS_S},
    };
    const Segment picked_up[] = {
        {CLIENT, ACK, VS_CT_ESTABLISHED, 86400 * VS_S},
        {SERVER, FINACK, VS_CT_FIN_WAIT, 120 * VS_S},
    };

    check_life(closed_by_client, G_N_ELEMENTS(closed_by_client));
    check_life(closed_by_server, G_N_ELEMENTS(closed_by_server));
    check_life(refused, G_N_ELEMENTS(refused));
    check_life(reset, G_N_ELEMENTS(reset));
    check_life(picked_up, G_N_ELEMENTS(picked_up));
}

static void
test_state_names_are_the_kernels(void)
{
    static const char *const names[] = {"NONE",        "SYN_SENT",  "SYN_RECV",
                                        "ESTABLISHED", "FIN_WAIT",  "CLOSE_WAIT",
                                        "LAST_ACK",    "TIME_WAIT", "CLOSE"};

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
    CU_ASSERT_EQUAL(box.conntrack->n_entries, 0);
    CU_ASSERT_EQUAL(box.n_released[0], 1);

    pass_segment(&box, tcp_flow(1), VS_CT_ORIGINAL, SYN); /* A reset... */
    CU_ASSERT_EQUAL(box.n_released[1], 0);
    pass_segment(&box, tcp_flow(1), VS_CT_REPLY, RST);
    CU_ASSERT_EQUAL(box.n_released[1], 1);
    pass_segment(&box, tcp_flow(1), VS_CT_REPLY, RST);
    box_run(&box, 11 * VS_S);
    CU_ASSERT_EQUAL(box.n_released[1], 1);

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
    CU_ASSERT_EQUAL(box.conntrack->n_entries, 1);
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_SYN_SENT);
    CU_ASSERT_EQUAL(box_find(&box, flow)->n_packets[0], 1);
    CU_ASSERT_EQUAL(box.n_released[5], 1); /* The first one's, long ago. */
    pass_segment(&box, flow, VS_CT_REPLY, RST);
    CU_ASSERT_EQUAL(box.n_released[5], 2);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN); /* Also after a reset. */
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_SYN_SENT);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 3);

    pass_segment(&box, flow, VS_CT_REPLY, SYNACK);
    pass_segment(&box, flow, VS_CT_ORIGINAL, ACK);
    pass_segment(&box, flow, VS_CT_ORIGINAL, SYN); /* Not while it is open. */
    CU_ASSERT_EQUAL(box_find(&box, flow)->state, VS_CT_ESTABLISHED);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 3);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"TCP goes through the kernel's states", test_life_of_a_connection},
    {"states have the kernel's names", test_state_names_are_the_kernels},
    {"stray segments make no entry", test_stray_segments_make_no_entry},
    {"the end of a connection is told once", test_end_is_told_once},
    {"a SYN opens a closed connection anew", test_syn_opens_a_closed_connection_anew},
    {0},
};
VS_TESTS("conntrack_tcp")
