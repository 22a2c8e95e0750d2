/* Tunnels of an ingress: a client's connection and an upstream's that have become a WebSocket,
 * between which frames are passed on as they come.
 *
 * When one side finishes, or nothing has come of either for the idle time-out, both are closed
 * (FIN), without a frame of WebSocket: clients see code 1006. */
#pragma once

#include "vethsim-model.h"

typedef struct IngressTunnels IngressTunnels;
typedef struct IngressTunnel IngressTunnel;

typedef struct IngressTunnelsStats {
    uint64_t n_open;
    uint64_t n_open_max;
    uint64_t n_opened;
    uint64_t n_idle; /* Closed by the idle time-out. */
} IngressTunnelsStats;

/* 'idle' 0: no time-out.  ended(user) of a tunnel is called when it is over, but not from
 * ingress_tunnels_kill(). */
IngressTunnels *ingress_tunnels_new(VsTime idle, VsEntity *entity,
                                    IngressTunnelsStats *stats,
                                    void (*ended)(void *user));
void ingress_tunnels_free(IngressTunnels *tunnels);

/* Takes over both connections. */
void ingress_tunnel_open(IngressTunnels *tunnels, VsTcp *client, VsTcp *upstream,
                         void *user);

/* The process is gone: resets all. */
void ingress_tunnels_kill(IngressTunnels *tunnels);
