/* Lists of xt_recent: addresses, and when packets of theirs were last seen.
 *
 * As the kernel's with the module's defaults: a list remembers 100 addresses
 * (ip_list_tot), and one more drives out the one that was longest without news; of each
 * address the last times are kept, as many as the rules' hit counts need.
 *
 * Source: Linux net/netfilter/xt_recent.c. */
#pragma once

#include "netfilter/rule.h"

typedef struct VsRecentList VsRecentList;

enum {
    VS_RECENT_MAX_ADDRESSES = 100,
    VS_RECENT_MAX_HITCOUNT = 255, /* A rule cannot ask for more. */
};

/* An empty list; addresses are told apart by the bits of 'mask'. */
VsRecentList *vs_recent_list_new(VsAddr mask);
void vs_recent_list_free(VsRecentList *list);

/* A rule with this hit count, 0 for none, uses the list.  Where that needs more times of
 * each address than were kept so far, all addresses are forgotten, as in the kernel. */
void vs_recent_list_reserve(VsRecentList *list, unsigned hitcount);

/* Whether 'recent', which is linked, holds for a packet of 'address' at 'now'; writes down
 * what it is to write down.  O(hit count). */
bool vs_recent_holds(const VsRecent *recent, VsAddr address, VsTime now);
