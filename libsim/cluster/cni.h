/* Network plug-ins: how the pods of a cluster are wired, and which addresses they get.
 *
 *                    node                pods                  other nodes' pods
 *  bridge            cni0                ports of cni0         a route by node range
 *  flannel-host-gw   cni0                ports of cni0         a route by node range
 *  flannel-vxlan     cni0, flannel.1     ports of cni0         by flannel.1
 *  calico            -                   /32 to each cali*     a route by block
 *  calico-ipip       tunl0               /32 to each cali*     a route by block, by tunl0
 *  calico-vxlan      vxlan.calico        /32 to each cali*     by vxlan.calico
 *  cilium            programs            /32 to each lxc*      a route by node range
 *  aws-vpc           -                   /32 to each eni*      on the segment or routed
 *
 * Sources: containernetworking plugins bridge and host-local; flannel pkg/backend/hostgw and
 * pkg/backend/vxlan; calico felix (config defaults, routetable, intdataplane) and cni-plugin;
 * amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/driver.  What a plug-in writes in a real
 * cluster over time stands here from the start. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/netns.h"

struct VsRuleset;

typedef struct VsNode VsNode;
typedef struct VsPod VsPod;

/* Where the addresses of pods come from. */
typedef enum VsIpam {
    VS_IPAM_HOST_LOCAL, /* One range a node; the next after the one given last. */
    VS_IPAM_BLOCKS,     /* Blocks of the pod range, as many as a node needs. */
    VS_IPAM_SUBNET,     /* The subnet of the node itself. */
} VsIpam;

typedef struct VsCni {
    const char *name; /* As <cluster cni=""> has it. */
    VsIpam ipam;
    unsigned range_length; /* Of a node's range or block, if the cluster gives none. */
    unsigned n_reserved;   /* Addresses of a node's first range before those of pods. */
    bool has_socket_lb;    /* Pods' connects are translated; there is no kube-proxy. */
    bool has_bridge;       /* Pods are ports of cni0. */
    bool is_hidden; /* Only nodes know the way to pods: it leads through tunnels. */

    /* Makes the devices of a node; links may not be there yet. */
    void (*add_devices)(VsNode *node);

    /* Gives a pod's namespace its interface, address and routes. */
    void (*wire_pod)(VsPod *pod);

    /* All pods are there: sets the MTUs of the node's devices, and its routes to the pods of
     * other nodes.  Returns a node that cannot be reached in the way needed, or NULL. */
    const VsNode *(*add_routes)(VsNode *node);

    bool masquerades; /* Unless the cluster says otherwise: see add_rules. */

    /* Adds its own rules to those of the node, among them those that masquerade what
     * pods send to the world outside, if the cluster does; NULL: it has none. */
    void (*add_rules)(const VsNode *node, struct VsRuleset *ruleset);

    const char *need; /* What then helps: "join both to one <switch>". */
} VsCni;

extern const VsCni vs_cni_bridge;
extern const VsCni vs_cni_flannel_host_gw;
extern const VsCni vs_cni_flannel_vxlan;
extern const VsCni vs_cni_calico;
extern const VsCni vs_cni_calico_ipip;
extern const VsCni vs_cni_calico_vxlan;
extern const VsCni vs_cni_cilium;
extern const VsCni vs_cni_aws_vpc;

/* Their names in this order, ended by NULL; and the plug-in of such an index. */
extern const char *const vs_cni_names[];
const VsCni *vs_cni_get(unsigned index);

/* Adds the plug-in's rules, if it has any, to the node's, which are linked anew.  All pods
 * are there. */
void vs_cni_add_rules(const VsNode *node, struct VsRuleset *ruleset);

/* ---- For plug-ins ---------------------------------------------------------------- */

/* MTU of the node's first link; 1500 without one. */
uint32_t vs_cni_link_mtu(const VsNode *node);

/* 'prefix' and the first eleven digits of SHA-1("default.POD"), as Calico and the VPC CNI
 * call the host's end of a pod's veth.  Newly allocated. */
char *vs_cni_veth_name(const char *prefix, const char *pod);

/* The gateway of pods that are routed one by one: 169.254.1.1, which nobody has. */
#define VS_CNI_POD_GATEWAY 0xa9fe0101

/* Wires a pod by a veth pair, whose host's end is called 'prefix' and a hash, and a /32 route
 * to it.  Returns the pod's end; the host's is its peer. */
VsIface *vs_cni_wire_routed(VsPod *pod, const char *prefix, uint32_t mtu);

/* Of connections that a node of the Amazon VPC CNI keeps to its first interface. */
#define VS_CNI_VPC_MARK 0x80

/* Routes to the ranges of every node with an address on a link of 'netns', through that
 * node.  Returns a node without one, or NULL. */
const VsNode *vs_cni_add_direct_routes(const GPtrArray *nodes, VsNetns *netns);

/* Sets the MTU of the node's tunnel, and through it the routes to the ranges of all others:
 * VXLAN by the address of the far device, with its MAC in the neighbour table and the
 * tunnel's peers; IPIP by the address of the far node.  Returns a node to which there is no
 * way, or NULL. */
const VsNode *vs_cni_add_tunnel_routes(VsNode *node);

/* What stands for the runtime's random ID of a pod's sandbox, 64 hexadecimal digits: SHA-256
 * of "default.POD"; and the chain of the reference plug-ins' ipMasq for a container, which is
 * "CNI-" and 24 digits of SHA-512 of network and ID (FormatChainName).  Newly allocated. */
char *vs_cni_container_id(const char *pod);
char *vs_cni_masquerade_chain(const char *network, const char *container_id);

/* Rules that give what leaves the cluster the node's address (cni_rules.c).  ipMasq takes
 * for the cluster what is the pod's own subnet: other nodes' pods are outside. */
void vs_cni_add_bridge_rules(const VsNode *node, struct VsRuleset *ruleset);
void vs_cni_add_calico_rules(const VsNode *node, struct VsRuleset *ruleset);
void vs_cni_add_flannel_rules(const VsNode *node, struct VsRuleset *ruleset);
void vs_cni_add_vpc_rules(const VsNode *node, struct VsRuleset *ruleset);
