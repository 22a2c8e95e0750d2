/* What the parts of the reader of iptables' text share: iptables_parse.c (lines,
 * chains), iptables_rule.c, iptables_match*.c and iptables_target.c (tables of what can be said there),
 * iptables_values.c (what the options' arguments mean).  Private to libsim/netfilter. */
#pragma once

#include "netfilter/iptables.h"

typedef struct VsIptReader VsIptReader;
typedef struct VsIptInstance VsIptInstance;
typedef struct VsIptOption VsIptOption;
typedef struct VsIptModule VsIptModule;

/* Parses the arguments of 'option', as many as it says.  False after vs_ipt_fail(). */
typedef bool (*VsIptParse)(VsIptReader *reader, VsIptInstance *instance,
                           const VsIptOption *option, bool is_inverted, char **args);

struct VsIptOption {
    const char *names[3]; /* The one that is printed first; unused ones NULL. */
    uint8_t slot;         /* Of its module: options of one exclude each other. */
    uint8_t n_args;
    bool may_invert; /* By "!" before it. */
    VsIptParse parse;
    uint32_t data; /* For 'parse': a field, a bit. */
};

/* A match, a target, or what is not in a module ("-s"). */
struct VsIptModule {
    const char *name;
    VsModule module;
    const VsIptOption *options; /* Up to one without a name. */
    uint8_t protocol;           /* It needs "-p" with this; 0: any. */
    const char *table;          /* Targets: the only table that has it; NULL: any. */
    const char *chains;     /* Targets: its base chains, "INPUT OUTPUT"; NULL: any. */
    uint32_t wants;         /* Slots of which one must have been said; 0: none. */
    const char *wants_text; /* The same, for people. */
    /* Before its options and after those of the whole rule; or NULL. */
    bool (*begin)(VsIptReader *reader, VsIptInstance *instance);
    bool (*end)(VsIptReader *reader, VsIptInstance *instance);
};

/* A module as one rule uses it: "-m comment" may come twice. */
struct VsIptInstance {
    const VsIptModule *module;
    uint32_t order; /* Of its steps in the rule. */
    uint32_t given; /* Slots of the options that were said. */
};

struct VsIptReader {
    VsRuleset *ruleset;
    const char *file_name;
    uint32_t line;
    GError **error;
    VsRuleTable *table; /* Between "*table" and COMMIT. */
    GPtrArray *words;   /* Of the present line; they point into it. */

    /* The rule that is being read. */
    VsRule *rule;
    GArray *orders;    /* Of uint32_t: the instance of each step. */
    GArray *instances; /* Of VsIptInstance; the first is that of "-s". */
    bool has_target;
    bool has_protocol;
    bool is_protocol_inverted;
    uint8_t protocol;
};

/* Sets the error "FILE:LINE: ...".  Returns false. */
bool vs_ipt_fail(VsIptReader *reader, VsRulesetError code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Word 'i' of the line, or NULL. */
static inline char *
vs_ipt_nth_word(const VsIptReader *reader, unsigned i)
{
    return i < reader->words->len ? reader->words->pdata[i] : NULL;
}

static inline bool
vs_ipt_is_built_in(const VsChain *chain)
{
    return chain->type != VS_CHAIN_REGULAR;
}

/* Gives 'reader->rule', which is empty, the steps in the words from 'at' on. */
bool vs_ipt_read_rule(VsIptReader *reader, unsigned at);

/* A new step of 'instance', or the first that it has (get).  Valid until the next one is
 * added. */
VsRuleStep *vs_ipt_add_step(VsIptReader *reader, const VsIptInstance *instance,
                            VsStepKind kind);
VsRuleStep *vs_ipt_get_step(VsIptReader *reader, const VsIptInstance *instance);

/* Is the rule for TCP, UDP, SCTP, UDP-Lite or DCCP alone? */
bool vs_ipt_has_ports(const VsIptReader *reader);

extern const VsIptModule vs_ipt_base;
extern const VsIptModule
    vs_ipt_state_matches[]; /* iptables_match_state.c; ends with none. */

/* NULL when there is no such match or target. */
const VsIptModule *vs_ipt_find_match(const char *name);
const VsIptModule *vs_ipt_find_target(const char *name);

/* The names of all matches, or targets, separated by ", ". */
char *vs_ipt_match_names(void);
char *vs_ipt_target_names(void);

/* ---- Values --------------------------------------------------------------------------- */

/* A word for bits; tables end with one without a name. */
typedef struct VsIptWord {
    const char *name;
    uint32_t value;
} VsIptWord;

extern const VsIptWord vs_ipt_protocols[];
extern const VsIptWord vs_ipt_states[];    /* -m state */
extern const VsIptWord vs_ipt_ct_states[]; /* -m conntrack: two more. */
extern const VsIptWord vs_ipt_ct_statuses[];
extern const VsIptWord vs_ipt_addr_types[];
extern const VsIptWord vs_ipt_tcp_flags[];
extern const VsIptWord
    vs_ipt_rejects[]; /* The printed name of each kind comes first. */

/* The first name of 'value', or NULL. */
const char *vs_ipt_word_name(const VsIptWord *words, uint32_t value);

/* Decimal, octal or hexadecimal number of at most 'max', at 'text', which is moved behind it.
 * No error is set. */
bool vs_ipt_scan_number(const char **text, uint64_t max, uint64_t *ret);

/* The same for all of 'text'; fails with "'option' wants ...". */
bool vs_ipt_number(VsIptReader *reader, const char *option, const char *text,
                   uint64_t max, uint64_t *ret);

/* "5", "5:7", ":7", "5:"; or with '-' for 'separator'. */
bool vs_ipt_range(VsIptReader *reader, const char *option, const char *text,
                  char separator, uint32_t *ret_min, uint32_t *ret_max);

/* "10.0.0.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0"; bits outside the mask are cleared. */
bool vs_ipt_address(VsIptReader *reader, const char *option, const char *text,
                    VsAddr *ret_address, uint32_t *ret_mask);

/* "0x5/0xff", "5": the mask is then 'default_mask'. */
bool vs_ipt_mark(VsIptReader *reader, const char *option, const char *text,
                 uint32_t default_mask, uint32_t *ret_value, uint32_t *ret_mask);

/* One of 'words', or several with commas between, in upper or lower case. */
bool vs_ipt_word(VsIptReader *reader, const char *option, const char *text,
                 const VsIptWord *words, uint32_t *ret_value);
bool vs_ipt_bits(VsIptReader *reader, const char *option, const char *text,
                 const VsIptWord *words, uint32_t *ret_bits);

/* "tcp" or a number; 0 for "all". */
bool vs_ipt_protocol(VsIptReader *reader, const char *option, const char *text,
                     uint8_t *ret_protocol);

/* ---- Printing: iptables_print_match.c ------------------------------------------------- */

/* Where a step is printed among those of its match. */
unsigned vs_ipt_step_rank(const VsRuleStep *step);

/* Appends " --option value" to 'out'; nothing for a step that asks for nothing. */
void vs_ipt_print_match(GString *out, const VsRuleStep *step);

/* Appends a space and 'text', in quotes where it needs them. */
void vs_ipt_print_text(GString *out, const char *text);

void vs_ipt_print_address(GString *out, VsAddr address);

/* "5", "5:7" */
void vs_ipt_print_range(GString *out, uint32_t min, uint32_t max, char separator);
