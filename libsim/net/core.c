#include "net/core.h"

#include <glib.h>
#include <string.h>

static void core_work(VsCore *core);
static void work_on_backlog(VsCore *core);
static void core_done(VsTimer *timer);
static void release_departures(VsCore *core);

void
vs_core_init(VsCore *core, VsPart *part, const char *host_name, unsigned number,
             uint32_t backlog_max, VsCore **current)
{
    g_autofree char *place = g_strdup_printf("core %s/%u", host_name, number);

    memset(core, 0, sizeof(*core));
    core->run = part->run;
    core->current = current;
    core->backlog_max = backlog_max;
    core->queue_stage =
        vs_stages_add(&core->run->packets->stages, place, "queue", VS_STAGE_QUEUEING);
    vs_entity_init(&core->entity, part);
    vs_timer_init(&core->done, &core->entity, core_done);
}

void
vs_core_clear(VsCore *core)
{
    vs_timer_cancel(&core->done);
    vs_packet_queue_drop(&core->backlog, VS_DROP_HOST_CLOSED);
    vs_packet_queue_drop(&core->departures, VS_DROP_HOST_CLOSED);
}

void
vs_core_enqueue(VsCore *core, VsPacket *packet, bool is_limited)
{
    if (is_limited && core->backlog.length >= core->backlog_max) {
        core->n_dropped++;
        vs_packet_drop(packet, VS_DROP_BACKLOG_FULL);
        return;
    }
    packet->entered = vs_now(core->run);
    vs_queue_stat_arrive(&core->stat, packet->entered);
    vs_packet_queue_push(&core->backlog, packet);
    if (!core->is_busy) {
        core_work(core);
    }
}

void
vs_core_depart(VsCore *core, VsPacket *packet, VsHop *hop)
{
    packet->hop = hop;
    vs_packet_queue_push(&core->departures, packet);
}

/* A packet may be enqueued here while another core of the host handles one: that core is
 * the current one again afterwards. */
static void
core_work(VsCore *core)
{
    VsCore *outer = *core->current;

    *core->current = NULL;
    work_on_backlog(core);
    *core->current = outer;
}

/* Takes packets from the backlog until one costs time. */
static void
work_on_backlog(VsCore *core)
{
    VsTime now = vs_now(core->run);
    VsPacket *packet;

    core->is_busy = true;
    while ((packet = vs_packet_queue_pop(&core->backlog))) {
        vs_packet_step(packet, core->queue_stage, now - packet->entered);
        core->charge = packet->charge;
        packet->charge = 0;
        core->started = now;
        core->arrived = packet->entered;
        core->n_packets++;
        *core->current = core;
        packet->hop->receive(packet->hop, packet);
        *core->current = NULL;
        if (core->charge > 0) {
            vs_timer_arm(&core->done, now + core->charge);
            return;
        }
        vs_queue_stat_leave(&core->stat, core->arrived, now);
        release_departures(core);
    }
    core->is_busy = false;
}

static void
core_done(VsTimer *timer)
{
    VsCore *core = VS_CONTAINER_OF(timer, VsCore, done);

    core->busy += core->charge;
    vs_queue_stat_leave(&core->stat, core->arrived, timer->due);
    release_departures(core);
    core_work(core);
}

/* Lets go what the finished work sends on.  A departure may enqueue more here: the core
 * counts as busy meanwhile, so it waits its turn. */
static void
release_departures(VsCore *core)
{
    VsPacketQueue departures = core->departures;
    VsPacket *packet;

    core->departures = (VsPacketQueue){0};
    while ((packet = vs_packet_queue_pop(&departures))) {
        /* Work done for its siblings after it was ready: it had to wait for that. */
        vs_core_mark(core, packet, core->queue_stage);
        packet->hop->receive(packet->hop, packet);
    }
}
