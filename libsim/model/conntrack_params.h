/* Rows of statistics that models with a conntrack table of their own share. */
#pragma once

#include "model/model.h"
#include "netfilter/conntrack.h"

/* Rows for the member 'm' (a VsConntrackStats) of a model's instance, by the names of
 * /proc/net/stat/nf_conntrack. */
#define VS_CONNTRACK_STAT_ROWS(Self, m)                                             \
    VS_COUNTER(Self, m.n_entries, "conntrack-entries", "connection",                \
               "Connections in conntrack's table now."),                            \
        VS_COUNTER(Self, m.n_entries_max, "conntrack-entries-max", "connection",    \
                   "The most that were in it at once."),                            \
        VS_COUNTER(Self, m.found, "conntrack-found", "tuple",                       \
                   "Tuples that NAT wanted and another connection had."),           \
        VS_COUNTER(Self, m.invalid, "conntrack-invalid", "packet",                  \
                   "Packets that fit no connection."),                              \
        VS_COUNTER(Self, m.insert_failed, "conntrack-insert-failed", "connection",  \
                   "New connections that lost the race for the table, or found no " \
                   "unique tuple."),                                                \
        VS_COUNTER(Self, m.drop, "conntrack-drop", "packet",                        \
                   "Packets dropped for that, or because the table was full."),     \
        VS_COUNTER(Self, m.early_drop, "conntrack-early-drop", "connection",        \
                   "Unanswered connections that made room in a full table."),       \
        VS_COUNTER(Self, m.icmp_error, "conntrack-icmp-error", "packet",            \
                   "ICMP errors about no connection."),                             \
        VS_COUNTER(Self, m.clash_resolve, "conntrack-clash-resolve", "connection",  \
                   "New connections that lost the race and went on all the same.")
