/* Equal-cost multipath: what its algorithms share. */
#pragma once

#include "balance/balancer.h"
#include "base/hash_flow.h"

/* The first params of each. */
enum { VS_ECMP_POLICY, VS_ECMP_SEED, VS_ECMP_N_PARAMS };

extern const char *const vs_ecmp_policies[];

/* clang-format off */
#define VS_ECMP_PARAM_ROWS                                                              \
    {.name = "policy",                                                                  \
     .doc = "What is hashed (net.ipv4.fib_multipath_hash_policy): l3, the addresses; "  \
            "l4, protocol and ports, too; inner-l3, the addresses inside a tunnel, "    \
            "which are those of the key.",                                              \
     .choices = vs_ecmp_policies},                                                      \
    {.name = "seed",                                                                    \
     .doc = "Of the hash (net.ipv4.fib_multipath_hash_seed); 0: at random, by the "     \
            "run's seed.",                                                              \
     .max = UINT32_MAX}
/* clang-format on */

/* The key of the hash, as the seed says, or drawn from the balancer's stream. */
VsFlowHashKey vs_ecmp_draw_key(VsBalancer *balancer);

/* The 31-bit hash of 'key' by the balancer's policy. */
uint32_t vs_ecmp_hash(const VsBalancer *balancer, VsFlowHashKey hash_key,
                      const VsBalanceKey *key);
