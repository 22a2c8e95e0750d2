/* Numbers that nft's rules make to share packets out: "numgen" and "jhash".
 *
 * Sources: Linux net/netfilter/nft_numgen.c (nft_ng_random_eval, nft_ng_inc_gen),
 * nft_hash.c (nft_jhash_eval), include/linux/jhash.h; confirmed against Linux 6.18 by
 * tests/kernel/nft_hash.sh. */
#pragma once

#include "base/rng.h"
#include "netfilter/rule.h"

/* A number of 'kind' below 'modulus'; newly allocated, to be freed with g_free(). */
VsNumber *vs_number_new(VsNumberKind kind, uint32_t modulus);

/* Bytes that 'field' takes in the kernel's registers; 0: nothing that is hashed here, for it
 * is a name, or has other bits in the kernel. */
unsigned vs_number_field_bytes(VsField field);

/* The hash of what 'fields', indexed by VsField, has, before it is scaled: jhash() over the
 * parts as packets carry them, or as a little-endian kernel holds them where they are of
 * none, each filled up with zeros to 4 bytes if there are several. */
uint32_t vs_number_jhash(const VsNumber *number, const uint32_t *fields);

/* JHASH, whose seed is written or has been drawn: the number that 'fields' give. */
uint32_t vs_number_of_hash(const VsNumber *number, const uint32_t *fields);

/* The number for a packet with these fields.  'rng' is used for RANDOM, and for the seed of a
 * JHASH without one, which is drawn once. */
uint32_t vs_number_next(VsNumber *number, const uint32_t *fields, VsRng *rng);
