#include "results/json_put.h"

#include <math.h>

void
vs_json_put_text(JsonBuilder *builder, const char *name, const char *text)
{
    json_builder_set_member_name(builder, name);
    if (text) {
        json_builder_add_string_value(builder, text);
    } else {
        json_builder_add_null_value(builder);
    }
}

void
vs_json_put_int(JsonBuilder *builder, const char *name, int64_t number)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, number);
}

void
vs_json_put_bool(JsonBuilder *builder, const char *name, bool is_true)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, is_true);
}

void
vs_json_put_uint(JsonBuilder *builder, const char *name, uint64_t number)
{
    if (number <= INT64_MAX) {
        vs_json_put_int(builder, name, (int64_t)number);
    } else {
        vs_json_put_sum(builder, name, number);
    }
}

void
vs_json_put_sum(JsonBuilder *builder, const char *name, VsSum sum)
{
    g_autofree char *text = vs_number_print_sum(sum);

    vs_json_put_text(builder, name, text);
}

void
vs_json_put_real(JsonBuilder *builder, const char *name, double number)
{
    json_builder_set_member_name(builder, name);
    if (isfinite(number)) {
        json_builder_add_double_value(builder, number);
    } else {
        json_builder_add_null_value(builder);
    }
}

void
vs_json_begin_object(JsonBuilder *builder, const char *name)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
}

void
vs_json_begin_array(JsonBuilder *builder, const char *name)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
}

char *
vs_json_print(JsonBuilder *builder)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = NULL;

    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    json_generator_set_indent(generator, 2);
    text = json_generator_to_data(generator, NULL);
    return g_strconcat(text, "\n", NULL);
}
