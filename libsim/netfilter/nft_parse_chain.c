/* nft texts: chains, their hooks, and the rules in them. */
#include <string.h>

#include "netfilter/nft_parse.h"

static uint32_t
last_handle(const VsRuleTable *table)
{
    uint32_t last = 0;

    for (unsigned i = 0; i < table->chains->len; i++) {
        const VsChain *chain = table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            last = MAX(last, ((const VsRule *)chain->rules->pdata[j])->handle);
        }
    }
    return last;
}

/* The handle written behind the rule, or the table's next. */
static void
give_handle(VsNftParser *parser, VsRule *rule)
{
    VsRuleTable *table = rule->chain->table;
    gpointer known;
    uint32_t last;

    if (g_hash_table_lookup_extended(parser->handles, table, NULL, &known)) {
        last = GPOINTER_TO_UINT(known);
    } else {
        last = last_handle(table);
    }
    rule->handle = parser->lexer.handle ? parser->lexer.handle : last + 1;
    g_hash_table_insert(parser->handles, table,
                        GUINT_TO_POINTER(MAX(last, rule->handle)));
}

static void
renumber(VsChain *chain)
{
    for (unsigned i = 0; i < chain->rules->len; i++) {
        ((VsRule *)chain->rules->pdata[i])->number = i + 1;
    }
    vs_ruleset_touch(chain->table->ruleset);
}

bool
vs_nft_add_rule(VsNftParser *parser, VsChain *chain, bool is_first)
{
    VsRule *rule = vs_chain_add_rule(chain);

    if (!vs_nft_read_rule(parser, rule)) {
        g_ptr_array_remove_index(chain->rules, chain->rules->len - 1);
        return false;
    }
    give_handle(parser, rule);
    if (is_first) {
        g_ptr_array_insert(
            chain->rules, 0,
            g_ptr_array_steal_index(chain->rules, chain->rules->len - 1));
        renumber(chain);
    }
    return true;
}

/* "filter", "dstnat - 10", "-110", "filter+5". */
static bool
read_priority(VsNftParser *parser, VsHookPoint point, int32_t *ret)
{
    VsNftLexer *lexer = &parser->lexer;
    bool is_minus = false;
    int64_t number;
    g_autofree char *name = NULL;
    char *dash;

    if (lexer->kind != VS_NFT_WORD) {
        return vs_nft_fail_expected(parser, "a priority");
    }
    if (g_ascii_string_to_signed(lexer->text->str, 10, INT32_MIN, INT32_MAX, &number,
                                 NULL)) {
        *ret = (int32_t)number;
        vs_nft_lexer_next(lexer);
        return true;
    }
    name = g_strdup(lexer->text->str);
    dash = strchr(name, '-');
    if (dash) {
        *dash = '\0';
    }
    if (!vs_nft_priority_value(point, name, ret)) {
        return vs_nft_fail_expected(parser, "a number, raw, mangle, filter, security, "
                                            "dstnat (of prerouting) or srcnat (of "
                                            "postrouting)");
    }
    vs_nft_lexer_next(lexer);
    if (dash) {
        *ret -= (int32_t)g_ascii_strtoll(dash + 1, NULL, 10);
        return true;
    }
    is_minus = vs_nft_take(parser, "-");
    if (is_minus || vs_nft_take(parser, "+")) {
        uint64_t offset;

        if (!vs_nft_read_uint(parser, "an offset", INT16_MAX, &offset)) {
            return false;
        }
        *ret += is_minus ? -(int32_t)offset : (int32_t)offset;
    }
    return true;
}

/* "type T hook H priority P", from after "type". */
static bool
read_hook(VsNftParser *parser, VsChain *chain)
{
    uint32_t type;
    uint32_t point;
    int32_t priority;

    if (!vs_nft_read_word(parser, "a type", vs_nft_chain_types, &type) ||
        !vs_nft_expect(parser, "hook") ||
        !vs_nft_read_word(parser, "a hook", vs_nft_hooks, &point) ||
        !vs_nft_expect(parser, "priority") ||
        !read_priority(parser, point, &priority)) {
        return false;
    }
    if ((type == VS_CHAIN_NAT && point == VS_HOOK_FORWARD) ||
        (type == VS_CHAIN_ROUTE && point != VS_HOOK_OUTPUT)) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "chains of type %s have no hook %s",
                           vs_nft_find_word(vs_nft_chain_types, type),
                           vs_nft_find_word(vs_nft_hooks, point));
    }
    vs_chain_set_base(chain, type, point, priority, chain->policy);
    return true;
}

static bool
read_policy(VsNftParser *parser, VsChain *chain)
{
    if (chain->type == VS_CHAIN_REGULAR) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "only base chains have a policy; write \"type filter hook "
                           "input priority filter\" before it");
    }
    if (vs_nft_take(parser, "accept")) {
        chain->policy = VS_RULE_ACCEPT;
        return true;
    }
    if (vs_nft_take(parser, "drop")) {
        chain->policy = VS_RULE_DROP;
        return true;
    }
    return vs_nft_fail_expected(parser, "accept or drop");
}

/* "comment" begins a chain's comment only as a chain's first words: a rule cannot. */
static bool
read_chain_item(VsNftParser *parser, VsChain *chain, bool is_rule_allowed)
{
    if (vs_nft_take(parser, "type")) {
        return read_hook(parser, chain);
    }
    if (vs_nft_take(parser, "policy")) {
        return read_policy(parser, chain);
    }
    if (vs_nft_take(parser, "comment")) {
        g_clear_pointer(&chain->comment, g_free);
        return vs_nft_read_string(parser, "a comment", &chain->comment);
    }
    if (is_rule_allowed) {
        return vs_nft_add_rule(parser, chain, false);
    }
    return vs_nft_fail_expected(parser, "type, policy or comment of a chain");
}

bool
vs_nft_read_chain(VsNftParser *parser, VsChain *chain, bool is_rule_allowed)
{
    if (!vs_nft_expect(parser, "{")) {
        return false;
    }
    for (;;) {
        vs_nft_skip_separators(parser);
        if (vs_nft_take(parser, "}")) {
            return true;
        }
        if (!read_chain_item(parser, chain, is_rule_allowed) ||
            !vs_nft_expect_separator(parser)) {
            return false;
        }
    }
}

bool
vs_nft_delete_rule(VsNftParser *parser, VsChain *chain)
{
    uint64_t handle;

    if (!vs_nft_expect(parser, "handle") ||
        !vs_nft_read_uint(parser, "a handle", UINT32_MAX, &handle)) {
        return false;
    }
    for (unsigned i = 0; i < chain->rules->len; i++) {
        if (((const VsRule *)chain->rules->pdata[i])->handle == handle) {
            g_ptr_array_remove_index(chain->rules, i);
            renumber(chain);
            return true;
        }
    }
    return vs_nft_fail(parser, VS_RULESET_ERROR_REFERENCE,
                       "there is no rule with handle %u in chain \"%s\"",
                       (unsigned)handle, chain->name);
}
