/* HTTP/3 in scenarios: by a node port and directly, its stages, an end of silence, what is
 * refused. */
#include "models/fixture.h"
#include "results/summary.h"

/* Two pods, and a site 10 ms away that calls their node port. */
static Model *
shop(const char *client, const char *container)
{
    return model_new(
        "<client id='c' to='https://172.16.0.2:30443/' http-version='3' %s/>"
        "<node id='n' cores='4'/><link from='c' to='n' delay='10ms'/>"
        "<service id='web' protocol='udp' type='NodePort' node-port='30443' port='443' "
        "target-port='8443' select='app=web'/>"
        "<pod id='p' count='2' labels='app=web'>"
        "<container id='w' protocol='udp' port='8443' http-version='3' "
        "service-time='1ms' %s/></pod>",
        client, container);
}

/* The stages of each request add up to its time, and no packet is lost. */
static void
check_sums(const Model *model)
{
    g_autoptr(VsSummary) summary = vs_summary_new(model->simulation);

    CU_ASSERT(vs_summary_check(summary, NULL));
}

static void
check_completed(const Model *model, uint64_t n_connects)
{
    CU_ASSERT(model_counter(model, "c", "requests") > 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), n_connects);
    check_sums(model);
}

static void
test_a_service_forwards_it(void)
{
    Model *model = shop("arrivals='poisson(200/s)' stop='1s'", "response='100KiB'");

    model_run(model, 60 * VS_S);
    check_completed(model, 1);
    model_free(model);
}

/* In a pod, to the cluster IP and to a pod. */
static void
check_in_pod(const char *url)
{
    Model *model = model_new(
        "<node id='n' cores='4'/>"
        "<pod id='q'><client id='c' to='https://%s/' http-version='3' "
        "arrivals='poisson(200/s)' stop='1s'/></pod>"
        "<service id='web' protocol='udp' cluster-ip='10.96.0.7' port='443' "
        "target-port='8443' select='app=web'/>"
        "<pod id='p' count='2' labels='app=web'>"
        "<container id='w' protocol='udp' port='8443' http-version='3'/></pod>",
        url);

    model_run(model, 60 * VS_S);
    check_completed(model, 1);
    model_free(model);
}

static void
test_pods_are_reached_by_pods(void)
{
    check_in_pod("10.96.0.7");
    check_in_pod("10.244.0.3:8443");
}

/* A request every 40 s, where the connection ends after 30 s without any: a handshake each,
 * of one round trip, or of none with early data. */
static void
test_silence_ends_a_connection(void)
{
    for (unsigned is_early = 0; is_early < 2; is_early++) {
        Model *model = shop(
            is_early ? "arrivals='constant(0.025/s)' stop='201s' tls-early-data='yes'"
                     : "arrivals='constant(0.025/s)' stop='201s'",
            is_early ? "tls-early-data='yes'" : "");
        uint64_t n;

        model_run(model, 300 * VS_S);
        n = model_counter(model, "c", "requests");
        CU_ASSERT(n >= 5);
        check_completed(model, n);
        model_free(model);
    }
}

/* The shorter time of both counts: each request, 10 s after the last, has a connection of its own,
 * and none is reset. */
static void
test_the_shorter_silence_counts(void)
{
    static const char *const attributes[] = {"", "quic-idle='5s'"};

    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *client =
            g_strdup_printf("arrivals='constant(0.1/s)' stop='21s' %s", attributes[i]);
        Model *model = shop(client, attributes[1 - i]);

        model_run(model, 100 * VS_S);
        check_completed(model, model_counter(model, "c", "requests"));
        model_free(model);
    }
}

/* A request each second, each on a connection of its own: the last is closed by then. */
static void
test_a_client_closes_connections(void)
{
    Model *model =
        shop("arrivals='constant(1/s)' stop='9s' quic-close-after='100ms'", "");

    model_run(model, 20 * VS_S);
    check_completed(model, model_counter(model, "c", "requests"));
    model_free(model);
}

static void
test_what_cannot_act_is_refused(void)
{
#define CLIENT(scheme, attributes)                                                    \
    "<client id='c' to='" scheme "://10.0.0.1/' arrivals='constant(1/s)' " attributes \
    "/>"
#define POD(attributes) \
    "<node id='n'/><pod id='p'><container id='w' " attributes "/></pod>"
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {CLIENT("http", "http-version='3'"), "write https:// and tls=\"1.3\""},
        {CLIENT("https", "http-version='3' tls='1.2'"), "write https://"},
        {CLIENT("https", "http-version='3' keep-alive='yes'"), "keep-alive has no"},
        {CLIENT("https", "http-version='3' channels='2'"),
         "channels has no effect with http-version=\"3\": it is a setting of HTTP/2"},
        {POD("protocol='udp' http-version='3' max-streams='2'"),
         "max-streams has no effect with http-version=\"3\": it is a setting of "
         "HTTP/2"},
        {CLIENT("https", "quic-idle='3s'"), "quic-idle has no effect"},
        {POD("http-version='3'"), "write protocol=\"udp\""},
        {POD("protocol='udp' http-version='2'"), "unless it is \"3\""},
        {POD("protocol='udp' http-version='3' backlog='4'"), "backlog has no effect"},
        {POD("protocol='udp' tls-certificate='4KiB'"), "tls-certificate has no effect"},
        {POD("quic-idle='4s'"), "quic-idle has no effect"},
        {POD("quic-streams='4'"), "quic-streams has no effect"},
        {CLIENT("https", "quic-close-after='9ms'"), "quic-close-after has no effect"},
        {CLIENT("https", "quic-window='9KiB'"), "quic-window has no effect"},
        {CLIENT("https", "http-version='3' quic-streams='4'"), "no attribute"},
        {"<node id='n'/><pod id='p'><container id='w'><call service='s' "
         "http-version='3'/></container></pod><service id='s' select='a=b'/>",
         "<call> has no http-version=\"3\""},
        {"<node id='n'/><pod id='p'><ingress id='i' http-version='3' "
         "default-service='s'/></pod><service id='s' select='a=b'/>",
         "<ingress> has no http-version=\"3\""},
        {"<node id='n'/><lb id='l' service='s'/><link from='l' to='n'/>"
         "<service id='s' protocol='udp' port='443' node-port='30443' type='NodePort' "
         "select='a=b'/>",
         "is UDP's, and <lb> sends TCP"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        model_check_error(cases[i].message, "%s", cases[i].body);
    }
}

static VsTime
quantile(const Model *model, const char *client, double q)
{
    return vs_histogram_quantile(model_histogram(model, client, "latency"), q);
}

/* One in 200 answers is lost.  By HTTP/1.1 each waits for the timer; by HTTP/2 those that come in the
 * round trip until it is repaired wait, too, 4 or more at 100 a second, which is more than one in a
 * hundred; by HTTP/3 it waits alone, no longer than by HTTP/2. */
static void
test_a_loss_holds_up_one_stream_or_all(void)
{
    static const char file[] = "http-versions/scenario.xml";
    static const char *const lossless[] = {"loss=0%", NULL};
    static const char *const clients[] = {"http-1", "http-2", "http-3"};
    Model *model = model_load(file);
    Model *without = model_load_with(file, lossless);

    model_run(model, 300 * VS_S);
    model_run(without, 60 * VS_S);
    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        CU_ASSERT(quantile(model, clients[i], 0.5) < 41 * VS_MS);
        CU_ASSERT(quantile(without, clients[i], 0.99) < 41 * VS_MS);
    }
    CU_ASSERT(quantile(model, "http-1", 0.99) < 41 * VS_MS);
    CU_ASSERT(quantile(model, "http-1", 0.999) > 280 * VS_MS);
    CU_ASSERT(quantile(model, "http-2", 0.99) > 75 * VS_MS);
    CU_ASSERT(quantile(model, "http-2", 0.999) < 130 * VS_MS);
    CU_ASSERT(quantile(model, "http-3", 0.99) < 55 * VS_MS);
    CU_ASSERT(quantile(model, "http-3", 0.999) < 130 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "http-2", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "http-3", "connects"), 1);
    model_free(model);
    model_free(without);
}

static const VsTestCase tests[] = {
    {"a service forwards it", test_a_service_forwards_it},
    {"pods are reached by pods", test_pods_are_reached_by_pods},
    {"silence ends a connection", test_silence_ends_a_connection},
    {"the shorter silence counts", test_the_shorter_silence_counts},
    {"a loss holds up one stream or all", test_a_loss_holds_up_one_stream_or_all},
    {"a client closes connections", test_a_client_closes_connections},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("HTTP/3 in scenarios")
