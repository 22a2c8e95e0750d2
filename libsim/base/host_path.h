/* HTTP routing by host, then path, as Kubernetes' Ingress orders it (networking.k8s.io/v1,
 * IngressRule and HTTPIngressPath).
 *
 * Of the hosts, an exact one goes before a wildcard, "*.example.com", which stands for just
 * one label, and that before rules without a host; only the paths of the best host count,
 * as each host is a server of its own.  Of its paths the longest that matches wins, an Exact
 * one before a Prefix of the same length.  Prefixes match element by element: "/foo" holds
 * "/foo", "/foo/" and "/foo/bar", not "/foobar"; a slash at its end does not count.  A query
 * ("?...") is no part of a path.  Hosts are compared without case, as names that DNS has
 * (of other characters some count as equal), paths with it.
 *
 * A host and a path are each resolved to a number once, which is all that a match needs:
 * one probe of a packed table for each length at which the host has paths and this path
 * elements, whatever the number of hosts and rules.  Texts are known by 128 bits of hash,
 * taken eight letters at a time, a path's for the end of each element in the one pass: two
 * rules' texts differ in them but by an accident that does not happen; it is no defence
 * against an enemy who picks names. */
#ifndef VS_BASE_HOST_PATH_H
#define VS_BASE_HOST_PATH_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow_table.h"

#define VS_HOST_PATH_NONE UINT32_MAX

typedef struct VsHostPath {
    VsFlowTable hosts; /* Hash of a pattern to its number. */
    VsTable paths;     /* Hash of a path, exact or up to the end of an element, to its
                    * number: but for "/", which is 0. */
    VsFlowTable rules; /* (host, path) to the value. */
    /* Of uint64_t: bit d, paths of d elements; 62, of more; 63, exact. */
    GArray *host_depths;
    GArray *path_nodes; /* Of VsHostPathNode. */
    uint32_t any_host;  /* The number of rules without a host, or NONE. */
    uint64_t
        prefix_lengths; /* Bit n % 64: a rule's path, or a start of it, has n letters. */
    unsigned depth_max; /* The most elements of a path. */
    bool has_exact, has_wildcard;
} VsHostPath;

/* A path of a rule or the start of one. */
typedef struct VsHostPathNode {
    uint32_t parent; /* Without the last element, or without exactness; NONE: "/". */
    uint32_t bit;    /* Of the hosts' depths. */
} VsHostPathNode;

void vs_host_path_init(VsHostPath *table);
void vs_host_path_clear(VsHostPath *table);

/* Adds a rule: 'host' is a name, "*." and a name, or NULL for any; 'path' starts with "/";
 * 'value' is not VS_HOST_PATH_NONE.  False, and nothing changed, when there is a rule for
 * the same.  Numbers resolved before are no longer good. */
bool vs_host_path_add(VsHostPath *table, const char *host, const char *path,
                      bool is_exact, uint32_t value);

/* The numbers of the host and path, which starts with "/", of a request.  O(length), no
 * allocation. */
uint32_t vs_host_path_resolve_host(const VsHostPath *table, const char *host);
uint32_t vs_host_path_resolve_path(const VsHostPath *table, const char *path);

/* The value of the best rule for a resolved host and path, or VS_HOST_PATH_NONE. */
uint32_t vs_host_path_find(const VsHostPath *table, uint32_t host, uint32_t path);

/* The same for 'n' pairs: all are hashed and fetched before any is looked at. */
void vs_host_path_find_bulk(const VsHostPath *table, const uint32_t *hosts,
                            const uint32_t *paths, size_t n, uint32_t *ret_values);

/* The same for 'n' requests by their texts: resolved and found, a stage at a time. */
void vs_host_path_match_bulk(const VsHostPath *table, const char *const *hosts,
                             const char *const *paths, size_t n, uint32_t *ret_values);

#endif
