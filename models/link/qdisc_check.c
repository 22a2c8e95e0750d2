/* What the tables of <qdisc>, <class> and <match> cannot say. */
#include "models/link/qdisc.h"

/* Which kinds take an attribute; those that all take are not listed. */
static const struct {
    const char *attribute;
    const char *kinds;
} uses[] = {
    {"limit", "pfifo bfifo pfifo_fast tbf htb fq codel fq_codel red netem"},
    {"latency", "tbf"},
    {"rate", "tbf netem"},
    {"burst", "tbf"},
    {"peak-rate", "tbf"},
    {"peak-burst", "tbf"},
    {"quantum", "fq fq_codel"},
    {"initial-quantum", "fq"},
    {"flow-limit", "fq"},
    {"flow-rate-max", "fq"},
    {"refill-delay", "fq"},
    {"flows", "fq_codel"},
    {"drop-batch", "fq_codel"},
    {"target", "codel fq_codel"},
    {"interval", "codel fq_codel"},
    {"ecn", "codel fq_codel red"},
    {"min", "red"},
    {"max", "red"},
    {"probability", "red"},
    {"ewma", "red"},
    {"average-packet", "red"},
    {"delay", "netem"},
    {"jitter", "netem"},
    {"distribution", "netem"},
    {"delay-correlation", "netem"},
    {"loss", "netem"},
    {"loss-correlation", "netem"},
    {"good-to-bad", "netem"},
    {"bad-to-good", "netem"},
    {"loss-in-bad", "netem"},
    {"loss-in-good", "netem"},
    {"duplicate", "netem"},
    {"duplicate-correlation", "netem"},
    {"corrupt", "netem"},
    {"corrupt-correlation", "netem"},
    {"reorder", "netem"},
    {"reorder-correlation", "netem"},
    {"gap", "netem"},
};

/* An attribute that says nothing without another, of any kind that takes it. */
static const struct {
    const char *attribute;
    const char *needs;
} needs[] = {
    {"peak-rate", "peak-burst"},
    {"peak-burst", "peak-rate"},
    {"jitter", "delay"},
    {"distribution", "jitter"},
    {"delay-correlation", "jitter"},
    {"loss-correlation", "loss"},
    {"good-to-bad", "bad-to-good"},
    {"bad-to-good", "good-to-bad"},
    {"loss-in-bad", "good-to-bad"},
    {"loss-in-good", "good-to-bad"},
    {"duplicate-correlation", "duplicate"},
    {"corrupt-correlation", "corrupt"},
    {"reorder", "delay"},
    {"reorder-correlation", "reorder"},
    {"gap", "reorder"},
};

static bool G_GNUC_PRINTF(4, 5) refuse(GError **error, const VsElement *element,
                                       VsScenarioError code, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    vs_set_error_at(error, element, code, "%s", text);
    return false;
}

static bool
is_word_of(const char *words, const char *word)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);

    return g_strv_contains((const char *const *)list, word);
}

static bool
is_of(const VsElement *element, const char *kind)
{
    return g_str_equal(link_qdisc_kind(element)->name, kind);
}

static bool
check_attributes(const VsElement *element, GError **error)
{
    const char *kind = link_qdisc_kind(element)->name;

    for (unsigned i = 0; i < G_N_ELEMENTS(uses); i++) {
        if (vs_element_has(element, uses[i].attribute) &&
            !is_word_of(uses[i].kinds, kind)) {
            return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                          "%s has no effect on %s; it is for %s", uses[i].attribute,
                          kind, uses[i].kinds);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (vs_element_has(element, needs[i].attribute) &&
            !vs_element_has(element, needs[i].needs)) {
            return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                          "%s says nothing without %s; give both or neither",
                          needs[i].attribute, needs[i].needs);
        }
    }
    return true;
}

/* Packets or bytes, as the kind counts. */
static bool
check_limit(const LinkQdisc *config, const VsElement *element, GError **error)
{
    const char *kind = link_qdisc_kind(element)->name;
    bool is_bytes = is_word_of("bfifo tbf red", kind);
    VsQueueLimitKind wanted = is_bytes ? VS_QUEUE_LIMIT_BYTES : VS_QUEUE_LIMIT_PACKETS;

    if (vs_element_has(element, "limit") &&
        (config->limit.kind != wanted || config->limit.amount == 0)) {
        return refuse(error, element, VS_SCENARIO_ERROR_VALUE,
                      "the limit of %s counts %s, one at least; write limit=\"%s\"",
                      kind, is_bytes ? "bytes" : "packets",
                      is_bytes ? "100kB" : "1000packets");
    }
    if (!is_bytes && config->limit.amount > UINT32_MAX) {
        return refuse(error, element, VS_SCENARIO_ERROR_VALUE,
                      "the limit is above %u packets; write less", UINT32_MAX);
    }
    if (is_word_of("bfifo red", kind) && !vs_element_has(element, "limit")) {
        return refuse(error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
                      "%s needs a limit; write limit=\"100kB\"", kind);
    }
    return true;
}

static bool
check_tbf(const LinkQdisc *config, const VsElement *element, GError **error)
{
    bool has_limit = vs_element_has(element, "limit");
    bool has_latency = vs_element_has(element, "latency");

    if (!vs_element_has(element, "rate") || !vs_element_has(element, "burst")) {
        return refuse(
            error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
            "tbf needs rate and burst; write rate=\"10Mbit/s\" burst=\"32kB\"");
    }
    if (link_qdisc_inner(element) ? has_limit || has_latency
                                  : has_limit == has_latency) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "tbf takes one of limit, latency and a <qdisc> inside; give one");
    }
    if (config->peak_rate > 0 && config->peak_rate <= config->rate) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "the peak-rate of tbf is not above its rate; leave it out, or "
                      "write more");
    }
    return true;
}

static bool
check_red(const LinkQdisc *config, const VsElement *element, GError **error)
{
    uint64_t max =
        vs_element_has(element, "max") ? config->max : config->limit.amount / 4;
    uint64_t min = vs_element_has(element, "min") ? config->min : max / 3;

    if (min == 0 || min >= max || max > config->limit.amount) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "red needs 0 < min < max <= limit, and has %" G_GUINT64_FORMAT
                      "B, %" G_GUINT64_FORMAT "B and %" G_GUINT64_FORMAT "B",
                      min, max, config->limit.amount);
    }
    return true;
}

static bool
check_netem(const VsElement *element, GError **error)
{
    static const char *const impairments[] = {"delay",     "loss",    "good-to-bad",
                                              "duplicate", "corrupt", "rate"};

    if (vs_element_has(element, "loss") && vs_element_has(element, "good-to-bad")) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "netem loses packets by loss or by good-to-bad, not both; leave "
                      "one out");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(impairments); i++) {
        if (vs_element_has(element, impairments[i])) {
            return true;
        }
    }
    return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                  "netem impairs nothing; write delay=\"10ms\" or loss=\"1%%\"");
}

static unsigned
count_children(const VsElement *element, const char *what)
{
    unsigned n = 0;

    for (unsigned i = 0; i < element->n_children; i++) {
        n += link_element_is(element->children[i], what);
    }
    return n;
}

static unsigned
count_defaults(const VsElement *element)
{
    unsigned n = 0;

    for (unsigned i = 0; i < element->n_children; i++) {
        if (link_element_is(element->children[i], "class")) {
            const LinkClass *class = element->children[i]->config;

            n += class->is_default + count_defaults(element->children[i]);
        }
    }
    return n;
}

static bool
check_children(const VsElement *element, GError **error)
{
    const char *kind = link_qdisc_kind(element)->name;
    unsigned n_qdiscs = count_children(element, "qdisc");
    unsigned n_classes = count_children(element, "class");
    bool is_htb = g_str_equal(kind, "htb");

    if (is_htb ? n_classes == 0 : n_classes > 0) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      is_htb ? "%s needs a <class rate=\"...\"/> inside"
                             : "%s has no classes; htb has",
                      kind);
    }
    if (n_qdiscs > (is_word_of("tbf netem", kind) ? 1u : 0u)) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      n_qdiscs > 1
                          ? "%s takes one <qdisc> inside at most"
                          : "%s takes no <qdisc> inside; tbf, netem and classes "
                            "of htb do",
                      kind);
    }
    if (is_htb && count_defaults(element) > 1) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "several classes of %s have default=\"yes\"; one may", kind);
    }
    return true;
}

bool
link_qdisc_is_of_device(const VsElement *element)
{
    return !is_word_of("link qdisc class", element->parent->model->element);
}

static bool
check_place(const VsElement *element, GError **error)
{
    bool has_from = vs_element_has(element, "from");
    bool has_dev = vs_element_has(element, "dev");

    if (link_qdisc_is_of_device(element)) {
        if (!has_dev || has_from) {
            return refuse(error, element, VS_SCENARIO_ERROR_ATTRIBUTE,
                          "a <qdisc> of a %s needs an interface, and no from; write "
                          "dev=\"eth0\"",
                          element->parent->model->element);
        }
    } else if (link_element_is(element->parent, "link")) {
        if (has_dev) {
            return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                          "dev has no effect in a <link>; write from=\"...\", or put "
                          "the <qdisc> into the host");
        }
    } else if (has_from || has_dev || vs_element_has(element, "at")) {
        return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                      "a <qdisc> inside another has the time and place of the "
                      "outermost; leave from, dev and at out");
    }
    return true;
}

bool
link_qdisc_check(const void *config_, const VsElement *element, GError **error)
{
    const LinkQdisc *config = config_;

    if (!check_attributes(element, error) || !check_limit(config, element, error) ||
        !check_children(element, error) || !check_place(element, error)) {
        return false;
    }
    return is_of(element, "tbf")     ? check_tbf(config, element, error)
           : is_of(element, "red")   ? check_red(config, element, error)
           : is_of(element, "netem") ? check_netem(element, error)
                                     : true;
}

static unsigned
count_levels(const VsElement *class)
{
    unsigned levels = 0;

    for (; link_element_is(class, "class"); class = class->parent) {
        levels++;
    }
    return levels;
}

bool
link_class_check(const void *config_, const VsElement *element, GError **error)
{
    const LinkClass *config = config_;
    unsigned n_matches = count_children(element, "match");
    unsigned n_qdiscs = count_children(element, "qdisc");

    if (vs_element_has(element, "ceil") && config->ceil < config->rate) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "the ceil of the class is below its rate; write as much or more");
    }
    if (count_levels(element) > VS_HTB_MAX_LEVELS) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "classes are nested deeper than %u, as many as htb has",
                      VS_HTB_MAX_LEVELS);
    }
    if (count_children(element, "class") > 0) {
        if (n_matches > 0 || n_qdiscs > 0 || config->is_default ||
            vs_element_has(element, "prio") || vs_element_has(element, "quantum")) {
            return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                          "packets wait in classes without classes inside: give match, "
                          "qdisc, default, prio and quantum to those");
        }
    } else if (n_matches == 0 && !config->is_default) {
        return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                      "no packet comes to the class; write a <match .../> inside, or "
                      "default=\"yes\"");
    }
    if (n_qdiscs > 1) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "a class takes one <qdisc> inside at most");
    }
    return true;
}

bool
link_match_check(const void *config_, const VsElement *element, GError **error)
{
    const LinkMatch *config = config_;
    bool has_port = vs_element_has(element, "source-port") ||
                    vs_element_has(element, "destination-port");

    if (vs_param_set_is_empty(&element->given)) {
        return refuse(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                      "a <match> without attributes holds for all; give the class "
                      "default=\"yes\" instead");
    }
    if (has_port && config->protocol > 2) {
        return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                      "only tcp and udp have ports; leave them out");
    }
    return true;
}

/* ---- Of a link ------------------------------------------------------------------- */

static bool
names(const VsRefs *refs, const VsElement *element)
{
    for (unsigned i = 0; i < refs->n_elements; i++) {
        if (refs->elements[i] == element) {
            return true;
        }
    }
    return false;
}

bool
link_check_bursts(const VsElement *element, uint64_t frame_bytes, GError **error)
{
    if (link_element_is(element, "qdisc") && is_of(element, "tbf")) {
        const LinkQdisc *config = element->config;
        uint64_t least = config->peak_burst > 0 ? MIN(config->burst, config->peak_burst)
                                                : config->burst;

        if (least < frame_bytes) {
            return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                          "packets there have up to %" G_GUINT64_FORMAT
                          " bytes, and a bucket of tbf %" G_GUINT64_FORMAT
                          ": they would never pass; make it as large",
                          frame_bytes, least);
        }
    }
    for (unsigned i = 0; i < element->n_children; i++) {
        if (!link_check_bursts(element->children[i], frame_bytes, error)) {
            return false;
        }
    }
    return true;
}

/* Do both act on one end? */
static bool
share_an_end(const LinkActing *a, const LinkActing *b)
{
    for (unsigned i = 0; i < a->from.n_elements; i++) {
        if (names(&b->from, a->from.elements[i])) {
            return true;
        }
    }
    return a->from.n_elements == 0 || b->from.n_elements == 0;
}

static bool
check_order(const VsElement *link, unsigned number, GError **error)
{
    const VsElement *element = link->children[number];
    const LinkActing *acting = element->config;

    for (unsigned i = 0; i < number; i++) {
        const VsElement *other = link->children[i];

        if (other->model == element->model && share_an_end(acting, other->config) &&
            ((const LinkActing *)other->config)->at >= acting->at) {
            return refuse(error, element, VS_SCENARIO_ERROR_CONFLICT,
                          "the <%s> of line %d acts on the same end from then on or "
                          "later; write them by time, at=\"...\", or give from=\"...\"",
                          other->model->element, other->line);
        }
    }
    return true;
}

static bool
check_one(const VsElement *link, unsigned number, const VsRefs *from, const VsRefs *to,
          uint64_t mtu_bytes, GError **error)
{
    const VsElement *element = link->children[number];
    const LinkActing *acting = element->config;

    for (unsigned i = 0; i < acting->from.n_elements; i++) {
        const VsElement *end = acting->from.elements[i];

        if (!names(from, end) && !names(to, end)) {
            return refuse(error, element, VS_SCENARIO_ERROR_REFERENCE,
                          "from=\"%s\" is no end of the link; name one of its ends",
                          end->id);
        }
    }
    return check_order(link, number, error) && link_check_marks(link, element, error) &&
           (!link_element_is(element, "qdisc") ||
            link_check_bursts(element, mtu_bytes + VS_ETHER_HEADER_BYTES, error));
}

bool
link_check_queue(const VsElement *link, GError **error)
{
    static const char *const of_queue[] = {"queue", "mark-at"};

    for (unsigned i = 0; i < G_N_ELEMENTS(of_queue); i++) {
        if (vs_element_has(link, of_queue[i])) {
            return refuse(error, link, VS_SCENARIO_ERROR_NO_EFFECT,
                          "%s has no effect: every direction has a <qdisc> from the "
                          "beginning on; leave one of them out",
                          of_queue[i]);
        }
    }
    return true;
}

/* The queue before the first <qdisc>, and that of a link that changes, is a fifo. */
bool
link_check_marks(const VsElement *link, const VsElement *child, GError **error)
{
    if (vs_element_has(link, "mark-at") &&
        (link_element_is(child, "change") ||
         ((const LinkActing *)child->config)->at > 0)) {
        return refuse(error, child, VS_SCENARIO_ERROR_CONFLICT,
                      "the link's queue marks, mark-at=\"...\", and cannot with a <%s> "
                      "that comes later; use <qdisc kind=\"red\" ecn=\"yes\" .../> "
                      "instead of mark-at",
                      child->model->element);
    }
    return true;
}

/* Has every end a qdisc from the beginning on? */
static bool
is_covered(const VsElement *link, const VsRefs *ends)
{
    for (unsigned i = 0; i < ends->n_elements; i++) {
        bool is_found = false;

        for (unsigned j = 0; j < link->n_children; j++) {
            const LinkActing *acting = link->children[j]->config;

            is_found |= link_element_is(link->children[j], "qdisc") &&
                        acting->at == 0 &&
                        (acting->from.n_elements == 0 ||
                         names(&acting->from, ends->elements[i]));
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

bool
link_qdiscs_check(const VsElement *link, const VsRefs *from, const VsRefs *to,
                  uint64_t mtu_bytes, GError **error)
{
    for (unsigned i = 0; i < link->n_children; i++) {
        if ((link_element_is(link->children[i], "qdisc") ||
             link_element_is(link->children[i], "change")) &&
            !check_one(link, i, from, to, mtu_bytes, error)) {
            return false;
        }
    }
    return !is_covered(link, from) || !is_covered(link, to) ||
           link_check_queue(link, error);
}
