/* Parts of the printer of nft's JSON.  Internal to the nft dialect. */
#pragma once

#include "base/json_put.h"
#include "netfilter/nft_view.h"

/* The statements of 'rule', as the array that "expr" is. */
void vs_nft_json_rule(JsonBuilder *builder, const VsRule *rule);

/* An element of a set, or a pair of key and verdict. */
void vs_nft_json_element(JsonBuilder *builder, const VsSet *set,
                         const VsSetElement *element, const VsNftKind *kinds);
