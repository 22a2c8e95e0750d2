/* Netfilter hooks: the five points of a namespace, and what is called there, in order of
 * priority.  Names and numbers are the kernel's (include/uapi/linux/netfilter.h and
 * netfilter_ipv4.h); lower priorities run first. */
#pragma once

#include <stdint.h>

#include "packet/packet.h"

struct VsNetns;
struct VsIface;

typedef enum VsHookPoint {
    VS_HOOK_PREROUTING,
    VS_HOOK_INPUT,
    VS_HOOK_FORWARD,
    VS_HOOK_OUTPUT,
    VS_HOOK_POSTROUTING,
    VS_HOOK_N_POINTS
} VsHookPoint;

enum {
    VS_HOOK_PRI_DEFRAG = -400,
    VS_HOOK_PRI_RAW = -300,
    VS_HOOK_PRI_CONNTRACK = -200,
    VS_HOOK_PRI_MANGLE = -150,
    VS_HOOK_PRI_NAT_DST = -100,
    VS_HOOK_PRI_FILTER = 0,
    VS_HOOK_PRI_SECURITY = 50,
    VS_HOOK_PRI_NAT_SRC = 100,
    VS_HOOK_PRI_CONFIRM = INT32_MAX,
};

typedef enum VsVerdict {
    VS_VERDICT_ACCEPT, /* On to the next. */
    VS_VERDICT_STOLEN, /* The hook owns the packet now; it has been dropped or queued. */
} VsVerdict;

/* What a hook sees; 'in' and 'out' are NULL where the point has none.  A frame that a
 * bridge forwards (br_netfilter) is in and out of the bridge, by its ports 'physin' and
 * 'physout'. */
typedef struct VsHookState {
    VsHookPoint point;
    struct VsNetns *netns;
    struct VsIface *in;
    struct VsIface *out;
    struct VsIface *physin;
    struct VsIface *physout;
} VsHookState;

typedef VsVerdict (*VsHookFn)(void *data, VsPacket *packet, const VsHookState *state);

typedef struct VsHook {
    VsHookPoint point;
    int32_t priority;
    VsHookFn fn;
} VsHook;

/* The hooks of one point, sorted by priority, then by registration. */
typedef struct VsHookList {
    unsigned n_hooks;
    struct VsHookEntry {
        VsHookFn fn;
        void *data;
        int32_t priority;
    } * entries;
} VsHookList;

void vs_hook_list_add(VsHookList *list, const VsHook *hook, void *data);
void vs_hook_list_clear(VsHookList *list);

/* Runs all hooks until one steals the packet. */
static inline VsVerdict
vs_hook_list_run(const VsHookList *list, VsPacket *packet, const VsHookState *state)
{
    for (unsigned i = 0; i < list->n_hooks; i++) {
        if (list->entries[i].fn(list->entries[i].data, packet, state) ==
            VS_VERDICT_STOLEN) {
            return VS_VERDICT_STOLEN;
        }
    }
    return VS_VERDICT_ACCEPT;
}
