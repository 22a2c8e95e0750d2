#include <string.h>

#include "base/suggest.h"
#include "scenario/private.h"

bool
vs_is_id(const char *text)
{
    if (!g_ascii_isalnum(*text)) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c)) {
            return false;
        }
    }
    return true;
}

char *
vs_suggestion(const char *word, const char *const *candidates, const char *before,
              const char *after, const char *what)
{
    enum { MOST = 12 };
    const char *meant = vs_suggest(word, candidates);
    GString *text = g_string_new(NULL);
    unsigned n = 0;

    if (meant) {
        g_string_printf(text, "; did you mean %s%s%s?", before, meant, after);
        return g_string_free(text, FALSE);
    }
    for (; candidates[n] && n < MOST; n++) {
        g_string_append_printf(text, "%s%s%s%s", n ? ", " : "; ", n ? "" : what,
                               n ? "" : " ", candidates[n]);
    }
    if (candidates[n]) {
        g_string_append(text, ", ...");
    }
    return g_string_free(text, FALSE);
}
