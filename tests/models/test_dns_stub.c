/* How a C library resolves: which questions it asks, in which order, when, and from where. */
#include "models/fixture.h"

/* A program on a host and its DNS servers d-1 and d-2 behind a switch: 1 ms on each link, so 4 ms
 * there and back, and nothing else takes time. */
#define SERVER(id, records)                                                      \
    "<dns id='" id "' costs='free' service-time='0s' negative-ttl='3s'>" records \
    "<record name='web.example' address='192.0.2.1'/></dns><link from='" id      \
    "' to='sw' delay='1ms'/>"
#define NET(client, records)                                                       \
    "%s<client id='c' costs='free' arrivals='constant(0.001/s)' "                  \
    "timeout='200s' " client                                                       \
    "/><switch id='sw' latency='0s'/><link from='c' to='sw' delay='1ms'/>" SERVER( \
        "d-1", records) SERVER("d-2", records)

#define ROUND_TRIP (4 * VS_MS)
#define FIRST_TRIP (2 * ROUND_TRIP) /* ARP has to ask first. */
#define SEARCH "dns-search='default.svc.cluster.local svc.cluster.local cluster.local' "

typedef struct Asked {
    VsTime time; /* To the millisecond: what lines take is less. */
    VsDnsType type;
    const char *name;
    unsigned server; /* 1: the one that was asked first; 2. */
    uint16_t port;
} Asked;

typedef struct Stub {
    Model *model;
    Tap *tap;
    GArray *asked; /* Of Asked. */
} Stub;

static void
collect(Stub *stub)
{
    VsAddr first = 0;

    for (unsigned i = 0; i < stub->tap->entries->len; i++) {
        const TapEntry *entry = tap_get(stub->tap, i);
        Asked asked = {
            .time = entry->time / VS_MS * VS_MS,
            .type = (VsDnsType)entry->dns.type,
            .name = vs_names_get(&stub->model->run->packets->names, entry->dns.name),
            .port = entry->flow.sport};

        if (entry->flow.dport == VS_DNS_PORT && entry->dns.name != 0) {
            first = first ? first : entry->flow.daddr;
            asked.server = entry->flow.daddr == first ? 1 : 2;
            g_array_append_val(stub->asked, asked);
        }
    }
}

/* Runs 'model' for 100 s, with servers that do not answer 'unplugged'. */
static Stub
stub_run(Model *model, const char *unplugged, const char *unplugged_too)
{
    Stub stub = {.model = model, .asked = g_array_new(FALSE, FALSE, sizeof(Asked))};

    if (unplugged) {
        model_unplug(model, unplugged);
    }
    if (unplugged_too) {
        model_unplug(model, unplugged_too);
    }
    stub.tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    model_run(model, 100 * VS_S);
    collect(&stub);
    return stub;
}

static void
stub_free(Stub *stub)
{
    model_free(stub->model);
    tap_free(stub->tap);
    g_array_free(stub->asked, TRUE);
}

static const Asked *
asked(const Stub *stub, unsigned i)
{
    static const Asked none = {.name = "nothing"};

    return i < stub->asked->len ? &g_array_index(stub->asked, Asked, i) : &none;
}

static void
check_asked(const Stub *stub, unsigned i, VsDnsType type, const char *name, VsTime time)
{
    CU_ASSERT_STRING_EQUAL(asked(stub, i)->name, name);
    CU_ASSERT_EQUAL(asked(stub, i)->type, type);
    CU_ASSERT_EQUAL(asked(stub, i)->time, time);
}

/* A and AAAA of 'name' go out at 'time' from one port. */
static void
check_pair(const Stub *stub, unsigned i, const char *name, VsTime time)
{
    check_asked(stub, i, VS_DNS_A, name, time);
    check_asked(stub, i + 1, VS_DNS_AAAA, name, time);
    CU_ASSERT_EQUAL(asked(stub, i)->port, asked(stub, i + 1)->port);
}

#define PARTNER "<record name='api.partner.com' address='192.0.2.7'/>"

/* Two dots are fewer than five: three suffixes, then the name itself, a round trip each. */
static void
test_search_list_makes_eight_questions(void)
{
    Stub stub = stub_run(
        model_new(NET("libc='glibc' resolver='d-1' dns-options='ndots:5' " SEARCH
                      "to='http://api.partner.com/'",
                      PARTNER),
                  model_free_costs),
        NULL, NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 8);
    check_pair(&stub, 0, "api.partner.com.default.svc.cluster.local", 0);
    check_pair(&stub, 2, "api.partner.com.svc.cluster.local", FIRST_TRIP);
    check_pair(&stub, 4, "api.partner.com.cluster.local", FIRST_TRIP + ROUND_TRIP);
    check_pair(&stub, 6, "api.partner.com", FIRST_TRIP + 2 * ROUND_TRIP);
    for (unsigned i = 2; i < 8; i += 2) {
        CU_ASSERT_NOT_EQUAL(asked(&stub, i)->port, asked(&stub, i - 1)->port);
    }
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "lookups"), 8);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "no-such-name"), 6);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "error-dns"), 0);
    stub_free(&stub);
}

static void
test_final_dot_skips_the_search_list(void)
{
    Stub stub = stub_run(
        model_new(NET("libc='glibc' resolver='d-1' dns-options='ndots:5' " SEARCH
                      "to='http://api.partner.com./'",
                      PARTNER),
                  model_free_costs),
        NULL, NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 2);
    check_pair(&stub, 0, "api.partner.com", 0);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "no-such-name"), 0);
    stub_free(&stub);
}

/* The slow twin: the rule as the manual page words it. */
static void
add_expected(GPtrArray *names, const char *host, const char *suffix)
{
    g_ptr_array_add(names,
                    suffix ? g_strconcat(host, ".", suffix, NULL) : g_strdup(host));
}

static GPtrArray *
expected_names(VsLibc libc, const char *host, unsigned ndots, const char *const *search)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) labels = g_strsplit(host, ".", -1);
    unsigned n_dots = g_strv_length(labels) - 1;

    if (g_str_has_suffix(host, ".")) {
        g_autofree char *bare = g_strndup(host, strlen(host) - 1);

        add_expected(names, bare, NULL);
        return names;
    }
    if (n_dots >= ndots) {
        add_expected(names, host, NULL);
        if (libc == VS_LIBC_MUSL) {
            return names;
        }
    }
    for (; *search; search++) {
        add_expected(names, host, *search);
    }
    if (n_dots < ndots) {
        add_expected(names, host, NULL);
    }
    return names;
}

static void
check_names(VsLibc libc, const char *host, unsigned ndots, const char *const *search)
{
    g_autoptr(GPtrArray) expected = expected_names(libc, host, ndots, search);
    VsResolvConf conf;
    VsResolvNames names;
    VsNames interned;

    vs_names_init(&interned);
    vs_resolv_conf_init(&conf, libc);
    conf.search = search;
    conf.ndots = ndots;
    vs_resolv_names_init(&names, &conf, host, &interned);
    CU_ASSERT_EQUAL(names.n_names, expected->len);
    for (unsigned i = 0; i < MIN(names.n_names, expected->len); i++) {
        CU_ASSERT_STRING_EQUAL(vs_names_get(&interned, names.names[i]),
                               expected->pdata[i]);
    }
    vs_resolv_names_clear(&names);
    vs_names_clear(&interned);
}

static void
test_search_list_agrees_with_its_slow_twin(void)
{
    static const char *const hosts[] = {"a",      "a.",        "a.b",        "a.b.c",
                                        "a.b.c.", "a.b.c.d.e", "a.b.c.d.e.f"};
    static const char *const search[] = {"one.example", "two.example", "three", NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(hosts); i++) {
        for (unsigned ndots = 0; ndots <= 6; ndots++) {
            for (unsigned skip = 0; skip <= 3; skip++) {
                check_names(VS_LIBC_GLIBC, hosts[i], ndots, search + skip);
                check_names(VS_LIBC_MUSL, hosts[i], ndots, search + skip);
            }
        }
    }
}

/* 5 s for the only server, twice. */
static void
test_silent_server_is_asked_twice(void)
{
    Stub stub = stub_run(model_new(NET("libc='glibc' resolver='d-1' "
                                       "to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         "d-1", NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 4);
    check_pair(&stub, 0, "web.example", 0);
    check_pair(&stub, 2, "web.example", 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "error-dns"), 1);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "dns-timeouts"), 2);
    stub_free(&stub);
}

/* Two servers: 5 s for the first, (5 << 1) / 2 for the second; a search name without answer ends
 * the search, but the name itself is tried, too. */
static void
test_silent_servers_take_turns(void)
{
    static const unsigned servers[] = {1, 2, 1, 2};
    Stub stub = stub_run(model_new(NET("libc='glibc' resolver='d-1 d-2' " SEARCH
                                       "dns-options='ndots:5' to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         "d-1", "d-2");

    CU_ASSERT_EQUAL(stub.asked->len, 16);
    for (unsigned i = 0; i < 4; i++) {
        check_pair(&stub, 2 * i, "web.example.default.svc.cluster.local", i * 5 * VS_S);
        check_pair(&stub, 8 + 2 * i, "web.example", (20 + i * 5) * VS_S);
        CU_ASSERT_EQUAL(asked(&stub, 2 * i)->server, servers[i]);
    }
    stub_free(&stub);
}

static void
test_second_server_answers_after_the_time_out(void)
{
    Stub stub = stub_run(model_new(NET("libc='glibc' resolver='d-1 d-2' "
                                       "dns-options='timeout:2' "
                                       "to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         "d-1", NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 4);
    check_pair(&stub, 2, "web.example", 2 * VS_S);
    CU_ASSERT_EQUAL(asked(&stub, 3)->server, 2);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "error-dns"), 0);
    stub_free(&stub);
}

/* Each of the three names that are asked for starts with the next server. */
static void
test_rotation(void)
{
    Stub stub = stub_run(model_new(NET("libc='glibc' resolver='d-1 d-2' " SEARCH
                                       "dns-options='ndots:2 rotate' "
                                       "to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         NULL, NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 8);
    for (unsigned i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(asked(&stub, i)->server, 1 + i / 2 % 2);
    }
    stub_free(&stub);
}

static void
test_single_requests_follow_one_another(void)
{
    Stub one = stub_run(model_new(NET("libc='glibc' resolver='d-1' "
                                      "dns-options='single-request' "
                                      "to='http://web.example/'",
                                      ""),
                                  model_free_costs),
                        NULL, NULL);
    Stub two = stub_run(model_new(NET("libc='glibc' resolver='d-1' "
                                      "dns-options='single-request-reopen' "
                                      "to='http://web.example/'",
                                      ""),
                                  model_free_costs),
                        NULL, NULL);

    CU_ASSERT_EQUAL(one.asked->len, 2);
    check_asked(&one, 0, VS_DNS_A, "web.example", 0);
    check_asked(&one, 1, VS_DNS_AAAA, "web.example", FIRST_TRIP);
    CU_ASSERT_EQUAL(asked(&one, 0)->port, asked(&one, 1)->port);
    CU_ASSERT_EQUAL(two.asked->len, 2);
    check_asked(&two, 1, VS_DNS_AAAA, "web.example", FIRST_TRIP);
    CU_ASSERT_NOT_EQUAL(asked(&two, 0)->port, asked(&two, 1)->port);
    stub_free(&one);
    stub_free(&two);
}

/* Both servers hear both questions at once, and again after 2.5 s; at 5 s it is over, without the
 * name itself. */
static void
test_musl_asks_all_servers_at_once(void)
{
    Stub stub = stub_run(model_new(NET("libc='musl' resolver='d-1 d-2' " SEARCH
                                       "dns-options='ndots:5' to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         "d-1", "d-2");

    CU_ASSERT_EQUAL(stub.asked->len, 8);
    for (unsigned i = 0; i < 8; i += 2) {
        check_pair(&stub, i, "web.example.default.svc.cluster.local",
                   i / 4 * 2500 * VS_MS);
        CU_ASSERT_EQUAL(asked(&stub, i)->server, 1 + i / 2 % 2);
        CU_ASSERT_EQUAL(asked(&stub, i)->port, asked(&stub, 0)->port);
    }
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "error-dns"), 1);
    stub_free(&stub);
}

/* musl: one silent server of two costs nothing. */
static void
test_musl_takes_the_first_answer(void)
{
    Stub stub = stub_run(model_new(NET("libc='musl' resolver='d-1 d-2' " SEARCH
                                       "to='http://web.example/'",
                                       ""),
                                   model_free_costs),
                         "d-1", NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 4); /* One dot are enough: no search. */
    check_pair(&stub, 0, "web.example", 0);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "error-dns"), 0);
    CU_ASSERT_EQUAL(model_counter(stub.model, "c", "dns-timeouts"), 0);
    stub_free(&stub);
}

/* The search list's first name exists, but has no address that could be meant: none here, as only
 * AAAA lacks one.  So a name of the search list that has one wins. */
static void
test_first_name_with_an_address_wins(void)
{
    Stub stub = stub_run(
        model_new(NET("libc='glibc' resolver='d-1' " SEARCH "dns-options='ndots:5' "
                      "to='http://shop/'",
                      "<record name='shop.svc.cluster.local' address='192.0.2.3'/>"
                      "<record name='shop' address='192.0.2.4'/>"),
                  model_free_costs),
        NULL, NULL);

    CU_ASSERT_EQUAL(stub.asked->len, 4);
    check_pair(&stub, 0, "shop.default.svc.cluster.local", 0);
    check_pair(&stub, 2, "shop.svc.cluster.local", FIRST_TRIP);
    stub_free(&stub);
}

/* Every 100 ms a connection: without a cache each asks, with one of 1 s each eleventh; the
 * answer's own time to live is a minute. */
static void
test_cache_of_the_program(void)
{
    static const struct {
        const char *attributes;
        unsigned n_asked;
    } cases[] = {
        {"libc='glibc'", 200},
        {"libc='glibc' dns-cache='1s'", 20},
        {"", 1},
        {"dns-cache='1s'", 10},
        {"dns-cache='0s'", 100},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(
            "%s<client id='c' costs='free' arrivals='constant(10/s)' stop='10s' "
            "resolver='d' to='http://web.example/' %s/>"
            "<dns id='d' costs='free'><record name='web.example' to='d'/></dns>"
            "<link from='c' to='d'/>",
            model_free_costs, cases[i].attributes);

        model_run(model, 20 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "lookups"), cases[i].n_asked);
        model_free(model);
    }
}

static void
test_wrong_configurations_are_refused(void)
{
#define DNS(id)                                                     \
    "<dns id='" id "'><record name='a' address='192.0.2.1'/></dns>" \
    "<link from='" id "' to='sw'/>"
#define REFUSE(part, attributes)                                                   \
    model_check_error(part, "<client id='c' arrivals='constant(1/s)' " attributes  \
                            "/><switch id='sw'/><link from='c' to='sw'/>" DNS("d") \
                                DNS("e") DNS("f") DNS("g"))
    REFUSE("\"trust-ad\" is not modelled",
           "to='http://a/' resolver='d' dns-options='trust-ad'");
    REFUSE("\"ndots:x\" is not modelled",
           "to='http://a/' resolver='d' dns-options='ndots:x'");
    REFUSE("musl does not know the option \"rotate\"",
           "to='http://a/' resolver='d' libc='musl' dns-options='rotate'");
    REFUSE("more than 3 DNS servers", "to='http://a/' resolver='d e f g'");
    REFUSE("dns-search has no effect",
           "to='http://a/' resolver='d' dns-search='example'");
    REFUSE("\"192.0.2.1\" is an address", "to='http://192.0.2.1/' libc='glibc'");
#undef REFUSE
#undef DNS
    model_check_error("resolver has no effect on a client in a pod",
                      "<node id='n'/><pod id='p'><client id='c' to='http://a/' "
                      "arrivals='constant(1/s)' resolver='d'/></pod><dns id='d'>"
                      "<record name='a' to='d'/></dns><link from='n' to='d'/>");
    model_check_error("no DNS server to ask; add <service id=\"kube-dns\"",
                      "<node id='n'/><pod id='p'><client id='c' to='http://a/' "
                      "arrivals='constant(1/s)'/></pod>");
}

static const VsTestCase tests[] = {
    {"api.partner.com with ndots:5 and three suffixes is eight questions",
     test_search_list_makes_eight_questions},
    {"a final dot makes two of them", test_final_dot_skips_the_search_list},
    {"the search list agrees with its slow twin",
     test_search_list_agrees_with_its_slow_twin},
    {"a silent server is asked again after 5 s", test_silent_server_is_asked_twice},
    {"silent servers are asked in turn", test_silent_servers_take_turns},
    {"the second server answers after the time-out of the first",
     test_second_server_answers_after_the_time_out},
    {"rotate: each name starts with the next server", test_rotation},
    {"single-request: AAAA waits for the answer to A",
     test_single_requests_follow_one_another},
    {"musl asks all servers at once, twice", test_musl_asks_all_servers_at_once},
    {"musl takes the first answer", test_musl_takes_the_first_answer},
    {"the first name with an address wins", test_first_name_with_an_address_wins},
    {"a program's cache counts from its answer", test_cache_of_the_program},
    {"configurations that cannot be are refused",
     test_wrong_configurations_are_refused},
    {0},
};

VS_TESTS("stub resolvers")
