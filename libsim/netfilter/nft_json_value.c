/* Values, keys and elements of sets as nft's JSON; libnftables-json(5). */
#include "netfilter/nft_json.h"

void
vs_nft_json_put_flags(JsonBuilder *builder, VsNftKind kind, uint32_t value, bool is_or)
{
    const VsNftWord *words = vs_nft_kind_words(kind);
    const char *one = vs_nft_find_word(words, value);
    uint32_t named = 0;

    for (const VsNftWord *word = words; word->text; word++) {
        named |= word->value;
    }
    if (one) {
        json_builder_add_string_value(builder, one);
        return;
    }
    if (value == 0 || (value & ~named) != 0) {
        json_builder_add_int_value(builder, value);
        return;
    }
    if (is_or) {
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "|");
    }
    json_builder_begin_array(builder);
    for (const VsNftWord *word = words; word->text; word++) {
        if (value & word->value) {
            json_builder_add_string_value(builder, word->text);
        }
    }
    json_builder_end_array(builder);
    if (is_or) {
        json_builder_end_object(builder);
    }
}

void
vs_nft_json_put_value(JsonBuilder *builder, VsNftKind kind, uint32_t value)
{
    const VsNftWord *words = vs_nft_kind_words(kind);

    if (kind == VS_NFT_ADDRESS || (words && vs_nft_find_word(words, value))) {
        g_autoptr(GString) text = g_string_new(NULL);

        vs_nft_put_value(text, kind, value);
        json_builder_add_string_value(builder, text->str);
    } else {
        json_builder_add_int_value(builder, value);
    }
}

void
vs_nft_json_put_range(JsonBuilder *builder, VsNftKind kind, uint32_t min, uint32_t max)
{
    kind = vs_nft_range_kind(kind, min, max);
    json_builder_begin_object(builder);
    vs_json_begin_array(builder, "range");
    vs_nft_json_put_value(builder, kind, min);
    vs_nft_json_put_value(builder, kind, max);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

void
vs_nft_json_put_prefix(JsonBuilder *builder, uint32_t address, unsigned length)
{
    json_builder_begin_object(builder);
    vs_json_begin_object(builder, "prefix");
    json_builder_set_member_name(builder, "addr");
    vs_nft_json_put_value(builder, VS_NFT_ADDRESS, address);
    vs_json_put_uint(builder, "len", length);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

void
vs_nft_json_put_verdict(JsonBuilder *builder, const VsRuleVerdict *verdict)
{
    const char *word = vs_nft_find_word(vs_nft_verdicts, verdict->kind);

    json_builder_begin_object(builder);
    if (verdict->target) {
        vs_json_begin_object(builder, word);
        vs_json_put_text(builder, "target", verdict->target);
        json_builder_end_object(builder);
    } else {
        vs_json_put_null(builder, word);
    }
    json_builder_end_object(builder);
}

static void
put_key_part(JsonBuilder *builder, VsNftKind kind, uint32_t min, uint32_t max)
{
    int length = kind == VS_NFT_ADDRESS ? vs_nft_prefix_length(min, max) : -1;

    if (vs_nft_kind_is_flags(kind)) {
        vs_nft_json_put_flags(builder, kind, min, true);
    } else if (min == max) {
        vs_nft_json_put_value(builder, kind, min);
    } else if (length >= 0) {
        vs_nft_json_put_prefix(builder, min, (unsigned)length);
    } else {
        vs_nft_json_put_range(builder, kind, min, max);
    }
}

static void
put_key(JsonBuilder *builder, const VsSet *set, const VsSetElement *element,
        const VsNftKind *kinds)
{
    if (set->n_types > 1) {
        json_builder_begin_object(builder);
        vs_json_begin_array(builder, "concat");
    }
    for (unsigned i = 0; i < set->n_types; i++) {
        put_key_part(builder, kinds[i], vs_nft_key_part(&element->key, i, kinds[i]),
                     vs_nft_key_part(&element->end, i, kinds[i]));
    }
    if (set->n_types > 1) {
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
}

static void
put_key_with_options(JsonBuilder *builder, const VsSet *set,
                     const VsSetElement *element, const VsNftKind *kinds)
{
    if (!element->timeout && !element->comment) {
        put_key(builder, set, element, kinds);
        return;
    }
    json_builder_begin_object(builder);
    vs_json_begin_object(builder, "elem");
    json_builder_set_member_name(builder, "val");
    put_key(builder, set, element, kinds);
    if (element->timeout) {
        vs_json_put_uint(builder, "timeout", (uint64_t)(element->timeout / VS_S));
    }
    if (element->comment) {
        vs_json_put_text(builder, "comment", element->comment);
    }
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

/* What an element of a map of addresses has. */
static void
put_data(JsonBuilder *builder, const VsNatRange *nat, bool has_port)
{
    if (has_port) {
        json_builder_begin_object(builder);
        vs_json_begin_array(builder, "concat");
    }
    vs_nft_json_put_value(builder, VS_NFT_ADDRESS, nat->min_address);
    if (has_port) {
        json_builder_add_int_value(builder, nat->min_port);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
}

void
vs_nft_json_element(JsonBuilder *builder, const VsSet *set, const VsSetElement *element,
                    const VsNftKind *kinds)
{
    if (!set->is_map && !set->is_nat_map) {
        put_key_with_options(builder, set, element, kinds);
        return;
    }
    json_builder_begin_array(builder);
    put_key_with_options(builder, set, element, kinds);
    if (set->is_map) {
        vs_nft_json_put_verdict(builder, &element->verdict);
    } else {
        put_data(builder, &element->nat->nat, set->has_ports);
    }
    json_builder_end_array(builder);
}
