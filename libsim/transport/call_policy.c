#include "transport/call_policy.h"

#include <glib.h>
#include <string.h>

static const uint64_t one_ppb = 1000000000;

VsTime
vs_backoff_draw(const VsBackoff *backoff, uint32_t n, VsRng *rng)
{
    VsTime delay = backoff->base;

    for (uint32_t i = 1; i < n && delay < backoff->max; i++) {
        delay = delay > VS_TIME_NEVER / 2 ? backoff->max : 2 * delay;
    }
    delay = MIN(delay, backoff->max);
    return backoff->is_jittered && delay > 0
               ? (VsTime)vs_rng_below(rng, (uint64_t)delay + 1)
               : delay;
}

void
vs_retry_budget_init(VsRetryBudget *budget, uint64_t share_ppb, uint32_t burst)
{
    *budget = (VsRetryBudget){share_ppb, burst, burst * one_ppb};
}

void
vs_retry_budget_pay(VsRetryBudget *budget)
{
    budget->tokens_ppb =
        MIN(budget->tokens_ppb + budget->share_ppb, budget->burst * one_ppb);
}

bool
vs_retry_budget_take(VsRetryBudget *budget)
{
    if (budget->share_ppb == 0) {
        return true;
    }
    if (budget->tokens_ppb < one_ppb) {
        return false;
    }
    budget->tokens_ppb -= one_ppb;
    return true;
}

/* Circuit breakers. ---------------------------------------------------------------- */

static bool
is_set_up(const VsBreaker *breaker)
{
    return breaker->config.failures > 0 || breaker->config.share_ppb > 0;
}

/* Closed, with nothing remembered. */
static void
breaker_close(VsBreaker *breaker)
{
    breaker->state = VS_BREAKER_CLOSED;
    breaker->in_sequence = 0;
    breaker->n_recorded = 0;
    breaker->n_failed = 0;
    memset(breaker->window, 0, sizeof(breaker->window));
}

static void
breaker_open(VsBreaker *breaker, VsTime now)
{
    breaker->state = VS_BREAKER_OPEN;
    breaker->opened = now;
    breaker->n_opened++;
}

void
vs_breaker_init(VsBreaker *breaker, const VsBreakerConfig *config)
{
    memset(breaker, 0, sizeof(*breaker));
    breaker->config = *config;
}

bool
vs_breaker_admits(VsBreaker *breaker, VsTime now)
{
    if (breaker->state == VS_BREAKER_OPEN &&
        now - breaker->opened >= breaker->config.open_time) {
        breaker->state = VS_BREAKER_HALF_OPEN;
        breaker->is_probing = false;
    }
    if (breaker->state == VS_BREAKER_HALF_OPEN && !breaker->is_probing) {
        breaker->is_probing = true;
        return true;
    }
    return breaker->state == VS_BREAKER_CLOSED;
}

/* Puts the outcome in place of the oldest. */
static void
remember(VsBreaker *breaker, bool is_failure)
{
    uint32_t at = (uint32_t)(breaker->n_recorded++ % breaker->config.window);
    uint64_t bit = UINT64_C(1) << at % 64;
    uint64_t *word = &breaker->window[at / 64];

    breaker->n_failed -= (*word & bit) != 0;
    breaker->n_failed += is_failure;
    *word = is_failure ? *word | bit : *word & ~bit;
    breaker->in_sequence = is_failure ? breaker->in_sequence + 1 : 0;
}

static bool
is_too_much(const VsBreaker *breaker)
{
    const VsBreakerConfig *config = &breaker->config;

    return (config->failures > 0 && breaker->in_sequence >= config->failures) ||
           (config->share_ppb > 0 && breaker->n_recorded >= config->window &&
            breaker->n_failed * one_ppb >= config->share_ppb * config->window);
}

void
vs_breaker_record(VsBreaker *breaker, bool is_failure, VsTime now)
{
    if (!is_set_up(breaker) || breaker->state == VS_BREAKER_OPEN) {
        return; /* Begun before it opened: that is known. */
    }
    if (breaker->state == VS_BREAKER_HALF_OPEN) {
        if (is_failure) {
            breaker_open(breaker, now);
        } else {
            breaker_close(breaker);
        }
        return;
    }
    remember(breaker, is_failure);
    if (is_too_much(breaker)) {
        breaker_open(breaker, now);
    }
}

void
vs_breaker_forget(VsBreaker *breaker)
{
    breaker->is_probing = false;
}
