/* The words of an nft text.  Internal to the nft dialect. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum VsNftTokenKind {
    VS_NFT_END,
    VS_NFT_WORD,      /* "ip", "10.0.0.0/8", "80-90", "service-A/b", ".", "-110". */
    VS_NFT_STRING,    /* Between quotes; may be empty. */
    VS_NFT_SIGN,      /* "{", "==", ... */
    VS_NFT_SEPARATOR, /* A newline or ";". */
    VS_NFT_BAD,       /* An open quote, or a character that has no place. */
} VsNftTokenKind;

typedef struct VsNftLexer {
    const char *at;
    uint32_t line;
    VsNftTokenKind kind; /* Of the current token. */
    GString *text;       /* The token, without quotes. */
    uint32_t token_line;
    bool is_newline; /* SEPARATOR: not ";". */
    uint32_t handle; /* Of the last comment "# handle N"; 0: none since taken. */
} VsNftLexer;

/* Starts at the first token of 'text', which must live as long as 'lexer'. */
void vs_nft_lexer_init(VsNftLexer *lexer, const char *text);
void vs_nft_lexer_clear(VsNftLexer *lexer);

void vs_nft_lexer_next(VsNftLexer *lexer);

/* The current token is this word or sign, not quoted. */
bool vs_nft_lexer_is(const VsNftLexer *lexer, const char *text);
