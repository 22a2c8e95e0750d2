/* Services reached from outside, translated at a node's network card, as Cilium does in the
 * place of kube-proxy (cilium bpf/lib/nodeport.h).
 *
 * The program at a card looks a TCP or UDP packet up by destination address, port and
 * protocol: a node port at the node's own cards, a load balancer's address or an external IP
 * at any node.  A new connection gets an endpoint (backends.h) and keeps it (card_flows.h).
 *
 *   endpoint   mode   to it                              its answer
 *   here       any    destination translated             source translated at its lxc*
 *   elsewhere  snat   both translated: from this         both translated back at this
 *                     node's address and a free port     node's card
 *   elsewhere  dsr    in IPIP, as the client wrote it;   source translated at its lxc*
 *                     taken out and translated there     there, straight to the client
 *
 * A SNAT port is the client's if that is 32768 or more, else drawn from there up; after 32
 * that are taken for this endpoint the packet is dropped (NO_NAT_PORT).  DSR: of Cilium's
 * three ways (IP option, Geneve, IPIP) IPIP; the outer packet goes from the node's address
 * to the endpoint's, which tells the far node the choice.  What is too big with the outer
 * header is dropped and answered by ICMP with the MTU that is left.
 *
 * Two connections that a pod could not tell apart (a client's one port to two addresses of
 * a service, by DSR or to a pod of the node) clash: the second is dropped (CONNTRACK_CLASH).
 *
 * Without an endpoint (with external-traffic-policy="Local": here) a packet is dropped
 * (NO_ENDPOINT), and one from beyond load-balancer-source-ranges to the load balancer's
 * address (SOURCE_RANGES).  Fragments and ICMP errors are left to the stack, which knows neither
 * services nor these connections.  Costs: bpf-service for each packet at a card, nat-rewrite
 * for each that is translated, ipip-encapsulate and ipip-decapsulate. */
#pragma once

#include "vethsim-model.h"

typedef enum CardMode {
    CARD_MODE_SNAT,
    CARD_MODE_DSR,
} CardMode;

typedef struct CardLb CardLb;

/* Gives the programs of all nodes the services of the cluster, which are complete. */
CardLb *card_lb_new(const VsCluster *cluster, CardMode mode, uint64_t seed);
void card_lb_free(CardLb *lb);
