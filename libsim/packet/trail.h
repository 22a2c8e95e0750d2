/* Trails and journeys: where the time of a followed request goes, to the picosecond.
 *
 * A *stage* is a place where time passes: the queue before a wire, its transmission, its
 * propagation, the queue before a core, the CPU time of a namespace, a server's work.
 *
 * A *trail* travels with one packet from the socket that sent it: a list of (stage, time).
 * A *journey* belongs to one request of one client.  The receiver of the packet that
 * completes a message appends its trail to the journey; what waits in between (a service
 * time, a queue for a worker) is added by the one who waits.  So the steps of a journey
 * follow the causal chain of the request, and their sum is its end-to-end time exactly. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/time.h"

typedef uint32_t VsStage;

typedef enum VsStageKind {
    VS_STAGE_QUEUEING, /* Waiting for a server: a wire, a core, a worker. */
    VS_STAGE_SERVICE,  /* Being served: transmitted, processed, worked on. */
    VS_STAGE_DELAY,    /* Propagation and timers: nothing is full, nobody works. */
} VsStageKind;

typedef struct VsStageName {
    char *place;      /* "wire users > edge", "namespace n1/root", "container a/web". */
    const char *what; /* "queue", "transmission", "processing": static text. */
    VsStageKind kind;
} VsStageName;

/* All stages of a run, numbered in order of registration. */
typedef struct VsStages {
    GArray *names; /* Of VsStageName. */
} VsStages;

void vs_stages_init(VsStages *stages);
void vs_stages_clear(VsStages *stages);
VsStage vs_stages_add(VsStages *stages, const char *place, const char *what,
                      VsStageKind kind);

static inline const VsStageName *
vs_stages_get(const VsStages *stages, VsStage stage)
{
    return &g_array_index(stages->names, VsStageName, stage);
}

typedef struct VsStep {
    VsTime elapsed;
    VsStage stage;
    uint32_t phase; /* Of a journey; unused in a trail. */
} VsStep;

/* A path of more steps adds the surplus to its last one, so the sum stays right. */
#define VS_TRAIL_MAX_STEPS 60

typedef struct VsTrail {
    VsTime started;     /* When the packet was sent. */
    VsTime elapsed;     /* Sum of the steps. */
    VsStage wait_stage; /* Where the time before 'started' went. */
    uint32_t n_steps;
    VsStep steps[VS_TRAIL_MAX_STEPS];
} VsTrail;

static inline void
vs_trail_add(VsTrail *trail, VsStage stage, VsTime elapsed)
{
    trail->elapsed += elapsed;
    if (G_LIKELY(trail->n_steps < VS_TRAIL_MAX_STEPS)) {
        trail->steps[trail->n_steps++] = (VsStep){elapsed, stage, 0};
    } else {
        trail->steps[VS_TRAIL_MAX_STEPS - 1].elapsed += elapsed;
    }
}

/* Owned by its client, which reuses it: the generation tells messages of an abandoned
 * request, or of an abandoned try of it, from those of the present one. */
typedef struct VsJourney {
    uint32_t generation; /* 0: never started. */
    bool is_under_way;
    bool is_traced; /* Its packets tell their story: packet/trace.h. */
    VsTime started;
    VsTime accounted; /* All time from 'started' to here has a stage. */
    VsStep *steps;
    uint32_t n_steps;
    uint32_t capacity;
    uint32_t phase;
} VsJourney;

/* Begins a new journey at 'start', which may be before now (an intended start). */
void vs_journey_start(VsJourney *journey, VsTime start);

/* Gives the time up to 'until' to 'stage'. */
void vs_journey_wait(VsJourney *journey, VsStage stage, VsTime until);

/* Appends the steps of a trail that ended now. */
void vs_journey_append(VsJourney *journey, const VsTrail *trail);

/* The request's phase changes now (in time that is accounted for): later steps belong to
 * 'phase', a number of the client's choice. */
void vs_journey_set_phase(VsJourney *journey, uint32_t phase);

/* No more messages belong to it. */
void vs_journey_end(VsJourney *journey);
void vs_journey_clear(VsJourney *journey);

/* Time spent in each (phase, stage), summed over finished journeys.  The sum of the rows
 * is the sum of the journeys' end-to-end times, to the picosecond. */
typedef struct VsStageTotal {
    VsStage stage;
    uint32_t phase;
    uint64_t n_steps;
    unsigned __int128 elapsed;
} VsStageTotal;

typedef struct VsStageTotals {
    VsStageTotal *rows; /* In order of first appearance. */
    uint32_t n_rows;
    uint32_t capacity;
    uint32_t *index; /* Hash table of row + 1; four times the capacity of rows. */
    uint64_t n_journeys;
    unsigned __int128 elapsed;      /* End to end, of all journeys. */
    const char *const *phase_names; /* Static, by phase number; set by the owner. */
} VsStageTotals;

/* Adds a journey that is accounted for up to its end. */
void vs_stage_totals_add(VsStageTotals *totals, const VsJourney *journey);
void vs_stage_totals_clear(VsStageTotals *totals);
