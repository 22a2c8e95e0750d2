/* SYN cookies: the state of a handshake that the SYN queue has no room for goes into the
 * sequence number of the SYN-ACK, and comes back with the ACK that ends it.  As in Linux'
 * net/ipv4/syncookies.c: the two hashes are SipHash-2-4 of addresses, ports and the minute.
 *
 * Linux also saves options in the low bits of its timestamp; we do not: such a connection has
 * the MSS of the table below, and no other option of TCP. */
#include <glib.h>

#include "base/hash.h"
#include "transport/tcp_internal.h"

enum {
    COUNT_BITS = 24, /* COOKIEBITS: above them the minute. */
    COUNTS_MAX = 2,  /* MAX_SYNCOOKIE_AGE. */
    PERIOD_S = 60,   /* TCP_SYNCOOKIE_PERIOD. */
    DATA_MASK = (1 << COUNT_BITS) - 1,
};

static const uint16_t mss_of_index[] = {536, 1300, 1440, 1460};

/* Of the SYN's flow; 'which' is the key's. */
static uint32_t
hash(const VsSockets *sockets, const VsFlow *syn, uint32_t count, uint64_t which)
{
    const uint32_t words[] = {
        GUINT32_TO_LE(syn->saddr),
        GUINT32_TO_LE(syn->daddr),
        GUINT32_TO_LE((uint32_t)syn->sport << 16 | syn->dport),
        GUINT32_TO_LE(count),
    };

    return (uint32_t)vs_siphash_2_4(words, sizeof(words), sockets->run->seed, which);
}

static uint32_t
minutes(const VsSockets *sockets)
{
    return (uint32_t)(vs_now(sockets->run) / (PERIOD_S * VS_S));
}

uint32_t
vs_tcp_cookie_make(const VsSockets *sockets, const VsFlow *syn, uint32_t seq,
                   uint16_t mss)
{
    uint32_t count = minutes(sockets);
    uint32_t index = G_N_ELEMENTS(mss_of_index) - 1;

    while (index > 0 && mss_of_index[index] > mss) {
        index--;
    }
    return hash(sockets, syn, 0, 0) + seq + (count << COUNT_BITS) +
           ((hash(sockets, syn, count, 1) + index) & DATA_MASK);
}

uint16_t
vs_tcp_cookie_mss(const VsSockets *sockets, const VsFlow *syn, uint32_t seq,
                  uint32_t cookie)
{
    uint32_t count = minutes(sockets);
    uint32_t age, index;

    cookie -= hash(sockets, syn, 0, 0) + seq;
    age = (count - (cookie >> COUNT_BITS)) & (UINT32_MAX >> COUNT_BITS);
    if (age >= COUNTS_MAX) {
        return 0;
    }
    index = (cookie - hash(sockets, syn, count - age, 1)) & DATA_MASK;
    return index < G_N_ELEMENTS(mss_of_index) ? mss_of_index[index] : 0;
}
