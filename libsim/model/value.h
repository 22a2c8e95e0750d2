/* Values that only attributes of a scenario have: labels, prefixes, arrivals, limits of
 * queues.
 *
 * The parsers return false with 'error' set in the domain VS_SCENARIO_ERROR or
 * VS_UNITS_ERROR, and 'ret' untouched.  The printers return newly allocated text that
 * reads as the same value again. */
#pragma once

#include "model/param.h"

/* "app=shop tier=web": keys once each, letters, digits and "-_./" in keys, without the
 * slash in values.  'ret' is sorted by key, its text in 'strings'. */
bool vs_labels_parse(const char *text, VsLabels *ret, GStringChunk *strings,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vs_labels_print(const VsLabels *labels);
void vs_labels_clear(VsLabels *labels);

/* "10.0.0.0/16 10.1.0.1": prefixes and addresses, which are prefixes of 32 bits; at least
 * one, each once. */
bool vs_prefixes_parse(const char *text, VsPrefixes *ret,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vs_prefixes_print(const VsPrefixes *prefixes);
void vs_prefixes_clear(VsPrefixes *prefixes);

/* "poisson(1000/s)", "closed(16,exponential(1s))". */
bool vs_arrivals_parse(const char *text, VsArrivals *ret,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vs_arrivals_print(const VsArrivals *arrivals);
void vs_arrivals_clear(VsArrivals *arrivals);

/* "100packets", "256KiB", "1ms" or "unlimited". */
bool vs_queue_limit_parse(const char *text, VsQueueLimit *ret,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vs_queue_limit_print(const VsQueueLimit *limit);

/* True when 'word' is one of the words of 'list', which single spaces separate. */
bool vs_word_list_has(const char *list, const char *word);

/* Sets 'error' to VS_SCENARIO_ERROR_VALUE with this message; returns false. */
bool vs_value_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
