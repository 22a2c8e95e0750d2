/* Services translated where pods connect, as Cilium's socket load balancer does (cilium
 * bpf/bpf_sock.c: cgroup connect4).
 *
 * The socket is connected to an endpoint from the start: no packet carries the service's
 * address (cluster IP, node port of any node, load balancer's or external IP), none is
 * translated, and no rule stands in its way; traffic policies and source ranges are for
 * those outside.  Each datagram of a UDP socket has a draw of its own, and answers come from
 * the service's address as far as the socket knows (sendmsg4, recvmsg4).  The endpoint is
 * drawn at random, each as likely as the other; a service without endpoints is EHOSTUNREACH.
 * Takes no time of its own.  Traces tell of it with the first packet of the connection. */
#pragma once

#include "vethsim-model.h"

typedef struct SocketLb SocketLb;

/* Translates for all pods of the cluster, whose services are complete. */
SocketLb *socket_lb_new(const VsCluster *cluster, uint64_t seed);
void socket_lb_free(SocketLb *lb);
