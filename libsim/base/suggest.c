#include "base/suggest.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_LISTED = 6 };

static inline bool
is_same_letter(char a, char b)
{
    return g_ascii_tolower(a) == g_ascii_tolower(b);
}

/* Damerau-Levenshtein, where no letter is edited twice ("optimal string alignment"): three
 * rows of the matrix are enough, since a swap looks two back. */
static unsigned
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t width = b_length + 1;
    g_autofree unsigned *cells = g_new(unsigned, 3 * width);
    unsigned *before = cells, *above = cells + width, *row = cells + 2 * width;

    for (size_t j = 0; j <= b_length; j++) {
        above[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *recycled = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = above[j - 1] + !is_same_letter(a[i - 1], b[j - 1]);

            best = MIN(best, above[j] + 1);
            best = MIN(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) &&
                is_same_letter(a[i - 2], b[j - 1])) {
                best = MIN(best, before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = above;
        above = row;
        row = recycled;
    }

    return above[b_length];
}

const char *
vs_suggest(const char *word, const char *const *candidates)
{
    size_t word_length = strlen(word);
    const char *nearest = NULL;
    unsigned nearest_distance = G_MAXUINT;

    for (; *candidates; candidates++) {
        size_t length = strlen(*candidates);
        size_t longer = MAX(word_length, length);
        size_t limit = CLAMP(longer / 3, 1, 3);
        unsigned d;

        if (longer - MIN(word_length, length) > limit) {
            continue;
        }
        d = distance(word, word_length, *candidates, length);
        if (d <= limit && d < longer && d < nearest_distance) {
            nearest = *candidates;
            nearest_distance = d;
        }
    }
    return nearest;
}

char *
vs_suggest_list(const char *start, const char *const *names)
{
    GString *text = g_string_new(NULL);
    unsigned n_names = g_strv_length((char **)names);
    unsigned n_shown = n_names <= MAX_LISTED + 1 ? n_names : MAX_LISTED;

    for (unsigned i = 0; i < n_shown; i++) {
        g_string_append_printf(text, "%s%s", i == 0 ? start : ", ", names[i]);
    }
    if (n_shown < n_names) {
        g_string_append_printf(text, " and %u more", n_names - n_shown);
    }
    return g_string_free(text, FALSE);
}
