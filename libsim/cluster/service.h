/* Services within the cluster's folder; models see cluster.h. */
#pragma once

#include "cluster/cluster.h"

/* Frees a service with what it owns. */
void vs_service_free(gpointer service);
