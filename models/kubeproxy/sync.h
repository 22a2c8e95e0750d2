/* What a sync of kube-proxy writes, and about how long that takes.
 *
 * A full sync writes all rules.  A partial one leaves out the chains of services that did
 * not change; in iptables mode the lists that all services share are written again.  In ipvs
 * mode all syncs are full: few rules, and every virtual server and ipset is compared.
 * When one may start is runner.h's. */
#pragma once

#include "models/kubeproxy/compile.h"

typedef struct ProxySync {
    VsProxyMode mode;
    uint32_t n_written; /* Rules, and elements of nft's named sets and maps. */
    uint32_t n_present; /* The same of all of kube-proxy's tables. */
    /* In ipvs mode: */
    uint32_t n_destinations_read;    /* Virtual servers and their destinations. */
    uint32_t n_destinations_changed; /* Added, removed, or with another weight. */
    uint32_t n_ipsets;
    uint32_t n_elements_changed; /* Of ipsets. */
} ProxySync;

/* The rules of 'ruleset', which proxy_own_compile() wrote: all of them, or only those for a
 * change of 'services'. */
ProxySync proxy_sync_full(const VsRuleset *ruleset);
ProxySync proxy_sync_partial(const VsRuleset *ruleset, const VsService *const *services,
                             unsigned n_services);

/* Adds to 'sync' the ipsets of 'wanted', and what differs from those of 'present'. */
void proxy_sync_count_ipsets(ProxySync *sync, const VsRuleset *present,
                             const VsRuleset *wanted);

/* The time until the kernel has the rules. */
VsTime proxy_sync_time(const ProxySync *sync);
