/* nftables' texts: reading and printing rulesets of family ip.
 *
 * Read is what "nft -f" takes: the declarations "nft list ruleset" prints, and the
 * commands add, insert, delete, destroy and flush, as kube-proxy feeds them.  A rule
 * is kept in nft's canonical form, so that what is printed equals what "nft list ruleset"
 * (1.0.6) says of the same rules: "tcp dport 80" is two matches, of which the protocol's is
 * not printed; a set of one element is a plain match; elements are sorted as nft sorts them.
 *
 * Where nft's listing depends on how it packs loads of header fields, only ports are
 * reordered as nft does ("tcp dport 80 tcp sport 90"); "ip protocol" before "ip ttl" and
 * "icmp code" before "icmp type" stay as written.
 *
 * What is not modelled is refused by name: other families than ip, interface indices, maps
 * to anything but verdicts (of rules: but verdicts, addresses and ports), symhash, ranges
 * inside concatenations, stateful objects, flowtables, variables, names of ports.
 *
 * Sources: nftables 1.0.6 (man nft, libnftables-json(5), and the program's answers);
 * Kubernetes pkg/proxy/nftables for the rules that must be readable. */
#pragma once

#include "netfilter/ruleset.h"

/* Adds to 'ruleset' what 'text' says; afterwards it needs vs_ruleset_link().  Elements of a
 * set with a timeout age from time 0; "expires" is what then remains.  Rules are given the
 * handles of "# handle N", where the text has them, and else the table's next.
 *
 * False with 'error' set in the domain VS_RULESET_ERROR: "FILE:LINE: what is wrong, what
 * would be right"; what stands before that line has been carried out. */
bool vs_nft_read(VsRuleset *ruleset, const char *text, const char *file_name,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The tables of dialect nft as "nft list ruleset" prints them, but for "expires", which
 * would be the real clock's.  Newly allocated. */
char *vs_nft_print(const VsRuleset *ruleset);

/* The same as "nft -j list ruleset" has it; handles are those of rules alone. */
char *vs_nft_print_json(const VsRuleset *ruleset);

/* One rule of an nft table, without indentation or newline.  Newly allocated. */
char *vs_nft_rule_print(const VsRule *rule);
