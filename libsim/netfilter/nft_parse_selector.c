/* Selectors in nft texts: what rules look at, and what that takes for granted. */
#include <string.h>

#include "netfilter/nft_parse.h"
#include "netfilter/number.h"

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
    {{"numgen", "random"}, {VS_FIELD_NUMBER, VS_NFT_NUMBER, .number.kind = VS_NUMBER_RANDOM}},
    {{"numgen", "inc"}, {VS_FIELD_NUMBER, VS_NFT_NUMBER, .number.kind = VS_NUMBER_INC}},
    {{"jhash"}, {VS_FIELD_NUMBER, VS_NFT_NUMBER, .number.kind = VS_NUMBER_JHASH}},
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

static bool read_selector(VsNftParser *parser, VsNftSelector *ret);

/* What is hashed: "ip saddr . udp sport". */
static bool
read_hashed(VsNftParser *parser, VsNumber *number)
{
    do {
        VsNftSelector part;

        if (number->n_fields == VS_HASH_MAX_FIELDS) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "jhash of more than %d parts is not modelled",
                               VS_HASH_MAX_FIELDS);
        }
        if (!read_selector(parser, &part)) {
            return false;
        }
        if (vs_number_field_bytes(part.field) == 0) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "what stands before \"%s\" is not modelled as a part of "
                               "jhash; what can be hashed are addresses, ports, "
                               "protocols, marks, ip length, ip ttl and ct direction",
                               parser->lexer.text->str);
        }
        number->fields[number->n_fields] = part.field;
        number->is_l4_generic[number->n_fields++] = part.is_generic;
    } while (vs_nft_take(parser, "."));
    return true;
}

/* "mod M [seed S] [offset O]"; seeds are of jhash alone. */
static bool
read_number(VsNftParser *parser, VsNumber *number)
{
    bool is_hash = number->kind == VS_NUMBER_JHASH;
    uint64_t modulus;
    uint64_t seed = 0;
    uint64_t offset = 0;

    if ((is_hash && !read_hashed(parser, number)) || !vs_nft_expect(parser, "mod") ||
        !vs_nft_read_uint(parser, "a modulus", UINT32_MAX, &modulus)) {
        return false;
    }
    if (modulus == 0) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "mod 0 has no numbers; write at least mod 1");
    }
    number->has_seed = is_hash && vs_nft_take(parser, "seed");
    if (number->has_seed &&
        !vs_nft_read_uint(parser, "a seed of 32 bits", UINT32_MAX, &seed)) {
        return false;
    }
    if (vs_nft_take(parser, "offset") &&
        !vs_nft_read_uint(parser, "an offset of 32 bits", UINT32_MAX, &offset)) {
        return false;
    }
    if (offset > UINT32_MAX - (modulus - 1)) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "the last number, offset + mod - 1, has more than 32 bits; "
                           "write an offset of %" G_GUINT64_FORMAT " at most",
                           UINT32_MAX - (modulus - 1));
    }
    number->modulus = (uint32_t)modulus;
    number->seed = (uint32_t)seed;
    number->offset = (uint32_t)offset;
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
    if (vs_nft_is(parser, "symhash")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "\"symhash\" is not modelled, for the kernel seeds it anew "
                           "at each boot; write \"jhash ip saddr . ip daddr mod 4 seed "
                           "0x1\"");
    }
    first = g_strdup(lexer->text->str);
    vs_nft_lexer_next(lexer);
    has_second = lexer->kind == VS_NFT_WORD;
    return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                       "\"%s%s%s\" is not modelled; what can be matched are fields of "
                       "ip, tcp, udp, sctp, th, icmp and ct, meta l4proto and mark, "
                       "iifname, oifname, fib type, numgen and jhash",
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
            return (ret->field != VS_FIELD_NUMBER ||
                    read_number(parser, &ret->number)) &&
                   settle_selector(parser, ret);
        }
    }
    return fail_selector(parser);
}

bool
vs_nft_read_selectors(VsNftParser *parser, VsNftSelector *selectors, unsigned *ret_n)
{
    unsigned n = 0;
    unsigned n_numbers = 0;

    do {
        if (n == VS_KEY_MAX_FIELDS) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "keys of more than %d parts are not modelled",
                               VS_KEY_MAX_FIELDS);
        }
        if (!read_selector(parser, &selectors[n])) {
            return false;
        }
        if (selectors[n].field == VS_FIELD_NUMBER && n_numbers++ > 0) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "one numgen or jhash in a key is modelled, not two");
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
        if (selectors[i].field == VS_FIELD_NUMBER) {
            lookup->number = g_memdup2(&selectors[i].number, sizeof(VsNumber));
        }
    }
}

void
vs_nft_selector_kinds(const VsNftSelector *selectors, unsigned n, VsNftKind *ret_kinds)
{
    for (unsigned i = 0; i < n; i++) {
        ret_kinds[i] = selectors[i].kind;
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
