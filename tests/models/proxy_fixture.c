#include "tests/models/proxy_fixture.h"

#include <string.h>

#include "base/units.h"

Proxy *
proxy_new(void)
{
    static const char *const names[] = {"n1", "n2"};
    Proxy *proxy = g_new0(Proxy, 1);
    GError *error = NULL;

    net_init(&proxy->net);
    vs_rng_init(&proxy->rng, 1, "n1", "kube-proxy");
    proxy->now = VS_S;
    proxy->owned = g_ptr_array_new_with_free_func(g_free);
    proxy->cluster = vs_cluster_new();
    proxy->cluster->pod_cidr = (VsPrefix){NET_IP(10, 0, 0, 0), 8, true};
    proxy->cluster->service_cidr = (VsPrefix){NET_IP(172, 30, 0, 0), 16, true};
    for (unsigned i = 0; i < 2; i++) {
        VsHost *host = net_host(&proxy->net, names[i]);

        net_card(host, "eth0", NET_IP(192, 168, 0, 2 + i), 24);
        net_card(host, "eth1", NET_IP(192, 168, 1, 2 + i), 24);
        proxy->nodes[i] = vs_cluster_add_node(proxy->cluster, names[i], host, &error);
    }
    return proxy;
}

void
proxy_free(Proxy *proxy)
{
    if (proxy->ruleset) {
        proxy_targets_clear(&proxy->targets);
        vs_ruleset_free(proxy->ruleset);
    }
    for (unsigned i = 0; i < proxy->cluster->services->len; i++) {
        vs_shares_clear(((VsService *)proxy->cluster->services->pdata[i])->shares);
    }
    vs_cluster_free(proxy->cluster);
    g_ptr_array_free(proxy->owned, TRUE);
    net_clear(&proxy->net);
    g_free(proxy);
}

static const VsLabels *
label(Proxy *proxy, const char *app)
{
    VsLabel *one = g_new0(VsLabel, 1);
    VsLabels *labels = g_new0(VsLabels, 1);

    *one = (VsLabel){"app", app};
    *labels = (VsLabels){1, one};
    g_ptr_array_add(proxy->owned, one);
    g_ptr_array_add(proxy->owned, labels);
    return labels;
}

VsPod *
proxy_pod(Proxy *proxy, const char *name, unsigned node, VsAddr address,
          const char *app, VsPodCondition condition)
{
    GError *error = NULL;
    VsPod *pod = vs_cluster_add_pod(proxy->cluster, name, proxy->nodes[node], NULL,
                                    label(proxy, app), &error);

    pod->address = address;
    pod->condition = condition;
    vs_pod_open_port(pod, VS_PROTOCOL_TCP, 80, "web", NULL);
    return pod;
}

VsService *
proxy_service(Proxy *proxy, const char *app, VsAddr vip, VsService service)
{
    GError *error = NULL;
    VsService *added;

    service.selector = label(proxy, app);
    service.shares = g_new0(VsShares, 1);
    g_ptr_array_add(proxy->owned, service.shares);
    service.target_port = service.target_port ? service.target_port : 80;
    if (vip) {
        service.type = VS_SERVICE_LOAD_BALANCER;
        vs_cluster_add_load_balancer(proxy->cluster, service.name, vip);
    }
    added = vs_cluster_add_service(proxy->cluster, &service, &error);
    if (!added) {
        fprintf(stderr, "%s\n", error->message);
        abort();
    }
    return added;
}

void
proxy_rules(Proxy *proxy, VsProxyMode mode)
{
    vs_cluster_complete(proxy->cluster);
    for (unsigned i = 0; i < proxy->cluster->services->len; i++) {
        VsService *service = proxy->cluster->services->pdata[i];

        vs_shares_clear(service->shares);
        for (unsigned j = 0; j < service->n_all_endpoints; j++) {
            vs_shares_add(service->shares, service->all_endpoints[j].pod->name);
        }
    }
    if (proxy->ruleset) {
        proxy_targets_clear(&proxy->targets);
        vs_ruleset_free(proxy->ruleset);
    }
    proxy->nodes[0]->proxy_mode = mode;
    proxy->ruleset = proxy_ruleset_new(proxy->nodes[0], &proxy->targets);
}

VsChain *
proxy_chain(const Proxy *proxy, VsDialect dialect, const char *table, const char *chain)
{
    const VsRuleTable *in = vs_ruleset_find_table(proxy->ruleset, dialect, table);

    return in ? vs_rule_table_find_chain(in, chain) : NULL;
}

static VsAddr external_2[] = {NET_IP(192, 168, 99, 22)};
static VsAddr external_4[] = {NET_IP(192, 168, 99, 33)};
static VsPrefix ranges_5[] = {{NET_IP(203, 0, 113, 0), 25, true}};

/* svc1 to svc6, each with the pods that its label selects. */
static const struct {
    const char *app;
    VsAddr vip;
    VsService service;
} everything[] = {
    {"1", 0, {.name = "svc1", .name_space = "ns1"}},
    {"2",
     NET_IP(1, 2, 3, 4),
     {.name = "svc2",
      .name_space = "ns2",
      .node_port = 3001,
      .health_check_node_port = 30000,
      .is_external_local = true,
      .n_external_ips = 1,
      .external_ips = external_2}},
    {"3",
     0,
     {.name = "svc3",
      .name_space = "ns3",
      .type = VS_SERVICE_NODE_PORT,
      .node_port = 3003}},
    {"4",
     0,
     {.name = "svc4",
      .name_space = "ns4",
      .n_external_ips = 1,
      .external_ips = external_4}},
    {"3",
     NET_IP(5, 6, 7, 8),
     {.name = "svc5",
      .name_space = "ns5",
      .node_port = 3002,
      .n_source_ranges = 1,
      .source_ranges = ranges_5,
      .affinity_s = 10800}},
    {"6", 0, {.name = "svc6", .name_space = "ns6"}},
};

Proxy *
proxy_new_everything(VsProxyMode mode)
{
    static const char *const apps[] = {"1", "2", "3", "4", "4"};
    Proxy *proxy = proxy_new();

    /* Only the last one, 10.180.0.5, is on n1. */
    for (unsigned i = 0; i < G_N_ELEMENTS(apps); i++) {
        proxy_pod(proxy, "p", i < 4, NET_IP(10, 180, 0, 1 + i), apps[i], VS_POD_READY);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(everything); i++) {
        VsService service = everything[i].service;

        service.port_name = "p80";
        service.port = 80;
        service.cluster_ip = NET_IP(172, 30, 0, 41 + i);
        proxy_service(proxy, everything[i].app, everything[i].vip, service);
    }
    proxy_rules(proxy, mode);
    return proxy;
}

/* ---- Rules as text --------------------------------------------------------------- */

static const char *const field_names[VS_N_FIELDS] = {
    [VS_FIELD_SADDR] = "saddr",
    [VS_FIELD_DADDR] = "daddr",
    [VS_FIELD_PROTOCOL] = "protocol",
    [VS_FIELD_DPORT] = "dport",
    [VS_FIELD_MARK] = "mark",
    [VS_FIELD_CT_STATE] = "state",
    [VS_FIELD_SADDR_TYPE] = "source type",
    [VS_FIELD_DADDR_TYPE] = "destination type",
    [VS_FIELD_NUMBER] = "random",
};

static void
print_verdict(GString *text, const VsRuleVerdict *verdict)
{
    static const char *const words[] = {"continue", "accept", "drop",
                                        "return",   "jump",   "goto"};

    g_string_append(text, words[verdict->kind]);
    if (verdict->target) {
        g_string_append_printf(text, " %s", verdict->target);
    }
}

static void
print_address(GString *text, VsAddr address)
{
    g_autofree char *quad = vs_format_ipv4(address);

    g_string_append(text, quad);
}

static void
print_range(GString *text, const VsRuleStep *step)
{
    VsField field = step->range.field;

    g_string_append_printf(text, "%s%s%s ", step->module == VS_MODULE_UDP ? "udp " : "",
                           step->module == VS_MODULE_TCP ? "tcp " : "",
                           field_names[field]);
    if (step->range.is_inverted) {
        g_string_append(text, "not ");
    }
    if (step->kind == VS_STEP_BITS) {
        g_string_append_printf(text, "%#x", step->range.mask);
    } else if (field == VS_FIELD_SADDR || field == VS_FIELD_DADDR) {
        print_address(text, step->range.min);
        g_string_append_printf(text, "/%d", __builtin_popcount(step->range.mask));
    } else if (step->range.mask != UINT32_MAX) {
        g_string_append_printf(text, "%#x/%#x", step->range.min, step->range.mask);
    } else if (step->range.min != step->range.max) {
        g_string_append_printf(text, "%u-%u", step->range.min, step->range.max);
    } else {
        g_string_append_printf(text, "%u", step->range.min);
    }
}

static void
print_element(GString *text, const VsSet *set, const VsSetElement *element)
{
    uint32_t values[] = {(uint32_t)(element->key.w[0] >> 32),
                         (uint32_t)element->key.w[0],
                         (uint32_t)(element->key.w[1] >> 32)};

    for (unsigned i = 0; i < set->n_types; i++) {
        g_string_append(text, i ? " . " : "");
        if (set->types[i] == VS_SET_IPV4_ADDR) {
            print_address(text, values[i]);
        } else {
            g_string_append_printf(text, "%u", values[i]);
        }
    }
    if (set->has_intervals && element->prefix_length != 32) {
        g_string_append_printf(text, "/%u", element->prefix_length);
    }
    if (set->is_map) {
        g_string_append(text, " : ");
        print_verdict(text, &element->verdict);
    }
    if (element->comment) {
        g_string_append_printf(text, " # %s", element->comment);
    }
}

static void
print_lookup(GString *text, const VsLookup *lookup, const char *word)
{
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        g_string_append_printf(text, "%s%s", i ? " . " : "",
                               field_names[lookup->fields[i]]);
    }
    g_string_append_printf(text, "%s %s ", lookup->is_inverted ? " not" : "", word);
    if (lookup->set_name) {
        g_string_append_printf(text, "@%s", lookup->set_name);
        return;
    }
    g_string_append(text, "{ ");
    for (unsigned i = 0; i < lookup->set->elements->len; i++) {
        g_string_append(text, i ? ", " : "");
        print_element(text, lookup->set, lookup->set->elements->pdata[i]);
    }
    g_string_append(text, " }");
}

static void
print_recent(GString *text, const VsRecent *recent)
{
    g_string_append_printf(text, "recent %s %s",
                           recent->check == VS_RECENT_SET ? "set" : "rcheck",
                           recent->name);
    if (recent->seconds > 0) {
        g_string_append_printf(text, " seconds %u", recent->seconds);
    }
    g_string_append(text, recent->is_reaping ? " reap" : "");
}

static void
print_step(GString *text, const VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_RANGE:
    case VS_STEP_BITS:
        print_range(text, step);
        break;
    case VS_STEP_COMMENT:
        g_string_append_printf(text, "# %s #", step->comment);
        break;
    case VS_STEP_RANDOM:
        g_string_append_printf(text, "random %u", step->random.threshold);
        break;
    case VS_STEP_RECENT:
        print_recent(text, &step->recent);
        break;
    case VS_STEP_LOOKUP:
        print_lookup(text, &step->lookup, "in");
        break;
    case VS_STEP_VMAP:
        print_lookup(text, &step->lookup, "vmap");
        break;
    case VS_STEP_UPDATE:
        print_lookup(text, &step->update.key, "update");
        break;
    case VS_STEP_VERDICT:
        print_verdict(text, &step->verdict);
        break;
    case VS_STEP_SET_MARK:
        g_string_append_printf(text, "mark and not %#x xor %#x", step->mark.mask,
                               step->mark.value);
        break;
    case VS_STEP_DNAT:
        g_string_append(text, "dnat ");
        print_address(text, step->nat.min_address);
        g_string_append_printf(text, ":%u", step->nat.min_port);
        break;
    case VS_STEP_MASQUERADE:
        g_string_append(text, step->nat.is_random_fully ? "masquerade random-fully"
                                                        : "masquerade");
        break;
    case VS_STEP_REJECT:
        g_string_append(text, "reject");
        break;
    default:
        g_string_append_printf(text, "step %d", step->kind);
    }
}

char *
proxy_print_chain(const VsChain *chain)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; chain && i < chain->rules->len; i++) {
        const VsRule *rule = chain->rules->pdata[i];

        for (unsigned j = 0; j < rule->n_steps; j++) {
            g_string_append(text, j ? " " : "");
            print_step(text, &rule->steps[j]);
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

char *
proxy_print_set(const VsSet *set)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; set && i < set->elements->len; i++) {
        print_element(text, set, set->elements->pdata[i]);
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

void
proxy_check_text(const char *what, char *text, const char *expected)
{
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "%s is\n%sand not\n%s", what, text, expected);
    }
    CU_ASSERT_STRING_EQUAL(text, expected);
    g_free(text);
}

/* ---- The way of a packet --------------------------------------------------------- */

static bool
is_local(const Proxy *proxy, VsAddr address)
{
    return address >> 24 == 127 ||
           vs_netns_is_local(proxy->nodes[0]->host->root, address);
}

static uint32_t
address_type(void *proxy, VsAddr address)
{
    return is_local(proxy, address) ? VS_ADDR_TYPE_LOCAL : VS_ADDR_TYPE_UNICAST;
}

static int
compare_priorities(gconstpointer a, gconstpointer b)
{
    const VsChain *x = *(VsChain *const *)a;
    const VsChain *y = *(VsChain *const *)b;

    return (x->priority > y->priority) - (x->priority < y->priority);
}

static GPtrArray *
chains_at(const Proxy *proxy, VsHookPoint point)
{
    GPtrArray *chains = g_ptr_array_new();

    for (unsigned i = 0; i < proxy->ruleset->tables->len; i++) {
        const VsRuleTable *table = proxy->ruleset->tables->pdata[i];

        for (unsigned j = 0; j < table->chains->len; j++) {
            const VsChain *chain = table->chains->pdata[j];

            if (chain->type != VS_CHAIN_REGULAR && chain->point == point) {
                g_ptr_array_add(chains, (gpointer)chain);
            }
        }
    }
    g_ptr_array_sort(chains, compare_priorities);
    return chains;
}

static void
translate(Proxy *proxy, VsRuleView *view, Flow *flow)
{
    const VsRuleStep *nat = view->nat;

    if (nat->kind == VS_STEP_MASQUERADE) {
        flow->is_masqueraded = true;
        return;
    }
    flow->end = FLOW_TRANSLATED;
    flow->address = nat->nat.min_address;
    flow->port = nat->nat.min_port;
    view->fields[VS_FIELD_DADDR] = flow->address;
    view->fields[VS_FIELD_DPORT] = flow->port;
    view->fields[VS_FIELD_CT_STATE] |= VS_CT_STATE_DNAT;
    view->has_addr_type[1] = false;
    proxy_translated(&proxy->targets, nat);
}

/* False when the packet ended there. */
static bool
pass_hook(Proxy *proxy, VsRuleView *view, VsHookPoint point, Flow *flow)
{
    GPtrArray *chains = chains_at(proxy, point);
    bool goes_on = true;

    for (unsigned i = 0; goes_on && i < chains->len; i++) {
        view->nat = NULL;
        view->reject = NULL;
        goes_on = vs_chain_run(chains->pdata[i], view) == VS_RULE_ACCEPT;
        if (!goes_on) {
            flow->end = view->reject ? FLOW_REJECTED : FLOW_DROPPED;
        } else if (view->nat) {
            translate(proxy, view, flow);
        }
    }
    g_ptr_array_free(chains, TRUE);
    return goes_on;
}

Flow
proxy_walk(Proxy *proxy, VsAddr from, VsAddr to, uint16_t port, uint8_t protocol)
{
    bool is_own = is_local(proxy, from);
    Flow flow = {.end = FLOW_PASSED};
    VsRuleView view = {.bytes = 60,
                       .now = proxy->now,
                       .rng = &proxy->rng,
                       .addr_type = address_type,
                       .data = proxy};

    view.fields[VS_FIELD_SADDR] = from;
    view.fields[VS_FIELD_DADDR] = to;
    view.fields[VS_FIELD_PROTOCOL] = protocol;
    view.fields[VS_FIELD_SPORT] = 40000;
    view.fields[VS_FIELD_DPORT] = port;
    view.fields[VS_FIELD_CT_STATE] = VS_CT_STATE_NEW;
    if (pass_hook(proxy, &view, is_own ? VS_HOOK_OUTPUT : VS_HOOK_PREROUTING, &flow)) {
        bool is_delivered = is_local(proxy, view.fields[VS_FIELD_DADDR]);
        bool goes_on = true;

        if (is_delivered && flow.end == FLOW_PASSED) {
            flow.end = FLOW_DELIVERED;
        }
        if (!is_own) {
            goes_on = pass_hook(proxy, &view,
                                is_delivered ? VS_HOOK_INPUT : VS_HOOK_FORWARD, &flow);
        } else if (is_delivered) {
            goes_on = pass_hook(proxy, &view, VS_HOOK_INPUT, &flow);
        }
        if (goes_on && (is_own || !is_delivered)) {
            pass_hook(proxy, &view, VS_HOOK_POSTROUTING, &flow);
        }
    }
    flow.n_rules = view.n_rules;
    return flow;
}
