#include "model/tcp_host_params.h"

void
vs_tcp_host_params_apply(const VsTcpHostParams *params, VsHost *host)
{
    host->sysctls = (VsHostSysctls){.tcp_congestion_control = params->congestion,
                                    .tcp_ecn = params->ecn,
                                    .has_gso = params->has_gso};
}
