#include "model/topology.h"

#include "base/units.h"
#include "model/import.h"

#define FIRST_SUBNET 0xac100000 /* 172.16.0.0/12 (RFC 1918). */
#define LAST_SUBNET 0xac1fffff

enum {
    LONGEST_SUBNET = 30,
    SHORTEST_SUBNET = 8,
};

typedef struct Segment {
    VsPrefix subnet;
    const VsElement *element; /* That gave the subnet, or the first link. */
    GPtrArray *ifaces;        /* That have addresses. */
} Segment;

typedef struct Topology {
    VsBuild *build;
    GHashTable *numbers;    /* VsIface to its number + 1. */
    GArray *parents;        /* Union-find over numbers. */
    GPtrArray *segments;    /* Of Segment. */
    GHashTable *segment_of; /* VsIface to Segment. */
    GArray *given;          /* VsPrefix: what the scenario gives, to others too. */
} Topology;

static unsigned
number_of(Topology *topology, const VsIface *iface)
{
    unsigned number = GPOINTER_TO_UINT(g_hash_table_lookup(topology->numbers, iface));

    if (number == 0) {
        number = topology->parents->len;
        g_array_append_val(topology->parents, number);
        g_hash_table_insert(topology->numbers, (gpointer)iface,
                            GUINT_TO_POINTER(number + 1));
        return number;
    }
    return number - 1;
}

static unsigned
root_of(Topology *topology, unsigned number)
{
    unsigned *parents = (unsigned *)(void *)topology->parents->data;

    while (parents[number] != number) {
        parents[number] = parents[parents[number]];
        number = parents[number];
    }
    return number;
}

/* The smaller number stays the root: segments keep the order of the scenario. */
static void
unite(Topology *topology, const VsIface *a, const VsIface *b)
{
    unsigned x = root_of(topology, number_of(topology, a));
    unsigned y = root_of(topology, number_of(topology, b));
    unsigned *parents;

    parents = (unsigned *)(void *)topology->parents->data;
    parents[MAX(x, y)] = MIN(x, y);
}

static void
segment_free(gpointer segment)
{
    g_ptr_array_free(((Segment *)segment)->ifaces, TRUE);
    g_free(segment);
}

static Segment *
segment_get(Topology *topology, GHashTable *by_root, const VsIface *iface,
            const VsElement *element)
{
    unsigned root = root_of(topology, number_of(topology, iface));
    Segment *segment = g_hash_table_lookup(by_root, GUINT_TO_POINTER(root + 1));

    if (!segment) {
        segment = g_new0(Segment, 1);
        segment->element = element;
        segment->ifaces = g_ptr_array_new();
        g_ptr_array_add(topology->segments, segment);
        g_hash_table_insert(by_root, GUINT_TO_POINTER(root + 1), segment);
    }
    g_hash_table_insert(topology->segment_of, (gpointer)iface, segment);
    return segment;
}

static bool
give_subnet(Segment *segment, VsPrefix subnet, const VsElement *element, GError **error)
{
    if (!subnet.is_set) {
        return true;
    }
    if (segment->subnet.is_set && (segment->subnet.address != subnet.address ||
                                   segment->subnet.length != subnet.length)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "subnet differs from the one given in line %d for the same "
                        "segment; give it once",
                        segment->element->line);
        return false;
    }
    segment->subnet = subnet;
    segment->element = element;
    return true;
}

static bool
find_segments(Topology *topology, GError **error)
{
    VsBuild *build = topology->build;
    g_autoptr(GHashTable) by_root = g_hash_table_new(NULL, NULL);

    for (unsigned i = 0; i < build->wires->len; i++) {
        const VsBuiltWire *wire = &g_array_index(build->wires, VsBuiltWire, i);

        unite(topology, wire->from, wire->to);
    }
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsBuiltHost *built = &g_array_index(build->hosts, VsBuiltHost, i);

        for (unsigned j = 1; built->bridge && j < built->bridge->n_ports; j++) {
            unite(topology, built->bridge->ports[0], built->bridge->ports[j]);
        }
    }
    for (unsigned i = 0; i < build->wires->len; i++) {
        const VsBuiltWire *wire = &g_array_index(build->wires, VsBuiltWire, i);
        Segment *segment = segment_get(topology, by_root, wire->from, wire->element);

        if (!wire->from->bridge && wire->member == 0) {
            g_ptr_array_add(segment->ifaces, wire->from);
        }
        if (!give_subnet(segment, wire->subnet, wire->element, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsBuiltHost *built = &g_array_index(build->hosts, VsBuiltHost, i);

        if (built->bridge && built->bridge->n_ports > 0 &&
            !give_subnet(
                g_hash_table_lookup(topology->segment_of, built->bridge->ports[0]),
                built->subnet, built->element, error)) {
            return false;
        }
    }
    return true;
}

/* The first block at or after '*next' that no given subnet overlaps. */
static VsPrefix
next_block(const Topology *topology, uint64_t *next, unsigned length)
{
    uint64_t size = vs_prefix_size(length);
    VsPrefix block = {0, length, true};
    bool is_free;

    do {
        *next = (*next + size - 1) / size * size;
        block.address = (VsAddr)*next;
        *next += size;
        is_free = true;
        for (unsigned i = 0; i < topology->given->len && is_free; i++) {
            is_free =
                !vs_prefix_overlaps(g_array_index(topology->given, VsPrefix, i), block);
        }
    } while (!is_free);
    return block;
}

/* Addresses that machines bring along give the segment its subnet, as subnet= would. */
static bool
take_given(const Topology *topology, Segment *segment, GError **error)
{
    for (unsigned i = 0; i < segment->ifaces->len; i++) {
        const VsGivenAddress *given =
            vs_import_find_address(topology->build, segment->ifaces->pdata[i]);
        uint32_t mask;

        if (!given || given->address == 0) {
            continue;
        }
        mask = vs_prefix_mask(given->length);
        if (!segment->subnet.is_set) {
            segment->subnet = (VsPrefix){given->address & mask, given->length, true};
        }
        if (given->length != segment->subnet.length ||
            (given->address & mask) != segment->subnet.address) {
            g_autofree char *subnet =
                vs_format_ipv4_prefix(segment->subnet.address, segment->subnet.length);

            return vs_import_fail(
                given, error,
                "the address is not of its segment's subnet, %s; give "
                "the link or switch its subnet, or take it out",
                subnet);
        }
    }
    return true;
}

/* The interface of the segment that brings 'address' along, other than 'own'; or NULL. */
static const VsIface *
find_owner(const Topology *topology, const Segment *segment, VsAddr address,
           const VsIface *own)
{
    if (g_hash_table_size(topology->build->given_addresses) == 0) {
        return NULL;
    }
    for (unsigned i = 0; i < segment->ifaces->len; i++) {
        const VsIface *iface = segment->ifaces->pdata[i];
        const VsGivenAddress *given = vs_import_find_address(topology->build, iface);

        if (iface != own && given && given->address == address) {
            return iface;
        }
    }
    return NULL;
}

/* The address that 'given' brings along is a machine's, and no other has it. */
static bool
check_given(const Topology *topology, const Segment *segment, const VsIface *iface,
            const VsGivenAddress *given, GError **error)
{
    VsAddr last =
        segment->subnet.address + (VsAddr)(vs_prefix_size(segment->subnet.length) - 1);
    const VsIface *owner = find_owner(topology, segment, given->address, iface);

    if (given->address == segment->subnet.address || given->address == last) {
        return vs_import_fail(given, error,
                              "the address is that of the subnet, or its broadcast's");
    }
    if (owner) {
        return vs_import_fail(given, error,
                              "%s of \"%s\" has this address, too; give each its own",
                              owner->name, owner->netns->host->name);
    }
    return true;
}

/* Gives 'iface' the address it brings along, or the next at or after *next. */
static bool
assign_iface(const Topology *topology, const Segment *segment, VsIface *iface,
             VsAddr *next, GError **error)
{
    const VsGivenAddress *given = vs_import_find_address(topology->build, iface);

    if (given && given->mtu != 0) {
        iface->mtu = given->mtu;
    }
    if (given && given->address != 0) {
        if (!check_given(topology, segment, iface, given, error)) {
            return false;
        }
        vs_iface_set_address(iface, given->address, given->length);
        return true;
    }
    while (find_owner(topology, segment, *next, iface)) {
        (*next)++;
    }
    vs_iface_set_address(iface, (*next)++, segment->subnet.length);
    return true;
}

static bool
assign_segment(Topology *topology, Segment *segment, GError **error)
{
    VsCluster *cluster = topology->build->cluster;
    VsAddr next = segment->subnet.address + 1;
    VsAddr last = segment->subnet.address;

    if (segment->ifaces->len + 2 > vs_prefix_size(segment->subnet.length)) {
        vs_set_error_at(error, segment->element, VS_SCENARIO_ERROR_VALUE,
                        "subnet /%u is too small for the %u interfaces of its segment",
                        segment->subnet.length, segment->ifaces->len);
        return false;
    }
    for (unsigned i = 0; i < segment->ifaces->len; i++) {
        VsIface *iface = segment->ifaces->pdata[i];

        if (!assign_iface(topology, segment, iface, &next, error)) {
            return false;
        }
        last = MAX(last, iface->address);
    }
    if (cluster->cni->ipam == VS_IPAM_SUBNET) {
        vs_cluster_add_subnet(cluster, segment->subnet, last + 1);
    }
    return true;
}

/* A range of the cluster that a segment must not have addresses of. */
static bool
reserve(Topology *topology, VsPrefix range, const char *name, GError **error)
{
    for (unsigned i = 0; i < topology->segments->len; i++) {
        const Segment *segment = topology->segments->pdata[i];

        if (segment->subnet.is_set && vs_prefix_overlaps(segment->subnet, range)) {
            vs_set_error_at(error, segment->element, VS_SCENARIO_ERROR_CONFLICT,
                            "subnet overlaps the cluster's %s; take another, or give "
                            "<cluster> another %s",
                            name, name);
            return false;
        }
    }
    g_array_append_val(topology->given, range);
    return true;
}

/* Collects the given subnets, of which no two overlap. */
static bool
collect_given(Topology *topology, GError **error)
{
    const VsCluster *cluster = topology->build->cluster;

    for (unsigned i = 0; i < topology->segments->len; i++) {
        const Segment *a = topology->segments->pdata[i];

        if (a->subnet.is_set) {
            g_array_append_val(topology->given, a->subnet);
        }
        for (unsigned j = 0; a->subnet.is_set && j < i; j++) {
            const Segment *b = topology->segments->pdata[j];

            if (b->subnet.is_set && vs_prefix_overlaps(a->subnet, b->subnet)) {
                vs_set_error_at(error, a->element, VS_SCENARIO_ERROR_CONFLICT,
                                "subnet overlaps the one given in line %d for another "
                                "segment",
                                b->element->line);
                return false;
            }
        }
    }
    if (cluster->nodes->len > 0) {
        return (cluster->cni->ipam == VS_IPAM_SUBNET ||
                reserve(topology, cluster->pod_cidr, "pod-cidr", error)) &&
               reserve(topology, cluster->service_cidr, "service-cidr", error);
    }
    return true;
}

static void
topology_init(Topology *topology, VsBuild *build)
{
    topology->build = build;
    topology->numbers = g_hash_table_new(NULL, NULL);
    topology->parents = g_array_new(FALSE, FALSE, sizeof(unsigned));
    topology->segments = g_ptr_array_new_with_free_func(segment_free);
    topology->segment_of = g_hash_table_new(NULL, NULL);
    topology->given = g_array_new(FALSE, FALSE, sizeof(VsPrefix));
}

static void
topology_clear(Topology *topology)
{
    g_hash_table_destroy(topology->numbers);
    g_array_free(topology->parents, TRUE);
    g_ptr_array_free(topology->segments, TRUE);
    g_hash_table_destroy(topology->segment_of);
    g_array_free(topology->given, TRUE);
}

static bool
assign_all(Topology *topology, GError **error)
{
    uint64_t next = FIRST_SUBNET;

    if (!find_segments(topology, error)) {
        return false;
    }
    for (unsigned i = 0; i < topology->segments->len; i++) {
        if (!take_given(topology, topology->segments->pdata[i], error)) {
            return false;
        }
    }
    if (!collect_given(topology, error)) {
        return false;
    }
    for (unsigned i = 0; i < topology->segments->len; i++) {
        Segment *segment = topology->segments->pdata[i];
        unsigned length = LONGEST_SUBNET;

        while (length > SHORTEST_SUBNET &&
               vs_prefix_size(length) < segment->ifaces->len + 2) {
            length--;
        }
        if (!segment->subnet.is_set) {
            segment->subnet = next_block(topology, &next, length);
        }
        if (next > (uint64_t)LAST_SUBNET + 1) {
            vs_set_error_at(error, segment->element, VS_SCENARIO_ERROR_CONFLICT,
                            "172.16.0.0/12 has no block left for this link; give links "
                            "or switches a subnet");
            return false;
        }
        if (!assign_segment(topology, segment, error)) {
            return false;
        }
    }
    return true;
}

bool
vs_topology_assign_addresses(VsBuild *build, GError **error)
{
    Topology topology;
    bool is_done;

    topology_init(&topology, build);
    is_done = assign_all(&topology, error);
    topology_clear(&topology);
    return is_done;
}
