/* A bond: several wires between the same two interfaces that stand for one, one direction.
 *
 * Which member sends a frame is what Linux' driver decides: drivers/net/bonding/bond_main.c,
 * bond_xmit_roundrobin_slave_get(), bond_get_slave_by_id(), bond_select_active_slave(),
 * bond_xmit_hash() and bond_xmit_3ad_xor_slave_get().  A member that fails is noticed when
 * its carrier is looked at next, every 'miimon'; until then frames that it is chosen for are
 * lost.  What it took before it failed still arrives. */
#pragma once

#include "base/hash_flow.h"
#include "net/wire.h"

enum { VS_BOND_MAX_MEMBERS = 8 };

typedef enum VsBondMode {
    VS_BOND_BALANCE_RR,
    VS_BOND_ACTIVE_BACKUP,
    VS_BOND_BALANCE_XOR,
    VS_BOND_8023AD, /* The partner agrees from the start: no LACP frames are sent. */
} VsBondMode;

/* A member without carrier, from 'at' on and before 'until'. */
typedef struct VsBondOutage {
    unsigned member;
    VsTime at;
    VsTime until; /* VS_TIME_NEVER: for good. */
} VsBondOutage;

typedef struct VsBondConfig {
    VsBondMode mode;
    VsBondPolicy policy; /* BALANCE_XOR and 8023AD. */
    VsTime miimon;       /* Above 0. */
    unsigned n_members;  /* From 2. */
    const VsBondOutage *outages;
    unsigned n_outages;
} VsBondConfig;

typedef struct VsBond {
    VsHop hop; /* Receiving here sends. */
    VsRun *run;
    VsBondConfig config; /* 'outages' are the bond's own. */
    VsWire *members[VS_BOND_MAX_MEMBERS];
    bool is_usable[VS_BOND_MAX_MEMBERS]; /* As far as the bond knows. */
    unsigned usable[VS_BOND_MAX_MEMBERS];
    unsigned n_usable;
    unsigned active;    /* ACTIVE_BACKUP. */
    uint32_t n_turns;   /* BALANCE_RR. */
    VsTime next_change; /* Of is_usable. */
    uint64_t n_lost;    /* Given to a member that had failed, or to none. */
} VsBond;

/* 'members' are config->n_members wires, which stay the caller's. */
VsBond *vs_bond_new(VsRun *run, const VsBondConfig *config, VsWire *const *members);
void vs_bond_free(VsBond *bond);

/* The member for 'packet' now: its number, or -1 when none is usable. */
int vs_bond_choose(VsBond *bond, VsPacket *packet);
