#include "balance/select.h"

#include <string.h>

#include "base/suggest.h"
#include "base/units.h"

static bool
fail_unknown_algorithm(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VsBalancerKind *kind;
    unsigned cursor = 0;
    const char *meant;

    while ((kind = vs_balancer_kind_next(&cursor))) {
        g_ptr_array_add(names, (char *)kind->name);
    }
    g_ptr_array_add(names, NULL);
    meant = vs_suggest(name, (const char *const *)names->pdata);
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_UNKNOWN,
                "there is no algorithm \"%s\"%s%s%s", name,
                meant ? ", did you mean \"" : "", meant ? meant : "",
                meant ? "\"?" : "");
    return false;
}

static bool
find(const VsBalancer *balancer, const char *name, uint32_t *ret, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *all = NULL;
    const char *meant;

    *ret = vs_balancer_find(balancer, name);
    if (*ret != VS_BALANCER_NONE) {
        return true;
    }
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!balancer->backends[i].is_removed) {
            g_ptr_array_add(names, balancer->backends[i].name);
        }
    }
    g_ptr_array_add(names, NULL);
    meant = vs_suggest(name, (const char *const *)names->pdata);
    all = vs_suggest_list("; there are ", (const char *const *)names->pdata);
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_UNKNOWN,
                "there is no backend \"%s\"%s%s%s%s", name,
                meant ? ", did you mean \"" : "", meant ? meant : "",
                meant ? "\"?" : "", meant ? "" : all);
    return false;
}

/* Reads "NAME=WEIGHT", or "NAME" where a weight may be left out; 'ret_name' is newly
 * allocated. */
static bool
read_weighted(const VsBalancerKind *kind, const char *text, bool needs_weight,
              char **ret_name, uint32_t *ret_weight, GError **error)
{
    const char *sign = strrchr(text, '=');
    uint32_t max = vs_balancer_kind_max_weight(kind);
    uint64_t weight = 1;

    if (sign == text || !*text || (needs_weight && !sign) ||
        (sign && (!vs_parse_uint(sign + 1, &weight, NULL) || weight > max))) {
        g_set_error(
            error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
            "backend \"%s\": write %s, with a weight from 0 to %" G_GUINT32_FORMAT
            "%s%s",
            text, needs_weight ? "NAME=WEIGHT" : "NAME or NAME=WEIGHT", max,
            max < VS_BALANCER_MAX_WEIGHT ? ", as takes " : "",
            max < VS_BALANCER_MAX_WEIGHT ? kind->name : "");
        return false;
    }
    *ret_name = sign ? g_strndup(text, (size_t)(sign - text)) : g_strdup(text);
    *ret_weight = (uint32_t)weight;
    return true;
}

static bool
add(VsBalancer *balancer, const char *text, GError **error)
{
    g_autofree char *name = NULL;
    uint32_t weight;

    if (!read_weighted(balancer->kind, text, false, &name, &weight, error)) {
        return false;
    }
    if (vs_balancer_find(balancer, name) != VS_BALANCER_NONE) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "backend \"%s\" is there already: each has a name of its own",
                    name);
        return false;
    }
    vs_balancer_add(balancer, name, weight);
    return true;
}

static bool
add_all(VsBalancer *balancer, const char *list, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(list, ",", -1);

    for (char **part = parts; *part; part++) {
        if (!add(balancer, *part, error)) {
            return false;
        }
    }
    return true;
}

static bool
fail_all(VsBalancer *balancer, const char *const *names, GError **error)
{
    for (; names && *names; names++) {
        if (!vs_select_change(balancer, &(VsSelectChange){VS_SELECT_FAIL, *names},
                              error)) {
            return false;
        }
    }
    return true;
}

bool
vs_select_open(VsBalancer *balancer, const VsSelectSpec *spec, GError **error)
{
    const VsBalancerKind *kind = vs_balancer_kind_find(spec->algorithm);
    VsRng rng;

    if (!kind) {
        return fail_unknown_algorithm(spec->algorithm, error);
    }
    vs_rng_init(&rng, spec->seed, "select", "backend");
    if (!vs_balancer_init(balancer, kind, spec->settings, &rng, error)) {
        return false;
    }
    if (add_all(balancer, spec->backends, error) &&
        fail_all(balancer, spec->down, error)) {
        return true;
    }
    vs_balancer_clear(balancer);
    return false;
}

static bool
weigh(VsBalancer *balancer, const char *text, GError **error)
{
    g_autofree char *name = NULL;
    uint32_t weight, backend;

    if (!read_weighted(balancer->kind, text, true, &name, &weight, error) ||
        !find(balancer, name, &backend, error)) {
        return false;
    }
    vs_balancer_set_weight(balancer, backend, weight);
    return true;
}

bool
vs_select_change(VsBalancer *balancer, const VsSelectChange *change, GError **error)
{
    uint32_t backend;

    switch (change->verb) {
    case VS_SELECT_ADD:
        return add(balancer, change->text, error);
    case VS_SELECT_WEIGH:
        return weigh(balancer, change->text, error);
    case VS_SELECT_REMOVE:
    case VS_SELECT_FAIL:
        break;
    }
    if (!find(balancer, change->text, &backend, error)) {
        return false;
    }
    if (change->verb == VS_SELECT_REMOVE) {
        vs_balancer_remove(balancer, backend);
    } else {
        vs_balancer_set_up(balancer, backend, false);
    }
    return true;
}

bool
vs_select_pick(VsBalancer *balancer, const char *line, bool is_held,
               uint32_t *ret_backend, GError **error)
{
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;

    if (!vs_balance_key_parse(balancer->kind->key, line, &buffer, &key, error)) {
        return false;
    }
    *ret_backend = vs_balancer_pick(balancer, &key);
    if (*ret_backend != VS_BALANCER_NONE && !is_held) {
        vs_balancer_release(balancer, *ret_backend, NULL);
    }
    return true;
}

void
vs_select_release_all(VsBalancer *balancer)
{
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        while (balancer->backends[i].n_active > 0) {
            vs_balancer_release(balancer, i, NULL);
        }
    }
}
