/* Many connections, much loss, all messages: what each owner hears must be right,
 * nothing may be left over, and memory must stop growing. */
#include "fixture.h"

#include "base/hash.h"
#include "transport/tcp_internal.h"

enum {
    N_USERS = 16,
};

typedef struct Soak {
    Net *net;
    VsTcpListener listener;
    uint64_t n_requests; /* To be made by all users. */
    uint64_t n_begun;
    uint64_t n_answered;
    uint64_t n_broken;
    uint64_t n_server_messages;
    uint64_t max_bytes;
    unsigned per_connection;
    VsTime pause; /* Between two connections of a user. */
    uint64_t seed;
} Soak;

/* Sends requests in pairs over a connection, then closes it and opens the next. */
typedef struct User {
    Soak *soak;
    VsTcp *tcp;
    VsTimer again;
    unsigned n_sent;
    uint64_t first; /* Number of its first request on this connection. */
    unsigned n_got;
} User;

/* Lengths from one byte to the maximum, small ones as likely as large ones. */
static uint64_t
length_of(const Soak *soak, uint64_t number)
{
    uint64_t random = vs_mix64(number ^ soak->seed);
    unsigned bits = (unsigned)(random % 20);

    return 1 + (random >> 8) % MIN(UINT64_C(1) << bits, soak->max_bytes);
}

static void
user_send(User *user)
{
    Soak *soak = user->soak;

    for (unsigned i = 0; i < 2 && user->n_sent < soak->per_connection; i++) {
        VsPayload payload = {.kind = VS_PAYLOAD_HTTP};
        uint64_t number = user->first + user->n_sent++;

        payload.http.body_bytes = number;
        vs_tcp_send(user->tcp, &payload, length_of(soak, number));
    }
}

static void user_open(User *user);

static void
user_again(VsTimer *timer)
{
    user_open(VS_CONTAINER_OF(timer, User, again));
}

static void
user_gone(User *user)
{
    user->tcp = NULL;
    vs_timer_arm(&user->again, vs_now(&user->soak->net->run) + user->soak->pause);
}

static void
user_connected(VsTcp *tcp)
{
    user_send(vs_tcp_user(tcp));
}

static void
user_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    User *user = vs_tcp_user(tcp);
    Soak *soak = user->soak;
    uint64_t number = user->first + user->n_got++;

    g_assert(payload->http.body_bytes == number);
    g_assert(bytes == length_of(soak, number + 1));
    soak->n_answered++;
    if (user->n_got == soak->per_connection) {
        vs_tcp_close(tcp);
    } else if (user->n_got == user->n_sent) {
        user_send(user);
    }
}

static void
user_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static void
user_broken(VsTcp *tcp, VsTcpEnd end)
{
    User *user = vs_tcp_user(tcp);

    (void)end;
    user->soak->n_broken++;
    user_gone(user);
}

static void
user_closed(VsTcp *tcp)
{
    user_gone(vs_tcp_user(tcp));
}

static const VsTcpOps user_ops = {user_connected, user_message, user_finished,
                                  user_broken,    user_closed,  NULL};

static void
user_open(User *user)
{
    Soak *soak = user->soak;

    if (soak->n_begun >= soak->n_requests) {
        return;
    }
    user->first = soak->n_begun;
    user->n_sent = 0;
    user->n_got = 0;
    soak->n_begun += soak->per_connection;
    user->tcp =
        vs_tcp_connect(soak->net->a->root, 0, ADDRESS_B, PORT, NULL, &user_ops, user);
}

static void
echo_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
echo_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Soak *soak = vs_tcp_user(tcp);

    g_assert(bytes == length_of(soak, payload->http.body_bytes));
    soak->n_server_messages++;
    vs_tcp_send(tcp, payload, length_of(soak, payload->http.body_bytes + 1));
}

static void
echo_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps echo_ops = {echo_connected, echo_message, user_finished,
                                  echo_broken,    NULL,         NULL};

static const VsTcpOps *
echo_accept(VsTcpListener *listener, VsTcp *tcp)
{
    vs_tcp_set_user(tcp, listener->user);
    return &echo_ops;
}

static const VsTcpListenerOps echo_listener_ops = {echo_accept};

static void
soak_begin(Soak *soak, User *users, const NetConfig *config)
{
    soak->net = net_new(config);
    soak->net->to_a.is_logging = false;
    soak->net->to_b.is_logging = false;
    vs_tcp_listen(&soak->listener, soak->net->b->root, VS_ADDR_ANY, PORT, 100,
                  &echo_listener_ops, soak);
    for (unsigned i = 0; i < N_USERS; i++) {
        users[i] = (User){.soak = soak};
        vs_timer_init(&users[i].again, &soak->net->a->entity, user_again);
        vs_timer_arm(&users[i].again, (VsTime)i * VS_US);
    }
}

static void
check_all_done(const Soak *soak)
{
    VsSockets *a = soak->net->a->root->sockets;
    VsSockets *b = soak->net->b->root->sockets;

    CU_ASSERT_EQUAL(soak->n_broken, 0);
    CU_ASSERT_EQUAL(soak->n_answered, soak->n_begun);
    CU_ASSERT_EQUAL(soak->n_server_messages, soak->n_begun);
    CU_ASSERT_EQUAL(vs_packets_in_flight(&soak->net->run), 0);
    CU_ASSERT_EQUAL(a->n_held + b->n_held, 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&a->messages) + vs_pool_n_used(&b->messages), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&a->tcps) + vs_pool_n_used(&b->tcps), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&a->time_waits) + vs_pool_n_used(&b->time_waits), 0);
    CU_ASSERT_EQUAL(vs_table_length(&a->connections), 0);
    CU_ASSERT_EQUAL(vs_table_length(&b->connections), 0);
}

static VsDigest
soak_with(const VsTcpConfig *tcp, uint32_t ppm_to_a, uint32_t ppm_to_b,
          VsTime backlog_max, uint64_t seed)
{
    NetConfig config = {.bits_per_s = 1000000000,
                        .delay = 200 * VS_US,
                        .socket_cost = VS_US,
                        .backlog_max = backlog_max};
    Soak soak = {.n_requests = 2000,
                 .max_bytes = 300000,
                 .per_connection = 5,
                 .pause = VS_MS,
                 .seed = seed};
    User users[N_USERS];
    VsDigest digest;

    soak_begin(&soak, users, &config);
    net_set_tcp(soak.net, tcp);
    soak.net->to_a.loss_ppm = ppm_to_a;
    soak.net->to_b.loss_ppm = ppm_to_b;
    net_run(soak.net, VS_TIME_NEVER);
    check_all_done(&soak);
    if (ppm_to_a + ppm_to_b > 0) {
        CU_ASSERT_TRUE(vs_tcp_stats(soak.net->a->root)->n_retransmitted > 0);
    }
    digest = soak.net->run.digest;
    net_free(soak.net);
    return digest;
}

static VsDigest
soak_with_loss(uint32_t ppm_to_a, uint32_t ppm_to_b, VsTime backlog_max, uint64_t seed)
{
    return soak_with(&VS_TCP_CONFIG_DEFAULT, ppm_to_a, ppm_to_b, backlog_max, seed);
}

/* With trains, and those of the algorithm that paces them; and with Nagle's. */
static void
test_all_messages_arrive_in_trains(void)
{
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;

    tcp.has_gso = true;
    for (unsigned i = 0; i < 3; i++) {
        soak_with(&tcp, 0, 0, 0, 11);
        soak_with(&tcp, 0, 20000, 0, 12);
        soak_with(&tcp, 30000, 30000, 0, 13);
        soak_with(&tcp, 0, 0, 100 * VS_US, 14); /* Queues cut trains. */
        tcp.congestion = i == 0 ? VS_CONGESTION_BBR : VS_CONGESTION_CUBIC;
        tcp.is_nodelay = i == 0;
    }
}

static void
test_all_messages_arrive_despite_loss(void)
{
    soak_with_loss(0, 0, 0, 1);
    soak_with_loss(0, 20000, 0, 2);
    soak_with_loss(20000, 0, 0, 3);
    soak_with_loss(50000, 50000, 0, 4);
    soak_with_loss(0, 0, 100 * VS_US, 5); /* A short queue. */
}

static void
test_equal_runs_have_equal_digests(void)
{
    VsDigest once = soak_with_loss(30000, 30000, VS_MS, 6);
    VsDigest again = soak_with_loss(30000, 30000, VS_MS, 6);
    VsDigest other = soak_with_loss(30000, 30000, VS_MS, 7);

    CU_ASSERT_EQUAL(once.sum, again.sum);
    CU_ASSERT_EQUAL(once.n_items, again.n_items);
    CU_ASSERT_NOT_EQUAL(once.sum, other.sum);
}

static size_t
n_slabs(const Net *net)
{
    const VsSockets *a = net->a->root->sockets;
    const VsSockets *b = net->b->root->sockets;

    return vs_pool_n_slabs(&net->run.packets->packets) +
           vs_pool_n_slabs(&net->run.packets->trails) + vs_pool_n_slabs(&a->tcps) +
           vs_pool_n_slabs(&a->messages) + vs_pool_n_slabs(&a->time_waits) +
           vs_pool_n_slabs(&b->tcps) + vs_pool_n_slabs(&b->messages) +
           vs_pool_n_slabs(&b->time_waits);
}

/* Over 10^5 requests, 5 to a connection, so that TIME_WAITs come and go as well:
 * after the first minute, when the first of them end, no pool grows any more. */
static void
test_nothing_is_allocated_after_warming_up(void)
{
    NetConfig config = {.bits_per_s = 10000000000, .delay = 10 * VS_US};
    Soak soak = {.n_requests = 160000,
                 .max_bytes = 2000,
                 .per_connection = 5,
                 .pause = 100 * VS_MS,
                 .seed = 8};
    User users[N_USERS];
    uint64_t n_before;
    size_t before;

    soak_begin(&soak, users, &config);
    net_run(soak.net, 65 * VS_S);
    before = n_slabs(soak.net);
    n_before = soak.n_answered;
    net_run(soak.net, VS_TIME_NEVER);
    check_all_done(&soak);
    CU_ASSERT_TRUE(soak.n_answered - n_before > 100000);
    CU_ASSERT_EQUAL(n_slabs(soak.net), before);
    net_free(soak.net);
}

static void
test_connection_is_small(void)
{
    CU_ASSERT_TRUE(sizeof(VsTcp) <= 576);
    CU_ASSERT_TRUE(sizeof(VsTcpTimeWait) <= 64);
    printf("%zu bytes a connection, %zu in TIME_WAIT, ", sizeof(VsTcp),
           sizeof(VsTcpTimeWait));
}

static const VsTestCase tests[] = {
    {"all messages arrive despite loss", test_all_messages_arrive_despite_loss},
    {"all messages arrive in trains", test_all_messages_arrive_in_trains},
    {"equal runs have equal digests", test_equal_runs_have_equal_digests},
    {"nothing is allocated after warming up",
     test_nothing_is_allocated_after_warming_up},
    {"a connection is small", test_connection_is_small},
    {0},
};

VS_TESTS("transport/tcp: soak")
