#include "models/container/container.h"

/* A request that is worked on. */
typedef struct Work {
    Container *container;
    VsJob *job;
    VsCpuTask cpu;
    VsTimer wait;
    ContainerCalls calls;
} Work;

enum {
    WORKS_A_SLAB = 32,
    MILLI_A_CORE = 1000,
};

/* CFS refuses a quota below 1 ms (min_cfs_quota_period). */
#define QUOTA_MIN VS_MS

static const char limit_syntax[] =
    "write cores or thousandths of one, as 0.4, 2 or 400m";

/* "0.4", "2", "400m" (Kubernetes' quantities) in thousandths of a core. */
static bool
parse_limit(const char *text, uint64_t *ret_milli)
{
    static const uint64_t nano_a_milli = 1000000;
    size_t length = strlen(text);
    uint64_t nano;

    if (length > 0 && text[length - 1] == 'm') {
        g_autofree char *number = g_strndup(text, length - 1);

        return vs_parse_uint(number, ret_milli, NULL);
    }
    if (!vs_parse_decimal(text, &nano, NULL) || nano % nano_a_milli != 0) {
        return false;
    }
    *ret_milli = nano / nano_a_milli;
    return true;
}

static VsTime
quota_of(const ContainerConfig *config)
{
    uint64_t milli = 0;

    if (config->cpu_limit && !parse_limit(config->cpu_limit, &milli)) {
        g_assert_not_reached(); /* It has been checked. */
    }
    return (VsTime)milli * config->cpu_period / MILLI_A_CORE;
}

static bool
check_limit(const ContainerConfig *config, const VsElement *element, GError **error)
{
    uint64_t milli;

    if (!config->cpu_limit) {
        const char *name = vs_element_has(element, "cpu-period") ? "cpu-period"
                           : vs_element_has(element, "cpu-period-start")
                               ? "cpu-period-start"
                               : NULL;

        if (name) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without cpu-limit", name);
        }
        return !name;
    }
    if (!parse_limit(config->cpu_limit, &milli) || milli == 0 ||
        milli > UINT64_C(1000000)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "cpu-limit=\"%s\" is not a number of cores: %s",
                        config->cpu_limit, limit_syntax);
        return false;
    }
    if (quota_of(config) < QUOTA_MIN) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "cpu-limit=\"%s\" is less than 1ms of each cpu-period, which "
                        "Linux refuses",
                        config->cpu_limit);
        return false;
    }
    return true;
}

static bool
check_pause(const ContainerConfig *config, const VsElement *element, GError **error)
{
    if ((config->pause > 0) != (config->pause_every > 0)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
            "%s has no effect alone: write pause=\"1s\" pause-every=\"10s\"",
            config->pause > 0 ? "pause" : "pause-every");
        return false;
    }
    if (config->pause > 0 && config->pause >= config->pause_every) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "pause is not shorter than pause-every: nothing would be done");
        return false;
    }
    return true;
}

bool
container_check_work(const VsElement *element, GError **error)
{
    const ContainerConfig *config = element->config;

    if (config->scheduling == CONTAINER_SHARING && vs_element_has(element, "queue")) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "queue has no effect where scheduling=\"sharing\": nobody waits; "
            "leave it out");
        return false;
    }
    return check_limit(config, element, error) && check_pause(config, element, error);
}

bool
container_has_parts(const VsElement *element)
{
    const ContainerConfig *config = element->config;

    return config->scheduling != CONTAINER_THREADS || config->cpu_limit ||
           vs_dist_mean(&config->wait_time) > 0 || config->pause > 0 ||
           element->n_children > 0;
}

/* The request is answered; an event loop has let go of it before. */
static void
work_over(Work *work)
{
    Container *container = work->container;
    VsJob *job = work->job;
    unsigned status = work->calls.status;

    vs_pool_free(&container->works, work);
    if (container->config->scheduling != CONTAINER_EVENT_LOOP) {
        vs_station_finish(&container->station, job);
    }
    container_answer(container, job, status);
}

static void
work_call(Work *work)
{
    if (!container_calls_next(&work->calls,
                              container_journey(work->container, work->job))) {
        work_over(work);
    }
}

/* What was not followed, or failed, has taken its time; a call that failed may still be
 * worked on elsewhere, and is not this request's any more. */
void
container_calls_ended(ContainerCalls *calls)
{
    Work *work = VS_CONTAINER_OF(calls, Work, calls);
    Container *container = work->container;
    VsJourney *journey = container_journey(container, work->job);

    if (--calls->n_pending > 0) {
        return;
    }
    if (journey) {
        vs_journey_wait(journey, container->calls_stage, vs_now(container->entity.run));
        vs_payload_renew_journey(container_payload(container, work->job));
    }
    work_call(work);
}

static void
wait_over(VsTimer *timer)
{
    Work *work = VS_CONTAINER_OF(timer, Work, wait);
    Container *container = work->container;
    VsJourney *journey = container_journey(container, work->job);

    if (journey) {
        vs_journey_wait(journey, container->wait_stage, timer->due);
    }
    work_call(work);
}

static void
work_wait(Work *work)
{
    Container *container = work->container;
    VsTime wait = vs_dist_draw(&container->config->wait_time, &container->wait_rng);

    if (wait > 0) {
        vs_timer_arm(&work->wait, vs_now(container->entity.run) + wait);
    } else {
        work_call(work);
    }
}

static void
account_cpu(const Work *work)
{
    const Container *container = work->container;
    VsJourney *journey = container_journey(container, work->job);
    VsTime now = vs_now(container->entity.run);

    if (journey) {
        vs_journey_wait(journey, container->queue_stage, work->job->started);
        vs_journey_wait(journey, container->service_stage, now - work->cpu.throttled);
        vs_journey_wait(journey, container->throttled_stage, now);
    }
}

static void
cpu_over(VsCpuTask *task)
{
    Work *work = VS_CONTAINER_OF(task, Work, cpu);
    Container *container = work->container;

    account_cpu(work);
    if (container->config->scheduling == CONTAINER_EVENT_LOOP) {
        vs_station_finish(&container->station, work->job);
    }
    work_wait(work);
}

static void
work_begin(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);
    Work *work = vs_pool_alloc(&container->works);

    *work = (Work){.container = container,
                   .job = job,
                   .cpu = {.done = cpu_over},
                   .calls = {.container = container, .status = 200}};
    vs_timer_init(&work->wait, &container->entity, wait_over);
    if (!container->is_udp) {
        VS_CONTAINER_OF(job, VsHttpRequest, job)->user = work;
    }
    vs_cpu_start(&container->cpu, &work->cpu,
                 vs_dist_draw(&container->config->service_time, &container->rng));
}

void
container_work_lose(Container *container, VsHttpRequest *request)
{
    bool is_event_loop = container->config->scheduling == CONTAINER_EVENT_LOOP;
    Work *work = request->user;

    /* An event loop lets go of what it has worked on. */
    if (!work || !is_event_loop || work->cpu.place > 0) {
        vs_station_withdraw(&container->station, &request->job);
    }
    if (work) {
        vs_cpu_cancel(&container->cpu, &work->cpu);
        vs_timer_cancel(&work->wait);
        vs_pool_free(&container->works, work);
    }
    container->busy = container->config->scheduling == CONTAINER_SHARING
                          ? container->cpu.used
                          : container->station.busy;
}

static void
work_served(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);

    (void)job;
    container->busy = container->config->scheduling == CONTAINER_SHARING
                          ? container->cpu.used
                          : station->busy;
}

static const VsStationOps work_ops = {.served = work_served, .begin = work_begin};

/* Pauses end with each period of pause-every. */
static void
pause_event(VsTimer *timer)
{
    Container *container = VS_CONTAINER_OF(timer, Container, pause);
    const ContainerConfig *config = container->config;

    if (container->cpu.is_stopped) {
        vs_cpu_resume(&container->cpu);
        vs_timer_arm(timer, timer->due + config->pause_every - config->pause);
    } else {
        vs_cpu_stop(&container->cpu);
        vs_timer_arm(timer, timer->due + config->pause);
    }
}

static VsCpuConfig
cpu_config(const ContainerConfig *config, const VsElement *element, uint64_t seed,
           const char *name)
{
    VsCpuConfig cpu = {.n_cores = config->workers,
                       .quota = quota_of(config),
                       .period = config->cpu_period,
                       .period_start = config->cpu_period_start};

    if (cpu.quota > 0 && !vs_element_has(element, "cpu-period-start")) {
        VsRng rng;

        vs_rng_init(&rng, seed, name, "cpu-period-start");
        cpu.period_start = (VsTime)vs_rng_below(&rng, (uint64_t)cpu.period);
    }
    return cpu;
}

void
container_work_open(Container *container, const VsElement *element, VsBuild *build,
                    const char *name, const char *place)
{
    const ContainerConfig *config = container->config;
    VsStages *stages = &build->run->packets->stages;
    VsCpuConfig cpu = cpu_config(config, element, build->run->seed, name);
    bool is_sharing = config->scheduling == CONTAINER_SHARING;

    container->throttled_stage =
        vs_stages_add(stages, place, "throttled", VS_STAGE_QUEUEING);
    container->wait_stage = vs_stages_add(stages, place, "waiting", VS_STAGE_DELAY);
    container->calls_stage = vs_stages_add(stages, place, "calls", VS_STAGE_DELAY);
    vs_rng_init(&container->wait_rng, build->run->seed, name, "wait-time");
    vs_station_init(&container->station, &container->entity,
                    is_sharing ? UINT32_MAX : config->workers, config->queue,
                    &work_ops);
    container_calls_open(container);
    vs_pool_init(&container->works, sizeof(Work), WORKS_A_SLAB);
    vs_cpu_init(&container->cpu, &container->entity, &cpu);
    vs_timer_init(&container->pause, &container->entity, pause_event);
    if (config->pause > 0) {
        vs_timer_arm(&container->pause, config->pause_every - config->pause);
    }
}

void
container_work_close(Container *container)
{
    if (container->cpu.entity) {
        container_calls_close(container);
        vs_pool_clear(&container->works);
        vs_cpu_clear(&container->cpu);
    }
}
