/* Resource records that messages carry (RFC 1035, 2308, 2782): a set for each answer that a
 * server can give to a question, made once and shared by all messages that carry it.
 *
 * A set is filled in the order of a message, vs_dns_records_add() for one record after the
 * other, and then closed by vs_dns_records_close(), after which it does not change.  It lives
 * until the run ends: messages and caches point to it. */
#pragma once

#include <glib.h>

#include "packet/names.h"
#include "packet/payload.h"

typedef enum VsDnsRecordType {
    VS_DNS_RECORD_A = 1,
    VS_DNS_RECORD_NS = 2,
    VS_DNS_RECORD_CNAME = 5,
    VS_DNS_RECORD_SOA = 6,
    VS_DNS_RECORD_SRV = 33,
} VsDnsRecordType;

typedef enum VsDnsSection {
    VS_DNS_ANSWER,
    VS_DNS_AUTHORITY,
    VS_DNS_ADDITIONAL,
    VS_DNS_N_SECTIONS,
} VsDnsSection;

typedef struct VsDnsRecord {
    VsName owner;
    uint8_t type; /* VsDnsRecordType. */
    VsAddr address;
    VsName target;     /* NS, CNAME, SRV; SOA: the primary server. */
    VsName mailbox;    /* SOA. */
    uint16_t priority; /* SRV. */
    uint16_t weight;
    uint16_t port;

    /* Bytes from the message's start to the record's end, names written out and compressed.  Set
     * when the set is closed. */
    uint32_t plain_end;
    uint32_t compressed_end;
} VsDnsRecord;

typedef struct VsDnsRecords {
    VsName name; /* The question's. */
    unsigned n_in[VS_DNS_N_SECTIONS];
    unsigned n_records;
    unsigned n_addresses; /* Those of type A at the end of the answer section. */
    VsDnsRecord *records;
} VsDnsRecords;

/* An empty set for a question for 'name'. */
VsDnsRecords *vs_dns_records_new(VsName name);
void vs_dns_records_free(gpointer records);

/* Adds a copy of 'record'; sections come in their order, addresses behind all else of the
 * answers. */
void vs_dns_records_add(VsDnsRecords *records, VsDnsSection section,
                        const VsDnsRecord *record);

/* Adds the start of authority of 'zone': "ns.dns.ZONE" and "hostmaster.ZONE", as CoreDNS'
 * plugins name them. */
void vs_dns_records_add_authority(VsDnsRecords *records, VsName zone, VsNames *names);

/* The set for a question for 'alias', which is another name of 'name': the CNAME, and what
 * 'records' have (NULL: nothing).  It is closed. */
VsDnsRecords *vs_dns_records_new_alias(VsName alias, VsName name,
                                       const VsDnsRecords *records,
                                       const VsNames *names);

void vs_dns_records_close(VsDnsRecords *records, const VsNames *names);

/* Writing messages. ----------------------------------------------------------------- */

typedef struct VsDnsWriter {
    const VsNames *names;
    GByteArray *out;
    guint start;         /* Of the message in 'out'. */
    GHashTable *offsets; /* Domain to its place; NULL: names are written out. */
} VsDnsWriter;

void vs_dns_writer_init(VsDnsWriter *writer, const VsNames *names, GByteArray *out,
                        bool is_plain);
void vs_dns_writer_clear(VsDnsWriter *writer);
void vs_dns_put_u16(GByteArray *out, unsigned value);
void vs_dns_put_u32(GByteArray *out, uint32_t value);
void vs_dns_write_name(VsDnsWriter *writer, VsName name);
void vs_dns_write_record(VsDnsWriter *writer, const VsDnsRecord *record,
                         uint32_t ttl_s);
