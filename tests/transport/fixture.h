/* Two hosts joined by a link, with a tap at each end; peers that write down what they
 * hear.
 *
 *     a 10.0.0.1  ==[ab, ba]==  b 10.0.0.2
 *
 * Each end of the link has a tap before the card: it logs what arrives and can lose it.
 * Times below are those of the wire: (bytes + 38) at line rate, plus the delay. */
#pragma once

#include "net/host.h"
#include "net/netns.h"
#include "net/wire.h"
#include "transport/tcp.h"
#include "vs_test.h"

#define ADDRESS_A 0x0a000001
#define ADDRESS_B 0x0a000002
#define PORT 80
#define NEVER ((VsTime)-1)

/* On the wire: SYN with 12 bytes of options, a segment without data, n bytes of data. */
#define SYN_WIRE_BYTES (20 + 20 + 12 + 38)
#define ACK_WIRE_BYTES (46 + 38)
#define DATA_WIRE_BYTES(n) (20 + 20 + (n) + 38)
#define MSS 1460

typedef struct Arrival {
    VsTime time;
    VsFlow flow;
    VsTcpHeader tcp;
    uint32_t payload_bytes;
    uint8_t tos;
} Arrival;

typedef struct Tap {
    VsHop hop;
    VsHop *next;
    VsRun *run;
    uint32_t n_seen;
    uint32_t lost[16];   /* Numbers of packets to lose, from 1. */
    uint32_t loss_ppm;   /* Or at random; */
    uint32_t loss_every; /* or each so-manieth with data; 0: none. */
    uint32_t n_data;
    bool is_logging;
    GArray *log; /* Of Arrival, the lost ones too. */
} Tap;

typedef struct NetConfig {
    uint64_t bits_per_s;
    VsTime delay;
    uint32_t mtu;          /* 0: 1500. */
    VsTime socket_cost;    /* Of sending and of receiving, on one core. */
    VsTime backlog_max;    /* Of the wires; 0: no limit. */
    uint32_t packets_max;  /* The same in packets. */
    uint32_t mark_packets; /* A queue this long marks; 0: never. */
} NetConfig;

typedef struct Net {
    VsRun run;
    VsHost *a;
    VsHost *b;
    VsIface *iface_a;
    VsIface *iface_b;
    VsWire ab;
    VsWire ba;
    Tap to_a;
    Tap to_b;
    VsTime ps_per_byte;
    VsTime delay;
} Net;

Net *net_new(const NetConfig *config);

/* Checks that no packet was lost without a reason, and frees it. */
void net_free(Net *net);

/* Until 'until', or VS_TIME_NEVER: until nothing is left to do. */
void net_run(Net *net, VsTime until);

/* How long a frame of 'wire_bytes' takes, last bit to last bit, on an idle wire. */
VsTime net_time(const Net *net, uint64_t wire_bytes);

const Arrival *tap_get(const Tap *tap, unsigned index);

void net_set_tcp(Net *net, const VsTcpConfig *config);

/* One end of a connection: what it does, and what it heard. */
typedef struct Peer {
    VsTcp *tcp; /* NULL when it has gone. */
    VsRun *run;
    uint64_t reply_bytes; /* Above 0: answers each message with one of this length. */
    bool is_closing_when_finished;
    bool is_closing_after_message;
    VsTime connected_at; /* NEVER, or when. */
    VsTime finished_at;
    VsTime broken_at;
    VsTime closed_at;
    VsTime message_at; /* The latest. */
    VsTcpEnd end;
    unsigned n_messages;
    uint64_t bytes;
    VsPayload payload; /* Of the latest message. */
} Peer;

void peer_init(Peer *peer, VsRun *run);

/* Opens a connection from a to b. */
void peer_connect(Peer *peer, Net *net, VsJourney *journey);

/* The same to another address. */
void peer_connect_to(Peer *peer, Net *net, VsAddr daddr);

/* Sends a message without meaning. */
void peer_send(Peer *peer, uint64_t bytes);

#define SERVER_MAX_PEERS 64

typedef struct Server {
    VsTcpListener listener;
    Peer like;                    /* What accepted peers are like. */
    Peer peers[SERVER_MAX_PEERS]; /* The latest, by n_accepted modulo this. */
    unsigned n_peers;
} Server;

/* Listens on b. */
void server_open(Server *server, Net *net, uint32_t backlog);

/* Calls 'function' with 'data' at 'time', which must come before the net is freed, in an
 * event of 'host'. */
void net_at(VsHost *host, VsTime time, void (*function)(void *data), void *data);
