/* nft's text: tables, sets and chains. */
#include "netfilter/nft_print.h"

#include "netfilter/nft.h"

/* Elements to a line, as nft breaks them. */
static unsigned
elements_per_line(const VsSet *set)
{
    if (set->n_types > 1) {
        return 1;
    }
    return set->types[0] == VS_SET_IPV4_ADDR ? 2 : 5;
}

static void
put_elements(GString *out, const VsSet *set)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    g_autoptr(GPtrArray) elements = NULL;
    unsigned per_line = elements_per_line(set);

    if (set->elements->len == 0) {
        return;
    }
    vs_nft_set_kinds(set, kinds);
    elements = vs_nft_sort_elements(set, kinds);
    g_string_append(out, "\t\telements = { ");
    for (unsigned i = 0; i < elements->len; i++) {
        if (i > 0) {
            g_string_append(out, i % per_line ? ", " : ",\n\t\t\t     ");
        }
        vs_nft_put_element(out, set, elements->pdata[i], kinds);
    }
    g_string_append(out, " }\n");
}

/* A timeout of the set says that its elements have one. */
static void
put_flags(GString *out, const VsSet *set)
{
    const struct {
        bool is_on;
        const char *name;
    } flags[] = {
        {set->is_constant, "constant"},
        {set->has_intervals, "interval"},
        {set->is_dynamic, "dynamic"},
        {set->has_timeout, "timeout"},
    };
    const char *separator = "\t\tflags ";

    if (!set->is_constant && !set->has_intervals && !set->is_dynamic &&
        (!set->has_timeout || set->timeout)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (flags[i].is_on) {
            g_string_append_printf(out, "%s%s", separator, flags[i].name);
            separator = ",";
        }
    }
    g_string_append_c(out, '\n');
}

static void
put_comment(GString *out, const char *indentation, const char *comment)
{
    if (comment) {
        g_string_append_printf(out, "%scomment \"%s\"\n", indentation, comment);
    }
}

static void
put_set(GString *out, const VsSet *set)
{
    g_string_append_printf(out, "\t%s %s {\n\t\ttype ", set->is_map ? "map" : "set",
                           set->name);
    for (unsigned i = 0; i < set->n_types; i++) {
        g_string_append_printf(out, "%s%s", i ? " . " : "",
                               vs_nft_find_word(vs_nft_set_types, set->types[i]));
    }
    g_string_append(out, set->is_map ? " : verdict\n" : "\n");
    if (set->size) {
        g_string_append_printf(out, "\t\tsize %" G_GUINT64_FORMAT "\n", set->size);
    }
    put_flags(out, set);
    if (set->timeout) {
        g_string_append(out, "\t\ttimeout ");
        vs_nft_put_time(out, set->timeout);
        g_string_append_c(out, '\n');
    }
    put_comment(out, "\t\t", set->comment);
    put_elements(out, set);
    g_string_append(out, "\t}\n");
}

static void
put_hook(GString *out, const VsChain *chain)
{
    int32_t offset;
    const char *name = vs_nft_find_priority(chain->point, chain->priority, &offset);

    g_string_append_printf(out, "\t\ttype %s hook %s priority ",
                           vs_nft_find_word(vs_nft_chain_types, chain->type),
                           vs_nft_find_word(vs_nft_hooks, chain->point));
    if (!name) {
        g_string_append_printf(out, "%d", chain->priority);
    } else {
        g_string_append(out, name);
        if (offset != 0) {
            g_string_append_printf(out, " %c %d", offset < 0 ? '-' : '+', ABS(offset));
        }
    }
    g_string_append_printf(out, "; policy %s;\n",
                           vs_nft_find_word(vs_nft_verdicts, chain->policy));
}

static void
put_chain(GString *out, const VsChain *chain)
{
    g_string_append_printf(out, "\tchain %s {\n", chain->name);
    put_comment(out, "\t\t", chain->comment);
    if (chain->type != VS_CHAIN_REGULAR) {
        put_hook(out, chain);
    }
    for (unsigned i = 0; i < chain->rules->len; i++) {
        g_string_append(out, "\t\t");
        vs_nft_put_rule(out, chain->rules->pdata[i]);
        g_string_append_c(out, '\n');
    }
    g_string_append(out, "\t}\n");
}

static void
put_table(GString *out, const VsRuleTable *table)
{
    const char *separator = "";

    g_string_append_printf(out, "table ip %s {\n", table->name);
    put_comment(out, "\t", table->comment);
    for (unsigned i = 0; i < table->sets->len; i++) {
        g_string_append(out, separator);
        put_set(out, table->sets->pdata[i]);
        separator = "\n";
    }
    for (unsigned i = 0; i < table->chains->len; i++) {
        g_string_append(out, separator);
        put_chain(out, table->chains->pdata[i]);
        separator = "\n";
    }
    g_string_append(out, "}\n");
}

char *
vs_nft_print(const VsRuleset *ruleset)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        if (table->dialect == VS_DIALECT_NFT) {
            put_table(out, table);
        }
    }
    return g_string_free(out, FALSE);
}
