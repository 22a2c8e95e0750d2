/* Notes on packets that are captured: what was decided about each while it was in one place.
 *
 * A note begins when the packet is captured in a place (a namespace) or the first decision
 * about it is made there, grows by a text a decision, and is over when the packet leaves.
 * A capture keeps the notes of what it has seen until it writes them: what is decided after
 * a packet has come in by an interface is told there as well.  Without captures there are no
 * notes, and a packet without one carries no VS_PACKET_NOTED. */
#pragma once

#include <glib.h>

#include "packet/packet.h"

/* One packet's stay in one place. */
typedef struct VsNote {
    unsigned n_holders;
    const void *place; /* Compared alone. */
    bool is_over;      /* The packet has left. */
    GString *text;     /* "; dropped: no route": each part so begun. */
} VsNote;

/* The note of 'packet' for its present stay in 'place', begun here if there is none; to be
 * let go of with vs_note_free(). */
VsNote *vs_note_take(VsPacket *packet, const void *place);
void vs_note_free(VsNote *note);

/* Adds "; TEXT" to the same note. */
void vs_note_add(VsPacket *packet, const void *place, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The rest is for packets that are VS_PACKET_NOTED. */

/* It leaves where it was. */
void vs_note_leave(const VsPacket *packet);

/* It is dropped, for this reason. */
void vs_note_drop(const VsPacket *packet, VsDrop drop);

/* It is gone. */
void vs_note_forget(const VsPacket *packet);
