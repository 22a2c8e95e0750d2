/* DNS messages, byte for byte. */
#include "packet/dns.h"

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

static void
test_response(void)
{
    static const char expected[] =
        "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
        "\1a\0\x00\x01\x00\x01"
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01"
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x02";
    VsNames names;
    VsDns dns = {.id = 0x1234,
                 .is_response = true,
                 .n_answers = 2,
                 .ttl_s = 300,
                 .answers = {0xc0000201, 0xc0000202}};

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, "a");
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
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

    vs_names_init(&names);
    dns.name = vs_names_intern(&names, "a");
    check_bytes(&dns, &names, question, sizeof(question) - 1);
    dns = (VsDns){.id = 1,
                  .is_response = true,
                  .name = dns.name,
                  .alias = vs_names_intern(&names, "b"),
                  .ttl_s = 5,
                  .n_answers = 1,
                  .answers = {0xc0000201}};
    check_bytes(&dns, &names, expected, sizeof(expected) - 1);
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
    {0},
};

VS_TESTS("packet/dns")
