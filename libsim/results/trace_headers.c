#include "results/trace_headers.h"

#include <string.h>

#include "base/json_put.h"
#include "base/units.h"
#include "packet/http.h"
#include "packet/websocket.h"
#include "results/trace_dns.h"

/* Numbers of a header, in the order they are shown. */
enum { N_NUMBERS = 14 };

typedef struct Number {
    const char *name;
    uint32_t value;
    bool is_shown; /* The header has it. */
} Number;

static void
list_numbers(const VsLayer *layer, Number numbers[N_NUMBERS])
{
    bool is_tcp = layer->flow.protocol == VS_PROTOCOL_TCP;
    bool is_icmp = layer->flow.protocol == VS_PROTOCOL_ICMP;
    const Number all[N_NUMBERS] = {
        {"sport", layer->flow.sport, !is_icmp},
        {"dport", layer->flow.dport, !is_icmp},
        {"ttl", layer->ttl, true},
        {"tos", layer->tos, true},
        {"ip_id", layer->ip_id, true},
        {"ip_fragment", layer->ip_fragment, true},
        {"ip_bytes", layer->ip_bytes, true},
        {"seq", is_tcp ? layer->tcp.seq : 0, is_tcp},
        {"ack", is_tcp ? layer->tcp.ack : 0, is_tcp && (layer->tcp.flags & VS_TCP_ACK)},
        {"window", is_tcp ? layer->tcp.window : 0, is_tcp},
        {"mss", is_tcp ? layer->tcp.mss : 0, is_tcp && layer->tcp.mss != 0},
        {"icmp_type", is_icmp ? layer->icmp.type : 0, is_icmp},
        {"icmp_code", is_icmp ? layer->icmp.code : 0, is_icmp},
        {"icmp_id", layer->flow.sport, is_icmp},
    };

    memcpy(numbers, all, sizeof(all));
}

static void
put_mac(JsonBuilder *builder, const char *name, uint64_t mac)
{
    g_autofree char *text = vs_format_mac(mac);

    vs_json_put_text(builder, name, text);
}

static void
put_address(JsonBuilder *builder, const char *name, VsAddr address)
{
    g_autofree char *text = vs_format_ipv4(address);

    vs_json_put_text(builder, name, text);
}

static const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case VS_PROTOCOL_TCP:
        return "tcp";
    case VS_PROTOCOL_UDP:
        return "udp";
    case VS_PROTOCOL_ICMP:
        return "icmp";
    default:
        return "other";
    }
}

/* "SYN-ACK"; newly allocated. */
static char *
format_flags(uint8_t flags)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{VS_TCP_SYN, "SYN"}, {VS_TCP_FIN, "FIN"}, {VS_TCP_RST, "RST"},
                 {VS_TCP_PSH, "PSH"}, {VS_TCP_ACK, "ACK"}, {VS_TCP_ECE, "ECE"},
                 {VS_TCP_CWR, "CWR"}};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (flags & names[i].flag) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? "-" : "",
                                   names[i].name);
        }
    }
    return g_string_free(text, FALSE);
}

void
vs_trace_put_headers(JsonBuilder *builder, const char *name, const VsLayer *layer,
                     const VsLayer *other)
{
    Number numbers[N_NUMBERS];
    Number others[N_NUMBERS];

    vs_json_begin_object(builder, name);
    if (layer->smac != (other ? other->smac : 0)) {
        put_mac(builder, "smac", layer->smac);
    }
    if (layer->dmac != (other ? other->dmac : 0)) {
        put_mac(builder, "dmac", layer->dmac);
    }
    if (!other || layer->flow.saddr != other->flow.saddr) {
        put_address(builder, "saddr", layer->flow.saddr);
    }
    if (!other || layer->flow.daddr != other->flow.daddr) {
        put_address(builder, "daddr", layer->flow.daddr);
    }
    if (!other || layer->flow.protocol != other->flow.protocol) {
        vs_json_put_text(builder, "protocol", protocol_name(layer->flow.protocol));
    }
    list_numbers(layer, numbers);
    list_numbers(other ? other : layer, others);
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        if (numbers[i].is_shown &&
            (!other || !others[i].is_shown || numbers[i].value != others[i].value)) {
            vs_json_put_int(builder, numbers[i].name, numbers[i].value);
        }
    }
    if (layer->flow.protocol == VS_PROTOCOL_TCP &&
        (!other || layer->tcp.flags != other->tcp.flags)) {
        g_autofree char *flags = format_flags(layer->tcp.flags);

        vs_json_put_text(builder, "flags", flags);
    }
    json_builder_end_object(builder);
}

static char *
describe_http(const VsTraceRecord *record, const VsNames *names)
{
    const VsHttp *http = &record->payload.http;

    if (http->status != 0) {
        return g_strdup_printf("%u %s, %u bytes", http->status,
                               vs_http_reason(http->status), record->payload_bytes);
    }
    return g_strdup_printf("%s %s, %u bytes", vs_http_method_names[http->method],
                           vs_names_get(names, http->path), record->payload_bytes);
}

/* "HTTP/2 SETTINGS, 33 bytes", "HTTP/2 stream 1 HEADERS, GET /cart, 31 bytes". */
static char *
describe_http2(const VsTraceRecord *record, const VsNames *names)
{
    static const struct {
        unsigned set;
        const char *name;
    } kinds[] = {{VS_HTTP2_PREFACE, " preface"},
                 {VS_HTTP2_SETTINGS, " SETTINGS"},
                 {VS_HTTP2_SETTINGS_ACK, " SETTINGS-ACK"},
                 {VS_HTTP2_UPDATE | VS_HTTP2_STREAM_UPDATE, " WINDOW_UPDATE"},
                 {VS_HTTP2_HEADERS, " HEADERS"},
                 {VS_HTTP2_DATA, " DATA"},
                 {VS_HTTP2_RST_STREAM, " RST_STREAM"},
                 {VS_HTTP2_GOAWAY, " GOAWAY"},
                 {VS_HTTP2_PING, " PING"},
                 {VS_HTTP2_PING_ACK, " PING-ACK"}};
    const VsHttp2Frames *frames = &record->payload.http2;
    GString *text = g_string_new("HTTP/2");

    if (frames->stream != 0) {
        g_string_append_printf(text, " stream %u", frames->stream);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (frames->set & kinds[i].set) {
            g_string_append(text, kinds[i].name);
        }
    }
    if (frames->set & (VS_HTTP2_HEADERS | VS_HTTP2_DATA)) {
        g_autofree char *message = describe_http(record, names);

        g_string_append_printf(text, ", %s", message);
    } else {
        g_string_append_printf(text, ", %u bytes", record->payload_bytes);
    }
    return g_string_free(text, FALSE);
}

static const char *
describe_unreachable(uint8_t code)
{
    switch (code) {
    case VS_ICMP_CODE_NET:
        return "ICMP network unreachable";
    case VS_ICMP_CODE_HOST:
        return "ICMP host unreachable";
    case VS_ICMP_CODE_PORT:
        return "ICMP port unreachable";
    case VS_ICMP_CODE_TOO_BIG:
        return "ICMP fragmentation needed";
    default:
        return "ICMP unreachable by a rule"; /* Of netfilter/reject.c alone. */
    }
}

static const char *
describe_icmp(const VsIcmpHeader *icmp)
{
    switch (icmp->type) {
    case VS_ICMP_ECHO:
        return "ICMP echo request";
    case VS_ICMP_ECHO_REPLY:
        return "ICMP echo reply";
    case VS_ICMP_TIME_EXCEEDED:
        return "ICMP time exceeded";
    default:
        return describe_unreachable(icmp->code);
    }
}

/* "SYN", "GET /cart, 98 bytes", "DNS query shop.example"; newly allocated. */
static char *
describe(const VsTraceRecord *record, const VsNames *names)
{
    const VsLayer *layer = &record->after;

    if (layer->flow.protocol == VS_PROTOCOL_ICMP) {
        return g_strdup(describe_icmp(&layer->icmp));
    }
    if (record->quic) {
        return g_strdup_printf("%s, %u bytes", record->quic, record->payload_bytes);
    }
    if (record->payload_bytes > 0 && record->payload.kind == VS_PAYLOAD_DNS) {
        return vs_trace_describe_dns(&record->payload.dns, names);
    }
    if (record->payload_bytes > 0 && record->payload.kind == VS_PAYLOAD_HTTP) {
        return describe_http(record, names);
    }
    if (record->payload_bytes > 0 && record->payload.kind == VS_PAYLOAD_HTTP2) {
        return describe_http2(record, names);
    }
    if (record->payload_bytes > 0 && record->payload.kind == VS_PAYLOAD_WEBSOCKET) {
        return g_strdup_printf(
            "WebSocket %s, %u bytes",
            vs_websocket_opcode_name(record->payload.websocket.opcode),
            record->payload_bytes);
    }
    return layer->flow.protocol == VS_PROTOCOL_TCP
               ? format_flags(layer->tcp.flags)
               : g_strdup_printf("UDP, %u bytes", record->payload_bytes);
}

char *
vs_trace_summarize(const VsTraceRecord *record, const VsNames *names)
{
    const VsFlow *flow = &record->after.flow;
    g_autofree char *what = describe(record, names);
    g_autofree char *saddr = vs_format_ipv4(flow->saddr);
    g_autofree char *daddr = vs_format_ipv4(flow->daddr);

    if (flow->protocol == VS_PROTOCOL_ICMP) {
        return g_strdup_printf("%s %s > %s", what, saddr, daddr);
    }
    return g_strdup_printf("%s%s %s:%u > %s:%u", what,
                           record->payload_bytes > 0 ? "," : "", saddr, flow->sport,
                           daddr, flow->dport);
}
