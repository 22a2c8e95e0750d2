/* The schedulers of IPVS, and the texts of ipvsadm. */
#include "netfilter/ipvs.h"
#include "tests/netfilter/nat_box.h"

typedef struct {
    Box box;
    VsIpvs *ipvs;
    VsIpvsService *service;
} Fixture;

/* A service with servers of these weights, ended by -1. */
static void
fixture_init(Fixture *f, const char *scheduler, const int *weights)
{
    box_init(&f->box);
    f->ipvs = vs_ipvs_attach(f->box.netns, &vs_ipvs_config_default);
    f->service = vs_ipvs_add_service(f->ipvs, VS_PROTOCOL_TCP, BOX_VIP, 80,
                                     vs_ipvs_scheduler_find(scheduler), 0, NULL);
    for (unsigned i = 0; weights[i] >= 0; i++) {
        vs_ipvs_add_server(f->service, BOX_BACKEND + i, 8080, (uint32_t)weights[i]);
    }
}

static void
fixture_clear(Fixture *f)
{
    box_clear(&f->box);
}

static VsIpvsServer *
server_at(Fixture *f, unsigned i)
{
    return f->service->servers->pdata[i];
}

static VsIpvsServer *
pick_for(Fixture *f, VsAddr client)
{
    VsFlow flow = net_flow(client, 1000, BOX_VIP, 80);

    return f->service->scheduler->pick(f->service, &flow);
}

/* "ABC": the servers of the next choices by their order of addition; '-' is none. */
static void
check_picks(Fixture *f, const char *expected)
{
    g_autofree char *found = g_strdup(expected);

    for (unsigned i = 0; expected[i]; i++) {
        const VsIpvsServer *server = pick_for(f, BOX_CLIENT);

        found[i] = server ? (char)('A' + server->address - BOX_BACKEND) : '-';
    }
    CU_ASSERT_STRING_EQUAL(found, expected);
}

static void
test_round_robin(void)
{
    Fixture f;

    fixture_init(&f, "rr", (const int[]){1, 5, 0, 1, -1});
    check_picks(&f, "ABDABDA");
    vs_ipvs_remove_server(server_at(&f, 0)); /* The last one chosen. */
    check_picks(&f, "BDB");
    vs_ipvs_set_weight(server_at(&f, 0), 0);
    vs_ipvs_set_weight(server_at(&f, 2), 0);
    check_picks(&f, "--");
    fixture_clear(&f);
}

/* In each pass those that have the pass' weight, 4 3 2 1; the first pass is the last of the
 * first server alone, as servers are added one by one. */
static void
test_weighted_round_robin_is_bursty(void)
{
    Fixture f;

    fixture_init(&f, "wrr", (const int[]){4, 3, 2, -1});
    check_picks(&f, "ABCAABABCABCAABABCABC");
    fixture_clear(&f);
    fixture_init(&f, "wrr", (const int[]){3, 1, 1, -1});
    check_picks(&f, "ABCAAABCAAABC");
    fixture_clear(&f);
    fixture_init(&f, "wrr", (const int[]){10, 0, 20, -1}); /* Divisor 10: as 1, 2. */
    check_picks(&f, "ACCACC");
    fixture_clear(&f);
    fixture_init(&f, "wrr", (const int[]){0, 0, -1});
    check_picks(&f, "--");
    fixture_clear(&f);
}

/* An open connection counts as 256 closing ones. */
static void
test_least_connections(void)
{
    Fixture f;

    fixture_init(&f, "lc", (const int[]){1, 9, 1, -1});
    check_picks(&f, "AA"); /* Nobody has any: the first. */
    server_at(&f, 0)->n_active = 1;
    server_at(&f, 1)->n_inactive = 256;
    server_at(&f, 2)->n_inactive = 255;
    check_picks(&f, "C");
    server_at(&f, 2)->n_inactive = 256;
    check_picks(&f, "A"); /* All alike, weights or not. */
    fixture_clear(&f);
}

static void
test_weighted_least_connections(void)
{
    Fixture f;

    fixture_init(&f, "wlc", (const int[]){1, 3, 0, -1});
    server_at(&f, 0)->n_active = 1;
    server_at(&f, 1)->n_active = 3;
    check_picks(&f, "A"); /* 1/1 and 3/3. */
    server_at(&f, 0)->n_inactive = 1;
    check_picks(&f, "B");
    fixture_clear(&f);
}

/* (active + 1) / weight. */
static void
test_shortest_expected_delay(void)
{
    Fixture f;

    fixture_init(&f, "sed", (const int[]){1, 3, -1});
    check_picks(&f, "B"); /* 1/1 and 1/3. */
    server_at(&f, 1)->n_active = 2;
    check_picks(&f, "A"); /* 1/1 and 3/3. */
    server_at(&f, 0)->n_inactive = 100;
    check_picks(&f, "A"); /* Closing ones do not count. */
    fixture_clear(&f);
}

static void
test_never_queue(void)
{
    Fixture f;

    fixture_init(&f, "nq", (const int[]){1, 9, -1});
    check_picks(&f, "A"); /* Idle, though slower. */
    server_at(&f, 0)->n_active = 1;
    check_picks(&f, "B");
    server_at(&f, 1)->n_active = 8;
    check_picks(&f, "B"); /* 2/1 and 9/9. */
    fixture_clear(&f);
}

/* hash_32(address, 8), 256 buckets: published values for four addresses. */
static void
test_hashes_are_the_kernels(void)
{
    static const struct {
        VsAddr address;
        unsigned bucket;
    } known[] = {{NET_IP(192, 0, 2, 1), 50},
                 {NET_IP(192, 0, 2, 2), 148},
                 {NET_IP(198, 51, 100, 7), 171},
                 {NET_IP(203, 0, 113, 9), 64}};
    int weights[257];
    Fixture f;

    for (unsigned i = 0; i < 256; i++) {
        weights[i] = 1; /* One bucket each. */
    }
    weights[256] = -1;
    fixture_init(&f, "sh", weights);
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        CU_ASSERT_PTR_EQUAL(pick_for(&f, known[i].address),
                            server_at(&f, known[i].bucket));
    }
    vs_ipvs_set_weight(server_at(&f, 50), 0);
    CU_ASSERT_PTR_NULL(pick_for(&f, known[0].address)); /* Refused, not moved. */
    fixture_clear(&f);

    fixture_init(&f, "dh", (const int[]){1, 1, 1, -1});
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        VsFlow flow = net_flow(BOX_CLIENT, 1, known[i].address, 80);

        CU_ASSERT_PTR_EQUAL(f.service->scheduler->pick(f.service, &flow),
                            server_at(&f, known[i].bucket % 3));
    }
    fixture_clear(&f);
}

/* Weight 3 has three buckets of four; a client for each of the 256. */
static void
test_source_hash_is_weighted(void)
{
    bool is_seen[256] = {false};
    unsigned n_buckets = 0;
    unsigned n_first = 0;
    Fixture f;

    fixture_init(&f, "sh", (const int[]){3, 1, -1});
    for (VsAddr client = 1; n_buckets < 256; client++) {
        uint32_t bucket = client * 0x61C88647u >> 24;

        if (!is_seen[bucket]) {
            is_seen[bucket] = true;
            n_buckets++;
            n_first += pick_for(&f, client) == server_at(&f, 0);
        }
    }
    CU_ASSERT_EQUAL(n_first, 192);
    fixture_clear(&f);
}

/* ---- Text ------------------------------------------------------------------------ */

static void
test_text_comes_back(void)
{
    const char *text = "-A -t 10.96.0.1:443 -s rr -p 10800\n"
                       "-a -t 10.96.0.1:443 -r 172.18.0.2:6443 -m -w 1\n"
                       "-a -t 10.96.0.1:443 -r 172.18.0.3:6443 -m -w 0\n"
                       "-A -u 10.96.0.10:53 -s wlc\n"
                       "-A -t 10.96.0.10:53 -s sh\n"
                       "-a -t 10.96.0.10:53 -r 10.244.0.2:53 -m -w 5\n";
    g_autoptr(GError) error = NULL;
    g_autofree char *printed = NULL;
    VsIpvs *ipvs;
    Box box;

    box_init(&box);
    ipvs = vs_ipvs_attach(box.netns, &vs_ipvs_config_default);
    CU_ASSERT(vs_ipvs_read(ipvs, text, &error));
    CU_ASSERT_PTR_NULL(error);
    printed = vs_ipvs_print(ipvs);
    CU_ASSERT_STRING_EQUAL(printed, text);
    box_clear(&box);
}

static void
test_defaults_and_comments(void)
{
    g_autofree char *printed = NULL;
    VsIpvs *ipvs;
    Box box;

    box_init(&box);
    ipvs = vs_ipvs_attach(box.netns, &vs_ipvs_config_default);
    CU_ASSERT(vs_ipvs_read(ipvs,
                           "# made by hand\n\n"
                           "  -A -t 10.0.0.9:80 -p\n-a -r 10.0.0.8:80 -t 10.0.0.9:80\n",
                           NULL));
    printed = vs_ipvs_print(ipvs);
    CU_ASSERT_STRING_EQUAL(printed, "-A -t 10.0.0.9:80 -s wlc -p 360\n"
                                    "-a -t 10.0.0.9:80 -r 10.0.0.8:80 -m -w 1\n");
    box_clear(&box);
}

static void
test_faults_are_told_with_their_line(void)
{
    static const struct {
        const char *text;
        VsIpvsError code;
        const char *part;
    } faults[] = {
        {"-A -t 10.0.0.9 -s rr", VS_IPVS_ERROR_SYNTAX, "1: \"10.0.0.9\""},
        {"-A -t 10.0.0.9:0 -s rr", VS_IPVS_ERROR_SYNTAX, "1: \"10.0.0.9:0\""},
        {"-A -t 10.0.0.9:1 -s rx", VS_IPVS_ERROR_UNSUPPORTED, "1: \"rx\""},
        {"-A -f 7 -s rr", VS_IPVS_ERROR_UNSUPPORTED, "1: \"-f\""},
        {"-A -t 10.0.0.9:1\n-a -t 10.0.0.9:1 -r 10.0.0.8:1 -g",
         VS_IPVS_ERROR_UNSUPPORTED, "2: \"-g\""},
        {"-A -t", VS_IPVS_ERROR_SYNTAX, "wants a value"},
        {"-A -s rr", VS_IPVS_ERROR_SYNTAX, "-t or -u"},
        {"A", VS_IPVS_ERROR_SYNTAX, "one letter"},
        {"-A -t 10.0.0.9:1 -p 0", VS_IPVS_ERROR_SYNTAX, "seconds"},
        {"-a -t 10.0.0.9:1 -r 10.0.0.8:1", VS_IPVS_ERROR_REFERENCE, "-A"},
        {"-A -t 10.0.0.9:1\n\n-A -t 10.0.0.9:1", VS_IPVS_ERROR_REFERENCE, "3: "},
        {"-A -t 10.0.0.9:1\n-a -t 10.0.0.9:1", VS_IPVS_ERROR_REFERENCE, "-r with"},
        {"-A -t 10.0.0.9:1\n-a -t 10.0.0.9:1 -r 10.0.0.8:1 -w 70000",
         VS_IPVS_ERROR_SYNTAX, "65535"},
        {"-A -t 10.0.0.9:1\n-a -t 10.0.0.9:1 -r 10.0.0.8:1\n"
         "-a -t 10.0.0.9:1 -r 10.0.0.8:1",
         VS_IPVS_ERROR_REFERENCE, "3: "},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(GError) error = NULL;
        Box box;
        VsIpvs *ipvs;

        box_init(&box);
        ipvs = vs_ipvs_attach(box.netns, &vs_ipvs_config_default);
        CU_ASSERT(!vs_ipvs_read(ipvs, faults[i].text, &error));
        CU_ASSERT(g_error_matches(error, VS_IPVS_ERROR, (int)faults[i].code));
        CU_ASSERT(error && strstr(error->message, faults[i].part));
        box_clear(&box);
    }
}

static const VsTestCase tests[] = {
    {"round robin", test_round_robin},
    {"weighted round robin is bursty", test_weighted_round_robin_is_bursty},
    {"least connections", test_least_connections},
    {"weighted least connections", test_weighted_least_connections},
    {"shortest expected delay", test_shortest_expected_delay},
    {"never queue", test_never_queue},
    {"hashes are the kernel's", test_hashes_are_the_kernels},
    {"the source hash is weighted", test_source_hash_is_weighted},
    {"the text of ipvsadm comes back", test_text_comes_back},
    {"defaults and comments", test_defaults_and_comments},
    {"faults are told with their line", test_faults_are_told_with_their_line},
    {0},
};
VS_TESTS("ipvs_scheduler")
