/* A host that brings addresses and routes of a real machine along (import_ip.h).
 *
 * Interfaces go by their names.  Those of links get the address and the MTU of the file,
 * before routes are computed: the address gives its segment the subnet, as subnet= would,
 * and others there get what is left.  All other interfaces (the network plug-in's devices,
 * lo, the near ends of pods) follow from the scenario: what the file says of them must be so.
 * Interfaces that the file does not name stay as they are. */
#pragma once

#include "model/build.h"
#include "model/import_ip.h"

/* The text of the file that an attribute names, newly allocated; NULL with 'error' set. */
char *vs_import_read(const VsElement *element, const char *attribute, const char *file,
                     size_t *ret_length, GError **error);

/* In create: reads the addresses of the host of 'element'. */
bool vs_import_addresses(VsBuild *build, const VsElement *element, const char *file,
                         GError **error);

/* What a file says of this interface, or NULL. */
const VsGivenAddress *vs_import_find_address(const VsBuild *build,
                                             const VsIface *iface);

/* In open, when all interfaces have addresses and MTUs: what the file says is so. */
bool vs_import_check_addresses(const VsBuild *build, const VsElement *element,
                               GError **error);

/* In open, when the host has its own routes: those of the file replace all but the connected
 * ones. */
bool vs_import_routes(const VsBuild *build, const VsElement *element, const char *file,
                      GError **error);

/* Sets 'error' to the place of 'given' and the formatted message; false. */
bool vs_import_fail(const VsGivenAddress *given, GError **error, const char *format,
                    ...) G_GNUC_PRINTF(3, 4);
