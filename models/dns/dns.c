#include <string.h>

#include "models/dns/answers.h"
#include "models/dns/authority.h"
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
    DnsAuthority authority;
    bool has_zones; /* 'authority' has the names; else 'answers' has. */
    uint64_t n_unknown;
    uint64_t n_referrals;
} Dns;

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
    VS_COUNTER(Dns, n_referrals, "referrals", "query",
               "Queries answered with the servers to ask."),
    DNS_SERVER_STAT_ROWS(Dns, server),
    {0},
};

static bool
is_a(const VsElement *element, const char *kind)
{
    return strcmp(element->model->element, kind) == 0;
}

static unsigned
count(const VsElement *element, const char *kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < element->n_children; i++) {
        n += is_a(element->children[i], kind);
    }
    return n;
}

/* No zone is there twice. */
static bool
check_zones(const VsElement *element, GError **error)
{
    g_autoptr(GHashTable) tops =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *child = element->children[i];

        if (is_a(child, "zone") &&
            !g_hash_table_add(tops, dns_fold(((ZoneConfig *)child->config)->name))) {
            vs_set_error_at(error, child, VS_SCENARIO_ERROR_CONFLICT,
                            "dns \"%s\" has zone \"%s\" already", element->id,
                            ((ZoneConfig *)child->config)->name);
            return false;
        }
    }
    if (count(element, "zone") > 0 && vs_element_has(element, "negative-ttl")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "dns \"%s\" has zones, and each has a negative-ttl of its own",
                        element->id);
        return false;
    }
    return true;
}

static bool
dns_check(const void *config_, const VsElement *element, GError **error)
{
    const DnsConfig *config = config_;
    unsigned n_records = count(element, "record");
    unsigned n_zones = count(element, "zone");

    if (n_records == 0 && n_zones == 0) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "dns \"%s\" knows no name; write <record name=\"...\" to=\"...\"/> "
            "inside",
            element->id);
        return false;
    }
    if (n_records > 0 && n_zones > 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "dns \"%s\" has zones, and records outside of them; put each "
                        "record into its zone",
                        element->id);
        return false;
    }
    if (config->negative_ttl % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "negative-ttl is not in whole seconds, as DNS has it");
        return false;
    }
    return check_zones(element, error);
}

static bool
is_referral(const VsDns *answer)
{
    return answer->code == VS_DNS_NOERROR && !answer->is_authoritative;
}

static void
answer_from_zones(Dns *dns, VsDnsRequest *query)
{
    VsDns answer =
        dns_authority_find(&dns->authority, &query->payload.dns, query->flow.saddr);

    dns->n_unknown += answer.code != VS_DNS_NOERROR;
    dns->n_referrals += is_referral(&answer);
    dns_server_answer(&dns->server, query, &answer, 0);
}

static void
dns_worked(DnsServer *server, VsDnsRequest *query)
{
    Dns *dns = VS_CONTAINER_OF(server, Dns, server);
    VsDns answer = {0};

    if (dns->has_zones) {
        answer_from_zones(dns, query);
        return;
    }
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
    dns->has_zones = count(element, "zone") > 0;
    dns_authority_init(&dns->authority, &dns->server);
    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *child = element->children[i];

        if ((is_a(child, "record") && !add_record(dns, child, build, error)) ||
            (is_a(child, "zone") &&
             !dns_authority_add(&dns->authority, child, build, error))) {
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
    dns_authority_clear(&dns->authority);
}

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
