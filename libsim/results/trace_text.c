#include "results/trace_text.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/units.h"
#include "model/element.h"
#include "results/json_get.h"
#include "results/number.h"
#include "results/text_table.h"

enum {
    MAX_COLUMNS = 100,
    TIME_COLUMNS = 18, /* "    1234567.890 ns" */
    PS_IN_NS = 1000,
};

static int64_t
get_int(JsonObject *object, const char *name)
{
    return json_object_get_int_member_with_default(object, name, 0);
}

/* "1234.567"; newly allocated. */
static char *
format_ns(int64_t ps)
{
    return g_strdup_printf("%" G_GINT64_FORMAT ".%03d", ps / PS_IN_NS,
                           (int)(ps % PS_IN_NS));
}

/* Appends 'text' after 'column' columns that the line has already; what does not fit goes
 * on below, 'indent' blanks before it. */
static void
append_wrapped(GString *out, const char *text, unsigned column, unsigned indent)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    bool is_first = true;

    for (char **word = words; *word; word++) {
        unsigned length = (unsigned)g_utf8_strlen(*word, -1);

        if (!is_first && column + 1 + length > MAX_COLUMNS) {
            g_string_append_printf(out, "\n%*s", (int)indent, "");
            column = indent;
            is_first = true;
        }
        g_string_append_printf(out, "%s%s", is_first ? "" : " ", *word);
        column += length + !is_first;
        is_first = false;
    }
    g_string_append_c(out, '\n');
}

/* What was asked for, and what came of it. ------------------------------------------ */

/* How the address was found; newly allocated. */
static char *
describe_way(JsonObject *root)
{
    JsonObject *target = vs_json_get_object(root, "target");
    JsonObject *resolution = vs_json_get_object(root, "resolution");
    const char *host = vs_json_get_text(target, "host");
    const char *address = vs_json_get_text(target, "address");
    const char *text = vs_json_get_text(resolution, "text");

    if (g_strcmp0(host, address) == 0) {
        return g_strdup_printf("%s: %s", host, text);
    }
    return g_strdup_printf("%s is %s: %s", host, address ? address : "unknown", text);
}

static void
append_heading(GString *out, JsonObject *root)
{
    JsonObject *origin = vs_json_get_object(root, "origin");
    JsonObject *target = vs_json_get_object(root, "target");
    int64_t elapsed_ps = get_int(root, "end_to_end_ps");
    g_autofree char *in_short = vs_format_time_short(elapsed_ps);
    g_autofree char *elapsed = format_ns(elapsed_ps);
    g_autofree char *title = g_strdup_printf(
        "%s: %s from %s (%s)", vs_json_get_text(root, "scenario"),
        vs_json_get_text(target, "text"), vs_json_get_text(origin, "name"),
        vs_json_get_text(origin, "namespace"));
    g_autofree char *way = describe_way(root);
    const char *why = vs_json_get_text(vs_json_get_object(root, "outcome"), "why");
    g_autofree char *outcome =
        g_strdup_printf("%s, after %s (%s ns)",
                        vs_json_get_text(vs_json_get_object(root, "outcome"), "text"),
                        in_short, elapsed);

    append_wrapped(out, title, 0, 4);
    g_string_append(out, "  ");
    append_wrapped(out, way, 2, 4);
    g_string_append(out, "  ");
    append_wrapped(out, outcome, 2, 4);
    if (why) {
        g_string_append(out, "  ");
        append_wrapped(out, why, 2, 4);
    }
}

/* Packets. ------------------------------------------------------------------------- */

/* "ttl 64, seq 17": the numbers of all header fields that are told. */
static char *
format_headers(JsonObject *headers)
{
    static const char *const names[] = {"ttl", "ip_bytes", "seq",
                                        "ack", "window",   "mss"};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (headers && json_object_has_member(headers, names[i])) {
            g_string_append_printf(text, "%s%s %" G_GINT64_FORMAT,
                                   text->len > 0 ? ", " : "", names[i],
                                   get_int(headers, names[i]));
        }
    }
    return g_string_free(text, FALSE);
}

static const char *
or_nothing(const char *text)
{
    return text ? text : "";
}

/* A step in words, without its reasons; newly allocated. */
static char *
describe_step(JsonObject *step, const char *kind)
{
    const char *text = or_nothing(vs_json_get_text(step, "text"));
    const char *device = or_nothing(vs_json_get_text(step, "device"));
    const char *table = or_nothing(vs_json_get_text(step, "table"));
    const char *chain = or_nothing(vs_json_get_text(step, "chain"));
    const char *verdict = or_nothing(vs_json_get_text(step, "verdict"));

    if (strcmp(kind, "send") == 0) {
        JsonObject *object = vs_json_get_object(step, "headers");
        g_autofree char *headers = format_headers(object);

        return g_strdup_printf("%s: %s", *text ? text : "sent by a socket", headers);
    }
    if (strcmp(kind, "receive") == 0) {
        return g_strdup_printf("in by %s", device);
    }
    if (strcmp(kind, "transmit") == 0) {
        return g_strdup_printf("out by %s", device);
    }
    if (strcmp(kind, "deliver") == 0) {
        return g_strdup("taken by a socket");
    }
    if (strcmp(kind, "drop") == 0) {
        return g_strdup_printf("DROPPED: %s", text);
    }
    if (strcmp(kind, "hook") == 0) {
        return g_strdup_printf("hook %s", or_nothing(vs_json_get_text(step, "hook")));
    }
    if (strcmp(kind, "chain") == 0) {
        return g_strdup_printf("chain %s of table %s", chain, table);
    }
    if (strcmp(kind, "rule") == 0) {
        return g_strdup_printf("rule %" G_GINT64_FORMAT ": %s => %s",
                               get_int(step, "rule"), text, verdict);
    }
    if (strcmp(kind, "policy") == 0) {
        return g_strdup_printf("end of chain %s: policy %s", chain, verdict);
    }
    if (strcmp(kind, "time") == 0) {
        g_autofree char *elapsed = format_ns(get_int(step, "elapsed_ps"));

        return g_strdup_printf("qdisc %s: held for %s ns",
                               or_nothing(vs_json_get_text(step, "qdisc")), elapsed);
    }
    if (strcmp(kind, "bridge") == 0) {
        return g_strdup_printf("bridge %s: %s%s",
                               or_nothing(vs_json_get_text(step, "bridge")),
                               *device ? "to port " : "to all ports", device);
    }
    if (strcmp(kind, "service") == 0) {
        return g_strdup_printf("%s: %s", or_nothing(vs_json_get_text(step, "service")),
                               text);
    }
    return g_strdup_printf("%s: %s%s%s", kind, verdict, *verdict && *text ? ", " : "",
                           text);
}

static unsigned
indent_of(const char *kind)
{
    return strcmp(kind, "rule") == 0                                   ? 4
           : strcmp(kind, "chain") == 0 || strcmp(kind, "policy") == 0 ? 2
                                                                       : 0;
}

/* "1.2.3.4" or "64"; newly allocated. */
static char *
format_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node && json_node_get_value_type(node) == G_TYPE_STRING) {
        return g_strdup(json_node_get_string(node));
    }
    return g_strdup_printf("%" G_GINT64_FORMAT, get_int(object, name));
}

/* "daddr 10.96.0.10 -> 10.244.1.2", a line for each field. */
static void
append_changes(GString *out, JsonObject *step, unsigned indent)
{
    JsonObject *before = vs_json_get_object(step, "before");
    JsonObject *after = vs_json_get_object(step, "after");
    GList *names = before && after ? json_object_get_members(before) : NULL;

    for (GList *item = names; item; item = item->next) {
        g_autofree char *old = format_member(before, item->data);
        g_autofree char *new = format_member(after, item->data);

        g_string_append_printf(out, "%*s%s %s -> %s\n", (int)indent, "",
                               (const char *)item->data, old, new);
    }
    g_list_free(names);
}

static void
append_step(GString *out, JsonObject *step, int64_t started)
{
    const char *kind = or_nothing(vs_json_get_text(step, "kind"));
    const char *why = vs_json_get_text(step, "why");
    g_autofree char *ns = format_ns(get_int(step, "time_ps") - started);
    g_autofree char *what = describe_step(step, kind);
    g_autofree char *cost = format_ns(get_int(step, "cost_ps"));
    bool has_cost = get_int(step, "cost_ps") != 0;
    g_autofree char *line = g_strconcat(
        what, why ? " (" : "", or_nothing(why), why ? ")" : "", has_cost ? " [" : "",
        has_cost ? cost : "", has_cost ? " ns]" : "", NULL);
    unsigned indent = TIME_COLUMNS + 2 + indent_of(kind);

    g_string_append_printf(out, "%*s ns%*s", TIME_COLUMNS - 3, ns,
                           (int)(indent - TIME_COLUMNS), "");
    append_wrapped(out, line, indent, indent + 2);
    append_changes(out, step, indent + 2);
}

static void
append_ends(GString *out, JsonObject *headers)
{
    if (headers) {
        g_string_append_printf(
            out, "%s:%" G_GINT64_FORMAT " > %s:%" G_GINT64_FORMAT " %s\n",
            or_nothing(vs_json_get_text(headers, "saddr")), get_int(headers, "sport"),
            or_nothing(vs_json_get_text(headers, "daddr")), get_int(headers, "dport"),
            or_nothing(vs_json_get_text(headers, "protocol")));
    }
}

/* Who sent a packet to whom, and all that it met, without times and header fields that no
 * step changed: the same for packets that fared the same.  Newly allocated. */
static char *
sign_steps(GList *steps)
{
    static const char *const names[] = {"kind",  "place", "device",  "table",
                                        "hook",  "chain", "bridge",  "service",
                                        "qdisc", "text",  "verdict", "why"};
    GString *signature = g_string_new(NULL);

    for (GList *item = steps; item; item = item->next) {
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
            g_string_append_printf(signature, "%s|",
                                   or_nothing(vs_json_get_text(item->data, names[i])));
        }
        g_string_append_printf(signature, "%" G_GINT64_FORMAT "\n",
                               get_int(item->data, "rule"));
        append_ends(signature, vs_json_get_object(item->data, "headers"));
        append_changes(signature, item->data, 0);
    }
    return g_string_free(signature, FALSE);
}

static void
append_steps(GString *out, GList *steps, int64_t started)
{
    const char *place = NULL;

    for (GList *item = steps; item; item = item->next) {
        const char *step_place = or_nothing(vs_json_get_text(item->data, "place"));

        if (g_strcmp0(place, step_place) != 0) {
            place = step_place;
            g_string_append_printf(out, "  %s\n", place);
        }
        append_step(out, item->data, started);
    }
}

/* 'told' has the number of a packet by the signature of its steps. */
static void
append_packet(GString *out, JsonObject *packet, int64_t request_started,
              GHashTable *told)
{
    int64_t started = get_int(packet, "started_ps");
    int64_t number = get_int(packet, "number");
    GList *steps = vs_json_list_objects(packet, "steps");
    char *signature = sign_steps(steps);
    gsize same = GPOINTER_TO_SIZE(g_hash_table_lookup(told, signature));
    g_autofree char *ns = format_ns(started - request_started);
    g_autofree char *heading =
        g_strdup_printf("Packet %" G_GINT64_FORMAT ", at %s ns: %s", number, ns,
                        vs_json_get_text(packet, "summary"));

    g_string_append_c(out, '\n');
    append_wrapped(out, heading, 0, 4);
    if (same != 0 && steps) {
        g_autofree char *last =
            format_ns(get_int(g_list_last(steps)->data, "time_ps") - started);

        g_string_append_printf(
            out, "  all as packet %" G_GSIZE_FORMAT ", the last step after %s ns\n",
            same, last);
    } else {
        append_steps(out, steps, started);
        g_hash_table_insert(told, g_steal_pointer(&signature),
                            GSIZE_TO_POINTER((gsize)number));
    }
    g_free(signature);
    g_list_free(steps);
}

static void
append_packets(GString *out, JsonObject *root)
{
    g_autoptr(GHashTable) told =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GList *packets = vs_json_list_objects(root, "packets");

    for (GList *item = packets; item; item = item->next) {
        append_packet(out, item->data, get_int(root, "started_ps"), told);
    }
    g_list_free(packets);
}

/* Connections and the bill. -------------------------------------------------------- */

/* Other protocols than TCP have no states but these. */
static const char *
state_of(JsonObject *connection)
{
    const char *state = or_nothing(vs_json_get_text(connection, "state"));

    if (strcmp(state, "NONE") != 0) {
        return state;
    }
    if (json_object_get_boolean_member(connection, "is_assured")) {
        return "assured";
    }
    return json_object_get_boolean_member(connection, "is_replied") ? "replied"
                                                                    : "unreplied";
}

static void
append_connections(GString *out, JsonObject *root)
{
    GList *connections = vs_json_list_objects(root, "connections");

    if (connections) {
        g_string_append(out, "\nConnections that are remembered\n");
    }
    for (GList *item = connections; item; item = item->next) {
        const char *state = state_of(item->data);

        g_string_append_printf(out, "  %s%s%s\n    sent   %s\n    reply  %s\n",
                               vs_json_get_text(item->data, "namespace"),
                               *state ? ": " : "", state,
                               vs_json_get_text(item->data, "original"),
                               vs_json_get_text(item->data, "reply"));
    }
    g_list_free(connections);
}

static bool
is_same_stage(JsonObject *a, JsonObject *b)
{
    return g_strcmp0(vs_json_get_text(a, "phase"), vs_json_get_text(b, "phase")) == 0 &&
           g_strcmp0(vs_json_get_text(a, "place"), vs_json_get_text(b, "place")) == 0 &&
           g_strcmp0(vs_json_get_text(a, "what"), vs_json_get_text(b, "what")) == 0;
}

/* All time in the stage of 'first', or -1 if an earlier one was the same stage. */
static int64_t
sum_stage(GList *stages, const GList *first)
{
    int64_t sum = 0;
    bool has_met = false;

    for (const GList *item = stages; item; item = item->next) {
        has_met |= item == first;
        if (is_same_stage(item->data, first->data)) {
            if (!has_met) {
                return -1;
            }
            sum += get_int(item->data, "elapsed_ps");
        }
    }
    return sum;
}

static void
append_bill(GString *out, JsonObject *root)
{
    GList *stages = vs_json_list_objects(root, "stages");
    int64_t end_to_end = get_int(root, "end_to_end_ps");
    g_autoptr(VsTextTable) table = vs_text_table_new("lllrlr");
    const char *phase = NULL;
    int64_t total = 0;

    for (const GList *item = stages; item; item = item->next) {
        const char *own_phase = vs_json_get_text(item->data, "phase");
        int64_t sum = sum_stage(stages, item);

        total += get_int(item->data, "elapsed_ps");
        if (sum < 0) {
            continue;
        }
        vs_text_table_put(table, g_strcmp0(phase, own_phase) == 0 ? "" : own_phase);
        vs_text_table_put(table, vs_json_get_text(item->data, "place"));
        vs_text_table_put(table, vs_json_get_text(item->data, "what"));
        vs_text_table_take(table, format_ns(sum));
        vs_text_table_put(table, "ns");
        vs_text_table_take(
            table, vs_number_print_share((double)sum / (double)MAX(end_to_end, 1)));
        phase = own_phase;
    }
    vs_text_table_put_words(table, "|sum|");
    vs_text_table_take(table, format_ns(total));
    vs_text_table_put_words(table, "ns|");
    vs_text_table_put_words(table, "|end to end|");
    vs_text_table_take(table, format_ns(end_to_end));
    vs_text_table_put_words(table, "ns|");
    g_string_append(out, "\nWhere the time went\n");
    vs_text_table_print(table, 2, out);
    g_list_free(stages);
}

/* Why not. ------------------------------------------------------------------------- */

static void
append_why_not(GString *out, JsonObject *why_not)
{
    GList *findings = vs_json_list_objects(why_not, "findings");

    g_string_append_printf(out, "\nWhy not \"%s\"?\n",
                           vs_json_get_text(why_not, "pattern"));
    for (GList *item = findings; item; item = item->next) {
        JsonObject *finding = item->data;
        int64_t n_times = get_int(finding, "times");
        g_autofree char *times =
            n_times > 1 ? g_strdup_printf(" (%" G_GINT64_FORMAT " times)", n_times)
                        : g_strdup("");
        g_autofree char *explanation =
            g_strconcat(vs_json_get_text(finding, "explanation"), times, NULL);

        g_string_append_printf(out, "  %s\n    ", vs_json_get_text(finding, "place"));
        append_wrapped(out, vs_json_get_text(finding, "text"), 4, 6);
        g_string_append(out, "      ");
        append_wrapped(out, explanation, 6, 6);
    }
    g_list_free(findings);
}

char *
vs_trace_print_text(const char *json, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    GString *out;
    JsonNode *node;
    JsonObject *root;
    if (!json_parser_load_from_data(parser, json, -1, error)) {
        return NULL;
    }
    node = json_parser_get_root(parser);
    root = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (g_strcmp0(vs_json_get_text(root, "format"), "vethsim-trace") != 0) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_SYNTAX,
                    "this is no trace: \"format\" is not \"vethsim-trace\"");
        return NULL;
    }
    out = g_string_new(NULL);
    append_heading(out, root);
    if (json_object_has_member(root, "why_not")) {
        GList *answers = vs_json_list_objects(root, "why_not");

        for (const GList *item = answers; item; item = item->next) {
            append_why_not(out, item->data);
        }
        g_list_free(answers);
    } else {
        append_packets(out, root);
        append_connections(out, root);
        append_bill(out, root);
    }
    return g_string_free(out, FALSE);
}
