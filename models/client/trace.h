/* Requests recorded in a file: access logs of web servers, and CSV.
 *
 * trace.c      the requests in order of time, and one after another
 * trace_log.c  a line of Common or Combined Log Format
 * trace_csv.c  a line of CSV
 * trace_value.c  what both have: times, methods, paths, sizes
 *
 * A log is what Apache and nginx write: "HOST IDENT USER [10/Oct/2000:13:55:36 -0700]
 * \"GET /path HTTP/1.1\" 200 2326", and whatever else follows (Combined: referer, agent).  Its
 * sizes are of bodies of answers.  A log knows whole seconds: requests of one second are
 * spread over it.  What its server refused as no request (a status of 4xx, and no method and
 * path between the quotes) is none here, too.
 *
 * CSV (RFC 4180) has a header line that names its columns: time, and any of method, path,
 * host, request-bytes, response-bytes.  A time is in seconds ("12.5") or that of RFC 3339
 * ("2024-05-01T12:00:00.5Z").
 *
 * Lines may be in any order: servers write them when an answer ends, and some tell its
 * beginning.  They are sorted by time; those of the same time stay as they are. */
#pragma once

#include "vethsim-model.h"

typedef enum ClientTraceSpread {
    CLIENT_TRACE_EVEN,
    CLIENT_TRACE_RANDOM,
} ClientTraceSpread;

typedef struct ClientTraceConfig {
    const char *file; /* NULL: none. */
    VsTime second;    /* How long a second of the file takes. */
    VsChoice spread;  /* ClientTraceSpread. */
    uint32_t limit;   /* Requests at most. */
    bool is_loop;
} ClientTraceConfig;

/* 24 bytes, as there may be millions. */
typedef struct ClientTraceRequest {
    VsTime at;           /* From the beginning of the trace: its first time. */
    VsName path;         /* 0: not told. */
    VsName host : 28;    /* 0: not told. */
    unsigned method : 4; /* VsHttpMethod. */
    uint32_t body_bytes;
    uint32_t told_bytes; /* As in VsHttp. */
} ClientTraceRequest;

typedef struct ClientTrace {
    GArray *requests;   /* Of ClientTraceRequest, in order; NULL: there is no trace. */
    VsTime period;      /* From its beginning to the next; 0: there is none. */
    uint64_t n_skipped; /* Lines that were no requests. */
} ClientTrace;

#define CLIENT_TRACE_PARAM_ROWS(Config, member)                                       \
    VS_PARAM_FILE(Config, member.file, "trace",                                       \
                  .doc = "Instead of arrivals: an access log (Common or Combined "    \
                         "Log Format) or CSV, whose requests are made again, each "   \
                         "with its method, path and sizes."),                         \
        VS_PARAM_TIME(Config, member.second, "trace-second", .def = "1s",             \
                      .min = "1us",                                                   \
                      .doc = "How long a second of the trace takes: with 100ms it "   \
                             "runs ten times as fast."),                              \
        VS_PARAM_CHOICE(Config, member.spread, "trace-spread", .def = "even",         \
                        .choices = client_trace_spreads,                              \
                        .doc = "Requests of one second of a log: even, from its "     \
                               "beginning on, in their order; or at random times."),  \
        VS_PARAM_UINT(Config, member.limit, "trace-limit", .def = "4294967295",       \
                      .min = "1", .doc = "Only so many requests, the first ones."),   \
        VS_PARAM_BOOL(Config, member.is_loop, "trace-loop", .def = "no",              \
                      .doc = "yes: after the last request the trace begins again: a " \
                             "log with the next second, CSV after the mean time "     \
                             "between its requests.")

extern const char *const client_trace_spreads[];

/* Attributes of 'element' that contradict each other, or are missing. */
bool client_trace_check(const ClientTraceConfig *config, const VsElement *element,
                        GError **error);

/* Reads the file that 'element' names, with names of 'names'; 'rng' spreads; 'to_path' is for
 * requests that tell none.  False with "file:line: ..." in 'error'.  To be cleared in either
 * case; zeroed memory is fine. */
bool client_trace_open(ClientTrace *trace, const ClientTraceConfig *config,
                       const VsElement *element, const char *to_path, VsNames *names,
                       VsRng *rng, GError **error);
void client_trace_clear(ClientTrace *trace);

/* The n-th request, from 0, and when it begins, from the trace's beginning on; NULL: there is none
 * any more. */
const ClientTraceRequest *client_trace_get(const ClientTrace *trace, uint64_t n,
                                           VsTime *ret_at);

/* Lines. --------------------------------------------------------------------------- */

/* What a line says.  Texts end with zero in the line itself, or are NULL. */
typedef struct ClientTraceLine {
    int64_t s; /* Of any era. */
    VsTime ps;
    VsHttpMethod method;
    const char *path;
    const char *host;
    uint32_t body_bytes;
    uint32_t told_bytes;
} ClientTraceLine;

/* These change 'line', and set 'error' without a place. */

typedef enum ClientTraceFound {
    CLIENT_TRACE_WRONG, /* 'error' is set. */
    CLIENT_TRACE_FOUND,
    CLIENT_TRACE_SKIPPED,
} ClientTraceFound;

/* trace_log.c */
ClientTraceFound client_trace_read_log(char *line, ClientTraceLine *ret,
                                       GError **error);

/* trace_csv.c */
enum { CLIENT_TRACE_COLUMNS_MAX = 6 };

typedef struct ClientTraceColumns {
    unsigned n;
    unsigned what[CLIENT_TRACE_COLUMNS_MAX];
} ClientTraceColumns;

/* A header line, if it has a column "time". */
bool client_trace_is_header(const char *line);
bool client_trace_read_header(char *line, ClientTraceColumns *ret, GError **error);
bool client_trace_read_csv(const ClientTraceColumns *columns, char *line,
                           ClientTraceLine *ret, GError **error);

/* trace_value.c: the text is a whole field. */
bool client_trace_read_clf_time(const char *text, int64_t *ret_s, GError **error);
bool client_trace_read_time(const char *text, int64_t *ret_s, VsTime *ret_ps,
                            GError **error);
bool client_trace_read_method(const char *text, VsHttpMethod *ret, GError **error);
bool client_trace_check_path(const char *path, GError **error);

/* Up to 4294967294. */
bool client_trace_read_size(const char *text, const char *what, uint32_t *ret,
                            GError **error);
