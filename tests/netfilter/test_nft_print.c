/* nft's texts: whole rulesets printed, as text and as JSON, and walked once read. */
#include "netfilter/evaluate.h"
#include "netfilter/nft.h"
#include "vs_test.h"

static VsRuleset *
read_text(const char *text)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    if (!vs_nft_read(ruleset, text, "f", &error) || !vs_ruleset_link(ruleset, &error)) {
        printf("%s\n", error->message);
        CU_FAIL_FATAL("the text is not read");
    }
    return ruleset;
}

/* A file beside this one. */
static char *
load(const char *name)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *path =
        g_build_filename(top ? top : ".", "tests", "netfilter", name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    if (!text) {
        vs_test_skip("needs top_srcdir");
    }
    return text;
}

static void
check_identity(const char *name)
{
    g_autofree char *text = load(name);
    VsRuleset *first = read_text(text);
    g_autofree char *printed = vs_nft_print(first);
    VsRuleset *second = read_text(printed);
    g_autofree char *again = vs_nft_print(second);

    CU_ASSERT_STRING_EQUAL(again, printed);
    vs_ruleset_free(first);
    vs_ruleset_free(second);
}

static void
test_reading_what_is_printed_prints_it_again(void)
{
    check_identity("kube_proxy.nft");
    check_identity("constructs.nft");
}

static void
test_a_ruleset_is_printed_as_nft_lists_it(void)
{
    static const char expected[] =
        "table ip t {\n"
        "\tcomment \"all\"\n"
        "\tset s {\n"
        "\t\ttype ipv4_addr\n"
        "\t\tsize 65535\n" /* The kernel's, for rules add to it. */
        "\t\tflags dynamic,timeout\n"
        "\t\ttimeout 3h\n"
        "\t\telements = { 10.0.0.1, 10.0.0.2,\n"
        "\t\t\t     10.0.0.3 timeout 1m comment \"c\" }\n"
        "\t}\n"
        "\n"
        "\tmap m {\n"
        "\t\ttype inet_proto . inet_service : verdict\n"
        "\t\telements = { tcp . 22 : drop,\n"
        "\t\t\t     udp . 53 : jump r }\n"
        "\t}\n"
        "\n"
        "\tchain r {\n"
        "\t\tcomment \"regular\"\n"
        "\t\tupdate @s { ip saddr }\n"
        "\t}\n"
        "\n"
        "\tchain b {\n"
        "\t\ttype nat hook prerouting priority dstnat - 10; policy accept;\n"
        "\t\tmeta l4proto . th dport vmap @m\n"
        "\t}\n"
        "}\n"
        "table ip u {\n"
        "}\n";
    VsRuleset *ruleset = read_text(
        "table t { comment \"all\";\n"
        "set s { type ipv4_addr; flags timeout, dynamic; timeout 10800s;\n"
        "elements = { 10.0.0.3 timeout 60s comment c, 10.0.0.2,\n10.0.0.1, }; };\n"
        "map m { type inet_proto . inet_service : verdict;\n"
        "elements = { udp . 53 : jump r, tcp . 22 : drop }; };\n"
        "chain r { comment regular; update @s { ip saddr }; };\n"
        "chain b { type nat hook prerouting priority -110;\n"
        "meta l4proto . th dport vmap @m; }; }\n"
        "table u { }\n");
    g_autofree char *printed = vs_nft_print(ruleset);

    CU_ASSERT_STRING_EQUAL(printed, expected);
    vs_ruleset_free(ruleset);
}

static void
test_json_is_that_of_nft(void)
{
    VsRuleset *ruleset =
        read_text("table t {\n chain c {\n  ip saddr 10.0.0.0/8 tcp dport "
                  "{ 80, 90-99 } counter accept comment \"x\"\n }\n}\n");
    g_autofree char *json = vs_nft_print_json(ruleset);

    CU_ASSERT_STRING_EQUAL(
        json,
        "{\"nftables\":[{\"metainfo\":{\"version\":\"1.0.6\",\"release_name\":\"Lester "
        "Gooch #5\",\"json_schema_version\":1}},"
        "{\"table\":{\"family\":\"ip\",\"name\":\"t\"}},"
        "{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":\"c\"}},"
        "{\"rule\":{\"family\":\"ip\",\"table\":\"t\",\"chain\":\"c\",\"handle\":1,"
        "\"comment\":\"x\",\"expr\":["
        "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\","
        "\"field\":"
        "\"saddr\"}},\"right\":{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}}},"
        "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"tcp\","
        "\"field\":"
        "\"dport\"}},\"right\":{\"set\":[80,{\"range\":[90,99]}]}}},"
        "{\"counter\":{\"packets\":0,\"bytes\":0}},{\"accept\":null}]}}]}\n");
    vs_ruleset_free(ruleset);
}

/* A TCP packet, otherwise as 'view' has it, meets base chain 'name'. */
static VsVerdictKind
walk(VsRuleset *ruleset, const char *table, const char *name, VsRuleView *view)
{
    VsChain *chain = vs_rule_table_find_chain(
        vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, table), name);

    view->fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_TCP;
    return vs_chain_run(chain, view);
}

static void
test_a_packet_to_a_service_finds_its_endpoint(void)
{
    g_autofree char *text = load("kube_proxy.nft");
    VsRuleset *ruleset = read_text(text);
    VsRng rng;
    VsRuleView view = {.rng = &rng};

    vs_rng_init(&rng, 1, "test", "numgen");
    view.fields[VS_FIELD_SADDR] = 0x0b000001; /* 11.0.0.1: from outside. */
    view.fields[VS_FIELD_DADDR] = 0x0a600029; /* 10.96.0.41 */
    view.fields[VS_FIELD_DPORT] = 80;
    CU_ASSERT_EQUAL(walk(ruleset, "kube-proxy", "nat-prerouting", &view),
                    VS_RULE_ACCEPT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view.nat);
    CU_ASSERT_EQUAL(view.nat->kind, VS_STEP_DNAT);
    CU_ASSERT_EQUAL(view.nat->nat.min_port, 80);
    CU_ASSERT_TRUE(view.nat->nat.min_address == 0x0a010001 ||
                   view.nat->nat.min_address == 0x0a010002);
    CU_ASSERT_EQUAL(view.fields[VS_FIELD_MARK], 0x4000); /* To be masqueraded. */
    vs_ruleset_free(ruleset);
}

/* iptables' virtual states SNAT and DNAT are no states of nft. */
static void
test_virtual_states_do_not_show(void)
{
    VsRuleset *ruleset =
        read_text("table t {\n chain c {\n  type filter hook input priority 0\n"
                  "  policy drop\n  ct state { established, related } accept\n }\n}\n");
    VsRuleView view = {0};

    view.fields[VS_FIELD_CT_STATE] = VS_CT_STATE_ESTABLISHED | VS_CT_STATE_DNAT;
    CU_ASSERT_EQUAL(walk(ruleset, "t", "c", &view), VS_RULE_ACCEPT);
    view.fields[VS_FIELD_CT_STATE] = VS_CT_STATE_NEW;
    CU_ASSERT_EQUAL(walk(ruleset, "t", "c", &view), VS_RULE_DROP);
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"reading what is printed prints it again",
     test_reading_what_is_printed_prints_it_again},
    {"a ruleset is printed as nft lists it", test_a_ruleset_is_printed_as_nft_lists_it},
    {"the JSON is that of nft", test_json_is_that_of_nft},
    {"a packet to a service finds its endpoint",
     test_a_packet_to_a_service_finds_its_endpoint},
    {"virtual states do not show", test_virtual_states_do_not_show},
    {0},
};

VS_TESTS("nft texts printed")
