/* Connections of HTTP/2 from an ingress to its upstreams (connection.h has those of HTTP/1.1).
 *
 * A call is a stream of a connection to its address that has room, the one first that had
 * some last; without such a connection another is opened, and calls that come before it is
 * there wait for it, too.  A connection has room for 'streams' calls at a time, or for as many
 * as the upstream allows, if that is less; nginx uses one stream at a time.  GOAWAY ends it when its
 * calls are answered. */
#pragma once

#include "models/ingress/connection.h"

typedef struct IngressChannels IngressChannels;

/* 'config' is copied; 'entity' and 'stats' are the owner's. */
IngressChannels *ingress_channels_new(const IngressConnectionsConfig *config,
                                      VsEntity *entity, IngressConnectionsStats *stats);
void ingress_channels_free(IngressChannels *channels);

/* As of connection.h. */
void ingress_channels_call(IngressChannels *channels, IngressCall *call, VsAddr address,
                           uint16_t port, const VsPayload *payload, bool may_reuse);
void ingress_channels_cancel(IngressCall *call);

/* The process is gone, and has no calls any more: resets all connections. */
void ingress_channels_drop(IngressChannels *channels);
