#include "base/json_put.h"

#include <inttypes.h>
#include <math.h>

void
vs_json_put_text(JsonBuilder *builder, const char *name, const char *text)
{
    if (!text) {
        vs_json_put_null(builder, name);
        return;
    }
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, text);
}

void
vs_json_put_null(JsonBuilder *builder, const char *name)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_null_value(builder);
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
        g_autofree char *text = g_strdup_printf("%" PRIu64, number);

        vs_json_put_text(builder, name, text);
    }
}

void
vs_json_put_real(JsonBuilder *builder, const char *name, double number)
{
    if (!isfinite(number)) {
        vs_json_put_null(builder, name);
        return;
    }
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, number);
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
