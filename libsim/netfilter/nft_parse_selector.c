/* Selectors in nft texts: what rules look at, and what that takes for granted. */
#include <string.h>

#include "netfilter/nft_parse.h"

/* A selector is one to four words; the first that fits is taken, so longer ones stand
 * before their beginnings. */
typedef struct SelectorRow {
    const char *words[VS_NFT_SELECTOR_WORDS];
    VsNftSelector selector;
} SelectorRow;

/* clang-format off */
static const SelectorRow selector_rows[] = {
    {{"ip", "saddr"}, {VS_FIELD_SADDR, VS_NFT_ADDRESS, .module = VS_MODULE_BASE}},
    {{"ip", "daddr"}, {VS_FIELD_DADDR, VS_NFT_ADDRESS, .module = VS_MODULE_BASE}},
    {{"ip", "protocol"}, {VS_FIELD_PROTOCOL, VS_NFT_PROTOCOL, .module = VS_MODULE_BASE}},
    {{"ip", "length"}, {VS_FIELD_LENGTH, VS_NFT_NUMBER_16, .module = VS_MODULE_LENGTH}},
    {{"ip", "ttl"}, {VS_FIELD_TTL, VS_NFT_NUMBER_8, .module = VS_MODULE_TTL}},
    {{"meta", "l4proto"}, {VS_FIELD_PROTOCOL, VS_NFT_PROTOCOL, .is_generic = true}},
    {{"meta", "mark"}, {VS_FIELD_MARK, VS_NFT_MARK, .module = VS_MODULE_MARK}},
    {{"mark"}, {VS_FIELD_MARK, VS_NFT_MARK, .module = VS_MODULE_MARK}},
    {{"meta", "iifname"}, {VS_FIELD_IIF, VS_NFT_NUMBER, .module = VS_MODULE_BASE}},
    {{"meta", "oifname"}, {VS_FIELD_OIF, VS_NFT_NUMBER, .module = VS_MODULE_BASE}},
    {{"iifname"}, {VS_FIELD_IIF, VS_NFT_NUMBER, .module = VS_MODULE_BASE}},
    {{"oifname"}, {VS_FIELD_OIF, VS_NFT_NUMBER, .module = VS_MODULE_BASE}},
    {{"th", "sport"}, {VS_FIELD_SPORT, VS_NFT_PORT, .is_generic = true}},
    {{"th", "dport"}, {VS_FIELD_DPORT, VS_NFT_PORT, .is_generic = true}},
    {{"tcp", "sport"}, {VS_FIELD_SPORT, VS_NFT_PORT, .module = VS_MODULE_TCP}},
    {{"tcp", "dport"}, {VS_FIELD_DPORT, VS_NFT_PORT, .module = VS_MODULE_TCP}},
    {{"tcp", "flags"}, {VS_FIELD_TCP_FLAGS, VS_NFT_TCP_FLAGS, .module = VS_MODULE_TCP}},
    {{"udp", "sport"}, {VS_FIELD_SPORT, VS_NFT_PORT, .module = VS_MODULE_UDP}},
    {{"udp", "dport"}, {VS_FIELD_DPORT, VS_NFT_PORT, .module = VS_MODULE_UDP}},
    {{"sctp", "sport"}, {VS_FIELD_SPORT, VS_NFT_PORT, .module = VS_MODULE_SCTP}},
    {{"sctp", "dport"}, {VS_FIELD_DPORT, VS_NFT_PORT, .module = VS_MODULE_SCTP}},
    {{"icmp", "type"}, {VS_FIELD_ICMP_TYPE, VS_NFT_ICMP_TYPE, .module = VS_MODULE_ICMP}},
    {{"icmp", "code"}, {VS_FIELD_ICMP_TYPE, VS_NFT_ICMP_CODE, .module = VS_MODULE_ICMP}},
    {{"ct", "mark"}, {VS_FIELD_CT_MARK, VS_NFT_MARK, .module = VS_MODULE_CONNMARK}},
    {{"ct", "state"}, {VS_FIELD_CT_STATE, VS_NFT_CT_STATE, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "status"}, {VS_FIELD_CT_STATUS, VS_NFT_CT_STATUS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "direction"}, {VS_FIELD_CT_DIRECTION, VS_NFT_DIRECTION, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "ip", "saddr"}, {VS_FIELD_CT_ORIG_SADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "ip", "daddr"}, {VS_FIELD_CT_ORIG_DADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "saddr"}, {VS_FIELD_CT_ORIG_SADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "daddr"}, {VS_FIELD_CT_ORIG_DADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "proto-src"}, {VS_FIELD_CT_ORIG_SPORT, VS_NFT_PORT, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "original", "proto-dst"}, {VS_FIELD_CT_ORIG_DPORT, VS_NFT_PORT, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "reply", "ip", "saddr"}, {VS_FIELD_CT_REPLY_SADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "reply", "ip", "daddr"}, {VS_FIELD_CT_REPLY_DADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "reply", "saddr"}, {VS_FIELD_CT_REPLY_SADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"ct", "reply", "daddr"}, {VS_FIELD_CT_REPLY_DADDR, VS_NFT_ADDRESS, .module = VS_MODULE_CONNTRACK}},
    {{"fib", "saddr", "type"}, {VS_FIELD_SADDR_TYPE, VS_NFT_ADDR_TYPE, .module = VS_MODULE_ADDRTYPE}},
    {{"fib", "daddr", "type"}, {VS_FIELD_DADDR_TYPE, VS_NFT_ADDR_TYPE, .module = VS_MODULE_ADDRTYPE}},
    {{"numgen", "random"}, {VS_FIELD_NUMGEN, VS_NFT_NUMBER, .numgen = VS_NUMGEN_RANDOM}},
    {{"numgen", "inc"}, {VS_FIELD_NUMGEN, VS_NFT_NUMBER, .numgen = VS_NUMGEN_INC}},
};
/* clang-format on */

bool
vs_nft_take_words(VsNftParser *parser, const char *const words[VS_NFT_SELECTOR_WORDS])
{
    VsNftLexer *lexer = &parser->lexer;
    VsNftLexer start = *lexer;
    unsigned n = 0;

    while (n < VS_NFT_SELECTOR_WORDS && words[n] && vs_nft_take(parser, words[n])) {
        n++;
    }
    if (n == VS_NFT_SELECTOR_WORDS || !words[n]) {
        return true;
    }
    if (n > 0) { /* Back to the first word. */
        *lexer = start;
        g_string_assign(lexer->text, words[0]);
    }
    return false;
}

static bool
read_numgen(VsNftParser *parser, VsNftSelector *selector)
{
    uint64_t modulus;
    uint64_t offset = 0;

    if (!vs_nft_expect(parser, "mod") ||
        !vs_nft_read_uint(parser, "a modulus", UINT32_MAX, &modulus)) {
        return false;
    }
    if (modulus == 0) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "numgen mod 0 has no numbers; write at least mod 1");
    }
    if (vs_nft_take(parser, "offset") &&
        !vs_nft_read_uint(parser, "an offset", UINT32_MAX, &offset)) {
        return false;
    }
    selector->modulus = (uint32_t)modulus;
    selector->offset = (uint32_t)offset;
    return true;
}

static bool
fail_selector(VsNftParser *parser)
{
    VsNftLexer *lexer = &parser->lexer;
    g_autofree char *first = NULL;
    bool has_second;

    if (lexer->kind != VS_NFT_WORD) {
        return vs_nft_fail_expected(parser, "a match or statement");
    }
    first = g_strdup(lexer->text->str);
    vs_nft_lexer_next(lexer);
    has_second = lexer->kind == VS_NFT_WORD;
    return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                       "\"%s%s%s\" is not modelled; what can be matched are fields of "
                       "ip, tcp, udp, sctp, th, icmp and ct, meta l4proto and mark, "
                       "iifname, oifname, fib type and numgen",
                       first, has_second ? " " : "",
                       has_second ? lexer->text->str : "");
}

bool
vs_nft_need_protocol(VsNftParser *parser, int protocol, const char *why)
{
    VsRuleStep *step;

    if (parser->protocol == protocol) {
        return true;
    }
    if (parser->protocol != VS_NFT_PROTOCOL_UNKNOWN) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "%s asks for another protocol than the matches before it; "
                           "write two rules",
                           why);
    }
    step = vs_rule_add_step(parser->rule, VS_STEP_RANGE, VS_MODULE_BASE);
    step->range.field = VS_FIELD_PROTOCOL;
    step->range.mask = UINT32_MAX;
    step->range.min = (uint32_t)protocol;
    step->range.max = (uint32_t)protocol;
    step->range.is_l4_generic = true;
    parser->protocol = protocol;
    return true;
}

/* What a selector takes for granted: "tcp dport" a TCP packet, "th dport" after it too. */
static bool
settle_selector(VsNftParser *parser, VsNftSelector *selector)
{
    static const VsModule modules[] = {VS_MODULE_TCP, VS_MODULE_UDP, VS_MODULE_SCTP};
    int protocol = vs_nft_module_protocol(selector->module);

    if (protocol >= 0) {
        return vs_nft_need_protocol(parser, protocol,
                                    vs_nft_find_field(selector->field)->key);
    }
    if ((selector->field == VS_FIELD_CT_ORIG_SPORT ||
         selector->field == VS_FIELD_CT_ORIG_DPORT) &&
        parser->protocol == VS_NFT_PROTOCOL_UNKNOWN) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "ports of a connection need a protocol; write "
                           "\"meta l4proto tcp\" before them");
    }
    if (selector->kind == VS_NFT_PORT && selector->is_generic) {
        for (unsigned i = 0; i < G_N_ELEMENTS(modules); i++) {
            if (vs_nft_module_protocol(modules[i]) == parser->protocol) {
                selector->module = modules[i];
                selector->is_generic = false;
            }
        }
    }
    return true;
}

static bool
read_selector(VsNftParser *parser, VsNftSelector *ret)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(selector_rows); i++) {
        if (vs_nft_take_words(parser, selector_rows[i].words)) {
            *ret = selector_rows[i].selector;
            return (ret->field != VS_FIELD_NUMGEN || read_numgen(parser, ret)) &&
                   settle_selector(parser, ret);
        }
    }
    return fail_selector(parser);
}

bool
vs_nft_read_selectors(VsNftParser *parser, VsNftSelector *selectors, unsigned *ret_n)
{
    unsigned n = 0;

    do {
        if (n == VS_KEY_MAX_FIELDS) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "keys of more than %d parts are not modelled",
                               VS_KEY_MAX_FIELDS);
        }
        if (!read_selector(parser, &selectors[n])) {
            return false;
        }
        n++;
    } while (vs_nft_take(parser, "."));
    *ret_n = n;
    return true;
}

void
vs_nft_fill_lookup(VsLookup *lookup, const VsNftSelector *selectors, unsigned n)
{
    lookup->n_fields = n;
    for (unsigned i = 0; i < n; i++) {
        lookup->fields[i] = selectors[i].field;
        lookup->is_l4_generic[i] = selectors[i].is_generic;
        if (selectors[i].field == VS_FIELD_NUMGEN) {
            lookup->numgen = selectors[i].numgen;
            lookup->numgen_modulus = selectors[i].modulus;
            lookup->numgen_offset = selectors[i].offset;
            lookup->numgen_next = selectors[i].modulus - 1; /* 0 comes first. */
        }
    }
}

static bool
has_types(const VsSet *set, const VsNftSelector *selectors, unsigned n)
{
    for (unsigned i = 0; i < n && set->n_types == n; i++) {
        if (vs_nft_type_kind(set->types[i]) != selectors[i].kind) {
            return false;
        }
    }
    return set->n_types == n;
}

bool
vs_nft_check_set(VsNftParser *parser, const char *name, const VsNftSelector *selectors,
                 unsigned n, bool is_map)
{
    const char *what = is_map ? "map" : "set";
    const VsSet *set = vs_ruleset_find_set(parser->ruleset, parser->table, name);

    if (!set || set->is_map != is_map) {
        return vs_nft_fail(
            parser, VS_RULESET_ERROR_REFERENCE,
            "there is no %s \"%s\" in table \"%s\"; add it before the rule", what, name,
            parser->table->name);
    }
    return has_types(set, selectors, n) ||
           vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "%s \"%s\" is of another type than what is looked up in it",
                       what, name);
}
