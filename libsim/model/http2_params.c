#include "model/http2_params.h"

enum { CALL_1_1, CALL_2, CALL_3 };

const char *const vs_http_call_versions[] = {
    [CALL_1_1] = "1.1", [CALL_2] = "2", [CALL_3] = "3", NULL};

enum { SERVE_1_1, SERVE_2, SERVE_3, SERVE_BOTH };

const char *const vs_http_serve_versions[] = {
    [SERVE_1_1] = "1.1", [SERVE_2] = "2", [SERVE_3] = "3", [SERVE_BOTH] = "both", NULL};

const char *const vs_grpc_policy_choices[] = {
    [VS_GRPC_PICK_FIRST] = "pick_first",
    [VS_GRPC_ROUND_ROBIN] = "round_robin",
    NULL,
};

bool
vs_http2_is_called(const VsHttp2CallParams *params)
{
    return params->version == CALL_2;
}

bool
vs_http3_is_called(const VsHttp2CallParams *params)
{
    return params->version == CALL_3;
}

bool
vs_http2_is_served(const VsHttp2ServeParams *params)
{
    return params->version == SERVE_2 || params->version == SERVE_BOTH;
}

bool
vs_http3_is_served(const VsHttp2ServeParams *params)
{
    return params->version == SERVE_3;
}

bool
vs_http3_refuse(const VsElement *element, const char *why, GError **error)
{
    vs_set_error_at(
        error, element, VS_SCENARIO_ERROR_CONFLICT,
        "<%s> has no http-version=\"3\": %s; only a <client> speaks HTTP/3, "
        "to a <container>; write 1.1 or 2",
        element->model->element, why);
    return false;
}

static bool
check_absent(const VsElement *element, const char *const *names, bool is_http3,
             GError **error)
{
    const char *why = is_http3 ? "with http-version=\"3\": it is a setting of HTTP/2;"
                               : "without HTTP/2; write http-version=\"2\" or";

    for (; *names; names++) {
        if (vs_element_has(element, *names)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect %s leave it out", *names, why);
            return false;
        }
    }
    return true;
}

bool
vs_http2_call_params_check(const VsHttp2CallParams *params, const VsElement *element,
                           GError **error)
{
    static const char *const names[] = {"channels", "http2-window", "grpc-policy",
                                        NULL};

    return vs_http2_is_called(params) ||
           check_absent(element, names, vs_http3_is_called(params), error);
}

bool
vs_http2_serve_params_check(const VsHttp2ServeParams *params, const VsElement *element,
                            GError **error)
{
    static const char *const names[] = {"max-streams", "http2-window",
                                        "max-connection-age",
                                        "max-connection-age-grace", NULL};

    if (!vs_http2_is_served(params)) {
        return check_absent(element, names, vs_http3_is_served(params), error);
    }
    if (params->max_age_grace > 0 && params->max_age == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "max-connection-age-grace has no effect without "
                        "max-connection-age; write that, too, or leave it out");
        return false;
    }
    return true;
}

uint8_t
vs_http2_call_alpn(const VsHttp2CallParams *params)
{
    return vs_http2_is_called(params) ? VS_TLS_ALPN_HTTP2 : VS_TLS_ALPN_HTTP1;
}

uint8_t
vs_http2_serve_alpn(const VsHttp2ServeParams *params)
{
    static const uint8_t alpn[] = {
        [SERVE_1_1] = VS_TLS_ALPN_HTTP1,
        [SERVE_2] = VS_TLS_ALPN_HTTP2,
        [SERVE_3] = 0,
        [SERVE_BOTH] = VS_TLS_ALPN_HTTP1 | VS_TLS_ALPN_HTTP2,
    };

    return alpn[params->version];
}

VsHttp2ClientConfig
vs_http2_call_params_config(const VsHttp2CallParams *params, VsEntity *entity,
                            const char *name)
{
    return (VsHttp2ClientConfig){.entity = entity,
                                 .name = name,
                                 .n_channels = params->channels,
                                 .window = (uint32_t)params->window};
}

void
vs_http2_serve_params_apply(const VsHttp2ServeParams *params, VsHttpServer *server,
                            VsEntity *entity, const char *name)
{
    VsHttp2ServerConfig config = {.is_alone = params->version == SERVE_2,
                                  .n_streams = params->n_streams,
                                  .window = (uint32_t)params->window,
                                  .max_age = params->max_age,
                                  .max_age_grace = params->max_age_grace};

    if (vs_http2_is_served(params)) {
        vs_http_server_set_http2(server, &config, entity, name);
    }
}
