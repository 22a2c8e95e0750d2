/* Packets in tunnels as bytes, and what errors about them quote. */
#include "packet/bytes_fixture.h"

/* The whole inner frame after 8 bytes of UDP, without checksum, and 8 of VXLAN. */
static void
test_vxlan(void)
{
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) inner = g_byte_array_new();
    VsLayer *top;
    uint32_t tunnel_bytes = VS_UDP_HEADER_BYTES + VS_VXLAN_HEADER_BYTES;

    fixture_init(&f);
    packet = query_new(&f);
    vs_packet_print(packet, inner);
    top = vs_packet_push(packet);
    *top = packet->layers[0];
    top->flow.dport = 4789;
    top->vni = 0x123456;
    top->ip_bytes = VS_IPV4_HEADER_BYTES + tunnel_bytes + inner->len;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, IP + tunnel_bytes + inner->len);
    CU_ASSERT_EQUAL(f.out->data[IP + 4] * 256U + f.out->data[IP + 5],
                    tunnel_bytes + inner->len);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + 6, "\0\0\x08\0\0\0\x12\x34\x56\0", 10),
                    0);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + tunnel_bytes, inner->data, inner->len),
                    0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* Puts 'packet' into a tunnel: VXLAN by UDP, else IPIP. */
static VsLayer *
encapsulate(VsPacket *packet, uint8_t protocol)
{
    VsLayer *top = vs_packet_push(packet);

    *top = packet->layers[0];
    top->flow.protocol = protocol;
    top->ip_bytes += VS_IPV4_HEADER_BYTES;
    if (protocol == VS_PROTOCOL_UDP) {
        top->flow.dport = 4789;
        top->vni = 1;
        top->ip_bytes +=
            VS_UDP_HEADER_BYTES + VS_VXLAN_HEADER_BYTES + VS_ETHER_HEADER_BYTES;
    }
    return top;
}

/* The inner IP packet right after the outer header, with no Ethernet between (RFC 2003). */
static void
test_ipip(void)
{
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) inner = g_byte_array_new();

    fixture_init(&f);
    packet = query_new(&f);
    vs_packet_print(packet, inner);
    encapsulate(packet, VS_PROTOCOL_IPIP);
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, inner->len + VS_IPV4_HEADER_BYTES);
    CU_ASSERT_EQUAL(f.out->data[ETHER + 3], f.out->len - ETHER); /* Total length. */
    CU_ASSERT_EQUAL(f.out->data[ETHER + 9], 4);
    CU_ASSERT_EQUAL(slow_sum(f.out->data + ETHER, VS_IPV4_HEADER_BYTES, 0), UINT16_MAX);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP, inner->data + ETHER, inner->len - ETHER),
                    0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* A tunnel's packet in two fragments: the first of 40 bytes, the second of the rest. */
static void
check_tunnel_fragments(uint8_t protocol)
{
    enum { FIRST = 40 };
    Fixture f;
    VsPacket *packet;
    VsLayer *top;
    g_autoptr(GByteArray) whole = g_byte_array_new();
    uint32_t content;

    fixture_init(&f);
    packet = query_new(&f);
    top = encapsulate(packet, protocol);
    content = top->ip_bytes - VS_IPV4_HEADER_BYTES;
    vs_packet_print(packet, whole);

    top->ip_bytes = VS_IPV4_HEADER_BYTES + FIRST;
    top->ip_fragment = VS_IP_MF;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, IP + FIRST);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP, whole->data + IP, FIRST), 0);

    top->ip_bytes = VS_IPV4_HEADER_BYTES + content - FIRST;
    top->ip_fragment = FIRST / 8;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, IP + content - FIRST);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP, whole->data + IP + FIRST, content - FIRST),
                    0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static void
test_fragments_of_a_tunnel(void)
{
    check_tunnel_fragments(VS_PROTOCOL_UDP);
    check_tunnel_fragments(VS_PROTOCOL_IPIP);
}

/* A fragment that then enters a tunnel is still of the size it had. */
static void
test_fragment_in_a_tunnel(void)
{
    enum { FIRST = 24 };
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) fragment = g_byte_array_new();

    fixture_init(&f);
    packet = query_new(&f);
    packet->message_bytes = 1000; /* It is the first of several datagrams. */
    packet->layers[0].ip_bytes = VS_IPV4_HEADER_BYTES + FIRST;
    packet->layers[0].ip_fragment = VS_IP_MF;
    vs_packet_print(packet, fragment);
    encapsulate(packet, VS_PROTOCOL_IPIP)->ip_fragment = 0;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, IP + VS_IPV4_HEADER_BYTES + FIRST);
    CU_ASSERT_EQUAL(
        memcmp(f.out->data + IP, fragment->data + ETHER, VS_IPV4_HEADER_BYTES + FIRST),
        0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* An error about a tunnel's packet quotes what is inside as well. */
static void
check_error_about_a_tunnel(uint8_t protocol)
{
    Fixture f;
    VsPacket *packet;
    VsLayer *top;
    g_autoptr(GByteArray) fault = g_byte_array_new();

    fixture_init(&f);
    packet = query_new(&f);
    encapsulate(packet, protocol);
    vs_packet_print(packet, fault);
    top = vs_packet_push(packet);
    *top = packet->layers[1];
    top->flow.protocol = VS_PROTOCOL_ICMP;
    top->icmp = (VsIcmpHeader){.type = VS_ICMP_UNREACHABLE, .code = VS_ICMP_CODE_HOST};
    top->ip_bytes += VS_IPV4_HEADER_BYTES + VS_ICMP_HEADER_BYTES;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, IP + VS_ICMP_HEADER_BYTES + fault->len - ETHER);
    CU_ASSERT(is_right(&f));
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + VS_ICMP_HEADER_BYTES, fault->data + ETHER,
                           fault->len - ETHER),
                    0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static void
test_error_about_a_tunnel(void)
{
    check_error_about_a_tunnel(VS_PROTOCOL_UDP);
    check_error_about_a_tunnel(VS_PROTOCOL_IPIP);
}

static const VsTestCase tests[] = {
    {"VXLAN carries the whole inner frame", test_vxlan},
    {"IPIP carries the inner IP packet", test_ipip},
    {"fragments of a tunnel's packet are pieces of it", test_fragments_of_a_tunnel},
    {"a fragment in a tunnel is what it was", test_fragment_in_a_tunnel},
    {"an ICMP error quotes a tunnel's packet whole", test_error_about_a_tunnel},
    {0},
};

VS_TESTS("packet/bytes_tunnel")
