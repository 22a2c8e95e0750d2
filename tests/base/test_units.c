#include "base/units.h"

#include "base/hash.h"
#include "vs_test.h"

#define PS_PER_S INT64_C(1000000000000)

/* What is read, or an error: its code and a part of its message. */
typedef struct {
    const char *text;
    uint64_t value;
    int code;
    const char *message;
} Row;

typedef bool (*Parse)(const char *text, uint64_t *ret, GError **error);

static bool
parse_time(const char *text, uint64_t *ret, GError **error)
{
    int64_t ps;

    if (!vs_parse_time(text, &ps, error)) {
        return false;
    }
    *ret = (uint64_t)ps;
    return true;
}

static bool
parse_ipv4(const char *text, uint64_t *ret, GError **error)
{
    uint32_t address;

    if (!vs_parse_ipv4(text, &address, error)) {
        return false;
    }
    *ret = address;
    return true;
}

/* The address times 100 plus the length. */
static bool
parse_prefix(const char *text, uint64_t *ret, GError **error)
{
    uint32_t address;
    unsigned length;

    if (!vs_parse_ipv4_prefix(text, &address, &length, error)) {
        return false;
    }
    *ret = address * UINT64_C(100) + length;
    return true;
}

static void
check_rows(const Row *rows, Parse parse)
{
    for (; rows->text; rows++) {
        const uint64_t untouched = 0x5A5A5A5A5A5A5A5A;
        g_autoptr(GError) error = NULL;
        uint64_t value = untouched;
        bool is_read = parse(rows->text, &value, &error);
        bool is_right;

        if (!rows->message) {
            is_right = is_read && value == rows->value && !error;
        } else {
            is_right = !is_read && value == untouched && error &&
                       g_error_matches(error, VS_UNITS_ERROR, rows->code) &&
                       error->message[0] == '"' &&
                       strstr(error->message, rows->message);
        }
        CU_ASSERT_TRUE(is_right);
        if (!is_right) {
            printf("\n    %s: read %d, value %" G_GUINT64_FORMAT ", %s\n", rows->text,
                   is_read, value, error ? error->message : "no error");
        }
    }
}

/* Names of the error codes that fit a line. */
enum {
    SYNTAX = VS_UNITS_ERROR_SYNTAX,
    MISSING = VS_UNITS_ERROR_UNIT_MISSING,
    UNKNOWN = VS_UNITS_ERROR_UNIT_UNKNOWN,
    RANGE = VS_UNITS_ERROR_RANGE,
    INEXACT = VS_UNITS_ERROR_INEXACT,
};

static void
test_times_are_picoseconds(void)
{
    static const Row rows[] = {
        {"1ps", 1, 0, NULL},
        {"5us", 5000000, 0, NULL},
        {"2.5ms", UINT64_C(2500000000), 0, NULL},
        {"0.000000000001s", 1, 0, NULL},
        {"1.50000000000000000000000000s", 3 * PS_PER_S / 2, 0, NULL},
        {"  10 ms ", PS_PER_S / 100, 0, NULL},
        {"0s", 0, 0, NULL},
        {"007ns", 7000, 0, NULL},
        {"3min", 180 * PS_PER_S, 0, NULL},
        {"1.5h", 5400 * PS_PER_S, 0, NULL},
        {"9223372036854775807ps", INT64_MAX, 0, NULL},
        {"9223372036854775808ps", 0, RANGE, "at most"},
        {"9223372.0368547758071s", 0, RANGE, "at most"},
        {"2563h", 0, RANGE, "at most"},
        {"99999999999999999999999s", 0, RANGE, "at most"},
        {"-1ms", 0, RANGE, "negative"},
        {"0.1ps", 0, INEXACT, "write 0ps or 1ps"},
        {"1.0005ns", 0, INEXACT, "write 1ns or 1001ps"},
        {"0.0000000000000000001s", 0, INEXACT, "at most 18"},
        {"5", 0, MISSING, "\"5\" has no unit: write 5ms or 5us"},
        {"0", 0, MISSING, "write 0ms or 0us"},
        {"5msec", 0, UNKNOWN, "did you mean ms?"},
        {"5 \302\265s", 0, UNKNOWN, "did you mean us?"},
        {"5MS", 0, UNKNOWN, "units of time are h min s ms us ns ps"},
        {"5sm", 0, UNKNOWN, "unknown unit \"sm\""},
        {"1e3ms", 0, UNKNOWN, "unknown unit \"e3ms\""},
        {"", 0, SYNTAX, "write a decimal number and its unit, such as 100ms"},
        {"ms", 0, SYNTAX, "not a time"},
        {".5s", 0, SYNTAX, "not a time"},
        {"5.s", 0, SYNTAX, "not a time"},
        {"+5s", 0, SYNTAX, "not a time"},
        {"1,5s", 0, SYNTAX, "not a time"},
        {0},
    };

    check_rows(rows, parse_time);
}

static void
test_rates_are_bits_a_second(void)
{
    static const Row rows[] = {
        {"10Gbit/s", UINT64_C(10000000000), 0, NULL},
        {"2.5Gbit/s", UINT64_C(2500000000), 0, NULL},
        {"1bit/s", 1, 0, NULL},
        {"9.6kbit/s", 9600, 0, NULL},
        {"1.6Tbit/s", UINT64_C(1600000000000), 0, NULL},
        {"18446744073709551615bit/s", UINT64_MAX, 0, NULL},
        {"18446744073709551616bit/s", 0, RANGE, "at most"},
        {"18446744.073709551616Tbit/s", 0, RANGE, "at most"},
        {"100", 0, MISSING, "\"100\" has no unit: write 100Mbit/s or 100bit/s"},
        {"100Mbps", 0, UNKNOWN, "did you mean Mbit/s?"},
        {"100mbit/s", 0, UNKNOWN, "did you mean Mbit/s?"},
        {"100furlongs", 0, UNKNOWN,
         "units of rate are Tbit/s Gbit/s Mbit/s kbit/s bit/s"},
        {"0.5bit/s", 0, INEXACT, "write 0bit/s or 1bit/s"},
        {"fast", 0, SYNTAX, "not a rate"},
        {0},
    };

    check_rows(rows, vs_parse_rate);
}

static void
test_sizes_tell_kilo_from_kibi(void)
{
    static const Row rows[] = {
        {"1500B", 1500, 0, NULL},
        {"1kB", 1000, 0, NULL},
        {"1KiB", 1024, 0, NULL},
        {"1.5MiB", 1572864, 0, NULL},
        {"2GB", UINT64_C(2000000000), 0, NULL},
        {"0.5GiB", 1 << 29, 0, NULL},
        {"0.000000001GB", 1, 0, NULL},
        {"0.0001KiB", 0, INEXACT, "write 0B or 1B"},
        {"1500", 0, MISSING, "write 1500kB or 1500B"},
        {"1KB", 0, UNKNOWN, "did you mean kB?"},
        {"18446744073709551616B", 0, RANGE, "at most"},
        {0},
    };

    check_rows(rows, vs_parse_size);
}

static void
test_frequencies_count_events_in_a_million_seconds(void)
{
    static const Row rows[] = {
        {"1000/s", 1000000000, 0, NULL},
        {"0.5/s", 500000, 0, NULL},
        {"20k/s", UINT64_C(20000000000), 0, NULL},
        {"2M/s", UINT64_C(2000000000000), 0, NULL},
        {"3/min", 50000, 0, NULL},
        {"9/h", 2500, 0, NULL},
        {"0.000001/s", 1, 0, NULL},
        {"1/min", 0, INEXACT, "write 0.016666/s or 0.016667/s"},
        {"1000", 0, MISSING, "write 1000/s or 1000k/s"},
        {"1kHz", 0, UNKNOWN, "did you mean k/s?"},
        {"18446744073710/s", 0, RANGE, "at most"},
        {0},
    };

    check_rows(rows, vs_parse_frequency);
}

static void
test_ratios_are_percentages(void)
{
    static const Row rows[] = {
        {"0.01%", 100000, 0, NULL},
        {"50%", 500000000, 0, NULL},
        {"100%", 1000000000, 0, NULL},
        {"0%", 0, 0, NULL},
        {"0.0000001%", 1, 0, NULL},
        {"0.00000001%", 0, INEXACT, "write 0% or 0.0000001%"},
        {"100.1%", 0, RANGE, "at most 100%"},
        {"0.5", 0, MISSING, "\"0.5\" has no unit: write 50%"},
        {"0.0125", 0, MISSING, "write 1.25%"},
        {"1", 0, MISSING, "write 100%"},
        {"30", 0, MISSING, "write 30%"},
        {"-1%", 0, RANGE, "negative"},
        {0},
    };

    check_rows(rows, vs_parse_ratio);
}

static void
test_plain_numbers_take_no_unit(void)
{
    static const Row integers[] = {
        {"65537", 65537, 0, NULL},
        {" 0 ", 0, 0, NULL},
        {"18446744073709551615", UINT64_MAX, 0, NULL},
        {"18446744073709551616", 0, RANGE, "at most 18446744073709551615"},
        {"1.0", 0, SYNTAX, "not a whole number"},
        {"0x10", 0, SYNTAX, "not a whole number"},
        {"-1", 0, RANGE, "write 0 or more"},
        {"12 ms", 0, SYNTAX, "not a whole number"},
        {"", 0, SYNTAX, "write it in digits, such as 100"},
        {0},
    };
    static const Row decimals[] = {
        {"2.5", 2500000000u, 0, NULL},
        {"4", 4000000000u, 0, NULL},
        {"0.000000001", 1, 0, NULL},
        {"0.0000000001", 0, INEXACT, "write 0 or 0.000000001"},
        {"1e3", 0, SYNTAX, "not a number"},
        {0},
    };

    check_rows(integers, vs_parse_uint);
    check_rows(decimals, vs_parse_decimal);
}

static void
test_addresses_are_in_host_order(void)
{
    static const Row rows[] = {
        {"192.0.2.1", 0xC0000201, 0, NULL},
        {"0.0.0.0", 0, 0, NULL},
        {"255.255.255.255", 0xFFFFFFFF, 0, NULL},
        {"10.0.0", 0, SYNTAX, "write four numbers from 0 to 255"},
        {"10.0.0.", 0, SYNTAX, "four numbers"},
        {"10.0.0.01", 0, SYNTAX, "four numbers"},
        {"10.0.0.1000", 0, SYNTAX, "four numbers"},
        {"10.0.0.256", 0, RANGE, "has the byte 256"},
        {"10.0.0.1:80", 0, SYNTAX, "write 10.0.0.1"},
        {"", 0, SYNTAX, "not an IPv4 address"},
        {0},
    };

    check_rows(rows, parse_ipv4);
}

static void
test_prefixes_have_no_host_bits(void)
{
    static const Row rows[] = {
        {"10.0.0.0/16", UINT64_C(0x0A000000) * 100 + 16, 0, NULL},
        {"0.0.0.0/0", 0, 0, NULL},
        {"192.0.2.1/32", UINT64_C(0xC0000201) * 100 + 32, 0, NULL},
        {"10.0.1.0/16", 0, INEXACT, "write 10.0.0.0/16"},
        {"128.0.0.0/0", 0, INEXACT, "write 0.0.0.0/0"},
        {"10.0.0.0", 0, MISSING, "write 10.0.0.0/32"},
        {"10.0.0.0/33", 0, RANGE, "write 0 to 32"},
        {"10.0.0.0/", 0, SYNTAX, "not an IPv4 prefix"},
        {"10.0.0.0/08", 0, SYNTAX, "not an IPv4 prefix"},
        {"10.0.0.0/8x", 0, SYNTAX, "not an IPv4 prefix"},
        {"10.0.0/8", 0, SYNTAX, "not an IPv4 address"},
        {0},
    };

    check_rows(rows, parse_prefix);
}

static void
check_text(char *text, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(text, expected);
    if (strcmp(text, expected) != 0) {
        printf("\n    %s instead of %s\n", text, expected);
    }
    g_free(text);
}

static void
test_the_shortest_text_is_printed(void)
{
    check_text(vs_format_time(0), "0ps");
    check_text(vs_format_time(1), "1ps");
    check_text(vs_format_time(1500), "1.5ns");
    check_text(vs_format_time(INT64_C(2500000000)), "2.5ms");
    check_text(vs_format_time(INT64_C(100000000)), "100us");
    check_text(vs_format_time(60 * PS_PER_S), "60s");
    check_text(vs_format_time(3600 * PS_PER_S), "1h");
    check_text(vs_format_time(INT64_C(1234567890123)), "1.234567890123s");
    check_text(vs_format_time(-1500), "-1.5ns");
    check_text(vs_format_rate(UINT64_C(10000000000)), "10Gbit/s");
    check_text(vs_format_rate(0), "0bit/s");
    check_text(vs_format_size(1538), "1538B");
    check_text(vs_format_size(65536), "64KiB");
    check_text(vs_format_size(1000000), "1MB");
    check_text(vs_format_frequency(UINT64_C(20000000000)), "20k/s");
    check_text(vs_format_frequency(50000), "0.05/s");
    check_text(vs_format_ratio(100000), "0.01%");
    check_text(vs_format_ratio(1000000000), "100%");
    check_text(vs_format_decimal(2500000000u), "2.5");
    check_text(vs_format_ipv4(0xC0000201), "192.0.2.1");
    check_text(vs_format_ipv4_prefix(0x0A000000, 8), "10.0.0.0/8");
}

static void
test_short_times_have_four_digits(void)
{
    check_text(vs_format_time_short(0), "0ps");
    check_text(vs_format_time_short(999), "999ps");
    check_text(vs_format_time_short(1000), "1.000ns");
    check_text(vs_format_time_short(INT64_C(12345678901)), "12.35ms");
    check_text(vs_format_time_short(2 * PS_PER_S), "2.000s");
    check_text(vs_format_time_short(INT64_C(123450000)), "123.5us");
    check_text(vs_format_time_short(9999499), "9.999us");
    check_text(vs_format_time_short(9999500), "10.00us"); /* Not 10.000us. */
    check_text(vs_format_time_short(999949999), "999.9us");
    check_text(vs_format_time_short(999950000), "1.000ms"); /* Not 1000.0us. */
    check_text(vs_format_time_short(12345 * PS_PER_S + PS_PER_S / 2), "12346s");
    check_text(vs_format_time_short(INT64_MAX), "9223372s");
    check_text(vs_format_time_short(INT64_MIN), "-9223372s");
    check_text(vs_format_time_short(-1500), "-1.500ns");
}

/* 64 bits of every magnitude, among them few-digit decimals. */
static uint64_t
pick_value(unsigned i)
{
    static const uint64_t powers[] = {
        1, 60, 3600, 1000, 1024, 1000000, 1048576, 1000000000, UINT64_C(1000000000000)};
    uint64_t random = vs_mix64(i + 1);

    return i % 2 ? random >> (random & 63)
                 : (random >> 48) * powers[i / 2 % G_N_ELEMENTS(powers)];
}

#define CHECK_ROUND_TRIP(type, parse, format, value_)                       \
    do {                                                                    \
        type wanted_ = (value_), got_ = !wanted_;                           \
        g_autoptr(GError) error_ = NULL;                                    \
        g_autofree char *text_ = format(wanted_);                           \
                                                                            \
        if (!parse(text_, &got_, &error_) || got_ != wanted_) {             \
            n_failures++;                                                   \
            printf("\n    %s: %s\n", text_, error_ ? error_->message : ""); \
        }                                                                   \
    } while (0)

static void
test_reading_what_was_printed_gives_it_again(void)
{
    unsigned n_failures = 0;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t value = pick_value(i);

        CHECK_ROUND_TRIP(int64_t, vs_parse_time, vs_format_time, (int64_t)(value >> 1));
        CHECK_ROUND_TRIP(uint64_t, vs_parse_rate, vs_format_rate, value);
        CHECK_ROUND_TRIP(uint64_t, vs_parse_size, vs_format_size, value);
        CHECK_ROUND_TRIP(uint64_t, vs_parse_frequency, vs_format_frequency, value);
        CHECK_ROUND_TRIP(uint64_t, vs_parse_ratio, vs_format_ratio, value % 1000000001);
        CHECK_ROUND_TRIP(uint64_t, vs_parse_decimal, vs_format_decimal, value);
        CHECK_ROUND_TRIP(uint32_t, vs_parse_ipv4, vs_format_ipv4, (uint32_t)value);
    }
    CHECK_ROUND_TRIP(int64_t, vs_parse_time, vs_format_time, INT64_MAX);
    CHECK_ROUND_TRIP(uint64_t, vs_parse_rate, vs_format_rate, UINT64_MAX);
    CHECK_ROUND_TRIP(uint64_t, vs_parse_size, vs_format_size, UINT64_MAX);
    CHECK_ROUND_TRIP(uint64_t, vs_parse_frequency, vs_format_frequency, UINT64_MAX);
    CU_ASSERT_EQUAL(n_failures, 0);
}

static const VsTestCase tests[] = {
    {"times are picoseconds", test_times_are_picoseconds},
    {"rates are bits a second", test_rates_are_bits_a_second},
    {"sizes tell kilo from kibi", test_sizes_tell_kilo_from_kibi},
    {"frequencies count events in a million seconds",
     test_frequencies_count_events_in_a_million_seconds},
    {"ratios are percentages", test_ratios_are_percentages},
    {"plain numbers take no unit", test_plain_numbers_take_no_unit},
    {"addresses are in host order", test_addresses_are_in_host_order},
    {"prefixes have no host bits", test_prefixes_have_no_host_bits},
    {"the shortest text is printed", test_the_shortest_text_is_printed},
    {"short times have four digits", test_short_times_have_four_digits},
    {"reading what was printed gives it again",
     test_reading_what_was_printed_gives_it_again},
    {0},
};

VS_TESTS("units")
