#include "vethsim-model.h"

static bool
rss_check(const void *config, const VsElement *element, GError **error)
{
    return vs_rss_params_check(config, element, error);
}

const VsModel vs_model_rss = {
    .element = "rss",
    .summary = "Receive queues of a host's cards, chosen by Toeplitz.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .config_size = sizeof(VsRssParams),
    .params = vs_rss_params,
    .check = rss_check,
};
