/* What a scenario says of services and kube-proxy: how it reaches the cluster, and what of it
 * is refused. */
#include "models/fixture.h"

static void
test_services_with_several_ports(void)
{
    Model *model = model_new("<node id='n1'><pod id='p' labels='app=web'>"
                             "<container id='web'/><container id='dns' "
                             "protocol='udp'/></pod></node>"
                             "<service id='s' namespace='shop' port-name='http' "
                             "type='NodePort' target-port='8080' select='app=web'>"
                             "<port name='dns' protocol='udp' port='80' "
                             "node-port='30080' target-port='8080'/>"
                             "<port name='other' port='81'/></service>");
    const GPtrArray *services = model->build->cluster->services;
    const VsService *first = services->pdata[0];
    const VsService *second = services->pdata[1];
    const VsService *third = services->pdata[2];

    CU_ASSERT_EQUAL(services->len, 3);
    CU_ASSERT_PTR_EQUAL(model_service(model, "s"), first);
    CU_ASSERT_STRING_EQUAL(second->name_space, "shop");
    CU_ASSERT_STRING_EQUAL(second->port_name, "dns");
    CU_ASSERT_EQUAL(second->protocol, VS_PROTOCOL_UDP);
    CU_ASSERT_EQUAL(second->cluster_ip, first->cluster_ip);
    CU_ASSERT_EQUAL(second->node_port, 30080);
    CU_ASSERT_EQUAL(second->n_endpoints, 1);
    CU_ASSERT_PTR_NOT_EQUAL(second->shares, first->shares);
    CU_ASSERT_EQUAL(second->shares->n_shares, 1);
    CU_ASSERT_EQUAL(third->cluster_ip, first->cluster_ip);
    CU_ASSERT_EQUAL(third->node_port, 30001);
    CU_ASSERT_EQUAL(third->n_endpoints, 0); /* Nobody listens at 81. */
    model_free(model);
}

static void
test_attributes_reach_the_cluster(void)
{
    Model *model = model_new(
        "<cluster proxy='nftables' masquerade-all='yes' "
        "node-port-addresses='172.16.0.0/16 10.0.0.1'/>"
        "<node id='n1'><pod id='p' labels='app=web' condition='terminating'>"
        "<container id='web'/></pod></node><node id='n2' proxy='iptables'/>"
        "<switch id='sw'/><link from='n1' to='sw'/><link from='n2' to='sw'/>"
        "<lb id='edge' service='s'/><link from='edge' to='sw'/>"
        "<service id='s' type='LoadBalancer' target-port='8080' select='app=web' "
        "external-ips='192.0.2.1 192.0.2.2' session-affinity='ClientIP' "
        "affinity-timeout='1min' external-traffic-policy='Local' "
        "internal-traffic-policy='Local' health-check-node-port='32000' "
        "load-balancer-source-ranges='203.0.113.0/24' "
        "publish-not-ready-addresses='yes'/>");
    const VsCluster *cluster = model->build->cluster;
    const VsService *service = model_service(model, "s");

    CU_ASSERT(cluster->masquerades_all);
    CU_ASSERT_EQUAL(cluster->node_port_addresses, VS_NODE_PORTS_PREFIXES);
    CU_ASSERT_EQUAL(cluster->node_port_prefixes->len, 2);
    CU_ASSERT_EQUAL(model_node(model, "n1")->proxy_mode, VS_PROXY_NFTABLES);
    CU_ASSERT_EQUAL(model_node(model, "n2")->proxy_mode, VS_PROXY_IPTABLES);
    CU_ASSERT_EQUAL(model_pod(model, "p")->condition, VS_POD_TERMINATING);
    CU_ASSERT_EQUAL(service->n_external_ips, 2);
    CU_ASSERT_EQUAL(service->external_ips[1], 0xc0000202);
    CU_ASSERT_EQUAL(service->affinity_s, 60);
    CU_ASSERT(service->is_external_local);
    CU_ASSERT(service->is_internal_local);
    CU_ASSERT_EQUAL(service->health_check_node_port, 32000);
    CU_ASSERT_EQUAL(service->source_ranges[0].length, 24);
    CU_ASSERT_EQUAL(service->n_endpoints, 1);
    model_free(model);
}

static void
test_idle_attributes_are_refused(void)
{
    static const char *const rows[] = {
        "load-balancer-source-ranges='10.0.0.0/8' type='NodePort'",
        "load-balancer-source-ranges='10.0.0.0/8' type='LoadBalancer'",
        "external-traffic-policy='Local'",
        "affinity-timeout='10s'",
        "health-check-node-port='30000' type='LoadBalancer'",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        model_check_error("has no effect", "<service id='s' select='a=b' %s/>",
                          rows[i]);
    }
    model_check_error("single addresses",
                      "<service id='s' select='a=b' external-ips='10.0.0.0/8'/>");
    model_check_error("whole seconds",
                      "<service id='s' select='a=b' session-affinity='ClientIP' "
                      "affinity-timeout='1500ms'/>");
    model_check_error("is no name", "<service id='s' select='a=b' namespace='A'/>");
    model_check_error("port-name", "<service id='s' select='a=b'>"
                                   "<port name='p' port='81'/></service>");
    model_check_error("want the same", "<service id='s' select='a=b' port-name='a'>"
                                       "<port name='p' port='80'/></service>");
    model_check_error("no effect", "<service id='s' select='a=b' port-name='a'>"
                                   "<port name='p' port='81' node-port='30000'/>"
                                   "</service>");
    model_check_error("leave one out",
                      "<cluster node-ports='all' node-port-addresses='10.0.0.0/8'/>");
}

static void
test_wrong_configurations_are_refused(void)
{
    model_check_error("has no effect",
                      "<service id='s' node-port='30080' select='a=b'/>");
    model_check_error("", "<service id='s' select=''/>");
    model_check_error("30000",
                      "<service id='s' type='NodePort' node-port='80' select='a=b'/>");
    model_check_error(
        "want the same",
        "<service id='s' type='NodePort' node-port='30080' select='a=b'/>"
        "<service id='t' type='NodePort' node-port='30080' select='a=b'/>");
    model_check_error("want the same",
                      "<service id='s' cluster-ip='10.96.0.50' select='a=b'/>"
                      "<service id='t' cluster-ip='10.96.0.50' select='a=b'/>");
}

static const VsTestCase tests[] = {
    {"services with several ports", test_services_with_several_ports},
    {"attributes reach the cluster", test_attributes_reach_the_cluster},
    {"attributes that say nothing are refused", test_idle_attributes_are_refused},
    {"configurations that cannot be are refused",
     test_wrong_configurations_are_refused},
    {0},
};

VS_TESTS("kubeproxy config")
