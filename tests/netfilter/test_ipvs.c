/* IPVS on the path of packets: requests, replies, connections, affinity. */
#include "netfilter/ipvs.h"
#include "packet/trace.h"
#include "tests/netfilter/nat_box.h"

static const uint8_t SYN = VS_TCP_SYN;
static const uint8_t ACK = VS_TCP_ACK;
static const uint8_t FINACK = VS_TCP_FIN | VS_TCP_ACK;

typedef struct {
    Box box;
    VsIpvs *ipvs;
    VsIpvsService *service;
    VsIpvsServer *servers[2];
} Fixture;

/* The VIP is an address of kube-ipvs0, port 80 a service with two servers outside. */
static void
fixture_init_with(Fixture *f, uint8_t protocol, VsTime persistence,
                  const VsIpvsConfig *config, unsigned n_cores)
{
    VsIface *dummy;

    box_init_with(&f->box, &vs_conntrack_config_default, n_cores);
    dummy = vs_iface_new(f->box.netns, VS_IFACE_DUMMY, "kube-ipvs0");
    vs_iface_set_address(dummy, BOX_VIP, 32);
    f->ipvs = vs_ipvs_attach(f->box.netns, config);
    f->service = vs_ipvs_add_service(f->ipvs, protocol, BOX_VIP, 80,
                                     vs_ipvs_scheduler_find("rr"), persistence, NULL);
    for (unsigned i = 0; i < 2; i++) {
        f->servers[i] = vs_ipvs_add_server(f->service, BOX_BACKEND + i, 8080, 1);
    }
}

static void
fixture_init(Fixture *f, uint8_t protocol, VsTime persistence)
{
    fixture_init_with(f, protocol, persistence, &vs_ipvs_config_default, 0);
}

static void
fixture_clear(Fixture *f)
{
    box_clear(&f->box);
}

static VsFlow
request(uint16_t sport)
{
    return net_flow(BOX_CLIENT, sport, BOX_VIP, 80);
}

static VsFlow
pass(Fixture *f, uint16_t sport, uint8_t flags)
{
    return box_pass(&f->box, f->box.inside, box_tcp(&f->box, request(sport), flags));
}

/* A segment of server 'i' to the client's port. */
static VsFlow
pass_reply(Fixture *f, unsigned i, uint16_t sport, uint8_t flags)
{
    return box_pass(
        &f->box, f->box.outside,
        box_tcp(&f->box, net_flow(BOX_BACKEND + i, 8080, BOX_CLIENT, sport), flags));
}

/* Which server a request is sent to; -1: none. */
static int
server_of(VsFlow out)
{
    return out.daddr == 0 ? -1 : (int)(out.daddr - BOX_BACKEND);
}

static void
open_connection(Fixture *f, uint16_t sport, unsigned i)
{
    CU_ASSERT_EQUAL(server_of(pass(f, sport, SYN)), (int)i);
    pass_reply(f, i, sport, SYN | ACK);
    pass(f, sport, ACK);
}

/* ---- Both ways ------------------------------------------------------------------- */

static void
test_requests_and_replies(void)
{
    for (unsigned n_cores = 0; n_cores < 2; n_cores++) {
        Fixture f;

        fixture_init_with(&f, VS_PROTOCOL_UDP, 0, &vs_ipvs_config_default, n_cores);
        for (unsigned i = 0; i < 6; i++) {
            uint16_t sport = (uint16_t)(1000 + i % 3); /* Each twice. */
            VsFlow out = box_pass_udp(&f.box, f.box.inside, request(sport));
            VsFlow in;

            CU_ASSERT(
                box_is_flow(out, BOX_CLIENT, sport, BOX_BACKEND + i % 3 % 2, 8080));
            in = box_pass_udp(&f.box, f.box.outside, vs_flow_reverse(&out));
            CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, sport));
        }
        CU_ASSERT_EQUAL(f.service->n_connections, 3);
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 3);
        CU_ASSERT_EQUAL(f.servers[0]->n_active, 2);
        CU_ASSERT_EQUAL(f.servers[1]->n_active, 1);
        CU_ASSERT_EQUAL(f.box.conntrack->stats->n_entries, 3);
        fixture_clear(&f);
    }
}

/* Conntrack has the server's replies, without the bit of DNAT: IPVS rewrites those. */
static void
test_conntrack_knows_the_server(void)
{
    const VsConntrackEntry *entry;
    VsFlow flow = request(1000);
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    open_connection(&f, 1000, 0);
    flow.protocol = VS_PROTOCOL_TCP;
    entry = box_find(&f.box, flow);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT(
        box_is_flow(entry->tuple[VS_CT_REPLY], BOX_BACKEND, 8080, BOX_CLIENT, 1000));
    CU_ASSERT_EQUAL(entry->state, VS_CT_ESTABLISHED);
    CU_ASSERT_EQUAL(entry->status & VS_CT_DST_NAT, 0);
    fixture_clear(&f);
}

static void
test_masqueraded_requests(void)
{
    VsFlow out;
    VsFlow in;
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    vs_nat_add_src_rule(f.box.conntrack, box_masquerade, NULL);
    out = box_pass_udp(&f.box, f.box.inside, request(1000));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_BACKEND, 8080));
    in = box_pass_udp(&f.box, f.box.outside, vs_flow_reverse(&out));
    CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
    fixture_clear(&f);
}

static void
test_requests_of_local_sockets(void)
{
    VsFlow out;
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    net_udp_send(f.box.netns, net_flow(BOX_OUTSIDE, 1000, BOX_VIP, 80), 10);
    box_run(&f.box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(f.box.to_outside), 1);
    out = net_arrival(f.box.to_outside, 0)->top.flow;
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_BACKEND, 8080));
    box_put(f.box.outside, box_packet(&f.box, vs_flow_reverse(&out)));
    box_run(&f.box, VS_MS);
    CU_ASSERT(box_is_flow(net_arrival(f.box.to_sockets, 0)->top.flow, BOX_VIP, 80,
                          BOX_OUTSIDE, 1000));
    fixture_clear(&f);
}

/* A server on the node itself gets the packet in INPUT. */
static void
test_local_server(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    vs_ipvs_set_weight(f.servers[0], 0);
    vs_ipvs_set_weight(f.servers[1], 0);
    vs_ipvs_add_server(f.service, BOX_INSIDE, 8080, 1);
    box_put(f.box.inside, box_packet(&f.box, request(1000)));
    box_run(&f.box, VS_MS);
    CU_ASSERT(box_is_flow(net_arrival(f.box.to_sockets, 0)->top.flow, BOX_CLIENT, 1000,
                          BOX_INSIDE, 8080));
    net_udp_send(f.box.netns, net_flow(BOX_INSIDE, 8080, BOX_CLIENT, 1000), 10);
    box_run(&f.box, VS_MS);
    CU_ASSERT(box_is_flow(net_arrival(f.box.to_inside, 0)->top.flow, BOX_VIP, 80,
                          BOX_CLIENT, 1000));
    fixture_clear(&f);
}

static void
test_forwarding_takes_a_hop(void)
{
    VsPacket *packet;
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    box_pass_udp(&f.box, f.box.inside, request(1000));
    CU_ASSERT_EQUAL(net_arrival(f.box.to_outside, 0)->top.ttl, 63);
    packet = box_packet(&f.box, request(1000));
    vs_packet_top(packet)->ttl = 1;
    box_put(f.box.inside, packet);
    box_run(&f.box, VS_MS);
    CU_ASSERT_EQUAL(net_n_dropped(&f.box.net, VS_DROP_TTL_EXCEEDED), 1);
    fixture_clear(&f);
}

static void
test_without_a_server_it_is_refused(void)
{
    const NetArrival *error;
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    vs_ipvs_remove_server(f.servers[0]);
    vs_ipvs_set_weight(f.servers[1], 0);
    box_put(f.box.inside, box_packet(&f.box, request(1000)));
    box_run(&f.box, VS_MS);
    CU_ASSERT_EQUAL(net_n_dropped(&f.box.net, VS_DROP_NO_ENDPOINT), 1);
    error = net_arrival(f.box.to_inside, 0);
    CU_ASSERT_EQUAL(error->top.icmp.type, VS_ICMP_UNREACHABLE);
    CU_ASSERT_EQUAL(error->top.icmp.code, VS_ICMP_CODE_PORT);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    fixture_clear(&f);
}

/* Only a SYN is scheduled; what else comes goes to the VIP's own sockets. */
static void
test_stray_segments_are_not_scheduled(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    pass(&f, 1000, ACK);
    CU_ASSERT_EQUAL(net_n_arrived(f.box.to_outside), 0);
    CU_ASSERT_EQUAL(net_n_arrived(f.box.to_sockets), 1);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    fixture_clear(&f);
}

static void
test_traces_tell_the_choice(void)
{
    static const char *const servers[] = {"server 198.51.100.20:8080",
                                          "server 198.51.100.21:8080"};
    unsigned n_told = 0;
    const VsTrace *trace;
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 0);
    trace = vs_run_start_trace(&f.box.net.run);
    for (unsigned i = 0; i < 2; i++) { /* The second one has its connection. */
        VsPacket *packet = box_packet(&f.box, request(1000));

        packet->flags |= VS_PACKET_TRACED;
        box_pass(&f.box, f.box.inside, packet);
    }
    for (unsigned i = 0; i < trace->records->len; i++) {
        const VsTraceRecord *record = &g_array_index(trace->records, VsTraceRecord, i);

        if (record->kind == VS_TRACE_SERVICE) {
            n_told++;
            CU_ASSERT_STRING_EQUAL(record->name, "IPVS");
            CU_ASSERT_STRING_EQUAL(record->text, servers[0]);
            CU_ASSERT_STRING_EQUAL(record->why, "rr of the virtual server's 2");
            CU_ASSERT_STRING_EQUAL(record->passed[0], servers[1]);
            CU_ASSERT_PTR_NULL(record->passed[2]);
        }
    }
    CU_ASSERT_EQUAL(n_told, 1);
    vs_run_free_trace(&f.box.net.run);
    fixture_clear(&f);
}

static void
note_server(void *data, const VsIpvsServer *server)
{
    g_ptr_array_add(data, (gpointer)server);
}

/* Connections, not packets; persistent ones, too. */
static void
test_owners_hear_of_each_new_connection(void)
{
    for (unsigned is_persistent = 0; is_persistent < 2; is_persistent++) {
        g_autoptr(GPtrArray) heard = g_ptr_array_new();
        Fixture f;

        fixture_init(&f, VS_PROTOCOL_UDP, is_persistent * 600 * VS_S);
        vs_ipvs_on_scheduled(f.ipvs, note_server, heard);
        for (unsigned i = 0; i < 4; i++) { /* Each twice. */
            box_pass_udp(&f.box, f.box.inside, request((uint16_t)(1000 + i / 2)));
        }
        CU_ASSERT_EQUAL_FATAL(heard->len, 2);
        CU_ASSERT_PTR_EQUAL(heard->pdata[0], f.servers[0]);
        CU_ASSERT_PTR_EQUAL(heard->pdata[1], f.servers[is_persistent ? 0 : 1]);
        fixture_clear(&f);
    }
}

/* ---- Connections ----------------------------------------------------------------- */

static void
test_timeouts(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    pass(&f, 1, SYN); /* SYN_RECV: 60 s. */
    net_run(&f.box.net, 60 * VS_S - 1);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 1);
    net_run(&f.box.net, 60 * VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    CU_ASSERT_EQUAL(f.servers[0]->n_active, 0);

    open_connection(&f, 2, 1); /* Established: 15 min after the last packet. */
    net_run(&f.box.net, 960 * VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 1);
    box_run(&f.box, VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    CU_ASSERT_EQUAL(f.servers[1]->n_active, 0);
    fixture_clear(&f);
}

static void
test_closing_connections_are_inactive(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    open_connection(&f, 1, 0);
    CU_ASSERT_EQUAL(f.servers[0]->n_active, 1);
    pass(&f, 1, FINACK);
    CU_ASSERT_EQUAL(f.servers[0]->n_active, 0);
    CU_ASSERT_EQUAL(f.servers[0]->n_inactive, 1);
    pass_reply(&f, 0, 1, FINACK);
    pass(&f, 1, ACK);
    CU_ASSERT_EQUAL(f.servers[0]->n_inactive, 1);
    box_run(&f.box, 121 * VS_S); /* TIME_WAIT. */
    CU_ASSERT_EQUAL(f.servers[0]->n_inactive, 0);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    fixture_clear(&f);
}

/* Draining: what a server of weight 0 has, it keeps. */
static void
test_weight_zero_keeps_connections(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    open_connection(&f, 1, 0);
    vs_ipvs_set_weight(f.servers[0], 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, ACK)), 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 2, SYN)), 1);
    CU_ASSERT_EQUAL(server_of(pass(&f, 3, SYN)), 1);
    fixture_clear(&f);
}

/* Its connections end with the next packet, or that is dropped. */
static void
test_removed_server(void)
{
    for (unsigned expires = 0; expires < 2; expires++) {
        VsIpvsConfig config = vs_ipvs_config_default;
        Fixture f;

        config.expire_nodest_conn = expires;
        fixture_init_with(&f, VS_PROTOCOL_TCP, 0, &config, 0);
        open_connection(&f, 1, 0);
        vs_ipvs_remove_server(f.servers[0]);
        CU_ASSERT_EQUAL(server_of(pass(&f, 1, ACK)), -1);
        CU_ASSERT_EQUAL(net_n_dropped(&f.box.net, VS_DROP_STALE_CONNECTION), 1);
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), !expires);
        CU_ASSERT_EQUAL(f.ipvs->removed->len, !expires);
        fixture_clear(&f);
    }
}

static void
test_server_comes_back_to_its_connections(void)
{
    VsIpvsConfig config = vs_ipvs_config_default;
    Fixture f;

    config.expire_nodest_conn = false;
    fixture_init_with(&f, VS_PROTOCOL_TCP, 0, &config, 0);
    open_connection(&f, 1, 0);
    vs_ipvs_remove_server(f.servers[0]);
    CU_ASSERT_PTR_EQUAL(vs_ipvs_add_server(f.service, BOX_BACKEND, 8080, 1),
                        f.servers[0]);
    CU_ASSERT_EQUAL(f.ipvs->removed->len, 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, ACK)), 0);
    vs_ipvs_remove_service(f.service);
    CU_ASSERT_EQUAL(f.ipvs->removed->len, 2 - 1); /* The one with a connection. */
    box_run(&f.box, 901 * VS_S);
    CU_ASSERT_EQUAL(f.ipvs->removed->len, 0);
    fixture_clear(&f);
}

/* Nobody has to send: a jiffy later connections, affinities and conntrack's entries of a
 * removed server are gone, others are not. */
static void
test_connections_of_a_removed_server_end(void)
{
    for (unsigned i = 0; i < 2; i++) {
        VsTime persistence = i ? 600 * VS_S : 0;
        Fixture f;

        fixture_init(&f, VS_PROTOCOL_UDP, persistence);
        box_pass_udp(&f.box, f.box.inside, request(1));
        box_pass_udp(&f.box, f.box.inside, net_flow(BOX_CLIENT + 1, 2, BOX_VIP, 80));
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 2);
        vs_ipvs_remove_server(f.servers[0]);
        box_run(&f.box, 3900 * VS_US);
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 2);
        CU_ASSERT_EQUAL(f.box.conntrack->stats->n_entries, 2);
        box_run(&f.box, 100 * VS_US);
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 1);
        CU_ASSERT_EQUAL(f.box.conntrack->stats->n_entries, 1);
        CU_ASSERT_EQUAL(vs_table_length(&f.ipvs->templates), i);
        CU_ASSERT_EQUAL(f.ipvs->removed->len, 0);
        CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside, request(1))), 1);
        fixture_clear(&f);
    }
}

/* A closed connection with affinity is not scheduled anew (is_new_conn_expected). */
static void
test_affinity_keeps_a_reused_port(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 600 * VS_S);
    open_connection(&f, 1, 0);
    pass(&f, 1, FINACK);
    pass_reply(&f, 0, 1, FINACK);
    pass(&f, 1, ACK);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, SYN)), 0);
    CU_ASSERT_EQUAL(f.servers[0]->n_connections, 1);
    fixture_clear(&f);
}

/* A port that is used again in TIME_WAIT gets a server anew; without the mode, the old. */
static void
test_reused_port_is_scheduled_anew(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        VsIpvsConfig config = vs_ipvs_config_default;
        Fixture f;

        config.conn_reuse_mode = mode;
        fixture_init_with(&f, VS_PROTOCOL_TCP, 0, &config, 0);
        open_connection(&f, 1, 0);
        pass(&f, 1, FINACK);
        pass_reply(&f, 0, 1, FINACK);
        pass(&f, 1, ACK);
        CU_ASSERT_EQUAL(server_of(pass(&f, 1, SYN)), mode ? 1 : 0);
        CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 1);
        fixture_clear(&f);
    }
}

/* Where conntrack holds on to its entry, the first SYN is lost (a client's second of
 * delay), and the entry with it: the second gets a server, whose replies come through. */
static void
test_syn_is_dropped_when_conntrack_holds_on(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_TCP, 0);
    open_connection(&f, 1, 0);
    vs_ipvs_set_weight(f.servers[0], 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, SYN)), -1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.box.net, VS_DROP_STALE_CONNECTION), 1);
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    CU_ASSERT_EQUAL(f.box.conntrack->stats->n_entries, 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, SYN)), 1);
    CU_ASSERT(box_is_flow(pass_reply(&f, 1, 1, SYN | ACK), BOX_VIP, 80, BOX_CLIENT, 1));
    fixture_clear(&f);
}

/* On kernels up to 5.15, mode 0 goes before expire_nodest_conn. */
static void
test_reused_port_goes_to_a_draining_server_in_mode_0(void)
{
    VsIpvsConfig config = vs_ipvs_config_default;
    Fixture f;

    config.conn_reuse_mode = 0;
    fixture_init_with(&f, VS_PROTOCOL_TCP, 0, &config, 0);
    open_connection(&f, 1, 0);
    vs_ipvs_set_weight(f.servers[0], 0);
    CU_ASSERT_EQUAL(server_of(pass(&f, 1, SYN)), 0);
    CU_ASSERT_EQUAL(net_n_dropped(&f.box.net, VS_DROP_STALE_CONNECTION), 0);
    fixture_clear(&f);
}

/* ---- Affinity -------------------------------------------------------------------- */

static void
test_persistence_keeps_a_clients_server(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 600 * VS_S);
    for (uint16_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(
            server_of(box_pass_udp(&f.box, f.box.inside, request(1000 + i))), 0);
    }
    CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside,
                                           net_flow(BOX_CLIENT + 1, 9, BOX_VIP, 80))),
                    1);
    box_run(&f.box, 590 * VS_S); /* The connections are over, the affinity is not. */
    CU_ASSERT_EQUAL(vs_ipvs_n_connections(f.ipvs), 0);
    CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside, request(2000))), 0);
    box_run(&f.box, 601 * VS_S); /* Now it is. */
    CU_ASSERT_EQUAL(vs_table_length(&f.ipvs->templates), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&f.ipvs->connections), 0);
    CU_ASSERT_EQUAL(f.servers[0]->n_holders, 0);
    fixture_clear(&f);
}

/* An affinity shorter than its connections lasts as long as they do. */
static void
test_connections_keep_the_affinity(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 10 * VS_S);
    box_pass_udp(&f.box, f.box.inside, request(1000));
    net_run(&f.box.net, 290 * VS_S);
    CU_ASSERT_EQUAL(vs_table_length(&f.ipvs->templates), 1);
    net_run(&f.box.net, 300 * VS_S + 60 * VS_S); /* It looks once a minute. */
    CU_ASSERT_EQUAL(vs_table_length(&f.ipvs->templates), 0);
    fixture_clear(&f);
}

static void
test_affinity_ends_with_its_server(void)
{
    Fixture f;

    fixture_init(&f, VS_PROTOCOL_UDP, 600 * VS_S);
    CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside, request(1))), 0);
    vs_ipvs_set_weight(f.servers[0], 0); /* expire_quiescent_template. */
    CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside, request(2))), 1);
    CU_ASSERT_EQUAL(server_of(box_pass_udp(&f.box, f.box.inside, request(1))), 0);
    box_run(&f.box, 1300 * VS_S);
    CU_ASSERT_EQUAL(vs_pool_n_used(&f.ipvs->connections), 0);
    fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"requests and replies", test_requests_and_replies},
    {"conntrack knows the server", test_conntrack_knows_the_server},
    {"masqueraded requests", test_masqueraded_requests},
    {"requests of local sockets", test_requests_of_local_sockets},
    {"a local server", test_local_server},
    {"forwarding takes a hop", test_forwarding_takes_a_hop},
    {"without a server a request is refused", test_without_a_server_it_is_refused},
    {"stray segments are not scheduled", test_stray_segments_are_not_scheduled},
    {"traces tell the choice", test_traces_tell_the_choice},
    {"owners hear of each new connection", test_owners_hear_of_each_new_connection},
    {"timeouts", test_timeouts},
    {"closing connections are inactive", test_closing_connections_are_inactive},
    {"weight 0 keeps connections", test_weight_zero_keeps_connections},
    {"a removed server", test_removed_server},
    {"a server comes back to its connections",
     test_server_comes_back_to_its_connections},
    {"connections of a removed server end", test_connections_of_a_removed_server_end},
    {"affinity keeps a port used again", test_affinity_keeps_a_reused_port},
    {"a port used again is scheduled anew", test_reused_port_is_scheduled_anew},
    {"a SYN is dropped when conntrack holds on",
     test_syn_is_dropped_when_conntrack_holds_on},
    {"a port used again goes to a draining server in mode 0",
     test_reused_port_goes_to_a_draining_server_in_mode_0},
    {"persistence keeps a client's server", test_persistence_keeps_a_clients_server},
    {"connections keep the affinity", test_connections_keep_the_affinity},
    {"affinity ends with its server", test_affinity_ends_with_its_server},
    {0},
};
VS_TESTS("ipvs")
