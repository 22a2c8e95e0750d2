/* Services of IPVS and the balancers they ask: those that came with them, flags, turns that
 * outlive servers. */
#include "netfilter/ipvs.h"
#include "tests/netfilter/nat_box.h"

typedef struct {
    Box box;
    VsIpvs *ipvs;
    VsIpvsService *service;
} Fixture;

/* A service with three servers 10.0.0.1:80 ... of weight 1. */
static void
fixture_init(Fixture *f, const char *scheduler, const char *flags)
{
    const VsIpvsScheduler *found = vs_ipvs_scheduler_find(scheduler);
    unsigned set = 0;

    box_init(&f->box);
    f->ipvs = vs_ipvs_attach(f->box.netns, &vs_ipvs_config_default);
    f->service =
        vs_ipvs_add_service(f->ipvs, VS_PROTOCOL_TCP, BOX_VIP, 80, found, 0, NULL);
    if (flags) {
        CU_ASSERT_FATAL(vs_ipvs_flags_parse(found, flags, &set));
        vs_ipvs_set_flags(f->service, set);
    }
    for (unsigned i = 0; i < 3; i++) {
        vs_ipvs_add_server(f->service, NET_IP(10, 0, 0, 1) + i, 80, 1);
    }
}

static void
fixture_clear(Fixture *f)
{
    box_clear(&f->box);
}

static VsIpvsServer *
pick(Fixture *f, VsAddr client, uint16_t port)
{
    VsFlow flow = net_flow(client, port, BOX_VIP, 80);

    return f->service->scheduler->pick(f->service, &flow);
}

/* The table's published lookups, with the kernel's 4093 slots. */
static void
test_mh_is_the_kernels(void)
{
    static const struct {
        VsAddr client;
        unsigned server;
    } known[] = {{NET_IP(192, 0, 2, 1), 2},
                 {NET_IP(192, 0, 2, 2), 1},
                 {NET_IP(198, 51, 100, 7), 0},
                 {NET_IP(203, 0, 113, 9), 1}};
    Fixture f;

    fixture_init(&f, "mh", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        CU_ASSERT_PTR_EQUAL(pick(&f, known[i].client, 1000 + (uint16_t)i),
                            f.service->servers->pdata[known[i].server]);
    }
    vs_ipvs_set_weight(f.service->servers->pdata[2], 0);
    CU_ASSERT_PTR_NULL(pick(&f, known[0].client, 1));
    CU_ASSERT_PTR_EQUAL(pick(&f, known[1].client, 1), f.service->servers->pdata[1]);
    fixture_clear(&f);
}

static void
test_flags_reach_the_balancer(void)
{
    Fixture f;

    fixture_init(&f, "mh", "mh-port,mh-fallback");
    CU_ASSERT_PTR_EQUAL(pick(&f, NET_IP(192, 0, 2, 1), 1), /* The sum of 192.0.2.2. */
                        f.service->servers->pdata[1]);
    vs_ipvs_set_weight(f.service->servers->pdata[1], 0);
    CU_ASSERT_PTR_NOT_NULL(pick(&f, NET_IP(192, 0, 2, 1), 1));
    fixture_clear(&f);
}

/* One address of destination: its server, until that has more than its weight. */
static void
test_loads_reach_the_balancer(void)
{
    static const char *const schedulers[] = {"lblc", "lblcr"};

    for (unsigned i = 0; i < G_N_ELEMENTS(schedulers); i++) {
        VsIpvsServer *first;
        Fixture f;

        fixture_init(&f, schedulers[i], NULL);
        first = pick(&f, BOX_CLIENT, 1);
        CU_ASSERT_PTR_EQUAL(first, f.service->servers->pdata[0]);
        first->n_active = 1;
        CU_ASSERT_PTR_EQUAL(pick(&f, BOX_CLIENT, 2), first);
        first->n_active = 2;
        CU_ASSERT_PTR_EQUAL(pick(&f, BOX_CLIENT, 3), f.service->servers->pdata[1]);
        fixture_clear(&f);
    }
    for (unsigned i = 0; i < 2; i++) { /* fo stays, ovf goes on. */
        VsIpvsServer *first;
        Fixture f;

        fixture_init(&f, i ? "ovf" : "fo", NULL);
        first = f.service->servers->pdata[0];
        first->n_active = 2;
        CU_ASSERT_PTR_EQUAL(pick(&f, BOX_CLIENT, 1), f.service->servers->pdata[i]);
        fixture_clear(&f);
    }
}

/* A thousand servers that come and go: the turn is that of the three which are there. */
static void
test_turns_outlive_servers(void)
{
    Fixture f;

    fixture_init(&f, "rr", NULL);
    for (unsigned i = 0; i < 1000; i++) {
        VsIpvsServer *chosen = pick(&f, BOX_CLIENT, 1);

        CU_ASSERT_PTR_EQUAL(chosen, f.service->servers->pdata[0]);
        vs_ipvs_remove_server(chosen); /* The head is next again. */
        vs_ipvs_add_server(f.service, NET_IP(10, 1, 0, 0) + i, 80, 1);
    }
    CU_ASSERT_EQUAL(f.service->servers->len, 3);
    fixture_clear(&f);
}

/* ---- Text ------------------------------------------------------------------------ */

static void
test_flags_come_back(void)
{
    const char *text = "-A -t 10.96.0.1:443 -s mh -p 10800 -b mh-fallback,mh-port\n"
                       "-a -t 10.96.0.1:443 -r 172.18.0.2:6443 -m -w 1\n"
                       "-A -t 10.96.0.2:443 -s sh -b sh-port\n"
                       "-A -t 10.96.0.3:443 -s lblcr\n";
    g_autoptr(GError) error = NULL;
    g_autofree char *printed = NULL;
    VsIpvs *ipvs;
    Box box;

    box_init(&box);
    ipvs = vs_ipvs_attach(box.netns, &vs_ipvs_config_default);
    CU_ASSERT(vs_ipvs_read(ipvs, text, &error));
    printed = vs_ipvs_print(ipvs);
    CU_ASSERT_STRING_EQUAL(printed, text);
    box_clear(&box);
}

static void
test_flags_of_others_are_refused(void)
{
    static const char *const texts[] = {
        "-A -t 10.0.0.9:1 -s rr -b sh-port", "-A -t 10.0.0.9:1 -s mh -b sh-port",
        "-A -t 10.0.0.9:1 -s sh -b sh-port,flag-3", "-A -t 10.0.0.9:1 -s sh -b x"};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        VsIpvs *ipvs;
        Box box;

        box_init(&box);
        ipvs = vs_ipvs_attach(box.netns, &vs_ipvs_config_default);
        CU_ASSERT(!vs_ipvs_read(ipvs, texts[i], &error));
        CU_ASSERT(g_error_matches(error, VS_IPVS_ERROR, VS_IPVS_ERROR_UNSUPPORTED));
        CU_ASSERT(error && strstr(error->message, "mh-port"));
        CU_ASSERT_EQUAL(ipvs->services->len, 0);
        box_clear(&box);
    }
}

static const VsTestCase tests[] = {
    {"mh is the kernel's", test_mh_is_the_kernels},
    {"flags reach the balancer", test_flags_reach_the_balancer},
    {"loads reach the balancer", test_loads_reach_the_balancer},
    {"turns outlive servers", test_turns_outlive_servers},
    {"flags come back", test_flags_come_back},
    {"flags of others are refused", test_flags_of_others_are_refused},
    {0},
};
VS_TESTS("ipvs_balancers")
