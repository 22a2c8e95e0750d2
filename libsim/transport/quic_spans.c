#include "transport/quic_spans.h"

#include <glib.h>

void
vs_quic_spans_add(VsQuicSpan **spans, VsPool *pool, VsQuicRange range)
{
    VsQuicSpan *span;

    if (range.first >= range.end) {
        return;
    }
    while (*spans && (*spans)->range.end < range.first) {
        spans = &(*spans)->next;
    }
    while ((span = *spans) && span->range.first <= range.end) {
        range.first = MIN(range.first, span->range.first);
        range.end = MAX(range.end, span->range.end);
        *spans = span->next;
        vs_pool_free(pool, span);
    }
    span = vs_pool_alloc(pool);
    *span = (VsQuicSpan){.next = *spans, .range = range};
    *spans = span;
}

VsQuicRange
vs_quic_spans_take(VsQuicSpan **spans, VsPool *pool, uint64_t max)
{
    VsQuicSpan *span = *spans;
    VsQuicRange taken = {0, 0};

    if (!span) {
        return taken;
    }
    taken.first = span->range.first;
    taken.end = MIN(span->range.end, taken.first + max);
    span->range.first = taken.end;
    if (span->range.first == span->range.end) {
        *spans = span->next;
        vs_pool_free(pool, span);
    }
    return taken;
}

bool
vs_quic_spans_contain(const VsQuicSpan *spans, VsQuicRange range)
{
    while (spans && spans->range.end < range.end) {
        spans = spans->next;
    }
    return spans && spans->range.first <= range.first;
}

void
vs_quic_spans_clear(VsQuicSpan **spans, VsPool *pool)
{
    VsQuicSpan *span;

    while ((span = *spans)) {
        *spans = span->next;
        vs_pool_free(pool, span);
    }
}
