/* nftables' vocabulary, for readers and printers alike: fields, kinds of values and their
 * names.  Internal to the nft dialect. */
#pragma once

#include "netfilter/ruleset.h"

typedef enum VsNftKind {
    VS_NFT_ADDRESS,
    VS_NFT_PROTOCOL,
    VS_NFT_PORT,
    VS_NFT_MARK,
    VS_NFT_NUMBER,
    VS_NFT_NUMBER_8,
    VS_NFT_NUMBER_16,
    VS_NFT_CT_STATE,
    VS_NFT_CT_STATUS,
    VS_NFT_TCP_FLAGS,
    VS_NFT_DIRECTION,
    VS_NFT_ADDR_TYPE,
    VS_NFT_ICMP_TYPE, /* In the upper half of VS_FIELD_ICMP_TYPE. */
    VS_NFT_ICMP_CODE, /* In its lower half. */
} VsNftKind;

/* What nft takes for granted and does not print. */
enum {
    VS_NFT_DEFAULT_BURST = 5,
    VS_NFT_DEFAULT_LOG_LEVEL = 4,
};

/* The kernel's limit for a set that rules add to and that was given none. */
enum { VS_NFT_DYNAMIC_SET_SIZE = 65535 };

/* A word and what it stands for; a table of them ends with a NULL text. */
typedef struct VsNftWord {
    const char *text;
    uint32_t value;
} VsNftWord;

bool vs_nft_find_value(const VsNftWord *words, const char *text, uint32_t *ret_value);
const char *vs_nft_find_word(const VsNftWord *words, uint32_t value); /* Or NULL. */

extern const VsNftWord vs_nft_chain_types[]; /* VsChainType */
extern const VsNftWord vs_nft_hooks[];       /* VsHookPoint */
extern const VsNftWord vs_nft_log_levels[];  /* As syslog counts them. */
extern const VsNftWord vs_nft_rejects[];     /* VsRejectWith, without the reset. */
extern const VsNftWord vs_nft_verdicts[];    /* VsVerdictKind */
extern const VsNftWord vs_nft_limit_units[]; /* Seconds. */
extern const VsNftWord vs_nft_set_types[];   /* VsSetType */

/* Standard priorities: the name that holds at 'point', as nft prints it: at most 10 away.
 * NULL: a plain number. */
const char *vs_nft_find_priority(VsHookPoint point, int32_t priority,
                                 int32_t *ret_offset);

/* The priority called 'name' at 'point'; false: no such name there. */
bool vs_nft_priority_value(VsHookPoint point, const char *name, int32_t *ret_priority);

/* Names of values, or NULL where there are only numbers. */
const VsNftWord *vs_nft_kind_words(VsNftKind kind);

/* Values that are sets of bits, written "a,b". */
bool vs_nft_kind_is_flags(VsNftKind kind);

uint32_t vs_nft_kind_max(VsNftKind kind);

/* How 'value' is stored: where its bits are in the field, and which ones these are. */
unsigned vs_nft_kind_shift(VsNftKind kind);
uint32_t vs_nft_kind_mask(VsNftKind kind);

VsNftKind vs_nft_type_kind(VsSetType type);

/* How nft writes a field: in text, and in JSON as {object: {qualifier_key: qualifier,
 * key_name: key}}. */
typedef struct VsNftField {
    VsField field;
    VsNftKind kind;
    const char *text; /* Ports: NULL, for they need a protocol. */
    const char *object;
    const char *qualifier; /* "ip"; "original"; or NULL. */
    const char *key;
} VsNftField;

/* NULL: no field of nft. */
const VsNftField *vs_nft_find_field(VsField field);

/* "tcp", "udp", "sctp": whose ports they are; "th" for any other. */
const char *vs_nft_port_owner(int protocol);

/* The protocol that the steps of 'module' look into, or -1. */
int vs_nft_module_protocol(VsModule module);

/* One value, as text. */
void vs_nft_put_value(GString *out, VsNftKind kind, uint32_t value);

/* "1h30m"; in nft's largest units, down to milliseconds. */
void vs_nft_put_time(GString *out, VsTime time);
