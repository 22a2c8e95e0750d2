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

/* What is asked, and of whom. */
typedef struct Question {
    const VsCluster *cluster;
    VsRun *run;
    VsName name;
    VsDnsType type;
    VsTime as_of;
    const char *service;
    const char *name_space;
    const char *endpoint; /* Or NULL. */
    const char *port;     /* The same: without "_". */
    const char *protocol;
    VsDnsRecords *records; /* Being made. */
} Question;

static VsNames *
names_of(const Question *question)
{
    return &question->run->packets->names;
}

/* Records. -------------------------------------------------------------------------- */

/* Closes the set; one without an answer says whose denial it is. */
static DnsZoneEntry
finish(Question *question, DnsZoneKind kind, VsTime until)
{
    VsDnsRecords *records = question->records;

    if (records->n_records == 0) {
        vs_dns_records_add_authority(
            records, vs_names_intern(names_of(question), VS_CLUSTER_DOMAIN),
            names_of(question));
    }
    vs_dns_records_close(records, names_of(question));
    g_ptr_array_add(question->run->packets->dns_records, records);
    return (DnsZoneEntry){.kind = kind, .records = records, .until = until};
}

static void
add_address(Question *question, VsDnsSection section, VsName owner, VsAddr address)
{
    VsDnsRecord record = {.owner = owner, .type = VS_DNS_RECORD_A, .address = address};

    vs_dns_records_add(question->records, section, &record);
}

static VsName
name_under(const Question *question, const char *label)
{
    g_autofree char *text =
        g_strdup_printf("%s%s%s.%s." SERVICES, label ? label : "", label ? "." : "",
                        question->service, question->name_space);

    return vs_names_intern(names_of(question), text);
}

/* Weights of targets add up to about 100, as CoreDNS has them. */
static void
add_server(Question *question, VsName target, uint16_t port, unsigned n_targets)
{
    VsDnsRecord record = {.owner = question->name,
                          .type = VS_DNS_RECORD_SRV,
                          .target = target,
                          .weight = (uint16_t)MAX(100 / n_targets, 1),
                          .port = port};

    vs_dns_records_add(question->records, VS_DNS_ANSWER, &record);
}

/* Services. ------------------------------------------------------------------------- */

/* The hostname if it is one of this service's names; else of the address. */
static char *
endpoint_label(const VsService *service, const VsEndpoint *endpoint)
{
    const VsPod *pod = endpoint->pod;

    if (pod->subdomain && strcmp(pod->subdomain, service->name) == 0) {
        return g_ascii_strdown(pod->hostname, -1);
    }
    return g_strdelimit(vs_format_ipv4(endpoint->address), ".", '-');
}

static bool
is_asked_for(const Question *question, const VsService *service)
{
    const char *protocol = service->protocol == VS_PROTOCOL_UDP ? "udp" : "tcp";

    return strcmp(service->name, question->service) == 0 &&
           strcmp(service->name_space, question->name_space) == 0 &&
           (!question->port || (strcmp(service->port_name, question->port) == 0 &&
                                strcmp(protocol, question->protocol) == 0));
}

/* The services that the question is about, one for each port. */
static GPtrArray *
find_services(const Question *question)
{
    const GPtrArray *lists[] = {question->cluster->services,
                                question->cluster->dns_services};
    GPtrArray *found = g_ptr_array_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (unsigned j = 0; j < lists[i]->len; j++) {
            if (is_asked_for(question, lists[i]->pdata[j])) {
                g_ptr_array_add(found, lists[i]->pdata[j]);
            }
        }
    }
    return found;
}

/* The endpoints that the question is about: all ready ones or the one that it names. */
static GArray *
find_endpoints(const Question *question, const VsService *service)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(VsEndpoint));

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        VsEndpoint endpoint =
            vs_endpoint_at(service, &service->all_endpoints[i], question->as_of);
        g_autofree char *label = endpoint_label(service, &endpoint);

        if (endpoint.is_ready &&
            (!question->endpoint || strcmp(question->endpoint, label) == 0)) {
            g_array_append_val(found, endpoint);
        }
    }
    return found;
}

static void
add_servers(Question *question, const GPtrArray *services, const GArray *endpoints)
{
    const VsService *first = services->pdata[0];
    unsigned n_targets = services->len * endpoints->len;

    for (unsigned i = 0; i < endpoints->len; i++) {
        g_autofree char *label =
            endpoint_label(first, &g_array_index(endpoints, VsEndpoint, i));
        VsName target = name_under(question, label);

        for (unsigned j = 0; j < services->len; j++) {
            const VsService *port = services->pdata[j];

            add_server(question, target, port->target_port, n_targets);
        }
    }
    for (unsigned i = 0; i < endpoints->len; i++) {
        const VsEndpoint *endpoint = &g_array_index(endpoints, VsEndpoint, i);
        g_autofree char *label = endpoint_label(first, endpoint);

        add_address(question, VS_DNS_ADDITIONAL, name_under(question, label),
                    endpoint->address);
    }
}

static DnsZoneEntry
answer_endpoints(Question *question, const GPtrArray *services)
{
    const VsService *first = services->pdata[0];
    g_autoptr(GArray) endpoints = find_endpoints(question, first);

    if (question->type == VS_DNS_SRV && endpoints->len > 0) {
        add_servers(question, services, endpoints);
    }
    for (unsigned i = 0; question->type == VS_DNS_A && i < endpoints->len; i++) {
        add_address(question, VS_DNS_ANSWER, question->name,
                    g_array_index(endpoints, VsEndpoint, i).address);
    }
    return finish(question,
                  endpoints->len == 0             ? DNS_ZONE_UNKNOWN
                  : question->type == VS_DNS_AAAA ? DNS_ZONE_EMPTY
                                                  : DNS_ZONE_RECORDS,
                  vs_service_next_change(first, question->as_of));
}

static DnsZoneEntry
answer_cluster_ip(Question *question, const GPtrArray *services)
{
    const VsService *first = services->pdata[0];
    VsName target = name_under(question, NULL);

    if (question->type == VS_DNS_AAAA) {
        return finish(question, DNS_ZONE_EMPTY, VS_TIME_NEVER);
    }
    if (question->type == VS_DNS_A) {
        add_address(question, VS_DNS_ANSWER, question->name, first->cluster_ip);
        return finish(question, DNS_ZONE_RECORDS, VS_TIME_NEVER);
    }
    for (unsigned i = 0; i < services->len; i++) {
        const VsService *port = services->pdata[i];

        add_server(question, target, port->port, services->len);
    }
    add_address(question, VS_DNS_ADDITIONAL, target, first->cluster_ip);
    return finish(question, DNS_ZONE_RECORDS, VS_TIME_NEVER);
}

static DnsZoneEntry
answer_service(Question *question)
{
    g_autoptr(GPtrArray) services = find_services(question);
    const VsService *first = services->len > 0 ? services->pdata[0] : NULL;

    if (!first || (first->external_name && (question->endpoint || question->port))) {
        return finish(question, DNS_ZONE_UNKNOWN, VS_TIME_NEVER);
    }
    if (first->external_name) {
        g_autofree char *target = g_ascii_strdown(first->external_name, -1);

        target[vs_dns_name_length(target)] = '\0';
        vs_dns_records_free(question->records);
        return (DnsZoneEntry){.kind = DNS_ZONE_ALIAS,
                              .target = vs_names_intern(names_of(question), target),
                              .until = VS_TIME_NEVER};
    }
    return first->is_headless || question->endpoint
               ? answer_endpoints(question, services)
               : answer_cluster_ip(question, services);
}

/* The rest of the zone. ------------------------------------------------------------- */

static bool
has_namespace_in(const GPtrArray *services, const char *name_space)
{
    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        if (strcmp(service->name_space, name_space) == 0) {
            return true;
        }
    }
    return false;
}

static bool
has_namespace(const VsCluster *cluster, const char *name_space)
{
    return strcmp(name_space, "default") == 0 ||
           has_namespace_in(cluster->services, name_space) ||
           has_namespace_in(cluster->dns_services, name_space);
}

static DnsZoneEntry
answer_pod(Question *question, const char *label, const char *name_space)
{
    g_autofree char *dotted = g_strdelimit(g_strdup(label), "-", '.');
    DnsZoneKind kind = DNS_ZONE_UNKNOWN;
    VsAddr address;

    if (has_namespace(question->cluster, name_space) &&
        vs_parse_ipv4(dotted, &address, NULL)) {
        kind = question->type == VS_DNS_A ? DNS_ZONE_RECORDS : DNS_ZONE_EMPTY;
        if (kind == DNS_ZONE_RECORDS) {
            add_address(question, VS_DNS_ANSWER, question->name, address);
        }
    }
    return finish(question, kind, VS_TIME_NEVER);
}

/* 'name' is what is before svc.cluster.local. */
static DnsZoneEntry
answer_in_services(Question *question, const char *name)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    unsigned n_labels = g_strv_length(labels);

    if (n_labels == 0 ||
        (n_labels == 1 && has_namespace(question->cluster, labels[0]))) {
        return finish(question, DNS_ZONE_EMPTY, VS_TIME_NEVER);
    }
    if (n_labels == 1 || n_labels > 4 ||
        (n_labels == 4 && (labels[0][0] != '_' || labels[1][0] != '_'))) {
        return finish(question, DNS_ZONE_UNKNOWN, VS_TIME_NEVER);
    }
    question->service = labels[n_labels - 2];
    question->name_space = labels[n_labels - 1];
    question->endpoint = n_labels == 3 ? labels[0] : NULL;
    question->port = n_labels == 4 ? labels[0] + 1 : NULL;
    question->protocol = n_labels == 4 ? labels[1] + 1 : NULL;
    return answer_service(question);
}

/* The same of pod.cluster.local. */
static DnsZoneEntry
answer_in_pods(Question *question, const char *name)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    unsigned n_labels = g_strv_length(labels);

    if (n_labels == 2) {
        return answer_pod(question, labels[0], labels[1]);
    }
    return finish(question,
                  n_labels == 0 ||
                          (n_labels == 1 && has_namespace(question->cluster, labels[0]))
                      ? DNS_ZONE_EMPTY
                      : DNS_ZONE_UNKNOWN,
                  VS_TIME_NEVER);
}

DnsZoneEntry
dns_zone_find(const VsCluster *cluster, VsRun *run, VsName name, VsDnsType type,
              VsTime as_of)
{
    const char *text = vs_names_get(&run->packets->names, name);
    g_autofree char *in_cluster = strip_domain(text, VS_CLUSTER_DOMAIN);
    g_autofree char *service = strip_domain(text, SERVICES);
    g_autofree char *pod = strip_domain(text, PODS);
    Question question = {
        .cluster = cluster, .run = run, .name = name, .type = type, .as_of = as_of};

    if (!in_cluster) {
        return (DnsZoneEntry){.kind = DNS_ZONE_OUTSIDE, .until = VS_TIME_NEVER};
    }
    question.records = vs_dns_records_new(name);
    if (service) {
        return answer_in_services(&question, service);
    }
    if (pod) {
        return answer_in_pods(&question, pod);
    }
    return finish(&question, *in_cluster ? DNS_ZONE_UNKNOWN : DNS_ZONE_EMPTY,
                  VS_TIME_NEVER);
}

bool
dns_zone_holds(const char *name)
{
    g_autofree char *in_cluster = strip_domain(name, VS_CLUSTER_DOMAIN);

    return in_cluster != NULL;
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
