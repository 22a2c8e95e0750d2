/* What all kinds of DNS server share: sockets at port 53 and workers that take a
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
/* Statistics of a model's struct 'Type' whose DnsServer is 'm'. */
#define DNS_SERVER_STAT_ROWS(Type, m)                                               \
    VS_COUNTER(Type, m.n_queries, "queries", "query", "Queries received."),         \
        VS_COUNTER(Type, m.n_by_tcp, "tcp-queries", "query", "Those by TCP."),      \
        VS_COUNTER(Type, m.socket.n_connections, "tcp-connections", "connection",   \
                   "Connections accepted."),                                        \
        VS_COUNTER(Type, m.socket.n_truncated, "truncated", "query",                \
                   "Answers that had no room in a datagram."),                      \
        VS_QUEUE(Type, m.station.stat, "system", "query", "Waiting or worked on."), \
        VS_BUSY(Type, m.station.busy, "workers", "worker", "Workers at work.")
#define DNS_SERVER_PARAM_ROWS(Config, m) \
    DNS_WORK_PARAM_ROWS(Config, m), VS_HOST_PARAM_ROWS(Config, m.host, "2")

/* What became of queries that a server had to find answers for. */
typedef struct DnsCounts {
    uint64_t n_hits; /* Answered from memory. */
    uint64_t n_misses;
    uint64_t n_asked;  /* Questions of its own. */
    uint64_t n_failed; /* SERVFAIL. */
} DnsCounts;

struct DnsServer {
    const DnsServerParams *params;
    VsHost *host; /* Its own, or its pod's node. */
    VsNetns *netns;
    VsDnsSocket socket;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage work_stage;
    bool is_shuffling; /* Each answer has its addresses in an order of its own. */
    VsRng order;       /* The same. */
    VsTable aliases; /* Another name, and what is known of its name, to VsDnsRecords. */
    uint64_t n_queries;
    uint64_t n_by_tcp; /* Of these. */
    uint64_t n_answers;
    void (*worked)(DnsServer *server,
                   VsDnsRequest *query); /* The work is done: answer. */
};

/* Makes the host of 'element'. */
void dns_server_create(DnsServer *server, const VsElement *element, VsBuild *build,
                       const DnsServerParams *params);

/* Instead: it is in 'pod', whose port 53 is its own. */
void dns_server_join(DnsServer *server, const VsPod *pod,
                     const DnsServerParams *params);

/* The same of a program of 'node' itself. */
void dns_server_join_node(DnsServer *server, const VsNode *node,
                          const DnsServerParams *params);

/* Opens the socket at 'address' (VS_ADDR_ANY: all); 'worked' gets each query when a worker has
 * done its work.  Nobody else has a socket there. */
void dns_server_open(DnsServer *server, const char *name, VsAddr address,
                     VsBuild *build, void (*worked)(DnsServer *, VsDnsRequest *));

/* One more socket of an open server; the caller's. */
void dns_server_listen(DnsServer *server, VsDnsSocket *socket, VsAddr address);
void dns_server_close(DnsServer *server);

/* The records for a question for 'alias', which is another name of 'name', of which 'records'
 * tell (NULL: nothing).  Made once for each. */
const VsDnsRecords *dns_server_alias(DnsServer *server, VsName alias, VsName name,
                                     const VsDnsRecords *records);

/* Answers 'query' with what 'answer' says of the name in question, and frees it; where
 * answer->name is set, of that one, of which the name in question is another, and 'via', unless
 * 0, one between them. */
void dns_server_answer(DnsServer *server, VsDnsRequest *query, const VsDns *answer,
                       VsName via);
