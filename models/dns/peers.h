/* What a recursive resolver knows of the servers it asks: how long they take, and which of those
 * it was referred to do not have a zone after all.
 *
 * Which one is asked, and how long it is waited for, is as in
 *   Unbound   (util/rtt.c, iterator/iter_utils.c): a mean and a deviation in whole milliseconds,
 *             0 and 94 at first; any server whose mean and four deviations are within 400 ms of
 *             the best is as likely; a time-out doubles that figure, which is waited for, but
 *             50 ms at least and 120 s at most.  Kept for 900 s.
 *   BIND 9    (lib/dns/adb.c, lib/dns/resolver.c): the one with the least smoothed time (7/10 of
 *             the old, 3/10 of the new, in microseconds), of those that were asked least; one not
 *             asked before has 1 to 32 us.  An answer takes 2% from the others, once a second.  A
 *             time-out adds a random time, the less the longer it is.  800 ms are waited for, or
 *             that time and 50 to 200 ms more; twice as long in each round from the fifth, 10 s at
 *             most.  Kept for 1800 s. */
#pragma once

#include "vethsim-model.h"

typedef enum DnsSelection {
    DNS_SELECTION_UNBOUND,
    DNS_SELECTION_BIND9,
} DnsSelection;

typedef struct DnsPeer {
    VsAddr address;
    uint32_t mean; /* ms; BIND: us. */
    uint32_t deviation;
    uint32_t wait;  /* Unbound: ms. */
    VsTime aged;    /* BIND: the second in which it last was. */
    VsTime expires; /* 0: nothing is known. */
} DnsPeer;

typedef struct DnsPeers {
    VsRun *run;
    DnsSelection selection;
    VsTable known; /* Address to DnsPeer. */
    VsTable lame;  /* Address and zone to the VsTime until when. */
    VsRng rng;
} DnsPeers;

/* One that may be asked. */
typedef struct DnsCandidate {
    DnsPeer *peer;
    unsigned n_asked; /* For the question at hand. */
} DnsCandidate;

/* 'owner' names the random stream. */
void dns_peers_init(DnsPeers *peers, VsRun *run, const char *owner,
                    DnsSelection selection);

/* Zeroed memory is fine. */
void dns_peers_clear(DnsPeers *peers);
DnsPeer *dns_peers_get(DnsPeers *peers, VsAddr address);

/* The one of 'n' > 0 to ask now. */
unsigned dns_peers_choose(DnsPeers *peers, const DnsCandidate *candidates, unsigned n);

/* How long to wait for 'candidate', which has been asked as often as it says before. */
VsTime dns_peers_wait(const DnsPeers *peers, const DnsCandidate *candidate);

/* It answered after 'elapsed', and none of 'others' was asked (itself among them does not
 * matter). */
void dns_peers_answered(DnsPeers *peers, DnsPeer *peer, VsTime elapsed,
                        const DnsCandidate *others, unsigned n_others);

/* It did not within 'waited'. */
void dns_peers_lost(DnsPeers *peers, DnsPeer *peer, VsTime waited);

/* It does not have 'zone'; kept for 900 s. */
void dns_peers_set_lame(DnsPeers *peers, VsAddr address, VsName zone);
bool dns_peers_is_lame(const DnsPeers *peers, VsAddr address, VsName zone);
