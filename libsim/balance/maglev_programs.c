/* Maglev as Katran and Cilium have it: the permutations' hashes, whose turn it is, and the
 * hash of a packet are theirs. */
#include "balance/maglev.h"

#include <string.h>

#include "balance/kinds.h"
#include "base/hash.h"

/* The ports as the one word that a little-endian CPU reads from a TCP or UDP header. */
static inline uint32_t
wire_ports(const VsFlow *flow)
{
    uint32_t ports = (uint32_t)flow->dport << 16 | flow->sport;

    return (ports & 0x00FF00FF) << 8 | (ports >> 8 & 0x00FF00FF);
}

/* ---- Katran ------------------------------------------------------------------------- */

/* The defaults of katran/lib/bpf/balancer_consts.h, CH_RINGS_SIZE and MAX_VIPS, which are
 * also what seeds the hashes of packets. */
enum { KATRAN_RING_SIZE = 65537, KATRAN_MAX_VIPS = 512 };

/* Keys of a bulk pick under way at a time. */
enum { BLOCK = 64 };

typedef struct KatranReal {
    uint64_t hash;
    uint32_t backend;
    uint32_t sum; /* Of its weight since its last slot. */
} KatranReal;

/* MurmurHash3 of the two words 'a' and 'b'. */
static uint64_t
murmur3_of_words(uint64_t a, uint64_t b, uint32_t seed)
{
    const uint64_t words[2] = {GUINT64_TO_LE(a), GUINT64_TO_LE(b)};
    uint64_t h1;
    uint64_t h2;

    vs_murmur3_128(words, sizeof(words), seed, &h1, &h2);
    return h1;
}

static int
katran_compare(const void *a_, const void *b_)
{
    const KatranReal *a = a_;
    const KatranReal *b = b_;

    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1)
                              : (a->backend < b->backend ? -1 : 1);
}

static uint32_t
katran_get_reals(const VsBalancer *balancer, KatranReal *ret)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        if (vs_backend_is_available(backend)) {
            ret[n++] = (KatranReal){
                .hash = vs_fnv1a64(backend->name, strlen(backend->name)),
                .backend = i,
            };
        }
    }
    qsort(ret, n, sizeof(*ret), katran_compare);
    return n;
}

/* A round adds each its weight; who has reached the greatest weight takes a slot for it. */
static void
katran_fill(const VsBalancer *balancer, KatranReal *reals, uint32_t n,
            VsMaglevFill *fill)
{
    uint32_t max_weight = 0;

    for (uint32_t i = 0; i < n; i++) {
        max_weight = MAX(max_weight, balancer->backends[reals[i].backend].weight);
    }
    while (n > 0 && fill->n_free > 0) {
        for (uint32_t i = 0; i < n && fill->n_free > 0; i++) {
            uint64_t sum =
                (uint64_t)reals[i].sum + balancer->backends[reals[i].backend].weight;

            if (sum >= max_weight) {
                sum -= max_weight;
                vs_maglev_fill_take(fill, i);
            }
            reals[i].sum = (uint32_t)sum;
        }
    }
}

static void
katran_rebuild(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;
    g_autofree KatranReal *reals = g_new(KatranReal, balancer->n_backends);
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n = katran_get_reals(balancer, reals);
    VsMaglevFill fill;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t offset = murmur3_of_words(reals[i].hash, 42, 0);
        uint64_t skip = murmur3_of_words(reals[i].hash, 2718281828, 2307);

        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)reals[i].backend,
            .offset = (uint32_t)(offset % maglev->size),
            .skip = (uint32_t)(skip % (maglev->size - 1)) + 1,
        };
    }
    vs_maglev_fill_open(&fill, entries, n, maglev->table, maglev->size);
    katran_fill(balancer, reals, n, &fill);
    vs_maglev_fill_close(&fill);
}

static inline uint32_t
katran_source(const VsBalanceKey *key)
{
    return key->bytes == 16 ? vs_jhash(key->data, 16, KATRAN_MAX_VIPS)
                            : GUINT32_SWAP_LE_BE(key->flow.saddr);
}

static uint32_t
katran_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return vs_maglev_at(
        balancer,
        vs_jhash_2words(katran_source(key), wire_ports(&key->flow), KATRAN_RING_SIZE));
}

static void
katran_pick_bulk(VsBalancer *balancer, const VsBalanceKey *keys, size_t n,
                 uint32_t *ret_backends)
{
    const VsMaglev *maglev = balancer->state;
    uint32_t sources[BLOCK], ports[BLOCK], hashes[BLOCK];

    for (size_t from = 0; from < n; from += BLOCK) {
        size_t length = MIN(n - from, BLOCK);

        for (size_t i = 0; i < length; i++) {
            sources[i] = katran_source(&keys[from + i]);
            ports[i] = wire_ports(&keys[from + i].flow);
        }
        vs_jhash_2words_bulk(sources, ports, length, KATRAN_RING_SIZE, maglev->simd,
                             hashes);
        vs_maglev_at_bulk(balancer, hashes, length, ret_backends + from);
    }
}

static const VsBalancerParam katran_params[] = {
    {.name = "table-size",
     .doc = "Slots (CH_RINGS_SIZE): a prime, over 100 for each backend.",
     .def = KATRAN_RING_SIZE,
     .min = 3,
     .max = KATRAN_RING_SIZE},
    {0},
};

/* ---- Cilium ------------------------------------------------------------------------- */

enum { CILIUM_TABLE_SIZE, CILIUM_MURMUR_SEED, CILIUM_JHASH_SEED };

static bool
cilium_init(VsBalancer *balancer, GError **error)
{
    static const uint32_t sizes[] = {251,  509,   1021,  2039,  4093,
                                     8191, 16381, 32749, 65521, 131071};

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        if (balancer->params[CILIUM_TABLE_SIZE] == sizes[i]) {
            return vs_maglev_init(balancer, error);
        }
    }
    g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                "table-size=%u: write one of 251, 509, 1021, 2039, 4093, 8191, 16381, "
                "32749, 65521, 131071",
                (uint32_t)balancer->params[CILIUM_TABLE_SIZE]);
    return false;
}

/* Slot n goes to backend n mod count or the first after it whose share of the slots so far
 * is due.  Only a mean weight of two and more counts as having weights. */
static void
cilium_fill(const VsBalancer *balancer, const VsMaglevEntry *entries, uint32_t count,
            VsMaglevFill *fill)
{
    g_autofree double *due = g_new(double, count);
    bool has_weights = balancer->total_weight / count > 1;

    for (uint32_t i = 0; i < count; i++) {
        due[i] = (double)balancer->backends[entries[i].backend].weight / count;
    }
    for (uint64_t n = 0; fill->n_free > 0; n++) {
        uint32_t i = (uint32_t)(n % count);

        if (has_weights) {
            while ((n + 1) * balancer->backends[entries[i].backend].weight <
                   (uint64_t)due[i]) {
                i = i + 1 < count ? i + 1 : 0;
            }
            due[i] += (double)balancer->total_weight;
        }
        vs_maglev_fill_take(fill, i);
    }
}

static void
cilium_rebuild(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;
    uint32_t seed = (uint32_t)balancer->params[CILIUM_MURMUR_SEED];
    g_autofree uint32_t *sorted = g_new(uint32_t, balancer->n_backends);
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n = vs_maglev_sort_backends(balancer, sorted);
    VsMaglevFill fill;

    for (uint32_t i = 0; i < n; i++) {
        const char *name = balancer->backends[sorted[i]].name;
        uint64_t h1;
        uint64_t h2;

        vs_murmur3_128(name, strlen(name), seed, &h1, &h2);
        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)sorted[i],
            .offset = (uint32_t)(h1 % maglev->size),
            .skip = (uint32_t)(h2 % (maglev->size - 1)) + 1,
        };
    }
    vs_maglev_fill_open(&fill, entries, n, maglev->table, maglev->size);
    if (n > 0) {
        cilium_fill(balancer, entries, n, &fill);
    }
    vs_maglev_fill_close(&fill);
}

uint32_t
vs_cilium_hash(const VsFlow *flow, uint32_t seed)
{
    return vs_jhash_3words(GUINT32_SWAP_LE_BE(flow->saddr), wire_ports(flow),
                           flow->protocol, seed);
}

static uint32_t
cilium_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return vs_maglev_at(
        balancer,
        vs_cilium_hash(&key->flow, (uint32_t)balancer->params[CILIUM_JHASH_SEED]));
}

static const VsBalancerParam cilium_params[] = {
    {.name = "table-size",
     .doc = "Slots (maglev.tableSize): one of Cilium's ten primes, 251 to 131071.",
     .def = 16381,
     .min = 251,
     .max = 131071},
    {.name = "murmur-seed",
     .doc = "First word of maglev.hashSeed, for names of backends.",
     .def = 0x24b7ef82,
     .max = UINT32_MAX},
    {.name = "jhash-seed",
     .doc = "Second word of maglev.hashSeed, for packets.",
     .def = VS_CILIUM_JHASH_SEED,
     .max = UINT32_MAX},
    {0},
};

const VsBalancerKind vs_balancer_kinds_maglev_programs[] = {
    {
        .name = "katran-maglev",
        .doc = "Maglev in which a backend takes a slot each time the sum of its weight "
               "reaches the greatest weight, so one of half the greatest weight takes "
               "one every other round.  Backends go by their own hash: Katran's is "
               "folly's hash of the address, which differs between folly's releases; "
               "here it is FNV-1a of the name.",
        .source = "Katran, katran/lib/MaglevHashV2.cpp, generateHashRing(); "
                  "MaglevBase.cpp, genMaglevPermutation(); Vip.cpp, "
                  "compareEndpoints(); bpf/balancer_helpers.h, get_packet_hash()",
        .formula = "table[jhash_2words(saddr, ports, 65537) mod size]; offset = "
                   "murmur3(hash, 42; 0) mod size, skip = murmur3(hash, 2718281828; "
                   "2307) mod (size - 1) + 1",
        .key = VS_BALANCE_BY_FLOW,
        .params = katran_params,
        .state_size = sizeof(VsMaglev),
        .init = vs_maglev_init,
        .clear = vs_maglev_clear,
        .rebuild = katran_rebuild,
        .pick = katran_pick,
        .pick_bulk = katran_pick_bulk,
    },
    {
        .name = "cilium-maglev",
        .doc =
            "Maglev over backends sorted by name, so all nodes have one table; the "
            "packet's destination address is left out, so all addresses of a service "
            "agree.  What Cilium hashes as a backend's name differs between its "
            "releases; here it is the name as given.",
        .source = "Cilium, pkg/maglev/maglev.go, getOffsetAndSkip(), GetLookupTable(); "
                  "bpf/lib/lb.h, lb4_select_backend_id_maglev(); bpf/lib/hash.h, "
                  "__hash_from_tuple_v4()",
        .formula = "table[jhash_3words(saddr, dport << 16 | sport, protocol, seed) mod "
                   "size]; (h1, h2) = murmur3_128(name), offset = h1 mod size, skip = "
                   "h2 mod (size - 1) + 1",
        .key = VS_BALANCE_BY_FLOW,
        .params = cilium_params,
        .state_size = sizeof(VsMaglev),
        .init = cilium_init,
        .clear = vs_maglev_clear,
        .rebuild = cilium_rebuild,
        .pick = cilium_pick,
    },
    {0},
};
