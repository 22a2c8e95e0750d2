/* A container that listens on UDP. */
#include "tests/models/fixture.h"

/* Pod 'p' on the node; 'user' has a socket. */
#define SITE(attributes)                                                             \
    "%s<switch id='sw' subnet='172.16.0.0/24'/><node id='n' costs='free'/>"          \
    "<link from='n' to='sw'/><router id='r' costs='free'/><link from='r' to='sw'/>"  \
    "<client id='user' costs='free' to='http://10.9.9.9/' arrivals='constant(1/s)'"  \
    " start='999h'/><link from='user' to='r'/>"                                      \
    "<pod id='p' labels='app=dns'><container id='c' protocol='udp' " attributes "/>" \
    "</pod>"

typedef struct User {
    VsUdp udp;
    Model *model;
    GArray *arrived; /* Of VsTime: when answers came. */
    uint32_t bytes;  /* Of the last answer. */
    VsFlow flow;
} User;

static void
user_receive(VsUdp *udp, VsPacket *packet)
{
    User *user = udp->user;
    VsTime now = vs_now(user->model->run);

    g_array_append_val(user->arrived, now);
    user->bytes = packet->payload_bytes;
    user->flow = vs_packet_top(packet)->flow;
}

static void
user_init(User *user, Model *model)
{
    static const VsUdpOps ops = {.receive = user_receive};

    memset(user, 0, sizeof(*user));
    user->model = model;
    user->arrived = g_array_new(FALSE, FALSE, sizeof(VsTime));
    CU_ASSERT_FATAL(vs_udp_open(&user->udp, model_host(model, "user")->root,
                                VS_ADDR_ANY, 0, &ops, user));
}

/* Sends 'n' datagrams of 10 bytes at once to (address, port), and runs for a while. */
static void
user_ask(User *user, VsAddr address, uint16_t port, unsigned n)
{
    VsPayload payload = {0};

    for (unsigned i = 0; i < n; i++) {
        vs_udp_send(&user->udp, 0, address, port, &payload, 10);
    }
    model_run(user->model, vs_now(user->model->run) + VS_S);
}

static VsTime
user_arrived(const User *user, unsigned i)
{
    return g_array_index(user->arrived, VsTime, i);
}

static void
user_clear(User *user)
{
    vs_udp_close(&user->udp);
    model_free(user->model);
    g_array_free(user->arrived, TRUE);
}

static void
test_each_datagram_is_answered_by_one(void)
{
    User user;
    VsAddr pod;

    user_init(&user, model_new(SITE("port='53' response='300B'"), model_free_costs));
    pod = model_pod(user.model, "p")->address;
    user_ask(&user, pod, 53, 3);
    CU_ASSERT_EQUAL(user.arrived->len, 3);
    CU_ASSERT_EQUAL(user.bytes, 300);
    CU_ASSERT_EQUAL(user.flow.saddr, pod);
    CU_ASSERT_EQUAL(user.flow.sport, 53);
    CU_ASSERT_EQUAL(model_counter(user.model, "c", "requests"), 3);
    CU_ASSERT_EQUAL(model_counter(user.model, "c", "served"), 3);
    CU_ASSERT_EQUAL(model_counter(user.model, "c", "connections"), 0);

    user_ask(&user, pod, 54, 1); /* Nobody listens there. */
    CU_ASSERT_EQUAL(user.arrived->len, 3);
    CU_ASSERT_EQUAL(model_dropped(user.model, VS_DROP_NO_SOCKET), 1);
    user_clear(&user);
}

/* Five at once for two workers of 100 ms: two answers after 100 ms, two after 200 ms, one
 * after 300 ms. */
static void
test_workers_and_queue_are_those_of_tcp(void)
{
    User user;

    user_init(&user,
              model_new(SITE("workers='2' service-time='100ms'"), model_free_costs));
    user_ask(&user, model_pod(user.model, "p")->address, 8080, 5);
    CU_ASSERT_EQUAL_FATAL(user.arrived->len, 5);
    for (unsigned i = 0; i < 5; i++) {
        VsTime work = (1 + i / 2) * 100 * VS_MS;

        CU_ASSERT(user_arrived(&user, i) > work);
        CU_ASSERT(user_arrived(&user, i) < work + VS_MS);
    }
    CU_ASSERT_EQUAL(*(const VsTime *)model_stat(user.model, "c", "workers"),
                    500 * VS_MS);
    user_clear(&user);
}

/* One is worked on, two wait, the other four are lost without a word. */
static void
test_what_finds_the_queue_full_is_dropped(void)
{
    User user;

    user_init(&user, model_new(SITE("workers='1' queue='2' service-time='100ms'"),
                               model_free_costs));
    user_ask(&user, model_pod(user.model, "p")->address, 8080, 7);
    CU_ASSERT_EQUAL(user.arrived->len, 3);
    CU_ASSERT_EQUAL(model_dropped(user.model, VS_DROP_RECEIVE_QUEUE_FULL), 4);
    CU_ASSERT_EQUAL(model_counter(user.model, "c", "requests"), 7);
    CU_ASSERT_EQUAL(model_counter(user.model, "c", "refused"), 4);
    user_clear(&user);
}

/* An MTU of 1500 leaves 1480 bytes a fragment; UDP's header is data to IP. */
static void
test_answers_beyond_the_mtu_are_fragmented(void)
{
    User user;
    uint64_t n_before;
    const VsWire *wire;

    user_init(&user, model_new(SITE("response='4000B'"), model_free_costs));
    wire = model_wire(user.model, "r > user");
    user_ask(&user, model_pod(user.model, "p")->address, 8080, 1); /* ARP as well. */
    n_before = wire->n_packets;
    user_ask(&user, model_pod(user.model, "p")->address, 8080, 1);
    CU_ASSERT_EQUAL(user.arrived->len, 2);
    CU_ASSERT_EQUAL(user.bytes, 4000);
    CU_ASSERT_EQUAL(wire->n_packets - n_before, (4000 + 8 + 1479) / 1480);
    user_clear(&user);
}

/* TCP's port 8080 is not UDP's: a pod may have both, and services tell them apart. */
static void
test_ports_of_tcp_and_udp_are_apart(void)
{
    Model *model = model_new(
        SITE("") "<pod id='q' labels='app=dns'><container id='web'/></pod>"
                 "<pod id='r' labels='app=dns'><container id='a'/>"
                 "<container id='b' protocol='udp'/></pod>"
                 "<service id='s' target-port='8080' select='app=dns' port-name='t'>"
                 "<port name='u' port='80' target-port='8080' protocol='udp'/>"
                 "</service>",
        model_free_costs);
    const GPtrArray *services = model->build->cluster->services;

    CU_ASSERT_EQUAL_FATAL(services->len, 2);
    for (unsigned i = 0; i < 2; i++) {
        const VsService *service = services->pdata[i];
        bool is_udp = service->protocol == VS_PROTOCOL_UDP;

        CU_ASSERT_EQUAL(service->n_endpoints, 2); /* r, and p or q. */
        for (unsigned j = 0; j < service->n_endpoints; j++) {
            CU_ASSERT_PTR_NOT_EQUAL(service->endpoints[j].pod,
                                    model_pod(model, is_udp ? "q" : "p"));
        }
    }
    model_free(model);
    model_check_error("both want port 8080/udp",
                      SITE("") "<pod id='q'><container protocol='udp'/>"
                               "<container protocol='udp'/></pod>",
                      model_free_costs);
}

static void
test_what_udp_has_not_is_refused(void)
{
    model_check_error("backlog has no effect where protocol=\"udp\"",
                      SITE("backlog='10'"), model_free_costs);
    model_check_error("response=\"65508\" does not fit into a UDP datagram; write at "
                      "most 65507",
                      SITE("response='65508B'"), model_free_costs);
    model_check_error(NULL, SITE("response='65507B'"), model_free_costs);
    model_check_error("\"sctp\"", "<node id='n'/><pod id='p'><container "
                                  "protocol='sctp'/></pod>");
}

static const VsTestCase tests[] = {
    {"each datagram is answered by one", test_each_datagram_is_answered_by_one},
    {"workers and queue are those of TCP", test_workers_and_queue_are_those_of_tcp},
    {"what finds the queue full is dropped", test_what_finds_the_queue_full_is_dropped},
    {"answers beyond the MTU are fragmented",
     test_answers_beyond_the_mtu_are_fragmented},
    {"ports of TCP and of UDP are apart", test_ports_of_tcp_and_udp_are_apart},
    {"what UDP has not is refused", test_what_udp_has_not_is_refused},
    {0},
};

VS_TESTS("container")
