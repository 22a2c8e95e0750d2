/* Numbers of nft's rules, and the fast path of rules that hash. */
#include "netfilter/memo.h"
#include "netfilter/nft.h"
#include "tests/netfilter/rules_fixture.h"

/* ---- The kernel's arithmetic ---- */

typedef struct Vector {
    const char *hashed;
    uint32_t number; /* Of Linux 6.18, below 4294967295, with the seed 0xdeadbeef. */
} Vector;

/* A datagram of 4 bytes from 10.1.2.3:40001 to 198.51.100.7:53 with ttl 64; a SYN to port
 * 443 for what asks for TCP.  The mark is 0x12345678. */
static const Vector vectors[] = {
    {"ip saddr", 0xd2d96717},
    {"ip saddr . ip daddr", 0x6b9d3cf0},
    {"ip saddr . udp sport", 0x06f74710},
    {"ip daddr . tcp dport", 0x8c4fae31},
    {"udp sport", 0xe949bb24},
    {"ip ttl", 0x07e2b507},
    {"meta mark . ip saddr", 0xe904e499},
    {"ip saddr . ip daddr . ip protocol . th sport . th dport", 0x1272d4eb},
    {"ip length . ip saddr", 0x09459e68},
};

static VsRuleset *
read_rules(const char *text)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    if (!vs_nft_read(ruleset, text, "text", &error) ||
        !vs_ruleset_link(ruleset, &error)) {
        fprintf(stderr, "%s\n", error->message);
        CU_FAIL_FATAL("the rules are not read");
    }
    return ruleset;
}

/* The chain "c" of a table "t" with the rules 'lines'. */
static VsChain *
chain_in(const VsRuleset *ruleset)
{
    return vs_rule_table_find_chain(vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t"),
                                    "c");
}

static VsRuleset *
read_chain(const char *lines)
{
    g_autofree char *text = g_strdup_printf(
        "table ip t {\nchain a { }\nchain b { }\nchain c {\n"
        "type filter hook output priority 0; policy accept;\n%s\n}\n}\n",
        lines);

    return read_rules(text);
}

static VsRuleView
datagram(bool is_tcp)
{
    VsRuleView view = {.bytes = 32};

    view.fields[VS_FIELD_SADDR] = IP(10, 1, 2, 3);
    view.fields[VS_FIELD_DADDR] = IP(198, 51, 100, 7);
    view.fields[VS_FIELD_PROTOCOL] = is_tcp ? VS_PROTOCOL_TCP : VS_PROTOCOL_UDP;
    view.fields[VS_FIELD_SPORT] = 40001;
    view.fields[VS_FIELD_DPORT] = is_tcp ? 443 : 53;
    view.fields[VS_FIELD_TTL] = 64;
    view.fields[VS_FIELD_LENGTH] = is_tcp ? 40 : 32;
    view.fields[VS_FIELD_MARK] = 0x12345678;
    return view;
}

static void
test_the_hash_is_that_of_the_kernel(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autofree char *line =
            g_strdup_printf("jhash %s mod 4294967295 seed 0xdeadbeef %u drop",
                            vectors[i].hashed, vectors[i].number);
        VsRuleset *ruleset = read_chain(line);
        VsRuleView view = datagram(strstr(line, "tcp") != NULL);

        CU_ASSERT_EQUAL(vs_chain_run(chain_in(ruleset), &view), VS_RULE_DROP);
        CU_ASSERT_FALSE(view.is_volatile);
        vs_ruleset_free(ruleset);
    }
}

/* 0x06f74710 of 2^32 is 0.0272: 0 of 4, and 190 of 7000. */
static void
test_the_hash_is_scaled_and_moved(void)
{
    VsNumber *number = vs_number_new(VS_NUMBER_JHASH, 4);
    uint32_t fields[VS_N_FIELDS] = {
        [VS_FIELD_SADDR] = IP(10, 1, 2, 3), [VS_FIELD_SPORT] = 40001};

    number->has_seed = true;
    number->seed = 0xdeadbeef;
    number->n_fields = 2;
    number->fields[0] = VS_FIELD_SADDR;
    number->fields[1] = VS_FIELD_SPORT;
    /* The kernel's number below 2^32 - 1 is less than the hash by one. */
    CU_ASSERT_EQUAL(vs_number_jhash(number, fields), 0x06f74711);
    CU_ASSERT_EQUAL(vs_number_next(number, fields, NULL), 0);
    number->modulus = 7000;
    number->offset = 1000;
    CU_ASSERT_EQUAL(vs_number_next(number, fields, NULL),
                    1000 + (uint32_t)(UINT64_C(0x06f74711) * 7000 >> 32));
    CU_ASSERT_EQUAL(vs_number_of_hash(number, fields), 1190);
    g_free(number);
}

static void
test_a_seed_that_is_not_written_is_drawn_once(void)
{
    VsRuleset *ruleset =
        read_chain("jhash ip saddr mod 1000 vmap { 0-499 : accept, 500-999 : drop }");
    unsigned n_drops = 0;
    VsRng rng, fresh;

    vs_rng_init(&rng, 1, "test", "seed");
    vs_rng_init(&fresh, 1, "test", "seed");
    for (uint32_t i = 0; i < 400; i++) {
        VsRuleView first = datagram(false), again;
        VsVerdictKind verdict;

        first.fields[VS_FIELD_SADDR] = i;
        first.rng = &rng;
        again = first;
        verdict = vs_chain_run(chain_in(ruleset), &first);
        CU_ASSERT_EQUAL(vs_chain_run(chain_in(ruleset), &again), verdict);
        CU_ASSERT_FALSE(first.is_volatile);
        n_drops += verdict == VS_RULE_DROP;
    }
    CU_ASSERT(n_drops > 100 && n_drops < 300);
    vs_rng_u32(&fresh);
    CU_ASSERT_EQUAL(memcmp(&rng, &fresh, sizeof(rng)), 0);
    vs_ruleset_free(ruleset);
}

static void
test_numgen_inc_of_a_text_begins_with_its_offset(void)
{
    VsRuleset *ruleset = read_chain("numgen inc mod 3 offset 5 5 drop");
    const char outcomes[] = "daadaa";

    for (unsigned i = 0; outcomes[i]; i++) {
        VsRuleView view = datagram(false);

        CU_ASSERT_EQUAL(vs_chain_run(chain_in(ruleset), &view),
                        outcomes[i] == 'd' ? VS_RULE_DROP : VS_RULE_ACCEPT);
        CU_ASSERT(view.is_volatile);
    }
    vs_ruleset_free(ruleset);
}

/* ---- Translation ---- */

static void
test_a_map_says_what_is_translated(void)
{
    VsRuleset *ruleset =
        read_rules("table ip t {\nchain c {\ntype nat hook output priority -100\n"
                   "meta l4proto udp dnat to jhash ip saddr mod 3 seed 0xdeadbeef "
                   "map { 0 : 10.0.0.1, 2 : 10.0.0.2 }:8053 persistent\n}\n}\n");
    VsRuleView view = datagram(false);

    /* 0xd2d96717 is in the last third. */
    vs_chain_run(chain_in(ruleset), &view);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view.nat);
    CU_ASSERT_EQUAL(view.nat->kind, VS_STEP_DNAT);
    CU_ASSERT_EQUAL(view.nat->nat.min_address, IP(10, 0, 0, 2));
    CU_ASSERT_EQUAL(view.nat->nat.max_address, IP(10, 0, 0, 2));
    CU_ASSERT_EQUAL(view.nat->nat.min_port, 8053);
    CU_ASSERT(view.nat->nat.is_persistent);
    CU_ASSERT_EQUAL(view.n_lookups, 1);
    CU_ASSERT_FALSE(view.is_volatile);
    vs_ruleset_free(ruleset);
}

static void
test_a_number_that_the_map_lacks_ends_the_rule(void)
{
    VsRuleset *ruleset = read_rules(
        "table ip t {\nchain c {\ntype nat hook output priority -100\n"
        "dnat to jhash ip saddr mod 3 seed 0xdeadbeef map { 0-1 : 10.0.0.1 }\n"
        "meta l4proto udp dnat ip to numgen inc mod 2 map { 0 : 10.0.0.8 . 53, "
        "1 : 10.0.0.9 . 54 }\n}\n}\n");

    for (unsigned i = 0; i < 4; i++) {
        VsRuleView view = datagram(false);

        vs_chain_run(chain_in(ruleset), &view);
        CU_ASSERT_PTR_NOT_NULL_FATAL(view.nat);
        CU_ASSERT_EQUAL(view.nat->nat.min_address, IP(10, 0, 0, 8 + i % 2));
        CU_ASSERT_EQUAL(view.nat->nat.min_port, 53 + i % 2);
    }
    vs_ruleset_free(ruleset);
}

/* ---- The fast path ---- */

static uint32_t
read_view(const void *view, VsField field)
{
    return ((const VsRuleView *)view)->fields[field];
}

/* What a walk is remembered by are the fields that the hash reads, no more and no fewer. */
static void
test_a_remembered_hash_is_that_of_the_packet(void)
{
    VsRuleset *ruleset = read_chain(
        "jhash ip saddr . udp sport mod 7 seed 0x5 vmap { 0-2 : drop, 3-4 : accept }");
    VsChain *chain = chain_in(ruleset);
    unsigned n_found = 0, n_wrong = 0;
    VsMemos memos;

    vs_memos_init(&memos, chain);
    for (uint32_t i = 0; i < 2000; i++) {
        VsRuleView view = datagram(false), fresh;
        const VsMemo *memo;
        VsVerdictKind verdict;

        view.fields[VS_FIELD_SADDR] += i % 20;
        view.fields[VS_FIELD_SPORT] += i / 20 % 10;
        view.fields[VS_FIELD_DPORT] = i; /* No rule looks at it. */
        fresh = view;
        verdict = vs_chain_run(chain, &fresh);
        memo = vs_memos_find(&memos, read_view, &view);
        if (memo) {
            n_found++;
            n_wrong += memo->verdict != verdict || memo->n_hits != fresh.n_hits ||
                       memo->hits[0] != fresh.hits[0];
        } else {
            uint32_t before[VS_N_FIELDS];

            memcpy(before, view.fields, sizeof(before));
            vs_memos_add(&memos, &fresh, verdict, before);
        }
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    CU_ASSERT_EQUAL(n_found, 2000 - 200);
    vs_memos_clear(&memos);
    vs_ruleset_free(ruleset);
}

static const VsTestCase tests[] = {
    {"the hash is that of the kernel", test_the_hash_is_that_of_the_kernel},
    {"the hash is scaled and moved", test_the_hash_is_scaled_and_moved},
    {"a seed that is not written is drawn once",
     test_a_seed_that_is_not_written_is_drawn_once},
    {"numgen inc of a text begins with its offset",
     test_numgen_inc_of_a_text_begins_with_its_offset},
    {"a map says what is translated", test_a_map_says_what_is_translated},
    {"a number that the map lacks ends the rule",
     test_a_number_that_the_map_lacks_ends_the_rule},
    {"a remembered hash is that of the packet",
     test_a_remembered_hash_is_that_of_the_packet},
    {0},
};

VS_TESTS("numbers of rules")
