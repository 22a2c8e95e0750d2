/* Statements of rules in nft texts: all that is no match. */
#include <string.h>

#include "netfilter/nft_parse.h"

static VsRuleStep *
add_step(VsNftParser *parser, VsStepKind kind)
{
    return vs_rule_add_step(parser->rule, kind, VS_MODULE_BASE);
}

static bool
read_counter(VsNftParser *parser)
{
    VsRuleStep *step = add_step(parser, VS_STEP_COUNTER);

    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_take(parser, "packets")) {
        return true;
    }
    return vs_nft_read_uint(parser, "a number of packets", UINT64_MAX,
                            &step->counter.n_packets) &&
           vs_nft_expect(parser, "bytes") &&
           vs_nft_read_uint(parser, "a number of bytes", UINT64_MAX,
                            &step->counter.n_bytes);
}

static bool
read_verdict(VsNftParser *parser)
{
    VsRuleStep *step = add_step(parser, VS_STEP_VERDICT);

    return vs_nft_read_verdict(parser, &step->verdict);
}

static bool
read_notrack(VsNftParser *parser)
{
    add_step(parser, VS_STEP_NOTRACK);
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

static bool
read_comment(VsNftParser *parser)
{
    char *comment;

    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_read_string(parser, "a comment", &comment)) {
        return false;
    }
    vs_rule_comment(parser->rule, comment);
    g_free(comment);
    if (parser->lexer.kind != VS_NFT_SEPARATOR && parser->lexer.kind != VS_NFT_END) {
        return vs_nft_fail_expected(parser, "the end of the rule, after its comment,");
    }
    return true;
}

/* A mark as operators make it: (mark & keep) ^ flip. */
static bool
read_operators(VsNftParser *parser, uint32_t *keep, uint32_t *flip)
{
    for (;;) {
        bool is_and = vs_nft_take(parser, "&") || vs_nft_take(parser, "and");
        bool is_or = !is_and && (vs_nft_take(parser, "|") || vs_nft_take(parser, "or"));
        uint32_t value;

        if (!is_and && !is_or && !vs_nft_take(parser, "^") &&
            !vs_nft_take(parser, "xor")) {
            return true;
        }
        if (!vs_nft_read_value(parser, VS_NFT_MARK, false, &value)) {
            return false;
        }
        if (is_and) {
            *keep &= value;
            *flip &= value;
        } else if (is_or) {
            *keep &= ~value;
            *flip |= value;
        } else {
            *flip ^= value;
        }
    }
}

/* The mark that a mark is set to, when it is not a constant. */
static bool
take_mark(VsNftParser *parser, VsField *ret_field)
{
    if (vs_nft_take(parser, "ct")) {
        *ret_field = VS_FIELD_CT_MARK;
        return vs_nft_expect(parser, "mark");
    }
    if (vs_nft_take(parser, "meta")) {
        *ret_field = VS_FIELD_MARK;
        return vs_nft_expect(parser, "mark");
    }
    if (vs_nft_take(parser, "mark")) {
        *ret_field = VS_FIELD_MARK;
        return true;
    }
    return vs_nft_fail_expected(parser, "a number, mark or ct mark");
}

bool
vs_nft_read_mark_statement(VsNftParser *parser, VsField field)
{
    bool is_ct = field == VS_FIELD_CT_MARK;
    uint32_t keep = UINT32_MAX;
    uint32_t flip = 0;
    VsField source = field;
    VsRuleStep *step;

    if (parser->lexer.kind == VS_NFT_WORD &&
        g_ascii_isdigit(*parser->lexer.text->str)) {
        if (!vs_nft_read_value(parser, VS_NFT_MARK, false, &flip)) {
            return false;
        }
        step = add_step(parser, is_ct ? VS_STEP_SET_CT_MARK : VS_STEP_SET_MARK);
        step->mark.value = flip;
        step->mark.mask = UINT32_MAX;
        return true;
    }
    if (!take_mark(parser, &source) || !read_operators(parser, &keep, &flip)) {
        return false;
    }
    if (source == field) {
        step = add_step(parser, is_ct ? VS_STEP_SET_CT_MARK : VS_STEP_SET_MARK);
        step->mark.value = flip;
        step->mark.mask = ~keep;
        return true;
    }
    if (flip != 0) {
        return vs_nft_fail(
            parser, VS_RULESET_ERROR_UNSUPPORTED,
            "a mark made of the other mark can be masked with \"&\" only");
    }
    step = add_step(parser, is_ct ? VS_STEP_SAVE_MARK : VS_STEP_RESTORE_MARK);
    step->mark.value = keep;
    step->mark.mask = UINT32_MAX;
    return true;
}

bool
vs_nft_read_zone_statement(VsNftParser *parser)
{
    uint64_t zone;

    if (!vs_nft_read_uint(parser, "a zone", UINT16_MAX, &zone)) {
        return false;
    }
    add_step(parser, VS_STEP_SET_ZONE)->mark.value = (uint32_t)zone;
    return true;
}

static bool
read_limit(VsNftParser *parser)
{
    VsRuleStep *step = vs_rule_add_step(parser->rule, VS_STEP_LIMIT, VS_MODULE_LIMIT);
    g_auto(GStrv) parts = NULL;
    uint64_t amount;
    uint32_t seconds;

    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_expect(parser, "rate")) {
        return false;
    }
    step->limit.is_inverted = vs_nft_take(parser, "over");
    parts = g_strsplit(parser->lexer.text->str, "/", -1);
    if (g_strv_length(parts) != 2 ||
        !g_ascii_string_to_unsigned(parts[0], 10, 1, UINT32_MAX, &amount, NULL) ||
        !vs_nft_find_value(vs_nft_limit_units, parts[1], &seconds)) {
        return vs_nft_fail_expected(parser,
                                    "a rate in packets such as 10/second, up to "
                                    "week (rates in bytes are not modelled)");
    }
    vs_nft_lexer_next(&parser->lexer);
    step->limit.amount = (uint32_t)amount;
    step->limit.unit = seconds * VS_S;
    amount = VS_NFT_DEFAULT_BURST;
    if (vs_nft_take(parser, "burst") &&
        (!vs_nft_read_uint(parser, "a burst in packets", UINT32_MAX, &amount) ||
         !vs_nft_expect(parser, "packets"))) {
        return false;
    }
    step->limit.burst = (uint32_t)amount;
    return true;
}

static bool
read_log(VsNftParser *parser)
{
    VsRuleStep *step = add_step(parser, VS_STEP_LOG);

    step->log.level = VS_NFT_DEFAULT_LOG_LEVEL;
    vs_nft_lexer_next(&parser->lexer);
    for (;;) {
        if (vs_nft_take(parser, "prefix")) {
            g_clear_pointer(&step->log.prefix, g_free);
            if (!vs_nft_read_string(parser, "a prefix", &step->log.prefix)) {
                return false;
            }
        } else if (vs_nft_take(parser, "level")) {
            if (!vs_nft_read_word(parser, "a level", vs_nft_log_levels,
                                  &step->log.level)) {
                return false;
            }
        } else if (vs_nft_is(parser, "group") || vs_nft_is(parser, "flags") ||
                   vs_nft_is(parser, "snaplen") ||
                   vs_nft_is(parser, "queue-threshold")) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "\"%s\" of log is not modelled; prefix and level are",
                               parser->lexer.text->str);
        } else {
            return true;
        }
    }
}

static bool
read_reject(VsNftParser *parser)
{
    uint32_t with = VS_REJECT_PORT_UNREACHABLE;

    vs_nft_lexer_next(&parser->lexer);
    if (vs_nft_take(parser, "with")) {
        if (vs_nft_take(parser, "tcp")) {
            with = VS_REJECT_TCP_RESET;
            if (!vs_nft_expect(parser, "reset") ||
                !vs_nft_need_protocol(parser, VS_PROTOCOL_TCP,
                                      "reject with tcp reset")) {
                return false;
            }
        } else {
            if (!vs_nft_take(parser, "icmp")) {
                return vs_nft_fail_expected(parser, "icmp or tcp reset");
            }
            vs_nft_take(parser, "type");
            if (!vs_nft_read_word(parser, "a code", vs_nft_rejects, &with)) {
                return false;
            }
        }
    }
    add_step(parser, VS_STEP_REJECT)->reject = with;
    return true;
}

static bool
read_nat_flags(VsNftParser *parser, VsNatRange *nat)
{
    do {
        if (vs_nft_take(parser, "random")) {
            nat->is_random = true;
        } else if (vs_nft_take(parser, "fully-random")) {
            nat->is_random_fully = true;
        } else if (vs_nft_take(parser, "persistent")) {
            nat->is_persistent = true;
        } else {
            return true;
        }
    } while (vs_nft_take(parser, ","));
    return true;
}

static bool
fail_nat_ports(VsNftParser *parser)
{
    return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "translating ports needs a protocol; write "
                       "\"meta l4proto tcp\" before it");
}

static bool
read_nat_ports(VsNftParser *parser, VsNatRange *nat)
{
    VsNftRange range;

    if (parser->protocol == VS_NFT_PROTOCOL_UNKNOWN) {
        return fail_nat_ports(parser);
    }
    if (!vs_nft_read_range(parser, VS_NFT_PORT, false, &range)) {
        return false;
    }
    nat->has_ports = true;
    nat->min_port = (uint16_t)range.min;
    nat->max_port = (uint16_t)range.max;
    return true;
}

static bool
check_nat_chain(VsNftParser *parser, const char *what)
{
    const VsChain *chain = parser->rule->chain;

    if (chain->type == VS_CHAIN_NAT || chain->type == VS_CHAIN_REGULAR) {
        return true;
    }
    return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "%s is for chains of type nat, which \"%s\" is not", what,
                       chain->name);
}

/* "A[-B]" */
static bool
read_nat_addresses(VsNftParser *parser, VsNatRange *nat)
{
    VsNftRange range;

    if (!vs_nft_read_range(parser, VS_NFT_ADDRESS, false, &range)) {
        return false;
    }
    if (range.prefix_length < 32) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "translating to a prefix is not modelled; write a range");
    }
    nat->has_address = true;
    nat->min_address = range.min;
    nat->max_address = range.max;
    return true;
}

/* "SELECTORS map { KEY : A[ . P], ... }" */
static bool
read_nat_map(VsNftParser *parser, VsNatRange *nat)
{
    VsNftSelector selectors[VS_KEY_MAX_FIELDS];
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    unsigned n, n_written;

    if (!vs_nft_read_selectors(parser, selectors, &n) ||
        !vs_nft_expect(parser, "map")) {
        return false;
    }
    if (vs_nft_is(parser, "@")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "maps to addresses that have a name are not modelled; write "
                           "the elements in the rule, \"map { 0 : 10.0.0.1 }\"");
    }
    vs_nft_selector_kinds(selectors, n, kinds);
    nat->map = g_new0(VsLookup, 1);
    vs_nft_fill_lookup(nat->map, selectors, n);
    nat->map->set = vs_set_new();
    nat->map->set->is_nat_map = true;
    if (!vs_nft_read_anonymous(parser, nat->map->set, kinds, n, &n_written)) {
        return false;
    }
    if (nat->map->set->has_ports && parser->protocol == VS_NFT_PROTOCOL_UNKNOWN) {
        return fail_nat_ports(parser);
    }
    if (nat->map->set->has_ports && vs_nft_is(parser, ":")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "the map has the ports already; leave out \":\"");
    }
    return true;
}

/* What stands after the map holds for all its elements. */
static void
complete_nat_map(const VsRuleStep *step)
{
    const VsSet *set = step->nat.map->set;

    for (unsigned i = 0; i < set->elements->len; i++) {
        VsRuleStep *of = ((VsSetElement *)set->elements->pdata[i])->nat;
        VsNatRange range = step->nat;

        range.map = NULL;
        range.has_address = true;
        range.min_address = range.max_address = of->nat.min_address;
        if (of->nat.has_ports) {
            range.has_ports = true;
            range.min_port = range.max_port = of->nat.min_port;
        }
        *of = (VsRuleStep){.kind = step->kind, .module = step->module, .nat = range};
    }
}

/* "to A[-B][:P[-Q]]", "to :P" or "to KEY map { ... }[:P[-Q]]" */
static bool
read_nat_target(VsNftParser *parser, VsNatRange *nat)
{
    bool is_map =
        parser->lexer.kind == VS_NFT_WORD && !g_ascii_isdigit(*parser->lexer.text->str);

    if (is_map ? !read_nat_map(parser, nat)
               : !vs_nft_is(parser, ":") && !read_nat_addresses(parser, nat)) {
        return false;
    }
    if (vs_nft_take(parser, ":") && !read_nat_ports(parser, nat)) {
        return false;
    }
    return read_nat_flags(parser, nat);
}

/* dnat and snat.  The step, which owns the map, stands after what selectors add. */
static bool
read_address_nat(VsNftParser *parser, VsStepKind kind, const char *word)
{
    VsRuleStep step = {.kind = kind, .module = VS_MODULE_BASE};
    bool is_read;

    vs_nft_lexer_next(&parser->lexer);
    vs_nft_take(parser, "ip");
    if (!check_nat_chain(parser, word) || !vs_nft_expect(parser, "to")) {
        return false;
    }
    is_read = read_nat_target(parser, &step.nat);
    if (is_read && step.nat.map) {
        complete_nat_map(&step);
    }
    *add_step(parser, kind) = step;
    return is_read;
}

static bool
read_dnat(VsNftParser *parser)
{
    return read_address_nat(parser, VS_STEP_DNAT, "dnat");
}

static bool
read_snat(VsNftParser *parser)
{
    return read_address_nat(parser, VS_STEP_SNAT, "snat");
}

/* masquerade and redirect: "[to [:]P[-Q]]". */
static bool
read_port_nat(VsNftParser *parser, VsStepKind kind, const char *word)
{
    VsNatRange *nat = &add_step(parser, kind)->nat;

    vs_nft_lexer_next(&parser->lexer);
    if (!check_nat_chain(parser, word)) {
        return false;
    }
    if (vs_nft_take(parser, "to")) {
        vs_nft_take(parser, ":");
        if (!read_nat_ports(parser, nat)) {
            return false;
        }
    }
    return read_nat_flags(parser, nat);
}

static bool
read_masquerade(VsNftParser *parser)
{
    return read_port_nat(parser, VS_STEP_MASQUERADE, "masquerade");
}

static bool
read_redirect(VsNftParser *parser)
{
    return read_port_nat(parser, VS_STEP_REDIRECT, "redirect");
}

/* A set that rules add to has a limit, the kernel's where it was given none. */
static void
bound_set(VsNftParser *parser, const VsLookup *key)
{
    VsSet *set = vs_ruleset_find_set(parser->ruleset, parser->table, key->set_name);

    if (set->size == 0) {
        set->size = VS_NFT_DYNAMIC_SET_SIZE;
    }
}

static bool
check_dynamic(VsNftParser *parser, const VsLookup *key)
{
    const VsSet *set =
        vs_ruleset_find_set(parser->ruleset, parser->table, key->set_name);

    if (set->is_dynamic) {
        return true;
    }
    return vs_nft_fail(
        parser, VS_RULESET_ERROR_SYNTAX,
        "set \"%s\" cannot be added to by rules; give it \"flags dynamic\"",
        key->set_name);
}

/* "update @set { selectors [timeout T] }": the name stands before what it must fit. */
static bool
read_update(VsNftParser *parser)
{
    VsRuleStep step = {.kind = VS_STEP_UPDATE, .module = VS_MODULE_BASE};
    VsNftSelector selectors[VS_KEY_MAX_FIELDS];
    g_autofree char *set_name = NULL;
    unsigned n;

    step.update.is_add = vs_nft_is(parser, "add");
    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_expect(parser, "@") ||
        !vs_nft_read_name(parser, "the name of a set", &set_name) ||
        !vs_nft_expect(parser, "{") || !vs_nft_read_selectors(parser, selectors, &n)) {
        return false;
    }
    if (vs_nft_take(parser, "timeout") &&
        !vs_nft_read_time(parser, &step.update.timeout)) {
        return false;
    }
    if (!vs_nft_is(parser, "}")) {
        return vs_nft_fail(
            parser, VS_RULESET_ERROR_UNSUPPORTED,
            "\"%s\" of elements added by rules is not modelled; a timeout "
            "is",
            parser->lexer.text->str);
    }
    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_check_set(parser, set_name, selectors, n, false)) {
        return false;
    }
    vs_nft_fill_lookup(&step.update.key, selectors, n);
    step.update.key.set_name = g_steal_pointer(&set_name);
    *add_step(parser, VS_STEP_UPDATE) = step;
    if (!check_dynamic(parser, &step.update.key)) {
        return false;
    }
    bound_set(parser, &step.update.key);
    return true;
}

static const struct {
    const char *word;
    VsNftStatementFn read;
} statements[] = {
    {"counter", read_counter},
    {"accept", read_verdict},
    {"drop", read_verdict},
    {"continue", read_verdict},
    {"return", read_verdict},
    {"jump", read_verdict},
    {"goto", read_verdict},
    {"notrack", read_notrack},
    {"comment", read_comment},
    {"limit", read_limit},
    {"log", read_log},
    {"reject", read_reject},
    {"dnat", read_dnat},
    {"snat", read_snat},
    {"masquerade", read_masquerade},
    {"redirect", read_redirect},
    {"update", read_update},
    {"add", read_update},
};

VsNftStatementFn
vs_nft_find_statement(const char *word)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(statements); i++) {
        if (strcmp(statements[i].word, word) == 0) {
            return statements[i].read;
        }
    }
    return NULL;
}
