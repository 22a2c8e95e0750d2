/* Sidecars: the way through them, what it adds, and what goes past them. */
#include "models/sidecar_fixture.h"

#define THREE "arrivals='constant(1/s)' stop='2500ms' "

/* model_free_costs with 'socket-send' and 'socket-receive' set. */
static char *
socket_costs(const char *send, const char *receive)
{
    g_auto(GStrv) first = g_strsplit(model_free_costs, "socket-receive='0s'", 2);
    g_auto(GStrv) second = g_strsplit(first[1], "socket-send='0s'", 2);

    g_assert(first[1] && second[1]);
    return g_strdup_printf("%ssocket-receive='%s'%ssocket-send='%s'%s", first[0],
                           receive, second[0], send, second[1]);
}

/* The latencies of three requests, the first of which opens connections. */
static void
latencies(Model *model, VsTime *ret_cold, VsTime *ret_warm)
{
    const VsHistogram *latency = model_histogram(model, "c", "latency");

    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(latency->count, 3);
    *ret_cold = vs_histogram_max(latency);
    *ret_warm = vs_histogram_min(latency);
    model_free(model);
}

static void
test_without_costs_a_sidecar_takes_no_time(void)
{
    VsTime plain[2], meshed[2], worked[2];

    latencies(model_new(MESH(THREE, CALL, "", "", "", LEAF), model_free_costs),
              &plain[0], &plain[1]);
    latencies(
        model_new(MESH(THREE, CALL, SIDECAR("sw", "mtls='off'"),
                       SIDECAR("sa", "mtls='off'"), SIDECAR("sb", "mtls='off'"), LEAF),
                  model_free_costs),
        &meshed[0], &meshed[1]);
    CU_ASSERT_EQUAL(meshed[0], plain[0]);
    CU_ASSERT_EQUAL(meshed[1], plain[1]);
    /* Into the front end, out of it, into the leaf. */
    latencies(model_new(MESH(THREE, CALL, "<sidecar processing='300us'/>",
                             "<sidecar processing='300us'/>",
                             "<sidecar processing='300us'/>", LEAF),
                        model_free_costs),
              &worked[0], &worked[1]);
    CU_ASSERT_EQUAL(worked[0], plain[0] + 3 * 300 * VS_US);
    CU_ASSERT_EQUAL(worked[1], plain[1] + 3 * 300 * VS_US);
}

/* Each pass has the request and its answer cross lo once more: a send and a receive. */
static void
test_known_costs_add_up(void)
{
    static const char sidecar[] = "<sidecar processing='1ms' mtls='off'/>";
    g_autofree char *costs = socket_costs("10us", "20us");
    g_autofree char *format = g_strdup_printf(MESH(THREE, CALL, "%s", "%s", "%s", LEAF),
                                              costs, sidecar, sidecar, sidecar);
    VsTime plain[2], meshed[2];

    latencies(model_new(MESH(THREE, CALL, "", "", "", LEAF), costs), &plain[0],
              &plain[1]);
    latencies(model_new("%s", format), &meshed[0], &meshed[1]);
    CU_ASSERT_EQUAL(meshed[1] - plain[1], 3 * (VS_MS + 2 * (10 + 20) * VS_US));
    /* A handshake by lo before each, whose ACK goes before the request. */
    CU_ASSERT_EQUAL((meshed[0] - meshed[1]) - (plain[0] - plain[1]),
                    3 * 3 * (10 + 20) * VS_US);
}

static unsigned
count_lines(const char *text, const char *part)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned n = 0;

    for (unsigned i = 0; lines[i]; i++) {
        n += strstr(lines[i], part) != NULL;
    }
    return n;
}

static void
test_conntrack_tells_of_redirected_connections(void)
{
    Model *model = model_new(MESH(THREE, CALL, SIDECAR("sw", ""), SIDECAR("sa", ""),
                                  SIDECAR("sb", ""), LEAF),
                             model_free_costs);
    const VsNetns *web = model_pod(model, "w")->netns;
    g_autofree char *vip = NULL;
    g_autofree char *in = NULL;
    g_autofree char *entries = NULL;
    uint64_t n_out;

    model_run(model, 4 * VS_S);
    vip = vs_format_ipv4(model_service(model, "api")->cluster_ip);
    in = g_strdup_printf("dst=%s sport=32769 dport=80 src=127.0.0.1", vip);
    entries = vs_conntrack_print(web->conntrack);
    n_out =
        model_counter(model, "sw", "outbound-opened"); /* To one or two endpoints. */
    CU_ASSERT(n_out == 1 || n_out == 2);
    CU_ASSERT_EQUAL(count_lines(entries, "src="), 3 + n_out);
    /* In, to the container, out, to the endpoint. */
    CU_ASSERT_EQUAL(count_lines(entries, "dport=8080 src=10.244.0.2 dst=10.244.0.1 "
                                         "sport=15006"),
                    1);
    CU_ASSERT_EQUAL(count_lines(entries, "src=127.0.0.6 dst=10.244.0.2 sport=32768 "
                                         "dport=8080 src=10.244.0.2 dst=127.0.0.6"),
                    1);
    CU_ASSERT_EQUAL(count_lines(entries, in), 1);
    CU_ASSERT_EQUAL(count_lines(entries, "sport=15001"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "conntrack-entries"), 3 + n_out);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "inbound-requests"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "outbound-requests"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "inbound-opened"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "sw", "inbound-reused"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3);
    model_free(model);
}

/* kube-proxy sees the pod's address, not the service's, where there is a sidecar. */
static void
test_the_proxy_chooses_not_kube_proxy(void)
{
    static const char *const sidecars[] = {"", SIDECAR("sw", "")};

    for (unsigned i = 0; i < G_N_ELEMENTS(sidecars); i++) {
        g_autofree char *text = g_strdup_printf(
            MESH("arrivals='constant(100/s)' stop='2s'",
                 "service-time='1ms'><call service='api'/>", "%s", "", "", LEAF),
            model_free_costs, sidecars[i]);
        Model *model = model_new("%s", text);
        VsAddr vip = model_service(model, "api")->cluster_ip;
        Tap *tap = tap_new(model_pod(model, "w")->netns, VS_HOOK_POSTROUTING);
        unsigned n_to_vip = 0;
        uint64_t a, b;

        model_run(model, 3 * VS_S);
        for (unsigned j = 0; j < tap->entries->len; j++) {
            n_to_vip += tap_get(tap, j)->flow.daddr == vip;
        }
        CU_ASSERT_EQUAL(n_to_vip == 0, i == 1);
        a = model_counter(model, "a-api", "requests");
        b = model_counter(model, "b-api", "requests");
        CU_ASSERT_EQUAL(a + b, 200);
        if (i == 1) { /* By request, where kube-proxy chooses by connection. */
            CU_ASSERT(a > 60 && b > 60);
        } else {
            CU_ASSERT(a == 0 || b == 0);
        }
        model_free(model);
        tap_free(tap);
    }
}

/* To its own service: out at 15001, and in again at 15006, by lo. */
static void
test_a_pod_that_calls_itself(void)
{
    Model *model = model_new(
        "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' " ONE "/>"
        "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"
        "<node id='n1' costs='free'><pod id='self' labels='app=self'>"
        "<container id='outer' service-time='1ms'><call service='inner'/></container>"
        "<container id='inner-c' port='9090' service-time='1ms'/>" SIDECAR(
            "me",
            "") "</pod></node>"
                "<service id='inner' port='80' target-port='9090' select='app=self'/>"
                "<service id='outer' type='NodePort' node-port='30080' "
                "target-port='8080' "
                "select='app=self'/>",
        model_free_costs);

    model_run(model, 4 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "inner-c", "served"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "me", "inbound-requests"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "me", "outbound-requests"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "me", "mtls-opened"), 1);
    model_free(model);
}

/* ---- Past the proxy ---- */

typedef struct Caller {
    Model *model;
    unsigned n_connected;
} Caller;

static void
caller_connected(VsTcp *tcp)
{
    ((Caller *)vs_tcp_user(tcp))->n_connected++;
}

static void
caller_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    (void)tcp;
    (void)payload;
    (void)bytes;
}

static void
caller_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static void
caller_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps caller_ops = {.connected = caller_connected,
                                    .message = caller_message,
                                    .finished = caller_finished,
                                    .broken = caller_broken};

/* Who a connection from pod 'from' as user 'uid' to (daddr, dport) ends at: the port of the
 * socket that accepted it, as its conntrack entry has it. */
static void
check_goes_to(const char *sidecar, const char *from, uint32_t uid, VsAddr daddr,
              uint16_t dport, const char *expected)
{
    Model *model =
        model_new(MESH("arrivals='constant(1/s)' start='100s'", "service-time='1ms'>",
                       "%s", "", "", LEAF "/><container id='other' port='9090'"),
                  model_free_costs, sidecar);
    VsNetns *netns = model_pod(model, from)->netns;
    const VsTcpOrigin origin = {.uid = uid};
    Caller caller = {.model = model};
    g_autofree char *entries = NULL;

    vs_tcp_connect_from(netns, &origin, daddr, dport, NULL, &caller_ops, &caller);
    model_run(model, VS_MS);
    CU_ASSERT_EQUAL(caller.n_connected, 1);
    entries = vs_conntrack_print(model_pod(model, "w")->netns->conntrack);
    CU_ASSERT_EQUAL(count_lines(entries, expected), 1);
    model_free(model);
}

static void
test_what_the_rules_let_pass(void)
{
    enum { WEB = 0x0af40002, A = 0x0af40003, LOCALHOST = 0x7f000001 };
    static const char plain[] = SIDECAR("sw", "");
    static const char excluding[] =
        SIDECAR("sw", "exclude-inbound-ports='22 8080' exclude-outbound-ports='9090' "
                      "exclude-outbound-cidrs='10.244.0.4/32'");
    static const char including[] =
        SIDECAR("sw", "include-outbound-cidrs='10.96.0.0/12'");
    static const struct {
        const char *sidecar;
        const char *from;
        uint32_t uid;
        VsAddr daddr;
        uint16_t dport;
        const char *reply; /* Of the entry in pod w. */
    } cases[] = {
        {plain, "w", 0, A, 8080, "src=127.0.0.1 dst=10.244.0.2 sport=15001"},
        {plain, "w", 1337, A, 8080, "src=10.244.0.3 dst=10.244.0.2 sport=8080"},
        {plain, "w", 0, WEB, 8080, "src=10.244.0.2 dst=10.244.0.2 sport=8080"},
        {plain, "w", 1337, WEB, 8080, "src=127.0.0.1 dst=10.244.0.2 sport=15006"},
        {plain, "w", 1337, LOCALHOST, 8080, "src=127.0.0.1 dst=127.0.0.1 sport=8080"},
        {plain, "w", 0, LOCALHOST, 8080, "src=127.0.0.1 dst=127.0.0.1 sport=8080"},
        {plain, "a", 0, WEB, 8080, "src=10.244.0.2 dst=10.244.0.3 sport=15006"},
        {plain, "a", 1337, WEB, 9999, "src=10.244.0.2 dst=10.244.0.3 sport=15006"},
        {excluding, "a", 0, WEB, 8080, "src=10.244.0.2 dst=10.244.0.3 sport=8080"},
        {excluding, "w", 0, A, 9090, "src=10.244.0.3 dst=10.244.0.2 sport=9090"},
        {excluding, "w", 0, A, 8080, "src=127.0.0.1 dst=10.244.0.2 sport=15001"},
        {excluding, "w", 0, A + 1, 8080, "src=10.244.0.4 dst=10.244.0.2 sport=8080"},
        {including, "w", 0, A, 8080, "src=10.244.0.3 dst=10.244.0.2 sport=8080"},
        {including, "w", 0, 0x0a60000c, 80, "src=127.0.0.1 dst=10.244.0.2 sport=15001"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_goes_to(cases[i].sidecar, cases[i].from, cases[i].uid, cases[i].daddr,
                      cases[i].dport, cases[i].reply);
    }
}

/* ---- Workers ---- */

/* Of 'n' requests that come together and take a millisecond each, the n-th waits for the
 * others. */
static VsTime
wait_of(uint64_t n)
{
    return (VsTime)(n * (n - 1) / 2) * VS_MS;
}

/* Eight connections with a request each, at once: those of a worker go one after another,
 * though another worker has nothing to do. */
static void
test_workers_have_connections_of_their_own(void)
{
    enum { N = 8 };
    static const char *const workers[] = {"1", "2"};

    for (unsigned i = 0; i < G_N_ELEMENTS(workers); i++) {
        Model *model = model_new(
            "%s<switch id='sw'/><link from='n1' to='sw' rate='800Gbit/s' delay='1us'/>"
            "<client id='many' count='8' to='http://172.16.0.1:30080/' "
            "costs='free' " ONE
            "/><link from='many' to='sw' rate='800Gbit/s' delay='1us'/>"
            "<node id='n1' costs='free' cores='8'><pod id='p' labels='app=p'>"
            "<container id='x' workers='100' service-time='1ms'/>"
            "<sidecar id='sx' processing='1ms' workers='%s'/></pod></node>"
            "<service id='x' type='NodePort' node-port='30080' target-port='8080' "
            "select='app=p'/>",
            model_free_costs, workers[i]);
        const VsQueueStat *queue = model_stat(model, "sx", "queue");
        bool is_sum = false;

        model_run(model, VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "x", "served"), N);
        for (uint64_t n = i == 0 ? N : 1; n <= (i == 0 ? N : N / 2); n++) {
            VsTime sum = wait_of(n) + wait_of(N - n);

            is_sum |= ABS((VsTime)queue->visits - sum) < VS_US; /* Wires' part. */
        }
        CU_ASSERT(is_sum);
        CU_ASSERT(*(const VsTime *)model_stat(model, "sx", "workers") == N * VS_MS);
        model_free(model);
    }
}

static void
test_a_full_queue_is_told(void)
{
    Model *model =
        model_new(MESH("arrivals='constant(2000/s)' stop='1600us' ", CALL,
                       "<sidecar id='sw' processing='10ms' workers='1' queue='1'/>", "",
                       "", LEAF),
                  model_free_costs);

    model_run(model, VS_S);
    /* One is worked on, one waits, two are too many. */
    CU_ASSERT_EQUAL(model_counter(model, "sw", "failed-om"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    model_free(model);
}

/* ---- The scenario ---- */

/* The sum of a counter of all elements of a kind. */
static uint64_t
sum_of(const Model *model, const char *kind, const char *stat)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < vs_scenario_n_elements(model->scenario); i++) {
        const VsElement *element = vs_scenario_element(model->scenario, i);
        const VsStat *row = element->model->stats;

        while (row && row->name && strcmp(row->name, stat) != 0) {
            row++;
        }
        if (row && row->name && strcmp(element->model->element, kind) == 0) {
            const char *self = vs_simulation_instance(model->simulation, element);

            sum += *(const uint64_t *)(self + row->offset);
        }
    }
    return sum;
}

static void
test_what_two_sidecars_add(void)
{
    static const char *const no[] = {"sidecars=no", NULL};
    static const char *const strict[] = {"mtls=strict", NULL};
    Model *bare = model_load_with("sidecar/scenario.xml", no);
    Model *meshed = model_load_with("sidecar/scenario.xml", strict);
    VsTime added;
    uint64_t n_between;

    model_run(bare, 10 * VS_S);
    model_run(meshed, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(bare, "users", "completed"),
                    model_counter(meshed, "users", "completed"));
    added = vs_histogram_quantile(model_histogram(meshed, "users", "latency"), 0.5) -
            vs_histogram_quantile(model_histogram(bare, "users", "latency"), 0.5);
    CU_ASSERT(added > 3 * 200 * VS_US && added < 3 * 210 * VS_US);
    /* Between pods; there are two more for each, but that a pool is shared. */
    n_between = sum_of(meshed, "sidecar", "inbound-connections");
    CU_ASSERT(n_between > 14 && sum_of(bare, "container", "connections") == 14);
    CU_ASSERT(sum_of(meshed, "sidecar", "inbound-opened") <= n_between);
    CU_ASSERT_EQUAL(sum_of(bare, "node", "conntrack-entries"), 14 + 6);
    CU_ASSERT_EQUAL(sum_of(meshed, "sidecar", "conntrack-entries"),
                    n_between + sum_of(meshed, "sidecar", "inbound-opened") +
                        sum_of(meshed, "sidecar", "outbound-connections") +
                        sum_of(meshed, "sidecar", "outbound-opened"));
    CU_ASSERT_EQUAL(sum_of(meshed, "sidecar", "mtls-opened"),
                    sum_of(meshed, "sidecar", "outbound-opened"));
    model_free(bare);
    model_free(meshed);
}

static void
test_mistakes_are_told(void)
{
    static const struct {
        const char *pod;
        const char *reason;
    } cases[] = {
        {"<sidecar/>", NULL},
        {"<sidecar/><sidecar/>", "sidecar"},
        {"<sidecar exclude-inbound-ports='http'/>", "not a list of ports"},
        {"<sidecar exclude-outbound-ports='80,90'/>", "with blanks between"},
        {"<sidecar exclude-outbound-ports='70000'/>", "from 1 to 65535"},
        {"<sidecar retry-on='503 never'/>", "\"never\" is unknown"},
        {"<sidecar retries='0' retry-on='503'/>", "without retries"},
        {"<sidecar retries='0' backoff='1ms'/>", "without retries"},
        {"<sidecar ejection-time='1s'/>", "without consecutive-errors"},
        {"<sidecar max-ejection='50%'/>", "without consecutive-errors"},
        {"<sidecar mtls='off' certificate='4KiB'/>", "with mtls=\"off\""},
        {"<sidecar algorithm='nobody'/>", "algorithm"},
        {"<container id='h' port='81' http-version='2'/><sidecar/>", NULL},
        {"<ingress default-service='s' tls='1.3'/><sidecar/>",
         "reads requests of HTTP in plaintext alone"},
        {"<container id='w' port='81' websocket='yes'/><sidecar/>",
         "speaks WebSockets"},
        {"<client id='c' to='https://10.0.0.1/' arrivals='constant(1/s)'/><sidecar/>",
         "speaks TLS"},
        {"<container port='15001'/><sidecar/>", "15001"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf("<node id='n1'><pod id='p'>%s</pod></node>"
                            "<service id='s' select='a=b'/>",
                            cases[i].pod);

        model_check_error(cases[i].reason, "%s", text);
    }
}

static const VsTestCase tests[] = {
    {"without costs a sidecar takes no time",
     test_without_costs_a_sidecar_takes_no_time},
    {"known costs add up", test_known_costs_add_up},
    {"conntrack tells of redirected connections",
     test_conntrack_tells_of_redirected_connections},
    {"the proxy chooses, not kube-proxy", test_the_proxy_chooses_not_kube_proxy},
    {"a pod that calls itself", test_a_pod_that_calls_itself},
    {"what the rules let pass", test_what_the_rules_let_pass},
    {"workers have connections of their own",
     test_workers_have_connections_of_their_own},
    {"a full queue is told", test_a_full_queue_is_told},
    {"what two sidecars add", test_what_two_sidecars_add},
    {"mistakes are told", test_mistakes_are_told},
    {0},
};
VS_TESTS("sidecar")
