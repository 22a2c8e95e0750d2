/* Rules that are replaced: what differs changes, what stays is not touched. */
#include <string.h>

#include "netfilter/ipset.h"
#include "netfilter/iptables.h"
#include "netfilter/nft.h"
#include "vs_test.h"

static const char iptables_before[] = "*nat\n"
                                      ":PREROUTING ACCEPT [0:0]\n"
                                      ":POSTROUTING ACCEPT [0:0]\n"
                                      ":OWN-GOES - [0:0]\n"
                                      ":OWN-STAYS - [0:0]\n"
                                      ":OTHERS - [0:0]\n"
                                      ":LIST - [0:0]\n"
                                      "-A PREROUTING -j OTHERS\n"
                                      "-A PREROUTING -j LIST\n"
                                      "-A LIST -d 10.0.0.1/32 -j OWN-GOES\n"
                                      "-A LIST -d 10.0.0.2/32 -j OWN-STAYS\n"
                                      "-A OWN-STAYS -j ACCEPT\n"
                                      "-A OTHERS -j RETURN\n"
                                      "COMMIT\n";

static const char iptables_wanted[] = "*nat\n"
                                      ":PREROUTING ACCEPT [0:0]\n"
                                      ":LIST - [0:0]\n"
                                      ":OWN-COMES - [0:0]\n"
                                      ":OWN-STAYS - [0:0]\n"
                                      "-A PREROUTING -j LIST\n"
                                      "-A LIST -d 10.0.0.2/32 -j OWN-STAYS\n"
                                      "-A LIST -d 10.0.0.3/32 -j OWN-COMES\n"
                                      "-A OWN-COMES -j ACCEPT\n"
                                      "-A OWN-STAYS -j ACCEPT\n"
                                      "COMMIT\n";

static VsRuleset *
read_rules(const char *text, bool is_nft)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    CU_ASSERT_FATAL(
        (is_nft ? vs_nft_read : vs_iptables_read)(ruleset, text, "test", &error));
    CU_ASSERT_FATAL(vs_ruleset_link(ruleset, &error));
    return ruleset;
}

static bool
is_own(const VsChain *chain)
{
    return g_str_has_prefix(chain->name, "OWN-");
}

static bool
is_of_nft(const VsChain *chain)
{
    return chain->table->dialect == VS_DIALECT_NFT;
}

static VsChain *
find(const VsRuleset *ruleset, VsDialect dialect, const char *table, const char *chain)
{
    return vs_rule_table_find_chain(vs_ruleset_find_table(ruleset, dialect, table),
                                    chain);
}

static void
test_only_chains_that_differ_change(void)
{
    VsRuleset *ruleset = read_rules(iptables_before, false);
    VsRuleset *wanted = read_rules(iptables_wanted, false);
    VsRule *stays =
        find(ruleset, VS_DIALECT_IPTABLES, "nat", "OWN-STAYS")->rules->pdata[0];
    uint32_t generation = ruleset->generation;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    stays->n_packets = 7;
    vs_ruleset_replace(ruleset, wanted, is_own);
    vs_ruleset_free(wanted);
    CU_ASSERT_TRUE(vs_ruleset_link(ruleset, &error));
    CU_ASSERT_NOT_EQUAL(ruleset->generation, generation);
    CU_ASSERT_PTR_EQUAL(
        find(ruleset, VS_DIALECT_IPTABLES, "nat", "OWN-STAYS")->rules->pdata[0], stays);
    CU_ASSERT_EQUAL(stays->n_packets, 7);
    CU_ASSERT_PTR_NULL(find(ruleset, VS_DIALECT_IPTABLES, "nat", "OWN-GOES"));
    text = vs_iptables_print(ruleset, false);
    /* Others' chain and the jumps of the kernel's chain are as they were. */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "-A PREROUTING -j OTHERS\n"
                                        "-A PREROUTING -j LIST\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "-A LIST -d 10.0.0.2/32 -j OWN-STAYS\n"
                                        "-A LIST -d 10.0.0.3/32 -j OWN-COMES\n"
                                        "-A OTHERS -j RETURN\n"
                                        "-A OWN-COMES -j ACCEPT\n"
                                        "-A OWN-STAYS -j ACCEPT\n"));
    vs_ruleset_free(ruleset);
}

#define NFT(elements, goes)                                               \
    "table ip t {\n"                                                      \
    "  set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }\n" \
    "  set plain { type ipv4_addr; elements = { " elements " } }\n" goes  \
    "  chain base {\n"                                                    \
    "    type filter hook input priority 0; policy accept;\n"             \
    "    ip saddr @plain drop\n"                                          \
    "    ip saddr @seen accept\n"                                         \
    "  }\n"                                                               \
    "}\n"

static void
test_sets_follow_but_what_packets_added_stays(void)
{
    VsRuleset *ruleset = read_rules(
        NFT("10.0.0.1", "  set gone { type ipv4_addr; elements = { 10.0.0.9 } }\n"),
        true);
    VsRuleset *wanted = read_rules(NFT("10.0.0.2, 10.0.0.3", ""), true);
    g_autofree char *expected = vs_nft_print(wanted);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    VsRuleTable *table = vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t");
    VsSet *seen = vs_ruleset_find_set(ruleset, table, "seen");
    uint32_t address = 0x0a000063;
    VsKey key = vs_set_key(&address, 1);

    vs_ruleset_replace(ruleset, wanted, is_of_nft);
    vs_ruleset_free(wanted);
    CU_ASSERT_TRUE(vs_ruleset_link(ruleset, &error));
    text = vs_nft_print(ruleset);
    CU_ASSERT_STRING_EQUAL(text, expected);

    vs_set_add(seen, &key);
    wanted = read_rules(NFT("10.0.0.4", ""), true);
    vs_ruleset_replace(ruleset, wanted, is_of_nft);
    vs_ruleset_free(wanted);
    CU_ASSERT_TRUE(vs_ruleset_link(ruleset, &error));
    CU_ASSERT_PTR_EQUAL(vs_ruleset_find_set(ruleset, table, "seen"), seen);
    CU_ASSERT_PTR_NOT_NULL(vs_set_find(seen, &key, 0));
    address = 0x0a000004;
    key = vs_set_key(&address, 1);
    CU_ASSERT_PTR_NOT_NULL(
        vs_set_find(vs_ruleset_find_set(ruleset, table, "plain"), &key, 0));
    vs_ruleset_free(ruleset);
}

/* Rules go on asking the same set, of which others' are left alone. */
static void
test_ipsets_get_the_elements_wanted(void)
{
    static const char create[] = "create %s hash:ip family inet hashsize 1024 "
                                 "maxelem 65536\nadd %s %s\n";
    g_autofree char *before = g_strdup_printf(create, "OWN", "OWN", "10.0.0.1");
    g_autofree char *others = g_strdup_printf(create, "OTHERS", "OTHERS", "10.0.0.2");
    g_autofree char *after = g_strdup_printf(create, "OWN", "OWN", "10.0.0.3");
    g_autofree char *comes = g_strdup_printf(create, "NEW", "NEW", "10.0.0.4");
    VsRuleset *ruleset = vs_ruleset_new();
    VsRuleset *wanted = vs_ruleset_new();
    g_autofree char *text = NULL;
    const VsSet *own;

    CU_ASSERT_FATAL(vs_ipset_read(ruleset, before, "test", NULL));
    CU_ASSERT_FATAL(vs_ipset_read(ruleset, others, "test", NULL));
    CU_ASSERT_FATAL(vs_ipset_read(wanted, after, "test", NULL));
    CU_ASSERT_FATAL(vs_ipset_read(wanted, comes, "test", NULL));
    own = vs_ruleset_find_set(ruleset, NULL, "OWN");
    vs_ruleset_replace(ruleset, wanted, is_own);
    vs_ruleset_free(wanted);
    CU_ASSERT_PTR_EQUAL(vs_ruleset_find_set(ruleset, NULL, "OWN"), own);
    text = vs_ipset_print(ruleset);
    CU_ASSERT_PTR_NULL(strstr(text, "10.0.0.1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "add OWN 10.0.0.3\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "add OTHERS 10.0.0.2\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "add NEW 10.0.0.4\n"));
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"only chains that differ change", test_only_chains_that_differ_change},
    {"sets follow, but what packets added stays",
     test_sets_follow_but_what_packets_added_stays},
    {"ipsets get the elements wanted", test_ipsets_get_the_elements_wanted},
    {0},
};

VS_TESTS("replace")
