#include "models/kubeproxy/runner.h"

void
proxy_runner_init(ProxyRunner *runner, VsTime min_interval)
{
    *runner = (ProxyRunner){.min_interval = min_interval,
                            .credit = PROXY_BURST_SYNCS * min_interval};
}

bool
proxy_runner_try(ProxyRunner *runner, VsTime now, VsTime *ret_next)
{
    VsTime most = PROXY_BURST_SYNCS * runner->min_interval;

    runner->credit = MIN(runner->credit + (now - runner->credited_at), most);
    runner->credited_at = now;
    if (runner->credit >= runner->min_interval) {
        runner->credit -= runner->min_interval;
        return true;
    }
    *ret_next = MAX(runner->last_end + runner->min_interval,
                    now + runner->min_interval - runner->credit);
    return false;
}
