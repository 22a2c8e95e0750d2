#include <glib.h>

#include "model/topology.h"

/* A host on a subnet. */
typedef struct Attachment {
    unsigned host; /* Index in the build's hosts. */
    VsIface *iface;
} Attachment;

typedef struct Net {
    VsAddr address;
    unsigned length;
    GArray *attachments; /* Of Attachment. */
} Net;

/* How the present host reaches a net. */
typedef struct Reach {
    unsigned round; /* That of the host it was computed for; others are stale. */
    unsigned hops;
    VsAddr via; /* 0: it is on it. */
    VsIface *iface;
} Reach;

typedef struct Routing {
    VsBuild *build;
    GArray *nets;       /* Of Net. */
    GHashTable *net_of; /* VsIface to net index + 1. */
    Reach *reach;       /* By net. */
    unsigned *visited;  /* By host: round in which others' nets were reached by it. */
    unsigned *queue;    /* Of nets. */
    unsigned n_queued;
    unsigned round;
} Routing;

static inline const VsBuiltHost *
built_host(const Routing *routing, unsigned host)
{
    return &g_array_index(routing->build->hosts, VsBuiltHost, host);
}

static inline Net *
net_at(const Routing *routing, unsigned net)
{
    return &g_array_index(routing->nets, Net, net);
}

static void
collect_nets(Routing *routing)
{
    g_autoptr(GHashTable) by_prefix =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    for (unsigned i = 0; i < routing->build->hosts->len; i++) {
        const VsBuiltHost *built = built_host(routing, i);
        const VsNetns *root = built->host->root;

        for (VsIface *iface = root->ifaces; iface; iface = iface->next) {
            VsAddr address = (iface->address & vs_prefix_mask(iface->prefix_length));
            int64_t key = (int64_t)address << 8 | iface->prefix_length;
            Attachment attachment = {i, iface};
            unsigned place;

            if (iface->kind != VS_IFACE_ETHERNET || iface->address == 0) {
                continue;
            }
            place = GPOINTER_TO_UINT(g_hash_table_lookup(by_prefix, &key));
            if (place == 0) {
                Net net = {address, iface->prefix_length,
                           g_array_new(FALSE, FALSE, sizeof(Attachment))};

                g_array_append_val(routing->nets, net);
                place = routing->nets->len;
                g_hash_table_insert(by_prefix, g_memdup2(&key, sizeof(key)),
                                    GUINT_TO_POINTER(place));
            }
            g_array_append_val(net_at(routing, place - 1)->attachments, attachment);
            g_hash_table_insert(routing->net_of, iface, GUINT_TO_POINTER(place));
        }
    }
}

static inline bool
next_net(const Routing *routing, const VsIface **iface, unsigned *ret_net)
{
    for (; *iface; *iface = (*iface)->next) {
        unsigned place = GPOINTER_TO_UINT(g_hash_table_lookup(routing->net_of, *iface));

        if (place > 0) {
            *ret_net = place - 1;
            return true;
        }
    }
    return false;
}

static void
reach_net(Routing *routing, unsigned net, unsigned hops, VsAddr via, VsIface *iface)
{
    if (routing->reach[net].round != routing->round) {
        routing->reach[net] = (Reach){routing->round, hops, via, iface};
        routing->queue[routing->n_queued++] = net;
    }
}

/* Goes on from all nets reached so far through hosts of 'role'. */
static void
spread(Routing *routing, unsigned from, VsHostRole role)
{
    for (unsigned at = 0; at < routing->n_queued; at++) {
        unsigned net = routing->queue[at];
        const Reach reach = routing->reach[net];
        const GArray *attachments = net_at(routing, net)->attachments;

        for (unsigned i = 0; i < attachments->len; i++) {
            const Attachment *attachment = &g_array_index(attachments, Attachment, i);
            const VsBuiltHost *built = built_host(routing, attachment->host);
            const VsIface *iface = built->host->root->ifaces;
            unsigned other;

            if (attachment->host == from || built->role != role ||
                routing->visited[attachment->host] == routing->round) {
                continue;
            }
            routing->visited[attachment->host] = routing->round;
            for (; next_net(routing, &iface, &other); iface = iface->next) {
                reach_net(routing, other, reach.hops + 1,
                          reach.via ? reach.via : attachment->iface->address,
                          reach.iface);
            }
        }
    }
}

static void
find_reach(Routing *routing, unsigned host)
{
    const VsIface *iface = built_host(routing, host)->host->root->ifaces;
    unsigned n_before;
    unsigned net;

    routing->round++;
    routing->n_queued = 0;
    for (; next_net(routing, &iface, &net); iface = iface->next) {
        reach_net(routing, net, 0, 0, (VsIface *)iface);
    }
    do { /* Beyond a last resort routers count again. */
        spread(routing, host, VS_HOST_ROUTER);
        n_before = routing->n_queued;
        spread(routing, host, VS_HOST_LAST_RESORT_ROUTER);
    } while (routing->n_queued > n_before);
}

/* The way to a VIP: through the nearest net of its host. */
static bool
way_to_vip(const Routing *routing, const VsBuiltAddress *vip, VsRoute *ret_route)
{
    const VsIface *iface = vip->host->root->ifaces;
    const Reach *best = NULL;
    unsigned net;

    for (; next_net(routing, &iface, &net); iface = iface->next) {
        const Reach *reach = &routing->reach[net];

        if (reach->round == routing->round && (!best || reach->hops < best->hops)) {
            best = reach;
            ret_route->via = reach->via ? reach->via : iface->address;
            ret_route->iface = reach->iface;
        }
    }
    ret_route->prefix = vip->address;
    ret_route->length = 32;
    return best != NULL;
}

/* Routes to everything that is not on a link of the host itself. */
static GArray *
list_routes(const Routing *routing, const VsHost *host)
{
    GArray *routes = g_array_new(FALSE, FALSE, sizeof(VsRoute));
    const GArray *vips = routing->build->addresses;

    for (unsigned net = 0; net < routing->nets->len; net++) {
        const Reach *reach = &routing->reach[net];

        if (reach->round == routing->round && reach->via != 0) {
            VsRoute route = {.prefix = net_at(routing, net)->address,
                             .length = (uint8_t)net_at(routing, net)->length,
                             .iface = reach->iface,
                             .via = reach->via};

            g_array_append_val(routes, route);
        }
    }
    for (unsigned i = 0; i < vips->len; i++) {
        const VsBuiltAddress *vip = &g_array_index(vips, VsBuiltAddress, i);
        VsRoute route = {0};

        if (vip->host != host && way_to_vip(routing, vip, &route)) {
            g_array_append_val(routes, route);
        }
    }
    return routes;
}

/* The gateway of most routes, the first such. */
static const VsRoute *
commonest(const GArray *routes)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(NULL, NULL);
    const VsRoute *best = NULL;
    unsigned best_count = 0;

    for (unsigned i = 0; i < routes->len; i++) {
        const VsRoute *route = &g_array_index(routes, VsRoute, i);
        gpointer via = GUINT_TO_POINTER(route->via);

        g_hash_table_insert(
            counts, via,
            GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(counts, via)) + 1));
    }
    for (unsigned i = 0; i < routes->len; i++) {
        const VsRoute *route = &g_array_index(routes, VsRoute, i);
        unsigned count =
            GPOINTER_TO_UINT(g_hash_table_lookup(counts, GUINT_TO_POINTER(route->via)));

        if (count > best_count) {
            best_count = count;
            best = route;
        }
    }
    return best;
}

/* Hosts that are no routers send by default where most ways lead, as people configure
 * them; routers know each net. */
static void
install_routes(const VsBuiltHost *built, const GArray *routes)
{
    const VsRoute *usual = built->role == VS_HOST_ROUTER ? NULL : commonest(routes);
    VsNetns *root = built->host->root;

    if (usual) {
        vs_netns_add_route(root, 0, 0, usual->iface, usual->via);
    }
    for (unsigned i = 0; i < routes->len; i++) {
        const VsRoute *route = &g_array_index(routes, VsRoute, i);

        if (!usual || route->via != usual->via) {
            vs_netns_add_route(root, route->prefix, route->length, route->iface,
                               route->via);
        }
    }
}

/* A host with one link to one router, and no VIP on that link, needs no search: this
 * keeps scenarios with very many clients linear. */
static bool
install_single_way(const Routing *routing, const VsBuiltHost *built)
{
    const VsIface *iface = built->host->root->ifaces;
    const VsIface *own;
    const Attachment *router = NULL;
    const GArray *attachments;
    unsigned net;

    if (built->role == VS_HOST_ROUTER || !next_net(routing, &iface, &net)) {
        return false;
    }
    own = iface;
    iface = iface->next;
    attachments = net_at(routing, net)->attachments;
    if (attachments->len > 2 || next_net(routing, &iface, &net)) {
        return false;
    }
    for (unsigned i = 0; i < attachments->len; i++) {
        const Attachment *attachment = &g_array_index(attachments, Attachment, i);

        if (built_host(routing, attachment->host)->role == VS_HOST_ROUTER) {
            router = attachment;
        }
    }
    if (!router) {
        return false;
    }
    vs_netns_add_route(built->host->root, 0, 0, (VsIface *)own, router->iface->address);
    return true;
}

void
vs_topology_compute_routes(VsBuild *build)
{
    Routing routing = {.build = build};

    routing.nets = g_array_new(FALSE, FALSE, sizeof(Net));
    routing.net_of = g_hash_table_new(NULL, NULL);
    collect_nets(&routing);
    routing.reach = g_new0(Reach, MAX(routing.nets->len, 1));
    routing.queue = g_new(unsigned, MAX(routing.nets->len, 1));
    routing.visited = g_new0(unsigned, MAX(build->hosts->len, 1));

    for (unsigned host = 0; host < build->hosts->len; host++) {
        const VsBuiltHost *built = built_host(&routing, host);

        if (built->role != VS_HOST_SWITCH && !install_single_way(&routing, built)) {
            g_autoptr(GArray) routes = NULL;

            find_reach(&routing, host);
            routes = list_routes(&routing, built->host);
            install_routes(built, routes);
        }
    }

    for (unsigned net = 0; net < routing.nets->len; net++) {
        g_array_free(net_at(&routing, net)->attachments, TRUE);
    }
    g_array_free(routing.nets, TRUE);
    g_hash_table_destroy(routing.net_of);
    g_free(routing.reach);
    g_free(routing.queue);
    g_free(routing.visited);
}
