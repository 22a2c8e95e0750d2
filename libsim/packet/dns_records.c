#include "packet/dns_records.h"

#include <string.h>

#include "packet/dns.h"

enum {
    POINTER = 0xc000, /* And the largest offset that one can hold is below it. */
    POINTER_MAX = 0x3fff,
    CLASS_IN = 1,
    LABEL_MAX = 63,
    /* Times of a start of authority, as CoreDNS has them: seconds. */
    SOA_SERIAL = 1,
    SOA_REFRESH = 7200,
    SOA_RETRY = 1800,
    SOA_EXPIRE = 86400,
};

/* Sets. ----------------------------------------------------------------------------- */

VsDnsRecords *
vs_dns_records_new(VsName name)
{
    VsDnsRecords *records = g_new0(VsDnsRecords, 1);

    records->name = name;
    return records;
}

void
vs_dns_records_free(gpointer records_)
{
    VsDnsRecords *records = records_;

    g_free(records->records);
    g_free(records);
}

void
vs_dns_records_add(VsDnsRecords *records, VsDnsSection section,
                   const VsDnsRecord *record)
{
    bool is_address = section == VS_DNS_ANSWER && record->type == VS_DNS_RECORD_A;

    for (unsigned later = section + 1; later < VS_DNS_N_SECTIONS; later++) {
        g_assert(records->n_in[later] == 0);
    }
    g_assert(section != VS_DNS_ANSWER || is_address || records->n_addresses == 0);
    records->records =
        g_renew(VsDnsRecord, records->records, (gsize)records->n_records + 1);
    records->records[records->n_records++] = *record;
    records->n_in[section]++;
    records->n_addresses += is_address;
}

static VsName
join(VsNames *names, const char *label, VsName zone)
{
    g_autofree char *full = g_strdup_printf("%s.%s", label, vs_names_get(names, zone));

    return vs_names_intern(names, full);
}

void
vs_dns_records_add_authority(VsDnsRecords *records, VsName zone, VsNames *names)
{
    VsDnsRecord authority = {.owner = zone,
                             .type = VS_DNS_RECORD_SOA,
                             .target = join(names, "ns.dns", zone),
                             .mailbox = join(names, "hostmaster", zone)};

    vs_dns_records_add(records, VS_DNS_AUTHORITY, &authority);
}

VsDnsRecords *
vs_dns_records_new_alias(VsName alias, VsName name, const VsDnsRecords *records,
                         const VsNames *names)
{
    VsDnsRecords *made = vs_dns_records_new(alias);
    VsDnsRecord cname = {.owner = alias, .type = VS_DNS_RECORD_CNAME, .target = name};
    unsigned next = 0;

    vs_dns_records_add(made, VS_DNS_ANSWER, &cname);
    for (unsigned section = 0; records && section < VS_DNS_N_SECTIONS; section++) {
        for (unsigned i = 0; i < records->n_in[section]; i++) {
            vs_dns_records_add(made, (VsDnsSection)section, &records->records[next++]);
        }
    }
    vs_dns_records_close(made, names);
    return made;
}

static void
measure(VsDnsRecords *records, const VsNames *names, bool is_plain)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    VsDnsWriter writer;

    vs_dns_writer_init(&writer, names, out, is_plain);
    g_byte_array_set_size(out, VS_DNS_HEADER_BYTES);
    vs_dns_write_name(&writer, records->name);
    g_byte_array_set_size(out, out->len + VS_DNS_QUESTION_FIXED_BYTES);
    for (unsigned i = 0; i < records->n_records; i++) {
        VsDnsRecord *record = &records->records[i];

        vs_dns_write_record(&writer, record, 0);
        *(is_plain ? &record->plain_end : &record->compressed_end) = out->len;
    }
    vs_dns_writer_clear(&writer);
}

void
vs_dns_records_close(VsDnsRecords *records, const VsNames *names)
{
    measure(records, names, true);
    measure(records, names, false);
}

/* Writing. -------------------------------------------------------------------------- */

void
vs_dns_writer_init(VsDnsWriter *writer, const VsNames *names, GByteArray *out,
                   bool is_plain)
{
    *writer = (VsDnsWriter){.names = names, .out = out, .start = out->len};
    if (!is_plain) {
        writer->offsets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
}

void
vs_dns_writer_clear(VsDnsWriter *writer)
{
    if (writer->offsets) {
        g_hash_table_destroy(writer->offsets);
    }
}

static void
put_u8(GByteArray *out, unsigned value)
{
    guint8 byte = (guint8)value;

    g_byte_array_append(out, &byte, 1);
}

void
vs_dns_put_u16(GByteArray *out, unsigned value)
{
    put_u8(out, value >> 8);
    put_u8(out, value & 0xff);
}

void
vs_dns_put_u32(GByteArray *out, uint32_t value)
{
    vs_dns_put_u16(out, value >> 16);
    vs_dns_put_u16(out, value & 0xffff);
}

/* Where 'domain' was written; 0: not yet, and from now on here. */
static guint
find_offset(VsDnsWriter *writer, char *domain)
{
    guint here = writer->out->len - writer->start;
    guint found = GPOINTER_TO_UINT(g_hash_table_lookup(writer->offsets, domain));

    if (found == 0 && here <= POINTER_MAX) {
        g_hash_table_insert(writer->offsets, domain, GUINT_TO_POINTER(here));
    } else {
        g_free(domain);
    }
    return found;
}

/* What may be followed by a pointer, unless 'is_whole': later names may point into it. */
static void
write_name(VsDnsWriter *writer, VsName name, bool is_whole)
{
    const char *at = vs_names_get(writer->names, name);
    const char *end = at + vs_dns_name_length(at);

    while (at < end) {
        size_t length = strcspn(at, ".");
        guint found =
            writer->offsets ? find_offset(writer, g_strndup(at, (gsize)(end - at))) : 0;

        if (found != 0 && !is_whole) {
            vs_dns_put_u16(writer->out, POINTER | found);
            return;
        }
        g_assert(length > 0 && length <= LABEL_MAX);
        put_u8(writer->out, (unsigned)length);
        g_byte_array_append(writer->out, (const guint8 *)at, (guint)length);
        at += length + 1;
    }
    put_u8(writer->out, 0);
}

void
vs_dns_write_name(VsDnsWriter *writer, VsName name)
{
    write_name(writer, name, false);
}

static void
write_authority(VsDnsWriter *writer, const VsDnsRecord *record, uint32_t ttl_s)
{
    write_name(writer, record->target, false);
    write_name(writer, record->mailbox, false);
    vs_dns_put_u32(writer->out, SOA_SERIAL);
    vs_dns_put_u32(writer->out, SOA_REFRESH);
    vs_dns_put_u32(writer->out, SOA_RETRY);
    vs_dns_put_u32(writer->out, SOA_EXPIRE);
    vs_dns_put_u32(writer->out, ttl_s); /* How long a denial may be kept. */
}

static void
write_data(VsDnsWriter *writer, const VsDnsRecord *record, uint32_t ttl_s)
{
    switch ((VsDnsRecordType)record->type) {
    case VS_DNS_RECORD_A:
        vs_dns_put_u32(writer->out, record->address);
        break;
    case VS_DNS_RECORD_NS:
    case VS_DNS_RECORD_CNAME:
        write_name(writer, record->target, false);
        break;
    case VS_DNS_RECORD_SOA:
        write_authority(writer, record, ttl_s);
        break;
    case VS_DNS_RECORD_SRV:
        vs_dns_put_u16(writer->out, record->priority);
        vs_dns_put_u16(writer->out, record->weight);
        vs_dns_put_u16(writer->out, record->port);
        write_name(writer, record->target, true); /* RFC 2782. */
        break;
    }
}

void
vs_dns_write_record(VsDnsWriter *writer, const VsDnsRecord *record, uint32_t ttl_s)
{
    GByteArray *out = writer->out;
    guint length_at;
    guint length;

    write_name(writer, record->owner, false);
    vs_dns_put_u16(out, record->type);
    vs_dns_put_u16(out, CLASS_IN);
    vs_dns_put_u32(out, ttl_s);
    length_at = out->len;
    vs_dns_put_u16(out, 0);
    write_data(writer, record, ttl_s);
    length = out->len - length_at - 2;
    out->data[length_at] = (guint8)(length >> 8);
    out->data[length_at + 1] = (guint8)(length & 0xff);
}
