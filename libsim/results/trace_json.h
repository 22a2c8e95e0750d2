/* The story of a traced probe as JSON: docs/trace.schema.json says what is in it.
 *
 * The stages of the request, whose times add up to its end-to-end time exactly; its packets
 * in the order they were sent, with every step of each; the connections that the
 * namespaces on the way remember; and, if asked for, why something was not taken. */
#pragma once

#include <glib.h>

#include "results/trace_why.h"
#include "scenario/probe.h"

typedef struct VsTraceOptions {
    const char *const *why_not; /* Patterns to explain (trace_why.h), ended by NULL; or
                                   NULL. */
    const VsTraceRules *rules;  /* All rules of the namespaces, or NULL. */
} VsTraceOptions;

/* The story of 'probe', which has run with 'is_traced'.  Newly allocated; NULL with 'error'
 * set when nothing matches one of options->why_not. */
char *vs_trace_print_json(const VsProbe *probe, const VsTraceOptions *options,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The published JSON schema (draft 2020-12). */
const char *vs_trace_schema(void);
