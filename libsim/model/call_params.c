#include "model/call_params.h"

enum { JITTER_FULL };

const char *const vs_call_jitter_choices[] = {"full", "none", NULL};

bool
vs_call_jitter_is_full(VsChoice jitter)
{
    return jitter == JITTER_FULL;
}

bool
vs_call_params_check(const VsCallParams *params, const VsElement *element,
                     GError **error)
{
    bool has_retries = params->retries > 0;
    bool has_breaker = params->breaker_failures > 0 || params->breaker_share_ppb > 0;
    const struct {
        const char *name;
        bool can_act;
        const char *needs;
    } rules[] = {
        {"backoff", has_retries, "retries"},
        {"backoff-max", has_retries, "retries"},
        {"backoff-jitter", has_retries, "retries"},
        {"retry-budget", has_retries || params->hedge_after > 0,
         "retries or hedge-after"},
        {"retry-budget-burst", params->budget_ppb > 0, "retry-budget"},
        {"breaker-window", params->breaker_share_ppb > 0, "breaker-failure-rate"},
        {"breaker-open", has_breaker, "breaker-failures or breaker-failure-rate"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (vs_element_has(element, rules[i].name) && !rules[i].can_act) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without %s", rules[i].name,
                            rules[i].needs);
            return false;
        }
    }
    if (params->try_timeout > 0 && params->hedge_after >= params->try_timeout) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "hedge-after has no effect: try-timeout ends the try before");
        return false;
    }
    return true;
}

VsCallPolicy
vs_call_params_policy(const VsCallParams *params)
{
    return (VsCallPolicy){
        .try_timeout = params->try_timeout,
        .retries = params->retries,
        .backoff = {.base = params->backoff,
                    .max = params->backoff_max,
                    .is_jittered = vs_call_jitter_is_full(params->jitter)},
        .budget_ppb = params->budget_ppb,
        .budget_burst = params->budget_burst,
        .hedge_after = params->hedge_after,
        .breaker = {.failures = params->breaker_failures,
                    .share_ppb = params->breaker_share_ppb,
                    .window = params->breaker_window,
                    .open_time = params->breaker_open}};
}
