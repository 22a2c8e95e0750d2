/* Connections that kube-proxy ends after a sync: those of UDP to a service whose endpoint
 * does not serve any more.  TCP's live on, and so do those of a service of which no endpoint
 * serves.
 *
 * Source: kubernetes pkg/proxy/conntrack/cleanup.go (CleanStaleEntries). */
#pragma once

#include "vethsim-model.h"

/* By the endpoints that kube-proxy of 'node' knows of; returns how many. */
unsigned proxy_delete_stale(const VsNode *node);
