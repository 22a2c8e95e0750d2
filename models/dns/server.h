/* What both kinds of DNS server share: a UDP socket at port 53 and workers that take a
 * time for each query. */
#pragma once

#include "vethsim-model.h"

typedef struct DnsServer DnsServer;

typedef struct DnsServerParams {
    VsHostParams host;
    VsDist service_time;
    uint32_t workers;
} DnsServerParams;

#define DNS_WORK_PARAM_ROWS(Config, m)                                      \
    VS_PARAM_DIST(Config, m.service_time, "service-time", .def = "50us",    \
                  .doc = "Work for one query, once a worker has it."),      \
        VS_PARAM_UINT(Config, m.workers, "workers", .def = "4", .min = "1", \
                      .doc = "Queries worked on at a time.")
#define DNS_SERVER_PARAM_ROWS(Config, m) \
    DNS_WORK_PARAM_ROWS(Config, m), VS_HOST_PARAM_ROWS(Config, m.host, "2")

struct DnsServer {
    const DnsServerParams *params;
    VsHost *host; /* Its own, or its pod's node. */
    VsNetns *netns;
    VsUdpServer socket;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage work_stage;
    bool is_lazy;      /* Names are compressed only where they must be. */
    bool is_shuffling; /* Each answer has its addresses in an order of its own. */
    VsRng order;       /* The same. */
    VsTable aliases; /* Another name, and what is known of its name, to VsDnsRecords. */
    uint64_t n_queries;
    uint64_t n_answers;
    void (*worked)(DnsServer *server,
                   VsUdpRequest *query); /* The work is done: answer. */
};

/* Makes the host of 'element'. */
void dns_server_create(DnsServer *server, const VsElement *element, VsBuild *build,
                       const DnsServerParams *params);

/* Instead: it is in 'pod', whose UDP port 53 is its own. */
void dns_server_join(DnsServer *server, const VsPod *pod,
                     const DnsServerParams *params);

/* Opens the socket; 'worked' gets each query when a worker has done its work. */
void dns_server_open(DnsServer *server, const char *name, VsBuild *build,
                     void (*worked)(DnsServer *, VsUdpRequest *));
void dns_server_close(DnsServer *server);

/* Answers 'query' with what 'answer' says of the name in question, and frees it; where
 * answer->name is set, of that one, of which the name in question is another, and 'via', unless
 * 0, one between them. */
void dns_server_answer(DnsServer *server, VsUdpRequest *query, const VsDns *answer,
                       VsName via);
