#include "models/kubeproxy/stale.h"

static bool
is_address_of(const VsService *service, VsAddr address)
{
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        if (service->external_ips[i] == address) {
            return true;
        }
    }
    return address == service->cluster_ip ||
           (address == service->load_balancer_ip && address != 0);
}

static bool
goes_to(const VsFlow *original, const VsService *service)
{
    return (original->dport == service->port &&
            is_address_of(service, original->daddr)) ||
           (service->node_port != 0 && original->dport == service->node_port);
}

/* An endpoint serves, but none of them at 'address'. */
static bool
has_moved(const VsService *service, VsAddr address, VsTime as_of)
{
    bool has_serving = false;

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        VsEndpoint at = vs_endpoint_at(service, &service->all_endpoints[i], as_of);

        if (at.is_serving && at.address == address) {
            return false;
        }
        has_serving |= at.is_serving;
    }
    return has_serving;
}

static bool
is_stale(const VsNode *node, const VsConntrackEntry *entry)
{
    const GPtrArray *services = node->cluster->services;

    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        if (service->protocol == VS_PROTOCOL_UDP &&
            goes_to(&entry->tuple[VS_CT_ORIGINAL], service) &&
            has_moved(service, entry->tuple[VS_CT_REPLY].saddr,
                      node->endpoints_as_of)) {
            return true;
        }
    }
    return false;
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
    const VsConntrackEntry *x = *(VsConntrackEntry *const *)a;
    const VsConntrackEntry *y = *(VsConntrackEntry *const *)b;

    return (x->number > y->number) - (x->number < y->number);
}

/* Without those twice that are in the table by both tuples. */
static GPtrArray *
find_stale(const VsNode *node)
{
    const VsTable *tuples = &node->host->root->conntrack->tuples;
    GPtrArray *stale = g_ptr_array_new();
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(tuples, &cursor, &key, &value)) {
        bool is_reply = (uintptr_t)value & 1;
        VsConntrackEntry *entry = (void *)((uintptr_t)value & ~(uintptr_t)1);

        if (is_reply && entry->tuple[VS_CT_ORIGINAL].protocol == VS_PROTOCOL_UDP &&
            is_stale(node, entry)) {
            g_ptr_array_add(stale, entry);
        }
    }
    g_ptr_array_sort(stale, compare_entries);
    return stale;
}

unsigned
proxy_delete_stale(const VsNode *node)
{
    GPtrArray *stale = find_stale(node);
    unsigned n_stale = stale->len;

    for (unsigned i = 0; i < n_stale; i++) {
        vs_conntrack_delete(stale->pdata[i]);
    }
    g_ptr_array_free(stale, TRUE);
    return n_stale;
}
