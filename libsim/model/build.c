#include "model/build.h"

#include "base/units.h"

#define FIRST_VIP 0xcb00710a /* 203.0.113.10, of TEST-NET-3 (RFC 5737). */

static void
clear_qdisc(gpointer built)
{
    g_free(((VsBuiltQdisc *)built)->name);
}

void
vs_build_init(VsBuild *build, VsRun *run, unsigned n_elements)
{
    build->run = run;
    build->cluster = vs_cluster_new();
    build->instances = g_new0(void *, MAX(n_elements, 1));
    build->hosts = g_array_new(FALSE, TRUE, sizeof(VsBuiltHost));
    build->host_of = g_hash_table_new(NULL, NULL);
    build->wires = g_array_new(FALSE, TRUE, sizeof(VsBuiltWire));
    build->bonds = g_ptr_array_new_with_free_func((GDestroyNotify)vs_bond_free);
    build->qdiscs = g_array_new(FALSE, FALSE, sizeof(VsBuiltQdisc));
    g_array_set_clear_func(build->qdiscs, clear_qdisc);
    build->qdisc_of = g_hash_table_new(NULL, NULL);
    build->addresses = g_array_new(FALSE, TRUE, sizeof(VsBuiltAddress));
    build->captures = g_array_new(FALSE, FALSE, sizeof(VsBuiltCapture));
    build->captured = g_ptr_array_new();
    build->given_addresses =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
    build->next_vip = FIRST_VIP;
}

void
vs_build_clear_hosts(VsBuild *build)
{
    for (unsigned i = 0; i < build->wires->len; i++) {
        VsBuiltWire *built = &g_array_index(build->wires, VsBuiltWire, i);

        vs_wire_clear(built->wire);
        g_free(built->wire);
    }
    for (unsigned i = 0; i < build->hosts->len; i++) {
        vs_host_free(g_array_index(build->hosts, VsBuiltHost, i).host);
    }
    g_ptr_array_set_size(build->bonds, 0);
    g_array_set_size(build->wires, 0);
    g_array_set_size(build->hosts, 0);
}

void
vs_build_clear(VsBuild *build)
{
    g_array_free(build->wires, TRUE);
    g_ptr_array_free(build->bonds, TRUE);
    g_array_free(build->hosts, TRUE);
    g_array_free(build->qdiscs, TRUE);
    g_hash_table_destroy(build->qdisc_of);
    g_array_free(build->addresses, TRUE);
    g_array_free(build->captures, TRUE);
    g_ptr_array_free(build->captured, TRUE);
    g_hash_table_destroy(build->host_of);
    g_hash_table_destroy(build->given_addresses);
    vs_cluster_free(build->cluster);
    g_free(build->instances);
}

void
vs_build_add_host(VsBuild *build, const VsBuiltHost *host)
{
    g_array_append_val(build->hosts, *host);
    g_hash_table_insert(build->host_of, (gpointer)host->element,
                        GUINT_TO_POINTER(build->hosts->len));
}

VsBuiltHost *
vs_build_find_host(const VsBuild *build, const VsElement *element)
{
    unsigned place = GPOINTER_TO_UINT(g_hash_table_lookup(build->host_of, element));

    return place > 0 ? &g_array_index(build->hosts, VsBuiltHost, place - 1) : NULL;
}

bool
vs_build_open_port(VsPod *pod, uint8_t protocol, uint16_t port,
                   const VsElement *element, GError **error)
{
    const VsPodPort *taken =
        vs_pod_open_port(pod, protocol, port, element->id, element);

    if (taken) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "containers \"%s\" (line %d) and \"%s\" of pod \"%s\" both want "
            "port %u%s: a pod has one address for all its containers; give one "
            "of them another port",
            taken->container, taken->element->line, element->id, pod->name, port,
            protocol == VS_PROTOCOL_UDP ? "/udp" : "");
        return false;
    }
    return true;
}

bool
vs_build_check_tcp(const VsService *service, const VsElement *element, GError **error)
{
    if (!service) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "<%s> needs a service with a cluster IP, and this one is only a "
            "name; leave out cluster-ip=\"none\" or "
            "type=\"ExternalName\" there",
            element->model->element);
        return false;
    }
    if (service->protocol != VS_PROTOCOL_TCP) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "port %u of service \"%s\" is UDP's, and <%s> sends TCP; name a "
            "service whose own port is TCP's",
            service->port, service->name, element->model->element);
        return false;
    }
    return true;
}

void *
vs_build_instance(const VsBuild *build, const VsElement *element)
{
    return build->instances[element->index];
}

static bool
is_vip(const VsBuild *build, VsAddr address)
{
    for (unsigned i = 0; i < build->addresses->len; i++) {
        if (g_array_index(build->addresses, VsBuiltAddress, i).address == address) {
            return true;
        }
    }
    return false;
}

VsAddr
vs_build_add_vip(VsBuild *build, VsHost *host, VsAddr address)
{
    VsBuiltAddress vip = {address, host};

    if (address == 0) {
        while (is_vip(build, build->next_vip)) {
            build->next_vip++;
        }
        vip.address = build->next_vip++;
    } else if (is_vip(build, address)) {
        return 0;
    }
    g_array_append_val(build->addresses, vip);
    vs_netns_add_local(host->root, vip.address);
    return vip.address;
}

VsAddr
vs_build_address_of(const VsBuild *build, const VsElement *element)
{
    const VsBuiltHost *built = vs_build_find_host(build, element);

    if (!built) {
        return 0;
    }
    for (unsigned i = 0; i < build->addresses->len; i++) {
        const VsBuiltAddress *vip = &g_array_index(build->addresses, VsBuiltAddress, i);

        if (vip->host == built->host) {
            return vip->address;
        }
    }
    return vs_host_address(built->host);
}

static VsIface *
attach(VsBuiltHost *built)
{
    VsNetns *root = built->host->root;
    g_autofree char *name = g_strdup_printf("eth%u", built->n_ifaces++);
    VsIface *iface = vs_iface_new(root, VS_IFACE_ETHERNET, name);

    if (built->bridge) {
        vs_bridge_add_port(built->bridge, iface, false);
    }
    return iface;
}

/* One direction: 'from' sends by all the wires of it. */
static void
lay_wires(VsBuild *build, const VsBuiltWire *direction, const VsBuiltHost *from_host,
          const VsBuiltHost *to_host, const VsWireConfig *config,
          const VsBondConfig *bond)
{
    unsigned n_wires = bond ? bond->n_members : 1;
    VsWire *wires[VS_BOND_MAX_MEMBERS] = {NULL};
    VsWireConfig directed = *config;

    directed.far_latency = to_host->latency;
    directed.is_to_forwarder =
        to_host->role == VS_HOST_SWITCH || to_host->role == VS_HOST_ROUTER;
    for (unsigned i = 0; i < n_wires; i++) {
        g_autofree char *number = bond ? g_strdup_printf(" %u", i) : g_strdup("");
        g_autofree char *name = g_strdup_printf("%s > %s%s", from_host->host->name,
                                                to_host->host->name, number);
        VsBuiltWire built = *direction;

        built.member = i;
        built.wire = wires[i] = g_new0(VsWire, 1);
        vs_wire_init(built.wire, name, &directed, &to_host->host->part,
                     &built.to->card);
        g_array_append_val(build->wires, built);
    }
    direction->from->wire = wires[0];
    if (bond) {
        direction->from->bond = vs_bond_new(build->run, bond, wires);
        g_ptr_array_add(build->bonds, direction->from->bond);
    }
}

void
vs_build_join(VsBuild *build, const VsElement *element, const VsElement *a,
              const VsElement *b, const VsBuildLine *line)
{
    VsBuiltHost *host_a = vs_build_find_host(build, a);
    VsBuiltHost *host_b = vs_build_find_host(build, b);
    VsIface *iface_a = attach(host_a);
    VsIface *iface_b = attach(host_b);
    VsBuiltWire there = {
        .element = element, .from = iface_a, .to = iface_b, .subnet = line->subnet};
    VsBuiltWire back = {
        .element = element, .from = iface_b, .to = iface_a, .subnet = line->subnet};

    iface_a->mtu = line->mtu;
    iface_b->mtu = line->mtu;
    lay_wires(build, &there, host_a, host_b, &line->wire, line->bond);
    lay_wires(build, &back, host_b, host_a, &line->wire, line->bond);
}
