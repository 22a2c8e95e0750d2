#include "engine/station.h"

#include <glib.h>
#include <string.h>

#include "engine/run.h"

static void job_done(VsTimer *timer);

void
vs_station_init(VsStation *station, VsEntity *entity, uint32_t n_workers,
                uint32_t queue_max, const VsStationOps *ops)
{
    memset(station, 0, sizeof(*station));
    station->ops = ops;
    station->entity = entity;
    station->n_workers = n_workers;
    station->queue_max = queue_max;
}

static void
start(VsStation *station, VsJob *job, VsTime now)
{
    station->n_busy++;
    job->started = now;
    job->is_served = true;
    if (station->ops->work) {
        vs_timer_arm(&job->done, now + station->ops->work(station, job));
    } else {
        station->ops->begin(station, job);
    }
}

/* Gives a free worker the job at the head of the queue. */
static void
start_next(VsStation *station, VsTime now)
{
    VsJob *job = station->first;

    if (job) {
        station->first = job->next;
        station->n_queued--;
        vs_queue_stat_leave(&station->queue_stat, job->arrived, now);
        start(station, job, now);
    }
}

static bool
has_worker(const VsStation *station)
{
    return station->n_busy < station->n_workers;
}

bool
vs_station_admits(VsStation *station)
{
    bool has_place = has_worker(station) || station->n_queued < station->queue_max;

    station->n_refused += !has_place;
    return has_place;
}

bool
vs_station_submit(VsStation *station, VsJob *job)
{
    VsTime now = vs_now(station->entity->run);

    if (!vs_station_admits(station)) {
        return false;
    }
    job->next = NULL;
    job->station = station;
    job->arrived = now;
    job->is_served = false;
    vs_timer_init(&job->done, station->entity, job_done);
    vs_queue_stat_arrive(&station->stat, now);
    if (has_worker(station)) {
        start(station, job, now);
        return true;
    }
    if (station->first) {
        station->last->next = job;
    } else {
        station->first = job;
    }
    station->last = job;
    station->n_queued++;
    vs_queue_stat_arrive(&station->queue_stat, now);
    return true;
}

void
vs_station_withdraw(VsStation *station, VsJob *job)
{
    VsTime now = vs_now(station->entity->run);

    vs_queue_stat_leave(&station->stat, job->arrived, now);
    if (job->is_served) {
        vs_timer_cancel(&job->done);
        station->n_busy--;
        station->busy += now - job->started;
        start_next(station, now);
        return;
    }
    vs_queue_stat_leave(&station->queue_stat, job->arrived, now);
    station->n_queued--;
    for (VsJob **link = &station->first, *before = NULL; *link; link = &(*link)->next) {
        if (*link == job) {
            *link = job->next;
            if (station->last == job) {
                station->last = before;
            }
            return;
        }
        before = *link;
    }
    g_assert_not_reached();
}

void
vs_station_finish(VsStation *station, VsJob *job)
{
    VsTime now = vs_now(station->entity->run);

    station->n_busy--;
    station->n_served++;
    station->busy += now - job->started;
    vs_queue_stat_leave(&station->stat, job->arrived, now);
    start_next(station, now);
    station->ops->served(station, job);
}

static void
job_done(VsTimer *timer)
{
    VsJob *job = VS_CONTAINER_OF(timer, VsJob, done);

    vs_station_finish(job->station, job);
}
