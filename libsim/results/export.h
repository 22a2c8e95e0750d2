/* What the tools of a real node would print of a simulated one. */
#pragma once

#include <glib.h>

#include "scenario/simulation.h"

typedef enum VsExportForm {
    VS_EXPORT_IPTABLES_SAVE,
    VS_EXPORT_IPTABLES_SAVE_C, /* iptables-save -c: with the counters of rules. */
    VS_EXPORT_NFT,
    VS_EXPORT_NFT_JSON,
    VS_EXPORT_ROUTES,
    VS_EXPORT_CONNTRACK,
    VS_EXPORT_IPVSADM, /* ipvsadm -Sn */
    VS_EXPORT_IPSET,
    VS_EXPORT_IP_ADDR,  /* As ip -j addr has it. */
    VS_EXPORT_IP_ROUTE, /* As ip -j route show table all has it. */
    VS_EXPORT_IP_RULE,  /* As ip rule has it. */
    VS_EXPORT_N_FORMS
} VsExportForm;

/* The forms by the names that `vethsim export --as` takes; NULL ends the list. */
extern const char *const vs_export_form_names[];

/* The text of host or node 'name' of 'simulation' as it is now: of its root namespace, or
 * with "node/pod" of a pod's.  Newly allocated, or NULL with 'error' set (VS_SCENARIO_ERROR)
 * when there is no such host, or it has nothing of the kind. */
char *vs_export(const VsSimulation *simulation, const char *name, VsExportForm form,
                GError **error);
