/* Names that packets carry as 32-bit handles: DNS names, HTTP hosts and paths.
 *
 * Handles are given in order of interning while the run is built; 0 is the empty name. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef uint32_t VsName;

typedef struct VsNames {
    GPtrArray *strings;
    GHashTable *handles;
} VsNames;

void vs_names_init(VsNames *names);
void vs_names_clear(VsNames *names);

/* The handle of 'string', new if it was not known.  NULL is the empty name. */
VsName vs_names_intern(VsNames *names, const char *string);

static inline const char *
vs_names_get(const VsNames *names, VsName name)
{
    return (const char *)g_ptr_array_index(names->strings, name);
}
