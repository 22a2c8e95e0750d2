#include "model/balance_params.h"

#include <string.h>

#include "base/suggest.h"
#include "model/element.h"

static bool
fail_unknown(const char *algorithm, const VsElement *element, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VsBalancerKind *kind;
    const char *near;
    unsigned cursor = 0;

    while ((kind = vs_balancer_kind_next(&cursor))) {
        g_ptr_array_add(names, (gpointer)kind->name);
    }
    g_ptr_array_add(names, NULL);
    near = vs_suggest(algorithm, (const char *const *)names->pdata);
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                    "algorithm=\"%s\" is unknown; %s%s%svethsim select --list has all",
                    algorithm, near ? "did you mean \"" : "", near ? near : "",
                    near ? "\"?  " : "");
    return false;
}

/* Newly allocated. */
static char **
split_settings(const VsBalanceParams *params)
{
    return params->settings ? g_strsplit(params->settings, " ", -1) : g_new0(char *, 1);
}

bool
vs_balance_params_check(const VsBalanceParams *params, unsigned keys,
                        const VsElement *element, GError **error)
{
    const VsBalancerKind *kind = vs_balancer_kind_find(params->algorithm);
    g_auto(GStrv) settings = split_settings(params);
    g_autoptr(GError) cause = NULL;
    const VsRng rng = {0};
    VsBalancer balancer;

    if (!kind) {
        return fail_unknown(params->algorithm, element, error);
    }
    if (kind->key != VS_BALANCE_BY_NOTHING && !(keys & 1u << kind->key)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "algorithm=\"%s\" chooses by %s, which <%s> does not see",
                        kind->name, vs_balance_key_kind_names[kind->key],
                        element->model->element);
        return false;
    }
    if (!vs_balancer_init(&balancer, kind, (const char *const *)settings, &rng,
                          &cause)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE, "algorithm-params: %s",
                        cause->message);
        return false;
    }
    vs_balancer_clear(&balancer);
    return true;
}

void
vs_balance_params_init(const VsBalanceParams *params, VsBalancer *balancer,
                       const VsRng *rng)
{
    g_auto(GStrv) settings = split_settings(params);

    if (!vs_balancer_init(balancer, vs_balancer_kind_find(params->algorithm),
                          (const char *const *)settings, rng, NULL)) {
        g_assert_not_reached();
    }
}
