/* A simulation that can be reckoned by hand: one model, whose instance <ticker id=""
 * interval=""> does one request an interval.
 *
 * The k-th request ends at k intervals and took k us, a quarter of it waiting; each
 * fourth fails instead.  One visitor is in its queue from each tick to the next. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/station.h"
#include "scenario/simulation.h"

typedef struct TickerConfig {
    VsTime interval;
} TickerConfig;

typedef struct Ticker {
    const TickerConfig *config;
    VsPart part;
    VsEntity entity;
    VsTimer timer;
    VsStage wait_stage;
    VsStage work_stage;
    VsJourney journey;
    VsTime arrived;

    uint64_t n_requests;
    uint64_t n_completed;
    uint64_t n_failed;
    VsHistogram latency;
    VsQueueStat queue;
    VsTime busy;
    VsShares shares;
    VsStageTotals stages;
} Ticker;

static const char *const ticker_phases[] = {"ask", "answer"};

/* clang-format off */
static const VsParam ticker_params[] = {
    VS_PARAM_TIME(TickerConfig, interval, "interval", .def = "1ms", .min = "1us",
        .doc = "Between requests."),
    {0},
};
static const VsStat ticker_stats[] = {
    VS_COUNTER(Ticker, n_requests, "requests", "request", "Begun."),
    VS_COUNTER(Ticker, n_completed, "completed", "request", "Answered."),
    VS_COUNTER(Ticker, n_failed, "error-fourth", "request", "It was the fourth."),
    VS_HISTOGRAM(Ticker, latency, "latency", "ps", "Of completed requests."),
    VS_QUEUE(Ticker, queue, "queue", "tick", "From tick to tick."),
    VS_BUSY(Ticker, busy, "work", "worker", "At work."),
    VS_SHARES(Ticker, shares, "parity", "request", "Odd and even."),
    VS_STAGES(Ticker, stages, "stages", "ps", "Where the time went."),
    {0},
};
/* clang-format on */

static void
ticker_request(Ticker *ticker, VsTime now)
{
    uint64_t k = ++ticker->n_requests;
    VsTime latency = (VsTime)k * VS_US;

    ticker->shares.shares[k % 2].count++;
    ticker->busy += latency / 2;
    if (k % 4 == 0) {
        ticker->n_failed++;
        return;
    }
    vs_journey_start(&ticker->journey, now - latency);
    vs_journey_wait(&ticker->journey, ticker->wait_stage, now - latency + latency / 4);
    vs_journey_set_phase(&ticker->journey, 1);
    vs_journey_wait(&ticker->journey, ticker->work_stage, now);
    vs_stage_totals_add(&ticker->stages, &ticker->journey);
    vs_histogram_record(&ticker->latency, latency);
    ticker->n_completed++;
}

static void
ticker_tick(VsTimer *timer)
{
    Ticker *ticker = VS_CONTAINER_OF(timer, Ticker, timer);
    VsTime now = timer->due;

    if (ticker->queue.n_now > 0) {
        vs_queue_stat_leave(&ticker->queue, ticker->arrived, now);
    }
    vs_queue_stat_arrive(&ticker->queue, now);
    ticker->arrived = now;
    ticker_request(ticker, now);
    vs_timer_arm(timer, now + ticker->config->interval);
}

static bool
ticker_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Ticker *ticker = self;
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *place = g_strdup_printf("ticker %s", element->id);

    (void)error;
    ticker->config = element->config;
    vs_part_init(&ticker->part, build->run);
    vs_entity_init(&ticker->entity, &ticker->part);
    vs_timer_init(&ticker->timer, &ticker->entity, ticker_tick);
    ticker->wait_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    ticker->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    ticker->stages.phase_names = ticker_phases;
    vs_histogram_init(&ticker->latency);
    vs_shares_add(&ticker->shares, "even");
    vs_shares_add(&ticker->shares, "odd");
    vs_timer_arm(&ticker->timer, ticker->config->interval);
    return true;
}

static void
ticker_close(void *self)
{
    Ticker *ticker = self;

    vs_histogram_clear(&ticker->latency);
    vs_shares_clear(&ticker->shares);
    vs_stage_totals_clear(&ticker->stages);
    vs_journey_clear(&ticker->journey);
}

static const VsModel vs_model_ticker = {
    .element = "ticker",
    .summary = "Ticks.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(TickerConfig),
    .params = ticker_params,
    .size = sizeof(Ticker),
    .stats = ticker_stats,
    .open = ticker_open,
    .close = ticker_close,
};
static const VsModel *const ticker_models[] = {&vs_model_ticker, NULL};
static const VsRegistry ticker_registry = {ticker_models};

/* 10 ms of one ticker: ten requests, of which the fourth and the eighth fail. */
static const char ticker_ten[] =
    "<scenario version='1' name='ten' seed='7' until='10ms' "
    "xmlns='urn:vethsim:scenario:1'><ticker id='t'/></scenario>";

static inline VsScenario *
ticker_scenario(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsScenario *scenario = vs_scenario_parse(text, strlen(text), "ticker.xml",
                                             &ticker_registry, NULL, &error);

    if (!scenario) {
        fprintf(stderr, "%s\n", error->message);
        abort();
    }
    return scenario;
}

static inline VsSimulation *
ticker_simulation(const VsScenario *scenario)
{
    g_autoptr(GError) error = NULL;
    VsSimulation *simulation = vs_simulation_new(scenario, NULL, &error);

    if (!simulation) {
        fprintf(stderr, "%s\n", error->message);
        abort();
    }
    return simulation;
}
