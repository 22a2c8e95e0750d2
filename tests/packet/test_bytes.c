/* Packets as bytes: against published vectors, bytes written by hand, and a slow twin of
 * the checksum. */
#include "packet/bytes_fixture.h"
#include "packet/http.h"

static void
check_frame(Fixture *f, VsPacket *packet, const char *expected, size_t n_bytes)
{
    print(f, packet);
    CU_ASSERT_EQUAL_FATAL(f->out->len, n_bytes);
    CU_ASSERT_EQUAL(memcmp(f->out->data, expected, n_bytes), 0);
    vs_packet_deliver(packet);
}

static void
test_checksum_vectors(void)
{
    static const uint8_t rfc_1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    static const uint8_t odd[] = {0x00, 0x01, 0xf2};

    /* RFC 1071 section 3: the sum is ddf2. */
    CU_ASSERT_EQUAL(vs_checksum(rfc_1071, 8, 0), 0xffff - 0xddf2);
    CU_ASSERT_EQUAL(vs_checksum(rfc_1071 + 4, 4, vs_checksum_add(0, rfc_1071, 4)),
                    0xffff - 0xddf2);
    CU_ASSERT_EQUAL(vs_checksum(odd, 3, 0), 0xffff - 0xf201);
    CU_ASSERT_EQUAL(vs_checksum(NULL, 0, 0), 0xffff);
}

static void
test_checksum_twin(void)
{
    uint8_t bytes[64];

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(255 - i * i);
    }
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        CU_ASSERT_EQUAL(vs_checksum(bytes, n, 0), 0xffff - slow_sum(bytes, n, 0));
    }
}

/* The textbook's header: 115 bytes of UDP from 192.168.0.1 to 192.168.0.199. */
static void
test_ip_header(void)
{
    static const char expected[] = "\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11\xb8\x61"
                                   "\xc0\xa8\x00\x01\xc0\xa8\x00\xc7";
    Fixture f;
    VsPacket *packet;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_UDP, 115 - VS_IPV4_HEADER_BYTES);
    packet->layers[0].flow.saddr = 0xc0a80001;
    packet->layers[0].flow.daddr = 0xc0a800c7;
    packet->layers[0].ip_fragment = VS_IP_DF;
    print(&f, packet);
    CU_ASSERT_EQUAL(f.out->len, ETHER + 115);
    CU_ASSERT_EQUAL(memcmp(f.out->data + ETHER, expected, VS_IPV4_HEADER_BYTES), 0);
    CU_ASSERT(is_right(&f));
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static void
test_arp(void)
{
    static const char expected[] = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x01\x00\x02"
                                   "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"
                                   "\x02\x00\x00\x01\x00\x02\x0a\xf4\x00\x01"
                                   "\x00\x00\x00\x00\x00\x00\x0a\xf4\x00\x02";
    Fixture f;
    VsPacket *packet;

    fixture_init(&f);
    packet = packet_new(&f, 0, 0);
    packet->layers[0].ether_type = VS_ETHER_TYPE_ARP;
    packet->layers[0].dmac = VS_MAC_BROADCAST;
    packet->payload.kind = VS_PAYLOAD_ARP;
    packet->payload.arp = (VsArp){.sender = 0x0af40001,
                                  .sender_mac = packet->layers[0].smac,
                                  .target = 0x0af40002};
    check_frame(&f, packet, expected, sizeof(expected) - 1);
    fixture_clear(&f);
}

static void
test_syn(void)
{
    static const char expected[] =
        "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x01\x00\x02\x08\x00"
        "\x45\x00\x00\x30\x12\x34\x40\x00\x40\x06\x5b\x97\x0a\xf4\x00\x02\xc0\x00\x02"
        "\x07"
        "\x80\x00\x00\x50\xff\xff\xff\xf0\x00\x00\x00\x00\x70\x02\xff\xff\x30\xe0\x00"
        "\x00"
        "\x02\x04\x05\xb4\x03\x03\x07\x01";
    Fixture f;
    VsPacket *packet;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_TCP, VS_TCP_HEADER_BYTES + 8);
    packet->layers[0].ip_id = 0x1234;
    packet->layers[0].ip_fragment = VS_IP_DF;
    packet->layers[0].flow.sport = 32768;
    packet->layers[0].flow.dport = 80;
    packet->layers[0].tcp = (VsTcpHeader){.seq = 0xfffffff0,
                                          .window = 65535,
                                          .mss = 1460,
                                          .flags = VS_TCP_SYN,
                                          .wscale = 7 + 1,
                                          .option_bytes = 8};
    check_frame(&f, packet, expected, sizeof(expected) - 1);
    fixture_clear(&f);
}

/* Two bytes in front align it, as hosts do (RFC 7323, appendix A). */
static void
test_timestamps(void)
{
    static const char expected[] = "\x01\x01\x08\x0a\x00\x00\x03\xe9\xff\xff\xff\xfe";
    Fixture f;
    VsPacket *packet;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_TCP, VS_TCP_HEADER_BYTES + 12);
    packet->layers[0].tcp = (VsTcpHeader){
        .flags = VS_TCP_ACK, .option_bytes = 12, .options = VS_TCP_OPTION_TIMESTAMPS};
    packet->tcp_options = (VsTcpOptions){.ts_value = 1001, .ts_echo = 0xfffffffe};
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, 14 + 20 + 20 + 12);
    CU_ASSERT_EQUAL(memcmp(f.out->data + f.out->len - 12, expected, 12), 0);
    CU_ASSERT_TRUE(is_right(&f));
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* RFC 2018: kind 4 in a SYN, in place of what aligns timestamps if there are any (Linux); kind
 * 5 with the blocks. */
static void
test_sack(void)
{
    static const char alone[] = "\x02\x04\x05\xb4\x01\x01\x04\x02\x03\x03\x07\x01";
    static const char together[] =
        "\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x03\xe9\x00\x00\x00\x00\x03\x03"
        "\x07\x01";
    static const char blocks[] = "\x01\x01\x05\x12\x00\x00\x00\x64\x00\x00\x00\xc8"
                                 "\xff\xff\xff\xff\x00\x00\x00\x0a";
    static const struct {
        VsTcpHeader header;
        const char *expected;
    } cases[] = {
        {{.flags = VS_TCP_SYN,
          .mss = 1460,
          .wscale = 8,
          .option_bytes = 12,
          .options = VS_TCP_OPTION_SACK_PERMITTED},
         alone},
        {{.flags = VS_TCP_SYN,
          .mss = 1460,
          .wscale = 8,
          .option_bytes = 20,
          .options = VS_TCP_OPTION_SACK_PERMITTED | VS_TCP_OPTION_TIMESTAMPS},
         together},
        {{.flags = VS_TCP_ACK,
          .option_bytes = VS_TCP_SACK_BYTES(2),
          .options = 2 << VS_TCP_OPTION_SACK_SHIFT},
         blocks},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint32_t n_bytes = cases[i].header.option_bytes;
        Fixture f;
        VsPacket *packet;

        fixture_init(&f);
        packet = packet_new(&f, VS_PROTOCOL_TCP, VS_TCP_HEADER_BYTES + n_bytes);
        packet->layers[0].tcp = cases[i].header;
        packet->tcp_options =
            (VsTcpOptions){.ts_value = 1001, .sack = {{100, 200}, {0xffffffff, 10}}};
        print(&f, packet);
        CU_ASSERT_EQUAL_FATAL(f.out->len, 14 + 20 + 20 + n_bytes);
        CU_ASSERT_EQUAL(
            memcmp(f.out->data + f.out->len - n_bytes, cases[i].expected, n_bytes), 0);
        CU_ASSERT_TRUE(is_right(&f));
        vs_packet_deliver(packet);
        fixture_clear(&f);
    }
}

static void
test_query(void)
{
    static const char expected[] =
        "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x01\x00\x02\x08\x00"
        "\x45\x00\x00\x3a\x12\x35\x00\x00\x40\x11\x9b\x81\x0a\xf4\x00\x02\xc0\x00\x02"
        "\x07"
        "\x9c\x40\x00\x35\x00\x26\x09\xbc"
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        "\4shop\7example\0\x00\x01\x00\x01";
    Fixture f;

    fixture_init(&f);
    check_frame(&f, query_new(&f), expected, sizeof(expected) - 1);
    fixture_clear(&f);
}

/* A checksum of 0 would say that there is none; 0xffff is the same number. */
static void
test_udp_checksum_is_never_zero(void)
{
    Fixture f;
    VsPacket *packet;
    unsigned n_zero = 0, n_ones = 0, n_wrong = 0;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_UDP, VS_UDP_HEADER_BYTES);
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        packet->layers[0].flow.sport = (uint16_t)port;
        print(&f, packet);
        n_zero += f.out->data[IP + 6] == 0 && f.out->data[IP + 7] == 0;
        n_ones += f.out->data[IP + 6] == 0xff && f.out->data[IP + 7] == 0xff;
        n_wrong += !is_right(&f);
    }
    CU_ASSERT_EQUAL(n_zero, 0);
    CU_ASSERT_EQUAL(n_ones, 1); /* Each other value is another port's. */
    CU_ASSERT_EQUAL(n_wrong, 0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* The bytes that segments of 'mss' bytes carry, one after the other. */
static char *
join_segments(Fixture *f, const VsPayload *payload, uint64_t message_bytes,
              uint32_t mss)
{
    GString *joined = g_string_new(NULL);

    for (uint64_t offset = 0; offset < message_bytes; offset += mss) {
        uint32_t bytes = (uint32_t)MIN(mss, message_bytes - offset);
        VsPacket *packet = packet_new(f, VS_PROTOCOL_TCP, VS_TCP_HEADER_BYTES + bytes);

        packet->payload = *payload;
        packet->payload_bytes = bytes;
        packet->message_offset = offset;
        packet->message_bytes = message_bytes;
        packet->layers[0].tcp.flags = VS_TCP_ACK;
        print(f, packet);
        CU_ASSERT(is_right(f));
        CU_ASSERT_EQUAL_FATAL(f->out->len, IP + VS_TCP_HEADER_BYTES + bytes);
        g_string_append_len(joined, (char *)f->out->data + IP + VS_TCP_HEADER_BYTES,
                            (gssize)bytes);
        vs_packet_deliver(packet);
    }
    return g_string_free(joined, FALSE);
}

static void
test_segments_of_a_message(void)
{
    static const uint32_t sizes[] = {1, 7, 64, 536, 1460, 65000};
    Fixture f;
    VsPayload payload = {.kind = VS_PAYLOAD_HTTP,
                         .http = {.status = 200, .body_bytes = 8192}};
    g_autoptr(GString) head = g_string_new(NULL);
    g_autofree char *whole = NULL;

    fixture_init(&f);
    vs_http_measure(&payload.http, &f.run.packets->names);
    vs_http_print_head(&payload.http, &f.run.packets->names, head);
    CU_ASSERT_EQUAL(payload.http.head_bytes, head->len);
    whole = join_segments(&f, &payload, head->len + 8192, 65000);
    CU_ASSERT(g_str_has_prefix(whole, head->str));
    CU_ASSERT_PTR_NOT_NULL(strstr(whole, "Content-Length: 8192\r\n"));
    CU_ASSERT_EQUAL(strlen(whole) - head->len, 8192); /* The body has no zero byte. */
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *joined =
            join_segments(&f, &payload, head->len + 8192, sizes[i]);

        CU_ASSERT_STRING_EQUAL(joined, whole);
    }
    fixture_clear(&f);
}

static void
test_fragments(void)
{
    enum { PIECE = 16 };
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) joined = g_byte_array_new();
    uint32_t content;

    fixture_init(&f);
    packet = query_new(&f);
    content = packet->layers[0].ip_bytes - VS_IPV4_HEADER_BYTES;
    for (uint32_t at = 0; at < content; at += PIECE) {
        uint32_t bytes = MIN((uint32_t)PIECE, content - at);

        packet->layers[0].ip_bytes = VS_IPV4_HEADER_BYTES + bytes;
        packet->layers[0].ip_fragment =
            (uint16_t)(at / 8 | (at + bytes < content ? VS_IP_MF : 0));
        print(&f, packet);
        CU_ASSERT_EQUAL_FATAL(f.out->len, IP + bytes);
        CU_ASSERT_EQUAL(f.out->data[ETHER + 6] * 256 + f.out->data[ETHER + 7],
                        packet->layers[0].ip_fragment);
        g_byte_array_append(joined, f.out->data + IP, bytes);
    }
    packet->layers[0].ip_bytes = VS_IPV4_HEADER_BYTES + content;
    packet->layers[0].ip_fragment = 0;
    print(&f, packet);
    CU_ASSERT_EQUAL(joined->len, content);
    CU_ASSERT_EQUAL(memcmp(joined->data, f.out->data + IP, content), 0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static void
test_echo(void)
{
    Fixture f;
    VsPacket *packet;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_ICMP, VS_ICMP_HEADER_BYTES + 56);
    packet->layers[0].flow.sport = 0x0077;
    packet->layers[0].icmp = (VsIcmpHeader){.type = VS_ICMP_ECHO, .sequence = 3};
    print(&f, packet);
    CU_ASSERT_EQUAL(f.out->len, IP + 64);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP, "\x08\x00", 2), 0);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + 4, "\x00\x77\x00\x03", 4), 0);
    CU_ASSERT(is_right(&f));
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

/* "Fragmentation needed" quotes the first 548 bytes of a segment of 1480, as it was. */
static void
test_error_quotes_the_packet(void)
{
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) fault = g_byte_array_new();
    VsLayer *top;

    fixture_init(&f);
    packet = packet_new(&f, VS_PROTOCOL_TCP, VS_TCP_HEADER_BYTES + 1440);
    packet->payload.kind = VS_PAYLOAD_HTTP;
    packet->payload.http.host = vs_names_intern(&f.run.packets->names, "shop.example");
    packet->payload.http.body_bytes = 5000;
    vs_http_measure(&packet->payload.http, &f.run.packets->names);
    packet->layers[0].tcp.flags = VS_TCP_ACK;
    vs_packet_print(packet, fault);

    top = vs_packet_push(packet);
    *top = packet->layers[0];
    top->flow.protocol = VS_PROTOCOL_ICMP;
    top->icmp = (VsIcmpHeader){
        .type = VS_ICMP_UNREACHABLE, .code = VS_ICMP_CODE_TOO_BIG, .next_mtu = 1400};
    top->ip_bytes = 576;
    print(&f, packet);
    CU_ASSERT_EQUAL_FATAL(f.out->len, ETHER + 576);
    CU_ASSERT(is_right(&f));
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP, "\x03\x04", 2), 0);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + 4, "\x00\x00\x05\x78", 4), 0);
    CU_ASSERT_EQUAL(memcmp(f.out->data + IP + VS_ICMP_HEADER_BYTES, fault->data + ETHER,
                           576 - VS_IPV4_HEADER_BYTES - VS_ICMP_HEADER_BYTES),
                    0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static void
test_without_ethernet(void)
{
    Fixture f;
    VsPacket *packet;
    g_autoptr(GByteArray) raw = g_byte_array_new();

    fixture_init(&f);
    packet = query_new(&f);
    print(&f, packet);
    vs_packet_print_ip(packet, raw);
    CU_ASSERT_EQUAL_FATAL(raw->len, f.out->len - ETHER);
    CU_ASSERT_EQUAL(memcmp(raw->data, f.out->data + ETHER, raw->len), 0);
    vs_packet_deliver(packet);
    fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"the checksum of RFC 1071", test_checksum_vectors},
    {"the checksum is that of its slow twin", test_checksum_twin},
    {"a known IP header", test_ip_header},
    {"an ARP request, byte by byte", test_arp},
    {"a SYN with its options, byte by byte", test_syn},
    {"timestamps, byte by byte", test_timestamps},
    {"SACK: permitted, and blocks", test_sack},
    {"a DNS query, byte by byte", test_query},
    {"no UDP checksum is zero", test_udp_checksum_is_never_zero},
    {"segments carry exactly their message", test_segments_of_a_message},
    {"fragments are pieces of the whole", test_fragments},
    {"an echo request", test_echo},
    {"an ICMP error quotes the packet as it was", test_error_quotes_the_packet},
    {"a device without Ethernet has the same packet", test_without_ethernet},
    {0},
};

VS_TESTS("packet/bytes")
