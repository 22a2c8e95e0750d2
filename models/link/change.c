/* <change>: another rate or delay of a link from a time on. */
#include "models/link/qdisc.h"

static const VsParam change_params[] = {
    VS_PARAM_REFS(LinkChange, acting.from, "from", .to = LINK_ENDS,
                  .doc = "The ends of the link that send by it; without it all."),
    VS_PARAM_TIME(LinkChange, acting.at, "at", .is_required = true, .min = "1ps",
                  .doc = "From when on: a frame that is being sent ends as it began."),
    VS_PARAM_RATE(LinkChange, rate, "rate", .min = "1kbit/s", .max = "800Gbit/s",
                  .doc = "Line rate from then on; as before without it."),
    VS_PARAM_TIME(LinkChange, delay, "delay", .min = "1ps", .max = "100s",
                  .doc = "Propagation of frames sent from then on, which do not "
                         "overtake others; as before without it."),
    {0},
};

static bool
change_check(const void *config, const VsElement *element, GError **error)
{
    (void)config;
    if (!vs_element_has(element, "rate") && !vs_element_has(element, "delay")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "the <change> changes nothing; write rate=\"10Mbit/s\" or "
                        "delay=\"10ms\"");
        return false;
    }
    return true;
}

const VsModel vs_model_change = {
    .element = "change",
    .summary = "Another rate or delay of a link from a time on.",
    .parents = "link",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(LinkChange),
    .params = change_params,
    .check = change_check,
};
