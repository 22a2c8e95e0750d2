#include "models/client/trace.h"

enum {
    S_A_DAY = 86400,
    S_AN_HOUR = 3600,
    S_A_MINUTE = 60,
    PS_DIGITS = 12,
};

/* The number that the 'n' digits at 'text' are; -1: they are no digits. */
static int
read_digits(const char *text, unsigned n)
{
    int value = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!g_ascii_isdigit(text[i])) {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "13:55:36" in seconds; -1: it is no time.  60 is a leap second. */
static int
read_clock(const char *text)
{
    int h = read_digits(text, 2);
    int min = h < 0 || text[2] != ':' ? -1 : read_digits(text + 3, 2);
    int s = min < 0 || text[5] != ':' ? -1 : read_digits(text + 6, 2);

    return s < 0 || h > 23 || min > 59 || s > 60 ? -1
                                                 : h * S_AN_HOUR + min * S_A_MINUTE + s;
}

/* Seconds of the Gregorian calendar before a day; -1: there is no such day. */
static int64_t
seconds_before(int year, int month, int day)
{
    GDate date;

    if (year < 1 || month < 1 || day < 1 ||
        !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year)) {
        return -1;
    }
    g_date_clear(&date, 1);
    g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    return (int64_t)g_date_get_julian(&date) * S_A_DAY;
}

/* "-0700", or with 'colon' "-07:00", in seconds. */
static bool
read_zone(const char *text, const char *colon, int *ret_s)
{
    size_t skipped = strlen(colon);
    int h = text[0] == '+' || text[0] == '-' ? read_digits(text + 1, 2) : -1;
    bool is_split = h >= 0 && strncmp(text + 3, colon, skipped) == 0;
    int min = is_split ? read_digits(text + 3 + skipped, 2) : -1;

    if (min < 0 || h > 23 || min > 59 || text[5 + skipped] != '\0') {
        return false;
    }
    *ret_s = (text[0] == '-' ? -1 : 1) * (h * S_AN_HOUR + min * S_A_MINUTE);
    return true;
}

static int
read_month(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (strncmp(text, months + 3 * i, 3) == 0) {
            return i + 1;
        }
    }
    return -1;
}

bool
client_trace_read_clf_time(const char *text, int64_t *ret_s, GError **error)
{
    bool is_long = strlen(text) == strlen("10/Oct/2000:13:55:36 -0700");
    bool is_split = is_long && text[2] == '/' && text[6] == '/' && text[11] == ':' &&
                    text[20] == ' ';
    int64_t day = is_split ? seconds_before(read_digits(text + 7, 4),
                                            read_month(text + 3), read_digits(text, 2))
                           : -1;
    int clock = day < 0 ? -1 : read_clock(text + 12);
    int zone;

    if (clock < 0 || !read_zone(text + 21, "", &zone)) {
        return vs_value_fail(
            error, "\"%s\" is no time; write [10/Oct/2000:13:55:36 -0700]", text);
    }
    *ret_s = day + clock - zone;
    return true;
}

/* ".125", in ps; what follows the digits is at 'ret_end'. */
static bool
read_fraction(const char *text, VsTime *ret_ps, const char **ret_end)
{
    VsTime ps = 0;
    unsigned n = 0;

    *ret_ps = 0;
    *ret_end = text;
    if (*text != '.') {
        return true;
    }
    for (text++; g_ascii_isdigit(*text); text++, n++) {
        if (n < PS_DIGITS) {
            ps = ps * 10 + (*text - '0');
        } else if (*text != '0') {
            return false;
        }
    }
    *ret_end = text;
    for (unsigned i = n; i < PS_DIGITS; i++) {
        ps *= 10;
    }
    *ret_ps = ps;
    return n > 0;
}

/* Seconds, with decimals. */
static bool
read_seconds(const char *text, int64_t *ret_s, VsTime *ret_ps)
{
    char *end;
    const char *rest;
    guint64 s = g_ascii_strtoull(text, &end, 10);

    if (!g_ascii_isdigit(*text) || s > G_MAXINT64) {
        return false;
    }
    *ret_s = (int64_t)s;
    return read_fraction(end, ret_ps, &rest) && *rest == '\0';
}

/* RFC 3339, section 5.6; a blank may stand for "T". */
static bool
read_date_time(const char *text, int64_t *ret_s, VsTime *ret_ps)
{
    bool is_long = strlen(text) > strlen("2024-05-01T12:00:00");
    bool is_split =
        is_long && text[4] == '-' && text[7] == '-' && strchr("Tt ", text[10]);
    int64_t day = is_split
                      ? seconds_before(read_digits(text, 4), read_digits(text + 5, 2),
                                       read_digits(text + 8, 2))
                      : -1;
    int clock = day < 0 ? -1 : read_clock(text + 11);
    const char *zone;
    int offset = 0;

    if (clock < 0 || !read_fraction(text + 19, ret_ps, &zone) ||
        (g_ascii_strcasecmp(zone, "Z") != 0 && !read_zone(zone, ":", &offset))) {
        return false;
    }
    *ret_s = day + clock - offset;
    return true;
}

bool
client_trace_read_time(const char *text, int64_t *ret_s, VsTime *ret_ps, GError **error)
{
    if (!read_seconds(text, ret_s, ret_ps) && !read_date_time(text, ret_s, ret_ps)) {
        return vs_value_fail(error,
                             "\"%s\" is no time; write seconds, as 12.5, or "
                             "2024-05-01T12:00:00.5Z",
                             text);
    }
    return true;
}

bool
client_trace_read_method(const char *text, VsHttpMethod *ret, GError **error)
{
    for (unsigned method = 0; method < VS_HTTP_N_METHODS; method++) {
        if (strcmp(text, vs_http_method_names[method]) == 0) {
            *ret = (VsHttpMethod)method;
            return true;
        }
    }
    return vs_value_fail(error,
                         "there is no method \"%s\" here; there are GET, HEAD, POST, "
                         "PUT, PATCH, DELETE and OPTIONS",
                         text);
}

bool
client_trace_check_path(const char *path, GError **error)
{
    bool is_good = path[0] == '/' || strcmp(path, "*") == 0;

    for (const char *at = path; *at && is_good; at++) {
        is_good = g_ascii_isgraph(*at) && *at != '#';
    }
    return is_good || vs_value_fail(error,
                                    "\"%s\" is no path; write visible ASCII without "
                                    "'#' that begins with a slash",
                                    path);
}

bool
client_trace_read_size(const char *text, const char *what, uint32_t *ret,
                       GError **error)
{
    uint64_t size;

    if (!vs_parse_uint(text, &size, NULL) || size >= UINT32_MAX) {
        return vs_value_fail(error,
                             "%s \"%s\" is no number of bytes; write 0 to 4294967294",
                             what, text);
    }
    *ret = (uint32_t)size;
    return true;
}
