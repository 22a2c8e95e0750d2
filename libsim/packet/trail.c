#include "packet/trail.h"

#include <string.h>

static void
clear_stage_name(gpointer stage_name)
{
    g_free(((VsStageName *)stage_name)->place);
}

void
vs_stages_init(VsStages *stages)
{
    stages->names = g_array_new(FALSE, FALSE, sizeof(VsStageName));
    g_array_set_clear_func(stages->names, clear_stage_name);
}

void
vs_stages_clear(VsStages *stages)
{
    g_array_free(stages->names, TRUE);
}

VsStage
vs_stages_add(VsStages *stages, const char *place, const char *what, VsStageKind kind)
{
    VsStageName name = {g_strdup(place), what, kind};

    g_array_append_val(stages->names, name);
    return stages->names->len - 1;
}

static void
add_step(VsJourney *journey, VsStage stage, VsTime elapsed)
{
    if (elapsed == 0) {
        return;
    }
    if (journey->n_steps == journey->capacity) {
        journey->capacity = MAX(2 * journey->capacity, 64);
        journey->steps = g_renew(VsStep, journey->steps, journey->capacity);
    }
    journey->steps[journey->n_steps++] = (VsStep){elapsed, stage, journey->phase};
    journey->accounted += elapsed;
}

void
vs_journey_start(VsJourney *journey, VsTime start)
{
    journey->generation++;
    journey->is_under_way = true;
    journey->started = start;
    journey->accounted = start;
    journey->n_steps = 0;
    journey->phase = 0;
}

void
vs_journey_wait(VsJourney *journey, VsStage stage, VsTime until)
{
    g_assert(until >= journey->accounted);
    add_step(journey, stage, until - journey->accounted);
}

void
vs_journey_append(VsJourney *journey, const VsTrail *trail)
{
    vs_journey_wait(journey, trail->wait_stage, trail->started);
    for (uint32_t i = 0; i < trail->n_steps; i++) {
        add_step(journey, trail->steps[i].stage, trail->steps[i].elapsed);
    }
}

void
vs_journey_set_phase(VsJourney *journey, uint32_t phase)
{
    journey->phase = phase;
}

void
vs_journey_end(VsJourney *journey)
{
    journey->is_under_way = false;
}

void
vs_journey_clear(VsJourney *journey)
{
    g_free(journey->steps);
    memset(journey, 0, sizeof(*journey));
}

/* Where the row of (phase, stage) is in the index, or would be. */
static uint32_t *
index_slot(const VsStageTotals *totals, VsStage stage, uint32_t phase)
{
    uint32_t mask = 4 * totals->capacity - 1;
    uint32_t at = (stage * UINT32_C(2654435769) + phase * UINT32_C(40503)) >> 7 & mask;

    while (totals->index[at] != 0) {
        const VsStageTotal *row = &totals->rows[totals->index[at] - 1];

        if (row->stage == stage && row->phase == phase) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &totals->index[at];
}

static void
grow_totals(VsStageTotals *totals)
{
    totals->capacity = MAX(2 * totals->capacity, 64);
    totals->rows = g_renew(VsStageTotal, totals->rows, totals->capacity);
    g_free(totals->index);
    totals->index = g_new0(uint32_t, 4 * totals->capacity);
    for (uint32_t i = 0; i < totals->n_rows; i++) {
        *index_slot(totals, totals->rows[i].stage, totals->rows[i].phase) = i + 1;
    }
}

static VsStageTotal *
totals_row(VsStageTotals *totals, const VsStep *step)
{
    uint32_t *slot;

    if (totals->n_rows == totals->capacity) {
        grow_totals(totals);
    }
    slot = index_slot(totals, step->stage, step->phase);
    if (*slot == 0) {
        totals->rows[totals->n_rows] =
            (VsStageTotal){.stage = step->stage, .phase = step->phase};
        *slot = ++totals->n_rows;
    }
    return &totals->rows[*slot - 1];
}

void
vs_stage_totals_add(VsStageTotals *totals, const VsJourney *journey)
{
    for (uint32_t i = 0; i < journey->n_steps; i++) {
        VsStageTotal *row = totals_row(totals, &journey->steps[i]);

        row->n_steps++;
        row->elapsed += (unsigned __int128)journey->steps[i].elapsed;
    }
    totals->n_journeys++;
    totals->elapsed += (unsigned __int128)(journey->accounted - journey->started);
}

void
vs_stage_totals_clear(VsStageTotals *totals)
{
    g_free(totals->rows);
    g_free(totals->index);
    totals->rows = NULL;
    totals->index = NULL;
    totals->n_rows = totals->capacity = 0;
}
