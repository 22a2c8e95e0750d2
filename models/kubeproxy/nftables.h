/* Within nftables mode: what its files share. */
#pragma once

#include "models/kubeproxy/compile.h"

#define NFT_MARK_CHAIN "mark-for-masquerade"

typedef struct NftWriter {
    const VsNode *node;
    VsRuleset *ruleset;
    VsRuleTable *table;
    VsSet *cluster_ips;
    VsSet *service_ips;
    VsSet *service_node_ports;
    VsSet *no_endpoint_services;
    VsSet *no_endpoint_node_ports;
    VsSet *firewall_ips;
    GArray *bindings;
} NftWriter;

VsRule *nft_add_rule(const NftWriter *writer, const char *chain);

/* Adds the lookup of 'n' fields in set or map 'set_name'; NULL: in an anonymous one, which is
 * empty and has no types yet. */
VsLookup *nft_add_lookup(VsRule *rule, VsStepKind kind, const VsField *fields,
                         unsigned n, const char *set_name);
VsLookup *nft_look_up_address(VsRule *rule, VsField field, const char *set_name);

/* Adds a match of 'n' prefixes.  One alone is a plain match, as nft makes it of
 * "{ 10.96.0.0/12 }", and as it is then listed. */
void nft_match_prefixes(VsRule *rule, VsField field, const VsPrefix *prefixes,
                        unsigned n, bool is_inverted);

/* A named set of addresses. */
VsSet *nft_get_address_set(const NftWriter *writer, const char *name,
                           const char *comment);
void nft_add_address(VsSet *set, VsAddr address);
void nft_add_prefix(VsSet *set, VsPrefix prefix);

/* The chains of one service port, and its elements in the maps. */
void nft_write_service(const NftWriter *writer, const VsService *service);
