/* Following requests: the steps of a journey add up to its time, whatever is lost. */
#include "fixture.h"

#include "tests/packet/journey_sum.h"
#include "transport/tcp_internal.h"

/* 1 Gbit/s, 1 ms, 3 us of work for each packet sent or received. */
static const NetConfig worked = {
    .bits_per_s = 1000000000, .delay = VS_MS, .socket_cost = 3 * VS_US};

enum {
    REQUEST_BYTES = 3 * MSS + 7,
    RESPONSE_BYTES = 25 * MSS + 11,
};

typedef struct Request {
    Net *net;
    VsJourney journey;
    VsTime ended_at; /* NEVER, or when the response was there. */
    VsTime service;  /* How long the server works; 0: it answers at once. */
    VsStage service_stage;
    VsTcp *answering;
    VsTimer working;
} Request;

static void
client_connected(VsTcp *tcp)
{
    Request *request = vs_tcp_user(tcp);
    VsPayload payload = {.journey = &request->journey,
                         .journey_generation = request->journey.generation};

    vs_tcp_send(tcp, &payload, REQUEST_BYTES);
}

static void
client_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Request *request = vs_tcp_user(tcp);

    CU_ASSERT_EQUAL(bytes, RESPONSE_BYTES);
    CU_ASSERT_EQUAL(payload->journey, &request->journey);
    request->ended_at = vs_now(&request->net->run);
    vs_journey_end(&request->journey);
    vs_tcp_close(tcp);
}

static void
client_finished(VsTcp *tcp)
{
    (void)tcp;
}

static void
client_broken(VsTcp *tcp, VsTcpEnd end)
{
    Request *request = vs_tcp_user(tcp);

    (void)end;
    request->ended_at = vs_now(&request->net->run);
    vs_journey_end(&request->journey);
}

static const VsTcpOps client_ops = {client_connected, client_message, client_finished,
                                    client_broken,    NULL,           NULL};

static void
answer(Request *request)
{
    VsPayload payload = {.journey = &request->journey,
                         .journey_generation = request->journey.generation};

    vs_tcp_send(request->answering, &payload, RESPONSE_BYTES);
}

static void
work_done(VsTimer *timer)
{
    Request *request = VS_CONTAINER_OF(timer, Request, working);

    vs_journey_wait(&request->journey, request->service_stage, timer->due);
    answer(request);
}

static void
server_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
server_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Request *request = vs_tcp_user(tcp);

    CU_ASSERT_EQUAL(payload->journey, &request->journey);
    CU_ASSERT_EQUAL(bytes, REQUEST_BYTES);
    /* All time up to here is accounted for. */
    CU_ASSERT_EQUAL(request->journey.accounted, vs_now(&request->net->run));
    request->answering = tcp;
    if (request->service > 0) {
        vs_timer_arm(&request->working, vs_now(&request->net->run) + request->service);
    } else {
        answer(request);
    }
}

static void
server_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static const VsTcpOps server_ops = {server_connected, server_message, server_finished,
                                    client_broken,    NULL,           NULL};

static const VsTcpOps *
server_accept(VsTcpListener *listener, VsTcp *tcp)
{
    vs_tcp_set_user(tcp, listener->user);
    return &server_ops;
}

static const VsTcpListenerOps listener_ops = {server_accept};

static VsTime
sum_in_stage(const VsJourney *journey, VsStage stage)
{
    VsTime sum = 0;

    for (uint32_t i = 0; i < journey->n_steps; i++) {
        sum += journey->steps[i].stage == stage ? journey->steps[i].elapsed : 0;
    }
    return sum;
}

/* A request that begins at 1 s. */
static void
request_begin(Request *request, VsTcpListener *listener, VsTime service)
{
    Net *net = net_new(&worked);

    *request = (Request){.net = net, .ended_at = NEVER, .service = service};
    request->service_stage = vs_stages_add(&net->run.packets->stages, "container b/web",
                                           "service", VS_STAGE_SERVICE);
    vs_timer_init(&request->working, &net->b->entity, work_done);
    if (listener) {
        CU_ASSERT_TRUE(vs_tcp_listen(listener, net->b->root, ADDRESS_B, PORT, 5,
                                     &listener_ops, request));
    }
    net_run(net, VS_S);
    vs_journey_start(&request->journey, VS_S);
    vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, &request->journey, &client_ops,
                   request);
}

static void
request_end(Request *request)
{
    net_free(request->net);
    vs_journey_clear(&request->journey);
}

static VsStage
wait_stage_of(const VsHost *host)
{
    return host->root->sockets->wait_stage;
}

static void
test_steps_add_up_to_the_time(void)
{
    for (VsTime service = 0; service <= 7 * VS_MS; service += 7 * VS_MS) {
        VsTcpListener listener;
        Request request;

        request_begin(&request, &listener, service);
        net_run(request.net, 100 * VS_S);
        CU_ASSERT_NOT_EQUAL(request.ended_at, NEVER);
        CU_ASSERT_EQUAL(sum_of_steps(&request.journey), request.ended_at - VS_S);
        CU_ASSERT_EQUAL(sum_in_stage(&request.journey, request.service_stage), service);
        request_end(&request);
    }
}

/* SYN, SYN-ACK, request and three rounds of the response cross the link once each; what
 * the slow start of the response waits for its ACKs is the wait of b's sockets. */
static void
test_propagation_and_waits_are_told_apart(void)
{
    VsTcpListener listener;
    Request request;
    VsTime crossings, window_wait;

    request_begin(&request, &listener, 0);
    net_run(request.net, 100 * VS_S);
    crossings = sum_in_stage(&request.journey, request.net->ab.propagate_stage) +
                sum_in_stage(&request.journey, request.net->ba.propagate_stage);
    window_wait = sum_in_stage(&request.journey, wait_stage_of(request.net->b));
    CU_ASSERT_EQUAL(crossings, 4 * VS_MS);
    /* 26 segments: 10, and 16 one round trip later. */
    CU_ASSERT_TRUE(window_wait > 2 * VS_MS && window_wait < 3 * VS_MS);
    CU_ASSERT_EQUAL(sum_in_stage(&request.journey, wait_stage_of(request.net->a)), 0);
    request_end(&request);
}

/* Loses packet 'to_a' and packet 'to_b' of those that arrive there; 0: none. */
static VsTime
run_with_loss(uint32_t lost_to_a, uint32_t lost_to_b)
{
    VsTcpListener listener;
    Request request;
    VsTime elapsed;

    request_begin(&request, &listener, VS_MS);
    request.net->to_a.lost[0] = lost_to_a;
    request.net->to_b.lost[0] = lost_to_b;
    net_run(request.net, 200 * VS_S);
    CU_ASSERT_NOT_EQUAL(request.ended_at, NEVER);
    elapsed = request.ended_at - VS_S;
    CU_ASSERT_EQUAL(sum_of_steps(&request.journey), elapsed);
    request_end(&request);
    return elapsed;
}

static void
test_steps_add_up_with_any_two_losses(void)
{
    VsTime undisturbed = run_with_loss(0, 0);

    for (uint32_t to_a = 0; to_a < 32; to_a++) {
        for (uint32_t to_b = 0; to_b < 24; to_b++) {
            CU_ASSERT_TRUE(run_with_loss(to_a, to_b) >= undisturbed);
        }
    }
    CU_ASSERT_EQUAL(run_with_loss(0, 1), undisturbed + VS_S); /* SYN. */
}

/* The time until the SYN was repeated is the wait of a's sockets. */
static void
test_lost_syn_is_a_wait_of_the_client(void)
{
    VsTcpListener listener;
    Request request;

    request_begin(&request, &listener, 0);
    request.net->to_b.lost[0] = 1;
    net_run(request.net, 100 * VS_S);
    CU_ASSERT_EQUAL(sum_in_stage(&request.journey, wait_stage_of(request.net->a)),
                    VS_S);
    request_end(&request);
}

static void
test_refusal_is_followed_too(void)
{
    Request request;

    request_begin(&request, NULL, 0);
    net_run(request.net, 100 * VS_S);
    CU_ASSERT_NOT_EQUAL(request.ended_at, NEVER);
    CU_ASSERT_EQUAL(sum_of_steps(&request.journey), request.ended_at - VS_S);
    CU_ASSERT_EQUAL(sum_in_stage(&request.journey, request.net->ba.propagate_stage),
                    VS_MS);
    request_end(&request);
}

/* Two messages, one behind the other; the first one's segment is lost, so the second, all
 * there, waits in the receiver's socket. */
typedef struct Pipeline {
    Net *net;
    VsJourney journeys[2];
    VsTime ended_at[2];
    unsigned n_messages;
} Pipeline;

static void
pipeline_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Pipeline *pipeline = vs_tcp_user(tcp);
    unsigned n = pipeline->n_messages++;

    (void)bytes;
    CU_ASSERT_EQUAL(payload->journey, &pipeline->journeys[n]);
    pipeline->ended_at[n] = vs_now(&pipeline->net->run);
    CU_ASSERT_EQUAL(pipeline->journeys[n].accounted, pipeline->ended_at[n]);
}

static const VsTcpOps pipeline_ops = {
    server_connected, pipeline_message, server_finished, NULL, NULL, NULL};

static const VsTcpOps *
pipeline_accept(VsTcpListener *listener, VsTcp *tcp)
{
    vs_tcp_set_user(tcp, listener->user);
    return &pipeline_ops;
}

static void
test_message_behind_a_hole_waits_for_it(void)
{
    static const VsTcpListenerOps ops = {pipeline_accept};
    Pipeline pipeline = {.net = net_new(&worked)};
    Net *net = pipeline.net;
    VsTcpListener listener;
    VsTcp *tcp;

    vs_tcp_listen(&listener, net->b->root, ADDRESS_B, PORT, 5, &ops, &pipeline);
    tcp = vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, NULL, &pipeline_ops,
                         &pipeline);
    net_run(net, VS_S);
    net->to_b.lost[0] = net->to_b.n_seen + 1;
    for (unsigned i = 0; i < 2; i++) {
        VsPayload payload = {.journey = &pipeline.journeys[i]};

        vs_journey_start(&pipeline.journeys[i], VS_S);
        payload.journey_generation = pipeline.journeys[i].generation;
        vs_tcp_send(tcp, &payload, 3 * MSS);
    }
    net_run(net, 10 * VS_S);

    CU_ASSERT_EQUAL(pipeline.n_messages, 2);
    CU_ASSERT_EQUAL(pipeline.ended_at[0], pipeline.ended_at[1]);
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(sum_of_steps(&pipeline.journeys[i]),
                        pipeline.ended_at[i] - VS_S);
    }
    /* The first waited at the sender to be repeated, the second at the receiver. */
    CU_ASSERT_TRUE(sum_in_stage(&pipeline.journeys[0], wait_stage_of(net->a)) > VS_MS);
    CU_ASSERT_EQUAL(sum_in_stage(&pipeline.journeys[0], wait_stage_of(net->b)), 0);
    CU_ASSERT_EQUAL(sum_in_stage(&pipeline.journeys[1], wait_stage_of(net->a)), 0);
    CU_ASSERT_TRUE(sum_in_stage(&pipeline.journeys[1], wait_stage_of(net->b)) > VS_MS);
    net_free(net);
    vs_journey_clear(&pipeline.journeys[0]);
    vs_journey_clear(&pipeline.journeys[1]);
}

static const VsTestCase tests[] = {
    {"steps add up to the time", test_steps_add_up_to_the_time},
    {"propagation and waits are told apart", test_propagation_and_waits_are_told_apart},
    {"steps add up with any two losses", test_steps_add_up_with_any_two_losses},
    {"a lost SYN is a wait of the client", test_lost_syn_is_a_wait_of_the_client},
    {"refusals are followed too", test_refusal_is_followed_too},
    {"a message behind a hole waits for it", test_message_behind_a_hole_waits_for_it},
    {0},
};

VS_TESTS("transport/tcp: journeys")
