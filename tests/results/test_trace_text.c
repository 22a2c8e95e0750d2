#include "probe_fixture.h"

/* A story with one packet whose only step is 'step'. */
static char *
tell(const char *step)
{
    g_autofree char *json = g_strdup_printf(
        "{\"format\":\"vethsim-trace\",\"scenario\":\"s\",\"started_ps\":0,"
        "\"end_to_end_ps\":3000,\"origin\":{\"name\":\"a\",\"namespace\":\"n/a\"},"
        "\"target\":{\"text\":\"http://b/\",\"host\":\"b\",\"address\":\"10.0.0.1\"},"
        "\"resolution\":{\"text\":\"asked\"},\"outcome\":{\"text\":\"done\"},"
        "\"stages\":[{\"phase\":\"DNS\",\"place\":\"x\",\"what\":\"w\","
        "\"elapsed_ps\":1000},{\"phase\":\"DNS\",\"place\":\"y\",\"what\":\"w\","
        "\"elapsed_ps\":500},{\"phase\":\"DNS\",\"place\":\"x\",\"what\":\"w\","
        "\"elapsed_ps\":1500}],"
        "\"packets\":[{\"number\":1,\"summary\":\"SYN\",\"started_ps\":1000000,"
        "\"steps\":[%s]}]}",
        step);

    return vs_trace_print_text(json, NULL);
}

static bool
has_lines(const char *step, const char *lines)
{
    g_autofree char *text = tell(step);
    bool has = text && strstr(text, lines);

    if (!has) {
        printf("\"%s\" lacks \"%s\"\n", text, lines);
    }
    return has;
}

static void
test_each_kind_of_step_has_its_words(void)
{
    CU_ASSERT(has_lines("{\"kind\":\"nat\",\"place\":\"n/r\",\"time_ps\":1001500,"
                        "\"verdict\":\"DNAT\","
                        "\"before\":{\"daddr\":\"10.96.0.10\",\"dport\":80},"
                        "\"after\":{\"daddr\":\"10.244.1.2\",\"dport\":8080}}",
                        "  n/r\n"
                        "          1.500 ns  nat: DNAT\n"
                        "                      daddr 10.96.0.10 -> 10.244.1.2\n"
                        "                      dport 80 -> 8080\n"));
    CU_ASSERT(has_lines("{\"kind\":\"hook\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"hook\":\"PREROUTING\"}",
                        "          0.000 ns  hook PREROUTING\n"));
    CU_ASSERT(has_lines("{\"kind\":\"chain\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"chain\":\"X\",\"table\":\"nat\"}",
                        "          0.000 ns    chain X of table nat\n"));
    CU_ASSERT(has_lines("{\"kind\":\"rule\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"rule\":3,\"text\":\"-j Y\",\"verdict\":\"jump Y\","
                        "\"cost_ps\":2500}",
                        "          0.000 ns      rule 3: -j Y => jump Y [2.500 ns]\n"));
    CU_ASSERT(has_lines("{\"kind\":\"policy\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"chain\":\"X\",\"verdict\":\"ACCEPT\"}",
                        "ns    end of chain X: policy ACCEPT\n"));
    CU_ASSERT(has_lines("{\"kind\":\"bridge\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"bridge\":\"cni0\",\"device\":\"veth-a\"}",
                        "ns  bridge cni0: to port veth-a\n"));
    CU_ASSERT(has_lines("{\"kind\":\"service\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"service\":\"resolver\",\"text\":\"t\",\"why\":\"w\"}",
                        "ns  resolver: t (w)\n"));
    CU_ASSERT(has_lines("{\"kind\":\"drop\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"text\":\"too long\"}",
                        "ns  DROPPED: too long\n"));
    CU_ASSERT(has_lines("{\"kind\":\"time\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"qdisc\":\"tbf\",\"stage\":\"queue\",\"elapsed_ps\":1500}",
                        "ns  qdisc tbf: held for 1.500 ns\n"));
    CU_ASSERT(has_lines("{\"kind\":\"conntrack\",\"place\":\"p\",\"time_ps\":1000000,"
                        "\"verdict\":\"new\",\"text\":\"t\"}",
                        "ns  conntrack: new, t\n"));
}

/* Times, and fields that no step changes, do not count. */
static void
test_packets_that_fare_the_same_are_told_once(void)
{
    static const char two[] =
        "{\"format\":\"vethsim-trace\",\"packets\":["
        "{\"number\":1,\"summary\":\"ACK\",\"started_ps\":0,\"steps\":["
        "{\"kind\":\"send\",\"place\":\"p\",\"time_ps\":1,"
        "\"headers\":{\"saddr\":\"10.0.0.1\",\"seq\":1}}]},"
        "{\"number\":2,\"summary\":\"ACK\",\"started_ps\":5000,\"steps\":["
        "{\"kind\":\"send\",\"place\":\"p\",\"time_ps\":7500,"
        "\"headers\":{\"saddr\":\"10.0.0.1\",\"seq\":2}}]},"
        "{\"number\":3,\"summary\":\"ACK\",\"started_ps\":9000,\"steps\":["
        "{\"kind\":\"send\",\"place\":\"p\",\"time_ps\":9000,"
        "\"headers\":{\"saddr\":\"10.0.0.2\",\"seq\":2}}]}]}";
    g_autofree char *text = vs_trace_print_text(two, NULL);

    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Packet 2, at 5.000 ns: ACK\n"
                                        "  all as packet 1, the last step after 2.500 "
                                        "ns\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Packet 3, at 9.000 ns: ACK\n  p\n"));
}

static void
test_the_bill_adds_up_each_stage_once(void)
{
    CU_ASSERT(has_lines("", "Where the time went\n"
                            "  DNS  x           w  2.500  ns  83.3%\n"
                            "       y           w  0.500  ns  16.7%\n"
                            "       sum            3.000  ns\n"
                            "       end to end     3.000  ns\n"));
}

static void
test_no_line_is_longer_than_100_columns(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autofree char *json = vs_trace_print_json(f.probe, &(VsTraceOptions){0}, NULL);
    g_autofree char *text = vs_trace_print_text(json, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    CU_ASSERT(g_strv_length(lines) > 100);
    for (char **line = lines; *line; line++) {
        CU_ASSERT(strlen(*line) <= 100);
    }
    probe_fixture_clear(&f);
}

static void
test_something_else_is_refused(void)
{
    g_autoptr(GError) error = NULL;

    CU_ASSERT_PTR_NULL(vs_trace_print_text("{\"format\": \"other\"}", &error));
    CU_ASSERT_PTR_NOT_NULL(error);
    g_clear_error(&error);
    CU_ASSERT_PTR_NULL(vs_trace_print_text("{", &error));
    CU_ASSERT_PTR_NOT_NULL(error);
}

static const VsTestCase tests[] = {
    {"each kind of step has its words", test_each_kind_of_step_has_its_words},
    {"packets that fare the same are told once",
     test_packets_that_fare_the_same_are_told_once},
    {"the bill adds up each stage once", test_the_bill_adds_up_each_stage_once},
    {"no line is longer than 100 columns", test_no_line_is_longer_than_100_columns},
    {"something else is refused", test_something_else_is_refused},
    {0},
};
VS_TESTS("trace_text")
