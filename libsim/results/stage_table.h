/* Where the time of requests went, as results show it: a row for each (phase,
 * stage), and lines of alike places for people. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "packet/trail.h"
#include "results/number.h"

#define VS_STAGE_N_KINDS 3

/* "queueing", "service", "delay". */
const char *vs_stage_kind_word(VsStageKind kind);

/* The kind of this word; false if there is none. */
bool vs_stage_kind_find(const char *word, VsStageKind *ret);

typedef struct VsStageRow {
    const char *phase; /* "connect" */
    const char *place; /* "wire users > edge" */
    const char *what;  /* "queue" */
    VsStageKind kind;
    uint64_t n_steps;
    VsSum elapsed;
} VsStageRow;

typedef struct VsStageTable {
    GArray *rows; /* Of VsStageRow, in order of first appearance. */
    uint64_t n_requests;
    VsSum elapsed; /* End to end, of all requests. */
} VsStageTable;

void vs_stage_table_init(VsStageTable *table);
void vs_stage_table_clear(VsStageTable *table);

/* Adds what a client found out; the names stay the stages' own. */
void vs_stage_table_add(VsStageTable *table, const VsStageTotals *totals,
                        const VsStages *stages);

/* The sum of the rows, which is table->elapsed or something is badly wrong. */
VsSum vs_stage_table_sum(const VsStageTable *table);

/* A place of a phase, or several that differ in numbers only.  The cores of a host
 * have no place of their own: who waits for them is in the host's root namespace. */
typedef struct VsStageLine {
    const char *phase;
    char *place; /* With stars for numbers when it is several. */
    unsigned n_places;
    VsSum elapsed[VS_STAGE_N_KINDS];
} VsStageLine;

VsSum vs_stage_line_sum(const VsStageLine *line);

/* The table as lines, phase by phase and place by place in order of first
 * appearance.
 *
 * When a phase has more than 'max_lines', places that differ in numbers (node-1,
 * node-2) share one in all phases; when that is not enough, the quickest of the
 * phase share its last, "others".  Newly allocated, of VsStageLine. */
GArray *vs_stage_table_fold(const VsStageTable *table, unsigned max_lines);
