/* Reading ip -j addr and ip -j route: any text gives a list or a message of one line. */
#include "model/import_ip.h"

#include "base/rng.h"
#include "model/element.h"
#include "vs_test.h"

static GArray *
addresses(const char *text, GError **error)
{
    return vs_given_addresses_parse(text, strlen(text), "a.json", error);
}

static GArray *
routes(const char *text, GError **error)
{
    return vs_given_routes_parse(text, strlen(text), "r.json", error);
}

static void
check_refused(GArray *list, GError *error, const char *expected)
{
    CU_ASSERT_PTR_NULL(list);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT(error->domain == VS_SCENARIO_ERROR);
    CU_ASSERT_STRING_EQUAL(error->message, expected);
    g_error_free(error);
}

/* As iproute2 6.1 prints it, shortened. */
static void
test_what_ip_prints_of_a_machine(void)
{
    g_autoptr(GArray) list = addresses(
        "[{\"ifindex\":1,\"ifname\":\"lo\",\"flags\":[\"LOOPBACK\",\"UP\",\"LOWER_UP\"]"
        ","
        "\"mtu\":65536,\"qdisc\":\"noqueue\",\"operstate\":\"UNKNOWN\","
        "\"group\":\"default\",\"txqlen\":1000,\"link_type\":\"loopback\","
        "\"address\":\"00:00:00:00:00:00\",\"broadcast\":\"00:00:00:00:00:00\","
        "\"addr_info\":[{\"family\":\"inet\",\"local\":\"127.0.0.1\",\"prefixlen\":8,"
        "\"scope\":\"host\",\"label\":\"lo\",\"valid_life_time\":4294967295,"
        "\"preferred_life_time\":4294967295},{\"family\":\"inet6\",\"local\":\"::1\","
        "\"prefixlen\":128,\"scope\":\"host\"}]},"
        "{\"ifindex\":2,\"ifname\":\"eth0\",\"flags\":[\"BROADCAST\",\"UP\"],"
        "\"mtu\":9001,\"addr_info\":[{\"family\":\"inet\",\"local\":\"10.0.3.7\","
        "\"prefixlen\":20,\"broadcast\":\"10.0.15.255\",\"scope\":\"global\","
        "\"dynamic\":true,\"label\":\"eth0\"},{\"family\":\"inet6\","
        "\"local\":\"fe80::1\",\"prefixlen\":64,\"scope\":\"link\"}]}]",
        NULL);
    const VsGivenAddress *eth0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    CU_ASSERT_EQUAL_FATAL(list->len, 2);
    CU_ASSERT_EQUAL(g_array_index(list, VsGivenAddress, 0).address, 0x7f000001);
    eth0 = &g_array_index(list, VsGivenAddress, 1);
    CU_ASSERT_STRING_EQUAL(eth0->name, "eth0");
    CU_ASSERT_STRING_EQUAL(eth0->where, "a.json: [1] (eth0)");
    CU_ASSERT_EQUAL(eth0->address, 0x0a000307);
    CU_ASSERT_EQUAL(eth0->length, 20);
    CU_ASSERT_EQUAL(eth0->mtu, 9001);
}

/* The one way of a route that has one. */
static const VsGivenHop *
only_hop(const GArray *list, unsigned i)
{
    const VsGivenRoute *given = &g_array_index(list, VsGivenRoute, i);

    CU_ASSERT_EQUAL_FATAL(given->hops->len, 1);
    return &g_array_index(given->hops, VsGivenHop, 0);
}

static void
test_lowest_metric_wins_wherever_it_stands(void)
{
    static const char *const texts[] = {
        "[{\"dst\":\"default\",\"dev\":\"a\",\"metric\":100},"
        "{\"dst\":\"default\",\"dev\":\"b\",\"metric\":50},"
        "{\"dst\":\"default\",\"dev\":\"c\",\"metric\":75}]",
        "[{\"dst\":\"default\",\"dev\":\"b\",\"metric\":50},"
        "{\"dst\":\"default\",\"dev\":\"a\",\"metric\":100}]",
        "[{\"dst\":\"default\",\"dev\":\"a\",\"metric\":100},"
        "{\"dst\":\"default\",\"dev\":\"b\"}]", /* Without: 0. */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) list = routes(texts[i], NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(list);
        CU_ASSERT_EQUAL(list->len, 1);
        CU_ASSERT_STRING_EQUAL(only_hop(list, 0)->device, "b");
    }
}

static void
test_routes_have_all_their_parts(void)
{
    g_autoptr(GArray) list = routes(
        "[{\"dst\":\"10.244.1.0/24\",\"gateway\":\"192.0.2.2\",\"dev\":\"eth0\","
        "\"protocol\":\"bird\",\"prefsrc\":\"192.0.2.1\",\"flags\":[\"onlink\"]},"
        "{\"type\":\"blackhole\",\"dst\":\"10.244.0.0/26\",\"flags\":[]},"
        "{\"type\":\"unreachable\",\"dst\":\"10.0.0.1\"}]",
        NULL);
    const VsGivenRoute *given;

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    CU_ASSERT_EQUAL_FATAL(list->len, 3);
    given = &g_array_index(list, VsGivenRoute, 0);
    CU_ASSERT_EQUAL(given->route.prefix, 0x0af40100);
    CU_ASSERT_EQUAL(given->route.length, 24);
    CU_ASSERT_EQUAL(only_hop(list, 0)->hop.via, 0xc0000202);
    CU_ASSERT_EQUAL(given->route.source, 0xc0000201);
    CU_ASSERT_EQUAL(given->route.type, VS_ROUTE_UNICAST);
    given = &g_array_index(list, VsGivenRoute, 1);
    CU_ASSERT_EQUAL(given->route.type, VS_ROUTE_BLACKHOLE);
    CU_ASSERT_EQUAL(given->route.length, 26);
    CU_ASSERT_PTR_NULL(given->hops);
    given = &g_array_index(list, VsGivenRoute, 2);
    CU_ASSERT_EQUAL(given->route.type, VS_ROUTE_UNREACHABLE);
    CU_ASSERT_EQUAL(given->route.length, 32);
}

static void
test_next_hops_have_weights_and_may_be_dead(void)
{
    g_autoptr(GArray) list =
        routes("[{\"dst\":\"default\",\"flags\":[],\"nexthops\":["
               "{\"gateway\":\"192.0.2.2\",\"dev\":\"a\",\"weight\":256,"
               "\"flags\":[\"onlink\"]},"
               "{\"dev\":\"b\",\"flags\":[\"dead\",\"linkdown\"]}]}]",
               NULL);
    const VsGivenHop *hops;

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    CU_ASSERT_EQUAL_FATAL(g_array_index(list, VsGivenRoute, 0).hops->len, 2);
    hops = &g_array_index(g_array_index(list, VsGivenRoute, 0).hops, VsGivenHop, 0);
    CU_ASSERT_STRING_EQUAL(hops[0].device, "a");
    CU_ASSERT_EQUAL(hops[0].hop.via, 0xc0000202);
    CU_ASSERT_EQUAL(hops[0].hop.weight, 256);
    CU_ASSERT_FALSE(hops[0].hop.is_dead);
    CU_ASSERT_STRING_EQUAL(hops[1].device, "b");
    CU_ASSERT_EQUAL(hops[1].hop.weight, 1);
    CU_ASSERT(hops[1].hop.is_dead);
}

static void
test_wrong_next_hops_are_refused(void)
{
    static const char *const rows[][2] = {
        {"\"nexthops\":[{\"dev\":\"a\",\"flags\":[\"dead\"]}]",
         "all its next hops are dead; take the route out"},
        {"\"nexthops\":[{\"dev\":\"a\",\"flags\":[\"linkdown\"]}]",
         "the flag \"linkdown\" is not modelled; take the route out"},
        {"\"nexthops\":[{\"gateway\":\"192.0.2.2\"}]", "a next hop without \"dev\""},
        {"\"nexthops\":[{\"dev\":\"a\",\"weight\":0}]", "a next hop of weight 0"},
        {"\"nexthops\":[{\"dev\":\"a\",\"encap\":\"mpls\"}]",
         "\"encap\" of a next hop is not modelled; take it out, or the route"},
        {"\"dev\":\"a\",\"nexthops\":[{\"dev\":\"a\"}]",
         "a route has \"nexthops\", or \"gateway\" and \"dev\", not both"},
        {"\"nexthops\":[7]", "\"nexthops\" holds something that is no object"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text =
            g_strdup_printf("[{\"dst\":\"default\",%s}]", rows[i][0]);
        g_autofree char *right =
            g_strdup_printf("r.json: [0] (default): %s", rows[i][1]);
        GError *error = NULL;
        GArray *list = routes(text, &error);

        check_refused(list, error, right);
    }
}

static void
test_messages_are_one_line_with_the_place(void)
{
    GError *error = NULL;
    GArray *list =
        routes("[{\"dst\":\"default\",\"dev\":\"eth0\"},"
               "{\"dst\":\"10.0.0.0/8\",\"dev\":\"eth0\",\"scope\":\"a\\nb\"}]",
               &error);

    check_refused(list, error,
                  "r.json: [1] (10.0.0.0/8): scope \"a b\" is not modelled; there are "
                  "link and global");
    error = NULL;
    list = addresses("[{\"ifname\":7}]", &error);
    check_refused(list, error, "a.json: [0] (?): \"ifname\" is not a text");
    error = NULL;
    list = addresses("[\n{\"ifname\" \"eth0\"}]", &error);
    check_refused(list, error, "a.json:2: this is no JSON; write what ip -j prints");
}

/* A good text with any few bytes changed: no crash, and never silence about a refusal. */
static void
test_damaged_texts_give_a_list_or_a_message(void)
{
    static const char good[] =
        "[{\"ifname\":\"eth0\",\"flags\":[\"UP\"],\"mtu\":1500,\"addr_info\":[{"
        "\"family\":"
        "\"inet\",\"local\":\"10.0.3.7\",\"prefixlen\":20,\"scope\":\"global\"}],"
        "\"dst\":\"10.0.0.0/"
        "8\",\"dev\":\"eth0\",\"gateway\":\"10.0.0.1\",\"metric\":5}]";
    static const char letters[] = "[]{}\",:0-e \\nt";
    VsRng rng;
    unsigned n_refused = 0;

    vs_rng_init(&rng, 1, "test", "damage");
    for (unsigned i = 0; i < 20000; i++) {
        char text[sizeof(good)];
        GError *errors[2] = {NULL, NULL};
        GArray *lists[2];

        memcpy(text, good, sizeof(good));
        for (unsigned j = 0; j <= i % 3; j++) {
            text[vs_rng_below(&rng, sizeof(good) - 1)] =
                letters[vs_rng_below(&rng, sizeof(letters) - 1)];
        }
        lists[0] = addresses(text, &errors[0]);
        lists[1] = routes(text, &errors[1]);
        for (unsigned j = 0; j < 2; j++) {
            CU_ASSERT((lists[j] == NULL) == (errors[j] != NULL));
            n_refused += errors[j] != NULL;
            g_clear_pointer(&lists[j], g_array_unref);
            g_clear_error(&errors[j]);
        }
    }
    CU_ASSERT(n_refused > 20000); /* Routes always: ifname is no member of theirs. */
}

static const VsTestCase tests[] = {
    {"what ip prints of a machine is read", test_what_ip_prints_of_a_machine},
    {"the lowest metric wins wherever it stands",
     test_lowest_metric_wins_wherever_it_stands},
    {"routes have all their parts", test_routes_have_all_their_parts},
    {"messages are one line with the place", test_messages_are_one_line_with_the_place},
    {"damaged texts give a list or a message",
     test_damaged_texts_give_a_list_or_a_message},
    {"next hops have weights, and may be dead",
     test_next_hops_have_weights_and_may_be_dead},
    {"wrong next hops are refused", test_wrong_next_hops_are_refused},
    {0}};
VS_TESTS("import_ip")
