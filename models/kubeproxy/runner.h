/* How often kube-proxy syncs: a token for every 'min_interval', of which some are saved up.
 *
 * As kube-proxy's async.BoundedFrequencyRunner (kubernetes pkg/util/async): with a token
 * a run starts at once; without one it waits for 'min_interval' after the end of the last
 * run, and on for the token if that is not enough. */
#pragma once

#include "vethsim-model.h"

enum { PROXY_BURST_SYNCS = 2 };

typedef struct ProxyRunner {
    VsTime min_interval; /* 0: whenever asked. */
    VsTime credit;       /* Of tokens, each worth 'min_interval'. */
    VsTime credited_at;
    VsTime last_end; /* Of a run. */
} ProxyRunner;

/* Full of tokens: the last sync was long ago. */
void proxy_runner_init(ProxyRunner *runner, VsTime min_interval);

/* Takes a token, if there is one at 'now'; else false, and when to try again. */
bool proxy_runner_try(ProxyRunner *runner, VsTime now, VsTime *ret_next);
