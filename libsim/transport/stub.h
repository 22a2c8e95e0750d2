/* The stub resolver: a program's own questions to DNS servers, as its C library asks.
 *
 * A lookup asks for the names that resolv.conf makes of a host (resolv_conf.h), one after the
 * other until one has an address.  Nothing is kept: that is the owner's.
 *
 *   none   one question for A, from one socket for all lookups, asked again after the
 *          time-out, 'attempts' times in all, at each of the servers in turn
 *   glibc  for each name and try a new socket, from which A and AAAA go out at once.  Each
 *          server in turn, each turn 'attempts' times.  A server that answers SERVFAIL or
 *          REFUSED to both is followed by the next at once.  Where only one answer comes in
 *          time the lookup asks that server again, and from then on for AAAA after A has its
 *          answer; then from two sockets.  A search name without answer ends the search, but
 *          the host's name itself is asked for.
 *   musl   a socket for each name, from which A and AAAA go to all servers at once, again
 *          after timeout / attempts, until 'timeout' is over.  SERVFAIL is asked again at once,
 *          four times in a try.  Only "no such name" leads to the next name.
 *
 * An answer that is cut short (TC) is asked for again by TCP, from the same server: by glibc
 * with both questions, which it then waits for as long as the connection lives; by others
 * within the time of the lookup.
 *
 * What glibc learns of a server (single-request) is the thread's there, and the lookup's
 * here, as if each had a thread of its own. */
#pragma once

#include "base/rng.h"
#include "base/table.h"
#include "engine/timer.h"
#include "transport/resolv_conf.h"
#include "transport/tcp.h"
#include "transport/udp.h"

typedef struct VsStub VsStub;
typedef struct VsStubLookup VsStubLookup;

/* Hears what came of 'lookup', which is over: the answer, valid during the call, or NULL
 * when none came in time.  Its code may be an error, and it may hold no address. */
typedef void (*VsStubAnswered)(VsStub *stub, VsStubLookup *lookup, const VsDns *answer);

enum { VS_STUB_N_TYPES = 2 };

struct VsStub {
    VsNetns *netns;
    VsEntity *entity; /* Of the timers of lookups. */
    VsResolvConf conf;
    VsStubAnswered answered;
    VsUdp socket;   /* VS_LIBC_NONE. */
    VsTable asking; /* Id to the VsStubLookup that asked with it. */
    uint16_t next_id;
    unsigned n_rotations;

    /* The share of pairs of questions (in 10^9) whose second leaves by another core than the
     * first: the thread was moved in between. */
    uint64_t migration;
    VsRng rng;

    uint64_t n_asked;    /* Questions sent. */
    uint64_t n_no_name;  /* Answers "no such name". */
    uint64_t n_by_tcp;   /* Answers that had no room in a datagram: asked again. */
    uint64_t n_timeouts; /* Tries that ended without all answers. */
};

/* Embedded in its owner; zeroed memory is a lookup that is not under way. */
struct VsStubLookup {
    VsStub *stub; /* NULL: it is not under way. */
    const VsResolvNames *names;
    VsJourney *journey;
    VsTimer retry;
    VsUdp socket;
    VsTcp *tcp; /* Questions whose answers had no room in a datagram; or NULL. */
    bool is_by_tcp[VS_STUB_N_TYPES]; /* Asked so. */
    VsDns answers[VS_STUB_N_TYPES];  /* Of the try; good for those answered. */
    bool is_answered[VS_STUB_N_TYPES];
    uint16_t ids[VS_STUB_N_TYPES]; /* 0: not asked. */
    unsigned name;                 /* Which of the names. */
    unsigned server;               /* Of this turn, from 0. */
    unsigned turn;
    unsigned first_server; /* Of each turn. */
    unsigned n_failures;   /* musl: answers SERVFAIL that may still be asked again. */
    VsTime gives_up;       /* musl. */
    bool is_socket_open;
    bool is_followed; /* A question of the try is the journey's. */
    bool is_single_request;
    bool is_single_request_reopen;
};

/* Opens 'stub' (embedded in its owner) in 'netns' with a copy of 'conf', which has servers.
 * False when no ephemeral port is free. */
bool vs_stub_open(VsStub *stub, VsNetns *netns, VsEntity *entity,
                  const VsResolvConf *conf, VsStubAnswered answered);

/* This share (in 10^9) of pairs of questions leaves by two cores; 'owner' names the random
 * stream. */
void vs_stub_set_migration(VsStub *stub, uint64_t share, const char *owner);

/* Frees the table; lookups must not be under way any more.  Zeroed memory is fine. */
void vs_stub_clear(VsStub *stub);

/* Asks for the address of 'names', which stay the caller's and must outlive the lookup; the
 * packets belong to 'journey', which may be NULL. */
void vs_stub_ask(VsStub *stub, VsStubLookup *lookup, const VsResolvNames *names,
                 VsJourney *journey);

/* Forgets the lookup if it is under way. */
void vs_stub_cancel(VsStubLookup *lookup);

static inline bool
vs_stub_is_asking(const VsStubLookup *lookup)
{
    return lookup->stub != NULL;
}
