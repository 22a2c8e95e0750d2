/* What callers do about servers that fail: back-off, retry budgets, circuit breakers.  State
 * without events: the time is an argument. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "engine/time.h"

/* Exponential back-off (Brooker, "Exponential Backoff and Jitter", AWS 2015). */
typedef struct VsBackoff {
    VsTime base; /* Before the first further try; doubles for each. */
    VsTime max;
    bool is_jittered; /* Full jitter: uniform between 0 and that. */
} VsBackoff;

/* Before the n-th further try, from 1. */
VsTime vs_backoff_draw(const VsBackoff *backoff, uint32_t n, VsRng *rng);

/* A token bucket as Finagle's RetryBudget and gRPC's retry throttling have: a request pays
 * in a part of a token, a further try takes one.  However badly things go, tries are at most
 * (1 + share) times the requests, and a burst. */
typedef struct VsRetryBudget {
    uint64_t
        share_ppb;  /* Paid in by a request, 10^-9 tokens; 0: no budget, no limit. */
    uint64_t burst; /* Tokens it holds at most, and at first. */
    uint64_t tokens_ppb;
} VsRetryBudget;

void vs_retry_budget_init(VsRetryBudget *budget, uint64_t share_ppb, uint32_t burst);
void vs_retry_budget_pay(VsRetryBudget *budget);
bool vs_retry_budget_take(VsRetryBudget *budget); /* False: there is no token. */

/* A circuit breaker (Nygard, "Release It!"): closed until so many calls fail in sequence, or
 * such a share of the last calls; then open, and no call is made; then half-open: one call
 * goes through, and its success or failure closes or opens it. */
typedef enum VsBreakerState {
    VS_BREAKER_CLOSED,
    VS_BREAKER_OPEN,
    VS_BREAKER_HALF_OPEN,
} VsBreakerState;

enum { VS_BREAKER_WINDOW_MAX = 1024 };

typedef struct VsBreakerConfig {
    uint32_t failures; /* In sequence; 0: that does not open it. */
    uint64_t
        share_ppb;   /* Of failures in the window, 10^-9; 0: that does not open it. */
    uint32_t window; /* Calls, 1 to VS_BREAKER_WINDOW_MAX; a share counts when full. */
    VsTime open_time;
} VsBreakerConfig;

typedef struct VsBreaker {
    VsBreakerConfig config;
    VsBreakerState state;
    VsTime opened;
    bool is_probing;      /* Half-open: the one call is under way. */
    uint32_t in_sequence; /* Failures. */
    uint64_t n_recorded;
    uint32_t n_failed;                           /* In the window. */
    uint64_t window[VS_BREAKER_WINDOW_MAX / 64]; /* Bit: that call failed. */
    uint64_t n_opened;
} VsBreaker;

void vs_breaker_init(VsBreaker *breaker, const VsBreakerConfig *config);

/* May a call be made?  If so, its end is to be told by one of the next two. */
bool vs_breaker_admits(VsBreaker *breaker, VsTime now);
void vs_breaker_record(VsBreaker *breaker, bool is_failure, VsTime now);
void vs_breaker_forget(VsBreaker *breaker); /* It was given up; that says nothing. */
