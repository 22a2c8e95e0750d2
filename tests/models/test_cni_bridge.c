/* What a plug-in's bridge owes to br_netfilter and to hairpins. */
#include "models/fixture.h"

enum { N_REQUESTS = 10 };

/* A client that asks an ingress controller in pod 'in' on n-1, which calls cluster IP s of
 * its own accord: there are pod 'near' of the same node, pod 'far' of another, and a server
 * in pod 'in' itself.  's' selects one of them by label. */
static Model *
call(const char *cluster, const char *endpoint)
{
    Model *model = model_new(
        "%s<cluster %s/><switch id='sw' subnet='172.16.0.0/24'/>"
        "<node id='n' count='2' costs='free'/><link from='n' to='sw'/>"
        "<client id='c' costs='free' arrivals='constant(10/s)' stop='1s' "
        "timeout='500ms' to='http://172.16.0.1:30090/'/><link from='c' to='sw'/>"
        "<pod id='in' labels='app=in' nodes='n-1'><ingress id='nginx' "
        "upstream='service' keepalive='0'><rule><path service='s'/></rule></ingress>"
        "<container id='own'/></pod>"
        "<pod id='near' labels='app=near' nodes='n-1'><container id='web'/></pod>"
        "<pod id='far' labels='app=far' nodes='n-2'><container id='web'/></pod>"
        "<service id='s' target-port='8080' select='app=%s'/>"
        "<service id='front' type='NodePort' node-port='30090' target-port='80' "
        "select='app=in'/>",
        model_free_costs, cluster, endpoint);

    return model;
}

/* Requests that are answered. */
static uint64_t
n_answered(const char *cluster, const char *endpoint)
{
    Model *model = call(cluster, endpoint);
    uint64_t n;

    model_run(model, 3 * VS_S);
    n = model_counter(model, "c", "completed");
    model_free(model);
    return n;
}

/* A pod's answer to a pod of its node goes over the bridge as it is, and the other side
 * knows no such connection. */
static void
test_answers_of_the_same_node_need_br_netfilter(void)
{
    CU_ASSERT_EQUAL(n_answered("", "near"), N_REQUESTS);
    CU_ASSERT_EQUAL(n_answered("bridge-nf-call-iptables='yes'", "near"), N_REQUESTS);
    CU_ASSERT_EQUAL(n_answered("bridge-nf-call-iptables='no'", "near"), 0);
    CU_ASSERT_EQUAL(n_answered("bridge-nf-call-iptables='no'", "far"), N_REQUESTS);
    CU_ASSERT_EQUAL(
        n_answered("cni='flannel-vxlan' bridge-nf-call-iptables='no'", "near"), 0);
}

static void
test_the_caller_resets_what_it_does_not_know(void)
{
    Model *model = call("bridge-nf-call-iptables='no'", "near");
    VsAddr near = model_pod(model, "near")->address;
    Tap *came = tap_new(model_pod(model, "in")->netns, VS_HOOK_INPUT);
    Tap *left = tap_new(model_pod(model, "in")->netns, VS_HOOK_OUTPUT);
    const TapEntry *reset;
    unsigned n_untranslated = 0;

    model_run(model, 3 * VS_S);
    for (unsigned i = 0; i < came->entries->len; i++) {
        n_untranslated += tap_get(came, i)->flow.saddr == near &&
                          tap_get(came, i)->tcp_flags == (VS_TCP_SYN | VS_TCP_ACK);
    }
    CU_ASSERT(n_untranslated >= N_REQUESTS);
    CU_ASSERT_EQUAL(tap_count(left, VS_TCP_RST), n_untranslated);
    reset = tap_find(left, VS_TCP_RST, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reset);
    CU_ASSERT_EQUAL(reset->flow.daddr, near);
    model_free(model);
    tap_free(came);
    tap_free(left);
}

/* A frame that PREROUTING sends back to its own port needs a hairpin; one that goes up to
 * IP, as it does without br_netfilter, comes from the bridge itself. */
static void
test_a_pod_reaches_itself_by_a_hairpin(void)
{
    Model *model = call("hairpin-mode='no'", "in");

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 0);
    CU_ASSERT(model_dropped(model, VS_DROP_BRIDGE_NO_PORT) >= N_REQUESTS);
    model_free(model);
    CU_ASSERT_EQUAL(n_answered("", "in"), N_REQUESTS);
    CU_ASSERT_EQUAL(n_answered("hairpin-mode='no'", "near"), N_REQUESTS);
    CU_ASSERT_EQUAL(n_answered("hairpin-mode='no' bridge-nf-call-iptables='no'", "in"),
                    N_REQUESTS);
}

static void
test_plug_ins_without_a_bridge_refuse(void)
{
    static const char *const plugins[] = {"calico", "calico-ipip", "calico-vxlan",
                                          "cilium", "aws-vpc"};

    for (unsigned i = 0; i < G_N_ELEMENTS(plugins); i++) {
        model_check_error("hairpin-mode has no effect",
                          "<cluster cni='%s' hairpin-mode='no'/>", plugins[i]);
        model_check_error("bridge-nf-call-iptables has no effect",
                          "<cluster cni='%s' bridge-nf-call-iptables='no'/>",
                          plugins[i]);
    }
    model_check_error("hairpin-mode=", "<cluster hairpin-mode='promiscuous-bridge'/>");
    model_check_error(NULL, "<cluster cni='flannel-host-gw' hairpin-mode='no' "
                            "bridge-nf-call-iptables='no'/>");
}

static const VsTestCase tests[] = {
    {"answers of the same node need br_netfilter",
     test_answers_of_the_same_node_need_br_netfilter},
    {"the caller resets what it does not know",
     test_the_caller_resets_what_it_does_not_know},
    {"a pod reaches itself by a hairpin", test_a_pod_reaches_itself_by_a_hairpin},
    {"plug-ins without a bridge refuse", test_plug_ins_without_a_bridge_refuse},
    {0},
};

VS_TESTS("bridge of a plug-in")
