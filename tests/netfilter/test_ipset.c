/* Sets as "ipset save" prints them. */
#include "netfilter/ipset.h"
#include "vs_test.h"

static const char canonical[] =
    "create CLUSTER hash:ip,port family inet hashsize 1024 maxelem 65536\n"
    "add CLUSTER 10.96.0.10,udp:53\n"
    "add CLUSTER 10.96.0.10,tcp:53\n"
    "create LOOP hash:ip,port,ip family inet hashsize 1024 maxelem 7\n"
    "add LOOP 10.244.0.5,tcp:8080,10.244.0.5\n"
    "create PORTS bitmap:port range 0-65535\n"
    "add PORTS 30080\n"
    "create NETS hash:net family inet hashsize 1024 maxelem 65536\n"
    "add NETS 192.0.2.0/24\n"
    "add NETS 198.51.100.7\n"
    "add NETS 198.51.100.0/24\n"
    "add NETS 198.51.0.0/16\n"
    "add NETS 198.51.0.0/17\n"
    "create RANGES hash:ip,port,net family inet hashsize 1024 maxelem 65536\n"
    "add RANGES 203.0.113.1,tcp:80,192.0.2.0/24\n"
    "add RANGES 203.0.113.1,udp:53,192.0.2.7\n"
    "create ZONES hash:net,port family inet hashsize 1024 maxelem 65536\n"
    "add ZONES 192.0.2.0/25,tcp:443\n"
    "create HOSTS hash:ip family inet hashsize 1024 maxelem 65536\n"
    "add HOSTS 192.0.2.1\n";

static VsRuleset *
read_sets(const char *text)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    if (!vs_ipset_read(ruleset, text, "s", &error)) {
        printf("\n  %s\n", error->message);
        CU_FAIL_FATAL("the sets were refused");
    }
    return ruleset;
}

static bool
has(const VsRuleset *ruleset, const char *name, const uint32_t *values, unsigned n)
{
    VsKey key = vs_set_key(values, n);

    return vs_set_find(vs_ruleset_find_set(ruleset, NULL, name), &key, 0) != NULL;
}

static void
test_what_ipset_saved_prints_as_it_is(void)
{
    VsRuleset *ruleset = read_sets(canonical);
    g_autofree char *print = vs_ipset_print(ruleset);

    CU_ASSERT_STRING_EQUAL(print, canonical);
    vs_ruleset_free(ruleset);
}

static void
test_elements_are_found_by_the_packets_fields(void)
{
    VsRuleset *ruleset = read_sets(canonical);

    CU_ASSERT_TRUE(has(ruleset, "CLUSTER", (uint32_t[]){0x0a60000a, 17, 53}, 3));
    CU_ASSERT_FALSE(has(ruleset, "CLUSTER", (uint32_t[]){0x0a60000a, 132, 53}, 3));
    CU_ASSERT_TRUE(
        has(ruleset, "LOOP", (uint32_t[]){0x0af40005, 6, 8080, 0x0af40005}, 4));
    CU_ASSERT_FALSE(
        has(ruleset, "LOOP", (uint32_t[]){0x0af40005, 6, 8080, 0x0af40006}, 4));
    CU_ASSERT_TRUE(has(ruleset, "PORTS", (uint32_t[]){30080}, 1));
    CU_ASSERT_TRUE(has(ruleset, "NETS", (uint32_t[]){0xc00002ff}, 1));
    CU_ASSERT_FALSE(has(ruleset, "NETS", (uint32_t[]){0xc0000300}, 1));
    CU_ASSERT_TRUE(has(ruleset, "NETS", (uint32_t[]){0xc6336407}, 1));
    vs_ruleset_free(ruleset);
}

static void
test_prefixes_stand_in_any_part(void)
{
    VsRuleset *ruleset = read_sets(canonical);
    const uint32_t service = 0xcb007101; /* 203.0.113.1 */
    const uint32_t client = 0xc0000207;  /* 192.0.2.7 */

    CU_ASSERT_TRUE(has(ruleset, "RANGES", (uint32_t[]){service, 6, 80, client}, 4));
    CU_ASSERT_TRUE(has(ruleset, "RANGES", (uint32_t[]){service, 17, 53, client}, 4));
    CU_ASSERT_FALSE(
        has(ruleset, "RANGES", (uint32_t[]){service, 17, 53, client + 1}, 4));
    CU_ASSERT_FALSE(
        has(ruleset, "RANGES", (uint32_t[]){service, 6, 80, client + 256}, 4));
    CU_ASSERT_FALSE(has(ruleset, "RANGES", (uint32_t[]){service, 6, 81, client}, 4));
    CU_ASSERT_FALSE(has(ruleset, "RANGES", (uint32_t[]){service, 7, 80, client}, 4));
    CU_ASSERT_FALSE(
        has(ruleset, "RANGES", (uint32_t[]){service + 1, 6, 80, client}, 4));
    /* Between the first and the last key in order, but with another port. */
    CU_ASSERT_TRUE(has(ruleset, "ZONES", (uint32_t[]){client, 6, 443}, 3));
    CU_ASSERT_FALSE(has(ruleset, "ZONES", (uint32_t[]){client, 6, 444}, 3));
    CU_ASSERT_FALSE(has(ruleset, "ZONES", (uint32_t[]){client, 17, 443}, 3));
    CU_ASSERT_FALSE(has(ruleset, "ZONES", (uint32_t[]){client + 128, 6, 443}, 3));
    vs_ruleset_free(ruleset);
}

static void
test_storage_and_missing_protocols_are_understood(void)
{
    VsRuleset *ruleset = read_sets("create S hash:ip,port family inet hashsize 4096 "
                                   "maxelem 9 bucketsize 12 initval 0x7fe6658c\n"
                                   "add S 10.0.0.1,80\n");
    g_autofree char *print = vs_ipset_print(ruleset);

    CU_ASSERT_STRING_EQUAL(print,
                           "create S hash:ip,port family inet hashsize 1024 maxelem 9\n"
                           "add S 10.0.0.1,tcp:80\n");
    vs_ruleset_free(ruleset);
}

static void
test_faults_name_their_line_and_the_remedy(void)
{
    static const struct {
        const char *text;
        const char *message;
    } faults[] = {
        {"create S hash:mac", "s:1: set type \"hash:mac\" is not modelled"},
        {"create S hash:ip family inet6", "write family inet"},
        {"create S hash:ip timeout 5", "option timeout of set S is not modelled"},
        {"create S hash:ip comment", "option comment of set S is not modelled"},
        {"create S bitmap:port range 0-99", "write range 0-65535"},
        {"create S hash:ip\ncreate S hash:ip", "s:2: there is a set \"S\" already"},
        {"add S 10.0.0.1", "a set that was created before"},
        {"create S hash:ip\nadd S 10.0.0.0/8", "write one IPv4 address"},
        {"create S hash:ip\nadd S 10.0.0.1 nomatch", "option nomatch"},
        {"create S hash:ip maxelem 1\nadd S 10.0.0.1\nadd S 10.0.0.2",
         "s:3: set S is full"},
        {"create S hash:ip,port\nadd S 10.0.0.1", "too few parts"},
        {"create S hash:ip\nadd S 10.0.0.1,80", "too many parts"},
        {"create S hash:net\nadd S 0.0.0.0/0", "a prefix of 1 to 32 bits"},
        {"create S hash:ip,port,net\nadd S 10.0.0.1,tcp:80,0.0.0.0/0",
         "a prefix of 1 to 32 bits"},
        {"create S hash:net,port\nadd S 10.0.0.0/8", "too few parts"},
        {"create S bitmap:port\nadd S 65536", "from 0 to 65535"},
        {"flush S", "\"flush\" is not modelled"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
        VsRuleset *ruleset = vs_ruleset_new();
        g_autoptr(GError) error = NULL;

        CU_ASSERT_FALSE(vs_ipset_read(ruleset, faults[i].text, "s", &error));
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        if (!strstr(error->message, faults[i].message)) {
            printf("\n  %s\n  expected %s\n", error->message, faults[i].message);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(error->message, faults[i].message));
        vs_ruleset_free(ruleset);
    }
}

static const VsTestCase tests[] = {
    {"what ipset saved prints as it is", test_what_ipset_saved_prints_as_it_is},
    {"elements are found by the packet's fields",
     test_elements_are_found_by_the_packets_fields},
    {"prefixes stand in any part", test_prefixes_stand_in_any_part},
    {"storage and missing protocols are understood",
     test_storage_and_missing_protocols_are_understood},
    {"faults name their line and the remedy",
     test_faults_name_their_line_and_the_remedy},
    {0}};
VS_TESTS("ipset")
