#include "packet/dns.h"

#include <string.h>

#include "base/hash.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_OPT = 41,
    CLASS_IN = 1,
    FLAG_RESPONSE = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080,
    OPT_BYTES = 11,
    OPTION_SUBNET = 8,
    OPTION_HEAD_BYTES = 4,
    SUBNET_HEAD_BYTES = 4,
    SUBNET_FAMILY_IPV4 = 1,
};

size_t
vs_dns_name_length(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

VsName
vs_dns_parent(VsNames *names, VsName name)
{
    const char *dot = strchr(vs_names_get(names, name), '.');

    return dot ? vs_names_intern(names, dot + 1) : 0;
}

unsigned
vs_dns_n_labels(const VsNames *names, VsName name)
{
    const char *text = vs_names_get(names, name);
    unsigned n = *text != '\0';

    while ((text = strchr(text, '.'))) {
        text++;
        n++;
    }
    return n;
}

/* Lengths. -------------------------------------------------------------------------- */

/* Length octets and the root's included. */
static size_t
name_bytes(const VsNames *names, VsName name)
{
    size_t length = vs_dns_name_length(vs_names_get(names, name));

    return length > 0 ? length + 2 : 1;
}

static uint32_t
subnet_bytes(const VsDns *dns)
{
    return dns->subnet_bits > 0 ? (dns->subnet_bits + 7u) / 8 : 0;
}

static uint32_t
option_bytes(const VsDns *dns)
{
    if (dns->edns_bytes == 0) {
        return 0;
    }
    return OPT_BYTES + (dns->subnet_bits > 0
                            ? OPTION_HEAD_BYTES + SUBNET_HEAD_BYTES + subnet_bytes(dns)
                            : 0);
}

static unsigned
n_records(const VsDns *dns)
{
    return dns->records ? dns->records->n_records - dns->n_left_out : 0;
}

uint32_t
vs_dns_measure(const VsDns *dns, const VsNames *names)
{
    unsigned n = n_records(dns);

    if (n > 0) {
        const VsDnsRecord *last = &dns->records->records[n - 1];

        return (dns->is_plain ? last->plain_end : last->compressed_end) +
               option_bytes(dns);
    }
    return (uint32_t)(VS_DNS_HEADER_BYTES + name_bytes(names, dns->name) +
                      VS_DNS_QUESTION_FIXED_BYTES) +
           option_bytes(dns);
}

void
vs_dns_fit(VsDns *dns, const VsNames *names, uint32_t max_bytes, bool is_lazy)
{
    dns->is_plain = is_lazy;
    if (is_lazy && vs_dns_measure(dns, names) > max_bytes) {
        dns->is_plain = false;
    }
    while (n_records(dns) > 0 && vs_dns_measure(dns, names) > max_bytes) {
        dns->n_left_out++;
        dns->is_truncated = true;
    }
}

/* Order. ---------------------------------------------------------------------------- */

/* With which of the addresses the k-th changes places as the shuffle of Fisher and Yates comes
 * to it: itself or one behind it. */
static unsigned
partner(const VsDns *dns, unsigned k)
{
    uint64_t draw = vs_mix64(dns->order + k * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
    uint64_t n_behind = dns->records->n_addresses - k;

    return k + (unsigned)(draw * n_behind >> 32);
}

/* Which address of the set is the i-th of the message: its way back through the shuffle, of
 * which later steps do not touch it. */
static unsigned
address_at(const VsDns *dns, unsigned i)
{
    unsigned at;

    if (dns->order == 0) {
        return i;
    }
    at = partner(dns, i);
    for (unsigned k = i; k-- > 0;) {
        unsigned other = partner(dns, k);

        if (at == other) {
            at = k;
        }
    }
    return at;
}

static const VsDnsRecord *
record_at(const VsDns *dns, unsigned i)
{
    const VsDnsRecords *records = dns->records;
    unsigned first = records->n_in[VS_DNS_ANSWER] - records->n_addresses;
    bool is_address = i >= first && i < first + records->n_addresses;

    return &records->records[is_address ? first + address_at(dns, i - first) : i];
}

unsigned
vs_dns_n_addresses(const VsDns *dns)
{
    const VsDnsRecords *records = dns->records;
    unsigned n = n_records(dns);
    unsigned first;

    if (!records) {
        return 0;
    }
    first = records->n_in[VS_DNS_ANSWER] - records->n_addresses;
    return n > first ? MIN(n - first, records->n_addresses) : 0;
}

VsAddr
vs_dns_address(const VsDns *dns, unsigned i)
{
    const VsDnsRecords *records = dns->records;

    g_assert(i < vs_dns_n_addresses(dns));
    return record_at(dns, records->n_in[VS_DNS_ANSWER] - records->n_addresses + i)
        ->address;
}

/* Bytes. ---------------------------------------------------------------------------- */

static unsigned
flags_of(const VsDns *dns)
{
    unsigned flags = dns->is_iterative ? 0 : FLAG_RECURSION_DESIRED;

    if (dns->is_response) {
        flags |= FLAG_RESPONSE | dns->code;
        flags |= dns->is_authoritative ? FLAG_AUTHORITATIVE
                 : dns->is_iterative   ? 0
                                       : FLAG_RECURSION_AVAILABLE;
        flags |= dns->is_truncated ? FLAG_TRUNCATED : 0;
    }
    return flags;
}

static void
print_header(const VsDns *dns, GByteArray *out)
{
    unsigned n_left = n_records(dns);

    vs_dns_put_u16(out, dns->id);
    vs_dns_put_u16(out, flags_of(dns));
    vs_dns_put_u16(out, 1);
    for (unsigned section = 0; section < VS_DNS_N_SECTIONS; section++) {
        unsigned n = dns->records ? MIN(dns->records->n_in[section], n_left) : 0;
        bool has_option = section == VS_DNS_ADDITIONAL && dns->edns_bytes > 0;

        vs_dns_put_u16(out, n + has_option);
        n_left -= n;
    }
}

static void
print_option(const VsDns *dns, GByteArray *out)
{
    static const guint8 root = 0;
    uint32_t bytes = subnet_bytes(dns);

    g_byte_array_append(out, &root, 1);
    vs_dns_put_u16(out, TYPE_OPT);
    vs_dns_put_u16(out, dns->edns_bytes);
    vs_dns_put_u32(out, 0);
    vs_dns_put_u16(out, option_bytes(dns) - OPT_BYTES);
    if (bytes > 0) {
        vs_dns_put_u16(out, OPTION_SUBNET);
        vs_dns_put_u16(out, SUBNET_HEAD_BYTES + bytes);
        vs_dns_put_u16(out, SUBNET_FAMILY_IPV4);
        vs_dns_put_u16(out, (unsigned)dns->subnet_bits << 8 |
                                (dns->is_response ? dns->subnet_bits : 0));
        vs_dns_put_u32(out, dns->subnet);
        g_byte_array_set_size(out, out->len - 4 + bytes);
    }
}

void
vs_dns_print(const VsDns *dns, const VsNames *names, GByteArray *out)
{
    static const unsigned types[] = {[VS_DNS_A] = TYPE_A,
                                     [VS_DNS_AAAA] = TYPE_AAAA,
                                     [VS_DNS_SRV] = TYPE_SRV,
                                     [VS_DNS_NS] = TYPE_NS};
    VsDnsWriter writer;

    vs_dns_writer_init(&writer, names, out, dns->is_plain);
    print_header(dns, out);
    vs_dns_write_name(&writer, dns->name);
    vs_dns_put_u16(out, types[dns->type]);
    vs_dns_put_u16(out, CLASS_IN);
    for (unsigned i = 0; i < n_records(dns); i++) {
        vs_dns_write_record(&writer, record_at(dns, i), dns->ttl_s);
    }
    if (dns->edns_bytes > 0) {
        print_option(dns, out);
    }
    vs_dns_writer_clear(&writer);
}
