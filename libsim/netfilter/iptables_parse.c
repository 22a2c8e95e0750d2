/* Lines, tables and chains of iptables' text. */
#include <stdarg.h>
#include <string.h>

#include "netfilter/iptables_options.h"

enum { CHAIN_NAME_MAX = 28 }; /* XT_EXTENSION_MAXNAMELEN - 1 */

static bool read_line(VsIptReader *reader, char *line);
static bool read_command(VsIptReader *reader, uint64_t n_packets, uint64_t n_bytes);

bool
vs_iptables_read(VsRuleset *ruleset, const char *text, const char *file_name,
                 GError **error)
{
    g_autofree char *copy = g_strdup(text);
    VsIptReader reader = {.ruleset = ruleset, .file_name = file_name, .error = error};
    bool is_right = true;
    char *line = copy;

    reader.words = g_ptr_array_new();
    reader.orders = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    reader.instances = g_array_new(FALSE, TRUE, sizeof(VsIptInstance));
    while (is_right && line) {
        char *end = strchr(line, '\n');

        if (end) {
            *end = '\0';
        }
        reader.line++;
        is_right = read_line(&reader, line);
        line = end ? end + 1 : NULL;
    }
    if (is_right && reader.table) {
        is_right =
            vs_ipt_fail(&reader, VS_RULESET_ERROR_SYNTAX,
                        "table %s is not closed: write COMMIT", reader.table->name);
    }
    g_ptr_array_free(reader.words, TRUE);
    g_array_free(reader.orders, TRUE);
    g_array_free(reader.instances, TRUE);
    return is_right;
}

bool
vs_ipt_fail(VsIptReader *reader, VsRulesetError code, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(reader->error, VS_RULESET_ERROR, code, "%s:%u: %s", reader->file_name,
                reader->line, message);
    return false;
}

/* ---- Words ---------------------------------------------------------------------------- */

/* Splits at spaces, in place.  A word in double quotes may have spaces and, behind a
 * backslash, quotes and backslashes. */
static bool
split(VsIptReader *reader, char *line)
{
    char *cursor = line;

    g_ptr_array_set_size(reader->words, 0);
    for (;;) {
        char *out;

        cursor += strspn(cursor, " \t\r");
        if (!*cursor) {
            return true;
        }
        if (*cursor != '"') {
            g_ptr_array_add(reader->words, cursor);
            cursor += strcspn(cursor, " \t\r");
            if (*cursor) {
                *cursor++ = '\0';
            }
            continue;
        }
        out = ++cursor;
        g_ptr_array_add(reader->words, out);
        while (*cursor && *cursor != '"') {
            cursor += *cursor == '\\' && cursor[1];
            *out++ = *cursor++;
        }
        if (!*cursor || !strchr(" \t\r", cursor[1])) {
            return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                               *cursor ? "text goes on behind a closing quote: put a "
                                         "space there, or \\ before a quote inside"
                                       : "a quote is not closed: write \" at its end");
        }
        *out = '\0';
        cursor++;
    }
}

/* "[12:3456]" */
static bool
read_counters(VsIptReader *reader, const char *text, uint64_t *ret_packets,
              uint64_t *ret_bytes)
{
    const char *cursor = text + 1;

    if (*text != '[' || !vs_ipt_scan_number(&cursor, UINT64_MAX, ret_packets) ||
        *cursor++ != ':' || !vs_ipt_scan_number(&cursor, UINT64_MAX, ret_bytes) ||
        !g_str_equal(cursor, "]")) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "counters \"%s\": write [packets:bytes]", text);
    }
    return true;
}

/* ---- Tables and chains ---------------------------------------------------------------- */

static bool
open_table(VsIptReader *reader, const char *name)
{
    if (reader->table) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "table %s is still open: write COMMIT before *%s",
                           reader->table->name, name);
    }
    if (!g_strv_contains(vs_iptables_table_names, name)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "there is no table \"%s\": raw, mangle, nat and filter are "
                           "modelled",
                           name);
    }
    reader->table = vs_ruleset_get_table(reader->ruleset, VS_DIALECT_IPTABLES, name);
    return true;
}

/* A new chain of this name, or the flushed one that was there. */
static VsChain *
make_chain(VsIptReader *reader, const char *name)
{
    VsChain *chain = vs_rule_table_find_chain(reader->table, name);

    if (chain) {
        if (!vs_ipt_is_built_in(chain)) {
            vs_chain_flush(chain);
        }
        return chain;
    }
    if (!*name || strlen(name) > CHAIN_NAME_MAX || strchr("-!", *name) ||
        strpbrk(name, " \t\"'\\")) {
        vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                    "\"%s\" cannot name a chain: write 1 to %d letters without spaces "
                    "and quotes",
                    name, CHAIN_NAME_MAX);
        return NULL;
    }
    if (vs_ipt_find_target(name) || g_str_equal(name, "ACCEPT") ||
        g_str_equal(name, "DROP") || g_str_equal(name, "RETURN") ||
        g_str_equal(name, "QUEUE")) {
        vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                    "\"%s\" is a target: give the chain another name", name);
        return NULL;
    }
    chain = vs_rule_table_get_chain(reader->table, name);
    chain->line = reader->line;
    return chain;
}

static bool
set_policy(VsIptReader *reader, VsChain *chain, const char *policy)
{
    bool is_accept = g_str_equal(policy, "ACCEPT");

    if (!vs_ipt_is_built_in(chain)) {
        return g_str_equal(policy, "-") ||
               vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "chain %s has the policy \"%s\": only built-in chains have "
                           "one, write -",
                           chain->name, policy);
    }
    if (g_str_equal(policy, "-")) {
        return true;
    }
    if (!is_accept && !g_str_equal(policy, "DROP")) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "policy \"%s\" of chain %s: write ACCEPT or DROP", policy,
                           chain->name);
    }
    vs_chain_set_base(chain, chain->type, chain->point, chain->priority,
                      is_accept ? VS_RULE_ACCEPT : VS_RULE_DROP);
    return true;
}

/* ":CHAIN POLICY [packets:bytes]" */
static bool
declare_chain(VsIptReader *reader)
{
    VsChain *chain = make_chain(reader, vs_ipt_nth_word(reader, 0) + 1);

    if (!chain) {
        return false;
    }
    if (reader->words->len < 2 || reader->words->len > 3) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "write :%s POLICY [packets:bytes]", chain->name);
    }
    if (!set_policy(reader, chain, vs_ipt_nth_word(reader, 1))) {
        return false;
    }
    return !vs_ipt_nth_word(reader, 2) ||
           read_counters(reader, vs_ipt_nth_word(reader, 2), &chain->n_packets,
                         &chain->n_bytes);
}

static bool
read_line(VsIptReader *reader, char *line)
{
    uint64_t n_packets = 0;
    uint64_t n_bytes = 0;
    const char *first;

    line += strspn(line, " \t\r");
    if (*line == '#' || !*line) {
        return true;
    }
    if (!split(reader, line)) {
        return false;
    }
    first = vs_ipt_nth_word(reader, 0);
    if (*first == '*') {
        return open_table(reader, first + 1);
    }
    if (!reader->table) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "\"%s\" is outside of a table: write *filter, or another "
                           "table, before it",
                           first);
    }
    if (g_str_equal(first, "COMMIT")) {
        reader->table = NULL;
        return true;
    }
    if (*first == ':') {
        return declare_chain(reader);
    }
    if (*first == '[') {
        if (!read_counters(reader, first, &n_packets, &n_bytes)) {
            return false;
        }
        g_ptr_array_remove_index(reader->words, 0);
    }
    return read_command(reader, n_packets, n_bytes);
}

/* ---- Commands ------------------------------------------------------------------------- */

/* The chain in word 1, or NULL after a failure. */
static VsChain *
chain_of(VsIptReader *reader)
{
    const char *name = vs_ipt_nth_word(reader, 1);
    VsChain *chain = name ? vs_rule_table_find_chain(reader->table, name) : NULL;

    if (!name) {
        vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "%s wants the name of a chain",
                    vs_ipt_nth_word(reader, 0));
    } else if (!chain) {
        vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                    "there is no chain \"%s\" in table %s: write :%s - [0:0] before "
                    "this line",
                    name, reader->table->name, name);
    }
    return chain;
}

/* Reads a rule that starts at word 'at' to be the last of 'chain', or NULL. */
static VsRule *
append_rule(VsIptReader *reader, VsChain *chain, unsigned at)
{
    reader->rule = vs_chain_add_rule(chain);
    reader->rule->line = reader->line;
    if (!vs_ipt_read_rule(reader, at)) {
        vs_chain_remove_rule(chain, chain->rules->len);
        return NULL;
    }
    return reader->rule;
}

/* The number of a rule in word 2, at most 'max'; 'fallback' where a rule begins. */
static bool
read_position(VsIptReader *reader, unsigned max, unsigned fallback, unsigned *ret)
{
    const char *text = vs_ipt_nth_word(reader, 2);
    uint64_t number;

    if (!text || !g_ascii_isdigit(*text)) {
        *ret = fallback;
        return true;
    }
    if (!vs_ipt_scan_number(&text, max, &number) || *text || number == 0) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                           "there is no rule %s in chain %s: write a number from 1 to "
                           "%u",
                           vs_ipt_nth_word(reader, 2), vs_ipt_nth_word(reader, 1), max);
    }
    *ret = (unsigned)number;
    return true;
}

static bool
insert_rule(VsIptReader *reader, VsChain *chain, uint64_t n_packets, uint64_t n_bytes)
{
    bool is_insert = g_str_equal(vs_ipt_nth_word(reader, 0), "-I");
    unsigned n_rules = chain->rules->len;
    unsigned position = n_rules + 1;
    VsRule *rule;

    if (is_insert && !read_position(reader, n_rules + 1, 0, &position)) {
        return false;
    }
    rule = append_rule(reader, chain, is_insert && position > 0 ? 3 : 2);
    if (!rule) {
        return false;
    }
    rule->n_packets = n_packets;
    rule->n_bytes = n_bytes;
    vs_chain_move_rule(chain, n_rules + 1, MAX(position, 1));
    return true;
}

/* "-D CHAIN 3", or the first rule that reads the same. */
static bool
delete_rule(VsIptReader *reader, VsChain *chain)
{
    unsigned n_rules = chain->rules->len;
    g_autofree char *text = NULL;
    unsigned position;
    VsRule *rule;

    if (!read_position(reader, n_rules, 0, &position)) {
        return false;
    }
    if (position > 0) {
        vs_chain_remove_rule(chain, position);
        return true;
    }
    rule = append_rule(reader, chain, 2);
    if (!rule) {
        return false;
    }
    text = vs_iptables_rule_print(rule);
    vs_chain_remove_rule(chain, n_rules + 1);
    for (unsigned i = 0; i < n_rules; i++) {
        g_autofree char *other = vs_iptables_rule_print(chain->rules->pdata[i]);

        if (g_str_equal(other, text)) {
            vs_chain_remove_rule(chain, i + 1);
            return true;
        }
    }
    return vs_ipt_fail(reader, VS_RULESET_ERROR_REFERENCE,
                       "chain %s has no such rule: there is none to delete",
                       chain->name);
}

static bool
delete_chain(VsIptReader *reader, VsChain *chain)
{
    if (vs_ipt_is_built_in(chain)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "chain %s is built in: write -F to remove its rules",
                           chain->name);
    }
    if (chain->rules->len > 0) {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_SYNTAX,
            "chain %s is not empty: write :%s - [0:0] or -F %s before -X", chain->name,
            chain->name, chain->name);
    }
    vs_rule_table_remove_chain(reader->table, chain);
    return true;
}

static bool
new_chain(VsIptReader *reader)
{
    const char *name = vs_ipt_nth_word(reader, 1);

    if (!name || vs_ipt_nth_word(reader, 2)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "write -N CHAIN");
    }
    if (vs_rule_table_find_chain(reader->table, name)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "there is a chain \"%s\" already: write -F to empty it",
                           name);
    }
    return make_chain(reader, name) != NULL;
}

static bool
read_command(VsIptReader *reader, uint64_t n_packets, uint64_t n_bytes)
{
    const char *command = vs_ipt_nth_word(reader, 0);
    bool is_known = command && command[0] == '-' && command[1] && !command[2] &&
                    strchr("AIDFNPX", command[1]);
    VsChain *chain;

    if (!is_known) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "\"%s\" is not modelled: write -A, -I, -D, -F, -N, -P or -X "
                           "with a chain",
                           command ? command : "");
    }
    if (command[1] == 'N') {
        return new_chain(reader);
    }
    chain = chain_of(reader);
    if (!chain) {
        return false;
    }
    if (command[1] == 'A' || command[1] == 'I') {
        return insert_rule(reader, chain, n_packets, n_bytes);
    }
    if (command[1] == 'D') {
        return delete_rule(reader, chain);
    }
    if (reader->words->len != (command[1] == 'P' ? 3 : 2)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX, "write %s CHAIN%s", command,
                           command[1] == 'P' ? " POLICY" : " and no more");
    }
    if (command[1] == 'P') {
        return set_policy(reader, chain, vs_ipt_nth_word(reader, 2));
    }
    if (command[1] == 'X') {
        return delete_chain(reader, chain);
    }
    vs_chain_flush(chain);
    return true;
}
