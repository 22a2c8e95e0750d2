/* Fuzz target: any bytes as a scenario.  The reader must return a scenario or an error in
 * its own domain that starts with a file and a line. */
#include <stdint.h>

#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has_place(const char *message)
{
    return g_regex_match_simple("^[^\\0]*?:[0-9]+: .", message, G_REGEX_DOTALL, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsScenario) scenario = vs_scenario_parse(
        (const char *)data, size, "fuzz.xml", vs_registry_builtin(), NULL, &error);

    g_assert(!scenario == !!error);
    if (error) {
        g_assert(error->domain == VS_SCENARIO_ERROR && has_place(error->message)
                 && g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsElement *element = vs_scenario_element(scenario, i);
        const VsParam *param = element->model->params;

        for (; param && param->name; param++) {
            g_free(vs_param_print(param, element->config));
        }
    }
    return 0;
}
