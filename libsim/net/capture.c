#include "net/capture.h"

#include <string.h>

#include "net/netns.h"
#include "net/tap.h"
#include "net/tunnel.h"
#include "packet/bytes.h"
#include "packet/pcapng.h"
#include "packet/trace.h"

enum { PS_PER_NS = 1000 };

typedef struct Listener {
    VsTap tap;
    VsCapture *capture;
    VsIface *iface;
    uint32_t number; /* In the file. */
} Listener;

/* A block of the file, which others of earlier times may have to precede. */
typedef struct Pending {
    VsTime time;
    uint64_t sequence;
    uint8_t *block;
    size_t block_bytes;
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

static void see(VsTap *tap, const VsPacket *packet, VsTime time,
                VsTapDirection direction);

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

/* Writes what nothing can precede any more: whatever comes is of 'time' or later. */
static void
write_until(VsCapture *capture, VsTime time)
{
    while (capture->pending->len > 0 && pending_at(capture, 0)->time <= time) {
        Pending pending = pop(capture);

        vs_pcapng_add_blocks(capture->file, pending.block, pending.block_bytes);
        g_free(pending.block);
    }
}

/* Comments. ------------------------------------------------------------------------ */

/* The rule that 'packet' met last on its present way through the namespace 'place', or the
 * policy; NULL: none. */
static const VsTraceRecord *
find_rule(const VsPacket *packet, const char *place)
{
    const VsTrace *trace = packet->run->trace;
    const VsTraceRecord *record = vs_trace_last(trace, packet->number);

    while (record && strcmp(record->place, place) == 0) {
        if (record->kind == VS_TRACE_RULE || record->kind == VS_TRACE_POLICY) {
            return record;
        }
        record = vs_trace_previous(trace, record);
    }
    return NULL;
}

static void
append_rule(GString *comment, const VsTraceRecord *record)
{
    g_string_append_printf(comment, "; table %s, chain %s, ", record->table,
                           record->name);
    if (record->kind == VS_TRACE_RULE) {
        g_string_append_printf(comment, "rule %u: %s => %s", record->number,
                               record->text, record->verdict);
    } else {
        g_string_append_printf(comment, "end: policy %s", record->verdict);
    }
}

static const char *
print_comment(const Listener *listener, const VsPacket *packet, VsTime time)
{
    GString *comment = listener->capture->comment;
    const VsTraceRecord *rule = listener->capture->is_of_trace
                                    ? find_rule(packet, listener->iface->netns->name)
                                    : NULL;

    g_string_printf(comment, "packet %" G_GUINT64_FORMAT " at %" G_GINT64_FORMAT " ps",
                    packet->number, time);
    if (rule) {
        append_rule(comment, rule);
    }
    return comment->str;
}

static void
see(VsTap *tap, const VsPacket *packet, VsTime time, VsTapDirection direction)
{
    const Listener *listener = VS_CONTAINER_OF(tap, Listener, tap);
    VsCapture *capture = listener->capture;
    Pending pending = {.time = time, .sequence = capture->n_seen};

    if (capture->is_of_trace && !vs_packet_is_traced(packet)) {
        return;
    }
    capture->n_seen++;
    write_until(capture, vs_now(capture->run));
    g_byte_array_set_size(capture->frame, 0);
    if (is_raw_ip(listener->iface)) {
        vs_packet_print_ip(packet, capture->frame);
    } else {
        vs_packet_print(packet, capture->frame);
    }
    g_byte_array_set_size(capture->block, 0);
    vs_pcapng_print_packet(
        &(VsPcapngPacket){.iface = listener->number,
                          .time_ns = (uint64_t)time / PS_PER_NS,
                          .direction =
                              direction == VS_TAP_IN ? VS_PCAPNG_IN : VS_PCAPNG_OUT,
                          .comment = print_comment(listener, packet, time),
                          .bytes = capture->frame->data,
                          .n_bytes = capture->frame->len},
        capture->block);
    pending.block_bytes = capture->block->len;
    pending.block = g_memdup2(capture->block->data, pending.block_bytes);
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
        g_free(pending_at(capture, i)->block);
    }
    g_array_free(capture->pending, TRUE);
    g_byte_array_free(capture->block, TRUE);
    g_byte_array_free(capture->frame, TRUE);
    g_string_free(capture->comment, TRUE);
    g_ptr_array_free(capture->listeners, TRUE);
    vs_pcapng_free(capture->file);
    g_free(capture);
}
