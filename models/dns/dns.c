#include "models/dns/record.h"
#include "models/dns/server.h"

typedef struct DnsConfig {
    DnsServerParams server;
    VsTime negative_ttl;
} DnsConfig;

/* An address that a name has for some time. */
typedef struct DnsRecord {
    VsAddr address;
    uint32_t ttl_s;
    VsTime from;
    VsTime until;
} DnsRecord;

/* Its answer is made when it is first asked for, and again when a record came or went. */
typedef struct DnsName {
    VsName name;
    GArray *records; /* Of DnsRecord. */
    VsDns answer;
    VsTime until; /* That of 'answer'; 0: not made yet. */
} DnsName;

typedef struct Dns {
    DnsServer server;
    const DnsConfig *config;
    VsTable zone; /* Name to DnsName. */
    GPtrArray *names;
    uint64_t n_unknown;
} Dns;

static const VsParam record_params[] = {
    VS_PARAM_STRING(RecordConfig, name, "name", .is_required = true,
                    .doc = "The whole name: shop.example."),
    VS_PARAM_IPV4(RecordConfig, address, "address",
                  .doc = "The address it stands for."),
    VS_PARAM_REF(RecordConfig, to, "to", .to = "lb client router node dns resolver",
                 .doc = "Whose address it stands for: an lb's is its VIP."),
    VS_PARAM_TIME(RecordConfig, ttl, "ttl", .def = "60s", .max = "86400s",
                  .doc = "How long an answer may be kept; whole seconds."),
    VS_PARAM_TIME(RecordConfig, from, "from", .def = "0s",
                  .doc = "It is there from then on."),
    VS_PARAM_TIME(RecordConfig, until, "until",
                  .doc = "It is removed then; without it, it stays."),
    {0},
};

static const VsParam dns_params[] = {
    VS_PARAM_TIME(DnsConfig, negative_ttl, "negative-ttl", .def = "30s",
                  .max = "86400s",
                  .doc = "How long \"no such name\" may be kept (SOA minimum); whole "
                         "seconds."),
    DNS_SERVER_PARAM_ROWS(DnsConfig, server),
    {0},
};

static const VsStat dns_stats[] = {
    VS_COUNTER(Dns, n_unknown, "unknown", "query",
               "Queries for names it does not have."),
    DNS_SERVER_STAT_ROWS(Dns, server),
    {0},
};

static bool
record_check(const void *config_, const VsElement *element, GError **error)
{
    const RecordConfig *config = config_;

    if (vs_element_has(element, "address") == (config->to != NULL)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "record \"%s\" needs one of address=\"\" and to=\"\"",
                        config->name);
        return false;
    }
    if (config->ttl % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "ttl of record \"%s\" is not in whole seconds, as DNS has it",
                        config->name);
        return false;
    }
    if (vs_element_has(element, "until") && config->until <= config->from) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "until of record \"%s\" is not after from: it would never be "
                        "there",
                        config->name);
        return false;
    }
    return true;
}

static bool
is_record(const VsElement *element)
{
    return g_str_equal(element->model->element, "record");
}

static bool
has_record(const VsElement *element)
{
    for (unsigned i = 0; i < element->n_children; i++) {
        if (is_record(element->children[i])) {
            return true;
        }
    }
    return false;
}

static bool
dns_check(const void *config_, const VsElement *element, GError **error)
{
    const DnsConfig *config = config_;

    if (!has_record(element)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "dns \"%s\" knows no name; write <record name=\"...\" to=\"...\"/> "
            "inside",
            element->id);
        return false;
    }
    if (config->negative_ttl % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "negative-ttl is not in whole seconds, as DNS has it");
        return false;
    }
    return true;
}

static VsKey
name_key(VsName name)
{
    return (VsKey){{name, 0}};
}

/* The records of 'name' that are there at 'now'. */
static void
make_answer(DnsName *name, VsRun *run, VsTime now)
{
    VsDnsRecords *records = vs_dns_records_new(name->name);
    VsDns answer = {.is_authoritative = true, .records = records};

    name->until = VS_TIME_NEVER;
    for (unsigned i = 0; i < name->records->len; i++) {
        const DnsRecord *record = &g_array_index(name->records, DnsRecord, i);
        VsDnsRecord address = {
            .owner = name->name, .type = VS_DNS_RECORD_A, .address = record->address};

        if (now < record->from) {
            name->until = MIN(name->until, record->from);
        } else if (now < record->until) {
            name->until = MIN(name->until, record->until);
            answer.ttl_s = records->n_records == 0 ? record->ttl_s
                                                   : MIN(answer.ttl_s, record->ttl_s);
            vs_dns_records_add(records, VS_DNS_ANSWER, &address);
        }
    }
    vs_dns_records_close(records, &run->packets->names);
    g_ptr_array_add(run->packets->dns_records, records);
    name->answer = answer;
}

static void
dns_worked(DnsServer *server, VsDnsRequest *query)
{
    Dns *dns = VS_CONTAINER_OF(server, Dns, server);
    DnsName *name = vs_table_find(&dns->zone, name_key(query->payload.dns.name));
    VsRun *run = server->netns->run;
    VsDns answer = {.is_authoritative = true};

    if (name && vs_now(run) >= name->until) {
        make_answer(name, run, vs_now(run));
    }
    if (!name || name->answer.records->n_records == 0) {
        answer.code = VS_DNS_NXDOMAIN;
        dns->n_unknown++;
    } else if (query->payload.dns.type == VS_DNS_A) {
        answer = name->answer; /* Else the name is there, but without such. */
    }
    if (!answer.records) {
        answer.ttl_s = (uint32_t)(dns->config->negative_ttl / VS_S);
    }
    dns_server_answer(server, query, &answer, 0);
}

static void
name_free(gpointer name_)
{
    DnsName *name = name_;

    g_array_free(name->records, TRUE);
    g_free(name);
}

static DnsName *
name_get(Dns *dns, VsName handle)
{
    DnsName *name = vs_table_find(&dns->zone, name_key(handle));

    if (!name) {
        name = g_new0(DnsName, 1);
        name->name = handle;
        name->records = g_array_new(FALSE, FALSE, sizeof(DnsRecord));
        g_ptr_array_add(dns->names, name);
        vs_table_insert(&dns->zone, name_key(handle), name);
    }
    return name;
}

/* Records of one name are one answer with several addresses. */
static void
add_record(Dns *dns, const VsElement *element, VsBuild *build)
{
    const RecordConfig *config = element->config;
    g_autofree char *text = g_ascii_strdown(config->name, -1); /* RFC 4343. */
    DnsRecord record = {.address = config->to ? vs_build_address_of(build, config->to)
                                              : config->address,
                        .ttl_s = (uint32_t)(config->ttl / VS_S),
                        .from = config->from,
                        .until = vs_element_has(element, "until") ? config->until
                                                                  : VS_TIME_NEVER};
    DnsName *name;

    text[vs_dns_name_length(text)] = '\0';
    name = name_get(dns, vs_names_intern(&build->run->packets->names, text));
    g_array_append_val(name->records, record);
}

static bool
dns_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Dns *dns = self;

    (void)error;
    dns->config = element->config;
    vs_table_init(&dns->zone);
    dns->names = g_ptr_array_new_with_free_func(name_free);
    dns_server_create(&dns->server, element, build, &dns->config->server);
    return true;
}

static bool
dns_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Dns *dns = self;

    (void)error;
    dns_server_open(&dns->server, element->id, VS_ADDR_ANY, build, dns_worked);
    for (unsigned i = 0; i < element->n_children; i++) {
        if (is_record(element->children[i])) {
            add_record(dns, element->children[i], build);
        }
    }
    return true;
}

static void
dns_close(void *self)
{
    Dns *dns = self;

    dns_server_close(&dns->server);
    if (dns->names) {
        vs_table_clear(&dns->zone);
        g_ptr_array_free(dns->names, TRUE);
    }
}

const VsModel vs_model_record = {
    .element = "record",
    .summary = "A DNS address record (A).",
    .parents = "dns",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(RecordConfig),
    .params = record_params,
    .check = record_check,
};

const VsModel vs_model_dns = {
    .element = "dns",
    .summary = "An authoritative DNS server.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .config_size = sizeof(DnsConfig),
    .params = dns_params,
    .size = sizeof(Dns),
    .stats = dns_stats,
    .check = dns_check,
    .create = dns_create,
    .open = dns_open,
    .close = dns_close,
};
