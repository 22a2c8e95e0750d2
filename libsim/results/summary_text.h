/* What the parts of the textual summary share. */
#pragma once

#include "results/summary.h"
#include "results/text_table.h"

/* What a client sees: requests, latencies and where their time went. */
void vs_text_append_clients(const VsSummary *summary, GString *out);

/* What happened inside: shares, utilisation, queues, counters, packets. */
void vs_text_append_parts(const VsSummary *summary, GString *out);

void vs_text_append_heading(GString *out, const char *heading);

/* Says so when only the first 'n_shown' of 'n' were shown. */
void vs_text_append_omitted(GString *out, guint n, guint n_shown, const char *what);

/* "0s" or four significant digits; newly allocated. */
char *vs_text_print_time(int64_t ps);

/* "######" for one half; newly allocated. */
char *vs_text_print_bar(double share);

/* Fills the cells of mean, p50, p90, p99, p99.9 and max. */
#define VS_TEXT_LATENCY_WORDS "mean|p50|p90|p99|p99.9|max"
void vs_text_put_latency(VsTextTable *table, const VsHistogram *histogram);
