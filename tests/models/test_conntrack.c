/* What nodes and load balancers tell of their conntrack tables, and how those are set. */
#include "models/fixture.h"

enum { DNS_PORT = 53 };

/* Pod a on node n, and a UDP service of two other pods there, which take their time. */
static Model *
race_new(uint64_t seed, const char *attributes)
{
    return model_new_seeded(
        seed,
        "<node id='n' cores='2' %s/><pod id='a'/>"
        "<pod id='b' count='2' labels='app=dns'><container id='c' port='5353' "
        "protocol='udp' service-time='1000s'/></pod><service id='dns' protocol='udp' "
        "port='53' target-port='5353' "
        "select='app=dns'/>",
        attributes);
}

/* A question of pod a to the service, on a core of our choice: a real socket's packets go
 * through the stack on the core that its thread runs on. */
static void
ask(const Model *model, unsigned core, uint8_t protocol)
{
    VsNetns *netns = model_pod(model, "a")->netns;
    VsFlow flow = {.saddr = model_pod(model, "a")->address,
                   .daddr = model_service(model, "dns")->cluster_ip,
                   .sport = 1000,
                   .dport = DNS_PORT,
                   .protocol = protocol,
                   .family = VS_FAMILY_IPV4};
    VsPacket *packet = vs_ip_packet_new(netns, &flow, VS_UDP_HEADER_BYTES + 30);

    packet->payload_bytes = 30;
    packet->hop = &netns->output;
    vs_core_enqueue(&netns->host->cores[core], packet, false);
}

/* How many of 'n_seeds' runs had the two questions of one socket go to different pods. */
static unsigned
count_split_races(unsigned n_seeds)
{
    unsigned n_split = 0;

    for (unsigned seed = 1; seed <= n_seeds; seed++) {
        Model *model = race_new(seed, "");
        uint64_t n_entries;

        ask(model, 0, VS_PROTOCOL_UDP);
        ask(model, 1, VS_PROTOCOL_UDP);
        model_run(model, VS_MS);
        n_entries = model_counter(model, "n", "conntrack-entries");
        CU_ASSERT(n_entries == 1 || n_entries == 2);
        CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-clash-resolve"), 1);
        CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-insert-failed"), 0);
        n_split += n_entries == 2;
        model_free(model);
    }
    return n_split;
}

/* Half of the races end at two pods: of 32, more than 7 and fewer than 25 but for one time
 * in 600. */
static void
test_race_of_one_socket_is_counted(void)
{
    unsigned n_split = count_split_races(32);

    CU_ASSERT(n_split > 7 && n_split < 25);
}

static void
test_questions_in_turn_do_not_race(void)
{
    Model *model = race_new(1, "");

    ask(model, 0, VS_PROTOCOL_UDP);
    model_run(model, VS_MS);
    ask(model, 1, VS_PROTOCOL_UDP);
    model_run(model, 2 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries-max"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-clash-resolve"), 0);
    model_free(model);
}

/* Three connections at once, of which two fit. */
static void
test_full_table_is_counted(void)
{
    Model *model = model_new(
        "<client id='c' arrivals='constant(1/s)' stop='2500ms' timeout='500ms' "
        "to='http://172.16.0.2:30080/'/><link from='c' to='n'/>"
        "<node id='n' conntrack-max='2'/>"
        "<pod id='a' labels='app=web'><container id='w' port='8080'/></pod>"
        "<service id='web' type='NodePort' port='80' target-port='8080' "
        "node-port='30080' select='app=web'/>");

    model_run(model, 2400 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-entries-max"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-early-drop"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-drop"),
                    model_dropped(model, VS_DROP_CONNTRACK_FULL));
    CU_ASSERT(model_dropped(model, VS_DROP_CONNTRACK_FULL) > 0);
    model_free(model);
}

static void
test_load_balancer_counts_its_own(void)
{
    Model *model = model_new(
        "<client id='c' arrivals='constant(1/s)' stop='1500ms' "
        "to='http://203.0.113.10/'/>"
        "<link from='c' to='edge'/><lb id='edge' vip='203.0.113.10' service='web' "
        "target='pods'/>"
        "<switch id='sw'/><link from='edge' to='sw'/><link from='n' to='sw'/>"
        "<node id='n'/><pod id='a' labels='app=web'><container id='w' port='8080'/>"
        "</pod><service id='web' port='80' target-port='8080' select='app=web'/>");

    model_run(model, 1800 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    CU_ASSERT(model_counter(model, "edge", "conntrack-entries-max") >= 2);
    CU_ASSERT_EQUAL(model_counter(model, "edge", "conntrack-drop"), 0);
    model_free(model);
}

/* ---- Settings --------------------------------------------------------------------- */

/* With two questions at once: how many have an entry afterwards, in 32 runs, and how many
 * were dropped. */
static void
count_races(const char *clash, uint64_t *ret_n_entries, uint64_t *ret_n_dropped)
{
    *ret_n_entries = *ret_n_dropped = 0;
    for (unsigned seed = 1; seed <= 32; seed++) {
        Model *model = race_new(seed, clash);

        ask(model, 0, VS_PROTOCOL_UDP);
        ask(model, 1, VS_PROTOCOL_UDP);
        model_run(model, VS_MS);
        *ret_n_entries += model_counter(model, "n", "conntrack-entries");
        *ret_n_dropped += model_counter(model, "n", "conntrack-drop");
        CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-drop"),
                        model_counter(model, "n", "conntrack-insert-failed"));
        CU_ASSERT_EQUAL(model_counter(model, "n", "conntrack-drop"),
                        model_dropped(model, VS_DROP_CONNTRACK_CLASH));
        model_free(model);
    }
}

static void
test_clash_follows_the_kernels_version(void)
{
    uint64_t n_split, n_entries, n_dropped;

    count_races("conntrack-clash='insert'", &n_entries, &n_dropped);
    CU_ASSERT_EQUAL(n_dropped, 0);
    n_split = n_entries - 32;
    CU_ASSERT(n_split > 0);
    count_races("conntrack-clash='merge'", &n_entries, &n_dropped);
    CU_ASSERT_EQUAL(n_dropped, n_split);
    CU_ASSERT_EQUAL(n_entries, 32);
    count_races("conntrack-clash='drop'", &n_entries, &n_dropped);
    CU_ASSERT_EQUAL(n_dropped, 32);
    CU_ASSERT_EQUAL(n_entries, 32);
}

/* Is the connection of one unanswered question still there at 'until'? */
static bool
is_remembered(const char *attributes, VsTime until)
{
    Model *model = race_new(1, attributes);
    bool is_there;

    ask(model, 0, VS_PROTOCOL_UDP);
    model_run(model, until);
    is_there = model_counter(model, "n", "conntrack-entries") > 0;
    model_free(model);
    return is_there;
}

static void
test_udp_timeout(void)
{
    CU_ASSERT(is_remembered("", 29 * VS_S));
    CU_ASSERT(!is_remembered("", 31 * VS_S));
    CU_ASSERT(is_remembered("conntrack-udp-timeout='3s'", 2 * VS_S));
    CU_ASSERT(!is_remembered("conntrack-udp-timeout='3s'", 4 * VS_S));
}

static const VsConntrackConfig *
config_of(const Model *model)
{
    return &model_host(model, "n")->root->conntrack->config;
}

static void
test_settings_reach_the_table(void)
{
    Model *model = model_new(
        "<node id='n' cores='3' conntrack-max-per-core='1000' conntrack-min='10' "
        "conntrack-tcp-timeout-established='120h' conntrack-udp-timeout-stream='7s' "
        "conntrack-tcp-timeout-close-wait='60s' conntrack-tcp-loose='no'/>");
    const VsConntrackConfig *config = config_of(model);

    CU_ASSERT_EQUAL(config->max, 3000);
    CU_ASSERT_EQUAL(config->tcp_timeout[VS_CT_ESTABLISHED], 432000 * VS_S);
    CU_ASSERT_EQUAL(config->tcp_timeout[VS_CT_CLOSE_WAIT], 60 * VS_S);
    CU_ASSERT_EQUAL(config->udp_stream_timeout, 7 * VS_S);
    CU_ASSERT(config->is_strict);
    model_free(model);
}

/* Without attributes a node has what kube-proxy sets on a new kernel. */
static void
test_defaults_are_kube_proxys(void)
{
    Model *model = model_new("<node id='n' cores='5'/>");
    VsConntrackConfig expected = vs_conntrack_config_default;

    expected.max = 5 * 32768;
    CU_ASSERT_EQUAL(memcmp(config_of(model), &expected, sizeof(expected)), 0);
    model_free(model);
}

static void
test_bad_settings_are_refused(void)
{
    model_check_error("conntrack-clash=\"keep\"", "<node id='n' "
                                                  "conntrack-clash='keep'/>");
    model_check_error("conntrack-udp-timeout", "<node id='n' "
                                               "conntrack-udp-timeout='0s'/>");
    model_check_error("conntrack-tcp-loose", "<node id='n' conntrack-tcp-loose='2'/>");
    model_check_error("conntrack-min has no effect",
                      "<node id='n' conntrack-min='5' conntrack-max='5'/>");
    model_check_error("conntrack-max-per-core has no effect",
                      "<node id='n' conntrack-max-per-core='5' conntrack-max='5'/>");
}

static const VsTestCase tests[] = {
    {"the race of one socket's questions is counted",
     test_race_of_one_socket_is_counted},
    {"questions in turn do not race", test_questions_in_turn_do_not_race},
    {"a full table is counted", test_full_table_is_counted},
    {"a load balancer counts its own", test_load_balancer_counts_its_own},
    {"a clash follows the kernel's version", test_clash_follows_the_kernels_version},
    {"UDP's timeout", test_udp_timeout},
    {"settings reach the table", test_settings_reach_the_table},
    {"defaults are kube-proxy's", test_defaults_are_kube_proxys},
    {"bad settings are refused", test_bad_settings_are_refused},
    {0},
};

VS_TESTS("conntrack of models")
