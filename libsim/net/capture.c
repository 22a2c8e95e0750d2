#include "net/capture.h"

#include "net/netns.h"
#include "net/tap.h"
#include "net/tunnel.h"
#include "packet/bytes.h"
#include "packet/notes.h"
#include "packet/pcapng.h"
#include "packet/trace.h"

enum { PS_PER_NS = 1000 };

/* How long a packet waits to be written, so that its comment has what happens to it a
 * little later: where its namespace drops it, or the queue of the wire it left by. */
#define LAG (1 * VS_MS)

typedef struct Listener {
    VsTap tap;
    VsCapture *capture;
    VsIface *iface;
    uint32_t number; /* In the file. */
} Listener;

/* A packet of the file, which others of earlier times may have to precede. */
typedef struct Pending {
    VsTime time;
    uint64_t sequence;
    uint64_t number; /* Of the packet. */
    uint32_t iface;  /* In the file. */
    VsTapDirection direction;
    VsNote *note;
    uint8_t *bytes;
    uint32_t n_bytes;
} Pending;

struct VsCapture {
    VsRun *run;
    VsPcapng *file;
    GPtrArray *listeners; /* Of Listener. */
    GByteArray *frame;    /* Scratch. */
    GByteArray *block;    /* Scratch. */
    GString *comment;     /* Scratch. */
    bool is_of_trace;     /* Traced packets alone. */
    GArray *pending; /* Of Pending: a binary heap, the first to be written on top. */
    uint64_t n_seen;
};

static void see(VsTap *tap, VsPacket *packet, VsTime time, VsTapDirection direction);

VsCapture *
vs_capture_new(VsRun *run, const char *path, GError **error)
{
    VsPcapng *file = vs_pcapng_new(path, PACKAGE_STRING, error);
    VsCapture *capture;

    if (!file) {
        return NULL;
    }
    capture = g_new0(VsCapture, 1);
    capture->run = run;
    capture->file = file;
    capture->listeners = g_ptr_array_new_with_free_func(g_free);
    capture->frame = g_byte_array_new();
    capture->block = g_byte_array_new();
    capture->comment = g_string_new(NULL);
    capture->pending = g_array_new(FALSE, FALSE, sizeof(Pending));
    return capture;
}

/* Newly allocated. */
static char *
describe(const VsIface *iface)
{
    switch (iface->kind) {
    case VS_IFACE_LOOPBACK:
        return g_strdup("loopback");
    case VS_IFACE_ETHERNET:
        return iface->wire ? g_strdup_printf("wire %s", iface->wire->name)
                           : g_strdup("Ethernet without a link");
    case VS_IFACE_VETH:
        return g_strdup_printf("veth, peer %s/%s", iface->peer->netns->name,
                               iface->peer->name);
    case VS_IFACE_BRIDGE:
        return g_strdup("bridge");
    case VS_IFACE_TUNNEL:
        return iface->tunnel->config.kind == VS_TUNNEL_VXLAN
                   ? g_strdup_printf("VXLAN, VNI %u, UDP port %u",
                                     iface->tunnel->config.vni,
                                     iface->tunnel->config.port)
                   : g_strdup("IPIP");
    case VS_IFACE_DUMMY:
        return g_strdup("dummy");
    }
    g_assert_not_reached();
}

/* Frames there have no Ethernet header. */
static inline bool
is_raw_ip(const VsIface *iface)
{
    return iface->kind == VS_IFACE_TUNNEL &&
           iface->tunnel->config.kind == VS_TUNNEL_IPIP;
}

void
vs_capture_add(VsCapture *capture, VsIface *iface)
{
    Listener *listener = g_new0(Listener, 1);
    g_autofree char *description = describe(iface);
    g_autofree char *name = g_strdup_printf("%s/%s", iface->netns->name, iface->name);
    bool has_rate = iface->kind == VS_IFACE_ETHERNET && iface->wire;

    g_assert(capture->n_seen == 0);
    listener->tap.see = see;
    listener->capture = capture;
    listener->iface = iface;
    listener->number = vs_pcapng_add_interface(
        capture->file,
        &(VsPcapngInterface){
            .name = name,
            .description = description,
            .bits_per_s = has_rate ? iface->wire->config.bits_per_s : 0,
            .link_type = is_raw_ip(iface) ? VS_PCAPNG_RAW_IP : VS_PCAPNG_ETHERNET});
    listener->tap.next = iface->taps;
    iface->taps = &listener->tap;
    iface->netns->n_taps++;
    g_ptr_array_add(capture->listeners, listener);
}

void
vs_capture_follow_trace(VsCapture *capture)
{
    capture->is_of_trace = true;
}

/* Order. --------------------------------------------------------------------------- */

static inline Pending *
pending_at(const VsCapture *capture, guint place)
{
    return &g_array_index(capture->pending, Pending, place);
}

static inline bool
precedes(const Pending *a, const Pending *b)
{
    return a->time < b->time || (a->time == b->time && a->sequence < b->sequence);
}

static void
push(VsCapture *capture, const Pending *pending)
{
    guint place = capture->pending->len;

    g_array_set_size(capture->pending, place + 1);
    while (place > 0 && precedes(pending, pending_at(capture, (place - 1) / 2))) {
        *pending_at(capture, place) = *pending_at(capture, (place - 1) / 2);
        place = (place - 1) / 2;
    }
    *pending_at(capture, place) = *pending;
}

static Pending
pop(VsCapture *capture)
{
    Pending first = *pending_at(capture, 0);
    guint length = capture->pending->len - 1;
    Pending last = *pending_at(capture, length);
    guint place = 0;
    guint child;

    while ((child = 2 * place + 1) < length) {
        if (child + 1 < length &&
            precedes(pending_at(capture, child + 1), pending_at(capture, child))) {
            child++;
        }
        if (!precedes(pending_at(capture, child), &last)) {
            break;
        }
        *pending_at(capture, place) = *pending_at(capture, child);
        place = child;
    }
    *pending_at(capture, place) = last;
    g_array_set_size(capture->pending, length);
    return first;
}

static void
pending_clear(Pending *pending)
{
    vs_note_free(pending->note);
    g_free(pending->bytes);
}

static void
write_packet(VsCapture *capture, const Pending *pending)
{
    g_string_printf(capture->comment,
                    "packet %" G_GUINT64_FORMAT " at %" G_GINT64_FORMAT " ps%s",
                    pending->number, pending->time, pending->note->text->str);
    g_byte_array_set_size(capture->block, 0);
    vs_pcapng_print_packet(
        &(VsPcapngPacket){.iface = pending->iface,
                          .time_ns = (uint64_t)pending->time / PS_PER_NS,
                          .direction = pending->direction == VS_TAP_IN ? VS_PCAPNG_IN
                                                                       : VS_PCAPNG_OUT,
                          .comment = capture->comment->str,
                          .bytes = pending->bytes,
                          .n_bytes = pending->n_bytes},
        capture->block);
    vs_pcapng_add_blocks(capture->file, capture->block->data, capture->block->len);
}

/* Writes what is of 'time' or earlier: all that comes is later. */
static void
write_until(VsCapture *capture, VsTime time)
{
    while (capture->pending->len > 0 && pending_at(capture, 0)->time <= time) {
        Pending pending = pop(capture);

        write_packet(capture, &pending);
        pending_clear(&pending);
    }
}

static void
see(VsTap *tap, VsPacket *packet, VsTime time, VsTapDirection direction)
{
    const Listener *listener = VS_CONTAINER_OF(tap, Listener, tap);
    VsCapture *capture = listener->capture;
    Pending pending = {.time = time,
                       .sequence = capture->n_seen,
                       .number = packet->number,
                       .iface = listener->number,
                       .direction = direction};

    if (capture->is_of_trace && !vs_packet_is_traced(packet)) {
        return;
    }
    capture->n_seen++;
    write_until(capture, vs_now(capture->run) - LAG);
    g_byte_array_set_size(capture->frame, 0);
    if (is_raw_ip(listener->iface)) {
        vs_packet_print_ip(packet, capture->frame);
    } else {
        vs_packet_print(packet, capture->frame);
    }
    pending.note = vs_note_take(packet, listener->iface->netns);
    pending.n_bytes = capture->frame->len;
    pending.bytes = g_memdup2(capture->frame->data, pending.n_bytes);
    push(capture, &pending);
}

/* The end. ------------------------------------------------------------------------- */

static void
detach(VsCapture *capture)
{
    for (guint i = 0; i < capture->listeners->len; i++) {
        Listener *listener = capture->listeners->pdata[i];
        VsTap **link = &listener->iface->taps;

        while (*link != &listener->tap) {
            link = &(*link)->next;
        }
        *link = listener->tap.next;
        listener->iface->netns->n_taps--;
    }
    g_ptr_array_set_size(capture->listeners, 0);
}

bool
vs_capture_close(VsCapture *capture, GError **error)
{
    detach(capture);
    write_until(capture, VS_TIME_NEVER);
    return vs_pcapng_close(capture->file, error);
}

void
vs_capture_free(VsCapture *capture)
{
    if (!capture) {
        return;
    }
    detach(capture);
    for (guint i = 0; i < capture->pending->len; i++) {
        pending_clear(pending_at(capture, i));
    }
    g_array_free(capture->pending, TRUE);
    g_byte_array_free(capture->block, TRUE);
    g_byte_array_free(capture->frame, TRUE);
    g_string_free(capture->comment, TRUE);
    g_ptr_array_free(capture->listeners, TRUE);
    vs_pcapng_free(capture->file);
    g_free(capture);
}
