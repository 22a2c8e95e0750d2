#include "netfilter/nft_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { PROTOCOL_SCTP = 132 };

/* nft's names of protocols are those of libc's /etc/protocols that it meets most. */
static const VsNftWord protocols[] = {
    {"icmp", 1},   {"tcp", 6},       {"udp", 17}, {"dccp", 33},      {"ipv6", 41},
    {"gre", 47},   {"esp", 50},      {"ah", 51},  {"ipv6-icmp", 58}, {"ipcomp", 108},
    {"sctp", 132}, {"udplite", 136}, {NULL, 0},
};

static const VsNftWord ct_states[] = {
    {"invalid", VS_CT_STATE_INVALID},     {"established", VS_CT_STATE_ESTABLISHED},
    {"related", VS_CT_STATE_RELATED},     {"new", VS_CT_STATE_NEW},
    {"untracked", VS_CT_STATE_UNTRACKED}, {NULL, 0},
};

static const VsNftWord ct_statuses[] = {
    {"expected", VS_CT_STATUS_EXPECTED},
    {"seen-reply", VS_CT_STATUS_SEEN_REPLY},
    {"assured", VS_CT_STATUS_ASSURED},
    {"confirmed", VS_CT_STATUS_CONFIRMED},
    {"snat", VS_CT_STATUS_SNAT},
    {"dnat", VS_CT_STATUS_DNAT},
    {NULL, 0},
};

static const VsNftWord tcp_flags[] = {
    {"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08}, {"ack", 0x10},
    {"urg", 0x20}, {"ecn", 0x40}, {"cwr", 0x80}, {NULL, 0},
};

static const VsNftWord directions[] = {{"original", 0}, {"reply", 1}, {NULL, 0}};

static const VsNftWord addr_types[] = {
    {"unspec", VS_ADDR_TYPE_UNSPEC},
    {"unicast", VS_ADDR_TYPE_UNICAST},
    {"local", VS_ADDR_TYPE_LOCAL},
    {"broadcast", VS_ADDR_TYPE_BROADCAST},
    {"multicast", VS_ADDR_TYPE_MULTICAST},
    {"blackhole", VS_ADDR_TYPE_BLACKHOLE},
    {"unreachable", VS_ADDR_TYPE_UNREACHABLE},
    {NULL, 0},
};

static const VsNftWord icmp_types[] = {
    {"echo-reply", 0},           {"destination-unreachable", 3},
    {"source-quench", 4},        {"redirect", 5},
    {"echo-request", 8},         {"router-advertisement", 9},
    {"router-solicitation", 10}, {"time-exceeded", 11},
    {"parameter-problem", 12},   {"timestamp-request", 13},
    {"timestamp-reply", 14},     {"info-request", 15},
    {"info-reply", 16},          {"address-mask-request", 17},
    {"address-mask-reply", 18},  {NULL, 0},
};

static const VsNftWord icmp_codes[] = {
    {"net-unreachable", 0},  {"host-unreachable", 1},  {"prot-unreachable", 2},
    {"port-unreachable", 3}, {"frag-needed", 4},       {"net-prohibited", 9},
    {"host-prohibited", 10}, {"admin-prohibited", 13}, {NULL, 0},
};

const VsNftWord vs_nft_chain_types[] = {
    {"filter", VS_CHAIN_FILTER},
    {"nat", VS_CHAIN_NAT},
    {"route", VS_CHAIN_ROUTE},
    {NULL, 0},
};

const VsNftWord vs_nft_hooks[] = {
    {"prerouting", VS_HOOK_PREROUTING},   {"input", VS_HOOK_INPUT},
    {"forward", VS_HOOK_FORWARD},         {"output", VS_HOOK_OUTPUT},
    {"postrouting", VS_HOOK_POSTROUTING}, {NULL, 0},
};

const VsNftWord vs_nft_log_levels[] = {
    {"emerg", 0},  {"alert", 1}, {"crit", 2},  {"err", 3}, {"warn", 4},
    {"notice", 5}, {"info", 6},  {"debug", 7}, {NULL, 0},
};

const VsNftWord vs_nft_rejects[] = {
    {"port-unreachable", VS_REJECT_PORT_UNREACHABLE},
    {"net-unreachable", VS_REJECT_NET_UNREACHABLE},
    {"host-unreachable", VS_REJECT_HOST_UNREACHABLE},
    {"prot-unreachable", VS_REJECT_PROTO_UNREACHABLE},
    {"net-prohibited", VS_REJECT_NET_PROHIBITED},
    {"host-prohibited", VS_REJECT_HOST_PROHIBITED},
    {"admin-prohibited", VS_REJECT_ADMIN_PROHIBITED},
    {NULL, 0},
};

const VsNftWord vs_nft_verdicts[] = {
    {"continue", VS_RULE_CONTINUE},
    {"accept", VS_RULE_ACCEPT},
    {"drop", VS_RULE_DROP},
    {"return", VS_RULE_RETURN},
    {"jump", VS_RULE_JUMP},
    {"goto", VS_RULE_GOTO},
    {NULL, 0},
};

const VsNftWord vs_nft_limit_units[] = {
    {"second", 1},  {"minute", 60},   {"hour", 3600},
    {"day", 86400}, {"week", 604800}, {NULL, 0},
};

const VsNftWord vs_nft_set_types[] = {
    {"ipv4_addr", VS_SET_IPV4_ADDR},
    {"inet_proto", VS_SET_INET_PROTO},
    {"inet_service", VS_SET_INET_SERVICE},
    {"mark", VS_SET_MARK},
    {NULL, 0},
};

static const VsNftField fields[] = {
    {VS_FIELD_SADDR, VS_NFT_ADDRESS, "ip saddr", "payload", "ip", "saddr"},
    {VS_FIELD_DADDR, VS_NFT_ADDRESS, "ip daddr", "payload", "ip", "daddr"},
    {VS_FIELD_PROTOCOL, VS_NFT_PROTOCOL, "ip protocol", "payload", "ip", "protocol"},
    {VS_FIELD_SPORT, VS_NFT_PORT, NULL, "payload", NULL, "sport"},
    {VS_FIELD_DPORT, VS_NFT_PORT, NULL, "payload", NULL, "dport"},
    {VS_FIELD_MARK, VS_NFT_MARK, "meta mark", "meta", NULL, "mark"},
    {VS_FIELD_CT_MARK, VS_NFT_MARK, "ct mark", "ct", NULL, "mark"},
    {VS_FIELD_CT_STATE, VS_NFT_CT_STATE, "ct state", "ct", NULL, "state"},
    {VS_FIELD_CT_STATUS, VS_NFT_CT_STATUS, "ct status", "ct", NULL, "status"},
    {VS_FIELD_CT_DIRECTION, VS_NFT_DIRECTION, "ct direction", "ct", NULL, "direction"},
    {VS_FIELD_CT_ORIG_SADDR, VS_NFT_ADDRESS, "ct original ip saddr", "ct", "original",
     "ip saddr"},
    {VS_FIELD_CT_ORIG_DADDR, VS_NFT_ADDRESS, "ct original ip daddr", "ct", "original",
     "ip daddr"},
    {VS_FIELD_CT_ORIG_SPORT, VS_NFT_PORT, "ct original proto-src", "ct", "original",
     "proto-src"},
    {VS_FIELD_CT_ORIG_DPORT, VS_NFT_PORT, "ct original proto-dst", "ct", "original",
     "proto-dst"},
    {VS_FIELD_CT_REPLY_SADDR, VS_NFT_ADDRESS, "ct reply ip saddr", "ct", "reply",
     "ip saddr"},
    {VS_FIELD_CT_REPLY_DADDR, VS_NFT_ADDRESS, "ct reply ip daddr", "ct", "reply",
     "ip daddr"},
    {VS_FIELD_SADDR_TYPE, VS_NFT_ADDR_TYPE, "fib saddr type", "fib", NULL, "saddr"},
    {VS_FIELD_DADDR_TYPE, VS_NFT_ADDR_TYPE, "fib daddr type", "fib", NULL, "daddr"},
    {VS_FIELD_TCP_FLAGS, VS_NFT_TCP_FLAGS, "tcp flags", "payload", "tcp", "flags"},
    {VS_FIELD_ICMP_TYPE, VS_NFT_ICMP_TYPE, "icmp type", "payload", "icmp", "type"},
    {VS_FIELD_LENGTH, VS_NFT_NUMBER_16, "ip length", "payload", "ip", "length"},
    {VS_FIELD_TTL, VS_NFT_NUMBER_8, "ip ttl", "payload", "ip", "ttl"},
    {VS_FIELD_IIF, VS_NFT_NUMBER, "iifname", "meta", NULL, "iifname"},
    {VS_FIELD_OIF, VS_NFT_NUMBER, "oifname", "meta", NULL, "oifname"},
    {VS_FIELD_NUMBER, VS_NFT_NUMBER, NULL, NULL, NULL, NULL},
};

/* nft's standard priorities for family ip; those of NAT hold at one point only. */
typedef struct Priority {
    const char *name;
    int32_t value;
    int point; /* Or -1. */
} Priority;

static const Priority priorities[] = {
    {"raw", VS_HOOK_PRI_RAW, -1},
    {"mangle", VS_HOOK_PRI_MANGLE, -1},
    {"dstnat", VS_HOOK_PRI_NAT_DST, VS_HOOK_PREROUTING},
    {"filter", VS_HOOK_PRI_FILTER, -1},
    {"security", VS_HOOK_PRI_SECURITY, -1},
    {"srcnat", VS_HOOK_PRI_NAT_SRC, VS_HOOK_POSTROUTING},
};

enum { PRIORITY_REACH = 10 };

bool
vs_nft_find_value(const VsNftWord *words, const char *text, uint32_t *ret_value)
{
    for (; words->text; words++) {
        if (strcmp(words->text, text) == 0) {
            *ret_value = words->value;
            return true;
        }
    }
    return false;
}

const char *
vs_nft_find_word(const VsNftWord *words, uint32_t value)
{
    for (; words->text; words++) {
        if (words->value == value) {
            return words->text;
        }
    }
    return NULL;
}

static bool
is_at(const Priority *row, VsHookPoint point)
{
    return row->point == -1 || row->point == (int)point;
}

const char *
vs_nft_find_priority(VsHookPoint point, int32_t priority, int32_t *ret_offset)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(priorities); i++) {
        int64_t offset = (int64_t)priority - priorities[i].value;

        if (is_at(&priorities[i], point) && llabs(offset) <= PRIORITY_REACH) {
            *ret_offset = (int32_t)offset;
            return priorities[i].name;
        }
    }
    return NULL;
}

bool
vs_nft_priority_value(VsHookPoint point, const char *name, int32_t *ret_priority)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(priorities); i++) {
        if (is_at(&priorities[i], point) && strcmp(priorities[i].name, name) == 0) {
            *ret_priority = priorities[i].value;
            return true;
        }
    }
    return false;
}

const VsNftWord *
vs_nft_kind_words(VsNftKind kind)
{
    switch (kind) {
    case VS_NFT_PROTOCOL:
        return protocols;
    case VS_NFT_CT_STATE:
        return ct_states;
    case VS_NFT_CT_STATUS:
        return ct_statuses;
    case VS_NFT_TCP_FLAGS:
        return tcp_flags;
    case VS_NFT_DIRECTION:
        return directions;
    case VS_NFT_ADDR_TYPE:
        return addr_types;
    case VS_NFT_ICMP_TYPE:
        return icmp_types;
    case VS_NFT_ICMP_CODE:
        return icmp_codes;
    default:
        return NULL;
    }
}

bool
vs_nft_kind_is_flags(VsNftKind kind)
{
    return kind == VS_NFT_CT_STATE || kind == VS_NFT_CT_STATUS ||
           kind == VS_NFT_TCP_FLAGS;
}

uint32_t
vs_nft_kind_max(VsNftKind kind)
{
    switch (kind) {
    case VS_NFT_PROTOCOL:
    case VS_NFT_NUMBER_8:
    case VS_NFT_TCP_FLAGS:
    case VS_NFT_ICMP_TYPE:
    case VS_NFT_ICMP_CODE:
        return UINT8_MAX;
    case VS_NFT_PORT:
    case VS_NFT_NUMBER_16:
        return UINT16_MAX;
    default:
        return UINT32_MAX;
    }
}

unsigned
vs_nft_kind_shift(VsNftKind kind)
{
    return kind == VS_NFT_ICMP_TYPE ? 8 : 0;
}

/* All bits but where the field holds more than nft's value: iptables' virtual states. */
uint32_t
vs_nft_kind_mask(VsNftKind kind)
{
    switch (kind) {
    case VS_NFT_CT_STATE:
        return VS_CT_STATE_MASK;
    case VS_NFT_ICMP_TYPE:
        return 0xff00;
    case VS_NFT_ICMP_CODE:
        return 0x00ff;
    default:
        return UINT32_MAX;
    }
}

VsNftKind
vs_nft_type_kind(VsSetType type)
{
    switch (type) {
    case VS_SET_IPV4_ADDR:
        return VS_NFT_ADDRESS;
    case VS_SET_INET_PROTO:
        return VS_NFT_PROTOCOL;
    case VS_SET_INET_SERVICE:
        return VS_NFT_PORT;
    case VS_SET_MARK:
        return VS_NFT_MARK;
    default:
        return VS_NFT_NUMBER;
    }
}

const VsNftField *
vs_nft_find_field(VsField field)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].field == field) {
            return &fields[i];
        }
    }
    return NULL;
}

const char *
vs_nft_port_owner(int protocol)
{
    switch (protocol) {
    case VS_PROTOCOL_TCP:
        return "tcp";
    case VS_PROTOCOL_UDP:
        return "udp";
    case PROTOCOL_SCTP:
        return "sctp";
    default:
        return "th";
    }
}

int
vs_nft_module_protocol(VsModule module)
{
    switch (module) {
    case VS_MODULE_TCP:
        return VS_PROTOCOL_TCP;
    case VS_MODULE_UDP:
        return VS_PROTOCOL_UDP;
    case VS_MODULE_SCTP:
        return PROTOCOL_SCTP;
    case VS_MODULE_ICMP:
        return VS_PROTOCOL_ICMP;
    default:
        return -1;
    }
}

void
vs_nft_put_value(GString *out, VsNftKind kind, uint32_t value)
{
    const VsNftWord *words = vs_nft_kind_words(kind);
    const char *word = words ? vs_nft_find_word(words, value) : NULL;

    if (word) {
        g_string_append(out, word);
    } else if (kind == VS_NFT_ADDRESS) {
        g_string_append_printf(out, "%u.%u.%u.%u", value >> 24, value >> 16 & 0xff,
                               value >> 8 & 0xff, value & 0xff);
    } else if (kind == VS_NFT_MARK) {
        g_string_append_printf(out, "0x%08x", value);
    } else if (vs_nft_kind_is_flags(kind)) {
        g_string_append_printf(out, "0x%x", value);
    } else {
        g_string_append_printf(out, "%u", value);
    }
}

void
vs_nft_put_time(GString *out, VsTime time)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    uint64_t ms = (uint64_t)time / VS_MS;

    if (ms == 0) {
        g_string_append(out, "0s");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(units); i++) {
        if (ms >= units[i].ms) {
            g_string_append_printf(out, "%" G_GUINT64_FORMAT "%s", ms / units[i].ms,
                                   units[i].unit);
            ms %= units[i].ms;
        }
    }
}
