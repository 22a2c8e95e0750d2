/* Rules as nft's text. */
#include <string.h>

#include "netfilter/nft.h"
#include "netfilter/nft_print.h"

void
vs_nft_put_verdict(GString *out, const VsRuleVerdict *verdict)
{
    g_string_append(out, vs_nft_find_word(vs_nft_verdicts, verdict->kind));
    if (verdict->target) {
        g_string_append_printf(out, " %s", verdict->target);
    }
}

/* Names of all bits in 'value', "a,b"; as a number if some have none. */
static void
put_flags(GString *out, VsNftKind kind, uint32_t value, const char *between)
{
    const VsNftWord *words = vs_nft_kind_words(kind);
    uint32_t named = 0;
    const char *separator = "";

    for (const VsNftWord *word = words; word->text; word++) {
        named |= word->value;
    }
    if (value == 0 || (value & ~named) != 0) {
        g_string_append_printf(out, "0x%x", value);
        return;
    }
    for (const VsNftWord *word = words; word->text; word++) {
        if (value & word->value) {
            g_string_append_printf(out, "%s%s", separator, word->text);
            separator = between;
        }
    }
}

static bool
is_one_bit(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static void
put_key_part(GString *out, VsNftKind kind, uint32_t min, uint32_t max)
{
    int length = kind == VS_NFT_ADDRESS ? vs_nft_prefix_length(min, max) : -1;

    if (vs_nft_kind_is_flags(kind)) {
        put_flags(out, kind, min, " | ");
        return;
    }
    vs_nft_put_value(out, kind, min);
    if (min == max) {
        return;
    }
    if (length >= 0) {
        g_string_append_printf(out, "/%d", length);
    } else {
        g_string_append_c(out, '-');
        vs_nft_put_value(out, kind, max);
    }
}

/* What an element of a map of addresses has: " : 10.0.0.1", " : 10.0.0.1 . 80". */
static void
put_data(GString *out, const VsNatRange *nat, bool has_port)
{
    g_string_append(out, " : ");
    vs_nft_put_value(out, VS_NFT_ADDRESS, nat->min_address);
    if (has_port) {
        g_string_append_printf(out, " . %u", nat->min_port);
    }
}

void
vs_nft_put_element(GString *out, const VsSet *set, const VsSetElement *element,
                   const VsNftKind *kinds)
{
    for (unsigned i = 0; i < set->n_types; i++) {
        g_string_append(out, i ? " . " : "");
        put_key_part(out, kinds[i], vs_nft_key_part(&element->key, i, kinds[i]),
                     vs_nft_key_part(&element->end, i, kinds[i]));
    }
    if (element->timeout) {
        g_string_append(out, " timeout ");
        vs_nft_put_time(out, element->timeout);
    }
    if (element->comment) {
        g_string_append_printf(out, " comment \"%s\"", element->comment);
    }
    if (set->is_map) {
        g_string_append(out, " : ");
        vs_nft_put_verdict(out, &element->verdict);
    } else if (set->is_nat_map) {
        put_data(out, &element->nat->nat, set->has_ports);
    }
}

static void
put_anonymous(GString *out, const VsSet *set, const VsNftKind *kinds)
{
    g_autoptr(GPtrArray) elements = vs_nft_sort_elements(set, kinds);

    g_string_append(out, "{ ");
    for (unsigned i = 0; i < elements->len; i++) {
        g_string_append(out, i ? ", " : "");
        vs_nft_put_element(out, set, elements->pdata[i], kinds);
    }
    g_string_append(out, " }");
}

static void
put_field(GString *out, VsField field, bool is_generic, int protocol)
{
    const VsNftField *row = vs_nft_find_field(field);

    g_assert(row);
    if (field == VS_FIELD_PROTOCOL && is_generic) {
        g_string_append(out, "meta l4proto");
    } else if (row->text) {
        g_string_append(out, row->text);
    } else {
        g_string_append_printf(
            out, "%s %s", is_generic ? "th" : vs_nft_port_owner(protocol), row->key);
    }
}

static void
put_number(GString *out, const VsNumber *number, int protocol)
{
    static const char *const words[] = {
        [VS_NUMBER_RANDOM] = "numgen random",
        [VS_NUMBER_INC] = "numgen inc",
        [VS_NUMBER_JHASH] = "jhash",
    };

    g_string_append(out, words[number->kind]);
    for (unsigned i = 0; i < number->n_fields; i++) {
        g_string_append(out, i ? " . " : " ");
        put_field(out, number->fields[i], number->is_l4_generic[i], protocol);
    }
    g_string_append_printf(out, " mod %u", number->modulus);
    if (number->has_seed) {
        g_string_append_printf(out, " seed 0x%x", number->seed);
    }
    if (number->offset) {
        g_string_append_printf(out, " offset %u", number->offset);
    }
}

static void
put_keys(GString *out, const VsLookup *lookup, int protocol)
{
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        g_string_append(out, i ? " . " : "");
        if (lookup->fields[i] == VS_FIELD_NUMBER) {
            put_number(out, lookup->number, protocol);
        } else {
            put_field(out, lookup->fields[i], lookup->is_l4_generic[i], protocol);
        }
    }
}

static void
put_lookup(GString *out, const VsLookup *lookup, bool is_map, int protocol)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];

    vs_nft_lookup_kinds(lookup, kinds);
    put_keys(out, lookup, protocol);
    g_string_append(out, is_map ? " vmap " : lookup->is_inverted ? " != " : " ");
    if (lookup->set_name) {
        g_string_append_printf(out, "@%s", lookup->set_name);
    } else {
        put_anonymous(out, lookup->set, kinds);
    }
}

/* "tcp flags syn / syn,ack", "meta mark & 0xff == 0x1". */
static void
put_masked(GString *out, const VsNftRelation *relation)
{
    bool is_flags = vs_nft_kind_is_flags(relation->kind);

    if (is_flags && !is_one_bit(relation->mask)) {
        g_string_append(out, strcmp(relation->op, "!=") == 0 ? " != " : " ");
        put_flags(out, relation->kind, relation->min, ",");
        g_string_append(out, " / ");
        put_flags(out, relation->kind, relation->mask, ",");
        return;
    }
    g_string_append(out, " & ");
    vs_nft_put_value(out, relation->kind, relation->mask);
    g_string_append_printf(out, " %s ", relation->op);
    vs_nft_put_value(out, relation->kind, relation->min);
}

/* Marks have no word for "any of these bits". */
static void
put_bits(GString *out, const VsNftRelation *relation)
{
    if (vs_nft_kind_is_flags(relation->kind)) {
        g_string_append(out, strcmp(relation->op, "!") == 0 ? " ! " : " ");
        put_flags(out, relation->kind, relation->mask, ",");
        return;
    }
    g_string_append(out, " & ");
    vs_nft_put_value(out, relation->kind, relation->mask);
    g_string_append(out, strcmp(relation->op, "!") == 0 ? " == " : " != ");
    vs_nft_put_value(out, relation->kind, 0);
}

/* nft 1.0.6 leaves out "==" before several names, and then reads "any of them". */
static void
put_exact_flags(GString *out, const VsNftRelation *relation)
{
    g_string_append_printf(out, "%s ", relation->op);
    if (relation->kind == VS_NFT_TCP_FLAGS && !is_one_bit(relation->min)) {
        g_string_append_printf(out, "0x%x", relation->min);
    } else {
        put_flags(out, relation->kind, relation->min, " | ");
    }
}

static void
put_plain(GString *out, const VsNftRelation *relation)
{
    VsNftKind kind = vs_nft_range_kind(relation->kind, relation->min, relation->max);

    g_string_append_c(out, ' ');
    if (vs_nft_kind_is_flags(relation->kind)) {
        put_exact_flags(out, relation);
        return;
    }
    if (strcmp(relation->op, "==") != 0) {
        g_string_append_printf(out, "%s ", relation->op);
    }
    vs_nft_put_value(out, kind, relation->min);
    if (relation->form == VS_NFT_FORM_PREFIX) {
        g_string_append_printf(out, "/%u", relation->prefix_length);
    } else if (relation->min != relation->max) {
        g_string_append_c(out, '-');
        vs_nft_put_value(out, kind, relation->max);
    }
}

static void
put_relation(GString *out, const VsRuleStep *step, int protocol)
{
    VsNftRelation relation = vs_nft_get_relation(step);

    if (relation.kind == VS_NFT_ICMP_CODE) {
        g_string_append(out, "icmp code");
    } else if (step->kind == VS_STEP_NUMBER) {
        put_number(out, step->range.number, protocol);
    } else {
        put_field(out, step->range.field, step->range.is_l4_generic, protocol);
    }
    switch (relation.form) {
    case VS_NFT_FORM_MASKED:
        put_masked(out, &relation);
        break;
    case VS_NFT_FORM_BITS:
        put_bits(out, &relation);
        break;
    default:
        put_plain(out, &relation);
        break;
    }
}

static void
put_name(GString *out, const VsRuleStep *step)
{
    put_field(out, step->name.field, false, -1);
    g_string_append_printf(out, "%s \"%s\"", step->name.is_inverted ? " !=" : "",
                           step->name.name);
}

/* "meta mark set meta mark | 0x00004000". */
static void
put_mark(GString *out, const VsRuleStep *step)
{
    bool is_ct = step->kind == VS_STEP_SET_CT_MARK || step->kind == VS_STEP_SAVE_MARK;
    bool is_copy =
        step->kind == VS_STEP_SAVE_MARK || step->kind == VS_STEP_RESTORE_MARK;
    bool is_from_ct = is_ct != is_copy;
    VsNftMarkValue value = vs_nft_get_mark_value(step);

    g_string_append_printf(out, "%s mark set ", is_ct ? "ct" : "meta");
    if (value.is_constant) {
        vs_nft_put_value(out, VS_NFT_MARK, value.operands[0]);
        return;
    }
    g_string_append_printf(out, "%s mark", is_from_ct ? "ct" : "meta");
    for (unsigned i = 0; i < value.n_operators; i++) {
        g_string_append_printf(out, " %c ", value.operators[i]);
        vs_nft_put_value(out, VS_NFT_MARK, value.operands[i]);
    }
}

/* "KEY map { ... }" */
static void
put_nat_map(GString *out, const VsLookup *map, int protocol)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];

    vs_nft_lookup_kinds(map, kinds);
    put_keys(out, map, protocol);
    g_string_append(out, " map ");
    put_anonymous(out, map->set, kinds);
}

static void
put_nat(GString *out, const VsNatRange *nat, const char *name, int protocol)
{
    g_string_append(out, name);
    if (nat->map || nat->has_address || nat->has_ports) {
        g_string_append(out, nat->map && nat->map->set->has_ports ? " ip to " : " to ");
    }
    if (nat->map) {
        put_nat_map(out, nat->map, protocol);
    } else if (nat->has_address) {
        vs_nft_put_value(out, VS_NFT_ADDRESS, nat->min_address);
        if (nat->max_address != nat->min_address) {
            g_string_append_c(out, '-');
            vs_nft_put_value(out, VS_NFT_ADDRESS, nat->max_address);
        }
    }
    if (nat->has_ports) {
        g_string_append_printf(out, ":%u", nat->min_port);
        if (nat->max_port != nat->min_port) {
            g_string_append_printf(out, "-%u", nat->max_port);
        }
    }
    if (nat->is_random || nat->is_random_fully || nat->is_persistent) {
        g_string_append_printf(
            out, " %s%s%s%s%s", nat->is_random ? "random" : "",
            nat->is_random && (nat->is_random_fully || nat->is_persistent) ? "," : "",
            nat->is_random_fully ? "fully-random" : "",
            nat->is_random_fully && nat->is_persistent ? "," : "",
            nat->is_persistent ? "persistent" : "");
    }
}

static void
put_reject(GString *out, VsRejectWith with)
{
    g_string_append(out, "reject");
    if (with == VS_REJECT_TCP_RESET) {
        g_string_append(out, " with tcp reset");
    } else if (with != VS_REJECT_PORT_UNREACHABLE) {
        g_string_append_printf(out, " with icmp %s",
                               vs_nft_find_word(vs_nft_rejects, with));
    }
}

static void
put_log(GString *out, const VsRuleStep *step)
{
    g_string_append(out, "log");
    if (step->log.prefix) {
        g_string_append_printf(out, " prefix \"%s\"", step->log.prefix);
    }
    if (step->log.level != VS_NFT_DEFAULT_LOG_LEVEL) {
        g_string_append_printf(out, " level %s",
                               vs_nft_find_word(vs_nft_log_levels, step->log.level));
    }
}

static void
put_limit(GString *out, const VsLimit *limit)
{
    g_string_append_printf(
        out, "limit rate %s%u/%s", limit->is_inverted ? "over " : "", limit->amount,
        vs_nft_find_word(vs_nft_limit_units, (uint32_t)(limit->unit / VS_S)));
    if (limit->burst != VS_NFT_DEFAULT_BURST) {
        g_string_append_printf(out, " burst %u packets", limit->burst);
    }
}

static void
put_update(GString *out, const VsRuleStep *step, int protocol)
{
    g_string_append_printf(out, "%s @%s { ", step->update.is_add ? "add" : "update",
                           step->update.key.set_name);
    put_keys(out, &step->update.key, protocol);
    if (step->update.timeout) {
        g_string_append(out, " timeout ");
        vs_nft_put_time(out, step->update.timeout);
    }
    g_string_append(out, " }");
}

static void
put_counter(GString *out, const VsRuleStep *step)
{
    g_string_append_printf(
        out, "counter packets %" G_GUINT64_FORMAT " bytes %" G_GUINT64_FORMAT,
        step->counter.n_packets, step->counter.n_bytes);
}

static void
put_step(GString *out, const VsRuleStep *step, int protocol)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_NUMBER:
    case VS_STEP_BITS:
        put_relation(out, step, protocol);
        break;
    case VS_STEP_NAME:
        put_name(out, step);
        break;
    case VS_STEP_LOOKUP:
    case VS_STEP_VMAP:
        put_lookup(out, &step->lookup, step->kind == VS_STEP_VMAP, protocol);
        break;
    case VS_STEP_LIMIT:
        put_limit(out, &step->limit);
        break;
    case VS_STEP_COUNTER:
        put_counter(out, step);
        break;
    case VS_STEP_VERDICT:
        vs_nft_put_verdict(out, &step->verdict);
        break;
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
    case VS_STEP_SAVE_MARK:
    case VS_STEP_RESTORE_MARK:
        put_mark(out, step);
        break;
    case VS_STEP_NOTRACK:
        g_string_append(out, "notrack");
        break;
    case VS_STEP_SET_ZONE:
        g_string_append_printf(out, "ct zone set %u", step->mark.value);
        break;
    case VS_STEP_DNAT:
        put_nat(out, &step->nat, "dnat", protocol);
        break;
    case VS_STEP_SNAT:
        put_nat(out, &step->nat, "snat", protocol);
        break;
    case VS_STEP_MASQUERADE:
        put_nat(out, &step->nat, "masquerade", protocol);
        break;
    case VS_STEP_REDIRECT:
        put_nat(out, &step->nat, "redirect", protocol);
        break;
    case VS_STEP_REJECT:
        put_reject(out, step->reject);
        break;
    case VS_STEP_LOG:
        put_log(out, step);
        break;
    case VS_STEP_UPDATE:
        put_update(out, step, protocol);
        break;
    default:
        g_assert_not_reached(); /* iptables' own: never in a table of nft. */
    }
}

void
vs_nft_put_rule(GString *out, const VsRule *rule)
{
    const char *comment = vs_nft_find_comment(rule);
    const char *separator = "";

    for (unsigned i = 0; i < rule->n_steps; i++) {
        if (rule->steps[i].kind == VS_STEP_COMMENT || vs_nft_is_implied(rule, i)) {
            continue;
        }
        g_string_append(out, separator);
        put_step(out, &rule->steps[i], vs_nft_protocol_before(rule, i));
        separator = " ";
    }
    if (comment) {
        g_string_append_printf(out, "%scomment \"%s\"", separator, comment);
    }
}

char *
vs_nft_rule_print(const VsRule *rule)
{
    GString *out = g_string_new(NULL);

    vs_nft_put_rule(out, rule);
    return g_string_free(out, FALSE);
}
