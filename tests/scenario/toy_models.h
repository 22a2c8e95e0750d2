/* A small registry for the tests of the reader: models that do nothing, with parameters of
 * every type.
 *
 *   scenario  host (template), wire, gadget, hub
 *   host      slot (one), box (template)
 *   box       note */
#pragma once

#include "model/registry.h"

typedef struct ToyHost {
    uint32_t cores;
    VsLabels labels;
    const VsElement *peer;
    VsRefs friends;
} ToyHost;

typedef struct ToyWire {
    const VsElement *from, *to;
    uint64_t rate;
    VsTime delay;
    VsQueueLimit queue;
} ToyWire;

typedef struct ToyBox {
    VsDist service_time;
    const VsElement *host;
} ToyBox;

typedef struct ToyNote {
    const char *text;
} ToyNote;

/* All types of parameters. */
typedef struct ToyGadget {
    const char *string;
    uint32_t uint;
    bool boolean;
    VsTime time;
    uint64_t rate, size, frequency, ratio;
    VsDist dist;
    VsChoice choice;
    uint32_t ipv4;
    VsPrefix prefix;
    VsPrefixes prefixes;
    VsLabels labels;
    const VsElement *ref;
    VsRefs refs;
    VsArrivals arrivals;
    VsQueueLimit queue;
} ToyGadget;

static const char *const toy_colours[] = {"red", "green", "blue", NULL};

/* clang-format off */
static const VsParam toy_host_params[] = {
    VS_PARAM_UINT(ToyHost, cores, "cores", .def = "1", .min = "1", .max = "256",
        .doc = "Processor cores."),
    VS_PARAM_LABELS(ToyHost, labels, "labels", .doc = "What selectors look at."),
    VS_PARAM_REF(ToyHost, peer, "peer", .to = "host", .doc = "Another host."),
    VS_PARAM_REFS(ToyHost, friends, "friends", .to = "host box", .doc = "Hosts and boxes."),
    { 0 }
};
static const VsParam toy_wire_params[] = {
    VS_PARAM_REF(ToyWire, from, "from", .is_required = true, .to = "host hub",
        .doc = "One end."),
    VS_PARAM_REF(ToyWire, to, "to", .is_required = true, .to = "host hub",
        .doc = "The other end."),
    VS_PARAM_RATE(ToyWire, rate, "rate", .def = "10Gbit/s", .min = "1kbit/s",
        .doc = "Line rate."),
    VS_PARAM_TIME(ToyWire, delay, "delay", .def = "1us", .min = "1ns", .max = "10s",
        .doc = "Propagation delay."),
    VS_PARAM_QUEUE(ToyWire, queue, "queue", .def = "1000packets", .doc = "Limit."),
    { 0 }
};
static const VsParam toy_box_params[] = {
    VS_PARAM_DIST(ToyBox, service_time, "service-time", .def = "exponential(1ms)",
        .min = "1us", .max = "1h", .doc = "Time for a request."),
    VS_PARAM_REF(ToyBox, host, "host", .to = "host", .doc = "Where it would rather be."),
    { 0 }
};
static const VsParam toy_note_params[] = {
    VS_PARAM_STRING(ToyNote, text, "text", .is_required = true, .doc = "What it says."),
    { 0 }
};
static const VsParam toy_gadget_params[] = {
    VS_PARAM_STRING(ToyGadget, string, "string", .doc = "Text."),
    VS_PARAM_UINT(ToyGadget, uint, "uint", .min = "3", .max = "100", .doc = "Number."),
    VS_PARAM_BOOL(ToyGadget, boolean, "bool", .doc = "Yes or no."),
    VS_PARAM_TIME(ToyGadget, time, "time", .doc = "Time."),
    VS_PARAM_RATE(ToyGadget, rate, "rate", .doc = "Rate."),
    VS_PARAM_SIZE(ToyGadget, size, "size", .doc = "Size."),
    VS_PARAM_FREQUENCY(ToyGadget, frequency, "frequency", .doc = "Frequency."),
    VS_PARAM_RATIO(ToyGadget, ratio, "ratio", .max = "50%", .doc = "Ratio."),
    VS_PARAM_DIST(ToyGadget, dist, "dist", .max = "1s", .doc = "Distribution."),
    VS_PARAM_CHOICE(ToyGadget, choice, "choice", .def = "red", .choices = toy_colours,
        .doc = "Colour."),
    VS_PARAM_IPV4(ToyGadget, ipv4, "ipv4", .doc = "Address."),
    VS_PARAM_PREFIX(ToyGadget, prefix, "prefix", .doc = "Prefix."),
    VS_PARAM_PREFIXES(ToyGadget, prefixes, "prefixes", .doc = "Prefixes."),
    VS_PARAM_LABELS(ToyGadget, labels, "labels", .doc = "Labels."),
    VS_PARAM_REF(ToyGadget, ref, "ref", .doc = "Anything."),
    VS_PARAM_REFS(ToyGadget, refs, "refs", .doc = "Any things."),
    VS_PARAM_ARRIVALS(ToyGadget, arrivals, "arrivals", .doc = "Arrivals."),
    VS_PARAM_QUEUE(ToyGadget, queue, "queue", .doc = "Limit of a queue."),
    { 0 }
};
/* clang-format on */

/* What no table can say: a host is not its own peer. */
static bool
toy_host_check(const void *config_, const VsElement *element, GError **error)
{
    const ToyHost *config = config_;

    if (config->peer == element) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "peer=\"%s\" is the host itself", element->id);
        return false;
    }
    return true;
}

static const VsModel toy_host = {
    .element = "host",
    .summary = "A machine.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(ToyHost),
    .params = toy_host_params,
    .check = toy_host_check,
};
static const VsModel toy_wire = {
    .element = "wire",
    .summary = "A cable.",
    .parents = "scenario",
    .id_rule = VS_ID_OPTIONAL,
    .is_template = true,
    .config_size = sizeof(ToyWire),
    .params = toy_wire_params,
};
static const VsModel toy_gadget = {
    .element = "gadget",
    .summary = "Has <all> & everything.",
    .parents = "scenario",
    .id_rule = VS_ID_OPTIONAL,
    .config_size = sizeof(ToyGadget),
    .params = toy_gadget_params,
};
static const VsModel toy_hub = {
    .element = "hub",
    .summary = "Has nothing.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
};
static const VsModel toy_slot = {
    .element = "slot",
    .summary = "There is one.",
    .parents = "host",
    .id_rule = VS_ID_NONE,
    .is_single = true,
};
static const VsModel toy_box = {
    .element = "box",
    .summary = "Runs in a host.",
    .parents = "host",
    .id_rule = VS_ID_OPTIONAL,
    .is_template = true,
    .config_size = sizeof(ToyBox),
    .params = toy_box_params,
};
static const VsModel toy_note = {
    .element = "note",
    .summary = "Sticks to a box.",
    .parents = "box host",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(ToyNote),
    .params = toy_note_params,
};

static const VsModel *const toy_models[] = {
    &toy_host, &toy_wire, &toy_gadget, &toy_hub, &toy_slot, &toy_box, &toy_note, NULL,
};
static const VsRegistry toy_registry = {toy_models};
