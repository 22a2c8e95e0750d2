#include "probe_fixture.h"

static const VsProbeResult *
result_of(const ProbeFixture *f)
{
    return vs_probe_result(f->probe);
}

static VsProbeOutcome
outcome(const char *from, const char *to)
{
    ProbeFixture f = probe_fixture(from, to);
    VsProbeOutcome found = result_of(&f)->outcome;

    probe_fixture_clear(&f);
    return found;
}

static void
test_each_outcome(void)
{
    CU_ASSERT_EQUAL(outcome("users", "http://shop.example/"), VS_PROBE_COMPLETED);
    CU_ASSERT_EQUAL(outcome("users", "http://nowhere.example/"), VS_PROBE_UNRESOLVED);
    CU_ASSERT_EQUAL(outcome("users", "203.0.113.1:81"), VS_PROBE_REFUSED);
    CU_ASSERT_EQUAL(outcome("users", "192.0.2.1:80"), VS_PROBE_UNREACHABLE);
    CU_ASSERT_EQUAL(outcome("deaf", "http://late/"), VS_PROBE_TIMED_OUT);
    CU_ASSERT_EQUAL(outcome("n1", "10.244.0.3:9/udp"), VS_PROBE_REFUSED);
    CU_ASSERT_EQUAL(outcome("users", "192.0.2.1:9/udp"), VS_PROBE_UNREACHABLE);
    CU_ASSERT_EQUAL(outcome("slow", "10.96.0.53:53/udp"), VS_PROBE_COMPLETED);
    /* A DNS server says nothing to 64 bytes that are no DNS. */
    CU_ASSERT_EQUAL(outcome("users", "172.16.0.9:53/udp"), VS_PROBE_TIMED_OUT);
}

static void
test_status_and_body_are_those_of_the_answer(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");

    CU_ASSERT_EQUAL(result_of(&f)->status, 200);
    CU_ASSERT_EQUAL(result_of(&f)->body_bytes, 1024); /* <container>'s default. */
    probe_fixture_clear(&f);

    f = probe_fixture("slow", "10.96.0.53:53/udp");
    CU_ASSERT_EQUAL(result_of(&f)->status, 0);
    CU_ASSERT_EQUAL(result_of(&f)->body_bytes, 200);
    probe_fixture_clear(&f);

    /* The ingress knows no such host. */
    f = probe_fixture("users", "http://203.0.113.1/");
    CU_ASSERT_EQUAL(result_of(&f)->outcome, VS_PROBE_COMPLETED);
    CU_ASSERT_EQUAL(result_of(&f)->status, 404);
    probe_fixture_clear(&f);
}

static void
check_resolution(const char *from, const char *to, VsProbeResolution resolution,
                 const char *server)
{
    ProbeFixture f = probe_fixture_prepare(from, to, 3, false, false);

    CU_ASSERT_EQUAL(result_of(&f)->resolution, resolution);
    CU_ASSERT_STRING_EQUAL(result_of(&f)->server ? result_of(&f)->server : "", server);
    probe_fixture_clear(&f);
}

static void
test_who_resolves(void)
{
    check_resolution("users", "http://203.0.113.1/", VS_PROBE_BY_ADDRESS, "");
    check_resolution("users", "http://shop.example/", VS_PROBE_BY_RESOLVER, "isp");
    /* A client that requests an address has no resolver of its own. */
    check_resolution("guest", "http://shop.example/", VS_PROBE_BY_FIRST, "isp");
    check_resolution("n1", "http://shop.example/", VS_PROBE_BY_FIRST, "isp");
    /* Names of services are the cluster's. */
    check_resolution("a", "http://web/", VS_PROBE_BY_SERVICE, "web");
    check_resolution("n1", "http://web.default/", VS_PROBE_BY_SERVICE, "web");
    check_resolution("a", "http://WEB.default.svc/", VS_PROBE_BY_SERVICE, "web");
    check_resolution("a", "http://web.default.svc.cluster.local/", VS_PROBE_BY_SERVICE,
                     "web");
    check_resolution("a", "http://web.default.sv/", VS_PROBE_BY_FIRST, "isp");
    check_resolution("users", "http://web/", VS_PROBE_BY_RESOLVER, "isp");
}

static void
test_pods_and_hosts_are_origins(void)
{
    ProbeFixture f = probe_fixture_prepare("a", "203.0.113.1:80", 3, false, false);

    CU_ASSERT_STRING_EQUAL(result_of(&f)->netns->name, "n1/a");
    probe_fixture_clear(&f);
    f = probe_fixture_prepare("pod/a", "203.0.113.1:80", 3, false, false);
    CU_ASSERT_STRING_EQUAL(result_of(&f)->netns->name, "n1/a");
    probe_fixture_clear(&f);
    f = probe_fixture_prepare("n2", "203.0.113.1:80", 3, false, false);
    CU_ASSERT_STRING_EQUAL(result_of(&f)->netns->name, "n2/root");
    probe_fixture_clear(&f);
}

static void
check_refused(const char *from, const char *to, const char *message)
{
    ProbeFixture f = probe_fixture_prepare(from, to, 3, true, false);

    CU_ASSERT_PTR_NULL(f.probe);
    CU_ASSERT_STRING_EQUAL(f.error ? f.error->message : "", message);
    probe_fixture_clear(&f);
}

static void
test_what_cannot_be_is_refused(void)
{
    check_refused("user", "http://shop.example/",
                  "no host or pod is called \"user\"; did you mean \"users\"?");
    check_refused(
        "nothing-like-it", "http://shop.example/",
        "no host or pod is called \"nothing-like-it\"; there are users, guest, "
        "isp, authority, internet, edge and 6 more");
    check_refused("tor", "http://shop.example/",
                  "\"tor\" is a switch, which has no address to send from");
    check_refused("users", "10.0.0.1/udp",
                  "\"10.0.0.1/udp\": a UDP target is \"address:port/udp\"");
    check_refused("users", "10.0.0.1:70000",
                  "\"http://10.0.0.1:70000\": the port must be 1 to 65535; write "
                  "\"http://host[:port]/path\" or https://");
    check_refused(
        "users", "https://shop.example/",
        "\"https://shop.example/\": a probe does not speak TLS; write http://, "
        "or ask for HTTP/3, too");
}

static char *
digest_of(uint64_t seed, bool is_traced, bool has_load)
{
    ProbeFixture f = probe_fixture_prepare("users", "http://shop.example/", seed,
                                           is_traced, has_load);
    char *digest;

    vs_probe_run(f.probe);
    digest = vs_simulation_digest(f.simulation);
    probe_fixture_clear(&f);
    return digest;
}

static void
test_tracing_changes_no_digest(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        bool has_load = seed % 2 == 0;
        g_autofree char *traced = digest_of(seed, true, has_load);
        g_autofree char *silent = digest_of(seed, false, has_load);
        g_autofree char *other = digest_of(seed, false, !has_load);

        CU_ASSERT_STRING_EQUAL(traced, silent);
        CU_ASSERT_STRING_NOT_EQUAL(traced, other);
    }
}

/* Its counter "requests". */
static uint64_t
requests_of(const ProbeFixture *f, const char *client)
{
    const VsElement *element = vs_scenario_find(f->scenario, client);
    const void *self = vs_simulation_instance(f->simulation, element);

    return G_STRUCT_MEMBER(uint64_t, self, element->model->stats[0].offset);
}

static void
test_clients_are_silent_without_load(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");

    CU_ASSERT_EQUAL(requests_of(&f, "users"), 0);
    CU_ASSERT_EQUAL(requests_of(&f, "guest"), 0);
    probe_fixture_clear(&f);
    f = probe_fixture_prepare("users", "http://shop.example/", 3, true, true);
    vs_probe_run(f.probe);
    CU_ASSERT(requests_of(&f, "users") > 1000); /* 1000/s for over a second. */
    probe_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"each outcome", test_each_outcome},
    {"status and body are those of the answer",
     test_status_and_body_are_those_of_the_answer},
    {"who resolves", test_who_resolves},
    {"pods and hosts are origins", test_pods_and_hosts_are_origins},
    {"what cannot be is refused", test_what_cannot_be_is_refused},
    {"tracing changes no digest", test_tracing_changes_no_digest},
    {"clients are silent without load", test_clients_are_silent_without_load},
    {0},
};
VS_TESTS("probe")
