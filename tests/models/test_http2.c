/* HTTP/2 and channels in scenarios, and the incident of connections that pin the load. */
#include <math.h>

#include "models/fixture.h"
#include "results/summary.h"

/* Two pods, and a site 1 ms away that calls their node port. */
static Model *
shop(uint64_t seed, const char *client, const char *container)
{
    return model_new_seeded(
        seed,
        "<client id='c' to='http://172.16.0.2:30080/' http-version='2' %s/>"
        "<node id='n' cores='4'/><link from='c' to='n' delay='1ms'/>"
        "<service id='web' type='NodePort' node-port='30080' target-port='8080' "
        "select='app=web'/>"
        "<pod id='p' count='4' labels='app=web'>"
        "<container id='w' service-time='1ms' %s/></pod>",
        client, container);
}

/* The stages of each request add up to its time, and no packet is lost. */
static void
check_sums(const Model *model)
{
    g_autoptr(VsSummary) summary = vs_summary_new(model->simulation);

    CU_ASSERT(vs_summary_check(summary, NULL));
}

/* What each of 'n' pods has received, as the summary has it. */
static void
count_requests(const Model *model, const char *const *pods, unsigned n,
               uint64_t *ret_counts)
{
    g_autoptr(VsSummary) summary = vs_summary_new(model->simulation);

    for (unsigned i = 0; i < n; i++) {
        ret_counts[i] = vs_summary_pod_requests(summary, pods[i]);
    }
}

enum { N_BALLS = 12, N_BINS = 4, N_SEEDS = 400 };

static const char *const pods[N_BINS] = {"p-1", "p-2", "p-3", "p-4"};

static void
test_one_connection_goes_to_one_pod(void)
{
    Model *model = shop(1, "arrivals='poisson(1000/s)' stop='1s' body='30KiB'",
                        "http-version='both' response='100KiB'");
    uint64_t counts[N_BINS];
    unsigned n_pods = 0;

    model_run(model, 5 * VS_S);
    CU_ASSERT(model_counter(model, "c", "requests") > 900);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
    count_requests(model, pods, N_BINS, counts);
    for (unsigned i = 0; i < N_BINS; i++) {
        n_pods += counts[i] > 0;
    }
    CU_ASSERT_EQUAL(n_pods, 1);
    check_sums(model);
    model_free(model);
}

/* Resets, refusals and time-outs keep the sums. */
static void
test_sums_hold_in_trouble(void)
{
    Model *model =
        shop(2,
             "arrivals='poisson(1000/s)' stop='3s' timeout='40ms' channels='3' "
             "try-timeout='12ms' retries='2' hedge-after='5ms' body='20KiB'",
             "http-version='2' max-streams='8' workers='2' response='40KiB' "
             "max-connection-age='200ms' max-connection-age-grace='5ms'");

    model_run(model, 6 * VS_S);
    CU_ASSERT(model_counter(model, "c", "completed") > 500);
    CU_ASSERT(model_counter(model, "c", "connects") > 30);
    CU_ASSERT(model_counter(model, "c", "retries") > 0);
    CU_ASSERT(model_counter(model, "c", "hedges") > 0);
    CU_ASSERT(model_counter(model, "c", "error-timeout") > 0);
    check_sums(model);
    model_free(model);
}

/* Aging connections without a grace lose none. */
static void
test_age_loses_no_request(void)
{
    Model *model = shop(3, "arrivals='poisson(1000/s)' stop='9s' channels='5'",
                        "http-version='2' max-connection-age='300ms'");

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT(model_counter(model, "c", "connects") >= 5 * 9000 / 330);
    CU_ASSERT(model_counter(model, "c", "connects") <= 5 * (9000 / 270 + 1));
    model_free(model);
}

/* One speaks what the other does not. */
static void
test_versions_do_not_mix(void)
{
    static const struct {
        const char *client, *container;
        bool is_good;
    } cases[] = {
        {"", "http-version='2'", true},
        {"", "http-version='both'", true},
        {"", "", false},
        {"http-version='1.1'", "http-version='both'", true},
        {"http-version='1.1'", "http-version='2'", false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            "<client id='c' to='http://172.16.0.2:30080/' %s "
            "arrivals='constant(10/s)' stop='1s'/>"
            "<node id='n'/><link from='c' to='n'/>"
            "<service id='web' type='NodePort' node-port='30080' target-port='8080' "
            "select='app=web'/>"
            "<pod id='p' labels='app=web'><container id='w' %s/></pod>",
            *cases[i].client ? cases[i].client : "http-version='2'",
            cases[i].container);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                        cases[i].is_good ? 10 : 0);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"),
                        cases[i].is_good ? 0 : 10);
        model_free(model);
    }
}

/* By ALPN to an ingress, which asks its pods by HTTP/1.1. */
static void
test_tls_by_alpn(void)
{
    static const char *const versions[] = {"1.1", "2", "both"};

    for (unsigned i = 0; i < G_N_ELEMENTS(versions); i++) {
        Model *model = model_new(
            "<client id='c' to='https://172.16.0.2:30443/' http-version='2' "
            "arrivals='constant(10/s)' stop='1s'/>"
            "<node id='n'/><link from='c' to='n' delay='1ms'/>"
            "<pod id='controller' labels='app=ingress'>"
            "<ingress id='i' port='443' default-service='web' tls='1.3' "
            "http-version='%s'/></pod>"
            "<service id='front' type='NodePort' node-port='30443' port='443' "
            "target-port='443' select='app=ingress'/>"
            "<pod id='p' labels='app=web'><container id='w'/></pod>"
            "<service id='web' target-port='8080' select='app=web'/>",
            versions[i]);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), i == 0 ? 0 : 10);
        CU_ASSERT_EQUAL(model_counter(model, "c", "error-reset"), i == 0 ? 10 : 0);
        if (i > 0) {
            CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
        }
        check_sums(model);
        model_free(model);
    }
}

/* Calls between services: many at a time over one connection. */
static void
test_calls_share_a_connection(void)
{
    Model *model = model_new(
        "<client id='c' to='http://172.16.0.2:30080/' arrivals='constant(100/s)' "
        "stop='1s'/><node id='n'/><link from='c' to='n'/>"
        "<service id='front' type='NodePort' node-port='30080' target-port='8080' "
        "select='app=front'/>"
        "<pod id='f' labels='app=front'><container id='w'>"
        "<call service='back' http-version='2'/></container></pod>"
        "<pod id='b' labels='app=back'><container id='back-web' http-version='2' "
        "workers='64' "
        "service-time='100ms'/></pod>"
        "<service id='back' target-port='8080' select='app=back'/>");

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 100);
    CU_ASSERT_EQUAL(model_counter(model, "back-web", "connections"), 1);
    check_sums(model);
    model_free(model);
}

static void
test_what_cannot_act_is_refused(void)
{
#define CLIENT(attributes) \
    "<client id='c' to='http://10.0.0.1/' arrivals='constant(1/s)' " attributes "/>"
#define POD(attributes) \
    "<node id='n'/><pod id='p'><container id='w' " attributes "/></pod>"
    model_check_error("channels has no effect without HTTP/2", CLIENT("channels='2'"));
    model_check_error("grpc-policy has no effect without HTTP/2",
                      CLIENT("grpc-policy='pick_first'"));
    model_check_error("keep-alive has no effect with http-version=\"2\"",
                      CLIENT("http-version='2' keep-alive='yes'"));
    model_check_error("no effect with one address",
                      CLIENT("http-version='2' grpc-policy='round_robin'"));
    model_check_error("max-streams has no effect without HTTP/2",
                      POD("max-streams='5'"));
    model_check_error("no effect without max-connection-age",
                      POD("http-version='2' max-connection-age-grace='5s'"));
    model_check_error("gives a worker one connection",
                      POD("http-version='2' accept='by-workers'"));
    model_check_error("http-version has no effect where protocol=\"udp\"",
                      POD("http-version='2' protocol='udp'"));
    model_check_error(
        "connections has no effect with http-version=\"2\"",
        "<node id='n'/><service id='s' select='a=b'/><pod id='p'><container "
        "id='w'><call service='s' http-version='2' connections='3'/>"
        "</container></pod>");
}

/* ---- The incident ---- */

/* The mean of the fullest of N_BINS bins that N_BALLS balls fall into by chance, and of its
 * square: P(all have at most m) = N! [x^N] (1 + x + ... + x^m / m!)^B / B^N. */
static double
fullest_bin(unsigned power)
{
    double mean = 0;
    double before = 0;

    for (unsigned m = 1; m <= N_BALLS; m++) {
        double ways[N_BALLS + 1] = {1};
        double p;

        for (unsigned bin = 0; bin < N_BINS; bin++) {
            double more[N_BALLS + 1] = {0};

            for (unsigned i = 0; i <= N_BALLS; i++) {
                for (unsigned j = 0; j <= m && i + j <= N_BALLS; j++) {
                    more[i + j] += ways[i] / tgamma(j + 1);
                }
            }
            memcpy(ways, more, sizeof(ways));
        }
        p = ways[N_BALLS] * tgamma(N_BALLS + 1) / pow(N_BINS, N_BALLS);
        mean += pow(m, power) * (p - before);
        before = p;
    }
    return mean;
}

/* Each connection is given to a pod by chance; their skew is, over seeds, that of balls in
 * bins, in an interval of 99 %. */
static void
test_skew_is_that_of_balls_in_bins(void)
{
    double expected = fullest_bin(1) * N_BINS / N_BALLS;
    double variance = fullest_bin(2) - pow(fullest_bin(1), 2);
    double error = 2.576 * sqrt(variance / N_SEEDS) * N_BINS / N_BALLS;
    double mean = 0;

    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        Model *model =
            shop(seed, "arrivals='constant(1000/s)' stop='120ms' channels='12'",
                 "http-version='2'");
        uint64_t counts[N_BINS];

        model_run(model, VS_S);
        count_requests(model, pods, N_BINS, counts);
        mean += vs_summary_skew(counts, N_BINS) / N_SEEDS;
        model_free(model);
    }
    CU_ASSERT_DOUBLE_EQUAL(expected, 1.62, 0.005);
    CU_ASSERT_DOUBLE_EQUAL(mean, expected, error);
}

typedef struct Skew {
    double of_all;
    double of_old;
    uint64_t n_new; /* Requests of the pods that came later. */
} Skew;

static Skew
skew_with(const char *const *settings)
{
    static const char *const names[] = {"shop-1", "shop-2", "shop-3", "shop-4",
                                        "new-1",  "new-2",  "new-3"};
    Model *model = model_load_with("incidents/grpc-skew/scenario.xml", settings);
    uint64_t counts[G_N_ELEMENTS(names)];
    Skew skew;

    model_run(model, 60 * VS_S);
    count_requests(model, names, G_N_ELEMENTS(names), counts);
    CU_ASSERT(model_counter(model, "calls", "requests") > 17000);
    CU_ASSERT(model_counter(model, "calls", "completed") + 20 >
              model_counter(model, "calls", "requests"));
    CU_ASSERT_EQUAL(model_counter(model, "calls", "error-reset"), 0);
    skew = (Skew){.of_all = vs_summary_skew(counts, G_N_ELEMENTS(counts)),
                  .of_old = vs_summary_skew(counts, 4),
                  .n_new = counts[4] + counts[5] + counts[6]};
    check_sums(model);
    model_free(model);
    return skew;
}

static void
test_long_connections_pin_the_load(void)
{
    static const char *const as_is[] = {NULL};
    static const char *const aging[] = {"max-age=1s", NULL};
    static const char *const in_turn[] = {"policy=round_robin",
                                          "host=shop-headless.example", NULL};
    static const char *const both[] = {
        "policy=round_robin", "host=shop-headless.example", "max-age=10s", NULL};
    Skew skew = skew_with(as_is);

    CU_ASSERT(skew.of_old > 1.5);
    CU_ASSERT_EQUAL(skew.n_new, 0);
    skew = skew_with(aging);
    CU_ASSERT(skew.of_old < 1.15);
    CU_ASSERT(skew.n_new > 4000);
    skew = skew_with(in_turn);
    CU_ASSERT(skew.of_old < 1.01);
    CU_ASSERT_EQUAL(skew.n_new, 0);
    skew = skew_with(both);
    CU_ASSERT(skew.of_old < 1.01);
    CU_ASSERT(skew.n_new > 3000);
}

static const VsTestCase tests[] = {
    {"one connection goes to one pod", test_one_connection_goes_to_one_pod},
    {"sums hold in trouble", test_sums_hold_in_trouble},
    {"age loses no request", test_age_loses_no_request},
    {"versions do not mix", test_versions_do_not_mix},
    {"TLS by ALPN", test_tls_by_alpn},
    {"calls share a connection", test_calls_share_a_connection},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {"skew is that of balls in bins", test_skew_is_that_of_balls_in_bins},
    {"long connections pin the load", test_long_connections_pin_the_load},
    {0},
};
VS_TESTS("HTTP/2 in scenarios")
