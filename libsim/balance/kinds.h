/* The tables of algorithms, one a program or family, each in files of its own; a table
 * ends with a row without name. */
#pragma once

#include "balance/balancer.h"

extern const VsBalancerKind vs_balancer_kinds_cloud[];
extern const VsBalancerKind vs_balancer_kinds_ecmp[];
extern const VsBalancerKind vs_balancer_kinds_ecmp_resilient[];
extern const VsBalancerKind vs_balancer_kinds_envoy[];
extern const VsBalancerKind vs_balancer_kinds_envoy_hash[];
extern const VsBalancerKind vs_balancer_kinds_generic[];
extern const VsBalancerKind vs_balancer_kinds_haproxy_hash[];
extern const VsBalancerKind vs_balancer_kinds_haproxy_load[];
extern const VsBalancerKind vs_balancer_kinds_haproxy_map[];
extern const VsBalancerKind vs_balancer_kinds_haproxy_roundrobin[];
extern const VsBalancerKind vs_balancer_kinds_ingress_nginx[];
extern const VsBalancerKind vs_balancer_kinds_ipvs[];
extern const VsBalancerKind vs_balancer_kinds_kong[];
extern const VsBalancerKind vs_balancer_kinds_kong_load[];
extern const VsBalancerKind vs_balancer_kinds_kube_proxy[];
extern const VsBalancerKind vs_balancer_kinds_maglev[];
extern const VsBalancerKind vs_balancer_kinds_maglev_programs[];
extern const VsBalancerKind vs_balancer_kinds_nginx[];
extern const VsBalancerKind vs_balancer_kinds_rendezvous[];
extern const VsBalancerKind vs_balancer_kinds_traefik[];
