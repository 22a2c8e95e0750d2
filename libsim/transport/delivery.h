/* How fast a connection's data are delivered, and how long a round trip takes now.
 *
 * draft-cheng-iccrg-delivery-rate-estimation, Linux net/ipv4/tcp_rate.c; but instead of each
 * segment, only some of a window are marked, at even distances: what is measured is the
 * stretch between two marks.  A sample counts the slower of sending and acknowledging, so a
 * burst of ACKs does not look like a fast path.  Only a connection with data under way has
 * one, from a pool. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/time.h"

enum {
    VS_DELIVERY_MARKS = 16,    /* Under way at most; */
    VS_DELIVERY_A_WINDOW = 12, /* so many are set in a window, which may grow. */
};

/* A segment that was sent, with the counts of that moment. */
typedef struct VsDeliveryMark {
    uint64_t end; /* Position after it. */
    VsTime sent;
    uint64_t delivered;  /* Acknowledged up to here, ... */
    VsTime delivered_at; /* ...at this time, by a mark... */
    VsTime first_sent;   /* ...sent then. */
    bool is_app_limited;
} VsDeliveryMark;

typedef struct VsDelivery {
    VsPool *pool;
    uint64_t delivered;
    VsTime delivered_at;
    VsTime first_sent;
    uint64_t
        app_limited_until; /* What is sent until this is acknowledged says too little. */
    uint64_t next_end;     /* The next mark is not before it. */
    uint8_t first;
    uint8_t n_marks;
    VsDeliveryMark marks[VS_DELIVERY_MARKS];
} VsDelivery;

/* What an ACK tells. */
typedef struct VsRateSample {
    VsTime rtt;               /* Of the latest mark it covers; 0: it covers none. */
    uint64_t prior_delivered; /* When that was sent; */
    uint64_t delivered;       /* bytes since then, in... */
    VsTime interval;          /* ...this time; 0: not known. */
    bool is_app_limited;      /* The sender had nothing to send in between. */
} VsRateSample;

/* From 'pool': the first data after 'snd_una' are sent now. */
VsDelivery *vs_delivery_new(VsPool *pool, uint64_t snd_una, VsTime now);
void vs_delivery_free(VsDelivery *delivery);

/* New data up to 'end' were sent, with a window of 'cwnd' bytes and all up to 'snd_una'
 * acknowledged. */
void vs_delivery_sent(VsDelivery *delivery, uint64_t snd_una, uint64_t end,
                      uint32_t cwnd, VsTime now);

/* Something was sent again: marks under way no longer say when they arrived (Karn). */
void vs_delivery_forget(VsDelivery *delivery);

/* Nothing is left to send, though the window would allow it; 'snd_nxt' was sent. */
void vs_delivery_set_app_limited(VsDelivery *delivery, uint64_t snd_nxt);

/* All up to 'snd_una' is acknowledged. */
VsRateSample vs_delivery_acked(VsDelivery *delivery, uint64_t snd_una, VsTime now);
