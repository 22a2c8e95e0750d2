#include "models/fixture.h"
#include "packet/payload.h"

#define SYN VS_TCP_SYN
#define RST (VS_TCP_RST | VS_TCP_ACK)

/* A client, a wire, and a node whose port 30080 is a container's. */
#define WEB(client, container, extra)                                      \
    "%s<client id='c' " client "/>\n"                                      \
    "<link from='c' to='n1' rate='1Gbit/s' delay='100us'/>\n"              \
    "<node id='n1' " extra "><pod id='a' labels='app=web'>"                \
    "<container id='web' port='8080' " container "/></pod></node>\n"       \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'" \
    " select='app=web'/>\n"
#define TO_WEB " to='http://172.16.0.2:30080/'"
#define FREE "costs='free'"

/* Bytes that travel, headers, preamble, FCS and gap included. */
#define WIRE_BYTES(ip_bytes) (MAX((ip_bytes), 46) + 14 + 24)
#define SYN_BYTES WIRE_BYTES(20 + 20 + 12) /* With MSS, SACK, window scale. */

/* Every step of the datapath has a round cost of its own, in us. */
static const char round_costs[] =
    "<costs id='round' nic-receive='1us' nic-transmit='2us' veth-cross='4us'"
    " bridge-forward='8us' route-lookup='16us' neighbour-lookup='32us' "
    "ip-forward='64us'"
    " conntrack-lookup='128us' conntrack-insert='256us' nat-rewrite='512us'"
    " rule='3us' socket-receive='1024us' socket-send='8192us'/>";

enum {
    NIC_RX = 1,
    NIC_TX = 2,
    VETH = 4,
    BRIDGE = 8,
    ROUTE = 16,
    NEIGHBOUR = 32,
    FORWARD = 64,
    CT_FIND = 128,
    CT_INSERT = 256,
    NAT = 512,
    RULE = 3,
    RECEIVE = 1024,
    SEND = 8192,
};

/* A request on an idle path, every step of it added up.  The second request: the first
 * has asked for MAC addresses. */
static void
test_latency_is_the_sum_of_the_path(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(1/s)' stop='2s' cores='1'"
                      " costs='round'" TO_WEB,
                      "service-time='20ms' response='100B'", "cores='1' costs='round'"),
                  round_costs);
    VsTime ps_per_byte = 8000;
    VsTime flight = 100 * VS_US;
    const char *request =
        "GET / HTTP/1.1\r\nHost: 172.16.0.2:30080\r\nUser-Agent: vethsim\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n";
    const char *response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                           "Content-Length: 100\r\nConnection: close\r\n\r\n";
    VsTime request_bytes = WIRE_BYTES(40 + (int)strlen(request));
    VsTime response_bytes = WIRE_BYTES(40 + (int)strlen(response) + 100);

    /* Of a packet of the client's socket to the wire, and of one from there to it. */
    VsTime out = (SEND + ROUTE + NEIGHBOUR + NIC_TX) * VS_US;
    VsTime in = (NIC_RX + ROUTE + RECEIVE) * VS_US;
    /* Into the pod: translated both ways, routed to cni0, bridged to the veth. */
    VsTime node_in = (NIC_RX + CT_FIND + NAT + ROUTE + FORWARD + NAT + NEIGHBOUR +
                      BRIDGE + VETH + ROUTE + RECEIVE) *
                     VS_US;
    /* Of the first one: PREROUTING's jump; 2 rules of KUBE-SERVICES (the cluster IP, the
     * jump to the node ports), 1 of KUBE-NODEPORTS; KUBE-EXT's two and the one that sets the
     * mark; 2 of KUBE-SVC, 2 of KUBE-SEP.  In FORWARD 2, with KUBE-FORWARD's first 2; in
     * POSTROUTING the jump and the 3 of KUBE-POSTROUTING. */
    VsTime node_in_first = node_in + (19 * RULE + CT_INSERT) * VS_US;
    /* Of others: 2 rules of FORWARD, 3 of KUBE-FORWARD; NEW asks in vain. */
    VsTime established = 5 * RULE * VS_US;
    /* From the pod's socket: veth, bridge, and back through the translation. */
    VsTime node_out = (SEND + ROUTE + NEIGHBOUR + VETH + BRIDGE + CT_FIND + NAT +
                       ROUTE + FORWARD + NAT + NEIGHBOUR + NIC_TX) *
                      VS_US;
    VsTime connect = out + SYN_BYTES * ps_per_byte + flight + node_in_first + node_out +
                     established + SYN_BYTES * ps_per_byte + flight + in;
    /* The ACK of the handshake goes before the request: one more packet to send. */
    VsTime exchange = out + out + request_bytes * ps_per_byte + flight + node_in +
                      established + 20 * VS_MS + node_out + established +
                      response_bytes * ps_per_byte + flight + in;

    model_run(model, VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
    /* What is learnt by ARP comes on top: the client asks, the node asks the pod. */
    CU_ASSERT(vs_histogram_max(model_histogram(model, "c", "latency")) >
              connect + exchange);
    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    CU_ASSERT_EQUAL(vs_histogram_min(model_histogram(model, "c", "latency")),
                    connect + exchange);
    CU_ASSERT_EQUAL(vs_histogram_min(model_histogram(model, "c", "latency-connect")),
                    connect);
    CU_ASSERT_EQUAL(vs_histogram_min(model_histogram(model, "c", "latency-request")),
                    exchange);
    CU_ASSERT_EQUAL(vs_histogram_max(model_histogram(model, "c", "latency-dns")), 0);
    model_free(model);
}

/* With the datapath for free only wires and the container take time. */
static void
test_latency_of_a_free_datapath(void)
{
    Model *model = model_new(WEB("arrivals='constant(1/s)' stop='3s' " FREE TO_WEB,
                                 "service-time='5ms' response='0B'", FREE),
                             model_free_costs);
    const char *request =
        "GET / HTTP/1.1\r\nHost: 172.16.0.2:30080\r\nUser-Agent: vethsim\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n";
    const char *response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                           "Content-Length: 0\r\nConnection: close\r\n\r\n";
    VsTime bytes = 2 * SYN_BYTES + WIRE_BYTES(40) /* ACK before the request. */
                   + WIRE_BYTES(40 + (int)strlen(request)) +
                   WIRE_BYTES(40 + (int)strlen(response));
    VsTime expected = bytes * 8000 + 4 * 100 * VS_US + 5 * VS_MS;

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3);
    CU_ASSERT_EQUAL(vs_histogram_min(model_histogram(model, "c", "latency")), expected);
    model_free(model);
}

static void
test_phases_sum_to_the_latency(void)
{
    Model *model =
        model_new("<client id='c' arrivals='poisson(200/s)' stop='20s' resolver='d'"
                  " to='http://web.example:30080/'/>"
                  "<dns id='d'><record name='web.example' to='n1' ttl='1s'/></dns>"
                  "<switch id='sw'/><link from='c' to='sw'/><link from='d' to='sw'/>"
                  "<link from='n1' to='sw'/>"
                  "<node id='n1'><pod id='a' labels='app=web'>"
                  "<container id='web' service-time='exponential(3ms)'/></pod></node>"
                  "<service id='s' type='NodePort' node-port='30080'"
                  " target-port='8080' select='app=web'/>");
    static const char *const names[] = {"latency-dns", "latency-connect",
                                        "latency-request"};
    const VsHistogram *latency;
    const VsStageTotals *stages;
    VsHistogramSum sum = 0;
    unsigned __int128 steps = 0;

    model_run(model, 25 * VS_S);
    latency = model_histogram(model, "c", "latency");
    stages = model_stat(model, "c", "stages");
    CU_ASSERT(model_counter(model, "c", "completed") > 3000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const VsHistogram *phase = model_histogram(model, "c", names[i]);

        CU_ASSERT_EQUAL(phase->count, latency->count);
        sum += phase->sum;
    }
    CU_ASSERT_TRUE(sum == latency->sum);
    /* And so do the stages on the way. */
    for (unsigned i = 0; i < stages->n_rows; i++) {
        steps += stages->rows[i].elapsed;
    }
    CU_ASSERT_EQUAL(stages->n_journeys, latency->count);
    CU_ASSERT_TRUE(steps == latency->sum);
    CU_ASSERT_TRUE(stages->elapsed == latency->sum);
    model_free(model);
}

static void
test_keep_alive_uses_one_connection(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(100/s)' stop='10s' keep-alive='yes'" TO_WEB,
                      "service-time='1ms'", ""),
                  "");

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "web", "connections"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "web", "requests"), 1000);
    /* All but the first have nothing to wait for. */
    CU_ASSERT_EQUAL(
        vs_histogram_quantile(model_histogram(model, "c", "latency-connect"), 0.999),
        0);
    model_free(model);
}

static void
test_without_keep_alive_each_request_connects(void)
{
    Model *model = model_new(
        WEB("arrivals='constant(100/s)' stop='10s'" TO_WEB, "service-time='1ms'", ""),
        "");

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 1000);
    CU_ASSERT_EQUAL(model_counter(model, "web", "connections"), 1000);
    CU_ASSERT(vs_histogram_min(model_histogram(model, "c", "latency-connect")) >
              2 * 100 * VS_US);
    model_free(model);
}

/* A request takes over 50 ms and one begins every 10 ms: six are under way at a time. */
static void
test_keep_alive_opens_as_many_as_needed(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(100/s)' stop='10s' keep-alive='yes'" TO_WEB,
                      "service-time='50ms' workers='100'", ""),
                  "");

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 6);
    model_free(model);
}

static void
test_timeout_comes_on_time(void)
{
    Model *model = model_new(WEB("arrivals='constant(1/s)' stop='3s' timeout='600ms'"
                                 " costs='free'" TO_WEB,
                                 "service-time='800ms'", FREE),
                             model_free_costs);
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 3);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 0);
    CU_ASSERT_EQUAL(vs_histogram_count(model_histogram(model, "c", "latency")), 0);
    for (unsigned i = 0; i < 3; i++) {
        /* It hangs up: RST, 600 ms after the intended start. */
        const TapEntry *reset = tap_find(tap, RST, i);

        CU_ASSERT_PTR_NOT_NULL_FATAL(reset);
        CU_ASSERT_EQUAL(reset->time, i * VS_S + 600 * VS_MS);
    }
    /* The work was done for nobody. */
    CU_ASSERT_EQUAL(model_counter(model, "web", "served"), 3);
    model_free(model);
    tap_free(tap);
}

static void
test_lost_syn_is_sent_again_until_the_timeout(void)
{
    Model *model = model_new(WEB("arrivals='constant(1/s)' stop='1s' timeout='10s'"
                                 " costs='free'" TO_WEB,
                                 "", FREE),
                             model_free_costs);
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);

    model_unplug(model, "n1");
    model_run(model, 20 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 1);
    /* At 0, 1, 3 and 7 s; 15 s would be too late. */
    CU_ASSERT_EQUAL(tap_count(tap, SYN), 4);
    CU_ASSERT_EQUAL(tap_find(tap, SYN, 3)->time, 7 * VS_S);
    model_free(model);
    tap_free(tap);
}

/* The DNS server has no HTTP server: its kernel answers with RST. */
static void
test_closed_port_refuses(void)
{
    Model *model = model_new("<client id='c' arrivals='constant(10/s)' stop='1s'"
                             " to='http://172.16.0.2:80/'/>"
                             "<dns id='d'><record name='x' address='192.0.2.1'/></dns>"
                             "<link from='c' to='d'/>");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 10);
    model_free(model);
}

static void
test_no_route_is_unreachable(void)
{
    Model *model = model_new("<client id='c' arrivals='constant(10/s)' stop='1s'"
                             " to='http://198.51.100.7/'/>"
                             "<router id='r'/><link from='c' to='r'/>");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-unreachable"), 10);
    CU_ASSERT_EQUAL(model_dropped(model, VS_DROP_NO_ROUTE), 10);
    model_free(model);
}

static void
test_no_route_of_its_own_is_unreachable(void)
{
    Model *model = model_new("<client id='c' arrivals='constant(10/s)' stop='1s'"
                             " to='http://198.51.100.7/'/>"
                             "<node id='n'/><link from='c' to='n'/>");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-unreachable"), 10);
    model_free(model);
}

#define NAMED(client, dns)                                                      \
    "%s<client id='c' costs='free' resolver='d' " client "/>"                   \
    "<dns id='d' costs='free' service-time='1ms' " dns "</dns>"                 \
    "<switch id='sw' latency='0s'/><link from='c' to='sw' delay='1ms'/>"        \
    "<link from='d' to='sw' delay='1ms'/><link from='n1' to='sw' delay='1ms'/>" \
    "<node id='n1' costs='free'><pod id='a' labels='app=web'>"                  \
    "<container id='web' service-time='1ms'/></pod></node>"                     \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"      \
    " select='app=web'/>"

static void
test_unknown_name_fails(void)
{
    Model *model = model_new(NAMED("arrivals='constant(10/s)' stop='1s'"
                                   " to='http://nowhere.example:30080/'",
                                   "><record name='web.example' to='n1'/>"),
                             model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 0);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"),
                    10); /* It keeps no refusals. */
    CU_ASSERT_EQUAL(model_counter(model, "d", "unknown"), 10);
    model_free(model);
}

/* RFC 4343: names are compared without case. */
static void
test_names_are_compared_without_case(void)
{
    Model *model = model_new(NAMED("arrivals='constant(10/s)' stop='1s'"
                                   " to='http://Web.EXAMPLE:30080/'",
                                   "><record name='wEB.example.' to='n1'/>"),
                             model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    model_free(model);
}

/* glibc: two questions, 5 s apart, then no more. */
static void
test_silent_resolver_fails_after_two_questions(void)
{
    Model *model = model_new(NAMED("arrivals='constant(1/s)' stop='1s'"
                                   " to='http://web.example:30080/'",
                                   "><record name='web.example' to='n1'/>"),
                             model_free_costs);

    model_unplug(model, "d");
    model_run(model, 10 * VS_S - 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), 0);
    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-dns"), 1);
    model_free(model);
}

/* A question when the answer has run out, and not before.  Requests come every 100 ms, an
 * answer takes 'answer' and holds for 'ttl' from then on. */
static uint64_t
expected_lookups(VsTime until, VsTime answer, VsTime ttl)
{
    VsTime expires = 0;
    uint64_t n_lookups = 0;

    for (VsTime now = 0; now < until; now += 100 * VS_MS) {
        if (now >= expires) {
            n_lookups++;
            expires = now + answer + ttl;
        }
    }
    return n_lookups;
}

static void
test_dns_cache_honours_the_time_to_live(void)
{
    static const unsigned ttls[] = {0, 1, 7, 60};

    for (unsigned i = 0; i < G_N_ELEMENTS(ttls); i++) {
        Model *model =
            model_new(NAMED("arrivals='constant(10/s)' stop='100s'"
                            " to='http://web.example:30080/'",
                            "><record name='web.example' to='n1' ttl='%us'/>"),
                      model_free_costs, ttls[i]);
        uint64_t expected;

        model_run(model, 101 * VS_S);
        expected = expected_lookups(
            100 * VS_S, vs_histogram_max(model_histogram(model, "c", "latency-dns")),
            ttls[i] * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1000);
        CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), expected);
        CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), expected);
        /* The request after ttl + answer is the (10 ttl + 1)-th of 1000. */
        CU_ASSERT_EQUAL(
            expected, ttls[i] == 0 ? 1000 : (1000 + 10 * ttls[i]) / (10 * ttls[i] + 1));
        model_free(model);
    }
}

/* Each carries what it should: a POST of 10 kB takes its time on a wire of 1 Mbit/s. */
static void
test_body_is_sent(void)
{
    Model *get =
        model_new(WEB("arrivals='constant(1/s)' stop='1s'" TO_WEB, "", ""), "");
    Model *post = model_new(
        WEB("arrivals='constant(1/s)' stop='1s' body='10kB'" TO_WEB, "", ""), "");
    uint64_t bytes_get;
    uint64_t bytes_post;

    model_run(get, 2 * VS_S);
    model_run(post, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(post, "c", "completed"), 1);
    bytes_get = model_wire(get, "c > n1")->n_bytes;
    bytes_post = model_wire(post, "c > n1")->n_bytes;
    /* 10,000 bytes, a head of about 150, 7 segments of at most 1460 instead of one. */
    CU_ASSERT(bytes_post - bytes_get > 10000 + 6 * (40 + 38));
    CU_ASSERT(bytes_post - bytes_get < 10000 + 6 * (40 + 38) + 100);
    model_free(get);
    model_free(post);
}

static void
test_wrong_configurations_are_refused(void)
{
    g_autofree char *resolver_for_address =
        model_error(WEB("arrivals='constant(1/s)' resolver='d'" TO_WEB, "",
                        "") "<dns id='d'><record name='x' address='192.0.2.1'/></dns>"
                            "<link from='d' to='c'/>",
                    "");
    g_autofree char *no_resolver = model_error(
        WEB("arrivals='constant(1/s)' to='http://web.example/'", "", ""), "");
    g_autofree char *stop_before_start = model_error(
        WEB("arrivals='constant(1/s)' start='2s' stop='1s'" TO_WEB, "", ""), "");
    g_autofree char *no_url =
        model_error(WEB("arrivals='constant(1/s)' to='web'", "", ""), "");
    g_autofree char *lost_resolver = model_error(
        WEB("arrivals='constant(1/s)' resolver='d' to='http://w.example/'", "",
            "") "<dns id='d'><record name='x' address='192.0.2.1'/></dns>",
        "");

    CU_ASSERT_PTR_NOT_NULL(strstr(resolver_for_address, "has no effect"));
    CU_ASSERT_PTR_NOT_NULL(strstr(no_resolver, "say who resolves it"));
    CU_ASSERT_PTR_NOT_NULL(strstr(stop_before_start, "stop is not after start"));
    CU_ASSERT_PTR_NOT_NULL(strstr(no_url, "not an http URL"));
    CU_ASSERT_PTR_NOT_NULL(strstr(lost_resolver, "no link leads to it"));
}

static const VsTestCase tests[] = {
    {"a request's latency is the sum of wires, costs and work, to the picosecond",
     test_latency_is_the_sum_of_the_path},
    {"without costs only wires and the container take time",
     test_latency_of_a_free_datapath},
    {"phases and stages sum to the latency", test_phases_sum_to_the_latency},
    {"keep-alive sends many requests on one connection",
     test_keep_alive_uses_one_connection},
    {"without keep-alive each request has its connection",
     test_without_keep_alive_each_request_connects},
    {"keep-alive opens as many connections as are busy at a time",
     test_keep_alive_opens_as_many_as_needed},
    {"a request times out after its intended start", test_timeout_comes_on_time},
    {"a lost SYN is sent again at 1, 3 and 7 s, until the time-out",
     test_lost_syn_is_sent_again_until_the_timeout},
    {"a port that nobody listens at refuses", test_closed_port_refuses},
    {"an address that a router has no route to is unreachable",
     test_no_route_is_unreachable},
    {"an address that the client has no route to is unreachable",
     test_no_route_of_its_own_is_unreachable},
    {"a name that nobody has fails", test_unknown_name_fails},
    {"names are compared without case or final dot",
     test_names_are_compared_without_case},
    {"a silent resolver is asked twice, 5 s apart",
     test_silent_resolver_fails_after_two_questions},
    {"an answer is kept for its time to live", test_dns_cache_honours_the_time_to_live},
    {"a body travels with its request", test_body_is_sent},
    {"configurations that cannot be are refused",
     test_wrong_configurations_are_refused},
    {0},
};

VS_TESTS("client")
