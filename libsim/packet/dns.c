#include "packet/dns.h"

#include <string.h>

enum {
    HEADER_BYTES = 12,
    QUESTION_FIXED_BYTES = 4, /* Type and class. */
    ANSWER_BYTES = 16, /* Pointer 2, type 2, class 2, TTL 4, length 2, address 4. */
    ALIAS_FIXED_BYTES = 12, /* The same of a CNAME, without its name. */
    POINTER = 0xc000,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    CLASS_IN = 1,
    LABEL_MAX = 63,
    FLAG_RESPONSE = 0x8000,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080,
};

/* The name without the dot that may end it. */
static size_t
name_length(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

/* Length octets and the root's included. */
static size_t
name_bytes(const VsNames *names, VsName name)
{
    size_t length = name_length(vs_names_get(names, name));

    return length > 0 ? length + 2 : 1;
}

uint32_t
vs_dns_measure(const VsDns *dns, const VsNames *names)
{
    size_t alias_bytes =
        dns->alias ? ALIAS_FIXED_BYTES + name_bytes(names, dns->alias) : 0;

    return (uint32_t)(HEADER_BYTES + name_bytes(names, dns->name) +
                      QUESTION_FIXED_BYTES + alias_bytes +
                      (size_t)dns->n_answers * ANSWER_BYTES);
}

static void
put_u8(GByteArray *out, unsigned value)
{
    guint8 byte = (guint8)value;

    g_byte_array_append(out, &byte, 1);
}

static void
put_u16(GByteArray *out, unsigned value)
{
    put_u8(out, value >> 8);
    put_u8(out, value & 0xff);
}

static void
put_u32(GByteArray *out, uint32_t value)
{
    put_u16(out, value >> 16);
    put_u16(out, value & 0xffff);
}

static void
put_name(GByteArray *out, const char *name)
{
    const char *end = name + name_length(name);

    while (name < end) {
        size_t length = strcspn(name, ".");

        g_assert(length > 0 && length <= LABEL_MAX);
        put_u8(out, (unsigned)length);
        g_byte_array_append(out, (const guint8 *)name, (guint)length);
        name += length + 1;
    }
    put_u8(out, 0);
}

/* The start of a record whose owner's name is at 'offset' of the message. */
static void
put_record(GByteArray *out, size_t offset, unsigned type, const VsDns *dns,
           size_t n_bytes)
{
    put_u16(out, POINTER | (unsigned)offset);
    put_u16(out, type);
    put_u16(out, CLASS_IN);
    put_u32(out, dns->ttl_s);
    put_u16(out, (unsigned)n_bytes);
}

void
vs_dns_print(const VsDns *dns, const VsNames *names, GByteArray *out)
{
    unsigned flags = FLAG_RECURSION_DESIRED;
    size_t owner = HEADER_BYTES; /* Of the name whose addresses follow. */

    if (dns->is_response) {
        flags |= FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | dns->code;
    }
    put_u16(out, dns->id);
    put_u16(out, flags);
    put_u16(out, 1); /* Questions, answers, authorities, additional. */
    put_u16(out, dns->n_answers + (dns->alias != 0));
    put_u16(out, 0);
    put_u16(out, 0);
    put_name(out, vs_names_get(names, dns->name));
    put_u16(out, dns->type == VS_DNS_AAAA ? TYPE_AAAA : TYPE_A);
    put_u16(out, CLASS_IN);
    if (dns->alias) {
        put_record(out, owner, TYPE_CNAME, dns, name_bytes(names, dns->alias));
        owner +=
            name_bytes(names, dns->name) + QUESTION_FIXED_BYTES + ALIAS_FIXED_BYTES;
        put_name(out, vs_names_get(names, dns->alias));
    }
    for (unsigned i = 0; i < dns->n_answers; i++) {
        put_record(out, owner, TYPE_A, dns, sizeof(VsAddr));
        put_u32(out, dns->answers[i]);
    }
}
