/* A capture of all interfaces of a simulation. */
#pragma once

#include "net/capture.h"
#include "scenario/simulation.h"

/* Begins the capture 'path' of every interface of every namespace, before the first packet
 * passes one.  Returns NULL with 'error' set in the domain G_FILE_ERROR. */
VsCapture *vs_capture_all(VsSimulation *simulation, const char *path,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
