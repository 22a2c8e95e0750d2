#include "net/codel.h"

#include "base/fmath.h"

void
vs_codel_push(VsCodel *codel, VsPacket *packet)
{
    codel->bytes += vs_qdisc_bytes(packet);
    vs_packet_queue_push(&codel->queue, packet);
}

VsPacket *
vs_codel_pop(VsCodel *codel)
{
    VsPacket *packet = vs_packet_queue_pop(&codel->queue);

    if (packet) {
        codel->bytes -= vs_qdisc_bytes(packet);
    }
    return packet;
}

static VsTime
control_law(const VsCodel *codel, const VsCodelConfig *config, VsTime from)
{
    return from + (VsTime)((double)config->interval / vs_sqrt(codel->count));
}

/* RFC 8289's dodequeue(): the first packet, and whether it may be dropped. */
static VsPacket *
take_first(VsCodel *codel, const VsCodelConfig *config, const VsQdisc *qdisc,
           VsTime now, bool *ret_may_drop)
{
    VsPacket *packet = vs_codel_pop(codel);

    *ret_may_drop = false;
    if (!packet || now - packet->entered < config->target ||
        qdisc->held_bytes - vs_qdisc_bytes(packet) <= config->mtu_bytes) {
        codel->is_above = false;
    } else if (!codel->is_above) {
        codel->is_above = true;
        codel->first_above = now + config->interval;
    } else {
        *ret_may_drop = now >= codel->first_above;
    }
    return packet;
}

static bool
mark_or_drop(const VsCodelConfig *config, VsQdisc *qdisc, VsPacket *packet)
{
    if (config->is_ecn && vs_qdisc_mark(qdisc, packet)) {
        return true;
    }
    vs_qdisc_drop(qdisc, packet, VS_DROP_CODEL);
    return false;
}

/* Drops as long as drops are due; returns the packet that is left. */
static VsPacket *
go_on_dropping(VsCodel *codel, const VsCodelConfig *config, VsQdisc *qdisc,
               VsPacket *packet, VsTime now)
{
    bool may_drop;

    while (codel->is_dropping && now >= codel->next_drop) {
        codel->count++;
        if (mark_or_drop(config, qdisc, packet)) {
            codel->next_drop = control_law(codel, config, codel->next_drop);
            return packet;
        }
        packet = take_first(codel, config, qdisc, now, &may_drop);
        if (may_drop) {
            codel->next_drop = control_law(codel, config, codel->next_drop);
        } else {
            codel->is_dropping = false;
        }
    }
    return packet;
}

/* A rate of drops that was needed shortly ago is taken up again. */
static VsPacket *
begin_dropping(VsCodel *codel, const VsCodelConfig *config, VsQdisc *qdisc,
               VsPacket *packet, VsTime now)
{
    uint32_t delta = codel->count - codel->last_count;
    bool may_drop;

    if (!mark_or_drop(config, qdisc, packet)) {
        packet = take_first(codel, config, qdisc, now, &may_drop);
    }
    codel->is_dropping = true;
    codel->count =
        delta > 1 && now - codel->next_drop < 16 * config->interval ? delta : 1;
    codel->next_drop = control_law(codel, config, now);
    codel->last_count = codel->count;
    return packet;
}

VsPacket *
vs_codel_dequeue(VsCodel *codel, const VsCodelConfig *config, VsQdisc *qdisc,
                 VsTime now)
{
    bool may_drop;
    VsPacket *packet = take_first(codel, config, qdisc, now, &may_drop);

    if (codel->is_dropping) {
        if (may_drop) {
            return go_on_dropping(codel, config, qdisc, packet, now);
        }
        codel->is_dropping = false;
    } else if (may_drop) {
        return begin_dropping(codel, config, qdisc, packet, now);
    }
    return packet;
}
