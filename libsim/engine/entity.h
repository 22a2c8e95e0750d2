/* Entities and parts: whose event it is, and whose state it may touch.
 *
 * An *entity* is what events belong to: one direction of a wire, a core, a client.  It
 * numbers the timers it arms, and (time, entity, that number) orders simultaneous events.
 * Entities are numbered in the order of their initialisation, which follows the scenario.
 *
 * A *part* is a host with everything in it.  Its state is touched by its own events alone;
 * parts meet only through wires, whose delay is above zero.  Debug builds (--enable-debug)
 * assert it: arming a timer of another part is a programming error unless the entity is a
 * crossing, that is a wire. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/timer.h"

typedef struct VsRun VsRun;

typedef struct VsPart {
    VsRun *run;
    uint32_t number; /* In order of initialisation, from 0. */
} VsPart;

/* An order is an entity number above a count: 2^24 entities of 2^40 events each. */
#define VS_ENTITY_COUNT_BITS 40
#define VS_ENTITY_MAX ((UINT64_C(1) << (64 - VS_ENTITY_COUNT_BITS)) - 1)

struct VsEntity {
    VsRun *run;
    VsPart *part;
    uint64_t next_order;
    bool is_crossing;
};

void vs_part_init(VsPart *part, VsRun *run);

/* 'part' owns what the events of 'entity' touch. */
void vs_entity_init(VsEntity *entity, VsPart *part);

/* An entity whose timers another part may arm: the far end of a wire into 'part'. */
void vs_entity_init_crossing(VsEntity *entity, VsPart *part);

static inline uint32_t
vs_entity_number(const VsEntity *entity)
{
    return (uint32_t)(entity->next_order >> VS_ENTITY_COUNT_BITS);
}
