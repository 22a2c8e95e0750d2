/* Sets of addresses and ports as "ipset save" prints them, which iptables' --match-set asks.
 *
 *     create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536
 *     add KUBE-CLUSTER-IP 10.96.0.10,udp:53
 *
 * Types: hash:ip, hash:ip,port, hash:ip,port,ip, hash:net, bitmap:port: those of kube-proxy
 * in its IPVS mode, but for hash:ip,port,net.  How a set is stored (hashsize, bucketsize,
 * initval) means nothing here and is not kept; timeouts, comments, counters, "nomatch" and
 * ranges of elements are refused.
 *
 * Sources: ipset(8); Linux net/netfilter/ipset/ip_set_*.c. */
#pragma once

#include "netfilter/ruleset.h"

/* Reads "create" and "add" lines into the ipsets of 'ruleset'; an element that is there stays
 * one.  False with 'error' set in the domain VS_RULESET_ERROR: "FILE:LINE: what is wrong;
 * what would be right". */
bool vs_ipset_read(VsRuleset *ruleset, const char *text, const char *file_name,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All ipsets in order of creation, elements in order of addition.  Newly allocated. */
char *vs_ipset_print(const VsRuleset *ruleset);
