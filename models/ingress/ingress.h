/* An ingress controller: requests in, a route by host and path, requests out. */
#pragma once

#include "vethsim-model.h"

typedef struct IngressBackend IngressBackend;
typedef struct IngressRules IngressRules;

/* rules.c: which backend a request goes to. */

/* The rules of the ingress 'element' (its <rule> and <path> children). */
/* Fails when a service that ingress 'element' sends to has a UDP port. */
bool ingress_rules_check(const VsElement *element, const VsBuild *build,
                         GError **error);

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

/* upstream.c: connections to services, kept alive. */

typedef struct IngressUpstreams IngressUpstreams;

typedef struct IngressUpstreamsConfig {
    VsNetns *netns;
    const VsBalanceParams
        *balance;       /* To pods, past kube-proxy; NULL: to the cluster IP. */
    uint32_t keepalive; /* Idle connections kept for each address. */
    VsTime read_timeout;
} IngressUpstreamsConfig;

typedef struct IngressUpstreamsStats {
    uint64_t n_opened;
    uint64_t n_reused;
    uint64_t n_failed;
    uint64_t n_timeouts;
} IngressUpstreamsStats;

IngressUpstreams *ingress_upstreams_new(const IngressUpstreamsConfig *config,
                                        VsEntity *entity, IngressUpstreamsStats *stats);
void ingress_upstreams_free(IngressUpstreams *upstreams);

/* Sends 'request' on to 'service' and answers it when the answer comes: 502 when the
 * connection fails, or the algorithm has no endpoint for it, 503 without endpoints, 504 after the read time-out. */
void ingress_upstreams_forward(IngressUpstreams *upstreams, VsService *service,
                               VsHttpRequest *request);
