#include "vethsim-model.h"

const VsModel vs_model_costs = {
    .element = "costs",
    .summary = "What each step of a host's datapath costs on its core.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .config_size = sizeof(VsCosts),
    .params = vs_costs_params,
};
