/* How kube-proxy names its chains.
 *
 * Sources: kubernetes pkg/proxy/iptables/proxier.go (portProtoHash,
 * servicePortEndpointChainName) and pkg/proxy/nftables/proxier.go (hashAndTruncate). */
#pragma once

#include "vethsim-model.h"

/* iptables: a chain name has 28 characters at most, so services go by a hash. */
#define PROXY_SVC "KUBE-SVC-" /* Endpoints of the Cluster policy. */
#define PROXY_SVL "KUBE-SVL-" /* Endpoints of the Local policy. */
#define PROXY_EXT "KUBE-EXT-" /* Traffic from outside. */
#define PROXY_FW "KUBE-FW-"   /* loadBalancerSourceRanges. */
#define PROXY_SEP "KUBE-SEP-" /* One endpoint. */

/* nftables: names are readable, the hash keeps cut ones apart. */
#define PROXY_NFT_SERVICE "service-"
#define PROXY_NFT_LOCAL "local-"
#define PROXY_NFT_EXTERNAL "external-"
#define PROXY_NFT_FIREWALL "firewall-"
#define PROXY_NFT_ENDPOINT "endpoint-"
#define PROXY_NFT_AFFINITY "affinity-"

enum {
    PROXY_HASH_LENGTH = 16,
    PROXY_NFT_HASH_LENGTH = 8,
    PROXY_NFT_BASE_MAX = 240, /* nft's 256, less the longest prefix. */
};

/* The first 'length' characters (52 at most) of the base32 form (RFC 4648) of SHA-256. */
void proxy_hash(const char *text, unsigned length, char *ret);

/* "tcp", "udp". */
const char *proxy_protocol_name(const VsService *service);

/* "ns1/svc1:p80", or "ns1/svc1" for a port without a name.  All names are newly
 * allocated. */
char *proxy_port_name(const VsService *service);

/* "10.180.0.1:80" */
char *proxy_endpoint_name(const VsEndpoint *endpoint);

/* "XPGD46QRK7WJZT7O": what follows the prefix of a service's, or an endpoint's, chain. */
char *proxy_iptables_base(const VsService *service, const VsEndpoint *endpoint);

/* "ULMVA6XW-ns1/svc1/tcp/p80", "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80".  'endpoint' may
 * be NULL in both. */
char *proxy_nft_base(const VsService *service, const VsEndpoint *endpoint);
