/* Headers of packets as JSON objects and as a line of text. */
#pragma once

#include <json-glib/json-glib.h>

#include "packet/trace.h"

/* Puts object 'name': the header fields of 'layer', but for those that 'other' (or NULL)
 * has the same. */
void vs_trace_put_headers(JsonBuilder *builder, const char *name, const VsLayer *layer,
                          const VsLayer *other);

/* "SYN 203.0.113.2:32768 > 198.51.100.1:80".  Newly allocated. */
char *vs_trace_summarize(const VsTraceRecord *record, const VsNames *names);
