/* Whom a recursive resolver can ask, and how much of a name it tells. */
#include "models/dns/recursor_internal.h"

enum {
    MINIMISED_MAX = 10, /* RFC 9156 section 2.3: MAX_MINIMISE_COUNT, */
    ONE_LABEL_MAX = 4,  /* MINIMISE_ONE_LAB. */
};

/* Servers. -------------------------------------------------------------------------- */

static unsigned
add_candidate(const DnsTask *task, VsAddr address, DnsCandidate *candidates, unsigned n)
{
    DnsPeers *peers = &task->recursor->peers;
    DnsTried tried = {0};

    for (unsigned i = 0; i < task->tried->len; i++) {
        if (g_array_index(task->tried, DnsTried, i).address == address) {
            tried = g_array_index(task->tried, DnsTried, i);
        }
    }
    for (unsigned i = 0; i < n; i++) { /* Two servers may have one address. */
        if (candidates[i].peer->address == address) {
            return n;
        }
    }
    if (n == DNS_CANDIDATES_MAX || tried.is_out ||
        (peers->selection == DNS_SELECTION_UNBOUND &&
         tried.n_asked >= DNS_UNBOUND_TRIES) ||
        dns_peers_is_lame(peers, address, task->delegation->zone)) {
        return n;
    }
    candidates[n] = (DnsCandidate){dns_peers_get(peers, address), tried.n_asked};
    return n + 1;
}

/* The addresses of a server that are known, but did not come with the zone's referral: the server's
 * own, or those of another referral. */
static unsigned
add_known(const DnsTask *task, VsName name, DnsCandidate *candidates, unsigned n)
{
    const DnsMemory *memory = &task->recursor->memory;
    const DnsFact *fact = dns_memory_find(memory, name, VS_DNS_A);
    const DnsGlue *glue = dns_memory_find_glue(memory, name);
    VsDns answer = {.records = fact ? fact->records : NULL};

    for (unsigned i = 0; fact && i < vs_dns_n_addresses(&answer); i++) {
        n = add_candidate(task, vs_dns_address(&answer, i), candidates, n);
    }
    for (unsigned i = 0; !fact && glue && i < glue->addresses->len; i++) {
        n = add_candidate(task, g_array_index(glue->addresses, VsAddr, i), candidates,
                          n);
    }
    return n;
}

unsigned
dns_task_candidates(const DnsTask *task,
                    DnsCandidate ret_candidates[DNS_CANDIDATES_MAX])
{
    const GArray *targets = task->delegation->targets;
    unsigned n = 0;

    for (unsigned i = 0; i < targets->len; i++) {
        const DnsTarget *target = &g_array_index(targets, DnsTarget, i);

        n = target->address ? add_candidate(task, target->address, ret_candidates, n)
                            : add_known(task, target->name, ret_candidates, n);
    }
    for (unsigned i = 0; i < task->found->len; i++) {
        n = add_candidate(task, g_array_index(task->found, DnsTarget, i).address,
                          ret_candidates, n);
    }
    return n;
}

/* Whether there is no use in looking for the address of 'name'. */
static bool
is_settled(const DnsTask *task, VsName name)
{
    const DnsMemory *memory = &task->recursor->memory;

    for (unsigned i = 0; i < task->missing->len; i++) {
        if (g_array_index(task->missing, VsName, i) == name) {
            return true;
        }
    }
    for (unsigned i = 0; i < task->found->len; i++) {
        if (g_array_index(task->found, DnsTarget, i).name == name) {
            return true;
        }
    }
    return dns_memory_find(memory, name, VS_DNS_A) ||
           dns_memory_find_glue(memory, name);
}

bool
dns_task_find_unknown(const DnsTask *task, VsName *ret_name)
{
    const GArray *targets = task->delegation->targets;

    for (unsigned i = 0; i < targets->len; i++) {
        const DnsTarget *target = &g_array_index(targets, DnsTarget, i);

        if (target->address == 0 && !is_settled(task, target->name)) {
            *ret_name = target->name;
            return true;
        }
    }
    return false;
}

/* Names. ---------------------------------------------------------------------------- */

/* The last 'n_labels' labels of 'name'. */
static VsName
shorten(VsNames *names, VsName name, unsigned n_labels)
{
    for (unsigned n = vs_dns_n_labels(names, name); n > n_labels; n--) {
        name = vs_dns_parent(names, name);
    }
    return name;
}

/* How many labels more the next question shows: one, and later as many as make the questions
 * end in time. */
static unsigned
next_labels(const DnsTask *task, unsigned n_hidden)
{
    unsigned n_left = MINIMISED_MAX - MIN(task->n_minimised, MINIMISED_MAX - 1);

    return task->n_minimised < ONE_LABEL_MAX ? 1 : (n_hidden + n_left - 1) / n_left;
}

void
dns_task_choose_name(DnsTask *task)
{
    DnsRecursor *recursor = task->recursor;
    VsNames *names = &recursor->server->netns->run->packets->names;
    VsName last = task->chain.last;
    unsigned n_shown = vs_dns_n_labels(names, task->delegation->zone) + task->n_shown;
    unsigned n_labels = vs_dns_n_labels(names, last);

    task->asked_name = last;
    task->asked_type = task->type;
    if (recursor->config.minimisation == DNS_MINIMISATION_OFF ||
        task->is_minimised_no_more || task->type == VS_DNS_NS) {
        return;
    }
    while (n_shown < n_labels) {
        VsName name;

        n_shown += next_labels(task, n_labels - n_shown);
        name = shorten(names, last, n_shown);
        if (n_shown < n_labels && !dns_memory_find(&recursor->memory, name, VS_DNS_A)) {
            task->asked_name = name;
            task->asked_type = VS_DNS_A;
            return;
        }
    }
}
