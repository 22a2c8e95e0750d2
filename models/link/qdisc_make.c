/* From <qdisc> elements to queue disciplines. */
#include "models/link/qdisc.h"

#define PACKETS_MAX 1000 /* txqueuelen. */
#define CLASS_QUANTUM_MIN 1000
#define CLASS_QUANTUM_MAX 200000

/* The configurations of all kinds: which one is used goes with the kind. */
typedef union AnyConfig {
    VsFifoConfig fifo;
    VsTbfConfig tbf;
    VsHtbConfig htb;
    VsFqConfig fq;
    VsCodelConfig codel;
    VsFqCodelConfig fq_codel;
    VsRedConfig red;
    VsNetemConfig netem;
} AnyConfig;

typedef struct Maker {
    VsBuild *build;
    VsEgress *egress;
    uint32_t mtu_bytes; /* Of a frame, from the Ethernet header on. */
} Maker;

static VsQdisc *make(Maker *maker, const VsElement *element, const char *place);

static uint64_t
or_default(const VsElement *element, const char *attribute, uint64_t given,
           uint64_t otherwise)
{
    return vs_element_has(element, attribute) ? given : otherwise;
}

static double
share(uint64_t ppb)
{
    return (double)ppb / 1e9;
}

static void
fill_fifo(const LinkQdisc *config, const VsElement *element, AnyConfig *ret)
{
    ret->fifo.limit = or_default(element, "limit", config->limit.amount, PACKETS_MAX);
}

/* A latency counts from when the bucket is empty; with a peak rate its bucket counts, too
 * (tc's q_tbf.c). */
static void
fill_tbf(const LinkQdisc *config, const VsElement *element, AnyConfig *ret)
{
    uint64_t limit = config->limit.amount;

    if (vs_element_has(element, "latency")) {
        const unsigned __int128 ps_bit = UINT64_C(8000000000000);
        unsigned __int128 latency = (unsigned __int128)config->latency;

        limit = (uint64_t)(latency * config->rate / ps_bit) + config->burst;
        if (config->peak_rate > 0) {
            uint64_t peak_limit =
                (uint64_t)(latency * config->peak_rate / ps_bit) + config->peak_burst;

            limit = MIN(limit, peak_limit);
        }
    }
    ret->tbf = (VsTbfConfig){.bits_per_s = config->rate,
                             .burst_bytes = config->burst,
                             .limit_bytes = limit,
                             .peak_bits_per_s = config->peak_rate,
                             .peak_burst_bytes = config->peak_burst};
}

static void
fill_fq(const LinkQdisc *config, const VsElement *element, AnyConfig *ret,
        uint32_t mtu_bytes)
{
    ret->fq = (VsFqConfig){
        .packets_max =
            (uint32_t)or_default(element, "limit", config->limit.amount, 10000),
        .flow_packets_max =
            (uint32_t)or_default(element, "flow-limit", config->flow_limit, 100),
        .quantum_bytes =
            (uint32_t)or_default(element, "quantum", config->quantum, 2 * mtu_bytes),
        .initial_quantum_bytes = (uint32_t)or_default(
            element, "initial-quantum", config->initial_quantum, 10 * mtu_bytes),
        .flow_bits_per_s_max = config->flow_rate_max,
        .refill_delay = vs_element_has(element, "refill-delay") ? config->refill_delay
                                                                : 40 * VS_MS};
}

static void
fill_codel(const LinkQdisc *config, const VsElement *element, VsCodelConfig *ret,
           uint32_t packets_max, uint32_t mtu_bytes)
{
    *ret = (VsCodelConfig){
        .packets_max =
            (uint32_t)or_default(element, "limit", config->limit.amount, packets_max),
        .target = vs_element_has(element, "target") ? config->target : 5 * VS_MS,
        .interval =
            vs_element_has(element, "interval") ? config->interval : 100 * VS_MS,
        .mtu_bytes = mtu_bytes,
        .is_ecn = config->ecn};
}

static void
fill_fq_codel(const LinkQdisc *config, const VsElement *element, AnyConfig *ret,
              uint32_t mtu_bytes)
{
    VsFqCodelConfig *fq_codel = &ret->fq_codel;

    fill_codel(config, element, &fq_codel->codel, 10240, mtu_bytes);
    fq_codel->n_flows = (uint32_t)or_default(element, "flows", config->flows, 1024);
    fq_codel->quantum_bytes =
        (uint32_t)or_default(element, "quantum", config->quantum, mtu_bytes);
    fq_codel->drop_batch =
        (uint32_t)or_default(element, "drop-batch", config->drop_batch, 64);
}

static void
fill_red(const LinkQdisc *config, const VsElement *element, AnyConfig *ret)
{
    uint64_t limit = config->limit.amount;
    uint64_t max = or_default(element, "max", config->max, limit / 4);

    ret->red = (VsRedConfig){
        .limit_bytes = limit,
        .min_bytes = or_default(element, "min", config->min, max / 3),
        .max_bytes = max,
        .probability =
            share(or_default(element, "probability", config->probability, 20000000)),
        .ewma = (unsigned)or_default(element, "ewma", config->ewma, 9),
        .average_packet_bytes = (uint32_t)or_default(element, "average-packet",
                                                     config->average_packet, 1000),
        .is_ecn = config->ecn};
}

static void
fill_netem(const LinkQdisc *config, const VsElement *element, AnyConfig *ret)
{
    ret->netem = (VsNetemConfig){
        .packets_max =
            (uint32_t)or_default(element, "limit", config->limit.amount, PACKETS_MAX),
        .delay = config->delay,
        .jitter = config->jitter,
        .distribution = (VsNetemDist)config->distribution,
        .delay_correlation = share(config->delay_correlation),
        .loss = share(config->loss),
        .loss_correlation = share(config->loss_correlation),
        .is_gilbert_elliott = vs_element_has(element, "good-to-bad"),
        .good_to_bad = share(config->good_to_bad),
        .bad_to_good = share(config->bad_to_good),
        .loss_in_bad =
            share(or_default(element, "loss-in-bad", config->loss_in_bad, 1000000000)),
        .loss_in_good = share(config->loss_in_good),
        .duplicate = share(config->duplicate),
        .duplicate_correlation = share(config->duplicate_correlation),
        .corrupt = share(config->corrupt),
        .corrupt_correlation = share(config->corrupt_correlation),
        .reorder = share(config->reorder),
        .reorder_correlation = share(config->reorder_correlation),
        .reorder_gap = vs_element_has(element, "reorder") ? MAX(config->gap, 1) : 0,
        .bits_per_s = config->rate};
}

static size_t
fill(const Maker *maker, const VsElement *element, AnyConfig *ret)
{
    const LinkQdisc *config = element->config;
    const VsQdiscKind *kind = link_qdisc_kind(element);

    if (kind == &vs_qdisc_tbf) {
        fill_tbf(config, element, ret);
    } else if (kind == &vs_qdisc_fq) {
        fill_fq(config, element, ret, maker->mtu_bytes);
    } else if (kind == &vs_qdisc_codel) {
        fill_codel(config, element, &ret->codel, PACKETS_MAX, maker->mtu_bytes);
    } else if (kind == &vs_qdisc_fq_codel) {
        fill_fq_codel(config, element, ret, maker->mtu_bytes);
    } else if (kind == &vs_qdisc_red) {
        fill_red(config, element, ret);
    } else if (kind == &vs_qdisc_netem) {
        fill_netem(config, element, ret);
    } else {
        fill_fifo(config, element, ret);
    }
    return sizeof(*ret);
}

/* ---- htb ------------------------------------------------------------------------- */

static VsHtbMatch
read_match(const VsElement *element)
{
    static const uint8_t protocols[] = {0, VS_PROTOCOL_TCP, VS_PROTOCOL_UDP,
                                        VS_PROTOCOL_ICMP, VS_PROTOCOL_IPIP};
    const LinkMatch *config = element->config;

    return (VsHtbMatch){
        .source = config->source.address,
        .source_mask =
            config->source.is_set ? vs_prefix_mask(config->source.length) : 0,
        .destination = config->destination.address,
        .destination_mask =
            config->destination.is_set ? vs_prefix_mask(config->destination.length) : 0,
        .source_port = (uint16_t)config->source_port,
        .destination_port = (uint16_t)config->destination_port,
        .protocol = protocols[config->protocol],
        .dscp = vs_element_has(element, "dscp") ? (int16_t)config->dscp : -1};
}

static void
read_matches(const VsElement *element, VsHtbClassConfig *class)
{
    class->matches = g_new0(VsHtbMatch, element->n_children);
    for (unsigned i = 0; i < element->n_children; i++) {
        if (link_element_is(element->children[i], "match")) {
            class->matches[class->n_matches++] = read_match(element->children[i]);
        }
    }
}

/* What a leaf holds: its <qdisc>, or a fifo that is known by the class. */
static VsQdisc *
make_in_class(Maker *maker, const VsElement *element, const char *place)
{
    const VsElement *inner = link_qdisc_inner(element);
    VsFifoConfig fifo = {PACKETS_MAX};
    VsQdisc *qdisc;

    if (inner) {
        return make(maker, inner, place);
    }
    qdisc = vs_qdisc_new(&vs_qdisc_pfifo, &fifo, &maker->egress->context);
    vs_build_note_qdisc(maker->build, element, qdisc, place);
    return qdisc;
}

/* Adds the classes inside 'element', which is class number 'parent' itself if it is one. */
static void
read_classes(Maker *maker, const VsElement *element, const char *place, GArray *classes,
             VsHtbConfig *htb)
{
    unsigned parent = classes->len - 1;

    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *child = element->children[i];
        const LinkClass *config = child->config;
        unsigned number = classes->len;
        VsHtbClassConfig class = {0};
        g_autofree char *inside = NULL;

        if (!link_element_is(child, "class")) {
            continue;
        }
        inside = g_strdup_printf("%s/%s", place, child->id);
        class.parent = link_element_is(element, "class") ? parent : number;
        class.bits_per_s = config->rate;
        class.ceil_bits_per_s = or_default(child, "ceil", config->ceil, config->rate);
        class.burst_bytes = config->burst;
        class.ceil_burst_bytes = config->ceil_burst;
        class.quantum_bytes = (uint32_t)or_default(
            child, "quantum", config->quantum,
            CLAMP(config->rate / 80, CLASS_QUANTUM_MIN, CLASS_QUANTUM_MAX));
        class.prio = config->prio;
        read_matches(child, &class);
        g_array_append_val(classes, class);
        read_classes(maker, child, inside, classes, htb);
        if (classes->len == number + 1) {
            g_array_index(classes, VsHtbClassConfig, number).is_leaf = true;
            g_array_index(classes, VsHtbClassConfig, number).inner =
                make_in_class(maker, child, inside);
        }
        if (config->is_default) {
            htb->default_class = number;
        }
    }
}

static VsQdisc *
make_htb(Maker *maker, const VsElement *element, const char *place)
{
    g_autoptr(GArray) classes = g_array_new(FALSE, FALSE, sizeof(VsHtbClassConfig));
    const LinkQdisc *config = element->config;
    VsHtbConfig htb = {.default_class = VS_HTB_DIRECT,
                       .direct_packets = or_default(element, "limit",
                                                    config->limit.amount, PACKETS_MAX)};
    VsQdisc *qdisc;

    read_classes(maker, element, place, classes, &htb);
    htb.n_classes = classes->len;
    htb.classes = (const VsHtbClassConfig *)(const void *)classes->data;
    qdisc = vs_qdisc_new(&vs_qdisc_htb, &htb, &maker->egress->context);
    for (unsigned i = 0; i < classes->len; i++) {
        g_free(g_array_index(classes, VsHtbClassConfig, i).matches);
    }
    return qdisc;
}

/* ---- Trees ----------------------------------------------------------------------- */

static VsQdisc *
make(Maker *maker, const VsElement *element, const char *place)
{
    const VsQdiscKind *kind = link_qdisc_kind(element);
    g_autofree char *inside = g_strdup_printf(
        "%s%s%s", place, g_str_has_suffix(place, ":") ? " " : "/", kind->name);
    const VsElement *inner = link_qdisc_inner(element);
    AnyConfig config;
    VsQdisc *qdisc;

    if (kind == &vs_qdisc_htb) {
        qdisc = make_htb(maker, element, inside);
    } else {
        fill(maker, element, &config);
        if (inner && kind == &vs_qdisc_tbf) {
            config.tbf.inner = make(maker, inner, inside);
        } else if (inner) {
            config.netem.inner = make(maker, inner, inside);
        }
        qdisc = vs_qdisc_new(kind, &config, &maker->egress->context);
    }
    vs_build_note_qdisc(maker->build, element, qdisc, inside);
    return qdisc;
}

/* Can the one before take the configuration of 'element'? */
static bool
is_change(const VsElement *before, const VsElement *element)
{
    const LinkQdisc *old = before ? before->config : NULL;
    const LinkQdisc *new = element->config;

    return old && old->kind == new->kind &&link_qdisc_kind(element)->change &&
           !link_qdisc_inner(before) && !link_qdisc_inner(element) &&
           or_default(before, "flows", old->flows, 1024) ==
               or_default(element, "flows", new->flows, 1024);
}

static VsQdisc *
make_queue(VsQdiscContext *context, const VsQueueLimit *queue)
{
    VsFifoConfig fifo = {UINT64_MAX};

    switch (queue->kind) {
    case VS_QUEUE_LIMIT_NONE:
        break;
    case VS_QUEUE_LIMIT_PACKETS:
        fifo.limit = queue->amount;
        break;
    case VS_QUEUE_LIMIT_BYTES:
        fifo.limit = queue->amount;
        return vs_qdisc_new(&vs_qdisc_bfifo, &fifo, context);
    case VS_QUEUE_LIMIT_TIME:
        fifo.limit = (uint64_t)((unsigned __int128)queue->amount * context->bits_per_s /
                                UINT64_C(8000000000000));
        return vs_qdisc_new(&vs_qdisc_bfifo, &fifo, context);
    }
    return vs_qdisc_new(&vs_qdisc_pfifo, &fifo, context);
}

/* Is 'element' a <what> that acts on what 'sender' sends? */
static bool
acts_on(const VsElement *element, const char *what, const VsElement *sender)
{
    const LinkActing *acting = element->config;

    if (!link_element_is(element, what)) {
        return false;
    }
    for (unsigned i = 0; i < acting->from.n_elements; i++) {
        if (acting->from.elements[i] == sender) {
            return true;
        }
    }
    return acting->from.n_elements == 0;
}

static void
add(Maker *maker, const VsElement *before, const VsElement *element)
{
    const LinkQdisc *config = element->config;
    VsTime at = config->acting.at;
    g_autofree char *place =
        at > 0 ? g_strdup_printf("%s, line %d:", maker->egress->context.name,
                                 element->line)
               : g_strdup_printf("%s:", maker->egress->context.name);

    if (is_change(before, element)) {
        AnyConfig changed;
        size_t size = fill(maker, element, &changed);

        vs_egress_add_change(maker->egress, at, link_qdisc_kind(element), &changed,
                             size);
    } else {
        vs_egress_add(maker->egress, at, make(maker, element, place));
    }
}

void
link_qdisc_add(VsBuild *build, VsEgress *egress, uint32_t mtu_bytes,
               const VsElement *before, const VsElement *element)
{
    Maker maker = {.build = build, .egress = egress, .mtu_bytes = mtu_bytes};

    add(&maker, before, element);
}

VsEgress *
link_get_egress(const VsBuiltWire *built, VsTime at)
{
    VsEgress *egress = built->wire->egress;

    if (!egress) {
        egress = vs_egress_new(built->wire, &built->from->netns->host->part);
        if (at > 0) {
            vs_egress_add(egress, 0,
                          make_queue(&egress->context, link_queue(built->element)));
        }
    }
    return egress;
}

static void
add_changes(const VsElement *link, const VsElement *sender, const VsBuiltWire *built)
{
    for (unsigned i = 0; i < link->n_children; i++) {
        const LinkChange *change = link->children[i]->config;

        if (acts_on(link->children[i], "change", sender)) {
            vs_egress_add_line_change(link_get_egress(built, change->acting.at),
                                      change->acting.at, change->rate, change->delay);
        }
    }
}

bool
link_qdiscs_make(VsBuild *build, const VsElement *link, const VsElement *sender,
                 const VsBuiltWire *built, GError **error)
{
    uint32_t mtu_bytes = built->from->mtu + VS_ETHER_HEADER_BYTES;
    const VsElement *before = NULL;

    for (unsigned i = 0; i < link->n_children; i++) {
        const VsElement *element = link->children[i];
        const LinkActing *acting = element->config;

        if (!acts_on(element, "qdisc", sender)) {
            continue;
        }
        if (!vs_build_claim_qdisc(build, element, built->from, error)) {
            return false;
        }
        link_qdisc_add(build, link_get_egress(built, acting->at), mtu_bytes, before,
                       element);
        before = element;
    }
    add_changes(link, sender, built);
    return true;
}
