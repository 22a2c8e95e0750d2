/* Parameters that every model with a host of its own has, and how they make the host. */
#pragma once

#include "model/build.h"
#include "model/capture.h"
#include "model/model.h"

typedef struct VsHostParams {
    uint32_t cores;
    uint32_t backlog;
    VsChoice ecmp; /* VsEcmpMode. */
    uint32_t ecmp_seed;
    const VsElement *costs; /* <costs>, or NULL: the defaults. */
    const VsElement *rss;   /* <rss>, or NULL: a hash of our own. */
    const char *capture;    /* Interfaces of the root namespace, or NULL. */
} VsHostParams;

/* Whether, and by what, equally short paths share the flows. */
typedef enum VsEcmpMode {
    VS_ECMP_OFF,
    VS_ECMP_L3,
    VS_ECMP_L4,
    VS_ECMP_INNER_L3
} VsEcmpMode;

extern const char *const vs_ecmp_mode_names[];

/* Rows for the member 'm' (a VsHostParams) of a model's configuration. */
#define VS_HOST_PARAM_ROWS(Config, m, default_cores)                                 \
    VS_PARAM_UINT(Config, m.cores, "cores", .def = default_cores, .min = "1",        \
                  .max = "256", .doc = "Cores that handle packets."),                \
        VS_PARAM_UINT(Config, m.backlog, "backlog", .def = "1000", .min = "1",       \
                      .doc = "Received packets that may wait for each core "         \
                             "(net.core.netdev_max_backlog)."),                      \
        VS_PARAM_CHOICE(Config, m.ecmp, "ecmp", .def = "off",                        \
                        .choices = vs_ecmp_mode_names,                               \
                        .doc = "Off: one of several equally short paths is taken.  " \
                               "Else all are, each flow by a hash of its addresses " \
                               "(l3), of protocol and ports, too (l4), or of the "   \
                               "addresses inside IPIP (inner-l3): "                  \
                               "net.ipv4.fib_multipath_hash_policy."),               \
        VS_PARAM_UINT(Config, m.ecmp_seed, "ecmp-seed", .def = "0",                  \
                      .doc = "Of that hash (net.ipv4.fib_multipath_hash_seed); 0: "  \
                             "drawn by the scenario's seed."),                       \
        VS_PARAM_REF(Config, m.costs, "costs", .to = "costs",                        \
                     .doc = "What each step of the datapath costs; the defaults of " \
                            "<costs> without it."),                                  \
        VS_PARAM_REF(Config, m.rss, "rss", .to = "rss",                              \
                     .doc = "Which core handles a received packet: that of the "     \
                            "receive queue that <rss> chooses, and counts.  "        \
                            "Without it, one by a hash of the flow that spreads "    \
                            "evenly, whatever the protocol."),                       \
        VS_CAPTURE_PARAM_ROW(Config, m.capture)

/* A parameter for each cost of net/costs.def, with a VsCosts as configuration. */
extern const VsParam vs_costs_params[];

/* The defaults of net/costs.def. */
void vs_costs_init(VsCosts *costs);

/* Makes the host of 'element' and registers it with the build. */
VsHost *vs_build_new_host(VsBuild *build, const VsElement *element,
                          const VsHostParams *params, VsHostRole role);
