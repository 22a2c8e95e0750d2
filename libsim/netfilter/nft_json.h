/* Parts of the printer of nft's JSON.  Internal to the nft dialect. */
#pragma once

#include <json-glib/json-glib.h>

#include "netfilter/nft_view.h"

void vs_nft_json_text(JsonBuilder *builder, const char *name, const char *text);
void vs_nft_json_int(JsonBuilder *builder, const char *name, uint64_t number);
void vs_nft_json_null(JsonBuilder *builder, const char *name);
void vs_nft_json_object(JsonBuilder *builder, const char *name);
void vs_nft_json_array(JsonBuilder *builder, const char *name);

/* The statements of 'rule', as the array that "expr" is. */
void vs_nft_json_rule(JsonBuilder *builder, const VsRule *rule);

/* An element of a set, or a pair of key and verdict. */
void vs_nft_json_element(JsonBuilder *builder, const VsSet *set,
                         const VsSetElement *element, const VsNftKind *kinds);
