/* The cluster: ranges and addresses, selectors, endpoints. */
#include <glib.h>

#include "base/rng.h"
#include "base/units.h"
#include "cluster/cluster.h"
#include "tests/cluster/cluster_fixture.h"

/* ---- Nodes and pods -------------------------------------------------------------- */

static void
test_each_node_has_a_range_of_its_own(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;

    for (unsigned i = 0; i < 256; i++) {
        VsNode *node = vs_cluster_add_node(cluster, "n", NULL, &error);

        CU_ASSERT_PTR_NOT_NULL_FATAL(node);
        CU_ASSERT_EQUAL(node->index, i);
        CU_ASSERT_EQUAL(node->pod_cidr.address, NET_IP(10, 244, i, 0));
        CU_ASSERT_EQUAL(node->pod_cidr.length, 24);
    }
    CU_ASSERT_PTR_NULL(vs_cluster_add_node(cluster, "one too many", NULL, &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "\"one too many\"");
    CU_ASSERT_EQUAL(cluster->nodes->len, 256);
    vs_cluster_free(cluster);
}

static void
test_pods_get_addresses_in_turn(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;
    VsNode *nodes[2];
    VsPod *pod;

    nodes[0] = vs_cluster_add_node(cluster, "n1", NULL, &error);
    nodes[1] = vs_cluster_add_node(cluster, "n2", NULL, &error);
    for (unsigned i = 2; i <= 254; i++) { /* .0 is the net, .1 the bridge, .255 all. */
        for (unsigned k = 0; k < 2; k++) {
            pod = vs_cluster_add_pod(cluster, "p", nodes[k], NULL, no_labels(), &error);
            CU_ASSERT_PTR_NOT_NULL_FATAL(pod);
            CU_ASSERT_EQUAL(pod->address, NET_IP(10, 244, k, i));
            CU_ASSERT_PTR_EQUAL(pod->node, nodes[k]);
        }
    }
    CU_ASSERT_PTR_NULL(
        vs_cluster_add_pod(cluster, "late", nodes[0], NULL, no_labels(), &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "\"late\"");
    CU_ASSERT_EQUAL(cluster->pods->len, 2 * 253);
    vs_cluster_free(cluster);
}

static void
test_ranges_may_be_of_other_sizes(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;

    cluster->pod_cidr = (VsPrefix){NET_IP(172, 16, 0, 0), 25, true};
    cluster->node_cidr_length = 26;
    CU_ASSERT_EQUAL(vs_cluster_add_node(cluster, "a", NULL, &error)->pod_cidr.address,
                    NET_IP(172, 16, 0, 0));
    CU_ASSERT_EQUAL(vs_cluster_add_node(cluster, "b", NULL, &error)->pod_cidr.address,
                    NET_IP(172, 16, 0, 64));
    CU_ASSERT_PTR_NULL(vs_cluster_add_node(cluster, "c", NULL, &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "172.16.0.0/25");
    for (unsigned i = 2; i < 63; i++) {
        CU_ASSERT_EQUAL(vs_cluster_add_pod(cluster, "p", cluster->nodes->pdata[1], NULL,
                                           no_labels(), &error)
                            ->address,
                        NET_IP(172, 16, 0, 64 + i));
    }
    CU_ASSERT_PTR_NULL(vs_cluster_add_pod(cluster, "p", cluster->nodes->pdata[1], NULL,
                                          no_labels(), &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "/26");
    vs_cluster_free(cluster);

    cluster = vs_cluster_new();
    cluster->pod_cidr =
        (VsPrefix){NET_IP(10, 0, 0, 0), 25, true}; /* Less than a node's. */
    CU_ASSERT_PTR_NULL(vs_cluster_add_node(cluster, "a", NULL, &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "\"a\"");
    vs_cluster_free(cluster);
    vs_cluster_free(NULL);
}

static void
test_things_are_found_by_name(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsService service = {.name = "shop", .port = 80, .selector = no_labels()};
    GError *error = NULL;
    VsNode *node = vs_cluster_add_node(cluster, "n1", NULL, &error);
    VsPod *pod = vs_cluster_add_pod(cluster, "web", node, NULL, no_labels(), &error);
    VsService *added = vs_cluster_add_service(cluster, &service, &error);

    CU_ASSERT_PTR_EQUAL(vs_cluster_find_node(cluster, "n1"), node);
    CU_ASSERT_PTR_NULL(vs_cluster_find_node(cluster, "n"));
    CU_ASSERT_PTR_EQUAL(vs_cluster_find_pod(cluster, "web"), pod);
    CU_ASSERT_PTR_NULL(vs_cluster_find_pod(cluster, "n1"));
    CU_ASSERT_PTR_EQUAL(vs_cluster_find_service(cluster, "shop"), added);
    CU_ASSERT_PTR_NULL(vs_cluster_find_service(cluster, "web"));
    vs_cluster_free(cluster);
}

static void
test_port_of_a_pod_has_one_owner(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;
    VsNode *node = vs_cluster_add_node(cluster, "n1", NULL, &error);
    VsPod *pod = vs_cluster_add_pod(cluster, "web", node, NULL, no_labels(), &error);
    const VsPodPort *owner;

    CU_ASSERT_PTR_NULL(vs_pod_find_port(pod, VS_PROTOCOL_TCP, 80));
    CU_ASSERT_PTR_NULL(vs_pod_open_port(pod, VS_PROTOCOL_TCP, 80, "nginx", NULL));
    CU_ASSERT_PTR_NULL(vs_pod_open_port(pod, VS_PROTOCOL_TCP, 81, "status", NULL));
    owner = vs_pod_open_port(pod, VS_PROTOCOL_TCP, 80, "apache", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(owner);
    CU_ASSERT_STRING_EQUAL(owner->container, "nginx");
    CU_ASSERT_EQUAL(pod->n_ports, 2);
    CU_ASSERT_STRING_EQUAL(vs_pod_find_port(pod, VS_PROTOCOL_TCP, 81)->container,
                           "status");
    vs_cluster_free(cluster);
}

/* ---- Labels ---------------------------------------------------------------------- */

static int
compare_labels(const void *a, const void *b)
{
    return strcmp(((const VsLabel *)a)->key, ((const VsLabel *)b)->key);
}

static bool
slow_match(const VsLabels *labels, const VsLabels *selector)
{
    for (unsigned i = 0; i < selector->n_labels; i++) {
        bool is_there = false;

        for (unsigned k = 0; k < labels->n_labels; k++) {
            is_there |= strcmp(labels->labels[k].key, selector->labels[i].key) == 0 &&
                        strcmp(labels->labels[k].value, selector->labels[i].value) == 0;
        }
        if (!is_there) {
            return false;
        }
    }
    return selector->n_labels > 0;
}

static void
random_labels(VsRng *rng, VsLabel *labels, VsLabels *ret)
{
    static const char *const keys[] = {"a", "app", "apple", "b", "tier", "z"};
    static const char *const values[] = {"", "x", "xy"};
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (vs_rng_below(rng, 2)) {
            labels[n++] = (VsLabel){keys[i], values[vs_rng_below(rng, 3)]};
        }
    }
    qsort(labels, n, sizeof(*labels), compare_labels);
    *ret = labels_of(labels, n);
}

static void
test_labels_match_as_in_a_slow_twin(void)
{
    unsigned n_matches = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "cluster", "labels");
    for (unsigned i = 0; i < 20000; i++) {
        VsLabel some[6], others[6];
        VsLabels labels, selector;
        unsigned n_max = (unsigned)vs_rng_below(&rng, 4);

        random_labels(&rng, some, &labels);
        random_labels(&rng, others, &selector);
        selector.n_labels = MIN(selector.n_labels, n_max);
        CU_ASSERT_EQUAL(vs_labels_match(&labels, &selector),
                        slow_match(&labels, &selector));
        n_matches += vs_labels_match(&labels, &selector);
    }
    CU_ASSERT(n_matches > 500 && n_matches < 15000);
}

static void
test_empty_selector_matches_nothing(void)
{
    VsLabel app[] = {{"app", "shop"}};
    VsLabels labels = labels_of(app, 1);

    CU_ASSERT_FALSE(vs_labels_match(&labels, no_labels()));
    CU_ASSERT_FALSE(vs_labels_match(no_labels(), no_labels()));
    CU_ASSERT_FALSE(vs_labels_match(no_labels(), &labels));
    CU_ASSERT(vs_labels_match(&labels, &labels));
}

/* ---- Endpoints ------------------------------------------------------------------- */

/* kube-proxy sorts endpoints as text: .10 comes before .2. */
static void
test_endpoints_in_the_order_of_their_text(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsLabel shop[] = {{"app", "shop"}};
    VsLabels labels = labels_of(shop, 1);
    VsService wanted = {
        .name = "shop", .port = 80, .target_port = 8080, .selector = &labels};
    GError *error = NULL;
    VsService *service;
    VsNode *node;

    for (unsigned i = 0; i < 12; i++) {
        node = vs_cluster_add_node(cluster, "n", NULL, &error);
        for (unsigned k = 0; k < 12; k++) {
            VsPod *pod = vs_cluster_add_pod(cluster, "p", node, NULL, &labels, &error);

            vs_pod_open_port(pod, VS_PROTOCOL_TCP, 8080, "web", NULL);
        }
    }
    service = vs_cluster_add_service(cluster, &wanted, &error);
    vs_cluster_complete(cluster);
    CU_ASSERT_EQUAL(service->n_endpoints, 144);
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        const VsEndpoint *endpoint = &service->endpoints[i];
        g_autofree char *text = vs_format_ipv4(endpoint->address);

        CU_ASSERT_EQUAL(endpoint->share, i);
        CU_ASSERT_EQUAL(endpoint->port, 8080);
        CU_ASSERT_EQUAL(endpoint->address, endpoint->pod->address);
        if (i > 0) {
            g_autofree char *before = vs_format_ipv4(endpoint[-1].address);

            CU_ASSERT(strcmp(before, text) < 0);
        }
    }
    CU_ASSERT_EQUAL(service->endpoints[0].address, NET_IP(10, 244, 0, 10));
    CU_ASSERT_EQUAL(service->endpoints[4].address, NET_IP(10, 244, 0, 2));
    CU_ASSERT_EQUAL(service->endpoints[24].address, NET_IP(10, 244, 10, 10));
    vs_cluster_free(cluster);
}

static void
test_endpoints_are_chosen_by_labels_and_port(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsLabel shop_front[] = {{"app", "shop"}, {"tier", "front"}};
    VsLabel shop_back[] = {{"app", "shop"}, {"tier", "back"}};
    VsLabel blog[] = {{"app", "blog"}, {"tier", "front"}};
    VsLabels kinds[] = {labels_of(shop_front, 2), labels_of(shop_back, 2),
                        labels_of(blog, 2)};
    VsLabels shop = labels_of(shop_front, 1); /* app=shop */
    VsLabels front = labels_of(&shop_front[1], 1);
    VsService services[] = {
        {.name = "shop", .port = 80, .target_port = 8080, .selector = &shop},
        {.name = "front", .port = 80, .target_port = 8080, .selector = &front},
        {.name = "shop front", .port = 80, .target_port = 8080, .selector = &kinds[0]},
        {.name = "status", .port = 80, .target_port = 9090, .selector = &shop},
        {.name = "nobody", .port = 80, .target_port = 8080, .selector = no_labels()},
    };
    const unsigned n_right[] = {2, 2, 1, 1, 0};
    GError *error = NULL;
    VsNode *node = vs_cluster_add_node(cluster, "n", NULL, &error);

    for (unsigned i = 0; i < G_N_ELEMENTS(services); i++) {
        vs_cluster_add_service(cluster, &services[i], &error);
    }
    for (unsigned i = 0; i < 3; i++) {
        VsPod *pod = vs_cluster_add_pod(cluster, "p", node, NULL, &kinds[i], &error);

        vs_pod_open_port(pod, VS_PROTOCOL_TCP, 8080, "web", NULL);
        if (i == 1) {
            vs_pod_open_port(pod, VS_PROTOCOL_TCP, 9090, "web", NULL);
        }
    }
    for (unsigned times = 0; times < 2; times++) { /* Computing it anew is fine. */
        vs_cluster_complete(cluster);
        for (unsigned i = 0; i < G_N_ELEMENTS(services); i++) {
            const VsService *service = cluster->services->pdata[i];

            CU_ASSERT_EQUAL(service->n_endpoints, n_right[i]);
        }
    }
    CU_ASSERT_EQUAL(((VsService *)cluster->services->pdata[3])->endpoints[0].port,
                    9090);
    vs_cluster_free(cluster);
}

/* ready: serving and not terminating, or published whatever it is. */
static void
test_conditions_decide_who_is_ready(void)
{
    static const struct {
        VsPodCondition condition;
        bool is_serving, is_terminating;
    } rows[] = {
        {VS_POD_READY, true, false},
        {VS_POD_UNREADY, false, false},
        {VS_POD_TERMINATING, true, true},
        {VS_POD_TERMINATING_UNREADY, false, true},
    };
    VsCluster *cluster = vs_cluster_new();
    VsLabel shop[] = {{"app", "shop"}};
    VsLabels labels = labels_of(shop, 1);
    VsService wanted = {
        .name = "shop", .port = 80, .target_port = 8080, .selector = &labels};
    GError *error = NULL;
    VsNode *node = vs_cluster_add_node(cluster, "n", NULL, &error);
    VsService *services[2];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsPod *pod = vs_cluster_add_pod(cluster, "p", node, NULL, &labels, &error);

        vs_pod_open_port(pod, VS_PROTOCOL_TCP, 8080, "web", NULL);
        pod->condition = rows[i].condition;
    }
    services[0] = vs_cluster_add_service(cluster, &wanted, &error);
    wanted.publishes_not_ready = true;
    services[1] = vs_cluster_add_service(cluster, &wanted, &error);
    vs_cluster_complete(cluster);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const VsEndpoint *endpoint = &services[0]->all_endpoints[i];

        CU_ASSERT_EQUAL(endpoint->is_serving, rows[i].is_serving);
        CU_ASSERT_EQUAL(endpoint->is_terminating, rows[i].is_terminating);
        CU_ASSERT_EQUAL(endpoint->is_ready, i == 0);
        CU_ASSERT(services[1]->all_endpoints[i].is_ready);
    }
    CU_ASSERT_EQUAL(services[0]->n_all_endpoints, 4);
    CU_ASSERT_EQUAL(services[0]->n_endpoints, 1);
    CU_ASSERT_EQUAL(services[1]->n_endpoints, 4);
    CU_ASSERT_EQUAL(services[1]->endpoints[3].share, 3);
    vs_cluster_free(cluster);
}

/* ---- Routes ---------------------------------------------------------------------- */

static void
test_pod_ranges_are_routed_through_their_nodes(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;
    const VsRoute *route;
    VsHost *router;
    VsNode *nodes[3];
    Net net;

    net_init(&net);
    router = net_host(&net, "router");
    net_card(router, "eth0", NET_IP(192, 168, 0, 254), 24);
    for (unsigned i = 0; i < 3; i++) {
        VsHost *host = net_host(&net, "node");

        /* The last one is on another link. */
        net_card(host, "eth0",
                 i < 2 ? NET_IP(192, 168, 0, 1 + i) : NET_IP(172, 16, 0, 1), 24);
        nodes[i] = vs_cluster_add_node(cluster, "n", host, &error);
    }
    CU_ASSERT_PTR_EQUAL(vs_cluster_add_pod_routes(cluster, router->root), nodes[2]);
    for (unsigned i = 0; i < 2; i++) {
        route = vs_routes_find(&router->root->routes, NET_IP(10, 244, i, 7));
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        CU_ASSERT_EQUAL(route->via, NET_IP(192, 168, 0, 1 + i));
    }
    CU_ASSERT_PTR_NULL(vs_routes_find(&router->root->routes, NET_IP(10, 244, 2, 7)));

    vs_cluster_add_pod_routes(cluster, nodes[0]->host->root); /* Not to itself. */
    CU_ASSERT_PTR_NULL(
        vs_routes_find(&nodes[0]->host->root->routes, NET_IP(10, 244, 0, 7)));
    CU_ASSERT_EQUAL(
        vs_routes_find(&nodes[0]->host->root->routes, NET_IP(10, 244, 1, 7))->via,
        NET_IP(192, 168, 0, 2));
    vs_cluster_free(cluster);
    net_clear(&net);
}

static const VsTestCase tests[] = {
    {"each node has a range of its own", test_each_node_has_a_range_of_its_own},
    {"pods get addresses in turn", test_pods_get_addresses_in_turn},
    {"ranges may be of other sizes", test_ranges_may_be_of_other_sizes},
    {"things are found by name", test_things_are_found_by_name},
    {"a port of a pod has one owner", test_port_of_a_pod_has_one_owner},
    {"labels match as in a slow twin", test_labels_match_as_in_a_slow_twin},
    {"an empty selector matches nothing", test_empty_selector_matches_nothing},
    {"endpoints are in the order of their text",
     test_endpoints_in_the_order_of_their_text},
    {"endpoints are chosen by labels and port",
     test_endpoints_are_chosen_by_labels_and_port},
    {"conditions decide who is ready", test_conditions_decide_who_is_ready},
    {"pod ranges are routed through their nodes",
     test_pod_ranges_are_routed_through_their_nodes},
    {0},
};
VS_TESTS("cluster")
