#include "cluster/eni.h"

#include "cluster/cluster.h"

/* clang-format off */
static const VsInstanceType types[] = {
    {"t3.small", 3, 4},   {"t3.medium", 3, 6},   {"t3.large", 3, 12},  {"t3.xlarge", 4, 15},
    {"m5.large", 3, 10},  {"m5.xlarge", 4, 15},  {"m5.2xlarge", 4, 15},
    {"m5.4xlarge", 8, 30}, {"m5.16xlarge", 15, 50},
};

const char *const vs_instance_type_names[] = {
    "t3.small", "t3.medium", "t3.large", "t3.xlarge", "m5.large", "m5.xlarge", "m5.2xlarge",
    "m5.4xlarge", "m5.16xlarge", NULL,
};
/* clang-format on */

G_STATIC_ASSERT(G_N_ELEMENTS(types) + 1 == G_N_ELEMENTS(vs_instance_type_names));

enum { M5_LARGE = 4 };

const VsInstanceType *
vs_instance_type_get(unsigned index)
{
    g_assert(index < G_N_ELEMENTS(types));
    return &types[index];
}

static bool
is_on_segment(const VsIface *iface, const VsIface *primary)
{
    return iface->prefix_length == primary->prefix_length &&
           ((iface->address ^ primary->address) &
            vs_prefix_mask(primary->prefix_length)) == 0;
}

VsIface *
vs_eni_find(const VsNode *node, unsigned device)
{
    const VsIface *primary = NULL;

    for (VsIface *iface = node->host->root->ifaces; iface; iface = iface->next) {
        if (iface->kind != VS_IFACE_ETHERNET || iface->address == 0) {
            continue;
        }
        primary = primary ? primary : iface;
        if (is_on_segment(iface, primary) && device-- == 0) {
            return iface;
        }
    }
    return NULL;
}

const VsInstanceType *
vs_eni_limits(const VsNode *node)
{
    if (node->cluster->instance_type) {
        return node->cluster->instance_type;
    }
    return vs_eni_find(node, 1) ? &types[M5_LARGE] : NULL;
}

unsigned
vs_eni_device_of(const VsNode *node, unsigned number)
{
    const VsInstanceType *limits = vs_eni_limits(node);

    return limits ? number / (limits->n_addresses - 1) : 0;
}
