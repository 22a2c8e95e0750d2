#include <glib.h>

#include "model/routing_internal.h"

static void
collect_nets(VsRouting *routing)
{
    g_autoptr(GHashTable) by_prefix =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    for (unsigned i = 0; i < routing->build->hosts->len; i++) {
        const VsBuiltHost *built = vs_routing_host(routing, i);
        const VsNetns *root = built->host->root;

        for (VsIface *iface = root->ifaces; iface; iface = iface->next) {
            VsAddr address = (iface->address & vs_prefix_mask(iface->prefix_length));
            int64_t key = (int64_t)address << 8 | iface->prefix_length;
            VsRoutingAttachment attachment = {i, iface};
            unsigned place;

            if (iface->kind != VS_IFACE_ETHERNET || iface->address == 0) {
                continue;
            }
            place = GPOINTER_TO_UINT(g_hash_table_lookup(by_prefix, &key));
            if (place == 0) {
                VsRoutingNet net = {
                    address, iface->prefix_length,
                    g_array_new(FALSE, FALSE, sizeof(VsRoutingAttachment))};

                g_array_append_val(routing->nets, net);
                place = routing->nets->len;
                g_hash_table_insert(by_prefix, g_memdup2(&key, sizeof(key)),
                                    GUINT_TO_POINTER(place));
            }
            g_array_append_val(vs_routing_net(routing, place - 1)->attachments,
                               attachment);
            g_hash_table_insert(routing->net_of, iface, GUINT_TO_POINTER(place));
        }
    }
}

static void
reach_net(VsRouting *routing, unsigned net, unsigned hops, VsAddr via, VsIface *iface)
{
    if (routing->reach[net].round != routing->round) {
        routing->reach[net] = (VsReach){routing->round, hops, via, iface};
        routing->queue[routing->n_queued++] = net;
    }
}

/* Goes on from all nets reached so far through hosts of 'role'. */
static void
spread(VsRouting *routing, unsigned from, VsHostRole role)
{
    for (unsigned at = 0; at < routing->n_queued; at++) {
        unsigned net = routing->queue[at];
        const VsReach reach = routing->reach[net];
        const GArray *attachments = vs_routing_net(routing, net)->attachments;

        for (unsigned i = 0; i < attachments->len; i++) {
            const VsRoutingAttachment *attachment =
                &g_array_index(attachments, VsRoutingAttachment, i);
            const VsBuiltHost *built = vs_routing_host(routing, attachment->host);
            const VsIface *iface = built->host->root->ifaces;
            unsigned other;

            if (attachment->host == from || built->role != role ||
                routing->visited[attachment->host] == routing->round) {
                continue;
            }
            routing->visited[attachment->host] = routing->round;
            for (; vs_routing_next_net(routing, &iface, &other); iface = iface->next) {
                reach_net(routing, other, reach.hops + 1,
                          reach.via ? reach.via : attachment->iface->address,
                          reach.iface);
            }
        }
    }
}

static void
find_reach(VsRouting *routing, unsigned host)
{
    const VsIface *iface = vs_routing_host(routing, host)->host->root->ifaces;
    unsigned n_before;
    unsigned net;

    routing->round++;
    routing->n_queued = 0;
    for (; vs_routing_next_net(routing, &iface, &net); iface = iface->next) {
        reach_net(routing, net, 0, 0, (VsIface *)iface);
    }
    do { /* Beyond a last resort routers count again. */
        spread(routing, host, VS_HOST_ROUTER);
        n_before = routing->n_queued;
        spread(routing, host, VS_HOST_LAST_RESORT_ROUTER);
    } while (routing->n_queued > n_before);
}

/* A route before it is installed. */
typedef struct Path {
    VsRoute route;
    GArray *ways; /* Of VsNextHop, if there are several; else NULL. */
} Path;

static void
path_clear(gpointer path)
{
    g_clear_pointer(&((Path *)path)->ways, g_array_unref);
}

/* Takes 'ways' over. */
static void
path_set_ways(Path *path, GArray *ways)
{
    if (ways->len > 1) {
        path->ways = ways;
    } else {
        g_array_unref(ways);
    }
}

/* All ways to the nets of the VIP's host that are 'hops' away. */
static GArray *
ways_to_vip(VsRouting *routing, unsigned from, const VsBuiltAddress *vip, unsigned hops)
{
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(VsNextHop));
    const VsIface *iface = vip->host->root->ifaces;
    unsigned net;

    for (; vs_routing_next_net(routing, &iface, &net); iface = iface->next) {
        const VsReach *reach = &routing->reach[net];
        g_autoptr(GArray) more = NULL;

        if (reach->round != routing->round || reach->hops != hops) {
            continue;
        }
        if (hops > 0) {
            more = vs_routing_ways_to_net(routing, from, net);
        } else {
            VsNextHop own = {.iface = reach->iface, .via = iface->address, .weight = 1};

            more = g_array_new(FALSE, FALSE, sizeof(VsNextHop));
            g_array_append_val(more, own);
        }
        vs_routing_add_ways(ways, more);
    }
    return ways;
}

/* The way to a VIP: through the nearest net of its host, or all that are as near. */
static bool
way_to_vip(VsRouting *routing, unsigned from, const VsBuiltAddress *vip, Path *ret_path)
{
    const VsIface *iface = vip->host->root->ifaces;
    const VsReach *best = NULL;
    unsigned net;

    for (; vs_routing_next_net(routing, &iface, &net); iface = iface->next) {
        const VsReach *reach = &routing->reach[net];

        if (reach->round == routing->round && (!best || reach->hops < best->hops)) {
            best = reach;
            ret_path->route.via = reach->via ? reach->via : iface->address;
            ret_path->route.iface = reach->iface;
        }
    }
    ret_path->route.prefix = vip->address;
    ret_path->route.length = 32;
    if (best && vs_routing_host(routing, from)->is_multipath) {
        path_set_ways(ret_path, ways_to_vip(routing, from, vip, best->hops));
    }
    return best != NULL;
}

/* Paths to everything that is not on a link of the host itself. */
static GArray *
list_paths(VsRouting *routing, unsigned from)
{
    GArray *paths = g_array_new(FALSE, FALSE, sizeof(Path));
    const VsBuiltHost *built = vs_routing_host(routing, from);
    const GArray *vips = routing->build->addresses;

    g_array_set_clear_func(paths, path_clear);
    for (unsigned net = 0; net < routing->nets->len; net++) {
        const VsReach *reach = &routing->reach[net];

        if (reach->round == routing->round && reach->via != 0) {
            Path path = {
                .route = {.prefix = vs_routing_net(routing, net)->address,
                          .length = (uint8_t)vs_routing_net(routing, net)->length,
                          .iface = reach->iface,
                          .via = reach->via}};

            if (built->is_multipath) {
                path_set_ways(&path, vs_routing_ways_to_net(routing, from, net));
            }
            g_array_append_val(paths, path);
        }
    }
    for (unsigned i = 0; i < vips->len; i++) {
        const VsBuiltAddress *vip = &g_array_index(vips, VsBuiltAddress, i);
        Path path = {0};

        if (vip->host != built->host && way_to_vip(routing, from, vip, &path)) {
            g_array_append_val(paths, path);
        }
    }
    return paths;
}

static guint
hash_ways(gconstpointer path)
{
    return ((const Path *)path)->route.via;
}

static gboolean
same_ways(gconstpointer a_, gconstpointer b_)
{
    const GArray *a = ((const Path *)a_)->ways;
    const GArray *b = ((const Path *)b_)->ways;

    if (!a || !b) {
        return !a && !b &&
               ((const Path *)a_)->route.via == ((const Path *)b_)->route.via;
    }
    for (unsigned i = 0; i < a->len && a->len == b->len; i++) {
        const VsNextHop *x = &g_array_index(a, VsNextHop, i);
        const VsNextHop *y = &g_array_index(b, VsNextHop, i);

        if (x->via != y->via || x->iface != y->iface) {
            return FALSE;
        }
    }
    return a->len == b->len;
}

/* The ways of most paths, the first such. */
static const Path *
commonest(const GArray *paths)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(hash_ways, same_ways);
    const Path *best = NULL;
    unsigned best_count = 0;

    for (unsigned i = 0; i < paths->len; i++) {
        gpointer path = &g_array_index(paths, Path, i);

        g_hash_table_insert(
            counts, path,
            GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(counts, path)) + 1));
    }
    for (unsigned i = 0; i < paths->len; i++) {
        const Path *path = &g_array_index(paths, Path, i);
        unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, path));

        if (count > best_count) {
            best_count = count;
            best = path;
        }
    }
    return best;
}

/* Adds a route to 'prefix' by the ways of 'path'. */
static void
install_route(VsNetns *root, VsAddr prefix, uint8_t length, const Path *path)
{
    VsRoute route = {.prefix = prefix,
                     .length = length,
                     .iface = path->route.iface,
                     .via = path->route.via};

    if (path->ways) {
        vs_multipath_set(&route, (const VsNextHop *)(const void *)path->ways->data,
                         path->ways->len);
    }
    vs_routes_add(&root->routes, &route);
}

/* Hosts that are no routers send by default where most ways lead, as people configure
 * them; routers know each net.  True if some path has several ways. */
static bool
install_routes(const VsBuiltHost *built, const GArray *paths)
{
    const Path *usual = built->role == VS_HOST_ROUTER ? NULL : commonest(paths);
    VsNetns *root = built->host->root;
    bool has_several = false;

    if (usual) {
        install_route(root, 0, 0, usual);
    }
    for (unsigned i = 0; i < paths->len; i++) {
        const Path *path = &g_array_index(paths, Path, i);

        has_several = has_several || path->ways;
        if (!usual || !same_ways(path, usual)) {
            install_route(root, path->route.prefix, path->route.length, path);
        }
    }
    return has_several;
}

/* A host with one link to one router, and no VIP on that link, needs no search: this
 * keeps scenarios with very many clients linear. */
static bool
install_single_way(const VsRouting *routing, const VsBuiltHost *built)
{
    const VsIface *iface = built->host->root->ifaces;
    const VsIface *own;
    const VsRoutingAttachment *router = NULL;
    const GArray *attachments;
    unsigned net;

    if (built->role == VS_HOST_ROUTER || !vs_routing_next_net(routing, &iface, &net)) {
        return false;
    }
    own = iface;
    iface = iface->next;
    attachments = vs_routing_net(routing, net)->attachments;
    if (attachments->len > 2 || vs_routing_next_net(routing, &iface, &net)) {
        return false;
    }
    for (unsigned i = 0; i < attachments->len; i++) {
        const VsRoutingAttachment *attachment =
            &g_array_index(attachments, VsRoutingAttachment, i);

        if (vs_routing_host(routing, attachment->host)->role == VS_HOST_ROUTER) {
            router = attachment;
        }
    }
    if (!router) {
        return false;
    }
    vs_netns_add_route(built->host->root, 0, 0, (VsIface *)own, router->iface->address);
    return true;
}

/* Routes that a file brings may have several next hops, too. */
static bool
check_multipath(const VsBuiltHost *built, bool has_several, GError **error)
{
    const VsElement *element = built->element;

    if (has_several || vs_element_has(element, "routes")) {
        return true;
    }
    if (built->is_multipath) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ecmp: no two shortest paths lead from \"%s\" anywhere; add a "
                        "<link>, or leave ecmp= out",
                        element->id);
        return false;
    }
    if (vs_element_has(element, "ecmp-seed")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ecmp-seed without ecmp: routes have one next hop; write "
                        "ecmp=\"l3\" or ecmp=\"l4\"");
        return false;
    }
    return true;
}

static bool
compute_routes_of(VsRouting *routing, unsigned host, GError **error)
{
    const VsBuiltHost *built = vs_routing_host(routing, host);
    bool has_several = false;

    if (built->role != VS_HOST_SWITCH && !install_single_way(routing, built)) {
        g_autoptr(GArray) paths = NULL;

        find_reach(routing, host);
        paths = list_paths(routing, host);
        vs_routing_forget_ways(routing);
        has_several = install_routes(built, paths);
    }
    return check_multipath(built, has_several, error);
}

bool
vs_topology_compute_routes(VsBuild *build, GError **error)
{
    VsRouting routing = {.build = build};
    bool is_good = true;

    routing.nets = g_array_new(FALSE, FALSE, sizeof(VsRoutingNet));
    routing.net_of = g_hash_table_new(NULL, NULL);
    collect_nets(&routing);
    routing.reach = g_new0(VsReach, MAX(routing.nets->len, 1));
    routing.queue = g_new(unsigned, MAX(routing.nets->len, 1));
    routing.visited = g_new0(unsigned, MAX(build->hosts->len, 1));

    for (unsigned host = 0; host < build->hosts->len && is_good; host++) {
        is_good = compute_routes_of(&routing, host, error);
    }

    for (unsigned net = 0; net < routing.nets->len; net++) {
        g_array_free(vs_routing_net(&routing, net)->attachments, TRUE);
    }
    g_array_free(routing.nets, TRUE);
    g_hash_table_destroy(routing.net_of);
    g_free(routing.reach);
    g_free(routing.queue);
    g_free(routing.visited);
    return is_good;
}
