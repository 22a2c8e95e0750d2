/* Elastic network interfaces of a node in a VPC: how many it may have, each with how many
 * addresses, and which pod has its address of which.
 *
 * The first link of a node is its primary interface; further links to the same segment are
 * the others, in order.  Each keeps its first address for itself: pods have the rest, those
 * of the first interface before those of the second.
 *
 * Source: Amazon EC2 User Guide, IP addresses per network interface per instance type;
 * amazon-vpc-cni-k8s pkg/vpc/vpc_ip_resource_limit.go. */
#pragma once

#include "net/netns.h"

typedef struct VsNode VsNode;

typedef struct VsInstanceType {
    const char *name;
    unsigned n_enis;
    unsigned n_addresses; /* Of each, its own included. */
} VsInstanceType;

/* "m5.large" and so on, ended by NULL; and the type of such an index. */
extern const char *const vs_instance_type_names[];
const VsInstanceType *vs_instance_type_get(unsigned index);

/* Interface 'device' of 'node', from 0, or NULL. */
VsIface *vs_eni_find(const VsNode *node, unsigned device);

/* What limits the addresses of 'node': the type its cluster has, or m5.large when it has
 * further interfaces, or nothing (NULL). */
const VsInstanceType *vs_eni_limits(const VsNode *node);

/* The interface that pod 'number' of 'node', from 0, has its address of. */
unsigned vs_eni_device_of(const VsNode *node, unsigned number);
