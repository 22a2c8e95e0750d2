/* Numbers as results show them, the same in every locale. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Sums of times, in ps, that 64 bits may not hold. */
__extension__ typedef unsigned __int128 VsSum;

/* "12,345,678": for people.  Newly allocated, as are the next four. */
char *vs_number_print_count(VsSum count);

/* All digits, for files; vs_number_read_sum() gives it back. */
char *vs_number_print_sum(VsSum sum);

/* "49.9%"; "0%" only of nothing at all, otherwise at least "<0.1%". */
char *vs_number_print_share(double share);

/* Four significant digits or more: "0.500/s", "999.0/s", "12345/s", "123.5k/s". */
char *vs_number_print_rate(double per_s);

/* "0", "0.1235", "3.142", "12346": four significant digits, or all before the point. */
char *vs_number_print_real(double number);

/* False unless 'text' is digits only, of a sum. */
bool vs_number_read_sum(const char *text, VsSum *ret);

/* 'sum' / 'count' rounded half up; 0 of none. */
int64_t vs_number_mean(VsSum sum, uint64_t count);

/* 'part' / 'whole'; 0 if that is 0. */
double vs_number_ratio(VsSum part, VsSum whole);
