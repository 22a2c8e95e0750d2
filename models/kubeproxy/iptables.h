/* Within iptables mode: what its files share. */
#pragma once

#include "models/kubeproxy/compile.h"

typedef struct IptWriter {
    const VsNode *node;
    VsRuleTable *nat;
    VsRuleTable *filter;
    GArray *bindings;
    bool is_large; /* Rules of endpoints go without comments. */
} IptWriter;

/* -j PREFIXBASE */
void ipt_add_jump(VsRule *rule, const char *prefix, const char *base);

/* Whose --dport it is: -m tcp or -m udp. */
VsModule ipt_module_of(const VsService *service);

/* The rules of one service port: those that capture its addresses, its chains, and those of
 * its endpoints. */
void ipt_write_service(const IptWriter *writer, const VsService *of);

/* The choice of an endpoint, by the affinity of the client or by chance, and a chain for
 * each. */
void ipt_write_endpoints(const IptWriter *writer, const ProxyService *service);
