/* The cluster: what its control plane declared, and the addresses it gave.
 *
 * Nodes, pods and services in the order of the scenario.  Endpoints of a service are the
 * pods that its selector picks and that have the target port open, in the order of their
 * addresses as text, which is kube-proxy's.  Conditions of endpoints are functions of time,
 * known from the start: whoever learns of a change later asks for the time it knows of, and
 * no part has to touch another.
 *
 * Sources: kubernetes pkg/apis/core/types.go, discovery/v1 (the conditions of endpoints),
 * pkg/proxy/util/nodeport_addresses.go. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/dist.h"
#include "base/histogram.h"
#include "base/table.h"
#include "cluster/cni.h"
#include "cluster/eni.h"
#include "cluster/labels.h"
#include "net/bridge.h"
#include "net/netns.h"
#include "net/tunnel.h"

struct VsElement;
struct VsResolvParams;

#define VS_CLUSTER_ERROR (vs_cluster_error_quark())
GQuark vs_cluster_error_quark(void);

typedef enum VsClusterError {
    VS_CLUSTER_ERROR_EXHAUSTED, /* No address or port is left. */
    VS_CLUSTER_ERROR_CLASH,     /* Two want the same. */
} VsClusterError;

/* How kube-proxy does its work. */
typedef enum VsProxyMode {
    VS_PROXY_IPTABLES,
    VS_PROXY_NFTABLES,
    VS_PROXY_IPVS,
} VsProxyMode;

/* "iptables", "nftables", "ipvs", by VsProxyMode; NULL ends the list. */
extern const char *const vs_proxy_mode_names[];

/* Which addresses of a node take node ports (--nodeport-addresses). */
typedef enum VsNodePortAddresses {
    VS_NODE_PORTS_DEFAULT,  /* nftables: the primary; otherwise all. */
    VS_NODE_PORTS_ALL,      /* Every local address. */
    VS_NODE_PORTS_PRIMARY,  /* The node's own address. */
    VS_NODE_PORTS_PREFIXES, /* Addresses of interfaces in any of the prefixes. */
} VsNodePortAddresses;

typedef struct VsService VsService;
typedef struct VsCluster VsCluster;

/* What kube-proxy of a node did in the course of the run. */
typedef struct VsProxyStats {
    uint64_t n_full; /* Syncs. */
    uint64_t n_partial;
    uint64_t n_rules;      /* Written, with elements of nft's sets and maps. */
    VsHistogram sync_time; /* From a sync's start to its rules. */
    VsHistogram latency;   /* From a change of an endpoint to its rules. */
} VsProxyStats;

struct VsNode {
    VsCluster *cluster;
    const char *name;
    unsigned index;
    VsHost *host;
    VsPrefix pod_cidr; /* Its first range: a /24 (node-cidr-length) of the cluster's. */
    GArray *ranges;    /* Of VsPrefix: all of them. */
    unsigned n_pods;
    VsAddr next_pod;  /* In its last range: last given + 1. */
    VsBridge *bridge; /* cni0, if its plug-in has one. */
    VsTunnel *tunnel; /* flannel.1, tunl0, vxlan.calico: the same. */
    VsProxyMode proxy_mode;
    const char *ipvs_scheduler;    /* VS_PROXY_IPVS: "rr"; static. */
    uint32_t ipvs_conn_reuse_mode; /* The same: net.ipv4.vs.conn_reuse_mode. */
    VsTime endpoints_as_of;    /* What kube-proxy's rules are made of: endpoints as they
                                * were then. */
    VsTime rules_as_of;        /* The same of the rules that the kernel has. */
    VsProxyStats *proxy_stats; /* The node's model keeps them. */
    const struct VsElement *element;     /* NULL: a test's. */
    const struct VsResolvParams *resolv; /* Its resolv.conf; the same. */
    char *agent_rules;     /* Of a node's agent, besides kube-proxy's and the
                                          * plug-in's: iptables-save's text; or NULL. */
    struct VsProxy *proxy; /* kube-proxy; its model's. */
    void (*free_proxy)(struct VsProxy *proxy);
};

/* An open port of a pod: which container has it. */
typedef struct VsPodPort {
    uint8_t protocol;
    uint16_t port;
    const char *container;
    const struct VsElement *element;
} VsPodPort;

/* What the control plane says of a pod: its conditions in endpoint slices. */
typedef enum VsPodCondition {
    VS_POD_READY,               /* ready, serving. */
    VS_POD_UNREADY,             /* Fails its readiness probe. */
    VS_POD_TERMINATING,         /* Shuts down, but still serves. */
    VS_POD_TERMINATING_UNREADY, /* Shuts down and fails its probe. */
    VS_POD_REMOVED,             /* In no endpoint slice any more. */
} VsPodCondition;

/* What the sidecar proxy of a pod, if it has one, takes from others, as the mesh's control
 * plane tells them: whoever calls it with mutual TLS or without. */
typedef enum VsPodMesh {
    VS_POD_MESH_NONE,       /* No sidecar. */
    VS_POD_MESH_OFF,        /* Plaintext alone. */
    VS_POD_MESH_PERMISSIVE, /* Either. */
    VS_POD_MESH_STRICT,     /* Mutual TLS alone. */
} VsPodMesh;

/* From 'from' to before 'to' (VS_TIME_NEVER: it lasts) a pod fails its readiness probe. */
typedef struct VsPodOutage {
    VsTime from;
    VsTime to;
} VsPodOutage;

struct VsPod {
    const char *name;
    VsNode *node;
    VsNetns *netns;
    VsAddr address;
    unsigned number;                     /* On its node, from 0. */
    const struct VsElement *element;     /* NULL: a test's. */
    const struct VsResolvParams *resolv; /* Its resolv.conf; the same. */
    const VsLabels *labels;
    const char *subdomain;    /* The headless service in whose names it is; or NULL. */
    const char *hostname;     /* There; NULL: it has none. */
    VsPodCondition condition; /* Before what follows. */
    VsTime ready_at;      /* Until then it fails its probe; 0: ready from the start. */
    VsTime terminates_at; /* Deleted, serves on; VS_TIME_NEVER: stays. */
    VsTime removed_at;    /* Its endpoint is gone. */
    bool may_fail;        /* A container of it may die during the run. */
    unsigned n_down;      /* Containers that are dead, or not ready again. */
    GArray *outages;      /* Of VsPodOutage: when n_down was above 0; NULL: never. */
    VsPodMesh mesh;
    unsigned n_ports;
    VsPodPort *ports;
};

typedef enum VsServiceType {
    VS_SERVICE_CLUSTER_IP,
    VS_SERVICE_NODE_PORT,
    VS_SERVICE_LOAD_BALANCER,
    VS_SERVICE_EXTERNAL_NAME, /* With 'external_name'. */
} VsServiceType;

typedef struct VsEndpoint {
    const VsPod *pod;
    VsAddr address;
    uint16_t port;
    unsigned share; /* Index in the service's shares. */
    bool is_ready;
    bool is_serving;
    bool is_terminating;
    bool is_removed; /* No endpoint any more. */
} VsEndpoint;

enum { VS_AFFINITY_DEFAULT_S = 10800, VS_AFFINITY_MAX_S = 86400 };

/* One port of a Service: what kube-proxy calls a service port.  Further ports of a Service
 * are services of the same name and cluster IP. */
struct VsService {
    const char *name;
    const char *name_space; /* NULL: "default". */
    const char *port_name;  /* NULL: it has none. */
    unsigned index;
    VsServiceType type;
    uint8_t protocol; /* VS_PROTOCOL_TCP (also 0, when added) or VS_PROTOCOL_UDP. */
    VsAddr cluster_ip;
    uint16_t port;
    uint16_t target_port;
    uint16_t node_port;              /* 0: none. */
    uint16_t health_check_node_port; /* LOAD_BALANCER with local traffic; 0: none. */
    VsAddr load_balancer_ip;         /* LOAD_BALANCER: its VIP; 0: none. */
    bool has_load_balancer;          /* One is in front of it, whatever its type. */
    unsigned n_external_ips;
    VsAddr *external_ips; /* Copied when added. */
    unsigned n_source_ranges;
    VsPrefix *source_ranges; /* loadBalancerSourceRanges; copied when added. */
    uint32_t affinity_s;    /* sessionAffinity ClientIP: its timeout; 0: no affinity. */
    bool is_external_local; /* externalTrafficPolicy: Local. */
    bool is_internal_local; /* internalTrafficPolicy: Local. */
    bool publishes_not_ready;
    bool is_headless;          /* It has no cluster IP: a name for its endpoints. */
    const char *external_name; /* It is another name for this one; or NULL. */
    const VsLabels *selector;  /* NULL: no endpoints. */
    VsShares *shares; /* Of all its endpoints; the service's model keeps them. */
    unsigned n_endpoints;
    VsEndpoint *endpoints; /* Ready at the start of the run. */
    unsigned n_all_endpoints;
    VsEndpoint *all_endpoints; /* All of the run; conditions are those of its start. */
};

/* A load balancer in front of a service. */
typedef struct VsLoadBalancer {
    const char *service;
    VsAddr address; /* 0: nodes do not know it. */
} VsLoadBalancer;

/* A subnet of which nodes and pods have addresses. */
typedef struct VsSubnet {
    VsPrefix prefix;
    VsAddr next; /* The first that no interface and no pod has. */
} VsSubnet;

struct VsCluster {
    const VsCni *cni;
    VsPrefix pod_cidr;
    VsPrefix service_cidr;
    unsigned node_cidr_length;
    unsigned n_ranges;                   /* Of pod_cidr that nodes have. */
    GArray *subnets;                     /* Of VsSubnet: VS_IPAM_SUBNET. */
    bool has_subnet_range;               /* pod_cidr covers the subnets of pods. */
    const VsInstanceType *instance_type; /* Of nodes in a VPC; NULL: not said. */
    VsProxyMode proxy_mode;              /* Of nodes added from now on. */
    const char *ipvs_scheduler;          /* The same. */
    uint32_t ipvs_conn_reuse_mode;
    bool masquerades_pods;   /* What pods send outside has their node's address. */
    bool masquerades_all;    /* --masquerade-all: whatever goes to a cluster IP. */
    bool is_bridge_filtered; /* net.bridge.bridge-nf-call-iptables of nodes. */
    bool is_hairpin;         /* hairpinMode of the plug-in's bridges. */
    VsNodePortAddresses node_port_addresses;
    VsDist endpoint_delay;  /* From a change of an endpoint to kube-proxy's knowing;
                                 * shares its points with whoever set it. */
    VsTime min_sync_period; /* kube-proxy's minSyncPeriod; but in ipvs mode: */
    VsTime ipvs_min_sync_period;
    GArray *node_port_prefixes; /* Of VsPrefix. */
    GPtrArray *nodes;           /* Of VsNode. */
    GPtrArray *pods;            /* Of VsPod. */
    GPtrArray *services;        /* Of VsService: those with a cluster IP. */
    GPtrArray *dns_services;    /* The same: headless ones and other names, which are
                                 * nothing to kube-proxy. */
    GArray *load_balancers;     /* Of VsLoadBalancer. */
    GPtrArray *watches;         /* Of VsWatch (cluster/watch.h): their owners'. */
    VsTable claims;             /* Address, port, protocol to the VsService that they
                                 * lead to. */
    VsAddr next_cluster_ip;
    uint16_t next_node_port;
};

VsCluster *vs_cluster_new(void);
void vs_cluster_free(VsCluster *cluster);

/* Pods of nodes in subnet 'prefix' get addresses of it from 'next' on (VS_IPAM_SUBNET). */
void vs_cluster_add_subnet(VsCluster *cluster, VsPrefix prefix, VsAddr next);

/* Adds a node and carves its pod range; NULL with 'error' set when the range is used up
 * (the message has no "file:line": the caller adds it). */
VsNode *vs_cluster_add_node(VsCluster *cluster, const char *name, VsHost *host,
                            GError **error);

/* Adds a pod in 'netns' of 'node' with the node's next address. */
VsPod *vs_cluster_add_pod(VsCluster *cluster, const char *name, VsNode *node,
                          VsNetns *netns, const VsLabels *labels, GError **error);

/* "tcp" and "udp", for a parameter of a port; and what the choice means. */
extern const char *const vs_port_protocol_choices[];
uint8_t vs_port_protocol(unsigned choice);

/* Opens 'port' of 'protocol' (VS_PROTOCOL_TCP or _UDP, which have ports of their own) of
 * 'pod' for 'container'; returns the port's owner if it is taken. */
const VsPodPort *vs_pod_open_port(VsPod *pod, uint8_t protocol, uint16_t port,
                                  const char *container,
                                  const struct VsElement *element);
const VsPodPort *vs_pod_find_port(const VsPod *pod, uint8_t protocol, uint16_t port);

/* Whether kube-proxy has nothing to do for 'service': it is headless, or another name. */
static inline bool
vs_service_is_only_name(const VsService *service)
{
    return service->is_headless || service->external_name != NULL;
}

/* Adds 'service', copied; one that is only a name has no addresses and goes to the cluster's
 * dns_services.  Of others cluster_ip 0 takes the next of the service range, node_port 0
 * the next of 30000..32767 where the type has one, and so does health_check_node_port for
 * a LOAD_BALANCER with local external traffic.
 *
 * Fails with CLASH when another service (or the same twice) has one of its addresses with
 * this port and protocol, or one of its node ports. */
VsService *vs_cluster_add_service(VsCluster *cluster, const VsService *service,
                                  GError **error);

/* 'address' is the VIP of a load balancer for the service of this name, which may come to
 * be later; 0 if nodes have no rules for it, as for one that sends to pods. */
void vs_cluster_add_load_balancer(VsCluster *cluster, const char *service,
                                  VsAddr address);

/* All pods, ports, services and load balancers are declared: gives services of type
 * LoadBalancer the VIP of theirs (the first), and every service its endpoints. */
void vs_cluster_complete(VsCluster *cluster);

/* The service that 'address' with the port and protocol of 'service' leads to; NULL: none.
 * VIPs are known when the cluster is complete. */
const VsService *vs_cluster_find_claim(const VsCluster *cluster,
                                       const VsService *service, VsAddr address);

/* A container of 'pod' is dead, or not any more and ready again, from 'now' on: its readiness
 * changes with the first and the last of them, and all who watch are told.  Only for
 * pods that may fail. */
void vs_pod_set_down(VsPod *pod, bool is_down, VsTime now);

/* What the control plane says of 'pod' at 'time', from the very moment of a change on. */
VsPodCondition vs_pod_condition_at(const VsPod *pod, VsTime time);

/* 'endpoint' of 'service' with its conditions at 'time'. */
VsEndpoint vs_endpoint_at(const VsService *service, const VsEndpoint *endpoint,
                          VsTime time);

/* Whether the conditions of an endpoint of 'service' differ between the two times. */
bool vs_service_differs(const VsService *service, VsTime a, VsTime b);

/* Whether endpoints of 'service' change during the run. */
bool vs_service_changes(const VsService *service);

/* Whether endpoints of any service do, but for those that are only names. */
bool vs_cluster_changes(const VsCluster *cluster);

/* When endpoints of services are known to change, with 'has_names' also those of services that are only
 * names: times above 0, each once, in order.  An array of VsTime, to be freed with
 * g_array_free(). */
GArray *vs_cluster_endpoint_changes(const VsCluster *cluster, bool has_names);

/* When an endpoint of 'service' next changes, later than 'after'; VS_TIME_NEVER: not any
 * more.  O(endpoints). */
VsTime vs_service_next_change(const VsService *service, VsTime after);

/* Routes to the pods of every node with an address on a link of 'netns', through that
 * node, unless its plug-in hides pods in tunnels or puts them into subnets; for hosts
 * outside the cluster.  All pods are declared.  Returns a node without one, or NULL. */
const VsNode *vs_cluster_add_pod_routes(const VsCluster *cluster, VsNetns *netns);

/* Reachable from outside the cluster: it has a node port, a VIP or an external IP. */
bool vs_service_is_external(const VsService *service);

/* Whether loadBalancerSourceRanges let 'source' use the load balancer: all may without. */
bool vs_service_admits(const VsService *service, VsAddr source);

/* The node's own address, or 0 while it has none. */
VsAddr vs_node_address(const VsNode *node);

VsNode *vs_cluster_find_node(const VsCluster *cluster, const char *name);
VsPod *vs_cluster_find_pod(const VsCluster *cluster, const char *name);

/* Of a service with several ports its first; only those with a cluster IP. */
VsService *vs_cluster_find_service(const VsCluster *cluster, const char *name);

/* The same of headless ones. */
VsService *vs_cluster_find_headless(const VsCluster *cluster, const char *name);
