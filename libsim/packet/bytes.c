#include "packet/bytes.h"

#include <string.h>

#include "packet/dns.h"
#include "packet/http.h"
#include "packet/http2.h"
#include "packet/quic_print.h"
#include "packet/websocket.h"

enum {
    ARP_ETHERNET = 1,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
    IP_VERSION_AND_LENGTH = 0x45, /* Five words of header. */
    IP_CHECKSUM_AT = 10,
    TCP_CHECKSUM_AT = 16,
    UDP_CHECKSUM_AT = 6,
    ICMP_CHECKSUM_AT = 2,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_MSS_BYTES = 4,
    OPTION_SCALE = 3,
    OPTION_SCALE_BYTES = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_SACK_PERMITTED_BYTES = 2,
    OPTION_SACK = 5,
    OPTION_TIMESTAMPS = 8,
    OPTION_TIMESTAMPS_BYTES = 10,
    VXLAN_FLAG_VNI = 0x08,
    TLS_APPLICATION_DATA = 23, /* RFC 8446 section 5.1. */
    TLS_HEADER_BYTES = 5,
    TLS_RECORD_MAX = 5 + 16384 + 17, /* Header, text, type and tag. */
};

/* What is printed: a layer and those below it, with the packet's payload at the bottom. */
typedef struct Printer {
    const VsPacket *packet;
    GByteArray *out;
} Printer;

static void print_ip(const Printer *printer, unsigned place);

/* Checksums. ----------------------------------------------------------------------- */

uint64_t
vs_checksum_add(uint64_t sum, const uint8_t *bytes, size_t n_bytes)
{
    uint32_t word;

    /* Four bytes at a time: 2^16 is 1 in this arithmetic (RFC 1071 section 2). */
    for (; n_bytes >= sizeof(word); n_bytes -= sizeof(word), bytes += sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        sum += GUINT32_FROM_BE(word);
    }
    if (n_bytes >= 2) {
        sum += (uint64_t)bytes[0] << 8 | bytes[1];
        bytes += 2;
        n_bytes -= 2;
    }
    if (n_bytes > 0) {
        sum += (uint64_t)bytes[0] << 8;
    }
    return sum;
}

uint16_t
vs_checksum(const uint8_t *bytes, size_t n_bytes, uint64_t sum)
{
    sum = vs_checksum_add(sum, bytes, n_bytes);
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* Of the header that TCP and UDP sum up with their own bytes (RFC 9293 section 3.1). */
static uint64_t
sum_of_pseudo_header(const VsFlow *flow, uint32_t n_bytes)
{
    return (uint64_t)flow->saddr + flow->daddr + flow->protocol + n_bytes;
}

/* Sets the checksum 'place' bytes into what begins at 'start'. */
static uint16_t
put_checksum(const Printer *printer, uint32_t start, uint32_t place, uint64_t sum)
{
    uint8_t *bytes = printer->out->data + start;
    uint16_t checksum = vs_checksum(bytes, printer->out->len - start, sum);

    bytes[place] = (uint8_t)(checksum >> 8);
    bytes[place + 1] = (uint8_t)checksum;
    return checksum;
}

/* Bytes. --------------------------------------------------------------------------- */

/* Room for 'n_bytes' at the end; valid until more is printed. */
static uint8_t *
extend(const Printer *printer, uint32_t n_bytes)
{
    uint32_t start = printer->out->len;

    g_byte_array_set_size(printer->out, start + n_bytes);
    return printer->out->data + start;
}

static uint8_t *
put_u16(uint8_t *at, unsigned value)
{
    *at++ = (uint8_t)(value >> 8);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *
put_u32(uint8_t *at, uint32_t value)
{
    return put_u16(put_u16(at, value >> 16), value & UINT16_MAX);
}

static uint8_t *
put_mac(uint8_t *at, uint64_t mac)
{
    return put_u32(put_u16(at, (unsigned)(mac >> 32) & UINT16_MAX), (uint32_t)mac);
}

/* Payloads. ------------------------------------------------------------------------ */

/* 'n_bytes' of text without meaning, from byte 'offset' of it on. */
static void
print_filler(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    static const char line[] =
        "The quick brown fox jumps over the lazy dog, packet after packet.\n";
    uint8_t *at = extend(printer, n_bytes);

    offset %= sizeof(line) - 1;
    while (n_bytes > 0) {
        uint32_t piece = MIN(n_bytes, (uint32_t)(sizeof(line) - 1 - offset));

        memcpy(at, line + offset, piece);
        at += piece;
        n_bytes -= piece;
        offset = 0;
    }
}

/* The part of 'head' from 'offset' on, then body, 'n_bytes' in all. */
static void
print_piece(const Printer *printer, const char *head, uint64_t head_bytes,
            uint64_t offset, uint32_t n_bytes)
{
    uint32_t of_head =
        offset < head_bytes ? (uint32_t)MIN(head_bytes - offset, n_bytes) : 0;

    if (of_head > 0) {
        g_byte_array_append(printer->out, (const guint8 *)head + offset, of_head);
    }
    print_filler(printer, MAX(offset, head_bytes) - head_bytes, n_bytes - of_head);
}

static void
print_http(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    const VsHttp *http = &printer->packet->payload.http;
    g_autoptr(GString) head = NULL;

    if (offset >= http->head_bytes) {
        print_filler(printer, offset - http->head_bytes, n_bytes);
        return;
    }
    head = g_string_sized_new(http->head_bytes + 1);
    vs_http_print_head(http, &printer->packet->run->packets->names, head);
    print_piece(printer, head->str, head->len, offset, n_bytes);
}

static void
print_http2(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    g_autoptr(GString) head = g_string_new(NULL);

    vs_http2_print(&printer->packet->payload.http2,
                   &printer->packet->run->packets->names, head);
    print_piece(printer, head->str, head->len, offset, n_bytes);
}

static void
print_websocket(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    g_autoptr(GString) head = g_string_new(NULL);

    vs_websocket_print(&printer->packet->payload.websocket, head);
    print_piece(printer, head->str, head->len, offset, n_bytes);
}

static void
print_dns(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    g_autoptr(GByteArray) message = g_byte_array_new();
    const VsPacket *packet = printer->packet;

    if (packet->layers[packet->n_layers - 1].flow.protocol == VS_PROTOCOL_TCP) {
        vs_dns_put_u16(message,
                       (uint16_t)(packet->message_bytes - VS_DNS_TCP_LENGTH_BYTES));
    }
    vs_dns_print(&packet->payload.dns, &packet->run->packets->names, message);
    print_piece(printer, (const char *)message->data, message->len, offset, n_bytes);
}

/* TLS: records of application data, the last one shorter.  What is sealed looks like noise,
 * so filler will do; the flights of handshakes are shown the same way. */
static void
print_records(const Printer *printer, uint64_t offset, uint32_t n_bytes)
{
    const uint64_t message_bytes = printer->packet->message_bytes;

    while (n_bytes > 0) {
        uint64_t start = offset / TLS_RECORD_MAX * TLS_RECORD_MAX;
        uint32_t record_bytes = (uint32_t)MIN(message_bytes - start, TLS_RECORD_MAX);
        uint32_t piece = (uint32_t)MIN(n_bytes, start + record_bytes - offset);
        uint8_t header[TLS_HEADER_BYTES] = {TLS_APPLICATION_DATA, 3, 3};

        put_u16(header + 3, record_bytes - TLS_HEADER_BYTES);
        print_piece(printer, (const char *)header, sizeof(header), offset - start,
                    piece);
        offset += piece;
        n_bytes -= piece;
    }
}

/* A fragment has a part of the datagram. */
static void
print_quic(const Printer *printer, uint32_t n_bytes)
{
    g_autoptr(GByteArray) datagram = g_byte_array_new();

    vs_quic_print(printer->packet->quic, datagram);
    print_piece(printer, (const char *)datagram->data, datagram->len,
                printer->packet->message_offset, n_bytes);
}

/* The payload of this packet, of which the layers leave 'n_bytes'. */
static void
print_payload(const Printer *printer, uint32_t n_bytes)
{
    const VsPacket *packet = printer->packet;

    if (n_bytes == 0) {
        return;
    }
    if (packet->flags & VS_PACKET_QUIC) {
        print_quic(printer, n_bytes);
        return;
    }
    if (packet->payload.is_sealed || packet->payload.kind == VS_PAYLOAD_TLS) {
        print_records(printer, packet->message_offset, n_bytes);
        return;
    }
    switch (packet->payload.kind) {
    case VS_PAYLOAD_HTTP:
        print_http(printer, packet->message_offset, n_bytes);
        break;
    case VS_PAYLOAD_HTTP2:
        print_http2(printer, packet->message_offset, n_bytes);
        break;
    case VS_PAYLOAD_WEBSOCKET:
        print_websocket(printer, packet->message_offset, n_bytes);
        break;
    case VS_PAYLOAD_DNS:
        print_dns(printer, packet->message_offset, n_bytes);
        break;
    default:
        print_filler(printer, packet->message_offset, n_bytes);
        break;
    }
}

/* Layers. -------------------------------------------------------------------------- */

/* Two bytes that align a first option, which may be SACK-permitted (Linux
 * tcp_options_write()). */
static uint8_t *
put_front(uint8_t *at, const VsTcpHeader *tcp)
{
    bool is_sack = tcp->options & VS_TCP_OPTION_SACK_PERMITTED;

    *at++ = is_sack ? OPTION_SACK_PERMITTED : OPTION_NOP;
    *at++ = is_sack ? OPTION_SACK_PERMITTED_BYTES : OPTION_NOP;
    return at;
}

static uint8_t *
put_sack_blocks(uint8_t *at, const VsSackBlock *blocks, unsigned n_blocks)
{
    *at++ = OPTION_NOP;
    *at++ = OPTION_NOP;
    *at++ = OPTION_SACK;
    *at++ = (uint8_t)(2 + n_blocks * sizeof(VsSackBlock));
    for (unsigned i = 0; i < n_blocks; i++) {
        at = put_u32(at, blocks[i].start);
        at = put_u32(at, blocks[i].end);
    }
    return at;
}

/* As far as there is room up to 'end'. */
static uint8_t *
put_tcp_options(uint8_t *at, const uint8_t *end, const VsTcpHeader *tcp,
                const VsTcpOptions *options)
{
    unsigned n_blocks = vs_tcp_n_sack_blocks(tcp);

    if (tcp->mss != 0 && end - at >= OPTION_MSS_BYTES) {
        *at++ = OPTION_MSS;
        *at++ = OPTION_MSS_BYTES;
        at = put_u16(at, tcp->mss);
    }
    if ((tcp->options & VS_TCP_OPTION_TIMESTAMPS) &&
        end - at >= VS_TCP_TIMESTAMPS_BYTES) {
        at = put_front(at, tcp);
        *at++ = OPTION_TIMESTAMPS;
        *at++ = OPTION_TIMESTAMPS_BYTES;
        at = put_u32(at, options->ts_value);
        at = put_u32(at, options->ts_echo);
    } else if ((tcp->options & VS_TCP_OPTION_SACK_PERMITTED) &&
               end - at >= VS_TCP_SACK_PERMITTED_BYTES) {
        *at++ = OPTION_NOP;
        *at++ = OPTION_NOP;
        at = put_front(at, tcp);
    }
    if (tcp->wscale != 0 && end - at >= OPTION_SCALE_BYTES) {
        *at++ = OPTION_SCALE;
        *at++ = OPTION_SCALE_BYTES;
        *at++ = (uint8_t)(tcp->wscale - 1);
    }
    if (n_blocks > 0 && end - at >= (ptrdiff_t)VS_TCP_SACK_BYTES(n_blocks)) {
        at = put_sack_blocks(at, options->sack, n_blocks);
    }
    return at;
}

static void
print_tcp(const Printer *printer, const VsLayer *layer, uint32_t n_bytes)
{
    const VsTcpHeader *tcp = &layer->tcp;
    uint32_t header_bytes = VS_TCP_HEADER_BYTES + tcp->option_bytes;
    uint32_t start = printer->out->len;
    uint8_t *at = extend(printer, header_bytes);
    uint8_t *options_end = at + header_bytes;

    at = put_u16(at, layer->flow.sport);
    at = put_u16(at, layer->flow.dport);
    at = put_u32(at, tcp->seq);
    at = put_u32(at, tcp->ack);
    *at++ = (uint8_t)(header_bytes / 4 << 4);
    *at++ = tcp->flags;
    at = put_u16(at, tcp->window);
    at = put_u32(at, 0); /* Checksum, urgent pointer. */
    at = put_tcp_options(at, options_end, tcp, &printer->packet->tcp_options);
    while (at < options_end) {
        *at++ = OPTION_NOP;
    }
    print_payload(printer, n_bytes - header_bytes);
    put_checksum(printer, start, TCP_CHECKSUM_AT,
                 sum_of_pseudo_header(&layer->flow, n_bytes));
}

static void
print_ethernet(const Printer *printer, const VsLayer *layer)
{
    uint8_t *at = extend(printer, VS_ETHER_HEADER_BYTES);

    at = put_mac(at, layer->dmac);
    at = put_mac(at, layer->smac);
    put_u16(at, layer->ether_type);
}

static void
print_arp(const Printer *printer)
{
    const VsArp *arp = &printer->packet->payload.arp;
    uint8_t *at = extend(printer, VS_ARP_BYTES);

    at = put_u16(at, ARP_ETHERNET);
    at = put_u16(at, VS_ETHER_TYPE_IPV4);
    *at++ = 6; /* Lengths of the addresses. */
    *at++ = 4;
    at = put_u16(at, arp->is_reply ? ARP_REPLY : ARP_REQUEST);
    at = put_mac(at, arp->sender_mac);
    at = put_u32(at, arp->sender);
    at = put_mac(at, arp->target_mac);
    put_u32(at, arp->target);
}

static void
print_frame(const Printer *printer, unsigned place)
{
    const VsLayer *layer = &printer->packet->layers[place];

    print_ethernet(printer, layer);
    if (layer->ether_type == VS_ETHER_TYPE_ARP) {
        print_arp(printer);
    } else {
        print_ip(printer, place);
    }
}

/* RFC 7348: the frame of the layer below, with a header that names its network. */
static void
print_vxlan(const Printer *printer, unsigned place)
{
    uint8_t *at = extend(printer, VS_VXLAN_HEADER_BYTES);

    at = put_u32(at, (uint32_t)VXLAN_FLAG_VNI << 24);
    put_u32(at, printer->packet->layers[place].vni << 8);
    print_frame(printer, place - 1);
}

static void
print_udp(const Printer *printer, unsigned place, uint32_t n_bytes)
{
    const VsLayer *layer = &printer->packet->layers[place];
    uint32_t start = printer->out->len;
    uint8_t *at = extend(printer, VS_UDP_HEADER_BYTES);

    at = put_u16(at, layer->flow.sport);
    at = put_u16(at, layer->flow.dport);
    at = put_u16(at, n_bytes);
    put_u16(at, 0);
    if (place > 0) {
        print_vxlan(printer, place);
        return;
    }
    print_payload(printer, n_bytes - VS_UDP_HEADER_BYTES);
    if (put_checksum(printer, start, UDP_CHECKSUM_AT,
                     sum_of_pseudo_header(&layer->flow, n_bytes)) == 0) {
        /* Zero would say that there is none (RFC 768). */
        put_u16(printer->out->data + start + UDP_CHECKSUM_AT, UINT16_MAX);
    }
}

/* An error quotes as much of the layer below as it has room for. */
static void
print_icmp(const Printer *printer, unsigned place, uint32_t n_bytes)
{
    const VsLayer *layer = &printer->packet->layers[place];
    uint32_t start = printer->out->len;
    uint8_t *at = extend(printer, VS_ICMP_HEADER_BYTES);
    bool is_echo =
        layer->icmp.type == VS_ICMP_ECHO || layer->icmp.type == VS_ICMP_ECHO_REPLY;

    *at++ = layer->icmp.type;
    *at++ = layer->icmp.code;
    at = put_u16(at, 0);
    at = put_u16(at, is_echo ? layer->flow.sport : 0);
    put_u16(at, is_echo ? layer->icmp.sequence : layer->icmp.next_mtu);
    if (is_echo || place == 0) {
        print_payload(printer, n_bytes - VS_ICMP_HEADER_BYTES);
    } else {
        print_ip(printer, place - 1);
        g_byte_array_set_size(printer->out, start + n_bytes);
    }
    put_checksum(printer, start, ICMP_CHECKSUM_AT, 0);
}

/* Is the layer in an error, which has no payload of its own, rather than in a tunnel? */
static bool
is_quoted(const VsPacket *packet, unsigned place)
{
    while (++place < packet->n_layers) {
        if (packet->layers[place].flow.protocol == VS_PROTOCOL_ICMP) {
            return true;
        }
    }
    return false;
}

/* Of the payload of a packet that was cut into fragments. */
static uint32_t
whole_payload_bytes(const VsPacket *packet, unsigned place)
{
    uint32_t below_bytes;

    if (place == 0) {
        return is_quoted(packet, place) ? (uint32_t)packet->message_bytes
                                        : packet->payload_bytes;
    }
    below_bytes = packet->layers[place - 1].ip_bytes;
    switch (packet->layers[place].flow.protocol) {
    case VS_PROTOCOL_UDP:
        return VS_VXLAN_HEADER_BYTES + VS_ETHER_HEADER_BYTES + below_bytes;
    case VS_PROTOCOL_IPIP:
        return below_bytes;
    default:
        return MIN(below_bytes, (uint32_t)VS_ICMP_MAX_QUOTED_BYTES);
    }
}

/* All after the IP header, were the packet in one piece. */
static uint32_t
whole_bytes(const VsPacket *packet, unsigned place)
{
    const VsLayer *layer = &packet->layers[place];
    uint32_t header_bytes = VS_ICMP_HEADER_BYTES; /* As of UDP. */

    if ((layer->ip_fragment & (VS_IP_MF | VS_IP_OFFSET_MASK)) == 0) {
        return layer->ip_bytes - VS_IPV4_HEADER_BYTES;
    }
    if (layer->flow.protocol == VS_PROTOCOL_TCP) {
        header_bytes = VS_TCP_HEADER_BYTES + layer->tcp.option_bytes;
    } else if (layer->flow.protocol == VS_PROTOCOL_IPIP) {
        header_bytes = 0;
    }
    return header_bytes + whole_payload_bytes(packet, place);
}

static void
print_datagram(const Printer *printer, unsigned place, uint32_t n_bytes)
{
    const VsLayer *layer = &printer->packet->layers[place];

    switch (layer->flow.protocol) {
    case VS_PROTOCOL_TCP:
        print_tcp(printer, layer, n_bytes);
        break;
    case VS_PROTOCOL_UDP:
        print_udp(printer, place, n_bytes);
        break;
    case VS_PROTOCOL_ICMP:
        print_icmp(printer, place, n_bytes);
        break;
    case VS_PROTOCOL_IPIP:
        if (place > 0) { /* Else quoted without what was inside. */
            print_ip(printer, place - 1);
            break;
        }
        /* Fall through. */
    default:
        print_filler(printer, 0, n_bytes);
        break;
    }
}

static void
print_ip_header(const Printer *printer, const VsLayer *layer)
{
    uint32_t start = printer->out->len;
    uint8_t *at = extend(printer, VS_IPV4_HEADER_BYTES);

    *at++ = IP_VERSION_AND_LENGTH;
    *at++ = layer->tos;
    at = put_u16(at, layer->ip_bytes);
    at = put_u16(at, layer->ip_id);
    at = put_u16(at, layer->ip_fragment);
    *at++ = layer->ttl;
    *at++ = layer->flow.protocol;
    at = put_u16(at, 0);
    at = put_u32(at, layer->flow.saddr);
    put_u32(at, layer->flow.daddr);
    put_checksum(printer, start, IP_CHECKSUM_AT, 0);
}

/* A fragment is a piece of the whole, whose checksum counts all of it. */
static void
print_ip(const Printer *printer, unsigned place)
{
    const VsLayer *layer = &printer->packet->layers[place];
    uint32_t offset = (uint32_t)(layer->ip_fragment & VS_IP_OFFSET_MASK) * 8;
    uint32_t content_bytes = layer->ip_bytes - VS_IPV4_HEADER_BYTES;
    uint32_t start;

    print_ip_header(printer, layer);
    start = printer->out->len;
    print_datagram(printer, place,
                   MAX(whole_bytes(printer->packet, place), offset + content_bytes));
    if (offset > 0) {
        g_byte_array_remove_range(printer->out, start, offset);
    }
    g_byte_array_set_size(printer->out, start + content_bytes);
}

void
vs_packet_print(const VsPacket *packet, GByteArray *out)
{
    print_frame(&(Printer){packet, out}, packet->n_layers - 1U);
}

void
vs_packet_print_ip(const VsPacket *packet, GByteArray *out)
{
    print_ip(&(Printer){packet, out}, packet->n_layers - 1U);
}
