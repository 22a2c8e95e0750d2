/* Answers that have no room in a datagram, and DNS by TCP. */
#include "models/fixture.h"

/* CoreDNS with both its ports, "db" with 40 endpoints, and "web.example" with 40 addresses. */
#define CLUSTER(tcp_port, coredns, rest)                                    \
    "%s<cluster ip-masq='yes'/><node id='n' cores='4'/>"                    \
    "<link from='n' to='d'/><dns id='d'>%s</dns><service id='kube-dns' "    \
    "protocol='udp' port='53' port-name='dns' cluster-ip='10.96.0.10' "     \
    "select='app=dns'>" tcp_port "</service>"                               \
    "<pod id='dns' labels='app=dns'><coredns id='core' " coredns "/></pod>" \
    "<service id='db' cluster-ip='none' select='app=db'/>"                  \
    "<pod id='db' count='40' labels='app=db'><container port='80'/></pod>" rest
#define TCP_PORT "<port name='dns-tcp' protocol='tcp' port='53'/>"
#define CLIENT(host, pod, attributes)                                            \
    "<pod id='p' " pod "><client id='c' arrivals='constant(1/s)' start='500ms' " \
    "to='http://" host ":80/' " attributes "/></pod>"

enum { N_ADDRESSES = 40 };

static char *
records(void)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < N_ADDRESSES; i++) {
        g_string_append_printf(
            text, "<record name='web.example' address='192.0.2.%u' ttl='100s'/>",
            i + 1);
    }
    return g_string_free(text, FALSE);
}

static Model *
cluster_new(const char *format)
{
    g_autofree char *all = records();
    g_autofree char *text = g_strdup_printf(format, "", all);

    return model_new("%s", text);
}

/* 40 addresses take 46 + 40 * 16 bytes: glibc asks for both types anew, on one connection. */
static void
test_long_answers_come_by_tcp(void)
{
    Model *model = cluster_new(CLUSTER(TCP_PORT, "", CLIENT("db", "", "")));

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 4 * 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "tcp-lookups"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "core", "truncated"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-queries"), 2 * 10);
    CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-connections"), 10);
    model_free(model);
}

/* With 1200 bytes there is room. */
static void
test_edns_has_room(void)
{
    Model *model =
        cluster_new(CLUSTER("", "", CLIENT("db", "dns-options='edns0'", "")));

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 2 * 10);
    CU_ASSERT_EQUAL(model_counter(model, "core", "truncated"), 0);
    model_free(model);
}

/* musl and resolvers of one socket ask by TCP for what was cut short alone. */
static void
test_others_ask_for_one_type(void)
{
    static const struct {
        const char *libc;
        unsigned n_lookups;
    } cases[] = {{"musl", 3}, {"none", 2}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *client = g_strdup_printf(
            CLIENT("db.default.svc.cluster.local.", "", "libc='%s' dns-cache='0s'"),
            cases[i].libc);
        g_autofree char *all = records();
        Model *model = model_new(CLUSTER(TCP_PORT, "", "%s"), "", all, client);

        model_run(model, 10 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
        CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), cases[i].n_lookups * 10);
        CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-queries"), 10);
        model_free(model);
    }
}

/* A service without a port for TCP: glibc tries each server twice, in vain. */
static void
test_without_a_port_for_tcp_long_names_fail(void)
{
    Model *model = cluster_new(CLUSTER("", "", CLIENT("db", "", "")));

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "core", "tcp-queries"), 0);
    model_free(model);
}

/* The first name: A and AAAA by UDP, A anew by TCP, each passed on; AAAA is in the cache then.
 * What came by TCP is kept, and has no room in a datagram either. */
static void
test_forwarded_as_it_was_asked(void)
{
    Model *model = cluster_new(
        CLUSTER(TCP_PORT, "forward='d' cache='100s'", CLIENT("web.example.", "", "")));

    model_run(model, VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "core", "asked"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "core", "hits"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "tcp-queries"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "truncated"), 1);
    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "tcp-lookups"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "core", "asked"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "core", "truncated"), 5);
    CU_ASSERT_EQUAL(model_counter(model, "core", "hits"), 1 + 4 * 4);
    model_free(model);
}

/* ARP, a question, SYN, and the question anew: four round trips of 2 ms, the work of 2 ms twice;
 * at 800 Gbit/s the bytes take below a microsecond. */
static void
test_tcp_costs_two_round_trips(void)
{
    g_autofree char *all = records();
    Model *model =
        model_new("%s<client id='c' costs='free' resolver='d' arrivals='constant(1/s)' "
                  "timeout='500ms' to='http://web.example/'/>"
                  "<link from='c' to='d' delay='1ms' rate='800Gbit/s'/>"
                  "<dns id='d' costs='free' service-time='2ms'>"
                  "<record name='web.example' to='d'/>%s</dns>",
                  model_free_costs, all);
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    VsTime taken;

    model_run(model, VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "tcp-lookups"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "d", "tcp-queries"), 1);
    /* From the first question to the SYN that goes to the address. */
    taken = tap_find(tap, VS_TCP_SYN, 1)->time - tap_get(tap, 0)->time;
    CU_ASSERT(taken >= 12 * VS_MS && taken < 12 * VS_MS + VS_US);
    tap_free(tap);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"long answers come by TCP", test_long_answers_come_by_tcp},
    {"with EDNS there is room", test_edns_has_room},
    {"others ask for one type", test_others_ask_for_one_type},
    {"without a port for TCP long names fail",
     test_without_a_port_for_tcp_long_names_fail},
    {"questions are forwarded as they were asked", test_forwarded_as_it_was_asked},
    {"TCP costs two round trips", test_tcp_costs_two_round_trips},
    {0},
};

VS_TESTS("DNS by TCP")
