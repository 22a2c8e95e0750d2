#include "model/tls_params.h"

const char *const vs_tls_choices[] = {"none", "1.2", "1.3", NULL};
const char *const vs_tls_client_choices[] = {"1.2", "1.3", NULL};

VsTlsVersion
vs_tls_version(VsChoice choice)
{
    static const VsTlsVersion versions[] = {VS_TLS_NONE, VS_TLS_1_2, VS_TLS_1_3};

    return versions[choice];
}

bool
vs_tls_params_check(const VsTlsParams *params, const VsElement *element, GError **error)
{
    static const char *const of_tls[] = {"tls-certificate", "tls-early-data"};

    for (unsigned i = 0;
         vs_tls_version(params->version) == VS_TLS_NONE && i < G_N_ELEMENTS(of_tls);
         i++) {
        if (vs_element_has(element, of_tls[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without TLS; write tls=\"1.3\" or leave "
                            "it out",
                            of_tls[i]);
            return false;
        }
    }
    return true;
}

VsTlsConfig
vs_tls_params_config(const VsTlsParams *params)
{
    return (VsTlsConfig){.version = vs_tls_version(params->version),
                         .certificate_bytes = (uint32_t)params->certificate_bytes,
                         .is_early = params->is_early};
}
