#include "models/client/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *const client_trace_spreads[] = {
    [CLIENT_TRACE_EVEN] = "even",
    [CLIENT_TRACE_RANDOM] = "random",
    NULL,
};

/* How far from the first one a request may be: 100 days. */
#define SECONDS_MAX (100 * INT64_C(86400))

/* A file that is being read. */
typedef struct Reader {
    ClientTrace *trace;
    VsNames *names;
    const char *path;
    int line;
    bool is_csv;
    ClientTraceColumns columns;
    int64_t first_s; /* Of its first line: other times count from then. */
} Reader;

static bool
add(Reader *reader, const ClientTraceLine *line, GError **error)
{
    GArray *requests = reader->trace->requests;
    ClientTraceRequest request = {
        .path = vs_names_intern(reader->names, line->path),
        .host = vs_names_intern(reader->names, line->host),
        .method = line->method,
        .body_bytes = line->body_bytes,
        .told_bytes = line->told_bytes,
    };
    int64_t s;

    if (requests->len == 0) {
        reader->first_s = line->s;
    }
    s = line->s - reader->first_s;
    if (s > SECONDS_MAX || s < -SECONDS_MAX) {
        return vs_value_fail(error,
                             "this is more than 100 days from the first line; write "
                             "times that are nearer to each other");
    }
    request.at = s * VS_S + line->ps;
    g_array_append_val(requests, request);
    return true;
}

/* Blank lines count for nothing. */
static bool
read_line(Reader *reader, char *text, GError **error)
{
    ClientTraceLine line;
    ClientTraceFound found;

    reader->line++;
    g_strchomp(text);
    if (*text == '\0') {
        return true;
    }
    if (!reader->is_csv && reader->trace->requests->len == 0 &&
        client_trace_is_header(text)) {
        reader->is_csv = true;
        return client_trace_read_header(text, &reader->columns, error);
    }
    if (reader->is_csv) {
        found = client_trace_read_csv(&reader->columns, text, &line, error)
                    ? CLIENT_TRACE_FOUND
                    : CLIENT_TRACE_WRONG;
    } else {
        found = client_trace_read_log(text, &line, error);
    }
    reader->trace->n_skipped += found == CLIENT_TRACE_SKIPPED;
    return found == CLIENT_TRACE_FOUND ? add(reader, &line, error)
                                       : found == CLIENT_TRACE_SKIPPED;
}

static bool
read_lines(Reader *reader, FILE *file, GError **error)
{
    bool is_good = true;
    char *text = NULL;
    size_t room = 0;
    ssize_t length;

    while (is_good && (length = getline(&text, &room, file)) >= 0) {
        is_good = strlen(text) == (size_t)length
                      ? read_line(reader, text, error)
                      : vs_value_fail(error, "there is a zero byte; write text");
    }
    free(text);
    if (is_good && ferror(file)) {
        is_good = vs_value_fail(error, "it cannot be read: %s", g_strerror(errno));
    }
    if (is_good && reader->trace->requests->len == 0) {
        is_good = vs_value_fail(error, "there is no request up to here; write one");
    }
    if (!is_good) {
        g_prefix_error(error, "%s:%d: ", reader->path, MAX(reader->line, 1));
    }
    return is_good;
}

static int
compare_times(gconstpointer a, gconstpointer b)
{
    VsTime x = ((const ClientTraceRequest *)a)->at;
    VsTime y = ((const ClientTraceRequest *)b)->at;

    return (x > y) - (x < y);
}

static inline ClientTraceRequest *
request_at(const ClientTrace *trace, unsigned i)
{
    return &g_array_index(trace->requests, ClientTraceRequest, i);
}

/* In order (the sort is stable), from time 0 on. */
static void
arrange(ClientTrace *trace)
{
    bool is_in_order = true;
    VsTime first;

    for (unsigned i = 1; i < trace->requests->len && is_in_order; i++) {
        is_in_order = request_at(trace, i - 1)->at <= request_at(trace, i)->at;
    }
    if (!is_in_order) {
        g_array_sort(trace->requests, compare_times);
    }
    first = request_at(trace, 0)->at;
    for (unsigned i = 0; i < trace->requests->len; i++) {
        request_at(trace, i)->at -= first;
    }
}

static int
compare_draws(gconstpointer a, gconstpointer b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The 'n' requests from 'first' on, which came in one second: in their order, at the order
 * statistics of as many uniform times. */
static void
spread_random(ClientTrace *trace, unsigned first, unsigned n, VsRng *rng)
{
    g_autofree uint64_t *draws = g_new(uint64_t, n);

    for (unsigned i = 0; i < n; i++) {
        draws[i] = vs_rng_below(rng, VS_S);
    }
    qsort(draws, n, sizeof(*draws), compare_draws);
    for (unsigned i = 0; i < n; i++) {
        request_at(trace, first + i)->at += (VsTime)draws[i];
    }
}

static void
spread_second(ClientTrace *trace, unsigned first, unsigned n, VsChoice spread,
              VsRng *rng)
{
    if (spread == CLIENT_TRACE_RANDOM) {
        spread_random(trace, first, n, rng);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        request_at(trace, first + i)->at += (VsTime)((unsigned __int128)VS_S * i / n);
    }
}

static void
spread(ClientTrace *trace, VsChoice how, VsRng *rng)
{
    unsigned n = trace->requests->len;

    for (unsigned first = 0, next; first < n; first = next) {
        for (next = first + 1;
             next < n && request_at(trace, next)->at == request_at(trace, first)->at;
             next++) {
        }
        spread_second(trace, first, next - first, how, rng);
    }
}

/* A log knows of its last second to the end; in CSV there is a mean time to the next. */
static VsTime
find_period(const ClientTrace *trace, bool is_csv)
{
    unsigned last = trace->requests->len - 1;
    VsTime end = request_at(trace, last)->at;

    if (!is_csv) {
        return end - end % VS_S + VS_S;
    }
    return last > 0 ? end + end / last : 0;
}

static VsTime
stretch(VsTime time, VsTime second)
{
    return (VsTime)((__int128)time * second / VS_S);
}

static bool
check_reader(const Reader *reader, const ClientTraceConfig *config,
             const VsElement *element, const char *to_path, GError **error)
{
    bool has_paths = request_at(reader->trace, 0)->path != 0;
    __int128 end = (__int128)reader->trace->period * config->second / VS_S;

    if (has_paths && strcmp(to_path, "/") != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "the path \"%s\" of to has no effect: \"%s\" has paths of its "
                        "own; leave it out",
                        to_path, config->file);
        return false;
    }
    if (reader->is_csv && vs_element_has(element, "trace-spread")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "trace-spread has no effect on \"%s\", which is CSV: its times "
                        "are exact; leave it out",
                        config->file);
        return false;
    }
    if (config->is_loop && end == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "trace-loop=\"yes\": all requests of \"%s\" are at one time; "
                        "leave it out",
                        config->file);
        return false;
    }
    if (end > VS_DIST_DRAW_MAX) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "trace-second: \"%s\" would take more than 53 days; write a "
                        "shorter time",
                        config->file);
        return false;
    }
    return true;
}

bool
client_trace_check(const ClientTraceConfig *config, const VsElement *element,
                   GError **error)
{
    static const char *const of_traces[] = {"trace-second", "trace-spread",
                                            "trace-limit", "trace-loop"};
    static const char *const of_others[] = {"arrivals", "body"};

    for (unsigned i = 0; !config->file && i < G_N_ELEMENTS(of_traces); i++) {
        if (vs_element_has(element, of_traces[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without trace=\"access.log\"",
                            of_traces[i]);
            return false;
        }
    }
    for (unsigned i = 0; config->file && i < G_N_ELEMENTS(of_others); i++) {
        if (vs_element_has(element, of_others[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "%s and trace contradict each other: the file says it; "
                            "leave one out",
                            of_others[i]);
            return false;
        }
    }
    if (!config->file && !vs_element_has(element, "arrivals")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
                        "when do requests come?  Write arrivals=\"poisson(100/s)\" or "
                        "trace=\"access.log\"");
        return false;
    }
    return true;
}

bool
client_trace_open(ClientTrace *trace, const ClientTraceConfig *config,
                  const VsElement *element, const char *to_path, VsNames *names,
                  VsRng *rng, GError **error)
{
    g_autofree char *path = vs_element_path(element, config->file);
    Reader reader = {.trace = trace, .names = names, .path = path};
    FILE *file = fopen(path, "r");
    bool is_read;

    trace->requests = g_array_new(FALSE, FALSE, sizeof(ClientTraceRequest));
    if (!file) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_IO,
                        "trace=\"%s\": %s; paths start at the folder of this file",
                        config->file, g_strerror(errno));
        return false;
    }
    is_read = read_lines(&reader, file, error);
    fclose(file);
    if (!is_read) {
        return false;
    }
    arrange(trace);
    if (!reader.is_csv) {
        spread(trace, config->spread, rng);
    }
    g_array_set_size(trace->requests, MIN(trace->requests->len, config->limit));
    trace->period = find_period(trace, reader.is_csv);
    if (!check_reader(&reader, config, element, to_path, error)) {
        return false;
    }
    trace->period = config->is_loop ? stretch(trace->period, config->second) : 0;
    for (unsigned i = 0; i < trace->requests->len; i++) {
        ClientTraceRequest *request = request_at(trace, i);

        request->at = stretch(request->at, config->second);
    }
    return true;
}

void
client_trace_clear(ClientTrace *trace)
{
    if (trace->requests) {
        g_array_free(trace->requests, TRUE);
        trace->requests = NULL;
    }
}

const ClientTraceRequest *
client_trace_get(const ClientTrace *trace, uint64_t n, VsTime *ret_at)
{
    uint64_t n_requests = trace->requests->len;
    uint64_t round = n / n_requests;
    const ClientTraceRequest *request = request_at(trace, (unsigned)(n % n_requests));

    if (round > 0 && trace->period == 0) {
        return NULL;
    }
    *ret_at = (VsTime)round * trace->period + request->at;
    return request;
}
