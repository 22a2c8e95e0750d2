/* Frames redirected by eBPF programs, past the network stack of the root namespace, as Cilium
 * does with BPF host routing (cilium bpf/bpf_lxc.c, bpf/bpf_host.c, bpf/lib/l3.h and
 * local_delivery.h).
 *
 * A program at an interface (tc ingress) sees each frame first.  One for a pod of this host
 * goes into the pod's namespace at once (bpf_redirect_peer: no backlog, no softirq of its
 * own); one from a pod to elsewhere goes out by the route's card (bpf_redirect_neigh).
 * Either way TTL counts down, and no hook, connection entry or rule of the root namespace
 * sees the packet.  What the program cannot forward (for this host itself, without a route,
 * at the end of its TTL, too big, no IPv4) is the stack's, which answers as ever. */
#pragma once

#include "net/netns.h"
#include "packet/packet.h"

/* Attaches the program to 'iface': the host's end of a pod's veth, or a card. */
void vs_redirect_attach(VsIface *iface);

/* A frame has come in by 'iface', which has the program.  Takes it, or returns false. */
bool vs_redirect_receive(VsIface *iface, VsPacket *packet);
