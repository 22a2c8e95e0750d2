/* What the tests of random numbers share. */
#pragma once

#include <gsl/gsl_cdf.h>

#include "base/dist.h"
#include "vs_test.h"

static inline VsDist
get_dist(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsDist dist = {0};

    CU_ASSERT_TRUE_FATAL(vs_dist_parse(text, &dist, &error));
    return dist;
}

/* The chance of counts as uneven as these, or more, when all cells are as likely. */
static inline double
get_chi_square_chance(const unsigned *counts, unsigned n_cells, double n_draws)
{
    double expected = n_draws / n_cells, sum = 0;

    for (unsigned i = 0; i < n_cells; i++) {
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return gsl_cdf_chisq_Q(sum, n_cells - 1);
}
