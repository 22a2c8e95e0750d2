/* All algorithms, for people and programs, from their own tables. */
#pragma once

#include <glib.h>

#include "balance/balancer.h"

/* How a line of keys of this kind looks: "an address: 192.0.2.1 or 192.0.2.1:1234". */
const char *vs_balancer_key_example(VsBalanceKeyKind kind);

/* "3 to 65537", or the words of a choice.  Newly allocated, as are the others. */
char *vs_balancer_param_print_range(const VsBalancerParam *param);
char *vs_balancer_param_print_default(const VsBalancerParam *param);

/* The reference part of docs/selection.md: a section for each, or for 'only' alone. */
char *vs_balancer_manual_markdown(const VsBalancerKind *only);

/* An array of objects: name, key, doc, formula, source, params. */
char *vs_balancer_manual_json(const VsBalancerKind *only);
