/* Rules of network plug-ins: what a pod's packet to the world outside looks like there. */
#include "models/fixture.h"
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

/* The source of the packets that a tap has seen. */
static VsAddr
source_in(const Tap *tap)
{
    for (unsigned i = 0; i < tap->entries->len; i++) {
        if (tap_get(tap, i)->flow.dport == 2000) {
            return tap_get(tap, i)->flow.saddr;
        }
    }
    return 0;
}

/* Pod a sends to the client, and to the other node's pod. */
static void
check_source(const char *cni, const char *service, bool is_translated)
{
    Model *model = model_new("<cluster cni='%s'/>" TOPOLOGY "%s%s", cni, service,
                             model_free_costs);
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
    static const char *const cnis[] = {"aws-vpc", "flannel-host-gw", "flannel-vxlan"};

    for (unsigned i = 0; i < G_N_ELEMENTS(cnis); i++) {
        check_source(cnis[i], SERVICE, true);
        check_source(cnis[i], "", true);
    }
    check_source("bridge", SERVICE, false);
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

static const VsTestCase tests[] = {
    {"pods go outside by their node's address",
     test_pods_go_outside_by_their_nodes_address},
    {"the rules are the plug-ins' own", test_rules_are_the_plugins_own},
    {0},
};

VS_TESTS("cni rules")
