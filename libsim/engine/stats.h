/* Statistics that models keep: queues with Little's law built in.  Counters are plain
 * uint64_t; histograms are VsHistogram of base. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/time.h"

/* Number in a system over time, and the time each spent there.
 *
 * Both sides of Little's law are kept apart: the area under n(t), added up when n changes,
 * and the time of each visit, which the owner gives when the visitor leaves.  In integer
 * picoseconds they must agree exactly. */
typedef struct VsQueueStat {
    uint64_t n_now;
    uint64_t n_max;
    uint64_t n_arrived;
    uint64_t n_left;
    VsTime changed_at;
    unsigned __int128 area;       /* Integral of n over time, in ps. */
    unsigned __int128 visits;     /* Time spent by those who left, in ps. */
    unsigned __int128 entered_at; /* Sum of arrival times of those present, in ps. */
} VsQueueStat;

static inline void
vs_queue_stat_arrive(VsQueueStat *stat, VsTime now)
{
    stat->area += (unsigned __int128)stat->n_now * (uint64_t)(now - stat->changed_at);
    stat->changed_at = now;
    stat->entered_at += (uint64_t)now;
    stat->n_arrived++;
    if (++stat->n_now > stat->n_max) {
        stat->n_max = stat->n_now;
    }
}

/* One who arrived at 'arrived' leaves. */
static inline void
vs_queue_stat_leave(VsQueueStat *stat, VsTime arrived, VsTime now)
{
    stat->area += (unsigned __int128)stat->n_now * (uint64_t)(now - stat->changed_at);
    stat->changed_at = now;
    stat->entered_at -= (uint64_t)arrived;
    stat->visits += (uint64_t)(now - arrived);
    stat->n_left++;
    stat->n_now--;
}

/* Time-averaged number in the system from 0 to 'now'. */
double vs_queue_stat_mean(const VsQueueStat *stat, VsTime now);

/* Mean time in the system of those who left, in ps; 0 if none did. */
double vs_queue_stat_mean_visit(const VsQueueStat *stat);

/* Little's law: area == visits of those gone + time so far of those present, to the ps. */
bool vs_queue_stat_balances(const VsQueueStat *stat, VsTime now);

/* How often each of several was chosen: backends, endpoints. */
typedef struct VsShare {
    char *name;
    uint64_t count;
} VsShare;

typedef struct VsShares {
    unsigned n_shares;
    VsShare *shares;
} VsShares;

/* Adds one that was never chosen yet; returns its index. */
unsigned vs_shares_add(VsShares *shares, const char *name);
void vs_shares_clear(VsShares *shares);
