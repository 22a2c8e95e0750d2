/* Distributions from and to their text; dist.c draws from them. */
#include "base/dist.h"

#include <string.h>

#include "base/fmath.h"
#include "base/suggest.h"
#include "base/units.h"

#define NANO 1000000000
#define ERLANG_STAGES_MAX 1000

/* How a distribution is written.  'arguments' has a letter for each: 'q' a quantity above
 * zero, 'Q' one that may be zero, 'n' a number above zero, 'w' a whole one; or "points". */
typedef struct {
    const char *name;
    VsDistKind kind;
    const char *arguments;
    const char *usage;
} Form;

/* clang-format off */
static const Form forms[] = {
    { "constant", VS_DIST_CONSTANT, "Q", "constant(VALUE)" },
    { "exponential", VS_DIST_EXPONENTIAL, "q", "exponential(MEAN)" },
    { "uniform", VS_DIST_UNIFORM, "QQ", "uniform(LEAST, GREATEST)" },
    { "normal", VS_DIST_NORMAL, "Qq", "normal(MEAN, DEVIATION)" },
    { "lognormal", VS_DIST_LOGNORMAL, "qn", "lognormal(MEAN, SCV)" },
    { "pareto", VS_DIST_PARETO, "qn", "pareto(LEAST, ALPHA)" },
    { "weibull", VS_DIST_WEIBULL, "qn", "weibull(SCALE, SHAPE)" },
    { "hyperexponential", VS_DIST_HYPEREXPONENTIAL, "qn", "hyperexponential(MEAN, SCV)" },
    { "erlang", VS_DIST_ERLANG, "qw", "erlang(MEAN, STAGES)" },
    { "empirical", VS_DIST_EMPIRICAL, "points", "empirical(VALUE:PROBABILITY, ...)" },
};

G_DEFINE_QUARK(vs_dist_error, vs_dist_error)
/* clang-format on */

/* Sets what draws need, from the arguments. */
static void
compile(VsDist *dist)
{
    double value = (double)dist->value[0];
    double shape = (double)dist->shape_nano / NANO;
    double root;

    dist->a = value;
    switch (dist->kind) {
    case VS_DIST_CONSTANT:
    case VS_DIST_EXPONENTIAL:
    case VS_DIST_UNIFORM:
    case VS_DIST_EMPIRICAL:
        break;

    case VS_DIST_NORMAL:
        dist->b = (double)dist->value[1];
        break;

    case VS_DIST_LOGNORMAL: /* The median, and the deviation of the logarithm. */
        dist->a = value / vs_sqrt(1 + shape);
        dist->b = vs_sqrt(vs_log(1 + shape));
        break;

    case VS_DIST_PARETO:
    case VS_DIST_WEIBULL:
        dist->b = 1 / shape;
        break;

    case VS_DIST_HYPEREXPONENTIAL:
        /* The chance of the faster branch is (1 + root) / 2 and each has half of the mean;
         * the slower's, (1 - root) / 2, is written without cancellation. */
        root = vs_sqrt((shape - 1) / (shape + 1));
        dist->c = 1 / ((shape + 1) * (1 + root));
        dist->a = 1 - dist->c;
        dist->b = value / (2 * dist->a);
        dist->c = value / (2 * dist->c);
        break;

    case VS_DIST_ERLANG:
        dist->a = value / shape;
        dist->b = shape;
        break;
    }
}

static char *
format_value(VsDistUnit unit, int64_t value)
{
    return unit == VS_DIST_TIME ? vs_format_time(value)
                                : vs_format_size((uint64_t)value);
}

static const Form *
find_form(VsDistKind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (forms[i].kind == kind) {
            return &forms[i];
        }
    }
    g_assert_not_reached();
}

static bool fail_argument(const Form *form, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static bool
fail_argument(const Form *form, GError **error, const char *format, ...)
{
    g_autofree char *reason = NULL;
    va_list args;

    va_start(args, format);
    reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, VS_DIST_ERROR, VS_DIST_ERROR_ARGUMENT, "%s, in %s", reason,
                form->usage);
    return false;
}

static bool
parse_value(const Form *form, const char *text, bool can_be_zero, VsDistUnit unit,
            int64_t *ret, GError **error)
{
    uint64_t bytes = 0;
    int64_t value = 0;

    if (unit == VS_DIST_TIME) {
        if (!vs_parse_time(text, &value, error)) {
            return false;
        }
    } else {
        if (!vs_parse_size(text, &bytes, error)) {
            return false;
        }
        value = (int64_t)MIN(bytes, INT64_MAX);
    }
    if (value > VS_DIST_DRAW_MAX) {
        g_autofree char *max = format_value(unit, VS_DIST_DRAW_MAX);

        return fail_argument(form, error, "\"%s\" is too large: write at most %s", text,
                             max);
    }
    if (value == 0 && !can_be_zero) {
        return fail_argument(form, error, "\"%s\" is zero: write more", text);
    }
    *ret = value;
    return true;
}

static bool
parse_shape(const Form *form, const char *text, bool is_whole, uint64_t *ret,
            GError **error)
{
    uint64_t nano;

    if (!vs_parse_decimal(text, &nano, error)) {
        return false;
    }
    if (is_whole && (nano % NANO || nano == 0 || nano / NANO > ERLANG_STAGES_MAX)) {
        return fail_argument(form, error, "\"%s\" is not a whole number from 1 to %d",
                             text, ERLANG_STAGES_MAX);
    }
    if (nano == 0) {
        return fail_argument(form, error, "\"%s\" is zero: write more", text);
    }
    if (form->kind == VS_DIST_HYPEREXPONENTIAL && nano < NANO) {
        return fail_argument(
            form, error,
            "\"%s\" is below 1: write 1 or more, or use erlang or lognormal", text);
    }
    *ret = nano;
    return true;
}

static bool
parse_plain_arguments(const Form *form, char **arguments, VsDist *dist, GError **error)
{
    unsigned n_values = 0;

    for (unsigned i = 0; form->arguments[i]; i++) {
        char kind = form->arguments[i];

        if (kind == 'q' || kind == 'Q') {
            if (!parse_value(form, arguments[i], kind == 'Q', dist->unit,
                             &dist->value[n_values++], error)) {
                return false;
            }
        } else if (!parse_shape(form, arguments[i], kind == 'w', &dist->shape_nano,
                                error)) {
            return false;
        }
    }
    if (dist->kind == VS_DIST_UNIFORM && dist->value[0] > dist->value[1]) {
        return fail_argument(form, error,
                             "\"%s\" is above \"%s\": write the least first",
                             arguments[0], arguments[1]);
    }
    return true;
}

static bool
parse_point(const Form *form, const char *text, VsDistUnit unit, VsDistPoint *ret,
            GError **error)
{
    g_auto(GStrv) halves = g_strsplit(text, ":", 2);

    if (!halves[0] || !halves[1]) {
        return fail_argument(form, error, "\"%s\" has no probability: write %s:1", text,
                             text);
    }
    g_strstrip(halves[0]);
    g_strstrip(halves[1]);
    if (!parse_value(form, halves[0], true, unit, &ret->value, error) ||
        !vs_parse_decimal(halves[1], &ret->cumulative_ppb, error)) {
        return false;
    }
    if (ret->cumulative_ppb > NANO) {
        return fail_argument(form, error, "\"%s\" is above 1", halves[1]);
    }
    return true;
}

static bool
parse_points(const Form *form, char **arguments, VsDist *dist, GError **error)
{
    unsigned n = g_strv_length(arguments);
    g_autofree VsDistPoint *points = g_new0(VsDistPoint, n);

    for (unsigned i = 0; i < n; i++) {
        if (!parse_point(form, arguments[i], dist->unit, &points[i], error)) {
            return false;
        }
        if (i > 0 && (points[i].value < points[i - 1].value ||
                      points[i].cumulative_ppb < points[i - 1].cumulative_ppb)) {
            return fail_argument(
                form, error, "\"%s\" falls behind \"%s\": write points in rising order",
                arguments[i], arguments[i - 1]);
        }
    }
    if (points[n - 1].cumulative_ppb != NANO) {
        return fail_argument(form, error, "\"%s\" is the last point: write :1 there",
                             arguments[n - 1]);
    }
    dist->n_points = n;
    dist->points = g_steal_pointer(&points);
    return true;
}

static const Form *
find_form_by_name(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(forms) + 1] = {NULL};
    g_autofree char *list = NULL;
    const char *meant;

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (strcmp(forms[i].name, name) == 0) {
            return &forms[i];
        }
        names[i] = forms[i].name;
    }
    meant = vs_suggest(name, names);
    list = g_strjoinv(" ", (char **)names);
    g_set_error(error, VS_DIST_ERROR, VS_DIST_ERROR_NAME,
                "\"%s\" is no distribution: %s%s%swrite one of %s", name,
                meant ? "did you mean " : "", meant ? meant : "", meant ? "? " : "",
                list);
    return NULL;
}

/* Splits "name(a, b)" in place. */
static bool
split_call(char *text, char **ret_name, char ***ret_arguments, GError **error)
{
    char *open = strchr(text, '(');
    size_t length = strlen(text);

    if (!open || text[length - 1] != ')' || open == text) {
        g_set_error(
            error, VS_DIST_ERROR, VS_DIST_ERROR_SYNTAX,
            "\"%s\" is not a distribution: write a name and its arguments, such as "
            "exponential(2ms), or a constant, such as 2ms",
            text);
        return false;
    }
    text[length - 1] = '\0';
    *open = '\0';
    *ret_name = g_strchomp(text);
    *ret_arguments = g_strsplit(open + 1, ",", -1);
    for (char **argument = *ret_arguments; *argument; argument++) {
        g_strstrip(*argument);
    }
    return true;
}

static bool
parse(const char *text, VsDistUnit unit, VsDist *ret, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    VsDist dist = {.unit = unit};
    g_auto(GStrv) arguments = NULL;
    char *name;
    const Form *form;
    bool is_empirical;

    if (!strchr(stripped, '(') && !g_ascii_isalpha(*stripped)) {
        if (!parse_value(&forms[0], stripped, true, unit, &dist.value[0], error)) {
            return false;
        }
        compile(&dist);
        *ret = dist;
        return true;
    }
    if (!split_call(stripped, &name, &arguments, error) ||
        !(form = find_form_by_name(name, error))) {
        return false;
    }

    dist.kind = form->kind;
    is_empirical = form->kind == VS_DIST_EMPIRICAL;
    if (is_empirical ? !*arguments
                     : g_strv_length(arguments) != strlen(form->arguments)) {
        g_set_error(error, VS_DIST_ERROR, VS_DIST_ERROR_ARGUMENT,
                    "\"%s\" has the wrong number of arguments: write %s", text,
                    form->usage);
        return false;
    }
    if (is_empirical ? !parse_points(form, arguments, &dist, error)
                     : !parse_plain_arguments(form, arguments, &dist, error)) {
        return false;
    }
    compile(&dist);
    *ret = dist;
    return true;
}

bool
vs_dist_parse(const char *text, VsDist *ret, GError **error)
{
    return parse(text, VS_DIST_TIME, ret, error);
}

bool
vs_dist_parse_size(const char *text, VsDist *ret, GError **error)
{
    return parse(text, VS_DIST_SIZE, ret, error);
}

void
vs_dist_init_constant(VsDist *dist, int64_t ps)
{
    g_assert(ps >= 0 && ps <= VS_DIST_DRAW_MAX);
    *dist = (VsDist){.kind = VS_DIST_CONSTANT, .value = {ps, 0}};
    compile(dist);
}

void
vs_dist_init_exponential(VsDist *dist, int64_t mean_ps)
{
    g_assert(mean_ps >= 0 && mean_ps <= VS_DIST_DRAW_MAX);
    *dist = (VsDist){.kind = VS_DIST_EXPONENTIAL, .value = {mean_ps, 0}};
    compile(dist);
}

void
vs_dist_clear(VsDist *dist)
{
    g_free(dist->points);
    *dist = (VsDist){0};
}

char *
vs_dist_format(const VsDist *dist)
{
    const Form *form = find_form(dist->kind);
    g_autoptr(GString) text = g_string_new(form->name);
    unsigned n_values = 0;

    g_string_append_c(text, '(');
    for (unsigned i = 0; i < dist->n_points; i++) {
        g_autofree char *value = format_value(dist->unit, dist->points[i].value);
        g_autofree char *p = vs_format_decimal(dist->points[i].cumulative_ppb);

        g_string_append_printf(text, "%s%s:%s", i > 0 ? ", " : "", value, p);
    }
    for (unsigned i = 0; dist->kind != VS_DIST_EMPIRICAL && form->arguments[i]; i++) {
        bool is_value = g_ascii_tolower(form->arguments[i]) == 'q';
        g_autofree char *argument =
            is_value ? format_value(dist->unit, dist->value[n_values++])
                     : vs_format_decimal(dist->shape_nano);

        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", argument);
    }
    g_string_append_c(text, ')');
    return g_string_free(g_steal_pointer(&text), FALSE);
}
