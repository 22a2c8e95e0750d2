#include "models/lb/lb.h"

static void check_timeout(VsTimer *timer);
static void check_next(VsTimer *timer);

/* A check agreed or not with the backend's state: enough in a row change it. */
static void
judge(LbBackend *backend, bool is_good)
{
    Lb *lb = backend->lb;
    uint32_t needed =
        backend->is_up ? lb->config->unhealthy_after : lb->config->healthy_after;

    vs_timer_cancel(&backend->timeout);
    backend->check = NULL;
    lb->n_checks++;
    lb->n_checks_failed += !is_good;
    if (is_good == backend->is_up) {
        backend->n_in_row = 0;
        return;
    }
    if (++backend->n_in_row >= needed) {
        backend->is_up = is_good;
        backend->n_in_row = 0;
        lb->n_transitions++;
        vs_balancer_set_up(&lb->balancer, backend->index, is_good);
    }
}

static void
conclude(VsTcp *tcp, bool is_good)
{
    LbBackend *backend = vs_tcp_user(tcp);

    vs_tcp_set_user(tcp, NULL);
    vs_tcp_close(tcp);
    judge(backend, is_good);
}

static void
check_connected(VsTcp *tcp)
{
    const LbBackend *backend = vs_tcp_user(tcp);
    const VsPayload *request = &backend->request;

    if (request->kind == VS_PAYLOAD_NONE) {
        conclude(tcp, true);
    } else {
        vs_tcp_send(tcp, request, request->http.head_bytes + request->http.body_bytes);
    }
}

static void
check_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)bytes;
    if (vs_tcp_user(tcp)) {
        conclude(tcp, payload->http.status == 200);
    }
}

/* Without an answer, if the check is still open. */
static void
check_finished(VsTcp *tcp)
{
    if (vs_tcp_user(tcp)) {
        conclude(tcp, false);
    }
}

static void
check_broken(VsTcp *tcp, VsTcpEnd end)
{
    LbBackend *backend = vs_tcp_user(tcp);

    (void)end;
    if (backend) {
        judge(backend, false);
    }
}

static const VsTcpOps check_ops = {
    .connected = check_connected,
    .message = check_message,
    .finished = check_finished,
    .broken = check_broken,
};

static void
check_timeout(VsTimer *timer)
{
    LbBackend *backend = VS_CONTAINER_OF(timer, LbBackend, timeout);

    vs_tcp_abort(backend->check);
    judge(backend, false);
}

static void
check_next(VsTimer *timer)
{
    LbBackend *backend = VS_CONTAINER_OF(timer, LbBackend, next_check);
    Lb *lb = backend->lb;

    vs_timer_arm(timer, timer->due + lb->config->health_interval);
    vs_timer_arm(&backend->timeout,
                 timer->due - lb->config->health_interval + lb->config->health_timeout);
    backend->check =
        vs_tcp_connect(lb->host->root, 0, backend->address,
                       lb->health_port != 0 ? lb->health_port : backend->port, NULL,
                       &check_ops, backend);
}

static void
make_request(LbBackend *backend)
{
    VsNames *names = &backend->lb->host->root->run->packets->names;
    g_autofree char *address = vs_format_ipv4(backend->address);
    g_autofree char *host = g_strdup_printf("%s:%u", address, backend->lb->health_port);

    backend->request = vs_http_new_request(names, host, "/healthz", 0, true);
}

/* Spread over the interval, as real checkers do, so that they do not come in bursts. */
void
lb_health_start(Lb *lb)
{
    VsTime interval = lb->config->health_interval;

    for (uint32_t i = 0; i < lb->n_backends; i++) {
        LbBackend *backend = &lb->backends[i];

        if (lb->health_port != 0) {
            make_request(backend);
        }
        vs_timer_init(&backend->next_check, &lb->entity, check_next);
        vs_timer_init(&backend->timeout, &lb->entity, check_timeout);
        vs_timer_arm(&backend->next_check,
                     (VsTime)((unsigned __int128)interval * i / lb->n_backends));
    }
}
