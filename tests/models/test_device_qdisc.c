/* Queue disciplines of interfaces, bandwidth of pods, and changes of links. */
#include "models/fixture.h"

/* One request a second for 'response' from a pod of a node, all of whose parts may have
 * something inside. */
typedef struct {
    const char *cni;      /* Attributes of <cluster>. */
    const char *client;   /* Inside the client... */
    const char *link;     /* ...the link... */
    const char *node;     /* ...the node... */
    const char *pod;      /* ...and the pod... */
    const char *pod_says; /* ...which has these attributes. */
    const char *response;
} Parts;

static Model *
requests(Parts parts)
{
    return model_new(
        "%s<cluster id='k' %s/>"
        "<client id='c' costs='free' to='http://172.16.0.2:30080/' "
        "arrivals='constant(1/s)' stop='9500ms'>%s</client>"
        "<link from='c' to='n' rate='1Gbit/s' subnet='172.16.0.0/24'>%s</link>"
        "<node id='n' costs='free'>%s<pod id='p' labels='app=web' %s>%s"
        "<container service-time='0s' response='%s'/></pod></node>"
        "<service id='s' type='NodePort' node-port='30080' target-port='8080' "
        "select='app=web'/>",
        model_free_costs, parts.cni ? parts.cni : "", parts.client ? parts.client : "",
        parts.link ? parts.link : "", parts.node ? parts.node : "",
        parts.pod_says ? parts.pod_says : "", parts.pod ? parts.pod : "",
        parts.response ? parts.response : "1kB");
}

/* Quantile 'q' of the latency of the ten requests, all of which are answered. */
static double
latency(Parts parts, double q)
{
    Model *model = requests(parts);
    const VsHistogram *latency;
    double value;

    model_run(model, 12 * VS_S);
    latency = model_histogram(model, "c", "latency");
    CU_ASSERT_EQUAL(latency->count, 10);
    value = (double)vs_histogram_quantile(latency, q);
    model_free(model);
    return value;
}

static const VsQdisc *
find_qdisc(const Model *model, const char *name)
{
    for (unsigned i = 0; i < model->build->qdiscs->len; i++) {
        const VsBuiltQdisc *built =
            &g_array_index(model->build->qdiscs, VsBuiltQdisc, i);

        if (g_str_equal(built->name, name)) {
            return built->qdisc;
        }
    }
    CU_FAIL_FATAL("there is no such qdisc");
    return NULL;
}

/* A connection and a request are two round trips: 10 ms each way of one direction. */
static void
test_a_delay_counts_at_every_interface(void)
{
    const char *delay = "<qdisc dev='eth0' kind='netem' delay='10ms'/>";
    double without = latency((Parts){0}, 0.5);
    const struct {
        Parts parts;
        double ms;
    } rows[] = {
        {{.client = delay}, 20},
        {{.node = delay}, 20},
        {{.pod = delay}, 20},
        {{.pod = "<qdisc dev='peer' kind='netem' delay='10ms'/>"}, 20},
        {{.node = "<qdisc dev='cni0' kind='netem' delay='10ms'/>"}, 20},
        {{.node = "<qdisc dev='veth-*' kind='netem' delay='10ms'/>"}, 20},
        /* eth0, and to the pod cni0 and its port. */
        {{.node = "<qdisc dev='*' kind='netem' delay='10ms'/>"}, 60},
        {{.pod = "<qdisc dev='eth*' kind='netem' delay='10ms'/>"
                 "<qdisc dev='peer' kind='netem' delay='10ms'/>"},
         40},
        /* A routed pod's names are hashes. */
        {{.cni = "cni='calico'",
          .node = "<qdisc dev='cali*' kind='netem' delay='10ms'/>"},
         20},
        {{.cni = "cni='aws-vpc'",
          .pod = "<qdisc dev='peer' kind='netem' delay='10ms'/>"},
         20},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        CU_ASSERT_DOUBLE_EQUAL(latency(rows[i].parts, 0.5) - without,
                               rows[i].ms * VS_MS, rows[i].ms * 0.002 * VS_MS);
    }
}

/* A card's qdisc is that of its direction of the link, by whichever element. */
static void
test_a_card_is_its_end_of_the_link(void)
{
    const char *const text = "<qdisc %s kind='tbf' rate='10Mbit/s' burst='5kB' "
                             "latency='50ms'/>";
    g_autofree char *in_link = g_strdup_printf(text, "from='n'");
    g_autofree char *in_node = g_strdup_printf(text, "dev='eth0'");
    Model *a = requests((Parts){.link = in_link, .response = "50kB"});
    Model *b = requests((Parts){.node = in_node, .response = "50kB"});

    model_run(a, 12 * VS_S);
    model_run(b, 12 * VS_S);
    CU_ASSERT(find_qdisc(a, "n > c: tbf")->n_overlimits > 100);
    CU_ASSERT_EQUAL(find_qdisc(a, "n > c: tbf")->n_overlimits,
                    find_qdisc(b, "n > c: tbf")->n_overlimits);
    CU_ASSERT_EQUAL(vs_histogram_max(model_histogram(a, "c", "latency")),
                    vs_histogram_max(model_histogram(b, "c", "latency")));
    model_free(a);
    model_free(b);
}

/* 1 MB at 10 Mbit/s: 685 segments and a part, of 54 bytes of headers, but for the burst. */
static void
test_a_pod_has_its_bandwidth(void)
{
    const double bytes = 1e6 + 685 * 54;
    Parts out = {.response = "1MB",
                 .pod_says = "egress-bandwidth='10Mbit/s' bandwidth-burst='20kB'"};
    Parts in = {.response = "1MB",
                .pod_says = "ingress-bandwidth='10Mbit/s' bandwidth-burst='20kB'"};
    Parts burst = {.response = "1MB", .pod_says = "egress-bandwidth='10Mbit/s'"};

    /* A queue of 25 ms and the burst, 51 kB, loses some of slow start's packets. */
    CU_ASSERT_DOUBLE_EQUAL(latency(out, 0.5), (bytes - 20e3) * 800e3, 30 * VS_MS);
    CU_ASSERT(latency(in, 0.5) < 30 * VS_MS);
    CU_ASSERT(latency(burst, 1) < 30 * VS_MS); /* 10 MB of 537 MB. */
}

/* The plug-in's numbers: 25 ms of the rate and the burst may wait. */
static void
test_both_ends_of_a_pod_are_limited(void)
{
    Model *model = requests(
        (Parts){.pod_says = "ingress-bandwidth='8Mbit/s' "
                            "egress-bandwidth='10Mbit/s' bandwidth-burst='2kB'",
                .response = "100kB"});
    const VsQdisc *in, *out;

    model_run(model, 12 * VS_S);
    in = find_qdisc(model, "n/root veth-p: tbf");
    out = find_qdisc(model, "n/p eth0: tbf");
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT(in->n_packets > 10 * 35);
    CU_ASSERT(out->n_packets > 10 * 69);
    CU_ASSERT(out->held_bytes_max <= 10000000 / 8 / 40 + 2000 + 1514);
    CU_ASSERT(out->held_bytes_max > 10000000 / 8 / 40);
    model_free(model);
}

/* At 4.5 s the kind stays and its rate doubles: half of the requests before, half after. */
static void
test_a_qdisc_of_a_device_changes(void)
{
    const double bytes = 1e6 + 685 * 54 - 5000;
    Parts parts = {.response = "1MB",
                   .pod = "<qdisc dev='eth0' kind='tbf' rate='10Mbit/s' burst='5kB' "
                          "limit='2MB'/>"
                          "<qdisc dev='eth0' kind='tbf' rate='20Mbit/s' burst='5kB' "
                          "limit='2MB' at='4500ms'/>"};
    Model *model = requests(parts);

    CU_ASSERT_EQUAL(model->build->qdiscs->len, 1);
    model_free(model);
    CU_ASSERT_DOUBLE_EQUAL(latency(parts, 1), bytes * 800e3, 5 * VS_MS);
    CU_ASSERT_DOUBLE_EQUAL(latency(parts, 0.3), bytes * 400e3, 5 * VS_MS);
}

/* From 4.5 s on answers take 10 ms longer, twice; then 1 MB comes at a tenth of the rate. */
static void
test_a_link_changes(void)
{
    double without = latency((Parts){.response = "1MB"}, 0.5);
    Parts delay = {.link = "<change at='4500ms' delay='10001us' from='n'/>"};
    Parts rate = {.response = "1MB", .link = "<change at='4500ms' rate='100Mbit/s'/>"};
    const double wire_bytes = 1e6 + 685 * 78; /* Without slow start: half a ms. */

    CU_ASSERT_DOUBLE_EQUAL(latency(delay, 1), 20 * VS_MS, 0.1 * VS_MS);
    CU_ASSERT(latency(delay, 0.3) < VS_MS);
    CU_ASSERT_DOUBLE_EQUAL(latency(rate, 0.3), without, 0.02 * without);
    CU_ASSERT_DOUBLE_EQUAL(latency(rate, 1), wire_bytes * 80e3, 2 * VS_MS);
}

static void
check_refused(const char *why, Parts parts)
{
    const Parts *p = &parts;

    model_check_error(why,
                      "<cluster id='k' %s/><client id='c' to='http://172.16.0.2/' "
                      "arrivals='constant(1/s)'>%s</client>"
                      "<link from='c' to='n' subnet='172.16.0.0/24' %s</link>"
                      "<node id='n'>%s<pod id='p' %s>%s<container/></pod></node>",
                      p->cni ? p->cni : "", p->client ? p->client : "",
                      p->link ? p->link : ">", p->node ? p->node : "",
                      p->pod_says ? p->pod_says : "", p->pod ? p->pod : "");
}

static void
test_what_cannot_be_is_refused(void)
{
    const char *tbf = "<qdisc dev='eth0' kind='tbf' rate='1Mbit/s' burst='1kB' "
                      "limit='9kB'/>";

    check_refused(
        "dev=\"eth1\": no interface is called so; n/root can have one at eth0, "
        "cni0, veth-p",
        (Parts){.node = "<qdisc dev='eth1' kind='codel'/>"});
    check_refused(
        "dev=\"lo\": has no queue here: its packets never wait; n/p can have one "
        "at eth0, peer (the node's end)",
        (Parts){.pod = "<qdisc dev='lo' kind='codel'/>"});
    check_refused("packets there have up to 1514 bytes", (Parts){.pod = tbf});
    check_refused("packets there have up to 1514 bytes", (Parts){.client = tbf});
    check_refused("veth-p of n/root has its qdisc by the <qdisc> of line",
                  (Parts){.node = "<qdisc dev='veth-p' kind='codel'/>",
                          .pod = "<qdisc dev='peer' kind='codel'/>"});
    check_refused("eth0 of n/p has its qdisc by the <pod> of line",
                  (Parts){.pod_says = "egress-bandwidth='1Mbit/s'",
                          .pod = "<qdisc dev='eth0' kind='codel'/>"});
    check_refused("eth0 of n/root has its qdisc by the <qdisc> of line",
                  (Parts){.node = "<qdisc dev='eth0' kind='codel'/>",
                          .link = "><qdisc kind='codel'/>"});
    check_refused("acts on eth0 from then on or later",
                  (Parts){.node = "<qdisc dev='e*' kind='codel'/>"
                                  "<qdisc dev='eth0' kind='codel'/>"});
    check_refused("queue has no effect",
                  (Parts){.node = "<qdisc dev='eth0' kind='codel'/>",
                          .client = "<qdisc dev='eth0' kind='codel'/>",
                          .link = "queue='9packets'>"});
    check_refused(NULL, (Parts){.node = "<qdisc dev='eth0' kind='codel'/>",
                                .link = "queue='9packets'>"});
    check_refused("the link's queue marks",
                  (Parts){.node = "<qdisc dev='eth0' kind='codel' at='1s'/>",
                          .link = "mark-at='9packets'>"});
    check_refused(
        "bandwidth manager of its own",
        (Parts){.cni = "cni='cilium'", .pod_says = "egress-bandwidth='1Mbit/s'"});
    check_refused(
        "bandwidth-burst is 1000",
        (Parts){.pod_says = "egress-bandwidth='1Mbit/s' bandwidth-burst='1kB'"});
}

static const VsTestCase tests[] = {
    {"a delay counts at every interface", test_a_delay_counts_at_every_interface},
    {"a card is its end of the link", test_a_card_is_its_end_of_the_link},
    {"a pod has its bandwidth", test_a_pod_has_its_bandwidth},
    {"both ends of a pod are limited", test_both_ends_of_a_pod_are_limited},
    {"a qdisc of a device changes", test_a_qdisc_of_a_device_changes},
    {"a link changes", test_a_link_changes},
    {"what cannot be is refused", test_what_cannot_be_is_refused},
    {0},
};
VS_TESTS("device_qdisc")
