/* https:// from clients to an ingress that ends TLS. */
#include "models/fixture.h"

/* A site 10 ms away from an ingress, whose pod answers at once. */
static Model *
shop_of_costs(const char *costs, const char *client, const char *ingress)
{
    return model_new(
        "%s<costs id='keys' tls-sign='7ms' tls-resume='3ms'/><client id='c' "
        "costs='free' %s start='1ms'/>"
        "<node id='n' costs='%s'/>"
        "<link from='c' to='n' subnet='172.16.0.0/24' delay='10ms'/>"
        "<pod id='controller' labels='app=ingress'>"
        "<ingress id='i' port='443' processing='0s' default-service='web' %s/>"
        "</pod><service id='front' type='NodePort' node-port='30443' "
        "port='443' target-port='443' select='app=ingress'/>"
        "<pod id='p' labels='app=web'><container service-time='0s'/></pod>"
        "<service id='web' target-port='8080' select='app=web'/>",
        model_free_costs, client, costs, ingress);
}

static Model *
shop(const char *client, const char *ingress)
{
    return shop_of_costs("free", client, ingress);
}

#define TO "to='https://172.16.0.2:30443/' arrivals='constant(10/s)' stop='350ms' "

static unsigned
round_trips(const Model *model, bool is_last)
{
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    VsTime time = is_last ? vs_histogram_min(latency) : vs_histogram_max(latency);

    return (unsigned)((time + 10 * VS_MS) / (20 * VS_MS));
}

/* ARP, for the first alone; the handshake of TCP, that of TLS, the request: at first, and with
 * a ticket. */
static void
test_requests_take_their_round_trips(void)
{
    static const struct {
        const char *client, *ingress;
        unsigned first, again;
    } cases[] = {
        {TO, "tls='1.3'", 4, 3},
        {TO, "tls='1.2'", 5, 3},
        {TO "tls='1.2'", "tls='1.3'", 5, 3},
        {TO "tls-resume='no'", "tls='1.2'", 5, 4},
        {TO "tls-early-data='yes'", "tls='1.3' tls-early-data='yes'", 4, 2},
        {TO "tls-early-data='yes'", "tls='1.3'", 4, 3},
        {TO "keep-alive='yes'", "tls='1.3'", 4, 1},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = shop(cases[i].client, cases[i].ingress);

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 4);
        CU_ASSERT_EQUAL(round_trips(model, false), cases[i].first);
        CU_ASSERT_EQUAL(round_trips(model, true), cases[i].again);
        model_free(model);
    }
}

/* The node's work for keys is part of the time of those that ask first, and again; its other
 * work is some 20 us. */
static void
test_keys_take_their_time(void)
{
    static const struct {
        unsigned round_trips;
        VsTime work;
    } expected[] = {{4, 7 * VS_MS}, {3, 3 * VS_MS}};
    Model *model = shop_of_costs("keys", TO, "tls='1.3'");
    const VsHistogram *latency = model_histogram(model, "c", "latency");

    model_run(model, 2 * VS_S);
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        VsTime time = i == 0 ? vs_histogram_max(latency) : vs_histogram_min(latency);
        VsTime work = time - expected[i].round_trips * 20 * VS_MS;

        CU_ASSERT(work > expected[i].work && work < expected[i].work + 100 * VS_US);
    }
    model_free(model);
}

/* One speaks TLS and the other does not. */
static void
test_tls_and_plain_do_not_mix(void)
{
    Model *plain_server = shop(TO, "");
    Model *plain_client = shop("to='http://172.16.0.2:30443/' "
                               "arrivals='constant(10/s)' stop='350ms'",
                               "tls='1.3'");

    model_run(plain_server, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(plain_server, "c", "completed"), 0);
    CU_ASSERT_EQUAL(model_counter(plain_server, "c", "error-reset"), 4);
    model_free(plain_server);
    model_run(plain_client, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(plain_client, "c", "completed"), 0);
    CU_ASSERT_EQUAL(model_counter(plain_client, "c", "error-reset"), 4);
    model_free(plain_client);
}

static void
test_what_cannot_act_is_refused(void)
{
    model_check_error("tls has no effect on http://",
                      "<client id='c' to='http://10.0.0.1/' "
                      "arrivals='constant(1/s)' tls='1.3'/>");
    model_check_error("tls-early-data has no effect",
                      "<client id='c' to='https://10.0.0.1/' "
                      "arrivals='constant(1/s)' tls='1.2' tls-early-data='yes'/>");
    model_check_error("tls-certificate has no effect without TLS",
                      "<node id='n'/><pod id='p'><ingress default-service='s' "
                      "tls-certificate='2KiB'/></pod><service id='s' select='a=b'/>");
}

static const VsTestCase tests[] = {
    {"requests take their round trips", test_requests_take_their_round_trips},
    {"keys take their time", test_keys_take_their_time},
    {"TLS and plain do not mix", test_tls_and_plain_do_not_mix},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("https")
