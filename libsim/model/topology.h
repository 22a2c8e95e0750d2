/* Addresses and routes of what links join.
 *
 * A *segment* is what one Ethernet broadcast reaches: a link, or all links that switches
 * join.  Each segment has a subnet: the one its link or switch gives, else the next free
 * block of 172.16.0.0/12, just large enough.  Routes follow the shortest path in segments;
 * load balancers are routed through only where no router leads. */
#pragma once

#include "model/build.h"

/* Gives every interface of a link its address.  Fails, naming the element, where a given
 * subnet is too small, overlaps another, or two are given for one segment. */
bool vs_topology_assign_addresses(VsBuild *build, GError **error);

/* Gives every host its routes to all segments and VIPs; of several next hops where paths
 * are equally short and the host has ecmp.  Fails, naming the element, where they are not. */
bool vs_topology_compute_routes(VsBuild *build, GError **error);
