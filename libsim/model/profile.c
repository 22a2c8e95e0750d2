#include "model/profile.h"

#include <string.h>

static const VsProfile *
find(const VsProfile *profiles, const char *name)
{
    while (profiles->name && strcmp(profiles->name, name) != 0) {
        profiles++;
    }
    g_assert(profiles->name);
    return profiles;
}

/* The profile that 'config' names, or NULL. */
static const VsProfile *
find_chosen(const VsProfile *profiles, const VsParam *params, const VsParamSet *given,
            const void *config)
{
    const VsParam *param = vs_params_find(params, "profile");
    VsChoice choice;

    g_assert(param && param->type == VS_PARAM_TYPE_CHOICE && !param->def);
    if (!vs_param_set_has(given, (size_t)(param - params))) {
        return NULL;
    }
    memcpy(&choice, (const char *)config + param->offset, sizeof(choice));
    return find(profiles, param->choices[choice]);
}

void
vs_profile_set(const VsProfile *profiles, const VsParam *params, VsParamSet *set,
               void *config, GStringChunk *strings)
{
    const VsProfile *profile =
        profiles ? find_chosen(profiles, params, set, config) : NULL;

    if (!profile) {
        return;
    }
    for (const VsProfileSetting *row = profile->settings; row->param; row++) {
        const VsParam *param = vs_params_find(params, row->param);
        g_autoptr(GError) error = NULL;

        g_assert(param);
        if (vs_param_set_has(set, (size_t)(param - params))) {
            continue;
        }
        if (!vs_param_parse(param, row->value, config, strings, &error)) {
            g_error("bad profile: %s", error->message);
        }
        vs_param_set_add(set, (size_t)(param - params));
    }
}
