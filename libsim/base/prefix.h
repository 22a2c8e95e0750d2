/* IPv4 prefixes: addresses in host byte order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A range of addresses; its host bits are zero. */
typedef struct VsPrefix {
    uint32_t address;
    unsigned length; /* 0..32. */
    bool is_set;
} VsPrefix;

/* The bits that a prefix of this length fixes. */
static inline uint32_t
vs_prefix_mask(unsigned length)
{
    return length == 0 ? 0 : UINT32_MAX << (32 - length);
}

/* Addresses of a prefix of this length. */
static inline uint64_t
vs_prefix_size(unsigned length)
{
    return UINT64_C(1) << (32 - length);
}

static inline bool
vs_prefix_holds(VsPrefix prefix, uint32_t address)
{
    return ((address ^ prefix.address) & vs_prefix_mask(prefix.length)) == 0;
}

/* True if they share an address: one is inside the other. */
static inline bool
vs_prefix_overlaps(VsPrefix a, VsPrefix b)
{
    return a.length < b.length ? vs_prefix_holds(a, b.address)
                               : vs_prefix_holds(b, a.address);
}
