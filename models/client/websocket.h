/* Clients that keep WebSockets (to="ws://..."): each of their users is a session, which opens
 * one, sends messages over it, and opens another when it is cut.
 *
 * An opening is a request, and so is each message: it is complete with the message that
 * answers it.  What is due while there is no connection waits for the next. */
#pragma once

#include "vethsim-model.h"

typedef struct ClientWebSocketConfig {
    VsDist message_every;
    uint64_t message_bytes;
    VsDist lifetime; /* Mean 0: to the end. */
    VsTime ping_every;
    VsTime reconnect;
    VsTime reconnect_max;
    VsChoice jitter; /* Of vs_call_jitter_choices. */
} ClientWebSocketConfig;

#define CLIENT_WEBSOCKET_PARAM_ROWS(Config, member)                                   \
    VS_PARAM_DIST(Config, member.message_every, "message-every", .def = "1s",         \
                  .doc = "WebSocket: from the beginning of a session to its first "   \
                         "message, and from one to the next, whatever happens to "    \
                         "them."),                                                    \
        VS_PARAM_SIZE(Config, member.message_bytes, "message", .def = "100B",         \
                      .max = "1GiB", .doc = "WebSocket: length of a message."),       \
        VS_PARAM_DIST(Config, member.lifetime, "lifetime", .def = "0s",               \
                      .doc = "WebSocket: after so long a session sends no more, and " \
                             "closes (1000) when all is answered; 0s: never."),       \
        VS_PARAM_TIME(Config, member.ping_every, "ping-every", .def = "0s",           \
                      .doc = "WebSocket: from ping to ping; one not answered when "   \
                             "the next is due ends the connection.  0s: never."),     \
        VS_PARAM_TIME(Config, member.reconnect, "reconnect-after", .def = "1s",       \
                      .doc = "WebSocket: before the first try to connect again; "     \
                             "doubles for each that fails."),                         \
        VS_PARAM_TIME(Config, member.reconnect_max, "reconnect-max", .def = "30s",    \
                      .doc = "The most that it grows to."),                           \
        VS_PARAM_CHOICE(Config, member.jitter, "reconnect-jitter", .def = "full",     \
                        .choices = vs_call_jitter_choices,                            \
                        .doc = "full: a uniform draw between 0 and that; none: that " \
                               "itself.")

typedef struct ClientWebSocketStats {
    VsWebSocketStats pings;
    uint64_t n_open;
    uint64_t n_open_max;
    uint64_t n_opened;
    uint64_t n_reconnects; /* Tries after one was cut, or could not be opened. */
    uint64_t n_pushes;     /* Messages received that answer none. */
    uint64_t n_normal;     /* Ends: 1000, */
    uint64_t n_going_away; /* 1001, */
    uint64_t n_errors;     /* any other code, */
    uint64_t n_cut;        /* none at all (1006), */
    uint64_t n_dead;       /* or no pong. */
    VsHistogram opening;   /* From the beginning of an opening to 101. */
    VsHistogram push;      /* From sending a push to its end here. */
} ClientWebSocketStats;

/* Rows for the member 'm' (a ClientWebSocketStats) of a model's instance. */
#define CLIENT_WEBSOCKET_STAT_ROWS(Self, m)                                           \
    VS_COUNTER(Self, m.n_open, "websockets", "connection",                            \
               "WebSockets that are open at the end."),                               \
        VS_COUNTER(Self, m.n_open_max, "websockets-max", "connection",                \
                   "The most that were open at once."),                               \
        VS_COUNTER(Self, m.n_opened, "websockets-opened", "connection",               \
                   "Upgrades that were granted."),                                    \
        VS_COUNTER(Self, m.n_reconnects, "reconnects", "try",                         \
                   "Openings after a WebSocket that ended, or could not be opened."), \
        VS_COUNTER(Self, m.n_pushes, "pushes", "message",                             \
                   "Messages received that answer none."),                            \
        VS_COUNTER(Self, m.pings.n_pings, "pings", "ping", "Sent."),                  \
        VS_COUNTER(Self, m.pings.n_pongs, "pongs", "pong", "Received."),              \
        VS_COUNTER(Self, m.n_normal, "closed-normal", "connection",                   \
                   "WebSockets that ended with code 1000."),                          \
        VS_COUNTER(Self, m.n_going_away, "closed-going-away", "connection",           \
                   "WebSockets that ended with code 1001: the server went away."),    \
        VS_COUNTER(Self, m.n_errors, "closed-error", "connection",                    \
                   "WebSockets that ended with another code: 1011, an error; 1013, "  \
                   "overload."),                                                      \
        VS_COUNTER(Self, m.n_cut, "closed-cut", "connection",                         \
                   "WebSockets that ended without a code (1006): closed or reset."),  \
        VS_COUNTER(Self, m.n_dead, "closed-dead", "connection",                       \
                   "WebSockets that we ended, as a ping was not answered."),          \
        VS_HISTOGRAM(                                                                 \
            Self, m.opening, "opening-latency", "ps",                                 \
            "From the beginning of an opening of a WebSocket to its answer 101."),    \
        VS_HISTOGRAM(                                                                 \
            Self, m.push, "push-latency", "ps",                                       \
            "From the sending of a message of the server's own to its arrival.")

/* Whether 'url' begins with ws:// or wss://; and what it is with http:// or https://. */
bool client_is_websocket(const char *url);
char *client_http_url(const char *url);
