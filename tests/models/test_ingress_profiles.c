/* What a client gets, when, and after how many tries, from each real controller whose pods
 * fail; the values are those of the controllers' documentation, worked out by hand. */
#include "models/ingress_fixture.h"

typedef struct Expectation {
    const char *stat; /* Of the client; NULL: nothing, ever. */
    VsTime after;     /* The first try. */
    unsigned n_tries;
} Expectation;

typedef struct Row {
    const char *profile;
    Expectation of[INGRESS_N_FAULTS]; /* Both pods fail so. */
    Expectation one_refused;          /* Of two pods the first. */
    Expectation post_closed;          /* A POST that both close without an answer. */
} Row;

static const Row rows[] = {
    {"nginx", /* 3 tries on error and time-out: 5 s to connect, 60 s to read. */
     {[INGRESS_FAULT_REFUSED] = {"error-502", 0, 3},
      [INGRESS_FAULT_SILENT] = {"error-504", 3 * 5 * VS_S, 3},
      [INGRESS_FAULT_CLOSED] = {"error-502", 0, 3},
      [INGRESS_FAULT_SLOW] = {"error-504", 3 * 60 * VS_S, 3}},
     {"completed", 0, 2},
     {"error-502", 0, 1}},
    {"haproxy", /* 3 retries at the same server, 1 s after a refusal; 503, 5 s, 50 s. */
     {[INGRESS_FAULT_REFUSED] = {"error-503", 3 * VS_S, 4},
      [INGRESS_FAULT_SILENT] = {"error-503", 4 * 5 * VS_S, 4},
      [INGRESS_FAULT_CLOSED] = {"error-502", 0, 1},
      [INGRESS_FAULT_SLOW] = {"error-504", 50 * VS_S, 1}},
     {"error-503", 3 * VS_S, 4},
     {"error-502", 0, 1}},
    {"traefik", /* One try, 30 s to connect, as long as it takes to read. */
     {[INGRESS_FAULT_REFUSED] = {"error-502", 0, 1},
      [INGRESS_FAULT_SILENT] = {"error-504", 30 * VS_S, 1},
      [INGRESS_FAULT_CLOSED] = {"error-502", 0, 1},
      [INGRESS_FAULT_SLOW] = {NULL, 0, 1}},
     {"error-502", 0, 1},
     {"error-502", 0, 1}},
    {"kong", /* 5 retries, 60 s for all. */
     {[INGRESS_FAULT_REFUSED] = {"error-502", 0, 6},
      [INGRESS_FAULT_SILENT] = {"error-504", 6 * 60 * VS_S, 6},
      [INGRESS_FAULT_CLOSED] = {"error-502", 0, 6},
      [INGRESS_FAULT_SLOW] = {"error-504", 6 * 60 * VS_S, 6}},
     {"completed", 0, 2},
     {"error-502", 0, 1}},
    {"envoy", /* One try, 2 s to connect, 15 s in all. */
     {[INGRESS_FAULT_REFUSED] = {"error-503", 0, 1},
      [INGRESS_FAULT_SILENT] = {"error-503", 2 * VS_S, 1},
      [INGRESS_FAULT_CLOSED] = {"error-503", 0, 1},
      [INGRESS_FAULT_SLOW] = {"error-504", 15 * VS_S, 1}},
     {"error-503", 0, 1},
     {"error-503", 0, 1}},
};

static void
open_fixture(IngressFixture *f, const char *profile, const char *client,
             const char *settings)
{
    ingress_fixture_init(f, model_new(INGRESS_TWO_PODS("%s", "profile='%s' %s", ""),
                                      model_free_costs, client, profile, settings));
}

static void
assert_expectation(IngressFixture *f, const Expectation *expected)
{
    VsTime due = ingress_fixture_first_try(f) + expected->after;

    if (expected->after > 0) {
        model_run(f->model, due - 1);
        CU_ASSERT_EQUAL(model_counter(f->model, "c", expected->stat), 0);
    }
    if (expected->stat) {
        model_run(f->model, MAX(due, 9 * VS_MS) + VS_MS);
        CU_ASSERT_EQUAL(model_counter(f->model, "c", expected->stat), 1);
    } else {
        model_run(f->model, 1900 * VS_S);
        CU_ASSERT_EQUAL(model_counter(f->model, "c", "completed"), 0);
        CU_ASSERT_EQUAL(model_counter(f->model, "in", "upstream-timeouts"), 0);
    }
    CU_ASSERT_EQUAL(model_counter(f->model, "in", "upstream-opened"),
                    expected->n_tries);
}

static void
test_each_profile_answers_as_its_controller(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unsigned fault = 0; fault < INGRESS_N_FAULTS; fault++) {
            IngressFixture f;

            open_fixture(&f, rows[i].profile, ONE_REQUEST, "");
            ingress_fixture_break(&f, 0, fault);
            ingress_fixture_break(&f, 1, fault);
            assert_expectation(&f, &rows[i].of[fault]);
            ingress_fixture_clear(&f);
        }
    }
}

static void
test_one_dead_pod(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        IngressFixture f;

        open_fixture(&f, rows[i].profile, ONE_REQUEST, "");
        ingress_fixture_break(&f, 0, INGRESS_FAULT_REFUSED);
        assert_expectation(&f, &rows[i].one_refused);
        ingress_fixture_clear(&f);
    }
}

static void
test_post_is_sent_once(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        IngressFixture f;

        open_fixture(&f, rows[i].profile, ONE_POST, "");
        ingress_fixture_break(&f, 0, INGRESS_FAULT_CLOSED);
        ingress_fixture_break(&f, 1, INGRESS_FAULT_CLOSED);
        assert_expectation(&f, &rows[i].post_closed);
        ingress_fixture_clear(&f);
    }
}

/* After three requests, one second apart, of clients with connections of their own. */
static void
test_kept_connections_of_each_profile(void)
{
    static const struct {
        const char *profile;
        unsigned n_opened; /* For requests to a, b, a. */
        VsTime idle;       /* Time-out. */
    } keeps[] = {{"nginx", 2, 60 * VS_S},
                 {"haproxy", 3, 5 * VS_S},
                 {"traefik", 2, 90 * VS_S},
                 {"kong", 2, 60 * VS_S},
                 {"envoy", 2, 3600 * VS_S}};

    for (unsigned i = 0; i < G_N_ELEMENTS(keeps); i++) {
        IngressFixture f;
        VsTime last;

        open_fixture(&f, keeps[i].profile, "stop='2500ms'", "");
        last = ingress_fixture_first_try(&f) + 2 * VS_S;
        model_run(f.model, last + 500 * VS_MS);
        CU_ASSERT_EQUAL(model_counter(f.model, "in", "upstream-opened"),
                        keeps[i].n_opened);
        model_run(f.model, last + keeps[i].idle - 1);
        CU_ASSERT(model_counter(f.model, "in", "upstream-expired") < keeps[i].n_opened);
        model_run(f.model, last + keeps[i].idle + 10 * VS_MS);
        CU_ASSERT_EQUAL(model_counter(f.model, "in", "upstream-expired"),
                        keeps[i].n_opened);
        ingress_fixture_clear(&f);
    }
}

static void
test_attribute_goes_before_the_profile(void)
{
    const Expectation expected = {"error-503", 3 * VS_S, 3};
    IngressFixture f;

    open_fixture(&f, "nginx", ONE_REQUEST,
                 "connect-timeout='1s' status-connect-timeout='503'");
    ingress_fixture_break(&f, 0, INGRESS_FAULT_SILENT);
    ingress_fixture_break(&f, 1, INGRESS_FAULT_SILENT);
    assert_expectation(&f, &expected);
    ingress_fixture_clear(&f);
}

/* Each profile says the same as its settings written out, but for the order of requests: the
 * algorithm, too, is as if it had been given. */
static void
test_profile_is_its_settings(void)
{
    const VsModel *model = vs_registry_find(vs_registry_builtin(), "ingress");

    for (const VsProfile *profile = model->profiles; profile->name; profile++) {
        g_autoptr(GString) written = g_string_new(NULL);
        g_autofree char *named = g_strdup_printf("profile='%s'", profile->name);
        const char *settings[2];
        uint64_t sums[2];

        for (const VsProfileSetting *row = profile->settings; row->param; row++) {
            g_string_append_printf(written, " %s='%s'", row->param, row->value);
        }
        settings[0] = named;
        settings[1] = written->str;
        for (unsigned i = 0; i < 2; i++) {
            Model *run = model_new(
                "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
                "arrivals='poisson(30/s)'/><link from='c' to='n1'/>"
                "<node id='n1' costs='free'><pod id='controller' labels='app=ingress' "
                "terminates-at='8s' grace='20s'>"
                "<ingress id='in' on-sigterm='drain' http-version='both' "
                "backend-protocol='grpc' %s><rule><path "
                "service='s'/></rule></ingress></pod>"
                "<pod id='a' labels='app=web' count='3'><container "
                "http-version='2'/></pod></node>"
                "<service id='front' type='NodePort' node-port='30080' "
                "select='app=ingress'/>"
                "<service id='s' target-port='8080' select='app=web'/>",
                model_free_costs, settings[i]);

            model_run(run, 10 * VS_S);
            CU_ASSERT(model_counter(run, "c", "completed") > 150);
            sums[i] = run->run->digest.sum;
            model_free(run);
        }
        CU_ASSERT_EQUAL(sums[0], sums[1]);
    }
}

static void
test_each_profile_has_its_sources(void)
{
    const VsModel *model = vs_registry_find(vs_registry_builtin(), "ingress");
    const VsParam *param = vs_params_find(model->params, "profile");
    unsigned n = 0;

    for (; model->profiles[n].name; n++) {
        CU_ASSERT_STRING_EQUAL(param->choices[n], model->profiles[n].name);
        for (const VsProfileSetting *row = model->profiles[n].settings; row->param;
             row++) {
            CU_ASSERT_PTR_NOT_NULL(vs_params_find(model->params, row->param));
            CU_ASSERT(strlen(row->source) > 0);
        }
    }
    CU_ASSERT_PTR_NULL(param->choices[n]);
    CU_ASSERT_EQUAL(n, G_N_ELEMENTS(rows));
}

static void
test_unknown_profile_is_refused(void)
{
    model_check_error("profile=\"nginks\"",
                      INGRESS_TWO_PODS("", "profile='nginks'", ""), model_free_costs);
}

/* A profile's algorithm does nothing where kube-proxy chooses; that is no mistake of the
 * scenario's author. */
static void
test_profile_through_the_cluster_ip(void)
{
    Model *model = model_new(
        "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' "
        "arrivals='constant(10/s)' stop='1s'/><link from='c' to='n1'/>"
        "<node id='n1' costs='free'><pod id='controller' labels='app=ingress'>"
        "<ingress id='in' profile='nginx' upstream='service'><rule><path service='s'/>"
        "</rule></ingress></pod><pod id='a' labels='app=web'><container/></pod></node>"
        "<service id='front' type='NodePort' node-port='30080' select='app=ingress'/>"
        "<service id='s' target-port='8080' select='app=web'/>",
        model_free_costs);

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    model_free(model);
}

static const VsTestCase tests[] = {
    {"each profile answers as its controller",
     test_each_profile_answers_as_its_controller},
    {"one dead pod of two", test_one_dead_pod},
    {"a POST is sent once", test_post_is_sent_once},
    {"kept connections of each profile", test_kept_connections_of_each_profile},
    {"an attribute goes before the profile", test_attribute_goes_before_the_profile},
    {"a profile is its settings", test_profile_is_its_settings},
    {"each profile has its sources", test_each_profile_has_its_sources},
    {"an unknown profile is refused", test_unknown_profile_is_refused},
    {"a profile through the cluster IP", test_profile_through_the_cluster_ip},
    {0},
};

VS_TESTS("ingress profiles")
