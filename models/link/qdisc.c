/* The tables of <qdisc>, <class> and <match>. */
#include "models/link/qdisc.h"

/* In the order of vs_qdisc_kinds. */
static const char *const kinds[] = {"pfifo", "bfifo", "pfifo_fast", "tbf",
                                    "htb",   "fq",    "codel",      "fq_codel",
                                    "red",   "netem", NULL};
static const char *const distributions[] = {"uniform", "normal", "pareto", NULL};
static const char *const protocols[] = {"any", "tcp", "udp", "icmp", "ipip", NULL};

#define RATIO_ROW(member, name, ...) \
    VS_PARAM_RATIO(LinkQdisc, member, name, .max = "100%", __VA_ARGS__)
#define CORRELATION_ROW(member, name, of)                                          \
    RATIO_ROW(member, name,                                                        \
              .doc = "netem: weight that the random number before has in that of " \
                     "the " of ".")

static const VsParam qdisc_params[] = {
    VS_PARAM_CHOICE(LinkQdisc, kind, "kind", .is_required = true, .choices = kinds,
                    .doc = "As tc calls it."),
    VS_PARAM_REFS(LinkQdisc, acting.from, "from", .to = LINK_ENDS,
                  .doc = "In a <link>: the ends that send through it; without it all."),
    VS_PARAM_STRING(
        LinkQdisc, dev, "dev",
        .doc = "In a host or pod: the interface that sends through it, \"eth0\", or "
               "several, \"veth*\"; \"peer\" is the node's end of a pod's veth, which "
               "sends to the pod."),
    VS_PARAM_TIME(LinkQdisc, acting.at, "at",
                  .doc = "From when on it acts; without it, from the beginning.  It "
                         "replaces the one before it."),
    VS_PARAM_QUEUE(LinkQdisc, limit, "limit",
                   .doc = "Packets that may wait: pfifo, codel (1000packets without "
                          "it), pfifo_fast (the same, each band), fq, fq_codel "
                          "(10000packets and 10240packets), netem (1000packets), htb "
                          "(1000packets, of those that no class takes).  Bytes: bfifo, "
                          "tbf, red, which need it."),
    VS_PARAM_TIME(LinkQdisc, latency, "latency", .min = "1ns",
                  .doc = "tbf: instead of a limit: so long may a packet wait."),
    VS_PARAM_RATE(LinkQdisc, rate, "rate", .min = "1kbit/s", .max = "800Gbit/s",
                  .doc = "tbf: of the tokens.  netem: packets go one after the other."),
    VS_PARAM_SIZE(LinkQdisc, burst, "burst", .min = "1B", .max = "1GB",
                  .doc = "tbf: what the bucket holds."),
    VS_PARAM_RATE(LinkQdisc, peak_rate, "peak-rate", .min = "1kbit/s",
                  .max = "800Gbit/s", .doc = "tbf: no burst is faster."),
    VS_PARAM_SIZE(LinkQdisc, peak_burst, "peak-burst", .min = "1B", .max = "1GB",
                  .doc = "tbf: the bucket of the peak rate."),
    VS_PARAM_SIZE(LinkQdisc, quantum, "quantum", .min = "1B", .max = "1GB",
                  .doc = "fq, fq_codel: bytes of a flow's turn; 3028B and 1514B."),
    VS_PARAM_SIZE(LinkQdisc, initial_quantum, "initial-quantum", .min = "1B",
                  .max = "1GB", .doc = "fq: of a new flow's first turn; 15140B."),
    VS_PARAM_UINT(LinkQdisc, flow_limit, "flow-limit", .min = "1",
                  .doc = "fq: packets of one flow that may wait; 100."),
    VS_PARAM_RATE(
        LinkQdisc, flow_rate_max, "flow-rate-max", .min = "1kbit/s", .max = "800Gbit/s",
        .doc = "fq: each flow is paced to it (maxrate); no pacing without it."),
    VS_PARAM_TIME(LinkQdisc, refill_delay, "refill-delay",
                  .doc = "fq: a flow idle for longer has a full turn again; 40ms."),
    VS_PARAM_UINT(LinkQdisc, flows, "flows", .min = "1", .max = "65536",
                  .doc = "fq_codel: queues that flows are hashed to; 1024."),
    VS_PARAM_UINT(LinkQdisc, drop_batch, "drop-batch", .min = "1",
                  .doc = "fq_codel: packets that the longest queue loses at most when "
                         "the limit is reached; 64."),
    VS_PARAM_TIME(LinkQdisc, target, "target", .min = "1ns",
                  .doc = "codel, fq_codel: a wait that is fine; 5ms."),
    VS_PARAM_TIME(LinkQdisc, interval, "interval", .min = "1us",
                  .doc = "codel, fq_codel: so long may waits be above it; 100ms."),
    VS_PARAM_BOOL(LinkQdisc, ecn, "ecn",
                  .doc = "codel, fq_codel, red: marks instead of drops; no."),
    VS_PARAM_SIZE(LinkQdisc, min, "min", .min = "1B",
                  .doc = "red: an average queue above it loses packets at random; a "
                         "third of max."),
    VS_PARAM_SIZE(LinkQdisc, max, "max", .min = "1B",
                  .doc = "red: an average queue above it loses all; a quarter of the "
                         "limit."),
    RATIO_ROW(probability, "probability", .min = "0.0001%",
              .doc = "red: of a loss when the average is near max; 2%."),
    VS_PARAM_UINT(LinkQdisc, ewma, "ewma", .max = "31",
                  .doc = "red: a packet moves the average by 2^-ewma; 9."),
    VS_PARAM_SIZE(LinkQdisc, average_packet, "average-packet", .min = "1B",
                  .max = "65535B",
                  .doc = "red: in idle times the average falls as if so long packets "
                         "had passed; 1000B."),
    VS_PARAM_TIME(LinkQdisc, delay, "delay", .min = "1ps",
                  .doc = "netem: of each packet."),
    VS_PARAM_TIME(LinkQdisc, jitter, "jitter", .min = "1ps",
                  .doc = "netem: how much the delay varies."),
    VS_PARAM_CHOICE(LinkQdisc, distribution, "distribution", .choices = distributions,
                    .doc = "netem: uniform within the jitter (without it), or with the "
                           "jitter as standard deviation."),
    CORRELATION_ROW(delay_correlation, "delay-correlation", "delay"),
    RATIO_ROW(loss, "loss", .doc = "netem: of packets that are lost."),
    CORRELATION_ROW(loss_correlation, "loss-correlation", "loss"),
    RATIO_ROW(good_to_bad, "good-to-bad",
              .doc = "netem: loss by states (Gilbert-Elliott): chance of the bad one "
                     "after a packet (p)."),
    RATIO_ROW(bad_to_good, "bad-to-good",
              .doc = "netem: chance of the good one after a packet (r)."),
    RATIO_ROW(loss_in_bad, "loss-in-bad", .doc = "netem: (1-h); 100%."),
    RATIO_ROW(loss_in_good, "loss-in-good", .doc = "netem: (1-k); 0%."),
    RATIO_ROW(duplicate, "duplicate", .doc = "netem: of packets that come twice."),
    CORRELATION_ROW(duplicate_correlation, "duplicate-correlation", "duplication"),
    RATIO_ROW(corrupt, "corrupt",
              .doc = "netem: of packets that the other end drops for their checksum."),
    CORRELATION_ROW(corrupt_correlation, "corrupt-correlation", "damage"),
    RATIO_ROW(reorder, "reorder",
              .doc = "netem: of packets that are sent at once, before those that are "
                     "delayed."),
    CORRELATION_ROW(reorder_correlation, "reorder-correlation", "reordering"),
    VS_PARAM_UINT(LinkQdisc, gap, "gap", .min = "1",
                  .doc = "netem: only every so-manieth packet may be; 1."),
    {0},
};

static const VsParam class_params[] = {
    VS_PARAM_RATE(LinkClass, rate, "rate", .is_required = true, .min = "1kbit/s",
                  .max = "800Gbit/s", .doc = "That it has in any case."),
    VS_PARAM_RATE(LinkClass, ceil, "ceil", .min = "1kbit/s", .max = "800Gbit/s",
                  .doc = "That it may borrow up to; the rate without it."),
    VS_PARAM_SIZE(LinkClass, burst, "burst", .def = "1600B", .min = "1B", .max = "1GB",
                  .doc = "Sent at once at most, of the rate's tokens."),
    VS_PARAM_SIZE(LinkClass, ceil_burst, "ceil-burst", .def = "1600B", .min = "1B",
                  .max = "1GB", .doc = "The same of the ceiling's."),
    VS_PARAM_SIZE(LinkClass, quantum, "quantum", .min = "1000B", .max = "200000B",
                  .doc = "Bytes of its turn when it borrows; without it what the rate "
                         "sends in 100 ms, within bounds."),
    VS_PARAM_UINT(LinkClass, prio, "prio", .def = "0", .max = "7",
                  .doc = "Of a leaf: lower numbers borrow first."),
    VS_PARAM_BOOL(LinkClass, is_default, "default", .def = "no",
                  .doc = "Takes what no <match> of any class holds for; without such a "
                         "class that goes unlimited, before all others."),
    {0},
};

static const VsParam match_params[] = {
    VS_PARAM_PREFIX(LinkMatch, source, "source", .doc = "Of the outermost IP header."),
    VS_PARAM_PREFIX(LinkMatch, destination, "destination", .doc = "Of the same."),
    VS_PARAM_UINT(LinkMatch, source_port, "source-port", .min = "1", .max = "65535",
                  .doc = "Of TCP or UDP."),
    VS_PARAM_UINT(LinkMatch, destination_port, "destination-port", .min = "1",
                  .max = "65535", .doc = "Of TCP or UDP."),
    VS_PARAM_CHOICE(LinkMatch, protocol, "protocol", .def = "any", .choices = protocols,
                    .doc = "Above IP."),
    VS_PARAM_UINT(LinkMatch, dscp, "dscp", .max = "63",
                  .doc = "The upper six bits of TOS."),
    {0},
};

const VsElement *
link_qdisc_inner(const VsElement *element)
{
    for (unsigned i = 0; i < element->n_children; i++) {
        if (link_element_is(element->children[i], "qdisc")) {
            return element->children[i];
        }
    }
    return NULL;
}

const VsModel vs_model_qdisc = {
    .element = "qdisc",
    .summary =
        "A queue discipline before a link, or of an interface: which packet is sent "
        "next, and when.",
    .parents = "link " LINK_ENDS " pod qdisc class",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(LinkQdisc),
    .params = qdisc_params,
    .stats = vs_qdisc_stats,
    .check = link_qdisc_check,
    .open = link_qdisc_open,
};

const VsModel vs_model_class = {
    .element = "class",
    .summary = "A class of htb: the rate of a part of the packets.",
    .parents = "qdisc class",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(LinkClass),
    .params = class_params,
    .stats = vs_qdisc_stats,
    .check = link_class_check,
};

const VsModel vs_model_match = {
    .element = "match",
    .summary = "Packets that a class takes: all that is given holds for them.",
    .parents = "class",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(LinkMatch),
    .params = match_params,
    .check = link_match_check,
};
