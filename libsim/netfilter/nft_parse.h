/* The parts of the reader of nft texts.  Internal to the nft dialect.
 *
 * Functions that return bool say false with the parser's error set. */
#pragma once

#include "netfilter/nft_lex.h"
#include "netfilter/nft_words.h"

enum { VS_NFT_PROTOCOL_UNKNOWN = -1, VS_NFT_PROTOCOL_SEVERAL = -2 };

typedef struct VsNftParser {
    VsRuleset *ruleset;
    VsNftLexer lexer;
    const char *file_name;
    GError **error;
    GHashTable *handles; /* Table to the last handle given to a rule of it. */
    /* The rule being read. */
    VsRuleTable *table;
    VsRule *rule;
    int protocol; /* That its matches so far ask for. */
} VsNftParser;

/* From 'min' to 'max', as written: one value has prefix_length 32, a plain range 255. */
typedef struct VsNftRange {
    uint32_t min, max;
    uint8_t prefix_length;
} VsNftRange;

enum { VS_NFT_NO_PREFIX = 255 };

/* Sets the error "FILE:LINE: ..." for the current line; returns false. */
bool vs_nft_fail(VsNftParser *parser, VsRulesetError code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The same for the current token where 'wanted' should be. */
bool vs_nft_fail_expected(VsNftParser *parser, const char *wanted);

static inline bool
vs_nft_is(const VsNftParser *parser, const char *text)
{
    return vs_nft_lexer_is(&parser->lexer, text);
}

/* Passes 'text' if it is next. */
static inline bool
vs_nft_take(VsNftParser *parser, const char *text)
{
    if (!vs_nft_is(parser, text)) {
        return false;
    }
    vs_nft_lexer_next(&parser->lexer);
    return true;
}

bool vs_nft_expect(VsNftParser *parser, const char *text);
void vs_nft_skip_newlines(VsNftParser *parser);

/* Newlines and ";", between statements of a block and commands. */
void vs_nft_skip_separators(VsNftParser *parser);
bool vs_nft_expect_separator(VsNftParser *parser);

/* A bare word, newly allocated; 'what' it names is for the error. */
bool vs_nft_read_name(VsNftParser *parser, const char *what, char **ret_name);
bool vs_nft_read_string(VsNftParser *parser, const char *what, char **ret_string);
bool vs_nft_read_uint(VsNftParser *parser, const char *what, uint64_t max,
                      uint64_t *ret);
bool vs_nft_read_word(VsNftParser *parser, const char *what, const VsNftWord *words,
                      uint32_t *ret);
bool vs_nft_read_time(VsNftParser *parser, VsTime *ret);

/* A value, a prefix or a range; flags are several words with "," (not within a set, where
 * it ends an element) or "|". */
bool vs_nft_read_range(VsNftParser *parser, VsNftKind kind, bool is_in_set,
                       VsNftRange *ret);

/* The same, where only one value can be. */
bool vs_nft_read_value(VsNftParser *parser, VsNftKind kind, bool is_in_set,
                       uint32_t *ret);

bool vs_nft_is_verdict(const VsNftParser *parser);
bool vs_nft_read_verdict(VsNftParser *parser, VsRuleVerdict *ret);

/* The block of a chain, "{ ... }"; rules stand in declarations, not in commands. */
bool vs_nft_read_chain(VsNftParser *parser, VsChain *chain, bool is_rule_allowed);

/* Reads a rule, which becomes the last or the first of 'chain'. */
bool vs_nft_add_rule(VsNftParser *parser, VsChain *chain, bool is_first);

/* "handle N": removes that rule. */
bool vs_nft_delete_rule(VsNftParser *parser, VsChain *chain);

/* The block of a set or map, from its opening brace. */
bool vs_nft_read_set(VsNftParser *parser, VsSet *set);

/* "{ ... }": elements to add to a named set, or to remove from it. */
bool vs_nft_read_elements(VsNftParser *parser, VsSet *set, bool is_removing);

/* The same for the anonymous 'set' of a rule, a map of verdicts or addresses if it says so;
 * parts have these kinds.  Intervals that touch
 * become one: 'ret_n_written' is how many elements there were. */
bool vs_nft_read_anonymous(VsNftParser *parser, VsSet *set, const VsNftKind *kinds,
                           unsigned n_kinds, unsigned *ret_n_written);

/* The statements of a rule up to its separator. */
bool vs_nft_read_rule(VsNftParser *parser, VsRule *rule);

/* What a rule looks at: "ip daddr", "th dport", "numgen random mod 3",
 * "jhash ip saddr . udp sport mod 3 seed 0x1". */
typedef struct VsNftSelector {
    VsField field;
    VsNftKind kind;
    VsModule module;
    bool is_generic;
    VsNumber number; /* Of VS_FIELD_NUMBER. */
} VsNftSelector;

enum { VS_NFT_SELECTOR_WORDS = 4 };

/* Passes all of 'words', which NULL may end, if they are next. */
bool vs_nft_take_words(VsNftParser *parser,
                       const char *const words[VS_NFT_SELECTOR_WORDS]);

/* "SELECTOR [. SELECTOR]*".  Adds to the rule what must hold for these selectors to mean anything. */
bool vs_nft_read_selectors(VsNftParser *parser, VsNftSelector *selectors,
                           unsigned *ret_n);
void vs_nft_fill_lookup(VsLookup *lookup, const VsNftSelector *selectors, unsigned n);
void vs_nft_selector_kinds(const VsNftSelector *selectors, unsigned n,
                           VsNftKind *ret_kinds);

/* The rule's table has a set, or a map to verdicts, of this name and of the selectors'
 * types. */
bool vs_nft_check_set(VsNftParser *parser, const char *name,
                      const VsNftSelector *selectors, unsigned n, bool is_map);

/* Makes the rule ask for 'protocol', unless it does already. */
bool vs_nft_need_protocol(VsNftParser *parser, int protocol, const char *why);

/* A statement that is no match, by its first word. */
typedef bool (*VsNftStatementFn)(VsNftParser *parser);
VsNftStatementFn vs_nft_find_statement(const char *word);

/* "... set VALUE" after the selector of a mark. */
bool vs_nft_read_mark_statement(VsNftParser *parser, VsField field);

/* The number after "ct zone set". */
bool vs_nft_read_zone_statement(VsNftParser *parser);
