/* Services of the cluster: addresses and ports, given and chosen, until they run out. */
#include <glib.h>

#include "base/units.h"
#include "tests/cluster/cluster_fixture.h"

static VsService *
add_service(VsCluster *cluster, const char *name, VsServiceType type, VsAddr cluster_ip,
            uint16_t port, uint16_t node_port, GError **error)
{
    VsService service = {.name = name,
                         .type = type,
                         .cluster_ip = cluster_ip,
                         .port = port,
                         .target_port = 8080,
                         .node_port = node_port,
                         .selector = no_labels()};

    return vs_cluster_add_service(cluster, &service, error);
}

static void
test_services_get_addresses_and_ports(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;
    VsService *service;

    service = add_service(cluster, "a", VS_SERVICE_CLUSTER_IP, 0, 80, 0, &error);
    CU_ASSERT_EQUAL(service->cluster_ip, NET_IP(10, 96, 0, 11));
    CU_ASSERT_EQUAL(service->node_port, 0);
    CU_ASSERT_EQUAL(service->index, 0);
    service = add_service(cluster, "b", VS_SERVICE_NODE_PORT, 0, 80, 0, &error);
    CU_ASSERT_EQUAL(service->cluster_ip, NET_IP(10, 96, 0, 12));
    CU_ASSERT_EQUAL(service->node_port, 30000);
    service = add_service(cluster, "c", VS_SERVICE_LOAD_BALANCER, 0, 80, 0, &error);
    CU_ASSERT_EQUAL(service->node_port, 30001);
    CU_ASSERT_EQUAL(service->index, 2);
    service = add_service(cluster, "d", VS_SERVICE_NODE_PORT, NET_IP(10, 96, 0, 10), 53,
                          31000, &error);
    CU_ASSERT_EQUAL(service->cluster_ip, NET_IP(10, 96, 0, 10));
    CU_ASSERT_EQUAL(service->node_port, 31000);
    CU_ASSERT_PTR_NULL(error);
    vs_cluster_free(cluster);
}

static void
test_two_that_want_the_same_clash(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsAddr ip = NET_IP(10, 96, 0, 50);
    GError *error = NULL;

    CU_ASSERT_PTR_NOT_NULL(
        add_service(cluster, "first", VS_SERVICE_NODE_PORT, ip, 80, 30080, &error));
    CU_ASSERT_PTR_NULL(
        add_service(cluster, "second", VS_SERVICE_CLUSTER_IP, ip, 80, 0, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"first\" and \"second\"");
    CU_ASSERT_PTR_NULL(
        add_service(cluster, "third", VS_SERVICE_NODE_PORT, 0, 80, 30080, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "node-port");
    CU_ASSERT_PTR_NOT_NULL(
        add_service(cluster, "other port", VS_SERVICE_CLUSTER_IP, ip, 81, 0, &error));
    CU_ASSERT_EQUAL(cluster->services->len, 2);
    vs_cluster_free(cluster);
}

static const VsService *
add_external(VsCluster *cluster, const char *name, uint16_t port, VsAddr ip,
             GError **error)
{
    VsService wanted = {.name = name,
                        .port = port,
                        .target_port = port,
                        .n_external_ips = 1,
                        .external_ips = &ip,
                        .selector = no_labels()};

    return vs_cluster_add_service(cluster, &wanted, error);
}

static void
test_an_address_and_port_lead_to_one_service(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsAddr ip = NET_IP(198, 51, 100, 5);
    VsAddr vip = NET_IP(203, 0, 113, 10);
    const VsService *first, *second;
    GError *error = NULL;

    first = add_external(cluster, "first", 80, ip, &error);
    CU_ASSERT_PTR_NULL(add_external(cluster, "second", 80, ip, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"first\" and \"second\"");
    CU_ASSERT_PTR_NULL(add_external(cluster, "third", 80, first->cluster_ip, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"first\" and \"third\"");
    second = add_external(cluster, "other port", 81, ip, &error);
    CU_ASSERT_PTR_NOT_NULL(second);
    CU_ASSERT_PTR_EQUAL(vs_cluster_find_claim(cluster, second, ip), second);
    CU_ASSERT_PTR_EQUAL(vs_cluster_find_claim(cluster, first, ip), first);

    /* A load balancer comes too late for its VIP. */
    second = add_external(cluster, "taker", 80, vip, &error);
    first =
        add_service(cluster, "balanced", VS_SERVICE_LOAD_BALANCER, 0, 80, 0, &error);
    vs_cluster_add_load_balancer(cluster, "balanced", vip);
    vs_cluster_complete(cluster);
    CU_ASSERT_EQUAL(first->load_balancer_ip, vip);
    CU_ASSERT_PTR_EQUAL(vs_cluster_find_claim(cluster, first, vip), second);
    vs_cluster_free(cluster);
}

/* A service that was refused has left nothing behind. */
static void
test_a_refused_service_claims_nothing(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsAddr ip = NET_IP(10, 96, 0, 50);
    GError *error = NULL;

    CU_ASSERT_PTR_NOT_NULL(
        add_service(cluster, "first", VS_SERVICE_CLUSTER_IP, ip, 80, 0, &error));
    CU_ASSERT_PTR_NULL(add_external(cluster, "second", 80, ip, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"second\"");
    CU_ASSERT_PTR_NOT_NULL(add_service(cluster, "third", VS_SERVICE_CLUSTER_IP,
                                       NET_IP(10, 96, 0, 11), 80, 0, &error));
    vs_cluster_free(cluster);
}

/* One port number may serve TCP and UDP. */
static void
test_protocols_share_addresses_and_ports(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsService wanted = {.name = "dns",
                        .type = VS_SERVICE_NODE_PORT,
                        .cluster_ip = NET_IP(10, 96, 0, 10),
                        .port = 53,
                        .target_port = 53,
                        .node_port = 30053,
                        .selector = no_labels()};
    GError *error = NULL;

    CU_ASSERT_PTR_NOT_NULL(vs_cluster_add_service(cluster, &wanted, &error));
    wanted.protocol = VS_PROTOCOL_UDP;
    CU_ASSERT_PTR_NOT_NULL(vs_cluster_add_service(cluster, &wanted, &error));
    CU_ASSERT_PTR_NULL(vs_cluster_add_service(cluster, &wanted, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"dns\"");
    vs_cluster_free(cluster);
}

/* Kubernetes keeps a node port for the health check of balanced services of policy Local,
 * and only of them. */
static void
test_health_checks_get_node_ports(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsService wanted = {.name = "a",
                        .type = VS_SERVICE_LOAD_BALANCER,
                        .port = 80,
                        .target_port = 80,
                        .selector = no_labels()};
    GError *error = NULL;
    const VsService *service;

    service = vs_cluster_add_service(cluster, &wanted, &error);
    CU_ASSERT_EQUAL(service->node_port, 30000);
    CU_ASSERT_EQUAL(service->health_check_node_port, 0);
    wanted.name = "b";
    wanted.is_external_local = true;
    service = vs_cluster_add_service(cluster, &wanted, &error);
    CU_ASSERT_EQUAL(service->node_port, 30001);
    CU_ASSERT_EQUAL(service->health_check_node_port, 30002);
    wanted.name = "c";
    wanted.node_port = 30002;
    CU_ASSERT_PTR_NULL(vs_cluster_add_service(cluster, &wanted, &error));
    check_error(&error, VS_CLUSTER_ERROR_CLASH, "\"b\" and \"c\"");
    vs_cluster_free(cluster);
}

/* The lists are the cluster's own copies. */
static void
test_lists_of_services_are_copied(void)
{
    VsCluster *cluster = vs_cluster_new();
    VsAddr external_ips[] = {NET_IP(192, 0, 2, 1), NET_IP(192, 0, 2, 2)};
    VsPrefix ranges[] = {{NET_IP(203, 0, 113, 0), 24, true}};
    VsService wanted = {.name = "a",
                        .port = 80,
                        .n_external_ips = 2,
                        .external_ips = external_ips,
                        .n_source_ranges = 1,
                        .source_ranges = ranges,
                        .selector = no_labels()};
    GError *error = NULL;
    const VsService *service = vs_cluster_add_service(cluster, &wanted, &error);

    external_ips[1] = 0;
    ranges[0].length = 0;
    CU_ASSERT_EQUAL(service->external_ips[1], NET_IP(192, 0, 2, 2));
    CU_ASSERT_EQUAL(service->source_ranges[0].length, 24);
    CU_ASSERT_STRING_EQUAL(service->name_space, "default");
    CU_ASSERT_STRING_EQUAL(service->port_name, "");
    CU_ASSERT_EQUAL(service->protocol, VS_PROTOCOL_TCP);
    CU_ASSERT(vs_service_is_external(service));
    vs_cluster_free(cluster);
}

/* What is given steps around what was asked for. */
static void
test_given_addresses_and_ports_are_free(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;
    VsService *service;

    add_service(cluster, "a", VS_SERVICE_CLUSTER_IP, NET_IP(10, 96, 0, 11), 80, 0,
                &error);
    add_service(cluster, "b", VS_SERVICE_NODE_PORT, NET_IP(10, 96, 0, 12), 80, 30000,
                &error);
    service = add_service(cluster, "c", VS_SERVICE_NODE_PORT, 0, 80, 0, &error);
    CU_ASSERT_EQUAL(service->cluster_ip, NET_IP(10, 96, 0, 13));
    CU_ASSERT_EQUAL(service->node_port, 30001);
    vs_cluster_free(cluster);
}

static void
test_addresses_and_ports_run_out(void)
{
    VsCluster *cluster = vs_cluster_new();
    GError *error = NULL;

    cluster->service_cidr =
        (VsPrefix){NET_IP(10, 96, 0, 0), 28, true}; /* .11 to .14. */
    for (unsigned i = 11; i <= 14; i++) {
        CU_ASSERT_EQUAL(
            add_service(cluster, "s", VS_SERVICE_CLUSTER_IP, 0, 80, 0, &error)
                ->cluster_ip,
            NET_IP(10, 96, 0, i));
    }
    CU_ASSERT_PTR_NULL(
        add_service(cluster, "late", VS_SERVICE_CLUSTER_IP, 0, 80, 0, &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "10.96.0.0/28");
    CU_ASSERT_EQUAL(cluster->services->len, 4);
    vs_cluster_free(cluster);

    cluster = vs_cluster_new();
    for (unsigned i = 30000; i <= 32767; i++) {
        CU_ASSERT_EQUAL(
            add_service(cluster, "s", VS_SERVICE_NODE_PORT, 0, 80, 0, &error)
                ->node_port,
            i);
    }
    CU_ASSERT_PTR_NULL(
        add_service(cluster, "late", VS_SERVICE_NODE_PORT, 0, 80, 0, &error));
    check_error(&error, VS_CLUSTER_ERROR_EXHAUSTED, "\"late\"");
    vs_cluster_free(cluster);
}

static const VsTestCase tests[] = {
    {"services get addresses and node ports", test_services_get_addresses_and_ports},
    {"an address and port lead to one service",
     test_an_address_and_port_lead_to_one_service},
    {"a refused service claims nothing", test_a_refused_service_claims_nothing},
    {"two that want the same clash", test_two_that_want_the_same_clash},
    {"given addresses and ports are free", test_given_addresses_and_ports_are_free},
    {"addresses and ports run out", test_addresses_and_ports_run_out},
    {"protocols share addresses and ports", test_protocols_share_addresses_and_ports},
    {"health checks get node ports", test_health_checks_get_node_ports},
    {"lists of services are copied", test_lists_of_services_are_copied},
    {0},
};

VS_TESTS("services")
