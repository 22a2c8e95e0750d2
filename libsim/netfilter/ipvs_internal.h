/* What the parts of IPVS share: its connections. */
#pragma once

#include "engine/timer.h"
#include "netfilter/ipvs.h"

/* TCP's states as IPVS has them (ip_vs_proto_tcp.c), and one for UDP. */
typedef enum VsIpvsState {
    VS_IPVS_NONE,
    VS_IPVS_ESTABLISHED,
    VS_IPVS_SYN_SENT,
    VS_IPVS_SYN_RECV,
    VS_IPVS_FIN_WAIT,
    VS_IPVS_TIME_WAIT,
    VS_IPVS_CLOSE,
    VS_IPVS_CLOSE_WAIT,
    VS_IPVS_LAST_ACK,
    VS_IPVS_N_STATES
} VsIpvsState;

typedef struct VsIpvsConnection VsIpvsConnection;

/* A connection and its server; or a template: a client and its server. */
struct VsIpvsConnection {
    VsIpvs *ipvs;
    VsFlow flow; /* As the client sends; a template's has no source port. */
    VsIpvsServer *server;
    VsIpvsConnection *control; /* Its template, or NULL. */
    uint32_t n_controlled;     /* Of a template. */
    uint8_t state;             /* VsIpvsState. */
    bool is_template;
    bool is_active;   /* Counted among the server's open ones. */
    bool is_incoming; /* In that table. */
    bool is_outgoing;
    VsTime lifetime; /* After its last packet. */
    VsTime expires;
    VsTimer timer;
};

VsIpvsConnection *vs_ipvs_find_incoming(const VsIpvs *ipvs, const VsFlow *flow);
VsIpvsConnection *vs_ipvs_find_outgoing(const VsIpvs *ipvs, const VsFlow *flow);

/* A new connection of 'flow' to 'server'; 'control' may be NULL. */
VsIpvsConnection *vs_ipvs_connect(VsIpvs *ipvs, const VsFlow *flow,
                                  VsIpvsServer *server, VsIpvsConnection *control);

/* The affinity of the client of 'flow', or NULL; and a new one. */
VsIpvsConnection *vs_ipvs_find_template(const VsIpvsService *service,
                                        const VsFlow *flow);
VsIpvsConnection *vs_ipvs_make_template(VsIpvsService *service, const VsFlow *flow,
                                        VsIpvsServer *server);

/* Lets it live its lifetime from now on. */
void vs_ipvs_keep(VsIpvsConnection *connection);

/* A packet of the connection, from its server if 'is_reply', moves its state. */
void vs_ipvs_follow(VsIpvsConnection *connection, const VsLayer *top, bool is_reply);

/* Ends it now, and what conntrack has of it (ip_vs_conn_drop_conntrack).  A template whose
 * connections live on is only no longer found. */
void vs_ipvs_expire(VsIpvsConnection *connection);

/* Ends the connections and templates of removed servers; O(all connections). */
void vs_ipvs_expire_removed(VsIpvs *ipvs);

/* The service's balancer, from its scheduler and flags; without backends. */
void vs_ipvs_balancer_open(VsIpvsService *service);
void vs_ipvs_balancer_close(VsIpvsService *service);
void vs_ipvs_balancer_add(VsIpvsService *service, VsIpvsServer *server);

/* A connection of 'server' has ended: frees a removed one that has no more. */
void vs_ipvs_put_server(VsIpvs *ipvs, VsIpvsServer *server);
