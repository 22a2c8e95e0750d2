#include "models/link/link.h"

const char *const link_bond_modes[] = {"balance-rr", "active-backup", "balance-xor",
                                       "802.3ad", NULL};
const char *const link_bond_hashes[] = {"layer2", "layer2+3", "layer3+4", NULL};

static const VsParam outage_params[] = {
    VS_PARAM_UINT(LinkOutage, member, "member", .is_required = true, .max = "7",
                  .doc = "Which, from 0."),
    VS_PARAM_TIME(LinkOutage, at, "at", .is_required = true,
                  .doc = "From when on it has no carrier."),
    VS_PARAM_TIME(LinkOutage, until, "until",
                  .doc = "When it is back; without it, it stays away."),
    {0},
};

static bool
outage_check(const void *config_, const VsElement *element, GError **error)
{
    const LinkOutage *outage = config_;

    if (vs_element_has(element, "until") && outage->until <= outage->at) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "the outage ends before it begins; write an until=\"\" after "
                        "at=\"\", or leave it out");
        return false;
    }
    return true;
}

static bool
has_no_effect(const VsElement *element, const char *what, const char *why,
              GError **error)
{
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                    "%s has no effect on %s; leave it out", what, why);
    return false;
}

static bool
check_attributes(const LinkBondParams *params, const VsElement *element, GError **error)
{
    static const char *const of_bonds[] = {"bond-mode", "bond-hash", "miimon"};

    for (unsigned i = 0; params->members < 2 && i < G_N_ELEMENTS(of_bonds); i++) {
        if (vs_element_has(element, of_bonds[i])) {
            return has_no_effect(element, of_bonds[i], "a link of one member", error);
        }
    }
    if (vs_element_has(element, "bond-hash") && params->mode != VS_BOND_BALANCE_XOR &&
        params->mode != VS_BOND_8023AD) {
        return has_no_effect(element, "bond-hash",
                             "a bond whose members are not chosen by hash", error);
    }
    return true;
}

bool
link_bond_check(const LinkBondParams *params, const VsElement *element, GError **error)
{
    if (!check_attributes(params, element, error)) {
        return false;
    }
    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *child = element->children[i];
        const LinkOutage *outage = child->config;

        if (!link_element_is(child, "outage")) {
            continue;
        }
        if (params->members < 2) {
            return has_no_effect(child, "an outage", "a link of one member", error);
        }
        if (outage->member >= params->members) {
            vs_set_error_at(error, child, VS_SCENARIO_ERROR_VALUE,
                            "the link has members 0 to %u, and no %u",
                            params->members - 1, outage->member);
            return false;
        }
    }
    return true;
}

void
link_bond_fill(const LinkBondParams *params, const VsElement *element,
               VsBondConfig *ret_bond)
{
    VsBondOutage *outages = g_new0(VsBondOutage, element->n_children);
    unsigned n_outages = 0;

    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *child = element->children[i];
        const LinkOutage *outage = child->config;

        if (!link_element_is(child, "outage")) {
            continue;
        }
        outages[n_outages++] = (VsBondOutage){
            outage->member, outage->at,
            vs_element_has(child, "until") ? outage->until : VS_TIME_NEVER};
    }
    *ret_bond = (VsBondConfig){.mode = (VsBondMode)params->mode,
                               .policy = (VsBondPolicy)params->hash,
                               .miimon = params->miimon,
                               .n_members = params->members,
                               .outages = outages,
                               .n_outages = n_outages};
}

const VsModel vs_model_outage = {
    .element = "outage",
    .summary = "A member of a bonded link without carrier.",
    .parents = "link",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(LinkOutage),
    .params = outage_params,
    .check = outage_check,
};
