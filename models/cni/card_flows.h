/* Connections that the programs of a node's cards have translated: what Cilium keeps in its
 * connection map and its maps of translated addresses (bpf/lib/conntrack.h, nat.h).
 *
 * Each is found by the client's packets and, where the answers come by this node, by those.
 * It is forgotten when nothing came for a while (defaults of bpf-ct-timeout-*): UDP 60 s;
 * TCP 60 s while there was but a SYN, then 8000 s, 10 s once both sides have sent a FIN or
 * one a RST. */
#pragma once

#include "vethsim-model.h"

typedef struct CardFlows CardFlows;

typedef struct CardFlow {
    VsTimer timer;
    CardFlows *flows;
    VsFlow original; /* From the client to the service. */
    VsFlow answer;   /* As the backend answers; protocol 0: not by this node. */
    const VsEndpoint *endpoint;
    VsTime expires;
    bool is_open;        /* More than a SYN was seen. */
    bool client_closed;  /* Sent its FIN. */
    bool backend_closed; /* The same; or its answers go another way. */
} CardFlow;

struct CardFlows {
    VsRun *run;
    VsEntity *entity; /* Of the timers. */
    VsTable table;    /* By original and by answer. */
    VsPool pool;
};

void card_flows_init(CardFlows *flows, VsHost *host);

/* Forgets all.  The run is stopped. */
void card_flows_clear(CardFlows *flows);

/* The connection of a packet, and whether that is an answer; or NULL. */
CardFlow *card_flows_find(const CardFlows *flows, const VsFlow *flow,
                          bool *ret_is_answer);

/* Adds a connection; NULL when another one has the same packets or answers. */
CardFlow *card_flows_add(CardFlows *flows, const VsFlow *original, const VsFlow *answer,
                         const VsEndpoint *endpoint);
void card_flows_remove(CardFlow *flow);

/* True if answers that look like 'answer' would be mistaken for another connection's. */
bool card_flows_is_taken(const CardFlows *flows, const VsFlow *answer);

/* Both sides are done with it: a SYN begins another one. */
bool card_flow_is_closed(const CardFlow *flow);

/* A packet of the connection has come: it lives on for as long as its state allows. */
void card_flow_touch(CardFlow *flow, const VsLayer *top, bool is_answer);
