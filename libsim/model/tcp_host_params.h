/* How TCP behaves in all namespaces of a host: parameters of every model that has
 * connections of its own or of its pods. */
#pragma once

#include "model/model.h"
#include "net/host.h"
#include "transport/socket.h"

typedef struct VsTcpHostParams {
    VsChoice congestion; /* VsCongestionKind. */
    VsChoice ecn;        /* VsTcpEcn. */
    bool has_gso;
} VsTcpHostParams;

/* Rows for the member 'm' (a VsTcpHostParams) of a model's configuration. */
#define VS_TCP_HOST_PARAM_ROWS(Config, m)                                          \
    VS_PARAM_CHOICE(Config, m.congestion, "congestion", .def = "cubic",            \
                    .choices = vs_congestion_names,                                \
                    .doc = "Congestion control of its TCP connections, those "     \
                           "of its pods included "                                 \
                           "(net.ipv4.tcp_congestion_control).  dctcp needs a "    \
                           "mark-at at the links, and dctcp at both ends."),       \
        VS_PARAM_CHOICE(Config, m.ecn, "ecn", .def = "passive",                    \
                        .choices = vs_tcp_ecn_names,                               \
                        .doc = "Explicit congestion notification "                 \
                               "(net.ipv4.tcp_ecn): on asks for it, passive uses " \
                               "it when the peer asks; dctcp always asks."),       \
        VS_PARAM_BOOL(                                                             \
            Config, m.has_gso, "gso", .def = "no",                                 \
            .doc = "Its TCP connections, those of its pods included, send "        \
                   "trains of up to 64 KiB of segments "                           \
                   "(ethtool -K tso on gso on): the datapath pays once a "         \
                   "train, wires carry its frames, and the receiver takes it as "  \
                   "one, as GRO has it.")

/* To be called before the first socket of 'host' is made. */
void vs_tcp_host_params_apply(const VsTcpHostParams *params, VsHost *host);
