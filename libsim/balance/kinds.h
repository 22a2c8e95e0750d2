/* The algorithms behind vs_balancer_kinds, one file each. */
#pragma once

#include "balance/balancer.h"

uint32_t vs_random_pick(VsBalancer *balancer, uint64_t key);
uint32_t vs_round_robin_pick(VsBalancer *balancer, uint64_t key);
uint32_t vs_smooth_wrr_pick(VsBalancer *balancer, uint64_t key);
uint32_t vs_least_conn_pick(VsBalancer *balancer, uint64_t key);
uint32_t vs_source_hash_pick(VsBalancer *balancer, uint64_t key);
void vs_maglev_rebuild(VsBalancer *balancer);
uint32_t vs_maglev_pick(VsBalancer *balancer, uint64_t key);
