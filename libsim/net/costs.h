/* The bill of costs: what each step of the datapath takes on a core, in picoseconds. */
#pragma once

#include "engine/time.h"

typedef struct VsCosts {
#define VS_COST(member, name, def, doc) VsTime member;
#include "net/costs.def"
#undef VS_COST
} VsCosts;
