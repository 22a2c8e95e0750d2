/* nft's JSON: tables, sets and chains; libnftables-json(5). */
#include "netfilter/nft_json.h"

#include "netfilter/nft.h"

/* {"KIND": {"family": "ip", ... ; to be closed twice. */
static void
begin_item(JsonBuilder *builder, const char *kind)
{
    json_builder_begin_object(builder);
    vs_json_begin_object(builder, kind);
    vs_json_put_text(builder, "family", "ip");
}

static void
end_item(JsonBuilder *builder)
{
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void
put_types(JsonBuilder *builder, const VsSet *set)
{
    if (set->n_types == 1) {
        vs_json_put_text(builder, "type",
                         vs_nft_find_word(vs_nft_set_types, set->types[0]));
        return;
    }
    vs_json_begin_array(builder, "type");
    for (unsigned i = 0; i < set->n_types; i++) {
        json_builder_add_string_value(
            builder, vs_nft_find_word(vs_nft_set_types, set->types[i]));
    }
    json_builder_end_array(builder);
}

/* nft 1.0.6 does not say "dynamic" here. */
static void
put_flags(JsonBuilder *builder, const VsSet *set)
{
    if (!set->is_constant && !set->has_intervals && !set->has_timeout) {
        return;
    }
    vs_json_begin_array(builder, "flags");
    if (set->is_constant) {
        json_builder_add_string_value(builder, "constant");
    }
    if (set->has_intervals) {
        json_builder_add_string_value(builder, "interval");
    }
    if (set->has_timeout) {
        json_builder_add_string_value(builder, "timeout");
    }
    json_builder_end_array(builder);
}

static void
put_elements(JsonBuilder *builder, const VsSet *set)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    g_autoptr(GPtrArray) elements = NULL;

    if (set->elements->len == 0) {
        return;
    }
    vs_nft_set_kinds(set, kinds);
    elements = vs_nft_sort_elements(set, kinds);
    vs_json_begin_array(builder, "elem");
    for (unsigned i = 0; i < elements->len; i++) {
        vs_nft_json_element(builder, set, elements->pdata[i], kinds);
    }
    json_builder_end_array(builder);
}

static void
put_set(JsonBuilder *builder, const VsSet *set)
{
    begin_item(builder, set->is_map ? "map" : "set");
    vs_json_put_text(builder, "name", set->name);
    vs_json_put_text(builder, "table", set->table->name);
    put_types(builder, set);
    if (set->comment) {
        vs_json_put_text(builder, "comment", set->comment);
    }
    if (set->is_map) {
        vs_json_put_text(builder, "map", "verdict");
    }
    if (set->size) {
        vs_json_put_uint(builder, "size", set->size);
    }
    put_flags(builder, set);
    if (set->timeout) {
        vs_json_put_uint(builder, "timeout", (uint64_t)(set->timeout / VS_S));
    }
    put_elements(builder, set);
    end_item(builder);
}

static void
put_chain(JsonBuilder *builder, const VsChain *chain)
{
    begin_item(builder, "chain");
    vs_json_put_text(builder, "table", chain->table->name);
    vs_json_put_text(builder, "name", chain->name);
    if (chain->type != VS_CHAIN_REGULAR) {
        vs_json_put_text(builder, "type",
                         vs_nft_find_word(vs_nft_chain_types, chain->type));
        vs_json_put_text(builder, "hook", vs_nft_find_word(vs_nft_hooks, chain->point));
        json_builder_set_member_name(builder, "prio");
        json_builder_add_int_value(builder, chain->priority);
        vs_json_put_text(builder, "policy",
                         vs_nft_find_word(vs_nft_verdicts, chain->policy));
    }
    end_item(builder);
}

static void
put_rule(JsonBuilder *builder, const VsRule *rule)
{
    const char *comment = vs_nft_find_comment(rule);

    begin_item(builder, "rule");
    vs_json_put_text(builder, "table", rule->chain->table->name);
    vs_json_put_text(builder, "chain", rule->chain->name);
    if (rule->handle) {
        vs_json_put_uint(builder, "handle", rule->handle);
    }
    if (comment) {
        vs_json_put_text(builder, "comment", comment);
    }
    json_builder_set_member_name(builder, "expr");
    vs_nft_json_rule(builder, rule);
    end_item(builder);
}

/* In nft's order: sets, chains without their rules, rules. */
static void
put_table(JsonBuilder *builder, const VsRuleTable *table)
{
    begin_item(builder, "table");
    vs_json_put_text(builder, "name", table->name);
    end_item(builder);
    for (unsigned i = 0; i < table->sets->len; i++) {
        put_set(builder, table->sets->pdata[i]);
    }
    for (unsigned i = 0; i < table->chains->len; i++) {
        put_chain(builder, table->chains->pdata[i]);
    }
    for (unsigned i = 0; i < table->chains->len; i++) {
        const VsChain *chain = table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            put_rule(builder, chain->rules->pdata[j]);
        }
    }
}

static void
put_metainfo(JsonBuilder *builder)
{
    json_builder_begin_object(builder);
    vs_json_begin_object(builder, "metainfo");
    vs_json_put_text(builder, "version", "1.0.6");
    vs_json_put_text(builder, "release_name", "Lester Gooch #5");
    vs_json_put_uint(builder, "json_schema_version", 1);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

char *
vs_nft_print_json(const VsRuleset *ruleset)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    json_builder_begin_object(builder);
    vs_json_begin_array(builder, "nftables");
    put_metainfo(builder);
    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        if (table->dialect == VS_DIALECT_NFT) {
            put_table(builder, table);
        }
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    json_generator_set_root(generator, root);
    text = json_generator_to_data(generator, NULL);
    return g_strconcat(text, "\n", NULL);
}
