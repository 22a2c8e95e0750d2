#include "model/quic_params.h"

bool
vs_quic_params_check_absent(const VsElement *element, GError **error)
{
    static const char *const names[] = {"quic-idle",          "quic-window",
                                        "quic-stream-window", "quic-pacing",
                                        "quic-streams",       "quic-close-after"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without http-version=\"3\"; leave it out",
                            names[i]);
            return false;
        }
    }
    return true;
}

VsQuicConfig
vs_quic_params_config(const VsQuicParams *params, const VsTlsConfig *tls)
{
    return (VsQuicConfig){.tls = *tls,
                          .idle = params->idle,
                          .limits = {.data = params->window,
                                     .stream_data = params->stream_window,
                                     .streams = params->n_streams},
                          .is_paced = params->is_paced};
}
