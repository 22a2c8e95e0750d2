#include "models/dns/answers.h"
#include "models/dns/record.h"
#include "models/dns/server.h"

typedef struct DnsConfig {
    DnsServerParams server;
    VsTime negative_ttl;
} DnsConfig;

typedef struct Dns {
    DnsServer server;
    const DnsConfig *config;
    DnsAnswers answers;
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
    VS_PARAM_UINT(RecordConfig, weight, "weight", .min = "1", .max = "255",
                  .doc =
                      "One of the name's records is answered, this one in proportion "
                      "to its weight; without it all are."),
    VS_PARAM_PREFIXES(RecordConfig, clients, "clients",
                      .doc = "Who is told it; of several places that hold a client the "
                             "smallest counts.  All without it."),
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

static void
dns_worked(DnsServer *server, VsDnsRequest *query)
{
    Dns *dns = VS_CONTAINER_OF(server, Dns, server);
    VsDns answer = {0};

    if (!dns_answers_find(&dns->answers, &query->payload.dns, query->flow.saddr,
                          &answer)) {
        answer.code = VS_DNS_NXDOMAIN;
        dns->n_unknown++;
    }
    answer.is_authoritative = true;
    if (!answer.records) {
        answer.ttl_s = (uint32_t)(dns->config->negative_ttl / VS_S);
    }
    dns_server_answer(server, query, &answer, 0);
}

static bool
add_record(Dns *dns, const VsElement *element, const VsBuild *build, GError **error)
{
    const RecordConfig *config = element->config;
    VsAddr address =
        config->to ? vs_build_address_of(build, config->to) : config->address;

    return dns_answers_add(&dns->answers, element, address, error);
}

static bool
dns_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Dns *dns = self;

    (void)error;
    dns->config = element->config;
    dns_answers_init(&dns->answers, build->run, element->id);
    dns_server_create(&dns->server, element, build, &dns->config->server);
    return true;
}

static bool
dns_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Dns *dns = self;

    dns_server_open(&dns->server, element->id, VS_ADDR_ANY, build, dns_worked);
    for (unsigned i = 0; i < element->n_children; i++) {
        if (is_record(element->children[i]) &&
            !add_record(dns, element->children[i], build, error)) {
            return false;
        }
    }
    return true;
}

static void
dns_close(void *self)
{
    Dns *dns = self;

    dns_server_close(&dns->server);
    dns_answers_clear(&dns->answers);
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
