/* Walking the rules for one packet.
 *
 * A view says what the rules see of the packet and takes what they decide: a filled table
 * of fields, so that rules can be tested without a network.  The walk of a base chain is
 * the kernel's: chains, jumps, returns, the policy at the end (ipt_do_table,
 * nft_do_chain).  Rules examined are counted for the bill; an index (dispatch.h) skips rules
 * that cannot match without changing that count. */
#pragma once

#include "base/rng.h"
#include "netfilter/ruleset.h"

typedef struct VsRuleView VsRuleView;

/* Rules a view remembers to have credited; a walk of more cannot be replayed. */
enum { VS_WALK_MAX_HITS = 32 };

struct VsRuleView {
    uint32_t fields[VS_N_FIELDS]; /* IIF to PHYSOUT unused. */
    const char *iif;              /* Names of interfaces, or NULL. */
    const char *oif;
    const char *physin;
    const char *physout;
    uint32_t bytes; /* For counters: length of the IP packet. */
    VsTime now;
    VsRng *rng; /* For random choices. */
    /* Fills SADDR_TYPE or DADDR_TYPE when first asked for; NULL: they are filled. */
    uint32_t (*addr_type)(void *data, VsAddr address);
    void *data;
    bool has_addr_type[2];

    /* What the rules decided. */
    VsRuleStep *nat; /* DNAT, SNAT, MASQUERADE, REDIRECT that was reached; or NULL. */
    VsRuleStep *reject; /* REJECT that dropped it; or NULL. */
    bool is_notrack;
    uint16_t zone; /* Given by SET_ZONE. */
    bool has_zone;

    /* The bill, and whether another packet with the same fields would fare the same. */
    uint32_t n_rules;   /* Examined. */
    uint32_t n_lookups; /* In sets and maps. */
    uint32_t consulted; /* Bits of VsField: what the walk looked at. */
    bool is_volatile;   /* Something random, counted, timed or remembered was asked. */
    bool has_met_policy;
    unsigned n_hits; /* Rules whose matches held: 'hits' has the first and the last. */

    struct VsRuleObserver *observer; /* Hears of every rule; or NULL. */
    bool is_plain;                   /* Without the index: the slow twin. */
    VsRule *hits[VS_WALK_MAX_HITS];  /* Last: only n_hits of it are set. */
};

/* Hears of a walk, for traces.  With an observer every rule is examined one by one. */
typedef struct VsRuleObserver VsRuleObserver;
struct VsRuleObserver {
    void (*enter)(VsRuleObserver *observer, const VsChain *chain);
    /* 'failed' is the step that did not hold, NULL when all did: a match, a verdict map
     * without the key, or an update of a full set. */
    void (*rule)(VsRuleObserver *observer, const VsRule *rule, const VsRuleStep *failed,
                 const VsRuleView *view, VsVerdictKind verdict);
    void (*policy)(VsRuleObserver *observer, const VsChain *chain,
                   VsVerdictKind verdict);
};

/* Walks base chain 'chain'.  Returns ACCEPT or DROP. */
VsVerdictKind vs_chain_run(VsChain *chain, VsRuleView *view);

/* Why 'step' holds or does not hold for what 'view' sees: "dport 80 is not 443".  Newly
 * allocated.  To be asked before the walk goes on; what a random step drew is not kept. */
char *vs_rule_step_explain(const VsRuleStep *step, const VsRuleView *view, bool holds);
