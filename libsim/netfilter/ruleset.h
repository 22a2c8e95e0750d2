/* A ruleset: the tables of one namespace with their chains, rules and sets.
 *
 * Built rule by rule (kube-proxy's model) or read from text (iptables.h, nft.h); then
 * linked, which resolves names to chains and sets; then walked (evaluate.h).  The ruleset
 * owns everything in it.  Each change makes a new 'generation', which outdates cached
 * outcomes. */
#pragma once

#include "net/hook.h"
#include "netfilter/rule.h"

#define VS_RULESET_ERROR (vs_ruleset_error_quark())
GQuark vs_ruleset_error_quark(void);

typedef enum VsRulesetError {
    VS_RULESET_ERROR_SYNTAX,
    VS_RULESET_ERROR_UNSUPPORTED, /* Real, but not modelled. */
    VS_RULESET_ERROR_REFERENCE,   /* No such chain, set or map. */
    VS_RULESET_ERROR_LOOP,        /* Chains that jump in a circle. */
} VsRulesetError;

typedef enum VsDialect {
    VS_DIALECT_IPTABLES,
    VS_DIALECT_NFT,
} VsDialect;

typedef enum VsChainType {
    VS_CHAIN_REGULAR, /* Entered by jumps only. */
    VS_CHAIN_FILTER,
    VS_CHAIN_NAT,   /* Sees the first packet of a connection only. */
    VS_CHAIN_ROUTE, /* mangle OUTPUT, nft "type route". */
} VsChainType;

struct VsChain {
    VsRuleTable *table;
    char *name;
    VsChainType type;
    VsHookPoint point; /* Of base chains. */
    int32_t priority;
    VsVerdictKind policy; /* ACCEPT or DROP; base chains. */
    uint64_t n_packets;   /* That met the policy: iptables' "[packets:bytes]". */
    uint64_t n_bytes;
    char *comment;    /* nft; or NULL. */
    GPtrArray *rules; /* Of VsRule. */
    uint32_t line;
    struct VsDispatch
        *dispatch; /* Which rules can match: dispatch.h; made on demand. */
};

struct VsRuleTable {
    VsRuleset *ruleset;
    VsDialect dialect;
    char *name;        /* "nat"; "kube-proxy". */
    char *comment;     /* nft; or NULL. */
    GPtrArray *chains; /* Of VsChain, in order of creation. */
    GHashTable *chain_names;
    GPtrArray *sets; /* Of VsSet: nft sets and maps. */
    GHashTable *set_names;
};

/* Types of the parts of a set's key. */
typedef enum VsSetType {
    VS_SET_IPV4_ADDR,
    VS_SET_INET_PROTO,
    VS_SET_INET_SERVICE,
    VS_SET_MARK,
    VS_SET_IFNAME, /* Not modelled in keys; refused when read. */
    VS_SET_NUMBER, /* Keys of numgen and jhash. */
} VsSetType;

/* One key, or with intervals all whose parts are from those of 'key' to those of 'end'. */
typedef struct VsSetElement {
    VsKey key;
    VsKey end;
    uint8_t prefix_length; /* As written, 32: an address; 255: a plain range. */
    VsRuleVerdict verdict; /* Of verdict maps. */
    VsRuleStep *nat;       /* Owned; of maps of dnat and snat: what is done. */
    VsTime expires;        /* Dynamic sets; 0: never. */
    VsTime timeout;        /* As given for this one; 0: the set's. */
    char *comment;
} VsSetElement;

struct VsSet {
    VsRuleset *ruleset; /* NULL: anonymous. */
    VsRuleTable *table; /* NULL: an ipset, or anonymous. */
    char *name;         /* NULL: anonymous. */
    unsigned n_types;
    VsSetType types[VS_KEY_MAX_FIELDS];
    bool is_map;     /* To verdicts. */
    bool is_nat_map; /* To addresses; anonymous. */
    bool has_ports;  /* And to ports. */
    bool is_constant;
    bool has_intervals;
    bool is_dynamic;
    bool has_timeout;
    VsTime timeout;
    uint64_t size; /* nft's limit; 0: none. */
    char *comment;
    GPtrArray *elements; /* Of VsSetElement, in the order of addition. */
    VsTable index;       /* Key to element; sets without intervals. */
};

struct VsRuleset {
    GPtrArray *tables; /* Of VsRuleTable, in order of creation. */
    GPtrArray *ipsets; /* Of VsSet with a name and without a table. */
    GHashTable *ipset_names;
    GHashTable *recent_lists; /* Name to VsRecentList (recent.h). */
    uint32_t generation;
};

VsRuleset *vs_ruleset_new(void);
void vs_ruleset_free(VsRuleset *ruleset);

/* The table of this dialect and name; made when absent (get), or NULL (find).  An iptables
 * table comes with its built-in chains: raw, mangle, nat, filter. */
VsRuleTable *vs_ruleset_get_table(VsRuleset *ruleset, VsDialect dialect,
                                  const char *name);
VsRuleTable *vs_ruleset_find_table(const VsRuleset *ruleset, VsDialect dialect,
                                   const char *name);
void vs_ruleset_remove_table(VsRuleset *ruleset, VsRuleTable *table);

/* The built-in tables of iptables know these names; NULL ends the list. */
extern const char *const vs_iptables_table_names[];

/* The chain of this name; made, as a regular one, when absent (get), or NULL (find). */
VsChain *vs_rule_table_get_chain(VsRuleTable *table, const char *name);
VsChain *vs_rule_table_find_chain(const VsRuleTable *table, const char *name);

/* Frees a chain with its rules.  Rules that went there must be gone, or the next
 * vs_ruleset_link() names one of them. */
void vs_rule_table_remove_chain(VsRuleTable *table, VsChain *chain);
void vs_rule_table_remove_set(VsRuleTable *table, VsSet *set);

/* Makes a regular chain a base chain. */
void vs_chain_set_base(VsChain *chain, VsChainType type, VsHookPoint point,
                       int32_t priority, VsVerdictKind policy);

/* Removes all rules. */
void vs_chain_flush(VsChain *chain);

/* Appends an empty rule, to be given steps. */
VsRule *vs_chain_add_rule(VsChain *chain);

/* The same to the chain of this name, which is made when absent. */
VsRule *vs_rule_table_add_rule(VsRuleTable *table, const char *chain);

/* Removes rule 'number', from 1, or moves it to be number 'to'; others move up or down. */
void vs_chain_remove_rule(VsChain *chain, unsigned number);
void vs_chain_move_rule(VsChain *chain, unsigned number, unsigned to);

/* Sets and maps: nft's with a table, ipsets with NULL.  get makes an empty set without
 * types when absent. */
VsSet *vs_ruleset_get_set(VsRuleset *ruleset, VsRuleTable *table, const char *name);
VsSet *vs_ruleset_find_set(const VsRuleset *ruleset, const VsRuleTable *table,
                           const char *name);
VsSet *vs_set_new(void); /* Anonymous: for a step to own. */
void vs_set_free(VsSet *set);

/* Packs the values of a key's parts, one for each type.  The parts of one key take 16 bytes
 * at most: two of 4 bytes, two of 8 bits or 16 bits. */
VsKey vs_set_key(const uint32_t *values, unsigned n_values);

/* Adds an element, which the set owns, and returns it; one of the same key is replaced. */
VsSetElement *vs_set_add(VsSet *set, const VsKey *key);

/* The same to a set with intervals, where several may begin at one key. */
VsSetElement *vs_set_add_interval(VsSet *set, const VsKey *key, const VsKey *end);
void vs_set_remove(VsSet *set, const VsKey *key);

/* Adds all addresses of a prefix to a set of addresses with intervals. */
VsSetElement *vs_set_add_prefix(VsSet *set, VsAddr prefix, unsigned length);

/* Whether one more element may be added; forgets those that have expired if it must. */
bool vs_set_has_room(VsSet *set, VsTime now);

/* Removes all elements. */
void vs_set_flush(VsSet *set);

/* The element that holds 'key' at 'now', or NULL. O(1) without intervals. */
VsSetElement *vs_set_find(const VsSet *set, const VsKey *key, VsTime now);

/* Builders: each appends one step.  Text arguments are copied. */
VsRuleStep *vs_rule_add_step(VsRule *rule, VsStepKind kind, VsModule module);
void vs_rule_match(VsRule *rule, VsModule module, VsField field, uint32_t value);
void vs_rule_match_not(VsRule *rule, VsModule module, VsField field, uint32_t value);
void vs_rule_match_prefix(VsRule *rule, VsField field, VsAddr prefix, unsigned length,
                          bool is_inverted);
void vs_rule_match_bits(VsRule *rule, VsModule module, VsField field, uint32_t bits);
void vs_rule_match_mark(VsRule *rule, uint32_t value, uint32_t mask, bool is_inverted);
void vs_rule_comment(VsRule *rule, const char *comment);
void vs_rule_verdict(VsRule *rule, VsVerdictKind kind);
void vs_rule_jump(VsRule *rule, const char *chain);
void vs_rule_goto(VsRule *rule, const char *chain);
void vs_rule_set_mark(VsRule *rule, uint32_t value, uint32_t mask);
void vs_rule_dnat(VsRule *rule, VsAddr address, uint16_t port); /* port 0: kept. */

/* Chains that reach one another by jumps, gotos and verdict maps may be nested this deep,
 * the base chain included.  nft's is the kernel's (NFT_JUMP_STACK_SIZE). */
enum { VS_CHAIN_MAX_DEPTH = 64, VS_CHAIN_MAX_DEPTH_NFT = 16 };

/* Resolves jumps, sets and lists, and checks that no chain reaches itself or is nested too
 * deep.  Needed again after any change of rules or maps; what rules remember (counts, lists)
 * stays.  False with 'error' set: "LINE: what is wrong", LINE absent for rules without one
 * and for elements of named maps. */
bool vs_ruleset_link(VsRuleset *ruleset, GError **error);

/* Whether a chain may be removed because nobody wants it. */
typedef bool (*VsChainIsOwn)(const VsChain *chain);

/* Makes the tables that 'wanted', which need not be linked, has read the same in 'ruleset',
 * to be linked anew.  Regular chains, and all of nft, that differ take the rules of their
 * namesakes in 'wanted'; others keep theirs, with their counters, and built-in chains of
 * iptables are left as they are.  Chains and sets that 'wanted' has not are removed: chains
 * if 'is_own' says so; ipsets stay.  What packets put into dynamic sets and lists stays.  'wanted' keeps
 * what was not taken, and is the caller's to free. */
void vs_ruleset_replace(VsRuleset *ruleset, VsRuleset *wanted, VsChainIsOwn is_own);

/* Moves on 'generation': rules, sets or counters' holders have changed. */
void vs_ruleset_touch(VsRuleset *ruleset);
