/* IPVS: virtual servers in the kernel, as kube-proxy's ipvs mode uses them.
 *
 * A packet that reached a local address (VIPs are addresses of the dummy interface
 * kube-ipvs0) and INPUT, at a service's address and port, is given a server by the service's
 * scheduler, and sent on to it from there: OUTPUT, routing, POSTROUTING.  Its connection is
 * remembered; packets of it follow, and replies are rewritten in FORWARD.  Requests of local
 * sockets are rewritten in OUTPUT.
 *
 * Sources: Linux 6.x net/netfilter/ipvs/ip_vs_{core,conn,ctl,xmit,nfct,proto_tcp}.c; texts
 * as of ipvsadm 1.31.  Forwarding is masquerading (-m) with net.ipv4.vs.conntrack=1.  Not
 * modelled: -g and -i (to which conn_reuse_mode 2 would make a difference), firewall marks, IPv6, ICMP errors about connections, thresholds,
 * one-packet scheduling, synchronisation. */
#pragma once

#include "balance/balancer.h"
#include "base/pool.h"
#include "base/table.h"
#include "engine/timer.h"
#include "net/netns.h"

#define VS_IPVS_ERROR (vs_ipvs_error_quark())
GQuark vs_ipvs_error_quark(void);

typedef enum VsIpvsError {
    VS_IPVS_ERROR_SYNTAX,
    VS_IPVS_ERROR_UNSUPPORTED, /* Real, but not modelled. */
    VS_IPVS_ERROR_REFERENCE,   /* No such service, or one that is there already. */
} VsIpvsError;

typedef struct VsIpvs VsIpvs;
typedef struct VsIpvsService VsIpvsService;
typedef struct VsIpvsServer VsIpvsServer;

/* net.ipv4.vs.*, as kube-proxy sets them. */
typedef struct VsIpvsConfig {
    bool expire_nodest_conn;        /* Connections of a removed server end (a moment
                                     * later, or with their next packet), and a SYN of one
                                     * whose server has weight 0 is scheduled anew. */
    bool expire_quiescent_template; /* Affinity to a server of weight 0 ends. */
    uint32_t conn_reuse_mode; /* 0: a SYN of a connection that is known goes to its
                                     * server, whatever that one's weight, as up to Linux
                                     * 5.15; else a closed one is scheduled anew. */
    VsTime tcp_timeout;       /* Established, 15 min: ipvsadm --set. */
    VsTime tcp_fin_timeout;   /* FIN_WAIT, 2 min. */
    VsTime udp_timeout;       /* 5 min. */
} VsIpvsConfig;

extern const VsIpvsConfig vs_ipvs_config_default;

/* How servers are chosen: by a balancer.  pick() returns one, or NULL when none can be
 * used. */
typedef struct VsIpvsScheduler {
    const char *name; /* "rr"; NULL ends the table. */
    const char *kind; /* The balancer's: "ipvs-rr". */
    VsIpvsServer *(*pick)(VsIpvsService *service, const VsFlow *flow);
} VsIpvsScheduler;

/* rr wrr lc wlc sh dh sed nq mh lblc lblcr fo ovf. */
extern const VsIpvsScheduler vs_ipvs_schedulers[];
const VsIpvsScheduler *vs_ipvs_scheduler_find(const char *name);

/* The first of them, which kube-proxy's configuration takes (validateIPVSSchedulerMethod() of
 * pkg/proxy/apis/config/validation); NULL ends the list. */
extern const char *const vs_ipvs_scheduler_names[];

/* Flags of 'scheduler', as in `ipvsadm -b sh-port,sh-fallback`: bits of VsIpvsService.flags.
 * False when it has none of that name. */
bool vs_ipvs_flags_parse(const VsIpvsScheduler *scheduler, const char *text,
                         unsigned *ret);

/* The same as text, newly allocated; empty without any. */
char *vs_ipvs_flags_format(unsigned set);

struct VsIpvsServer {
    VsIpvsService *service; /* NULL: that is gone. */
    VsAddr address;
    uint16_t port;
    uint32_t backend;  /* Of the service's balancer, until it is removed. */
    uint32_t weight;   /* 0: gets nothing new, keeps what it has. */
    bool is_removed;   /* Kept for its connections. */
    uint32_t n_active; /* Connections that are open, or opening. */
    uint32_t n_inactive;
    uint32_t n_holders; /* All of its connections, templates included. */
    uint64_t n_connections;
};

struct VsIpvsService {
    VsIpvs *ipvs;
    uint8_t protocol; /* TCP or UDP. */
    VsAddr address;
    uint16_t port;
    const VsIpvsScheduler *scheduler;
    VsTime persistence; /* How long a client's affinity lasts; 0: none. */
    GPtrArray *servers; /* Of VsIpvsServer, in order of addition. */
    unsigned flags;     /* Of the scheduler. */
    VsBalancer balancer;
    GPtrArray *by_backend; /* Its backends, removed ones too, as VsIpvsServer. */
    uint64_t n_connections;
};

/* Called when a new connection was given 'server'. */
typedef void (*VsIpvsScheduled)(void *data, const VsIpvsServer *server);

struct VsIpvs {
    VsNetns *netns;
    VsIpvsConfig config;
    GPtrArray *services; /* Of VsIpvsService, in order of addition. */
    VsTable by_address;  /* (address, port, protocol) to service. */
    VsTable incoming;    /* Flow of the client to connection. */
    VsTable outgoing;    /* Flow of the server's replies to connection. */
    VsTable templates;   /* (client, service) to connection: affinity. */
    VsPool connections;
    GPtrArray *removed;        /* Of VsIpvsServer, which still have connections. */
    VsTimer expiry;            /* expire_nodest_conn: ends connections of those. */
    VsIpvsScheduled scheduled; /* Or NULL. */
    void *scheduled_data;
};

/* Gives 'netns', which has conntrack, IPVS; freed with it. */
VsIpvs *vs_ipvs_attach(VsNetns *netns, const VsIpvsConfig *config);

void vs_ipvs_on_scheduled(VsIpvs *ipvs, VsIpvsScheduled scheduled, void *data);

/* Adds a service; NULL with 'error' set when there is one at that address. */
VsIpvsService *vs_ipvs_add_service(VsIpvs *ipvs, uint8_t protocol, VsAddr address,
                                   uint16_t port, const VsIpvsScheduler *scheduler,
                                   VsTime persistence, GError **error);

/* Sets flags of its scheduler, while it has had no servers yet. */
void vs_ipvs_set_flags(VsIpvsService *service, unsigned flags);
VsIpvsService *vs_ipvs_find_service(const VsIpvs *ipvs, uint8_t protocol,
                                    VsAddr address, uint16_t port);
void vs_ipvs_remove_service(VsIpvsService *service);

/* Adds a server, or takes one back that was removed and still has connections. */
VsIpvsServer *vs_ipvs_add_server(VsIpvsService *service, VsAddr address, uint16_t port,
                                 uint32_t weight);
VsIpvsServer *vs_ipvs_find_server(const VsIpvsService *service, VsAddr address,
                                  uint16_t port);
void vs_ipvs_set_weight(VsIpvsServer *server, uint32_t weight);

/* Takes 'server' away; with expire_nodest_conn its connections end a jiffy later. */
void vs_ipvs_remove_server(VsIpvsServer *server);

/* Adds what 'text' says, lines as `ipvsadm -Sn` prints and `ipvsadm -R` reads:
 * "-A -t 10.96.0.1:443 -s rr -p 10800", "-A -t 10.96.0.1:443 -s mh -b mh-port", "-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -m -w 1".
 * False with 'error' set: "LINE: what is wrong"; lines before that one are done. */
bool vs_ipvs_read(VsIpvs *ipvs, const char *text, GError **error);

/* All services and servers, as `ipvsadm -Sn` prints them.  Newly allocated. */
char *vs_ipvs_print(const VsIpvs *ipvs);

/* Open connections, templates not counted. */
size_t vs_ipvs_n_connections(const VsIpvs *ipvs);
