/* Quantities as people write them ("10Gbit/s", "2.5ms") to and from exact integers.
 *
 * A unit is mandatory, for a bare "100" has cost many an experiment.  Decimals are exact:
 * the text is scaled with integers alone, and what the integer cannot hold is an error,
 * not a rounding.  Space is allowed around the text and between number and unit.
 *
 * All functions return false with 'error' set in the domain VS_UNITS_ERROR; its message
 * starts with the value in quotes and says what would be right.  'ret' is then untouched. */
#ifndef VS_BASE_UNITS_H
#define VS_BASE_UNITS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VS_UNITS_ERROR (vs_units_error_quark())

typedef enum {
    VS_UNITS_ERROR_SYNTAX,       /* Not a number where one is due. */
    VS_UNITS_ERROR_UNIT_MISSING, /* "100" */
    VS_UNITS_ERROR_UNIT_UNKNOWN, /* "100Mb" */
    VS_UNITS_ERROR_RANGE,        /* Negative, or above what the integer holds. */
    VS_UNITS_ERROR_INEXACT,      /* "0.1ps": finer than the integer's step. */
} VsUnitsError;

GQuark vs_units_error_quark(void);

/* Picoseconds, 0 .. 2^63-1 (106 days); units ps ns us ms s min h. */
bool vs_parse_time(const char *text, int64_t *ret_ps,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bits a second; units bit/s kbit/s Mbit/s Gbit/s Tbit/s, each 1000 of the one before. */
bool vs_parse_rate(const char *text, uint64_t *ret_bits_per_s,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes; units B, kB MB GB (powers of 1000), KiB MiB GiB (powers of 1024). */
bool vs_parse_size(const char *text, uint64_t *ret_bytes,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Events in 10^6 seconds; units /s k/s M/s G/s /min /h: "1000/s", "0.5/s", "20k/s". */
bool vs_parse_frequency(const char *text, uint64_t *ret_micro_per_s,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Parts in 10^9, 0 .. 10^9; the unit is %: "0.01%" is 100000.  "0.5" is refused. */
bool vs_parse_ratio(const char *text, uint64_t *ret_ppb,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A bare decimal integer without sign. */
bool vs_parse_uint(const char *text, uint64_t *ret,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A bare decimal number without unit, sign or exponent, in parts of 10^9: "2.5" is
 * 2500000000.  For shapes of distributions, weights and the like. */
bool vs_parse_decimal(const char *text, uint64_t *ret_nano,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Dotted quad without leading zeros, in host byte order: "192.0.2.1" is 0xC0000201. */
bool vs_parse_ipv4(const char *text, uint32_t *ret_address,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "10.0.0.0/16".  Bits beyond the length must be zero. */
bool vs_parse_ipv4_prefix(const char *text, uint32_t *ret_address, unsigned *ret_length,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The inverse, newly allocated: of all exact texts with a number of at least 1 the shortest,
 * in the largest unit if there are several ("2.5ms", "1500ps" as "1.5ns", "1001ps").  Reading
 * the result always gives the argument again.  A negative time, which cannot be read, has a
 * sign. */
char *vs_format_time(int64_t ps);
char *vs_format_rate(uint64_t bits_per_s);
char *vs_format_size(uint64_t bytes);
char *vs_format_frequency(uint64_t micro_per_s);
char *vs_format_ratio(uint64_t ppb);
char *vs_format_decimal(uint64_t nano);
char *vs_format_ipv4(uint32_t address);
char *vs_format_ipv4_prefix(uint32_t address, unsigned length);
char *vs_format_mac(uint64_t mac); /* "02:00:00:01:00:03" */

/* For people only: four significant digits, rounded half up ("12.35ms", "2.000s").  Seconds
 * are the largest unit.  Times below one nanosecond are whole ("999ps"). */
char *vs_format_time_short(int64_t ps);

#endif
