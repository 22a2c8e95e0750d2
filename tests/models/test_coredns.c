/* CoreDNS in a pod: what it says of the cluster's names, keeps of others, and forwards. */
#include <math.h>

#include "models/fixture.h"

/* Two pods' questions, CoreDNS, and who knows "web.example" for 100 s and denies the rest for
 * 100 s, too. */
#define CLUSTER(coredns, records, clients)                                         \
    "<cluster ip-masq='yes'/><node id='n' cores='4'/><switch id='sw'/>"            \
    "<link from='n' to='sw'/><link from='d' to='sw' delay='1ms'/>"                 \
    "<service id='kube-dns' protocol='udp' port='53' cluster-ip='10.96.0.10' "     \
    "select='app=dns'/><pod id='dns' labels='app=dns'><coredns id='core' " coredns \
    "/></pod><dns id='d' negative-ttl='100s'>" records                             \
    "<record name='web.example' to='d' ttl='100s'/></dns>"                         \
    "<service id='shop' cluster-ip='10.96.0.77' port='80' target-port='8080' "     \
    "select='app=shop'/><pod id='w' labels='app=shop'><container id='web' "        \
    "port='8080'/></pod>" clients
#define CLIENT(id, host, attributes)                      \
    "<pod id='pod-" id "' " attributes "><client id='" id \
    "' arrivals='constant(1/s)' "                         \
    "to='http://" host "/'/></pod>"

static uint64_t
counter(const Model *model, const char *stat)
{
    return model_counter(model, "core", stat);
}

/* Each second a connection by name: the first name of the search list is the service's. */
static void
test_services_are_found_by_their_short_name(void)
{
    Model *model = model_new(CLUSTER("", "", CLIENT("c", "shop", "")));

    model_run(model, 9500 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 9 + 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "c", "no-such-name"), 0);
    CU_ASSERT_EQUAL(counter(model, "cluster"), 20);
    CU_ASSERT_EQUAL(counter(model, "unknown"), 0);
    model_free(model);
}

/* "shop.default" needs the second name, "shop.default.svc" the third. */
static void
test_names_of_several_labels(void)
{
    static const struct {
        const char *host;
        unsigned n_unknown;
    } cases[] = {{"shop", 0},
                 {"shop.default", 2},
                 {"shop.default.svc", 4},
                 {"shop.default.svc.cluster.local", 6},
                 {"shop.default.svc.cluster.local.", 0}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model =
            model_new(CLUSTER("", "",
                              "<pod id='p'><client id='c' arrivals='constant(1/s)' "
                              "to='http://%s/'/></pod>"),
                      cases[i].host);

        model_run(model, VS_S / 2);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
        CU_ASSERT_EQUAL(counter(model, "unknown"), cases[i].n_unknown);
        CU_ASSERT_EQUAL(counter(model, "cluster"), 2);
        model_free(model);
    }
}

/* What the plugin kubernetes knows, asked for one by one. */
static void
test_zone_of_the_cluster(void)
{
    static const struct {
        const char *name;
        unsigned n_known; /* Of A and AAAA. */
        unsigned n_unknown;
        bool has_address;
    } cases[] = {
        {"shop.default.svc.cluster.local.", 2, 0, true},
        {"shop.other.svc.cluster.local.", 0, 2, false},
        {"nothing.default.svc.cluster.local.", 0, 2, false},
        {"default.svc.cluster.local.", 2, 0, false},
        {"svc.cluster.local.", 2, 0, false},
        {"cluster.local.", 2, 0, false},
        {"nothing.cluster.local.", 0, 2, false},
        {"10-96-0-77.default.pod.cluster.local.", 2, 0, true},
        {"10-96-0.default.pod.cluster.local.", 0, 2, false},
        {"10-96-0-77.nowhere.pod.cluster.local.", 0, 2, false},
        {"xcluster.local.", 0, 0, false}, /* Outside, where nobody is asked. */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model =
            model_new(CLUSTER("", "",
                              "<pod id='p'><client id='c' arrivals='constant(1/s)' "
                              "to='http://%s/'/></pod>"),
                      cases[i].name);

        model_run(model, VS_S / 2);
        CU_ASSERT_EQUAL(counter(model, "cluster"), cases[i].n_known);
        CU_ASSERT_EQUAL(counter(model, "unknown"), cases[i].n_unknown);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), cases[i].has_address);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), !cases[i].has_address);
        model_free(model);
    }
}

/* Answers live 100 s at the authority, 10 s here: asked each second from 0 s to 24 s, the
 * upstream is asked at 0 s, at 11 s (at 10 s the answer of 0.0x s holds for some ms) and at
 * 22 s, for A and for AAAA.  Names that do not exist are kept as long. */
static void
check_cap(const char *host, const char *ttl_counter)
{
    Model *model =
        model_new(CLUSTER("cache='10s' forward='d'", "",
                          "<pod id='p'><client id='c' arrivals='constant(1/s)' "
                          "to='http://%s./'/></pod>"),
                  host);

    model_run(model, 24500 * VS_MS);
    CU_ASSERT_EQUAL(counter(model, "asked"), 3 * 2);
    CU_ASSERT_EQUAL(counter(model, "misses"), 3 * 2);
    CU_ASSERT_EQUAL(counter(model, "hits"), 22 * 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", ttl_counter), 25);
    model_free(model);
}

static void
test_cache_has_a_cap(void)
{
    check_cap("web.example", "error-refused");
    check_cap("nowhere.example", "error-dns");
}

static void
test_without_a_cache_each_is_forwarded(void)
{
    Model *model = model_new(
        CLUSTER("cache='0s' forward='d'", "", CLIENT("c", "web.example.", "")));

    model_run(model, 9500 * VS_MS);
    CU_ASSERT_EQUAL(counter(model, "asked"), 20);
    CU_ASSERT_EQUAL(counter(model, "hits"), 0);
    model_free(model);
}

/* One question instead of eight, for A and AAAA each, and the same address. */
static void
test_autopath_answers_the_whole_search(void)
{
    Model *plain =
        model_new(CLUSTER("forward='d'", "", CLIENT("c", "web.example", "")));
    Model *autopath = model_new(
        CLUSTER("forward='d' autopath='yes'", "", CLIENT("c", "web.example", "")));

    model_run(plain, VS_S / 2);
    model_run(autopath, VS_S / 2);
    CU_ASSERT_EQUAL(model_counter(plain, "c", "lookups"), 8);
    CU_ASSERT_EQUAL(model_counter(autopath, "c", "lookups"), 2);
    CU_ASSERT_EQUAL(model_counter(plain, "c", "error-refused"), 1);
    CU_ASSERT_EQUAL(model_counter(autopath, "c", "error-refused"), 1);
    CU_ASSERT_EQUAL(counter(autopath, "autopath"), 2);
    CU_ASSERT_EQUAL(counter(plain, "asked"), 2);
    CU_ASSERT_EQUAL(counter(autopath, "asked"), 2);
    model_free(plain);
    model_free(autopath);
}

/* Three questions at once for three names, of which two may be under way; glibc goes on to the
 * next try at once, which is refused as well: twice in all. */
static void
test_more_than_max_concurrent_are_refused(void)
{
#define THREE(id, name)                                                     \
    "<pod id='pod-" id "'><client id='" id "' arrivals='constant(0.01/s)' " \
    "libc='none' to='http://" name ".example./'/></pod>"
    Model *model =
        model_new(CLUSTER("forward='d' max-concurrent='2'", "",
                          THREE("a", "one") THREE("b", "two") THREE("c", "three")));
#undef THREE

    model_run(model, VS_S);
    CU_ASSERT_EQUAL(counter(model, "refused"), 1);
    CU_ASSERT_EQUAL(counter(model, "asked"), 2);
    model_free(model);
}

/* Names outside that nobody knows the way to are REFUSED; with dns-policy Default the pod asks
 * its node's servers, and CoreDNS hears nothing. */
static void
test_policies(void)
{
    Model *model = model_new(
        "<cluster ip-masq='yes'/><node id='n' dns-nameservers='d' "
        "dns-search='example'/><link from='n' to='d'/>"
        "<dns id='d'><record name='web.example' to='d'/></dns>"
        "<pod id='p' dns-policy='Default'><client id='c' arrivals='constant(1/s)' "
        "to='http://web/'/></pod>"
        "<pod id='q' dns-policy='None' dns-nameservers='d'><client id='e' "
        "arrivals='constant(1/s)' start='500ms' to='http://web/'/></pod>");

    model_run(model, 9900 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 20);
    CU_ASSERT_EQUAL(model_counter(model, "e", "error-dns"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "e", "no-such-name"), 20);
    model_free(model);
    model_check_error("ttl is not in whole seconds",
                      CLUSTER("ttl='1500ms'", "", CLIENT("c", "shop", "")));
    model_check_error("dns-nameservers", "<node id='n'/><pod id='p' dns-policy='None'>"
                                         "<client id='c' to='http://a/' "
                                         "arrivals='constant(1/s)'/></pod>");
}

/* Incidents (scenarios/incidents). ---------------------------------------------------- */

static void
test_race_costs_five_seconds(void)
{
    Model *broken = model_load("incidents/dns-5s-race/broken.xml");
    Model *fixed = model_load("incidents/dns-5s-race/fixed.xml");
    const VsHistogram *slow = model_histogram(broken, "calls", "latency-dns");
    const VsHistogram *fast = model_histogram(fixed, "calls", "latency-dns");
    uint64_t n_lost;

    model_run(broken, 30 * VS_S);
    model_run(fixed, 30 * VS_S);
    n_lost = model_counter(broken, "node-1", "conntrack-insert-failed");
    CU_ASSERT(n_lost > 10);
    CU_ASSERT(model_counter(broken, "calls", "dns-timeouts") >= n_lost - 10);
    CU_ASSERT(model_counter(broken, "calls", "dns-timeouts") <= n_lost);
    CU_ASSERT(vs_histogram_quantile(slow, 0.5) < VS_MS);
    CU_ASSERT(slow->max >= 5 * VS_S && slow->max < 5010 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(fixed, "node-1", "conntrack-insert-failed"), 0);
    CU_ASSERT_EQUAL(model_counter(fixed, "calls", "dns-timeouts"), 0);
    CU_ASSERT(fast->max < VS_MS);
    model_free(broken);
    model_free(fixed);
}

/* Nothing of DNS is in conntrack's table of the node but two connections by TCP, for A and for
 * AAAA at once; A is asked for once in 30 s, its denial AAAA each 5 s. */
static void
test_a_cache_on_the_node_ends_the_race(void)
{
    Model *model = model_load("incidents/dns-5s-race/nodelocal.xml");

    model_run(model, 30 * VS_S);
    CU_ASSERT(model_counter(model, "calls", "requests") > 2500);
    CU_ASSERT_EQUAL(model_counter(model, "calls", "lookups"),
                    2 * model_counter(model, "calls", "requests"));
    CU_ASSERT_EQUAL(model_counter(model, "calls", "dns-timeouts"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "node-1", "conntrack-insert-failed"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "node-1", "conntrack-entries-max"),
                    model_counter(model, "calls", "connects") + 2);
    CU_ASSERT(model_histogram(model, "calls", "latency-dns")->max < VS_MS);
    model_free(model);
}

static void
test_search_list_costs_three_rounds(void)
{
    Model *broken = model_load("incidents/ndots/broken.xml");
    Model *fixed = model_load("incidents/ndots/fixed.xml");
    uint64_t n_names;

    model_run(broken, 10 * VS_S);
    model_run(fixed, 10 * VS_S);
    n_names = model_counter(broken, "calls", "requests");
    CU_ASSERT_EQUAL(n_names, model_counter(fixed, "calls", "requests"));
    CU_ASSERT(model_counter(broken, "calls", "lookups") > 8 * (n_names - 10));
    CU_ASSERT(model_counter(broken, "calls", "lookups") <= 8 * n_names);
    CU_ASSERT(model_counter(fixed, "calls", "lookups") <= 2 * n_names);
    CU_ASSERT_EQUAL(model_counter(fixed, "calls", "no-such-name"), 0);
    CU_ASSERT(
        vs_histogram_quantile(model_histogram(broken, "calls", "latency-dns"), 0.5) >
        3 * vs_histogram_quantile(model_histogram(fixed, "calls", "latency-dns"), 0.5));
    model_free(broken);
    model_free(fixed);
}

/* The address changes at 10 s.  Who asks for each connection hears of it when the provider's
 * answer of 0 s is 20 s old; a JVM asks at 0 s and at 30 s; the last never.  20 requests a
 * second fail meanwhile, give or take 5 standard deviations. */
static void
check_failures(const Model *model, const char *id, unsigned seconds)
{
    double expected = 20.0 * seconds;
    double found = (double)model_counter(model, id, "error-timeout");

    CU_ASSERT(found >= expected - 5 * sqrt(expected) &&
              found <= expected + 5 * sqrt(expected));
}

static void
test_old_address_is_kept(void)
{
    Model *broken = model_load("incidents/lb-ip-change/broken.xml");
    Model *fixed = model_load("incidents/lb-ip-change/fixed.xml");

    model_run(broken, 60 * VS_S);
    model_run(fixed, 60 * VS_S);
    check_failures(broken, "glibc", 10);
    check_failures(broken, "browser", 10);
    check_failures(broken, "jvm", 20);
    check_failures(broken, "jvm-forever", 48); /* Those of the last 2 s wait still. */
    CU_ASSERT_EQUAL(model_counter(fixed, "glibc", "error-timeout"), 0);
    CU_ASSERT_EQUAL(model_counter(fixed, "browser", "error-timeout"), 0);
    CU_ASSERT_EQUAL(model_counter(fixed, "jvm", "error-timeout"), 0);
    check_failures(fixed, "jvm-forever", 8);
    model_free(broken);
    model_free(fixed);
}

/* "two" has another address from 5 s on, and none from 8 s on. */
static void
test_records_change_in_time(void)
{
    Model *model = model_new(
        "<client id='c' arrivals='constant(1/s)' start='500ms' resolver='d' "
        "dns-cache='0s' timeout='100ms' to='http://two/'/><link from='c' to='d'/>"
        "<dns id='d'><record name='two' to='d' until='5s'/>"
        "<record name='two' address='192.0.2.1' from='5s' until='8s'/></dns>");

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-unreachable"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), 3);
    model_free(model);
    model_check_error("it would never be there",
                      "<dns id='d'><record name='a' address='192.0.2.1' from='5s' "
                      "until='5s'/></dns>");
}

static const VsTestCase tests[] = {
    {"records change in time", test_records_change_in_time},
    {"incident: an old address is kept", test_old_address_is_kept},
    {"a service is found by its short name",
     test_services_are_found_by_their_short_name},
    {"longer names take longer to find", test_names_of_several_labels},
    {"the cluster's zone", test_zone_of_the_cluster},
    {"the cache has a cap, for good answers and others", test_cache_has_a_cap},
    {"without a cache each question is forwarded",
     test_without_a_cache_each_is_forwarded},
    {"autopath answers the whole search", test_autopath_answers_the_whole_search},
    {"more than max-concurrent are refused", test_more_than_max_concurrent_are_refused},
    {"dnsPolicy", test_policies},
    {"incident: a race of A and AAAA costs five seconds", test_race_costs_five_seconds},
    {"incident: a cache on the node ends it", test_a_cache_on_the_node_ends_the_race},
    {"incident: a search list costs three rounds", test_search_list_costs_three_rounds},
    {0},
};

VS_TESTS("CoreDNS")
