#include "probe_fixture.h"

static const VsTraceOptions plain;

/* Stages. -------------------------------------------------------------------------- */

static void
check_sum(const char *from, const char *to, uint64_t seed, bool has_load)
{
    ProbeFixture f = probe_fixture_prepare(from, to, seed, true, has_load);
    g_autoptr(JsonParser) parser = NULL;
    JsonObject *root;
    GList *stages;
    gint64 sum = 0;

    vs_probe_run(f.probe);
    parser = probe_fixture_parse(&f, &plain);
    root = probe_fixture_root(parser);
    stages = vs_json_list_objects(root, "stages");
    for (GList *item = stages; item; item = item->next) {
        sum += json_object_get_int_member(item->data, "elapsed_ps");
    }
    CU_ASSERT(sum > 0);
    CU_ASSERT_EQUAL(sum, json_object_get_int_member(root, "end_to_end_ps"));
    g_list_free(stages);
    probe_fixture_clear(&f);
}

static void
test_stages_add_up_to_the_end_to_end_time(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        check_sum("users", "http://shop.example/", seed, seed % 2 == 0);
        check_sum("a", "http://web/", seed, false);
    }
    check_sum("deaf", "http://late/", 1, false);
    check_sum("users", "http://nowhere.example/", 1, false);
    check_sum("users", "192.0.2.1:80", 1, false);
    check_sum("users", "203.0.113.1:81", 1, false);
    check_sum("n1", "10.244.0.3:9/udp", 1, false);
    check_sum("slow", "10.96.0.53:53/udp", 1, false);
}

static void
test_a_time_out_takes_its_time(void)
{
    ProbeFixture f = probe_fixture("deaf", "http://late/");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);

    CU_ASSERT_EQUAL(
        json_object_get_int_member(probe_fixture_root(parser), "end_to_end_ps"),
        30 * VS_S);
    probe_fixture_clear(&f);
}

/* Packets. ------------------------------------------------------------------------- */

/* How many packets have a summary that begins with 'text'. */
static unsigned
count_packets(JsonObject *root, const char *text)
{
    GList *packets = vs_json_list_objects(root, "packets");
    unsigned n = 0;

    for (GList *item = packets; item; item = item->next) {
        n += g_str_has_prefix(vs_json_get_text(item->data, "summary"), text);
    }
    g_list_free(packets);
    return n;
}

static void
test_every_packet_of_both_connections_is_told(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);
    JsonObject *root = probe_fixture_root(parser);

    /* To the resolver and on to the server. */
    CU_ASSERT_EQUAL(count_packets(root, "DNS query shop.example, 172.16.0."), 2);
    CU_ASSERT_EQUAL(count_packets(root, "DNS answer shop.example is 203.0.113.1,"), 2);
    /* To the ingress and on to the pod. */
    CU_ASSERT_EQUAL(count_packets(root, "SYN 1"), 2);
    CU_ASSERT_EQUAL(count_packets(root, "SYN-ACK 10.244."), 2);
    CU_ASSERT_EQUAL(count_packets(root, "GET /, "), 2);
    CU_ASSERT_EQUAL(count_packets(root, "200 OK, "), 2);
    CU_ASSERT(count_packets(root, "ACK ") >= 2);
    /* The ingress keeps its connection. */
    CU_ASSERT_EQUAL(count_packets(root, "FIN-ACK "), 2);
    probe_fixture_clear(&f);
}

/* The n-th step of a packet, from 0. */
static JsonObject *
step_of(JsonObject *root, guint packet, guint n)
{
    JsonArray *packets = json_object_get_array_member(root, "packets");
    JsonArray *steps = json_object_get_array_member(
        json_array_get_object_element(packets, packet), "steps");

    if (n == G_MAXUINT) {
        n = json_array_get_length(steps) - 1;
    }
    return json_array_get_object_element(steps, n);
}

static void
test_a_packet_goes_from_socket_to_socket(void)
{
    ProbeFixture f = probe_fixture("a", "10.244.0.2:80");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);
    JsonObject *root = probe_fixture_root(parser);
    JsonObject *first = step_of(root, 0, 0);
    JsonObject *last = step_of(root, 0, G_MAXUINT);

    CU_ASSERT_STRING_EQUAL(vs_json_get_text(first, "kind"), "send");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(first, "place"), "n1/a");
    CU_ASSERT_EQUAL(json_object_get_int_member(first, "time_ps"), VS_PROBE_AT);
    CU_ASSERT_STRING_EQUAL(
        vs_json_get_text(vs_json_get_object(first, "headers"), "flags"), "SYN");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(last, "kind"), "deliver");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(last, "place"), "n1/proxy");
    probe_fixture_clear(&f);
}

static void
test_a_drop_has_its_reason_and_no_time_before_its_cause(void)
{
    ProbeFixture f = probe_fixture("users", "192.0.2.1:80");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);
    JsonObject *root = probe_fixture_root(parser);
    JsonObject *last = step_of(root, 0, G_MAXUINT);

    CU_ASSERT_STRING_EQUAL(vs_json_get_text(last, "kind"), "drop");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(last, "place"), "internet/root");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(last, "text"),
                           vs_drop_text(VS_DROP_NO_ROUTE));
    CU_ASSERT(json_object_get_int_member(last, "time_ps") >=
              json_object_get_int_member(step_of(root, 0, 0), "time_ps"));
    probe_fixture_clear(&f);
}

/* The text of the service step of 'service', or "". */
static const char *
find_service(JsonObject *root, const char *service)
{
    GList *packets = vs_json_list_objects(root, "packets");
    const char *found = "";

    for (GList *item = packets; item; item = item->next) {
        GList *steps = vs_json_list_objects(item->data, "steps");

        for (GList *step = steps; step; step = step->next) {
            if (g_strcmp0(vs_json_get_text(step->data, "service"), service) == 0) {
                found = vs_json_get_text(step->data, "text");
            }
        }
        g_list_free(steps);
    }
    g_list_free(packets);
    return found;
}

static void
test_those_who_choose_say_what(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);
    JsonObject *root = probe_fixture_root(parser);

    CU_ASSERT_STRING_EQUAL(find_service(root, "resolver"), "asks the upstream server");
    CU_ASSERT(g_str_has_prefix(find_service(root, "load balancer"), "backend n1 "));
    CU_ASSERT_STRING_EQUAL(find_service(root, "ingress"),
                           "rule host shop.example path / (Prefix): service web");
    CU_ASSERT_STRING_EQUAL(find_service(root, "upstream"),
                           "10.244.0.3:8080, on a new connection");
    probe_fixture_clear(&f);
}

static void
test_translated_connections_are_remembered(void)
{
    ProbeFixture f = probe_fixture("deaf", "http://web/");
    g_autoptr(JsonParser) parser = probe_fixture_parse(&f, &plain);
    GList *connections =
        vs_json_list_objects(probe_fixture_root(parser), "connections");

    CU_ASSERT_EQUAL(g_list_length(connections), 1);
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(connections->data, "namespace"), "n1/root");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(connections->data, "original"),
                           "10.244.0.5:32768 > 10.96.0.2:80 tcp");
    CU_ASSERT_STRING_EQUAL(vs_json_get_text(connections->data, "reply"),
                           "10.244.0.3:8080 > 10.244.0.5:32768 tcp");
    CU_ASSERT(json_object_get_boolean_member(connections->data, "is_dnat"));
    CU_ASSERT(!json_object_get_boolean_member(connections->data, "is_snat"));
    g_list_free(connections);
    probe_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"stages add up to the end-to-end time", test_stages_add_up_to_the_end_to_end_time},
    {"a time-out takes its time", test_a_time_out_takes_its_time},
    {"every packet of both connections is told",
     test_every_packet_of_both_connections_is_told},
    {"a packet goes from socket to socket", test_a_packet_goes_from_socket_to_socket},
    {"a drop has its reason, and no time before its cause",
     test_a_drop_has_its_reason_and_no_time_before_its_cause},
    {"those who choose say what", test_those_who_choose_say_what},
    {"translated connections are remembered",
     test_translated_connections_are_remembered},
    {0},
};
VS_TESTS("trace_json")
