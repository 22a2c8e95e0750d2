#include "models/ingress_fixture.h"

enum { FAKE_PORT = 9000, CLOSED_PORT = 9 };

typedef struct FakeConnection {
    FakeUpstream *fake;
    unsigned n_requests;
} FakeConnection;

static void
fake_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
fake_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    FakeConnection *connection = vs_tcp_user(tcp);
    FakeUpstream *fake = connection->fake;
    VsPayload answer = *payload;

    (void)bytes;
    fake->n_requests++;
    if (connection->n_requests++ < fake->n_answers) {
        answer.http.status = 200;
        answer.http.body_bytes = 0;
        vs_tcp_send(tcp, &answer, 100);
    } else if (!fake->is_slow) {
        vs_tcp_close(tcp);
    }
}

static void
fake_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static void
fake_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps fake_ops = {
    .connected = fake_connected,
    .message = fake_message,
    .finished = fake_finished,
    .broken = fake_broken,
};

static const VsTcpOps *
fake_accept(VsTcpListener *listener, VsTcp *tcp)
{
    FakeUpstream *fake = listener->user;
    FakeConnection *connection = g_new0(FakeConnection, 1);

    connection->fake = fake;
    g_ptr_array_add(fake->connections, connection);
    vs_tcp_set_user(tcp, connection);
    return &fake_ops;
}

static const VsTcpListenerOps fake_listener_ops = {.accept = fake_accept};

static VsPod *
pod_of(const IngressFixture *fixture, unsigned endpoint)
{
    return model_pod(fixture->model, endpoint == 0 ? "a" : "b");
}

void
ingress_fixture_init(IngressFixture *fixture, Model *model)
{
    *fixture = (IngressFixture){.model = model};
    fixture->tap = tap_new(model_pod(model, "controller")->netns, VS_HOOK_OUTPUT);
}

void
ingress_fixture_clear(IngressFixture *fixture)
{
    model_free(fixture->model);
    for (unsigned i = 0; i < G_N_ELEMENTS(fixture->fakes); i++) {
        g_clear_pointer(&fixture->fakes[i].connections, g_ptr_array_unref);
    }
    tap_free(fixture->tap);
}

void
ingress_fixture_fake(IngressFixture *fixture, unsigned endpoint, unsigned n_answers)
{
    FakeUpstream *fake = &fixture->fakes[endpoint];

    fake->n_answers = n_answers;
    fake->connections = g_ptr_array_new_with_free_func(g_free);
    model_service(fixture->model, "s")->endpoints[endpoint].port = FAKE_PORT;
    CU_ASSERT_FATAL(vs_tcp_listen(&fake->listener, pod_of(fixture, endpoint)->netns,
                                  VS_ADDR_ANY, FAKE_PORT, 1000, &fake_listener_ops,
                                  fake));
}

void
ingress_fixture_break(IngressFixture *fixture, unsigned endpoint, IngressFault fault)
{
    switch (fault) {
    case INGRESS_FAULT_REFUSED:
        model_service(fixture->model, "s")->endpoints[endpoint].port = CLOSED_PORT;
        return;
    case INGRESS_FAULT_SILENT:
        model_unplug_netns(pod_of(fixture, endpoint)->netns);
        return;
    case INGRESS_FAULT_SLOW:
        fixture->fakes[endpoint].is_slow = true;
        ingress_fixture_fake(fixture, endpoint, 0);
        return;
    case INGRESS_FAULT_CLOSED:
        ingress_fixture_fake(fixture, endpoint, 0);
        return;
    case INGRESS_N_FAULTS:
        break;
    }
    g_assert_not_reached();
}

VsTime
ingress_fixture_first_try(IngressFixture *fixture)
{
    const TapEntry *syn;

    model_run(fixture->model, 10 * VS_MS);
    syn = tap_find(fixture->tap, VS_TCP_SYN, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(syn);
    return syn->time;
}
