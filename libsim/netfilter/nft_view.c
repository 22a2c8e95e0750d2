#include "netfilter/nft_view.h"

#include <stdlib.h>
#include <string.h>

static bool
is_exact_protocol(const VsRuleStep *step)
{
    return step->kind == VS_STEP_RANGE && step->range.field == VS_FIELD_PROTOCOL &&
           step->range.min == step->range.max && step->range.mask == UINT32_MAX &&
           !step->range.is_inverted;
}

static VsNftKind
kind_of(const VsRuleStep *step)
{
    const VsNftField *field = vs_nft_find_field(step->range.field);

    g_assert(field); /* Fields that nft has no word for are iptables'. */
    if (field->kind == VS_NFT_ICMP_TYPE && (step->range.mask & 0xff00) == 0) {
        return VS_NFT_ICMP_CODE;
    }
    return field->kind;
}

/* ">= N" has no end, "<= N" starts at 0; not to be in them is "<" and ">". */
static const char *
order_of(const VsRuleStep *step)
{
    if (!step->range.is_order) {
        return NULL;
    }
    if (step->range.max == UINT32_MAX) {
        return step->range.is_inverted ? "<" : ">=";
    }
    return step->range.is_inverted ? ">" : "<=";
}

VsNftRelation
vs_nft_get_relation(const VsRuleStep *step)
{
    VsNftKind kind = kind_of(step);
    unsigned shift = vs_nft_kind_shift(kind);
    uint32_t whole = vs_nft_kind_mask(kind);
    uint32_t mask = step->range.mask;
    const char *order = order_of(step);
    VsNftRelation relation = {VS_NFT_FORM_PLAIN,
                              kind,
                              step->range.is_inverted ? "!=" : "==",
                              mask >> shift,
                              step->range.min >> shift,
                              step->range.max >> shift,
                              32};

    if (step->kind == VS_STEP_BITS) {
        relation.form = VS_NFT_FORM_BITS;
        relation.op = step->range.is_inverted ? "!" : "in";
    } else if ((mask & whole) != whole) {
        int length = vs_nft_prefix_length(0, ~mask);

        relation.form = kind == VS_NFT_ADDRESS && length >= 0 ? VS_NFT_FORM_PREFIX
                                                              : VS_NFT_FORM_MASKED;
        relation.prefix_length = (unsigned)length;
    } else if (order) {
        relation.op = order;
        relation.min = relation.max =
            step->range.max == UINT32_MAX ? relation.min : relation.max;
    }
    return relation;
}

/* (mark & keep) ^ value in nft's operators: what is set whether it was kept or not is an
 * "or", and kept as well. */
static VsNftMarkValue
mark_operators(uint32_t keep, uint32_t value)
{
    if (keep == 0) {
        return (VsNftMarkValue){.is_constant = true, .operands = {value}};
    }
    if ((value & keep) == 0 && value != 0) {
        if ((keep | value) == UINT32_MAX) {
            return (VsNftMarkValue){
                .n_operators = 1, .operators = "|", .operands = {value}};
        }
        return (VsNftMarkValue){.n_operators = 2,
                                .operators = {'&', '|'},
                                .operands = {keep | value, value}};
    }
    if (value == 0) {
        return (VsNftMarkValue){.n_operators = keep == UINT32_MAX ? 0 : 1,
                                .operators = "&",
                                .operands = {keep}};
    }
    if (keep == UINT32_MAX) {
        return (VsNftMarkValue){
            .n_operators = 1, .operators = "^", .operands = {value}};
    }
    return (VsNftMarkValue){
        .n_operators = 2, .operators = {'&', '^'}, .operands = {keep, value}};
}

VsNftMarkValue
vs_nft_get_mark_value(const VsRuleStep *step)
{
    if (step->kind == VS_STEP_SAVE_MARK || step->kind == VS_STEP_RESTORE_MARK) {
        /* nft copies the whole mark; a part of it is iptables' CONNMARK. */
        g_assert(step->mark.mask == UINT32_MAX);
        return mark_operators(step->mark.value, 0);
    }
    return mark_operators(~step->mark.mask, step->mark.value);
}

static bool
fields_need_protocol(const VsField *fields, const bool *are_l4_generic, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (((fields[i] == VS_FIELD_SPORT || fields[i] == VS_FIELD_DPORT) &&
             !are_l4_generic[i]) ||
            fields[i] == VS_FIELD_TCP_FLAGS || fields[i] == VS_FIELD_ICMP_TYPE) {
            return true;
        }
    }
    return false;
}

static bool
number_needs_protocol(const VsNumber *number)
{
    return fields_need_protocol(number->fields, number->is_l4_generic,
                                number->n_fields);
}

static bool
key_needs_protocol(const VsLookup *lookup)
{
    return fields_need_protocol(lookup->fields, lookup->is_l4_generic,
                                lookup->n_fields) ||
           (lookup->number && number_needs_protocol(lookup->number));
}

/* The step says by itself that the packet is of one protocol. */
static bool
needs_protocol(const VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_BITS:
        return ((step->range.field == VS_FIELD_SPORT ||
                 step->range.field == VS_FIELD_DPORT) &&
                !step->range.is_l4_generic) ||
               step->range.field == VS_FIELD_TCP_FLAGS ||
               step->range.field == VS_FIELD_ICMP_TYPE;
    case VS_STEP_LOOKUP:
    case VS_STEP_VMAP:
        return key_needs_protocol(&step->lookup);
    case VS_STEP_UPDATE:
        return key_needs_protocol(&step->update.key);
    case VS_STEP_NUMBER:
        return number_needs_protocol(step->range.number);
    case VS_STEP_DNAT:
    case VS_STEP_SNAT:
        return step->nat.map && key_needs_protocol(step->nat.map);
    case VS_STEP_REJECT:
        return step->reject == VS_REJECT_TCP_RESET;
    default:
        return false;
    }
}

/* Steps after which nft no longer looks back for a protocol to leave out. */
static bool
ends_implication(const VsRuleStep *step)
{
    return step->kind >= VS_STEP_COUNTER || step->kind == VS_STEP_LIMIT ||
           is_exact_protocol(step);
}

bool
vs_nft_is_implied(const VsRule *rule, unsigned step)
{
    if (!is_exact_protocol(&rule->steps[step])) {
        return false;
    }
    for (unsigned i = step + 1; i < rule->n_steps; i++) {
        if (needs_protocol(&rule->steps[i])) {
            return true;
        }
        if (ends_implication(&rule->steps[i])) {
            return false;
        }
    }
    return false;
}

int
vs_nft_protocol_before(const VsRule *rule, unsigned step)
{
    while (step-- > 0) {
        if (is_exact_protocol(&rule->steps[step])) {
            return (int)rule->steps[step].range.min;
        }
    }
    return -1;
}

const char *
vs_nft_find_comment(const VsRule *rule)
{
    for (unsigned i = rule->n_steps; i-- > 0;) {
        if (rule->steps[i].kind == VS_STEP_COMMENT) {
            return rule->steps[i].comment;
        }
    }
    return NULL;
}

void
vs_nft_lookup_kinds(const VsLookup *lookup, VsNftKind *ret_kinds)
{
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        ret_kinds[i] = vs_nft_find_field(lookup->fields[i])->kind;
    }
}

void
vs_nft_set_kinds(const VsSet *set, VsNftKind *ret_kinds)
{
    for (unsigned i = 0; i < set->n_types; i++) {
        ret_kinds[i] = vs_nft_type_kind(set->types[i]);
    }
}

static uint32_t
raw_part(const VsKey *key, unsigned part)
{
    return (uint32_t)(key->w[part / 2] >> (part % 2 ? 0 : 32));
}

uint32_t
vs_nft_key_part(const VsKey *key, unsigned part, VsNftKind kind)
{
    return raw_part(key, part) >> vs_nft_kind_shift(kind);
}

/* A part as the number that its bytes make on a little-endian machine: addresses and ports
 * travel with their highest byte first, marks and protocols do not. */
static uint32_t
host_part(const VsKey *key, unsigned part, VsNftKind kind)
{
    uint32_t value = raw_part(key, part);

    switch (kind) {
    case VS_NFT_ADDRESS:
        return GUINT32_SWAP_LE_BE(value);
    case VS_NFT_PORT:
        return GUINT16_SWAP_LE_BE((uint16_t)value);
    default:
        return value;
    }
}

typedef struct Order {
    const VsNftKind *kinds;
    unsigned n_kinds;
} Order;

static gint
compare_elements(gconstpointer a_, gconstpointer b_, gpointer order_)
{
    const VsSetElement *a = *(VsSetElement *const *)a_;
    const VsSetElement *b = *(VsSetElement *const *)b_;
    const Order *order = order_;

    if (order->n_kinds == 1) {
        uint32_t x = raw_part(&a->key, 0);
        uint32_t y = raw_part(&b->key, 0);

        return (x > y) - (x < y);
    }
    for (unsigned i = order->n_kinds; i-- > 0;) {
        uint32_t x = host_part(&a->key, i, order->kinds[i]);
        uint32_t y = host_part(&b->key, i, order->kinds[i]);

        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

GPtrArray *
vs_nft_sort_elements(const VsSet *set, const VsNftKind *kinds)
{
    GPtrArray *sorted = g_ptr_array_sized_new(set->elements->len);
    Order order = {kinds, set->n_types};

    for (unsigned i = 0; i < set->elements->len; i++) {
        g_ptr_array_add(sorted, set->elements->pdata[i]);
    }
    g_ptr_array_sort_with_data(sorted, compare_elements, &order);
    return sorted;
}

int
vs_nft_prefix_length(uint32_t min, uint32_t max)
{
    uint32_t rest = min ^ max;

    if ((rest & (rest + 1)) != 0 || (min & rest) != 0) {
        return -1;
    }
    return rest == 0 ? 32 : __builtin_clz(rest);
}

VsNftKind
vs_nft_range_kind(VsNftKind kind, uint32_t min, uint32_t max)
{
    return kind == VS_NFT_PROTOCOL && min != max ? VS_NFT_NUMBER_8 : kind;
}
