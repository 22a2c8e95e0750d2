/* Keys of balancers, from text. */
#include "balance/balancer.h"
#include "vs_test.h"

static void
test_addresses(void)
{
    static const struct {
        const char *text;
        size_t bytes;
        uint16_t port;
        uint8_t first, last;
    } rows[] = {
        {"192.0.2.1", 4, 0, 192, 1},
        {"192.0.2.1:80", 4, 80, 192, 1},
        {"2001:db8::1", 16, 0, 0x20, 1},
        {"[2001:db8::7]:65535", 16, 65535, 0x20, 7},
        {"[2001:db8::7]", 16, 0, 0x20, 7},
        {"192.0.2.1:0", 0, 0, 0, 0},
        {"192.0.2.1:65536", 0, 0, 0, 0},
        {"192.0.2.1:", 0, 0, 0, 0},
        {"192.0.2.1:8x", 0, 0, 0, 0},
        {"192.0.2.1:123456", 0, 0, 0, 0},
        {"[2001:db8:aaaa:bbbb:cccc:dddd:255.255.255.254]:9", 16, 9, 0x20, 254},
        {"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0001", 0, 0, 0, 0},
        {"192.0.2", 0, 0, 0, 0},
        {"[192.0.2.1]:80", 0, 0, 0, 0},
        {"a", 0, 0, 0, 0},
        {"", 0, 0, 0, 0},
        {"[]", 0, 0, 0, 0},
        {":80", 0, 0, 0, 0},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t address[16];
        uint16_t port;
        size_t bytes = vs_balance_address_parse(rows[i].text, VS_BALANCE_PORT_OPTIONAL,
                                                address, &port);

        CU_ASSERT_EQUAL(bytes, rows[i].bytes);
        if (bytes > 0) {
            CU_ASSERT_EQUAL(port, rows[i].port);
            CU_ASSERT_EQUAL(address[0], rows[i].first);
            CU_ASSERT_EQUAL(address[bytes - 1], rows[i].last);
        }
    }
}

static void
test_flows(void)
{
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;

    CU_ASSERT(vs_balance_key_parse(
        VS_BALANCE_BY_FLOW, "192.0.2.1:1234 198.51.100.1:80 udp", &buffer, &key, NULL));
    CU_ASSERT_EQUAL(key.flow.saddr, 0xc0000201);
    CU_ASSERT_EQUAL(key.flow.daddr, 0xc6336401);
    CU_ASSERT_EQUAL(key.flow.sport, 1234);
    CU_ASSERT_EQUAL(key.flow.dport, 80);
    CU_ASSERT_EQUAL(key.flow.protocol, VS_PROTOCOL_UDP);
    CU_ASSERT(vs_balance_key_parse(VS_BALANCE_BY_FLOW, "[::1]:1 [2001:db8::2]:2",
                                   &buffer, &key, NULL));
    CU_ASSERT_EQUAL(key.flow.saddr, 1);
    CU_ASSERT_EQUAL(key.flow.daddr, 0x20010db8 ^ 2);
    CU_ASSERT_EQUAL(key.flow.family, VS_FAMILY_IPV6);
    CU_ASSERT_EQUAL(key.flow.protocol, VS_PROTOCOL_TCP);
}

static void
test_wrong_keys_say_what_is_right(void)
{
    static const struct {
        VsBalanceKeyKind kind;
        const char *text;
    } rows[] = {
        {VS_BALANCE_BY_ADDRESS, "example"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1 198.51.100.1:80"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1 [::1]:80"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1 198.51.100.1:80 sctp"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1 198.51.100.1:80 tcp x"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1  198.51.100.1:80"},
        {VS_BALANCE_BY_FLOW, "192.0.2.1:1 "},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        VsBalanceKeyBuffer buffer;
        VsBalanceKey key;

        CU_ASSERT(
            !vs_balance_key_parse(rows[i].kind, rows[i].text, &buffer, &key, &error));
        CU_ASSERT(g_error_matches(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE));
        CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "write"));
    }
}

static void
test_text_is_taken_as_it_is(void)
{
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;

    CU_ASSERT(
        vs_balance_key_parse(VS_BALANCE_BY_TEXT, "/cart?id=1 x", &buffer, &key, NULL));
    CU_ASSERT_EQUAL(key.bytes, 12);
    CU_ASSERT_EQUAL(memcmp(key.data, "/cart?id=1 x", 12), 0);
}

static const VsTestCase tests[] = {
    {"addresses with and without ports", test_addresses},
    {"flows of both families", test_flows},
    {"wrong keys are told what is right", test_wrong_keys_say_what_is_right},
    {"text is taken as it is", test_text_is_taken_as_it_is},
    {0},
};

VS_TESTS("balance key")
