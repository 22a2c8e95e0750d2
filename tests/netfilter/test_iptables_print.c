/* The canonical text of every option: what iptables-save 1.8.9 prints for the same rule (the
 * real program confirms it in iptables_restore.sh). */
#include "netfilter/ipset.h"
#include "netfilter/iptables.h"
#include "vs_test.h"

static const char sets[] = "create S hash:ip,port family inet\n"
                           "create N hash:net family inet\n"
                           "create L hash:ip,port,ip\n"
                           "create B bitmap:port range 0-65535\n";

typedef struct {
    const char *table;
    const char *rule;  /* As written, behind "-A T ". */
    const char *print; /* NULL: the same. */
} Case;

/* The text of the rule after reading it, without "-A T "; or the error. */
static char *
canonical(const char *table, const char *rule)
{
    g_autofree char *text =
        g_strdup_printf("*%s\n:T - [0:0]\n:U - [0:0]\n-A T %s\nCOMMIT\n", table, rule);
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;
    char *print = NULL;

    if (vs_ipset_read(ruleset, sets, "sets", &error) &&
        vs_iptables_read(ruleset, text, "rules", &error)) {
        VsRuleTable *read = vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, table);
        g_autofree char *all = vs_iptables_rule_print(
            vs_rule_table_find_chain(read, "T")->rules->pdata[0]);

        print = g_strdup(all + strlen("-A T "));
    } else {
        print = g_strdup(error->message);
    }
    vs_ruleset_free(ruleset);
    return print;
}

static void
check(const Case *cases, unsigned n_cases)
{
    for (unsigned i = 0; i < n_cases; i++) {
        const char *expected = cases[i].print ? cases[i].print : cases[i].rule;
        g_autofree char *print = canonical(cases[i].table, cases[i].rule);
        g_autofree char *again = canonical(cases[i].table, print);

        if (strcmp(print, expected) != 0) {
            printf("\n  read     %s\n  printed  %s\n  expected %s\n", cases[i].rule,
                   print, expected);
        }
        CU_ASSERT_STRING_EQUAL(print, expected);
        CU_ASSERT_STRING_EQUAL(again, print);
    }
}

/* clang-format off */

static void
test_base_options_come_first_and_in_order(void)
{
    static const Case cases[] = {
        {"filter", "-j ACCEPT", NULL},
        {"filter", "-p tcp -o b -i a -d 10.0.0.2 -s 10.0.0.1 -j ACCEPT",
         "-s 10.0.0.1/32 -d 10.0.0.2/32 -i a -o b -p tcp -j ACCEPT"},
        {"filter", "--source 10.0.0.1 --destination 10.0.0.2 --in-interface a "
                   "--out-interface b --protocol tcp --jump ACCEPT",
         "-s 10.0.0.1/32 -d 10.0.0.2/32 -i a -o b -p tcp -j ACCEPT"},
        {"filter", "--src 10.0.0.1 --dst 10.0.0.2 --proto udp --match comment "
                   "--comment x --goto U",
         "-s 10.0.0.1/32 -d 10.0.0.2/32 -p udp -m comment --comment x -g U"},
        {"filter", "-m conntrack --ctstate INVALID -m nfacct --nfacct-name "
                   "ct_state_invalid_dropped_pkts -j DROP",
         "-m conntrack --ctstate INVALID -m nfacct --nfacct-name "
         "ct_state_invalid_dropped_pkts -j DROP"},
        {"filter", "-m comment --comment x ! -s 10.0.0.1 -j U",
         "! -s 10.0.0.1/32 -m comment --comment x -j U"},
        {"filter", "-j DROP -s 10.0.0.1", "-s 10.0.0.1/32 -j DROP"},
        {"filter", "-p tcp", NULL},
        {"filter", "! -i eth0 ! -o veth+ ! -p udp -j RETURN", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_addresses_lose_bits_outside_their_prefix(void)
{
    static const Case cases[] = {
        {"filter", "-d 10.1.2.3/16 -j ACCEPT", "-d 10.1.0.0/16 -j ACCEPT"},
        {"filter", "-s 10.0.0.0/255.0.0.0 -j ACCEPT", "-s 10.0.0.0/8 -j ACCEPT"},
        {"filter", "-s 10.0.0.0/255.255.0.255 -j ACCEPT", NULL},
        {"filter", "-s 0.0.0.0/0 -i + -p all -j ACCEPT", "-j ACCEPT"},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_protocols_have_names(void)
{
    static const Case cases[] = {
        {"filter", "-p 6 -j ACCEPT", "-p tcp -j ACCEPT"},
        {"filter", "-p UDP -j ACCEPT", "-p udp -j ACCEPT"},
        {"filter", "-p 132 -j ACCEPT", "-p sctp -j ACCEPT"},
        {"filter", "-p 1 -j ACCEPT", "-p icmp -j ACCEPT"},
        {"filter", "-p 47 -j ACCEPT", "-p gre -j ACCEPT"},
        {"filter", "-p 200 -j ACCEPT", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_ports_name_their_module(void)
{
    static const Case cases[] = {
        {"filter", "-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"},
        {"filter", "-p tcp ! --dport 80:90 --sport 1:100 -j ACCEPT",
         "-p tcp -m tcp --sport 1:100 ! --dport 80:90 -j ACCEPT"},
        {"filter", "-p tcp --dport :80 -j ACCEPT", "-p tcp -m tcp --dport 0:80 -j ACCEPT"},
        {"filter", "-p tcp --dport 80: -j ACCEPT",
         "-p tcp -m tcp --dport 80:65535 -j ACCEPT"},
        {"filter", "-p tcp --dport 0:65535 -j ACCEPT", "-p tcp -m tcp -j ACCEPT"},
        {"filter", "-p tcp -m tcp -j ACCEPT", NULL},
        {"filter", "-m udp --dport 53 -p udp -j ACCEPT",
         "-p udp -m udp --dport 53 -j ACCEPT"},
        {"filter", "-p sctp --source-port 5 -j ACCEPT",
         "-p sctp -m sctp --sport 5 -j ACCEPT"},
        {"filter", "-p tcp -m mark --mark 5 -m comment --comment y --dport 5 -j ACCEPT",
         "-p tcp -m mark --mark 0x5 -m comment --comment y -m tcp --dport 5 -j ACCEPT"},
        {"filter", "-p tcp --dport 5 -m mark --mark 5 --sport 6 -j ACCEPT",
         "-p tcp -m tcp --sport 6 --dport 5 -m mark --mark 0x5 -j ACCEPT"},
        {"filter", "-p tcp -m multiport --destination-ports 80,443:500 -j ACCEPT",
         "-p tcp -m multiport --dports 80,443:500 -j ACCEPT"},
        {"filter", "-p udp -m multiport ! --ports 1,2 -j ACCEPT", NULL},
        {"filter", "-p sctp -m multiport --sports 7 -j ACCEPT", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_tcp_flags_and_icmp_types(void)
{
    static const Case cases[] = {
        {"filter", "-p tcp --syn --dport 5 -j ACCEPT",
         "-p tcp -m tcp --dport 5 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"},
        {"filter", "-p tcp ! --syn -j ACCEPT",
         "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"},
        {"filter", "-p tcp --tcp-flags ALL NONE -j ACCEPT",
         "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j ACCEPT"},
        {"filter", "-p tcp --tcp-flags URG,PSH,RST RST -j ACCEPT",
         "-p tcp -m tcp --tcp-flags RST,PSH,URG RST -j ACCEPT"},
        {"filter", "-p icmp --icmp-type echo-request -j ACCEPT",
         "-p icmp -m icmp --icmp-type 8 -j ACCEPT"},
        {"filter", "-p icmp ! --icmp-type fragmentation-needed -j ACCEPT",
         "-p icmp -m icmp ! --icmp-type 3/4 -j ACCEPT"},
        {"filter", "-p icmp --icmp-type 0 -j ACCEPT",
         "-p icmp -m icmp --icmp-type 0 -j ACCEPT"},
        {"filter", "-p icmp -m icmp --icmp-type any -j ACCEPT", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_comments_are_quoted_where_they_must(void)
{
    static const Case cases[] = {
        {"filter", "-m comment --comment \"ab-c_1\" -j ACCEPT",
         "-m comment --comment ab-c_1 -j ACCEPT"},
        {"filter", "-m comment --comment a/b:c -j ACCEPT",
         "-m comment --comment \"a/b:c\" -j ACCEPT"},
        {"filter", "-m comment --comment \"it's\" -j ACCEPT",
         "-m comment --comment \"it\\'s\" -j ACCEPT"},
        {"filter", "-m comment --comment \"a \\\"b\\\" \\\\ c\" -j ACCEPT", NULL},
        {"filter", "-m comment --comment \"\" -j ACCEPT", NULL},
        {"filter", "-m comment --comment \"! -j DROP\" -j ACCEPT", NULL},
        {"filter", "-m comment --comment a -m comment --comment b -j ACCEPT", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_probabilities_are_in_parts_of_2_to_31(void)
{
    static const Case cases[] = {
        /* 715827883 / 2^31, 429496730 / 2^31. */
        {"filter", "-m statistic --mode random --probability 0.3333333333 -j U",
         "-m statistic --mode random --probability 0.33333333349 -j U"},
        {"filter", "-m statistic --mode random ! --probability 0.2 -j U",
         "-m statistic --mode random ! --probability 0.20000000019 -j U"},
        {"filter", "-m statistic --mode random --probability 1 -j U",
         "-m statistic --mode random --probability 1.00000000000 -j U"},
        {"filter", "-m statistic --mode nth --packet 2 --every 3 -j U",
         "-m statistic --mode nth --every 3 --packet 2 -j U"},
        {"filter", "-m statistic --mode nth ! --every 3 --packet 0 -j U", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_recent_says_all_it_assumes(void)
{
    static const Case cases[] = {
        {"filter", "-m recent --set",
         "-m recent --set --name DEFAULT --mask 255.255.255.255 --rsource"},
        {"filter", "-m recent --name X --rcheck --seconds 10800 --reap -j U",
         "-m recent --rcheck --seconds 10800 --reap --name X --mask 255.255.255.255 "
         "--rsource -j U"},
        {"filter", "-m recent ! --update --hitcount 4 --rdest --mask 255.255.255.0 -j U",
         "-m recent ! --update --hitcount 4 --name DEFAULT --mask 255.255.255.0 --rdest "
         "-j U"},
        {"filter", "-m recent --remove --name X -j U",
         "-m recent --remove --name X --mask 255.255.255.255 --rsource -j U"},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_limits_have_the_period_of_the_kernel(void)
{
    static const Case cases[] = {
        {"filter", "-m limit -j U", "-m limit --limit 3/hour -j U"},
        {"filter", "-m limit --limit 5/s --limit-burst 5 -j U",
         "-m limit --limit 5/sec -j U"},
        {"filter", "-m limit --limit 60/minute --limit-burst 7 -j U",
         "-m limit --limit 1/sec --limit-burst 7 -j U"},
        {"filter", "-m limit --limit 24/d -j U", "-m limit --limit 1/hour -j U"},
        /* 10 parts of 100 us. */
        {"filter", "-m limit --limit 999/s -j U", "-m limit --limit 1000/sec -j U"},
        {"filter", "-m limit --limit 61/min -j U", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_connection_matches(void)
{
    static const Case cases[] = {
        {"filter", "-m conntrack --ctstate ESTABLISHED,related -j ACCEPT",
         "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"},
        {"filter", "-m conntrack --ctdir REPLY --ctorigdstport 80:90 --ctproto tcp "
                   "! --ctstatus ASSURED --ctstate NEW,DNAT --ctorigdst 1.2.3.4 "
                   "--ctorigsrc 10.0.0.0/8 -j ACCEPT",
         "-m conntrack --ctstate NEW,DNAT --ctproto 6 --ctorigsrc 10.0.0.0/8 "
         "--ctorigdst 1.2.3.4 --ctorigdstport 80:90 ! --ctstatus ASSURED --ctdir REPLY "
         "-j ACCEPT"},
        {"filter", "-m conntrack ! --ctreplsrc 10.0.0.1 --ctrepldst 0.0.0.0/0 -j DROP",
         NULL},
        {"filter", "-m conntrack --ctstatus NONE -j DROP", NULL},
        {"filter", "-m conntrack --ctstate NEW -m conntrack --ctstate RELATED -j DROP",
         NULL},
        {"filter", "-m state ! --state NEW,INVALID -j DROP",
         "-m state ! --state INVALID,NEW -j DROP"},
        {"filter", "-m mark ! --mark 0x4000/0x4000 -j RETURN", NULL},
        {"filter", "-m mark --mark 010 -j RETURN", "-m mark --mark 0x8 -j RETURN"},
        {"filter", "-m connmark --mark 5/0xff -j RETURN",
         "-m connmark --mark 0x5/0xff -j RETURN"},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_other_matches(void)
{
    static const Case cases[] = {
        {"filter", "-m addrtype --dst-type LOCAL,BROADCAST ! --src-type unicast -j DROP",
         "-m addrtype ! --src-type UNICAST --dst-type LOCAL,BROADCAST -j DROP"},
        {"filter", "-m set --match-set S src,dst -j DROP", NULL},
        {"filter", "-m set ! --match-set N src -j DROP", NULL},
        {"filter", "-m set --match-set L dst,dst,src -m set --match-set B dst -j DROP",
         NULL},
        {"filter", "-m physdev --physdev-is-bridged --physdev-out eth0 "
                   "! --physdev-in veth+ ! --physdev-is-in --physdev-is-out -j DROP",
         "-m physdev ! --physdev-is-in ! --physdev-in veth+ --physdev-is-out "
         "--physdev-out eth0 --physdev-is-bridged -j DROP"},
        {"filter", "-m length ! --length :200 -j DROP",
         "-m length ! --length 0:200 -j DROP"},
        {"filter", "-m length --length 100 -j DROP", NULL},
        {"filter", "-m ttl --ttl 5 -j DROP", "-m ttl --ttl-eq 5 -j DROP"},
        {"filter", "-m ttl ! --ttl-eq 5 -j DROP", NULL},
        {"filter", "-m ttl --ttl-lt 5 -j DROP", NULL},
        {"filter", "-m ttl --ttl-gt 5 -j DROP", NULL},
        /* Equal rules: below 1 is 0, above 254 is 255. */
        {"filter", "-m ttl --ttl-lt 1 -j DROP", "-m ttl --ttl-eq 0 -j DROP"},
        {"filter", "-m ttl --ttl-gt 254 -j DROP", "-m ttl --ttl-eq 255 -j DROP"},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_targets_of_translation(void)
{
    static const Case cases[] = {
        {"nat", "-p tcp -j DNAT --to-destination 10.0.0.1:80", NULL},
        {"nat", "-p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.1:80-80",
         "-p tcp -j DNAT --to-destination 10.0.0.1:80"},
        {"nat", "-p tcp -j DNAT --persistent --random --to-destination "
                "10.0.0.1-10.0.0.5:80-90",
         "-p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.5:80-90 --random "
         "--persistent"},
        {"nat", "-p tcp -j DNAT --to-destination :80", NULL},
        {"nat", "-p tcp -j SNAT --to-source :100-200", NULL},
        {"nat", "-j SNAT --random-fully --to-source 10.0.0.1 --random",
         "-j SNAT --to-source 10.0.0.1 --random --random-fully"},
        {"nat", "-j MASQUERADE", NULL},
        {"nat", "-p tcp -j MASQUERADE --random-fully --to-ports 5-7",
         "-p tcp -j MASQUERADE --to-ports 5-7 --random-fully"},
        {"nat", "-p udp -j REDIRECT --to-ports 53 --random", NULL},
        {"nat", "-j REDIRECT", NULL},
    };

    check(cases, G_N_ELEMENTS(cases));
}

static void
test_other_targets(void)
{
    static const Case cases[] = {
        {"filter", "-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"},
        {"filter", "-j REJECT --reject-with host-unreach",
         "-j REJECT --reject-with icmp-host-unreachable"},
        {"filter", "-j REJECT --reject-with icmp-admin-prohibited", NULL},
        {"filter", "-j REJECT --reject-with icmp-net-prohibited", NULL},
        {"filter", "-p tcp -j REJECT --reject-with tcp-rst",
         "-p tcp -j REJECT --reject-with tcp-reset"},
        {"mangle", "-j MARK --set-mark 5", "-j MARK --set-xmark 0x5/0xffffffff"},
        {"mangle", "-j MARK --set-mark 5/3", "-j MARK --set-xmark 0x5/0x7"},
        {"mangle", "-j MARK --set-xmark 5/3", "-j MARK --set-xmark 0x5/0x3"},
        {"mangle", "-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"},
        {"mangle", "-j MARK --or-mark 0x4000", "-j MARK --set-xmark 0x4000/0x4000"},
        {"mangle", "-j MARK --xor-mark 0x4000", "-j MARK --set-xmark 0x4000/0x0"},
        {"mangle", "-j CONNMARK --set-mark 5/3", "-j CONNMARK --set-xmark 0x5/0x7"},
        {"mangle", "-j CONNMARK --save-mark",
         "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff"},
        {"mangle", "-j CONNMARK --save-mark --mask 0xff",
         "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff"},
        {"mangle", "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0", NULL},
        {"mangle", "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0", NULL},
        {"raw", "-j CT --zone 0x10 --notrack", "-j CT --notrack --zone 16"},
        {"raw", "-j CT --zone 5", NULL},
        {"raw", "-j NOTRACK", "-j CT --notrack"},
        {"filter", "-j LOG --log-level warning --log-prefix \"a b: \"",
         "-j LOG --log-prefix \"a b: \""},
        {"filter", "-j LOG --log-prefix ab --log-level debug",
         "-j LOG --log-prefix ab --log-level 7"},
    };

    check(cases, G_N_ELEMENTS(cases));
}

/* clang-format on */

static void
test_rules_of_the_builders_are_put_in_order(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsRuleTable *table = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    VsRule *rule = vs_chain_add_rule(vs_rule_table_get_chain(table, "KUBE-SERVICES"));
    g_autofree char *text = NULL;

    vs_rule_comment(rule, "ns/a cluster IP");
    vs_rule_match(rule, VS_MODULE_TCP, VS_FIELD_DPORT, 80);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, 6);
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, 0x0a60000a, 32, false);
    vs_rule_jump(rule, "KUBE-SVC-A");
    text = vs_iptables_rule_print(rule);

    CU_ASSERT_STRING_EQUAL(text, "-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp "
                                 "-m comment --comment \"ns/a cluster IP\" "
                                 "-m tcp --dport 80 -j KUBE-SVC-A");
    vs_ruleset_free(ruleset);
}

static void
test_tables_and_chains_are_in_the_order_of_iptables_save(void)
{
    static const char text[] = "*nat\n"
                               ":POSTROUTING ACCEPT [1:2]\n"
                               ":B - [0:0]\n"
                               ":A - [0:0]\n"
                               "-A B -j RETURN\n"
                               "[3:180] -A A -j B\n"
                               "COMMIT\n"
                               "*raw\n"
                               ":OUTPUT DROP [5:300]\n"
                               "COMMIT\n";
    static const char expected[] = "*raw\n"
                                   ":PREROUTING ACCEPT [0:0]\n"
                                   ":OUTPUT DROP [5:300]\n"
                                   "COMMIT\n"
                                   "*nat\n"
                                   ":PREROUTING ACCEPT [0:0]\n"
                                   ":INPUT ACCEPT [0:0]\n"
                                   ":OUTPUT ACCEPT [0:0]\n"
                                   ":POSTROUTING ACCEPT [1:2]\n"
                                   ":A - [0:0]\n"
                                   ":B - [0:0]\n"
                                   "[3:180] -A A -j B\n"
                                   "[0:0] -A B -j RETURN\n"
                                   "COMMIT\n";
    VsRuleset *ruleset = vs_ruleset_new();
    g_autofree char *with_counters = NULL;
    g_autofree char *without = NULL;

    CU_ASSERT_TRUE_FATAL(vs_iptables_read(ruleset, text, "rules", NULL));
    with_counters = vs_iptables_print(ruleset, true);
    CU_ASSERT_STRING_EQUAL(with_counters, expected);
    without = vs_iptables_print(ruleset, false);
    CU_ASSERT_PTR_NOT_NULL(strstr(without, ":OUTPUT DROP [5:300]\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(without, "\n-A A -j B\n"));
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"base options come first and in order", test_base_options_come_first_and_in_order},
    {"addresses lose bits outside their prefix",
     test_addresses_lose_bits_outside_their_prefix},
    {"protocols have names", test_protocols_have_names},
    {"ports name their module", test_ports_name_their_module},
    {"tcp flags and icmp types", test_tcp_flags_and_icmp_types},
    {"comments are quoted where they must", test_comments_are_quoted_where_they_must},
    {"probabilities are in parts of 2^31", test_probabilities_are_in_parts_of_2_to_31},
    {"recent says all it assumes", test_recent_says_all_it_assumes},
    {"limits have the period of the kernel", test_limits_have_the_period_of_the_kernel},
    {"connection matches", test_connection_matches},
    {"other matches", test_other_matches},
    {"targets of translation", test_targets_of_translation},
    {"other targets", test_other_targets},
    {"rules of the builders are put in order",
     test_rules_of_the_builders_are_put_in_order},
    {"tables and chains are in the order of iptables-save",
     test_tables_and_chains_are_in_the_order_of_iptables_save},
    {0}};
VS_TESTS("iptables_print")
