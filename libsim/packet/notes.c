#include "packet/notes.h"

/* Keys are the numbers of packets, which are above 0: unique in the run. */
static VsNote *
find_note(const VsPacket *packet)
{
    return g_hash_table_lookup(packet->run->packets->notes, &packet->number);
}

void
vs_note_free(VsNote *note)
{
    if (--note->n_holders == 0) {
        g_string_free(note->text, TRUE);
        g_free(note);
    }
}

static void
release(gpointer note)
{
    vs_note_free(note);
}

/* The note of the present stay; it belongs to the run. */
static VsNote *
get_note(VsPacket *packet, const void *place)
{
    VsPacketPool *pool = packet->run->packets;
    VsNote *note = packet->flags & VS_PACKET_NOTED ? find_note(packet) : NULL;

    if (note && note->place == place && !note->is_over) {
        return note;
    }
    if (!pool->notes) {
        pool->notes =
            g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, release);
    }
    note = g_new0(VsNote, 1);
    note->n_holders = 1;
    note->place = place;
    note->text = g_string_new(NULL);
    g_hash_table_replace(pool->notes,
                         g_memdup2(&packet->number, sizeof(packet->number)), note);
    packet->flags |= VS_PACKET_NOTED;
    return note;
}

VsNote *
vs_note_take(VsPacket *packet, const void *place)
{
    VsNote *note = get_note(packet, place);

    note->n_holders++;
    return note;
}

void
vs_note_add(VsPacket *packet, const void *place, const char *format, ...)
{
    VsNote *note = get_note(packet, place);
    va_list args;

    g_string_append(note->text, "; ");
    va_start(args, format);
    g_string_append_vprintf(note->text, format, args);
    va_end(args);
}

void
vs_note_leave(const VsPacket *packet)
{
    find_note(packet)->is_over = true;
}

void
vs_note_drop(const VsPacket *packet, VsDrop drop)
{
    VsNote *note = find_note(packet);

    g_string_append_printf(note->text, "; %s: %s",
                           note->is_over ? "later dropped" : "dropped",
                           vs_drop_text(drop));
}

void
vs_note_forget(const VsPacket *packet)
{
    g_hash_table_remove(packet->run->packets->notes, &packet->number);
}
