/* How TCP behaves in all namespaces of a host: parameters of every model that has
 * connections of its own or of its pods. */
#pragma once

#include "model/model.h"
#include "net/host.h"
#include "transport/congestion.h"

typedef struct VsTcpHostParams {
    VsChoice congestion; /* VsCongestionKind. */
} VsTcpHostParams;

/* Rows for the member 'm' (a VsTcpHostParams) of a model's configuration. */
#define VS_TCP_HOST_PARAM_ROWS(Config, m)                                           \
    VS_PARAM_CHOICE(Config, m.congestion, "congestion", .def = "cubic",        \
                    .choices = vs_congestion_names,                            \
                    .doc = "Congestion control of its TCP connections, those " \
                           "of its pods included "                             \
                           "(net.ipv4.tcp_congestion_control).")

/* To be called before the first socket of 'host' is made. */
void vs_tcp_host_params_apply(const VsTcpHostParams *params, VsHost *host);
