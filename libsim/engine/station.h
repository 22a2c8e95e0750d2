/* A station: identical workers that serve jobs in order of arrival, with a queue of limited
 * length: G/G/c/K in Kendall's notation.  Containers and ingress controllers have one.
 *
 * How long a service takes is known when it starts, or its owner says when it is over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/entity.h"
#include "engine/stats.h"
#include "engine/timer.h"

typedef struct VsStation VsStation;

/* A piece of work, embedded in its owner. */
typedef struct VsJob {
    struct VsJob *next; /* In the queue. */
    VsStation *station;
    VsTime arrived;
    VsTime started; /* Valid from the start of service. */
    bool is_served; /* A worker has it. */
    VsTimer done;
} VsJob;

typedef struct VsStationOps {
    /* How long the service of 'job' takes; called when it starts.  NULL: 'begin'. */
    VsTime (*work)(VsStation *station, VsJob *job);

    /* The service is over; the job has left and may be freed. */
    void (*served)(VsStation *station, VsJob *job);

    /* Without 'work': the service of 'job' starts; it lasts until vs_station_finish(), which
     * must not be called from here. */
    void (*begin)(VsStation *station, VsJob *job);
} VsStationOps;

struct VsStation {
    const VsStationOps *ops;
    VsEntity *entity;
    uint32_t n_workers;
    uint32_t queue_max; /* Jobs that may wait; UINT32_MAX: no limit. */
    uint32_t n_busy;
    uint32_t n_queued;
    VsJob *first;
    VsJob *last;

    uint64_t n_served;
    uint64_t n_refused;
    VsTime busy;            /* Worker time. */
    VsQueueStat stat;       /* Waiting and in service. */
    VsQueueStat queue_stat; /* Waiting only. */
};

void vs_station_init(VsStation *station, VsEntity *entity, uint32_t n_workers,
                     uint32_t queue_max, const VsStationOps *ops);

/* Would a job be taken now?  If not it counts as refused. */
bool vs_station_admits(VsStation *station);

/* Takes 'job', or returns false when all workers are busy and the queue is full. */
bool vs_station_submit(VsStation *station, VsJob *job);

/* Takes 'job' back before it is served; it must be in the station. */
void vs_station_withdraw(VsStation *station, VsJob *job);

/* The service of 'job', which a worker has, is over: calls ops->served. */
void vs_station_finish(VsStation *station, VsJob *job);
