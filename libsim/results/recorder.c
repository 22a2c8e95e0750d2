#include "results/recorder.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "results/summary.h"

/* A file of more rows than this would take longer to write than the run. */
#define MAX_ROWS 20000000
#define MIN_SAMPLES 10
#define BUFFER_BYTES (1 << 20)

/* How to read the value that is sampled. */
typedef enum SeriesKind {
    SERIES_COUNTER,         /* uint64_t */
    SERIES_TIME,            /* VsTime */
    SERIES_QUEUE,           /* VsQueueStat: how many there are... */
    SERIES_QUEUE_TIME,      /* ...and time that all have spent there */
    SERIES_HISTOGRAM_COUNT, /* VsHistogram */
    SERIES_HISTOGRAM_SUM,   /* VsHistogram */
    SERIES_WIRE_WAITING,    /* VsWire */
    SERIES_WIRE_BUSY,       /* VsWire */
    SERIES_WIRE_TIME,       /* VsWire: waiting and being sent */
    SERIES_CORE_WAITING,    /* VsCore */
    SERIES_CORE_BUSY,       /* VsCore */
} SeriesKind;

typedef struct Series {
    const char *entity;
    const char *metric;
    const char *unit;
    SeriesKind kind;
    bool has_begun; /* It was not zero once. */
    void *source;
} Series;

struct VsRecorder {
    VsSimulation *simulation;
    char *path;
    char *run;
    FILE *file;
    char *buffer;
    GArray *series; /* Of Series. */
    GStringChunk *strings;
    unsigned n_samples;
    unsigned n_taken;
    VsTime taken_at;
};

static void
add_series(VsRecorder *recorder, const char *entity, const char *metric,
           const char *unit, SeriesKind kind, const void *source)
{
    Series series = {entity, metric, unit, kind, false, (void *)source};

    g_array_append_val(recorder->series, series);
}

static void
add_queue(VsRecorder *recorder, const char *entity, const char *name, const char *unit,
          const VsQueueStat *stat)
{
    g_autofree char *time = g_strdup_printf("%s-time", name);

    add_series(recorder, entity, name, unit, SERIES_QUEUE, stat);
    add_series(recorder, entity, g_string_chunk_insert_const(recorder->strings, time),
               "ps", SERIES_QUEUE_TIME, stat);
}

static void
add_histogram(VsRecorder *recorder, const char *entity, const VsStat *stat,
              const void *histogram)
{
    g_autofree char *count = g_strdup_printf("%s-count", stat->name);
    g_autofree char *sum = g_strdup_printf("%s-sum", stat->name);

    add_series(recorder, entity, g_string_chunk_insert_const(recorder->strings, count),
               "", SERIES_HISTOGRAM_COUNT, histogram);
    add_series(recorder, entity, g_string_chunk_insert_const(recorder->strings, sum),
               "ps", SERIES_HISTOGRAM_SUM, histogram);
}

/* The statistics 'stats' of 'self', which is called 'name'. */
static void
add_stats(VsRecorder *recorder, const VsStat *stats, const void *self, const char *name)
{
    const char *entity = g_string_chunk_insert_const(recorder->strings, name);

    for (const VsStat *stat = stats; self && stat && stat->name; stat++) {
        const void *value = G_STRUCT_MEMBER_P(self, stat->offset);

        switch (stat->kind) {
        case VS_STAT_COUNTER:
            add_series(recorder, entity, stat->name, stat->unit, SERIES_COUNTER, value);
            break;
        case VS_STAT_QUEUE:
            add_queue(recorder, entity, stat->name, stat->unit, value);
            break;
        case VS_STAT_BUSY:
        case VS_STAT_TIME:
            add_series(recorder, entity, stat->name, "ps", SERIES_TIME, value);
            break;
        case VS_STAT_HISTOGRAM:
            add_histogram(recorder, entity, stat, value);
            break;
        case VS_STAT_SHARES:
        case VS_STAT_STAGES:
            break;
        }
    }
}

static void
add_instance(VsRecorder *recorder, const VsElement *element)
{
    const void *self = vs_simulation_instance(recorder->simulation, element);
    g_autofree char *name = vs_summary_name_element(element);

    add_stats(recorder, element->model->stats, self, name);
}

static void
add_qdisc(VsRecorder *recorder, const VsBuiltQdisc *built)
{
    g_autofree char *name = g_strdup_printf("qdisc %s", built->name);

    add_stats(recorder, built->element->model->stats, built->qdisc, name);
}

static void
add_wire(VsRecorder *recorder, const VsWire *wire)
{
    g_autofree char *name = g_strdup_printf("wire %s", wire->name);
    const char *entity = g_string_chunk_insert_const(recorder->strings, name);

    add_series(recorder, entity, "waiting", "packet", SERIES_WIRE_WAITING, wire);
    add_series(recorder, entity, "sending-time", "ps", SERIES_WIRE_TIME, wire);
    add_queue(recorder, entity, "in-flight", "packet", &wire->stat);
    add_series(recorder, entity, "packets", "packet", SERIES_COUNTER, &wire->n_packets);
    add_series(recorder, entity, "bytes", "byte", SERIES_COUNTER, &wire->n_bytes);
    add_series(recorder, entity, "dropped", "packet", SERIES_COUNTER, &wire->n_dropped);
    if (vs_wire_is_marking(wire)) {
        add_series(recorder, entity, "marked", "packet", SERIES_COUNTER,
                   &wire->n_marked);
    }
    add_series(recorder, entity, "busy", "ps", SERIES_WIRE_BUSY, wire);
}

static void
add_core(VsRecorder *recorder, const VsHost *host, unsigned number)
{
    const VsCore *core = &host->cores[number];
    g_autofree char *name = g_strdup_printf("core %s/%u", host->name, number);
    const char *entity = g_string_chunk_insert_const(recorder->strings, name);

    add_series(recorder, entity, "waiting", "packet", SERIES_CORE_WAITING, core);
    add_queue(recorder, entity, "load", "packet", &core->stat);
    add_series(recorder, entity, "packets", "packet", SERIES_COUNTER, &core->n_packets);
    add_series(recorder, entity, "dropped", "packet", SERIES_COUNTER, &core->n_dropped);
    add_series(recorder, entity, "busy", "ps", SERIES_CORE_BUSY, core);
}

static void
add_all(VsRecorder *recorder)
{
    const VsScenario *scenario = vs_simulation_scenario(recorder->simulation);
    const VsBuild *build = vs_simulation_build(recorder->simulation);

    add_series(recorder, "(run)", "events", "event", SERIES_COUNTER,
               &vs_simulation_run(recorder->simulation)->n_events);
    g_array_index(recorder->series, Series, 0).has_begun = true;
    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        add_instance(recorder, vs_scenario_element(scenario, i));
    }
    for (guint i = 0; i < build->wires->len; i++) {
        add_wire(recorder, g_array_index(build->wires, VsBuiltWire, i).wire);
    }
    for (guint i = 0; i < build->qdiscs->len; i++) {
        add_qdisc(recorder, &g_array_index(build->qdiscs, VsBuiltQdisc, i));
    }
    for (guint i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (unsigned j = 0; j < host->n_cores; j++) {
            add_core(recorder, host, j);
        }
    }
}

static void
set_error(GError **error, const char *path)
{
    int code = errno ? errno : EIO;

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                "%s cannot be written: %s", path, g_strerror(code));
}

VsRecorder *
vs_recorder_new(VsSimulation *simulation, const char *path, const char *run,
                unsigned n_samples, GError **error)
{
    FILE *file = g_fopen(path, "w");
    VsRecorder *recorder;

    if (!file) {
        set_error(error, path);
        return NULL;
    }
    recorder = g_new0(VsRecorder, 1);
    recorder->simulation = simulation;
    recorder->path = g_strdup(path);
    recorder->run = g_strdup(run);
    recorder->file = file;
    recorder->buffer = g_malloc(BUFFER_BYTES);
    setvbuf(file, recorder->buffer, _IOFBF, BUFFER_BYTES);
    recorder->series = g_array_new(FALSE, FALSE, sizeof(Series));
    recorder->strings = g_string_chunk_new(4096);
    add_all(recorder);
    recorder->n_samples = n_samples ? n_samples : VS_RECORDER_N_SAMPLES;
    recorder->n_samples =
        MIN(recorder->n_samples,
            MAX(MAX_ROWS / MAX(recorder->series->len, 1), MIN_SAMPLES));
    fputs("run,entity,metric,unit,time_ps,value\n", file);
    return recorder;
}

VsTime
vs_recorder_next(const VsRecorder *recorder)
{
    VsSum until = (VsSum)vs_simulation_until(recorder->simulation);

    return recorder->n_taken < recorder->n_samples
               ? (VsTime)(until * (recorder->n_taken + 1) / recorder->n_samples)
               : VS_TIME_NEVER;
}

static VsSum
area_until(const VsQueueStat *stat, VsTime now)
{
    return stat->area + (VsSum)stat->n_now * (VsSum)(now - stat->changed_at);
}

static VsSum
read_series(const Series *series, VsTime now)
{
    switch (series->kind) {
    case SERIES_COUNTER:
        return *(const uint64_t *)series->source;
    case SERIES_TIME:
        return (VsSum) * (const VsTime *)series->source;
    case SERIES_QUEUE:
        return ((const VsQueueStat *)series->source)->n_now;
    case SERIES_QUEUE_TIME:
        return area_until(series->source, now);
    case SERIES_HISTOGRAM_COUNT:
        return ((const VsHistogram *)series->source)->count;
    case SERIES_HISTOGRAM_SUM:
        return ((const VsHistogram *)series->source)->sum;
    case SERIES_WIRE_WAITING:
        return vs_wire_n_waiting(series->source);
    case SERIES_WIRE_BUSY:
        return (VsSum)vs_summary_wire_busy(series->source, now);
    case SERIES_WIRE_TIME:
        return vs_summary_wire_time(series->source);
    case SERIES_CORE_WAITING:
        return ((const VsCore *)series->source)->backlog.length;
    case SERIES_CORE_BUSY:
        return (VsSum)vs_summary_core_busy(series->source, now);
    }
    g_assert_not_reached();
}

/* No field can hold a comma: ids are words, the rest are names of ours. */
static void
write_row(const VsRecorder *recorder, const Series *series, VsTime now, VsSum value)
{
    fprintf(recorder->file, "%s,%s,%s,%s,%" G_GINT64_FORMAT ",", recorder->run,
            series->entity, series->metric, series->unit ? series->unit : "", now);
    if (value <= UINT64_MAX) {
        fprintf(recorder->file, "%" G_GUINT64_FORMAT "\n", (uint64_t)value);
    } else {
        g_autofree char *text = vs_number_print_sum(value);

        fprintf(recorder->file, "%s\n", text);
    }
}

void
vs_recorder_sample(VsRecorder *recorder)
{
    VsTime now = vs_now(vs_simulation_run(recorder->simulation));

    for (guint i = 0; i < recorder->series->len; i++) {
        Series *series = &g_array_index(recorder->series, Series, i);
        VsSum value = read_series(series, now);

        if (value > 0 || series->has_begun) {
            series->has_begun = true;
            write_row(recorder, series, now, value);
        }
    }
    recorder->taken_at = now;
    if (recorder->n_taken < recorder->n_samples) {
        recorder->n_taken++;
    }
}

bool
vs_recorder_close(VsRecorder *recorder, GError **error)
{
    bool is_bad;

    if (vs_now(vs_simulation_run(recorder->simulation)) > recorder->taken_at) {
        vs_recorder_sample(recorder);
    }
    errno = 0;
    is_bad = ferror(recorder->file) != 0;
    is_bad |= fclose(recorder->file) != 0;
    recorder->file = NULL;
    if (is_bad) {
        set_error(error, recorder->path);
    }
    return !is_bad;
}

void
vs_recorder_free(VsRecorder *recorder)
{
    if (!recorder) {
        return;
    }
    if (recorder->file) {
        fclose(recorder->file);
    }
    g_array_free(recorder->series, TRUE);
    g_string_chunk_free(recorder->strings);
    g_free(recorder->buffer);
    g_free(recorder->path);
    g_free(recorder->run);
    g_free(recorder);
}
