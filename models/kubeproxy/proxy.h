/* kube-proxy on one node: the rules of its mode, attached to the node's root namespace. */
#pragma once

#include "vethsim-model.h"

typedef struct VsProxy VsProxy;

/* Makes sure that the node has its kube-proxy, with all services of the cluster; but a node
 * that brought rules of its own keeps those. */
void proxy_attach(VsNode *node);
