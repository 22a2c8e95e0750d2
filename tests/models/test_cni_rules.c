/* Rules of network plug-ins: what a pod's packet to the world outside looks like there. */
#include "models/fixture.h"
#include "netfilter/ipset.h"
#include "netfilter/iptables.h"

#define TOPOLOGY                                                                 \
    "<node id='n' count='2' costs='free'/><router id='r' costs='free'/>"         \
    "<switch id='sw' subnet='192.168.0.0/24'/><link from='n' to='sw'/>"          \
    "<link from='r' to='sw'/><pod id='a' nodes='n-1'/><pod id='b' nodes='n-2'/>" \
    "<client id='c' costs='free' arrivals='constant(10/s)' stop='1ms' "          \
    "to='http://192.168.0.1/'/><link from='c' to='r' subnet='192.168.9.0/24'/>"
#define SERVICE "<service id='s' select='app=none'/>"

#define NODE_1 0xc0a80001
#define CLIENT_ADDRESS 0xc0a80901

static void
send_from(VsNetns *netns, VsAddr saddr, VsAddr daddr)
{
    VsFlow flow = {saddr, daddr, 1000, 2000, VS_PROTOCOL_UDP, VS_FAMILY_IPV4, 0};
    VsPacket *packet = vs_ip_packet_new(netns, &flow, 108);

    packet->payload_bytes = 100;
    vs_ip_send(netns, packet);
}

/* The first packet to 'dport' that a tap has seen, or NULL. */
static const TapEntry *
find_entry(const Tap *tap, uint16_t dport)
{
    for (unsigned i = 0; i < tap->entries->len; i++) {
        if (tap_get(tap, i)->flow.dport == dport) {
            return tap_get(tap, i);
        }
    }
    return NULL;
}

static VsAddr
source_in(const Tap *tap)
{
    const TapEntry *entry = find_entry(tap, 2000);

    return entry ? entry->flow.saddr : 0;
}

/* Pod a sends to the client, and to the other node's pod. */
static void
check_source(const char *cluster, const char *service, bool is_translated)
{
    Model *model =
        model_new("<cluster %s/>" TOPOLOGY "%s%s", cluster, service, model_free_costs);
    VsPod *a = model_pod(model, "a");
    VsPod *b = model_pod(model, "b");
    VsAddr address = a->address;
    Tap *outside = tap_new(model_host(model, "c")->root, VS_HOOK_INPUT);
    Tap *inside = tap_new(b->netns, VS_HOOK_INPUT);

    send_from(a->netns, a->address, CLIENT_ADDRESS);
    send_from(a->netns, a->address, b->address);
    model_run(model, VS_S);
    model_free(model);
    CU_ASSERT_EQUAL(source_in(outside), is_translated ? NODE_1 : address);
    CU_ASSERT_EQUAL(source_in(inside), address);
    tap_free(outside);
    tap_free(inside);
}

static void
test_pods_go_outside_by_their_nodes_address(void)
{
    static const char *const clusters[] = {
        "cni='aws-vpc'",
        "cni='flannel-host-gw'",
        "cni='flannel-vxlan'",
        "cni='calico'",
        "cni='calico-ipip'",
        "cni='calico-vxlan'",
        "cni='calico' proxy='nftables'",
        "cni='calico' proxy='ipvs'",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(clusters); i++) {
        check_source(clusters[i], SERVICE, true);
        check_source(clusters[i], "", true);
    }
}

static void
test_masquerading_is_a_choice(void)
{
    check_source("cni='bridge'", SERVICE, false);
    check_source("cni='bridge'", "", false);
    check_source("cni='flannel-host-gw' ip-masq='no'", SERVICE, false);
    check_source("cni='calico' ip-masq='no'", SERVICE, false);
    check_source("cni='calico' ip-masq='no'", "", false);
    check_source("cni='aws-vpc' ip-masq='no'", SERVICE, false);
    model_check_error("ip-masq has no effect with cni=\"cilium\"",
                      "<cluster cni='cilium' ip-masq='yes'/>");
}

/* To its own node, and to a pod of its own node, a pod keeps its address with all; ipMasq of
 * the reference plug-in knows no other node's range. */
static void
test_ip_masq_of_the_bridge_knows_its_own_range_only(void)
{
    Model *model =
        model_new("<cluster ip-masq='yes'/>" TOPOLOGY "<pod id='d' nodes='n-1'/>%s",
                  model_free_costs);
    VsPod *a = model_pod(model, "a");
    VsPod *b = model_pod(model, "b");
    VsPod *d = model_pod(model, "d");
    VsAddr address = a->address;
    Tap *taps[] = {
        tap_new(model_host(model, "c")->root, VS_HOOK_INPUT),
        tap_new(b->netns, VS_HOOK_INPUT),
        tap_new(d->netns, VS_HOOK_INPUT),
        tap_new(model_host(model, "n-1")->root, VS_HOOK_INPUT),
    };

    send_from(a->netns, address, CLIENT_ADDRESS);
    send_from(a->netns, address, b->address);
    send_from(a->netns, address, d->address);
    send_from(a->netns, address, NODE_1);
    model_run(model, VS_S);
    model_free(model);
    CU_ASSERT_EQUAL(source_in(taps[0]), NODE_1);
    CU_ASSERT_EQUAL(source_in(taps[1]), NODE_1);
    CU_ASSERT_EQUAL(source_in(taps[2]), address);
    CU_ASSERT_EQUAL(source_in(taps[3]), address);
    for (unsigned i = 0; i < G_N_ELEMENTS(taps); i++) {
        tap_free(taps[i]);
    }
}

/* The client answers where the packet came from; the pod sees its own address again. */
static void
check_answer(const char *cluster)
{
    Model *model = model_new("<cluster %s/>" TOPOLOGY "%s", cluster, model_free_costs);
    VsPod *a = model_pod(model, "a");
    VsHost *client = model_host(model, "c");
    Tap *outside = tap_new(client->root, VS_HOOK_INPUT);
    Tap *inside = tap_new(a->netns, VS_HOOK_INPUT);
    VsAddr address = a->address;
    const TapEntry *first;
    const TapEntry *back;
    VsFlow answer;
    VsPacket *packet;

    send_from(a->netns, address, CLIENT_ADDRESS);
    model_run(model, VS_S);
    first = find_entry(outside, 2000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    answer = (VsFlow){CLIENT_ADDRESS,  first->flow.saddr, 2000, first->flow.sport,
                      VS_PROTOCOL_UDP, VS_FAMILY_IPV4,    0};
    packet = vs_ip_packet_new(client->root, &answer, 108);
    packet->payload_bytes = 100;
    vs_ip_send(client->root, packet);
    model_run(model, 2 * VS_S);
    model_free(model);

    CU_ASSERT_EQUAL(answer.daddr, NODE_1);
    back = find_entry(inside, 1000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_EQUAL(back->flow.daddr, address);
    CU_ASSERT_EQUAL(back->flow.saddr, CLIENT_ADDRESS);
    tap_free(outside);
    tap_free(inside);
}

static void
test_the_answer_comes_back_to_the_pod(void)
{
    check_answer("ip-masq='yes'");
    check_answer("cni='calico'");
    check_answer("cni='calico-vxlan'");
    check_answer("cni='aws-vpc'");
    check_answer("cni='flannel-vxlan'");
}

static const VsChain *
find_chain(const Model *model, const char *name)
{
    VsFilter *filter = vs_filter_of(model_host(model, "n-1")->root);
    VsRuleTable *nat =
        vs_ruleset_find_table(vs_filter_ruleset(filter), VS_DIALECT_IPTABLES, "nat");

    return vs_rule_table_find_chain(nat, name);
}

static void
check_rule(const VsChain *chain, unsigned index, const char *expected)
{
    g_autofree char *text = vs_iptables_rule_print(chain->rules->pdata[index]);

    CU_ASSERT_STRING_EQUAL(text, expected);
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "\n  is       %s\n  expected %s\n", text, expected);
    }
}

/* As iptables-save prints them on an EKS node and with flannel in kind. */
static void
test_rules_are_the_plugins_own(void)
{
    Model *model =
        model_new("<cluster cni='aws-vpc'/>" TOPOLOGY SERVICE "%s", model_free_costs);
    const VsChain *chain = find_chain(model, "AWS-SNAT-CHAIN-0");

    CU_ASSERT_EQUAL_FATAL(chain->rules->len, 2);
    check_rule(find_chain(model, "POSTROUTING"), 1,
               "-A POSTROUTING -m comment --comment \"AWS SNAT CHAIN\" -j "
               "AWS-SNAT-CHAIN-0");
    check_rule(chain, 0,
               "-A AWS-SNAT-CHAIN-0 -d 192.168.0.0/24 -m comment --comment \"AWS SNAT "
               "CHAIN\" -j RETURN");
    check_rule(chain, 1,
               "-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment \"AWS, SNAT\" -m "
               "addrtype ! --dst-type LOCAL -j SNAT --to-source 192.168.0.1 "
               "--random-fully");
    model_free(model);

    model = model_new("<cluster cni='flannel-vxlan'/>" TOPOLOGY SERVICE "%s",
                      model_free_costs);
    chain = find_chain(model, "FLANNEL-POSTRTG");
    CU_ASSERT_EQUAL_FATAL(chain->rules->len, 6);
    check_rule(chain, 0,
               "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "
               "\"flanneld masq\" -j RETURN");
    check_rule(chain, 1,
               "-A FLANNEL-POSTRTG -s 10.244.0.0/24 -d 10.244.0.0/16 -m comment "
               "--comment \"flanneld masq\" -j RETURN");
    check_rule(chain, 2,
               "-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.0.0/24 -m comment "
               "--comment \"flanneld masq\" -j RETURN");
    check_rule(chain, 3,
               "-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/24 -m comment "
               "--comment \"flanneld masq\" -j RETURN");
    check_rule(chain, 4,
               "-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment "
               "--comment \"flanneld masq\" -j MASQUERADE --random-fully");
    check_rule(chain, 5,
               "-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment "
               "--comment \"flanneld masq\" -j MASQUERADE --random-fully");
    model_free(model);
}

static void
check_text(const char *is, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(is, expected);
    if (strcmp(is, expected) != 0) {
        fprintf(stderr, "\n  is       %s\n  expected %s\n", is, expected);
    }
}

/* Chain names of two pairs that pkg/utils/utils_test.go of the plug-ins has. */
static void
test_chains_of_the_bridge_are_named_by_container(void)
{
    g_autofree char *known = vs_cni_masquerade_chain("test", "1234");
    g_autofree char *other =
        vs_cni_masquerade_chain("testalongnamethatdoesnotmakesense", "1234");
    g_autofree char *id = vs_cni_container_id("a");
    g_autofree char *chain = vs_cni_masquerade_chain("bridge", id);
    g_autofree char *comment = g_strdup_printf(
        "-m comment --comment \"name: \\\"bridge\\\" id: \\\"%s\\\"\"", id);
    g_autofree char *jump =
        g_strdup_printf("-A POSTROUTING -s 10.244.0.2/32 %s -j %s", comment, chain);
    g_autofree char *accept =
        g_strdup_printf("-A %s -d 10.244.0.0/24 %s -j ACCEPT", chain, comment);
    g_autofree char *masquerade =
        g_strdup_printf("-A %s ! -d 224.0.0.0/4 %s -j MASQUERADE", chain, comment);
    Model *model =
        model_new("<cluster ip-masq='yes'/>" TOPOLOGY SERVICE "%s", model_free_costs);

    check_text(known, "CNI-2bbe0c48b91a7d1b8a6753a8");
    check_text(other, "CNI-374f33fe84ab0ed84dcdebe3");
    CU_ASSERT_EQUAL(strlen(id), 64);
    CU_ASSERT_EQUAL(find_chain(model, "POSTROUTING")->rules->len, 2);
    check_rule(find_chain(model, "POSTROUTING"), 1, jump);
    check_rule(find_chain(model, chain), 0, accept);
    check_rule(find_chain(model, chain), 1, masquerade);
    model_free(model);
}

/* As iptables-save and ipset save print them on a node with Calico, kube-proxy's jump and the
 * chains that have to do with policy left out. */
static void
test_rules_of_calico_come_first(void)
{
    Model *model =
        model_new("<cluster cni='calico'/>" TOPOLOGY SERVICE "%s", model_free_costs);
    VsFilter *filter = vs_filter_of(model_host(model, "n-1")->root);
    g_autofree char *sets = vs_ipset_print(vs_filter_ruleset(filter));

    check_rule(find_chain(model, "POSTROUTING"), 0,
               "-A POSTROUTING -m comment --comment \"cali:O3lYWMrLQYEMJtB5\" -j "
               "cali-POSTROUTING");
    check_rule(find_chain(model, "cali-POSTROUTING"), 0,
               "-A cali-POSTROUTING -m comment --comment \"cali:Z-c7XtVd2Bq7s_hA\" -j "
               "cali-fip-snat");
    check_rule(find_chain(model, "cali-POSTROUTING"), 1,
               "-A cali-POSTROUTING -m comment --comment \"cali:nYKhEzDlr11Jccal\" -j "
               "cali-nat-outgoing");
    CU_ASSERT_EQUAL(find_chain(model, "cali-fip-snat")->rules->len, 0);
    check_rule(find_chain(model, "cali-nat-outgoing"), 0,
               "-A cali-nat-outgoing -m comment --comment \"cali:flqWnvo8yq4ULQLa\" -m "
               "set --match-set cali40masq-ipam-pools src -m set ! --match-set "
               "cali40all-ipam-pools dst -j MASQUERADE --random-fully");
    check_text(sets, "create cali40all-ipam-pools hash:net family inet hashsize 1024 "
                     "maxelem 1048576\n"
                     "add cali40all-ipam-pools 10.244.0.0/16\n"
                     "create cali40masq-ipam-pools hash:net family inet hashsize 1024 "
                     "maxelem 1048576\n"
                     "add cali40masq-ipam-pools 10.244.0.0/16\n");
    model_free(model);
}

static const VsTestCase tests[] = {
    {"pods go outside by their node's address",
     test_pods_go_outside_by_their_nodes_address},
    {"masquerading is a choice", test_masquerading_is_a_choice},
    {"ipMasq of the bridge knows its own range only",
     test_ip_masq_of_the_bridge_knows_its_own_range_only},
    {"the answer comes back to the pod", test_the_answer_comes_back_to_the_pod},
    {"chains of the bridge are named by container",
     test_chains_of_the_bridge_are_named_by_container},
    {"rules of Calico come first", test_rules_of_calico_come_first},
    {"the rules are the plug-ins' own", test_rules_are_the_plugins_own},
    {0},
};

VS_TESTS("cni rules")
