/* The params of balancers, from text and to text. */
#pragma once

#include "balance/balancer.h"

/* Fills 'ret_values' with defaults and 'settings' ("NAME=VALUE", ended by NULL; may be
 * NULL).  False with an error that names the param and what it takes. */
bool vs_balancer_params_read(const VsBalancerKind *kind, const char *const *settings,
                             uint64_t ret_values[VS_BALANCER_MAX_PARAMS],
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends "nginx-hash" and its params, a line. */
void vs_balancer_params_print(const VsBalancer *balancer, GString *out);
