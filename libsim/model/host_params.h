/* Parameters that every model with a host of its own has, and how they make the host. */
#pragma once

#include "model/build.h"
#include "model/capture.h"
#include "model/model.h"

typedef struct VsHostParams {
    uint32_t cores;
    uint32_t backlog;
    const VsElement *costs; /* <costs>, or NULL: the defaults. */
    const char *capture;    /* Interfaces of the root namespace, or NULL. */
} VsHostParams;

/* Rows for the member 'm' (a VsHostParams) of a model's configuration. */
#define VS_HOST_PARAM_ROWS(Config, m, default_cores)                                 \
    VS_PARAM_UINT(Config, m.cores, "cores", .def = default_cores, .min = "1",        \
                  .max = "256", .doc = "Cores that handle packets."),                \
        VS_PARAM_UINT(Config, m.backlog, "backlog", .def = "1000", .min = "1",       \
                      .doc = "Received packets that may wait for each core "         \
                             "(net.core.netdev_max_backlog)."),                      \
        VS_PARAM_REF(Config, m.costs, "costs", .to = "costs",                        \
                     .doc = "What each step of the datapath costs; the defaults of " \
                            "<costs> without it."),                                  \
        VS_CAPTURE_PARAM_ROW(Config, m.capture)

/* A parameter for each cost of net/costs.def, with a VsCosts as configuration. */
extern const VsParam vs_costs_params[];

/* The defaults of net/costs.def. */
void vs_costs_init(VsCosts *costs);

/* Makes the host of 'element' and registers it with the build. */
VsHost *vs_build_new_host(VsBuild *build, const VsElement *element,
                          const VsHostParams *params, VsHostRole role);
