/* What the folder's files share: queue disciplines of links and interfaces, and changes of
 * links. */
#pragma once

#include "models/link/link.h"

/* Where and from when on a child of a link acts: the first member of its configuration. */
typedef struct LinkActing {
    VsRefs from; /* Empty: all ends. */
    VsTime at;
} LinkActing;

/* A <change>. */
typedef struct LinkChange {
    LinkActing acting;
    uint64_t rate;
    VsTime delay;
} LinkChange;

/* A <qdisc>.  What a kind does not take is refused: qdisc_check.c. */
typedef struct LinkQdisc {
    LinkActing acting; /* 'from': of one in a <link>. */
    VsChoice kind;     /* Index of vs_qdisc_kinds. */
    const char *dev;   /* Of one in a host or pod. */
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

/* Does the <qdisc> name its interface itself? */
bool link_qdisc_is_of_device(const VsElement *element);

/* Fails where the <qdisc>s and <change>s of 'link' do not go together, or not with its ends,
 * which are all of 'from' and 'to', and its MTU. */
bool link_qdiscs_check(const VsElement *link, const VsRefs *from, const VsRefs *to,
                       uint64_t mtu_bytes, GError **error);

/* Fails where a bucket of 'element', or of one inside, takes no frame of so many bytes. */
bool link_check_bursts(const VsElement *element, uint64_t frame_bytes, GError **error);

/* Fails where 'link', whose directions all have a qdisc, has attributes of its queue... */
bool link_check_queue(const VsElement *link, GError **error);

/* ...and where it marks, and 'child' lets a queue without marks take that one's place. */
bool link_check_marks(const VsElement *link, const VsElement *child, GError **error);

/* Puts the <qdisc>s and <change>s of 'link' before 'built', a wire that 'sender' sends on.
 * Until the first <qdisc> acts there is a fifo with the limit of the link's queue. */
bool link_qdiscs_make(VsBuild *build, const VsElement *link, const VsElement *sender,
                      const VsBuiltWire *built, GError **error);

/* The egress of 'built'; a new one has that fifo if 'at', when what it is for acts, is not
 * the beginning. */
VsEgress *link_get_egress(const VsBuiltWire *built, VsTime at);

/* Adds the <qdisc> 'element', which follows 'before' or, if that is NULL, is the first, for
 * frames of up to 'mtu_bytes'. */
void link_qdisc_add(VsBuild *build, VsEgress *egress, uint32_t mtu_bytes,
                    const VsElement *before, const VsElement *element);

/* Puts a <qdisc> of a host or pod before its interfaces: the model's open(). */
bool link_qdisc_open(void *self, const VsElement *element, VsBuild *build,
                     GError **error);
