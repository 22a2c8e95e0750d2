/* Links of several members in a scenario. */
#include "models/fixture.h"

/* A client that opens a connection a request, and a node by a bonded link. */
static Model *
bonded(const char *attributes, const char *inside)
{
    return model_new("%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
                     "arrivals='constant(1000/s)' stop='900ms'/>"
                     "<node id='n' costs='free'/>"
                     "<link from='c' to='n' subnet='172.16.0.0/24' %s>%s</link>"
                     "<pod id='p' labels='app=web'><container service-time='0s'/></pod>"
                     "<service id='s' type='NodePort' node-port='30080' "
                     "target-port='8080' select='app=web'/>",
                     model_free_costs, attributes, inside);
}

static uint64_t
n_sent_by(const Model *model, const char *name)
{
    for (unsigned i = 0; i < model->build->wires->len; i++) {
        const VsWire *wire = g_array_index(model->build->wires, VsBuiltWire, i).wire;

        if (g_str_equal(wire->name, name)) {
            return wire->n_packets;
        }
    }
    CU_FAIL("there is no such wire");
    return 0;
}

static void
test_ports_spread_requests_over_members(void)
{
    static const char *const wires[] = {"c > n 0", "c > n 1", "n > c 0", "n > c 1"};
    Model *model = bonded("members='2' bond-hash='layer3+4'", "");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 900);
    for (unsigned i = 0; i < G_N_ELEMENTS(wires); i++) {
        CU_ASSERT(n_sent_by(model, wires[i]) > 900);
    }
    model_free(model);
}

/* Linux' default looks at MAC addresses alone: a second member brings nothing here. */
static void
test_the_default_keeps_two_hosts_on_one_member(void)
{
    Model *model = bonded("members='2'", "");
    uint64_t n_first, n_second;

    model_run(model, 2 * VS_S);
    n_first = n_sent_by(model, "c > n 0");
    n_second = n_sent_by(model, "c > n 1");
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 900);
    CU_ASSERT(MIN(n_first, n_second) < 10); /* ARP has another type. */
    CU_ASSERT(MAX(n_first, n_second) > 3600);
    model_free(model);
}

/* What is lost until the failure is noticed comes again by retransmission. */
static void
test_an_outage_costs_what_is_sent_until_it_is_noticed(void)
{
    Model *model = bonded("members='2' bond-mode='active-backup' miimon='100ms'",
                          "<outage member='0' at='450ms'/>");

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 900);
    CU_ASSERT(model_dropped(model, VS_DROP_INTERFACE_DOWN) >= 50);
    CU_ASSERT(n_sent_by(model, "c > n 0") > 1600);
    CU_ASSERT(n_sent_by(model, "c > n 1") > 1600);
    CU_ASSERT(vs_histogram_max(model_histogram(model, "c", "latency")) > VS_S);
    model_free(model);
}

static void
test_what_cannot_act_is_refused(void)
{
#define BETWEEN(attributes, inside)                                     \
    "<client id='c' to='http://172.16.0.2/' arrivals='constant(1/s)'/>" \
    "<node id='n'/>"                                                    \
    "<link from='c' to='n' " attributes ">" inside "</link>"
    model_check_error("miimon has no effect", BETWEEN("miimon='1s'", ""));
    model_check_error("bond-mode has no effect",
                      BETWEEN("bond-mode='balance-rr' members='1'", ""));
    model_check_error(
        "bond-hash has no effect",
        BETWEEN("members='2' bond-mode='balance-rr' bond-hash='layer2'", ""));
    model_check_error("an outage has no effect",
                      BETWEEN("", "<outage member='0' at='1s'/>"));
    model_check_error("members 0 to 1, and no 2",
                      BETWEEN("members='2'", "<outage member='2' at='1s'/>"));
    model_check_error(
        "ends before it begins",
        BETWEEN("members='2'", "<outage member='1' at='1s' until='1s'/>"));
    model_check_error(NULL, BETWEEN("members='2'", "<outage member='1' at='1s'/>"));
#undef BETWEEN
}

static const VsTestCase tests[] = {
    {"ports spread requests over members", test_ports_spread_requests_over_members},
    {"the default keeps two hosts on one member",
     test_the_default_keeps_two_hosts_on_one_member},
    {"an outage costs what is sent until it is noticed",
     test_an_outage_costs_what_is_sent_until_it_is_noticed},
    {"what cannot act is refused", test_what_cannot_act_is_refused},
    {0},
};
VS_TESTS("link_bond")
