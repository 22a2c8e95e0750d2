/* A balancer as a command line describes it: an algorithm, its backends, changes to them,
 * and picks for lines of text. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "balance/balancer.h"

/* Of one backend: the greatest that IPVS takes. */

typedef struct VsSelectSpec {
    const char *algorithm;
    const char *backends; /* "a,b=2,192.0.2.1:80=3"; a weight is 1 if not given. */
    const char *const *settings; /* Params, as for vs_balancer_init(); may be NULL. */
    const char *const *down;     /* Names of backends, ended by NULL; may be NULL. */
    uint64_t seed;               /* Of choices by chance. */
} VsSelectSpec;

typedef enum VsSelectVerb {
    VS_SELECT_ADD,    /* "d=2" */
    VS_SELECT_REMOVE, /* "d" */
    VS_SELECT_WEIGH,  /* "d=2" */
    VS_SELECT_FAIL,   /* "d": it stays, and is down. */
} VsSelectVerb;

typedef struct VsSelectChange {
    VsSelectVerb verb;
    const char *text;
} VsSelectChange;

/* Sets up 'balancer', to be cleared with vs_balancer_clear().  False, with nothing to clear
 * and an error of the domain VS_BALANCE_ERROR that names what is wrong, and what would be
 * right. */
bool vs_select_open(VsBalancer *balancer, const VsSelectSpec *spec,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* False, with nothing changed and an error of the same domain, if 'change' is none that can
 * be made. */
bool vs_select_change(VsBalancer *balancer, const VsSelectChange *change,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Picks for the key that 'line' is (vs_balance_key_parse()): a backend or VS_BALANCER_NONE.
 * The connection is over at once unless it is to be held.  No time passes between picks.
 * False with an error if 'line' is no key. */
bool vs_select_pick(VsBalancer *balancer, const char *line, bool is_held,
                    uint32_t *ret_backend, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All connections that are held are over. */
void vs_select_release_all(VsBalancer *balancer);
