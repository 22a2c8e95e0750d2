#include "models/dns/record.h"

#include <string.h>

#include "models/dns/authority.h"

static const VsParam record_params[] = {
    VS_PARAM_STRING(RecordConfig, name, "name", .is_required = true,
                    .doc = "The whole name: shop.example."),
    VS_PARAM_IPV4(RecordConfig, address, "address",
                  .doc = "The address it stands for."),
    VS_PARAM_REF(RecordConfig, to, "to", .to = "lb client router node dns resolver",
                 .doc = "Whose address it stands for: an lb's is its VIP."),
    VS_PARAM_STRING(RecordConfig, server, "ns",
                    .doc = "Instead, in a <zone>: the name of a server that has this "
                           "name and those below it (NS)."),
    VS_PARAM_STRING(RecordConfig, alias, "cname",
                    .doc = "Instead, in a <zone>: what it is another name of (CNAME)."),
    VS_PARAM_TIME(RecordConfig, ttl, "ttl", .def = "60s", .max = "172800s",
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

static const VsParam zone_params[] = {
    VS_PARAM_STRING(ZoneConfig, name, "name", .is_required = true,
                    .doc = "Its top: \".\" is the root, \"com\" a top-level domain."),
    VS_PARAM_TIME(ZoneConfig, negative_ttl, "negative-ttl", .def = "30s",
                  .max = "86400s",
                  .doc = "How long \"no such name\" may be kept (SOA minimum); whole "
                         "seconds."),
    {0},
};

/* Records. -------------------------------------------------------------------------- */

bool
dns_record_is_conditional(const VsElement *element)
{
    const RecordConfig *config = element->config;

    return config->from > 0 || vs_element_has(element, "until") || config->weight > 0 ||
           config->clients.n_prefixes > 0;
}

static bool
check_kind(const RecordConfig *config, const VsElement *element, GError **error)
{
    bool is_named = config->server || config->alias;
    unsigned n = vs_element_has(element, "address") + (config->to != NULL) +
                 (config->server != NULL) + (config->alias != NULL);

    if (n != 1) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "record \"%s\" needs one of address=\"\" and to=\"\", or in a "
                        "<zone> of ns=\"\" and cname=\"\"",
                        config->name);
        return false;
    }
    if (is_named && !g_str_equal(element->parent->model->element, "zone")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "record \"%s\" is not in a <zone>, and has ns or cname; write "
                        "<zone name=\"...\"> around it",
                        config->name);
        return false;
    }
    if (is_named && dns_record_is_conditional(element)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "record \"%s\" has ns or cname: from, until, weight and clients "
            "are for addresses",
            config->name);
        return false;
    }
    return true;
}

static bool
record_check(const void *config_, const VsElement *element, GError **error)
{
    const RecordConfig *config = config_;

    if (!check_kind(config, element, error)) {
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

/* Zones. ---------------------------------------------------------------------------- */

/* What a zone's records say of a name, while they are checked. */
typedef enum NameSet {
    HAS_SERVER = 1,
    HAS_ALIAS = 2,
    HAS_ADDRESS = 4,
} NameSet;

static unsigned
find_set(GHashTable *sets, const char *name)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(sets, name));
}

static GHashTable *
collect_sets(const VsElement *zone)
{
    GHashTable *sets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < zone->n_children; i++) {
        const RecordConfig *record = zone->children[i]->config;
        char *name = dns_fold(record->name);
        unsigned set = find_set(sets, name);

        set |= record->server ? HAS_SERVER
               : record->alias
                   ? HAS_ALIAS | (set & HAS_ALIAS) << 2 /* Twice: no less a conflict. */
                   : HAS_ADDRESS;
        g_hash_table_replace(sets, name, GUINT_TO_POINTER(set));
    }
    return sets;
}

/* Whether 'name' is at or below a referral of the zone. */
static bool
is_below_cut(GHashTable *sets, const char *name, const char *top)
{
    while (strcmp(name, top) != 0) {
        const char *dot = strchr(name, '.');

        if (find_set(sets, name) & HAS_SERVER) {
            return true;
        }
        name = dot ? dot + 1 : "";
    }
    return false;
}

static bool
check_in_zone(const VsElement *element, GHashTable *sets, const char *top,
              GError **error)
{
    const RecordConfig *record = element->config;
    g_autofree char *name = dns_fold(record->name);
    unsigned set;

    if (!dns_is_within(name, top)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "record \"%s\" is not in zone \"%s\"; names are whole: "
                        "www.%s",
                        record->name, *top ? top : ".", *top ? top : "example");
        return false;
    }
    set = find_set(sets, name);
    if ((set & HAS_ALIAS) && set != HAS_ALIAS) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "\"%s\" has a cname and another record: a name that is another "
                        "name has nothing of its own (RFC 1034 section 3.6.2)",
                        record->name);
        return false;
    }
    if (!record->server && is_below_cut(sets, name, top) &&
        (record->alias || dns_record_is_conditional(element))) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "\"%s\" is at or below a referral of zone \"%s\": only plain "
                        "addresses of servers can be there",
                        record->name, *top ? top : ".");
        return false;
    }
    return true;
}

static bool
zone_check(const void *config_, const VsElement *element, GError **error)
{
    const ZoneConfig *config = config_;
    g_autofree char *top = dns_fold(config->name);
    g_autoptr(GHashTable) sets = collect_sets(element);

    if (config->negative_ttl % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "negative-ttl is not in whole seconds, as DNS has it");
        return false;
    }
    if (!(find_set(sets, top) & HAS_SERVER)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "zone \"%s\" has no server of its own; write <record name=\"%s\" "
            "ns=\"...\"/> inside",
            config->name, config->name);
        return false;
    }
    for (unsigned i = 0; i < element->n_children; i++) {
        if (!check_in_zone(element->children[i], sets, top, error)) {
            return false;
        }
    }
    return true;
}

const VsModel vs_model_record = {
    .element = "record",
    .summary = "A DNS record: an address (A), a server (NS) or another name (CNAME).",
    .parents = "dns zone",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(RecordConfig),
    .params = record_params,
    .check = record_check,
};

const VsModel vs_model_zone = {
    .element = "zone",
    .summary = "A part of the tree of names that a DNS server has, with its referrals.",
    .parents = "dns",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(ZoneConfig),
    .params = zone_params,
    .check = zone_check,
};
