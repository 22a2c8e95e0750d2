#include "model/sigterm_params.h"

const char *const vs_sigterm_choices[] = {
    [VS_SIGTERM_DRAIN] = "drain",
    [VS_SIGTERM_EXIT] = "exit",
    [VS_SIGTERM_IGNORE] = "ignore",
    NULL,
};

static bool
refuse(const VsElement *element, const char *attribute, const char *why, GError **error)
{
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT, "%s has no effect %s",
                    attribute, why);
    return false;
}

bool
vs_sigterm_params_check(const VsElement *element, GError **error)
{
    return vs_element_has(element, "on-sigterm") ||
           !vs_element_has(element, "pre-stop") ||
           refuse(element, "pre-stop", "without on-sigterm=\"drain\"", error);
}

bool
vs_sigterm_params_declare(const VsSigtermParams *params, const VsElement *element,
                          VsPod *pod, GError **error)
{
    if (!vs_element_has(element, "on-sigterm")) {
        return true;
    }
    pod->may_fail = true;
    if (pod->terminates_at == VS_TIME_NEVER) {
        return refuse(element, "on-sigterm",
                      "in a pod that stays; give the pod terminates-at", error);
    }
    if (params->pre_stop >= pod->removed_at - pod->terminates_at) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "pre-stop is not shorter than the pod's grace, which it is a "
                        "part of; write a longer grace");
        return false;
    }
    return true;
}
