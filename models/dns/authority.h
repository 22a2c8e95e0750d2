/* Zones that an authoritative server has: what it says of a name (RFC 1034 section 4.3.2).
 *
 * Of the zones that hold the name the deepest counts; without one the answer is REFUSED.  A name
 * at or below NS records that are not at the zone's top is another's: the answer is a referral,
 * with the addresses that the zone has of those servers (glue).  Another name (CNAME) is followed
 * within its zone.  A name that exists has, in a type of which there is no record, an answer
 * without one; so has a name that exists for the sake of those below it alone.  Denials carry the
 * zone's SOA record, whose time to live is how long they may be kept (RFC 2308). */
#pragma once

#include "models/dns/server.h"

typedef struct DnsAuthority {
    DnsServer *server;
    VsTable zones; /* Name of its top to DnsZone. */
    GPtrArray *all;
    VsTable denials; /* Name and zone to VsDnsRecords. */
    VsTable referrals;
} DnsAuthority;

void dns_authority_init(DnsAuthority *authority, DnsServer *server);

/* Zeroed memory is fine. */
void dns_authority_clear(DnsAuthority *authority);

/* Adds the zone that 'element', a <zone>, describes. */
bool dns_authority_add(DnsAuthority *authority, const VsElement *element,
                       const VsBuild *build, GError **error);

/* What the server says to 'question' of 'client'. */
VsDns dns_authority_find(DnsAuthority *authority, const VsDns *question, VsAddr client);

/* Whether the name 'inner' is 'outer' or below it; both without a dot at their end, "" is the
 * root. */
bool dns_is_within(const char *inner, const char *outer);
