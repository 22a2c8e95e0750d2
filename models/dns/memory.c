#include "models/dns/memory.h"

enum { ALL_TYPES = 0xff };

static VsKey
fact_key(VsName name, unsigned type)
{
    return (VsKey){{name, type}};
}

void
dns_memory_init(DnsMemory *memory, VsRun *run)
{
    *memory = (DnsMemory){.run = run};
    vs_table_init(&memory->facts);
    vs_table_init(&memory->delegations);
    vs_table_init(&memory->glue);
    vs_table_init(&memory->parts);
}

void
dns_memory_clear(DnsMemory *memory)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    if (!memory->run) {
        return;
    }
    while (vs_table_next(&memory->facts, &cursor, &key, &value)) {
        g_free(value);
    }
    cursor = 0;
    while (vs_table_next(&memory->delegations, &cursor, &key, &value)) {
        g_array_free(((DnsDelegation *)value)->targets, TRUE);
        g_free(value);
    }
    cursor = 0;
    while (vs_table_next(&memory->glue, &cursor, &key, &value)) {
        g_array_free(((DnsGlue *)value)->addresses, TRUE);
        g_free(value);
    }
    vs_table_clear(&memory->facts);
    vs_table_clear(&memory->glue);
    vs_table_clear(&memory->delegations);
    vs_table_clear(&memory->parts);
    memory->run = NULL;
}

/* Facts. ---------------------------------------------------------------------------- */

const DnsFact *
dns_memory_find(const DnsMemory *memory, VsName name, VsDnsType type)
{
    const unsigned types[] = {type, ALL_TYPES};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        const DnsFact *fact = vs_table_find(&memory->facts, fact_key(name, types[i]));

        if (fact && fact->expires > vs_now(memory->run)) {
            return fact;
        }
    }
    return NULL;
}

const DnsFact *
dns_memory_add(DnsMemory *memory, const DnsFact *fact, VsDnsType type, VsTime ttl)
{
    bool is_for_all = fact->alias != 0 || fact->code == VS_DNS_NXDOMAIN;
    VsKey key = fact_key(fact->name, is_for_all ? ALL_TYPES : type);
    DnsFact *kept = vs_table_find(&memory->facts, key);

    if (!kept) {
        kept = g_new(DnsFact, 1);
        vs_table_insert(&memory->facts, key, kept);
    }
    *kept = *fact;
    kept->expires = vs_now(memory->run) + ttl;
    return kept;
}

/* Delegations. ---------------------------------------------------------------------- */

DnsDelegation *
dns_memory_closest(const DnsMemory *memory, VsName name)
{
    VsNames *names = &memory->run->packets->names;

    for (;; name = vs_dns_parent(names, name)) {
        DnsDelegation *found = vs_table_find(&memory->delegations, fact_key(name, 0));

        if (found && found->expires > vs_now(memory->run)) {
            return found;
        }
        if (name == 0) {
            return NULL;
        }
    }
}

DnsDelegation *
dns_memory_refer(DnsMemory *memory, VsName zone, VsTime ttl)
{
    DnsDelegation *delegation = vs_table_find(&memory->delegations, fact_key(zone, 0));

    if (!delegation) {
        delegation = g_new0(DnsDelegation, 1);
        delegation->zone = zone;
        delegation->targets = g_array_new(FALSE, FALSE, sizeof(DnsTarget));
        vs_table_insert(&memory->delegations, fact_key(zone, 0), delegation);
    }
    g_array_set_size(delegation->targets, 0);
    delegation->expires = vs_now(memory->run) + ttl;
    return delegation;
}

DnsGlue *
dns_memory_glue(DnsMemory *memory, VsName name, VsTime ttl)
{
    DnsGlue *glue = vs_table_find(&memory->glue, fact_key(name, 0));

    if (!glue) {
        glue = g_new0(DnsGlue, 1);
        glue->addresses = g_array_new(FALSE, FALSE, sizeof(VsAddr));
        vs_table_insert(&memory->glue, fact_key(name, 0), glue);
    }
    g_array_set_size(glue->addresses, 0);
    glue->expires = vs_now(memory->run) + ttl;
    return glue;
}

const DnsGlue *
dns_memory_find_glue(const DnsMemory *memory, VsName name)
{
    const DnsGlue *glue = vs_table_find(&memory->glue, fact_key(name, 0));

    return glue && glue->expires > vs_now(memory->run) ? glue : NULL;
}

/* Parts. ---------------------------------------------------------------------------- */

/* A name's own answers; denials and what helps belong to the last name of a message, of which
 * alone parts are taken. */
static VsDnsRecords *
cut_out(const VsDnsRecords *records, VsName name)
{
    VsDnsRecords *made = vs_dns_records_new(name);
    unsigned next = 0;

    for (unsigned section = 0; section < VS_DNS_N_SECTIONS; section++) {
        for (unsigned i = 0; i < records->n_in[section]; i++) {
            const VsDnsRecord *record = &records->records[next++];

            if (section != VS_DNS_ANSWER || record->owner == name) {
                vs_dns_records_add(made, (VsDnsSection)section, record);
            }
        }
    }
    return made;
}

const VsDnsRecords *
dns_memory_part(DnsMemory *memory, const VsDns *answer, VsName name)
{
    VsKey key = {{(uint64_t)(uintptr_t)answer->records, name}};
    VsDnsRecords *part;

    if (!answer->records || answer->name == name) {
        return answer->records;
    }
    part = vs_table_find(&memory->parts, key);
    if (!part) {
        part = cut_out(answer->records, name);
        vs_dns_records_close(part, &memory->run->packets->names);
        g_ptr_array_add(memory->run->packets->dns_records, part);
        vs_table_insert(&memory->parts, key, part);
    }
    return part;
}
