/* Segments of scripts: reading, writing, comparing. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "packet/packet.h"
#include "script.h"

static const struct {
    char letter;
    uint8_t flag;
} flag_letters[] = {
    {'S', VS_TCP_SYN}, {'F', VS_TCP_FIN}, {'R', VS_TCP_RST},
    {'P', VS_TCP_PSH}, {'.', VS_TCP_ACK},
};

static bool
fail(GError **error, const char *what, const char *text)
{
    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX, "%s: \"%s\"", what, text);
    return false;
}

static bool
parse_flags(const char *word, uint8_t *flags, GError **error)
{
    for (const char *at = word; *at; at++) {
        unsigned i = 0;

        while (i < G_N_ELEMENTS(flag_letters) && flag_letters[i].letter != *at) {
            i++;
        }
        if (i == G_N_ELEMENTS(flag_letters) || (*flags & flag_letters[i].flag)) {
            return fail(error, "flags are of S F R P and \".\", each once", word);
        }
        *flags |= flag_letters[i].flag;
    }
    return true;
}

static bool
parse_number(const char *word, uint64_t max, uint32_t *ret, GError **error)
{
    uint64_t number;

    if (!word) {
        return fail(error, "a number is missing", "");
    }
    if (!vs_parse_uint(word, &number, error)) {
        return false;
    }
    if (number > max) {
        return fail(error, "a number is too large", word);
    }
    *ret = (uint32_t)number;
    return true;
}

/* START:END(BYTES) */
static bool
parse_range(const char *word, ScriptSegment *segment, GError **error)
{
    unsigned start, end, bytes;
    int length = 0;

    if (sscanf(word, "%u:%u(%u)%n", &start, &end, &bytes, &length) != 3 ||
        word[length] != '\0' || end - start != bytes) {
        return fail(error, "not START:END(BYTES), with END = START + BYTES", word);
    }
    segment->has_range = true;
    segment->start = start;
    segment->bytes = bytes;
    return true;
}

/* The words after "sack". */
static bool
parse_sack(char **words, ScriptSegment *segment, GError **error)
{
    segment->n_sack = g_strv_length(words);
    if (segment->n_sack == 0 || segment->n_sack > VS_TCP_SACK_MAX_BLOCKS) {
        return fail(error, "sack has 1 to 4 blocks", words[0] ? words[0] : "");
    }
    for (unsigned i = 0; i < segment->n_sack; i++) {
        VsSackBlock *block = &segment->sack[i];
        int length = 0;

        if (sscanf(words[i], "%u:%u%n", &block->start, &block->end, &length) != 2 ||
            words[i][length] != '\0') {
            return fail(error, "a block is START:END", words[i]);
        }
    }
    return true;
}

static bool
parse_option(char **words, ScriptSegment *segment, GError **error)
{
    unsigned n_words = g_strv_length(words);
    uint32_t number = 0;

    if (n_words == 2 && strcmp(words[0], "mss") == 0) {
        if (!parse_number(words[1], UINT16_MAX, &number, error)) {
            return false;
        }
        segment->mss = (uint16_t)number;
    } else if (n_words == 2 && strcmp(words[0], "wscale") == 0) {
        if (!parse_number(words[1], 254, &number, error)) {
            return false;
        }
        segment->wscale = (uint8_t)(number + 1);
    } else if (n_words == 3 && strcmp(words[0], "ts") == 0) {
        segment->has_timestamps = true;
        return parse_number(words[1], UINT32_MAX, &segment->ts_value, error) &&
               parse_number(words[2], UINT32_MAX, &segment->ts_echo, error);
    } else if (n_words == 1 && strcmp(words[0], "sackOK") == 0) {
        segment->has_sack_permitted = true;
    } else if (n_words > 1 && strcmp(words[0], "sack") == 0) {
        return parse_sack(words + 1, segment, error);
    } else {
        return fail(error, "not an option", n_words > 0 ? words[0] : "");
    }
    return true;
}

/* The words between "<" and ">". */
static bool
parse_options(const char *text, ScriptSegment *segment, GError **error)
{
    g_auto(GStrv) options = g_strsplit(text, ",", -1);

    segment->has_options = true;
    for (unsigned i = 0; options[i]; i++) {
        g_auto(GStrv) words = g_strsplit(g_strstrip(options[i]), " ", -1);

        if (!parse_option(words, segment, error)) {
            return false;
        }
    }
    return true;
}

static bool
parse_words(char **words, ScriptSegment *segment, GError **error)
{
    unsigned i = 1;

    if (!words[0] || !parse_flags(words[0], &segment->flags, error)) {
        return words[0] ? false : fail(error, "a segment has flags", "");
    }
    if (words[i] && g_ascii_isdigit(words[i][0]) &&
        !parse_range(words[i++], segment, error)) {
        return false;
    }
    while (words[i]) {
        const char *word = words[i++];
        uint32_t number = 0;

        if (strcmp(word, "ack") == 0) {
            segment->has_ack = true;
            if (!parse_number(words[i], UINT32_MAX, &segment->ack, error)) {
                return false;
            }
        } else if (strcmp(word, "win") == 0) {
            segment->has_window = true;
            if (!parse_number(words[i], UINT16_MAX, &number, error)) {
                return false;
            }
            segment->window = (uint16_t)number;
        } else if (strcmp(word, "of") == 0) {
            if (!words[i] || sscanf(words[i], "%u:%u", &segment->message_start,
                                    &segment->message_end) != 2) {
                return fail(error, "\"of\" needs START:END", words[i] ? words[i] : "");
            }
        } else {
            return fail(error, "not a word of segments", word);
        }
        i++;
    }
    if (segment->has_ack != ((segment->flags & VS_TCP_ACK) != 0)) {
        return fail(error, "\".\" and \"ack\" go together", words[0]);
    }
    return true;
}

bool
script_segment_parse(const char *text, ScriptSegment *segment, GError **error)
{
    g_autofree char *left = g_strdup(text);
    char *options = strchr(left, '<');
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    memset(segment, 0, sizeof(*segment));
    if (options) {
        char *end = strchr(options, '>');

        if (!end) {
            return fail(error, "\"<\" without \">\"", text);
        }
        *end = '\0';
        if (!parse_options(options + 1, segment, error)) {
            return false;
        }
        memset(options, ' ', (size_t)(end - options) + 1);
    }
    for (char *at = strtok(left, " \t"); at; at = strtok(NULL, " \t")) {
        g_ptr_array_add(words, at);
    }
    g_ptr_array_add(words, NULL);
    return parse_words((char **)words->pdata, segment, error);
}

char *
script_segment_print(const ScriptSegment *segment)
{
    GString *text = g_string_new(NULL);
    const char *comma = "";

    for (unsigned i = 0; i < G_N_ELEMENTS(flag_letters); i++) {
        if (segment->flags & flag_letters[i].flag) {
            g_string_append_c(text, flag_letters[i].letter);
        }
    }
    if (segment->has_range) {
        g_string_append_printf(text, " %u:%u(%u)", segment->start,
                               segment->start + segment->bytes, segment->bytes);
    }
    if (segment->has_ack) {
        g_string_append_printf(text, " ack %u", segment->ack);
    }
    if (segment->has_window) {
        g_string_append_printf(text, " win %u", segment->window);
    }
    if (segment->has_options) {
        g_string_append(text, " <");
        if (segment->mss != 0) {
            g_string_append_printf(text, "mss %u", segment->mss);
            comma = ", ";
        }
        if (segment->has_sack_permitted) {
            g_string_append_printf(text, "%ssackOK", comma);
            comma = ", ";
        }
        if (segment->wscale != 0) {
            g_string_append_printf(text, "%swscale %u", comma, segment->wscale - 1);
            comma = ", ";
        }
        if (segment->has_timestamps) {
            g_string_append_printf(text, "%sts %u %u", comma, segment->ts_value,
                                   segment->ts_echo);
            comma = ", ";
        }
        if (segment->n_sack > 0) {
            g_string_append_printf(text, "%ssack", comma);
        }
        for (unsigned i = 0; i < segment->n_sack; i++) {
            g_string_append_printf(text, " %u:%u", segment->sack[i].start,
                                   segment->sack[i].end);
        }
        g_string_append_c(text, '>');
    }
    return g_string_free(text, FALSE);
}

static bool
has_same_sack(const ScriptSegment *a, const ScriptSegment *b)
{
    return a->has_sack_permitted == b->has_sack_permitted && a->n_sack == b->n_sack &&
           memcmp(a->sack, b->sack, a->n_sack * sizeof(VsSackBlock)) == 0;
}

const char *
script_segment_differs(const ScriptSegment *expected, const ScriptSegment *got)
{
    if (expected->flags != got->flags) {
        return "flags";
    }
    if (expected->has_range &&
        (expected->start != got->start || expected->bytes != got->bytes)) {
        return "range";
    }
    if (expected->has_ack && expected->ack != got->ack) {
        return "ack";
    }
    if (expected->has_window && expected->window != got->window) {
        return "win";
    }
    if (expected->has_options &&
        (expected->mss != got->mss || expected->wscale != got->wscale ||
         expected->has_timestamps != got->has_timestamps ||
         expected->ts_value != got->ts_value || expected->ts_echo != got->ts_echo ||
         !has_same_sack(expected, got))) {
        return "options";
    }
    return NULL;
}
