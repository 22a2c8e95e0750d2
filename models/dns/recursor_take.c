/* What comes back to a recursive resolver, and what it makes of it (RFC 1034 section 5.3.3,
 * RFC 2308 section 2). */
#include "models/dns/authority.h"
#include "models/dns/recursor_internal.h"

/* What an answer is to the question. */
typedef enum Meaning {
    MEANS_ANSWER,
    MEANS_DENIAL,
    MEANS_REFERRAL,
    MEANS_FAILURE, /* The server cannot say. */
    MEANS_LAME,    /* It does not have the zone. */
} Meaning;

static const char *
text_of(const DnsTask *task, VsName name)
{
    return vs_names_get(&task->recursor->server->netns->run->packets->names, name);
}

static bool
is_in(const DnsTask *task, VsName inner, VsName outer)
{
    return dns_is_within(text_of(task, inner), text_of(task, outer));
}

/* The first record of the section on authority; NULL: it has none. */
static const VsDnsRecord *
first_authority(const VsDns *answer)
{
    const VsDnsRecords *records = answer->records;

    return records && records->n_in[VS_DNS_AUTHORITY] > 0
               ? &records->records[records->n_in[VS_DNS_ANSWER]]
               : NULL;
}

static bool
is_referral(const DnsTask *task, const VsDns *answer)
{
    const VsDnsRecord *first = first_authority(answer);

    return first && first->type == VS_DNS_RECORD_NS && !answer->is_authoritative &&
           first->owner != task->delegation->zone &&
           is_in(task, first->owner, task->delegation->zone) &&
           is_in(task, answer->name, first->owner);
}

static bool
has_records(const VsDns *answer)
{
    return answer->records && answer->records->n_in[VS_DNS_ANSWER] > 0;
}

static Meaning
find_meaning(const DnsTask *task, const VsDns *answer)
{
    if (answer->code == VS_DNS_NXDOMAIN) {
        return MEANS_DENIAL;
    }
    if (answer->code != VS_DNS_NOERROR) {
        return MEANS_FAILURE;
    }
    if (has_records(answer)) {
        return MEANS_ANSWER;
    }
    if (is_referral(task, answer)) {
        return MEANS_REFERRAL;
    }
    return answer->is_authoritative ? MEANS_DENIAL : MEANS_LAME;
}

static VsTime
ttl_of(const DnsTask *task, const VsDns *answer, bool is_denial)
{
    const DnsRecursorConfig *config = &task->recursor->config;

    return MIN(answer->ttl_s * VS_S,
               is_denial ? config->max_denial_ttl : config->max_ttl);
}

/* Referrals. ------------------------------------------------------------------------ */

/* Adds the addresses that came with the name 'server', if its word counts who told them: those of
 * names in 'zone'. */
static unsigned
add_glue(const DnsTask *task, DnsDelegation *delegation, const VsDnsRecords *records,
         VsName server, VsName zone)
{
    unsigned first = records->n_in[VS_DNS_ANSWER] + records->n_in[VS_DNS_AUTHORITY];
    VsTime now = vs_now(task->recursor->server->netns->run);
    DnsGlue *glue = NULL;
    unsigned n = 0;

    for (unsigned i = first; i < records->n_records; i++) {
        const VsDnsRecord *record = &records->records[i];
        DnsTarget target = {server, record->address};

        if (record->type == VS_DNS_RECORD_A && record->owner == server &&
            is_in(task, server, zone)) {
            if (!glue) {
                glue = dns_memory_glue(&task->recursor->memory, server,
                                       delegation->expires - now);
            }
            g_array_append_val(glue->addresses, target.address);
            g_array_append_val(delegation->targets, target);
            n++;
        }
    }
    return n;
}

/* The servers that the NS records of 'section' name. */
static DnsDelegation *
take_servers(DnsTask *task, const VsDns *answer, VsDnsSection section, VsName zone)
{
    const VsDnsRecords *records = answer->records;
    unsigned first = section == VS_DNS_ANSWER ? 0 : records->n_in[VS_DNS_ANSWER];
    VsName from = task->delegation->zone;
    DnsDelegation *made =
        dns_memory_refer(&task->recursor->memory, zone, ttl_of(task, answer, false));

    for (unsigned i = first; i < first + records->n_in[section]; i++) {
        const VsDnsRecord *record = &records->records[i];
        DnsTarget target = {record->target, 0};

        if (record->type == VS_DNS_RECORD_NS && record->owner == zone &&
            add_glue(task, made, records, record->target, from) == 0) {
            g_array_append_val(made->targets, target);
        }
    }
    return made;
}

static void
take_referral(DnsTask *task, const VsDns *answer)
{
    task->recursor->n_referrals++;
    dns_task_use(task, take_servers(task, answer, VS_DNS_AUTHORITY,
                                    first_authority(answer)->owner));
    dns_task_step(task);
}

/* The root's own word on its servers. */
static void
take_roots(DnsTask *task, const VsDns *answer)
{
    DnsFact fact = {.name = task->name, .records = answer->records};
    DnsDelegation *roots = take_servers(task, answer, VS_DNS_ANSWER, 0);
    bool has_address = false;

    for (unsigned i = 0; i < roots->targets->len; i++) {
        has_address |= g_array_index(roots->targets, DnsTarget, i).address != 0;
    }
    if (!has_address) { /* It did not tell where they are: the hints stay. */
        g_array_set_size(roots->targets, 0);
        g_array_append_vals(roots->targets, task->recursor->hints.targets->data,
                            task->recursor->hints.targets->len);
    }
    dns_task_end(task, dns_memory_add(&task->recursor->memory, &fact, VS_DNS_NS,
                                      ttl_of(task, answer, false)));
}

/* Answers and denials. -------------------------------------------------------------- */

static const DnsFact *
add_fact(DnsTask *task, const VsDns *answer, VsName name, bool is_denial)
{
    DnsMemory *memory = &task->recursor->memory;
    DnsFact fact = {.name = name,
                    .code = answer->code,
                    .records = dns_memory_part(memory, answer, name),
                    .order = answer->order};

    return dns_memory_add(memory, &fact, (VsDnsType)answer->type,
                          ttl_of(task, answer, is_denial));
}

/* A server was asked for less than the whole name: the rest is next. */
static void
take_part(DnsTask *task, const VsDns *answer, Meaning meaning)
{
    const VsNames *names = &task->recursor->server->netns->run->packets->names;
    bool is_none = answer->code == VS_DNS_NXDOMAIN;

    if (is_none && task->recursor->config.minimisation == DNS_MINIMISATION_STRICT) {
        add_fact(task, answer, answer->name, true);
        dns_task_end(task, add_fact(task, answer, task->chain.last, true));
        return;
    }
    task->is_minimised_no_more = is_none;
    task->n_minimised++;
    task->n_shown = vs_dns_n_labels(names, answer->name) -
                    vs_dns_n_labels(names, task->delegation->zone);
    if (meaning == MEANS_DENIAL && !is_none) {
        add_fact(task, answer, answer->name, true);
    }
    dns_task_step(task);
}

/* Follows the other names of the message that are the zone's to tell; false: too many. */
static bool
follow(DnsTask *task, const VsDns *answer)
{
    const VsDnsRecords *records = answer->records;
    VsName zone = task->delegation->zone;
    VsTime ttl = ttl_of(task, answer, false);

    for (unsigned i = 0; i < records->n_in[VS_DNS_ANSWER]; i++) {
        const VsDnsRecord *record = &records->records[i];
        DnsFact fact = {.name = record->owner, .alias = record->target};

        if (record->type == VS_DNS_RECORD_CNAME && record->owner == task->chain.last &&
            is_in(task, record->owner, zone)) {
            dns_memory_add(&task->recursor->memory, &fact, VS_DNS_A, ttl);
            if (!dns_task_follow(task, record->target, ttl)) {
                return false;
            }
        }
    }
    return true;
}

static bool
has_answer(const DnsTask *task, const VsDns *answer)
{
    const VsDnsRecords *records = answer->records;

    for (unsigned i = 0; i < records->n_in[VS_DNS_ANSWER]; i++) {
        if (records->records[i].owner == task->chain.last &&
            records->records[i].type != VS_DNS_RECORD_CNAME) {
            return true;
        }
    }
    return false;
}

/* Whether the message ends with a denial of the name that its other names lead to. */
static bool
has_denial(const DnsTask *task, const VsDns *answer)
{
    const VsDnsRecord *first = first_authority(answer);

    return first && first->type == VS_DNS_RECORD_SOA &&
           is_in(task, task->chain.last, first->owner);
}

static void
take_answer(DnsTask *task, const VsDns *answer)
{
    VsName zone = task->delegation->zone;

    if (task->type == VS_DNS_NS && task->name == 0) {
        take_roots(task, answer);
        return;
    }
    if (!follow(task, answer)) {
        dns_task_end(task, NULL);
        return;
    }
    if (is_in(task, task->chain.last, zone) && has_answer(task, answer)) {
        dns_task_end(task, add_fact(task, answer, task->chain.last, false));
    } else if (is_in(task, task->chain.last, zone) && has_denial(task, answer)) {
        dns_task_end(task, add_fact(task, answer, task->chain.last, true));
    } else if (task->chain.last != answer->name) {
        dns_task_use(task, NULL);
        dns_task_step(task);
    } else { /* Of something else. */
        dns_task_tried(task, task->asked)->is_out = true;
        dns_task_step(task);
    }
}

static void
pass_over(DnsTask *task, Meaning meaning)
{
    DnsRecursor *recursor = task->recursor;

    dns_task_tried(task, task->asked)->is_out = true;
    if (meaning == MEANS_LAME) {
        recursor->n_lame++;
        dns_peers_set_lame(&recursor->peers, task->asked, task->delegation->zone);
    }
    dns_task_step(task);
}

void
dns_task_take(DnsTask *task, const VsDns *answer)
{
    Meaning meaning = find_meaning(task, answer);
    bool is_part = answer->name != task->chain.last;

    if (answer->is_truncated && !task->is_by_tcp) {
        dns_task_ask_by_tcp(task);
    } else if (meaning == MEANS_FAILURE || meaning == MEANS_LAME) {
        pass_over(task, meaning);
    } else if (meaning == MEANS_REFERRAL) {
        take_referral(task, answer);
    } else if (is_part) {
        take_part(task, answer, meaning);
    } else if (has_records(answer)) {
        take_answer(task, answer);
    } else {
        dns_task_end(task, add_fact(task, answer, answer->name, true));
    }
}
