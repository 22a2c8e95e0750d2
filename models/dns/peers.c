#include "models/dns/peers.h"

#define UNBOUND_KEPT (900 * VS_S)
#define BIND_KEPT (1800 * VS_S)
#define BIND_WAIT_MAX (10 * VS_S)

enum {
    UNBOUND_DEVIATION = 94, /* ms. */
    UNBOUND_WAIT_MIN = 50,
    UNBOUND_WAIT_MAX = 120000,
    UNBOUND_BAND = 400,
    BIND_FIRST_MAX = 32, /* us. */
    BIND_LOST_MAX = 10000000,
    BIND_WAIT = 800000,
    BIND_PLAIN_ROUNDS = 4, /* Asked so often without waiting longer. */
    BIND_SHIFT_MAX = 6,
};

static VsKey
address_key(VsAddr address)
{
    return (VsKey){{address, 0}};
}

static VsKey
lame_key(VsAddr address, VsName zone)
{
    return (VsKey){{address, zone}};
}

void
dns_peers_init(DnsPeers *peers, VsRun *run, const char *owner, DnsSelection selection)
{
    *peers = (DnsPeers){.run = run, .selection = selection};
    vs_table_init(&peers->known);
    vs_table_init(&peers->lame);
    vs_rng_init(&peers->rng, run->seed, owner, "servers");
}

static void
free_values(VsTable *table)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(table, &cursor, &key, &value)) {
        g_free(value);
    }
    vs_table_clear(table);
}

void
dns_peers_clear(DnsPeers *peers)
{
    if (peers->run) {
        free_values(&peers->known);
        free_values(&peers->lame);
        peers->run = NULL;
    }
}

static uint32_t
unbound_wait(const DnsPeer *peer)
{
    return CLAMP(peer->mean + 4 * peer->deviation, UNBOUND_WAIT_MIN, UNBOUND_WAIT_MAX);
}

static void
begin(DnsPeers *peers, DnsPeer *peer)
{
    if (peers->selection == DNS_SELECTION_BIND9) {
        peer->mean = 1 + (uint32_t)vs_rng_below(&peers->rng, BIND_FIRST_MAX);
        peer->expires = vs_now(peers->run) + BIND_KEPT;
    } else {
        peer->mean = 0;
        peer->deviation = UNBOUND_DEVIATION;
        peer->wait = unbound_wait(peer);
        peer->expires = vs_now(peers->run) + UNBOUND_KEPT;
    }
}

DnsPeer *
dns_peers_get(DnsPeers *peers, VsAddr address)
{
    DnsPeer *peer = vs_table_find(&peers->known, address_key(address));

    if (!peer) {
        peer = g_new0(DnsPeer, 1);
        peer->address = address;
        vs_table_insert(&peers->known, address_key(address), peer);
    }
    if (peer->expires <= vs_now(peers->run)) {
        begin(peers, peer);
    }
    return peer;
}

/* Choice. --------------------------------------------------------------------------- */

/* Not bounded below: fast servers can be told from slower ones. */
static uint32_t
unbound_figure(const DnsPeer *peer)
{
    return peer->wait != unbound_wait(peer) ? peer->wait
                                            : peer->mean + 4 * peer->deviation;
}

static unsigned
choose_in_band(DnsPeers *peers, const DnsCandidate *candidates, unsigned n)
{
    uint32_t best = UINT32_MAX;
    unsigned n_good = 0;
    uint64_t drawn;

    for (unsigned i = 0; i < n; i++) {
        best = MIN(best, unbound_figure(candidates[i].peer));
    }
    for (unsigned i = 0; i < n; i++) {
        n_good += unbound_figure(candidates[i].peer) <= best + UNBOUND_BAND;
    }
    drawn = n_good > 1 ? vs_rng_below(&peers->rng, n_good) : 0;
    for (unsigned i = 0;; i++) {
        if (unbound_figure(candidates[i].peer) <= best + UNBOUND_BAND && drawn-- == 0) {
            return i;
        }
    }
}

static unsigned
choose_fastest(const DnsCandidate *candidates, unsigned n)
{
    unsigned best = 0;

    for (unsigned i = 1; i < n; i++) {
        const DnsCandidate *at = &candidates[i];
        const DnsCandidate *than = &candidates[best];

        if (at->n_asked < than->n_asked ||
            (at->n_asked == than->n_asked && at->peer->mean < than->peer->mean)) {
            best = i;
        }
    }
    return best;
}

unsigned
dns_peers_choose(DnsPeers *peers, const DnsCandidate *candidates, unsigned n)
{
    return peers->selection == DNS_SELECTION_BIND9
               ? choose_fastest(candidates, n)
               : choose_in_band(peers, candidates, n);
}

VsTime
dns_peers_wait(const DnsPeers *peers, const DnsCandidate *candidate)
{
    uint32_t mean = candidate->peer->mean;
    uint64_t wait = BIND_WAIT;

    if (peers->selection == DNS_SELECTION_UNBOUND) {
        return candidate->peer->wait * VS_MS;
    }
    if (candidate->n_asked >= BIND_PLAIN_ROUNDS) {
        wait <<= MIN(candidate->n_asked - BIND_PLAIN_ROUNDS + 1, BIND_SHIFT_MAX);
    }
    mean += mean < 50000 ? 50000 : mean < 100000 ? 100000 : 200000;
    return MIN(MAX(wait, mean) * VS_US, BIND_WAIT_MAX);
}

/* Experience. ----------------------------------------------------------------------- */

static void
age(const DnsPeers *peers, DnsPeer *peer)
{
    VsTime second = vs_now(peers->run) / VS_S;

    if (peer->aged != second) {
        peer->mean = (uint32_t)((uint64_t)peer->mean * 98 / 100);
        peer->aged = second;
    }
}

void
dns_peers_answered(DnsPeers *peers, DnsPeer *peer, VsTime elapsed,
                   const DnsCandidate *others, unsigned n_others)
{
    if (peers->selection == DNS_SELECTION_UNBOUND) {
        int32_t delta = (int32_t)(elapsed / VS_MS) - (int32_t)peer->mean;
        int32_t deviation = (int32_t)peer->deviation;

        peer->mean = (uint32_t)((int32_t)peer->mean + delta / 8);
        peer->deviation = (uint32_t)(deviation + (ABS(delta) - deviation) / 4);
        peer->wait = unbound_wait(peer);
        return;
    }
    peer->mean = peer->mean / 10 * 7 + (uint32_t)(elapsed / VS_US) / 10 * 3;
    for (unsigned i = 0; i < n_others; i++) {
        if (others[i].peer != peer && others[i].n_asked == 0) {
            age(peers, others[i].peer);
        }
    }
}

void
dns_peers_lost(DnsPeers *peers, DnsPeer *peer, VsTime waited)
{
    static const struct {
        uint32_t above; /* us. */
        uint32_t mask;
    } steps[] = {{800000, 0x3fff},  {400000, 0x7fff}, {200000, 0xffff},
                 {100000, 0x1ffff}, {50000, 0x3ffff}, {25000, 0x7ffff},
                 {0, 0xfffff}};
    unsigned i = 0;

    if (peers->selection == DNS_SELECTION_UNBOUND) {
        uint32_t doubled = 2 * (uint32_t)(waited / VS_MS);

        if (peer->wait <= doubled) {
            peer->wait = MIN(doubled, UNBOUND_WAIT_MAX);
        }
        return;
    }
    while (peer->mean <= steps[i].above) {
        i++;
    }
    peer->mean += (uint32_t)vs_rng_below(&peers->rng, (uint64_t)steps[i].mask + 1);
    peer->mean = MIN(peer->mean, BIND_LOST_MAX);
}

/* Lameness. ------------------------------------------------------------------------- */

void
dns_peers_set_lame(DnsPeers *peers, VsAddr address, VsName zone)
{
    VsTime *until = vs_table_find(&peers->lame, lame_key(address, zone));

    if (!until) {
        until = g_new(VsTime, 1);
        vs_table_insert(&peers->lame, lame_key(address, zone), until);
    }
    *until = vs_now(peers->run) + UNBOUND_KEPT;
}

bool
dns_peers_is_lame(const DnsPeers *peers, VsAddr address, VsName zone)
{
    const VsTime *until = vs_table_find(&peers->lame, lame_key(address, zone));

    return until && *until > vs_now(peers->run);
}
