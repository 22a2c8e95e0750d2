/* The schedulers of IPVS, the Linux kernel's load balancer: net/netfilter/ipvs/ of Linux
 * 6.1. */
#include "balance/ipvs.h"
#include "balance/kinds.h"

static const VsBalancerParam shared_params[] = {VS_IPVS_SHARED_PARAMS, {0}};

const VsBalancerKind vs_balancer_kinds_ipvs[] = {
    {
        .name = "ipvs-rr",
        .doc = "The next server in turn, whatever its weight, but for 0.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_rr.c, ip_vs_rr_schedule()",
        .params = shared_params,
        .state_size = sizeof(VsIpvsRr),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_rr_init,
        .changed = vs_ipvs_rr_changed,
        .pick = vs_ipvs_rr_pick,
    },
    {
        .name = "ipvs-wrr",
        .doc = "Passes over the servers, each for those of at least some weight, "
               "which sinks from pass to pass by the weights' common divisor: "
               "bursts to the heavy ones, then all in turn.  A change of servers "
               "begins a pass anew.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_wrr.c, ip_vs_wrr_schedule()",
        .formula = "next with weight >= cw; at the end cw -= gcd, from max on",
        .params = shared_params,
        .state_size = sizeof(VsIpvsWrr),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_wrr_init,
        .changed = vs_ipvs_wrr_changed,
        .pick = vs_ipvs_wrr_pick,
        .describe = vs_ipvs_wrr_describe,
    },
    {
        .name = "ipvs-lc",
        .doc = "The server of fewest connections, closing ones counting little; "
               "ties go to the first.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_lc.c, ip_vs_lc_schedule(); "
                  "ip_vs.h, ip_vs_dest_conn_overhead()",
        .formula = "argmin(256 * active + inactive)",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_lc_pick,
    },
    {
        .name = "ipvs-wlc",
        .doc = "The server of fewest connections for its weight; ties go to the "
               "first.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_wlc.c, ip_vs_wlc_schedule()",
        .formula = "argmin((256 * active + inactive) / weight)",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_wlc_pick,
    },
    {
        .name = "ipvs-sh",
        .doc = "A hash of the client's address chooses one of 256 buckets, of "
               "which each server has as many in a row as its weight, in turns.  A"
               " server of weight 0 has a bucket, too, whose clients are refused.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_sh.c, ip_vs_sh_schedule(), "
                  "ip_vs_sh_reassign()",
        .formula = "bucket[(saddr * 0x61C88647) >> 24]",
        .key = VS_BALANCE_BY_ADDRESS,
        .params = vs_ipvs_sh_params,
        .state_size = sizeof(VsIpvsHash),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .rebuild = vs_ipvs_sh_rebuild,
        .pick = vs_ipvs_sh_pick,
        .describe = vs_ipvs_hash_describe,
    },
    {
        .name = "ipvs-dh",
        .doc = "A hash of the destination's address chooses one of 256 buckets, "
               "which servers have in turn.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_dh.c, ip_vs_dh_schedule(), "
                  "ip_vs_dh_reassign()",
        .formula = "bucket[(daddr * 0x61C88647) >> 24]",
        .key = VS_BALANCE_BY_FLOW,
        .params = vs_ipvs_dh_params,
        .state_size = sizeof(VsIpvsHash),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .rebuild = vs_ipvs_dh_rebuild,
        .pick = vs_ipvs_dh_pick,
        .describe = vs_ipvs_hash_describe,
    },
    {
        .name = "ipvs-sed",
        .doc = "Shortest expected delay: the fewest active connections for the "
               "weight, the new one included.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_sed.c, ip_vs_sed_schedule()",
        .formula = "argmin((active + 1) / weight)",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_sed_pick,
    },
    {
        .name = "ipvs-nq",
        .doc = "Never queue: the first server without active connections, else the"
               " shortest expected delay.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_nq.c, ip_vs_nq_schedule()",
        .formula = "first with active = 0, else argmin((active + 1) / weight)",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_nq_pick,
    },
    {
        .name = "ipvs-lblc",
        .doc = "Locality-based least connections: an address of destination keeps "
               "its server while that has no more active connections than its "
               "weight or nobody has less than half; else the least loaded one "
               "takes over.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_lblc.c, ip_vs_lblc_schedule(), "
                  "ip_vs_lblc_check_expire()",
        .formula = "cache[daddr], else argmin((256 * active + inactive) / weight)",
        .key = VS_BALANCE_BY_FLOW,
        .params = vs_ipvs_local_params,
        .state_size = sizeof(VsIpvsLocal),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_local_init,
        .clear = vs_ipvs_local_clear,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_lblc_pick,
        .describe = vs_ipvs_local_describe,
    },
    {
        .name = "ipvs-lblcr",
        .doc = "The same with replication: an address of destination has a set of "
               "servers, which grows when the least loaded of them is too busy and"
               " shrinks when it did not change for long.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_lblcr.c, ip_vs_lblcr_schedule(), "
                  "ip_vs_dest_set_min(), ip_vs_dest_set_max()",
        .formula = "argmin over set[daddr], else over all",
        .key = VS_BALANCE_BY_FLOW,
        .params = vs_ipvs_local_params,
        .state_size = sizeof(VsIpvsLocal),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_local_init,
        .clear = vs_ipvs_local_clear,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_lblcr_pick,
        .describe = vs_ipvs_local_describe,
    },
    {
        .name = "ipvs-mh",
        .doc = "Maglev hashing of the client's address.  Each server fills as many"
               " slots in a row as its weight, divided by the common divisor, in "
               "its turn.  The table keeps the last weight of one that is drained "
               "to 0: its clients are refused or go on, those of others stay.  "
               "Servers are told apart by address and port; names without an "
               "address count as 0.0.0.0.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_mh.c, ip_vs_mh_schedule(), "
                  "ip_vs_mh_populate(); 64-bit kernels",
        .formula = "table[siphash13(saddr) mod size]; permutation (offset + j * skip) "
                   "mod size",
        .key = VS_BALANCE_BY_ADDRESS,
        .params = vs_ipvs_mh_params,
        .state_size = sizeof(VsIpvsMh),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_mh_init,
        .clear = vs_ipvs_mh_clear,
        .changed = vs_ipvs_list_changed,
        .rebuild = vs_ipvs_mh_rebuild,
        .pick = vs_ipvs_mh_pick,
        .describe = vs_ipvs_mh_describe,
    },
    {
        .name = "ipvs-fo",
        .doc = "Weighted failover: always the server of most weight that is not "
               "overloaded; the first of those.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_fo.c, ip_vs_fo_schedule()",
        .formula = "argmax(weight)",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_fo_pick,
    },
    {
        .name = "ipvs-ovf",
        .doc = "Overflow: the server of most weight among those with no more "
               "active connections than their weight; none when all have more.",
        .source = "Linux, net/netfilter/ipvs/ip_vs_ovf.c, ip_vs_ovf_schedule()",
        .formula = "argmax(weight) where active <= weight",
        .params = shared_params,
        .state_size = sizeof(VsIpvsList),
        .backend_size = sizeof(VsIpvsDest),
        .init = vs_ipvs_list_init,
        .changed = vs_ipvs_list_changed,
        .pick = vs_ipvs_ovf_pick,
    },
    {0},
};
