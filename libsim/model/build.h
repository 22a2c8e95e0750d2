/* What is being built: the run, its hosts and wires, the cluster; models' way to find one
 * another's hosts without knowing one another. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "cluster/cluster.h"
#include "engine/run.h"
#include "model/element.h"
#include "model/model.h"
#include "net/bond.h"
#include "net/host.h"
#include "net/netns.h"
#include "net/qdisc.h"
#include "net/wire.h"

/* How a host takes part in addressing and routing. */
typedef enum VsHostRole {
    VS_HOST_END,                /* Sends and receives for itself only. */
    VS_HOST_ROUTER,             /* Others' packets may be routed through it. */
    VS_HOST_LAST_RESORT_ROUTER, /* Only if there is no other way: a load balancer. */
    VS_HOST_SWITCH, /* No addresses: its interfaces belong to one segment. */
} VsHostRole;

typedef struct VsBuiltHost {
    const VsElement *element;
    VsHost *host;
    VsHostRole role;
    bool is_multipath; /* Its routes have all next hops of equally short paths. */
    VsBridge *bridge;  /* SWITCH: of which new interfaces become ports. */
    VsTime latency;    /* SWITCH: of its forwarding. */
    VsPrefix subnet;   /* SWITCH: of its segment, if given. */
    unsigned n_ifaces; /* Of links so far: eth0, eth1, ... */
} VsBuiltHost;

typedef struct VsBuiltWire {
    const VsElement *element;
    VsWire *wire;
    VsIface *from;
    VsIface *to;
    VsPrefix subnet; /* Of the segment, if given. */
    unsigned member; /* Of a bond; 0 of others. */
} VsBuiltWire;

/* A queue discipline of an interface or its wire, which owns it. */
typedef struct VsBuiltQdisc {
    const VsElement *element; /* Whose model's statistics are the qdisc's. */
    const VsQdisc *qdisc;
    char *name; /* Place and kind: "users > edge: htb/gold/fq_codel", or
                 * "n1/root cni0: tbf".  Owned. */
} VsBuiltQdisc;

/* An address beyond those of interfaces that routes must lead to: a VIP. */
typedef struct VsBuiltAddress {
    VsAddr address;
    VsHost *host;
} VsBuiltAddress;

/* Interfaces of 'netns' that are to be captured, as the file names them. */
typedef struct VsBuiltCapture {
    const VsElement *element;
    VsNetns *netns;
    const char *names;
} VsBuiltCapture;

struct VsBuild {
    VsRun *run;
    VsCluster *cluster;
    void **instances;     /* By element->index; NULL for a model of size 0. */
    GArray *hosts;        /* Of VsBuiltHost, in document order. */
    GHashTable *host_of;  /* Element to place in 'hosts', plus one. */
    GArray *wires;        /* Of VsBuiltWire; those of a link in sequence. */
    GPtrArray *bonds;     /* Of VsBond *. */
    GArray *qdiscs;       /* Of VsBuiltQdisc. */
    GHashTable *qdisc_of; /* VsIface to VsElement: model/interface_qdisc.h. */
    GArray *addresses;    /* Of VsBuiltAddress. */
    GArray *captures;     /* Of VsBuiltCapture. */
    GPtrArray *captured;  /* Of VsIface *: what they name (model/capture.h). */
    GHashTable
        *given_addresses; /* VsHost to GArray of VsGivenAddress (model/import.h). */
    VsAddr next_vip;
    bool is_without_load; /* Clients send nothing of their own. */
};

void vs_build_init(VsBuild *build, VsRun *run, unsigned n_elements);

/* Frees wires and hosts, whose sockets and entries may refer to instances until then. */
void vs_build_clear_hosts(VsBuild *build);

/* Frees the rest; instances are the simulation's. */
void vs_build_clear(VsBuild *build);

/* Registers the host of 'element'; the build frees it. */
void vs_build_add_host(VsBuild *build, const VsBuiltHost *host);

/* The host of 'element', or NULL if it is none. */
VsBuiltHost *vs_build_find_host(const VsBuild *build, const VsElement *element);

/* What a link is made of. */
typedef struct VsBuildLine {
    VsWireConfig wire; /* But for far_latency and is_to_forwarder: the receiver's. */
    uint32_t mtu;
    VsPrefix subnet;          /* Of the segment, if given. */
    const VsBondConfig *bond; /* Of each direction; NULL: one wire. */
} VsBuildLine;

/* Joins the hosts of 'a' and 'b' by a link. */
void vs_build_join(VsBuild *build, const VsElement *element, const VsElement *a,
                   const VsElement *b, const VsBuildLine *line);

/* Opens 'port' of 'protocol' of 'pod' for the container 'element'; fails, naming both, when another
 * container has it. */
bool vs_build_open_port(VsPod *pod, uint8_t protocol, uint16_t port,
                        const VsElement *element, GError **error);

/* Fails unless 'service', which 'element' sends to, has a cluster IP (NULL: it has none) and a
 * port of TCP. */
bool vs_build_check_tcp(const VsService *service, const VsElement *element,
                        GError **error);

void *vs_build_instance(const VsBuild *build, const VsElement *element);

/* A public address of 'host': 'address', or the next free one of 203.0.113.0/24 (RFC 5737)
 * if that is 0.  It becomes local to the host, and routes lead to it.  Returns 0 when
 * 'address' was given out before. */
VsAddr vs_build_add_vip(VsBuild *build, VsHost *host, VsAddr address);

/* The address at which others reach 'element': its VIP, else its first interface's. */
VsAddr vs_build_address_of(const VsBuild *build, const VsElement *element);
