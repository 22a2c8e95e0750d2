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
    {"a route replaces that of the same prefix", test_same_prefix_replaces},
    {"a default route covers both ends of the space",
     test_default_route_and_the_ends_of_the_space},
    {"an address brings its local and its link's route",
     test_address_brings_its_routes},
    {"source address and MTU follow the route", test_source_and_mtu_follow_the_route},
    {0},
};
VS_TESTS("route")
