/* A weighted choice in constant time: the alias method (Walker, ACM TOMS 3, 1977; built as by
 * Vose, IEEE Trans. Software Eng. 17, 1991), in integers.
 *
 * With n weights that sum to W there are n columns of height W.  Column i belongs to i below
 * its threshold and to its alias above; altogether weight w has exactly n * w of the n * W
 * places.  So shares are exact, on every machine, and a choice is two numbers, a load and a
 * selection without a branch. */
#ifndef VS_BASE_ALIAS_H
#define VS_BASE_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct VsAliasColumn {
    uint64_t threshold;
    uint32_t own, alias;
} VsAliasColumn;

typedef struct VsAlias {
    VsAliasColumn *columns; /* Owned. */
    uint32_t n_columns;     /* One for each weight. */
    uint64_t height;        /* The sum of the weights. */
} VsAlias;

/* Builds the table for 'n' weights, in O(n).  False, and nothing to clear, when all weights
 * are 0.  A choice with weight 0 is never made. */
bool vs_alias_init(VsAlias *alias, const uint32_t *weights, uint32_t n);

void vs_alias_clear(VsAlias *alias);

/* The owner of a place: 'column' below n_columns, 'level' below height. */
static inline uint32_t
vs_alias_at(const VsAlias *alias, uint32_t column, uint64_t level)
{
    const VsAliasColumn *c = &alias->columns[column];
    uint32_t is_alias = -(uint32_t)(level >= c->threshold);

    return c->own ^ ((c->own ^ c->alias) & is_alias);
}

/* A random choice: index i with probability weights[i] / height, exactly. */
static inline uint32_t
vs_alias_draw(const VsAlias *alias, VsRng *rng)
{
    uint32_t column = (uint32_t)vs_rng_below(rng, alias->n_columns);

    return vs_alias_at(alias, column, vs_rng_below(rng, alias->height));
}

#endif
