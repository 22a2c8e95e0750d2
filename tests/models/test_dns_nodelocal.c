/* NodeLocal DNSCache. */
#include "models/fixture.h"

#define SITE(proxy, node, nodelocal)                                                   \
    "<cluster ip-masq='yes' " proxy "/><node id='n' cores='4' " node "><nodelocaldns " \
    "id='cache' upstream='up' " nodelocal "/></node>"
#define SERVICES                                                                   \
    "<switch id='sw'/><link from='n' to='sw'/>"                                    \
    "<service id='kube-dns' protocol='udp' port='53' cluster-ip='10.96.0.10' "     \
    "select='app=dns'/>"                                                           \
    "<pod id='dns' labels='app=dns'><coredns id='core' service-time='1us'/></pod>" \
    "<service id='shop' port='80' target-port='8080' select='app=shop'/>"          \
    "<pod id='w' labels='app=shop'><container id='web' port='8080'/></pod>"
#define UPSTREAM(protocol) \
    "<service id='up' protocol='" protocol "' port='53' select='app=dns'/>"
#define CLIENT(host)                                                     \
    "<pod id='p'><client id='c' arrivals='constant(1/s)' start='500ms' " \
    "to='http://" host "/'/></pod>"

static uint64_t
counter(const Model *model, const char *stat)
{
    return model_counter(model, "cache", stat);
}

/* A is kept for 30 s, the denial of AAAA for 5 s, less what the way took: asked for each second
 * from 0.5 s on, AAAA goes upstream at 0.5 s, at 6.5 s (at 5.5 s some us are left) and so on. */
static void
check_times(const char *proxy)
{
    Model *model = model_new(
        SITE("proxy='%s'", "", "") SERVICES UPSTREAM("tcp") CLIENT("shop"), proxy);

    model_run(model, 30 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 30);
    CU_ASSERT_EQUAL(counter(model, "queries"), 60);
    CU_ASSERT_EQUAL(counter(model, "cluster-asked"), 1 + 5);
    CU_ASSERT_EQUAL(counter(model, "cluster-hits"), 60 - 6);
    CU_ASSERT_EQUAL(model_counter(model, "core", "queries"), 6);
    CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-queries"), 6);
    /* Connections: 30 to the shop, and one for each question of the first pair. */
    CU_ASSERT_EQUAL(counter(model, "connects"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries-max"), 30 + 2);
    model_free(model);
}

static void
test_answers_are_kept_by_kind(void)
{
    check_times("iptables");
    check_times("nftables");
}

/* Without force-tcp the questions are datagrams of one socket, which conntrack sees. */
static void
test_upstream_by_udp(void)
{
    Model *model = model_new(SITE("", "", "force-tcp='no'") SERVICES UPSTREAM("udp")
                                 CLIENT("shop"));

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "core", "queries"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-queries"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries-max"), 5 + 1);
    model_free(model);
}

/* Names outside go to the node's own servers, past CoreDNS. */
static void
test_names_outside(void)
{
    Model *model = model_new(SITE("", "dns-nameservers='d'", "") SERVICES UPSTREAM(
        "tcp") CLIENT("web.example.") "<link from='n' to='d'/><dns id='d'>"
                                      "<record name='web.example' to='d' ttl='100s'/>"
                                      "</dns>");

    model_run(model, 20 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "core", "queries"), 0);
    CU_ASSERT_EQUAL(counter(model, "asked"), 2);
    CU_ASSERT_EQUAL(counter(model, "hits"), 2 * 19);
    model_free(model);
}

/* The rules, in the form in which iptables-save prints them. */
static void
test_rules_skip_conntrack(void)
{
    Model *model = model_new(SITE("", "", "") SERVICES UPSTREAM("tcp") CLIENT("shop"));
    const VsFilter *filter = vs_filter_of(model_host(model, "n")->root);
    g_autofree char *text = vs_iptables_print(vs_filter_ruleset(filter), false);

    CU_ASSERT_PTR_NOT_NULL(strstr(
        text, "-A PREROUTING -d 10.96.0.10/32 -p udp -m comment --comment \"NodeLocal "
              "DNS Cache: skip conntrack\" -m udp --dport 53 -j CT --notrack"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text, "-A OUTPUT -s 169.254.20.10/32 -p tcp -m comment --comment \"NodeLocal "
              "DNS Cache: skip conntrack\" -m tcp --sport 53 -j CT --notrack"));
    model_free(model);
}

static void
test_where_it_cannot_be(void)
{
    model_check_error("with proxy=\"ipvs\" the address of kube-dns is kube-ipvs0's",
                      SITE("proxy='ipvs'", "", "") SERVICES UPSTREAM("tcp"));
    model_check_error("upstream has no port 53 of this protocol",
                      SITE("", "", "") SERVICES UPSTREAM("udp"));
    model_check_error("there is one on this node already",
                      "<node id='n'><nodelocaldns upstream='up'/>"
                      "<nodelocaldns upstream='up'/></node>" SERVICES UPSTREAM("tcp"));
    model_check_error("takes the place of service \"kube-dns\"",
                      "<node id='n'><nodelocaldns upstream='up'/></node>"
                      "<pod id='x' labels='app=dns'/>" UPSTREAM("tcp"));
    model_check_error(
        "node \"n\" has no way to upstream",
        "<node id='n'><nodelocaldns upstream='up'/></node>"
        "<service id='kube-dns' protocol='udp' port='53' "
        "select='app=dns'/><pod id='x' labels='app=dns'/>" UPSTREAM("tcp"));
    model_check_error("denial-cache is not in whole seconds",
                      SITE("", "", "denial-cache='1500ms'") SERVICES UPSTREAM("tcp"));
}

static const VsTestCase tests[] = {
    {"answers are kept by kind", test_answers_are_kept_by_kind},
    {"upstream by UDP", test_upstream_by_udp},
    {"names outside", test_names_outside},
    {"rules skip conntrack", test_rules_skip_conntrack},
    {"where it cannot be", test_where_it_cannot_be},
    {0},
};

VS_TESTS("NodeLocal DNSCache")
