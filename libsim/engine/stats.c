#include "engine/stats.h"

#include <glib.h>

static unsigned __int128
area_until(const VsQueueStat *stat, VsTime now)
{
    return stat->area +
           (unsigned __int128)stat->n_now * (uint64_t)(now - stat->changed_at);
}

double
vs_queue_stat_mean(const VsQueueStat *stat, VsTime now)
{
    return now > 0 ? (double)area_until(stat, now) / (double)now : 0.0;
}

double
vs_queue_stat_mean_visit(const VsQueueStat *stat)
{
    return stat->n_left > 0 ? (double)stat->visits / (double)stat->n_left : 0.0;
}

bool
vs_queue_stat_balances(const VsQueueStat *stat, VsTime now)
{
    unsigned __int128 present =
        (unsigned __int128)stat->n_now * (uint64_t)now - stat->entered_at;

    return area_until(stat, now) == stat->visits + present;
}

unsigned
vs_shares_add(VsShares *shares, const char *name)
{
    shares->shares = g_renew(VsShare, shares->shares, shares->n_shares + 1);
    shares->shares[shares->n_shares] = (VsShare){.name = g_strdup(name)};
    return shares->n_shares++;
}

void
vs_shares_clear(VsShares *shares)
{
    for (unsigned i = 0; i < shares->n_shares; i++) {
        g_free(shares->shares[i].name);
    }
    g_free(shares->shares);
    *shares = (VsShares){0};
}
