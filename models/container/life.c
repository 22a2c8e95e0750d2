/* What ends a container: its memory limit, and the deletion of its pod. */
#include "models/container/container.h"

/* The kubelet's back-off of restarts (MaxContainerBackOff, backOffPeriod; client-go,
 * util/flowcontrol, Backoff): the first restart is at once; the next waits for the back-off,
 * which doubles with each; it is forgotten when a container ends more than twice the longest
 * after its start. */
#define BACK_OFF_FIRST (10 * VS_S)
#define BACK_OFF_MAX (300 * VS_S)
#define BACK_OFF_FORGOTTEN (2 * BACK_OFF_MAX)

/* Settings. ------------------------------------------------------------------------ */

static bool
refuse(const VsElement *element, const char *attribute, const char *why, GError **error)
{
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT, "%s has no effect %s",
                    attribute, why);
    return false;
}

/* The first of 'names' that 'element' has, or NULL. */
static const char *
find_given(const VsElement *element, const char *const *names, unsigned n_names)
{
    for (unsigned i = 0; i < n_names; i++) {
        if (vs_element_has(element, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

static bool
check_memory(const ContainerLifeConfig *config, const VsElement *element,
             GError **error)
{
    static const char *const of_limit[] = {"memory", "request-memory", "start-time"};
    const char *given = find_given(element, of_limit, G_N_ELEMENTS(of_limit));

    if (!vs_element_has(element, "memory-limit")) {
        return !given ||
               refuse(element, given, "without memory-limit=\"512MiB\"", error);
    }
    if (config->request_memory == 0) {
        return refuse(element, "memory-limit",
                      "where requests have no memory; write request-memory=\"1MiB\"",
                      error);
    }
    if (config->memory_limit < config->memory ||
        config->memory_limit - config->memory < config->request_memory) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "memory-limit is less than memory and one request-memory: it "
                        "would be killed by its first request");
        return false;
    }
    return true;
}

/* Connections of a client of HTTP/2 do not end with its process. */
static bool
check_calls(const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < element->n_children; i++) {
        const ContainerCallConfig *call = element->children[i]->config;

        if (vs_http2_is_called(&call->http2)) {
            vs_set_error_at(error, element->children[i], VS_SCENARIO_ERROR_CONFLICT,
                            "a container with memory-limit or on-sigterm makes calls "
                            "with http-version=\"1.1\" alone; leave one out");
            return false;
        }
    }
    return true;
}

static bool
has_life(const VsElement *element)
{
    return vs_element_has(element, "memory-limit") ||
           vs_element_has(element, "on-sigterm");
}

bool
container_check_life(const VsElement *element, GError **error)
{
    const ContainerConfig *config = element->config;

    if (has_life(element) && vs_port_protocol(config->protocol) == VS_PROTOCOL_UDP) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "memory-limit and on-sigterm are not modelled with "
                        "protocol=\"udp\"; leave them out");
        return false;
    }
    return check_memory(&config->life, element, error) &&
           vs_sigterm_params_check(element, error) &&
           (!has_life(element) || check_calls(element, error));
}

/* Ends and beginnings. ------------------------------------------------------------- */

static inline VsTime
now_of(const Container *container)
{
    return vs_now(container->entity.run);
}

/* Its process is gone, whatever was under way. */
static void
end_process(Container *container)
{
    vs_websocket_server_kill(&container->websockets);
    vs_http_server_kill(&container->http);
    container_calls_kill(container);
    vs_pod_set_down(container->pod, true, now_of(container));
}

static void
end_for_good(Container *container)
{
    if (container->is_over) {
        return;
    }
    container->is_over = true;
    vs_timer_cancel(&container->kill);
    if (vs_timer_is_armed(&container->restart)) {
        vs_timer_cancel(&container->restart); /* It was down. */
    } else {
        end_process(container);
    }
}

static void
oom_kill(VsTimer *timer)
{
    Container *container = VS_CONTAINER_OF(timer, Container, kill);
    VsTime now = timer->due;
    VsTime wait;

    container->n_oom_kills++;
    end_process(container);
    if (now >= container->pod->terminates_at) {
        container->is_over = true;
        return;
    }
    if (now - container->started > BACK_OFF_FORGOTTEN) {
        container->back_off = 0;
    }
    wait = container->back_off;
    container->back_off = MIN(wait == 0 ? BACK_OFF_FIRST : 2 * wait, BACK_OFF_MAX);
    container->started = now + wait;
    vs_timer_arm(&container->restart,
                 container->started + container->config->life.start_time);
}

static void
restart(VsTimer *timer)
{
    Container *container = VS_CONTAINER_OF(timer, Container, restart);

    vs_http_server_restart(&container->http);
    vs_pod_set_down(container->pod, false, timer->due);
}

/* Its connections are closed; what it has sent goes on its way without it. */
void
container_life_exit(Container *container)
{
    if (container->is_terminating && container->n_open == 0 &&
        !container->websockets.peers && !container->is_over) {
        container->is_over = true;
        vs_timer_cancel(&container->sigkill);
        vs_pod_set_down(container->pod, true, now_of(container));
    }
}

static void
sigterm(VsTimer *timer)
{
    Container *container = VS_CONTAINER_OF(timer, Container, sigterm);
    VsSigterm what = (VsSigterm)container->config->life.sigterm.what;

    if (container->is_over || what == VS_SIGTERM_IGNORE) {
        return;
    }
    if (what == VS_SIGTERM_EXIT || vs_timer_is_armed(&container->restart)) {
        end_for_good(container);
        return;
    }
    container->is_terminating = true;
    vs_http_server_drain(&container->http);
    vs_websocket_server_drain(&container->websockets);
    container_life_exit(container);
}

static void
sigkill(VsTimer *timer)
{
    end_for_good(VS_CONTAINER_OF(timer, Container, sigkill));
}

bool
container_life_declare(const VsElement *element, VsPod *pod, GError **error)
{
    const ContainerConfig *config = element->config;

    pod->may_fail |= has_life(element);
    return vs_sigterm_params_declare(&config->life.sigterm, element, pod, error);
}

void
container_life_open(Container *container, const VsElement *element, VsPod *pod)
{
    const ContainerLifeConfig *config = &container->config->life;

    container->pod = pod;
    container->memory_max = config->memory;
    vs_timer_init(&container->kill, &container->entity, oom_kill);
    vs_timer_init(&container->restart, &container->entity, restart);
    vs_timer_init(&container->sigterm, &container->entity, sigterm);
    vs_timer_init(&container->sigkill, &container->entity, sigkill);
    if (vs_element_has(element, "on-sigterm")) {
        vs_timer_arm(&container->sigterm,
                     pod->terminates_at + config->sigterm.pre_stop);
        vs_timer_arm(&container->sigkill, pod->removed_at);
    }
}

/* Requests. ------------------------------------------------------------------------ */

/* From an event of its own, as a request may come in the midst of others' reception. */
void
container_life_arrived(Container *container)
{
    const ContainerLifeConfig *config = &container->config->life;
    uint64_t memory;

    container->n_open++;
    memory = config->memory + container->n_open * config->request_memory;
    container->memory_max = MAX(container->memory_max, memory);
    if (config->memory_limit > 0 && memory > config->memory_limit) {
        vs_timer_arm(&container->kill, now_of(container));
    }
}

void
container_life_answered(Container *container)
{
    container->n_open--;
    container_life_exit(container);
}

void
container_life_lost(VsHttpServer *server, VsHttpRequest *request)
{
    Container *container = VS_CONTAINER_OF(server, Container, http);

    container->n_open--;
    container->n_lost++;
    container_work_lose(container, request);
}
