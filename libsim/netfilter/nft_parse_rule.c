/* Rules in nft texts: matches and maps. */
#include <string.h>

#include "netfilter/nft_parse.h"

/* "@name" for 'lookup'. */
static bool
read_set_name(VsNftParser *parser, VsLookup *lookup, const VsNftSelector *selectors,
              unsigned n, bool is_map)
{
    return vs_nft_expect(parser, "@") &&
           vs_nft_read_name(parser, "the name of a set", &lookup->set_name) &&
           vs_nft_check_set(parser, lookup->set_name, selectors, n, is_map);
}

static VsRuleStep *
add_range(VsNftParser *parser, const VsNftSelector *selector, uint32_t mask,
          uint32_t min, uint32_t max)
{
    bool is_number = selector->field == VS_FIELD_NUMBER;
    VsRuleStep *step = vs_rule_add_step(
        parser->rule, is_number ? VS_STEP_NUMBER : VS_STEP_RANGE, selector->module);
    unsigned shift = vs_nft_kind_shift(selector->kind);

    step->range.field = selector->field;
    step->range.mask = (mask << shift) & vs_nft_kind_mask(selector->kind);
    step->range.min = min << shift;
    step->range.max = max << shift;
    step->range.is_l4_generic = selector->is_generic;
    if (is_number) {
        step->range.number = g_memdup2(&selector->number, sizeof(VsNumber));
    }
    return step;
}

/* Whether a match asks for numbers that come, as nft does; maps may have others. */
static bool
check_reached(VsNftParser *parser, const VsNftSelector *selector, uint32_t value)
{
    const VsNumber *number = &selector->number;

    return selector->field != VS_FIELD_NUMBER ||
           value - number->offset < number->modulus || value < number->offset ||
           vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "%u is never reached; the numbers are from %u to %u", value,
                       number->offset, number->offset + (number->modulus - 1));
}

static void
add_bits(VsNftParser *parser, const VsNftSelector *selector, uint32_t bits,
         bool is_inverted)
{
    VsRuleStep *step = vs_rule_add_step(parser->rule, VS_STEP_BITS, selector->module);

    step->range.field = selector->field;
    step->range.mask = bits;
    step->range.is_inverted = is_inverted;
}

static bool
is_exact(const VsRuleStep *step, VsField field, VsModule module)
{
    return step->kind == VS_STEP_RANGE && step->range.field == field &&
           step->module == module && step->range.min == step->range.max &&
           !step->range.is_inverted;
}

/* nft loads both ports at once where a rule asks for one of each, and lists the source
 * first, after what stands between them. */
static void
join_ports(VsRule *rule)
{
    VsRuleStep *last = &rule->steps[rule->n_steps - 1];

    if (last->module == VS_MODULE_BASE ||
        !is_exact(last, VS_FIELD_SPORT, last->module)) {
        return;
    }
    for (unsigned i = rule->n_steps - 1; i-- > 0;) {
        VsRuleStep step = rule->steps[i];

        if (step.kind >= VS_STEP_COUNTER || step.kind == VS_STEP_LIMIT) {
            return;
        }
        if (is_exact(&step, VS_FIELD_DPORT, last->module)) {
            memmove(&rule->steps[i], &rule->steps[i + 1],
                    (rule->n_steps - 1 - i) * sizeof(step));
            *last = step;
            return;
        }
    }
}

/* Remembers which protocol a match asks for. */
static void
note_protocol(VsNftParser *parser, const VsNftSelector *selector,
              const VsNftRange *range, bool is_inverted)
{
    if (selector->field == VS_FIELD_PROTOCOL && !is_inverted) {
        parser->protocol = range && range->min == range->max ? (int)range->min
                                                             : VS_NFT_PROTOCOL_SEVERAL;
    }
}

static void
add_plain(VsNftParser *parser, const VsNftSelector *selector, const VsNftRange *range,
          bool is_inverted)
{
    VsRuleStep *step;

    if (range->prefix_length < 32) {
        step = add_range(parser, selector, ~(range->min ^ range->max), range->min,
                         range->min);
    } else {
        step = add_range(parser, selector, UINT32_MAX, range->min, range->max);
    }
    step->range.is_inverted = is_inverted;
    note_protocol(parser, selector, range, is_inverted);
    join_ports(parser->rule);
}

/* A set of one element is that element, as nft has it. */
static void
unfold_set(VsNftParser *parser, const VsNftSelector *selector, const VsSet *set,
           bool is_inverted)
{
    const VsSetElement *element = set->elements->pdata[0];
    unsigned shift = vs_nft_kind_shift(selector->kind);
    VsNftRange range = {(uint32_t)(element->key.w[0] >> 32) >> shift,
                        (uint32_t)(element->end.w[0] >> 32) >> shift,
                        element->prefix_length};

    if (vs_nft_kind_is_flags(selector->kind) && !is_inverted) {
        add_bits(parser, selector, range.min, false);
    } else {
        add_plain(parser, selector, &range, is_inverted);
    }
}

static bool
check_all_reached(VsNftParser *parser, const VsNftSelector *selector, const VsSet *set)
{
    for (unsigned i = 0; i < set->elements->len; i++) {
        const VsSetElement *element = set->elements->pdata[i];

        if (!check_reached(parser, selector, (uint32_t)(element->end.w[0] >> 32))) {
            return false;
        }
    }
    return true;
}

static bool
match_anonymous(VsNftParser *parser, const VsNftSelector *selectors, unsigned n,
                bool is_inverted)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    VsSet *set = vs_set_new();
    VsRuleStep *step;
    unsigned n_written;

    vs_nft_selector_kinds(selectors, n, kinds);
    if (!vs_nft_read_anonymous(parser, set, kinds, n, &n_written) ||
        (n == 1 && !check_all_reached(parser, selectors, set))) {
        vs_set_free(set);
        return false;
    }
    if (n == 1 && n_written == 1) {
        unfold_set(parser, selectors, set, is_inverted);
        vs_set_free(set);
        return true;
    }
    step = vs_rule_add_step(parser->rule, VS_STEP_LOOKUP, selectors[0].module);
    vs_nft_fill_lookup(&step->lookup, selectors, n);
    step->lookup.set = set;
    step->lookup.is_inverted = is_inverted;
    if (n == 1) {
        note_protocol(parser, selectors, NULL, is_inverted);
    }
    return true;
}

static bool
match_named(VsNftParser *parser, const VsNftSelector *selectors, unsigned n,
            bool is_inverted)
{
    VsRuleStep *step =
        vs_rule_add_step(parser->rule, VS_STEP_LOOKUP, selectors[0].module);

    vs_nft_fill_lookup(&step->lookup, selectors, n);
    step->lookup.is_inverted = is_inverted;
    return read_set_name(parser, &step->lookup, selectors, n, false);
}

static bool
read_vmap(VsNftParser *parser, const VsNftSelector *selectors, unsigned n)
{
    VsRuleStep *step =
        vs_rule_add_step(parser->rule, VS_STEP_VMAP, selectors[0].module);
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    unsigned n_written;

    vs_nft_fill_lookup(&step->lookup, selectors, n);
    if (vs_nft_is(parser, "@")) {
        return read_set_name(parser, &step->lookup, selectors, n, true);
    }
    vs_nft_selector_kinds(selectors, n, kinds);
    step->lookup.set = vs_set_new();
    step->lookup.set->is_map = true;
    return vs_nft_read_anonymous(parser, step->lookup.set, kinds, n, &n_written);
}

static bool
match_name(VsNftParser *parser, const VsNftSelector *selector)
{
    VsRuleStep *step;
    bool is_inverted = vs_nft_take(parser, "!=");
    g_autofree char *name = NULL;

    if (!is_inverted) {
        vs_nft_take(parser, "==");
    }
    if (vs_nft_is(parser, "{") || vs_nft_is(parser, "@")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "sets of interface names are not modelled; write one rule "
                           "for each");
    }
    if (!vs_nft_read_string(parser, "the name of an interface", &name)) {
        return false;
    }
    if (strchr(name, '\\') || g_str_has_suffix(name, "+")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "the interface name \"%s\" is not modelled: names have no "
                           "\"\\\" and no \"+\" at their end",
                           name);
    }
    step = vs_rule_add_step(parser->rule, VS_STEP_NAME, selector->module);
    step->name.field = selector->field;
    step->name.name = g_steal_pointer(&name);
    step->name.is_inverted = is_inverted;
    return true;
}

/* "> N" is "not 0..N", "< N" is "not N..": so the printer knows them again. */
static bool
match_order(VsNftParser *parser, const VsNftSelector *selector)
{
    bool is_less = vs_nft_is(parser, "<") || vs_nft_is(parser, ">=");
    bool is_inverted = vs_nft_is(parser, "<") || vs_nft_is(parser, ">");
    uint32_t value;
    VsRuleStep *step;

    vs_nft_lexer_next(&parser->lexer);
    if (!vs_nft_read_value(parser, selector->kind, false, &value) ||
        !check_reached(parser, selector, value)) {
        return false;
    }
    if (vs_nft_kind_shift(selector->kind) > 0) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "an order of ICMP types is not modelled; write a set");
    }
    step = add_range(parser, selector, UINT32_MAX, is_less ? value : 0,
                     is_less ? UINT32_MAX : value);
    step->range.is_inverted = is_inverted;
    step->range.is_order = true;
    note_protocol(parser, selector, NULL, is_inverted);
    return true;
}

/* "& MASK", "and MASK"; the value comes after it. */
static bool
match_masked(VsNftParser *parser, const VsNftSelector *selector)
{
    bool is_flags = vs_nft_kind_is_flags(selector->kind);
    bool is_inverted;
    uint32_t mask;
    uint32_t value;

    if (!is_flags && selector->kind != VS_NFT_MARK &&
        selector->kind != VS_NFT_ADDRESS) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "masks are modelled for marks, addresses and flags only");
    }
    if (!vs_nft_read_value(parser, selector->kind, false, &mask)) {
        return false;
    }
    is_inverted = vs_nft_take(parser, "!=");
    if (!is_inverted) {
        vs_nft_take(parser, "==");
    }
    if (vs_nft_is(parser, "{") || vs_nft_is(parser, "@")) {
        return vs_nft_fail(
            parser, VS_RULESET_ERROR_UNSUPPORTED,
            "a masked value in a set is not modelled; write one rule for "
            "each element");
    }
    if (vs_nft_is(parser, "0") || vs_nft_is(parser, "0x0")) {
        vs_nft_lexer_next(&parser->lexer);
        value = 0;
    } else if (!vs_nft_read_value(parser, selector->kind, false, &value)) {
        return false;
    }
    if (is_flags && value == 0) {
        add_bits(parser, selector, mask, !is_inverted);
    } else {
        add_range(parser, selector, mask, value, value)->range.is_inverted =
            is_inverted;
    }
    return true;
}

/* After "==", "!=", "!" or nothing; flags may go on "/ MASK". */
static bool
match_value(VsNftParser *parser, const VsNftSelector *selector, bool is_inverted,
            bool is_implicit)
{
    VsNftRange range;
    uint32_t mask;

    if (!vs_nft_read_range(parser, selector->kind, false, &range) ||
        !check_reached(parser, selector, range.max)) {
        return false;
    }
    if (!vs_nft_kind_is_flags(selector->kind)) {
        if (vs_nft_kind_shift(selector->kind) > 0 && range.min != range.max) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                               "a range of ICMP types is not modelled; write a set");
        }
        add_plain(parser, selector, &range, is_inverted);
        return true;
    }
    if (vs_nft_take(parser, "/")) {
        if (!vs_nft_read_value(parser, selector->kind, false, &mask)) {
            return false;
        }
        add_range(parser, selector, mask, range.min, range.min)->range.is_inverted =
            is_inverted;
    } else if (is_implicit) {
        add_bits(parser, selector, range.min, false);
    } else {
        add_plain(parser, selector, &range, is_inverted);
    }
    return true;
}

static bool
match_one(VsNftParser *parser, const VsNftSelector *selector, bool is_inverted,
          bool is_implicit)
{
    if (is_implicit && vs_nft_kind_is_flags(selector->kind) &&
        vs_nft_take(parser, "!")) {
        uint32_t bits;

        if (!vs_nft_read_value(parser, selector->kind, false, &bits)) {
            return false;
        }
        add_bits(parser, selector, bits, true);
        return true;
    }
    return match_value(parser, selector, is_inverted, is_implicit);
}

static bool
read_relation(VsNftParser *parser, const VsNftSelector *selectors, unsigned n)
{
    bool is_inverted = vs_nft_take(parser, "!=");
    bool is_implicit = !is_inverted && !vs_nft_take(parser, "==");

    if (vs_nft_is(parser, "{")) {
        return match_anonymous(parser, selectors, n, is_inverted);
    }
    if (vs_nft_is(parser, "@")) {
        return match_named(parser, selectors, n, is_inverted);
    }
    if (n > 1) {
        return vs_nft_fail_expected(parser, "a set of concatenated values");
    }
    return match_one(parser, selectors, is_inverted, is_implicit);
}

/* Sets would have to know which half of ICMP_TYPE they hold. */
static bool
check_codes(VsNftParser *parser, const VsNftSelector *selectors, unsigned n)
{
    bool is_set = n > 1 || vs_nft_is(parser, "{") || vs_nft_is(parser, "@") ||
                  vs_nft_is(parser, "vmap") || vs_nft_is(parser, "!=");

    for (unsigned i = 0; is_set && i < n; i++) {
        if (selectors[i].kind == VS_NFT_ICMP_CODE) {
            return vs_nft_fail(
                parser, VS_RULESET_ERROR_UNSUPPORTED,
                "icmp code is modelled for one value only; write one rule "
                "for each");
        }
    }
    return true;
}

static bool
read_match(VsNftParser *parser)
{
    static const char *const set_zone[VS_NFT_SELECTOR_WORDS] = {"ct", "zone", "set"};
    VsNftSelector selectors[VS_KEY_MAX_FIELDS];
    unsigned n;

    if (vs_nft_take_words(parser, set_zone)) {
        return vs_nft_read_zone_statement(parser);
    }
    if (!vs_nft_read_selectors(parser, selectors, &n)) {
        return false;
    }
    if (!check_codes(parser, selectors, n)) {
        return false;
    }
    if (vs_nft_take(parser, "vmap")) {
        return read_vmap(parser, selectors, n);
    }
    if (n == 1 &&
        (selectors->field == VS_FIELD_IIF || selectors->field == VS_FIELD_OIF)) {
        return match_name(parser, selectors);
    }
    if (n == 1 && selectors->kind == VS_NFT_MARK && vs_nft_take(parser, "set")) {
        return vs_nft_read_mark_statement(parser, selectors->field);
    }
    if (n == 1 && (vs_nft_take(parser, "&") || vs_nft_take(parser, "and"))) {
        return match_masked(parser, selectors);
    }
    if (n == 1 && (vs_nft_is(parser, "<") || vs_nft_is(parser, "<=") ||
                   vs_nft_is(parser, ">") || vs_nft_is(parser, ">="))) {
        return match_order(parser, selectors);
    }
    return read_relation(parser, selectors, n);
}

static bool
is_verdict(const VsRuleStep *step)
{
    return step->kind == VS_STEP_VERDICT || step->kind == VS_STEP_REJECT ||
           (step->kind >= VS_STEP_DNAT && step->kind <= VS_STEP_REDIRECT);
}

bool
vs_nft_read_rule(VsNftParser *parser, VsRule *rule)
{
    parser->rule = rule;
    parser->table = rule->chain->table;
    parser->protocol = VS_NFT_PROTOCOL_UNKNOWN;
    parser->lexer.handle = 0;
    rule->line = parser->lexer.token_line;
    do {
        VsNftStatementFn read = parser->lexer.kind == VS_NFT_WORD
                                    ? vs_nft_find_statement(parser->lexer.text->str)
                                    : NULL;

        if (rule->n_steps > 0 && is_verdict(&rule->steps[rule->n_steps - 1]) &&
            !vs_nft_is(parser, "comment")) {
            return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                               "\"%s\" stands after the verdict, which ends the rule",
                               parser->lexer.text->str);
        }
        if (!(read ? read(parser) : read_match(parser))) {
            return false;
        }
    } while (parser->lexer.kind != VS_NFT_SEPARATOR &&
             parser->lexer.kind != VS_NFT_END && !vs_nft_is(parser, "}"));
    if (vs_nft_is(parser, "}")) {
        return vs_nft_fail_expected(parser, "a newline or \";\" after the rule");
    }
    return true;
}
