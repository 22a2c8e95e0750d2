#include "models/client/client.h"

#include <string.h>

static const char *const phase_names[] = {"DNS", "connect", "request"};

static const char *const closer_choices[] = {
    [CLIENT_CLOSER_SERVER] = "server",
    [CLIENT_CLOSER_CLIENT] = "client",
    NULL,
};

static const VsParam client_params[] = {
    VS_PARAM_ARRIVALS(ClientConfig, arrivals, "arrivals",
                      .doc =
                          "constant(100/s), poisson(100/s), ramp(10/s,1000/s,60s), "
                          "mmpp(100/s:10s,900/s:1s): requests come whatever happens to "
                          "earlier ones (open loop); closed(16) or "
                          "closed(16,exponential(1s)): that many users, each waiting "
                          "for its answer, then thinking.  Or write trace."),
    CLIENT_TRACE_PARAM_ROWS(ClientConfig, trace),
    VS_PARAM_STRING(ClientConfig, to, "to", .is_required = true,
                    .doc = "What is requested: http://host[:port]/path, or https://.  "
                           "ws:// or wss://: arrivals are of sessions, which keep a "
                           "WebSocket and send messages over it."),
    VS_PARAM_REFS(ClientConfig, resolv.servers, "resolver", .to = "resolver dns",
                  .doc =
                      "Who resolves the host's name: up to three servers; not needed "
                      "for an address, nor in a pod, which has dns-policy."),
    VS_RESOLV_SEARCH_ROW(ClientConfig, resolv),
    VS_RESOLV_OPTIONS_ROW(ClientConfig, resolv),
    VS_PARAM_CHOICE(ClientConfig, libc, "libc", .def = "none", .choices = vs_libc_names,
                    .doc = "Whose resolver it has.  glibc, musl: A and AAAA for each "
                           "name of the search list.  none: its own, which asks for A "
                           "of the name as it is.  In a pod glibc without it."),
    VS_PARAM_TIME(ClientConfig, cache_ttl, "dns-cache", .def = "0s",
                  .doc =
                      "How long it keeps an address, whatever the answer's time to "
                      "live: a JVM 30s, or for ever with a security manager.  "
                      "Without it not at all, but with libc=\"none\" for the time to "
                      "live.  Open connections are used on."),
    VS_PARAM_RATIO(ClientConfig, migration, "thread-migration", .def = "0%",
                   .max = "100%",
                   .doc = "Of pairs of questions for A and AAAA: those whose thread is "
                          "moved to another core in between."),
    VS_PARAM_CHOICE(ClientConfig, tls_version, "tls", .def = "1.3",
                    .choices = vs_tls_client_choices,
                    .doc = "Highest version of TLS spoken with https://."),
    VS_PARAM_BOOL(ClientConfig, is_tls_resuming, "tls-resume", .def = "yes",
                  .doc = "yes: shows the ticket of the last session with the address."),
    VS_PARAM_BOOL(ClientConfig, is_tls_early, "tls-early-data", .def = "no",
                  .doc = "yes: sends the request with the first flight of a resumed "
                         "session (0-RTT)."),
    VS_PARAM_BOOL(ClientConfig, is_keep_alive, "keep-alive", .def = "no",
                  .doc = "yes: connections are used again; no: one for each request."),
    VS_HTTP2_CALL_PARAM_ROWS(ClientConfig, http2),
    VS_QUIC_PARAM_ROWS(ClientConfig, quic),
    VS_PARAM_TIME(ClientConfig, quic_close_after, "quic-close-after", .min = "1ns",
                  .doc = "HTTP/3: a connection without a request for so long is closed "
                         "(CONNECTION_CLOSE).  Without it, it ends by silence."),
    VS_GRPC_POLICY_ROW(ClientConfig, grpc_policy),
    VS_PARAM_CHOICE(ClientConfig, closer, "closes-first", .def = "server",
                    .choices = closer_choices,
                    .doc = "Who closes a connection that is not kept alive.  server: "
                           "the request says \"Connection: close\".  client: it has "
                           "its answer, closes, and its port stays in TIME_WAIT."),
    VS_PARAM_SIZE(ClientConfig, body_bytes, "body", .def = "0B", .max = "1GiB",
                  .doc = "Body of a request: above 0 it is a POST."),
    VS_PARAM_TIME(ClientConfig, timeout, "timeout", .def = "30s", .min = "1us",
                  .doc = "A request not answered by then, from its intended start, has "
                         "failed, whatever tries are left."),
    VS_CALL_PARAM_ROWS(ClientConfig, call),
    CLIENT_WEBSOCKET_PARAM_ROWS(ClientConfig, websocket),
    VS_PARAM_TIME(ClientConfig, start, "start", .def = "0s", .doc = "First request."),
    VS_PARAM_TIME(ClientConfig, stop, "stop",
                  .doc = "No request begins then or later; without it, to the end."),
    VS_TCP_PARAM_ROWS(ClientConfig, tcp),
    VS_HOST_PARAM_ROWS(ClientConfig, host, "4"),
    VS_TCP_HOST_PARAM_ROWS(ClientConfig, tcp_host),
    {0},
};

#define ERROR_COUNTER(error, name, doc) \
    VS_COUNTER(Client, n_errors[CLIENT_ERROR_##error], "error-" name, "request", doc)

static const VsStat client_stats[] = {
    VS_COUNTER(Client, n_requests, "requests", "request", "Requests begun."),
    VS_COUNTER(Client, n_completed, "completed", "request", "Requests answered 200."),
    ERROR_COUNTER(DNS, "dns", "The name could not be resolved."),
    ERROR_COUNTER(REFUSED, "refused", "The connection was refused."),
    ERROR_COUNTER(UNREACHABLE, "unreachable", "ICMP said that there is no way."),
    ERROR_COUNTER(TIMEOUT, "timeout", "No answer in time."),
    ERROR_COUNTER(RESET, "reset", "The connection was reset or closed early."),
    ERROR_COUNTER(NO_PORT, "no-port", "No source port was free."),
    ERROR_COUNTER(BREAKER, "breaker", "The circuit breaker was open."),
    ERROR_COUNTER(404, "404", "Not Found: no ingress rule matched."),
    ERROR_COUNTER(502, "502", "Bad Gateway: the upstream connection failed."),
    ERROR_COUNTER(503, "503", "Service Unavailable: no endpoint, or a full queue."),
    ERROR_COUNTER(504, "504", "Gateway Timeout: the upstream did not answer in time."),
    ERROR_COUNTER(STATUS, "status", "Another status than 200."),
    VS_COUNTER(Client, stub.n_by_tcp, "tcp-lookups", "query",
               "DNS answers that were cut short: asked again by TCP."),
    VS_COUNTER(Client, trace.n_skipped, "trace-skipped", "line",
               "Lines of the trace that were no requests."),
    VS_COUNTER(Client, stub.n_asked, "lookups", "query", "DNS queries sent."),
    VS_CALL_STAT_ROWS(Client, caller),
    VS_COUNTER(Client, stub.n_no_name, "no-such-name", "answer",
               "DNS answers NXDOMAIN: with a search list most of them."),
    VS_COUNTER(Client, stub.n_timeouts, "dns-timeouts", "try",
               "DNS questions without an answer in time."),
    VS_HISTOGRAM(Client, latency, "latency", "ps",
                 "From the intended start to the whole answer, of completed requests."),
    VS_HISTOGRAM(Client, phases[CLIENT_PHASE_DNS], "latency-dns", "ps",
                 "Resolving the name, of completed requests; 0 from the cache."),
    VS_HISTOGRAM(Client, phases[CLIENT_PHASE_CONNECT], "latency-connect", "ps",
                 "Opening a connection, of completed requests; 0 on one kept alive."),
    VS_HISTOGRAM(Client, phases[CLIENT_PHASE_REQUEST], "latency-request", "ps",
                 "From first sending the request to the whole answer."),
    VS_HISTOGRAM(
        Client, closed_loop, "as-closed-loop", "ps",
        "Open loop: the latencies that a tester would have measured who sends a "
        "request when it is due, but never before the last one is answered."),
    CLIENT_WEBSOCKET_STAT_ROWS(Client, websocket.stats),
    VS_STAGES(Client, stages, "stages", "ps",
              "Where the time of completed requests went."),
    {0},
};

static bool
is_among(const char *name, const char *const *names, unsigned n_names)
{
    for (unsigned i = 0; i < n_names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What a pod's client shares with its pod, or with all of its node. */
static bool
check_in_pod(const VsElement *element, GError **error)
{
    static const char *const of_pods[] = {"resolver", "dns-search", "dns-options"};
    static const char *const of_nodes[] = {"cores", "backlog", "ecmp", "ecmp-seed",
                                           "costs", "capture", "rss",  "congestion",
                                           "ecn",   "gso"};

    for (const VsParam *param = client_params; element->parent && param->name;
         param++) {
        bool is_pods = is_among(param->name, of_pods, G_N_ELEMENTS(of_pods)) ||
                       g_str_has_prefix(param->name, "tcp-") ||
                       g_str_has_prefix(param->name, "local-port-");

        if (vs_element_has(element, param->name) &&
            (is_pods || is_among(param->name, of_nodes, G_N_ELEMENTS(of_nodes)))) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect on a client in a pod; give it to %s",
                            param->name, is_pods ? "the pod" : "its node");
            return false;
        }
    }
    return true;
}

/* Attributes of resolving, where nothing is resolved, or by a resolver that knows nothing of
 * them. */
static bool
check_resolving(const ClientConfig *config, const VsElement *element, const char *host,
                bool is_address, GError **error)
{
    static const char *const names[] = {"resolver",  "dns-search", "dns-options",
                                        "dns-cache", "libc",       "thread-migration"};
    bool is_libc = element->parent ? !vs_element_has(element, "libc") ||
                                         config->libc != VS_LIBC_NONE
                                   : config->libc != VS_LIBC_NONE;

    for (unsigned i = 0; is_address && i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s=\"\" has no effect: \"%s\" is an address", names[i],
                            host);
            return false;
        }
    }
    for (unsigned i = 0; !is_libc && i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i]) &&
            (strcmp(names[i], "dns-search") == 0 ||
             strcmp(names[i], "thread-migration") == 0)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with libc=\"none\"; write libc=\"glibc\"",
                            names[i]);
            return false;
        }
    }
    if (!is_address && !element->parent && config->resolv.servers.n_elements == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
                        "\"%s\" is a name; say who resolves it: resolver=\"...\"",
                        host);
        return false;
    }
    return true;
}

static bool
check_tls(const ClientConfig *config, bool is_tls, const VsElement *element,
          GError **error)
{
    static const char *const of_tls[] = {"tls", "tls-resume", "tls-early-data"};

    for (unsigned i = 0; !is_tls && i < G_N_ELEMENTS(of_tls); i++) {
        if (vs_element_has(element, of_tls[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect on http://; write https:// or leave it "
                            "out",
                            of_tls[i]);
            return false;
        }
    }
    if (config->is_tls_early &&
        (!config->is_tls_resuming || config->tls_version == 0)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "tls-early-data has no effect without tls=\"1.3\" and "
                        "tls-resume=\"yes\"");
        return false;
    }
    return true;
}

/* Connections of HTTP/2 are always kept, and its first message is no request that early data
 * could carry twice. */
static bool
check_http2(const ClientConfig *config, bool is_address, const VsElement *element,
            GError **error)
{
    static const char *const of_http1[] = {"keep-alive", "closes-first",
                                           "tls-early-data"};

    if (!vs_http2_call_params_check(&config->http2, element, error)) {
        return false;
    }
    for (unsigned i = 0;
         vs_http2_is_called(&config->http2) && i < G_N_ELEMENTS(of_http1); i++) {
        if (vs_element_has(element, of_http1[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with http-version=\"2\", whose "
                            "connections are kept; leave one out",
                            of_http1[i]);
            return false;
        }
    }
    if (is_address && config->grpc_policy == VS_GRPC_ROUND_ROBIN) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "grpc-policy=\"round_robin\" has no effect with one address; "
                        "write a name in to, or leave it out");
        return false;
    }
    return true;
}

/* QUIC has TLS 1.3 always, and its connections are kept. */
static bool
check_http3(const ClientConfig *config, bool is_tls, const VsElement *element,
            GError **error)
{
    static const char *const of_tcp[] = {"keep-alive", "closes-first"};

    if (!vs_http3_is_called(&config->http2)) {
        return vs_quic_params_check_absent(element, error);
    }
    if (!is_tls || vs_tls_version(config->tls_version + 1) != VS_TLS_1_3) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "http-version=\"3\" has TLS 1.3 always; write https:// and "
                        "tls=\"1.3\"");
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(of_tcp); i++) {
        if (vs_element_has(element, of_tcp[i])) {
            vs_set_error_at(
                error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                "%s has no effect with http-version=\"3\", whose connection "
                "is kept; leave one out",
                of_tcp[i]);
            return false;
        }
    }
    return true;
}

static bool
client_check(const void *config_, const VsElement *element, GError **error)
{
    const ClientConfig *config = config_;
    g_autofree char *host = NULL;
    g_autofree char *path = NULL;
    g_autofree char *url = client_http_url(config->to);
    g_autoptr(GError) reason = NULL;
    bool is_tls;
    uint16_t port;
    uint32_t address;

    if (!vs_call_params_check(&config->call, element, error) ||
        !client_websocket_check(&config->websocket, config->to, element, error) ||
        !client_trace_check(&config->trace, element, error)) {
        return false;
    }
    if (!vs_http_split_url(url, &is_tls, &host, &port, &path, &reason)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE, "to=\"%s\": %s",
                        config->to, reason->message);
        return false;
    }
    if (!check_in_pod(element, error) ||
        !check_resolving(config, element, host, vs_parse_ipv4(host, &address, NULL),
                         error) ||
        !check_tls(config, is_tls, element, error) ||
        !check_http2(config, vs_parse_ipv4(host, &address, NULL), element, error) ||
        !check_http3(config, is_tls, element, error)) {
        return false;
    }
    if (config->stop != 0 && config->stop <= config->start) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "stop is not after start: the client would send nothing");
        return false;
    }
    if (config->is_keep_alive && config->closer == CLIENT_CLOSER_CLIENT) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "closes-first=\"client\" has no effect with keep-alive=\"yes\", "
            "which closes nothing; leave one out");
        return false;
    }
    return vs_tcp_params_check(&config->tcp, element, error);
}

static void
request_timeout(VsTimer *timer)
{
    client_fail(VS_CONTAINER_OF(timer, ClientRequest, timeout), CLIENT_ERROR_TIMEOUT);
}

static ClientRequest *
request_new(Client *client)
{
    ClientRequest *request = client->free_requests;

    if (request) {
        client->free_requests = request->next;
        return request;
    }
    request = g_new0(ClientRequest, 1);
    request->client = client;
    vs_timer_init(&request->timeout, &client->entity, request_timeout);
    client_exchange_init(request);
    g_ptr_array_add(client->requests, request);
    return request;
}

void
client_request_end(ClientRequest *request)
{
    Client *client = request->client;

    if (request->is_closed_loop) {
        client->is_closed_loop_busy = false;
    }
    vs_timer_cancel(&request->timeout);
    vs_journey_end(&request->journey);
    client_lookup_cancel(request);
    client_exchange_cancel(request);
    if (request->session) {
        client_session_request_ended(request);
    } else {
        client_load_next(client, request->user, request->journey.started);
    }
    request->next = client->free_requests;
    client->free_requests = request;
}

ClientRequest *
client_request_begin(Client *client, VsTime intended)
{
    ClientRequest *request = request_new(client);

    client->n_requests++;
    request->is_closed_loop = false;
    request->session = NULL;
    request->phase_began = intended;
    vs_journey_start(&request->journey, intended);
    vs_timer_arm(&request->timeout, intended + client->config->timeout);
    return request;
}

void
client_begin(Client *client, VsTime intended, uint32_t user)
{
    ClientRequest *request;

    if (client->websocket.is_on) {
        client_session_begin(client, intended, user);
        return;
    }
    request = client_request_begin(client, intended);
    request->user = user;
    request->is_closed_loop = !client->users && !client->is_closed_loop_busy;
    client->is_closed_loop_busy |= request->is_closed_loop;
    if (client_can_reuse(client)) {
        client_connect(request);
    } else {
        client_lookup(request);
    }
}

void
client_enter_phase(ClientRequest *request, ClientPhase phase)
{
    VsTime now = vs_now(request->client->host->part.run);

    request->phase_elapsed[phase - 1] = now - request->phase_began;
    request->phase_began = now;
    vs_journey_wait(&request->journey, request->client->wait_stage, now);
    vs_journey_set_phase(&request->journey, phase);
}

void
client_complete(ClientRequest *request)
{
    Client *client = request->client;
    VsTime now = vs_now(client->host->part.run);

    request->phase_elapsed[CLIENT_PHASE_REQUEST] = now - request->phase_began;
    for (unsigned phase = 0; phase < CLIENT_N_PHASES; phase++) {
        vs_histogram_record(&client->phases[phase], request->phase_elapsed[phase]);
    }
    vs_histogram_record(&client->latency, now - request->journey.started);
    if (request->is_closed_loop) {
        vs_histogram_record(&client->closed_loop, now - request->journey.started);
    }
    vs_journey_wait(&request->journey, client->wait_stage, now);
    vs_stage_totals_add(&client->stages, &request->journey);
    client->n_completed++;
    client_request_end(request);
}

void
client_fail(ClientRequest *request, ClientError error)
{
    request->client->n_errors[error]++;
    client_request_end(request);
}

static bool
client_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Client *client = self;

    (void)error;
    client->config = element->config;
    client->name = element->id;
    if (!element->parent) {
        client->host =
            vs_build_new_host(build, element, &client->config->host, VS_HOST_END);
        vs_tcp_host_params_apply(&client->config->tcp_host, client->host);
        vs_tcp_params_apply(&client->config->tcp, client->host->root);
        client->netns = client->host->root;
        vs_entity_init(&client->entity, &client->host->part);
    }
    client->requests = g_ptr_array_new();
    client->stages.phase_names = phase_names;
    vs_histogram_init(&client->latency);
    vs_histogram_init(&client->closed_loop);
    vs_histogram_init(&client->websocket.stats.opening);
    vs_histogram_init(&client->websocket.stats.push);
    for (unsigned phase = 0; phase < CLIENT_N_PHASES; phase++) {
        vs_histogram_init(&client->phases[phase]);
    }
    return true;
}

/* A pod's client has its network. */
static void
join_pod(Client *client, const VsElement *element, const VsBuild *build)
{
    const VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);

    client->host = pod->node->host;
    client->netns = pod->netns;
    vs_entity_init(&client->entity, &client->host->part);
}

static bool
client_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Client *client = self;
    g_autofree char *place = g_strdup_printf("client %s", element->id);
    g_autofree char *host = NULL;
    g_autofree char *authority = NULL;
    g_autofree char *path = NULL;
    g_autofree char *url = client_http_url(client->config->to);
    uint16_t port = 0;
    bool is_tls = false;

    if (element->parent) {
        join_pod(client, element, build);
    }
    client->wait_stage =
        vs_stages_add(&build->run->packets->stages, place, "waiting", VS_STAGE_DELAY);
    if (!vs_http_split_url(url, &is_tls, &host, &port, &path, error) ||
        !client_lookup_open(client, element, build, host, error) ||
        !client_load_open(client, element, path, error)) {
        return false;
    }
    authority = vs_http_authority(host, port, is_tls);
    client_exchange_open(client, authority, path, port, is_tls);
    client_websocket_open(client, authority, path);
    if (!build->is_without_load) {
        client_load_start(client);
    }
    return true;
}

static void
client_close(void *self)
{
    Client *client = self;

    if (!client->requests) {
        return;
    }
    for (unsigned i = 0; i < client->requests->len; i++) {
        ClientRequest *request = client->requests->pdata[i];

        vs_journey_clear(&request->journey);
        g_free(request);
    }
    g_ptr_array_free(client->requests, TRUE);
    client_load_close(client);
    client_lookup_close(client);
    client_exchange_close(client);
    client_websocket_close(client);
    vs_histogram_clear(&client->latency);
    vs_histogram_clear(&client->closed_loop);
    vs_histogram_clear(&client->websocket.stats.opening);
    vs_histogram_clear(&client->websocket.stats.push);
    for (unsigned phase = 0; phase < CLIENT_N_PHASES; phase++) {
        vs_histogram_clear(&client->phases[phase]);
    }
    vs_stage_totals_clear(&client->stages);
}

const VsModel vs_model_client = {
    .element = "client",
    .summary = "A site of clients, or in a pod a program, that request a URL, open or "
               "closed loop.",
    .parents = "scenario pod",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(ClientConfig),
    .params = client_params,
    .size = sizeof(Client),
    .stats = client_stats,
    .check = client_check,
    .create = client_create,
    .open = client_open,
    .close = client_close,
};
