/* Names of chains: the ones that kube-proxy's own tests have, and SHA-256 in base32. */
#include "models/kubeproxy/names.h"

#include <string.h>

#include "tests/net/net_fixture.h"

/* ns1/svc1, port p80, and so on. */
static VsService
service_of(const char *name_space, const char *name, const char *port_name)
{
    return (VsService){.name_space = name_space,
                       .name = name,
                       .port_name = port_name,
                       .protocol = VS_PROTOCOL_TCP};
}

static void
check(char *name, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(name, expected);
    g_free(name);
}

/* RFC 4648 has its vectors for short texts; these are `printf X | sha256sum | xxd -r -p |
 * base32`. */
static void
test_hash_is_base32_of_sha256(void)
{
    char hash[53];

    proxy_hash("", 52, hash);
    CU_ASSERT_STRING_EQUAL(hash,
                           "4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ");
    proxy_hash("abc", 16, hash);
    CU_ASSERT_STRING_EQUAL(hash, "XJ4BNP4PAHH6UQKB");
}

static void
test_iptables_names_are_kube_proxys(void)
{
    static const struct {
        const char *name_space, *name, *base;
        VsAddr endpoint;
        const char *endpoint_base;
    } rows[] = {
        {"ns1", "svc1", "XPGD46QRK7WJZT7O", NET_IP(10, 180, 0, 1), "SXIVWICOYRO3J4NJ"},
        {"ns2", "svc2", "GNZBNJ2PO5MGZ6GT", NET_IP(10, 180, 0, 2), "RS4RBKLTHTF2IUXJ"},
        {"ns3", "svc3", "X27LE4BHSL4DOUIK", NET_IP(10, 180, 0, 3), "OYPFS5VJICHGATKP"},
        {"ns4", "svc4", "4SW47YFZTEDKD3PK", NET_IP(10, 180, 0, 4), "UKSFD7AGPMPPLUHC"},
        {"ns4", "svc4", "4SW47YFZTEDKD3PK", NET_IP(10, 180, 0, 5), "C6EBXVWJJZMIWKLZ"},
        {"ns5", "svc5", "NUKIZ6OKUXPJNT4C", NET_IP(10, 180, 0, 3), "I77PXRDZVX7PMWMN"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsService service = service_of(rows[i].name_space, rows[i].name, "p80");
        VsEndpoint endpoint = {.address = rows[i].endpoint, .port = 80};

        check(proxy_iptables_base(&service, NULL), rows[i].base);
        check(proxy_iptables_base(&service, &endpoint), rows[i].endpoint_base);
    }
}

static void
test_nft_names_are_kube_proxys(void)
{
    static const struct {
        const char *name_space, *name, *base;
        VsAddr endpoint;
        const char *endpoint_base;
    } rows[] = {
        {"ns1", "svc1", "ULMVA6XW-ns1/svc1/tcp/p80", NET_IP(10, 180, 0, 1),
         "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"},
        {"ns2", "svc2", "42NFTM6N-ns2/svc2/tcp/p80", NET_IP(10, 180, 0, 2),
         "SGOXE6O3-ns2/svc2/tcp/p80__10.180.0.2/80"},
        {"ns3", "svc3", "4AT6LBPK-ns3/svc3/tcp/p80", NET_IP(10, 180, 0, 3),
         "UEIP74TE-ns3/svc3/tcp/p80__10.180.0.3/80"},
        {"ns4", "svc4", "LAUZTJTB-ns4/svc4/tcp/p80", NET_IP(10, 180, 0, 5),
         "5RFCDDV7-ns4/svc4/tcp/p80__10.180.0.5/80"},
        {"ns5", "svc5", "HVFWP5L3-ns5/svc5/tcp/p80", NET_IP(10, 180, 0, 3),
         "GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsService service = service_of(rows[i].name_space, rows[i].name, "p80");
        VsEndpoint endpoint = {.address = rows[i].endpoint, .port = 80};

        check(proxy_nft_base(&service, NULL), rows[i].base);
        check(proxy_nft_base(&service, &endpoint), rows[i].endpoint_base);
    }
}

static void
test_ports_are_named_with_and_without_name(void)
{
    VsService named = service_of("default", "shop", "http");
    VsService plain = service_of("default", "shop", "");
    char *base = proxy_nft_base(&plain, NULL);

    check(proxy_port_name(&named), "default/shop:http");
    check(proxy_port_name(&plain), "default/shop");
    CU_ASSERT_STRING_EQUAL(base + PROXY_NFT_HASH_LENGTH, "-default/shop/tcp/");
    g_free(base);
}

/* The protocol is part of the name: a service may have port 53 twice. */
static void
test_protocols_have_chains_of_their_own(void)
{
    VsService tcp = service_of("kube-system", "dns", "dns");
    VsService udp = tcp;
    char *one, *other;

    udp.protocol = VS_PROTOCOL_UDP;
    one = proxy_iptables_base(&tcp, NULL);
    other = proxy_iptables_base(&udp, NULL);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    g_free(one);
    g_free(other);
}

static void
test_long_nft_names_are_cut(void)
{
    g_autofree char *name = g_strnfill(250, 'x');
    VsService service = service_of("default", name, "p80");
    char *base = proxy_nft_base(&service, NULL);

    CU_ASSERT_EQUAL(strlen(base), 240);
    CU_ASSERT_STRING_EQUAL(base + 237, "...");
    g_free(base);
}

static const VsTestCase tests[] = {
    {"the hash is base32 of SHA-256", test_hash_is_base32_of_sha256},
    {"iptables names are kube-proxy's", test_iptables_names_are_kube_proxys},
    {"nft names are kube-proxy's", test_nft_names_are_kube_proxys},
    {"ports are named with and without a name",
     test_ports_are_named_with_and_without_name},
    {"protocols have chains of their own", test_protocols_have_chains_of_their_own},
    {"long nft names are cut", test_long_nft_names_are_cut},
    {0},
};
VS_TESTS("kubeproxy names")
