/* The stub resolver: a namespace's own questions to one DNS server.
 *
 * One question at a time for each lookup, asked again after 5 s, twice in all (glibc:
 * RES_TIMEOUT, RES_DFLRETRY).  Nothing is kept: that is the owner's. */
#pragma once

#include "base/table.h"
#include "engine/timer.h"
#include "transport/udp.h"

typedef struct VsStub VsStub;
typedef struct VsStubLookup VsStubLookup;

/* Hears what came of 'lookup', which is over: the answer, valid during the call, or NULL
 * when none came in time.  Its code may be an error, and it may hold no address. */
typedef void (*VsStubAnswered)(VsStubLookup *lookup, const VsDns *answer);

struct VsStub {
    VsNetns *netns;
    VsEntity *entity; /* Of the timers of lookups. */
    VsAddr server;
    VsStubAnswered answered;
    VsUdp socket;
    VsTable lookups; /* Id to VsStubLookup. */
    uint16_t next_id;
    uint64_t n_asked;
};

/* Embedded in its owner; zeroed memory is a lookup that is not under way. */
struct VsStubLookup {
    VsStub *stub;
    VsName name;
    VsJourney *journey;
    VsTimer retry;
    uint32_t n_asked;
    uint16_t id; /* 0: it is not under way. */
};

/* Opens 'stub' (embedded in its owner) at an ephemeral port of 'netns'.  False when none
 * is free. */
bool vs_stub_open(VsStub *stub, VsNetns *netns, VsEntity *entity, VsAddr server,
                  VsStubAnswered answered);

/* Frees the table; lookups must not be under way any more.  Zeroed memory is fine. */
void vs_stub_clear(VsStub *stub);

/* The host's name as it is asked for: small letters, no dot at its end (RFC 4343).
 * Newly allocated. */
char *vs_stub_fold_name(const char *name);

/* Asks for the address of 'name'; the packets belong to 'journey', which may be NULL. */
void vs_stub_ask(VsStub *stub, VsStubLookup *lookup, VsName name, VsJourney *journey);

/* Forgets the lookup if it is under way. */
void vs_stub_cancel(VsStubLookup *lookup);
