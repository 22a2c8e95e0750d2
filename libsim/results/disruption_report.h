/* What a change of backends does to keys, as text and JSON. */
#pragma once

#include "balance/disruption.h"

/* A table of the servers, keys remapped and the theory; newly allocated, as is the other. */
char *vs_disruption_print_text(const VsDisruption *disruption);

/* One object.  What cannot be told is null: "remapped" of an algorithm that does not go by
 * a key, a skew without keys. */
char *vs_disruption_print_json(const VsDisruption *disruption);
