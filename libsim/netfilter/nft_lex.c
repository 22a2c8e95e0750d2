#include "netfilter/nft_lex.h"

#include <string.h>

void
vs_nft_lexer_init(VsNftLexer *lexer, const char *text)
{
    *lexer = (VsNftLexer){.at = text, .line = 1, .text = g_string_new(NULL)};
    vs_nft_lexer_next(lexer);
}

void
vs_nft_lexer_clear(VsNftLexer *lexer)
{
    g_string_free(lexer->text, TRUE);
    lexer->text = NULL;
}

bool
vs_nft_lexer_is(const VsNftLexer *lexer, const char *text)
{
    return (lexer->kind == VS_NFT_WORD || lexer->kind == VS_NFT_SIGN) &&
           strcmp(lexer->text->str, text) == 0;
}

/* nft -a says the handle of a rule in a comment at its end. */
static void
skip_comment(VsNftLexer *lexer)
{
    if (g_str_has_prefix(lexer->at, "# handle ")) {
        lexer->handle =
            (uint32_t)g_ascii_strtoull(lexer->at + strlen("# handle "), NULL, 10);
    }
    lexer->at += strcspn(lexer->at, "\n");
}

static void
skip_blanks(VsNftLexer *lexer)
{
    for (;;) {
        if (*lexer->at == ' ' || *lexer->at == '\t' || *lexer->at == '\r') {
            lexer->at++;
        } else if (lexer->at[0] == '\\' && lexer->at[1] == '\n') {
            lexer->at += 2;
            lexer->line++;
        } else if (*lexer->at == '#') {
            skip_comment(lexer);
        } else {
            return;
        }
    }
}

static bool
is_word_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("_./-*\\", c));
}

static void
take(VsNftLexer *lexer, VsNftTokenKind kind, size_t length)
{
    lexer->kind = kind;
    g_string_truncate(lexer->text, 0);
    g_string_append_len(lexer->text, lexer->at, (gssize)length);
    lexer->at += length;
}

static void
take_string(VsNftLexer *lexer)
{
    size_t length = strcspn(lexer->at + 1, "\"\n");

    lexer->at++;
    if (lexer->at[length] != '"') {
        take(lexer, VS_NFT_BAD, length);
        return;
    }
    take(lexer, VS_NFT_STRING, length);
    lexer->at++;
}

static void
take_sign(VsNftLexer *lexer)
{
    static const char *const pairs[] = {"==", "!=", "<=", ">=", "<<", ">>"};

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (strncmp(lexer->at, pairs[i], 2) == 0) {
            take(lexer, VS_NFT_SIGN, 2);
            return;
        }
    }
    take(lexer, strchr("{}(),:=@&|^!<>+", *lexer->at) ? VS_NFT_SIGN : VS_NFT_BAD, 1);
}

void
vs_nft_lexer_next(VsNftLexer *lexer)
{
    size_t length = 0;

    skip_blanks(lexer);
    lexer->token_line = lexer->line;
    while (is_word_char(lexer->at[length])) {
        length++;
    }
    if (length > 0) {
        take(lexer, VS_NFT_WORD, length);
    } else if (*lexer->at == '\0') {
        take(lexer, VS_NFT_END, 0);
    } else if (*lexer->at == '"') {
        take_string(lexer);
    } else if (*lexer->at == '\n' || *lexer->at == ';') {
        lexer->is_newline = *lexer->at == '\n';
        lexer->line += lexer->is_newline;
        take(lexer, VS_NFT_SEPARATOR, 1);
    } else {
        take_sign(lexer);
    }
}
