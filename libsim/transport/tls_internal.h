/* What TCP calls of TLS. */
#pragma once

#include "transport/tcp_internal.h"
#include "transport/tls.h"

#pragma GCC visibility push(hidden)

typedef struct VsTls {
    const VsTlsConfig *config;
    VsTlsVersion version; /* Agreed upon; until then the highest of ours. */
    bool is_server;
    bool is_resumed;
    bool is_early;
    bool is_mutual;       /* The client is asked for its certificate, and has one. */
    bool is_plain;        /* Of a server that takes it: the client speaks no TLS. */
    bool is_open;       /* Data may be sent; of a server: the client has finished. */
    uint32_t ticket;    /* Client: that it shows, or 0.  Server: that it gives. */
    VsJourney *journey; /* That the next flight carries on, or NULL. */
    VsJourney *early_journey; /* Client: for which it called. */
    uint32_t journey_generation;
} VsTls;

/* A ticket that a client holds, by whom it called. */
typedef struct VsTlsTicket {
    uint32_t number; /* Says who gave it. */
    uint8_t version;
    VsTime expires;
} VsTlsTicket;

/* The owner is ready for data, or the handshake goes first. */
void vs_tls_connected(VsTcp *tcp);

/* A whole message came. */
void vs_tls_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes);

/* 'payload' is about to be sent: marks it as sealed.  Returns its length in records. */
uint64_t vs_tls_seal(VsTcp *tcp, VsPayload *payload, uint64_t bytes);

/* Of a connection that 'listener' has accepted. */
void vs_tls_accept(VsTcp *tcp, const VsTlsConfig *config);

#pragma GCC visibility pop
