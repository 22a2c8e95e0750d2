/* Labels and address ranges, as Kubernetes objects have them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"

/* Several of them. */
typedef struct VsPrefixes {
    unsigned n_prefixes;
    VsPrefix *prefixes;
} VsPrefixes;

/* "key=value key=value": labels of a pod, or the selector of a service.  Sorted by key. */
typedef struct VsLabel {
    const char *key;
    const char *value;
} VsLabel;

typedef struct VsLabels {
    unsigned n_labels;
    VsLabel *labels;
} VsLabels;

/* True when 'labels' has every pair of 'selector', which is not empty. */
bool vs_labels_match(const VsLabels *labels, const VsLabels *selector);
