/* JSON that somebody else may have written: nothing in it is taken for granted.
 *
 * 'object' may be NULL; results belong to the document. */
#pragma once

#include <json-glib/json-glib.h>

/* The member if it is an object or a text; otherwise NULL. */
JsonObject *vs_json_get_object(JsonObject *object, const char *name);
const char *vs_json_get_text(JsonObject *object, const char *name);

/* The elements of an array that are objects; to be freed with g_list_free(). */
GList *vs_json_list_objects(JsonObject *object, const char *name);
