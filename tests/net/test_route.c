/* Routes: the longest prefix wins, and what a namespace derives from them. */
#include <glib.h>

#include "base/rng.h"
#include "tests/net/net_fixture.h"

static VsAddr
mask_of(unsigned length)
{
    return length == 0 ? 0 : UINT32_MAX << (32 - length);
}

/* Looks at all routes; the latest of a prefix counts. */
static const VsRoute *
slow_find(const VsRoute *routes, unsigned n_routes, VsAddr addr)
{
    const VsRoute *best = NULL;

    for (unsigned i = 0; i < n_routes; i++) {
        if ((addr & mask_of(routes[i].length)) == routes[i].prefix &&
            (!best || routes[i].length >= best->length)) {
            best = &routes[i];
        }
    }
    return best;
}

static void
test_longest_prefix_wins(void)
{
    enum { N = 2000 };
    VsRoute *twin = g_new0(VsRoute, N);
    VsRoutes routes;
    unsigned n_found = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "route", "twin");
    vs_routes_init(&routes);
    for (unsigned i = 0; i < N; i++) {
        unsigned length = (unsigned)vs_rng_below(&rng, 33);

        /* In a small part of the space, so that prefixes lie in each other. */
        twin[i].length = (uint8_t)length;
        twin[i].prefix =
            (NET_IP(10, 0, 0, 0) | (vs_rng_u32(&rng) & 0x00ff00ff)) & mask_of(length);
        twin[i].via = i + 1; /* Which one was found. */
        vs_routes_add(&routes, &twin[i]);
        if (i % 100 == 0 || i == N - 1) {
            for (unsigned k = 0; k < 500; k++) {
                VsAddr addr =
                    vs_rng_below(&rng, 10)
                        ? NET_IP(10, 0, 0, 0) | (vs_rng_u32(&rng) & 0x00ff00ff)
                        : vs_rng_u32(&rng);
                const VsRoute *right = slow_find(twin, i + 1, addr);
                const VsRoute *found = vs_routes_find(&routes, addr);

                CU_ASSERT((found ? found->via : 0) == (right ? right->via : 0));
                n_found += found != NULL;
            }
        }
    }
    CU_ASSERT(n_found > 1000);
    CU_ASSERT(routes.n_routes < N); /* Some were replaced. */
    vs_routes_clear(&routes);
    CU_ASSERT_PTR_NULL(vs_routes_find(&routes, NET_IP(10, 0, 0, 1)));
    vs_routes_clear(&routes);
    g_free(twin);
}

static bool
is_even(const VsRoute *route)
{
    return route->via % 2 == 0;
}

static bool
is_short(const VsRoute *route)
{
    return route->length < 20;
}

/* Lookups of 'n' addresses agree with a search through all routes; returns how many found
 * one. */
static unsigned
check_lookups(VsRoutes *routes, unsigned n, VsRng *rng)
{
    unsigned n_found = 0, n_failures = 0;

    for (unsigned k = 0; k < n; k++) {
        VsAddr addr = NET_IP(10, 0, 0, 0) | (vs_rng_u32(rng) & 0x0003fff3);
        const VsRoute *found = vs_routes_find(routes, addr);

        n_failures += found != slow_find(routes->routes, routes->n_routes, addr);
        n_found += found != NULL;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    return n_found;
}

static void
test_routes_become_many_and_few_again(void)
{
    unsigned n_found = 0, n_many = 0, n_few = 0;
    VsRoutes routes;
    VsRng rng;

    vs_rng_init(&rng, 1, "route", "many");
    vs_routes_init(&routes);
    for (unsigned i = 1; i <= 12000; i++) {
        unsigned length = 17 + (unsigned)vs_rng_below(&rng, 16);
        VsRoute route = {.length = (uint8_t)length, .via = i};

        route.prefix =
            (NET_IP(10, 0, 0, 0) | (vs_rng_u32(&rng) & 0x0003fff3)) & mask_of(length);
        vs_routes_add(&routes, &route);
        if (routes.n_routes >= VS_ROUTES_N_FEW + 40) {
            vs_routes_filter(&routes, i % 2 ? is_even : is_short);
        }
        CU_ASSERT_EQUAL(routes.table != NULL, routes.n_routes > VS_ROUTES_N_FEW);
        *(routes.table ? &n_many : &n_few) += 1;
        n_found += check_lookups(&routes, 10, &rng);
    }
    CU_ASSERT(n_many > 1000);
    CU_ASSERT(n_few > 1000);
    CU_ASSERT(n_found > 10000);
    CU_ASSERT(n_found < 119000);
    vs_routes_clear(&routes);
}

static void
test_same_prefix_replaces(void)
{
    VsRoutes routes;

    vs_routes_init(&routes);
    vs_routes_add(&routes,
                  &(VsRoute){.prefix = NET_IP(10, 0, 0, 0), .length = 8, .via = 1});
    vs_routes_add(&routes,
                  &(VsRoute){.prefix = NET_IP(10, 0, 0, 0), .length = 9, .via = 2});
    vs_routes_add(&routes,
                  &(VsRoute){.prefix = NET_IP(10, 0, 0, 0), .length = 8, .via = 3});
    CU_ASSERT_EQUAL(routes.n_routes, 2);
    CU_ASSERT_EQUAL(vs_routes_find(&routes, NET_IP(10, 200, 0, 1))->via, 3);
    CU_ASSERT_EQUAL(vs_routes_find(&routes, NET_IP(10, 100, 0, 1))->via, 2);
    CU_ASSERT_PTR_NULL(vs_routes_find(&routes, NET_IP(11, 0, 0, 1)));
    vs_routes_clear(&routes);
}

static void
test_default_route_and_the_ends_of_the_space(void)
{
    VsRoutes routes;

    vs_routes_init(&routes);
    vs_routes_add(&routes, &(VsRoute){.length = 0, .via = 1});
    vs_routes_add(&routes, &(VsRoute){.prefix = UINT32_MAX, .length = 32, .via = 2});
    vs_routes_add(&routes, &(VsRoute){.prefix = 0, .length = 32, .via = 3});
    CU_ASSERT_EQUAL(vs_routes_find(&routes, 0)->via, 3);
    CU_ASSERT_EQUAL(vs_routes_find(&routes, 1)->via, 1);
    CU_ASSERT_EQUAL(vs_routes_find(&routes, UINT32_MAX - 1)->via, 1);
    CU_ASSERT_EQUAL(vs_routes_find(&routes, UINT32_MAX)->via, 2);
    vs_routes_clear(&routes);
}

static void
test_address_brings_its_routes(void)
{
    VsAddr address = NET_IP(10, 1, 2, 3);
    VsIface *card;
    VsNetns *root;
    Net net;

    net_init(&net);
    card = net_card(net_host(&net, "a"), "eth0", address, 24);
    root = net.hosts[0]->root;
    CU_ASSERT(vs_netns_is_local(root, address));
    CU_ASSERT(vs_netns_is_local(root, NET_IP(127, 0, 0, 1)));
    CU_ASSERT(vs_netns_is_local(root, NET_IP(127, 200, 0, 1)));
    CU_ASSERT_FALSE(vs_netns_is_local(root, NET_IP(10, 1, 2, 4)));
    CU_ASSERT_FALSE(vs_netns_is_local(root, NET_IP(9, 9, 9, 9)));
    CU_ASSERT_PTR_EQUAL(vs_routes_find(&root->routes, NET_IP(10, 1, 2, 255))->iface,
                        card);
    CU_ASSERT_PTR_NULL(vs_routes_find(&root->routes, NET_IP(10, 1, 3, 0)));

    /* A /32 has no link around it. */
    vs_iface_set_address(vs_iface_new(root, VS_IFACE_ETHERNET, "eth1"),
                         NET_IP(172, 16, 0, 1), 32);
    CU_ASSERT(vs_netns_is_local(root, NET_IP(172, 16, 0, 1)));
    CU_ASSERT_PTR_NULL(vs_routes_find(&root->routes, NET_IP(172, 16, 0, 2)));
    net_clear(&net);
}

/* Linux appends the route of a second interface on a link: the first one decides. */
static void
test_first_interface_of_a_subnet_keeps_its_route(void)
{
    VsIface *first;
    VsNetns *root;
    Net net;

    net_init(&net);
    first = net_card(net_host(&net, "a"), "eth0", NET_IP(10, 1, 2, 3), 24);
    root = net.hosts[0]->root;
    net_card(net.hosts[0], "eth1", NET_IP(10, 1, 2, 4), 24);
    CU_ASSERT_PTR_EQUAL(vs_routes_find(&root->routes, NET_IP(10, 1, 2, 9))->iface,
                        first);
    CU_ASSERT(vs_netns_is_local(root, NET_IP(10, 1, 2, 4)));
    net_clear(&net);
}

/* ---- Policy ---------------------------------------------------------------------- */

#define OWN NET_IP(10, 1, 0, 1)
#define POD NET_IP(10, 1, 0, 7)
#define FAR NET_IP(192, 0, 2, 1)

static void
add_way(VsRoutes *routes, VsIface *iface, VsAddr via)
{
    vs_routes_add(routes, &(VsRoute){.iface = iface, .via = via});
}

/* The gateway to 'daddr', 0 without a route; 'n_tables' besides local were asked for it. */
static VsAddr
gateway_of(VsNetns *netns, VsRouteKey key, unsigned n_tables)
{
    VsPolicyChoice choice;
    const VsRoute *route = vs_policy_find(netns, &key, &choice);

    CU_ASSERT_EQUAL(choice.n_tables, n_tables + 1); /* Table local is always asked. */
    CU_ASSERT((route != NULL) == (choice.rule != NULL));
    return route ? route->via : 0;
}

static void
test_rules_choose_among_tables(void)
{
    const VsPrefix from_pod = {POD, 32, true};
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    VsPolicy *policy;
    VsIface *card;
    VsNetns *root;
    Net net;

    net_init(&net);
    card = net_card(net_host(&net, "a"), "eth0", OWN, 24);
    root = net.hosts[0]->root;
    add_way(&root->routes, card, 1);
    before = vs_policy_print(root);
    policy = vs_policy_of(root);
    vs_policy_add_rule(policy,
                       &(VsPolicyRule){.priority = 20, .iif = card, .table = 7});
    vs_policy_add_rule(policy,
                       &(VsPolicyRule){.priority = 10, .from = from_pod, .table = 5});
    vs_policy_add_rule(policy, &(VsPolicyRule){.priority = 10,
                                               .to = {NET_IP(192, 0, 2, 0), 24, true},
                                               .mark = 8,
                                               .mask = 8,
                                               .table = 6});
    add_way(vs_policy_get_table(policy, 6), card, 6);
    vs_routes_add(vs_policy_get_table(policy, 7),
                  &(VsRoute){.prefix = NET_IP(10, 9, 0, 0),
                             .length = 16,
                             .type = VS_ROUTE_BLACKHOLE,
                             .via = 7});
    after = vs_policy_print(root);

    CU_ASSERT_EQUAL(gateway_of(root, (VsRouteKey){.daddr = FAR}, 1), 1);
    /* Table 5 is empty: the next rule is asked. */
    CU_ASSERT_EQUAL(gateway_of(root, (VsRouteKey){.saddr = POD, .daddr = FAR}, 2), 1);
    CU_ASSERT_EQUAL(
        gateway_of(root, (VsRouteKey){.saddr = POD, .daddr = FAR, .mark = 12}, 2), 6);
    CU_ASSERT_EQUAL(
        gateway_of(
            root, (VsRouteKey){.saddr = OWN, .daddr = FAR, .mark = 12, .iif = card}, 1),
        6);
    /* A route that refuses is an answer, too. */
    CU_ASSERT_EQUAL(
        gateway_of(root, (VsRouteKey){.daddr = NET_IP(10, 9, 1, 1), .iif = card}, 1),
        7);
    CU_ASSERT_EQUAL(gateway_of(root, (VsRouteKey){.daddr = NET_IP(10, 9, 1, 1)}, 1), 1);
    CU_ASSERT_EQUAL(
        gateway_of(root,
                   (VsRouteKey){.saddr = POD, .daddr = OWN, .mark = 8, .iif = card}, 0),
        0);
    CU_ASSERT_STRING_EQUAL(before, "0:\tfrom all lookup local\n"
                                   "32766:\tfrom all lookup main\n"
                                   "32767:\tfrom all lookup default\n");
    CU_ASSERT_STRING_EQUAL(after,
                           "0:\tfrom all lookup local\n"
                           "10:\tfrom 10.1.0.7 lookup 5\n"
                           "10:\tfrom all to 192.0.2.0/24 fwmark 0x8/0x8 lookup 6\n"
                           "20:\tfrom all iif eth0 lookup 7\n"
                           "32766:\tfrom all lookup main\n"
                           "32767:\tfrom all lookup default\n");
    net_clear(&net);
}

static void
test_source_and_mtu_follow_the_route(void)
{
    VsIface *inner;
    VsIface *outer;
    VsNetns *root;
    Net net;

    net_init(&net);
    inner = net_card(net_host(&net, "a"), "eth0", NET_IP(10, 0, 0, 1), 24);
    outer = net_card(net.hosts[0], "eth1", NET_IP(192, 0, 2, 1), 24);
    root = net.hosts[0]->root;
    outer->mtu = 1400;
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(10, 0, 0, 9)), inner->address);
    CU_ASSERT_EQUAL(vs_netns_mtu_to(root, NET_IP(10, 0, 0, 9)), 1500);
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(8, 8, 8, 8)), 0);
    CU_ASSERT_EQUAL(vs_netns_mtu_to(root, NET_IP(8, 8, 8, 8)), 0);

    vs_netns_add_route(root, 0, 0, outer, NET_IP(192, 0, 2, 254));
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(8, 8, 8, 8)), outer->address);
    CU_ASSERT_EQUAL(vs_netns_mtu_to(root, NET_IP(8, 8, 8, 8)), 1400);

    vs_routes_add(&root->routes, &(VsRoute){.prefix = NET_IP(8, 8, 8, 0),
                                            .length = 24,
                                            .iface = outer,
                                            .source = NET_IP(10, 0, 0, 1)});
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(8, 8, 8, 8)), NET_IP(10, 0, 0, 1));
    vs_routes_add(&root->routes, &(VsRoute){.prefix = NET_IP(7, 0, 0, 0),
                                            .length = 8,
                                            .type = VS_ROUTE_UNREACHABLE});
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(7, 7, 7, 7)), 0);
    CU_ASSERT_EQUAL(vs_netns_mtu_to(root, NET_IP(7, 7, 7, 7)), 0);

    /* To oneself: from that very address, over lo. */
    vs_netns_add_local(root, NET_IP(10, 96, 0, 1));
    CU_ASSERT_EQUAL(vs_netns_source_for(root, NET_IP(10, 96, 0, 1)),
                    NET_IP(10, 96, 0, 1));
    CU_ASSERT_EQUAL(vs_netns_mtu_to(root, NET_IP(10, 96, 0, 1)), 65536);
    net_clear(&net);
}

static const VsTestCase tests[] = {
    {"the longest prefix wins, as in a slow twin", test_longest_prefix_wins},
    {"routes become many and few again", test_routes_become_many_and_few_again},
    {"a route replaces that of the same prefix", test_same_prefix_replaces},
    {"a default route covers both ends of the space",
     test_default_route_and_the_ends_of_the_space},
    {"an address brings its local and its link's route",
     test_address_brings_its_routes},
    {"source address and MTU follow the route", test_source_and_mtu_follow_the_route},
    {"the first interface of a subnet keeps its route",
     test_first_interface_of_a_subnet_keeps_its_route},
    {"rules choose among tables", test_rules_choose_among_tables},
    {0},
};
VS_TESTS("route")
