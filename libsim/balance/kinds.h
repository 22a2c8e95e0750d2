/* The tables of algorithms, one a program or family, each in files of its own; a table
 * ends with a row without name. */
#pragma once

#include "balance/balancer.h"

extern const VsBalancerKind vs_balancer_kinds_generic[];
extern const VsBalancerKind vs_balancer_kinds_maglev[];
