/* A wire: one direction of an Ethernet link, with the drop-tail queue before it, or a queue
 * discipline (net/egress.h).
 *
 * The last bit of a frame reaches the far end after the backlog, the frame itself
 * (wire_bytes at line rate: preamble, FCS and gap included) and the propagation delay.
 * Rates that do not divide 8 * 10^12 keep the remainder of each byte time, so no rate
 * drifts.  One armed timer serves all frames in flight.
 *
 * A train (packet/train.h) takes the time of its frames.  A far end that forwards frame by
 * frame gets it when the first of them is there, any other when the last one is.  One that
 * such a device sends on ends as if each frame had begun when it had come and the one before
 * it was through: to the picosecond, or within one for each wire on which a byte takes no
 * whole number of them.  Where its frames come more slowly than this wire takes them, others
 * may use the gaps; else what comes during a train waits for its end, not between two
 * frames.  Its frames count one by one in the queue: a train of which one may find the queue
 * full, or be marked, falls apart, and each is judged at its own time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/entity.h"
#include "engine/stats.h"
#include "engine/time.h"
#include "net/due_heap.h"
#include "packet/packet.h"

typedef struct VsEgress VsEgress;

typedef struct VsWireConfig {
    uint64_t bits_per_s;
    VsTime delay;         /* Propagation, above 0. */
    VsTime far_latency;   /* Of the device at the far end, before it can forward. */
    VsTime backlog_max;   /* A frame that would wait longer is dropped...  -1: an egress
                            * sees to that. */
    uint32_t packets_max; /* ...or if this many wait already.  0: no limit. */
    VsTime mark_backlog;  /* A frame that will wait longer is marked (ECN), or... */
    uint32_t mark_packets; /* ...one that finds so many waiting.  Both 0: none is. */
    bool is_to_forwarder; /* The far end forwards frame by frame: a switch, a router. */
} VsWireConfig;

/* The train that went into transmission last: frames of it that wait, still. */
typedef struct VsWireTrain {
    VsTime started;
    VsTime frame_time;
    uint32_t n_frames; /* 0: it was a single frame. */
} VsWireTrain;

typedef struct VsWire {
    VsHop hop; /* Receiving here sends. */
    VsRun *run;
    VsTime busy_until;
    uint64_t ps_per_byte;
    uint64_t ps_remainder; /* 8e12 mod rate: the part of a byte time below 1 ps... */
    uint64_t ps_carry;     /* ...added up in units of 1/rate ps. */
    VsWireConfig config;
    VsPacketQueue in_flight;
    VsPacket *first_waiting; /* First of in_flight not yet seen to have begun. */
    VsTime line_free;        /* When those before it are through. */
    bool has_changed_delay;  /* vs_wire_set_line() did so. */
    uint32_t n_waiting;      /* It and those behind it: frames. */
    VsWireTrain begun;       /* In transmission when the line is free for it. */
    bool has_carried_trains; /* Else no packet need be asked whether it is one. */
    VsTime tail_from;        /* The last frame of a train with gaps comes, */
    VsTime tail_to;          /* and is through; others wait for it meanwhile. */
    VsHop *far_end;
    VsEgress *egress; /* Its qdisc: net/egress.h; or NULL. */
    VsTimer arrival;
    VsDueHeap late; /* Trains of which the last frame has not arrived. */
    VsTimer late_arrival;
    VsEntity entity;

    VsStage queue_stage;
    VsStage transmit_stage;
    VsStage propagate_stage;
    VsStage latency_stage;
    char *name; /* "users > edge". */

    uint64_t n_packets; /* Frames. */
    uint64_t n_bytes;   /* On the wire. */
    uint64_t n_dropped;
    uint64_t n_marked;
    VsTime busy;      /* Time spent transmitting. */
    VsQueueStat stat; /* From send to arrival; with an egress from transmission on. */
} VsWire;

/* 'receiver' is the part of 'far_end', which gets every frame that arrives. */
void vs_wire_init(VsWire *wire, const char *name, const VsWireConfig *config,
                  VsPart *receiver, VsHop *far_end);

/* Drops what is in flight, and frees the egress. */
void vs_wire_clear(VsWire *wire);

/* Hands 'packet' to 'wire', which owns it from here on.  A backlog above the limit drops
 * it with VS_DROP_QUEUE_FULL.  O(1) amortised, plus at most one timer. */
void vs_wire_send(VsWire *wire, VsPacket *packet);

/* Does the queue mark (the step of RFC 8257 section 5.1: by its length now, not a mean)?
 * What cannot be marked passes. */
static inline bool
vs_wire_is_marking(const VsWire *wire)
{
    return wire->config.mark_packets > 0 || wire->config.mark_backlog > 0;
}

/* For an egress, whose packets wait there: sends 'packet' now, the line being free. */
void vs_wire_transmit(VsWire *wire, VsPacket *packet);

/* For an egress: another rate and delay (0: as before) from the next frame on.  The frame in
 * service ends as it began, and no frame overtakes another: after one that arrives later
 * than by its own delay, it arrives with that. */
void vs_wire_set_line(VsWire *wire, uint64_t bits_per_s, VsTime delay);

/* Frames that wait now, the one in transmission not counted. */
uint32_t vs_wire_n_waiting(VsWire *wire);

/* Packets, trains counted once, that it owns, waiting or in flight. */
uint64_t vs_wire_n_held(const VsWire *wire);
