/* Calls: what a container asks of other services before it answers. */
#include "models/container/container.h"

enum { RUNS_A_SLAB = 32 };

/* A call under way. */
typedef struct ContainerRun {
    VsHttpCall call;
    ContainerCall *owner;
    ContainerCalls *calls; /* Of the request that waits for it; NULL: nobody waits. */
    VsTime began;
    VsTimer timeout;
    struct ContainerRun *next; /* Among the container's. */
    struct ContainerRun *previous;
    bool is_waiting; /* For an address, with 'payload'. */
    struct ContainerRun *next_waiting;
    VsPayload payload;
} Run;

static const VsHttpCallOps run_ops;

static const VsParam call_params[] = {
    VS_PARAM_REF(ContainerCallConfig, service, "service", .is_required = true,
                 .to = "service",
                 .doc = "Who is asked: its cluster IP, from the pod; or of a headless "
                        "service, by HTTP/2, the addresses that its name has."),
    VS_PARAM_STRING(ContainerCallConfig, path, "path", .def = "/", .doc = "What for."),
    VS_PARAM_BOOL(ContainerCallConfig, is_parallel, "parallel", .def = "no",
                  .doc =
                      "yes: together with the parallel calls next to it, which begin "
                      "at once, and all are waited for.  no: when the calls before it "
                      "are over."),
    VS_PARAM_BOOL(ContainerCallConfig, is_async, "async", .def = "no",
                  .doc = "yes: nobody waits for its answer."),
    VS_PARAM_SIZE(ContainerCallConfig, body_bytes, "body", .def = "0B", .max = "1GiB",
                  .doc = "Body of the request: above 0 it is a POST."),
    VS_PARAM_UINT(ContainerCallConfig, connections, "connections", .def = "4294967295",
                  .min = "1",
                  .doc =
                      "Connections that the container has for it at most, kept alive; "
                      "a call that finds none free waits for one."),
    VS_HTTP2_CALL_PARAM_ROWS(ContainerCallConfig, http2),
    VS_GRPC_POLICY_ROW(ContainerCallConfig, grpc_policy),
    VS_PARAM_TIME(ContainerCallConfig, timeout, "timeout", .def = "30s", .min = "1us",
                  .doc =
                      "A call not answered in so long has failed, whatever tries are "
                      "left."),
    VS_CALL_PARAM_ROWS(ContainerCallConfig, call),
    {0},
};

static const VsStat call_stats[] = {
    VS_COUNTER(ContainerCall, n_calls, "calls", "call", "Calls begun."),
    VS_COUNTER(ContainerCall, n_answered, "answered", "call", "Calls answered 200."),
    VS_COUNTER(ContainerCall, n_statuses, "failed-status", "call",
               "Calls answered otherwise."),
    VS_COUNTER(ContainerCall, n_timeouts, "failed-timeout", "call",
               "Calls not answered in time."),
    VS_COUNTER(ContainerCall, n_broken, "failed-connection", "call",
               "Calls that could not connect, or were cut off."),
    VS_COUNTER(ContainerCall, n_rejected, "failed-breaker", "call",
               "Calls not made: the circuit breaker was open."),
    VS_COUNTER(ContainerCall, own.client.n_waited, "waited", "call",
               "Tries that waited for a connection."),
    VS_CALL_STAT_ROWS(ContainerCall, own),
    VS_COUNTER(ContainerCall, names.stub.n_asked, "lookups", "query",
               "DNS queries sent."),
    VS_HISTOGRAM(ContainerCall, latency, "call-latency", "ps",
                 "From the beginning of a call to its answer 200."),
    {0},
};

/* Whose connections, names and waiting calls 'call' shares. */
static ContainerCall *
first_of(const ContainerCall *call)
{
    return VS_CONTAINER_OF(call->caller, ContainerCall, own);
}

/* Calls of a request. -------------------------------------------------------------- */

static void
push_waiting(ContainerCall *first, Run *run)
{
    run->is_waiting = true;
    if (first->waiting) {
        first->last_waiting->next_waiting = run;
    } else {
        first->waiting = run;
    }
    first->last_waiting = run;
}

static void
leave_waiting(ContainerCall *first, Run *run)
{
    Run *before = NULL;

    for (Run *at = first->waiting; at != run; at = at->next_waiting) {
        before = at;
    }
    if (before) {
        before->next_waiting = run->next_waiting;
    } else {
        first->waiting = run->next_waiting;
    }
    if (first->last_waiting == run) {
        first->last_waiting = before;
    }
    run->is_waiting = false;
}

static void
run_free(Run *run)
{
    Container *container = run->owner->container;

    if (run->is_waiting) {
        leave_waiting(first_of(run->owner), run);
    }

    vs_timer_cancel(&run->timeout);
    if (run->next) {
        run->next->previous = run->previous;
    }
    if (run->previous) {
        run->previous->next = run->next;
    } else {
        container->open_runs = run->next;
    }
    vs_pool_free(&container->runs, run);
}

static void
run_end(Run *run, unsigned status)
{
    ContainerCalls *calls = run->calls;

    run_free(run);
    if (calls) {
        if (status != 200) {
            calls->status = status;
        }
        container_calls_ended(calls);
    }
}

static void
run_answered(VsHttpCall *call, const VsHttp *answer)
{
    Run *run = VS_CONTAINER_OF(call, Run, call);
    ContainerCall *owner = run->owner;

    if (answer->status == 200) {
        owner->n_answered++;
        vs_histogram_record(&owner->latency,
                            vs_now(owner->container->entity.run) - run->began);
        run_end(run, 200);
    } else {
        owner->n_statuses++;
        run_end(run, 502);
    }
}

static void
run_failed(VsHttpCall *call, VsCallFailure failure)
{
    Run *run = VS_CONTAINER_OF(call, Run, call);

    if (failure == VS_CALL_TIMED_OUT) {
        run->owner->n_timeouts++;
        run_end(run, 504);
    } else if (failure == VS_CALL_BREAKER_OPEN) {
        run->owner->n_rejected++;
        run_end(run, 503);
    } else {
        run->owner->n_broken++;
        run_end(run, 502);
    }
}

static const VsHttpCallOps run_ops = {.answered = run_answered, .failed = run_failed};

static void
run_timeout(VsTimer *timer)
{
    Run *run = VS_CONTAINER_OF(timer, Run, timeout);

    vs_http_call_cancel(&run->call);
    run->owner->n_timeouts++;
    run_end(run, 504);
}

void
container_calls_named(ContainerCall *call, bool is_known)
{
    while (call->waiting) {
        Run *run = call->waiting;

        leave_waiting(call, run);
        if (is_known) {
            vs_http_call_begin(&run->call, &run->payload, call->address, call->port);
        } else {
            run_failed(&run->call, VS_CALL_UNREACHABLE);
        }
    }
}

static void
call_begin(ContainerCall *owner, ContainerCalls *calls, VsJourney *journey)
{
    Container *container = owner->container;
    VsTime now = vs_now(container->entity.run);
    Run *run = vs_pool_alloc(&container->runs);
    ContainerCall *first = first_of(owner);

    *run = (Run){.owner = owner,
                 .calls = calls,
                 .began = now,
                 .next = container->open_runs,
                 .payload = owner->message};
    if (run->next) {
        run->next->previous = run;
    }
    container->open_runs = run;
    vs_http_call_init(&run->call, owner->caller, &run_ops);
    vs_timer_init(&run->timeout, &container->entity, run_timeout);
    vs_timer_arm(&run->timeout, now + owner->config->timeout);
    vs_payload_set_journey(&run->payload, journey);
    owner->n_calls++;
    if (first->names.is_used && !vs_http_client_has_idle(&first->own.client)) {
        push_waiting(first, run);
        container_names_ask(first);
        return;
    }
    vs_http_call_begin(&run->call, &run->payload, owner->address, owner->port);
}

/* A journey is a chain: it goes along with a call that is alone, in one try. */
static bool
may_follow(const ContainerCall *call)
{
    return !call->config->is_parallel && !call->config->is_async &&
           call->config->call.retries == 0 && call->config->call.hedge_after == 0;
}

/* The next call, and the parallel ones next to it if it is one of them. */
static void
begin_group(ContainerCalls *calls, VsJourney *journey)
{
    const GPtrArray *all = calls->container->calls;
    bool was_parallel;

    do {
        ContainerCall *call = all->pdata[calls->n_begun++];
        bool is_async = call->config->is_async;

        calls->n_pending += !is_async;
        call_begin(call, is_async ? NULL : calls, may_follow(call) ? journey : NULL);
        was_parallel = call->config->is_parallel;
    } while (was_parallel && calls->n_begun < all->len &&
             ((const ContainerCall *)all->pdata[calls->n_begun])->config->is_parallel);
}

bool
container_calls_next(ContainerCalls *calls, VsJourney *journey)
{
    while (calls->n_begun < calls->container->calls->len && calls->status == 200) {
        calls->n_pending = 1; /* Ours, until all of the group have begun. */
        begin_group(calls, journey);
        if (--calls->n_pending > 0) {
            return true;
        }
    }
    return false;
}

/* The model. ----------------------------------------------------------------------- */

static bool
call_check(const void *config_, const VsElement *element, GError **error)
{
    const ContainerCallConfig *config = config_;
    const ContainerConfig *container = element->parent->config;

    if (vs_port_protocol(container->protocol) == VS_PROTOCOL_UDP &&
        !vs_http3_is_served(&container->http2)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "a container of protocol=\"udp\" makes no calls, unless it speaks "
            "HTTP/3; write "
            "protocol=\"tcp\", or leave them out");
        return false;
    }
    if (config->path[0] != '/') {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "path=\"%s\" does not begin with a slash; write \"/%s\"",
                        config->path, config->path);
        return false;
    }
    if (config->is_async && config->is_parallel) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "parallel has no effect where async=\"yes\": nobody waits");
        return false;
    }
    if (vs_http3_is_called(&config->http2)) {
        return vs_http3_refuse(element, "it calls without TLS", error);
    }
    if (vs_http2_is_called(&config->http2) && vs_element_has(element, "connections")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "connections has no effect with http-version=\"2\"; write "
                        "channels");
        return false;
    }
    return vs_http2_call_params_check(&config->http2, element, error) &&
           vs_call_params_check(&config->call, element, error);
}

/* Does 'element' follow its sibling 'before' in one template? */
static bool
is_next_member(const VsElement *before, const VsElement *element)
{
    return before->model == element->model && before->line == element->line &&
           before->n_members == element->n_members &&
           before->member + 1 == element->member;
}

/* Whose connections it uses: those of the first member of its template. */
static VsHttpCaller *
find_caller(const VsElement *element, const VsBuild *build)
{
    const VsElement *const *siblings = element->parent->children;
    unsigned first = 0;
    ContainerCall *call;

    for (unsigned i = 1; siblings[i - 1] != element; i++) {
        if (!is_next_member(siblings[i - 1], siblings[i])) {
            first = i;
        }
    }
    call = vs_build_instance(build, siblings[first]);
    return &call->own;
}

static VsPod *
pod_of(const VsElement *element, const VsBuild *build)
{
    return vs_cluster_find_pod(build->cluster, element->parent->parent->id);
}

static void
open_caller(ContainerCall *call, const VsElement *element, VsBuild *build)
{
    const VsPod *pod = pod_of(element, build);
    g_autofree char *name = g_strdup_printf("%s/%s call %u", pod->name,
                                            element->parent->id, element->index);
    VsHttpClientConfig client = {.netns = pod->netns,
                                 .n_links_max = call->config->connections,
                                 .is_keep_alive = true};
    VsHttp2ClientConfig http2 = vs_http2_call_params_config(
        &call->config->http2, &call->container->entity, name);
    VsCallPolicy policy = vs_call_params_policy(&call->config->call);
    VsRng rng;

    if (vs_http2_is_called(&call->config->http2)) {
        http2.policy = (VsGrpcPolicy)call->config->grpc_policy;
        http2.resolve = call->names.is_used ? container_names_ask : NULL;
        http2.user = call;
        client.http2 = &http2;
    }
    vs_rng_init(&rng, build->run->seed, name, "backoff");
    vs_http_caller_open(&call->own, &client, &policy, &call->container->entity, &rng,
                        call->container->calls_stage);
}

/* Who is called, with a cluster IP or headless; NULL with 'error' set. */
static VsService *
find_service(const VsElement *element, const VsBuild *build, GError **error)
{
    const ContainerCallConfig *config = element->config;
    const char *name = config->service->id;
    VsService *headless = vs_cluster_find_headless(build->cluster, name);
    VsService *service;

    if (headless && !vs_http2_is_called(&config->http2)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "service \"%s\" is headless, and its addresses are taken by "
                        "HTTP/2 alone; write http-version=\"2\", or give the service a "
                        "cluster IP",
                        name);
        return NULL;
    }
    if (!headless && config->grpc_policy == VS_GRPC_ROUND_ROBIN) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "grpc-policy=\"round_robin\" has no effect with a cluster IP, "
                        "which is one address; write cluster-ip=\"none\" in service "
                        "\"%s\", or leave it out",
                        name);
        return NULL;
    }
    service = headless ? headless : vs_cluster_find_service(build->cluster, name);
    return vs_build_check_tcp(service, element, error) ? service : NULL;
}

static bool
call_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    ContainerCall *call = self;
    g_autofree char *authority = NULL;
    VsService *service;

    call->config = element->config;
    call->container = vs_build_instance(build, element->parent);
    call->caller = find_caller(element, build);
    vs_histogram_init(&call->latency);
    service = find_service(element, build, error);
    if (!service) {
        return false;
    }
    call->address = service->cluster_ip;
    call->port = service->is_headless ? service->target_port : service->port;
    authority = vs_http_authority(service->name, call->port, false);
    call->message =
        vs_http_new_request(&build->run->packets->names, authority, call->config->path,
                            call->config->body_bytes, false);
    if (call->caller == &call->own && service->is_headless &&
        !container_names_open(call, service, pod_of(element, build), build, error)) {
        return false;
    }
    if (call->caller == &call->own) {
        open_caller(call, element, build);
    }
    g_ptr_array_add(call->container->calls, call);
    return true;
}

static void
call_close(void *self)
{
    ContainerCall *call = self;

    if (call->config) {
        container_names_close(call);
        vs_http_caller_close(&call->own);
        vs_histogram_clear(&call->latency);
    }
}

void
container_calls_kill(Container *container)
{
    while (container->open_runs) {
        vs_http_call_cancel(&container->open_runs->call);
        run_free(container->open_runs);
    }
    for (unsigned i = 0; container->calls && i < container->calls->len; i++) {
        ContainerCall *call = container->calls->pdata[i];

        vs_http_client_drop_idle(&call->own.client);
    }
}

void
container_calls_open(Container *container)
{
    container->calls = g_ptr_array_new();
    vs_pool_init(&container->runs, sizeof(Run), RUNS_A_SLAB);
}

void
container_calls_close(Container *container)
{
    g_ptr_array_free(container->calls, TRUE);
    vs_pool_clear(&container->runs);
}

const VsModel vs_model_call = {
    .element = "call",
    .summary = "A request that a container makes before it answers its own.",
    .parents = "container",
    .id_rule = VS_ID_NONE,
    .is_template = true,
    .config_size = sizeof(ContainerCallConfig),
    .params = call_params,
    .size = sizeof(ContainerCall),
    .stats = call_stats,
    .check = call_check,
    .open = call_open,
    .close = call_close,
};
