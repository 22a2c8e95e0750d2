/* What reading iptables' text makes of it: tables, chains, steps; and what it says of faults. */
#include "netfilter/evaluate.h"
#include "netfilter/ipset.h"
#include "netfilter/iptables.h"
#include "vs_test.h"

/* The ruleset in 'text', which must be right. */
static VsRuleset *
read_text(const char *text)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    if (!vs_iptables_read(ruleset, text, "f", &error)) {
        printf("\n  %s\n", error->message);
        CU_FAIL_FATAL("the text was refused");
    }
    return ruleset;
}

static VsChain *
get_chain(const VsRuleset *ruleset, const char *table, const char *chain)
{
    return vs_rule_table_find_chain(
        vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, table), chain);
}

static const VsRule *
get_rule(const VsRuleset *ruleset, const char *table, const char *chain,
         unsigned number)
{
    return get_chain(ruleset, table, chain)->rules->pdata[number - 1];
}

static char *
print_and_free(VsRuleset *ruleset)
{
    char *text = vs_iptables_print(ruleset, false);

    vs_ruleset_free(ruleset);
    return text;
}

static char *
load_file(const char *name)
{
    g_autofree char *path =
        g_build_filename(g_getenv("top_srcdir") ? g_getenv("top_srcdir") : "..",
                         "tests/netfilter/rules", name, NULL);
    char *text = NULL;

    CU_ASSERT_TRUE_FATAL(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void
test_a_rule_becomes_steps_in_order(void)
{
    VsRuleset *ruleset =
        read_text("*nat\n"
                  ":SVC - [0:0]\n"
                  "\n"
                  "# a comment\n"
                  "[7:420] -A SVC -m statistic --mode random --probability 0.5 "
                  "-p tcp --dport 80 ! -s 10.244.0.0/16 -j DNAT "
                  "--to-destination 10.244.0.5-10.244.0.9:8080 --random\n"
                  "COMMIT\n");
    const VsRule *rule = get_rule(ruleset, "nat", "SVC", 1);

    CU_ASSERT_EQUAL(rule->line, 5);
    CU_ASSERT_EQUAL(rule->number, 1);
    CU_ASSERT_EQUAL(rule->n_packets, 7);
    CU_ASSERT_EQUAL(rule->n_bytes, 420);
    CU_ASSERT_EQUAL_FATAL(rule->n_steps, 5);

    CU_ASSERT_EQUAL(rule->steps[0].range.field, VS_FIELD_SADDR);
    CU_ASSERT_EQUAL(rule->steps[0].range.mask, 0xffff0000);
    CU_ASSERT_EQUAL(rule->steps[0].range.min, 0x0af40000);
    CU_ASSERT_TRUE(rule->steps[0].range.is_inverted);
    CU_ASSERT_EQUAL(rule->steps[1].range.field, VS_FIELD_PROTOCOL);
    CU_ASSERT_EQUAL(rule->steps[1].range.min, 6);
    CU_ASSERT_EQUAL(rule->steps[2].kind, VS_STEP_RANDOM);
    CU_ASSERT_EQUAL(rule->steps[2].random.threshold, 1u << 30);
    CU_ASSERT_EQUAL(rule->steps[3].module, VS_MODULE_TCP);
    CU_ASSERT_EQUAL(rule->steps[3].range.field, VS_FIELD_DPORT);
    CU_ASSERT_EQUAL(rule->steps[3].range.max, 80);
    CU_ASSERT_EQUAL(rule->steps[4].kind, VS_STEP_DNAT);
    CU_ASSERT_EQUAL(rule->steps[4].nat.min_address, 0x0af40005);
    CU_ASSERT_EQUAL(rule->steps[4].nat.max_address, 0x0af40009);
    CU_ASSERT_EQUAL(rule->steps[4].nat.min_port, 8080);
    CU_ASSERT_TRUE(rule->steps[4].nat.is_random);
    vs_ruleset_free(ruleset);
}

/* P of n endpoints, lround(2^31 / n): selection of kube-proxy. */
static void
test_probabilities_round_as_iptables_does(void)
{
    static const struct {
        const char *text;
        uint32_t threshold;
    } cases[] = {
        {"0.5000000000", 1073741824}, {"0.3333333333", 715827883},
        {"0.2500000000", 536870912},  {"0.2000000000", 429496730},
        {"0.1666666667", 357913941},  {"0.1428571429", 306783378},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("*nat\n-A OUTPUT -m statistic --mode "
                                                "random --probability %s\nCOMMIT\n",
                                                cases[i].text);
        VsRuleset *ruleset = read_text(text);

        CU_ASSERT_EQUAL(
            get_rule(ruleset, "nat", "OUTPUT", 1)->steps[0].random.threshold,
            cases[i].threshold);
        vs_ruleset_free(ruleset);
    }
}

static void
test_masks_of_connmark_follow_the_direction(void)
{
    VsRuleset *ruleset =
        read_text("*mangle\n"
                  "-A OUTPUT -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0\n"
                  "-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0\n"
                  "COMMIT\n");
    const VsRuleStep *save = &get_rule(ruleset, "mangle", "OUTPUT", 1)->steps[0];
    const VsRuleStep *restore = &get_rule(ruleset, "mangle", "OUTPUT", 2)->steps[0];

    /* ct mark = (ct mark & ~0xf0) ^ (mark & 0xff); mark = (mark & ~0xff) ^ (ct & 0xf0). */
    CU_ASSERT_EQUAL(save->mark.mask, 0xf0);
    CU_ASSERT_EQUAL(save->mark.value, 0xff);
    CU_ASSERT_EQUAL(restore->mark.mask, 0xff);
    CU_ASSERT_EQUAL(restore->mark.value, 0xf0);
    vs_ruleset_free(ruleset);
}

static void
test_match_set_asks_the_fields_of_its_set(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    const VsLookup *lookup;

    CU_ASSERT_TRUE_FATAL(
        vs_ipset_read(ruleset, "create L hash:ip,port,ip\n", "s", NULL));
    CU_ASSERT_TRUE_FATAL(vs_iptables_read(
        ruleset, "*nat\n-A OUTPUT -m set --match-set L dst,dst,src\nCOMMIT\n", "f",
        NULL));
    lookup = &get_rule(ruleset, "nat", "OUTPUT", 1)->steps[0].lookup;
    CU_ASSERT_EQUAL_FATAL(lookup->n_fields, 4);
    CU_ASSERT_EQUAL(lookup->fields[0], VS_FIELD_DADDR);
    CU_ASSERT_EQUAL(lookup->fields[1], VS_FIELD_PROTOCOL);
    CU_ASSERT_EQUAL(lookup->fields[2], VS_FIELD_DPORT);
    CU_ASSERT_EQUAL(lookup->fields[3], VS_FIELD_SADDR);
    vs_ruleset_free(ruleset);
}

static VsVerdictKind
walk_to(VsRuleset *ruleset, VsAddr daddr, uint32_t dport)
{
    VsRuleView view = {.bytes = 60};

    view.fields[VS_FIELD_SADDR] = 0x0a000001;
    view.fields[VS_FIELD_DADDR] = daddr;
    view.fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_TCP;
    view.fields[VS_FIELD_DPORT] = dport;
    return vs_chain_run(get_chain(ruleset, "filter", "FORWARD"), &view);
}

static void
test_what_was_read_can_be_walked(void)
{
    VsRuleset *ruleset =
        read_text("*filter\n"
                  ":FORWARD DROP [0:0]\n"
                  ":WEB - [0:0]\n"
                  "-A FORWARD -p tcp -m tcp -j WEB\n"
                  "-A WEB -d 10.0.0.0/24 -p tcp --dport 80:90 -j ACCEPT\n"
                  "COMMIT\n");

    CU_ASSERT_TRUE_FATAL(vs_ruleset_link(ruleset, NULL));
    CU_ASSERT_EQUAL(walk_to(ruleset, 0x0a000007, 85), VS_RULE_ACCEPT);
    CU_ASSERT_EQUAL(walk_to(ruleset, 0x0a000107, 85), VS_RULE_DROP);
    CU_ASSERT_EQUAL(walk_to(ruleset, 0x0a000007, 91), VS_RULE_DROP);
    vs_ruleset_free(ruleset);
}

static void
test_reading_again_flushes_declared_chains_alone(void)
{
    VsRuleset *ruleset = read_text("*nat\n"
                                   ":A - [0:0]\n"
                                   ":B - [0:0]\n"
                                   ":C - [0:0]\n"
                                   "-A OUTPUT -j A\n"
                                   "-A A -j RETURN\n"
                                   "-A B -j RETURN\n"
                                   "COMMIT\n");
    static const char update[] = "*nat\n"
                                 ":A - [0:0]\n"
                                 "-A A -j B\n"
                                 "-X C\n"
                                 "COMMIT\n";

    CU_ASSERT_TRUE_FATAL(vs_iptables_read(ruleset, update, "f", NULL));
    CU_ASSERT_EQUAL(get_chain(ruleset, "nat", "OUTPUT")->rules->len, 1);
    CU_ASSERT_EQUAL(get_chain(ruleset, "nat", "A")->rules->len, 1);
    CU_ASSERT_EQUAL(get_rule(ruleset, "nat", "A", 1)->steps[0].verdict.kind,
                    VS_RULE_JUMP);
    CU_ASSERT_EQUAL(get_chain(ruleset, "nat", "B")->rules->len, 1);
    CU_ASSERT_PTR_NULL(get_chain(ruleset, "nat", "C"));
    CU_ASSERT_TRUE(vs_ruleset_link(ruleset, NULL));
    vs_ruleset_free(ruleset);
}

static void
test_rules_are_inserted_and_deleted(void)
{
    VsRuleset *ruleset = read_text("*filter\n"
                                   "-N A\n"
                                   "-A A -s 10.0.0.1 -j DROP\n"
                                   "-A A -s 10.0.0.2 -j DROP\n"
                                   "-A A -s 10.0.0.3 -j DROP\n"
                                   "-I A -s 10.0.0.4 -j DROP\n"
                                   "-I A 3 -s 10.0.0.5 -j DROP\n"
                                   "-D A 2\n"
                                   "-D A -j DROP -s 10.0.0.3/32\n"
                                   "-P INPUT DROP\n"
                                   "-A OUTPUT -j DROP\n"
                                   "-F OUTPUT\n"
                                   "COMMIT\n");
    const GPtrArray *rules = get_chain(ruleset, "filter", "A")->rules;
    static const VsAddr expected[] = {0x0a000004, 0x0a000005, 0x0a000002};

    CU_ASSERT_EQUAL_FATAL(rules->len, G_N_ELEMENTS(expected));
    for (unsigned i = 0; i < rules->len; i++) {
        const VsRule *rule = rules->pdata[i];

        CU_ASSERT_EQUAL(rule->steps[0].range.min, expected[i]);
        CU_ASSERT_EQUAL(rule->number, i + 1);
    }
    CU_ASSERT_EQUAL(get_chain(ruleset, "filter", "INPUT")->policy, VS_RULE_DROP);
    CU_ASSERT_EQUAL(get_chain(ruleset, "filter", "OUTPUT")->rules->len, 0);
    vs_ruleset_free(ruleset);
}

static void
test_removing_a_chain_that_is_used_shows_when_linked(void)
{
    VsRuleset *ruleset = read_text("*nat\n"
                                   ":A - [0:0]\n"
                                   "-A OUTPUT -j A\n"
                                   "-X A\n"
                                   "COMMIT\n");
    g_autoptr(GError) error = NULL;

    CU_ASSERT_FALSE(vs_ruleset_link(ruleset, &error));
    CU_ASSERT_TRUE(
        g_error_matches(error, VS_RULESET_ERROR, VS_RULESET_ERROR_REFERENCE));
    vs_ruleset_free(ruleset);
}

/* ---- Files ---------------------------------------------------------------------------- */

static void
test_the_canonical_rules_print_as_they_are(void)
{
    g_autofree char *text = load_file("options.rules");
    g_autofree char *print = print_and_free(read_text(text));

    /* Behind the comment in the first line. */
    CU_ASSERT_STRING_EQUAL(print, strchr(text, '\n') + 1);
}

static void
test_what_kube_proxy_writes_comes_round(void)
{
    g_autofree char *text = load_file("kube_proxy.restore");
    VsRuleset *ruleset = read_text(text);
    g_autofree char *print = NULL;
    g_autofree char *again = NULL;

    CU_ASSERT_TRUE(vs_ruleset_link(ruleset, NULL));
    CU_ASSERT_EQUAL(get_chain(ruleset, "nat", "KUBE-SVC-WEBWEBWEBWEBWEBW")->rules->len,
                    4);
    print = print_and_free(ruleset);
    again = print_and_free(read_text(print));
    CU_ASSERT_STRING_EQUAL(again, print);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        print,
        "\n-A KUBE-SVC-WEBWEBWEBWEBWEBW ! -s 10.244.0.0/16 -d 10.96.44.2/32 -p tcp "
        "-m comment --comment \"shop/web:http cluster IP\" -m tcp --dport 80 "
        "-j KUBE-MARK-MASQ\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(print, "\n-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n"));
}

/* ---- Faults --------------------------------------------------------------------------- */

typedef struct {
    VsRulesetError code;
    const char *text; /* Its last line is at fault. */
    const char *message;
} Fault;

static void
check_faults(const Fault *faults, unsigned n_faults, const char *before)
{
    for (unsigned i = 0; i < n_faults; i++) {
        g_autofree char *text = g_strconcat(before, faults[i].text, "\n", NULL);
        VsRuleset *ruleset = vs_ruleset_new();
        g_autoptr(GError) error = NULL;

        CU_ASSERT_FALSE(vs_iptables_read(ruleset, text, "node.rules", &error));
        if (!error || !strstr(error->message, faults[i].message)) {
            printf("\n  %s\n  %s\n  expected %s\n", faults[i].text,
                   error ? error->message : "was read", faults[i].message);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_TRUE(g_error_matches(error, VS_RULESET_ERROR, faults[i].code));
        CU_ASSERT_PTR_NOT_NULL(strstr(error->message, faults[i].message));
        vs_ruleset_free(ruleset);
    }
}

/* clang-format off */

static void
test_faults_name_their_line_and_the_remedy(void)
{
    static const Fault faults[] = {
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -p tcp --dport http",
         "node.rules:3: --dport \"http\": write a number from 0 to 65535"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -s example.com",
         "node.rules:3: -s \"example.com\": write an IPv4 address"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -p foo", "write tcp, udp, sctp, icmp, all or"},
        {VS_RULESET_ERROR_REFERENCE, "-A NONE -j DROP", "write :NONE - [0:0] before"},
        {VS_RULESET_ERROR_REFERENCE, "-A INPUT -j NONE", "write :NONE - [0:0] before"},
        {VS_RULESET_ERROR_REFERENCE, "-A INPUT -j OUTPUT", "chain OUTPUT is built in"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m comment --comment \"a b", "write \" at its end"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m comment --comment a b", "quote texts"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m nfacct -j DROP", "--nfacct-name"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m nfacct --nfacct-name "
         "a_name_of_more_than_thirty_one_bytes", "write at most 31"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -s ! 10.0.0.1", "-s \"!\""},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -j DROP -j ACCEPT", "write another rule"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -s 10.0.0.1 -s 10.0.0.2", "comes after itself"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m mark --mark", "wants 1 argument behind it"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -m mark -j DROP", "mark wants --mark"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT !", "! at the end"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -j", "-j wants a name"},
        {VS_RULESET_ERROR_SYNTAX, "[1:x] -A INPUT -j DROP", "write [packets:bytes]"},
        {VS_RULESET_ERROR_SYNTAX, ":INPUT REJECT [0:0]", "write ACCEPT or DROP"},
        {VS_RULESET_ERROR_SYNTAX, ":MINE ACCEPT [0:0]", "only built-in chains"},
        {VS_RULESET_ERROR_SYNTAX, ":ACCEPT - [0:0]", "give the chain another name"},
        {VS_RULESET_ERROR_SYNTAX, "*nat", "write COMMIT before *nat"},
        {VS_RULESET_ERROR_SYNTAX, "-X INPUT", "chain INPUT is built in"},
        {VS_RULESET_ERROR_REFERENCE, "-D INPUT 1", "there is no rule 1"},
        {VS_RULESET_ERROR_REFERENCE, "-D INPUT -j DROP", "no such rule"},
        {VS_RULESET_ERROR_REFERENCE, "-A INPUT -m set --match-set S src",
         "there is no ipset \"S\""},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m owner --uid-owner root",
         "without names"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m owner --gid-owner 9-5", "first-last"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m owner -j DROP",
         "--uid-owner or --gid-owner"},
        {VS_RULESET_ERROR_SYNTAX, "", "table filter is not closed: write COMMIT"},
    };

    check_faults(faults, G_N_ELEMENTS(faults), "# made by hand\n*filter\n");
}

static void
test_what_is_not_modelled_is_refused_by_name(void)
{
    static const Fault faults[] = {
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -m hashlimit -j DROP", "\"hashlimit\""},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -p tcp -m tcp --tcp-option 5",
         "option --tcp-option"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -p tcp -m tcp --dprt 5",
         "did you mean --dport?"},
        {VS_RULESET_ERROR_UNSUPPORTED,
         "-A INPUT -m addrtype --dst-type LOCAL --limit-iface-in", "--limit-iface-in"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -m addrtype --dst-type PROHIBIT",
         "\"PROHIBIT\""},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -m recent --rcheck --rttl", "--rttl"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -m recent --update --hitcount 21",
         "at most 20"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -m conntrack --ctexpire 5", "--ctexpire"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -j LOG --log-uid", "--log-uid"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A OUTPUT -m owner --socket-exists",
         "--socket-exists"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -j REJECT --reject-with tcp-fin",
         "\"tcp-fin\""},
        {VS_RULESET_ERROR_REFERENCE, "-A INPUT -j TCPMSS", "\"TCPMSS\""},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -f -j DROP", "option -f"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-A INPUT -s 10.0.0.1,10.0.0.2",
         "write a rule for each address"},
        {VS_RULESET_ERROR_UNSUPPORTED, "-R INPUT 1 -j DROP", "\"-R\""},
    };
    static const Fault tables[] = {
        {VS_RULESET_ERROR_UNSUPPORTED, "*security", "node.rules:1: there is no table"},
        {VS_RULESET_ERROR_SYNTAX, "-A INPUT -j DROP", "write *filter"},
    };

    check_faults(faults, G_N_ELEMENTS(faults), "*filter\n");
    check_faults(tables, G_N_ELEMENTS(tables), "");
}

static void
test_what_the_kernel_refuses_is_refused(void)
{
    static const Fault faults[] = {
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m tcp --dport 5", "-m tcp wants -p tcp"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -p udp -m tcp --dport 5", "wants -p tcp"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m multiport --dports 5", "wants -p tcp, udp"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -p tcp -m multiport --dports "
         "1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16", "at most 15 ports"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -j DNAT --to-destination 10.0.0.1:80",
         "with a port wants -p tcp"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -j DNAT", "DNAT wants --to-destination"},
        {VS_RULESET_ERROR_SYNTAX, "-A POSTROUTING -j DNAT --to-destination 10.0.0.1",
         "it works in PREROUTING OUTPUT"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -j MASQUERADE", "it works in POSTROUTING"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -j REJECT", "REJECT is for table filter"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -j CT --notrack", "CT is for table raw"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT ! -p all", "never matches"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m statistic --mode nth --every 3 --packet 3",
         "from 0 to 2"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m statistic --mode random --probability 1.1",
         "from 0 to 1"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m recent --rcheck --reap", "--reap wants"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m recent --set --seconds 5",
         "go with --rcheck or --update"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m conntrack ! --ctdir REPLY",
         "leave the ! out"},
        {VS_RULESET_ERROR_SYNTAX, "-A OUTPUT -m limit --limit 10001/s", "at most 10000"},
    };

    check_faults(faults, G_N_ELEMENTS(faults), "*nat\n");
}

/* clang-format on */

static void
test_a_faulty_rule_leaves_none_behind(void)
{
    VsRuleset *ruleset = vs_ruleset_new();

    CU_ASSERT_FALSE(vs_iptables_read(
        ruleset, "*nat\n-A OUTPUT -s 10.0.0.1\n-A OUTPUT -s 10.0.0.2 --no\n", "f",
        NULL));
    CU_ASSERT_EQUAL(get_chain(ruleset, "nat", "OUTPUT")->rules->len, 1);
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"a rule becomes steps in order", test_a_rule_becomes_steps_in_order},
    {"probabilities round as iptables does", test_probabilities_round_as_iptables_does},
    {"masks of CONNMARK follow the direction",
     test_masks_of_connmark_follow_the_direction},
    {"--match-set asks the fields of its set",
     test_match_set_asks_the_fields_of_its_set},
    {"what was read can be walked", test_what_was_read_can_be_walked},
    {"reading again flushes declared chains alone",
     test_reading_again_flushes_declared_chains_alone},
    {"rules are inserted and deleted", test_rules_are_inserted_and_deleted},
    {"removing a chain that is used shows when linked",
     test_removing_a_chain_that_is_used_shows_when_linked},
    {"the canonical rules print as they are",
     test_the_canonical_rules_print_as_they_are},
    {"what kube-proxy writes comes round", test_what_kube_proxy_writes_comes_round},
    {"faults name their line and the remedy",
     test_faults_name_their_line_and_the_remedy},
    {"what is not modelled is refused by name",
     test_what_is_not_modelled_is_refused_by_name},
    {"what the kernel refuses is refused", test_what_the_kernel_refuses_is_refused},
    {"a faulty rule leaves none behind", test_a_faulty_rule_leaves_none_behind},
    {0}};
VS_TESTS("iptables_parse")
