/* Values in nft texts: numbers, names, addresses, times, verdicts. */
#include <string.h>

#include "base/units.h"
#include "netfilter/nft_parse.h"

bool
vs_nft_fail(VsNftParser *parser, VsRulesetError code, const char *format, ...)
{
    va_list arguments;
    g_autofree char *message = NULL;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(parser->error, VS_RULESET_ERROR, code, "%s:%u: %s", parser->file_name,
                parser->lexer.token_line, message);
    return false;
}

bool
vs_nft_fail_expected(VsNftParser *parser, const char *wanted)
{
    const VsNftLexer *lexer = &parser->lexer;

    switch (lexer->kind) {
    case VS_NFT_END:
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "the text ends where %s is due", wanted);
    case VS_NFT_SEPARATOR:
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "the statement ends where %s is due", wanted);
    case VS_NFT_BAD:
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX,
                           "\"%s\" is no word of nft, or a quote without an end; "
                           "%s is due",
                           lexer->text->str, wanted);
    default:
        return vs_nft_fail(parser, VS_RULESET_ERROR_SYNTAX, "\"%s\" where %s is due",
                           lexer->text->str, wanted);
    }
}

bool
vs_nft_expect(VsNftParser *parser, const char *text)
{
    g_autofree char *wanted = NULL;

    if (vs_nft_take(parser, text)) {
        return true;
    }
    wanted = g_strdup_printf("\"%s\"", text);
    return vs_nft_fail_expected(parser, wanted);
}

void
vs_nft_skip_newlines(VsNftParser *parser)
{
    while (parser->lexer.kind == VS_NFT_SEPARATOR && parser->lexer.is_newline) {
        vs_nft_lexer_next(&parser->lexer);
    }
}

bool
vs_nft_read_name(VsNftParser *parser, const char *what, char **ret_name)
{
    if (parser->lexer.kind != VS_NFT_WORD) {
        return vs_nft_fail_expected(parser, what);
    }
    *ret_name = g_strdup(parser->lexer.text->str);
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

bool
vs_nft_read_string(VsNftParser *parser, const char *what, char **ret_string)
{
    if (parser->lexer.kind != VS_NFT_STRING && parser->lexer.kind != VS_NFT_WORD) {
        return vs_nft_fail_expected(parser, what);
    }
    *ret_string = g_strdup(parser->lexer.text->str);
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

/* Decimal or, after "0x", hexadecimal. */
static bool
parse_uint(const char *text, uint64_t max, uint64_t *ret)
{
    bool is_hex = g_str_has_prefix(text, "0x");
    const char *digits = is_hex ? text + 2 : text;

    return g_ascii_string_to_unsigned(digits, is_hex ? 16 : 10, 0, max, ret, NULL);
}

bool
vs_nft_read_uint(VsNftParser *parser, const char *what, uint64_t max, uint64_t *ret)
{
    if (parser->lexer.kind != VS_NFT_WORD ||
        !parse_uint(parser->lexer.text->str, max, ret)) {
        return vs_nft_fail_expected(parser, what);
    }
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

static bool
fail_words(VsNftParser *parser, const char *what, const VsNftWord *words)
{
    g_autoptr(GString) wanted = g_string_new(what);

    g_string_append(wanted, " (");
    for (const VsNftWord *word = words; word->text; word++) {
        g_string_append_printf(wanted, "%s%s", word == words ? "" : ", ", word->text);
    }
    g_string_append(wanted, ")");
    return vs_nft_fail_expected(parser, wanted->str);
}

bool
vs_nft_read_word(VsNftParser *parser, const char *what, const VsNftWord *words,
                 uint32_t *ret)
{
    if (parser->lexer.kind != VS_NFT_WORD ||
        !vs_nft_find_value(words, parser->lexer.text->str, ret)) {
        return fail_words(parser, what, words);
    }
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

/* "1d12h", "30s", "500ms", or bare seconds. */
static bool
parse_time(const char *text, VsTime *ret)
{
    static const struct {
        const char *unit;
        VsTime time;
    } units[] = {
        {"ms", VS_MS},    {"d", 86400 * VS_S}, {"h", 3600 * VS_S},
        {"m", 60 * VS_S}, {"s", VS_S},
    };
    VsTime sum = 0;

    do {
        char *end;
        uint64_t number = g_ascii_strtoull(text, &end, 10);
        VsTime unit = *end == '\0' ? VS_S : 0;

        if (end == text || !g_ascii_isdigit(*text)) {
            return false;
        }
        for (unsigned i = 0; unit == 0 && i < G_N_ELEMENTS(units); i++) {
            if (g_str_has_prefix(end, units[i].unit)) {
                unit = units[i].time;
                end += strlen(units[i].unit);
            }
        }
        if (unit == 0 || number > (uint64_t)((INT64_MAX - sum) / unit)) {
            return false;
        }
        sum += (VsTime)number * unit;
        text = end;
    } while (*text);
    *ret = sum;
    return true;
}

bool
vs_nft_read_time(VsNftParser *parser, VsTime *ret)
{
    if (parser->lexer.kind != VS_NFT_WORD ||
        !parse_time(parser->lexer.text->str, ret)) {
        return vs_nft_fail_expected(parser, "a time below 106 days such as 1h30m");
    }
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

/* One value without prefix or range. */
static bool
parse_value(VsNftKind kind, const char *text, uint32_t *ret)
{
    const VsNftWord *words = vs_nft_kind_words(kind);
    uint64_t number;

    if (words && vs_nft_find_value(words, text, ret)) {
        return true;
    }
    if (kind == VS_NFT_ADDRESS) {
        return vs_parse_ipv4(text, ret, NULL);
    }
    if (kind == VS_NFT_CT_STATE || kind == VS_NFT_CT_STATUS ||
        kind == VS_NFT_ADDR_TYPE || !parse_uint(text, vs_nft_kind_max(kind), &number)) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

static bool
parse_prefix(const char *text, VsNftRange *ret)
{
    const char *slash = strchr(text, '/');
    g_autofree char *address = g_strndup(text, (gsize)(slash - text));
    uint64_t length;
    uint32_t rest;

    if (!vs_parse_ipv4(address, &ret->min, NULL) ||
        !parse_uint(slash + 1, 32, &length)) {
        return false;
    }
    rest = length == 32 ? 0 : UINT32_MAX >> length;
    ret->min &= ~rest;
    ret->max = ret->min | rest;
    ret->prefix_length = (uint8_t)length;
    return true;
}

static bool
parse_range(VsNftKind kind, const char *text, VsNftRange *ret)
{
    const char *dash = strchr(text, '-');

    if (parse_value(kind, text, &ret->min)) {
        ret->max = ret->min;
        ret->prefix_length = 32;
        return true;
    }
    if (kind == VS_NFT_ADDRESS && strchr(text, '/')) {
        return parse_prefix(text, ret);
    }
    if (dash && !vs_nft_kind_is_flags(kind)) {
        g_autofree char *min = g_strndup(text, (gsize)(dash - text));

        ret->prefix_length = VS_NFT_NO_PREFIX;
        return parse_value(kind, min, &ret->min) &&
               parse_value(kind, dash + 1, &ret->max) && ret->min <= ret->max;
    }
    return false;
}

static bool
fail_value(VsNftParser *parser, VsNftKind kind)
{
    const VsNftWord *words = vs_nft_kind_words(kind);

    if (words) {
        return fail_words(parser, "one of the values modelled", words);
    }
    switch (kind) {
    case VS_NFT_ADDRESS:
        return vs_nft_fail_expected(parser,
                                    "an IPv4 address, prefix or range (names are not "
                                    "looked up)");
    case VS_NFT_PORT:
        return vs_nft_fail_expected(parser,
                                    "a port or a range of them (names such as http are "
                                    "not read: write 80)");
    default:
        return vs_nft_fail_expected(parser, "a number that fits");
    }
}

static bool
read_flags(VsNftParser *parser, VsNftKind kind, bool is_in_set, uint32_t *ret)
{
    bool is_nested = vs_nft_take(parser, "(");
    uint32_t flag;

    *ret = 0;
    do {
        if (parser->lexer.kind != VS_NFT_WORD ||
            !parse_value(kind, parser->lexer.text->str, &flag)) {
            return fail_value(parser, kind);
        }
        vs_nft_lexer_next(&parser->lexer);
        *ret |= flag;
    } while (vs_nft_take(parser, "|") || (!is_in_set && vs_nft_take(parser, ",")));
    return !is_nested || vs_nft_expect(parser, ")");
}

/* "10.0.0.1 - 10.0.0.9", with blanks. */
static bool
read_rest_of_range(VsNftParser *parser, VsNftKind kind, VsNftRange *ret)
{
    if (!vs_nft_take(parser, "-")) {
        return true;
    }
    if (parser->lexer.kind != VS_NFT_WORD ||
        !parse_value(kind, parser->lexer.text->str, &ret->max) || ret->max < ret->min) {
        return fail_value(parser, kind);
    }
    ret->prefix_length = VS_NFT_NO_PREFIX;
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

bool
vs_nft_read_range(VsNftParser *parser, VsNftKind kind, bool is_in_set, VsNftRange *ret)
{
    if (vs_nft_kind_is_flags(kind)) {
        if (!read_flags(parser, kind, is_in_set, &ret->min)) {
            return false;
        }
        ret->max = ret->min;
        ret->prefix_length = 32;
        return true;
    }
    if (parser->lexer.kind != VS_NFT_WORD ||
        !parse_range(kind, parser->lexer.text->str, ret)) {
        return fail_value(parser, kind);
    }
    vs_nft_lexer_next(&parser->lexer);
    return read_rest_of_range(parser, kind, ret);
}

bool
vs_nft_read_value(VsNftParser *parser, VsNftKind kind, bool is_in_set, uint32_t *ret)
{
    VsNftRange range;

    if (!vs_nft_read_range(parser, kind, is_in_set, &range)) {
        return false;
    }
    if (range.min != range.max) {
        return vs_nft_fail(parser, VS_RULESET_ERROR_UNSUPPORTED,
                           "a range or prefix is not modelled here; write one value");
    }
    *ret = range.min;
    return true;
}

bool
vs_nft_is_verdict(const VsNftParser *parser)
{
    uint32_t kind;

    return parser->lexer.kind == VS_NFT_WORD &&
           vs_nft_find_value(vs_nft_verdicts, parser->lexer.text->str, &kind);
}

bool
vs_nft_read_verdict(VsNftParser *parser, VsRuleVerdict *ret)
{
    uint32_t kind;

    if (!vs_nft_read_word(parser, "a verdict", vs_nft_verdicts, &kind)) {
        return false;
    }
    *ret = (VsRuleVerdict){.kind = kind};
    return (kind != VS_RULE_JUMP && kind != VS_RULE_GOTO) ||
           vs_nft_read_name(parser, "the name of a chain", &ret->target);
}
