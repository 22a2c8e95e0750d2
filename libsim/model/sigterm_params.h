/* What models of programs in pods share: how they end with their pod. */
#pragma once

#include "cluster/cluster.h"
#include "model/model.h"

/* What a program does at SIGTERM. */
typedef enum VsSigterm {
    VS_SIGTERM_DRAIN,
    VS_SIGTERM_EXIT,
    VS_SIGTERM_IGNORE,
} VsSigterm;

typedef struct VsSigtermParams {
    VsChoice what; /* VsSigterm, if given. */
    VsTime pre_stop;
} VsSigtermParams;

extern const char *const vs_sigterm_choices[];

/* Rows for the member 'm' (a VsSigtermParams) of a model's configuration. */
#define VS_SIGTERM_PARAM_ROWS(Config, m)                                               \
    VS_PARAM_CHOICE(Config, m.what, "on-sigterm", .choices = vs_sigterm_choices,       \
                    .doc =                                                             \
                        "When its pod terminates, after pre-stop.  drain: it listens " \
                        "no more, closes connections that wait for a request, and "    \
                        "others with their answer, which has \"Connection: close\".  " \
                        "exit: all is reset.  ignore: it serves on.  At the end of "   \
                        "grace it is killed.  Without it, it serves for ever."),       \
        VS_PARAM_TIME(Config, m.pre_stop, "pre-stop", .def = "0s",                     \
                      .doc =                                                           \
                          "A preStop hook that sleeps: so long SIGTERM is put off.")

/* Fails where pre-stop has no effect. */
bool vs_sigterm_params_check(const VsElement *element,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* In declare: its pod may cease to be ready.  Fails when the pod's end contradicts. */
bool vs_sigterm_params_declare(const VsSigtermParams *params, const VsElement *element,
                               VsPod *pod, GError **error) G_GNUC_WARN_UNUSED_RESULT;
