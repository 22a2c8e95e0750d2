/* A layer-4 load balancer: a VIP, backends and their health. */
#pragma once

#include "vethsim-model.h"

typedef struct Lb Lb;

typedef struct LbConfig {
    VsHostParams host;
    uint32_t vip;
    uint32_t port;
    const VsElement *service;
    VsChoice target;
    VsRefs nodes;
    VsBalanceParams balance;
    VsTime health_interval;
    VsTime health_timeout;
    uint32_t healthy_after;
    uint32_t unhealthy_after;
    uint32_t conntrack_max;
    VsTime released_at;
} LbConfig;

/* A backend, and what its health checks have said. */
typedef struct LbBackend {
    Lb *lb;
    uint32_t index; /* In the balancer. */
    VsAddr address;
    uint16_t port;
    bool is_up;
    uint32_t n_in_row; /* Checks against its present state. */
    VsTcp *check;      /* Under way, or NULL. */
    VsPayload request; /* It sends; of kind VS_PAYLOAD_NONE: to connect is enough. */
    VsTimer next_check;
    VsTimer timeout;
} LbBackend;

struct Lb {
    const LbConfig *config;
    VsHost *host;
    const VsService *service;
    VsAddr vip;
    VsBalancer balancer;
    LbBackend *backends;
    uint32_t n_backends;
    uint16_t health_port; /* 0: the backend's. */
    VsEntity entity;
    VsShares shares;
    uint64_t n_new_flows;
    uint64_t n_refused;
    uint64_t n_not_admitted;
    uint64_t n_checks;
    uint64_t n_checks_failed;
    uint64_t n_transitions;
    VsConntrackStats conntrack;
};

/* health.c: every health-interval a TCP connection to each backend; or, where the service has
 * a healthCheckNodePort, GET /healthz there, which has to be answered with 200. */
void lb_health_start(Lb *lb);
