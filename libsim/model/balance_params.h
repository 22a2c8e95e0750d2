/* What models that choose among backends share: the algorithm and its settings. */
#pragma once

#include "balance/balancer.h"
#include "model/model.h"

typedef struct VsBalanceParams {
    const char *algorithm;
    const char *settings; /* "NAME=VALUE NAME=VALUE"; NULL: defaults. */
} VsBalanceParams;

/* Rows for the member 'm' (a VsBalanceParams) of a model's configuration; 'doc' says what is
 * chosen for what. */
#define VS_BALANCE_PARAM_ROWS(Config, m, default_, doc_)                              \
    VS_PARAM_STRING(Config, m.algorithm, "algorithm", .def = (default_),              \
                    .doc = doc_ "  One of those that vethsim select --list tells."),  \
        VS_PARAM_STRING(Config, m.settings, "algorithm-params",                       \
                        .doc = "Settings of the algorithm: NAME=VALUE, several with " \
                               "blanks between.")

/* True if there is such an algorithm, it takes these settings, and chooses by nothing or by
 * one of 'keys' (bits 1 << VsBalanceKeyKind); else 'error' is set, at 'element'. */
bool vs_balance_params_check(const VsBalanceParams *params, unsigned keys,
                             const VsElement *element,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A balancer without backends; the params have been checked. */
void vs_balance_params_init(const VsBalanceParams *params, VsBalancer *balancer,
                            const VsRng *rng);
