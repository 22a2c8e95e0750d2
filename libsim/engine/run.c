#include "engine/run.h"

#include <glib.h>
#include <string.h>

void
vs_run_init(VsRun *run, uint64_t seed)
{
    memset(run, 0, sizeof(*run));
    run->seed = seed;
    vs_calendar_init(&run->pending);
}

void
vs_run_clear(VsRun *run)
{
    vs_calendar_clear(&run->pending);
}

void
vs_run_stop(VsRun *run)
{
    while (vs_calendar_pop(&run->pending, VS_TIME_NEVER)) {
    }
}

VsRunState
vs_run_advance(VsRun *run, VsTime until, uint64_t max_events)
{
    for (uint64_t n = 0; n < max_events; n++) {
        VsTimer *timer = vs_calendar_pop(&run->pending, until);

        if (!timer) {
            run->current_part = NULL;
            if (until != VS_TIME_NEVER) {
                run->now = MAX(run->now, until);
            }
            return VS_RUN_REACHED;
        }
        run->now = timer->due;
        run->n_events++;
        run->current_part = timer->entity->part;
        vs_digest_add(&run->digest, (uint64_t)timer->due, timer->order);
        timer->fire(timer);
    }
    run->current_part = NULL;
    return VS_RUN_PAUSED;
}

void
vs_part_init(VsPart *part, VsRun *run)
{
    part->run = run;
    part->number = run->next_part++;
}

void
vs_entity_init(VsEntity *entity, VsPart *part)
{
    VsRun *run = part->run;

    g_assert(run->next_entity <= VS_ENTITY_MAX);
    entity->run = run;
    entity->part = part;
    entity->next_order = run->next_entity++ << VS_ENTITY_COUNT_BITS;
    entity->is_crossing = false;
}

void
vs_entity_init_crossing(VsEntity *entity, VsPart *part)
{
    vs_entity_init(entity, part);
    entity->is_crossing = true;
}

void
vs_timer_init(VsTimer *timer, VsEntity *entity, VsTimerFire fire)
{
    memset(timer, 0, sizeof(*timer));
    timer->entity = entity;
    timer->fire = fire;
}

void
vs_timer_arm(VsTimer *timer, VsTime due)
{
    VsEntity *entity = timer->entity;
    VsRun *run = entity->run;

    g_assert(due >= run->now);
#ifdef VS_DEBUG
    g_assert(!run->current_part || run->current_part == entity->part ||
             entity->is_crossing);
#endif
    if (timer->place != VS_TIMER_IDLE) {
        vs_calendar_remove(&run->pending, timer);
    }
    timer->due = due;
    timer->order = entity->next_order++;
    vs_calendar_insert(&run->pending, timer);
}

void
vs_timer_cancel(VsTimer *timer)
{
    if (timer->place != VS_TIMER_IDLE) {
        vs_calendar_remove(&timer->entity->run->pending, timer);
    }
}
