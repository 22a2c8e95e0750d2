/* Parts of the printer of nft's JSON.  Internal to the nft dialect. */
#pragma once

#include "base/json_put.h"
#include "netfilter/nft_view.h"

/* The statements of 'rule', as the array that "expr" is. */
void vs_nft_json_rule(JsonBuilder *builder, const VsRule *rule);

/* An element of a set, or a pair of key and verdict. */
void vs_nft_json_element(JsonBuilder *builder, const VsSet *set,
                         const VsSetElement *element, const VsNftKind *kinds);

/* Bits by name: one as a string, more as an array, or under "|" where they are one value. */
void vs_nft_json_put_flags(JsonBuilder *builder, VsNftKind kind, uint32_t value,
                           bool is_or);

/* Values: by name or as addresses where they are such, otherwise numbers. */
void vs_nft_json_put_value(JsonBuilder *builder, VsNftKind kind, uint32_t value);
void vs_nft_json_put_range(JsonBuilder *builder, VsNftKind kind, uint32_t min,
                           uint32_t max);
void vs_nft_json_put_prefix(JsonBuilder *builder, uint32_t address, unsigned length);
void vs_nft_json_put_verdict(JsonBuilder *builder, const VsRuleVerdict *verdict);
