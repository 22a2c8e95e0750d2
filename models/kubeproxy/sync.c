#include "models/kubeproxy/sync.h"

#define PROXY_SYNC_COST(member, value, doc) static const VsTime member = value;
#include "models/kubeproxy/sync.def"
#undef PROXY_SYNC_COST

/* Tables that kube-proxy writes: mangle has but its canary. */
static bool
is_written(const VsRuleTable *table)
{
    return table->dialect == VS_DIALECT_NFT || strcmp(table->name, "mangle") != 0;
}

/* Jumps of the kernel's chains are made once, not restored. */
static uint32_t
count_table(const VsRuleTable *table)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < table->chains->len; i++) {
        const VsChain *chain = table->chains->pdata[i];

        if (table->dialect == VS_DIALECT_NFT || chain->type == VS_CHAIN_REGULAR) {
            n += chain->rules->len;
        }
    }
    for (unsigned i = 0; i < table->sets->len; i++) {
        n += ((const VsSet *)table->sets->pdata[i])->elements->len;
    }
    return n;
}

ProxySync
proxy_sync_full(const VsRuleset *ruleset)
{
    ProxySync sync = {.mode = VS_PROXY_IPTABLES};

    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        if (is_written(table)) {
            sync.mode = table->dialect == VS_DIALECT_NFT ? VS_PROXY_NFTABLES
                                                         : VS_PROXY_IPTABLES;
            sync.n_present += count_table(table);
        }
    }
    sync.n_written = sync.n_present;
    return sync;
}

static uint32_t
count_chain(const VsRuleTable *table, const char *prefix, const char *base)
{
    g_autofree char *name = g_strconcat(prefix, base, NULL);
    const VsChain *chain = vs_rule_table_find_chain(table, name);

    return chain ? chain->rules->len : 0;
}

/* The chains of a service and of its endpoints. */
static uint32_t
count_service(const VsRuleTable *table, const VsService *service)
{
    static const char *const iptables[] = {PROXY_SVC, PROXY_SVL, PROXY_EXT, PROXY_FW};
    static const char *const nft[] = {PROXY_NFT_SERVICE, PROXY_NFT_LOCAL,
                                      PROXY_NFT_EXTERNAL, PROXY_NFT_FIREWALL};
    bool is_nft = table->dialect == VS_DIALECT_NFT;
    g_autofree char *base =
        is_nft ? proxy_nft_base(service, NULL) : proxy_iptables_base(service, NULL);
    uint32_t n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(nft); i++) {
        n += count_chain(table, is_nft ? nft[i] : iptables[i], base);
    }
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &service->all_endpoints[i];
        g_autofree char *of_one = is_nft ? proxy_nft_base(service, endpoint)
                                         : proxy_iptables_base(service, endpoint);

        n += count_chain(table, is_nft ? PROXY_NFT_ENDPOINT : PROXY_SEP, of_one);
    }
    return n;
}

/* What iptables mode writes at every sync: the lists of all services. */
static uint32_t
count_shared(const VsRuleset *ruleset)
{
    static const char *const in_nat[] = {"KUBE-SERVICES", "KUBE-NODEPORTS",
                                         "KUBE-POSTROUTING", "KUBE-MARK-MASQ"};
    const VsRuleTable *nat = vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    uint32_t n =
        count_table(vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "filter"));

    for (unsigned i = 0; i < G_N_ELEMENTS(in_nat); i++) {
        n += count_chain(nat, in_nat[i], "");
    }
    return n;
}

ProxySync
proxy_sync_partial(const VsRuleset *ruleset, const VsService *const *services,
                   unsigned n_services)
{
    ProxySync sync = proxy_sync_full(ruleset);
    bool is_nft = sync.mode == VS_PROXY_NFTABLES;
    const VsRuleTable *table =
        vs_ruleset_find_table(ruleset, is_nft ? VS_DIALECT_NFT : VS_DIALECT_IPTABLES,
                              is_nft ? "kube-proxy" : "nat");

    sync.n_written = is_nft ? 0 : count_shared(ruleset);
    for (unsigned i = 0; i < n_services; i++) {
        sync.n_written += count_service(table, services[i]);
    }
    return sync;
}

/* Elements of 'a' that 'b', which may be NULL, has not. */
static uint32_t
count_missing(const VsSet *a, const VsSet *b)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < a->elements->len; i++) {
        const VsSetElement *element = a->elements->pdata[i];

        n += !b || !vs_set_find(b, &element->key, 0);
    }
    return n;
}

void
proxy_sync_count_ipsets(ProxySync *sync, const VsRuleset *present,
                        const VsRuleset *wanted)
{
    for (unsigned i = 0; i < wanted->ipsets->len; i++) {
        const VsSet *set = wanted->ipsets->pdata[i];
        const VsSet *old = vs_ruleset_find_set(present, NULL, set->name);

        sync->n_ipsets++;
        sync->n_elements_changed += count_missing(set, old);
        sync->n_elements_changed += old ? count_missing(old, set) : 0;
    }
}

VsTime
proxy_sync_time(const ProxySync *sync)
{
    if (sync->mode == VS_PROXY_NFTABLES) {
        return nft_start + sync->n_written * nft_rule_written;
    }
    return iptables_start + sync->n_written * iptables_rule_written +
           sync->n_present * iptables_rule_present +
           (sync->n_ipsets + sync->n_elements_changed) * ipset_run +
           sync->n_destinations_read * ipvs_read +
           sync->n_destinations_changed * ipvs_changed;
}
