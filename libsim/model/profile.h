/* Profiles: sets of defaults, each after some real program.
 *
 * A model with profiles has a parameter "profile" of type CHOICE without default, whose words
 * are the names of its profiles.  What a profile sets goes before the parameter's default
 * and after what the file gives; vs_element_has() tells what the file gave. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "model/param.h"

typedef struct VsProfileSetting {
    const char *param;  /* NULL ends the table. */
    const char *value;  /* As written in a file. */
    const char *source; /* What says so, as a reader can find it. */
} VsProfileSetting;

typedef struct VsProfile {
    const char *name; /* NULL ends the table. */
    const char *doc;  /* Which program, and what of it is not followed. */
    const VsProfileSetting *settings;
} VsProfile;

/* Sets in 'config' what the profile that its parameter "profile" names sets, but for
 * parameters that are in 'set', and adds them to it; nothing if "profile" is not in 'set', or
 * 'profiles' is NULL.  A value that cannot be read, or a setting
 * of an unknown parameter, is a mistake in the table: an assertion. */
void vs_profile_set(const VsProfile *profiles, const VsParam *params, VsParamSet *set,
                    void *config, GStringChunk *strings);
