/* Interfaces and routes as iproute2's JSON has them (`ip -j -p addr`, `ip -j -p route`): what
 * model/import_ip.h reads, and a real ip would tell of the same. */
#pragma once

#include "net/netns.h"

/* Interfaces in order of their index, with their addresses.  Newly allocated. */
char *vs_export_ip_addr(const VsNetns *netns);

/* The main table in the order of `ip route`.  Newly allocated. */
char *vs_export_ip_route(const VsNetns *netns);
