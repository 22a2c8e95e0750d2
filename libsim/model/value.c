#include "model/value.h"

#include <string.h>

#include "base/units.h"
#include "model/element.h"

/* Characters that separate words of a list in an attribute. */
#define BLANKS " \t\r\n"

bool
vs_value_fail(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(VS_SCENARIO_ERROR,
                                                VS_SCENARIO_ERROR_VALUE, format, args));
    va_end(args);
    return false;
}

bool
vs_word_list_has(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; at && *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, word, length) == 0 && (at[length] == ' ' || !at[length])) {
            return true;
        }
    }
    return false;
}

/* Labels. -------------------------------------------------------------------------- */

static bool
is_label_text(const char *text, bool is_key)
{
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c) && !(is_key && *c == '/')) {
            return false;
        }
    }
    return *text || !is_key;
}

static int
compare_labels(const void *a, const void *b)
{
    return strcmp(((const VsLabel *)a)->key, ((const VsLabel *)b)->key);
}

/* Takes 'word' apart. */
static bool
parse_label(const char *text, char *word, VsLabel *ret, GStringChunk *strings,
            GError **error)
{
    char *value = strchr(word, '=');

    if (!value) {
        return vs_value_fail(error, "\"%s\" has a label without value: write %s=VALUE",
                             text, word);
    }
    *value++ = '\0';
    if (strchr(value, ',')) {
        return vs_value_fail(
            error, "\"%s\" has a comma: write labels as key=value key=value", text);
    }
    if (!is_label_text(word, true) || !is_label_text(value, false)) {
        return vs_value_fail(
            error,
            "\"%s\" is not a list of labels: write key=value key=value, of "
            "letters, digits, \"-\", \"_\" and \".\"",
            text);
    }
    ret->key = g_string_chunk_insert_const(strings, word);
    ret->value = g_string_chunk_insert_const(strings, value);
    return true;
}

bool
vs_labels_parse(const char *text, VsLabels *ret, GStringChunk *strings, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(text, BLANKS, -1);
    g_autoptr(GArray) labels = g_array_new(FALSE, FALSE, sizeof(VsLabel));

    for (char **word = words; *word; word++) {
        VsLabel label;

        if (!**word) {
            continue;
        }
        if (!parse_label(text, *word, &label, strings, error)) {
            return false;
        }
        g_array_append_val(labels, label);
    }
    g_array_sort(labels, compare_labels);
    for (unsigned i = 1; i < labels->len; i++) {
        const VsLabel *label = &g_array_index(labels, VsLabel, i);

        if (strcmp(label[-1].key, label->key) == 0) {
            return vs_value_fail(error, "\"%s\" has the label %s twice: write it once",
                                 text, label->key);
        }
    }

    ret->n_labels = labels->len;
    ret->labels = labels->len ? (VsLabel *)(void *)g_array_steal(labels, NULL) : NULL;
    return true;
}

char *
vs_labels_print(const VsLabels *labels)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < labels->n_labels; i++) {
        g_string_append_printf(text, "%s%s=%s", i ? " " : "", labels->labels[i].key,
                               labels->labels[i].value);
    }
    return g_string_free(text, FALSE);
}

void
vs_labels_clear(VsLabels *labels)
{
    g_free(labels->labels);
    *labels = (VsLabels){0};
}

/* Prefixes. ------------------------------------------------------------------------ */

static bool
parse_prefix(const char *text, VsPrefix *ret, GError **error)
{
    *ret = (VsPrefix){.length = 32, .is_set = true};
    return strchr(text, '/')
               ? vs_parse_ipv4_prefix(text, &ret->address, &ret->length, error)
               : vs_parse_ipv4(text, &ret->address, error);
}

static bool
has_prefix(const GArray *prefixes, const VsPrefix *prefix)
{
    for (unsigned i = 0; i < prefixes->len; i++) {
        const VsPrefix *other = &g_array_index(prefixes, VsPrefix, i);

        if (other->address == prefix->address && other->length == prefix->length) {
            return true;
        }
    }
    return false;
}

bool
vs_prefixes_parse(const char *text, VsPrefixes *ret, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(text, BLANKS, -1);
    g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(VsPrefix));

    for (char **word = words; *word; word++) {
        VsPrefix prefix;

        if (!**word) {
            continue;
        }
        if (!parse_prefix(*word, &prefix, error)) {
            return false;
        }
        if (has_prefix(prefixes, &prefix)) {
            return vs_value_fail(error, "\"%s\" has %s twice: write it once", text,
                                 *word);
        }
        g_array_append_val(prefixes, prefix);
    }
    if (prefixes->len == 0) {
        return vs_value_fail(
            error, "\"%s\" has no prefix: write 10.0.0.0/16 or an address", text);
    }
    ret->n_prefixes = prefixes->len;
    ret->prefixes = (VsPrefix *)(void *)g_array_steal(prefixes, NULL);
    return true;
}

char *
vs_prefixes_print(const VsPrefixes *prefixes)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < prefixes->n_prefixes; i++) {
        const VsPrefix *prefix = &prefixes->prefixes[i];
        g_autofree char *word =
            prefix->length == 32
                ? vs_format_ipv4(prefix->address)
                : vs_format_ipv4_prefix(prefix->address, prefix->length);

        g_string_append_printf(text, "%s%s", i ? " " : "", word);
    }
    return g_string_free(text, FALSE);
}

void
vs_prefixes_clear(VsPrefixes *prefixes)
{
    g_free(prefixes->prefixes);
    *prefixes = (VsPrefixes){0};
}

/* Arrivals. ------------------------------------------------------------------------ */

static bool
parse_closed(const char *text, char *arguments, VsArrivals *ret, GError **error)
{
    char *think = strchr(arguments, ',');
    uint64_t n_users;

    if (think) {
        *think++ = '\0';
    }
    if (!vs_parse_uint(arguments, &n_users, error)) {
        return false;
    }
    if (n_users < 1 || n_users > UINT32_MAX) {
        return vs_value_fail(error, "\"%s\" has %s users: write 1 to %u", text,
                             n_users ? "too many" : "no", UINT32_MAX);
    }
    ret->kind = VS_ARRIVALS_CLOSED;
    ret->n_users = (uint32_t)n_users;
    return !think || vs_dist_parse(think, &ret->think, error);
}

static bool
parse_open(const char *text, const char *arguments, VsArrivalsKind kind,
           VsArrivals *ret, GError **error)
{
    if (!vs_parse_frequency(arguments, &ret->micro_per_s, error)) {
        return false;
    }
    if (ret->micro_per_s == 0) {
        return vs_value_fail(error, "\"%s\" never arrives: write more than 0/s", text);
    }
    ret->kind = kind;
    return true;
}

static bool
parse_ramp(const char *text, const char *arguments, VsArrivals *ret, GError **error)
{
    g_auto(GStrv) words = g_strsplit(arguments, ",", -1);

    if (g_strv_length(words) != 3) {
        return vs_value_fail(error,
                             "\"%s\" needs two rates and a time: write "
                             "ramp(10/s,1000/s,60s)",
                             text);
    }
    if (!vs_parse_frequency(words[0], &ret->micro_per_s, error) ||
        !vs_parse_frequency(words[1], &ret->to_micro_per_s, error) ||
        !vs_parse_time(words[2], &ret->over, error)) {
        return false;
    }
    if (ret->to_micro_per_s == 0) {
        return vs_value_fail(error, "\"%s\" ends at no arrivals: write more than 0/s",
                             text);
    }
    if (ret->over == 0) {
        return vs_value_fail(error, "\"%s\" takes no time: write poisson(%s)", text,
                             words[1]);
    }
    ret->kind = VS_ARRIVALS_RAMP;
    return true;
}

static bool
parse_state(const char *text, char *word, VsArrivalsState *ret, GError **error)
{
    char *dwell = strchr(word, ':');

    if (!dwell) {
        return vs_value_fail(error,
                             "\"%s\" has a state without a mean time: write RATE:TIME, "
                             "as in mmpp(100/s:10s,900/s:1s)",
                             text);
    }
    *dwell++ = '\0';
    if (!vs_parse_frequency(word, &ret->micro_per_s, error) ||
        !vs_parse_time(dwell, &ret->mean_dwell, error)) {
        return false;
    }
    return ret->mean_dwell > 0 ||
           vs_value_fail(error, "\"%s\" has a state of no time: write at least 1ns",
                         text);
}

static bool
parse_mmpp(const char *text, const char *arguments, VsArrivals *ret, GError **error)
{
    g_auto(GStrv) words = g_strsplit(arguments, ",", -1);
    unsigned n_states = g_strv_length(words);
    bool has_arrivals = false;

    if (n_states < 2 || n_states > VS_ARRIVALS_STATES_MAX) {
        return vs_value_fail(error, "\"%s\" has %u states: write 2 to %d", text,
                             n_states, VS_ARRIVALS_STATES_MAX);
    }
    for (unsigned i = 0; i < n_states; i++) {
        if (!parse_state(text, words[i], &ret->states[i], error)) {
            return false;
        }
        has_arrivals |= ret->states[i].micro_per_s > 0;
    }
    ret->kind = VS_ARRIVALS_MMPP;
    ret->n_states = n_states;
    return has_arrivals || vs_value_fail(error,
                                         "\"%s\" never arrives: write more than 0/s "
                                         "in a state",
                                         text);
}

#define ARRIVALS_EXAMPLES                                        \
    "constant(1000/s), poisson(1000/s), ramp(10/s,1000/s,60s), " \
    "mmpp(100/s:10s,900/s:1s) or closed(16,exponential(1s))"

bool
vs_arrivals_parse(const char *text, VsArrivals *ret, GError **error)
{
    g_autofree char *name = g_strstrip(g_strdup(text));
    char *arguments = strchr(name, '(');
    size_t length = strlen(name);
    VsArrivals arrivals = {0};
    bool is_good;

    if (!arguments || name[length - 1] != ')') {
        return vs_value_fail(
            error, "\"%s\" is not a way to arrive: write " ARRIVALS_EXAMPLES, text);
    }
    name[length - 1] = '\0';
    *arguments++ = '\0';
    g_strchomp(name);

    if (strcmp(name, "constant") == 0) {
        is_good = parse_open(text, arguments, VS_ARRIVALS_CONSTANT, &arrivals, error);
    } else if (strcmp(name, "poisson") == 0) {
        is_good = parse_open(text, arguments, VS_ARRIVALS_POISSON, &arrivals, error);
    } else if (strcmp(name, "ramp") == 0) {
        is_good = parse_ramp(text, arguments, &arrivals, error);
    } else if (strcmp(name, "mmpp") == 0) {
        is_good = parse_mmpp(text, arguments, &arrivals, error);
    } else if (strcmp(name, "closed") == 0) {
        is_good = parse_closed(text, arguments, &arrivals, error);
    } else {
        return vs_value_fail(
            error, "\"%s\": there are no %s arrivals: write " ARRIVALS_EXAMPLES, text,
            name);
    }
    if (is_good) {
        *ret = arrivals;
    }
    return is_good;
}

static char *
print_ramp(const VsArrivals *arrivals)
{
    g_autofree char *from = vs_format_frequency(arrivals->micro_per_s);
    g_autofree char *to = vs_format_frequency(arrivals->to_micro_per_s);
    g_autofree char *over = vs_format_time(arrivals->over);

    return g_strdup_printf("ramp(%s,%s,%s)", from, to, over);
}

static char *
print_mmpp(const VsArrivals *arrivals)
{
    GString *text = g_string_new("mmpp(");

    for (unsigned i = 0; i < arrivals->n_states; i++) {
        g_autofree char *rate = vs_format_frequency(arrivals->states[i].micro_per_s);
        g_autofree char *dwell = vs_format_time(arrivals->states[i].mean_dwell);

        g_string_append_printf(text, "%s%s:%s", i ? "," : "", rate, dwell);
    }
    g_string_append_c(text, ')');
    return g_string_free(text, FALSE);
}

char *
vs_arrivals_print(const VsArrivals *arrivals)
{
    static const VsDist no_think = {0};
    g_autofree char *amount = NULL;

    if (arrivals->kind == VS_ARRIVALS_RAMP) {
        return print_ramp(arrivals);
    }
    if (arrivals->kind == VS_ARRIVALS_MMPP) {
        return print_mmpp(arrivals);
    }
    if (arrivals->kind != VS_ARRIVALS_CLOSED) {
        amount = vs_format_frequency(arrivals->micro_per_s);
        return g_strdup_printf(
            "%s(%s)", arrivals->kind == VS_ARRIVALS_POISSON ? "poisson" : "constant",
            amount);
    }
    if (arrivals->think.kind == no_think.kind && arrivals->think.value[0] == 0) {
        return g_strdup_printf("closed(%u)", arrivals->n_users);
    }
    amount = vs_dist_format(&arrivals->think);
    return g_strdup_printf("closed(%u,%s)", arrivals->n_users, amount);
}

void
vs_arrivals_clear(VsArrivals *arrivals)
{
    vs_dist_clear(&arrivals->think);
    *arrivals = (VsArrivals){0};
}

/* Limits of queues. ---------------------------------------------------------------- */

/* The unit behind the number: "KiB" in " 2.5 KiB". */
static const char *
unit_of(const char *text)
{
    text += strspn(text, BLANKS);
    text += strspn(text, "0123456789.");
    return text + strspn(text, BLANKS);
}

bool
vs_queue_limit_parse(const char *text, VsQueueLimit *ret, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    const char *unit = unit_of(stripped);
    VsQueueLimit limit = {0};

    if (strcmp(stripped, "unlimited") == 0) {
        *ret = limit;
        return true;
    }
    if (!g_ascii_isdigit(*stripped) || !*unit) {
        return vs_value_fail(
            error,
            "\"%s\" %s: write 100packets, 256KiB, 1ms of line rate, or "
            "unlimited",
            stripped,
            g_ascii_isdigit(*stripped) ? "has no unit" : "is not a limit of a queue");
    }
    if (strcmp(unit, "packets") == 0 || strcmp(unit, "packet") == 0) {
        g_autofree char *number = g_strndup(stripped, unit - stripped);

        limit.kind = VS_QUEUE_LIMIT_PACKETS;
        if (!vs_parse_uint(number, &limit.amount, error)) {
            return false;
        }
    } else if (strchr(unit, 'B')) {
        limit.kind = VS_QUEUE_LIMIT_BYTES;
        if (!vs_parse_size(stripped, &limit.amount, error)) {
            return false;
        }
    } else {
        VsTime time;

        limit.kind = VS_QUEUE_LIMIT_TIME;
        if (!vs_parse_time(stripped, &time, error)) {
            g_prefix_error(error,
                           "\"%s\" is neither packets, bytes nor a time: ", stripped);
            return false;
        }
        limit.amount = (uint64_t)time;
    }
    *ret = limit;
    return true;
}

char *
vs_queue_limit_print(const VsQueueLimit *limit)
{
    switch (limit->kind) {
    case VS_QUEUE_LIMIT_NONE:
        return g_strdup("unlimited");
    case VS_QUEUE_LIMIT_PACKETS:
        return g_strdup_printf("%" G_GUINT64_FORMAT "packets", limit->amount);
    case VS_QUEUE_LIMIT_BYTES:
        return vs_format_size(limit->amount);
    case VS_QUEUE_LIMIT_TIME:
        return vs_format_time((VsTime)limit->amount);
    }
    g_assert_not_reached();
}
