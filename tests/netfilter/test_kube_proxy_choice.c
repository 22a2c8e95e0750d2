/* kube-proxy's balancers choose what the rules of kube-proxy choose, given the same random
 * words; and what the published thresholds say. */
#include <math.h>

#include "balance/balancer.h"
#include "netfilter/evaluate.h"
#include "netfilter/iptables.h"
#include "netfilter/nft.h"
#include "vs_test.h"

enum { N_PICKS = 10000 };

static VsRng
stream(void)
{
    VsRng rng;

    vs_rng_init(&rng, 11, "node", "rules");
    return rng;
}

/* Endpoints 10.0.0.1:80 ...; 'setting' may be NULL. */
static VsBalancer
choice_new(const char *kind, unsigned n, const char *const *settings)
{
    VsRng rng = stream();
    VsBalancer balancer;

    CU_ASSERT_FATAL(
        vs_balancer_init(&balancer, vs_balancer_kind_find(kind), settings, &rng, NULL));
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u:80", i + 1);

        vs_balancer_add(&balancer, name, 1);
    }
    return balancer;
}

/* What kube-proxy writes for a service of 'n' endpoints. */
static char *
iptables_text(unsigned n, unsigned digits, unsigned affinity_s)
{
    GString *text = g_string_new("*nat\n:PREROUTING ACCEPT [0:0]\n:SVC - [0:0]\n");

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, ":SEP%u - [0:0]\n", i);
    }
    g_string_append(text, "-A PREROUTING -j SVC\n");
    for (unsigned i = 0; affinity_s > 0 && i < n; i++) {
        g_string_append_printf(text,
                               "-A SVC -m recent --name SEP%u --rcheck --seconds %u "
                               "--reap -j SEP%u\n",
                               i, affinity_s, i);
    }
    for (unsigned i = 0; i < n; i++) {
        g_string_append(text, "-A SVC");
        if (i + 1 < n) {
            g_string_append_printf(text,
                                   " -m statistic --mode random --probability %0.*f",
                                   (int)digits, 1.0 / (n - i));
        }
        g_string_append_printf(text, " -j SEP%u\n", i);
    }
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, "-A SEP%u", i);
        if (affinity_s > 0) {
            g_string_append_printf(text, " -m recent --name SEP%u --set", i);
        }
        g_string_append_printf(text, " -p tcp -j DNAT --to-destination 10.0.0.%u:80\n",
                               i + 1);
    }
    g_string_append(text, "COMMIT\n");
    return g_string_free(text, FALSE);
}

static char *
nft_text(unsigned n, unsigned affinity_s)
{
    GString *text = g_string_new("table ip t {\n");

    for (unsigned i = 0; affinity_s > 0 && i < n; i++) {
        g_string_append_printf(text,
                               "set a%u { type ipv4_addr; flags dynamic,timeout; "
                               "timeout %us; }\n",
                               i, affinity_s);
    }
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, "chain ep%u {\n", i);
        if (affinity_s > 0) {
            g_string_append_printf(text, "update @a%u { ip saddr }\n", i);
        }
        g_string_append_printf(text, "meta l4proto tcp dnat to 10.0.0.%u:80\n}\n",
                               i + 1);
    }
    g_string_append(text, "chain PREROUTING {\n"
                          "type nat hook prerouting priority -100; policy accept;\n");
    for (unsigned i = 0; affinity_s > 0 && i < n; i++) {
        g_string_append_printf(text, "ip saddr @a%u goto ep%u\n", i, i);
    }
    g_string_append_printf(text, "numgen random mod %u vmap {", n);
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, "%s %u : goto ep%u", i > 0 ? "," : "", i, i);
    }
    g_string_append(text, " }\n}\n}\n");
    return g_string_free(text, FALSE);
}

static VsRuleset *
read_rules(const char *kind, unsigned n, unsigned digits, unsigned affinity_s)
{
    bool is_nft = strcmp(kind, "kube-proxy-nftables") == 0;
    g_autofree char *text =
        is_nft ? nft_text(n, affinity_s) : iptables_text(n, digits, affinity_s);
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    if (!(is_nft ? vs_nft_read : vs_iptables_read)(ruleset, text, "f", &error) ||
        !vs_ruleset_link(ruleset, &error)) {
        printf("\n  %s\n", error->message);
        CU_FAIL_FATAL("the text was refused");
    }
    return ruleset;
}

/* As many picks by 'n_clients' clients, with steps of time that now and then outlast the
 * affinity of some. */
static void
check_same(const char *kind, unsigned n, unsigned digits, unsigned affinity_s,
           uint32_t n_clients)
{
    g_autofree char *timeout = g_strdup_printf("affinity-timeout=%u", affinity_s);
    g_autofree char *decimals = g_strdup_printf("digits=%u", digits);
    const char *const settings[] = {timeout, digits ? decimals : NULL, NULL};
    VsBalancer balancer = choice_new(kind, n, settings);
    VsRuleset *ruleset = read_rules(kind, n, digits, affinity_s);
    VsChain *chain = vs_rule_table_find_chain(
        digits ? vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "nat")
               : vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "t"),
        "PREROUTING");
    VsRng rng = stream();
    VsRng arrivals;
    unsigned n_different = 0;
    VsTime now = VS_S;

    vs_rng_init(&arrivals, 5, kind, "arrivals");
    for (unsigned i = 0; i < N_PICKS; i++) {
        VsAddr client = 0x0a010000 + (uint32_t)vs_rng_below(&arrivals, n_clients);
        VsBalanceKey key = {.flow.saddr = client, .now = now};
        VsRuleView view = {.iif = "eth0", .bytes = 60, .rng = &rng, .now = now};

        view.fields[VS_FIELD_SADDR] = client;
        view.fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_TCP;
        vs_chain_run(chain, &view);
        CU_ASSERT_PTR_NOT_NULL_FATAL(view.nat);
        n_different +=
            0x0a000001 + vs_balancer_pick(&balancer, &key) != view.nat->nat.min_address;
        now += (VsTime)vs_rng_below(&arrivals, 4) * VS_S / 2;
    }
    CU_ASSERT_EQUAL(n_different, 0);
    vs_ruleset_free(ruleset);
    vs_balancer_clear(&balancer);
}

static void
test_draws_are_those_of_the_rules(void)
{
    for (unsigned n = 1; n <= 12; n++) {
        check_same("kube-proxy-iptables", n, 10, 0, 1000);
        check_same("kube-proxy-iptables", n, 5, 0, 1000);
        check_same("kube-proxy-nftables", n, 0, 0, 1000);
    }
}

/* Up to 300 clients an endpoint, of which xt_recent remembers 100. */
static void
test_affinity_is_that_of_the_rules(void)
{
    static const uint32_t n_clients[] = {1, 10, 90, 300, 900};

    for (unsigned i = 0; i < G_N_ELEMENTS(n_clients); i++) {
        check_same("kube-proxy-iptables", 3, 10, 100, n_clients[i]);
        check_same("kube-proxy-iptables", 5, 5, 10000, n_clients[i]);
        check_same("kube-proxy-nftables", 3, 0, 100, n_clients[i]);
        check_same("kube-proxy-nftables", 5, 0, 7, n_clients[i]);
    }
}

static void
test_published_thresholds(void)
{
    static const char *const lines[] = {
        "10.0.0.1:80 below 306783378 of 2^31", "10.0.0.2:80 below 357913941 of 2^31",
        "10.0.0.3:80 below 429496730 of 2^31", "10.0.0.4:80 below 536870912 of 2^31",
        "10.0.0.5:80 below 715827883 of 2^31", "10.0.0.6:80 below 1073741824 of 2^31"};
    VsBalancer balancer = choice_new("kube-proxy-iptables", 7, NULL);
    g_autofree char *text = NULL;

    vs_balancer_pick(&balancer, &(const VsBalanceKey){0});
    text = vs_balancer_describe(&balancer);
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(text, lines[i]));
    }
    vs_balancer_clear(&balancer);
}

/* 1/3 as 0.33333: the first of three loses 3 of 10^6. */
static void
test_few_decimals_are_biased(void)
{
    const char *const settings[] = {"digits=5", NULL};
    VsBalancer balancer = choice_new("kube-proxy-iptables", 3, settings);
    g_autofree char *expected = g_strdup_printf("10.0.0.1:80 below %ld of 2^31",
                                                lround(0.33333 * 2147483648.0));
    g_autofree char *text = NULL;

    vs_balancer_pick(&balancer, &(const VsBalanceKey){0});
    text = vs_balancer_describe(&balancer);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
    vs_balancer_clear(&balancer);
}

/* Endpoints that are gone or not ready take their clients along. */
static void
test_endpoints_that_go_forget(void)
{
    static const char *const kinds[] = {"kube-proxy-iptables", "kube-proxy-nftables"};
    const char *const settings[] = {"affinity-timeout=10800", NULL};

    for (unsigned k = 0; k < 2; k++) {
        VsBalancer balancer = choice_new(kinds[k], 2, settings);
        const VsBalanceKey key = {.flow.saddr = 1, .now = VS_S};
        uint32_t first = vs_balancer_pick(&balancer, &key);

        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), first);
        vs_balancer_set_up(&balancer, first, false);
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 1 - first);
        vs_balancer_set_up(&balancer, first, true);
        for (unsigned i = 0; i < 20; i++) {
            CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 1 - first);
        }
        vs_balancer_remove(&balancer, 1 - first);
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), first);
        vs_balancer_remove(&balancer, first);
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), VS_BALANCER_NONE);
        vs_balancer_clear(&balancer);
    }
}

static const VsTestCase tests[] = {
    {"draws are those of the rules", test_draws_are_those_of_the_rules},
    {"affinity is that of the rules", test_affinity_is_that_of_the_rules},
    {"published thresholds", test_published_thresholds},
    {"few decimals are biased", test_few_decimals_are_biased},
    {"endpoints that go forget", test_endpoints_that_go_forget},
    {0},
};
VS_TESTS("kube_proxy_choice")
