/* TCP's part of connection tracking; conntrack.c's own. */
#pragma once

#include "netfilter/conntrack.h"

/* What a packet means for its connection. */
typedef enum VsCtVerdict {
    VS_CT_ACCEPT,
    VS_CT_INVALID, /* It does not belong to the connection. */
    VS_CT_AGAIN,   /* It opens a new one in the place of the old. */
    VS_CT_OVER,    /* It belongs to the connection, which it ends. */
} VsCtVerdict;

/* A segment of 'entry' in direction 'dir': moves the state.  '*ret_timeout' is how long the
 * entry lives from now on; 0: as long as it did. */
VsCtVerdict vs_ct_track_tcp(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir,
                            VsTime *ret_timeout);
