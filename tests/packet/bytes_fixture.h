/* Packets to be printed as bytes, and a slow twin of the checksum. */
#pragma once

#include "packet/bytes.h"
#include "packet/dns.h"
#include "vs_test.h"

enum {
    ETHER = VS_ETHER_HEADER_BYTES,
    IP = ETHER + VS_IPV4_HEADER_BYTES, /* Where the frame's TCP, UDP or ICMP begins. */
};

typedef struct Fixture {
    VsRun run;
    GByteArray *out;
} Fixture;

static inline void
fixture_init(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    vs_run_init(&f->run, 1);
    vs_run_make_packets(&f->run);
    f->out = g_byte_array_new();
}

static inline void
fixture_clear(Fixture *f)
{
    g_byte_array_free(f->out, TRUE);
    vs_run_free_packets(&f->run);
    vs_run_clear(&f->run);
}

/* From 10.244.0.2 to 192.0.2.7; 'content_bytes' follow the IP header. */
static inline VsPacket *
packet_new(Fixture *f, uint8_t protocol, uint32_t content_bytes)
{
    VsPacket *packet = vs_packet_new(&f->run);

    packet->layers[0] = (VsLayer){.dmac = UINT64_C(0x020000000001),
                                  .smac = UINT64_C(0x020000010002),
                                  .ether_type = VS_ETHER_TYPE_IPV4,
                                  .flow = {.saddr = 0x0af40002,
                                           .daddr = 0xc0000207,
                                           .protocol = protocol,
                                           .family = VS_FAMILY_IPV4},
                                  .ttl = 64,
                                  .ip_bytes = VS_IPV4_HEADER_BYTES + content_bytes};
    return packet;
}

/* Prints the frame into f->out, which is emptied before. */
static inline void
print(Fixture *f, const VsPacket *packet)
{
    g_byte_array_set_size(f->out, 0);
    vs_packet_print(packet, f->out);
}

/* Sum of 16-bit words, a word at a time, folded: 0xffff over what holds its checksum. */
static inline unsigned
slow_sum(const uint8_t *bytes, size_t n_bytes, unsigned sum)
{
    for (size_t i = 0; i < n_bytes; i++) {
        sum += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
        sum = sum % 65536 + sum / 65536;
    }
    return sum;
}

/* Are all checksums of the frame in f->out, whose packet is in one piece, right? */
static inline bool
is_right(const Fixture *f)
{
    const uint8_t *ip = f->out->data + ETHER;
    uint32_t n_bytes = f->out->len - IP;
    unsigned protocol = ip[9];
    unsigned pseudo = protocol == VS_PROTOCOL_ICMP ? 0 : protocol + n_bytes;

    if (protocol != VS_PROTOCOL_ICMP) {
        pseudo = slow_sum(ip + 12, 8, pseudo);
    }
    return slow_sum(ip, VS_IPV4_HEADER_BYTES, 0) == UINT16_MAX &&
           slow_sum(f->out->data + IP, n_bytes, pseudo) == UINT16_MAX;
}

static inline VsPacket *
query_new(Fixture *f)
{
    VsPacket *packet;
    VsPayload payload = {.kind = VS_PAYLOAD_DNS, .dns = {.id = 0x1234}};
    uint32_t bytes;

    payload.dns.name = vs_names_intern(&f->run.packets->names, "shop.example");
    bytes = vs_dns_measure(&payload.dns, &f->run.packets->names);
    packet = packet_new(f, VS_PROTOCOL_UDP, VS_UDP_HEADER_BYTES + bytes);
    packet->payload = payload;
    packet->payload_bytes = bytes;
    packet->message_bytes = bytes;
    packet->layers[0].ip_id = 0x1235;
    packet->layers[0].flow.sport = 40000;
    packet->layers[0].flow.dport = VS_DNS_PORT;
    return packet;
}
