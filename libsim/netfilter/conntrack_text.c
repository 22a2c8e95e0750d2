#include <glib.h>

#include "netfilter/conntrack.h"

#define DIR_BIT ((uintptr_t)1)

static const char *const state_names[VS_CT_N_STATES] = {
    [VS_CT_NONE] = "NONE",         [VS_CT_SYN_SENT] = "SYN_SENT",
    [VS_CT_SYN_RECV] = "SYN_RECV", [VS_CT_ESTABLISHED] = "ESTABLISHED",
    [VS_CT_FIN_WAIT] = "FIN_WAIT", [VS_CT_CLOSE_WAIT] = "CLOSE_WAIT",
    [VS_CT_LAST_ACK] = "LAST_ACK", [VS_CT_TIME_WAIT] = "TIME_WAIT",
    [VS_CT_CLOSE] = "CLOSE",       [VS_CT_SYN_SENT2] = "SYN_SENT2",
};

const char *
vs_ct_state_name(VsCtState state)
{
    return state_names[state];
}

static int
compare_numbers(const void *a_, const void *b_)
{
    const VsConntrackEntry *a = *(const VsConntrackEntry *const *)a_;
    const VsConntrackEntry *b = *(const VsConntrackEntry *const *)b_;

    return a->number < b->number ? -1 : a->number > b->number;
}

static void
append_address(GString *text, const char *name, VsAddr address)
{
    g_string_append_printf(text, "%s=%u.%u.%u.%u ", name, address >> 24,
                           address >> 16 & 255, address >> 8 & 255, address & 255);
}

static void
append_tuple(GString *text, const VsFlow *tuple, VsCtDir dir)
{
    append_address(text, "src", tuple->saddr);
    append_address(text, "dst", tuple->daddr);
    switch (tuple->protocol) {
    case VS_PROTOCOL_TCP:
    case VS_PROTOCOL_UDP:
        g_string_append_printf(text, "sport=%u dport=%u ", tuple->sport, tuple->dport);
        break;
    case VS_PROTOCOL_ICMP:
        g_string_append_printf(
            text, "type=%u code=0 id=%u ",
            dir == VS_CT_ORIGINAL ? VS_ICMP_ECHO : VS_ICMP_ECHO_REPLY, tuple->sport);
        break;
    default:
        break;
    }
}

static void
append_entry(GString *text, const VsConntrackEntry *entry)
{
    const VsFlow *original = &entry->tuple[VS_CT_ORIGINAL];
    VsTime left = entry->expires - vs_now(entry->table->netns->run);
    const char *protocol = "unknown";

    switch (original->protocol) {
    case VS_PROTOCOL_TCP:
        protocol = "tcp";
        break;
    case VS_PROTOCOL_UDP:
        protocol = "udp";
        break;
    case VS_PROTOCOL_ICMP:
        protocol = "icmp";
        break;
    default:
        break;
    }
    g_string_append_printf(text, "%-8s %u %" G_GINT64_FORMAT " ", protocol,
                           original->protocol, (gint64)(left / VS_S));
    if (original->protocol == VS_PROTOCOL_TCP) {
        g_string_append_printf(text, "%s ", state_names[entry->state]);
    }
    append_tuple(text, original, VS_CT_ORIGINAL);
    if (!(entry->status & VS_CT_SEEN_REPLY)) {
        g_string_append(text, "[UNREPLIED] ");
    }
    append_tuple(text, &entry->tuple[VS_CT_REPLY], VS_CT_REPLY);
    if (entry->status & VS_CT_ASSURED) {
        g_string_append(text, "[ASSURED] ");
    }
    g_string_append_printf(text, "mark=%u ", entry->mark);
    if (original->zone != 0) {
        g_string_append_printf(text, "zone=%u ", original->zone);
    }
    g_string_append(text, "use=1\n");
}

char *
vs_conntrack_print(const VsConntrack *conntrack)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    GString *text = g_string_new(NULL);
    size_t cursor = 0;
    VsKey key;
    void *value;

    /* By their original tuples, so the kernel too hides those kept for replies alone. */
    while (vs_table_next(&conntrack->tuples, &cursor, &key, &value)) {
        if (!((uintptr_t)value & DIR_BIT)) {
            g_ptr_array_add(entries, value);
        }
    }
    g_ptr_array_sort(entries, compare_numbers);
    for (unsigned i = 0; i < entries->len; i++) {
        append_entry(text, g_ptr_array_index(entries, i));
    }
    return g_string_free(text, FALSE);
}
