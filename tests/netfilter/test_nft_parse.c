/* nft's texts: what is read, in nft's own words, and what is refused. */
#include "netfilter/nft.h"
#include "vs_test.h"

/* What statements are added to. */
static const char frame[] =
    "table ip t {\n"
    "\tset hosts {\n\t\ttype ipv4_addr\n\t}\n"
    "\tset marks {\n\t\ttype mark\n\t}\n"
    "\tset seen {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t}\n"
    "\tmap verdicts {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t}\n"
    "\tchain other {\n\t}\n"
    "\tchain rules {\n\t}\n"
    "}\n";

/* What the one rule 'statement' is printed as; or the error.  Newly allocated. */
static char *
print_statement(const char *statement)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autofree char *text =
        g_strconcat(frame, "add rule ip t rules ", statement, "\n", NULL);
    g_autoptr(GError) error = NULL;
    char *printed;

    if (vs_nft_read(ruleset, text, "f", &error)) {
        const VsRuleTable *table = vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t");
        const VsChain *chain = vs_rule_table_find_chain(table, "rules");

        printed = vs_nft_rule_print(chain->rules->pdata[0]);
    } else {
        printed = g_strdup(error->message);
    }
    vs_ruleset_free(ruleset);
    return printed;
}

static void
check_printed(const char *statement, const char *expected)
{
    g_autofree char *printed = print_statement(statement);

    if (strcmp(printed, expected) != 0) {
        printf("\n  \"%s\" is printed\n  \"%s\", not\n  \"%s\"\n", statement, printed,
               expected);
    }
    CU_ASSERT_STRING_EQUAL(printed, expected);
}

typedef struct Canonical {
    const char *read;
    const char *printed; /* As nft 1.0.6 lists it. */
} Canonical;

static void
check_canonical(const Canonical *rows)
{
    for (; rows->read; rows++) {
        check_printed(rows->read, rows->printed);
        check_printed(rows->printed, rows->printed);
    }
}

static void
test_matches_of_headers(void)
{
    static const Canonical rows[] = {
        {"ip saddr == 10.0.0.5/8 drop", "ip saddr 10.0.0.0/8 drop"},
        {"ip saddr 10.0.0.1/32", "ip saddr 10.0.0.1"},
        {"ip daddr 10.0.0.1 - 10.0.0.9", "ip daddr 10.0.0.1-10.0.0.9"},
        {"ip saddr & 255.255.0.0 == 10.0.0.0", "ip saddr 10.0.0.0/16"},
        {"ip saddr and 255.0.0.255 == 10.0.0.1", "ip saddr & 255.0.0.255 == 10.0.0.1"},
        {"ip protocol 47", "ip protocol gre"},
        {"ip length > 100 ip ttl < 5", "ip length > 100 ip ttl < 5"},
        {"tcp dport >= 0x400", "tcp dport >= 1024"},
        {"meta l4proto tcp tcp dport 80", "tcp dport 80"},
        {"ip protocol tcp ip saddr 1.2.3.4 tcp dport 80",
         "ip saddr 1.2.3.4 tcp dport 80"},
        {"meta l4proto udp th dport 53", "udp dport 53"},
        {"th dport != 80-90", "th dport != 80-90"},
        {"tcp dport 80 meta l4proto tcp", "tcp dport 80 meta l4proto tcp"},
        {"ip protocol tcp counter tcp dport 80",
         "ip protocol tcp counter packets 0 bytes 0 tcp dport 80"},
        {"tcp dport 80 ct state new tcp sport 90",
         "ct state new tcp sport 90 tcp dport 80"},
        {"tcp flags & (syn | ack) == syn", "tcp flags syn / syn,ack"},
        {"tcp flags & syn == 0", "tcp flags ! syn"},
        {"tcp flags == (syn|ack)", "tcp flags == 0x12"},
        {"icmp type 8 icmp code 0", "icmp type echo-request icmp code net-unreachable"},
        {0},
    };

    check_canonical(rows);
}

static void
test_matches_of_metadata(void)
{
    static const Canonical rows[] = {
        {"mark 0x4000", "meta mark 0x00004000"},
        {"mark and 0x4000 == 0", "meta mark & 0x00004000 == 0x00000000"},
        {"ct mark & 0xff != 1", "ct mark & 0x000000ff != 0x00000001"},
        {"ct state new,established", "ct state established,new"},
        {"ct state != established,related", "ct state != established | related"},
        {"ct state ! new", "ct state ! new"},
        {"ct status & (snat|dnat) != 0", "ct status snat,dnat"},
        {"ct status == snat,dnat", "ct status == snat | dnat"},
        {"ct direction 1", "ct direction reply"},
        {"ct original saddr 10.0.0.1", "ct original ip saddr 10.0.0.1"},
        {"meta l4proto tcp ct original proto-dst 80",
         "meta l4proto tcp ct original proto-dst 80"},
        {"iifname eth0 meta oifname != \"cali*\"",
         "iifname \"eth0\" oifname != \"cali*\""},
        {"fib saddr type local", "fib saddr type local"},
        {0},
    };

    check_canonical(rows);
}

static void
test_sets_and_maps_of_rules(void)
{
    static const Canonical rows[] = {
        {"ip daddr { 10.0.0.9, 10.0.0.5 }", "ip daddr { 10.0.0.5, 10.0.0.9 }"},
        {"ip saddr != { 203.0.113.0/25 } drop", "ip saddr != 203.0.113.0/25 drop"},
        {"ip daddr { 10.0.0.1, 10.0.0.0/24, 30.0.0.0-30.0.0.255 }",
         "ip daddr { 10.0.0.0/24, 30.0.0.0/24 }"},
        {"tcp dport { 80-81, 82-83, 90 }", "tcp dport { 80-83, 90 }"},
        {"ct state { new }", "ct state new"},
        {"ct state vmap { related : accept, invalid : drop }",
         "ct state vmap { invalid : drop, related : accept }"},
        {"icmp type { echo-request, 0 }", "icmp type { echo-reply, echo-request }"},
        {"ip daddr . meta l4proto . th dport vmap @verdicts",
         "ip daddr . meta l4proto . th dport vmap @verdicts"},
        {"ip saddr . tcp dport { 1.1.1.1 . 443, 10.0.0.1 . 22, 10.0.0.1 . 80 }",
         "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.1 . 80, 1.1.1.1 . 443 }"},
        {"numgen random mod 2 vmap {1 : goto other, 0 : drop}",
         "numgen random mod 2 vmap { 0 : drop, 1 : goto other }"},
        {"numgen inc mod 100 offset 5 vmap { 5-54 : accept, 55-104 : drop }",
         "numgen inc mod 100 offset 5 vmap { 5-54 : accept, 55-104 : drop }"},
        {"numgen inc mod 2 == 1", "numgen inc mod 2 1"},
        {"numgen random mod 10 < 3", "numgen random mod 10 < 3"},
        {"numgen inc mod 3 offset 5 != {6, 5}",
         "numgen inc mod 3 offset 5 != { 5, 6 }"},
        {"numgen inc mod 2 . ip daddr { 1 . 1.2.3.4, 0 . 1.2.3.4 }",
         "numgen inc mod 2 . ip daddr { 0 . 1.2.3.4, 1 . 1.2.3.4 }"},
        {"update @seen { ip saddr timeout 90s }",
         "update @seen { ip saddr timeout 1m30s }"},
        {0},
    };

    check_canonical(rows);
}

static void
test_hashes(void)
{
    static const Canonical rows[] = {
        {"jhash ip saddr . udp sport mod 4 seed 3735928559 offset 10 vmap { 11 : goto "
         "other, 10 : drop, 12-13 : return }",
         "jhash ip saddr . udp sport mod 4 seed 0xdeadbeef offset 10 vmap { 10 : drop, "
         "11 : goto other, 12-13 : return }"},
        {"jhash ip saddr mod 2 == 0", "jhash ip saddr mod 2 0"},
        {"jhash ip saddr mod 2 seed 0 0", "jhash ip saddr mod 2 seed 0x0 0"},
        {"jhash ip saddr mod 7 seed 0x5 0-3", "jhash ip saddr mod 7 seed 0x5 0-3"},
        {"jhash ip saddr mod 7 seed 0x5 <= 3", "jhash ip saddr mod 7 seed 0x5 <= 3"},
        {"jhash ip saddr mod 7 seed 0x5 >= 0", "jhash ip saddr mod 7 seed 0x5 >= 0"},
        {"jhash ip saddr mod 7 seed 0x5 != 1-3",
         "jhash ip saddr mod 7 seed 0x5 != 1-3"},
        {"jhash ip saddr mod 7 seed 0x5 { 5, 1, 3 }",
         "jhash ip saddr mod 7 seed 0x5 { 1, 3, 5 }"},
        {"meta l4proto tcp jhash th dport mod 4 seed 1 3",
         "jhash tcp dport mod 4 seed 0x1 3"},
        {"jhash th dport mod 4 seed 1 3", "jhash th dport mod 4 seed 0x1 3"},
        {"udp dport 53 jhash meta mark . ct mark . ip ttl . udp sport mod 4 seed 1 3",
         "udp dport 53 jhash meta mark . ct mark . ip ttl . udp sport mod 4 seed 0x1 "
         "3"},
        {"ip daddr . jhash ip saddr mod 4 seed 1 { 1.2.3.4 . 1, 1.2.3.4 . 0 }",
         "ip daddr . jhash ip saddr mod 4 seed 0x1 { 1.2.3.4 . 0, 1.2.3.4 . 1 }"},
        {0},
    };

    check_canonical(rows);
}

static void
test_statements(void)
{
    static const Canonical rows[] = {
        {"mark set mark or 0x4000", "meta mark set meta mark | 0x00004000"},
        {"mark set mark & 0xffffff00 | 0x5",
         "meta mark set meta mark & 0xffffff05 | 0x00000005"},
        {"mark set mark xor 0x4000", "meta mark set meta mark ^ 0x00004000"},
        {"mark set ct mark & 0xff", "meta mark set ct mark & 0x000000ff"},
        {"ct mark set mark", "ct mark set meta mark"},
        {"ct zone set 5 notrack", "ct zone set 5 notrack"},
        {"log prefix hi level warn", "log prefix \"hi\""},
        {"limit rate over 10/minute burst 5 packets drop",
         "limit rate over 10/minute drop"},
        {"reject with icmp type host-unreachable", "reject with icmp host-unreachable"},
        {"ip protocol tcp reject with tcp reset", "reject with tcp reset"},
        {"meta l4proto tcp dnat ip to 10.0.0.1:80",
         "meta l4proto tcp dnat to 10.0.0.1:80"},
        {"tcp dport 80 redirect to 8080", "tcp dport 80 redirect to :8080"},
        {"masquerade fully-random,persistent", "masquerade fully-random,persistent"},
        {"counter packets 3 bytes 9 jump other comment \"x y\"",
         "counter packets 3 bytes 9 jump other comment \"x y\""},
        {0},
    };

    check_canonical(rows);
}

/* Errors begin with file and line, here that of the added rule. */
static void
check_refused(const char *statement, const char *part)
{
    g_autofree char *printed = print_statement(statement);

    if (!g_str_has_prefix(printed, "f:20: ") || !strstr(printed, part)) {
        printf("\n  \"%s\" gives \"%s\"\n", statement, printed);
    }
    CU_ASSERT_TRUE(g_str_has_prefix(printed, "f:20: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(printed, part));
}

static void
test_errors_name_line_and_remedy(void)
{
    check_refused("ip saddr 10.0.0.300", "an IPv4 address, prefix or range");
    check_refused("tcp dport http", "write 80");
    check_refused("tcp dport 80 udp sport 9", "write two rules");
    check_refused("dnat to 10.0.0.1:80", "write \"meta l4proto tcp\" before it");
    check_refused("ip daddr @nothing", "there is no set \"nothing\" in table \"t\"");
    check_refused("ip daddr @verdicts", "there is no set \"verdicts\"");
    check_refused("tcp dport @hosts", "another type");
    check_refused("update @hosts { ip saddr }", "give it \"flags dynamic\"");
    check_refused("ip saddr . tcp dport { 10.0.0.0/8 . 80 }", "not modelled");
    check_refused("numgen inc mod 0 vmap { 0 : drop }", "at least mod 1");
    check_refused("ct state wild", "(invalid, established, related, new, untracked)");
    check_refused("iif lo", "\"iif lo\" is not modelled");
    check_refused("accept drop", "after the verdict");
    check_refused("log prefix \"open", "a quote without an end");
    check_refused("ip daddr vmap { 1.2.3.4 }", "\":\" is due");
    check_refused("ip saddr", "the statement ends");
}

static void
test_errors_of_numbers(void)
{
    check_refused("symhash mod 2 vmap { 0 : drop }", "write \"jhash ip saddr");
    check_refused("jhash ip saddr mod 4 seed 1 4", "the numbers are from 0 to 3");
    check_refused("jhash ip saddr mod 4 offset 10 { 10, 12-14 }", "from 10 to 13");
    check_refused("numgen inc mod 4 < 9", "9 is never reached");
    check_refused("jhash ct state mod 2 0", "can be hashed are addresses");
    check_refused("jhash iifname mod 2 0", "can be hashed are addresses");
    check_refused("jhash numgen inc mod 2 mod 2 0", "can be hashed are addresses");
    check_refused("jhash ip saddr . tcp sport . udp dport mod 2 0", "write two rules");
    check_refused("jhash ip saddr seed 1 mod 2 0", "\"mod\" is due");
    check_refused("jhash ip saddr mod 2 seed 4294967296 0", "a seed of 32 bits");
    check_refused("jhash ip saddr mod 2 offset 4294967295 0", "4294967294 at most");
    check_refused("numgen inc mod 2 seed 1 0", "\"seed\" where a number");
    check_refused("numgen inc mod 2 . numgen inc mod 3 { 0 . 0 }", "not two");
    check_refused("meta mark set jhash ip saddr mod 2", "mark or ct mark is due");
    check_refused("jhash ip saddr mod 2 & 1 == 1", "masks are modelled for");
}

static void
test_maps_of_translations(void)
{
    static const Canonical rows[] = {
        {"dnat to ip saddr map { 5.6.7.8 : 2.2.2.2, 1.2.3.4 : 1.1.1.1 }",
         "dnat to ip saddr map { 1.2.3.4 : 1.1.1.1, 5.6.7.8 : 2.2.2.2 }"},
        {"dnat ip to jhash ip saddr mod 4 seed 7 map { 2-3:10.0.0.2, 0-1:10.0.0.1 } "
         "random,persistent",
         "dnat to jhash ip saddr mod 4 seed 0x7 map { 0-1 : 10.0.0.1, 2-3 : 10.0.0.2 } "
         "random,persistent"},
        {"tcp dport 80 dnat to numgen random mod 2 map { 0 : 1.1.1.1, 1 : 1.1.1.2 } "
         ":81",
         "tcp dport 80 dnat to numgen random mod 2 map { 0 : 1.1.1.1, 1 : 1.1.1.2 "
         "}:81"},
        {"dnat to jhash udp sport mod 2 map { 0 : 1.1.1.1 . 80, 1 : 1.1.1.1 . 81 }",
         "dnat ip to jhash udp sport mod 2 map { 0 : 1.1.1.1 . 80, 1 : 1.1.1.1 . 81 }"},
        {"snat to jhash ip daddr mod 1 map { 0 : 192.0.2.1 }",
         "snat to jhash ip daddr mod 1 map { 0 : 192.0.2.1 }"},
        {0},
    };

    check_canonical(rows);
    check_refused("dnat to ip saddr map @hosts", "write the elements in the rule");
    check_refused("dnat to jhash ip saddr mod 2 map { 0 : 1.1.1.1 . 80 }",
                  "write \"meta l4proto tcp\" before it");
    check_refused("tcp dport 1 dnat to ip saddr map { 0.0.0.0 : 1.1.1.1 . 80 }:81",
                  "the map has the ports already");
    check_refused("tcp dport 1 dnat to ip saddr map { 1.1.1.1 : 1.1.1.1, "
                  "1.1.1.2 : 1.1.1.2 . 80 }",
                  "some none");
    check_refused("dnat to jhash ip saddr mod 2 map { 0 : 10.0.0.0/8 }", "one value");
}

static void
check_text_refused(const char *text, VsRulesetError code, const char *message)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    CU_ASSERT_FALSE(vs_nft_read(ruleset, text, "f", &error));
    CU_ASSERT_TRUE(g_error_matches(error, VS_RULESET_ERROR, (int)code));
    if (error) {
        CU_ASSERT_STRING_EQUAL(error->message, message);
    }
    vs_ruleset_free(ruleset);
}

static void
test_what_is_not_modelled_is_refused_by_name(void)
{
    check_text_refused("\ntable ip6 x {\n}\n", VS_RULESET_ERROR_UNSUPPORTED,
                       "f:2: family ip6 is not modelled; only tables of family ip are");
    check_text_refused("table x {\n\tflowtable f {\n\t}\n}\n",
                       VS_RULESET_ERROR_UNSUPPORTED,
                       "f:2: \"flowtable\" of a table is not modelled; chain, set, map "
                       "and comment are");
    check_text_refused(
        "add table ip x\nadd map ip x m { type ipv4_addr : mark ; }\n",
        VS_RULESET_ERROR_UNSUPPORTED,
        "f:2: maps to \"mark\" are not modelled; only maps to verdicts are");
    check_text_refused("add rule ip x c accept\n", VS_RULESET_ERROR_REFERENCE,
                       "f:1: there is no table \"x\"; write \"add table ip x\" before");
    check_text_refused("table x {\n\tchain c {\n\t\taccept }\n",
                       VS_RULESET_ERROR_SYNTAX,
                       "f:3: \"}\" where a newline or \";\" after the rule is due");
    check_text_refused("table x {\n\tchain c {\n\t\taccept\n", VS_RULESET_ERROR_SYNTAX,
                       "f:4: the text ends where a match or statement is due");
}

static VsChain *
read_chain(VsRuleset *ruleset, const char *text)
{
    g_autoptr(GError) error = NULL;

    CU_ASSERT_TRUE(vs_nft_read(ruleset, text, "f", &error));
    return vs_rule_table_find_chain(vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t"),
                                    "c");
}

static void
test_rules_know_their_line_and_handle(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsChain *chain = read_chain(ruleset, "table ip t { # handle 3\n"
                                         "\tchain c { # handle 1\n"
                                         "\t\taccept # handle 9\n"
                                         "\t\tdrop\n"
                                         "\t}\n}\n"
                                         "insert rule ip t c return\n");
    const VsRule *first = chain->rules->pdata[0];
    const VsRule *second = chain->rules->pdata[1];
    const VsRule *third = chain->rules->pdata[2];

    CU_ASSERT_EQUAL(second->line, 3);
    CU_ASSERT_EQUAL(second->handle, 9);
    CU_ASSERT_EQUAL(third->handle, 10); /* The next after 9. */
    CU_ASSERT_EQUAL(first->handle, 11);
    CU_ASSERT_EQUAL(first->line, 7);
    CU_ASSERT_EQUAL(first->number, 1); /* "insert" is in front. */
    CU_ASSERT_EQUAL(first->steps[0].verdict.kind, VS_RULE_RETURN);
    CU_ASSERT_EQUAL(third->number, 3);
    vs_ruleset_free(ruleset);
}

static void
test_commands_delete_and_flush(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsChain *chain =
        read_chain(ruleset, "add table ip t\n"
                            "add chain ip t c ; add chain ip t gone\n"
                            "add set ip t s { type ipv4_addr ; }\n"
                            "add element ip t s { 1.2.3.4, 1.2.3.5 }\n"
                            "delete element ip t s { 1.2.3.4 }\n"
                            "add rule ip t c accept\nadd rule ip t c drop\n"
                            "delete rule ip t c handle 1\n"
                            "delete chain ip t gone\ndestroy chain ip t never\n");
    VsRuleTable *table = chain->table;
    VsSet *set = vs_ruleset_find_set(ruleset, table, "s");

    CU_ASSERT_EQUAL(set->elements->len, 1); /* Two less one. */
    CU_ASSERT_EQUAL(chain->rules->len, 1);
    CU_ASSERT_EQUAL(((VsRule *)chain->rules->pdata[0])->handle, 2);
    CU_ASSERT_EQUAL(table->chains->len, 1);
    read_chain(ruleset, "flush set ip t s\nflush chain ip t c\n");
    CU_ASSERT_EQUAL(set->elements->len, 0);
    CU_ASSERT_EQUAL(chain->rules->len, 0);
    CU_ASSERT_TRUE(vs_nft_read(ruleset, "flush ruleset\n", "f", NULL));
    CU_ASSERT_EQUAL(ruleset->tables->len, 0);
    vs_ruleset_free(ruleset);
}

/* "dstnat - 10" is -110, and dstnat is a name at prerouting alone. */
static void
test_priorities_have_names(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsChain *chain = read_chain(
        ruleset,
        "table t {\n chain c {\n  type nat hook prerouting priority dstnat - 10\n"
        " }\n}\n");

    CU_ASSERT_EQUAL(chain->priority, VS_HOOK_PRI_NAT_DST - 10);
    CU_ASSERT_EQUAL(chain->type, VS_CHAIN_NAT);
    CU_ASSERT_EQUAL(chain->policy, VS_RULE_ACCEPT);
    CU_ASSERT_FALSE(vs_nft_read(
        ruleset, "add chain t d { type nat hook output priority dstnat ; }\n", "f",
        NULL));
    vs_ruleset_free(ruleset);
}

static void
test_elements_age_from_time_zero(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsKey key = vs_set_key((uint32_t[]){0x01020304}, 1);
    VsSet *set;

    CU_ASSERT_TRUE(
        vs_nft_read(ruleset,
                    "table t {\n set s {\n  type ipv4_addr\n  timeout 1h\n"
                    "  elements = { 1.2.3.4 timeout 30s expires 20s }\n }\n}\n",
                    "f", NULL));
    set = vs_ruleset_find_set(ruleset,
                              vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t"), "s");
    CU_ASSERT_PTR_NOT_NULL(vs_set_find(set, &key, 20 * VS_S - 1));
    CU_ASSERT_PTR_NULL(vs_set_find(set, &key, 20 * VS_S));
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"matches of headers are printed as nft does", test_matches_of_headers},
    {"matches of metadata are printed as nft does", test_matches_of_metadata},
    {"sets and maps of rules are printed as nft does", test_sets_and_maps_of_rules},
    {"statements are printed as nft does", test_statements},
    {"hashes are printed as nft does", test_hashes},
    {"maps of translations are printed as nft does", test_maps_of_translations},
    {"errors of numbers name the remedy", test_errors_of_numbers},
    {"errors name line and remedy", test_errors_name_line_and_remedy},
    {"what is not modelled is refused by name",
     test_what_is_not_modelled_is_refused_by_name},
    {"rules know their line and handle", test_rules_know_their_line_and_handle},
    {"commands delete and flush", test_commands_delete_and_flush},
    {"priorities have names", test_priorities_have_names},
    {"elements age from time zero", test_elements_age_from_time_zero},
    {0},
};

VS_TESTS("nft texts read")
