#include "models/ingress/rule.h"

static const char *const type_choices[] = {"Exact", "Prefix", NULL};

static const VsParam rule_params[] = {
    VS_PARAM_STRING(IngressRuleConfig, host, "host",
                    .doc =
                        "\"shop.example\", or \"*.shop.example\" for exactly one label "
                        "more; any host without it."),
    {0},
};

static const VsParam path_params[] = {
    VS_PARAM_STRING(IngressPathConfig, path, "path", .def = "/",
                    .doc = "Begins with a slash."),
    VS_PARAM_CHOICE(IngressPathConfig, type, "type", .def = "Prefix",
                    .choices = type_choices,
                    .doc = "Exact: equal.  Prefix: element by element, so /foo matches "
                           "/foo/bar but not /foobar."),
    VS_PARAM_REF(IngressPathConfig, service, "service", .is_required = true,
                 .to = "service", .doc = "Where matching requests go."),
    {0},
};

static bool
rule_check(const void *config_, const VsElement *element, GError **error)
{
    (void)config_;
    if (element->n_children == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "a rule without <path> has no effect; write <path path=\"/\" "
                        "service=\"...\"/> inside");
        return false;
    }
    return true;
}

static bool
path_check(const void *config_, const VsElement *element, GError **error)
{
    const IngressPathConfig *config = config_;

    if (config->path[0] != '/') {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "path=\"%s\" does not begin with a slash; write \"/%s\"",
                        config->path, config->path);
        return false;
    }
    return true;
}

const VsModel vs_model_rule = {
    .element = "rule",
    .summary = "Rules of an ingress for one host.",
    .parents = "ingress",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(IngressRuleConfig),
    .params = rule_params,
    .check = rule_check,
};

const VsModel vs_model_path = {
    .element = "path",
    .summary = "Which service requests for a path go to.",
    .parents = "rule",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(IngressPathConfig),
    .params = path_params,
    .check = path_check,
};
