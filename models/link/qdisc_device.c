/* <qdisc dev="..."> of hosts and pods: before interfaces with and without a wire. */
#include "models/link/qdisc.h"

#define PEER "peer"

/* Nobody sends by the interface, or its packets cannot wait. */
static const char *
find_obstacle(const VsIface *iface)
{
    switch (iface->kind) {
    case VS_IFACE_ETHERNET:
        return iface->wire ? NULL : "has no link";
    case VS_IFACE_BRIDGE:
        return iface->address != 0 ? NULL : "sends nothing of its own: name its ports";
    case VS_IFACE_LOOPBACK:
        return "has no queue here: its packets never wait";
    case VS_IFACE_DUMMY:
        return "leads nowhere";
    case VS_IFACE_VETH:
    case VS_IFACE_TUNNEL:
        break;
    }
    return NULL;
}

static bool
is_meant(const VsElement *element, const VsIface *iface, bool is_peer)
{
    const LinkQdisc *config = element->config;

    return is_peer ? g_str_equal(config->dev, PEER)
                   : g_pattern_match_simple(config->dev, iface->name);
}

/* The one before 'element' that acts on the same interface, or NULL. */
static const VsElement *
find_before(const VsElement *element, const VsIface *iface, bool is_peer)
{
    const VsElement *host = element->parent;
    const VsElement *before = NULL;

    for (unsigned i = 0; host->children[i] != element; i++) {
        const VsElement *other = host->children[i];

        if (link_element_is(other, "qdisc") && is_meant(other, iface, is_peer)) {
            before = other;
        }
    }
    return before;
}

/* With a <qdisc> in every direction from the beginning on, a link has no queue that could be
 * long or mark. */
static bool
check_link(const VsBuild *build, const VsElement *link, GError **error)
{
    for (unsigned i = 0; i < build->wires->len; i++) {
        const VsBuiltWire *built = &g_array_index(build->wires, VsBuiltWire, i);
        const VsElement *first = vs_build_find_qdisc(build, built->from);

        if (built->element == link &&
            (!first || ((const LinkQdisc *)first->config)->acting.at > 0)) {
            return true;
        }
    }
    return link_check_queue(link, error);
}

static bool
add_to_card(VsBuild *build, const VsElement *element, const VsElement *before,
            const VsIface *iface, GError **error)
{
    VsTime at = ((const LinkQdisc *)element->config)->acting.at;
    uint32_t frame_bytes = iface->mtu + VS_ETHER_HEADER_BYTES;

    for (unsigned i = 0; i < build->wires->len; i++) {
        const VsBuiltWire *built = &g_array_index(build->wires, VsBuiltWire, i);

        if (built->from == iface) {
            link_qdisc_add(build, link_get_egress(built, at), frame_bytes, before,
                           element);
            if (!link_check_marks(built->element, element, error) ||
                !check_link(build, built->element, error)) {
                return false;
            }
        }
    }
    return true;
}

static bool
add_to(VsBuild *build, const VsElement *element, VsIface *iface, bool is_peer,
       GError **error)
{
    const LinkQdisc *config = element->config;
    const VsElement *before = find_before(element, iface, is_peer);
    uint32_t frame_bytes = iface->mtu + VS_ETHER_HEADER_BYTES;

    if (!vs_build_claim_qdisc(build, element, iface, error) ||
        !link_check_bursts(element, frame_bytes, error)) {
        return false;
    }
    if (before && ((const LinkQdisc *)before->config)->acting.at >= config->acting.at) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "the <qdisc> of line %d acts on %s from then on or later; "
                        "write them by time, at=\"...\", or give another dev",
                        before->line, iface->name);
        return false;
    }
    if (iface->wire) {
        return add_to_card(build, element, before, iface, error);
    }
    link_qdisc_add(build, iface->egress ? iface->egress : vs_egress_new_device(iface),
                   frame_bytes, before, element);
    return true;
}

static VsNetns *
find_netns(const VsBuild *build, const VsElement *element, GError **error)
{
    const VsElement *parent = element->parent;
    const VsBuiltHost *host = vs_build_find_host(build, parent);

    if (link_element_is(parent, "pod")) {
        return vs_cluster_find_pod(build->cluster, parent->id)->netns;
    }
    if (!host) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "%s \"%s\" has no interfaces of its own; give the <qdisc> to "
                        "pod \"%s\"",
                        parent->model->element, parent->id, parent->parent->id);
        return NULL;
    }
    return host->host->root;
}

/* Fails, naming what would be right. */
static bool
refuse(const VsElement *element, const VsNetns *netns, const char *why, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        if (!find_obstacle(iface)) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "",
                                   iface->name);
        }
    }
    if (link_element_is(element->parent, "pod")) {
        g_string_append(names, ", " PEER " (the node's end)");
    }
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_REFERENCE,
                    "dev=\"%s\": %s; %s can have one at %s",
                    ((const LinkQdisc *)element->config)->dev, why, netns->name,
                    names->len > 0 ? names->str : "none");
    return false;
}

/* The interfaces of 'netns', or their other ends, that 'element' means. */
static bool
add_to_all(VsBuild *build, const VsElement *element, VsNetns *netns, GError **error)
{
    bool is_peer = link_element_is(element->parent, "pod") &&
                   g_str_equal(((const LinkQdisc *)element->config)->dev, PEER);
    const char *why = "no interface is called so";
    unsigned n_found = 0;

    for (VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        const char *obstacle = find_obstacle(iface);

        if (!is_meant(element, iface, is_peer) || (is_peer && !iface->peer)) {
            continue;
        }
        if (obstacle) {
            why = obstacle;
        } else if (add_to(build, element, is_peer ? iface->peer : iface, is_peer,
                          error)) {
            n_found++;
        } else {
            return false;
        }
    }
    return n_found > 0 || refuse(element, netns, why, error);
}

bool
link_qdisc_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    VsNetns *netns;

    (void)self;
    if (!link_qdisc_is_of_device(element)) {
        return true;
    }
    netns = find_netns(build, element, error);
    return netns && add_to_all(build, element, netns, error);
}
