/* Timers: the events of the simulation, embedded in what they wake.
 *
 * A timer is a member of its owner; firing it calls timer->fire(timer), and the owner is
 * found with VS_CONTAINER_OF.  Arming, re-arming and cancelling are O(1) amortised and
 * allocate nothing.
 *
 * Simultaneous timers fire in the order (due, entity, the entity's own count): see
 * entity.h.  No order of insertion by different entities shows in a run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/time.h"

#define VS_CONTAINER_OF(pointer, Type, member) \
    ((Type *)(void *)((char *)(pointer)-offsetof(Type, member)))

typedef struct VsTimer VsTimer;
typedef struct VsEntity VsEntity;
typedef void (*VsTimerFire)(VsTimer *timer);

/* Where the pending set keeps an armed timer; its own affair. */
typedef enum VsTimerPlace {
    VS_TIMER_IDLE,
    VS_TIMER_FRONT,
    VS_TIMER_HEAP,
    VS_TIMER_BUCKET, /* And then, when the bucket was opened, the front. */
    VS_TIMER_FAR,
} VsTimerPlace;

struct VsTimer {
    VsTime due;
    uint64_t order; /* Entity and its count when armed: breaks ties of 'due'. */
    VsTimerFire fire;
    VsEntity *entity;
    union {
        struct VsPendingEntry *entry; /* BUCKET, FAR: its own. */
        size_t slot;                  /* HEAP: index. */
    };
    VsTimerPlace place;
    const void
        *needs; /* What fire() reads first beyond the owner, to be fetched ahead. */
};

/* Makes 'timer' an idle timer of 'entity', which must outlive it. */
void vs_timer_init(VsTimer *timer, VsEntity *entity, VsTimerFire fire);

/* Makes 'timer' fire at 'due', which is now or later.  An armed timer is moved. */
void vs_timer_arm(VsTimer *timer, VsTime due);

/* Makes sure that 'timer' does not fire; nothing happens to an idle one. */
void vs_timer_cancel(VsTimer *timer);

static inline bool
vs_timer_is_armed(const VsTimer *timer)
{
    return timer->place != VS_TIMER_IDLE;
}
