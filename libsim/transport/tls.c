#include "transport/tls.h"

#include <glib.h>

#include "net/host.h"
#include "transport/tls_internal.h"
#include "transport/tls_work.h"

#define TICKET_LIFETIME (7200 * VS_S)

enum {
    RECORD_MAX_BYTES = 16384,
    OVERHEAD_1_2 = 5 + 8 + 16,
    OVERHEAD_1_3 = 5 + 16 + 1,
    CERTIFICATE_REQUEST_BYTES = 60, /* With the algorithms that it takes. */
    CERTIFICATE_VERIFY_BYTES = 100, /* And the certificate's own header: ECDSA P-256. */
};

/* Lengths of flights in bytes, records' headers included, without certificates.  Orders of
 * magnitude: a browser pads its hello to 512 bytes and a record header (RFC 7685). */
static const uint32_t flight_bytes[] = {
    [VS_TLS_CLIENT_HELLO] = 517,        [VS_TLS_SERVER_HELLO] = 0, /* hello_bytes(). */
    [VS_TLS_CLIENT_FINISHED_1_2] = 126, [VS_TLS_SERVER_FINISHED_1_2] = 258,
    [VS_TLS_CLIENT_FINISHED] = 80,      [VS_TLS_TICKETS] = 510,
};

/* ServerHello and what comes with it: [resumed][1.3]. */
static uint32_t
hello_bytes(const VsTls *tls)
{
    static const uint32_t bytes[2][2] = {{500, 350}, {200, 250}};

    return bytes[tls->is_resumed][tls->version == VS_TLS_1_3] +
           (tls->is_resumed ? 0
            : tls->config->is_mutual
                ? tls->config->certificate_bytes + CERTIFICATE_REQUEST_BYTES
                : tls->config->certificate_bytes);
}

static VsHost *
host_of(const VsTcp *tcp)
{
    return tcp->sockets->netns->host;
}

static void
send_flight(VsTcp *tcp, VsTlsFlight flight)
{
    VsTls *tls = tcp->tls;
    VsPayload payload = {.kind = VS_PAYLOAD_TLS,
                         .journey = tls->journey,
                         .journey_generation = tls->journey_generation,
                         .tls = {.flight = (uint8_t)flight,
                                 .version = (uint8_t)tls->version,
                                 .is_resumed = tls->is_resumed,
                                 .is_early = tls->is_early,
                                 .is_mutual = tls->is_mutual,
                                 .alpn = tls->config->alpn}};
    uint32_t bytes = flight_bytes[flight];

    if (tcp->is_closing) {
        return; /* Early data were answered, and the owner has closed already. */
    }
    if (flight == VS_TLS_SERVER_HELLO) {
        bytes = hello_bytes(tls);
    } else if (flight == VS_TLS_CLIENT_FINISHED && tls->is_mutual) {
        bytes += tls->config->certificate_bytes + CERTIFICATE_VERIFY_BYTES;
    }
    if (flight == VS_TLS_CLIENT_HELLO || flight == VS_TLS_TICKETS ||
        flight == VS_TLS_SERVER_FINISHED_1_2) {
        payload.tls.ticket = tls->ticket;
    }
    vs_tcp_send(tcp, &payload, bytes);
}

static void
owe_handshake(const VsTcp *tcp)
{
    vs_tls_owe_handshake(host_of(tcp), tcp->tls->is_resumed, tcp->tls->is_server);
}

static void
count(const VsTcp *tcp)
{
    VsTlsStats *stats = &tcp->sockets->tls_stats;

    stats->n_full += !tcp->tls->is_resumed;
    stats->n_resumed += tcp->tls->is_resumed;
    stats->n_early += tcp->tls->is_early;
}

/* ---- Tickets ---- */

static VsKey
ticket_key(const VsTcp *tcp)
{
    return (VsKey){{tcp->flow.daddr, tcp->flow.dport}};
}

/* The tickets of the server at our address and port; never 0. */
static uint32_t
own_ticket(const VsTcp *tcp)
{
    return (uint32_t)vs_mix64((uint64_t)tcp->flow.saddr << 16 | tcp->flow.sport) | 1;
}

static const VsTlsTicket *
find_ticket(const VsTcp *tcp)
{
    const VsTlsTicket *ticket =
        vs_table_find(&tcp->sockets->tls_tickets, ticket_key(tcp));

    return ticket && ticket->expires > vs_now(tcp->sockets->run) ? ticket : NULL;
}

static void
keep_ticket(VsTcp *tcp, const VsPayload *payload)
{
    VsSockets *sockets = tcp->sockets;
    VsTlsTicket *ticket = vs_table_find(&sockets->tls_tickets, ticket_key(tcp));

    if (!ticket) {
        ticket = vs_pool_alloc(&sockets->tls_ticket_entries);
        vs_table_insert(&sockets->tls_tickets, ticket_key(tcp), ticket);
    }
    *ticket = (VsTlsTicket){.number = payload->tls.ticket,
                            .version = payload->tls.version,
                            .expires = vs_now(sockets->run) + TICKET_LIFETIME};
}

/* ---- The client ---- */

static VsTls *
tls_new(VsTcp *tcp, const VsTlsConfig *config)
{
    VsTls *tls = vs_pool_alloc(&tcp->sockets->tlss);

    g_assert(config->version != VS_TLS_NONE && !tcp->tls);
    *tls = (VsTls){.config = config, .version = config->version};
    tcp->tls = tls;
    return tls;
}

void
vs_tls_start(VsTcp *tcp, const VsTlsConfig *config, VsJourney *journey)
{
    VsTls *tls = tls_new(tcp, config);

    tls->journey = tls->early_journey = journey;
    tls->journey_generation = journey ? journey->generation : 0;
}

/* Tells the owner that it may send. */
static void
open_for_data(VsTcp *tcp)
{
    tcp->tls->is_open = true;
    tcp->ops->connected(tcp);
}

void
vs_tls_connected(VsTcp *tcp)
{
    VsTls *tls = tcp->tls;
    const VsTlsTicket *ticket;

    if (tls->is_server) {
        tcp->ops->connected(tcp); /* It has nothing to say first. */
        return;
    }
    ticket = tls->config->is_resuming ? find_ticket(tcp) : NULL;
    if (ticket && ticket->version <= tls->version) {
        tls->ticket = ticket->number;
        tls->is_early = tls->config->is_early && ticket->version == VS_TLS_1_3;
    }
    if (tls->is_early) {
        tls->journey = NULL; /* It follows the data. */
    }
    send_flight(tcp, VS_TLS_CLIENT_HELLO);
    if (tls->is_early) {
        open_for_data(tcp);
    }
}

/* The server's first flight: with 1.3, or resumed, the last that we wait for. */
static void
take_server_hello(VsTcp *tcp, const VsPayload *payload)
{
    VsTls *tls = tcp->tls;
    bool is_done = payload->tls.version == VS_TLS_1_3 || payload->tls.is_resumed;
    bool was_early = tls->is_early;
    VsPayload refused = {.journey = tls->early_journey,
                         .journey_generation = tls->journey_generation};

    tls->version = (VsTlsVersion)payload->tls.version;
    tls->is_resumed = payload->tls.is_resumed;
    tls->is_early = payload->tls.is_early;
    tls->is_mutual = payload->tls.is_mutual && tls->config->certificate_bytes > 0;
    owe_handshake(tcp);
    if (tls->is_mutual) {
        vs_host_owe(host_of(tcp), host_of(tcp)->costs.tls_sign);
    }
    if (is_done) {
        tls->journey = NULL; /* It goes on with the data. */
    }
    send_flight(tcp, tls->version == VS_TLS_1_3 ? VS_TLS_CLIENT_FINISHED
                                                : VS_TLS_CLIENT_FINISHED_1_2);
    if (!is_done) {
        return;
    }
    count(tcp);
    if (!was_early) {
        open_for_data(tcp);
    } else if (!tls->is_early) { /* Refused: all data go once more. */
        vs_payload_renew_journey(&refused);
        tcp->ops->connected(tcp);
    }
}

static void
take_as_client(VsTcp *tcp, const VsPayload *payload)
{
    switch ((VsTlsFlight)payload->tls.flight) {
    case VS_TLS_SERVER_HELLO:
        take_server_hello(tcp, payload);
        break;
    case VS_TLS_SERVER_FINISHED_1_2:
        tcp->tls->journey = NULL;
        keep_ticket(tcp, payload);
        count(tcp);
        open_for_data(tcp);
        break;
    case VS_TLS_TICKETS:
        keep_ticket(tcp, payload);
        break;
    default:
        vs_tcp_break_off(tcp);
        break;
    }
}

/* ---- The server ---- */

void
vs_tls_listen(VsTcpListener *listener, const VsTlsConfig *config)
{
    listener->tls = config;
}

void
vs_tls_accept(VsTcp *tcp, const VsTlsConfig *config)
{
    tls_new(tcp, config)->is_server = true;
}

static void
take_client_hello(VsTcp *tcp, const VsPayload *payload)
{
    VsTls *tls = tcp->tls;
    uint8_t offered = payload->tls.alpn;

    if (offered && tls->config->alpn && !(offered & tls->config->alpn)) {
        vs_tcp_break_off(tcp); /* The alert no_application_protocol, and the end. */
        return;
    }
    tls->version = MIN(tls->version, (VsTlsVersion)payload->tls.version);
    tls->journey = payload->journey;
    tls->journey_generation = payload->journey_generation;
    tls->is_resumed = payload->tls.ticket == own_ticket(tcp);
    tls->is_early = payload->tls.is_early && tls->is_resumed && tls->config->is_early &&
                    tls->version == VS_TLS_1_3;
    tls->is_mutual = tls->config->is_mutual && !tls->is_resumed;
    tls->ticket = own_ticket(tcp);
    owe_handshake(tcp);
    send_flight(tcp, VS_TLS_SERVER_HELLO);
}

static void
take_client_finished(VsTcp *tcp)
{
    VsTls *tls = tcp->tls;

    tls->is_open = true;
    tls->journey = NULL; /* The request goes on by itself. */
    count(tcp);
    if (tls->version == VS_TLS_1_3) {
        send_flight(tcp, VS_TLS_TICKETS);
    }
}

/* The alert certificate_required, and the end, where there should be one. */
static void
take_certificate(VsTcp *tcp, const VsPayload *payload)
{
    if (tcp->tls->is_mutual && !payload->tls.is_mutual) {
        vs_tcp_break_off(tcp);
        return;
    }
    if (tcp->tls->is_mutual) {
        vs_host_owe(host_of(tcp), host_of(tcp)->costs.tls_verify);
    }
    take_client_finished(tcp);
}

static void
take_as_server(VsTcp *tcp, const VsPayload *payload)
{
    VsTls *tls = tcp->tls;

    switch ((VsTlsFlight)payload->tls.flight) {
    case VS_TLS_CLIENT_HELLO:
        take_client_hello(tcp, payload);
        break;
    case VS_TLS_CLIENT_FINISHED_1_2:
        if (!tls->is_resumed) {
            tls->journey = payload->journey;
            tls->journey_generation = payload->journey_generation;
            send_flight(tcp, VS_TLS_SERVER_FINISHED_1_2);
        }
        take_client_finished(tcp);
        break;
    case VS_TLS_CLIENT_FINISHED:
        take_certificate(tcp, payload);
        break;
    default:
        vs_tcp_break_off(tcp);
        break;
    }
}

/* ---- Data ---- */

uint64_t
vs_tls_sealed_bytes(VsTlsVersion version, uint64_t bytes)
{
    uint64_t n_records = (bytes + RECORD_MAX_BYTES - 1) / RECORD_MAX_BYTES;

    return bytes + n_records * (version == VS_TLS_1_3 ? OVERHEAD_1_3 : OVERHEAD_1_2);
}

uint64_t
vs_tls_seal(VsTcp *tcp, VsPayload *payload, uint64_t bytes)
{
    if (payload->kind == VS_PAYLOAD_TLS || tcp->tls->is_plain) {
        return bytes;
    }
    g_assert(tcp->tls->is_server || tcp->tls->is_open);
    payload->is_sealed = true;
    vs_tls_owe_data(host_of(tcp), bytes);
    return vs_tls_sealed_bytes(tcp->tls->version, bytes);
}

/* Is it the first of a client that speaks no TLS, where that may be, or one that follows? */
static bool
is_plaintext(VsTls *tls, const VsPayload *payload)
{
    if (tls->is_server && tls->config->is_optional && tls->ticket == 0 &&
        payload->kind != VS_PAYLOAD_TLS && !payload->is_sealed) {
        tls->is_plain = true;
    }
    return tls->is_plain;
}

void
vs_tls_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsTls *tls = tcp->tls;

    if (G_UNLIKELY(is_plaintext(tls, payload))) {
        tcp->ops->message(tcp, payload, bytes);
    } else if (payload->kind == VS_PAYLOAD_TLS) {
        (tls->is_server ? take_as_server : take_as_client)(tcp, payload);
    } else if (!payload->is_sealed) {
        vs_tcp_break_off(tcp);
    } else if (tls->is_server && !tls->is_open && !tls->is_early) {
        return; /* Early data that were refused: the client sends them again. */
    } else {
        VsPayload opened = *payload;

        opened.is_sealed = false;
        vs_tls_owe_data(host_of(tcp), bytes);
        tcp->ops->message(tcp, &opened, bytes);
    }
}

const VsTlsStats *
vs_tls_stats(const VsNetns *netns)
{
    static const VsTlsStats none;

    return netns->sockets ? &netns->sockets->tls_stats : &none;
}
