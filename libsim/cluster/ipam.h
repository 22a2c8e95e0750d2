/* Addresses of pods. */
#pragma once

#include "cluster/cluster.h"

/* Gives a new node its range, if its plug-in gives nodes ranges (the message has no
 * "file:line": the caller adds it). */
bool vs_ipam_add_node(VsNode *node, GError **error);

/* The next address of 'node' for 'pod', or 0 with 'error' set. */
VsAddr vs_ipam_next(VsNode *node, const char *pod, GError **error);
