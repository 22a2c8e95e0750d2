/* Picks of a balancer, a line each: of CSV (RFC 4180) or of JSON. */
#pragma once

#include <glib.h>

/* Appends 'KEY,BACKEND' and a line end; fields with a comma, a quote or a line end are
 * quoted.  'backend' is NULL if there was none: an empty field. */
void vs_pick_append_csv(GString *out, const char *key, const char *backend);

/* Appends '{"key":"KEY","backend":"BACKEND"}' and a line end; NULL is null, and bytes of a
 * key that are not UTF-8 become U+FFFD. */
void vs_pick_append_json(GString *out, const char *key, const char *backend);
