/* What both sides of an HTTP/2 connection (RFC 9113) do: streams on one TCP connection, in
 * frames, within windows.
 *
 * A message (request or answer) is HEADERS and then DATA, at most 16 384 bytes a frame, as the
 * windows of its stream and of the connection allow; streams that have data take turns, a
 * frame each.  A frame is given to TCP when less than one of the longest waits there to be
 * sent (as with TCP_NOTSENT_LOWAT), so that a short answer need not wait behind all of a long
 * one.  Whoever receives consumes at once, and opens a window again when 4 KiB or half of it
 * are used, as Go's net/http2 does.  HEADERS go at once, with the first DATA in the same segment when no other
 * stream's data wait.
 *
 * A journey (packet/trail.h) goes with the last frame of its message: what the frames before
 * took is in the time that it waited in the socket.
 *
 * Not modelled: priorities, server push, padding, trailers, CONTINUATION (a block of header
 * fields is one frame), upgrading from HTTP/1.1. */
#pragma once

#include "base/pool.h"
#include "base/table.h"
#include "packet/http2.h"
#include "transport/tcp.h"

typedef struct VsHttp2 VsHttp2;
typedef struct VsHttp2Session VsHttp2Session;
typedef struct VsHttp2Stream VsHttp2Stream;

enum { VS_HTTP2_STREAMS_UNTOLD = 100 }; /* Open until SETTINGS say how many may be. */

typedef struct VsHttp2Config {
    bool is_server;
    bool is_tls; /* For the scheme. */
    uint32_t
        n_streams;   /* That the peer may have open; UINT32_MAX: it is told no limit. */
    uint32_t window; /* Bytes that the peer may send ahead, on each stream; and on the
                          * connection, if they are more than 65 535. */
} VsHttp2Config;

/* What an owner hears, from events of TCP and as the last thing done in them: it may do
 * anything in return, but for the stream that is told of in 'reset', which is gone after. */
typedef struct VsHttp2Ops {
    /* A whole request or answer: kind VS_PAYLOAD_HTTP.  At the client the stream is over,
     * and freed. */
    void (*message)(VsHttp2Stream *stream, const VsPayload *payload);

    /* The peer wants no more of it, or has not even begun it ('is_untouched'). */
    void (*reset)(VsHttp2Stream *stream, bool is_untouched);

    /* Client: new streams belong elsewhere (GOAWAY), or there may be room for one. */
    void (*going_away)(VsHttp2Session *session);
    void (*has_room)(VsHttp2Session *session);

    /* No more streams will come, and the last has ended: time to close. */
    void (*drained)(VsHttp2Session *session);
} VsHttp2Ops;

/* The sessions of one client or server. */
struct VsHttp2 {
    VsNetns *netns;
    VsHttp2Config config;
    const VsHttp2Ops *ops;
    VsPool sessions;
    VsPool streams;
    VsTable by_number; /* Streams, by session and number. */
    uint64_t n_sessions;
    uint64_t n_refused; /* Streams refused to the peer: it had too many. */
    uint64_t n_goaways; /* Connections that we, or the peer, began to end so. */
};

struct VsHttp2Stream {
    VsHttp2Session *session;
    VsHttp2Stream *next; /* Of the session. */
    VsHttp2Stream *previous;
    VsHttp2Stream *next_ready;
    uint32_t number;
    uint32_t consumed;   /* Received, and not yet given back to the peer's window. */
    int64_t send_window; /* Below 0 when SETTINGS have narrowed it. */
    uint64_t unsent;     /* Of the body. */
    bool is_ready;       /* It has its place among those that take turns. */
    VsPayload payload;   /* What we send. */
    void *user;          /* The owner's. */
};

struct VsHttp2Session {
    VsHttp2 *http2;
    VsTcp *tcp;
    void *user;      /* The owner's. */
    uint64_t number; /* Among those of 'http2'. */
    VsHttp2Stream *streams;
    VsHttp2Stream *first_ready;
    VsHttp2Stream *last_ready;
    uint32_t n_streams;
    uint32_t n_streams_max; /* Client: what the server has said. */
    uint32_t last_stream;   /* The highest number used. */
    uint32_t peer_window;   /* Of new streams. */
    uint32_t consumed;
    int64_t send_window;
    VsName host;        /* Of the dynamic table; 0: none yet. */
    bool is_settled;    /* The peer's SETTINGS have come. */
    bool is_going_away; /* GOAWAY was sent, or has come. */
    bool is_last_told;  /* Server: which stream is the last one. */
    bool is_closed;     /* By vs_http2_session_close(). */
};

void vs_http2_open(VsHttp2 *http2, VsNetns *netns, const VsHttp2Config *config,
                   const VsHttp2Ops *ops);

/* Frees all sessions; the namespace's sockets must not run any more.  Zeroed memory is
 * fine. */
void vs_http2_close(VsHttp2 *http2);

/* A session on 'tcp', which data may be sent on: preface and SETTINGS go. */
VsHttp2Session *vs_http2_session_new(VsHttp2 *http2, VsTcp *tcp, void *user);

/* Forgets it and its streams; its connection is the owner's affair. */
void vs_http2_session_free(VsHttp2Session *session);

/* A message of TCP has come.  False when that is no HTTP/2. */
bool vs_http2_session_receive(VsHttp2Session *session, const VsPayload *payload);

/* TCP can take more (VsTcpOps.sendable). */
void vs_http2_session_continue(VsHttp2Session *session);

/* Server: announces the end as RFC 9113 section 6.8 proposes: GOAWAY that leaves the last
 * stream open, and after a round trip one that names it, so that no request is lost. */
void vs_http2_session_go_away(VsHttp2Session *session);

/* Client: opens no more streams; 'drained' comes when the last has ended, or at once. */
void vs_http2_session_drain(VsHttp2Session *session);

/* Closes the connection after what was sent. */
void vs_http2_session_close(VsHttp2Session *session);

/* Client: may it open a stream? */
bool vs_http2_session_has_room(const VsHttp2Session *session);

/* Client: opens a stream for the request 'payload'; there is room.  It is freed by itself when
 * it has ended. */
VsHttp2Stream *vs_http2_request(VsHttp2Session *session, const VsPayload *payload,
                                void *user);

/* Server: answers. */
void vs_http2_answer(VsHttp2Stream *stream, const VsPayload *payload);

/* Ends the stream without a word to the owner, but with one to the peer. */
void vs_http2_cancel(VsHttp2Stream *stream);
