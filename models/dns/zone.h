/* The names of a cluster, as CoreDNS' plugin kubernetes knows them (Kubernetes DNS-Based Service
 * Discovery 1.1.0): cluster IPs of services, SVC.NAMESPACE.svc.cluster.local, and addresses of
 * pods, A-B-C-D.NAMESPACE.pod.cluster.local ("pods insecure": whether there is such a pod or
 * not). */
#pragma once

#include "vethsim-model.h"

typedef enum DnsZoneKind {
    DNS_ZONE_OUTSIDE, /* No name of the cluster. */
    DNS_ZONE_UNKNOWN, /* One that does not exist. */
    DNS_ZONE_EMPTY, /* One that exists, without an address: default.svc.cluster.local. */
    DNS_ZONE_ADDRESS,
} DnsZoneKind;

typedef struct DnsZoneEntry {
    DnsZoneKind kind;
    VsAddr address;
} DnsZoneEntry;

/* What the cluster says of 'name', which is folded. */
DnsZoneEntry dns_zone_find(const VsCluster *cluster, const char *name);

/* What a pod asked for that completed it with the first domain of its search list: a copy,
 * "api.partner.com" of "api.partner.com.default.svc.cluster.local"; NULL: it is no such
 * name.  (Plugin autopath; pods are of namespace default.) */
char *dns_zone_strip_search(const char *name);

/* The domains of a pod's search list; NULL ends it. */
extern const char *const dns_zone_search[];
