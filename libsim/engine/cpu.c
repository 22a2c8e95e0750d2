#include "engine/cpu.h"

#include <glib.h>
#include <string.h>

#include "engine/run.h"

typedef unsigned __int128 Virtual;

enum { VIRTUAL_BITS = 32 };

static void cpu_event(VsTimer *timer);

void
vs_cpu_init(VsCpu *cpu, VsEntity *entity, const VsCpuConfig *config)
{
    g_assert(config->n_cores > 0 && (config->quota == 0 || config->period > 0));
    memset(cpu, 0, sizeof(*cpu));
    cpu->config = *config;
    cpu->entity = entity;
    cpu->left = config->quota;
    cpu->period_end =
        config->quota > 0 ? config->period_start % config->period : VS_TIME_NEVER;
    vs_timer_init(&cpu->timer, entity, cpu_event);
}

void
vs_cpu_clear(VsCpu *cpu)
{
    g_free(cpu->tasks);
    memset(cpu, 0, sizeof(*cpu));
}

/* The heap. ------------------------------------------------------------------------ */

static bool
is_before(const VsCpuTask *a, const VsCpuTask *b)
{
    return a->finish != b->finish ? a->finish < b->finish : a->order < b->order;
}

static void
put(VsCpu *cpu, uint32_t at, VsCpuTask *task)
{
    cpu->tasks[at] = task;
    task->place = at + 1;
}

static void
sift_up(VsCpu *cpu, uint32_t at, VsCpuTask *task)
{
    while (at > 0 && is_before(task, cpu->tasks[(at - 1) / 2])) {
        put(cpu, at, cpu->tasks[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(cpu, at, task);
}

static void
sift_down(VsCpu *cpu, uint32_t at, VsCpuTask *task)
{
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= cpu->n_tasks) {
            break;
        }
        if (child + 1 < cpu->n_tasks &&
            is_before(cpu->tasks[child + 1], cpu->tasks[child])) {
            child++;
        }
        if (!is_before(cpu->tasks[child], task)) {
            break;
        }
        put(cpu, at, cpu->tasks[child]);
        at = child;
    }
    put(cpu, at, task);
}

static void
push(VsCpu *cpu, VsCpuTask *task)
{
    if (cpu->n_tasks == cpu->capacity) {
        cpu->capacity = MAX(2 * cpu->capacity, 16);
        cpu->tasks = g_renew(VsCpuTask *, cpu->tasks, cpu->capacity);
    }
    sift_up(cpu, cpu->n_tasks++, task);
}

static void
take_out(VsCpu *cpu, VsCpuTask *task)
{
    uint32_t at = task->place - 1;
    VsCpuTask *last = cpu->tasks[--cpu->n_tasks];

    task->place = 0;
    task->throttled = cpu->throttled - task->throttled;
    if (last == task) {
        return;
    }
    if (at > 0 && is_before(last, cpu->tasks[(at - 1) / 2])) {
        sift_up(cpu, at, last);
    } else {
        sift_down(cpu, at, last);
    }
}

/* Time. ---------------------------------------------------------------------------- */

static bool
is_running(const VsCpu *cpu)
{
    return cpu->n_tasks > 0 && !cpu->is_stopped && !cpu->is_throttled;
}

/* Cores that work while it is running. */
static uint32_t
n_busy(const VsCpu *cpu)
{
    return MIN(cpu->n_tasks, cpu->config.n_cores);
}

/* The quota is filled at each end of a period; several have passed only while nobody used
 * it, for an event marks each that is used. */
static void
refill(VsCpu *cpu, VsTime now)
{
    VsTime n_periods;

    if (now < cpu->period_end) {
        return;
    }
    n_periods = (now - cpu->period_end) / cpu->config.period + 1;
    cpu->period_end += n_periods * cpu->config.period;
    cpu->left = MIN(cpu->left, 0) + cpu->config.quota;
    cpu->is_throttled = false;
}

static void
update(VsCpu *cpu, VsTime now)
{
    VsTime elapsed = now - cpu->updated;

    if (is_running(cpu)) {
        cpu->advanced +=
            ((Virtual)elapsed << VIRTUAL_BITS) * n_busy(cpu) / cpu->n_tasks;
        cpu->used += elapsed * n_busy(cpu);
        if (cpu->config.quota > 0) {
            cpu->left -= elapsed * n_busy(cpu);
        }
    } else if (cpu->is_throttled && cpu->n_tasks > 0) {
        cpu->throttled += MIN(now, cpu->period_end) - cpu->updated;
    }
    cpu->updated = now;
    refill(cpu, now);
}

/* When the first task is done if nothing changes: rounded up, so that it is done then. */
static VsTime
first_done(const VsCpu *cpu)
{
    Virtual distance = cpu->tasks[0]->finish > cpu->advanced
                           ? cpu->tasks[0]->finish - cpu->advanced
                           : 0;
    Virtual rate = (Virtual)n_busy(cpu) << VIRTUAL_BITS;

    return cpu->updated + (VsTime)((distance * cpu->n_tasks + rate - 1) / rate);
}

static void
schedule(VsCpu *cpu)
{
    VsTime due = cpu->period_end;

    if (cpu->n_tasks == 0 || cpu->is_stopped) {
        vs_timer_cancel(&cpu->timer);
        return;
    }
    if (!cpu->is_throttled) {
        due = MIN(due, first_done(cpu));
        if (cpu->config.quota > 0) {
            VsTime busy = n_busy(cpu);

            due = MIN(due, cpu->updated + (cpu->left + busy - 1) / busy);
        }
    }
    vs_timer_arm(&cpu->timer, due);
}

static void
throttle_if_due(VsCpu *cpu)
{
    if (cpu->config.quota > 0 && cpu->left <= 0 && cpu->n_tasks > 0 &&
        !cpu->is_throttled) {
        cpu->is_throttled = true;
        cpu->n_throttled++;
    }
}

static void
cpu_event(VsTimer *timer)
{
    VsCpu *cpu = VS_CONTAINER_OF(timer, VsCpu, timer);

    update(cpu, timer->due);
    while (cpu->n_tasks > 0 && !cpu->is_stopped &&
           cpu->tasks[0]->finish <= cpu->advanced) {
        VsCpuTask *task = cpu->tasks[0];

        take_out(cpu, task);
        task->done(task);
    }
    throttle_if_due(cpu);
    schedule(cpu);
}

void
vs_cpu_start(VsCpu *cpu, VsCpuTask *task, VsTime work)
{
    update(cpu, vs_now(cpu->entity->run));
    task->finish = cpu->advanced + ((Virtual)work << VIRTUAL_BITS);
    task->order = cpu->n_started++;
    task->throttled = cpu->throttled;
    push(cpu, task);
    throttle_if_due(cpu);
    schedule(cpu);
}

void
vs_cpu_cancel(VsCpu *cpu, VsCpuTask *task)
{
    if (task->place != 0) {
        update(cpu, vs_now(cpu->entity->run));
        take_out(cpu, task);
        schedule(cpu);
    }
}

void
vs_cpu_stop(VsCpu *cpu)
{
    update(cpu, vs_now(cpu->entity->run));
    cpu->is_stopped = true;
    schedule(cpu);
}

void
vs_cpu_resume(VsCpu *cpu)
{
    update(cpu, vs_now(cpu->entity->run));
    cpu->is_stopped = false;
    throttle_if_due(cpu);
    schedule(cpu);
}
