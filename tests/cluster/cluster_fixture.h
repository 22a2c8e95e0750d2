/* What the suites of the cluster share. */
#pragma once

#include "cluster/cluster.h"
#include "tests/net/net_fixture.h"

static inline VsLabels
labels_of(VsLabel *labels, unsigned n_labels)
{
    return (VsLabels){n_labels, labels};
}

static inline const VsLabels *
no_labels(void)
{
    static const VsLabels none;

    return &none;
}

static inline void
check_error(GError **error, VsClusterError code, const char *word)
{
    CU_ASSERT(g_error_matches(*error, VS_CLUSTER_ERROR, (int)code));
    CU_ASSERT(*error && strstr((*error)->message, word) != NULL);
    g_clear_error(error);
}
