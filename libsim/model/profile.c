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
find_chosen(const VsProfile *profiles, const VsParam *params, uint64_t given,
            const void *config)
{
    const VsParam *param = vs_params_find(params, "profile");
    VsChoice choice;

    g_assert(param && param->type == VS_PARAM_TYPE_CHOICE && !param->def);
    if (!(given >> (param - params) & 1)) {
        return NULL;
    }
    memcpy(&choice, (const char *)config + param->offset, sizeof(choice));
    return find(profiles, param->choices[choice]);
}

uint64_t
vs_profile_set(const VsProfile *profiles, const VsParam *params, uint64_t given,
               void *config, GStringChunk *strings)
{
    const VsProfile *profile =
        profiles ? find_chosen(profiles, params, given, config) : NULL;
    uint64_t set = 0;

    if (!profile) {
        return 0;
    }
    for (const VsProfileSetting *row = profile->settings; row->param; row++) {
        const VsParam *param = vs_params_find(params, row->param);
        g_autoptr(GError) error = NULL;
        uint64_t bit;

        g_assert(param);
        bit = UINT64_C(1) << (param - params);
        if (given & bit) {
            continue;
        }
        if (!vs_param_parse(param, row->value, config, strings, &error)) {
            g_error("bad profile: %s", error->message);
        }
        set |= bit;
    }
    return set;
}
