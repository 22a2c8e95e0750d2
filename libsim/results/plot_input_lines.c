#include <string.h>

#include "engine/time.h"
#include "results/csv.h"
#include "results/json_get.h"
#include "results/plot.h"
#include "results/plot_input.h"

#define ALL_CLIENTS "all clients"

/* Requests that a point of the throughput should stand for, so that noise does not hide
 * what happens. */
#define REQUESTS_PER_POINT 100
#define MIN_POINTS 10
#define MAX_POINTS 100

/* A queue shorter than this, beside the longest, would be a line on the axis. */
#define LEAST_SHOWN 0.01

/* Lines. --------------------------------------------------------------------------- */

static void
free_line(gpointer line_)
{
    VsPlotLine *line = line_;

    g_array_free(line->points, TRUE);
    g_free(line->name);
    g_free(line);
}

static GPtrArray *
new_lines(void)
{
    return g_ptr_array_new_with_free_func(free_line);
}

static VsPlotLine *
add_line(GPtrArray *lines, const char *name)
{
    VsPlotLine *line = g_new0(VsPlotLine, 1);

    line->name = g_strdup(name);
    line->points = g_array_new(FALSE, FALSE, sizeof(VsPlotPoint));
    g_ptr_array_add(lines, line);
    return line;
}

static VsPlotLine *
find_line(const GPtrArray *lines, const char *name)
{
    for (guint i = 0; i < lines->len; i++) {
        VsPlotLine *line = lines->pdata[i];

        if (strcmp(line->name, name) == 0) {
            return line;
        }
    }
    return NULL;
}

static void
add_point(VsPlotLine *line, double x, double y)
{
    VsPlotPoint point = {x, y};

    g_array_append_val(line->points, point);
}

static VsPlotPoint *
get_point(const VsPlotLine *line, guint index)
{
    return &g_array_index(line->points, VsPlotPoint, index);
}

/* The line that the numbers of client 'id' go to. */
static const char *
line_of_client(const VsPlotInput *input, const char *id)
{
    return input->clients->len > VS_PLOT_MAX_CLIENTS ? ALL_CLIENTS : id;
}

/* Reading. ------------------------------------------------------------------------- */

static bool
read_csv(const VsPlotInput *input, const char *name, VsCsvTakeRow take, void *data,
         GError **error)
{
    g_autofree char *path = g_build_filename(input->folder, name, NULL);
    g_autoptr(GError) cause = NULL;

    if (!vs_csv_read(path, take, data, &cause)) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER, "%s", cause->message);
        return false;
    }
    return true;
}

/* Latencies. ----------------------------------------------------------------------- */

/* Columns of histograms.csv and of samples.csv. */
enum { ENTITY = 1, METRIC = 2, TO = 5, COUNT = 6, TIME = 4, VALUE = 5 };

typedef struct Reading {
    const VsPlotInput *input;
    GPtrArray *lines;
    GHashTable *wanted; /* "entity,metric" to the name of a line. */
    GHashTable *totals; /* Name of a line to its last value. */
    GArray *times;      /* Of samples, ps. */
} Reading;

/* What 'wanted' holds of a row; valid until the next call. */
static const char *
find_wanted(const Reading *reading, char *const fields[VS_CSV_MAX_FIELDS])
{
    g_autofree char *key = g_strdup_printf("%s,%s", fields[ENTITY], fields[METRIC]);

    return g_hash_table_lookup(reading->wanted, key);
}

static void
want(Reading *reading, const char *entity, const char *metric, const char *line)
{
    g_hash_table_insert(reading->wanted, g_strdup_printf("%s,%s", entity, metric),
                        g_strdup(line));
}

/* The same, and makes the line if there is none. */
static void
want_line(Reading *reading, const char *entity, const char *metric, const char *line)
{
    want(reading, entity, metric, line);
    if (!find_line(reading->lines, line)) {
        add_line(reading->lines, line);
    }
}

static void
init_reading(Reading *reading, const VsPlotInput *input)
{
    *reading = (Reading){.input = input};
    reading->lines = new_lines();
    reading->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    reading->totals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    reading->times = g_array_new(FALSE, FALSE, sizeof(double));
}

/* Lines of which nothing was read are no lines. */
static void
remove_empty_lines(GPtrArray *lines)
{
    for (guint i = lines->len; i-- > 0;) {
        if (((const VsPlotLine *)lines->pdata[i])->points->len == 0) {
            g_ptr_array_remove_index(lines, i);
        }
    }
}

/* Returns the lines if the reading went well. */
static GPtrArray *
clear_reading(Reading *reading, bool is_good)
{
    g_hash_table_destroy(reading->wanted);
    g_hash_table_destroy(reading->totals);
    g_array_free(reading->times, TRUE);
    if (!is_good) {
        g_ptr_array_free(reading->lines, TRUE);
        return NULL;
    }
    return reading->lines;
}

static void
take_bucket(char *const fields[VS_CSV_MAX_FIELDS], void *reading_)
{
    Reading *reading = reading_;
    const char *name = find_wanted(reading, fields);

    if (name) {
        add_point(find_line(reading->lines, name), g_ascii_strtod(fields[TO], NULL),
                  g_ascii_strtod(fields[COUNT], NULL));
    }
}

static gint
compare_points(gconstpointer a_, gconstpointer b_)
{
    const VsPlotPoint *a = a_;
    const VsPlotPoint *b = b_;

    return (a->x > b->x) - (a->x < b->x);
}

GPtrArray *
vs_plot_input_read_latencies(const VsPlotInput *input, GError **error)
{
    GList *clients = vs_json_list_objects(vs_plot_input_root(input), "clients");
    Reading reading;
    bool is_good;

    init_reading(&reading, input);
    for (GList *item = clients; item; item = item->next) {
        const char *id = vs_json_get_text(item->data, "id");
        const char *metric = vs_json_get_text(item->data, "latency_metric");

        if (id && metric) {
            want_line(&reading, id, metric, line_of_client(input, id));
        }
    }
    g_list_free(clients);
    is_good = read_csv(input, "histograms.csv", take_bucket, &reading, error);
    remove_empty_lines(reading.lines);
    for (guint i = 0; i < reading.lines->len; i++) {
        const VsPlotLine *line = reading.lines->pdata[i];

        g_array_sort(line->points, compare_points);
        for (guint j = 1; j < line->points->len; j++) {
            get_point(line, j)->y += get_point(line, j - 1)->y;
        }
    }
    return clear_reading(&reading, is_good);
}

/* Throughput. ---------------------------------------------------------------------- */

/* Adds up the counters of a line at each time. */
static void
take_counter(char *const fields[VS_CSV_MAX_FIELDS], void *reading_)
{
    Reading *reading = reading_;
    double time = g_ascii_strtod(fields[TIME], NULL);
    const char *name = find_wanted(reading, fields);
    VsPlotLine *line;

    if (reading->times->len == 0 ||
        g_array_index(reading->times, double, reading->times->len - 1) < time) {
        g_array_append_val(reading->times, time);
    }
    if (!name) {
        return;
    }
    line = find_line(reading->lines, name); /* What is wanted has one. */
    if (line->points->len == 0 || get_point(line, line->points->len - 1)->x < time) {
        add_point(line, time, 0);
    }
    get_point(line, line->points->len - 1)->y += g_ascii_strtod(fields[VALUE], NULL);
}

/* The counter's value at 'time', '*place' being the first of its points not yet
 * passed. */
static double
count_at(const VsPlotLine *line, double time, guint *place)
{
    while (*place < line->points->len && get_point(line, *place)->x <= time) {
        ++*place;
    }
    return *place > 0 ? get_point(line, *place - 1)->y : 0;
}

/* Turns counts at the sampled times into their growth in 'per_ps' in each of 'n_bins'
 * intervals. */
static void
make_rates(VsPlotLine *line, const GArray *times, guint n_bins, double per_ps)
{
    GArray *rates = g_array_new(FALSE, FALSE, sizeof(VsPlotPoint));
    guint place = 0;
    double before = 0;
    double count_before = 0;

    for (guint i = 0; i < n_bins; i++) {
        guint last = (guint)((guint64)(i + 1) * times->len / n_bins) - 1;
        double time = g_array_index(times, double, last);
        double count = count_at(line, time, &place);
        VsPlotPoint point = {(time + before) / 2 / (double)VS_S,
                             (count - count_before) * per_ps / (time - before)};

        g_array_append_val(rates, point);
        before = time;
        count_before = count;
    }
    g_array_free(line->points, TRUE);
    line->points = rates;
}

static guint
choose_n_bins(const Reading *reading)
{
    double most = 0;

    for (guint i = 0; i < reading->lines->len; i++) {
        const VsPlotLine *line = reading->lines->pdata[i];

        most = MAX(most, get_point(line, line->points->len - 1)->y);
    }
    return (guint)CLAMP(most / REQUESTS_PER_POINT, MIN(MIN_POINTS, reading->times->len),
                        MIN(MAX_POINTS, reading->times->len));
}

static void
want_client(Reading *reading, JsonObject *client)
{
    const char *id = vs_json_get_text(client, "id");
    const char *metric = vs_json_get_text(client, "latency_metric");
    JsonObject *failures = vs_json_get_object(client, "failures");
    GList *names = failures ? json_object_get_members(failures) : NULL;

    if (id && metric) {
        const char *line = line_of_client(reading->input, id);
        g_autofree char *count = g_strdup_printf("%s-count", metric);
        g_autofree char *completed = g_strdup_printf("%s: completed", line);
        g_autofree char *failed = g_strconcat(line, VS_PLOT_FAILED, NULL);

        want_line(reading, id, count, completed);
        for (GList *name = names; name; name = name->next) {
            want_line(reading, id, name->data, failed);
        }
    }
    g_list_free(names);
}

GPtrArray *
vs_plot_input_read_throughput(const VsPlotInput *input, GError **error)
{
    GList *clients = vs_json_list_objects(vs_plot_input_root(input), "clients");
    Reading reading;
    bool is_good;

    init_reading(&reading, input);
    for (GList *item = clients; item; item = item->next) {
        want_client(&reading, item->data);
    }
    g_list_free(clients);
    is_good = read_csv(input, "samples.csv", take_counter, &reading, error);
    remove_empty_lines(reading.lines);
    if (is_good && reading.lines->len > 0) {
        guint n_bins = choose_n_bins(&reading);

        for (guint i = 0; i < reading.lines->len; i++) {
            make_rates(reading.lines->pdata[i], reading.times, n_bins, (double)VS_S);
        }
    }
    return clear_reading(&reading, is_good);
}

/* Queues. -------------------------------------------------------------------------- */

/* The first queue of each model's instance: of who is there, waiting or served. */
static void
want_queues(Reading *reading)
{
    GList *queues = vs_json_list_objects(vs_plot_input_root(reading->input), "queues");
    const char *last = "";

    for (GList *item = queues; item; item = item->next) {
        const char *entity = vs_json_get_text(item->data, "entity");
        const char *kind = vs_json_get_text(item->data, "kind");
        const char *name = vs_json_get_text(item->data, "name");

        if (entity && kind && name && strcmp(entity, last) != 0) {
            g_autofree char *metric = g_strdup_printf("%s-time", name);
            g_autofree char *line = g_strdup_printf("%s %s", kind, entity);

            if (strcmp(kind, "wire") == 0) {
                want(reading, entity, "sending-time", entity);
            } else {
                want(reading, entity, metric,
                     g_str_has_prefix(entity, "core ") ? entity : line);
            }
            last = entity;
        }
    }
    g_list_free(queues);
}

/* Keeps the last value of each. */
static void
take_total(char *const fields[VS_CSV_MAX_FIELDS], void *reading_)
{
    Reading *reading = reading_;
    const char *name = find_wanted(reading, fields);
    double *total = name ? g_hash_table_lookup(reading->totals, name) : NULL;

    if (name && !total) {
        total = g_new(double, 1);
        g_hash_table_insert(reading->totals, g_strdup(name), total);
    }
    if (total) {
        *total = g_ascii_strtod(fields[VALUE], NULL);
    }
}

/* Wants nothing but the lines that there are. */
static void
forget_others(Reading *reading)
{
    GHashTableIter iter;
    gpointer key, name;

    g_hash_table_iter_init(&iter, reading->wanted);
    while (g_hash_table_iter_next(&iter, &key, &name)) {
        if (!find_line(reading->lines, name)) {
            g_hash_table_iter_remove(&iter);
        }
    }
}

/* Makes a line for each of the longest, longest first. */
static void
choose_queues(Reading *reading)
{
    double fullest = 0;

    while (reading->lines->len < VS_PLOT_MAX_QUEUES) {
        const char *longest = NULL;
        double most = 0;
        GHashTableIter iter;
        gpointer name, total;

        g_hash_table_iter_init(&iter, reading->totals);
        while (g_hash_table_iter_next(&iter, &name, &total)) {
            /* Of equal ones the first by name, so that the figure is the same each
             * time. */
            if (*(double *)total > most ||
                (longest && *(double *)total == most && strcmp(name, longest) < 0)) {
                longest = name;
                most = *(double *)total;
            }
        }
        fullest = MAX(fullest, most);
        if (!longest || most < LEAST_SHOWN * fullest) {
            return;
        }
        add_line(reading->lines, longest);
        g_hash_table_remove(reading->totals, longest);
    }
}

GPtrArray *
vs_plot_input_read_queues(const VsPlotInput *input, GError **error)
{
    Reading reading;
    bool is_good;

    init_reading(&reading, input);
    want_queues(&reading);
    is_good = read_csv(input, "samples.csv", take_total, &reading, error);
    choose_queues(&reading);
    forget_others(&reading);
    is_good = is_good && read_csv(input, "samples.csv", take_counter, &reading, error);
    for (guint i = 0; is_good && i < reading.lines->len; i++) {
        make_rates(reading.lines->pdata[i], reading.times,
                   MIN(MAX_POINTS, reading.times->len), 1);
    }
    return clear_reading(&reading, is_good);
}
