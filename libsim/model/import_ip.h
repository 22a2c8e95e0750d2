/* Addresses and routes of a real machine: what `ip -j addr` and `ip -j route` print, read.
 *
 * Of an interface its ifname, mtu, flags (is it UP?) and addr_info count; what else ip tells
 * describes the device, which is the scenario's.  It has one IPv4 address at most, and none
 * if it is down.
 * IPv6 is not modelled: only link-local addresses, and ::1 on lo, are passed over.  Of a
 * route every member counts: one that is not modelled (metrics, encap, table) is
 * refused by its name.
 *
 * Both return an array that is to be freed with g_array_unref(), or NULL with 'error' set in
 * the domain VS_SCENARIO_ERROR: "FILE:LINE: ..." where it is no JSON, and else
 * "FILE: [INDEX] (WHICH): what is wrong; what would be right", the index as jq counts.
 *
 * Sources: ip-address(8), ip-route(8); iproute2 ip/ipaddress.c, ip/iproute.c (names of
 * members). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/multipath.h"

/* An interface. */
typedef struct VsGivenAddress {
    char *where; /* "FILE: [1] (eth0)", for messages. */
    char *name;
    VsAddr address; /* 0: none. */
    uint8_t length;
    uint32_t mtu; /* 0: not told. */
    bool is_down; /* Told, and not UP. */
} VsGivenAddress;

/* A way that a route leads. */
typedef struct VsGivenHop {
    char *device;
    VsNextHop hop; /* Without its interface. */
} VsGivenHop;

/* A route; of several to one prefix only that of the lowest metric is given. */
typedef struct VsGivenRoute {
    char *where;
    VsRoute route; /* Without its ways. */
    GArray *hops;  /* Of VsGivenHop; NULL: unreachable and blackhole lead nowhere. */
    uint32_t metric;
} VsGivenRoute;

/* GArray of VsGivenAddress. */
GArray *vs_given_addresses_parse(const char *text, size_t length, const char *file,
                                 GError **error);

/* GArray of VsGivenRoute. */
GArray *vs_given_routes_parse(const char *text, size_t length, const char *file,
                              GError **error);
