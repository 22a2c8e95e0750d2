/* Why a step of a rule held or did not: the value seen, and the value asked for. */
#include "base/units.h"
#include "netfilter/evaluate.h"
#include "netfilter/number.h"

static const char *const field_names[VS_N_FIELDS] = {
    [VS_FIELD_SADDR] = "saddr",
    [VS_FIELD_DADDR] = "daddr",
    [VS_FIELD_PROTOCOL] = "protocol",
    [VS_FIELD_SPORT] = "sport",
    [VS_FIELD_DPORT] = "dport",
    [VS_FIELD_MARK] = "mark",
    [VS_FIELD_CT_MARK] = "ct mark",
    [VS_FIELD_CT_STATE] = "ct state",
    [VS_FIELD_CT_STATUS] = "ct status",
    [VS_FIELD_CT_DIRECTION] = "ct direction",
    [VS_FIELD_CT_ORIG_SADDR] = "ct original saddr",
    [VS_FIELD_CT_ORIG_DADDR] = "ct original daddr",
    [VS_FIELD_CT_ORIG_SPORT] = "ct original sport",
    [VS_FIELD_CT_ORIG_DPORT] = "ct original dport",
    [VS_FIELD_CT_REPLY_SADDR] = "ct reply saddr",
    [VS_FIELD_CT_REPLY_DADDR] = "ct reply daddr",
    [VS_FIELD_SADDR_TYPE] = "type of saddr",
    [VS_FIELD_DADDR_TYPE] = "type of daddr",
    [VS_FIELD_TCP_FLAGS] = "tcp flags",
    [VS_FIELD_ICMP_TYPE] = "icmp type",
    [VS_FIELD_LENGTH] = "length",
    [VS_FIELD_TTL] = "ttl",
    [VS_FIELD_UID] = "user",
    [VS_FIELD_GID] = "group",
    [VS_FIELD_IIF] = "interface",
    [VS_FIELD_OIF] = "output interface",
    [VS_FIELD_PHYSIN] = "bridge port",
    [VS_FIELD_PHYSOUT] = "output bridge port",
    [VS_FIELD_NUMBER] = "number",
};

/* Names of the bits of a field, from the lowest; NULL: it has none. */
typedef struct BitNames {
    VsField field;
    const char *names[8];
} BitNames;

static const BitNames bit_names[] = {
    {VS_FIELD_CT_STATE,
     {"INVALID", "ESTABLISHED", "RELATED", "NEW", "UNTRACKED", "SNAT", "DNAT"}},
    {VS_FIELD_CT_STATUS,
     {"EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SNAT", "DNAT"}},
    {VS_FIELD_SADDR_TYPE,
     {"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", NULL, "MULTICAST", "BLACKHOLE",
      "UNREACHABLE"}},
    {VS_FIELD_DADDR_TYPE,
     {"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", NULL, "MULTICAST", "BLACKHOLE",
      "UNREACHABLE"}},
    {VS_FIELD_TCP_FLAGS, {"FIN", "SYN", "RST", "PSH", "ACK", "URG"}},
};

static char *
format_bits(const char *const *names, uint32_t value)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < 32; i++) {
        if (value & (UINT32_C(1) << i)) {
            if (text->len > 0) {
                g_string_append_c(text, ',');
            }
            if (i < 8 && names[i]) {
                g_string_append(text, names[i]);
            } else {
                g_string_append_printf(text, "0x%x", UINT32_C(1) << i);
            }
        }
    }
    if (text->len == 0) {
        g_string_append(text, "none");
    }
    return g_string_free(text, FALSE);
}

static char *
format_protocol(uint32_t protocol)
{
    switch (protocol) {
    case VS_PROTOCOL_ICMP:
        return g_strdup("icmp");
    case VS_PROTOCOL_TCP:
        return g_strdup("tcp");
    case VS_PROTOCOL_UDP:
        return g_strdup("udp");
    default:
        return g_strdup_printf("%u", protocol);
    }
}

static bool
is_address(VsField field)
{
    return field == VS_FIELD_SADDR || field == VS_FIELD_DADDR ||
           field == VS_FIELD_CT_ORIG_SADDR || field == VS_FIELD_CT_ORIG_DADDR ||
           field == VS_FIELD_CT_REPLY_SADDR || field == VS_FIELD_CT_REPLY_DADDR;
}

static char *
format_value(VsField field, uint32_t value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bit_names); i++) {
        if (bit_names[i].field == field) {
            return format_bits(bit_names[i].names, value);
        }
    }
    if (is_address(field)) {
        return vs_format_ipv4(value);
    }
    switch (field) {
    case VS_FIELD_PROTOCOL:
        return format_protocol(value);
    case VS_FIELD_MARK:
    case VS_FIELD_CT_MARK:
        return g_strdup_printf("0x%x", value);
    case VS_FIELD_CT_DIRECTION:
        return g_strdup(value ? "reply" : "original");
    case VS_FIELD_ICMP_TYPE:
        return g_strdup_printf("%u/%u", value >> 8, value & 0xff);
    case VS_FIELD_UID:
    case VS_FIELD_GID:
        return value == VS_UID_NONE ? g_strdup("(no socket)")
                                    : g_strdup_printf("%u", value);
    default:
        return g_strdup_printf("%u", value);
    }
}

/* The length of the prefix whose netmask is 'mask', or -1. */
static int
prefix_length(uint32_t mask)
{
    uint32_t host = ~mask;
    int length = 32;

    if ((host & (host + 1)) != 0) {
        return -1;
    }
    for (; host > 0; host >>= 1) {
        length--;
    }
    return length;
}

static char *
explain_range(const VsRuleStep *step, const VsRuleView *view, bool is_in)
{
    VsField field = step->range.field;
    uint32_t mask = step->range.mask;
    g_autofree char *value = format_value(field, view->fields[field]);
    g_autofree char *min = format_value(field, step->range.min);
    g_autofree char *max = format_value(field, step->range.max);
    g_autofree char *mask_text = format_value(field, mask);
    const char *name = field_names[field];

    if (step->range.min != step->range.max) {
        return g_strdup_printf("%s %s is%s in %s-%s", name, value, is_in ? "" : " not",
                               min, max);
    }
    if (mask == UINT32_MAX) {
        return is_in ? g_strdup_printf("%s is %s", name, value)
                     : g_strdup_printf("%s %s is not %s", name, value, min);
    }
    if (is_address(field) && prefix_length(mask) >= 0) {
        return g_strdup_printf("%s %s is%s in %s/%d", name, value, is_in ? "" : " not",
                               min, prefix_length(mask));
    }
    return g_strdup_printf("%s %s in the bits %s is%s %s", name, value, mask_text,
                           is_in ? "" : " not", min);
}

/* A number that was made anew is not kept; a hash is made again. */
static char *
format_number(const VsNumber *number, const VsRuleView *view)
{
    if (number->kind == VS_NUMBER_JHASH) {
        return g_strdup_printf("hash %u", vs_number_of_hash(number, view->fields));
    }
    return g_strdup_printf("a number below %u, %s", number->modulus,
                           number->kind == VS_NUMBER_RANDOM ? "drawn at random"
                                                            : "taken in turn");
}

static char *
explain_number(const VsRuleStep *step, const VsRuleView *view, bool is_in)
{
    g_autofree char *value = format_number(step->range.number, view);
    const char *is = is_in ? "is" : "is not";

    return step->range.min == step->range.max
               ? g_strdup_printf("%s, %s %u", value, is, step->range.min)
               : g_strdup_printf("%s, %s in %u-%u", value, is, step->range.min,
                                 step->range.max);
}

static char *
explain_bits(const VsRuleStep *step, const VsRuleView *view, bool is_among)
{
    VsField field = step->range.field;
    g_autofree char *value = format_value(field, view->fields[field]);
    g_autofree char *wanted = format_value(field, step->range.mask);

    if (is_among && view->fields[field] == step->range.mask) {
        return g_strdup_printf("%s is %s", field_names[field], value);
    }
    return g_strdup_printf("%s %s is %s %s", field_names[field], value,
                           is_among ? "among" : "not", wanted);
}

static char *
explain_name(const VsRuleStep *step, const VsRuleView *view, bool is_equal)
{
    const char *const names[] = {view->iif, view->oif, view->physin, view->physout};
    const char *name = names[step->name.field - VS_FIELD_IIF];
    const char *what = field_names[step->name.field];
    const char *pattern = step->name.name;
    bool is_wild = g_str_has_suffix(pattern, "+") || g_str_has_suffix(pattern, "*");

    if (!name) {
        return g_strdup_printf("there is no %s, asked for %s", what, pattern);
    }
    if (is_equal && !is_wild) {
        return g_strdup_printf("%s is %s", what, name);
    }
    return g_strdup_printf("%s %s is %s%s%s", what, name, is_equal ? "" : "not ",
                           is_wild ? "like " : "", pattern);
}

static char *
explain_ports(const VsPorts *ports, const VsRuleView *view, bool is_in)
{
    GString *text = g_string_new(NULL);

    if (ports->sides & VS_PORTS_SOURCE) {
        g_string_append_printf(text, "sport %u", view->fields[VS_FIELD_SPORT]);
    }
    if (ports->sides & VS_PORTS_DESTINATION) {
        g_string_append_printf(text, "%sdport %u", text->len > 0 ? " or " : "",
                               view->fields[VS_FIELD_DPORT]);
    }
    g_string_append(text, is_in ? " is in " : " is not in ");
    for (unsigned i = 0; i < ports->n_ranges; i++) {
        g_string_append_printf(text, i ? ",%u" : "%u", ports->ranges[i].min);
        if (ports->ranges[i].max != ports->ranges[i].min) {
            g_string_append_printf(text, "-%u", ports->ranges[i].max);
        }
    }
    return g_string_free(text, FALSE);
}

/* "10.96.0.9 . tcp . 80" */
static char *
format_key(const VsLookup *lookup, const VsRuleView *view)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < lookup->n_fields; i++) {
        VsField field = lookup->fields[i];
        g_autofree char *value = field == VS_FIELD_NUMBER
                                     ? format_number(lookup->number, view)
                                     : format_value(field, view->fields[field]);

        g_string_append_printf(text, "%s%s", i ? " . " : "", value);
    }
    return g_string_free(text, FALSE);
}

static char *
explain_lookup(const VsLookup *lookup, const VsRuleView *view, bool is_found)
{
    g_autofree char *key = format_key(lookup, view);
    const char *kind = lookup->set->is_map || lookup->set->is_nat_map ? "map" : "set";

    return lookup->set_name
               ? g_strdup_printf("%s %s has %s%s", kind, lookup->set_name,
                                 is_found ? "" : "no ", key)
               : g_strdup_printf("the %s has %s%s", kind, is_found ? "" : "no ", key);
}

static char *
explain_update(const VsRuleStep *step, const VsRuleView *view, bool is_done)
{
    const VsLookup *lookup = &step->update.key;
    const char *name = lookup->set_name ? lookup->set_name : "of the rule";
    g_autofree char *key = format_key(lookup, view);

    return is_done ? g_strdup_printf("set %s has %s now", name, key)
                   : g_strdup_printf("set %s is full, without %s", name, key);
}

static char *
explain_nth(const VsRuleStep *step, bool is_turn)
{
    uint32_t every = step->nth.every;
    uint32_t at = (uint32_t)(((uint64_t)step->nth.first + step->nth.count) % every);

    return is_turn
               ? g_strdup_printf("its turn came, as every %u packets", every)
               : g_strdup_printf("its turn did not come: %u after the last of every "
                                 "%u packets",
                                 at, every);
}

static char *
explain_recent(const VsRecent *recent, const VsRuleView *view, bool is_hit)
{
    VsField side = recent->is_destination ? VS_FIELD_DADDR : VS_FIELD_SADDR;
    g_autofree char *address = vs_format_ipv4(view->fields[side]);
    GString *text = g_string_new(NULL);

    g_string_printf(text, "%s %s ", field_names[side], address);
    switch (recent->check) {
    case VS_RECENT_SET:
        g_string_append_printf(text, "was written to list %s", recent->name);
        break;
    case VS_RECENT_REMOVE:
        g_string_append_printf(text,
                               is_hit ? "was taken from list %s" : "was not in list %s",
                               recent->name);
        break;
    default:
        g_string_append(text, is_hit ? "was seen" : "was not seen");
        if (recent->hitcount > 0) {
            g_string_append_printf(text, " %u times or more", recent->hitcount);
        }
        g_string_append_printf(text, " by list %s", recent->name);
        if (recent->seconds > 0) {
            g_string_append_printf(text, " in the last %u s", recent->seconds);
        }
    }
    return g_string_free(text, FALSE);
}

static char *
explain_limit(const VsLimit *limit, bool is_within)
{
    g_autofree char *unit = vs_format_time(limit->unit);

    return g_strdup_printf("%s the limit of %u in %s, burst %u",
                           is_within ? "within" : "over", limit->amount, unit,
                           limit->burst);
}

static char *
explain_physdev(const VsRuleStep *step, bool is_so)
{
    uint32_t asked = step->range.mask;

    return g_strdup_printf("the packet is %s%s%s%s", is_so ? "" : "not ",
                           asked & 1 ? "bridged" : "",
                           asked & 2 ? " in by a bridge port" : "",
                           asked & 4 ? " out by a bridge port" : "");
}

char *
vs_rule_step_explain(const VsRuleStep *step, const VsRuleView *view, bool holds)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
        return explain_range(step, view, holds != step->range.is_inverted);
    case VS_STEP_NUMBER:
        return explain_number(step, view, holds != step->range.is_inverted);
    case VS_STEP_BITS:
        return explain_bits(step, view, holds != step->range.is_inverted);
    case VS_STEP_NAME:
        return explain_name(step, view, holds != step->name.is_inverted);
    case VS_STEP_PORTS:
        return explain_ports(&step->ports, view, holds != step->ports.is_inverted);
    case VS_STEP_LOOKUP:
        return explain_lookup(&step->lookup, view, holds != step->lookup.is_inverted);
    case VS_STEP_VMAP:
        return explain_lookup(&step->lookup, view, holds);
    case VS_STEP_DNAT:
    case VS_STEP_SNAT:
        return step->nat.map ? explain_lookup(step->nat.map, view, holds)
                             : g_strdup("always");
    case VS_STEP_UPDATE:
        return explain_update(step, view, holds);
    case VS_STEP_RANDOM:
        return g_strdup_printf("the draw %s (probability %.5f)",
                               holds != step->random.is_inverted ? "succeeded"
                                                                 : "failed",
                               step->random.threshold / 0x1p31);
    case VS_STEP_NTH:
        return explain_nth(step, holds != step->nth.is_inverted);
    case VS_STEP_RECENT:
        return explain_recent(&step->recent, view, holds != step->recent.is_inverted);
    case VS_STEP_LIMIT:
        return explain_limit(&step->limit, holds != step->limit.is_inverted);
    case VS_STEP_PHYSDEV:
        return explain_physdev(step, holds != step->range.is_inverted);
    default:
        return g_strdup("always");
    }
}
