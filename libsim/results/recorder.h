/* A recorder: samples of a run's state at fixed intervals of simulated time,
 * streamed to a CSV file.  It adds no events, so the run's digest does not depend on
 * it.
 *
 * One row a sample and metric: "run,entity,metric,unit,time_ps,value", values
 * integers.  Counters are cumulative.  A metric's rows begin when it is first not
 * zero; before, it is zero.  Recorded are
 *   of all instances: counters; queues, how many there are and ("-time") how much time
 *     all have spent there; busy and other times; histograms ("-count", "-sum")
 *   of all wires and cores: what waits there, what passed, busy times
 *   of the run: its events, the one row that each sample has. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "scenario/simulation.h"

#define VS_RECORDER_N_SAMPLES 200

typedef struct VsRecorder VsRecorder;

/* Creates the file 'path'; 'run' is the first column.  'n_samples' (0: the default
 * above) are spread evenly over the run, the last at its end; fewer if the file
 * would be huge.  Returns NULL with 'error' set in the domain G_FILE_ERROR. */
VsRecorder *vs_recorder_new(VsSimulation *simulation, const char *path, const char *run,
                            unsigned n_samples,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* When the next sample is due; VS_TIME_NEVER after the last. */
VsTime vs_recorder_next(const VsRecorder *recorder);

/* Takes a sample now.  Errors show when the recorder is closed. */
void vs_recorder_sample(VsRecorder *recorder);

/* Takes a last sample, if the clock has moved on since the last, and closes the
 * file. */
bool vs_recorder_close(VsRecorder *recorder, GError **error);

/* Closes the file if it is open. */
void vs_recorder_free(VsRecorder *recorder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsRecorder, vs_recorder_free)
