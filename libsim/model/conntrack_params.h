/* What models with a conntrack table of their own share: rows of statistics, and the
 * settings of a node's table. */
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

/* What kube-proxy and the kernel's sysctls set. */
typedef struct VsConntrackParams {
    uint32_t max; /* 0: by the two that follow. */
    uint32_t max_per_core;
    uint32_t min;
    VsTime tcp_established;
    VsTime tcp_close_wait;
    VsTime udp;
    VsTime udp_stream;
    bool is_loose;
    VsChoice clash; /* VsCtClash. */
} VsConntrackParams;

extern const char *const vs_ct_clash_choices[];

/* Rows for the member 'm' (a VsConntrackParams) of a model's configuration. */
#define VS_CONNTRACK_PARAM_ROWS(Config, m)                                             \
    VS_PARAM_UINT(Config, m.max, "conntrack-max", .min = "1",                          \
                  .doc =                                                               \
                      "Connections tracked at most (nf_conntrack_max); without it, "   \
                      "what kube-proxy sets by the next two."),                        \
        VS_PARAM_UINT(Config, m.max_per_core, "conntrack-max-per-core",                \
                      .def = "32768", .min = "1", .max = "8388608",                    \
                      .doc = "Connections for each core (kube-proxy's "                \
                             "conntrack.maxPerCore)."),                                \
        VS_PARAM_UINT(Config, m.min, "conntrack-min", .def = "131072", .min = "1",     \
                      .doc = "At least this many, however few the cores "              \
                             "(conntrack.min)."),                                      \
        VS_PARAM_TIME(Config, m.tcp_established, "conntrack-tcp-timeout-established",  \
                      .def = "24h", .min = "1s", .max = "2000h",                       \
                      .doc =                                                           \
                          "How long an idle established TCP connection is remembered " \
                          "(conntrack.tcpEstablishedTimeout; the kernel's own is "     \
                          "120h)."),                                                   \
        VS_PARAM_TIME(Config, m.tcp_close_wait, "conntrack-tcp-timeout-close-wait",    \
                      .def = "1h", .min = "1s", .max = "2000h",                        \
                      .doc = "The same of one that one side has closed "               \
                             "(conntrack.tcpCloseWaitTimeout; the kernel's own is "    \
                             "60s)."),                                                 \
        VS_PARAM_TIME(                                                                 \
            Config, m.udp, "conntrack-udp-timeout", .def = "30s", .min = "1s",         \
            .max = "2000h",                                                            \
            .doc =                                                                     \
                "How long a silent UDP flow is remembered (conntrack.udpTimeout)."),   \
        VS_PARAM_TIME(Config, m.udp_stream, "conntrack-udp-timeout-stream",            \
                      .def = "120s", .min = "1s", .max = "2000h",                      \
                      .doc = "The same of one that is answered and more than 2 s old " \
                             "(conntrack.udpStreamTimeout)."),                         \
        VS_PARAM_BOOL(Config, m.is_loose, "conntrack-tcp-loose", .def = "yes",         \
                      .doc = "Take up TCP connections in their middle "                \
                             "(nf_conntrack_tcp_loose); otherwise such segments are "  \
                             "invalid."),                                              \
        VS_PARAM_CHOICE(Config, m.clash, "conntrack-clash", .def = "insert",           \
                        .choices = vs_ct_clash_choices,                                \
                        .doc = "What becomes of the first packet that loses the race " \
                               "for the table: insert, as in Linux 5.7: it joins an "  \
                               "equal entry, or has one for its answers, but TCP is "  \
                               "dropped; merge, as in 4.7: only the former; drop, "    \
                               "before.")

/* A conntrack-max= leaves the size by cores without effect: refused with 'error' set. */
bool vs_conntrack_params_check(const VsElement *element, GError **error);

VsConntrackConfig vs_conntrack_params_config(const VsConntrackParams *params,
                                             unsigned n_cores);
