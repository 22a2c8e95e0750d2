#include "base/units.h"

#include <inttypes.h>
#include <string.h>

#include "base/suggest.h"

__extension__ typedef unsigned __int128 Wide;

/* More decimals than this are refused; none of the units below could use them. */
#define DECIMALS_MAX 18

/* One of a unit is 'numerator' / 'denominator' of the integer's steps, in lowest terms. */
typedef struct {
    const char *name;
    uint64_t numerator;
    unsigned denominator;
    bool is_input_only;       /* Never chosen for printing. */
    const char *misspellings; /* Between spaces: what people write and mean this. */
} Unit;

typedef struct {
    const char *noun;
    const Unit *units;       /* The largest first, ended by a NULL name. */
    const char *examples[2]; /* Units to propose where there is none. */
    uint64_t max;
} Quantity;

/* A decimal number as read: integer + fraction / 10^n_decimals. */
typedef struct {
    uint64_t integer;
    uint64_t fraction;
    unsigned n_decimals; /* Without trailing zeros. */
} Decimal;

/* clang-format off */
static const Unit time_units[] = {
    { "h", UINT64_C(3600000000000000), 1, false, " hr hour hours H " },
    { "min", UINT64_C(60000000000000), 1, false, " m minute minutes " },
    { "s", UINT64_C(1000000000000), 1, false, " S sec secs second seconds " },
    { "ms", 1000000000, 1, false, " msec millisecond milliseconds " },
    { "us", 1000000, 1, false, " \302\265s \316\274s usec microsecond microseconds " },
    { "ns", 1000, 1, false, " nsec nanosecond nanoseconds " },
    { "ps", 1, 1, false, " psec picosecond picoseconds " },
    { 0 }
};
static const Unit rate_units[] = {
    { "Tbit/s", UINT64_C(1000000000000), 1, false, " Tbps Tb Tb/s Tbit T " },
    { "Gbit/s", 1000000000, 1, false, " Gbps Gb Gb/s Gbit G " },
    { "Mbit/s", 1000000, 1, false, " Mbps Mb Mb/s Mbit M " },
    { "kbit/s", 1000, 1, false, " kbps Kbps kb kb/s Kb Kb/s kbit Kbit k K " },
    { "bit/s", 1, 1, false, " bps b b/s bit bits " },
    { 0 }
};
static const Unit size_units[] = {
    { "GiB", UINT64_C(1) << 30, 1, false, " Gi " },
    { "GB", 1000000000, 1, false, " G Gb gb " },
    { "MiB", UINT64_C(1) << 20, 1, false, " Mi " },
    { "MB", 1000000, 1, false, " M Mb mb " },
    { "KiB", UINT64_C(1) << 10, 1, false, " Ki kiB " },
    { "kB", 1000, 1, false, " k K KB Kb kb " },
    { "B", 1, 1, false, " b byte bytes Byte Bytes octets " },
    { 0 }
};
static const Unit frequency_units[] = {
    { "G/s", UINT64_C(1000000000000000), 1, false, " GHz G " },
    { "M/s", UINT64_C(1000000000000), 1, false, " MHz M Mrps Mpps " },
    { "k/s", 1000000000, 1, false, " kHz K/s k K krps kpps " },
    { "/s", 1000000, 1, false, " Hz /sec rps pps qps req/s " },
    { "/min", 50000, 3, true, " /m /minute rpm " },
    { "/h", 2500, 9, true, " /hr /hour " },
    { 0 }
};
static const Unit ratio_units[] = {
    { "%", 10000000, 1, false, " percent pct " },
    { 0 }
};
static const Unit plain_units[] = {
    { "", 1, 1, false, "" },
    { 0 }
};
static const Unit decimal_units[] = {
    { "", 1000000000, 1, false, "" },
    { 0 }
};

static const Quantity quantity_time = { "a time", time_units, { "ms", "us" }, INT64_MAX };
static const Quantity quantity_rate = { "a rate", rate_units, { "Mbit/s", "bit/s" }, UINT64_MAX };
static const Quantity quantity_size = { "a size", size_units, { "kB", "B" }, UINT64_MAX };
static const Quantity quantity_frequency =
    { "a frequency", frequency_units, { "/s", "k/s" }, UINT64_MAX };
static const Quantity quantity_ratio = { "a ratio", ratio_units, { "%", NULL }, 1000000000 };
static const Quantity quantity_uint =
    { "a whole number", plain_units, { "", NULL }, UINT64_MAX };
static const Quantity quantity_decimal = { "a number", decimal_units, { "", NULL }, UINT64_MAX };

G_DEFINE_QUARK(vs_units_error, vs_units_error)
/* clang-format on */

/* Printing. ------------------------------------------------------------------------------- */

/* The number of 'unit's that 'value' is, exactly, into 'text'; false when that takes more
 * than DECIMALS_MAX decimals. */
static bool
print_in_unit(uint64_t value, const Unit *unit, char text[64])
{
    uint64_t rest = value % unit->numerator;
    int length = g_snprintf(text, 64, "%" PRIu64, value / unit->numerator);

    if (rest) {
        text[length++] = '.';
    }
    for (unsigned i = 0; rest && i < DECIMALS_MAX; i++) {
        Wide scaled = (Wide)rest * 10;

        text[length++] = '0' + (int)(scaled / unit->numerator);
        rest = scaled % unit->numerator;
    }
    text[length] = '\0';
    return rest == 0;
}

/* The shortest exact text with a number of at least 1; the largest unit of several; the
 * smallest unit for numbers below 1 of it. */
static char *
format_quantity(uint64_t value, const Quantity *quantity)
{
    char best[80] = "";

    for (const Unit *unit = quantity->units; unit->name; unit++) {
        bool is_last = !unit[1].name || unit[1].is_input_only;
        char text[80];

        if (unit->is_input_only || (value < unit->numerator && !is_last) ||
            !print_in_unit(value, unit, text)) {
            continue;
        }
        g_strlcat(text, unit->name, sizeof(text));
        if (!*best || strlen(text) < strlen(best)) {
            g_strlcpy(best, text, sizeof(best));
        }
    }
    return g_strdup(best);
}

char *
vs_format_time(int64_t ps)
{
    g_autofree char *text = NULL;

    if (ps >= 0) {
        return format_quantity(ps, &quantity_time);
    }
    text = format_quantity(-(uint64_t)ps, &quantity_time);
    return g_strconcat("-", text, NULL);
}

char *
vs_format_rate(uint64_t bits_per_s)
{
    return format_quantity(bits_per_s, &quantity_rate);
}

char *
vs_format_size(uint64_t bytes)
{
    return format_quantity(bytes, &quantity_size);
}

char *
vs_format_frequency(uint64_t micro_per_s)
{
    return format_quantity(micro_per_s, &quantity_frequency);
}

char *
vs_format_ratio(uint64_t ppb)
{
    return format_quantity(ppb, &quantity_ratio);
}

char *
vs_format_decimal(uint64_t nano)
{
    return format_quantity(nano, &quantity_decimal);
}

char *
vs_format_time_short(int64_t ps)
{
    static const char *const names[] = {"ns", "us", "ms", "s"};
    const unsigned n_names = G_N_ELEMENTS(names);
    const char *sign = ps < 0 ? "-" : "";
    uint64_t value = ps < 0 ? -(uint64_t)ps : (uint64_t)ps;
    uint64_t unit = 1;

    if (value < 1000) {
        return g_strdup_printf("%s%" PRIu64 "ps", sign, value);
    }
    /* From the finest step up, the first in which the rounded value has four digits. */
    for (unsigned i = 0; i < n_names; i++) {
        unit *= 1000;
        for (uint64_t scale = 1000, n_decimals = 3; scale >= 10;
             scale /= 10, n_decimals--) {
            uint64_t step = unit / scale;
            uint64_t steps = (value + step / 2) / step;

            if (steps < 10000) {
                return g_strdup_printf("%s%" PRIu64 ".%0*" PRIu64 "%s", sign,
                                       steps / scale, (int)n_decimals, steps % scale,
                                       names[i]);
            }
        }
    }
    return g_strdup_printf("%s%" PRIu64 "%s", sign, (value + unit / 2) / unit,
                           names[n_names - 1]);
}

/* Reading. -------------------------------------------------------------------------------- */

static bool
fail_syntax(const char *text, const Quantity *quantity, GError **error)
{
    const char *unit = quantity->examples[0];

    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                "\"%s\" is not %s: write %s%s", text, quantity->noun,
                *unit ? "a decimal number and its unit, such as 100"
                      : "it in digits, such as 100",
                unit);
    return false;
}

static bool
fail_too_large(const char *text, const Quantity *quantity, GError **error)
{
    g_autofree char *max = format_quantity(quantity->max, quantity);

    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_RANGE,
                "\"%s\" is too large: write at most %s", text, max);
    return false;
}

/* 'ret' is left alone when the value does not fit. */
static bool scale_decimal(const char *text, const Decimal *decimal, const Unit *unit,
                          const Quantity *quantity, uint64_t *ret, GError **error);

/* 'number' is what stands in 'text' where number and unit are due. */
static bool
fail_unit_missing(const char *text, const char *number, const Decimal *decimal,
                  const Quantity *quantity, GError **error)
{
    static const Unit whole = {"", 1000000000, 1, false, ""};
    const char *const *units = quantity->examples;
    g_autofree char *advice = g_strconcat(number, units[0], units[1] ? " or " : "",
                                          units[1] ? number : "", units[1], NULL);
    uint64_t ppb;

    /* Of a ratio, "0.5" will mean a half, not half a percent. */
    if (quantity == &quantity_ratio &&
        scale_decimal(text, decimal, &whole, quantity, &ppb, NULL)) {
        g_free(advice);
        advice = vs_format_ratio(ppb);
    }
    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_UNIT_MISSING,
                "\"%s\" has no unit: write %s", text, advice);
    return false;
}

static const char *
find_meant(const char *name, const Quantity *quantity)
{
    g_autofree char *needle = g_strdup_printf(" %s ", name);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const Unit *unit = quantity->units; unit->name; unit++) {
        if (strstr(unit->misspellings, needle)) {
            return unit->name;
        }
        g_ptr_array_add(names, (char *)unit->name);
    }
    g_ptr_array_add(names, NULL);
    return vs_suggest(name, (const char *const *)names->pdata);
}

static bool
fail_unit_unknown(const char *text, const char *name, const Quantity *quantity,
                  GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);
    const char *meant = find_meant(name, quantity);

    for (const Unit *unit = quantity->units; unit->name; unit++) {
        g_string_append_printf(list, "%s%s", list->len ? " " : "", unit->name);
    }
    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_UNIT_UNKNOWN,
                "\"%s\" has the unknown unit \"%s\": %s%s%sunits of %s are %s", text,
                name, meant ? "did you mean " : "", meant ? meant : "",
                meant ? "? " : "", quantity->noun + strlen("a "), list->str);
    return false;
}

static bool
fail_inexact(const char *text, uint64_t below, const Quantity *quantity, GError **error)
{
    uint64_t above = below < quantity->max ? below + 1 : below;
    g_autofree char *step = format_quantity(1, quantity);
    g_autofree char *low = format_quantity(below, quantity);
    g_autofree char *high = format_quantity(above, quantity);

    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_INEXACT,
                "\"%s\" lies between the steps of %s: write %s or %s", text, step, low,
                high);
    return false;
}

/* Reads digits, and decimals if a point follows, and moves '*cursor' behind them. */
static bool
scan_decimal(const char *text, const char **cursor, const Quantity *quantity,
             Decimal *ret, GError **error)
{
    const char *c = *cursor;
    Decimal decimal = {0};
    unsigned n_zeros = 0;

    if (!g_ascii_isdigit(*c)) {
        return fail_syntax(text, quantity, error);
    }
    for (; g_ascii_isdigit(*c); c++) {
        if (__builtin_mul_overflow(decimal.integer, UINT64_C(10), &decimal.integer) ||
            __builtin_add_overflow(decimal.integer, (uint64_t)(*c - '0'),
                                   &decimal.integer)) {
            return fail_too_large(text, quantity, error);
        }
    }
    if (*c == '.') {
        c++;
        if (!g_ascii_isdigit(*c)) {
            return fail_syntax(text, quantity, error);
        }
        for (; g_ascii_isdigit(*c); c++) {
            if (*c == '0') {
                n_zeros++;
                continue;
            }
            if (decimal.n_decimals + n_zeros + 1 > DECIMALS_MAX) {
                g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_INEXACT,
                            "\"%s\" has too many decimals: write at most %d", text,
                            DECIMALS_MAX);
                return false;
            }
            for (; n_zeros > 0; n_zeros--) {
                decimal.fraction *= 10;
                decimal.n_decimals++;
            }
            decimal.fraction = decimal.fraction * 10 + (uint64_t)(*c - '0');
            decimal.n_decimals++;
        }
    }

    *cursor = c;
    *ret = decimal;
    return true;
}

/* 'decimal' of 'unit', in steps.  Nothing overflows: numerators are below 2^52, decimals are
 * at most 18. */
static bool
scale_decimal(const char *text, const Decimal *decimal, const Unit *unit,
              const Quantity *quantity, uint64_t *ret, GError **error)
{
    Wide whole = (Wide)decimal->integer * unit->numerator;
    Wide divisor = unit->denominator;
    Wide rest = whole % unit->denominator;
    Wide value;

    for (unsigned i = 0; i < decimal->n_decimals; i++) {
        divisor *= 10;
        rest *= 10;
    }
    rest += (Wide)decimal->fraction * unit->numerator;
    value = whole / unit->denominator + rest / divisor;
    rest %= divisor;

    if (value > quantity->max || (value == quantity->max && rest)) {
        return fail_too_large(text, quantity, error);
    }
    if (rest) {
        return fail_inexact(text, value, quantity, error);
    }
    *ret = value;
    return true;
}

static bool
parse_quantity(const char *text, const Quantity *quantity, uint64_t *ret,
               GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    const char *cursor = stripped;
    g_autofree char *number = NULL;
    Decimal decimal = {0};

    if (*cursor == '-' && g_ascii_isdigit(cursor[1])) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_RANGE,
                    "\"%s\" is negative: write %s or more", stripped,
                    quantity->examples[0][0] ? "0 with its unit" : "0");
        return false;
    }
    if (!scan_decimal(stripped, &cursor, quantity, &decimal, error)) {
        return false;
    }
    number = g_strndup(stripped, cursor - stripped);
    while (g_ascii_isspace(*cursor)) {
        cursor++;
    }

    for (const Unit *unit = quantity->units; unit->name; unit++) {
        if (strcmp(cursor, unit->name) == 0) {
            return scale_decimal(stripped, &decimal, unit, quantity, ret, error);
        }
    }
    if (!quantity->examples[0][0]) {
        return fail_syntax(stripped, quantity, error);
    }
    if (!*cursor) {
        return fail_unit_missing(stripped, number, &decimal, quantity, error);
    }
    if (!g_ascii_isalpha(*cursor) && *cursor != '/' && *cursor != '%' &&
        !(*cursor & 0x80)) {
        return fail_syntax(stripped, quantity, error);
    }
    return fail_unit_unknown(stripped, cursor, quantity, error);
}

bool
vs_parse_time(const char *text, int64_t *ret_ps, GError **error)
{
    uint64_t ps;

    if (!parse_quantity(text, &quantity_time, &ps, error)) {
        return false;
    }
    *ret_ps = (int64_t)ps;
    return true;
}

bool
vs_parse_rate(const char *text, uint64_t *ret_bits_per_s, GError **error)
{
    return parse_quantity(text, &quantity_rate, ret_bits_per_s, error);
}

bool
vs_parse_size(const char *text, uint64_t *ret_bytes, GError **error)
{
    return parse_quantity(text, &quantity_size, ret_bytes, error);
}

bool
vs_parse_frequency(const char *text, uint64_t *ret_micro_per_s, GError **error)
{
    return parse_quantity(text, &quantity_frequency, ret_micro_per_s, error);
}

bool
vs_parse_ratio(const char *text, uint64_t *ret_ppb, GError **error)
{
    return parse_quantity(text, &quantity_ratio, ret_ppb, error);
}

bool
vs_parse_decimal(const char *text, uint64_t *ret_nano, GError **error)
{
    return parse_quantity(text, &quantity_decimal, ret_nano, error);
}

bool
vs_parse_uint(const char *text, uint64_t *ret, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));

    if (strchr(stripped, '.')) {
        return fail_syntax(stripped, &quantity_uint, error);
    }
    return parse_quantity(stripped, &quantity_uint, ret, error);
}
