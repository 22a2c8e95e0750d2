#include "base/alias.h"

#include <glib.h>

/* A choice that has 'left' places still without a column. */
typedef struct Share {
    uint64_t left;
    uint32_t index;
} Share;

bool
vs_alias_init(VsAlias *alias, const uint32_t *weights, uint32_t n)
{
    Share *small, *large;
    uint32_t n_small = 0, n_large = 0;
    uint64_t height = 0;

    for (uint32_t i = 0; i < n; i++) {
        height += weights[i];
    }
    if (height == 0) {
        return false;
    }
    *alias = (VsAlias){g_new(VsAliasColumn, n), n, height};
    small = g_new(Share, n);
    large = g_new(Share, n);
    for (uint32_t i = 0; i < n; i++) {
        Share share = {(uint64_t)weights[i] * n, i};

        if (share.left < height) {
            small[n_small++] = share;
        } else {
            large[n_large++] = share;
        }
    }

    /* The rest of a small one's column goes to a large one; what that has left then is
     * small or large.  All is shared out, so the small ones are gone no later than the
     * large ones, which end with just a column each. */
    while (n_small > 0) {
        Share least = small[--n_small];
        Share *most = &large[n_large - 1];

        alias->columns[least.index] =
            (VsAliasColumn){least.left, least.index, most->index};
        most->left -= height - least.left;
        if (most->left < height) {
            small[n_small++] = *most;
            n_large--;
        }
    }
    while (n_large > 0) {
        uint32_t own = large[--n_large].index;

        alias->columns[own] = (VsAliasColumn){height, own, own};
    }
    g_free(small);
    g_free(large);
    return true;
}

void
vs_alias_clear(VsAlias *alias)
{
    g_free(alias->columns);
    *alias = (VsAlias){0};
}
