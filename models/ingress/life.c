#include "models/ingress/ingress.h"

bool
ingress_life_check(const IngressLifeConfig *config, const VsElement *element,
                   GError **error)
{
    bool is_draining = vs_element_has(element, "on-sigterm") &&
                       config->sigterm.what == VS_SIGTERM_DRAIN;

    if (vs_element_has(element, "shutdown-timeout") && !is_draining) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "shutdown-timeout has no effect without on-sigterm=\"drain\"; "
                        "write that, too, or leave it out");
        return false;
    }
    return vs_sigterm_params_check(element, error);
}

/* The process has exited. */
static void
over(IngressLife *life)
{
    life->is_over = true;
    vs_timer_cancel(&life->shutdown);
    vs_timer_cancel(&life->sigkill);
    ingress_upstreams_end(life->upstreams);
    vs_pod_set_down(life->pod, true, vs_now(life->sigterm.entity->run));
}

/* Whatever was under way is lost. */
static void
end(IngressLife *life)
{
    if (!life->is_over) {
        vs_http_server_kill(life->server);
        over(life);
    }
}

void
ingress_exit_when_done(IngressLife *life)
{
    if (life->is_terminating && !life->is_over && !life->server->open_requests &&
        life->tunnels->n_open == 0) {
        over(life);
    }
}

static void
sigterm(VsTimer *timer)
{
    IngressLife *life = VS_CONTAINER_OF(timer, IngressLife, sigterm);

    switch (life->config->sigterm.what) {
    case VS_SIGTERM_IGNORE:
        return;
    case VS_SIGTERM_EXIT:
        end(life);
        return;
    default:
        life->is_terminating = true;
        vs_http_server_drain(life->server);
        if (life->config->shutdown_timeout > 0) {
            vs_timer_arm(&life->shutdown, timer->due + life->config->shutdown_timeout);
        }
        ingress_exit_when_done(life);
    }
}

static void
shutdown_due(VsTimer *timer)
{
    end(VS_CONTAINER_OF(timer, IngressLife, shutdown));
}

static void
sigkill(VsTimer *timer)
{
    end(VS_CONTAINER_OF(timer, IngressLife, sigkill));
}

void
ingress_life_open(IngressLife *life, const IngressLifeConfig *config,
                  const VsElement *element, VsPod *pod, VsEntity *entity,
                  VsHttpServer *server, IngressUpstreams *upstreams,
                  const IngressTunnelsStats *tunnels)
{
    *life = (IngressLife){.config = config,
                          .pod = pod,
                          .server = server,
                          .upstreams = upstreams,
                          .tunnels = tunnels};
    vs_timer_init(&life->sigterm, entity, sigterm);
    vs_timer_init(&life->shutdown, entity, shutdown_due);
    vs_timer_init(&life->sigkill, entity, sigkill);
    if (vs_element_has(element, "on-sigterm")) {
        vs_timer_arm(&life->sigterm, pod->terminates_at + config->sigterm.pre_stop);
        vs_timer_arm(&life->sigkill, pod->removed_at);
    }
}

void
ingress_reply(IngressLife *life, VsHttpRequest *request, unsigned status,
              uint64_t body_bytes)
{
    vs_http_reply(request, status, body_bytes);
    ingress_exit_when_done(life);
}
