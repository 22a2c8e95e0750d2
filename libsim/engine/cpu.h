/* CPU time of a group of tasks: equal shares of its cores, and a quota.
 *
 * Processor sharing: of n tasks at work on c cores, each advances at the rate min(1, c/n).
 * With c = 1 that is the server of M/G/1-PS; with a core for each task they do not feel one
 * another.  Followed by virtual time, which advances as each task does: a task is done when
 * it has advanced by its work, so a change of n touches no other task.  Starting, ending and
 * cancelling take O(log n).  Virtual time has 2^-32 ps, rounded down when n changes.
 *
 * Quota: as Linux' CFS bandwidth control (Turner, Rao and Rao, "CPU bandwidth control for
 * CFS", Linux Symposium 2010; cgroup v2 cpu.max): in each period all tasks together may use
 * 'quota' of CPU time, then all stand still until the next begins.  What a period leaves is
 * lost (no burst).  The slices of 5 ms by which the kernel hands the quota to its cores are
 * not followed: what one core holds back, another may use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/entity.h"
#include "engine/timer.h"

typedef struct VsCpu VsCpu;
typedef struct VsCpuTask VsCpuTask;

typedef struct VsCpuConfig {
    uint32_t n_cores; /* At least 1. */
    VsTime quota;     /* CPU time in a period; 0: without limit. */
    VsTime period;
    VsTime period_start; /* Of a period: others begin whole periods before and after. */
} VsCpuConfig;

/* Embedded in its owner; zeroed memory is a task that is not at work. */
struct VsCpuTask {
    void (*done)(VsCpuTask *task); /* It is over, and may be started again. */
    unsigned __int128 finish;      /* Virtual time. */
    uint64_t order;                /* Of starts: breaks ties. */
    uint32_t place;                /* In the heap, plus one; 0: not at work. */
    VsTime throttled; /* While it is at work: of the group before it; then its own. */
};

struct VsCpu {
    VsCpuConfig config;
    VsEntity *entity;
    VsTimer timer;     /* The next end, end of quota, or period. */
    VsCpuTask **tasks; /* A heap, by (finish, order). */
    uint32_t n_tasks;
    uint32_t capacity;
    uint64_t n_started;
    unsigned __int128 advanced; /* Virtual time, in 2^-32 ps. */
    VsTime updated;
    VsTime left;       /* Of the quota; below 0 by less than a ps for each core. */
    VsTime period_end; /* When it is next filled. */
    bool is_stopped;
    bool is_throttled;

    VsTime used;          /* CPU time. */
    VsTime throttled;     /* Time in which there was work but no quota. */
    uint64_t n_throttled; /* Periods in which that happened. */
};

void vs_cpu_init(VsCpu *cpu, VsEntity *entity, const VsCpuConfig *config);

/* Forgets all tasks.  Zeroed memory is fine. */
void vs_cpu_clear(VsCpu *cpu);

/* Starts 'task', with 'done' set, on 'work' >= 0 of CPU time. */
void vs_cpu_start(VsCpu *cpu, VsCpuTask *task, VsTime work);

/* Ends 'task' without 'done'; nothing happens to one that is not at work. */
void vs_cpu_cancel(VsCpu *cpu, VsCpuTask *task);

/* Nobody advances until it is resumed: a pause for garbage collection, a frozen host. */
void vs_cpu_stop(VsCpu *cpu);
void vs_cpu_resume(VsCpu *cpu);
