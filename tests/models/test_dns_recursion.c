/* Recursive resolvers and the zones that they go through: how many questions, to whom, and how
 * long it takes. */
#include "models/fixture.h"

/* A client, its resolver, and servers of the root, com and net, and two zones, each as far from
 * the router in the middle as its link says.  www.example.com is at the second of them:
 * a round trip takes 2 ms more than twice the delay.  For %s: attributes of the resolver, TTLs
 * of referrals, records of the root, com, net, example.com and example.net. */
#define WORLD(client, resolver, ttl, root, com, net, example_com, example_net)      \
    "%s<client id='c' costs='free' resolver='isp' dns-cache='0s' "                  \
    "timeout='20s' " client                                                         \
    "/><router id='r' costs='free'/><link from='c' to='r' delay='1ms'/>"            \
    "<resolver id='isp' costs='free' service-time='0s' roots='root' " resolver "/>" \
    "<link from='isp' to='r' delay='1ms'/>"                                         \
    "<dns id='root' costs='free' service-time='0s'><zone name='.'>"                 \
    "<record name='.' ns='a.root-servers.net' ttl='" ttl "'/>"                      \
    "<record name='a.root-servers.net' to='root' ttl='" ttl "'/>"                   \
    "<record name='com' ns='ns.com' ttl='" ttl "'/>"                                \
    "<record name='ns.com' to='com' ttl='" ttl "'/>"                                \
    "<record name='net' ns='ns.net' ttl='" ttl "'/>"                                \
    "<record name='ns.net' to='net' ttl='" ttl "'/>" root                           \
    "</zone></dns><link from='root' to='r' delay='10ms'/>"                          \
    "<dns id='com' costs='free' service-time='0s'><zone name='com'>"                \
    "<record name='com' ns='ns.com' ttl='" ttl "'/>" com                            \
    "</zone></dns><link from='com' to='r' delay='20ms'/>"                           \
    "<dns id='net' costs='free' service-time='0s'><zone name='net'>"                \
    "<record name='net' ns='ns.net' ttl='" ttl "'/>" net                            \
    "</zone></dns><link from='net' to='r' delay='30ms'/>"                           \
    "<dns id='one' costs='free' service-time='0s'><zone name='example.com' "        \
    "negative-ttl='20s'><record name='example.com' ns='ns1.example.com'/>"          \
    "<record name='ns1.example.com' to='one'/>" example_com                         \
    "</zone></dns><link id='to-one' from='one' to='r' delay='40ms'/>"               \
    "<dns id='two' costs='free' service-time='0s'><zone name='example.net'>"        \
    "<record name='example.net' ns='ns1.example.net'/>"                             \
    "<record name='ns1.example.net' to='two'/>" example_net                         \
    "</zone></dns><link from='two' to='r' delay='50ms'/>"
#define OF_COM(ttl)                                                   \
    "<record name='example.com' ns='ns1.example.com' ttl='" ttl "'/>" \
    "<record name='ns1.example.com' to='one' ttl='" ttl "'/>"
#define OF_NET(ttl)                                                   \
    "<record name='example.net' ns='ns1.example.net' ttl='" ttl "'/>" \
    "<record name='ns1.example.net' to='two' ttl='" ttl "'/>"
#define EVERY(period, host) \
    "arrivals='constant(" period ")' start='1ms' to='http://" host "/'"
#define WWW(ttl) "<record name='www.example.com' address='192.0.2.1' ttl='" ttl "'/>"

enum { CLIENT = 4, ROOT = 22, COM = 42, NET = 62, ONE = 82, TWO = 102 }; /* ms. */

typedef struct Asked {
    const char *server;
    const char *name;
} Asked;

/* The resolver's own questions. */
typedef struct World {
    Model *model;
    Tap *isp;
    Tap *client_out;
    Tap *client_in;
} World;

static World
world_new(const char *text)
{
    World world = {.model = model_new(text, model_free_costs)};

    world.isp = tap_new(model_host(world.model, "isp")->root, VS_HOOK_OUTPUT);
    world.client_out = tap_new(model_host(world.model, "c")->root, VS_HOOK_OUTPUT);
    world.client_in = tap_new(model_host(world.model, "c")->root, VS_HOOK_INPUT);
    return world;
}

static void
world_free(World *world)
{
    tap_free(world->isp);
    tap_free(world->client_out);
    tap_free(world->client_in);
    model_free(world->model);
}

static const TapEntry *
dns_entry(const Tap *tap, unsigned n, bool is_response)
{
    for (unsigned i = 0; i < tap->entries->len; i++) {
        const TapEntry *entry = tap_get(tap, i);

        if (entry->dns.id != 0 && entry->dns.is_response == is_response && n-- == 0) {
            return entry;
        }
    }
    return NULL;
}

static const char *
text_of(const World *world, VsName name)
{
    return vs_names_get(&world->model->run->packets->names, name);
}

static void
check_asked(const World *world, unsigned first, const Asked *asked)
{
    for (; asked->server; asked++, first++) {
        const TapEntry *entry = dns_entry(world->isp, first, false);
        VsHost *host = model_host(world->model, asked->server);

        CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
        CU_ASSERT(vs_netns_is_local(host->root, entry->flow.daddr));
        CU_ASSERT_STRING_EQUAL(text_of(world, entry->dns.name), asked->name);
        CU_ASSERT(entry->dns.is_iterative);
    }
}

/* How long the client waited for its n-th answer, which it got so many times. */
static void
check_latency(const World *world, unsigned n, VsTime expected)
{
    const TapEntry *question = dns_entry(world->client_out, n, false);
    const TapEntry *answer = dns_entry(world->client_in, n, true);
    VsTime elapsed;

    CU_ASSERT_PTR_NOT_NULL_FATAL(question);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    elapsed = answer->time - question->time;
    CU_ASSERT(elapsed >= expected);
    CU_ASSERT(elapsed < expected + 50 * VS_US); /* Transmission: 0.5 us a frame. */
}

/* Everything lives for a second: the second lookup is as cold as the first, but neighbours are
 * known.  It takes a question for the root's servers and one on each floor, so the sum of the
 * round trips. */
static void
test_cold_lookup_takes_the_sum_of_round_trips(void)
{
    static const Asked asked[] = {{"root", ""},
                                  {"root", "com"},
                                  {"com", "example.com"},
                                  {"one", "www.example.com"},
                                  {0}};
    World world = world_new(WORLD(EVERY("0.5/s", "www.example.com"), "", "1s", "",
                                  OF_COM("1s"), "", WWW("1s"), ""));

    model_run(world.model, 3 * VS_S);
    check_asked(&world, 0, asked);
    check_asked(&world, 4, asked);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 8);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "referrals"), 4);
    CU_ASSERT_EQUAL(model_counter(world.model, "root", "referrals"), 2);
    check_latency(&world, 1, (CLIENT + 2 * ROOT + COM + ONE) * VS_MS);
    world_free(&world);
}

/* Within its time to live an answer takes no question; referrals that live longer leave one. */
static void
test_warm_lookups(void)
{
    World world = world_new(WORLD(EVERY("1/s", "www.example.com"), "", "172800s", "",
                                  OF_COM("172800s"), "", WWW("3s"), ""));

    model_run(world.model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 4);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "hits"), 2);
    check_latency(&world, 1, CLIENT * VS_MS);
    check_latency(&world, 2, CLIENT * VS_MS);
    model_run(world.model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 5);
    CU_ASSERT_EQUAL(model_counter(world.model, "one", "queries"), 2);
    check_latency(&world, 4, (CLIENT + ONE) * VS_MS);
    CU_ASSERT_EQUAL(dns_entry(world.client_in, 1, true)->dns.ttl_s, 2);
    world_free(&world);
}

/* example.com's server is ns1.example.net: that is found first. */
static void
test_glueless_referral(void)
{
    static const Asked asked[] = {{"root", ""},
                                  {"root", "com"},
                                  {"com", "example.com"},
                                  {"root", "net"},
                                  {"net", "example.net"},
                                  {"two", "ns.example.net"},
                                  {"one", "www.example.com"},
                                  {0}};
    World world = world_new(WORLD(EVERY("0.1/s", "www.example.com"), "", "60s", "",
                                  "<record name='example.com' ns='ns.example.net'/>",
                                  OF_NET("60s"), WWW("60s"),
                                  "<record name='ns.example.net' to='one'/>"));

    model_run(world.model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 7);
    check_asked(&world, 0, asked);
    world_free(&world);
}

/* Another name in another zone is looked for from where its zone is known; the client gets
 * both. */
static void
test_other_names_lead_across_zones(void)
{
    static const Asked asked[] = {{"root", ""},
                                  {"root", "com"},
                                  {"com", "example.com"},
                                  {"one", "www.example.com"},
                                  {"root", "net"},
                                  {"net", "example.net"},
                                  {"two", "a.example.net"},
                                  {0}};
    World world = world_new(
        WORLD(EVERY("1/s", "www.example.com"), "", "60s", "", OF_COM("60s"),
              OF_NET("60s"), "<record name='www.example.com' cname='a.example.net'/>",
              "<record name='a.example.net' cname='b.example.net'/>"
              "<record name='b.example.net' address='192.0.2.7' ttl='30s'/>"));
    const VsDns *answer;

    model_run(world.model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 7);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "hits"), 2);
    check_asked(&world, 0, asked);
    answer = &dns_entry(world.client_in, 1, true)->dns;
    CU_ASSERT_EQUAL(answer->records->n_in[VS_DNS_ANSWER], 3);
    CU_ASSERT_EQUAL(vs_dns_n_addresses(answer), 1);
    CU_ASSERT_EQUAL(vs_dns_address(answer, 0), 0xc0000207);
    CU_ASSERT(answer->ttl_s >= 28 && answer->ttl_s <= 29);
    check_latency(&world, 1, CLIENT * VS_MS);
    world_free(&world);
}

/* The zone's 20 s count, from the SOA record that comes along; the resolver's own maximum is
 * heeded. */
static void
test_denials_are_kept(void)
{
    static const struct {
        const char *attributes;
        unsigned n_asked; /* One more each time that a denial is over. */
    } cases[] = {{"", 4 + 2}, {"max-denial-ttl='5s'", 4 + 8}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(WORLD(EVERY("1/s", "no.example.com"), "%s", "600s", "",
                                  OF_COM("600s"), "", WWW("60s"), ""),
                            "%s", cases[i].attributes);
        World world = world_new(text);
        const VsDns *answer;

        model_run(world.model, 50 * VS_S);
        CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), cases[i].n_asked);
        answer = &dns_entry(world.client_in, 0, true)->dns;
        CU_ASSERT_EQUAL(answer->code, VS_DNS_NXDOMAIN);
        CU_ASSERT_EQUAL(answer->records->n_in[VS_DNS_AUTHORITY], 1);
        world_free(&world);
    }
}

/* glibc asks for A and AAAA; that there is no such name holds for both, that there is no such
 * record does not. */
static void
test_no_such_name_is_of_all_types(void)
{
    World none = world_new(WORLD(EVERY("1/s", "no.example.com") " libc='glibc'", "",
                                 "600s", "", OF_COM("600s"), "", WWW("60s"), ""));
    World some = world_new(WORLD(EVERY("1/s", "www.example.com") " libc='glibc'", "",
                                 "600s", "", OF_COM("600s"), "", WWW("60s"), ""));

    model_run(none.model, 10 * VS_S);
    model_run(some.model, 10 * VS_S);
    /* Both are under way at first; later one answer serves both. */
    CU_ASSERT_EQUAL(model_counter(none.model, "one", "queries"), 2);
    CU_ASSERT_EQUAL(model_counter(some.model, "one", "queries"), 2);
    CU_ASSERT_EQUAL(model_counter(none.model, "isp", "asked"), 1 + 2 * 3);
    CU_ASSERT_EQUAL(model_counter(some.model, "isp", "hits"), 2 * 9);
    world_free(&none);
    world_free(&some);
}

/* 100 addresses take 1600 bytes; a datagram has room for 1232. */
static void
test_long_answers_come_by_tcp(void)
{
    g_autoptr(GString) records = g_string_new(NULL);
    g_autofree char *text = NULL;
    World world;

    for (unsigned i = 1; i <= 100; i++) {
        g_string_append_printf(
            records, "<record name='www.example.com' address='192.0.2.%u'/>", i);
    }
    text = g_strdup_printf(WORLD(EVERY("0.1/s", "www.example.com"), "", "600s", "",
                                 OF_COM("600s"), "", "%s", ""),
                           "%s", records->str);
    world = world_new(text);
    model_run(world.model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 5);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked-tcp"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "one", "truncated"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "one", "tcp-queries"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "misses"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "hits"), 1); /* By TCP, too. */
    world_free(&world);
}

/* Of the two servers that com tells of, one does not have the zone: it is passed over, and not
 * asked again while that is remembered. */
static void
test_lame_servers_are_passed_over(void)
{
    World world = world_new(
        WORLD(EVERY("0.5/s", "www.example.com"), "selection='bind9'", "600s", "",
              OF_COM("600s") "<record name='example.com' ns='ns.com' ttl='600s'/>"
                             "<record name='ns.com' to='com' ttl='600s'/>",
              "", WWW("1s"), ""));

    model_run(world.model, 40 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "failed"), 0);
    CU_ASSERT(model_counter(world.model, "isp", "lame") <= 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "one", "queries"), 20);
    world_free(&world);
}

/* The only server refuses: SERVFAIL, after one question to it each time. */
static void
test_without_a_server_it_fails(void)
{
    World world =
        world_new(WORLD(EVERY("1/s", "www.example.com"), "", "600s", "",
                        "<record name='example.com' ns='ns1.example.com' ttl='600s'/>"
                        "<record name='ns1.example.com' to='two' ttl='600s'/>",
                        "", WWW("1s"), ""));

    model_run(world.model, 5 * VS_S);
    CU_ASSERT_EQUAL(dns_entry(world.client_in, 0, true)->dns.code, VS_DNS_SERVFAIL);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "failed"),
                    model_counter(world.model, "isp", "queries"));
    CU_ASSERT_EQUAL(model_counter(world.model, "two", "queries"),
                    model_counter(world.model, "isp", "queries"));
    world_free(&world);
}

/* Each zone's server has its name in the other one: nobody knows an address. */
static void
test_circles_end(void)
{
    World world = world_new(WORLD(
        EVERY("0.1/s", "www.example.com"), "", "600s", "",
        "<record name='example.com' ns='ns.example.net' ttl='600s'/>",
        "<record name='example.net' ns='ns.example.com' ttl='600s'/>", WWW("1s"), ""));

    model_run(world.model, 5 * VS_S);
    CU_ASSERT_EQUAL(dns_entry(world.client_in, 0, true)->dns.code, VS_DNS_SERVFAIL);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 1 + 2 + 2);
    world_free(&world);
}

/* Unbound waits 376 ms for a server of which nothing is known, twice as long each time, five times:
 * 31 * 376 ms, or as long as questions are left. */
static void
test_dead_server_as_unbound(void)
{
    static const struct {
        const char *attributes;
        unsigned n_timeouts;
        unsigned n_waits; /* Of 376 ms. */
    } cases[] = {{"", 5, 31}, {"max-queries='5'", 2, 3}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            WORLD(EVERY("0.01/s", "www.example.com") " dns-options='timeout:30'", "%s",
                  "600s", "", OF_COM("600s"), "", WWW("1s"), ""),
            "%s", cases[i].attributes);
        World world = world_new(text);
        VsTime asked_at;
        VsTime answered_at;

        model_unplug(world.model, "one");
        model_run(world.model, 25 * VS_S);
        CU_ASSERT_EQUAL(model_counter(world.model, "isp", "timeouts"),
                        cases[i].n_timeouts);
        CU_ASSERT_EQUAL(dns_entry(world.client_in, 0, true)->dns.code, VS_DNS_SERVFAIL);
        asked_at = dns_entry(world.isp, 3, false)->time;
        answered_at = dns_entry(world.isp, 0, true)->time;
        CU_ASSERT_EQUAL(answered_at - asked_at, cases[i].n_waits * 376 * VS_MS);
        world_free(&world);
    }
}

/* BIND gives up 10 s after the client's question came, after rounds of at least 0.8 s, and from the
 * fifth on of at least twice as long each: 4 * 0.8 + 1.6 + 3.2 + 2. */
static void
test_dead_server_as_bind(void)
{
    World world = world_new(
        WORLD(EVERY("0.01/s", "www.example.com") " dns-options='timeout:30'",
              "selection='bind9'", "600s", "", OF_COM("600s"), "", WWW("1s"), ""));
    VsTime answered_at;

    model_unplug(world.model, "one");
    model_run(world.model, 25 * VS_S);
    CU_ASSERT(model_counter(world.model, "isp", "timeouts") <= 7);
    CU_ASSERT(model_counter(world.model, "isp", "timeouts") >= 5);
    answered_at = dns_entry(world.isp, 0, true)->time;
    CU_ASSERT_EQUAL(answered_at - dns_entry(world.isp, 0, false)->time, 10 * VS_S);
    world_free(&world);
}

/* a.b.c.d.example.com: without minimisation three questions after the root's; with it one for each
 * label below example.com, which are remembered. */
static void
test_minimised_names(void)
{
    static const struct {
        const char *mode;
        const char *host;
        unsigned n_asked;
        VsDnsCode code;
    } cases[] = {{"off", "a.b.c.d.example.com", 3, VS_DNS_NOERROR},
                 {"relaxed", "a.b.c.d.example.com", 6, VS_DNS_NOERROR},
                 {"strict", "a.b.c.d.example.com", 6, VS_DNS_NOERROR},
                 /* Nothing is below "no": told at its first label. */
                 {"strict", "x.y.no.example.com", 3, VS_DNS_NXDOMAIN},
                 {"relaxed", "x.y.no.example.com", 4, VS_DNS_NXDOMAIN}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            WORLD("arrivals='constant(0.1/s)' to='http://%s/'",
                  "qname-minimisation='%s'", "600s", "", OF_COM("600s"), "",
                  "<record name='a.b.c.d.example.com' address='192.0.2.1'/>", ""),
            "%s", cases[i].host, cases[i].mode);
        World world = world_new(text);

        model_run(world.model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"),
                        1 + cases[i].n_asked);
        CU_ASSERT_EQUAL(dns_entry(world.client_in, 0, true)->dns.code, cases[i].code);
        world_free(&world);
    }
}

/* Unbound asks either of two servers, of which one takes 122 ms and one 82.  BIND asks the faster one,
 * until the other has aged below: by 2% a question, from 0.7 * 82 + 0.3 * 122 = 94 to 82 in 7, so one
 * of 8 goes there. */
static void
test_choice_of_servers(void)
{
    static const struct {
        const char *selection;
        unsigned min_far;
        unsigned max_far;
    } cases[] = {{"bind9", 22, 29}, {"unbound", 60, 140}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            WORLD(EVERY("0.5/s", "www.example.com"), "selection='%s'", "86400s", "",
                  OF_COM("86400s") "<record name='example.com' ns='far.com'/>"
                                   "<record name='far.com' to='far' ttl='86400s'/>",
                  "", WWW("1s"),
                  "") "<dns id='far' costs='free'><zone name='example.com'>"
                      "<record name='example.com' ns='far.com'/>" WWW(
                          "1s") "</zone></dns>"
                                "<link from='far' to='r' delay='60ms'/>",
            "%s", cases[i].selection);
        World world = world_new(text);
        uint64_t n_far;

        model_run(world.model, 400 * VS_S);
        n_far = model_counter(world.model, "far", "queries");
        CU_ASSERT_EQUAL(n_far + model_counter(world.model, "one", "queries"), 200);
        CU_ASSERT(n_far >= cases[i].min_far && n_far <= cases[i].max_far);
        world_free(&world);
    }
}

/* CoreDNS asks the resolver for names that are not the cluster's: a pod's lookup is a walk from the
 * root, too, and the next is answered by CoreDNS itself. */
static void
test_pods_resolve_by_way_of_coredns(void)
{
    World world = world_new(WORLD(
        "arrivals='constant(0.001/s)' to='http://www.example.com/'", "", "600s", "",
        OF_COM("600s"), "", WWW("60s"),
        "") "<node id='n' dns-nameservers='isp'/><link from='n' to='r' delay='1ms'/>"
            "<service id='kube-dns' protocol='udp' port='53' cluster-ip='10.96.0.10' "
            "select='k8s-app=kube-dns'/>"
            "<pod id='dns' labels='k8s-app=kube-dns'><coredns id='core'/></pod>"
            "<pod id='p'><client id='calls' arrivals='constant(0.2/s)' libc='none' "
            "dns-cache='0s' "
            "start='1s' to='http://www.example.com./'/></pod>");

    model_unplug(world.model, "c"); /* It would ask first. */
    model_run(world.model, 9 * VS_S);
    CU_ASSERT_EQUAL(model_counter(world.model, "core", "queries"), 2);
    CU_ASSERT_EQUAL(model_counter(world.model, "core", "hits"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "queries"), 1);
    CU_ASSERT_EQUAL(model_counter(world.model, "isp", "asked"), 4);
    CU_ASSERT_EQUAL(model_counter(world.model, "one", "queries"), 1);
    world_free(&world);
}

static void
test_mistakes_are_refused(void)
{
#define ZONE(top, records)                                                \
    "<dns id='d'><zone name='" top "'><record name='" top "' ns='ns." top \
    "'/>" records "</zone></dns>"
    model_check_error("has no server of its own",
                      "<dns id='d'><zone name='com'><record name='www.com' "
                      "address='192.0.2.1'/></zone></dns>");
    model_check_error("is not in zone \"com\"",
                      ZONE("com", "<record name='www' address='192.0.2.1'/>"));
    model_check_error("has a cname and another record",
                      ZONE("com", "<record name='www.com' address='192.0.2.1'/>"
                                  "<record name='www.com' cname='a.com'/>"));
    model_check_error("is at or below a referral",
                      ZONE("com", "<record name='a.com' ns='ns.a.com'/>"
                                  "<record name='ns.a.com' address='192.0.2.1' "
                                  "weight='2'/>"));
    model_check_error("is not in a <zone>",
                      "<dns id='d'><record name='a' cname='b'/></dns>");
    model_check_error("has zone \"COM.\" already",
                      "<dns id='d'><zone name='com'><record name='com' ns='a'/></zone>"
                      "<zone name='COM.'><record name='com' ns='a'/></zone></dns>");
    model_check_error("records outside of them",
                      "<dns id='d'><zone name='com'><record name='com' ns='a'/></zone>"
                      "<record name='b' address='192.0.2.1'/></dns>");
    model_check_error("needs one of upstream", "<resolver id='x'/>");
    model_check_error("does not have the root",
                      ZONE("com", "") "<resolver id='x' roots='d'/>");
    model_check_error("attempts is for a resolver with upstream",
                      ZONE(".", "") "<resolver id='x' roots='d' attempts='2'/>");
    model_check_error(
        "selection is for a resolver with roots",
        ZONE(".", "") "<resolver id='x' upstream='d' selection='bind9'/>");
#undef ZONE
}

static const VsTestCase tests[] = {
    {"a cold lookup takes the sum of round trips",
     test_cold_lookup_takes_the_sum_of_round_trips},
    {"warm lookups", test_warm_lookups},
    {"glueless referral", test_glueless_referral},
    {"other names lead across zones", test_other_names_lead_across_zones},
    {"denials are kept", test_denials_are_kept},
    {"no such name is of all types", test_no_such_name_is_of_all_types},
    {"long answers come by TCP", test_long_answers_come_by_tcp},
    {"lame servers are passed over", test_lame_servers_are_passed_over},
    {"without a server it fails", test_without_a_server_it_fails},
    {"circles end", test_circles_end},
    {"dead server, as Unbound", test_dead_server_as_unbound},
    {"dead server, as BIND", test_dead_server_as_bind},
    {"minimised names", test_minimised_names},
    {"choice of servers", test_choice_of_servers},
    {"pods resolve by way of CoreDNS", test_pods_resolve_by_way_of_coredns},
    {"mistakes are refused", test_mistakes_are_refused},
    {0},
};

VS_TESTS("recursive resolution")
