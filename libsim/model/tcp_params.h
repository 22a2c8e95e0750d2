/* What models with sockets of their own share: the settings of TCP in their namespace, by the
 * names of Linux' sysctls. */
#pragma once

#include "model/model.h"
#include "transport/socket.h"

typedef struct VsTcpParams {
    VsTcpConfig config;
    uint64_t receive_buffer;
    VsChoice syn_cookies; /* VsTcpSynCookies, of a model that listens: its own row. */
} VsTcpParams;

/* Rows for the member 'm' (a VsTcpParams) of a model's configuration. */
#define VS_TCP_PARAM_ROWS(Config, m)                                                   \
    VS_PARAM_UINT(Config, m.config.initial_window, "tcp-initial-window", .def = "10",  \
                  .min = "1", .max = "1000",                                           \
                  .doc = "Segments sent before the first ACK (RFC 6928)."),            \
        VS_PARAM_SIZE(Config, m.receive_buffer, "tcp-receive-buffer",                  \
                      .def = "262140B", .min = "2KiB", .max = "1GiB",                  \
                      .doc = "Bounds the window that peers are told."),                \
        VS_PARAM_TIME(Config, m.config.rto_initial, "tcp-rto-initial", .def = "1s",    \
                      .min = "1ms", .max = "120s",                                     \
                      .doc = "Time-out before the first round trip is known (RFC "     \
                             "6298)."),                                                \
        VS_PARAM_TIME(Config, m.config.rto_min, "tcp-rto-min", .def = "200ms",         \
                      .min = "1ms", .max = "120s",                                     \
                      .doc = "A time-out is at least this above the round trip "       \
                             "(net.ipv4.tcp_rto_min_us)."),                            \
        VS_PARAM_TIME(Config, m.config.rto_max, "tcp-rto-max", .def = "120s",          \
                      .min = "1s", .max = "120s",                                      \
                      .doc = "And never longer (net.ipv4.tcp_rto_max_ms)."),           \
        VS_PARAM_TIME(Config, m.config.delayed_ack, "tcp-delayed-ack", .def = "40ms",  \
                      .max = "500ms",                                                  \
                      .doc = "How long an ACK waits at least for data to go with: up " \
                             "to 200 ms, as the peer's pauses and the round trip are " \
                             "long; 0s: not at all."),                                 \
        VS_PARAM_BOOL(Config, m.config.is_nodelay, "tcp-nodelay", .def = "yes",        \
                      .doc = "No: a segment that is not full waits until the one "     \
                             "before it that was not is acknowledged, as where a "     \
                             "program does not set TCP_NODELAY (Nagle, RFC 896)."),    \
        VS_PARAM_TIME(Config, m.config.time_wait, "tcp-time-wait", .def = "60s",       \
                      .min = "1ms", .max = "600s",                                     \
                      .doc = "How long a connection that closed first keeps its port " \
                             "(fixed in Linux)."),                                     \
        VS_PARAM_UINT(Config, m.config.syn_retries, "tcp-syn-retries", .def = "6",     \
                      .max = "127",                                                    \
                      .doc = "Retries of a SYN (net.ipv4.tcp_syn_retries)."),          \
        VS_PARAM_UINT(Config, m.config.syn_linear_timeouts, "tcp-syn-linear-timeouts", \
                      .def = "0", .max = "127",                                        \
                      .doc = "So many retries of a SYN more, which come at even "      \
                             "intervals before the time-out doubles "                  \
                             "(net.ipv4.tcp_syn_linear_timeouts: 4 in Linux 6.5 and "  \
                             "later)."),                                               \
        VS_PARAM_UINT(Config, m.config.retries, "tcp-retries", .def = "15",            \
                      .max = "255",                                                    \
                      .doc = "Time-outs in a row that break a connection "             \
                             "(net.ipv4.tcp_retries2)."),                              \
        VS_PARAM_BOOL(Config, m.config.has_timestamps, "tcp-timestamps", .def = "no",  \
                      .doc =                                                           \
                          "Timestamps of RFC 7323, 12 bytes a segment, where both "    \
                          "sides have them (net.ipv4.tcp_timestamps; Linux: yes)."),   \
        VS_PARAM_BOOL(Config, m.config.has_sack, "tcp-sack", .def = "yes",             \
                      .doc = "Selective acknowledgements of RFC 2018, where both "     \
                             "sides have them (net.ipv4.tcp_sack)."),                  \
        VS_PARAM_BOOL(Config, m.config.has_rack, "tcp-recovery", .def = "yes",         \
                      .doc = "With SACK: losses are found by time (RACK of RFC "       \
                             "8985); no: by three segments that arrived later "        \
                             "(net.ipv4.tcp_recovery)."),                              \
        VS_PARAM_BOOL(Config, m.config.has_loss_probe, "tcp-early-retrans",            \
                      .def = "yes",                                                    \
                      .doc = "With SACK: after two round trips without an ACK the "    \
                             "last segment is sent again (TLP of RFC 8985; "           \
                             "net.ipv4.tcp_early_retrans)."),                          \
        VS_PARAM_BOOL(Config, m.config.is_reusing_time_wait, "tcp-tw-reuse",           \
                      .def = "no",                                                     \
                      .doc = "A new connection may take the port of one in TIME_WAIT " \
                             "a second after it; needs timestamps on both sides "      \
                             "(net.ipv4.tcp_tw_reuse)."),                              \
        VS_PARAM_TIME(Config, m.config.keepalive_idle, "tcp-keepalive-time",           \
                      .def = "0s", .max = "32767s",                                    \
                      .doc = "How long a peer may be silent before it is asked "       \
                             "whether it is there (TCP_KEEPIDLE); 0s: for ever."),     \
        VS_PARAM_TIME(Config, m.config.keepalive_interval, "tcp-keepalive-interval",   \
                      .def = "75s", .min = "1ms", .max = "32767s",                     \
                      .doc = "And then again (TCP_KEEPINTVL)."),                       \
        VS_PARAM_UINT(Config, m.config.keepalive_probes, "tcp-keepalive-probes",       \
                      .def = "9", .min = "1", .max = "127",                            \
                      .doc = "Without an answer to so many the connection is broken "  \
                             "(TCP_KEEPCNT)."),                                        \
        VS_PARAM_UINT(Config, m.config.port_first, "local-port-first", .def = "32768", \
                      .min = "1024", .max = "65535",                                   \
                      .doc = "First ephemeral port (net.ipv4.ip_local_port_range)."),  \
        VS_PARAM_UINT(Config, m.config.port_last, "local-port-last", .def = "60999",   \
                      .min = "1024", .max = "65535", .doc = "And the last.")

/* Refuses, with 'error' set, what contradicts itself or cannot act. */
bool vs_tcp_params_check(const VsTcpParams *params, const VsElement *element,
                         GError **error);

/* Gives the sockets of 'netns' these settings; before its first connection. */
void vs_tcp_params_apply(const VsTcpParams *params, VsNetns *netns);
