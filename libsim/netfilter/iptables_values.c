/* What the arguments of iptables' options mean. */
#include <string.h>

#include "base/prefix.h"
#include "base/units.h"
#include "netfilter/iptables_options.h"

/* Names that iptables-save has from Debian's /etc/protocols. */
const VsIptWord vs_ipt_protocols[] = {
    {"tcp", 6},    {"udp", 17},       {"icmp", 1},    {"sctp", 132},    {"igmp", 2},
    {"dccp", 33},  {"gre", 47},       {"esp", 50},    {"ah", 51},       {"ospf", 89},
    {"vrrp", 112}, {"ipv6-icmp", 58}, {"icmpv6", 58}, {"udplite", 136}, {"ipencap", 4},
    {"all", 0},    {NULL, 0},
};

const VsIptWord vs_ipt_ct_states[] = {
    {"INVALID", VS_CT_STATE_INVALID},     {"NEW", VS_CT_STATE_NEW},
    {"RELATED", VS_CT_STATE_RELATED},     {"ESTABLISHED", VS_CT_STATE_ESTABLISHED},
    {"UNTRACKED", VS_CT_STATE_UNTRACKED}, {"SNAT", VS_CT_STATE_SNAT},
    {"DNAT", VS_CT_STATE_DNAT},           {NULL, 0},
};

const VsIptWord vs_ipt_states[] = {
    {"INVALID", VS_CT_STATE_INVALID},     {"NEW", VS_CT_STATE_NEW},
    {"RELATED", VS_CT_STATE_RELATED},     {"ESTABLISHED", VS_CT_STATE_ESTABLISHED},
    {"UNTRACKED", VS_CT_STATE_UNTRACKED}, {NULL, 0},
};

const VsIptWord vs_ipt_ct_statuses[] = {
    {"NONE", 0},
    {"EXPECTED", VS_CT_STATUS_EXPECTED},
    {"SEEN_REPLY", VS_CT_STATUS_SEEN_REPLY},
    {"ASSURED", VS_CT_STATUS_ASSURED},
    {"CONFIRMED", VS_CT_STATUS_CONFIRMED},
    {NULL, 0},
};

const VsIptWord vs_ipt_addr_types[] = {
    {"UNSPEC", VS_ADDR_TYPE_UNSPEC},
    {"UNICAST", VS_ADDR_TYPE_UNICAST},
    {"LOCAL", VS_ADDR_TYPE_LOCAL},
    {"BROADCAST", VS_ADDR_TYPE_BROADCAST},
    {"MULTICAST", VS_ADDR_TYPE_MULTICAST},
    {"BLACKHOLE", VS_ADDR_TYPE_BLACKHOLE},
    {"UNREACHABLE", VS_ADDR_TYPE_UNREACHABLE},
    {NULL, 0},
};

const VsIptWord vs_ipt_tcp_flags[] = {
    {"NONE", 0},   {"FIN", 0x01}, {"SYN", 0x02}, {"RST", 0x04}, {"PSH", 0x08},
    {"ACK", 0x10}, {"URG", 0x20}, {"ALL", 0x3f}, {NULL, 0},
};

const VsIptWord vs_ipt_rejects[] = {
    {"icmp-port-unreachable", VS_REJECT_PORT_UNREACHABLE},
    {"port-unreach", VS_REJECT_PORT_UNREACHABLE},
    {"icmp-net-unreachable", VS_REJECT_NET_UNREACHABLE},
    {"net-unreach", VS_REJECT_NET_UNREACHABLE},
    {"icmp-host-unreachable", VS_REJECT_HOST_UNREACHABLE},
    {"host-unreach", VS_REJECT_HOST_UNREACHABLE},
    {"icmp-proto-unreachable", VS_REJECT_PROTO_UNREACHABLE},
    {"proto-unreach", VS_REJECT_PROTO_UNREACHABLE},
    {"icmp-net-prohibited", VS_REJECT_NET_PROHIBITED},
    {"net-prohib", VS_REJECT_NET_PROHIBITED},
    {"icmp-host-prohibited", VS_REJECT_HOST_PROHIBITED},
    {"host-prohib", VS_REJECT_HOST_PROHIBITED},
    {"icmp-admin-prohibited", VS_REJECT_ADMIN_PROHIBITED},
    {"admin-prohib", VS_REJECT_ADMIN_PROHIBITED},
    {"tcp-reset", VS_REJECT_TCP_RESET},
    {"tcp-rst", VS_REJECT_TCP_RESET},
    {NULL, 0},
};

const char *
vs_ipt_word_name(const VsIptWord *words, uint32_t value)
{
    for (; words->name; words++) {
        if (words->value == value) {
            return words->name;
        }
    }
    return NULL;
}

bool
vs_ipt_scan_number(const char **text, uint64_t max, uint64_t *ret)
{
    char *end;

    if (!g_ascii_isdigit(**text)) {
        return false;
    }
    /* A number too large for 64 bits becomes the largest, which is above 'max'. */
    *ret = g_ascii_strtoull(*text, &end, 0);
    *text = end;
    return *ret <= max;
}

bool
vs_ipt_number(VsIptReader *reader, const char *option, const char *text, uint64_t max,
              uint64_t *ret)
{
    const char *cursor = text;

    if (!vs_ipt_scan_number(&cursor, max, ret) || *cursor) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write a number from 0 to %" G_GUINT64_FORMAT,
                           option, text, max);
    }
    return true;
}

bool
vs_ipt_range(VsIptReader *reader, const char *option, const char *text, char separator,
             uint32_t *ret_min, uint32_t *ret_max)
{
    const char *cursor = text;
    uint64_t min = 0;
    uint64_t max = UINT16_MAX;
    bool is_right = *text && strcmp(text, (char[]){separator, 0}) != 0;

    if (*cursor != separator) {
        is_right = is_right && vs_ipt_scan_number(&cursor, UINT16_MAX, &min);
    }
    if (is_right && *cursor == separator) {
        cursor++;
        is_right = !*cursor || vs_ipt_scan_number(&cursor, UINT16_MAX, &max);
    } else {
        max = min;
    }
    if (!is_right || *cursor || min > max) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write a number from 0 to 65535, or two of them, "
                           "first%clast, without names",
                           option, text, separator);
    }
    *ret_min = (uint32_t)min;
    *ret_max = (uint32_t)max;
    return true;
}

static bool
scan_mask(const char *text, uint32_t *ret_mask)
{
    const char *cursor = text;
    uint64_t length;

    if (strchr(text, '.')) {
        return vs_parse_ipv4(text, ret_mask, NULL);
    }
    if (!vs_ipt_scan_number(&cursor, 32, &length) || *cursor) {
        return false;
    }
    *ret_mask = vs_prefix_mask(length);
    return true;
}

bool
vs_ipt_address(VsIptReader *reader, const char *option, const char *text,
               VsAddr *ret_address, uint32_t *ret_mask)
{
    const char *slash = strchr(text, '/');
    g_autofree char *address = slash ? g_strndup(text, slash - text) : g_strdup(text);
    uint32_t mask = UINT32_MAX;

    if (strchr(text, ',')) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "%s \"%s\": write a rule for each address", option, text);
    }
    if (!vs_parse_ipv4(address, ret_address, NULL) ||
        (slash && !scan_mask(slash + 1, &mask))) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write an IPv4 address or a prefix such as "
                           "10.0.0.0/16, without names",
                           option, text);
    }
    *ret_address &= mask;
    *ret_mask = mask;
    return true;
}

bool
vs_ipt_mark(VsIptReader *reader, const char *option, const char *text,
            uint32_t default_mask, uint32_t *ret_value, uint32_t *ret_mask)
{
    const char *cursor = text;
    uint64_t value;
    uint64_t mask = default_mask;
    bool is_right = vs_ipt_scan_number(&cursor, UINT32_MAX, &value);

    if (is_right && *cursor == '/') {
        cursor++;
        is_right = vs_ipt_scan_number(&cursor, UINT32_MAX, &mask);
    }
    if (!is_right || *cursor) {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_SYNTAX,
            "%s \"%s\": write a mark, or mark/mask, such as 0x4000/0x4000", option,
            text);
    }
    *ret_value = (uint32_t)value;
    *ret_mask = (uint32_t)mask;
    return true;
}

static const VsIptWord *
find_word(const VsIptWord *words, const char *name, size_t length)
{
    for (; words->name; words++) {
        if (strlen(words->name) == length &&
            g_ascii_strncasecmp(words->name, name, length) == 0) {
            return words;
        }
    }
    return NULL;
}

static char *
join_words(const VsIptWord *words)
{
    GString *text = g_string_new(NULL);

    for (; words->name; words++) {
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", words->name);
    }
    return g_string_free(text, FALSE);
}

/* 'text' need not end where the word does. */
static bool
read_word(VsIptReader *reader, const char *option, const char *text, size_t length,
          const VsIptWord *words, uint32_t *ret_value)
{
    const VsIptWord *word = find_word(words, text, length);

    if (!word) {
        g_autofree char *all = join_words(words);

        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "%s \"%.*s\" is not modelled: there are %s", option,
                           (int)length, text, all);
    }
    *ret_value = word->value;
    return true;
}

bool
vs_ipt_word(VsIptReader *reader, const char *option, const char *text,
            const VsIptWord *words, uint32_t *ret_value)
{
    return read_word(reader, option, text, strlen(text), words, ret_value);
}

bool
vs_ipt_bits(VsIptReader *reader, const char *option, const char *text,
            const VsIptWord *words, uint32_t *ret_bits)
{
    const char *cursor = text;

    *ret_bits = 0;
    for (;;) {
        size_t length = strcspn(cursor, ",");
        uint32_t bit = 0;

        if (!read_word(reader, option, cursor, length, words, &bit)) {
            return false;
        }
        *ret_bits |= bit;
        if (!cursor[length]) {
            return true;
        }
        cursor += length + 1;
    }
}

bool
vs_ipt_protocol(VsIptReader *reader, const char *option, const char *text,
                uint8_t *ret_protocol)
{
    const VsIptWord *word = find_word(vs_ipt_protocols, text, strlen(text));
    const char *cursor = text;
    uint64_t number;

    if (word) {
        *ret_protocol = (uint8_t)word->value;
        return true;
    }
    if (!vs_ipt_scan_number(&cursor, UINT8_MAX, &number) || *cursor) {
        return vs_ipt_fail(
            reader, VS_RULESET_ERROR_SYNTAX,
            "%s \"%s\": write tcp, udp, sctp, icmp, all or a number from "
            "0 to 255",
            option, text);
    }
    *ret_protocol = (uint8_t)number;
    return true;
}
