/* CPU time of TLS' keys and ciphers, over TCP and in QUIC: what a host owes for them
 * (costs.def has where the times come from). */
#pragma once

#include "net/host.h"

/* One side's part of a handshake: key exchange, and signing or verifying. */
static inline void
vs_tls_owe_handshake(VsHost *host, bool is_resumed, bool is_server)
{
    const VsCosts *costs = &host->costs;

    vs_host_owe(host, is_resumed  ? costs->tls_resume
                      : is_server ? costs->tls_sign
                                  : costs->tls_verify);
}

/* Ciphering, once for whoever sends and once for whoever receives. */
static inline void
vs_tls_owe_data(VsHost *host, uint64_t bytes)
{
    const uint64_t kib = 1024;

    vs_host_owe(host, (VsTime)(bytes * (uint64_t)host->costs.tls_kib / kib));
}
