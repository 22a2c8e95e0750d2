/* The names of a cluster, as CoreDNS' plugin kubernetes knows them (Kubernetes DNS-Based Service
 * Discovery 1.1.0), under svc.cluster.local:
 *
 *     SVC.NAMESPACE            the cluster IP; the ready endpoints of a headless service; the
 *                              other name of one of type ExternalName
 *     ENDPOINT.SVC.NAMESPACE   one endpoint: its hostname, or a-b-c-d of its address
 *     _PORT._PROTO.SVC.NAMESPACE   SRV of a named port; addresses as above
 *
 * and addresses of pods, A-B-C-D.NAMESPACE.pod.cluster.local ("pods insecure": whether there is
 * such a pod or not).  A headless service without a ready endpoint does not exist, as in
 * CoreDNS. */
#pragma once

#include "vethsim-model.h"

typedef enum DnsZoneKind {
    DNS_ZONE_OUTSIDE, /* No name of the cluster. */
    DNS_ZONE_UNKNOWN, /* One that does not exist. */
    DNS_ZONE_EMPTY, /* One that exists, without such a record: default.svc.cluster.local. */
    DNS_ZONE_RECORDS,
    DNS_ZONE_ALIAS, /* Another name of 'target'. */
} DnsZoneKind;

typedef struct DnsZoneEntry {
    DnsZoneKind kind;
    VsDnsRecords
        *records;  /* The run's; those of a denial are its start of authority.  NULL:
                            * OUTSIDE, ALIAS. */
    VsName target; /* ALIAS. */
    VsTime until;  /* Endpoints as they are from then on may have another answer. */
} DnsZoneEntry;

/* What the cluster says of 'name', which is folded, when asked for 'type' and as endpoints are
 * at 'as_of'. */
DnsZoneEntry dns_zone_find(const VsCluster *cluster, VsRun *run, VsName name,
                           VsDnsType type, VsTime as_of);

/* Whether 'name', which is folded, is in the cluster's domain. */
bool dns_zone_holds(const char *name);

/* What a pod asked for that completed it with the first domain of its search list: a copy,
 * "api.partner.com" of "api.partner.com.default.svc.cluster.local"; NULL: it is no such
 * name.  (Plugin autopath; pods are of namespace default.) */
char *dns_zone_strip_search(const char *name);

/* The domains of a pod's search list; NULL ends it. */
extern const char *const dns_zone_search[];
