/* What a sync of kube-proxy writes, and about how long that takes.
 *
 * A full sync writes all rules.  A partial one leaves out the chains of services that did
 * not change; in iptables mode the lists that all services share are written again.
 * When one may start is runner.h's. */
#pragma once

#include "models/kubeproxy/compile.h"

typedef struct ProxySync {
    VsDialect dialect;
    uint32_t n_written; /* Rules, and elements of nft's named sets and maps. */
    uint32_t n_present; /* The same of all of kube-proxy's tables. */
} ProxySync;

/* The rules of 'ruleset', which proxy_own_compile() wrote: all of them, or only those for a
 * change of 'services'. */
ProxySync proxy_sync_full(const VsRuleset *ruleset);
ProxySync proxy_sync_partial(const VsRuleset *ruleset, const VsService *const *services,
                             unsigned n_services);

/* The time until the kernel has the rules. */
VsTime proxy_sync_time(const ProxySync *sync);
