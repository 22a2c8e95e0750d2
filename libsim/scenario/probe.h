/* A probe: one request from any namespace of a scenario, from its first packet to its last.
 *
 *     VsProbeOptions options = {.from = "users", .to = "http://shop.example/", ...};
 *     VsSimulationOptions quiet = {.until = vs_probe_until(&options),
 *                                  .is_without_load = true};
 *     VsSimulation *simulation = vs_simulation_new(scenario, &quiet, &error);
 *     VsProbe *probe = vs_probe_new(simulation, &options, &error);
 *     vs_probe_run(probe);
 *
 * It resolves the name, if there is one, opens a TCP connection, sends GET, takes the
 * answer and closes; or does so by HTTP/3; or sends one UDP datagram and waits for any answer.  All its packets
 * belong to its journey, whose steps add up to its end-to-end time.  With 'is_traced' the
 * run has a recorder (packet/trace.h) that they tell their story; that changes neither time
 * nor digest. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "scenario/simulation.h"

#define VS_PROBE_AT (1 * VS_S)
#define VS_PROBE_TIMEOUT (30 * VS_S)
#define VS_PROBE_UDP_BYTES 64

typedef struct VsProbe VsProbe;

typedef struct VsProbeOptions {
    const char
        *from;      /* Id of a host or pod; "pod/NAME" if a host has that name, too. */
    const char *to; /* "http://host[:port]/path", "address:port", "address:port/udp". */
    VsTime at;      /* When it begins. */
    VsTime timeout; /* Without an answer by then it has failed. */
    bool is_http3;     /* By QUIC: 'to' is "https://host[:port]/path". */
    bool is_traced;
} VsProbeOptions;

/* How the address was found. */
typedef enum VsProbeResolution {
    VS_PROBE_BY_ADDRESS,  /* It was given. */
    VS_PROBE_BY_RESOLVER, /* The origin's own resolver is asked. */
    VS_PROBE_BY_FIRST,    /* The first DNS server that routes lead to is asked. */
    VS_PROBE_BY_SERVICE,  /* No cluster DNS is modelled: the service's cluster IP. */
    VS_PROBE_BY_NOBODY,   /* No routes lead to a DNS server. */
} VsProbeResolution;

typedef enum VsProbeOutcome {
    VS_PROBE_UNDER_WAY,
    VS_PROBE_COMPLETED,   /* An answer came: 'status' of HTTP. */
    VS_PROBE_UNRESOLVED,  /* The name has no address, or nobody answered. */
    VS_PROBE_REFUSED,     /* RST, or ICMP port unreachable. */
    VS_PROBE_UNREACHABLE, /* No route, or ICMP unreachable. */
    VS_PROBE_TIMED_OUT,
    VS_PROBE_RESET,   /* The connection was reset or closed before the answer. */
    VS_PROBE_NO_PORT, /* No ephemeral port was free. */
} VsProbeOutcome;

/* What is known of the request so far; all of it belongs to the probe. */
typedef struct VsProbeResult {
    const char *from;
    const char *to;
    VsNetns *netns; /* Of the origin. */
    char *host;
    char *path; /* HTTP. */
    uint16_t port;
    bool is_udp;
    bool is_http3;
    VsProbeResolution resolution;
    const char *server; /* BY_RESOLVER, BY_FIRST: its id; BY_SERVICE: the service's. */
    VsAddr server_address;
    VsAddr address; /* 0 until the name is resolved. */
    VsProbeOutcome outcome;
    unsigned status;
    uint64_t body_bytes;
    const VsJourney *journey;
    const char *const *phase_names; /* By the phase of the journey's steps. */
} VsProbeResult;

/* When a simulation with this probe has to end. */
VsTime vs_probe_until(const VsProbeOptions *options);

/* Prepares the request in 'simulation', which must not have begun and does not run after
 * the probe is freed; 'options' may go.  NULL with 'error' set when the origin is unknown
 * or the target cannot be read. */
VsProbe *vs_probe_new(VsSimulation *simulation, const VsProbeOptions *options,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vs_probe_free(VsProbe *probe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsProbe, vs_probe_free)

/* Runs the simulation until the request has an outcome and its connection is closed. */
void vs_probe_run(VsProbe *probe);

const VsProbeResult *vs_probe_result(const VsProbe *probe);
VsSimulation *vs_probe_simulation(const VsProbe *probe);

/* "completed", "timed out": as in the published schema. */
const char *vs_probe_outcome_name(VsProbeOutcome outcome);
