/* A summary: the numbers of a run, collected once for text, JSON and plots alike.
 *
 * It refers to names and statistics of its simulation, which must outlive it and stand
 * still meanwhile. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "engine/stats.h"
#include "model/model.h"
#include "results/stage_table.h"
#include "scenario/simulation.h"

/* A row of an instance's table of statistics, with where its value is. */
typedef struct VsSummaryStat {
    const VsElement *element;
    const char *entity; /* How results call the instance: its id. */
    const VsStat *stat;
    const void *value; /* Of the type that stat->kind says. */
} VsSummaryStat;

/* Who makes requests and follows them: an instance whose table has VS_STAT_STAGES.
 * Its first histogram is the latency of completed requests; its counters tell what
 * became of all of them: "requests" begun, "completed", and failures, whose names
 * are "error-...". */
typedef struct VsSummaryClient {
    const char *id;
    GArray *counters;           /* Of VsSummaryCounter, in the order of the table. */
    const VsStat *latency_stat; /* NULL: none. */
    VsHistogram latency;
    VsStageTable stages;
} VsSummaryClient;

typedef struct VsSummaryCounter {
    const VsStat *stat;
    uint64_t value;
} VsSummaryCounter;

/* What works or idles: a wire, a core, the workers of a model (VS_STAT_BUSY). */
typedef struct VsSummaryServer {
    const char *kind; /* "wire", "core" or the model's element. */
    const char *entity;
    unsigned n_servers;
    VsTime busy; /* All of them together, until now. */
    double utilisation;
    uint64_t n_packets; /* Wires and cores. */
    uint64_t n_bytes;   /* Wires. */
    uint64_t n_dropped; /* Wires and cores. */
} VsSummaryServer;

typedef struct VsSummaryQueue {
    const char *kind;
    const char *entity;
    const char *name; /* "queue" */
    const char *unit; /* "packet" */
    const char *doc;  /* What is counted. */
    const VsQueueStat *stat;
    double mean;       /* Time average of the number. */
    double mean_visit; /* Of those who left, ps. */

    /* The same without the time on the way that a wire's packets spend after their last
     * bit was sent: what is left is waiting and service. */
    double mean_here;
    double mean_visit_here;
    bool is_balanced; /* Little's law. */
} VsSummaryQueue;

typedef struct VsSummary {
    VsSimulation *simulation;
    VsTime until;
    VsTime reached;
    bool is_partial; /* It was stopped before its end. */
    uint64_t n_events;
    char *digest;
    GArray *clients;       /* Of VsSummaryClient. */
    VsSummaryClient total; /* All clients together. */
    GArray *counters;      /* Of VsSummaryStat: of those who are no clients. */
    GArray *histograms;    /* The same. */
    GArray *shares;        /* The same. */
    GArray *servers;       /* Of VsSummaryServer. */
    GArray *queues;        /* Of VsSummaryQueue. */
    GHashTable *requests;  /* Pods' names to uint64_t. */
    uint64_t n_created;
    uint64_t n_delivered;
    uint64_t n_dropped;
    uint64_t n_in_flight;
    GStringChunk *strings;
} VsSummary;

VsSummary *vs_summary_new(VsSimulation *simulation) G_GNUC_WARN_UNUSED_RESULT;
void vs_summary_free(VsSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsSummary, vs_summary_free)

/* What the programs in pod 'id' have received by now: the sum of their counters
 * "requests". */
uint64_t vs_summary_pod_requests(const VsSummary *summary, const char *id);

/* The largest of 'counts' over their mean: 1 when all are equal; 0 when all are 0. */
double vs_summary_skew(const uint64_t *counts, unsigned n_counts);

/* Checks what no run may break: the stages of each client add up to the end-to-end
 * times to the picosecond, packets are conserved, Little's law holds.  False, with
 * 'error' set, is a bug of ours. */
bool vs_summary_check(const VsSummary *summary, GError **error);

/* The summary for people, some 80 columns wide. */
char *vs_summary_print_text(const VsSummary *summary);

/* The same numbers and more, as JSON: exact, times in integer picoseconds. */
char *vs_summary_print_json(const VsSummary *summary);

/* The name that results call 'element' by: its id, or its parent's and the model's. */
char *vs_summary_name_element(const VsElement *element);

/* Time that a wire or a core has worked until 'now', an unfinished packet's
 * included. */
VsTime vs_summary_wire_busy(const VsWire *wire, VsTime now);
VsTime vs_summary_core_busy(const VsCore *core, VsTime now);

/* Time that those who left a wire spent there waiting and being sent. */
VsSum vs_summary_wire_time(const VsWire *wire);

bool vs_summary_is_failure(const VsStat *stat);

/* Requests that have neither been completed nor failed. */
uint64_t vs_summary_n_under_way(const VsSummaryClient *client);

/* Requests completed in a second of simulated time. */
double vs_summary_throughput(const VsSummary *summary, const VsSummaryClient *client);

/* A quantile that is never above the maximum. */
int64_t vs_summary_quantile(const VsHistogram *histogram, double q);
