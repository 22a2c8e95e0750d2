/* Routing policy of a namespace: which of its tables routes a packet (ip-rule(8)).
 *
 * Rules are asked in the order of their priorities; the first whose table has a route for the
 * packet decides, also when that route refuses it.  A namespace without rules of its own has
 * no policy and one lookup, as Linux keeps local and main in one trie until somebody adds a
 * rule.  With a policy each table asked is a lookup.  A walk is linear in the rules, as the
 * kernel's is.
 *
 * Source: Linux net/core/fib_rules.c, net/ipv4/fib_rules.c; iproute2 ip/iprule.c. */
#pragma once

#include <glib.h>

#include "base/prefix.h"
#include "net/route.h"

struct VsIface;
struct VsMultipath;
struct VsNetns;

/* Numbers of the kernel's own tables (rtnetlink.h).  Local and main are the routes of the
 * namespace, those of type VS_ROUTE_LOCAL and the others. */
enum { VS_TABLE_DEFAULT = 253, VS_TABLE_MAIN = 254, VS_TABLE_LOCAL = 255 };

/* What rules look at. */
typedef struct VsRouteKey {
    VsAddr saddr; /* 0: a socket that has none yet. */
    VsAddr daddr;
    uint32_t mark;
    const struct VsIface *iif; /* NULL: made here. */
    uint16_t sport;            /* These choose among next hops; 0: not known. */
    uint16_t dport;
    uint8_t protocol;
} VsRouteKey;

typedef struct VsPolicyRule {
    uint32_t priority;
    VsPrefix from; /* Length 0: from all. */
    VsPrefix to;
    uint32_t mark;
    uint32_t mask;             /* 0: any mark. */
    const struct VsIface *iif; /* NULL: any. */
    uint32_t table;
} VsPolicyRule;

typedef struct VsRouteTable {
    uint32_t number;
    VsRoutes routes;
} VsRouteTable;

typedef struct VsPolicy {
    GArray *rules;     /* Of VsPolicyRule, by priority. */
    GPtrArray *tables; /* Of VsRouteTable, by number: all but local and main. */
} VsPolicy;

/* How a route was found. */
typedef struct VsPolicyChoice {
    const VsPolicyRule *rule;            /* NULL: there is no policy, or no route. */
    unsigned n_tables;                   /* That were asked. */
    const struct VsMultipath *multipath; /* That the route is a hop of, or NULL. */
    uint32_t hash;                       /* That chose the hop. */
} VsPolicyChoice;

/* The policy of 'netns', made on demand with the kernel's rules 0, 32766 and 32767. */
VsPolicy *vs_policy_of(struct VsNetns *netns);
void vs_policy_free(VsPolicy *policy); /* NULL: nothing. */

/* Adds a rule behind those of the same priority. */
void vs_policy_add_rule(VsPolicy *policy, const VsPolicyRule *rule);

/* The table of this number, which is not local or main, made when absent. */
VsRoutes *vs_policy_get_table(VsPolicy *policy, uint32_t number);

/* The route for 'key' in a namespace with a policy, or NULL, before a next hop is chosen; valid until a route is added. */
const VsRoute *vs_policy_find(struct VsNetns *netns, const VsRouteKey *key,
                              VsPolicyChoice *ret_choice);

/* "local", "main", "default" or the number.  Newly allocated. */
char *vs_policy_table_name(uint32_t number);

/* "from 10.0.1.7 lookup 2", as ip-rule(8) lists it after the priority.  Newly allocated. */
char *vs_policy_rule_format(const VsPolicyRule *rule);

/* What `ip rule` prints, for a namespace without a policy, too.  Newly allocated. */
char *vs_policy_print(const struct VsNetns *netns);
