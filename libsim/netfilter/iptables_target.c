/* The targets of iptables that are modelled, besides verdicts and chains. */
#include <string.h>

#include "base/units.h"
#include "netfilter/iptables_options.h"

enum { LOG_LEVEL = 4, LOG_LEVEL_MAX = 7, LOG_PREFIX_MAX = 29 };

/* ---- REJECT --------------------------------------------------------------------------- */

static bool
begin_reject(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_REJECT)->reject =
        VS_REJECT_PORT_UNREACHABLE;
    return true;
}

static bool
parse_reject(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
             bool is_inverted, char **args)
{
    uint32_t with;

    (void)is_inverted;
    if (!vs_ipt_word(reader, option->names[0], args[0], vs_ipt_rejects, &with)) {
        return false;
    }
    vs_ipt_get_step(reader, instance)->reject = with;
    return true;
}

static bool
end_reject(VsIptReader *reader, VsIptInstance *instance)
{
    if (vs_ipt_get_step(reader, instance)->reject != VS_REJECT_TCP_RESET ||
        (reader->has_protocol && !reader->is_protocol_inverted &&
         reader->protocol == VS_PROTOCOL_TCP)) {
        return true;
    }
    return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                       "--reject-with tcp-reset wants -p tcp");
}

/* ---- DNAT, SNAT, MASQUERADE, REDIRECT ------------------------------------------------- */

enum { NAT_TO, NAT_RANDOM, NAT_RANDOM_FULLY, NAT_PERSISTENT };

static bool
begin_dnat(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_DNAT);
    return true;
}

static bool
begin_snat(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_SNAT);
    return true;
}

static bool
begin_masquerade(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_MASQUERADE);
    return true;
}

static bool
begin_redirect(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_REDIRECT);
    return true;
}

static bool
parse_nat_ports(VsIptReader *reader, const VsIptOption *option, const char *text,
                VsNatRange *nat)
{
    uint32_t min, max;

    if (strchr(text, '/')) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "%s \"%s\": shifted ports, behind \"/\", are not modelled",
                           option->names[0], text);
    }
    if (*text == '-' || (*text && text[strlen(text) - 1] == '-')) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write both ports, first-last", option->names[0],
                           text);
    }
    if (!vs_ipt_range(reader, option->names[0], text, '-', &min, &max)) {
        return false;
    }
    nat->has_ports = true;
    nat->min_port = (uint16_t)min;
    nat->max_port = (uint16_t)max;
    return true;
}

static bool
parse_nat_addresses(VsIptReader *reader, const VsIptOption *option, const char *text,
                    VsNatRange *nat)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);
    const char *last = ends[1] ? ends[1] : ends[0];

    if (!vs_parse_ipv4(ends[0], &nat->min_address, NULL) ||
        !vs_parse_ipv4(last, &nat->max_address, NULL) ||
        nat->min_address > nat->max_address) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write an IPv4 address, or two, first-last",
                           option->names[0], text);
    }
    nat->has_address = true;
    return true;
}

/* "10.0.0.1", "10.0.0.1-10.0.0.9:80-90", ":80". */
static bool
parse_nat_to(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
             bool is_inverted, char **args)
{
    VsNatRange *nat = &vs_ipt_get_step(reader, instance)->nat;
    const char *colon = strchr(args[0], ':');
    g_autofree char *addresses =
        colon ? g_strndup(args[0], colon - args[0]) : g_strdup(args[0]);

    (void)is_inverted;
    if ((*addresses || !colon) &&
        !parse_nat_addresses(reader, option, addresses, nat)) {
        return false;
    }
    return !colon || parse_nat_ports(reader, option, colon + 1, nat);
}

static bool
parse_nat_to_ports(VsIptReader *reader, VsIptInstance *instance,
                   const VsIptOption *option, bool is_inverted, char **args)
{
    (void)is_inverted;
    return parse_nat_ports(reader, option, args[0],
                           &vs_ipt_get_step(reader, instance)->nat);
}

static bool
parse_nat_flag(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               bool is_inverted, char **args)
{
    VsNatRange *nat = &vs_ipt_get_step(reader, instance)->nat;

    (void)is_inverted;
    (void)args;
    switch (option->slot) {
    case NAT_RANDOM:
        nat->is_random = true;
        break;
    case NAT_RANDOM_FULLY:
        nat->is_random_fully = true;
        break;
    default:
        nat->is_persistent = true;
        break;
    }
    return true;
}

static bool
end_nat(VsIptReader *reader, VsIptInstance *instance)
{
    if (vs_ipt_get_step(reader, instance)->nat.has_ports && !vs_ipt_has_ports(reader)) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "-j %s with a port wants -p tcp, udp, udplite, sctp or dccp",
                           instance->module->name);
    }
    return true;
}

/* ---- MARK, CONNMARK ------------------------------------------------------------------- */

enum { MARK_SET_XMARK, MARK_SET_MARK, MARK_AND, MARK_OR, MARK_XOR };

static bool
parse_set_mark(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
               bool is_inverted, char **args)
{
    bool has_mask = option->data == MARK_SET_XMARK || option->data == MARK_SET_MARK;
    bool is_packet = g_str_equal(instance->module->name, "MARK");
    uint32_t value, mask;
    VsRuleStep *step;

    (void)is_inverted;
    if (!has_mask && strchr(args[0], '/')) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write the bits alone, without a mask",
                           option->names[0], args[0]);
    }
    if (!vs_ipt_mark(reader, option->names[0], args[0], UINT32_MAX, &value, &mask)) {
        return false;
    }
    step = vs_ipt_add_step(reader, instance,
                           is_packet ? VS_STEP_SET_MARK : VS_STEP_SET_CT_MARK);
    switch (option->data) {
    case MARK_SET_MARK:
        mask |= value;
        break;
    case MARK_AND:
        mask = ~value;
        value = 0;
        break;
    case MARK_OR:
        mask = value;
        break;
    case MARK_XOR:
        mask = 0;
        break;
    }
    step->mark.value = value;
    step->mark.mask = mask;
    return true;
}

enum { CONNMARK_WHAT, CONNMARK_NFMASK, CONNMARK_CTMASK, CONNMARK_MASK };

/* The model's 'value' is the mask of where the mark comes from, 'mask' of where it goes. */
static bool
parse_copy_mark(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_add_step(reader, instance, option->data);

    (void)is_inverted;
    (void)args;
    step->mark.value = UINT32_MAX;
    step->mark.mask = UINT32_MAX;
    return true;
}

static bool
parse_copy_mask(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    VsRuleStep *step = vs_ipt_get_step(reader, instance);
    uint64_t mask;
    bool is_save;

    (void)is_inverted;
    if (!step || step->kind == VS_STEP_SET_CT_MARK) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s: write --save-mark or --restore-mark before it",
                           option->names[0]);
    }
    if (!vs_ipt_number(reader, option->names[0], args[0], UINT32_MAX, &mask)) {
        return false;
    }
    is_save = step->kind == VS_STEP_SAVE_MARK;
    if (option->slot == CONNMARK_MASK || is_save == (option->slot == CONNMARK_NFMASK)) {
        step->mark.value = (uint32_t)mask;
    }
    if (option->slot == CONNMARK_MASK || is_save == (option->slot == CONNMARK_CTMASK)) {
        step->mark.mask = (uint32_t)mask;
    }
    return true;
}

/* ---- CT, NOTRACK, LOG ----------------------------------------------------------------- */

static bool
begin_notrack(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_NOTRACK);
    return true;
}

static bool
parse_notrack(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
              bool is_inverted, char **args)
{
    (void)option;
    (void)is_inverted;
    (void)args;
    return begin_notrack(reader, instance);
}

static bool
parse_zone(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
           bool is_inverted, char **args)
{
    uint64_t zone;

    (void)is_inverted;
    if (g_str_equal(args[0], "mark")) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_UNSUPPORTED,
                           "%s mark is not modelled: write a number from 1 to 65535",
                           option->names[0]);
    }
    if (!vs_ipt_number(reader, option->names[0], args[0], UINT16_MAX, &zone)) {
        return false;
    }
    if (zone == 0) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s 0 is where every packet is: leave it out",
                           option->names[0]);
    }
    vs_ipt_add_step(reader, instance, VS_STEP_SET_ZONE)->mark.value = (uint32_t)zone;
    return true;
}

static bool
begin_log(VsIptReader *reader, VsIptInstance *instance)
{
    vs_ipt_add_step(reader, instance, VS_STEP_LOG)->log.level = LOG_LEVEL;
    return true;
}

static bool
parse_log_prefix(VsIptReader *reader, VsIptInstance *instance,
                 const VsIptOption *option, bool is_inverted, char **args)
{
    (void)is_inverted;
    if (!*args[0] || strlen(args[0]) > LOG_PREFIX_MAX) {
        return vs_ipt_fail(reader, VS_RULESET_ERROR_SYNTAX,
                           "%s \"%s\": write 1 to %d letters", option->names[0],
                           args[0], LOG_PREFIX_MAX);
    }
    vs_ipt_get_step(reader, instance)->log.prefix = g_strdup(args[0]);
    return true;
}

static bool
parse_log_level(VsIptReader *reader, VsIptInstance *instance, const VsIptOption *option,
                bool is_inverted, char **args)
{
    static const VsIptWord levels[] = {
        {"emerg", 0}, {"panic", 0}, {"alert", 1},   {"crit", 2},
        {"err", 3},   {"error", 3}, {"warning", 4}, {"notice", 5},
        {"info", 6},  {"debug", 7}, {NULL, 0},
    };
    const char *cursor = args[0];
    uint64_t number;
    uint32_t level;

    (void)is_inverted;
    if (vs_ipt_scan_number(&cursor, LOG_LEVEL_MAX, &number) && !*cursor) {
        level = (uint32_t)number;
    } else if (!vs_ipt_word(reader, option->names[0], args[0], levels, &level)) {
        return false;
    }
    vs_ipt_get_step(reader, instance)->log.level = level;
    return true;
}

/* ---- The tables ----------------------------------------------------------------------- */

/* clang-format off */

static const VsIptOption reject_options[] = {
    {{"--reject-with"}, 0, 1, false, parse_reject, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption dnat_options[] = {
    {{"--to-destination"}, NAT_TO, 1, false, parse_nat_to, 0},
    {{"--random"}, NAT_RANDOM, 0, false, parse_nat_flag, 0},
    {{"--persistent"}, NAT_PERSISTENT, 0, false, parse_nat_flag, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption snat_options[] = {
    {{"--to-source"}, NAT_TO, 1, false, parse_nat_to, 0},
    {{"--random"}, NAT_RANDOM, 0, false, parse_nat_flag, 0},
    {{"--random-fully"}, NAT_RANDOM_FULLY, 0, false, parse_nat_flag, 0},
    {{"--persistent"}, NAT_PERSISTENT, 0, false, parse_nat_flag, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption masquerade_options[] = {
    {{"--to-ports"}, NAT_TO, 1, false, parse_nat_to_ports, 0},
    {{"--random"}, NAT_RANDOM, 0, false, parse_nat_flag, 0},
    {{"--random-fully"}, NAT_RANDOM_FULLY, 0, false, parse_nat_flag, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption redirect_options[] = {
    {{"--to-ports"}, NAT_TO, 1, false, parse_nat_to_ports, 0},
    {{"--random"}, NAT_RANDOM, 0, false, parse_nat_flag, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption mark_options[] = {
    {{"--set-xmark"}, 0, 1, false, parse_set_mark, MARK_SET_XMARK},
    {{"--set-mark"}, 0, 1, false, parse_set_mark, MARK_SET_MARK},
    {{"--and-mark"}, 0, 1, false, parse_set_mark, MARK_AND},
    {{"--or-mark"}, 0, 1, false, parse_set_mark, MARK_OR},
    {{"--xor-mark"}, 0, 1, false, parse_set_mark, MARK_XOR},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption connmark_options[] = {
    {{"--set-xmark"}, CONNMARK_WHAT, 1, false, parse_set_mark, MARK_SET_XMARK},
    {{"--set-mark"}, CONNMARK_WHAT, 1, false, parse_set_mark, MARK_SET_MARK},
    {{"--and-mark"}, CONNMARK_WHAT, 1, false, parse_set_mark, MARK_AND},
    {{"--or-mark"}, CONNMARK_WHAT, 1, false, parse_set_mark, MARK_OR},
    {{"--xor-mark"}, CONNMARK_WHAT, 1, false, parse_set_mark, MARK_XOR},
    {{"--save-mark"}, CONNMARK_WHAT, 0, false, parse_copy_mark, VS_STEP_SAVE_MARK},
    {{"--restore-mark"}, CONNMARK_WHAT, 0, false, parse_copy_mark,
     VS_STEP_RESTORE_MARK},
    {{"--nfmask"}, CONNMARK_NFMASK, 1, false, parse_copy_mask, 0},
    {{"--ctmask"}, CONNMARK_CTMASK, 1, false, parse_copy_mask, 0},
    {{"--mask"}, CONNMARK_MASK, 1, false, parse_copy_mask, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption ct_options[] = {
    {{"--notrack"}, 0, 0, false, parse_notrack, 0},
    {{"--zone"}, 1, 1, false, parse_zone, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption no_options[] = {
    {{NULL}, 0, 0, false, NULL, 0},
};

static const VsIptOption log_options[] = {
    {{"--log-prefix"}, 0, 1, false, parse_log_prefix, 0},
    {{"--log-level"}, 1, 1, false, parse_log_level, 0},
    {{NULL}, 0, 0, false, NULL, 0},
};

#define ANY UINT32_MAX

/* Tables and chains as the kernel has them: .table and .hooks of xt_target. */
static const VsIptModule targets[] = {
    {.name = "REJECT", .options = reject_options, .table = "filter",
     .begin = begin_reject, .end = end_reject},
    {.name = "DNAT", .options = dnat_options, .table = "nat",
     .chains = "PREROUTING OUTPUT", .wants = 1 << NAT_TO,
     .wants_text = "--to-destination", .begin = begin_dnat, .end = end_nat},
    {.name = "SNAT", .options = snat_options, .table = "nat",
     .chains = "POSTROUTING INPUT", .wants = 1 << NAT_TO, .wants_text = "--to-source",
     .begin = begin_snat, .end = end_nat},
    {.name = "MASQUERADE", .options = masquerade_options, .table = "nat",
     .chains = "POSTROUTING", .begin = begin_masquerade, .end = end_nat},
    {.name = "REDIRECT", .options = redirect_options, .table = "nat",
     .chains = "PREROUTING OUTPUT", .begin = begin_redirect, .end = end_nat},
    {.name = "MARK", .options = mark_options, .wants = ANY,
     .wants_text = "--set-xmark, --set-mark, --and-mark, --or-mark or --xor-mark"},
    {.name = "CONNMARK", .options = connmark_options, .wants = 1 << CONNMARK_WHAT,
     .wants_text = "--set-xmark, --save-mark or --restore-mark"},
    {.name = "CT", .options = ct_options, .table = "raw", .wants = ANY,
     .wants_text = "--notrack or --zone"},
    {.name = "NOTRACK", .options = no_options, .table = "raw", .begin = begin_notrack},
    {.name = "LOG", .options = log_options, .begin = begin_log},
};

/* clang-format on */

const VsIptModule *
vs_ipt_find_target(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (g_str_equal(targets[i].name, name)) {
            return &targets[i];
        }
    }
    return NULL;
}

char *
vs_ipt_target_names(void)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_string_append_printf(text, "%s%s", i ? ", " : "", targets[i].name);
    }
    return g_string_free(text, FALSE);
}
