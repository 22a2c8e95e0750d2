/* Parameters of what has a resolv.conf, and how its programs' resolver comes of them. */
#pragma once

#include "model/build.h"
#include "transport/resolv_conf.h"

/* The suffix of all names of the cluster. */
#define VS_CLUSTER_DOMAIN "cluster.local"

/* Whose cluster IP pods ask, as kubeadm names it. */
#define VS_CLUSTER_DNS_SERVICE "kube-dns"

/* dnsPolicy of a pod. */
typedef enum VsDnsPolicy {
    VS_DNS_POLICY_CLUSTER_FIRST, /* The cluster's server; its names first; ndots:5. */
    VS_DNS_POLICY_DEFAULT,       /* As the node. */
    VS_DNS_POLICY_NONE,          /* As the pod itself says. */
} VsDnsPolicy;

typedef struct VsResolvParams {
    VsChoice policy; /* VsDnsPolicy; of pods only. */
    VsRefs servers;
    const char *search;  /* Names between blanks, or NULL. */
    const char *options; /* The same. */
} VsResolvParams;

extern const char *const vs_dns_policy_names[];

#define VS_RESOLV_SEARCH_ROW(Config, m)                                             \
    VS_PARAM_STRING(Config, m.search, "dns-search",                                 \
                    .doc = "resolv.conf: domains to which a name is completed, in " \
                           "turn.")
#define VS_RESOLV_OPTIONS_ROW(Config, m)                                             \
    VS_PARAM_STRING(Config, m.options, "dns-options",                                \
                    .doc = "resolv.conf: \"ndots:2 timeout:1 attempts:3 rotate "     \
                           "single-request single-request-reopen edns0\".  Without " \
                           "them 1 dot (5 for pods of ClusterFirst), 5 s, 2 "        \
                           "attempts, answers of up to 512 bytes by UDP.")
#define VS_RESOLV_SERVERS_ROW(Config, m)                                      \
    VS_PARAM_REFS(Config, m.servers, "dns-nameservers", .to = "resolver dns", \
                  .doc = "resolv.conf: up to three servers, which a "         \
                         "program asks in this order.")

/* What 'params' of 'element', a host, say: a search list to be freed with g_strfreev() after the
 * last use of 'ret_conf'.  Fails when there is no server, or more than three, one without an
 * address, or an option that is not modelled. */
bool vs_build_resolv_conf(const VsBuild *build, const VsElement *element,
                          const VsResolvParams *params, VsLibc libc,
                          VsResolvConf *ret_conf, char ***ret_search, GError **error);

/* The same for programs of 'pod', by its policy. */
bool vs_build_pod_resolv_conf(const VsBuild *build, const VsPod *pod, VsLibc libc,
                              VsResolvConf *ret_conf, char ***ret_search,
                              GError **error);
