/* DNS messages, byte for byte. */
#include "packet/dns.h"

#include "base/rng.h"

#include "vs_test.h"

static void
check_bytes(const VsDns *dns, const VsNames *names, const void *expected, size_t bytes)
{
    GByteArray *out = g_byte_array_new();

    vs_dns_print(dns, names, out);
    CU_ASSERT_EQUAL(out->len, bytes);
    CU_ASSERT_EQUAL(vs_dns_measure(dns, names), bytes);
    CU_ASSERT_EQUAL(memcmp(out->data, expected, MIN(out->len, bytes)), 0);
    g_byte_array_free(out, TRUE);
}

static void
test_query(void)
{
    static const char expected[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\4shop\7example\0\x00\x01\x00\x01";
    VsNames names;
    VsDns dns = {.id = 0x1234};

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, "shop.example");
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
    dns.name = vs_names_intern(&names, "shop.example."); /* The same name. */
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
    vs_names_clear(&names);
}

static VsDnsRecord
address(VsName owner, VsAddr value)
{
    return (VsDnsRecord){.owner = owner, .type = VS_DNS_RECORD_A, .address = value};
}

static void
test_response(void)
{
    static const char expected[] =
        "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
        "\1a\0\x00\x01\x00\x01"
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01"
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x02";
    VsNames names;
    VsDns dns = {.id = 0x1234, .is_response = true, .ttl_s = 300};
    VsDnsRecords *records;
    VsDnsRecord record;

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, "a");
    records = vs_dns_records_new(dns.name);
    for (unsigned i = 1; i <= 2; i++) {
        record = address(dns.name, 0xc0000200 + i);
        vs_dns_records_add(records, VS_DNS_ANSWER, &record);
    }
    vs_dns_records_close(records, &names);
    dns.records = records;
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
    CU_ASSERT_EQUAL(vs_dns_n_addresses(&dns), 2);
    CU_ASSERT_EQUAL(vs_dns_address(&dns, 0), 0xc0000201);
    CU_ASSERT_EQUAL(vs_dns_address(&dns, 1), 0xc0000202);
    vs_dns_records_free(records);
    vs_names_clear(&names);
}

/* A question for AAAA; and "a" is another name for "b", whose address follows. */
static void
test_alias(void)
{
    static const char question[] = "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\1a\0\x00\x1c\x00\x01";
    static const char expected[] =
        "\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
        "\1a\0\x00\x01\x00\x01"
        "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x03\1b\0"
        "\xc0\x1f\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\x00\x02\x01";
    VsNames names;
    VsDns dns = {.id = 1, .type = VS_DNS_AAAA};
    VsDnsRecords *of_b;
    VsDnsRecords *of_a;
    VsDnsRecord record;

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, "a");
    check_bytes(&dns, &names, question, sizeof(question) - 1);
    of_b = vs_dns_records_new(vs_names_intern(&names, "b"));
    record = address(of_b->name, 0xc0000201);
    vs_dns_records_add(of_b, VS_DNS_ANSWER, &record);
    vs_dns_records_close(of_b, &names);
    of_a = vs_dns_records_new_alias(dns.name, of_b->name, of_b, &names);
    dns = (VsDns){
        .id = 1, .is_response = true, .name = dns.name, .ttl_s = 5, .records = of_a};
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
    CU_ASSERT_EQUAL(vs_dns_n_addresses(&dns), 1);
    CU_ASSERT_EQUAL(vs_dns_address(&dns, 0), 0xc0000201);
    vs_dns_records_free(of_a);
    vs_dns_records_free(of_b);
    vs_names_clear(&names);
}

/* SRV: the target is written out (RFC 2782), its address is compressed; EDNS with a subnet. */
static void
test_server_and_options(void)
{
    static const char expected[] =
        "\x00\x01\x85\x00\x00\x01\x00\x01\x00\x00\x00\x02"
        "\2_h\1s\0\x00\x21\x00\x01"
        "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00\x0b\x00\x00\x00\x64\x1f\x90"
        "\1x\1s\0"
        "\xc0\x28\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\x00\x02\x01"
        "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0b"
        "\x00\x08\x00\x07\x00\x01\x18\x18\xc0\x00\x02";
    VsNames names;
    VsDns dns = {.id = 1,
                 .type = VS_DNS_SRV,
                 .is_response = true,
                 .is_authoritative = true,
                 .edns_bytes = 1232,
                 .subnet = 0xc0000200,
                 .subnet_bits = 24,
                 .ttl_s = 5};
    VsDnsRecord record = {.type = VS_DNS_RECORD_SRV, .weight = 100, .port = 8080};
    VsDnsRecords *records;

    vs_names_init(&names);
    dns.name = record.owner = vs_names_intern(&names, "_h.s");
    record.target = vs_names_intern(&names, "x.s");
    records = vs_dns_records_new(dns.name);
    vs_dns_records_add(records, VS_DNS_ANSWER, &record);
    record = address(record.target, 0xc0000201);
    vs_dns_records_add(records, VS_DNS_ADDITIONAL, &record);
    vs_dns_records_close(records, &names);
    dns.records = records;
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
    vs_dns_records_free(records);
    vs_names_clear(&names);
}

/* As CoreDNS' log tells lengths: "A IN kubernetes.default.svc.cluster.local. udp 54 ... 106" for
 * an answer, and 93 bytes more than the question for a denial by cluster.local. */
static void
test_lengths_of_coredns(void)
{
    static const char host[] = "kubernetes.default.svc.cluster.local";
    VsNames names;
    VsDns dns = {.id = 1};
    VsDnsRecords *found;
    VsDnsRecords *denial;
    VsDnsRecord record;

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, host);
    CU_ASSERT_EQUAL(vs_dns_measure(&dns, &names), 54);
    found = vs_dns_records_new(dns.name);
    record = address(dns.name, 0x0a600001);
    vs_dns_records_add(found, VS_DNS_ANSWER, &record);
    vs_dns_records_close(found, &names);
    denial = vs_dns_records_new(dns.name);
    vs_dns_records_add_authority(denial, vs_names_intern(&names, "cluster.local"),
                                 &names);
    vs_dns_records_close(denial, &names);
    dns.is_response = true;
    dns.records = found;
    vs_dns_fit(&dns, &names, VS_DNS_UDP_BYTES, true);
    CU_ASSERT_EQUAL(vs_dns_measure(&dns, &names), 106);
    vs_dns_fit(&dns, &names, VS_DNS_UDP_BYTES, false);
    CU_ASSERT_EQUAL(vs_dns_measure(&dns, &names), 54 + 16);
    dns.records = denial;
    vs_dns_fit(&dns, &names, VS_DNS_UDP_BYTES, true);
    CU_ASSERT_EQUAL(vs_dns_measure(&dns, &names), 54 + 93);
    vs_dns_records_free(found);
    vs_dns_records_free(denial);
    vs_names_clear(&names);
}

/* 54 + 16 n bytes compressed, 54 + 52 n written out: 8 fit into 512 bytes so, 28 so, and of more
 * the rest is left out. */
static void
test_what_has_no_room_is_left_out(void)
{
    static const struct {
        unsigned n_records;
        uint32_t max_bytes;
        uint32_t bytes;
        unsigned n_left_out;
    } cases[] = {{8, 512, 54 + 8 * 52, 0},     {9, 512, 54 + 9 * 16, 0},
                 {28, 512, 54 + 28 * 16, 0},   {29, 512, 54 + 28 * 16, 1},
                 {100, 512, 54 + 28 * 16, 72}, {100, 1232, 54 + 73 * 16, 27}};
    VsNames names;
    VsName name;

    vs_names_init(&names);
    name = vs_names_intern(&names, "kubernetes.default.svc.cluster.local");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsDnsRecords *records = vs_dns_records_new(name);
        VsDns dns = {.name = name, .is_response = true, .records = records};

        for (unsigned j = 0; j < cases[i].n_records; j++) {
            VsDnsRecord record = address(name, 0x0af40000 + j);

            vs_dns_records_add(records, VS_DNS_ANSWER, &record);
        }
        vs_dns_records_close(records, &names);
        vs_dns_fit(&dns, &names, cases[i].max_bytes, true);
        CU_ASSERT_EQUAL(vs_dns_measure(&dns, &names), cases[i].bytes);
        CU_ASSERT_EQUAL(dns.n_left_out, cases[i].n_left_out);
        CU_ASSERT_EQUAL(dns.is_truncated, cases[i].n_left_out > 0);
        CU_ASSERT_EQUAL(vs_dns_n_addresses(&dns),
                        cases[i].n_records - cases[i].n_left_out);
        vs_dns_records_free(records);
    }
    vs_names_clear(&names);
}

/* Each order of three addresses comes equally often (chi-square, 5 degrees of freedom: above
 * 20.5 once in a thousand), each address once, and the bytes are in that order. */
static void
test_shuffle_is_uniform(void)
{
    enum { N = 60000 };
    unsigned counts[64] = {0};
    double chi2 = 0;
    VsNames names;
    VsDnsRecords *records;
    VsRng rng;

    vs_names_init(&names);
    vs_rng_init(&rng, 1, "test", "order");
    records = vs_dns_records_new(vs_names_intern(&names, "a"));
    for (unsigned i = 0; i < 3; i++) {
        VsDnsRecord record = address(records->name, i);

        vs_dns_records_add(records, VS_DNS_ANSWER, &record);
    }
    vs_dns_records_close(records, &names);
    for (unsigned i = 0; i < N; i++) {
        VsDns dns = {.name = records->name,
                     .records = records,
                     .is_response = true,
                     .order = vs_rng_u64(&rng) | 1};
        unsigned of[3] = {vs_dns_address(&dns, 0), vs_dns_address(&dns, 1),
                          vs_dns_address(&dns, 2)};

        counts[of[0] * 16 + of[1] * 4 + of[2]]++;
        if (i < 10) {
            g_autoptr(GByteArray) out = g_byte_array_new();

            vs_dns_print(&dns, &names, out);
            CU_ASSERT_EQUAL(out->data[out->len - 1], of[2]);
            CU_ASSERT_EQUAL(out->data[out->len - 17], of[1]);
        }
    }
    for (unsigned a = 0; a < 3; a++) {
        for (unsigned b = 0; b < 3; b++) {
            unsigned c = 3 - a - b;
            double n = a != b && c < 3 ? counts[a * 16 + b * 4 + c] : 0;

            chi2 += a != b ? (n - N / 6.0) * (n - N / 6.0) / (N / 6.0) : 0;
        }
    }
    CU_ASSERT(chi2 < 20.5);
    vs_dns_records_free(records);
    vs_names_clear(&names);
}

static void
test_denial(void)
{
    static const char expected[] = "\x00\x01\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\0\x00\x01\x00\x01";
    VsNames names;
    VsDns dns = {.id = 1, .is_response = true, .code = VS_DNS_NXDOMAIN};

    vs_names_init(&names);
    check_bytes(&dns, &names, expected, sizeof(expected) - 1); /* The root. */
    vs_names_clear(&names);
}

static const VsTestCase tests[] = {
    {"a query as RFC 1035 has it", test_query},
    {"a response with two addresses", test_response},
    {"another name, and its address", test_alias},
    {"a denial", test_denial},
    {"a server's place and port, and options", test_server_and_options},
    {"lengths as CoreDNS logs them", test_lengths_of_coredns},
    {"what has no room is left out", test_what_has_no_room_is_left_out},
    {"a shuffle is uniform", test_shuffle_is_uniform},
    {0},
};

VS_TESTS("packet/dns")
