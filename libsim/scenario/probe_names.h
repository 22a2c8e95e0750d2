/* Names that a probe is given: of its origin, and of its target. */
#pragma once

#include "scenario/probe.h"

/* The namespace that 'from' names; '*ret_element' is its host's element, NULL of a pod.
 * NULL with 'error' set, which gives the nearest name. */
VsNetns *vs_probe_find_origin(const VsSimulation *simulation, const char *from,
                              const VsElement **ret_element, GError **error);

/* Splits 'to' into host, port, path and protocol of 'result'. */
bool vs_probe_split_target(VsProbeResult *result, const char *to, GError **error);

/* Finds the address of result->host, or who is to be asked for it. */
void vs_probe_choose_resolution(VsProbeResult *result, const VsSimulation *simulation,
                                const VsElement *origin);
