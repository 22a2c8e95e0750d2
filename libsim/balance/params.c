#include "balance/params.h"

#include <inttypes.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"

static unsigned
count(const VsBalancerKind *kind)
{
    unsigned n_params = 0;

    while (kind->params && kind->params[n_params].name) {
        n_params++;
    }
    g_assert(n_params <= VS_BALANCER_MAX_PARAMS);
    return n_params;
}

static bool
fail_unknown(const VsBalancerKind *kind, const char *name, GError **error)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (unsigned i = 0; i < count(kind); i++) {
        g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", kind->params[i].name);
    }
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_UNKNOWN,
                "%s has no param \"%s\"; it has %s", kind->name, name,
                all->len > 0 ? all->str : "none");
    return false;
}

static bool
read_choice(const VsBalancerParam *param, const char *text, uint64_t *ret,
            GError **error)
{
    g_autofree char *all = NULL;

    for (unsigned i = 0; param->choices[i]; i++) {
        if (strcmp(param->choices[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    all = g_strjoinv(", ", (char **)(void *)param->choices);
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                "%s=%s: write one of %s", param->name, text, all);
    return false;
}

static bool
read_value(const VsBalancerParam *param, const char *text, uint64_t *ret,
           GError **error)
{
    if (param->choices) {
        return read_choice(param, text, ret, error);
    }
    if (!vs_parse_uint(text, ret, NULL) || *ret < param->min || *ret > param->max) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "%s=%s: write a number from %" PRIu64 " to %" PRIu64, param->name,
                    text, param->min, param->max);
        return false;
    }
    return true;
}

static bool
read_setting(const VsBalancerKind *kind, const char *setting, uint64_t *values,
             GError **error)
{
    g_auto(GStrv) parts = g_strsplit(setting, "=", 2);

    if (!parts[0] || !parts[1]) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "\"%s\": write NAME=VALUE", setting);
        return false;
    }
    for (unsigned i = 0; i < count(kind); i++) {
        if (strcmp(kind->params[i].name, parts[0]) == 0) {
            return read_value(&kind->params[i], parts[1], &values[i], error);
        }
    }
    return fail_unknown(kind, parts[0], error);
}

bool
vs_balancer_params_read(const VsBalancerKind *kind, const char *const *settings,
                        uint64_t ret_values[VS_BALANCER_MAX_PARAMS], GError **error)
{
    for (unsigned i = 0; i < count(kind); i++) {
        ret_values[i] = kind->params[i].def;
    }
    for (; settings && *settings; settings++) {
        if (!read_setting(kind, *settings, ret_values, error)) {
            return false;
        }
    }
    return true;
}

void
vs_balancer_params_print(const VsBalancer *balancer, GString *out)
{
    const VsBalancerKind *kind = balancer->kind;

    g_string_append(out, kind->name);
    for (unsigned i = 0; i < count(kind); i++) {
        const VsBalancerParam *param = &kind->params[i];

        if (param->choices) {
            g_string_append_printf(out, " %s=%s", param->name,
                                   param->choices[balancer->params[i]]);
        } else {
            g_string_append_printf(out, " %s=%" PRIu64, param->name,
                                   balancer->params[i]);
        }
    }
    g_string_append_c(out, '\n');
}
