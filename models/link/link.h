/* What the folder's files share: links of several wires. */
#pragma once

#include "vethsim-model.h"

/* What links join. */
#define LINK_ENDS "client resolver dns router lb switch node"

/* Is 'element' a <what>? */
static inline bool
link_element_is(const VsElement *element, const char *what)
{
    return g_str_equal(element->model->element, what);
}

/* The limit of the queue of 'link' in each direction. */
const VsQueueLimit *link_queue(const VsElement *link);

/* Attributes of <link> for bonds. */
typedef struct LinkBondParams {
    uint32_t members;
    VsChoice mode; /* VsBondMode. */
    VsChoice hash; /* VsBondPolicy. */
    VsTime miimon;
} LinkBondParams;

extern const char *const link_bond_modes[];
extern const char *const link_bond_hashes[];

/* Rows of the table of params of 'Config', for its member 'bond'. */
#define LINK_BOND_PARAM_ROWS(Config, bond)                                             \
    VS_PARAM_UINT(Config, bond.members, "members", .def = "1", .min = "1", .max = "8", \
                  .doc = "Wires of each direction, bonded; each has the rate."),       \
        VS_PARAM_CHOICE(                                                               \
            Config, bond.mode, "bond-mode", .def = "802.3ad",                          \
            .choices = link_bond_modes,                                                \
            .doc = "How both ends choose a member for a frame, as Linux' bonding "     \
                   "driver.  balance-rr: in turn.  active-backup: one, while it has "  \
                   "carrier.  balance-xor, 802.3ad: by a hash of the flow."),          \
        VS_PARAM_CHOICE(Config, bond.hash, "bond-hash", .def = "layer2",               \
                        .choices = link_bond_hashes,                                   \
                        .doc =                                                         \
                            "What is hashed (xmit_hash_policy).  A switch's hash is "  \
                            "its vendor's: this one stands for it."),                  \
        VS_PARAM_TIME(Config, bond.miimon, "miimon", .def = "100ms", .min = "1us",     \
                      .max = "1h",                                                     \
                      .doc = "How often the members' carrier is looked at; what is "   \
                             "sent by a failed one until then is lost.")

/* An <outage>: a member without carrier. */
typedef struct LinkOutage {
    uint32_t member;
    VsTime at;
    VsTime until;
} LinkOutage;

/* Fails where attributes or <outage> children have no effect or name no member. */
bool link_bond_check(const LinkBondParams *params, const VsElement *element,
                     GError **error);

/* Fills 'ret_bond' by the params and <outage> children of 'element', a link with several
 * members.  Its outages are freed with g_free(). */
void link_bond_fill(const LinkBondParams *params, const VsElement *element,
                    VsBondConfig *ret_bond);
