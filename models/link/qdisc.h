/* What the folder's files share: queue disciplines of links. */
#pragma once

#include "models/link/link.h"

/* A <qdisc>.  What a kind does not take is refused: qdisc_check.c. */
typedef struct LinkQdisc {
    VsChoice kind; /* Index of vs_qdisc_kinds. */
    VsRefs from;
    VsTime at;
    VsQueueLimit limit;
    VsTime latency;
    uint64_t rate;
    uint64_t burst;
    uint64_t peak_rate;
    uint64_t peak_burst;
    uint64_t quantum;
    uint64_t initial_quantum;
    uint32_t flow_limit;
    uint64_t flow_rate_max;
    VsTime refill_delay;
    uint32_t flows;
    uint32_t drop_batch;
    VsTime target;
    VsTime interval;
    bool ecn;
    uint64_t min;
    uint64_t max;
    uint64_t probability;
    uint32_t ewma;
    uint64_t average_packet;
    VsTime delay;
    VsTime jitter;
    VsChoice distribution; /* VsNetemDist. */
    uint64_t delay_correlation;
    uint64_t loss;
    uint64_t loss_correlation;
    uint64_t good_to_bad;
    uint64_t bad_to_good;
    uint64_t loss_in_bad;
    uint64_t loss_in_good;
    uint64_t duplicate;
    uint64_t duplicate_correlation;
    uint64_t corrupt;
    uint64_t corrupt_correlation;
    uint64_t reorder;
    uint64_t reorder_correlation;
    uint32_t gap;
} LinkQdisc;

/* A <class> of htb. */
typedef struct LinkClass {
    uint64_t rate;
    uint64_t ceil;
    uint64_t burst;
    uint64_t ceil_burst;
    uint64_t quantum;
    uint32_t prio;
    bool is_default;
} LinkClass;

/* A <match>: packets of a class. */
typedef struct LinkMatch {
    VsPrefix source;
    VsPrefix destination;
    uint32_t source_port;
    uint32_t destination_port;
    VsChoice protocol; /* Index of link_match_protocols. */
    uint32_t dscp;
} LinkMatch;

extern const VsStat link_qdisc_stats[];

/* The one <qdisc> inside 'element', or NULL. */
const VsElement *link_qdisc_inner(const VsElement *element);

static inline const VsQdiscKind *
link_qdisc_kind(const VsElement *element)
{
    return vs_qdisc_kinds[((const LinkQdisc *)element->config)->kind];
}

/* Fails where the attributes or children of one element do not go together. */
bool link_qdisc_check(const void *config, const VsElement *element, GError **error);
bool link_class_check(const void *config, const VsElement *element, GError **error);
bool link_match_check(const void *config, const VsElement *element, GError **error);

/* Fails where the <qdisc>s of 'link' do not go together, or not with its ends, which are all
 * of 'from' and 'to', and its MTU. */
bool link_qdiscs_check(const VsElement *link, const VsRefs *from, const VsRefs *to,
                       uint64_t mtu_bytes, GError **error);

/* Puts the <qdisc>s of 'link' before 'built', a wire that 'sender' sends on.  Until the
 * first of them acts there is a fifo with the limit 'queue'. */
void link_qdiscs_make(VsBuild *build, const VsElement *link, const VsElement *sender,
                      const VsBuiltWire *built, const VsQueueLimit *queue);
