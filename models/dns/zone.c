#include "models/dns/zone.h"

#include <string.h>

#define SERVICES "svc." VS_CLUSTER_DOMAIN
#define PODS "pod." VS_CLUSTER_DOMAIN

const char *const dns_zone_search[] = {"default." SERVICES, SERVICES, VS_CLUSTER_DOMAIN,
                                       NULL};

/* What is before ".domain" in 'name', newly allocated; "" for the domain itself; NULL: 'name'
 * is not in it. */
static char *
strip_domain(const char *name, const char *domain)
{
    size_t length = strlen(name);
    size_t domain_length = strlen(domain);

    if (strcmp(name, domain) == 0) {
        return g_strdup("");
    }
    if (length <= domain_length || name[length - domain_length - 1] != '.' ||
        strcmp(name + length - domain_length, domain) != 0) {
        return NULL;
    }
    return g_strndup(name, length - domain_length - 1);
}

static bool
has_namespace(const VsCluster *cluster, const char *name_space)
{
    bool is_found = strcmp(name_space, "default") == 0;

    for (unsigned i = 0; !is_found && i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];

        is_found = strcmp(service->name_space, name_space) == 0;
    }
    return is_found;
}

static DnsZoneEntry
find_service(const VsCluster *cluster, const char *name, const char *name_space)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];

        if (strcmp(service->name, name) == 0 &&
            strcmp(service->name_space, name_space) == 0) {
            return (DnsZoneEntry){DNS_ZONE_ADDRESS, service->cluster_ip};
        }
    }
    return (DnsZoneEntry){.kind = DNS_ZONE_UNKNOWN};
}

static DnsZoneEntry
find_pod(const VsCluster *cluster, const char *name, const char *name_space)
{
    g_autofree char *dotted = g_strdelimit(g_strdup(name), "-", '.');
    DnsZoneEntry entry = {.kind = DNS_ZONE_UNKNOWN};

    if (has_namespace(cluster, name_space) &&
        vs_parse_ipv4(dotted, &entry.address, NULL)) {
        entry.kind = DNS_ZONE_ADDRESS;
    }
    return entry;
}

/* 'name' is "", "namespace", or "name.namespace". */
static DnsZoneEntry
find_in(const VsCluster *cluster, const char *name, bool is_service)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    unsigned n_labels = g_strv_length(labels);
    DnsZoneEntry entry = {.kind = DNS_ZONE_UNKNOWN};

    if (n_labels == 0 || (n_labels == 1 && has_namespace(cluster, labels[0]))) {
        entry.kind = DNS_ZONE_EMPTY;
    } else if (n_labels == 2) {
        entry = is_service ? find_service(cluster, labels[0], labels[1])
                           : find_pod(cluster, labels[0], labels[1]);
    }
    return entry;
}

DnsZoneEntry
dns_zone_find(const VsCluster *cluster, const char *name)
{
    g_autofree char *in_cluster = strip_domain(name, VS_CLUSTER_DOMAIN);
    g_autofree char *service = strip_domain(name, SERVICES);
    g_autofree char *pod = strip_domain(name, PODS);
    DnsZoneEntry entry = {.kind = DNS_ZONE_OUTSIDE};

    if (service) {
        return find_in(cluster, service, true);
    }
    if (pod) {
        return find_in(cluster, pod, false);
    }
    if (in_cluster) {
        entry.kind = *in_cluster ? DNS_ZONE_UNKNOWN : DNS_ZONE_EMPTY;
    }
    return entry;
}

char *
dns_zone_strip_search(const char *name)
{
    char *host = strip_domain(name, dns_zone_search[0]);

    if (host && *host == '\0') {
        g_free(host);
        host = NULL;
    }
    return host;
}
