#include "results/number.h"

#include <float.h>
#include <glib.h>

/* Digits of 2^128, their commas and the end. */
#define SUM_LENGTH (39 + 13 + 1)

/* The digits of 'sum', a separator before each third of them unless that is 0. */
static char *
print_digits(VsSum sum, char separator)
{
    char digits[SUM_LENGTH];
    char *first = digits + sizeof(digits) - 1;
    unsigned n = 0;

    *first = '\0';
    do {
        if (separator && n > 0 && n % 3 == 0) {
            *--first = separator;
        }
        *--first = (char)('0' + (int)(sum % 10));
        sum /= 10;
        n++;
    } while (sum > 0);
    return g_strdup(first);
}

char *
vs_number_print_count(VsSum count)
{
    return print_digits(count, ',');
}

char *
vs_number_print_sum(VsSum sum)
{
    return print_digits(sum, '\0');
}

static char *
print_fixed(double number, int n_decimals, const char *unit)
{
    char format[] = "%.0f";
    char text[G_ASCII_DTOSTR_BUF_SIZE + DBL_MAX_10_EXP];

    format[2] = (char)('0' + n_decimals);
    return g_strconcat(g_ascii_formatd(text, sizeof(text), format, number), unit, NULL);
}

char *
vs_number_print_share(double share)
{
    if (share > 0 && share < 0.0005) {
        return g_strdup("<0.1%");
    }
    return share == 0 ? g_strdup("0%") : print_fixed(100 * share, 1, "%");
}

/* Decimals that leave four significant digits, rounding included. */
static int
count_decimals(double number)
{
    int n_decimals = 3;

    for (double limit = 9.9995; n_decimals > 0 && number >= limit; limit *= 10) {
        n_decimals--;
    }
    return n_decimals;
}

char *
vs_number_print_rate(double per_s)
{
    static const char *const units[] = {"/s", "k/s", "M/s", "G/s"};
    unsigned unit = 0;

    if (per_s >= 99999.5) {
        for (; per_s >= 999.95 && unit + 1 < G_N_ELEMENTS(units); unit++) {
            per_s /= 1000;
        }
    }
    return per_s == 0 ? g_strdup("0/s")
                      : print_fixed(per_s, count_decimals(per_s), units[unit]);
}

char *
vs_number_print_real(double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (number >= 1) {
        return print_fixed(number, count_decimals(number), "");
    }
    if (number >= 1e-4) {
        return print_fixed(number, 4, "");
    }
    return g_strdup(number == 0 ? "0"
                                : g_ascii_formatd(text, sizeof(text), "%.1e", number));
}

bool
vs_number_read_sum(const char *text, VsSum *ret)
{
    const VsSum max = ~(VsSum)0;
    VsSum sum = 0;

    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        VsSum digit = (VsSum)(*text - '0');

        if (!g_ascii_isdigit(*text) || sum > (max - digit) / 10) {
            return false;
        }
        sum = 10 * sum + digit;
    }
    *ret = sum;
    return true;
}

int64_t
vs_number_mean(VsSum sum, uint64_t count)
{
    return count ? (int64_t)((2 * sum + count) / (2 * (VsSum)count)) : 0;
}

double
vs_number_ratio(VsSum part, VsSum whole)
{
    return whole ? (double)part / (double)whole : 0;
}
