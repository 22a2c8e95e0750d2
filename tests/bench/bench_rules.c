/* First packets walked a second through a chain like KUBE-SERVICES: N rules, each for one
 * service's address, protocol and port, then the jump to node ports.
 *
 * usage: bench_rules indexed|plain N [SECONDS]
 *
 * Packets go to services in a fixed random order; each service's chain has one endpoint.
 * Prints thousand walks per second of processor time, after a warm-up. */
#include <glib.h>

#include "netfilter/evaluate.h"
#include "tests/bench/bench.h"

enum { N_PACKETS = 4096 };

#define FIRST_ADDRESS UINT32_C(0x0a600000) /* 10.96.0.0 */

static void
add_service(VsRuleTable *table, VsChain *services, uint32_t number)
{
    g_autofree char *name = g_strdup_printf("KUBE-SVC-%u", number);
    VsChain *service = vs_rule_table_get_chain(table, name);
    VsRule *rule = vs_chain_add_rule(services);

    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_DADDR, FIRST_ADDRESS + number);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, VS_PROTOCOL_TCP);
    vs_rule_match(rule, VS_MODULE_TCP, VS_FIELD_DPORT, 80);
    vs_rule_jump(rule, name);
    vs_rule_dnat(vs_chain_add_rule(service), UINT32_C(0x0af40000) + number, 8080);
}

static VsChain *
make_services(VsRuleset *ruleset, uint32_t n)
{
    VsRuleTable *table = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    VsChain *services = vs_rule_table_get_chain(table, "KUBE-SERVICES");
    VsChain *base = vs_rule_table_get_chain(table, "PREROUTING");
    VsRule *rule;

    vs_rule_jump(vs_chain_add_rule(base), services->name);
    for (uint32_t i = 0; i < n; i++) {
        add_service(table, services, i);
    }
    vs_rule_table_get_chain(table, "KUBE-NODEPORTS");
    rule = vs_chain_add_rule(services);
    vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                       VS_ADDR_TYPE_LOCAL);
    vs_rule_jump(rule, "KUBE-NODEPORTS");
    g_assert(vs_ruleset_link(ruleset, NULL));
    return base;
}

/* Walks packets for 'seconds'; returns how many a second. */
static double
walk(VsChain *base, const uint32_t *services, bool is_plain, double seconds)
{
    double start = bench_seconds();
    double elapsed;
    uint64_t n = 0;

    do {
        for (int i = 0; i < 64; i++) {
            VsRuleView view = {.is_plain = is_plain, .bytes = 60};

            view.fields[VS_FIELD_DADDR] = FIRST_ADDRESS + services[n++ % N_PACKETS];
            view.fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_TCP;
            view.fields[VS_FIELD_DPORT] = 80;
            vs_chain_run(base, &view);
            g_assert(view.nat);
        }
        elapsed = bench_seconds() - start;
    } while (elapsed < seconds);
    return (double)n / elapsed;
}

int
main(int argc, char **argv)
{
    bool is_plain = argc > 1 && strcmp(argv[1], "plain") == 0;
    uint32_t n = (uint32_t)bench_number(argc, argv, 2, "N", 1000);
    double seconds = bench_number(argc, argv, 3, "SECONDS", 1);
    VsRuleset *ruleset = vs_ruleset_new();
    VsChain *base = make_services(ruleset, n);
    static uint32_t services[N_PACKETS];
    uint64_t random = 1;

    for (int i = 0; i < N_PACKETS; i++) {
        services[i] = (uint32_t)(bench_uniform(&random) * n) % n;
    }
    walk(base, services, is_plain, seconds / 4);
    g_print("%.4f\n", walk(base, services, is_plain, seconds) / 1e3);
    vs_ruleset_free(ruleset);
    return EXIT_SUCCESS;
}
