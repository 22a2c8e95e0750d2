#include "model/conntrack_params.h"

#include "model/element.h"

/* As VsCtClash. */
const char *const vs_ct_clash_choices[] = {"insert", "merge", "drop", NULL};

bool
vs_conntrack_params_check(const VsElement *element, GError **error)
{
    static const char *const of_cores[] = {"conntrack-max-per-core", "conntrack-min"};

    for (unsigned i = 0; i < G_N_ELEMENTS(of_cores); i++) {
        if (vs_element_has(element, "conntrack-max") &&
            vs_element_has(element, of_cores[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with conntrack-max, which says how large "
                            "the table is; leave one out",
                            of_cores[i]);
            return false;
        }
    }
    return true;
}

VsConntrackConfig
vs_conntrack_params_config(const VsConntrackParams *params, unsigned n_cores)
{
    VsConntrackConfig config =
        vs_conntrack_config_for(n_cores, params->max_per_core, params->min);

    if (params->max != 0) {
        config.max = params->max;
    }
    config.tcp_timeout[VS_CT_ESTABLISHED] = params->tcp_established;
    config.tcp_timeout[VS_CT_CLOSE_WAIT] = params->tcp_close_wait;
    config.udp_timeout = params->udp;
    config.udp_stream_timeout = params->udp_stream;
    config.is_strict = !params->is_loose;
    config.clash = (VsCtClash)params->clash;
    return config;
}
