#include "models/link/link.h"
#include "models/link/qdisc.h"

#define PS_BIT_PER_S UINT64_C(8000000000000)

typedef struct LinkConfig {
    VsRefs from;
    VsRefs to;
    uint64_t rate;
    VsTime delay;
    VsQueueLimit queue;
    VsQueueLimit mark_at;
    uint64_t mtu_bytes;
    VsPrefix subnet;
    LinkBondParams bond;
} LinkConfig;

static const VsParam link_params[] = {
    VS_PARAM_REFS(LinkConfig, from, "from", .is_required = true, .to = LINK_ENDS,
                  .doc =
                      "One end, or a group: then each member gets a link of its own."),
    VS_PARAM_REFS(LinkConfig, to, "to", .is_required = true, .to = LINK_ENDS,
                  .doc = "The other end, or a group."),
    VS_PARAM_RATE(LinkConfig, rate, "rate", .def = "10Gbit/s", .min = "1kbit/s",
                  .max = "800Gbit/s", .doc = "Line rate of each direction."),
    VS_PARAM_TIME(LinkConfig, delay, "delay", .def = "1us", .min = "1ps", .max = "100s",
                  .doc = "Propagation: about 5 ns for a metre, 5 us for a kilometre."),
    VS_PARAM_QUEUE(LinkConfig, queue, "queue", .def = "1000packets",
                   .doc =
                       "Drop-tail queue before each direction: packets, bytes or the "
                       "time they take."),
    VS_PARAM_QUEUE(LinkConfig, mark_at, "mark-at",
                   .doc =
                       "A queue this long marks packets of transports that understand "
                       "it (ECN): packets, bytes or the time they take.  Without it, "
                       "none; it must be below queue."),
    VS_PARAM_SIZE(LinkConfig, mtu_bytes, "mtu", .def = "1500B", .min = "68B",
                  .max = "65535B", .doc = "Largest IP packet of both interfaces."),
    VS_PARAM_PREFIX(LinkConfig, subnet, "subnet",
                    .doc = "IPv4 prefix of the segment; without it, a free block of "
                           "172.16.0.0/12."),
    LINK_BOND_PARAM_ROWS(LinkConfig, bond),
    {0},
};

/* The time that a limit in bytes, or in time, stands for. */
static VsTime
limit_time(const VsQueueLimit *limit, uint64_t rate)
{
    if (limit->kind == VS_QUEUE_LIMIT_BYTES) {
        return (VsTime)((unsigned __int128)limit->amount * PS_BIT_PER_S / rate);
    }
    return (VsTime)limit->amount;
}

/* A mark that comes with the drop, or never, is a mistake; so is one at 0. */
static bool
check_mark_at(const LinkConfig *config, const VsElement *element, GError **error)
{
    const VsQueueLimit *queue = &config->queue, *mark_at = &config->mark_at;
    bool is_comparable = (queue->kind == VS_QUEUE_LIMIT_PACKETS) ==
                         (mark_at->kind == VS_QUEUE_LIMIT_PACKETS);

    if (mark_at->kind == VS_QUEUE_LIMIT_NONE) {
        return true;
    }
    if (mark_at->amount == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "mark-at=\"0\" would mark every packet; 1packets marks those "
                        "that wait behind another");
        return false;
    }
    if (queue->kind != VS_QUEUE_LIMIT_NONE && is_comparable &&
        limit_time(mark_at, config->rate) >= limit_time(queue, config->rate)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "mark-at is not below queue, which drops first; choose a shorter "
            "one");
        return false;
    }
    return true;
}

static bool
link_check(const void *config_, const VsElement *element, GError **error)
{
    const LinkConfig *config = config_;

    if (!check_mark_at(config, element, error)) {
        return false;
    }
    if (config->from.n_elements > 1 && config->to.n_elements > 1) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "both ends of the link are groups (%u and %u members); join one "
            "of them through a <switch> or <router>",
            config->from.n_elements, config->to.n_elements);
        return false;
    }
    for (unsigned i = 0; i < config->from.n_elements; i++) {
        for (unsigned j = 0; j < config->to.n_elements; j++) {
            if (config->from.elements[i] == config->to.elements[j]) {
                vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                                "the link joins \"%s\" to itself; name two ends",
                                config->from.elements[i]->id);
                return false;
            }
        }
    }
    return link_bond_check(&config->bond, element, error) &&
           link_qdiscs_check(element, &config->from, &config->to, config->mtu_bytes,
                             error);
}

const VsQueueLimit *
link_queue(const VsElement *link)
{
    return &((const LinkConfig *)link->config)->queue;
}

static uint32_t
limit_packets(const VsQueueLimit *limit)
{
    return (uint32_t)MIN(limit->amount, (uint64_t)UINT32_MAX);
}

static VsWireConfig
wire_config(const LinkConfig *config)
{
    VsWireConfig wire = {.bits_per_s = config->rate,
                         .delay = config->delay,
                         .backlog_max = VS_TIME_NEVER};

    if (config->queue.kind == VS_QUEUE_LIMIT_PACKETS) {
        wire.packets_max = limit_packets(&config->queue);
    } else if (config->queue.kind != VS_QUEUE_LIMIT_NONE) {
        wire.backlog_max = limit_time(&config->queue, config->rate);
    }
    if (config->mark_at.kind == VS_QUEUE_LIMIT_PACKETS) {
        wire.mark_packets = limit_packets(&config->mark_at);
    } else if (config->mark_at.kind != VS_QUEUE_LIMIT_NONE) {
        wire.mark_backlog = limit_time(&config->mark_at, config->rate);
    }
    return wire;
}

/* Queue disciplines before the wires from number 'first' on. */
static bool
add_qdiscs(VsBuild *build, const VsElement *element, const VsElement *a,
           const VsElement *b, unsigned first, GError **error)
{
    const VsHost *host_a = vs_build_find_host(build, a)->host;

    for (unsigned i = first; i < build->wires->len; i++) {
        const VsBuiltWire *built = &g_array_index(build->wires, VsBuiltWire, i);
        bool is_from_a = built->from->netns->host == host_a;

        if (!link_qdiscs_make(build, element, is_from_a ? a : b, built, error)) {
            return false;
        }
    }
    return true;
}

static bool
link_connect(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const LinkConfig *config = element->config;
    VsBuildLine line = {.wire = wire_config(config),
                        .mtu = (uint32_t)config->mtu_bytes,
                        .subnet = config->subnet};
    VsBondConfig bond = {0};
    bool is_done = true;

    (void)self;
    if (config->bond.members > 1) {
        link_bond_fill(&config->bond, element, &bond);
        line.bond = &bond;
    }
    for (unsigned i = 0; is_done && i < config->from.n_elements; i++) {
        for (unsigned j = 0; is_done && j < config->to.n_elements; j++) {
            unsigned first = build->wires->len;

            vs_build_join(build, element, config->from.elements[i],
                          config->to.elements[j], &line);
            is_done = add_qdiscs(build, element, config->from.elements[i],
                                 config->to.elements[j], first, error);
            line.subnet = (VsPrefix){0};
        }
    }
    g_free((gpointer)bond.outages);
    return is_done;
}

const VsModel vs_model_link = {
    .element = "link",
    .summary =
        "An Ethernet link: rate, propagation delay and a queue in each direction.",
    .parents = "scenario",
    .id_rule = VS_ID_OPTIONAL,
    .config_size = sizeof(LinkConfig),
    .params = link_params,
    .check = link_check,
    .connect = link_connect,
};
