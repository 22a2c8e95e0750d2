/* Captured interfaces: what capture="eth0 veth*" names, once all interfaces are there. */
#pragma once

#include "model/build.h"
#include "model/model.h"

/* The row for a member 'm' (a const char *) of the configuration of what has interfaces. */
#define VS_CAPTURE_PARAM_ROW(Config, m)                                            \
    VS_PARAM_STRING(Config, m, "capture",                                          \
                    .doc = "Interfaces whose packets go to capture.pcapng in the " \
                           "results: \"eth0 veth*\"; \"*\" means all.")

/* What 'element' says of the interfaces of 'netns'; 'names' may be NULL: none. */
void vs_build_capture(VsBuild *build, const VsElement *element, VsNetns *netns,
                      const char *names);

/* Fills build->captured.  Fails when a name matches no interface. */
bool vs_build_find_captured(VsBuild *build, GError **error);
