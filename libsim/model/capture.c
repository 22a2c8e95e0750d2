#include "model/capture.h"

#include "base/suggest.h"

void
vs_build_capture(VsBuild *build, const VsElement *element, VsNetns *netns,
                 const char *names)
{
    VsBuiltCapture capture = {element, netns, names};

    if (names) {
        g_array_append_val(build->captures, capture);
    }
}

/* Fails, naming what would be right. */
static bool
refuse(const VsBuiltCapture *capture, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *list = NULL;
    const char *meant;

    for (const VsIface *iface = capture->netns->ifaces; iface; iface = iface->next) {
        g_ptr_array_add(names, iface->name);
    }
    g_ptr_array_add(names, NULL);
    list = g_strjoinv(", ", (char **)names->pdata);
    meant = vs_suggest(name, (const char *const *)names->pdata);
    vs_set_error_at(error, capture->element, VS_SCENARIO_ERROR_REFERENCE,
                    "capture=\"%s\": no interface of %s is called \"%s\"; %s%s%sit has "
                    "%s",
                    capture->names, capture->netns->name, name,
                    meant ? "did you mean \"" : "", meant ? meant : "",
                    meant ? "\"? " : "", list);
    return false;
}

static void
add_once(VsBuild *build, VsIface *iface)
{
    if (!g_ptr_array_find(build->captured, iface, NULL)) {
        g_ptr_array_add(build->captured, iface);
    }
}

static bool
add_matching(VsBuild *build, const VsBuiltCapture *capture, const char *name,
             GError **error)
{
    bool is_found = false;

    for (VsIface *iface = capture->netns->ifaces; iface; iface = iface->next) {
        if (g_pattern_match_simple(name, iface->name)) {
            add_once(build, iface);
            is_found = true;
        }
    }
    return is_found || refuse(capture, name, error);
}

static bool
find_captured(VsBuild *build, const VsBuiltCapture *capture, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(capture->names, " \t\r\n", -1);
    bool has_word = false;

    for (char **word = words; *word; word++) {
        if (**word == '\0') {
            continue;
        }
        has_word = true;
        if (!add_matching(build, capture, *word, error)) {
            return false;
        }
    }
    if (!has_word) {
        vs_set_error_at(error, capture->element, VS_SCENARIO_ERROR_VALUE,
                        "capture=\"\" names no interface; write names or \"*\", or "
                        "leave it out");
    }
    return has_word;
}

bool
vs_build_find_captured(VsBuild *build, GError **error)
{
    for (unsigned i = 0; i < build->captures->len; i++) {
        if (!find_captured(build, &g_array_index(build->captures, VsBuiltCapture, i),
                           error)) {
            return false;
        }
    }
    return true;
}
