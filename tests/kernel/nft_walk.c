/* Walks a ruleset for each packet of a list: the other side of nft_hash.sh.
 *
 *     nft_walk FILE < CASES
 *
 * FILE has nft's text.  A case is a line "SADDR DADDR udp|tcp SPORT DPORT TTL", as of "netprobe
 * send", which is the first packet of a connection and meets the base chains of the output
 * hook in their order; what one translates, the next see translated.  At the end the ruleset is
 * printed, with what the packets counted and put into sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "netfilter/evaluate.h"
#include "netfilter/nft.h"

enum { UDP_BYTES = 32, TCP_BYTES = 40, MAX_CHAINS = 8 };

typedef struct Chains {
    unsigned n;
    VsChain *chains[MAX_CHAINS]; /* By priority. */
} Chains;

static void
add_chain(Chains *chains, VsChain *chain)
{
    unsigned at = chains->n++;

    g_assert(chains->n <= MAX_CHAINS);
    for (; at > 0 && chains->chains[at - 1]->priority > chain->priority; at--) {
        chains->chains[at] = chains->chains[at - 1];
    }
    chains->chains[at] = chain;
}

static Chains
find_chains(const VsRuleset *ruleset)
{
    Chains chains = {0};

    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        for (unsigned j = 0; j < table->chains->len; j++) {
            VsChain *chain = table->chains->pdata[j];

            if (chain->type != VS_CHAIN_REGULAR && chain->point == VS_HOOK_OUTPUT) {
                add_chain(&chains, chain);
            }
        }
    }
    return chains;
}

/* Reads a case; false at the end of the list. */
static bool
read_case(uint32_t *fields)
{
    char saddr[32], daddr[32], protocol[8];
    unsigned sport, dport, ttl;
    bool is_tcp;

    if (scanf("%31s %31s %7s %u %u %u", saddr, daddr, protocol, &sport, &dport, &ttl) !=
        6) {
        return false;
    }
    if (!vs_parse_ipv4(saddr, &fields[VS_FIELD_SADDR], NULL) ||
        !vs_parse_ipv4(daddr, &fields[VS_FIELD_DADDR], NULL)) {
        fprintf(stderr, "bad case: %s %s\n", saddr, daddr);
        exit(EXIT_FAILURE);
    }
    is_tcp = strcmp(protocol, "tcp") == 0;
    fields[VS_FIELD_PROTOCOL] = is_tcp ? VS_PROTOCOL_TCP : VS_PROTOCOL_UDP;
    fields[VS_FIELD_SPORT] = sport;
    fields[VS_FIELD_DPORT] = dport;
    fields[VS_FIELD_TTL] = ttl;
    fields[VS_FIELD_LENGTH] = is_tcp ? TCP_BYTES : UDP_BYTES;
    fields[VS_FIELD_CT_STATE] = VS_CT_STATE_NEW;
    fields[VS_FIELD_CT_ORIG_SADDR] = fields[VS_FIELD_SADDR];
    fields[VS_FIELD_CT_ORIG_DADDR] = fields[VS_FIELD_DADDR];
    fields[VS_FIELD_CT_ORIG_SPORT] = sport;
    fields[VS_FIELD_CT_ORIG_DPORT] = dport;
    return true;
}

static void
translate(uint32_t *fields, const VsNatRange *range)
{
    fields[VS_FIELD_DADDR] = range->min_address;
    if (range->has_ports) {
        fields[VS_FIELD_DPORT] = range->min_port;
    }
}

static void
walk(const Chains *chains, uint32_t *fields, VsRng *rng)
{
    for (unsigned i = 0; i < chains->n; i++) {
        VsRuleView view = {.bytes = fields[VS_FIELD_LENGTH], .rng = rng};

        memcpy(view.fields, fields, sizeof(view.fields));
        vs_chain_run(chains->chains[i], &view);
        memcpy(fields, view.fields, sizeof(view.fields));
        if (view.nat) {
            translate(fields, &view.nat->nat);
        }
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree char *printed = NULL;
    VsRuleset *ruleset = vs_ruleset_new();
    uint32_t fields[VS_N_FIELDS] = {0};
    Chains chains;
    VsRng rng;

    if (argc != 2 || !g_file_get_contents(argv[1], &text, NULL, &error) ||
        !vs_nft_read(ruleset, text, argv[1], &error) ||
        !vs_ruleset_link(ruleset, &error)) {
        fprintf(stderr, "%s\n", error ? error->message : "nft_walk FILE");
        vs_ruleset_free(ruleset);
        return EXIT_FAILURE;
    }
    vs_rng_init(&rng, 1, "nft_walk", "rules");
    chains = find_chains(ruleset);
    for (; read_case(fields); memset(fields, 0, sizeof(fields))) {
        walk(&chains, fields, &rng);
    }
    printed = vs_nft_print(ruleset);
    fputs(printed, stdout);
    vs_ruleset_free(ruleset);
    return EXIT_SUCCESS;
}
