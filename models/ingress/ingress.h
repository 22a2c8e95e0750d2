/* An ingress controller: requests in, a route by host and path, requests out. */
#pragma once

#include "models/ingress/connection.h"
#include "models/ingress/tunnel.h"
#include "vethsim-model.h"

typedef struct IngressBackend IngressBackend;
typedef struct IngressRules IngressRules;
typedef struct IngressUpstreams IngressUpstreams;

/* rules.c: which backend a request goes to. */

/* Fails when a service that ingress 'element' sends to has a UDP port. */
bool ingress_rules_check(const VsElement *element, const VsBuild *build,
                         GError **error);

/* The rules of the ingress 'element' (its <rule> and <path> children). */
IngressRules *ingress_rules_new(const VsElement *element, VsBuild *build);
void ingress_rules_free(IngressRules *rules);

/* The service for a request, or NULL: 404.  Host: exact before wildcard before any;
 * path: the longest; at equal length Exact before Prefix (Kubernetes, Ingress API). */
VsService *ingress_rules_find(IngressRules *rules, VsName host, VsName path);

/* A service of theirs whose endpoints change during the run, or NULL. */
const VsService *ingress_rules_find_changing(const IngressRules *rules);

/* Tells 'record' which rule a request met, and why each other did not do. */
void ingress_rules_explain(const IngressRules *rules, VsName host, VsName path,
                           VsTraceRecord *record);

/* True if 'path', whose query does not count, matches rule 'pattern': Exact as a whole,
 * Prefix by elements between slashes. */
bool ingress_path_matches(const char *pattern, bool is_exact, const char *path);

/* True if 'host' matches rule 'pattern': equal, or "*." for exactly one label. */
bool ingress_host_matches(const char *pattern, const char *host);

/* policy.c: what an ingress does when an upstream fails. */

typedef enum IngressRetryTo {
    INGRESS_RETRY_TO_NEXT, /* The algorithm chooses anew. */
    INGRESS_RETRY_TO_SAME,
} IngressRetryTo;

typedef struct IngressPolicy {
    uint32_t retries;     /* Further tries, at most. */
    const char *retry_on; /* Names of failures, with blanks between. */
    VsChoice retry_to;    /* IngressRetryTo. */
    bool is_retry_non_idempotent;
    bool is_retry_reused; /* Broken under a kept connection: not counted. */
    VsTime retry_delay;
    VsTime retry_timeout;   /* After it no further try begins; 0: no limit. */
    VsTime request_timeout; /* Of all tries together; 0: none. */
    uint32_t statuses[INGRESS_N_FAILURES]; /* Of the answer, by the last failure. */
} IngressPolicy;

/* Fails, with an error at 'element', if a word of retry_on is unknown or a setting cannot act. */
bool ingress_policy_check(const IngressPolicy *policy, const VsElement *element,
                          GError **error);

/* The failures, as bits 1 << IngressFailure, that retry_on names; it has been checked. */
unsigned ingress_policy_mask(const IngressPolicy *policy);

/* life.c: the end of an ingress with its pod. */

typedef struct IngressLifeConfig {
    VsSigtermParams sigterm;
    VsTime shutdown_timeout; /* After SIGTERM; 0: none. */
} IngressLifeConfig;

typedef struct IngressLife {
    const IngressLifeConfig *config;
    VsPod *pod;
    VsHttpServer *server;
    IngressUpstreams *upstreams;
    const IngressTunnelsStats *tunnels;
    bool is_terminating; /* SIGTERM has come: it exits with its last answer. */
    bool is_over;
    VsTimer sigterm;
    VsTimer shutdown;
    VsTimer sigkill;
    uint64_t n_lost;
} IngressLife;

/* Fails where shutdown-timeout or pre-stop has no effect. */
bool ingress_life_check(const IngressLifeConfig *config, const VsElement *element,
                        GError **error);
void ingress_life_open(IngressLife *life, const IngressLifeConfig *config,
                       const VsElement *element, VsPod *pod, VsEntity *entity,
                       VsHttpServer *server, IngressUpstreams *upstreams,
                       const IngressTunnelsStats *tunnels);

/* With nothing under way any more it exits, if it is to. */
void ingress_exit_when_done(IngressLife *life);

/* Answers 'request', which may be the last. */
void ingress_reply(IngressLife *life, VsHttpRequest *request, unsigned status,
                   uint64_t body_bytes);

/* upstream.c: requests to services, each in one or more tries. */

/* Why an ingress answers with an error of its own: the first are IngressFailure's. */
typedef enum IngressReason {
    INGRESS_REQUEST_TIMEOUT = INGRESS_N_FAILURES,
    INGRESS_NO_ENDPOINT, /* None is ready. */
    INGRESS_NO_BACKEND,  /* The algorithm has none for the request. */
    INGRESS_OVERLOAD,    /* As many requests as there may be are under way. */
    INGRESS_N_REASONS
} IngressReason;

typedef struct IngressUpstreamsConfig {
    IngressConnectionsConfig connections;
    const VsBalanceParams
        *balance;       /* To pods, past kube-proxy; NULL: to the cluster IP. */
    VsCluster *cluster; /* Whose endpoints change; NULL: none does. */
    VsTime update_interval;
    uint32_t max_requests; /* Under way for a service; 0: no limit. */
    VsTime tunnel_timeout; /* Of an idle WebSocket; 0: none. */
    bool is_reuse_safe; /* The first request of a client's connection gets a new one. */
    IngressPolicy policy;
    IngressLife *life;
} IngressUpstreamsConfig;

typedef struct IngressUpstreamsStats {
    IngressConnectionsStats connections;
    uint64_t n_retries;
    uint64_t n_timeouts;
    uint64_t n_errors[INGRESS_N_REASONS]; /* Requests, by the reason of the answer. */
    IngressTunnelsStats tunnels;
    uint64_t n_passed_errors; /* 5xx of upstreams, passed on. */
} IngressUpstreamsStats;

IngressUpstreams *ingress_upstreams_new(const IngressUpstreamsConfig *config,
                                        VsEntity *entity, IngressUpstreamsStats *stats);
void ingress_upstreams_free(IngressUpstreams *upstreams);

/* Sends 'request' on to 'service' and answers it when the answer comes.  Otherwise: 503
 * without endpoints or with too much under way, 502 when the algorithm has none for it, 504 when
 * the request time-out passes, and when no try is left the status of the last failure. */
void ingress_upstreams_forward(IngressUpstreams *upstreams, VsService *service,
                               VsHttpRequest *request);

/* Gives up 'request', which is lost; false if it was not sent on yet. */
bool ingress_upstreams_forget(VsHttpRequest *request);

/* The process is gone: resets connections that are kept, and tunnels. */
void ingress_upstreams_end(IngressUpstreams *upstreams);

/* profiles.c: real controllers. */

extern const VsProfile ingress_profiles[];
extern const char *const ingress_profile_names[];
