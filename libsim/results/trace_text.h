/* The story of a traced probe for people: made from its JSON alone (trace_json.h).
 *
 * Lines have at most 100 columns.  Each packet has a heading, each namespace on its way a
 * block; times are ns from the packet's start.  A packet that fares in all as one before it
 * has a line instead.  At the end is the bill: where the time
 * went, and its sum. */
#pragma once

#include <glib.h>

/* 'json' is what vs_trace_print_json() gave.  With "why_not" in it, those are the answers and
 * packets are left out.  Newly allocated; NULL with 'error' set when it is something else. */
char *vs_trace_print_text(const char *json, GError **error) G_GNUC_WARN_UNUSED_RESULT;
