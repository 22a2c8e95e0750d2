/* The routing table as `ip route` prints it. */
#pragma once

#include "net/netns.h"

/* The main table of 'netns' (without the routes of its own addresses, which Linux keeps in
 * table local), a line a route, "default" first, then by prefix.  Newly allocated. */
char *vs_routes_print(const VsNetns *netns);
