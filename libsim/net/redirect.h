/* Frames redirected by eBPF programs, past the network stack of the root namespace, as Cilium
 * does with BPF host routing (cilium bpf/bpf_lxc.c, bpf/bpf_host.c, bpf/lib/l3.h and
 * local_delivery.h).
 *
 * A program at an interface (tc ingress) sees each frame first.  One for a pod of this host
 * goes into the pod's namespace at once (bpf_redirect_peer: no backlog, no softirq of its
 * own); one from a pod to elsewhere goes out by the route's card (bpf_redirect_neigh).
 * Either way TTL counts down, and no hook, connection entry or rule of the root namespace
 * sees the packet.  What the program cannot forward (for this host itself, without a route,
 * at the end of its TTL, too big, no IPv4) is the stack's, which answers as ever.
 *
 * Before it looks for the way, a program may translate (VsRedirectNat): what services are
 * reached by from outside.  A translated packet is the program's: cards send it on to other
 * hosts, too, and what has no way is dropped without an answer. */
#pragma once

#include "net/netns.h"
#include "packet/packet.h"

typedef enum VsRedirectResult {
    VS_REDIRECT_LEFT,       /* Nothing was changed. */
    VS_REDIRECT_TRANSLATED, /* Another destination, another source, or both. */
    VS_REDIRECT_DROPPED,    /* It is gone. */
} VsRedirectResult;

/* What the programs of a namespace do to IPv4 packets sent to the interface they are at.
 * The top layer of a packet that comes back decides its way; its 'dmac' does not count. */
typedef struct VsRedirectNat VsRedirectNat;
struct VsRedirectNat {
    VsRedirectResult (*translate)(VsRedirectNat *nat, VsIface *iface, VsPacket *packet);
};

/* From now on the programs of 'netns' translate with 'nat', which outlives it. */
void vs_redirect_set_nat(VsNetns *netns, VsRedirectNat *nat);

/* Attaches the program to 'iface': the host's end of a pod's veth, or a card. */
void vs_redirect_attach(VsIface *iface);

/* A frame has come in by 'iface', which has the program.  Takes it, or returns false. */
bool vs_redirect_receive(VsIface *iface, VsPacket *packet);
