/* Routing tables as `ip route` prints them. */
#pragma once

#include <glib.h>

#include "net/netns.h"

/* The tables of 'netns' as "ip route show table all" has them, but for table local (the
 * routes of its own addresses): those of its policy, then main; in each a line a route,
 * "default" first, then by prefix.  Newly allocated. */
char *vs_routes_print(const VsNetns *netns);

/* The routes of one table in that order; the array is the caller's, the routes are not. */
GPtrArray *vs_routes_list(const VsRoutes *routes);

/* True for the route that giving its interface an address has made. */
bool vs_route_is_connected(const VsRoute *route);
