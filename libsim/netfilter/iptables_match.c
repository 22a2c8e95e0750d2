/* The matches of iptables that are modelled, and their options. */
#include <string.h>

#include "netfilter/iptables_options.h"

/* IFNAMSIZ, XT_MAX_COMMENT_LEN, NFACCT_NAME_MAX. */
enum { IFACE_NAME_MAX = 15, COMMENT_MAX = 255, NFACCT_MAX = 31 };

static VsRuleStep *
add_range(VsIptReader *reader, const VsIptInstance *instance, VsField field,
          bool is_inverted, uint32_t mask, uint32_t min, uint32_t max)
{
    VsRuleStep *step = vs_ipt_add_step(reader, instance, VS_STEP_RANGE);

    step->range.field = field;
    step->range.mask = mask;
    step->range.min = min;
    step->range.max = max;
    step->range.is_inverted = is_inverted;
    return step;
}

static bool
refuse_never(VsIptReader *reader, const VsIptOption *option, const char *text)
{
    return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                       "%s \"%s\" never matches: leave the rule out", option->names[0],
                       text);
}

/* ---- Without a module, and what others share with it ---------------------------------- */

static bool
parse_address(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
              bool is_inverted, char **args)
{
    VsAddr address;
    uint32_t mask;

    if (!vs_ipt_address(reader, option->names[0], args[0], &address, &mask)) {
        return false;
    }
    if (instance->module == &vs_ipt_base && mask == 0) {
        return !is_inverted || refuse_never(reader, option, args[0]);
    }
    add_range(reader, instance, option->data, is_inverted, mask, address, address);
    return true;
}

static bool
parse_iface(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    VsRuleStep *step;

    if (!*args[0] || strlen(args[0]) > IFACE_NAME_MAX || strchr(args[0], '/')) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write the name of an interface, of at most %u "
                           "letters",
                           option->names[0], args[0], IFACE_NAME_MAX);
    }
    if (instance->module == &vs_ipt_base && g_str_equal(args[0], "+")) {
        return !is_inverted || refuse_never(reader, option, args[0]);
    }
    step = vs_ipt_add_step(reader, instance, VS_STEP_NAME);
    step->name.field = option->data;
    step->name.name = g_strdup(args[0]);
    step->name.is_inverted = is_inverted;
    return true;
}

static bool
parse_protocol(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               bool is_inverted, char **args)
{
    uint8_t protocol;

    if (!vs_ipt_protocol(reader, option->names[0], args[0], &protocol)) {
        return false;
    }
    if (protocol == 0) {
        return (instance->module == &vs_ipt_base && !is_inverted) ||
               refuse_never(reader, option, args[0]);
    }
    if (instance->module == &vs_ipt_base) {
        reader->has_protocol = true;
        reader->protocol = protocol;
        reader->is_protocol_inverted = is_inverted;
    }
    add_range(reader, instance, VS_FIELD_PROTOCOL, is_inverted, UINT32_MAX, protocol,
              protocol);
    return true;
}

static bool
parse_bits(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
           bool is_inverted, char **args, const VsIptWord *words)
{
    VsRuleStep *step;
    uint32_t bits;

    if (!vs_ipt_bits(reader, option->names[0], args[0], words, &bits)) {
        return false;
    }
    step = vs_ipt_add_step(reader, instance, VS_STEP_BITS);
    step->range.field = option->data;
    step->range.mask = bits;
    step->range.is_inverted = is_inverted;
    return true;
}

/* ---- tcp, udp, sctp, icmp ------------------------------------------------------------- */

static bool
parse_ports(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    uint32_t min, max;

    if (!vs_ipt_range(reader, option->names[0], args[0], ':', &min, &max)) {
        return false;
    }
    if (is_inverted && min == 0 && max == UINT16_MAX) {
        return refuse_never(reader, option, args[0]);
    }
    add_range(reader, instance, option->data, is_inverted, UINT32_MAX, min, max);
    return true;
}

/* "-m tcp" without options asks for nothing: all source ports, which is not printed. */
static bool
end_ports(VsIptReader *reader, VsIptInstance *instance)
{
    if (!instance->given) {
        add_range(reader, instance, VS_FIELD_SPORT, false, UINT32_MAX, 0, UINT16_MAX);
    }
    return true;
}

static bool
parse_tcp_flags(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    uint32_t mask, flags;

    if (!vs_ipt_bits(reader, option->names[0], args[0], vs_ipt_tcp_flags, &mask) ||
        !vs_ipt_bits(reader, option->names[0], args[1], vs_ipt_tcp_flags, &flags)) {
        return false;
    }
    add_range(reader, instance, VS_FIELD_TCP_FLAGS, is_inverted, mask, flags, flags);
    return true;
}

static bool
parse_syn(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
          bool is_inverted, char **args)
{
    (void)option;
    (void)args;
    add_range(reader, instance, VS_FIELD_TCP_FLAGS, is_inverted, 0x17, 0x02, 0x02);
    return true;
}

/* Types with a name: type << 8 | code; with bit 16 all codes of the type. */
#define ANY_CODE 0x10000
static const VsIptWord icmp_types[] = {
    {"echo-reply", ANY_CODE | 0x000},
    {"pong", ANY_CODE | 0x000},
    {"destination-unreachable", ANY_CODE | 0x300},
    {"network-unreachable", 0x300},
    {"host-unreachable", 0x301},
    {"protocol-unreachable", 0x302},
    {"port-unreachable", 0x303},
    {"fragmentation-needed", 0x304},
    {"network-prohibited", 0x309},
    {"host-prohibited", 0x30a},
    {"communication-prohibited", 0x30d},
    {"echo-request", ANY_CODE | 0x800},
    {"ping", ANY_CODE | 0x800},
    {"time-exceeded", ANY_CODE | 0xb00},
    {"ttl-exceeded", ANY_CODE | 0xb00},
    {"ttl-zero-during-transit", 0xb00},
    {"ttl-zero-during-reassembly", 0xb01},
    {"any", ANY_CODE | 0xff00},
    {NULL, 0},
};

/* "8" or "3/4". */
static bool
scan_icmp_type(const char *text, uint32_t *ret)
{
    uint64_t type;
    uint64_t code = 0;
    bool has_code;

    if (!vs_ipt_scan_number(&text, UINT8_MAX, &type)) {
        return false;
    }
    has_code = *text == '/';
    if (has_code) {
        text++;
        if (!vs_ipt_scan_number(&text, UINT8_MAX, &code)) {
            return false;
        }
    }
    *ret = (uint32_t)(type << 8 | code) | (has_code ? 0 : ANY_CODE);
    return *text == '\0';
}

static bool
parse_icmp_type(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    uint32_t value, mask;

    if (!scan_icmp_type(args[0], &value) &&
        !vs_ipt_word(reader, option->names[0], args[0], icmp_types, &value)) {
        return false;
    }
    mask = value & ANY_CODE ? 0xff00 : UINT32_MAX;
    value &= 0xffff;
    if (value >> 8 == 0xff) {
        if (is_inverted) {
            return refuse_never(reader, option, args[0]);
        }
        mask = 0;
        value = 0;
    }
    add_range(reader, instance, VS_FIELD_ICMP_TYPE, is_inverted, mask, value, value);
    return true;
}

/* ---- comment, nfacct, addrtype, mark, connmark, state, conntrack ------------------------------ */

/* 'data' is the longest text.  The accounting object of nfacct is not there to be read:
 * what it would count, the rule counts. */
static bool
parse_comment(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
              bool is_inverted, char **args)
{
    (void)is_inverted;
    if (strlen(args[0]) > option->data) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s of %zu bytes: write at most %u", option->names[0],
                           strlen(args[0]), option->data);
    }
    vs_ipt_add_step(reader, instance, VS_STEP_COMMENT)->comment = g_strdup(args[0]);
    return true;
}

static bool
parse_addr_type(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    return parse_bits(reader, instance, option, is_inverted, args, vs_ipt_addr_types);
}

static bool
parse_mark(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
           bool is_inverted, char **args)
{
    uint32_t value, mask;

    if (!vs_ipt_mark(reader, option->names[0], args[0], UINT32_MAX, &value, &mask)) {
        return false;
    }
    add_range(reader, instance, option->data, is_inverted, mask, value, value);
    return true;
}

static bool
parse_ct_state(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               bool is_inverted, char **args)
{
    return parse_bits(reader, instance, option, is_inverted, args, vs_ipt_ct_states);
}

static bool
parse_state(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
            bool is_inverted, char **args)
{
    return parse_bits(reader, instance, option, is_inverted, args, vs_ipt_states);
}

static bool
parse_ct_status(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    return parse_bits(reader, instance, option, is_inverted, args, vs_ipt_ct_statuses);
}

static bool
parse_ct_ports(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               bool is_inverted, char **args)
{
    uint32_t min, max;

    if (!vs_ipt_range(reader, option->names[0], args[0], ':', &min, &max)) {
        return false;
    }
    add_range(reader, instance, option->data, is_inverted, UINT32_MAX, min, max);
    return true;
}

static bool
parse_ct_direction(VsIptReader *reader, VsIptInstance *instance,
                   const VsIptOption *option, bool is_inverted, char **args)
{
    static const VsIptWord directions[] = {{"ORIGINAL", 0}, {"REPLY", 1}, {NULL, 0}};
    uint32_t direction;

    if (!vs_ipt_word(reader, option->names[0], args[0], directions, &direction)) {
        return false;
    }
    add_range(reader, instance, VS_FIELD_CT_DIRECTION, is_inverted, UINT32_MAX,
              direction, direction);
    return true;
}

/* ---- multiport, physdev, length, ttl -------------------------------------------------- */

static bool
parse_multiport(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    g_auto(GStrv) items = g_strsplit(args[0], ",", -1);
    VsPorts ports = {.sides = option->data, .is_inverted = is_inverted};
    unsigned n_slots = 0; /* The kernel's: a range takes two. */

    for (unsigned i = 0; items[i]; i++) {
        uint32_t min, max;

        if (!vs_ipt_range(reader, option->names[0], items[i], ':', &min, &max)) {
            return false;
        }
        n_slots += strchr(items[i], ':') ? 2 : 1;
        if (n_slots > VS_MULTIPORT_MAX) {
            return vs_ipt_fail(
                reader, VS_RULESET_ERROR_SYNTAX,
                "%s \"%s\": write at most %d ports; a range counts as two",
                option->names[0], args[0], VS_MULTIPORT_MAX);
        }
        ports.ranges[i].min = (uint16_t)min;
        ports.ranges[i].max = (uint16_t)max;
        ports.n_ranges++;
    }
    if (ports.n_ranges == 0) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"\": write ports, separated by commas",
                           option->names[0]);
    }
    vs_ipt_add_step(reader, instance, VS_STEP_PORTS)->ports = ports;
    return true;
}

static bool
end_multiport(VsIptReader *reader, VsIptInstance *instance)
{
    (void)instance;
    return vs_ipt_has_ports(reader) ||
           vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                       "-m multiport wants -p tcp, udp, udplite, sctp or dccp");
}

static bool
parse_physdev_is(VsIptReader *reader, VsIptInstance *instance,
                 const VsIptOption *option, bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_add_step(reader, instance, VS_STEP_PHYSDEV);

    (void)args;
    step->range.mask = option->data;
    step->range.is_inverted = is_inverted;
    return true;
}

static bool
parse_length(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
             bool is_inverted, char **args)
{
    uint32_t min, max;

    if (!vs_ipt_range(reader, option->names[0], args[0], ':', &min, &max)) {
        return false;
    }
    add_range(reader, instance, VS_FIELD_LENGTH, is_inverted, UINT32_MAX, min, max);
    return true;
}

/* 'data' is '=', '<' or '>'. */
static bool
parse_ttl(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
          bool is_inverted, char **args)
{
    uint32_t min = 0;
    uint32_t max = UINT8_MAX;
    uint64_t ttl;

    if (!vs_ipt_number(reader, option->names[0], args[0], UINT8_MAX, &ttl)) {
        return false;
    }
    if ((option->data == '<' && ttl == 0) ||
        (option->data == '>' && ttl == UINT8_MAX)) {
        return refuse_never(reader, option, args[0]);
    }
    if (option->data != '<') {
        min = (uint32_t)ttl + (option->data == '>');
    }
    if (option->data != '>') {
        max = (uint32_t)ttl - (option->data == '<');
    }
    add_range(reader, instance, VS_FIELD_TTL, is_inverted, UINT32_MAX, min, max);
    return true;
}

/* ---- The tables ----------------------------------------------------------------------- */

/* clang-format off */

static const VsIptOption base_options[] = {
    {{"-s", "--source", "--src"}, 0, 1, true, parse_address, VS_FIELD_SADDR},
    {{"-d", "--destination", "--dst"}, 1, 1, true, parse_address, VS_FIELD_DADDR},
    {{"-i", "--in-interface"}, 2, 1, true, parse_iface, VS_FIELD_IIF},
    {{"-o", "--out-interface"}, 3, 1, true, parse_iface, VS_FIELD_OIF},
    {{"-p", "--protocol", "--proto"}, 4, 1, true, parse_protocol, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption tcp_options[] = {
    {{"--sport", "--source-port"}, 0, 1, true, parse_ports, VS_FIELD_SPORT},
    {{"--dport", "--destination-port"}, 1, 1, true, parse_ports, VS_FIELD_DPORT},
    {{"--tcp-flags"}, 2, 2, true, parse_tcp_flags, 0},
    {{"--syn"}, 2, 0, true, parse_syn, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption port_options[] = {
    {{"--sport", "--source-port"}, 0, 1, true, parse_ports, VS_FIELD_SPORT},
    {{"--dport", "--destination-port"}, 1, 1, true, parse_ports, VS_FIELD_DPORT},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption icmp_options[] = {
    {{"--icmp-type"}, 0, 1, true, parse_icmp_type, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption comment_options[] = {
    {{"--comment"}, 0, 1, false, parse_comment, COMMENT_MAX},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption nfacct_options[] = {
    {{"--nfacct-name"}, 0, 1, false, parse_comment, NFACCT_MAX},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption addrtype_options[] = {
    {{"--src-type"}, 0, 1, true, parse_addr_type, VS_FIELD_SADDR_TYPE},
    {{"--dst-type"}, 1, 1, true, parse_addr_type, VS_FIELD_DADDR_TYPE},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption mark_options[] = {
    {{"--mark"}, 0, 1, true, parse_mark, VS_FIELD_MARK},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption connmark_options[] = {
    {{"--mark"}, 0, 1, true, parse_mark, VS_FIELD_CT_MARK},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption conntrack_options[] = {
    {{"--ctstate"}, 0, 1, true, parse_ct_state, VS_FIELD_CT_STATE},
    {{"--ctproto"}, 1, 1, true, parse_protocol, 0},
    {{"--ctorigsrc"}, 2, 1, true, parse_address, VS_FIELD_CT_ORIG_SADDR},
    {{"--ctorigdst"}, 3, 1, true, parse_address, VS_FIELD_CT_ORIG_DADDR},
    {{"--ctreplsrc"}, 4, 1, true, parse_address, VS_FIELD_CT_REPLY_SADDR},
    {{"--ctrepldst"}, 5, 1, true, parse_address, VS_FIELD_CT_REPLY_DADDR},
    {{"--ctorigsrcport"}, 6, 1, true, parse_ct_ports, VS_FIELD_CT_ORIG_SPORT},
    {{"--ctorigdstport"}, 7, 1, true, parse_ct_ports, VS_FIELD_CT_ORIG_DPORT},
    {{"--ctstatus"}, 8, 1, true, parse_ct_status, VS_FIELD_CT_STATUS},
    {{"--ctdir"}, 9, 1, false, parse_ct_direction, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption state_options[] = {
    {{"--state"}, 0, 1, true, parse_state, VS_FIELD_CT_STATE},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption multiport_options[] = {
    {{"--sports", "--source-ports"}, 0, 1, true, parse_multiport, VS_PORTS_SOURCE},
    {{"--dports", "--destination-ports"}, 0, 1, true, parse_multiport,
     VS_PORTS_DESTINATION},
    {{"--ports"}, 0, 1, true, parse_multiport, VS_PORTS_EITHER},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption physdev_options[] = {
    {{"--physdev-is-in"}, 0, 0, true, parse_physdev_is, 2},
    {{"--physdev-in"}, 1, 1, true, parse_iface, VS_FIELD_PHYSIN},
    {{"--physdev-is-out"}, 2, 0, true, parse_physdev_is, 4},
    {{"--physdev-out"}, 3, 1, true, parse_iface, VS_FIELD_PHYSOUT},
    {{"--physdev-is-bridged"}, 4, 0, true, parse_physdev_is, 1},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption length_options[] = {
    {{"--length"}, 0, 1, true, parse_length, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption ttl_options[] = {
    {{"--ttl-eq", "--ttl"}, 0, 1, true, parse_ttl, '='},
    {{"--ttl-lt"}, 0, 1, false, parse_ttl, '<'},
    {{"--ttl-gt"}, 0, 1, false, parse_ttl, '>'},
    {{NULL}, 0, 0, false, NULL, 0},
};

const VsIptModule vs_ipt_base = {
    .name = "-A", .module = VS_MODULE_BASE, .options = base_options,
};

#define ANY UINT32_MAX

static const VsIptModule plain_matches[] = {
    {.name = "tcp", .module = VS_MODULE_TCP, .options = tcp_options, .protocol = 6,
     .end = end_ports},
    {.name = "udp", .module = VS_MODULE_UDP, .options = port_options, .protocol = 17,
     .end = end_ports},
    {.name = "sctp", .module = VS_MODULE_SCTP, .options = port_options, .protocol = 132,
     .end = end_ports},
    {.name = "icmp", .module = VS_MODULE_ICMP, .options = icmp_options, .protocol = 1,
     .wants = ANY, .wants_text = "--icmp-type"},
    {.name = "comment", .module = VS_MODULE_COMMENT, .options = comment_options,
     .wants = ANY, .wants_text = "--comment"},
    {.name = "nfacct", .module = VS_MODULE_NFACCT, .options = nfacct_options,
     .wants = ANY, .wants_text = "--nfacct-name"},
    {.name = "addrtype", .module = VS_MODULE_ADDRTYPE, .options = addrtype_options,
     .wants = ANY, .wants_text = "--src-type or --dst-type"},
    {.name = "mark", .module = VS_MODULE_MARK, .options = mark_options,
     .wants = ANY, .wants_text = "--mark"},
    {.name = "connmark", .module = VS_MODULE_CONNMARK, .options = connmark_options,
     .wants = ANY, .wants_text = "--mark"},
    {.name = "conntrack", .module = VS_MODULE_CONNTRACK, .options = conntrack_options,
     .wants = ANY, .wants_text = "an option such as --ctstate"},
    {.name = "state", .module = VS_MODULE_STATE, .options = state_options,
     .wants = ANY, .wants_text = "--state"},
    {.name = "multiport", .module = VS_MODULE_MULTIPORT, .options = multiport_options,
     .wants = ANY, .wants_text = "--sports, --dports or --ports", .end = end_multiport},
    {.name = "physdev", .module = VS_MODULE_PHYSDEV, .options = physdev_options,
     .wants = ANY, .wants_text = "an option such as --physdev-in"},
    {.name = "length", .module = VS_MODULE_LENGTH, .options = length_options,
     .wants = ANY, .wants_text = "--length"},
    {.name = "ttl", .module = VS_MODULE_TTL, .options = ttl_options,
     .wants = ANY, .wants_text = "--ttl-eq, --ttl-lt or --ttl-gt"},
    {.name = NULL},
};

/* clang-format on */

static const VsIptModule *const matches[] = {plain_matches, vs_ipt_state_matches};

const VsIptModule *
vs_ipt_find_match(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(matches); i++) {
        for (const VsIptModule *match = matches[i]; match->name; match++) {
            if (strcmp(match->name, name) == 0) {
                return match;
            }
        }
    }
    return NULL;
}

char *
vs_ipt_match_names(void)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(matches); i++) {
        for (const VsIptModule *match = matches[i]; match->name; match++) {
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", match->name);
        }
    }
    return g_string_free(text, FALSE);
}
