/* What models that call others by HTTP share: time-outs, retries, budgets, hedging, circuit
 * breakers. */
#pragma once

#include "model/model.h"
#include "transport/http_caller.h"

typedef struct VsCallParams {
    VsTime try_timeout;
    uint32_t retries;
    VsTime backoff;
    VsTime backoff_max;
    VsChoice jitter;
    uint64_t budget_ppb;
    uint32_t budget_burst;
    VsTime hedge_after;
    uint32_t breaker_failures;
    uint64_t breaker_share_ppb;
    uint32_t breaker_window;
    VsTime breaker_open;
} VsCallParams;

extern const char *const vs_call_jitter_choices[];
bool vs_call_jitter_is_full(VsChoice jitter);

/* Rows for the member 'm' (a VsCallParams) of a model's configuration. */
#define VS_CALL_PARAM_ROWS(Config, m)                                                 \
    VS_PARAM_TIME(Config, m.try_timeout, "try-timeout", .min = "1us",                 \
                  .doc =                                                              \
                      "A try not answered in so long, from its start, has failed."),  \
        VS_PARAM_UINT(Config, m.retries, "retries", .def = "0",                       \
                      .doc = "Further tries, one after another, when one fails: it "  \
                             "cannot connect, is cut off, takes longer than "         \
                             "try-timeout, or is answered 502, 503 or 504; whatever " \
                             "its method."),                                          \
        VS_PARAM_TIME(Config, m.backoff, "backoff", .def = "25ms",                    \
                      .doc = "Before the first of them; doubles for each."),          \
        VS_PARAM_TIME(Config, m.backoff_max, "backoff-max", .def = "250ms",           \
                      .doc = "The most that it grows to."),                           \
        VS_PARAM_CHOICE(Config, m.jitter, "backoff-jitter", .def = "full",            \
                        .choices = vs_call_jitter_choices,                            \
                        .doc = "full: a uniform draw between 0 and the back-off; "    \
                               "none: the back-off itself."),                         \
        VS_PARAM_RATIO(Config, m.budget_ppb, "retry-budget", .min = "0.001%",         \
                       .doc =                                                         \
                           "Each request pays in so much of a token, each further "   \
                           "try or hedge takes a whole one, and without one does "    \
                           "not happen: 10% are at most 11 tries for 10 requests.  "  \
                           "Without it, no limit."),                                  \
        VS_PARAM_UINT(Config, m.budget_burst, "retry-budget-burst", .def = "10",      \
                      .min = "1",                                                     \
                      .doc = "Tokens that the budget holds at most, and at first."),  \
        VS_PARAM_TIME(Config, m.hedge_after, "hedge-after", .min = "1us",             \
                      .doc = "A first try not answered in so long gets a second "     \
                             "beside it; the first answer counts, and the other try " \
                             "is cut off."),                                          \
        VS_PARAM_UINT(Config, m.breaker_failures, "breaker-failures", .min = "1",     \
                      .doc = "So many failed tries in sequence open the circuit "     \
                             "breaker."),                                             \
        VS_PARAM_RATIO(Config, m.breaker_share_ppb, "breaker-failure-rate",           \
                       .min = "0.1%",                                                 \
                       .doc = "So many of the last breaker-window tries open it."),   \
        VS_PARAM_UINT(Config, m.breaker_window, "breaker-window", .def = "100",       \
                      .min = "1", .max = "1024",                                      \
                      .doc = "Tries of which breaker-failure-rate is a share."),      \
        VS_PARAM_TIME(                                                                \
            Config, m.breaker_open, "breaker-open", .def = "10s", .min = "1us",       \
            .doc = "So long it stays open, and calls fail at once; then one "         \
                   "try decides.")

/* Rows for the member 'm' (a VsHttpCaller) of a model's instance. */
#define VS_CALL_STAT_ROWS(Self, m)                                                   \
    VS_COUNTER(Self, m.client.n_connects, "connects", "connection",                  \
               "Connections opened."),                                               \
        VS_COUNTER(Self, m.stats.n_retries, "retries", "try",                        \
                   "Further tries after one that failed."),                          \
        VS_COUNTER(Self, m.stats.n_over_budget, "over-budget", "try",                \
                   "Further tries and hedges that the retry budget did not allow."), \
        VS_COUNTER(Self, m.stats.n_try_timeouts, "try-timeouts", "try",              \
                   "Tries that took longer than try-timeout."),                      \
        VS_COUNTER(Self, m.stats.n_hedges, "hedges", "try",                          \
                   "Second tries beside a first that took long."),                   \
        VS_COUNTER(Self, m.stats.n_hedges_won, "hedges-won", "try",                  \
                   "Of those, the ones that were answered first."),                  \
        VS_COUNTER(Self, m.breaker.n_opened, "breaker-opened", "time",               \
                   "How often the circuit breaker opened."),                         \
        VS_COUNTER(Self, m.stats.n_rejected, "breaker-rejected", "try",              \
                   "Tries that were not made because it was open.")

/* True unless a setting cannot act; else 'error' is set, at 'element'. */
bool vs_call_params_check(const VsCallParams *params, const VsElement *element,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

VsCallPolicy vs_call_params_policy(const VsCallParams *params);
