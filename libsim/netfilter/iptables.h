/* The iptables dialect: the text of iptables-save, read and printed.
 *
 * Reading follows "iptables-restore --noflush": "*nat" opens a table and keeps what it has,
 * ":CHAIN" makes a chain or flushes it (of a built-in one it sets the policy), -A -I -D -F
 * -N -P -X change it, COMMIT closes the table.  A chain must be there before a rule goes to
 * it, and an ipset (ipset.h) before a rule asks for it.  Everything that is not modelled is
 * refused by its name: a match, a target or an option is never skipped.
 *
 * Printing gives the form of iptables-save 1.8.9: built-in chains, then the others by name;
 * in a rule -s -d -i -o -p, then each match with its options in its own order, then the
 * target; marks as --set-xmark, probabilities in parts of 2^31, limits as the kernel's
 * period allows.  Reading what was printed and printing it again gives the same text, and so
 * does iptables-restore followed by iptables-save.
 *
 * Where the model keeps less than the kernel, the canonical text is that of an equal rule:
 * "-j NOTRACK" is "-j CT --notrack", "--ttl-lt 1" is "--ttl-eq 0", --ctorigsrc and its kin
 * lose the bits outside their mask, and neighbours such as "-m conntrack --ctstate NEW -m
 * conntrack --ctdir REPLY" become one match.
 *
 * Sources: iptables(8), iptables-extensions(8); iptables/iptables-restore.c,
 * extensions/libxt_*.c, libipt_*.c; libxtables/xtables.c (quoting). */
#pragma once

#include "netfilter/ruleset.h"

/* Reads 'text' into 'ruleset'; 'file_name' is for messages alone.  The ruleset is to be
 * linked afterwards.
 *
 * False with 'error' set in the domain VS_RULESET_ERROR: "FILE:LINE: what is wrong; what
 * would be right".  What comes before the line at fault is then in the ruleset. */
bool vs_iptables_read(VsRuleset *ruleset, const char *text, const char *file_name,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All tables of the dialect, in the order of iptables-save.  Each chain has the "[packets:bytes]"
 * that met its policy; with counters each rule has its own, too (iptables-save -c).  Newly
 * allocated. */
char *vs_iptables_print(const VsRuleset *ruleset, bool with_counters);
char *vs_iptables_print_table(const VsRuleTable *table, bool with_counters);

/* One rule as "-A CHAIN ...", without the end of line.  Newly allocated.
 *
 * The rule may come from the builders of ruleset.h, in any order of its matches; steps that
 * only nft has are a programmer's error. */
char *vs_iptables_rule_print(const VsRule *rule);
