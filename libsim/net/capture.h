/* A capture: the packets of chosen interfaces as a pcapng file (packet/pcapng.h), in order
 * of time.
 *
 * A packet that is sent is captured before its interface does anything with it, one that is
 * received after the driver's work: times include what the core has done by then.  Frames
 * are as packet/bytes.h has them; the comment of each has the packet's number in the run,
 * which is the same at every interface it passes, the time in picoseconds, and what its
 * namespace decided about it (net/decision.h) up to 1 ms after: the rules that ended walks,
 * with their verdicts, translations, and why it was dropped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "engine/run.h"
#include "net/iface.h"

typedef struct VsCapture VsCapture;

/* Begins the file 'path', which is there when the capture is closed.  Returns NULL with
 * 'error' set in the domain G_FILE_ERROR. */
VsCapture *vs_capture_new(VsRun *run, const char *path,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Captures all that passes 'iface' from now on.  All interfaces of a capture are added
 * before the first packet passes one of them. */
void vs_capture_add(VsCapture *capture, VsIface *iface);

/* Captures packets that are traced (packet/trace.h) alone. */
void vs_capture_follow_trace(VsCapture *capture);

/* Writes the rest of the file and gives it its name.  Nothing is captured after. */
bool vs_capture_close(VsCapture *capture, GError **error);

/* Takes the capture off its interfaces, which must still exist, and deletes the file unless
 * it was closed. */
void vs_capture_free(VsCapture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsCapture, vs_capture_free)
