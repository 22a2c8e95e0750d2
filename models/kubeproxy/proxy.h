/* kube-proxy on one node: the rules of its mode, attached to the node's root namespace.
 *
 * The rules of the start are there from the start.  When endpoints change, the news arrives
 * after the cluster's endpoint-delay, a draw for each change and node; a sync starts as
 * runner.h lets it, makes rules of what is known then, takes the time that sync.h says, and
 * at its end the rules change at once.  Counters of chains that stay the same are kept, also
 * where kube-proxy would write them anew.  A sync takes no time of the node's cores. */
#pragma once

#include "vethsim-model.h"

typedef struct VsProxy VsProxy;

/* Makes sure that the node has its kube-proxy, with all services of the cluster; but a node
 * that brought rules of its own keeps those. */
void proxy_attach(VsNode *node);
