/* An ingress with two pods behind it, which can be made to fail in all the ways there are. */
#pragma once

#include "models/fixture.h"

/* A client, the ingress and pods 'a' and 'b'; costs are free. */
#define INGRESS_TWO_PODS(client, ingress, containers)                                \
    "%s<client id='c' costs='free' to='http://172.16.0.2:30080/' timeout='2000s' "   \
    "arrivals='constant(1/s)' " client "/>"                                          \
    "<link from='c' to='n1' delay='100us' rate='800Gbit/s'/>"                        \
    "<node id='n1' costs='free'>"                                                    \
    "<pod id='controller' labels='app=ingress'><ingress id='in' processing='0s' "    \
    "algorithm='round-robin' " ingress "><rule><path service='s'/></rule></ingress>" \
    "</pod>"                                                                         \
    "<pod id='a' labels='app=web'><container id='a-web' " containers "/></pod>"      \
    "<pod id='b' labels='app=web'><container id='b-web' " containers "/></pod>"      \
    "</node>"                                                                        \
    "<service id='front' type='NodePort' node-port='30080' select='app=ingress'/>"   \
    "<service id='s' target-port='8080' select='app=web'/>"
#define ONE_REQUEST "stop='1us' "
#define ONE_POST "stop='1us' body='100B' "

typedef enum IngressFault {
    INGRESS_FAULT_REFUSED, /* Nobody listens. */
    INGRESS_FAULT_SILENT,  /* No packet comes back. */
    INGRESS_FAULT_CLOSED,  /* Each request is met with FIN. */
    INGRESS_FAULT_SLOW,    /* It accepts, and never answers. */
    INGRESS_N_FAULTS
} IngressFault;

/* A server that answers so many requests of a connection, and then closes it, or no longer
 * does anything. */
typedef struct FakeUpstream {
    VsTcpListener listener;
    unsigned n_answers;
    bool is_slow;
    unsigned n_requests;
    GPtrArray *connections;
} FakeUpstream;

typedef struct IngressFixture {
    Model *model;
    Tap *tap; /* What the controller's pod sends. */
    FakeUpstream fakes[2];
} IngressFixture;

void ingress_fixture_init(IngressFixture *fixture, Model *model);
void ingress_fixture_clear(IngressFixture *fixture);

/* Endpoint 'endpoint' (0: a, 1: b) fails so, from now on. */
void ingress_fixture_break(IngressFixture *fixture, unsigned endpoint,
                           IngressFault fault);

/* Endpoint 'endpoint' answers so many requests of each connection, then closes. */
void ingress_fixture_fake(IngressFixture *fixture, unsigned endpoint,
                          unsigned n_answers);

/* When the ingress first sent SYN to a pod; runs for 10 ms to find out. */
VsTime ingress_fixture_first_try(IngressFixture *fixture);
