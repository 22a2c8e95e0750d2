/* healthCheckNodePort: what nodes answer there, and load balancers that ask. */
#include "models/fixture.h"

/* Nodes at 172.16.0.1 and .2, and a load balancer whose client asks 20 times a second.  Of
 * two nodes the first is checked at 0, 1, ... s, the second at 0.5, 1.5, ... s. */
#define SITE(cluster, lb, service, pods)                                             \
    "%s<cluster " cluster "/>"                                                       \
    "<switch id='sw' subnet='172.16.0.0/24'/>"                                       \
    "<node id='n' count='2' costs='free'/><link from='n' to='sw'/>"                  \
    "<lb id='edge' service='s' costs='free' health-interval='1s' healthy-after='2'"  \
    " health-timeout='400ms' " lb "/><link from='edge' to='sw'/>"                    \
    "<client id='c' costs='free' to='http://203.0.113.10/' timeout='300ms'"          \
    " arrivals='constant(20/s)'/><link from='c' to='edge'/>"                         \
    "<service id='s' node-port='30080' target-port='8080' select='app=web' " service \
    "/>" pods
#define NOW "endpoint-delay='0s' "
#define LOCAL                                              \
    "type='LoadBalancer' external-traffic-policy='Local' " \
    "health-check-node-port='32000'"
#define POD(id, node, attributes)                                      \
    "<pod id='" id "' nodes='n-" node "' labels='app=web' " attributes \
    "><container id='c' service-time='1us'/></pod>"
#define NODE(n) (0xac100000 + (n))

static uint64_t
share(const Model *model, const char *node)
{
    return model_share(model, "edge", "backends", node);
}

static uint64_t
transitions(const Model *model)
{
    return model_counter(model, "edge", "transitions");
}

/* ---- Load balancers --------------------------------------------------------------- */

/* The second node's checks at 0.5, 1.5 and 2.5 s are answered by 503.  Its pod is ready at
 * 10 s, those at 10.5 and 11.5 s by 200. */
static void
test_a_node_without_local_pods_is_taken_out(void)
{
    Model *model = model_new(
        SITE(NOW, "", LOCAL, POD("p", "1", "") POD("q", "2", "ready-at='10s'")),
        model_free_costs);
    uint64_t n_lost, n_far;

    model_run(model, 2500 * VS_MS);
    CU_ASSERT_EQUAL(transitions(model), 0);
    model_run(model, 2501 * VS_MS);
    CU_ASSERT_EQUAL(transitions(model), 1);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"), 3);
    n_far = share(model, "n-2");
    CU_ASSERT_EQUAL(n_far, 25); /* Of 51, at 0 to 2.5 s. */

    model_run(model, 3 * VS_S);
    n_lost = model_counter(model, "c", "error-timeout");
    CU_ASSERT_EQUAL(n_lost, n_far);
    model_run(model, 11500 * VS_MS);
    CU_ASSERT_EQUAL(share(model, "n-2"), n_far);
    CU_ASSERT_EQUAL(transitions(model), 1);
    model_run(model, 11501 * VS_MS);
    CU_ASSERT_EQUAL(transitions(model), 2);
    model_run(model, 13500 * VS_MS);
    CU_ASSERT_EQUAL(share(model, "n-2"), n_far + 20); /* Half of 40. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), n_lost);
    model_free(model);
}

/* A pod that terminates serves on, but does not count: its node leaves in time. */
static void
test_a_node_leaves_while_its_pod_terminates(void)
{
    Model *model = model_new(SITE(NOW, "", LOCAL,
                                  POD("p", "1", "terminates-at='5.5s' grace='20s'")
                                      POD("q", "2", "")),
                             model_free_costs);

    model_run(model, 8 * VS_S); /* Checks of 6, 7 and 8 s. */
    CU_ASSERT_EQUAL(transitions(model), 0);
    model_run(model, 8001 * VS_MS);
    CU_ASSERT_EQUAL(transitions(model), 1);
    model_run(model, 40 * VS_S);
    CU_ASSERT_EQUAL(transitions(model), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 0);
    CU_ASSERT_EQUAL(share(model, "n-1"), 81); /* Of 161 requests, at 0 to 8 s. */
    model_free(model);
}

/* Of other services nodes are asked by a connection to the node port, and pods themselves. */
static void
test_other_services_are_asked_at_their_ports(void)
{
    static const struct {
        const char *service;
        const char *lb;
        uint16_t port;
        bool is_answered; /* Of the second node, which has no pod. */
    } cases[] = {
        {LOCAL, "", 32000, false},
        {"type='LoadBalancer'", "", 30080, true},
        {"type='NodePort'", "", 30080, true},
        {"type='NodePort' external-traffic-policy='Local'", "", 30080, false},
        {LOCAL, "target='pods'", 8080, true},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(SITE("", "%s", "%s", POD("p", "1", "")),
                                 model_free_costs, cases[i].lb, cases[i].service);
        Tap *tap = tap_new(model_host(model, "edge")->root, VS_HOOK_OUTPUT);
        bool is_alone = cases[i].port == 8080; /* The only backend. */

        model_run(model, 1990 * VS_MS);
        CU_ASSERT_EQUAL(tap_count(tap, VS_TCP_SYN), is_alone ? 2 : 4);
        CU_ASSERT_EQUAL(tap_find(tap, VS_TCP_SYN, 0)->flow.dport, cases[i].port);
        CU_ASSERT_EQUAL(model_counter(model, "edge", "checks-failed"),
                        cases[i].is_answered ? 0 : 2);
        model_free(model);
        tap_free(tap);
    }
}

/* ---- Nodes ------------------------------------------------------------------------ */

typedef struct Answer {
    unsigned status; /* 0: none. */
    uint64_t body_bytes;
} Answer;

static void
asker_connected(VsTcp *tcp)
{
    VsPayload request = {.kind = VS_PAYLOAD_HTTP,
                         .http = {.is_close = true, .head_bytes = 50}};

    vs_tcp_send(tcp, &request, 50);
}

static void
asker_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Answer *answer = vs_tcp_user(tcp);

    CU_ASSERT_EQUAL(bytes, payload->http.head_bytes + payload->http.body_bytes);
    answer->status = payload->http.status;
    answer->body_bytes = payload->http.body_bytes;
    vs_tcp_close(tcp);
}

static void
asker_finished(VsTcp *tcp)
{
    (void)tcp;
}

static void
asker_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps asker_ops = {.connected = asker_connected,
                                   .message = asker_message,
                                   .finished = asker_finished,
                                   .broken = asker_broken};

/* What 'address' answers the load balancer at its health check node port by 'until'. */
static Answer
ask(Model *model, VsAddr address, VsTime until)
{
    Answer answer = {0};

    vs_tcp_connect(model_host(model, "edge")->root, 0, address, 32000, NULL, &asker_ops,
                   &answer);
    model_run(model, until);
    return answer;
}

static const char body[] = "{\n"
                           "\t\"service\": {\n"
                           "\t\t\"namespace\": \"default\",\n"
                           "\t\t\"name\": \"s\"\n"
                           "\t},\n"
                           "\t\"localEndpoints\": 2,\n"
                           "\t\"serviceProxyHealthy\": true\n"
                           "}";

/* Whoever translates: two pods of two ports each are here, none is there. */
static void
test_nodes_answer_by_their_local_pods(void)
{
    static const char *const clusters[] = {"proxy='iptables'", "proxy='nftables'",
                                           "proxy='ipvs'", "cni='cilium'",
                                           "node-ports='primary'"};

    for (unsigned i = 0; i < G_N_ELEMENTS(clusters); i++) {
        Model *model =
            model_new("%s<cluster %s/><switch id='sw' subnet='172.16.0.0/24'/>"
                      "<node id='n' count='2' costs='free'/><link from='n' to='sw'/>"
                      "<lb id='edge' service='s' costs='free'/><link from='edge' "
                      "to='sw'/><service id='s' target-port='8080' port-name='a' "
                      "select='app=web' " LOCAL ">"
                      "<port name='b' port='81' target-port='8081'/></service>"
                      "<pod id='p' count='2' nodes='n-1' labels='app=web'>"
                      "<container id='c'/><container id='d' port='8081'/></pod>",
                      model_free_costs, clusters[i]);
        Answer here = ask(model, NODE(1), VS_S);
        Answer there = ask(model, NODE(2), 2 * VS_S);

        CU_ASSERT_EQUAL(here.status, 200);
        CU_ASSERT_EQUAL(here.body_bytes, strlen(body));
        CU_ASSERT_EQUAL(there.status, 503);
        CU_ASSERT_EQUAL(there.body_bytes, strlen(body));
        model_free(model);
    }
}

/* The rules are written 20.5 ms after the change, and not before. */
static void
test_answers_follow_the_rules(void)
{
    Model *model = model_new(SITE(NOW "proxy='iptables'", "", LOCAL,
                                  POD("p", "1", "terminates-at='5s' grace='1s'")),
                             model_free_costs);

    CU_ASSERT_EQUAL(ask(model, NODE(1), 5 * VS_S).status, 200);
    CU_ASSERT_EQUAL(ask(model, NODE(1), 5015 * VS_MS).status, 200);
    model_run(model, 5030 * VS_MS);
    CU_ASSERT_EQUAL(ask(model, NODE(1), 5500 * VS_MS).status, 503);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"a node without local pods is taken out",
     test_a_node_without_local_pods_is_taken_out},
    {"a node leaves while its pod terminates",
     test_a_node_leaves_while_its_pod_terminates},
    {"other services are asked at their ports",
     test_other_services_are_asked_at_their_ports},
    {"nodes answer by their local pods", test_nodes_answer_by_their_local_pods},
    {"answers follow the rules", test_answers_follow_the_rules},
    {0},
};
VS_TESTS("health check")
