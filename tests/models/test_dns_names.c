/* Names of services without a cluster IP: headless ones, and other names. */
#include "models/fixture.h"

/* CoreDNS, which hears of changes at once, and a client that asks at each whole second and takes
 * the first address; the pods of "db" refuse at once. */
#define CLUSTER(coredns, delay, rest)                                              \
    "<cluster ip-masq='yes' " delay "/><node id='n' cores='4'/>"                   \
    "<service id='kube-dns' protocol='udp' port='53' cluster-ip='10.96.0.10' "     \
    "select='app=dns'/><pod id='dns' labels='app=dns'><coredns id='core' " coredns \
    "/></pod>" rest
#define CLIENT(host)                                                     \
    "<pod id='p'><client id='c' arrivals='constant(1/s)' start='500ms' " \
    "to='http://" host ":80/'/></pod>"
#define POD(id, attributes) \
    "<pod id='" id "' labels='app=db' " attributes "><container port='80'/></pod>"
#define HEADLESS "<service id='db' cluster-ip='none' select='app=db'/>"

enum { DNS_SERVICE = 0x0a60000a };

/* A question of our own, with its answer. */
typedef struct Asked {
    VsUdp socket;
    VsDns answer;
    bool is_answered;
} Asked;

static void
asked_receive(VsUdp *udp, VsPacket *packet)
{
    Asked *asked = udp->user;

    asked->answer = packet->payload.dns;
    asked->is_answered = true;
}

static const VsUdpOps asked_ops = {.receive = asked_receive};

/* What CoreDNS says now, to the client's pod; some milliseconds go by. */
static VsDns
ask(Model *model, const char *host, VsDnsType type)
{
    VsNames *names = &model->run->packets->names;
    VsPayload question = {.kind = VS_PAYLOAD_DNS};
    Asked asked = {0};

    question.dns = (VsDns){.id = 1, .type = type, .name = vs_names_intern(names, host)};
    CU_ASSERT_TRUE(vs_udp_open(&asked.socket, model_pod(model, "p")->netns, VS_ADDR_ANY,
                               0, &asked_ops, &asked));
    vs_udp_send(&asked.socket, 0, DNS_SERVICE, VS_DNS_PORT, &question,
                vs_dns_measure(&question.dns, names));
    model_run(model, vs_now(model->run) + 10 * VS_MS);
    vs_udp_close(&asked.socket);
    CU_ASSERT_TRUE(asked.is_answered);
    return asked.answer;
}

static unsigned
n_of(Model *model, const char *host)
{
    VsDns answer = ask(model, host, VS_DNS_A);

    return vs_dns_n_addresses(&answer);
}

static void
test_headless_service_has_an_address_for_each_ready_endpoint(void)
{
    Model *model =
        model_new(CLUSTER("loadbalance='no'", "endpoint-delay='0s'",
                          HEADLESS POD("a", "") POD("b", "ready-at='2s'")
                              POD("d", "terminates-at='4s' grace='2s'") CLIENT("db")));
    static const char db[] = "db.default.svc.cluster.local";
    VsDns answer;

    model_run(model, VS_S);
    answer = ask(model, db, VS_DNS_A);
    CU_ASSERT_EQUAL(vs_dns_n_addresses(&answer), 2);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), model_pod(model, "a")->address);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 1), model_pod(model, "d")->address);
    CU_ASSERT_EQUAL(answer.ttl_s, 30);
    answer = ask(model, db, VS_DNS_AAAA);
    CU_ASSERT_EQUAL(answer.code, VS_DNS_NOERROR);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_AUTHORITY], 1);
    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(n_of(model, db), 3);
    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(n_of(model, db), 2);
    /* Whoever connects gets to a pod: nothing but names leads there. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT(model_counter(model, "c", "completed") >= 4);
    model_free(model);
}

/* The name is there from the very moment at which CoreDNS hears of its first endpoint on. */
static void
test_first_endpoint_makes_the_name(void)
{
    static const char db[] = "db.default.svc.cluster.local";
    Model *model = model_new(CLUSTER("service-time='0s'", "endpoint-delay='700ms'",
                                     HEADLESS POD("a", "ready-at='2s'") CLIENT("x")));
    VsDns answer;

    model_run(model, 2690 * VS_MS);
    answer = ask(model, db, VS_DNS_A);
    CU_ASSERT_EQUAL(answer.code, VS_DNS_NXDOMAIN);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_AUTHORITY], 1);
    model_run(model, 2700 * VS_MS);
    CU_ASSERT_EQUAL(n_of(model, db), 1);
    model_free(model);
}

static void
test_not_ready_addresses_may_be_published(void)
{
    Model *model = model_new(CLUSTER(
        "", "",
        "<service id='db' cluster-ip='none' publish-not-ready-addresses='yes' "
        "select='app=db'/>" POD("a", "") POD("b", "condition='unready'") CLIENT("x")));

    CU_ASSERT_EQUAL(n_of(model, "db.default.svc.cluster.local"), 2);
    model_free(model);
}

static void
test_endpoints_have_names(void)
{
    Model *model = model_new(CLUSTER("", "",
                                     HEADLESS POD("db-0", "subdomain='db'")
                                         POD("b", "subdomain='db' hostname='Two'")
                                             POD("d", "") CLIENT("x")));
    g_autofree char *address = vs_format_ipv4(model_pod(model, "d")->address);
    g_autofree char *dashed = g_strdup_printf("%s.db.default.svc.cluster.local",
                                              g_strdelimit(address, ".", '-'));
    VsDns answer = ask(model, "db-0.db.default.svc.cluster.local", VS_DNS_A);

    CU_ASSERT_EQUAL(vs_dns_n_addresses(&answer), 1);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), model_pod(model, "db-0")->address);
    answer = ask(model, "two.db.default.svc.cluster.local", VS_DNS_A);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), model_pod(model, "b")->address);
    answer = ask(model, dashed, VS_DNS_A);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), model_pod(model, "d")->address);
    answer = ask(model, "nobody.db.default.svc.cluster.local", VS_DNS_A);
    CU_ASSERT_EQUAL(answer.code, VS_DNS_NXDOMAIN);
    model_free(model);
}

/* Two ports, three endpoints: six records of weight 16 = floor(100 / 6) for the service, three of
 * 33 for a port; a cluster IP is one target. */
static void
test_servers_of_named_ports(void)
{
    Model *model = model_new(CLUSTER(
        "", "",
        "<service id='db' cluster-ip='none' port-name='sql' port='80' select='app=db'>"
        "<port name='web' port='8080'/></service>"
        "<service id='one' port-name='sql' port='5432' target-port='80' "
        "select='app=db'/>" POD("a", "") POD("b", "") POD("d", "") CLIENT("x")));
    VsDns answer = ask(model, "db.default.svc.cluster.local", VS_DNS_SRV);

    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_ANSWER], 6);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_ADDITIONAL], 3);
    CU_ASSERT_EQUAL(answer.records->records[0].weight, 16);
    answer = ask(model, "_web._tcp.db.default.svc.cluster.local", VS_DNS_SRV);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_ANSWER], 3);
    CU_ASSERT_EQUAL(answer.records->records[0].weight, 33);
    CU_ASSERT_EQUAL(answer.records->records[0].port, 8080);
    answer = ask(model, "_web._udp.db.default.svc.cluster.local", VS_DNS_SRV);
    CU_ASSERT_EQUAL(answer.code, VS_DNS_NXDOMAIN);
    answer = ask(model, "_sql._tcp.one.default.svc.cluster.local", VS_DNS_SRV);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_ANSWER], 1);
    CU_ASSERT_EQUAL(answer.records->records[0].port, 5432);
    CU_ASSERT_EQUAL(answer.records->records[0].weight, 100);
    CU_ASSERT_EQUAL(answer.records->records[1].address,
                    model_service(model, "one")->cluster_ip);
    model_free(model);
}

/* To a name outside, to a service, and to nothing. */
static void
test_another_name_is_followed(void)
{
    Model *model = model_new(CLUSTER(
        "forward='d'", "",
        "<link from='n' to='d'/><dns id='d'><record name='db.example' "
        "address='192.0.2.7' ttl='20s'/></dns>"
        "<service id='out' type='ExternalName' external-name='DB.example.'/>"
        "<service id='in' type='ExternalName' "
        "external-name='kube-dns.default.svc.cluster.local'/>"
        "<service id='gone' type='ExternalName' external-name='no.example'/>" CLIENT(
            "x")));
    VsNames *names = &model->run->packets->names;
    VsDns answer = ask(model, "out.default.svc.cluster.local", VS_DNS_A);

    CU_ASSERT_EQUAL(vs_dns_n_addresses(&answer), 1);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), 0xc0000207);
    CU_ASSERT_EQUAL(answer.records->records[0].type, VS_DNS_RECORD_CNAME);
    CU_ASSERT_STRING_EQUAL(vs_names_get(names, answer.records->records[0].target),
                           "db.example");
    answer = ask(model, "in.default.svc.cluster.local", VS_DNS_A);
    CU_ASSERT_EQUAL(answer.records->n_in[VS_DNS_ANSWER], 2);
    CU_ASSERT_EQUAL(vs_dns_address(&answer, 0), 0x0a60000a);
    answer = ask(model, "gone.default.svc.cluster.local", VS_DNS_A);
    CU_ASSERT_EQUAL(answer.code, VS_DNS_NXDOMAIN);
    CU_ASSERT_EQUAL(vs_dns_n_addresses(&answer), 0);
    model_free(model);
}

/* kube-proxy has neither rules nor work. */
static void
test_names_are_nothing_to_kube_proxy(void)
{
    Model *model = model_new(
        CLUSTER("", "endpoint-delay='0s'",
                HEADLESS
                "<service id='out' type='ExternalName' external-name='a.example'/>" POD(
                    "a", "ready-at='2s'") CLIENT("x")));

    CU_ASSERT_EQUAL(model->build->cluster->services->len, 1);
    CU_ASSERT_EQUAL(model->build->cluster->dns_services->len, 2);
    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "n", "proxy-full-syncs") +
                        model_counter(model, "n", "proxy-partial-syncs"),
                    0);
    model_free(model);
}

static void
test_what_clashes_is_refused(void)
{
    model_check_error("contradict each other",
                      "<node id='n'/><service id='a' type='NodePort' cluster-ip='none' "
                      "select='app=a'/>");
    model_check_error("session-affinity has no effect here",
                      "<node id='n'/><service id='a' cluster-ip='None' "
                      "session-affinity='ClientIP' select='app=a'/>");
    model_check_error("belong together",
                      "<node id='n'/><service id='a' external-name='a.example' "
                      "select='app=a'/>");
    model_check_error("select has no effect here",
                      "<node id='n'/><service id='a' type='ExternalName' "
                      "external-name='a.example' select='app=a'/>");
    model_check_error("select is missing", "<node id='n'/><service id='a'/>");
    model_check_error("hostname is a name of DNS only with subdomain",
                      "<node id='n'/><pod id='a' hostname='x'/>");
    model_check_error("needs a service with a cluster IP",
                      "<node id='n'/><pod id='a' labels='app=a'><container port='80'/>"
                      "</pod><pod id='i' labels='app=i'><ingress id='in'><rule>"
                      "<path service='s'/></rule></ingress></pod>"
                      "<service id='s' cluster-ip='none' select='app=a'/>");
}

static const VsTestCase tests[] = {
    {"a headless service has an address for each ready endpoint",
     test_headless_service_has_an_address_for_each_ready_endpoint},
    {"the first endpoint makes the name", test_first_endpoint_makes_the_name},
    {"addresses that are not ready may be published",
     test_not_ready_addresses_may_be_published},
    {"endpoints have names", test_endpoints_have_names},
    {"servers of named ports", test_servers_of_named_ports},
    {"another name is followed", test_another_name_is_followed},
    {"names are nothing to kube-proxy", test_names_are_nothing_to_kube_proxy},
    {"what clashes is refused", test_what_clashes_is_refused},
    {0},
};

VS_TESTS("names of services")
