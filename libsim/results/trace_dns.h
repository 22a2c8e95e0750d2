/* What a traced packet's DNS message says, in a line. */
#pragma once

#include "packet/dns.h"

/* "DNS query AAAA shop.example", "DNS answer www.example: ask ns.example, which has example".
 * Newly allocated. */
char *vs_trace_describe_dns(const VsDns *dns, const VsNames *names);
