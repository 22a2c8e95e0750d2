/* Sets of numbers or offsets, as ranges in rising order that do not touch: what a stream has
 * received, what it is to send again. */
#pragma once

#include <stdbool.h>

#include "base/pool.h"
#include "packet/quic.h"

typedef struct VsQuicSpan {
    struct VsQuicSpan *next;
    VsQuicRange range;
} VsQuicSpan;

/* Adds 'range'; 'pool' has VsQuicSpan.  Linear in the ranges below it. */
void vs_quic_spans_add(VsQuicSpan **spans, VsPool *pool, VsQuicRange range);

/* Takes up to 'max' numbers off the lowest range; empty if there is none. */
VsQuicRange vs_quic_spans_take(VsQuicSpan **spans, VsPool *pool, uint64_t max);

/* Has it all of 'range'? */
bool vs_quic_spans_contain(const VsQuicSpan *spans, VsQuicRange range);

void vs_quic_spans_clear(VsQuicSpan **spans, VsPool *pool);
