#include "models/dns/authority.h"

#include <string.h>

#include "models/dns/answers.h"

enum { ALIASES_MAX = 8 }; /* Followed in one answer. */

/* Records of one name that do not change. */
typedef struct DnsNode {
    VsName name;
    GArray *servers;   /* NS: VsName. */
    GArray *addresses; /* A: VsAddr; those that are always there, for all. */
    VsName alias;      /* CNAME; 0: none. */
    uint32_t ttl_s;    /* The shortest of them. */
} DnsNode;

typedef struct DnsZone {
    VsName top;
    uint32_t negative_ttl_s;
    DnsAnswers answers; /* Addresses of which it is the authority. */
    VsTable nodes;      /* Name to DnsNode: the rest, glue, and names above others. */
    GPtrArray *all;
} DnsZone;

static VsKey
name_key(VsName name)
{
    return (VsKey){{name, 0}};
}

char *
dns_fold(const char *name)
{
    char *folded = g_ascii_strdown(name, -1);

    folded[vs_dns_name_length(folded)] = '\0';
    return folded;
}

bool
dns_is_within(const char *inner, const char *outer)
{
    size_t inner_length = strlen(inner);
    size_t outer_length = strlen(outer);

    return outer_length == 0 ||
           (inner_length >= outer_length &&
            strcmp(inner + inner_length - outer_length, outer) == 0 &&
            (inner_length == outer_length ||
             inner[inner_length - outer_length - 1] == '.'));
}

/* Zones. ---------------------------------------------------------------------------- */

static void
node_free(gpointer node_)
{
    DnsNode *node = node_;

    g_array_free(node->servers, TRUE);
    g_array_free(node->addresses, TRUE);
    g_free(node);
}

static void
zone_free(gpointer zone_)
{
    DnsZone *zone = zone_;

    dns_answers_clear(&zone->answers);
    vs_table_clear(&zone->nodes);
    g_ptr_array_free(zone->all, TRUE);
    g_free(zone);
}

void
dns_authority_init(DnsAuthority *authority, DnsServer *server)
{
    *authority = (DnsAuthority){.server = server,
                                .all = g_ptr_array_new_with_free_func(zone_free)};
    vs_table_init(&authority->zones);
    vs_table_init(&authority->denials);
    vs_table_init(&authority->referrals);
}

void
dns_authority_clear(DnsAuthority *authority)
{
    if (authority->all) {
        vs_table_clear(&authority->zones);
        vs_table_clear(&authority->denials);
        vs_table_clear(&authority->referrals);
        g_ptr_array_free(authority->all, TRUE);
        authority->all = NULL;
    }
}

static VsNames *
names_of(const DnsAuthority *authority)
{
    return &authority->server->netns->run->packets->names;
}

static VsName
parent_of(const DnsAuthority *authority, VsName name)
{
    return vs_dns_parent(names_of(authority), name);
}

static DnsNode *
node_get(DnsZone *zone, VsName name)
{
    DnsNode *node = vs_table_find(&zone->nodes, name_key(name));

    if (!node) {
        node = g_new0(DnsNode, 1);
        *node = (DnsNode){.name = name,
                          .servers = g_array_new(FALSE, FALSE, sizeof(VsName)),
                          .addresses = g_array_new(FALSE, FALSE, sizeof(VsAddr)),
                          .ttl_s = UINT32_MAX};
        g_ptr_array_add(zone->all, node);
        vs_table_insert(&zone->nodes, name_key(name), node);
    }
    return node;
}

/* The referral that holds 'name': of several the one nearest to the top; NULL: none. */
static DnsNode *
find_cut(const DnsAuthority *authority, const DnsZone *zone, VsName name)
{
    DnsNode *cut = NULL;

    for (; name != zone->top; name = parent_of(authority, name)) {
        DnsNode *node = vs_table_find(&zone->nodes, name_key(name));

        cut = node && node->servers->len > 0 ? node : cut;
    }
    return cut;
}

static VsName
intern(const DnsAuthority *authority, const char *text)
{
    g_autofree char *folded = dns_fold(text);

    return vs_names_intern(names_of(authority), folded);
}

/* Names above 'name' exist, too. */
static void
add_above(DnsAuthority *authority, DnsZone *zone, VsName name)
{
    while (name != zone->top) {
        name = parent_of(authority, name);
        node_get(zone, name);
    }
}

static void
add_named(DnsAuthority *authority, DnsZone *zone, const RecordConfig *record)
{
    VsName name = intern(authority, record->name);
    DnsNode *node = node_get(zone, name);

    if (record->server) {
        VsName server = intern(authority, record->server);

        g_array_append_val(node->servers, server);
    } else {
        node->alias = intern(authority, record->alias);
    }
    node->ttl_s = MIN(node->ttl_s, (uint32_t)(record->ttl / VS_S));
    add_above(authority, zone, name);
}

static bool
add_address(DnsAuthority *authority, DnsZone *zone, const VsElement *element,
            const VsBuild *build, GError **error)
{
    const RecordConfig *record = element->config;
    VsName name = intern(authority, record->name);
    VsAddr address =
        record->to ? vs_build_address_of(build, record->to) : record->address;

    if (!dns_record_is_conditional(element)) {
        DnsNode *node = node_get(zone, name);

        g_array_append_val(node->addresses, address);
        node->ttl_s = MIN(node->ttl_s, (uint32_t)(record->ttl / VS_S));
    }
    add_above(authority, zone, name);
    return find_cut(authority, zone, name) ||
           dns_answers_add(&zone->answers, element, address, error);
}

bool
dns_authority_add(DnsAuthority *authority, const VsElement *element,
                  const VsBuild *build, GError **error)
{
    const ZoneConfig *config = element->config;
    DnsZone *zone = g_new0(DnsZone, 1);
    g_autofree char *owner = vs_element_name(element->parent);
    g_autofree char *stream = g_strdup_printf("%s/%s", owner, config->name);

    zone->top = intern(authority, config->name);
    zone->negative_ttl_s = (uint32_t)(config->negative_ttl / VS_S);
    zone->all = g_ptr_array_new_with_free_func(node_free);
    vs_table_init(&zone->nodes);
    dns_answers_init(&zone->answers, build->run, stream);
    g_ptr_array_add(authority->all, zone);
    vs_table_insert(&authority->zones, name_key(zone->top), zone);
    for (unsigned i = 0; i < element->n_children; i++) {
        const RecordConfig *record = element->children[i]->config;

        if (record->server || record->alias) {
            add_named(authority, zone, record);
        }
    }
    for (unsigned i = 0; i < element->n_children; i++) {
        const RecordConfig *record = element->children[i]->config;

        if (!record->server && !record->alias &&
            !add_address(authority, zone, element->children[i], build, error)) {
            return false;
        }
    }
    return true;
}

/* Answers. -------------------------------------------------------------------------- */

static const VsDnsRecords *
keep(DnsAuthority *authority, VsTable *table, VsKey key, VsDnsRecords *records)
{
    vs_dns_records_close(records, names_of(authority));
    g_ptr_array_add(authority->server->netns->run->packets->dns_records, records);
    vs_table_insert(table, key, records);
    return records;
}

/* The zone's SOA record: its first server is the primary one. */
static void
add_start(DnsAuthority *authority, const DnsZone *zone, VsDnsRecords *records)
{
    const DnsNode *top = vs_table_find(&zone->nodes, name_key(zone->top));
    g_autofree char *mailbox =
        g_strdup_printf("hostmaster.%s", vs_names_get(names_of(authority), zone->top));
    VsDnsRecord start = {.owner = zone->top,
                         .type = VS_DNS_RECORD_SOA,
                         .target = g_array_index(top->servers, VsName, 0),
                         .mailbox = intern(authority, mailbox)};

    vs_dns_records_add(records, VS_DNS_AUTHORITY, &start);
}

static VsDns
deny(DnsAuthority *authority, const DnsZone *zone, VsName name, VsDnsCode code)
{
    VsKey key = {{name, (uint64_t)zone->top << 1}};
    const VsDnsRecords *records = vs_table_find(&authority->denials, key);

    if (!records) {
        VsDnsRecords *made = vs_dns_records_new(name);

        add_start(authority, zone, made);
        records = keep(authority, &authority->denials, key, made);
    }
    return (VsDns){.code = code,
                   .is_authoritative = true,
                   .ttl_s = zone->negative_ttl_s,
                   .records = records};
}

static void
add_addresses(const DnsZone *zone, VsDnsRecords *records, VsName name)
{
    const DnsNode *node = vs_table_find(&zone->nodes, name_key(name));

    for (unsigned i = 0; node && i < node->addresses->len; i++) {
        VsDnsRecord record = {.owner = name,
                              .type = VS_DNS_RECORD_A,
                              .address = g_array_index(node->addresses, VsAddr, i)};

        vs_dns_records_add(records, VS_DNS_ADDITIONAL, &record);
    }
}

/* The shortest time to live of the NS records of 'node' and the addresses with them. */
static uint32_t
servers_ttl(const DnsZone *zone, const DnsNode *node)
{
    uint32_t ttl_s = node->ttl_s;

    for (unsigned i = 0; i < node->servers->len; i++) {
        VsName name = g_array_index(node->servers, VsName, i);
        const DnsNode *server = vs_table_find(&zone->nodes, name_key(name));

        if (server && server->addresses->len > 0) {
            ttl_s = MIN(ttl_s, server->ttl_s);
        }
    }
    return ttl_s;
}

/* The NS records of 'node', with the addresses that the zone has of those servers: the answer
 * when they are the zone's own, else a referral of 'name'. */
static VsDns
list_servers(DnsAuthority *authority, const DnsZone *zone, const DnsNode *node,
             VsName name)
{
    bool is_answer = node->name == zone->top;
    VsKey key = {{name, (uint64_t)node->name << 1 | is_answer}};
    const VsDnsRecords *records = vs_table_find(&authority->referrals, key);

    if (!records) {
        VsDnsRecords *made = vs_dns_records_new(name);

        for (unsigned i = 0; i < node->servers->len; i++) {
            VsDnsRecord record = {.owner = node->name,
                                  .type = VS_DNS_RECORD_NS,
                                  .target = g_array_index(node->servers, VsName, i)};

            vs_dns_records_add(made, is_answer ? VS_DNS_ANSWER : VS_DNS_AUTHORITY,
                               &record);
        }
        for (unsigned i = 0; i < node->servers->len; i++) {
            add_addresses(zone, made, g_array_index(node->servers, VsName, i));
        }
        records = keep(authority, &authority->referrals, key, made);
    }
    return (VsDns){.is_authoritative = is_answer,
                   .ttl_s = servers_ttl(zone, node),
                   .records = records};
}

static DnsZone *
find_zone(const DnsAuthority *authority, VsName name)
{
    for (;;) {
        DnsZone *zone = vs_table_find(&authority->zones, name_key(name));

        if (zone || name == 0) {
            return zone;
        }
        name = parent_of(authority, name);
    }
}

static VsDns find_in(DnsAuthority *authority, DnsZone *zone, const VsDns *question,
                     VsAddr client, unsigned n_aliases);

/* What 'node', another name, leads to as far as the zone knows. */
static VsDns
follow(DnsAuthority *authority, DnsZone *zone, const DnsNode *node,
       const VsDns *question, VsAddr client, unsigned n_aliases)
{
    VsDns target = *question;
    VsDns answer = {.is_authoritative = true, .ttl_s = node->ttl_s};

    target.name = node->alias;
    if (n_aliases < ALIASES_MAX &&
        dns_is_within(vs_names_get(names_of(authority), node->alias),
                      vs_names_get(names_of(authority), zone->top)) &&
        !find_cut(authority, zone, node->alias)) {
        answer = find_in(authority, zone, &target, client, n_aliases + 1);
        answer.ttl_s = MIN(answer.ttl_s, node->ttl_s);
    }
    answer.records =
        dns_server_alias(authority->server, node->name, node->alias, answer.records);
    return answer;
}

static VsDns
find_in(DnsAuthority *authority, DnsZone *zone, const VsDns *question, VsAddr client,
        unsigned n_aliases)
{
    const DnsNode *cut = find_cut(authority, zone, question->name);
    const DnsNode *node = vs_table_find(&zone->nodes, name_key(question->name));
    VsDns answer = {.is_authoritative = true};

    if (cut) {
        return list_servers(authority, zone, cut, question->name);
    }
    if (node && node->alias != 0) {
        return follow(authority, zone, node, question, client, n_aliases);
    }
    if (question->type == VS_DNS_NS && question->name == zone->top) {
        return list_servers(authority, zone, node, question->name);
    }
    if (dns_answers_find(&zone->answers, question, client, &answer)) {
        return answer.records ? answer
                              : deny(authority, zone, question->name, VS_DNS_NOERROR);
    }
    return deny(authority, zone, question->name,
                node ? VS_DNS_NOERROR : VS_DNS_NXDOMAIN);
}

VsDns
dns_authority_find(DnsAuthority *authority, const VsDns *question, VsAddr client)
{
    DnsZone *zone = find_zone(authority, question->name);

    return zone ? find_in(authority, zone, question, client, 0)
                : (VsDns){.code = VS_DNS_REFUSED};
}
