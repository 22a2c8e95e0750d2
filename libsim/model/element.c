#include "model/element.h"

#include "model/model.h"

G_DEFINE_QUARK(vs_scenario_error, vs_scenario_error)

bool
vs_element_has(const VsElement *element, const char *name)
{
    const VsParam *param = vs_params_find(element->model->params, name);

    return param &&
           vs_param_set_has(&element->given, (size_t)(param - element->model->params));
}

char *
vs_element_name(const VsElement *element)
{
    if (!element->id) {
        return g_strdup_printf("%s:%d", element->model->element, element->line);
    }
    if (element->parent && element->model->id_scope == VS_ID_SCOPE_PARENT) {
        g_autofree char *parent = vs_element_name(element->parent);

        return g_strdup_printf("%s/%s", parent, element->id);
    }
    return g_strdup(element->id);
}

char *
vs_element_describe(const VsElement *element)
{
    if (!element->id) {
        return g_strdup(element->model->element);
    }
    return g_strdup_printf("%s \"%s\"", element->model->element, element->id);
}

char *
vs_element_path(const VsElement *element, const char *file)
{
    g_autofree char *folder = g_path_get_dirname(element->file);

    return g_path_is_absolute(file) || g_str_equal(folder, ".")
               ? g_strdup(file)
               : g_build_filename(folder, file, NULL);
}

/* A value may have line ends and worse in it; a message is one line. */
static void
set_error(GError **error, const char *file, int line, VsScenarioError code,
          const char *format, va_list args)
{
    g_autofree char *message = g_strdup_vprintf(format, args);

    for (char *c = message; *c; c++) {
        *c = g_ascii_iscntrl(*c) ? ' ' : *c;
    }
    g_set_error(error, VS_SCENARIO_ERROR, code, "%s:%d: %s", file, line, message);
}

void
vs_set_error_at(GError **error, const VsElement *element, VsScenarioError code,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_error(error, element->file, element->line, code, format, args);
    va_end(args);
}

void
vs_set_error_at_line(GError **error, const char *file, int line, VsScenarioError code,
                     const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_error(error, file, line, code, format, args);
    va_end(args);
}
