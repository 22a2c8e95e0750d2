#include "models/client/client.h"

static const VsHttpCallOps exchange_ops;

void
client_exchange_open(Client *client, const char *authority, const char *path,
                     uint16_t port, bool is_tls)
{
    const VsRun *run = client->netns->run;
    bool is_closing_first = client->config->closer == CLIENT_CLOSER_CLIENT;
    VsHttpClientConfig config = {.netns = client->netns,
                                 .n_links_max = UINT32_MAX,
                                 .is_keep_alive = client->config->is_keep_alive,
                                 .is_closing_first = is_closing_first,
                                 .tls = is_tls ? &client->tls : NULL};
    VsHttp2ClientConfig http2 = vs_http2_call_params_config(
        &client->config->http2, &client->entity, client->name);
    bool is_http2 = vs_http2_is_called(&client->config->http2);
    bool is_http3 = vs_http3_is_called(&client->config->http2);
    VsHttp3Config http3;
    VsCallPolicy policy = vs_call_params_policy(&client->config->call);
    g_autofree char *place = g_strdup_printf("client %s", client->name);
    VsStage retry_stage = client->wait_stage;
    VsRng rng;

    if (policy.retries > 0) {
        retry_stage =
            vs_stages_add(&run->packets->stages, place, "retry", VS_STAGE_DELAY);
    }
    if (is_http2) {
        http2.policy = (VsGrpcPolicy)client->config->grpc_policy;
        http2.resolve = client->address ? NULL : client_lookup_again;
        http2.user = client;
        config.http2 = &http2;
    }
    client->port = port;
    client->is_tls = is_tls;
    client->tls = (VsTlsConfig){
        .version = vs_tls_version(client->config->tls_version + 1),
        .is_resuming = client->config->is_tls_resuming,
        .is_early = client->config->is_tls_early,
        .alpn = vs_http2_call_alpn(&client->config->http2),
    };
    if (is_http3) {
        http3.quic = vs_quic_params_config(&client->config->quic, &client->tls);
        http3.close_after = client->config->quic_close_after;
        config.http3 = &http3;
    }
    client->message = vs_http_new_request(
        &run->packets->names, authority, path, client->config->body_bytes,
        !is_http2 && !is_http3 && !client->config->is_keep_alive && !is_closing_first);
    vs_rng_init(&rng, run->seed, client->name, "backoff");
    vs_http_caller_open(&client->caller, &config, &policy, &client->entity, &rng,
                        retry_stage);
}

void
client_exchange_close(Client *client)
{
    vs_http_caller_close(&client->caller);
}

void
client_exchange_init(ClientRequest *request)
{
    vs_http_call_init(&request->call, &request->client->caller, &exchange_ops);
}

static void
exchange_sending(VsHttpCall *call)
{
    client_enter_phase(VS_CONTAINER_OF(call, ClientRequest, call),
                       CLIENT_PHASE_REQUEST);
}

ClientError
client_error_of_status(unsigned status)
{
    static const struct {
        unsigned status;
        ClientError error;
    } errors[] = {
        {404, CLIENT_ERROR_404},
        {502, CLIENT_ERROR_502},
        {503, CLIENT_ERROR_503},
        {504, CLIENT_ERROR_504},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].status == status) {
            return errors[i].error;
        }
    }
    return CLIENT_ERROR_STATUS;
}

ClientError
client_error_of_end(VsCallFailure failure)
{
    static const ClientError errors[] = {
        [VS_CALL_REFUSED] = CLIENT_ERROR_REFUSED,
        [VS_CALL_UNREACHABLE] = CLIENT_ERROR_UNREACHABLE,
        [VS_CALL_TIMED_OUT] = CLIENT_ERROR_TIMEOUT,
        [VS_CALL_RESET] = CLIENT_ERROR_RESET,
        [VS_CALL_NO_PORT] = CLIENT_ERROR_NO_PORT,
        [VS_CALL_BREAKER_OPEN] = CLIENT_ERROR_BREAKER,
    };

    return errors[failure];
}

static void
exchange_answered(VsHttpCall *call, const VsHttp *answer)
{
    ClientRequest *request = VS_CONTAINER_OF(call, ClientRequest, call);

    if (answer->status == 200) {
        client_complete(request);
    } else {
        client_fail(request, client_error_of_status(answer->status));
    }
}

static void
exchange_failed(VsHttpCall *call, VsCallFailure failure)
{
    client_fail(VS_CONTAINER_OF(call, ClientRequest, call),
                client_error_of_end(failure));
}

static const VsHttpCallOps exchange_ops = {
    .sending = exchange_sending,
    .answered = exchange_answered,
    .failed = exchange_failed,
};

bool
client_can_reuse(const Client *client)
{
    return vs_http_client_has_idle(&client->caller.client);
}

void
client_set_addresses(Client *client, const VsAddr *addresses, unsigned n_addresses)
{
    vs_http2_client_set_addresses(client->caller.client.http2, addresses, n_addresses,
                                  client->port);
}

/* What the trace tells of it. */
static void
set_traced(VsHttp *http, const ClientRequest *request)
{
    const Client *client = request->client;
    VsTime at;
    const ClientTraceRequest *traced =
        client_trace_get(&client->trace, request->user, &at);

    http->method = traced->method;
    http->path = traced->path ? traced->path : http->path;
    http->host = traced->host ? traced->host : http->host;
    http->body_bytes = traced->body_bytes;
    http->told_bytes = traced->told_bytes;
    vs_http_measure(http, &client->netns->run->packets->names);
}

void
client_connect(ClientRequest *request)
{
    Client *client = request->client;
    VsPayload payload = client->message;

    if (request->session) {
        client_session_connect(request);
        return;
    }
    if (client->trace.requests) {
        set_traced(&payload.http, request);
    }

    client_enter_phase(request, CLIENT_PHASE_CONNECT);
    vs_payload_set_journey(&payload, &request->journey);
    vs_http_call_begin(&request->call, &payload, client->address, client->port);
}

void
client_exchange_cancel(ClientRequest *request)
{
    vs_http_call_cancel(&request->call);
}
