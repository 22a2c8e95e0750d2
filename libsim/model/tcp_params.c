#include "model/tcp_params.h"

#include "model/element.h"

bool
vs_tcp_params_check(const VsTcpParams *params, const VsElement *element, GError **error)
{
    const VsTcpConfig *config = &params->config;

    if (config->port_first > config->port_last) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "local-port-first=\"%u\" is above local-port-last=\"%u\"",
                        config->port_first, config->port_last);
        return false;
    }
    if (config->keepalive_idle == 0 &&
        (vs_element_has(element, "tcp-keepalive-interval") ||
         vs_element_has(element, "tcp-keepalive-probes"))) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "tcp-keepalive-interval and tcp-keepalive-probes have no effect "
            "without tcp-keepalive-time; write that too, or leave them out");
        return false;
    }
    if (config->is_reusing_time_wait && !config->has_timestamps) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "tcp-tw-reuse has no effect without timestamps; write "
                        "tcp-timestamps=\"yes\", for the servers as well");
        return false;
    }
    if (!config->has_sack && (vs_element_has(element, "tcp-recovery") ||
                              vs_element_has(element, "tcp-early-retrans"))) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "tcp-recovery and tcp-early-retrans have no effect without "
                        "SACK; leave them out, or write tcp-sack=\"yes\"");
        return false;
    }
    if (config->rto_min > config->rto_max || config->rto_initial > config->rto_max) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "tcp-rto-max is below tcp-rto-min or tcp-rto-initial");
        return false;
    }
    return true;
}

void
vs_tcp_params_apply(const VsTcpParams *params, VsNetns *netns)
{
    VsTcpConfig config = params->config;

    config.receive_buffer = (uint32_t)params->receive_buffer;
    config.syn_cookies = (VsTcpSynCookies)params->syn_cookies;
    /* The host's, for all its namespaces: model/tcp_host_params.h. */
    config.congestion = (VsCongestionKind)netns->host->sysctls.tcp_congestion_control;
    config.ecn = (VsTcpEcn)netns->host->sysctls.tcp_ecn;
    config.has_gso = netns->host->sysctls.has_gso;
    vs_sockets_set_tcp_config(vs_sockets_of(netns), &config);
}
