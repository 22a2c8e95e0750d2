/* Parts of the printer of nft's text.  Internal to the nft dialect. */
#pragma once

#include "netfilter/nft_view.h"

void vs_nft_put_rule(GString *out, const VsRule *rule);
void vs_nft_put_verdict(GString *out, const VsRuleVerdict *verdict);
void vs_nft_put_element(GString *out, const VsSet *set, const VsSetElement *element,
                        const VsNftKind *kinds);
