/* Hierarchical token buckets.  Linux net/sched/sch_htb.c (htb_classify, htb_dequeue,
 * htb_class_mode, htb_charge_class).
 *
 * A leaf may send at level 0 while it has tokens of its own rate; else, while those of its
 * ceiling last, at the level of the nearest ancestor that has tokens.  Lower levels go
 * first, then lower numbers of priority, then each leaf in turn by its quantum.  Linux finds
 * the next leaf in trees; here classes are few, and a dequeue looks at all of them.
 *
 * Linux keeps a turn for the children of each inner class, this one for each level. */
#include "net/qdisc_kinds.h"

#define MAX_DEFICIT_TIME \
    (60 * VS_S) /* mbuffer: tokens go no lower, nor does time count. */

typedef struct Class Class;

struct Class {
    VsHtbClassConfig config;
    Class *parent;
    unsigned level; /* 0: a leaf; else above its highest child. */
    VsTime bucket, ceil_bucket;
    VsTime tokens, ceil_tokens;
    VsTime counted_at;
    int64_t deficit[VS_HTB_MAX_LEVELS]; /* Of a leaf: bytes, when it sends there. */
};

typedef struct Htb {
    VsQdisc qdisc;
    unsigned n_classes;
    Class *classes;
    unsigned default_class;
    uint64_t direct_packets_max;
    VsPacketQueue direct;
    unsigned turn[VS_HTB_MAX_LEVELS][VS_HTB_N_PRIOS]; /* Class that is next. */
} Htb;

static void
open_class(Htb *htb, unsigned number, const VsHtbClassConfig *config)
{
    Class *class = &htb->classes[number];

    class->config = *config;
    class->config.matches =
        g_memdup2(config->matches, config->n_matches * sizeof(VsHtbMatch));
    class->parent = config->parent != number ? &htb->classes[config->parent] : NULL;
    class->bucket = vs_qdisc_time_of(config->burst_bytes, config->bits_per_s);
    class->ceil_bucket =
        vs_qdisc_time_of(config->ceil_burst_bytes, config->ceil_bits_per_s);
    class->tokens = class->bucket;
    class->ceil_tokens = class->ceil_bucket;
    for (unsigned i = 0; i < VS_HTB_MAX_LEVELS; i++) {
        class->deficit[i] = config->quantum_bytes;
    }
    if (config->inner) {
        vs_qdisc_adopt(&htb->qdisc, config->inner);
    }
    for (Class *low = class; low->parent && low->parent->level <= low->level;
         low = low->parent) {
        low->parent->level = low->level + 1;
    }
}

static void
htb_open(VsQdisc *qdisc, const void *config_)
{
    Htb *htb = (Htb *)qdisc;
    const VsHtbConfig *config = config_;

    htb->n_classes = config->n_classes;
    htb->classes = g_new0(Class, config->n_classes);
    htb->default_class = config->default_class;
    htb->direct_packets_max = config->direct_packets;
    for (unsigned i = 0; i < config->n_classes; i++) {
        open_class(htb, i, &config->classes[i]);
    }
}

static bool
matches(const VsHtbMatch *match, const VsLayer *layer)
{
    const VsFlow *flow = &layer->flow;

    return layer->ether_type != VS_ETHER_TYPE_ARP &&
           (flow->saddr & match->source_mask) == match->source &&
           (flow->daddr & match->destination_mask) == match->destination &&
           (match->source_port == 0 || flow->sport == match->source_port) &&
           (match->destination_port == 0 || flow->dport == match->destination_port) &&
           (match->protocol == 0 || flow->protocol == match->protocol) &&
           (match->dscp < 0 || layer->tos >> 2 == match->dscp);
}

/* The first leaf in order of which some match holds, else the default. */
static unsigned
classify(const Htb *htb, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);

    for (unsigned i = 0; i < htb->n_classes; i++) {
        const VsHtbClassConfig *config = &htb->classes[i].config;

        for (unsigned j = 0; j < config->n_matches; j++) {
            if (matches(&config->matches[j], top)) {
                return i;
            }
        }
    }
    return htb->default_class;
}

static void
htb_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Htb *htb = (Htb *)qdisc;
    unsigned number = classify(htb, packet);

    if (number != VS_HTB_DIRECT) {
        vs_qdisc_enqueue(htb->classes[number].config.inner, packet, now);
    } else if (htb->direct.length >= htb->direct_packets_max) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
    } else {
        vs_packet_queue_push(&htb->direct, packet);
    }
}

/* Time that has passed for 'class', as far as it counts. */
static inline VsTime
elapsed(const Class *class, VsTime now)
{
    return MIN(now - class->counted_at, MAX_DEFICIT_TIME);
}

/* The level at which 'leaf' may send now, or -1 with the earliest time that this may change
 * in *ret_next, if that is earlier. */
static int
find_level(const Class *leaf, VsTime now, VsTime *ret_next)
{
    VsTime change = VS_TIME_NEVER;

    for (const Class *class = leaf; class; class = class->parent) {
        VsTime ceil_tokens = class->ceil_tokens + elapsed(class, now);
        VsTime tokens = class->tokens + elapsed(class, now);

        if (ceil_tokens < 0) {
            change = MIN(change, now - ceil_tokens);
            break;
        }
        if (tokens >= 0) {
            return (int)class->level;
        }
        change = MIN(change, now - tokens);
    }
    *ret_next = MIN(*ret_next, change);
    return -1;
}

static VsTime
charged(VsTime tokens, VsTime bucket, VsTime work)
{
    return MAX(MIN(tokens, bucket) - work, 1 - MAX_DEFICIT_TIME);
}

/* Those below 'level' borrow: their own tokens only grow with time. */
static void
charge(Class *leaf, unsigned level, uint32_t bytes, VsTime now)
{
    for (Class *class = leaf; class; class = class->parent) {
        VsTime passed = elapsed(class, now);

        if (class->level >= level) {
            class->tokens = charged(class->tokens + passed, class->bucket,
                                    vs_qdisc_time_of(bytes, class->config.bits_per_s));
        } else {
            class->tokens += passed;
        }
        class->ceil_tokens =
            charged(class->ceil_tokens + passed, class->ceil_bucket,
                    vs_qdisc_time_of(bytes, class->config.ceil_bits_per_s));
        class->counted_at = now;
    }
}

/* What the turn's next leaf of this level and priority sends; NULL: none may. */
static VsPacket *
serve(Htb *htb, const int8_t *levels, unsigned level, unsigned prio, VsTime now,
      VsTime *ret_next)
{
    unsigned *turn = &htb->turn[level][prio];

    for (unsigned i = 0; i < htb->n_classes; i++) {
        unsigned number = (*turn + i) % htb->n_classes;
        Class *leaf = &htb->classes[number];
        VsPacket *packet;

        if (levels[number] != (int)level || leaf->config.prio != prio) {
            continue;
        }
        packet = vs_qdisc_dequeue(leaf->config.inner, now, ret_next);
        if (!packet) {
            continue;
        }
        *turn = number;
        leaf->deficit[level] -= vs_qdisc_bytes(packet);
        if (leaf->deficit[level] < 0) {
            leaf->deficit[level] += leaf->config.quantum_bytes;
            *turn = (number + 1) % htb->n_classes;
        }
        charge(leaf, level, vs_qdisc_bytes(packet), now);
        return packet;
    }
    return NULL;
}

static VsPacket *
htb_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    Htb *htb = (Htb *)qdisc;
    VsPacket *packet = vs_packet_queue_pop(&htb->direct);
    int8_t levels[htb->n_classes];
    uint8_t prios[VS_HTB_MAX_LEVELS] = {0}; /* Bit sets: which are worth a look. */

    if (packet) {
        return packet;
    }
    for (unsigned i = 0; i < htb->n_classes; i++) {
        const Class *class = &htb->classes[i];
        bool holds = class->config.is_leaf && class->config.inner->n_held > 0;

        levels[i] = (int8_t)(holds ? find_level(class, now, ret_next) : -1);
        if (levels[i] >= 0) {
            prios[levels[i]] |= (uint8_t)(1u << class->config.prio);
        }
    }
    for (unsigned level = 0; level < VS_HTB_MAX_LEVELS; level++) {
        for (unsigned prio = 0; prio < VS_HTB_N_PRIOS; prio++) {
            VsTime inner_next = VS_TIME_NEVER;

            if (!(prios[level] & 1u << prio)) {
                continue;
            }
            packet = serve(htb, levels, level, prio, now, &inner_next);
            if (packet) {
                return packet;
            }
            *ret_next = MIN(*ret_next, inner_next);
        }
    }
    qdisc->n_overlimits++;
    return NULL;
}

static VsPacket *
htb_evict(VsQdisc *qdisc)
{
    Htb *htb = (Htb *)qdisc;
    VsPacket *packet = vs_packet_queue_pop(&htb->direct);

    for (unsigned i = 0; i < htb->n_classes && !packet; i++) {
        if (htb->classes[i].config.inner) {
            packet = vs_qdisc_evict(htb->classes[i].config.inner);
        }
    }
    return packet;
}

static void
htb_close(VsQdisc *qdisc)
{
    Htb *htb = (Htb *)qdisc;

    for (unsigned i = 0; i < htb->n_classes; i++) {
        vs_qdisc_free(htb->classes[i].config.inner);
        g_free(htb->classes[i].config.matches);
    }
    g_free(htb->classes);
}

const VsQdiscKind vs_qdisc_htb = {
    .name = "htb",
    .size = sizeof(Htb),
    .open = htb_open,
    .enqueue = htb_enqueue,
    .dequeue = htb_dequeue,
    .evict = htb_evict,
    .close = htb_close,
};
