/* A run: everything of one execution.  Runs share nothing, so many may go on in many
 * threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/calendar.h"
#include "engine/digest.h"
#include "engine/entity.h"
#include "engine/time.h"
#include "engine/timer.h"

struct VsPacketPool;
struct VsTrace;

struct VsRun {
    VsTime now;
    VsCalendar pending;
    VsDigest digest;
    uint64_t n_events;
    uint64_t seed;
    uint64_t next_entity;
    uint32_t next_part;
    const VsPart *current_part;   /* Whose event is running; NULL outside events. */
    bool is_plain; /* No remembered outcomes: every packet is worked out anew. */
    struct VsPacketPool *packets; /* Of the packet floor, which sets and frees it. */
    struct VsTrace *trace;        /* The packet floor's too: packet/trace.h; or NULL. */
};

void vs_run_init(VsRun *run, uint64_t seed);

/* Disarms all timers: what they are embedded in may be freed then in any order. */
void vs_run_stop(VsRun *run);

/* Frees what the engine allocated; owners of timers may go before or after. */
void vs_run_clear(VsRun *run);

typedef enum VsRunState {
    VS_RUN_REACHED, /* No event is left before 'until'; the clock stands there. */
    VS_RUN_PAUSED,  /* 'max_events' were executed. */
} VsRunState;

/* Executes the events due no later than 'until', at most 'max_events' of them.  The clock
 * ends at 'until' (VS_TIME_NEVER: at the last event) or at the last event executed. */
VsRunState vs_run_advance(VsRun *run, VsTime until, uint64_t max_events);

static inline VsTime
vs_now(const VsRun *run)
{
    return run->now;
}
