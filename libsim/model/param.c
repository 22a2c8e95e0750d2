#include "model/param.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "model/element.h"
#include "model/value.h"

/* Room for a value of any type while it is not known to be good. */
typedef union Value {
    const char *string;
    uint32_t uint;
    bool boolean;
    VsTime time;
    uint64_t number;
    VsDist dist;
    VsChoice choice;
    VsPrefix prefix;
    VsPrefixes prefixes;
    VsLabels labels;
    VsArrivals arrivals;
    VsQueueLimit queue;
} Value;

/* clang-format off */
#define NUMBER "[0-9]+([.][0-9]+)? ?"
#define ID "[A-Za-z0-9_.\\-]+"
#define LABEL "[^ =]+=[^ =]*"
#define QUAD "[0-9]{1,3}([.][0-9]{1,3}){3}"
#define RANGE QUAD "(/[0-9]{1,2})?"
static const VsParamSyntax syntaxes[] = {
    [VS_PARAM_TYPE_STRING] = { "string", "some text", NULL },
    [VS_PARAM_TYPE_UINT] = { "uint", "16", "[0-9]+" },
    [VS_PARAM_TYPE_BOOL] = { "bool", "yes", "yes|no" },
    [VS_PARAM_TYPE_TIME] = { "time", "2.5ms", NUMBER "(ps|ns|us|ms|s|min|h)" },
    [VS_PARAM_TYPE_RATE] = { "rate", "10Gbit/s", NUMBER "[kMGT]?bit/s" },
    [VS_PARAM_TYPE_SIZE] = { "size", "64KiB", NUMBER "([kMG]|[KMG]i)?B" },
    [VS_PARAM_TYPE_FREQUENCY] = { "frequency", "1000/s", NUMBER "([kMG]?/s|/min|/h)" },
    [VS_PARAM_TYPE_RATIO] = { "ratio", "0.01%", NUMBER "%" },
    [VS_PARAM_TYPE_DIST] =
        { "distribution", "exponential(2ms)", "([a-z]+ ?\\(.*\\)|" NUMBER "[a-z]+)" },
    [VS_PARAM_TYPE_CHOICE] = { "word", "", NULL },
    [VS_PARAM_TYPE_IPV4] = { "ipv4", "10.0.0.1", QUAD },
    [VS_PARAM_TYPE_PREFIX] = { "prefix", "10.0.0.0/16", QUAD "/[0-9]{1,2}" },
    [VS_PARAM_TYPE_PREFIXES] =
        { "prefixes", "10.0.0.0/16 10.1.0.1", RANGE "( " RANGE ")*" },
    [VS_PARAM_TYPE_LABELS] =
        { "labels", "app=shop tier=web", "(" LABEL "( " LABEL ")*)?" },
    [VS_PARAM_TYPE_REF] = { "id", "n1", ID },
    [VS_PARAM_TYPE_REFS] = { "ids", "n1 n2", ID "( " ID ")*" },
    [VS_PARAM_TYPE_ARRIVALS] =
        { "arrivals", "poisson(1000/s)", "(constant|poisson|ramp|mmpp|closed) ?\\(.*\\)" },
    [VS_PARAM_TYPE_QUEUE] =
        { "queue", "100packets", "(unlimited|" NUMBER "[A-Za-z]+)" },
    [VS_PARAM_TYPE_FILE] = { "file", "node-1.rules", NULL },
};
/* clang-format on */

const VsParamSyntax *
vs_param_syntax(VsParamType type)
{
    g_assert(type < G_N_ELEMENTS(syntaxes));
    return &syntaxes[type];
}

/* Reading. ------------------------------------------------------------------------- */

static bool
parse_uint32(const char *text, uint32_t *ret, GError **error)
{
    uint64_t number;

    if (!vs_parse_uint(text, &number, error)) {
        return false;
    }
    if (number > UINT32_MAX) {
        return vs_value_fail(error, "\"%s\" is too large: write at most %u", text,
                             UINT32_MAX);
    }
    *ret = (uint32_t)number;
    return true;
}

static bool
parse_bool(const char *text, bool *ret, GError **error)
{
    bool is_yes = strcmp(text, "yes") == 0;

    if (!is_yes && strcmp(text, "no") != 0) {
        return vs_value_fail(error, "\"%s\" is not yes or no: write one of them", text);
    }
    *ret = is_yes;
    return true;
}

static bool
parse_choice(const VsParam *param, const char *text, VsChoice *ret, GError **error)
{
    g_autofree char *words = NULL;

    for (unsigned i = 0; param->choices[i]; i++) {
        if (strcmp(text, param->choices[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    words = g_strjoinv(", ", (char **)param->choices);
    return vs_value_fail(error, "\"%s\" is not one of: %s", text, words);
}

static bool
parse_prefix(const char *text, VsPrefix *ret, GError **error)
{
    if (!vs_parse_ipv4_prefix(text, &ret->address, &ret->length, error)) {
        return false;
    }
    ret->is_set = true;
    return true;
}

/* Into 'value', which is zero. */
static bool
parse_value(const VsParam *param, const char *text, Value *value, GStringChunk *strings,
            GError **error)
{
    switch (param->type) {
    case VS_PARAM_TYPE_FILE:
        if (!*text) {
            return vs_value_fail(error, "\"\" names no file: write its path");
        }
        value->string = g_string_chunk_insert_const(strings, text);
        return true;
    case VS_PARAM_TYPE_STRING:
        value->string = g_string_chunk_insert_const(strings, text);
        return true;
    case VS_PARAM_TYPE_UINT:
        return parse_uint32(text, &value->uint, error);
    case VS_PARAM_TYPE_BOOL:
        return parse_bool(text, &value->boolean, error);
    case VS_PARAM_TYPE_TIME:
        return vs_parse_time(text, &value->time, error);
    case VS_PARAM_TYPE_RATE:
        return vs_parse_rate(text, &value->number, error);
    case VS_PARAM_TYPE_SIZE:
        return vs_parse_size(text, &value->number, error);
    case VS_PARAM_TYPE_FREQUENCY:
        return vs_parse_frequency(text, &value->number, error);
    case VS_PARAM_TYPE_RATIO:
        return vs_parse_ratio(text, &value->number, error);
    case VS_PARAM_TYPE_DIST:
        return vs_dist_parse(text, &value->dist, error);
    case VS_PARAM_TYPE_CHOICE:
        return parse_choice(param, text, &value->choice, error);
    case VS_PARAM_TYPE_IPV4:
        return vs_parse_ipv4(text, &value->uint, error);
    case VS_PARAM_TYPE_PREFIX:
        return parse_prefix(text, &value->prefix, error);
    case VS_PARAM_TYPE_PREFIXES:
        return vs_prefixes_parse(text, &value->prefixes, error);
    case VS_PARAM_TYPE_LABELS:
        return vs_labels_parse(text, &value->labels, strings, error);
    case VS_PARAM_TYPE_ARRIVALS:
        return vs_arrivals_parse(text, &value->arrivals, error);
    case VS_PARAM_TYPE_QUEUE:
        return vs_queue_limit_parse(text, &value->queue, error);
    case VS_PARAM_TYPE_REF:
    case VS_PARAM_TYPE_REFS:
        break;
    }
    g_assert_not_reached();
}

static size_t
value_size(VsParamType type)
{
    switch (type) {
    case VS_PARAM_TYPE_STRING:
    case VS_PARAM_TYPE_FILE:
        return sizeof(const char *);
    case VS_PARAM_TYPE_UINT:
    case VS_PARAM_TYPE_IPV4:
        return sizeof(uint32_t);
    case VS_PARAM_TYPE_BOOL:
        return sizeof(bool);
    case VS_PARAM_TYPE_TIME:
        return sizeof(VsTime);
    case VS_PARAM_TYPE_RATE:
    case VS_PARAM_TYPE_SIZE:
    case VS_PARAM_TYPE_FREQUENCY:
    case VS_PARAM_TYPE_RATIO:
        return sizeof(uint64_t);
    case VS_PARAM_TYPE_DIST:
        return sizeof(VsDist);
    case VS_PARAM_TYPE_CHOICE:
        return sizeof(VsChoice);
    case VS_PARAM_TYPE_PREFIX:
        return sizeof(VsPrefix);
    case VS_PARAM_TYPE_PREFIXES:
        return sizeof(VsPrefixes);
    case VS_PARAM_TYPE_LABELS:
        return sizeof(VsLabels);
    case VS_PARAM_TYPE_REF:
        return sizeof(const VsElement *);
    case VS_PARAM_TYPE_REFS:
        return sizeof(VsRefs);
    case VS_PARAM_TYPE_ARRIVALS:
        return sizeof(VsArrivals);
    case VS_PARAM_TYPE_QUEUE:
        return sizeof(VsQueueLimit);
    }
    g_assert_not_reached();
}

static void
clear_value(VsParamType type, void *value)
{
    if (type == VS_PARAM_TYPE_DIST) {
        vs_dist_clear(value);
    } else if (type == VS_PARAM_TYPE_PREFIXES) {
        vs_prefixes_clear(value);
    } else if (type == VS_PARAM_TYPE_LABELS) {
        vs_labels_clear(value);
    } else if (type == VS_PARAM_TYPE_ARRIVALS) {
        vs_arrivals_clear(value);
    }
    memset(value, 0, value_size(type));
}

/* Compares with a bound of the table: below 0, 0, above 0.  A distribution has the bounds
 * of its mean. */
static int
compare_with_bound(const VsParam *param, const Value *value, const char *bound)
{
    VsParam time_param = {.name = param->name, .type = VS_PARAM_TYPE_TIME};
    bool is_dist = param->type == VS_PARAM_TYPE_DIST;
    Value limit = {0};
    double mean;

    if (!parse_value(is_dist ? &time_param : param, bound, &limit, NULL, NULL)) {
        g_error("parameter \"%s\" has the bad bound \"%s\"", param->name, bound);
    }
    switch (param->type) {
    case VS_PARAM_TYPE_UINT:
        return (value->uint > limit.uint) - (value->uint < limit.uint);
    case VS_PARAM_TYPE_TIME:
        return (value->time > limit.time) - (value->time < limit.time);
    case VS_PARAM_TYPE_RATE:
    case VS_PARAM_TYPE_SIZE:
    case VS_PARAM_TYPE_FREQUENCY:
    case VS_PARAM_TYPE_RATIO:
        return (value->number > limit.number) - (value->number < limit.number);
    case VS_PARAM_TYPE_DIST:
        mean = vs_dist_mean(&value->dist);
        return (mean > (double)limit.time) - (mean < (double)limit.time);
    default:
        g_error("parameter \"%s\" is of a type without bounds", param->name);
    }
}

static bool
check_bounds(const VsParam *param, const char *text, const Value *value, GError **error)
{
    const char *of = param->type == VS_PARAM_TYPE_DIST ? "has a mean" : "is";

    if (param->min && compare_with_bound(param, value, param->min) < 0) {
        return vs_value_fail(error, "\"%s\" %s below the least, %s", text, of,
                             param->min);
    }
    if (param->max && compare_with_bound(param, value, param->max) > 0) {
        return vs_value_fail(error, "\"%s\" %s above the most, %s", text, of,
                             param->max);
    }
    return true;
}

/* Puts name= in front of a message that starts with the whole value, name="text": in front
 * of any other. */
static void
propagate_named(GError **error, GError *cause, const VsParam *param, const char *text)
{
    g_autofree char *quoted = g_strdup_printf("\"%s\"", text);
    bool is_whole = g_str_has_prefix(cause->message, quoted);

    g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE, "%s=%s%s%s",
                param->name, is_whole ? "" : quoted, is_whole ? "" : ": ",
                cause->message);
    g_error_free(cause);
}

bool
vs_param_parse(const VsParam *param, const char *text, void *config,
               GStringChunk *strings, GError **error)
{
    bool is_string =
        param->type == VS_PARAM_TYPE_STRING || param->type == VS_PARAM_TYPE_FILE;
    g_autofree char *stripped = is_string ? NULL : g_strstrip(g_strdup(text));
    const char *meant = is_string ? text : stripped;
    GError *cause = NULL;
    Value value = {0};

    if (!parse_value(param, meant, &value, strings, &cause)) {
        propagate_named(error, cause, param, meant);
        return false;
    }
    if (!check_bounds(param, meant, &value, &cause)) {
        clear_value(param->type, &value);
        propagate_named(error, cause, param, meant);
        return false;
    }
    memcpy((char *)config + param->offset, &value, value_size(param->type));
    return true;
}

void
vs_params_set_defaults(const VsParam *params, const VsParamSet *given, void *config,
                       GStringChunk *strings)
{
    for (unsigned i = 0; params && params[i].name; i++) {
        const VsParam *param = &params[i];
        g_autoptr(GError) error = NULL;

        if (!param->def || vs_param_set_has(given, i) ||
            param->type == VS_PARAM_TYPE_REF || param->type == VS_PARAM_TYPE_REFS) {
            continue;
        }
        if (!vs_param_parse(param, param->def, config, strings, &error)) {
            g_error("bad default: %s", error->message);
        }
    }
}

/* Writing. ------------------------------------------------------------------------- */

static char *
print_refs(const VsRefs *refs)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < refs->n_elements; i++) {
        g_string_append_printf(text, "%s%s", i ? " " : "", refs->elements[i]->id);
    }
    return g_string_free(text, FALSE);
}

char *
vs_param_print(const VsParam *param, const void *config)
{
    const void *member = (const char *)config + param->offset;
    const VsElement *element;
    const VsPrefix *prefix;
    const char *string;

    switch (param->type) {
    case VS_PARAM_TYPE_STRING:
    case VS_PARAM_TYPE_FILE:
        string = *(const char *const *)member;
        return g_strdup(string ? string : "");
    case VS_PARAM_TYPE_UINT:
        return g_strdup_printf("%u", *(const uint32_t *)member);
    case VS_PARAM_TYPE_BOOL:
        return g_strdup(*(const bool *)member ? "yes" : "no");
    case VS_PARAM_TYPE_TIME:
        return vs_format_time(*(const VsTime *)member);
    case VS_PARAM_TYPE_RATE:
        return vs_format_rate(*(const uint64_t *)member);
    case VS_PARAM_TYPE_SIZE:
        return vs_format_size(*(const uint64_t *)member);
    case VS_PARAM_TYPE_FREQUENCY:
        return vs_format_frequency(*(const uint64_t *)member);
    case VS_PARAM_TYPE_RATIO:
        return vs_format_ratio(*(const uint64_t *)member);
    case VS_PARAM_TYPE_DIST:
        return vs_dist_format(member);
    case VS_PARAM_TYPE_CHOICE:
        return g_strdup(param->choices[*(const VsChoice *)member]);
    case VS_PARAM_TYPE_IPV4:
        return vs_format_ipv4(*(const uint32_t *)member);
    case VS_PARAM_TYPE_PREFIX:
        prefix = member;
        return vs_format_ipv4_prefix(prefix->address, prefix->length);
    case VS_PARAM_TYPE_PREFIXES:
        return vs_prefixes_print(member);
    case VS_PARAM_TYPE_LABELS:
        return vs_labels_print(member);
    case VS_PARAM_TYPE_REF:
        element = *(const VsElement *const *)member;
        return g_strdup(element ? element->id : "");
    case VS_PARAM_TYPE_REFS:
        return print_refs(member);
    case VS_PARAM_TYPE_ARRIVALS:
        return vs_arrivals_print(member);
    case VS_PARAM_TYPE_QUEUE:
        return vs_queue_limit_print(member);
    }
    g_assert_not_reached();
}

char *
vs_param_print_range(const VsParam *param)
{
    const char *of = param->type == VS_PARAM_TYPE_DIST ? "mean " : "";

    if (param->min && param->max) {
        return g_strdup_printf("%s%s to %s", of, param->min, param->max);
    }
    if (param->min) {
        return g_strdup_printf("%sat least %s", of, param->min);
    }
    return param->max ? g_strdup_printf("%sat most %s", of, param->max) : NULL;
}

/* Tables. -------------------------------------------------------------------------- */

void
vs_param_clear(const VsParam *param, void *config)
{
    clear_value(param->type, (char *)config + param->offset);
}

void
vs_params_clear(const VsParam *params, void *config)
{
    for (; params && params->name; params++) {
        vs_param_clear(params, config);
    }
}

const VsParam *
vs_params_find(const VsParam *params, const char *name)
{
    for (; params && params->name; params++) {
        if (strcmp(params->name, name) == 0) {
            return params;
        }
    }
    return NULL;
}
