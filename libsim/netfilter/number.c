#include "netfilter/number.h"

#include "base/hash.h"

enum { WORD_BYTES = 4 };

VsNumber *
vs_number_new(VsNumberKind kind, uint32_t modulus)
{
    VsNumber *number = g_new0(VsNumber, 1);

    g_assert(modulus > 0);
    number->kind = kind;
    number->modulus = modulus;
    return number;
}

unsigned
vs_number_field_bytes(VsField field)
{
    switch (field) {
    case VS_FIELD_SADDR:
    case VS_FIELD_DADDR:
    case VS_FIELD_CT_ORIG_SADDR:
    case VS_FIELD_CT_ORIG_DADDR:
    case VS_FIELD_CT_REPLY_SADDR:
    case VS_FIELD_CT_REPLY_DADDR:
    case VS_FIELD_MARK:
    case VS_FIELD_CT_MARK:
        return 4;
    case VS_FIELD_SPORT:
    case VS_FIELD_DPORT:
    case VS_FIELD_CT_ORIG_SPORT:
    case VS_FIELD_CT_ORIG_DPORT:
    case VS_FIELD_LENGTH:
        return 2;
    case VS_FIELD_PROTOCOL:
    case VS_FIELD_TTL:
    case VS_FIELD_CT_DIRECTION:
        return 1;
    default:
        return 0;
    }
}

static void
put_field(uint8_t *at, VsField field, uint32_t value)
{
    unsigned n_bytes = vs_number_field_bytes(field);
    bool is_of_kernel = field == VS_FIELD_MARK || field == VS_FIELD_CT_MARK;

    for (unsigned i = 0; i < n_bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * (is_of_kernel ? i : n_bytes - 1 - i));
    }
}

uint32_t
vs_number_jhash(const VsNumber *number, const uint32_t *fields)
{
    uint8_t bytes[VS_HASH_MAX_FIELDS * WORD_BYTES] = {0};
    unsigned n_bytes = number->n_fields == 1 ? vs_number_field_bytes(number->fields[0])
                                             : number->n_fields * WORD_BYTES;

    for (unsigned i = 0; i < number->n_fields; i++) {
        put_field(bytes + i * WORD_BYTES, number->fields[i], fields[number->fields[i]]);
    }
    return vs_jhash(bytes, n_bytes, number->seed);
}

/* reciprocal_scale() */
static uint32_t
scale(const VsNumber *number, uint32_t value)
{
    return (uint32_t)((uint64_t)value * number->modulus >> 32) + number->offset;
}

uint32_t
vs_number_of_hash(const VsNumber *number, const uint32_t *fields)
{
    return scale(number, vs_number_jhash(number, fields));
}

uint32_t
vs_number_next(VsNumber *number, const uint32_t *fields, VsRng *rng)
{
    uint32_t value;

    switch (number->kind) {
    case VS_NUMBER_RANDOM:
        return scale(number, vs_rng_u32(rng));
    case VS_NUMBER_INC:
        value = number->next;
        number->next = value + 1 < number->modulus ? value + 1 : 0;
        return value + number->offset;
    default:
        if (!number->has_seed && !number->is_drawn) {
            number->seed = vs_rng_u32(rng);
            number->is_drawn = true;
        }
        return vs_number_of_hash(number, fields);
    }
}
