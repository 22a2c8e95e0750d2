/* What `ip -j` prints: a JSON list of objects, each read member by member.
 *
 * Errors are in the domain VS_SCENARIO_ERROR, of one line whatever the file holds: "FILE:LINE:
 * ..." where it is no JSON, and else "FILE: [INDEX] (LABEL): what is wrong", the index as jq
 * counts.  Functions that fail return false; texts belong to the document. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/flow.h"

/* One object of the file. */
typedef struct VsIpEntry {
    char *where; /* "FILE: [1] (eth0)" */
    JsonObject *object;
} VsIpEntry;

/* Appends 'entry' to 'list', or refuses it. */
typedef bool (*VsIpReadEntry)(GArray *list, const VsIpEntry *entry, GError **error);

/* Reads every object of a document into 'list'; 'label' is the member that messages call an
 * object by.  After an error 'list' holds what was read before. */
bool vs_ip_entries_read(GArray *list, const char *text, size_t length, const char *file,
                        const char *label, VsIpReadEntry read, GError **error);

/* What the entry is called by 'member': "eth0", "10.0.0.0/8"; "?" when that is no text. */
const char *vs_ip_entry_label(const VsIpEntry *entry, const char *member);

/* The member 'name', which may be absent: NULL or 'absent' then, 0 for an address. */
bool vs_ip_entry_get_text(const VsIpEntry *entry, const char *name, const char **ret,
                          GError **error);
bool vs_ip_entry_get_number(const VsIpEntry *entry, const char *name, uint32_t max,
                            uint32_t absent, uint32_t *ret, GError **error);
bool vs_ip_entry_get_address(const VsIpEntry *entry, const char *name, VsAddr *ret,
                             GError **error);

/* A list of texts, to be freed with g_strfreev(). */
bool vs_ip_entry_get_words(const VsIpEntry *entry, const char *name, GStrv *ret,
                           GError **error);

/* Sets 'error' to "WHERE: " and the formatted message; false. */
bool vs_ip_entry_fail(const VsIpEntry *entry, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
bool vs_ip_fail(GError **error, const char *where, const char *format, va_list args)
    G_GNUC_PRINTF(3, 0);
