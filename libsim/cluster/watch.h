/* News of endpoints, as they come to one who watches them: each change after a delay of its
 * own (endpoint-delay), and in their order.
 *
 * Changes that are declared are known from the start; a pod that fails is news when it does.
 * Who hears of one asks for the endpoints as of its time: vs_endpoint_at(). */
#pragma once

#include "cluster/cluster.h"
#include "engine/entity.h"

typedef struct VsWatch VsWatch;

/* A change of endpoints: when, and when it is heard of. */
typedef struct VsNews {
    VsTime changed;
    VsTime arrives;
} VsNews;

/* Embedded in its owner; zeroed memory is none. */
struct VsWatch {
    VsCluster *cluster;
    void (*heard)(VsWatch *watch); /* One or more have come. */
    GArray *news;                  /* Of VsNews, in order of both times. */
    unsigned n_heard;
    VsRng rng;
    VsEntity entity; /* Crossing: pods that fail are in other parts. */
    VsTimer next;
};

/* 'name' is that of the random stream; 'part' the owner's. */
void vs_watch_open(VsWatch *watch, VsCluster *cluster, VsPart *part, const char *name,
                   void (*heard)(VsWatch *watch));
void vs_watch_close(VsWatch *watch);

/* Something that was not declared has changed at 'now': all who watch will hear of it. */
void vs_watches_tell(const VsCluster *cluster, VsTime now);

/* When what was heard last had changed; 0: nothing was. */
static inline VsTime
vs_watch_as_of(const VsWatch *watch)
{
    return watch->n_heard > 0
               ? g_array_index(watch->news, VsNews, watch->n_heard - 1).changed
               : 0;
}
