/* nft texts: tables and commands. */
#include "netfilter/nft_parse.h"
#include "netfilter/nft.h"

typedef enum Verb {
    VERB_ADD, /* Also of a declaration, which has no verb. */
    VERB_INSERT,
    VERB_DELETE,
    VERB_DESTROY,
    VERB_FLUSH,
} Verb;

static const VsNftWord verbs[] = {
    {"add", VERB_ADD},         {"insert", VERB_INSERT}, {"delete", VERB_DELETE},
    {"destroy", VERB_DESTROY}, {"flush", VERB_FLUSH},   {NULL, 0},
};

static bool
is_removal(Verb verb)
{
    return verb == VERB_DELETE || verb == VERB_DESTROY;
}

void
vs_nft_skip_separators(VsNftParser *parser)
{
    while (parser->lexer.kind == VS_NFT_SEPARATOR) {
        vs_nft_lexer_next(&parser->lexer);
    }
}

bool
vs_nft_expect_separator(VsNftParser *parser)
{
    if (parser->lexer.kind == VS_NFT_SEPARATOR) {
        vs_nft_lexer_next(&parser->lexer);
        return true;
    }
    return parser->lexer.kind == VS_NFT_END ||
           vs_nft_fail_expected(parser, "a newline or \";\"");
}

static bool
read_family(VsNftParser *parser)
{
    static const char *const others[] = {"ip6", "inet", "arp", "bridge", "netdev"};

    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (vs_nft_is(parser, others[i])) {
            return vs_nft_fail(
                parser, VS_RULESET_ERROR_UNSUPPORTED,
                "family %s is not modelled; only tables of family ip are", others[i]);
        }
    }
    vs_nft_take(parser, "ip");
    return true;
}

/* "[ip] TABLE"; the table is made, or must be there. */
static bool
read_table_name(VsNftParser *parser, bool is_made, VsRuleTable **ret_table)
{
    g_autofree char *name = NULL;

    if (!read_family(parser) ||
        !vs_nft_read_name(parser, "the name of a table", &name)) {
        return false;
    }
    *ret_table = is_made ? vs_ruleset_get_table(parser->ruleset, VS_DIALECT_NFT, name)
                         : vs_ruleset_find_table(parser->ruleset, VS_DIALECT_NFT, name);
    return *ret_table ||
           vs_nft_fail(parser, VS_RULESET_ERROR_REFERENCE,
                       "there is no table \"%s\"; write \"add table ip %s\" before",
                       name, name);
}

static bool
declare_chain(VsNftParser *parser, VsRuleTable *table, bool is_rule_allowed)
{
    uint32_t line = parser->lexer.token_line;
    g_autofree char *name = NULL;
    VsChain *chain;

    if (!vs_nft_read_name(parser, "the name of a chain", &name)) {
        return false;
    }
    chain = vs_rule_table_get_chain(table, name);
    chain->line = line;
    return (!is_rule_allowed && !vs_nft_is(parser, "{")) ||
           vs_nft_read_chain(parser, chain, is_rule_allowed);
}

static bool
declare_set(VsNftParser *parser, VsRuleTable *table, bool is_map)
{
    g_autofree char *name = NULL;
    VsSet *set;

    if (!vs_nft_read_name(parser, "the name of a set", &name)) {
        return false;
    }
    set = vs_ruleset_find_set(parser->ruleset, table, name);
    if (set && set->is_map != is_map) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_REFERENCE,
                           "\"%s\" is a %s already; choose another name", name,
                           set->is_map ? "map" : "set");
    }
    set = vs_ruleset_get_set(parser->ruleset, table, name);
    set->is_map = is_map;
    return vs_nft_read_set(parser, set);
}

static bool
read_table_item(VsNftParser *parser, VsRuleTable *table)
{
    if (vs_nft_take(parser, "comment")) {
        g_clear_pointer(&table->comment, g_free);
        return vs_nft_read_string(parser, "a comment", &table->comment);
    }
    if (vs_nft_take(parser, "chain")) {
        return declare_chain(parser, table, true);
    }
    if (vs_nft_take(parser, "set")) {
        return declare_set(parser, table, false);
    }
    if (vs_nft_take(parser, "map")) {
        return declare_set(parser, table, true);
    }
    if (parser->lexer.kind == VS_NFT_WORD) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "\"%s\" of a table is not modelled; chain, set, map and "
                           "comment are",
                           parser->lexer.text->str);
    }
    return vs_nft_fail_expected(parser, "chain, set, map, comment or \"}\"");
}

static bool
read_table_block(VsNftParser *parser, VsRuleTable *table)
{
    if (!vs_nft_expect(parser, "{")) {
        return false;
    }
    for (;;) {
        vs_nft_skip_separators(parser);
        if (vs_nft_take(parser, "}")) {
            return true;
        }
        if (!read_table_item(parser, table) || !vs_nft_expect_separator(parser)) {
            return false;
        }
    }
}

static bool
fail_verb(VsNftParser *parser, const char *what)
{
    return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                       "this cannot be done to a %s; it can be added or deleted", what);
}

static void
flush_table(VsRuleTable *table)
{
    for (unsigned i = 0; i < table->chains->len; i++) {
        vs_chain_flush(table->chains->pdata[i]);
    }
}

static bool
command_table(VsNftParser *parser, Verb verb)
{
    VsRuleTable *table;

    if (verb == VERB_INSERT) {
        return fail_verb(parser, "table");
    }
    if (verb == VERB_DESTROY) {
        g_autofree char *name = NULL;

        if (!read_family(parser) ||
            !vs_nft_read_name(parser, "the name of a table", &name)) {
            return false;
        }
        table = vs_ruleset_find_table(parser->ruleset, VS_DIALECT_NFT, name);
    } else if (!read_table_name(parser, verb == VERB_ADD, &table)) {
        return false;
    }
    if (is_removal(verb) && table) {
        g_hash_table_remove(parser->handles, table);
        vs_ruleset_remove_table(parser->ruleset, table);
    } else if (verb == VERB_FLUSH) {
        flush_table(table);
    } else if (vs_nft_is(parser, "{")) {
        return read_table_block(parser, table);
    }
    return true;
}

/* What is to be removed or emptied; NULL and true when it may be absent. */
static bool
find_chain(VsNftParser *parser, Verb verb, VsRuleTable *table, VsChain **ret_chain)
{
    g_autofree char *name = NULL;

    if (!vs_nft_read_name(parser, "the name of a chain", &name)) {
        return false;
    }
    *ret_chain = vs_rule_table_find_chain(table, name);
    return *ret_chain || verb == VERB_DESTROY ||
           vs_nft_fail(parser, VS_RULESET_ERROR_REFERENCE,
                       "there is no chain \"%s\" in table \"%s\"; add it before", name,
                       table->name);
}

static bool
find_set(VsNftParser *parser, Verb verb, VsRuleTable *table, VsSet **ret_set)
{
    g_autofree char *name = NULL;

    if (!vs_nft_read_name(parser, "the name of a set", &name)) {
        return false;
    }
    *ret_set = vs_ruleset_find_set(parser->ruleset, table, name);
    return *ret_set || verb == VERB_DESTROY ||
           vs_nft_fail(parser, VS_RULESET_ERROR_REFERENCE,
                       "there is no set or map \"%s\" in table \"%s\"; add it before",
                       name, table->name);
}

static bool
command_chain(VsNftParser *parser, Verb verb)
{
    VsRuleTable *table;
    VsChain *chain;

    if (verb == VERB_INSERT) {
        return fail_verb(parser, "chain");
    }
    if (!read_table_name(parser, false, &table)) {
        return false;
    }
    if (verb == VERB_ADD) {
        return declare_chain(parser, table, false);
    }
    if (!find_chain(parser, verb, table, &chain)) {
        return false;
    }
    if (verb == VERB_FLUSH) {
        vs_chain_flush(chain);
    } else if (chain) {
        vs_rule_table_remove_chain(table, chain);
    }
    return true;
}

static bool
command_rule(VsNftParser *parser, Verb verb)
{
    VsRuleTable *table;
    VsChain *chain;

    if (verb != VERB_ADD && verb != VERB_INSERT && verb != VERB_DELETE) {
        return fail_verb(parser, "rule");
    }
    if (!read_table_name(parser, false, &table) ||
        !find_chain(parser, verb, table, &chain)) {
        return false;
    }
    if (verb == VERB_DELETE) {
        return vs_nft_delete_rule(parser, chain);
    }
    if (vs_nft_is(parser, "index") || vs_nft_is(parser, "position") ||
        vs_nft_is(parser, "handle")) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "rules are added at the end or inserted at the start of a "
                           "chain; \"%s\" is not modelled",
                           parser->lexer.text->str);
    }
    return vs_nft_add_rule(parser, chain, verb == VERB_INSERT);
}

static bool
command_set(VsNftParser *parser, Verb verb, bool is_map)
{
    VsRuleTable *table;
    VsSet *set;

    if (verb == VERB_INSERT) {
        return fail_verb(parser, is_map ? "map" : "set");
    }
    if (!read_table_name(parser, false, &table)) {
        return false;
    }
    if (verb == VERB_ADD) {
        return declare_set(parser, table, is_map);
    }
    if (!find_set(parser, verb, table, &set)) {
        return false;
    }
    if (verb == VERB_FLUSH) {
        vs_set_flush(set);
    } else if (set) {
        vs_rule_table_remove_set(table, set);
    }
    return true;
}

static bool
command_element(VsNftParser *parser, Verb verb)
{
    VsRuleTable *table;
    VsSet *set;

    if (verb == VERB_INSERT || verb == VERB_FLUSH) {
        return fail_verb(parser, "element");
    }
    return read_table_name(parser, false, &table) &&
           find_set(parser, VERB_ADD, table, &set) &&
           vs_nft_read_elements(parser, set, is_removal(verb));
}

/* "flush ruleset" empties nft's tables, not those of iptables. */
static void
flush_ruleset(VsNftParser *parser)
{
    GPtrArray *tables = parser->ruleset->tables;

    for (unsigned i = tables->len; i-- > 0;) {
        VsRuleTable *table = tables->pdata[i];

        if (table->dialect == VS_DIALECT_NFT) {
            vs_ruleset_remove_table(parser->ruleset, table);
        }
    }
    g_hash_table_remove_all(parser->handles);
}

static bool
read_command(VsNftParser *parser)
{
    uint32_t verb = VERB_ADD;
    bool has_verb = parser->lexer.kind == VS_NFT_WORD &&
                    vs_nft_find_value(verbs, parser->lexer.text->str, &verb);

    if (has_verb) {
        vs_nft_lexer_next(&parser->lexer);
    }
    if (vs_nft_take(parser, "table")) {
        return command_table(parser, verb);
    }
    if (has_verb && vs_nft_take(parser, "chain")) {
        return command_chain(parser, verb);
    }
    if (has_verb && vs_nft_take(parser, "rule")) {
        return command_rule(parser, verb);
    }
    if (has_verb && vs_nft_take(parser, "set")) {
        return command_set(parser, verb, false);
    }
    if (has_verb && vs_nft_take(parser, "map")) {
        return command_set(parser, verb, true);
    }
    if (has_verb && vs_nft_take(parser, "element")) {
        return command_element(parser, verb);
    }
    if (verb == VERB_FLUSH && vs_nft_take(parser, "ruleset")) {
        flush_ruleset(parser);
        return true;
    }
    if (parser->lexer.kind == VS_NFT_WORD) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "\"%s\" is not modelled here; %s", parser->lexer.text->str,
                           has_verb ? "table, chain, rule, set, map and element are"
                                    : "table and the commands add, insert, delete, "
                                      "destroy and flush are");
    }
    return vs_nft_fail_expected(parser, "a table or a command");
}

bool
vs_nft_read(VsRuleset *ruleset, const char *text, const char *file_name, GError **error)
{
    VsNftParser parser = {.ruleset = ruleset, .file_name = file_name, .error = error};
    bool is_good = true;

    parser.handles = g_hash_table_new(NULL, NULL);
    vs_nft_lexer_init(&parser.lexer, text);
    for (;;) {
        vs_nft_skip_separators(&parser);
        if (parser.lexer.kind == VS_NFT_END || !is_good) {
            break;
        }
        is_good = read_command(&parser) && vs_nft_expect_separator(&parser);
    }
    vs_nft_lexer_clear(&parser.lexer);
    g_hash_table_destroy(parser.handles);
    return is_good;
}
