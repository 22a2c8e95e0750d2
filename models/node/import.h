/* The rules of a real node, in place of those that kube-proxy and kubelet would write. */
#pragma once

#include "vethsim-model.h"

/* Files as the scenario names them; NULL: not given. */
typedef struct NodeRules {
    const char *iptables; /* iptables-save */
    const char *nft;      /* nft list ruleset */
    const char *ipsets;   /* ipset save */
    const char *ipvs;     /* ipvsadm -Sn; with 'iptables'. */
} NodeRules;

/* Gives 'netns' the rules of the files, if there are any; afterwards it has its filter, and
 * kube-proxy leaves it alone.  Errors name the line of the file. */
bool node_import_rules(const NodeRules *rules, VsNetns *netns, const VsElement *element,
                       GError **error);
