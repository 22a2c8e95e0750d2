/* Rules and elements as nft's JSON; libnftables-json(5). */
#include <string.h>

#include "netfilter/nft_json.h"

static void
put_payload(JsonBuilder *builder, const char *protocol, const char *field)
{
    vs_json_begin_object(builder, "payload");
    vs_json_put_text(builder, "protocol", protocol);
    vs_json_put_text(builder, "field", field);
    json_builder_end_object(builder);
}

static void
put_fib(JsonBuilder *builder, const char *side)
{
    vs_json_begin_object(builder, "fib");
    vs_json_put_text(builder, "result", "type");
    vs_json_begin_array(builder, "flags");
    json_builder_add_string_value(builder, side);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void
put_field(JsonBuilder *builder, VsField field, bool is_generic, int protocol)
{
    const VsNftField *row = vs_nft_find_field(field);

    json_builder_begin_object(builder);
    if (field == VS_FIELD_PROTOCOL && is_generic) {
        vs_json_begin_object(builder, "meta");
        vs_json_put_text(builder, "key", "l4proto");
        json_builder_end_object(builder);
    } else if (strcmp(row->object, "payload") == 0) {
        put_payload(builder,
                    row->qualifier ? row->qualifier
                    : is_generic   ? "th"
                                   : vs_nft_port_owner(protocol),
                    row->key);
    } else if (strcmp(row->object, "fib") == 0) {
        put_fib(builder, row->key);
    } else {
        vs_json_begin_object(builder, row->object);
        vs_json_put_text(builder, "key", row->key);
        if (row->qualifier) {
            vs_json_put_text(builder, "dir", row->qualifier);
        }
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

/* Several parts are one: {"concat": [...]}. */
static void
begin_parts(JsonBuilder *builder, unsigned n)
{
    if (n > 1) {
        json_builder_begin_object(builder);
        vs_json_begin_array(builder, "concat");
    }
}

static void
end_parts(JsonBuilder *builder, unsigned n)
{
    if (n > 1) {
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
}

static void
put_jhash(JsonBuilder *builder, const VsNumber *number, int protocol)
{
    vs_json_begin_object(builder, "jhash");
    vs_json_put_uint(builder, "mod", number->modulus);
    if (number->has_seed) {
        vs_json_put_uint(builder, "seed", number->seed);
    }
    if (number->offset) {
        vs_json_put_uint(builder, "offset", number->offset);
    }
    json_builder_set_member_name(builder, "expr");
    begin_parts(builder, number->n_fields);
    for (unsigned i = 0; i < number->n_fields; i++) {
        put_field(builder, number->fields[i], number->is_l4_generic[i], protocol);
    }
    end_parts(builder, number->n_fields);
    json_builder_end_object(builder);
}

static void
put_number(JsonBuilder *builder, const VsNumber *number, int protocol)
{
    json_builder_begin_object(builder);
    if (number->kind == VS_NUMBER_JHASH) {
        put_jhash(builder, number, protocol);
    } else {
        vs_json_begin_object(builder, "numgen");
        vs_json_put_text(builder, "mode",
                         number->kind == VS_NUMBER_RANDOM ? "random" : "inc");
        vs_json_put_uint(builder, "mod", number->modulus);
        vs_json_put_uint(builder, "offset", number->offset);
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

static void
put_keys(JsonBuilder *builder, const VsLookup *lookup, int protocol)
{
    begin_parts(builder, lookup->n_fields);
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        if (lookup->fields[i] == VS_FIELD_NUMBER) {
            put_number(builder, lookup->number, protocol);
        } else {
            put_field(builder, lookup->fields[i], lookup->is_l4_generic[i], protocol);
        }
    }
    end_parts(builder, lookup->n_fields);
}

static void
put_set(JsonBuilder *builder, const VsLookup *lookup)
{
    VsNftKind kinds[VS_KEY_MAX_FIELDS];
    g_autoptr(GPtrArray) elements = NULL;

    if (lookup->set_name) {
        g_autofree char *name = g_strconcat("@", lookup->set_name, NULL);

        json_builder_add_string_value(builder, name);
        return;
    }
    vs_nft_lookup_kinds(lookup, kinds);
    elements = vs_nft_sort_elements(lookup->set, kinds);
    json_builder_begin_object(builder);
    vs_json_begin_array(builder, "set");
    for (unsigned i = 0; i < elements->len; i++) {
        vs_nft_json_element(builder, lookup->set, elements->pdata[i], kinds);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

/* "match": {"op": OP, "left": ...; the right side follows. */
static void
begin_match(JsonBuilder *builder, const char *op)
{
    vs_json_begin_object(builder, "match");
    vs_json_put_text(builder, "op", op);
    json_builder_set_member_name(builder, "left");
}

static void
put_lookup(JsonBuilder *builder, const VsLookup *lookup, int protocol)
{
    begin_match(builder, lookup->is_inverted ? "!=" : "==");
    put_keys(builder, lookup, protocol);
    json_builder_set_member_name(builder, "right");
    put_set(builder, lookup);
    json_builder_end_object(builder);
}

/* 'kind' is "vmap" or "map". */
static void
put_map(JsonBuilder *builder, const char *kind, const VsLookup *lookup, int protocol)
{
    vs_json_begin_object(builder, kind);
    json_builder_set_member_name(builder, "key");
    put_keys(builder, lookup, protocol);
    json_builder_set_member_name(builder, "data");
    put_set(builder, lookup);
    json_builder_end_object(builder);
}

static void
put_left(JsonBuilder *builder, const VsRuleStep *step, VsNftKind kind, int protocol)
{
    if (step->kind == VS_STEP_NUMBER) {
        put_number(builder, step->range.number, protocol);
        return;
    }
    if (kind != VS_NFT_ICMP_CODE) {
        put_field(builder, step->range.field, step->range.is_l4_generic, protocol);
        return;
    }
    json_builder_begin_object(builder);
    put_payload(builder, "icmp", "code");
    json_builder_end_object(builder);
}

static void
put_masked_left(JsonBuilder *builder, const VsRuleStep *step,
                const VsNftRelation *relation, int protocol)
{
    json_builder_begin_object(builder);
    vs_json_begin_array(builder, "&");
    put_left(builder, step, relation->kind, protocol);
    if (vs_nft_kind_is_flags(relation->kind)) {
        vs_nft_json_put_flags(builder, relation->kind, relation->mask, false);
    } else {
        vs_nft_json_put_value(builder, relation->kind, relation->mask);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void
put_right(JsonBuilder *builder, const VsNftRelation *relation)
{
    bool is_flags = vs_nft_kind_is_flags(relation->kind);

    if (relation->form == VS_NFT_FORM_BITS) {
        vs_nft_json_put_flags(builder, relation->kind, relation->mask, false);
    } else if (relation->form == VS_NFT_FORM_MASKED && is_flags) {
        vs_nft_json_put_flags(builder, relation->kind, relation->min, false);
    } else if (relation->form == VS_NFT_FORM_PREFIX) {
        vs_nft_json_put_prefix(builder, relation->min, relation->prefix_length);
    } else if (relation->min != relation->max) {
        vs_nft_json_put_range(builder, relation->kind, relation->min, relation->max);
    } else if (relation->kind == VS_NFT_CT_STATE ||
               relation->kind == VS_NFT_CT_STATUS) {
        vs_nft_json_put_flags(builder, relation->kind, relation->min, true);
    } else {
        vs_nft_json_put_value(builder, relation->kind, relation->min);
    }
}

static void
put_relation(JsonBuilder *builder, const VsRuleStep *step, int protocol)
{
    VsNftRelation relation = vs_nft_get_relation(step);
    bool is_flags = vs_nft_kind_is_flags(relation.kind);
    bool is_any_bit = relation.form == VS_NFT_FORM_BITS && !is_flags;

    if (is_any_bit) { /* Marks: "& MASK != 0". */
        relation.form = VS_NFT_FORM_MASKED;
        relation.op = step->range.is_inverted ? "==" : "!=";
        relation.min = relation.max = 0;
    }
    begin_match(builder, relation.op);
    if (relation.form == VS_NFT_FORM_MASKED) {
        put_masked_left(builder, step, &relation, protocol);
    } else {
        put_left(builder, step, relation.kind, protocol);
    }
    json_builder_set_member_name(builder, "right");
    put_right(builder, &relation);
    json_builder_end_object(builder);
}

static void
put_name(JsonBuilder *builder, const VsRuleStep *step)
{
    begin_match(builder, step->name.is_inverted ? "!=" : "==");
    put_field(builder, step->name.field, false, -1);
    vs_json_put_text(builder, "right", step->name.name);
    json_builder_end_object(builder);
}

static void
put_mark_of(JsonBuilder *builder, bool is_ct)
{
    put_field(builder, is_ct ? VS_FIELD_CT_MARK : VS_FIELD_MARK, false, -1);
}

/* {"|": [{"&": [MARK, A]}, B]}: the last operator is outermost. */
static void
put_mark_value(JsonBuilder *builder, const VsNftMarkValue *value, bool is_from_ct)
{
    if (value->is_constant) {
        json_builder_add_int_value(builder, value->operands[0]);
        return;
    }
    for (unsigned i = value->n_operators; i-- > 0;) {
        const char name[] = {value->operators[i], '\0'};

        json_builder_begin_object(builder);
        vs_json_begin_array(builder, name);
    }
    put_mark_of(builder, is_from_ct);
    for (unsigned i = 0; i < value->n_operators; i++) {
        json_builder_add_int_value(builder, value->operands[i]);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
}

static void
put_mark(JsonBuilder *builder, const VsRuleStep *step)
{
    bool is_ct = step->kind == VS_STEP_SET_CT_MARK || step->kind == VS_STEP_SAVE_MARK;
    bool is_copy =
        step->kind == VS_STEP_SAVE_MARK || step->kind == VS_STEP_RESTORE_MARK;
    VsNftMarkValue value = vs_nft_get_mark_value(step);

    vs_json_begin_object(builder, "mangle");
    json_builder_set_member_name(builder, "key");
    put_mark_of(builder, is_ct);
    json_builder_set_member_name(builder, "value");
    put_mark_value(builder, &value, is_ct != is_copy);
    json_builder_end_object(builder);
}

static void
put_zone(JsonBuilder *builder, uint32_t zone)
{
    vs_json_begin_object(builder, "mangle");
    vs_json_begin_object(builder, "key");
    vs_json_begin_object(builder, "ct");
    vs_json_put_text(builder, "key", "zone");
    json_builder_end_object(builder);
    json_builder_end_object(builder);
    vs_json_put_uint(builder, "value", zone);
    json_builder_end_object(builder);
}

static void
put_nat_flags(JsonBuilder *builder, const VsNatRange *nat)
{
    const char *names[3];
    unsigned n = 0;

    if (nat->is_random) {
        names[n++] = "random";
    }
    if (nat->is_random_fully) {
        names[n++] = "fully-random";
    }
    if (nat->is_persistent) {
        names[n++] = "persistent";
    }
    if (n == 1) {
        vs_json_put_text(builder, "flags", names[0]);
    } else if (n > 1) {
        vs_json_begin_array(builder, "flags");
        for (unsigned i = 0; i < n; i++) {
            json_builder_add_string_value(builder, names[i]);
        }
        json_builder_end_array(builder);
    }
}

static void
put_one_or_range(JsonBuilder *builder, const char *name, VsNftKind kind, uint32_t min,
                 uint32_t max)
{
    json_builder_set_member_name(builder, name);
    if (min == max) {
        vs_nft_json_put_value(builder, kind, min);
    } else {
        vs_nft_json_put_range(builder, kind, min, max);
    }
}

static void
put_nat(JsonBuilder *builder, const VsNatRange *nat, const char *name, int protocol)
{
    if (!nat->map && !nat->has_address && !nat->has_ports && !nat->is_random &&
        !nat->is_random_fully && !nat->is_persistent) {
        vs_json_put_null(builder, name);
        return;
    }
    vs_json_begin_object(builder, name);
    if (nat->map) {
        if (nat->map->set->has_ports) {
            vs_json_put_text(builder, "family", "ip");
        }
        vs_json_begin_object(builder, "addr");
        put_map(builder, "map", nat->map, protocol);
        json_builder_end_object(builder);
    } else if (nat->has_address) {
        put_one_or_range(builder, "addr", VS_NFT_ADDRESS, nat->min_address,
                         nat->max_address);
    }
    if (nat->has_ports) {
        put_one_or_range(builder, "port", VS_NFT_PORT, nat->min_port, nat->max_port);
    }
    put_nat_flags(builder, nat);
    json_builder_end_object(builder);
}

static void
put_reject(JsonBuilder *builder, VsRejectWith with)
{
    vs_json_begin_object(builder, "reject");
    if (with == VS_REJECT_TCP_RESET) {
        vs_json_put_text(builder, "type", "tcp reset");
    } else {
        vs_json_put_text(builder, "type", "icmp");
        vs_json_put_text(builder, "expr", vs_nft_find_word(vs_nft_rejects, with));
    }
    json_builder_end_object(builder);
}

static void
put_log(JsonBuilder *builder, const VsRuleStep *step)
{
    if (!step->log.prefix && step->log.level == VS_NFT_DEFAULT_LOG_LEVEL) {
        vs_json_put_null(builder, "log");
        return;
    }
    vs_json_begin_object(builder, "log");
    if (step->log.prefix) {
        vs_json_put_text(builder, "prefix", step->log.prefix);
    }
    if (step->log.level != VS_NFT_DEFAULT_LOG_LEVEL) {
        vs_json_put_text(builder, "level",
                         vs_nft_find_word(vs_nft_log_levels, step->log.level));
    }
    json_builder_end_object(builder);
}

static void
put_limit(JsonBuilder *builder, const VsLimit *limit)
{
    vs_json_begin_object(builder, "limit");
    vs_json_put_uint(builder, "rate", limit->amount);
    vs_json_put_uint(builder, "burst", limit->burst);
    vs_json_put_text(
        builder, "per",
        vs_nft_find_word(vs_nft_limit_units, (uint32_t)(limit->unit / VS_S)));
    if (limit->is_inverted) {
        json_builder_set_member_name(builder, "inv");
        json_builder_add_boolean_value(builder, TRUE);
    }
    json_builder_end_object(builder);
}

static void
put_update(JsonBuilder *builder, const VsRuleStep *step, int protocol)
{
    vs_json_begin_object(builder, "set");
    vs_json_put_text(builder, "op", step->update.is_add ? "add" : "update");
    json_builder_set_member_name(builder, "elem");
    if (step->update.timeout) {
        json_builder_begin_object(builder);
        vs_json_begin_object(builder, "elem");
        json_builder_set_member_name(builder, "val");
    }
    put_keys(builder, &step->update.key, protocol);
    if (step->update.timeout) {
        vs_json_put_uint(builder, "timeout", (uint64_t)(step->update.timeout / VS_S));
        json_builder_end_object(builder);
        json_builder_end_object(builder);
    }
    json_builder_set_member_name(builder, "set");
    put_set(builder, &step->update.key);
    json_builder_end_object(builder);
}

static void
put_counter(JsonBuilder *builder, const VsRuleStep *step)
{
    vs_json_begin_object(builder, "counter");
    vs_json_put_uint(builder, "packets", step->counter.n_packets);
    vs_json_put_uint(builder, "bytes", step->counter.n_bytes);
    json_builder_end_object(builder);
}

/* The one member of a statement's object. */
static void
put_statement(JsonBuilder *builder, const VsRuleStep *step, int protocol)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_NUMBER:
    case VS_STEP_BITS:
        put_relation(builder, step, protocol);
        break;
    case VS_STEP_NAME:
        put_name(builder, step);
        break;
    case VS_STEP_LOOKUP:
        put_lookup(builder, &step->lookup, protocol);
        break;
    case VS_STEP_VMAP:
        put_map(builder, "vmap", &step->lookup, protocol);
        break;
    case VS_STEP_LIMIT:
        put_limit(builder, &step->limit);
        break;
    case VS_STEP_COUNTER:
        put_counter(builder, step);
        break;
    case VS_STEP_SET_MARK:
    case VS_STEP_SET_CT_MARK:
    case VS_STEP_SAVE_MARK:
    case VS_STEP_RESTORE_MARK:
        put_mark(builder, step);
        break;
    case VS_STEP_NOTRACK:
        vs_json_put_null(builder, "notrack");
        break;
    case VS_STEP_SET_ZONE:
        put_zone(builder, step->mark.value);
        break;
    case VS_STEP_DNAT:
        put_nat(builder, &step->nat, "dnat", protocol);
        break;
    case VS_STEP_SNAT:
        put_nat(builder, &step->nat, "snat", protocol);
        break;
    case VS_STEP_MASQUERADE:
        put_nat(builder, &step->nat, "masquerade", protocol);
        break;
    case VS_STEP_REDIRECT:
        put_nat(builder, &step->nat, "redirect", protocol);
        break;
    case VS_STEP_REJECT:
        put_reject(builder, step->reject);
        break;
    case VS_STEP_LOG:
        put_log(builder, step);
        break;
    case VS_STEP_UPDATE:
        put_update(builder, step, protocol);
        break;
    default:
        g_assert_not_reached(); /* iptables' own: never in a table of nft. */
    }
}

void
vs_nft_json_rule(JsonBuilder *builder, const VsRule *rule)
{
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < rule->n_steps; i++) {
        const VsRuleStep *step = &rule->steps[i];

        if (step->kind == VS_STEP_COMMENT || vs_nft_is_implied(rule, i)) {
            continue;
        }
        if (step->kind == VS_STEP_VERDICT) {
            vs_nft_json_put_verdict(builder, &step->verdict);
            continue;
        }
        json_builder_begin_object(builder);
        put_statement(builder, step, vs_nft_protocol_before(rule, i));
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}
