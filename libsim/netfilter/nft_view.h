/* What the printers of nft texts, plain and JSON, have in common: how a rule looks in nft's
 * canonical form.  Internal to the nft dialect. */
#pragma once

#include "netfilter/nft_words.h"

/* A match of the kinds RANGE and BITS as nft writes it. */
typedef enum VsNftForm {
    VS_NFT_FORM_PLAIN,  /* "ip ttl 64", "tcp dport 80-90", "mark > 5" */
    VS_NFT_FORM_PREFIX, /* "ip saddr 10.0.0.0/8" */
    VS_NFT_FORM_MASKED, /* "meta mark & 0xff == 0x1", "tcp flags syn / syn,ack" */
    VS_NFT_FORM_BITS,   /* "ct state established,related", "tcp flags ! syn" */
} VsNftForm;

typedef struct VsNftRelation {
    VsNftForm form;
    VsNftKind kind;
    const char *op; /* "==" "!=" "<" "<=" ">" ">="; BITS: "in" "!". */
    uint32_t mask;  /* MASKED, BITS. */
    uint32_t min, max;
    unsigned prefix_length; /* PREFIX. */
} VsNftRelation;

VsNftRelation vs_nft_get_relation(const VsRuleStep *step);

/* What a mark is set to: a constant, or a mark and operators on it. */
typedef struct VsNftMarkValue {
    bool is_constant;
    unsigned n_operators;
    char operators[2]; /* '&', '|', '^'. */
    uint32_t operands[2];
} VsNftMarkValue;

VsNftMarkValue vs_nft_get_mark_value(const VsRuleStep *step);

/* nft does not print this match, for a later one says it too: the protocol of "tcp dport". */
bool vs_nft_is_implied(const VsRule *rule, unsigned step);

/* The protocol that the steps before 'step' ask for, or -1. */
int vs_nft_protocol_before(const VsRule *rule, unsigned step);

/* The last step that is a comment; or NULL. */
const char *vs_nft_find_comment(const VsRule *rule);

/* Kinds of the parts of a key; VS_KEY_MAX_FIELDS at most. */
void vs_nft_lookup_kinds(const VsLookup *lookup, VsNftKind *ret_kinds);
void vs_nft_set_kinds(const VsSet *set, VsNftKind *ret_kinds);

uint32_t vs_nft_key_part(const VsKey *key, unsigned part, VsNftKind kind);

/* The elements in nft's order: by value, concatenations as one number in the byte order
 * of a little-endian machine.  Newly allocated; the elements stay the set's. */
GPtrArray *vs_nft_sort_elements(const VsSet *set, const VsNftKind *kinds);

/* 0 to 32 when all from 'min' to 'max' share a prefix of addresses, else -1. */
int vs_nft_prefix_length(uint32_t min, uint32_t max);

/* Ends of a range of protocols are numbers. */
VsNftKind vs_nft_range_kind(VsNftKind kind, uint32_t min, uint32_t max);
