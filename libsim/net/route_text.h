/* The routing table as `ip route` prints it. */
#pragma once

#include <glib.h>

#include "net/netns.h"

/* The main table of 'netns' (without the routes of its own addresses, which Linux keeps in
 * table local), a line a route, "default" first, then by prefix.  Newly allocated. */
char *vs_routes_print(const VsNetns *netns);

/* The same routes in the same order; the array is the caller's, the routes are not. */
GPtrArray *vs_routes_list(const VsNetns *netns);

/* True for the route that giving its interface an address has made. */
bool vs_route_is_connected(const VsRoute *route);
