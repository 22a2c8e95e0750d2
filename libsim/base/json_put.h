/* Members of JSON objects, a line of code each. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL is null. */
void vs_json_put_text(JsonBuilder *builder, const char *name, const char *text);
void vs_json_put_null(JsonBuilder *builder, const char *name);
void vs_json_put_int(JsonBuilder *builder, const char *name, int64_t number);
void vs_json_put_bool(JsonBuilder *builder, const char *name, bool is_true);

/* A number, or text above 2^63 - 1, which JSON readers seldom take. */
void vs_json_put_uint(JsonBuilder *builder, const char *name, uint64_t number);

/* So that reading it gives the same bits; null unless finite. */
void vs_json_put_real(JsonBuilder *builder, const char *name, double number);

void vs_json_begin_object(JsonBuilder *builder, const char *name);
void vs_json_begin_array(JsonBuilder *builder, const char *name);

/* The finished document, indented, with a line end; newly allocated. */
char *vs_json_print(JsonBuilder *builder);
