/* Matches as iptables-save prints them. */
#include <string.h>

#include "base/prefix.h"
#include "netfilter/iptables_options.h"

/* Fields in the order of their options; the same for all modules. */
static const uint8_t field_ranks[VS_N_FIELDS] = {
    [VS_FIELD_SADDR] = 1,
    [VS_FIELD_DADDR] = 2,
    [VS_FIELD_IIF] = 3,
    [VS_FIELD_OIF] = 4,
    [VS_FIELD_CT_STATE] = 5,
    [VS_FIELD_PROTOCOL] = 6,
    [VS_FIELD_CT_ORIG_SADDR] = 7,
    [VS_FIELD_CT_ORIG_DADDR] = 8,
    [VS_FIELD_CT_REPLY_SADDR] = 9,
    [VS_FIELD_CT_REPLY_DADDR] = 10,
    [VS_FIELD_CT_ORIG_SPORT] = 11,
    [VS_FIELD_CT_ORIG_DPORT] = 12,
    [VS_FIELD_CT_STATUS] = 15,
    [VS_FIELD_CT_DIRECTION] = 16,
    [VS_FIELD_SPORT] = 17,
    [VS_FIELD_DPORT] = 18,
    [VS_FIELD_TCP_FLAGS] = 19,
    [VS_FIELD_SADDR_TYPE] = 20,
    [VS_FIELD_DADDR_TYPE] = 21,
    [VS_FIELD_PHYSIN] = 23,
    [VS_FIELD_PHYSOUT] = 25,
    [VS_FIELD_UID] = 27,
    [VS_FIELD_GID] = 28,
};

unsigned
vs_ipt_step_rank(const VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_BITS:
        return field_ranks[step->range.field];
    case VS_STEP_NAME:
        return field_ranks[step->name.field];
    case VS_STEP_PHYSDEV: /* Bits 2, 4, 1: is in, is out, is bridged. */
        return step->range.mask == 2 ? 22 : step->range.mask == 4 ? 24 : 26;
    case VS_STEP_SET_ZONE:
        return 1; /* Behind --notrack. */
    default:
        return 0;
    }
}

/* ---- Words ---------------------------------------------------------------------------- */

/* xtables_save_string(): bare when all is harmless. */
void
vs_ipt_print_text(GString *out, const char *text)
{
    static const char harmless[] = "_-0123456789"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    g_string_append_c(out, ' ');
    if (*text && !text[strspn(text, harmless)]) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (strchr("\"\\'", *text)) {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

void
vs_ipt_print_address(GString *out, VsAddr address)
{
    g_string_append_printf(out, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
                           address >> 8 & 0xff, address & 0xff);
}

/* "/8", or "/255.0.0.255" where the mask is no prefix. */
static void
print_mask(GString *out, uint32_t mask)
{
    unsigned length = mask == 0 ? 0 : 32 - (unsigned)__builtin_ctz(mask);

    g_string_append_c(out, '/');
    if (mask == vs_prefix_mask(length)) {
        g_string_append_printf(out, "%u", length);
    } else {
        vs_ipt_print_address(out, mask);
    }
}

static void
print_option(GString *out, const char *name, bool is_inverted)
{
    g_string_append(out, is_inverted ? " ! " : " ");
    g_string_append(out, name);
}

void
vs_ipt_print_range(GString *out, uint32_t min, uint32_t max, char separator)
{
    g_string_append_printf(out, "%u", min);
    if (min != max) {
        g_string_append_printf(out, "%c%u", separator, max);
    }
}

/* All bits that are set, in the order of 'words'; the name of 0 when there are none. */
static void
print_bits(GString *out, uint32_t bits, const VsIptWord *words)
{
    char separator = ' ';

    if (bits == 0) {
        g_string_append_printf(out, " %s", vs_ipt_word_name(words, 0));
        return;
    }
    for (; words->name; words++) {
        if ((words->value & bits) && (words->value & (words->value - 1)) == 0) {
            g_string_append_printf(out, "%c%s", separator, words->name);
            separator = ',';
        }
    }
}

/* ---- Matches -------------------------------------------------------------------------- */

/* Options of fields whose name is the same in all modules; others are below. */
static const char *const field_options[VS_N_FIELDS] = {
    [VS_FIELD_SADDR] = "-s",
    [VS_FIELD_DADDR] = "-d",
    [VS_FIELD_IIF] = "-i",
    [VS_FIELD_OIF] = "-o",
    [VS_FIELD_SPORT] = "--sport",
    [VS_FIELD_DPORT] = "--dport",
    [VS_FIELD_TCP_FLAGS] = "--tcp-flags",
    [VS_FIELD_ICMP_TYPE] = "--icmp-type",
    [VS_FIELD_SADDR_TYPE] = "--src-type",
    [VS_FIELD_DADDR_TYPE] = "--dst-type",
    [VS_FIELD_MARK] = "--mark",
    [VS_FIELD_CT_MARK] = "--mark",
    [VS_FIELD_CT_STATUS] = "--ctstatus",
    [VS_FIELD_CT_DIRECTION] = "--ctdir",
    [VS_FIELD_CT_ORIG_SADDR] = "--ctorigsrc",
    [VS_FIELD_CT_ORIG_DADDR] = "--ctorigdst",
    [VS_FIELD_CT_ORIG_SPORT] = "--ctorigsrcport",
    [VS_FIELD_CT_ORIG_DPORT] = "--ctorigdstport",
    [VS_FIELD_CT_REPLY_SADDR] = "--ctreplsrc",
    [VS_FIELD_CT_REPLY_DADDR] = "--ctrepldst",
    [VS_FIELD_LENGTH] = "--length",
    [VS_FIELD_UID] = "--uid-owner",
    [VS_FIELD_GID] = "--gid-owner",
    [VS_FIELD_PHYSIN] = "--physdev-in",
    [VS_FIELD_PHYSOUT] = "--physdev-out",
};

static const char *
option_of(const VsRuleStep *step)
{
    switch (step->range.field) {
    case VS_FIELD_PROTOCOL:
        return step->module == VS_MODULE_CONNTRACK ? "--ctproto" : "-p";
    case VS_FIELD_CT_STATE:
        return step->module == VS_MODULE_STATE ? "--state" : "--ctstate";
    case VS_FIELD_TTL:
        return step->range.min == step->range.max ? "--ttl-eq"
               : step->range.min == 0             ? "--ttl-lt"
                                                  : "--ttl-gt";
    default:
        g_assert(field_options[step->range.field]);
        return field_options[step->range.field];
    }
}

/* "-m tcp" asks for all ports, "-s 0.0.0.0/0" for all addresses: neither is said. */
static bool
is_silent(const VsRuleStep *step)
{
    bool is_l4 = step->module == VS_MODULE_TCP || step->module == VS_MODULE_UDP ||
                 step->module == VS_MODULE_SCTP;

    if (step->kind != VS_STEP_RANGE || step->range.is_inverted) {
        return false;
    }
    return (is_l4 && step->range.min == 0 && step->range.max == UINT16_MAX) ||
           (step->module == VS_MODULE_BASE && step->range.mask == 0);
}

static void
print_protocol(GString *out, const VsRuleStep *step)
{
    const char *name = vs_ipt_word_name(vs_ipt_protocols, step->range.min);

    if (name && step->module == VS_MODULE_BASE) {
        g_string_append_printf(out, " %s", name);
    } else {
        g_string_append_printf(out, " %u", step->range.min);
    }
}

static void
print_icmp_type(GString *out, const VsRuleStep *step)
{
    if (step->range.mask == 0) {
        g_string_append(out, " any");
        return;
    }
    g_string_append_printf(out, " %u", step->range.min >> 8);
    if (step->range.mask & 0xff) {
        g_string_append_printf(out, "/%u", step->range.min & 0xff);
    }
}

static void
print_address(GString *out, const VsRuleStep *step)
{
    g_string_append_c(out, ' ');
    vs_ipt_print_address(out, step->range.min);
    if (step->module == VS_MODULE_BASE || step->range.mask != UINT32_MAX) {
        print_mask(out, step->range.mask);
    }
}

static void
print_range_step(GString *out, const VsRuleStep *step)
{
    print_option(out, option_of(step), step->range.is_inverted);
    switch (step->range.field) {
    case VS_FIELD_SADDR:
    case VS_FIELD_DADDR:
    case VS_FIELD_CT_ORIG_SADDR:
    case VS_FIELD_CT_ORIG_DADDR:
    case VS_FIELD_CT_REPLY_SADDR:
    case VS_FIELD_CT_REPLY_DADDR:
        print_address(out, step);
        break;
    case VS_FIELD_PROTOCOL:
        print_protocol(out, step);
        break;
    case VS_FIELD_MARK:
    case VS_FIELD_CT_MARK:
        g_string_append_printf(out, " 0x%x", step->range.min);
        if (step->range.mask != UINT32_MAX) {
            g_string_append_printf(out, "/0x%x", step->range.mask);
        }
        break;
    case VS_FIELD_TCP_FLAGS:
        print_bits(out, step->range.mask, vs_ipt_tcp_flags);
        print_bits(out, step->range.min, vs_ipt_tcp_flags);
        break;
    case VS_FIELD_ICMP_TYPE:
        print_icmp_type(out, step);
        break;
    case VS_FIELD_CT_DIRECTION:
        g_string_append(out, step->range.min ? " REPLY" : " ORIGINAL");
        break;
    case VS_FIELD_TTL:
        g_string_append_printf(out, " %u",
                               step->range.min == step->range.max ? step->range.min
                               : step->range.min == 0             ? step->range.max + 1
                                                      : step->range.min - 1);
        break;
    case VS_FIELD_UID:
    case VS_FIELD_GID:
        g_string_append_c(out, ' ');
        vs_ipt_print_range(out, step->range.min, step->range.max, '-');
        break;
    default:
        g_string_append_c(out, ' ');
        vs_ipt_print_range(out, step->range.min, step->range.max, ':');
        break;
    }
}

static void
print_bits_step(GString *out, const VsRuleStep *step)
{
    const VsIptWord *words = step->range.field == VS_FIELD_CT_STATE ? vs_ipt_ct_states
                             : step->range.field == VS_FIELD_CT_STATUS
                                 ? vs_ipt_ct_statuses
                                 : vs_ipt_addr_types;

    print_option(out, option_of(step), step->range.is_inverted);
    print_bits(out, step->range.mask, words);
}

static void
print_ports_step(GString *out, const VsPorts *ports)
{
    print_option(out,
                 ports->sides == VS_PORTS_SOURCE        ? "--sports"
                 : ports->sides == VS_PORTS_DESTINATION ? "--dports"
                                                        : "--ports",
                 ports->is_inverted);
    for (unsigned i = 0; i < ports->n_ranges; i++) {
        g_string_append_c(out, i ? ',' : ' ');
        vs_ipt_print_range(out, ports->ranges[i].min, ports->ranges[i].max, ':');
    }
}

static void
print_lookup_step(GString *out, const VsLookup *lookup)
{
    char separator = ' ';

    print_option(out, "--match-set", lookup->is_inverted);
    g_string_append_printf(out, " %s", lookup->set_name);
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        VsField field = lookup->fields[i];

        if (field != VS_FIELD_PROTOCOL) { /* ipset counts it to the port. */
            bool is_source = field == VS_FIELD_SADDR || field == VS_FIELD_SPORT;

            g_string_append_printf(out, "%c%s", separator, is_source ? "src" : "dst");
            separator = ',';
        }
    }
}

static void
print_random_step(GString *out, const VsRuleStep *step)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, " --mode random");
    print_option(out, "--probability", step->random.is_inverted);
    g_string_append_printf(out, " %s",
                           g_ascii_formatd(number, sizeof(number), "%.11f",
                                           step->random.threshold / 2147483648.0));
}

static void
print_recent_step(GString *out, const VsRecent *recent)
{
    static const char *const checks[] = {
        [VS_RECENT_SET] = "--set",
        [VS_RECENT_RCHECK] = "--rcheck",
        [VS_RECENT_UPDATE] = "--update",
        [VS_RECENT_REMOVE] = "--remove",
    };

    print_option(out, checks[recent->check], recent->is_inverted);
    if (recent->seconds) {
        g_string_append_printf(out, " --seconds %u", recent->seconds);
    }
    if (recent->is_reaping) {
        g_string_append(out, " --reap");
    }
    if (recent->hitcount) {
        g_string_append_printf(out, " --hitcount %u", recent->hitcount);
    }
    g_string_append_printf(out, " --name %s --mask ", recent->name);
    vs_ipt_print_address(out, recent->mask);
    g_string_append(out, recent->is_destination ? " --rdest" : " --rsource");
}

static void
print_limit_step(GString *out, const VsLimit *limit)
{
    const char *unit = limit->unit == VS_S          ? "sec"
                       : limit->unit == 60 * VS_S   ? "min"
                       : limit->unit == 3600 * VS_S ? "hour"
                                                    : "day";

    g_string_append_printf(out, " --limit %u/%s", limit->amount, unit);
    if (limit->burst != 5) {
        g_string_append_printf(out, " --limit-burst %u", limit->burst);
    }
}

void
vs_ipt_print_match(GString *out, const VsRuleStep *step)
{
    if (is_silent(step)) {
        return;
    }
    switch (step->kind) {
    case VS_STEP_RANGE:
        print_range_step(out, step);
        break;
    case VS_STEP_BITS:
        print_bits_step(out, step);
        break;
    case VS_STEP_NAME:
        print_option(out, field_options[step->name.field], step->name.is_inverted);
        g_string_append_printf(out, " %s", step->name.name);
        break;
    case VS_STEP_PORTS:
        print_ports_step(out, &step->ports);
        break;
    case VS_STEP_LOOKUP:
        print_lookup_step(out, &step->lookup);
        break;
    case VS_STEP_RANDOM:
        print_random_step(out, step);
        break;
    case VS_STEP_NTH:
        g_string_append(out, " --mode nth");
        print_option(out, "--every", step->nth.is_inverted);
        g_string_append_printf(out, " %u --packet %u", step->nth.every,
                               step->nth.first);
        break;
    case VS_STEP_RECENT:
        print_recent_step(out, &step->recent);
        break;
    case VS_STEP_LIMIT:
        print_limit_step(out, &step->limit);
        break;
    case VS_STEP_PHYSDEV:
        print_option(out,
                     step->range.mask == 2   ? "--physdev-is-in"
                     : step->range.mask == 4 ? "--physdev-is-out"
                                             : "--physdev-is-bridged",
                     step->range.is_inverted);
        break;
    case VS_STEP_COMMENT:
        g_string_append(out, step->module == VS_MODULE_NFACCT ? " --nfacct-name"
                                                              : " --comment");
        vs_ipt_print_text(out, step->comment);
        break;
    default:
        g_assert_not_reached(); /* Of nft alone. */
    }
}
