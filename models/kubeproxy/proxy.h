/* kube-proxy on one node: the rules of its mode, attached to the node's root namespace. */
#pragma once

#include "vethsim-model.h"

typedef struct VsProxy VsProxy;

/* Makes sure that the node has its kube-proxy, with all services of the cluster. */
void proxy_attach(VsNode *node);
