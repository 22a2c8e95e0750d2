/* Requests from trace files: when they begin, and what they are. */
#include <math.h>

#include "models/fixture.h"
#include "tests/temporary_folder.h"

/* A client with a trace, and an ingress that sends /a to one pod and the rest to another;
 * costs are free, and a connection is opened for each request. */
#define SITE(client)                                                                 \
    "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' trace='%s' " client \
    "/><link from='c' to='n1' delay='100us' rate='800Gbit/s'/>"                      \
    "<node id='n1' costs='free'><pod id='in' labels='app=in'>"                       \
    "<ingress id='i' processing='0s'><rule><path path='/a' service='a'/>"            \
    "<path path='/' service='b'/></rule></ingress></pod>"                            \
    "<pod id='pa' labels='app=a'><container id='wa' response='7B'/></pod>"           \
    "<pod id='pb' labels='app=b'><container id='wb' response='7B'/></pod></node>"    \
    "<service id='front' type='NodePort' node-port='30080' select='app=in'/>"        \
    "<service id='a' target-port='8080' select='app=a'/>"                            \
    "<service id='b' target-port='8080' select='app=b'/>"

typedef struct Site {
    char *folder;
    char *file;
    Model *model;
    Tap *tap; /* What the client sends. */
} Site;

static Site
site_new(const char *text)
{
    Site site = {.folder = temporary_folder_new()};

    site.file = g_build_filename(site.folder, "trace", NULL);
    CU_ASSERT_FATAL(g_file_set_contents(site.file, text, -1, NULL));
    return site;
}

static void
site_run(Site *site, Model *model, VsTime until)
{
    site->model = model;
    site->tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    model_run(model, until);
}

static void
site_free(Site *site)
{
    if (site->model) {
        model_free(site->model);
        tap_free(site->tap);
    }
    g_free(site->file);
    temporary_folder_delete(site->folder);
}

/* When the client opened its n-th connection. */
static VsTime
begun(const Site *site, unsigned n)
{
    const TapEntry *entry = tap_find(site->tap, VS_TCP_SYN, n);

    return entry ? entry->time : -1;
}

#define LINE(time, request) \
    "192.0.2.1 - - [10/Oct/2000:" time "] \"" request "\" 200 1000\n"

static const char log_text[] = LINE("13:55:36 -0700", "GET /a HTTP/1.1")
    LINE("13:55:38 -0700",
         "GET /a HTTP/1.1") "192.0.2.1 - some one [10/Oct/2000:20:55:36 +0000] \"POST "
                            "/b HTTP/1.1\" 302 - "
                            "\"-\" \"a \\\" agent\"\n"
                            "\n"
                            "192.0.2.1 - - [10/Oct/2000:13:55:37 -0700] \"\\x16\\x03\" "
                            "400 150\n" LINE("13:55:36 -0700", "PUT /a/x?y=1 HTTP/2.0");

/* The three of the first second, of which one tells it in another zone, at 0, 1/3, 2/3. */
static void
test_a_log_is_spread_over_its_seconds(void)
{
    Site site = site_new(log_text);

    site_run(&site, model_new(SITE(""), model_free_costs, site.file), 4 * VS_S);
    CU_ASSERT_EQUAL(begun(&site, 0), 0);
    CU_ASSERT_EQUAL(begun(&site, 1), VS_S / 3);
    CU_ASSERT_EQUAL(begun(&site, 2), 2 * VS_S / 3);
    CU_ASSERT_EQUAL(begun(&site, 3), 2 * VS_S);
    CU_ASSERT_EQUAL(tap_count(site.tap, VS_TCP_SYN), 4);
    CU_ASSERT_EQUAL(model_counter(site.model, "c", "trace-skipped"), 1);
    CU_ASSERT_EQUAL(model_counter(site.model, "c", "completed"), 4);
    CU_ASSERT_EQUAL(model_counter(site.model, "wa", "requests"), 3);
    CU_ASSERT_EQUAL(model_counter(site.model, "wb", "requests"), 1);
    site_free(&site);
}

static void
test_seconds_last_as_long_as_is_said(void)
{
    Site site = site_new(log_text);

    site_run(&site,
             model_new(SITE("trace-second='30ms' start='1s' trace-limit='3' "
                            "trace-loop='yes' stop='1.061s'"),
                       model_free_costs, site.file),
             4 * VS_S);
    /* Of the file's first second alone: again and again after 30 ms. */
    for (unsigned i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(begun(&site, i),
                        VS_S + i / 3 * 30 * VS_MS + i % 3 * 10 * VS_MS - (i % 3 != 0));
    }
    CU_ASSERT_EQUAL(tap_count(site.tap, VS_TCP_SYN), 7);
    site_free(&site);
}

/* Uniform over the second: the mean of n is 1/2 with a deviation of 1 / sqrt(12 n). */
static void
test_random_times_are_uniform(void)
{
    enum { N = 2000 };
    g_autoptr(GString) text = g_string_new(NULL);
    double sum = 0;
    Site site;

    for (unsigned i = 0; i < N; i++) {
        g_string_append(text, LINE("13:55:36 +0000", "GET /a HTTP/1.1"));
    }
    site = site_new(text->str);
    site_run(&site,
             model_new(SITE("trace-spread='random'"), model_free_costs, site.file),
             2 * VS_S);
    for (unsigned i = 0; i < N; i++) {
        VsTime at = begun(&site, i);

        CU_ASSERT(at >= 0 && at < VS_S);
        sum += (double)at / (double)VS_S;
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / N, 0.5, 4 / sqrt(12.0 * N));
    CU_ASSERT(begun(&site, 1) != VS_S / N);
    CU_ASSERT_EQUAL(model_counter(site.model, "c", "completed"), N);
    site_free(&site);
}

/* Lengths of what was sent: heads by RFC 9112, as they are written here, and bodies. */
static void
test_csv_tells_all_of_a_request(void)
{
    static const char first[] = "POST /b HTTP/1.1\r\nHost: shop.example\r\n"
                                "User-Agent: vethsim\r\nAccept: */*\r\n"
                                "Content-Length: 100\r\nConnection: close\r\n\r\n";
    static const char second[] =
        "DELETE /a/\"1\" HTTP/1.1\r\nHost: 172.16.0.2:30080\r\n"
        "User-Agent: vethsim\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n";
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                 "Content-Length: 500\r\nConnection: close\r\n\r\n";
    Site site = site_new("time,method,path,host,request-bytes,response-bytes\r\n"
                         "2024-02-29T23:59:59.25Z,,/b,shop.example,100,500\r\n"
                         "2024-03-01T02:00:00+02:00,DELETE,\"/a/\"\"1\"\"\",,,\r\n");
    unsigned n = 0;
    const uint32_t expected[] = {sizeof(first) - 1 + 100, sizeof(second) - 1};
    Tap *answers;

    site.model = model_new(SITE(""), model_free_costs, site.file);
    answers = tap_new(model_host(site.model, "c")->root, VS_HOOK_INPUT);
    site_run(&site, site.model, 2 * VS_S);
    CU_ASSERT_EQUAL(begun(&site, 1) - begun(&site, 0), 750 * VS_MS);
    for (unsigned i = 0; i < site.tap->entries->len; i++) {
        const TapEntry *entry = tap_get(site.tap, i);

        if (entry->payload_bytes > 0) {
            CU_ASSERT_EQUAL(entry->payload_bytes, expected[n]);
            n++;
        }
    }
    CU_ASSERT_EQUAL(n, 2);
    n = 0;
    for (unsigned i = 0; i < answers->entries->len && n == 0; i++) {
        n = tap_get(answers, i)->payload_bytes;
    }
    CU_ASSERT_EQUAL(n, sizeof(answer) - 1 + 500);
    CU_ASSERT_EQUAL(model_counter(site.model, "wa", "requests"), 1);
    CU_ASSERT_EQUAL(model_counter(site.model, "wb", "requests"), 1);
    site_free(&site);
    tap_free(answers);
}

/* 0, 1, 4: a mean of 2 between them, so from 6 on again. */
static void
test_csv_loops_after_its_mean_gap(void)
{
    Site site = site_new("time\n1000.5\n1004.5\n1001.5\n");

    site_run(
        &site,
        model_new(SITE("trace-loop='yes' stop='11s'"), model_free_costs, site.file),
        20 * VS_S);
    CU_ASSERT_EQUAL(tap_count(site.tap, VS_TCP_SYN), 6);
    CU_ASSERT_EQUAL(begun(&site, 1), 1 * VS_S);
    CU_ASSERT_EQUAL(begun(&site, 2), 4 * VS_S);
    CU_ASSERT_EQUAL(begun(&site, 3), 6 * VS_S);
    CU_ASSERT_EQUAL(begun(&site, 5), 10 * VS_S);
    site_free(&site);
}

static void
test_mistakes_in_the_file_have_a_place(void)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", "trace:1: there is no request"},
        {"nonsense\n", "trace:1: this is no line of an access log; write HOST - -"},
        {LINE("13:55:36 +0000", "GET /a HTTP/1.1")
             LINE("13:60:36 +0000", "GET / HTTP/1"),
         "trace:2: \"10/Oct/2000:13:60:36 +0000\" is no time"},
        {LINE("13:55:36 +0000", "BREW /a HTTP/1.1"), "trace:1: there is no method"},
        {LINE("13:55:36 +0000", "GET a HTTP/1.1"), "trace:1: \"a\" is no path"},
        {LINE("13:55:36 +0000", "-"), "trace:1: between the quotes is no request"},
        {"h - - [30/Feb/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1\n", "is no time"},
        {"h - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 99 1\n",
         "is no status"},
        {"h - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 x\n",
         "the size \"x\" is no number of bytes"},
        {"time,colour\n", "trace:1: column \"colour\" is none of"},
        {"time,path,time\n", "trace:1: there are two columns \"time\""},
        {"time,path\n1\n", "trace:2: there are less fields than the 2"},
        {"time,path\n1,/,/\n", "trace:2: there are more fields than the 2"},
        {"time,path\n1,\"/\n", "trace:2: a quote is missing"},
        {"time\n1.0000000000001\n", "trace:2: \"1.0000000000001\" is no time"},
        {"time\n0\n8640001\n", "trace:3: this is more than 100 days"},
        {"time,host\n1,a b\n", "trace:2: \"a b\" is no host"},
        {"time,request-bytes\n1,4294967295\n", "write 0 to 4294967294"},
        {"time\n1\n", NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Site site = site_new(cases[i].text);

        model_check_error(cases[i].part, SITE(""), model_free_costs, site.file);
        site_free(&site);
    }
}

static void
test_attributes_that_cannot_act_are_refused(void)
{
    Site log = site_new(log_text);
    Site csv = site_new("time\n1\n1\n");

    model_check_error("arrivals and trace contradict", SITE("arrivals='constant(1/s)'"),
                      model_free_costs, log.file);
    model_check_error("body and trace contradict", SITE("body='1B'"), model_free_costs,
                      log.file);
    model_check_error("trace-spread has no effect", SITE("trace-spread='even'"),
                      model_free_costs, csv.file);
    model_check_error("all requests of", SITE("trace-loop='yes'"), model_free_costs,
                      csv.file);
    model_check_error("No such file", SITE(""), model_free_costs, "/none/such");
    model_check_error("when do requests come?",
                      "<client id='c' to='http://10.0.0.1/'/>");
    model_check_error("trace-loop has no effect without",
                      "<client id='c' to='http://10.0.0.1/' trace-loop='yes' "
                      "arrivals='constant(1/s)'/>");
    model_check_error("the path \"/x\" of to has no effect",
                      "<client id='c' to='http://10.0.0.1/x' trace='%s'/>", log.file);
    site_free(&log);
    site_free(&csv);
}

static const VsTestCase tests[] = {
    {"a log is spread over its seconds", test_a_log_is_spread_over_its_seconds},
    {"seconds last as long as is said", test_seconds_last_as_long_as_is_said},
    {"random times are uniform", test_random_times_are_uniform},
    {"CSV tells all of a request", test_csv_tells_all_of_a_request},
    {"CSV loops after its mean gap", test_csv_loops_after_its_mean_gap},
    {"mistakes in the file have a place", test_mistakes_in_the_file_have_a_place},
    {"attributes that cannot act are refused",
     test_attributes_that_cannot_act_are_refused},
    {0},
};
VS_TESTS("client traces")
