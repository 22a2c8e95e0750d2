#include "models/dns/answers.h"

/* An address that a name has for some time. */
typedef struct DnsRecord {
    VsAddr address;
    uint32_t ttl_s;
    uint32_t weight;
    VsTime from;
    VsTime until;
    VsDnsRecords *alone; /* The answer that has only this; where there are weights. */
} DnsRecord;

/* Clients of a prefix, and what they are told.  The answer is made when it is first asked for, and
 * again when a record came or went. */
typedef struct DnsPlace {
    VsPrefix clients;
    GArray *records; /* Of DnsRecord. */
    VsDns answer;    /* All that are there. */
    VsTime until;    /* That of 'answer'; 0: not made yet. */
} DnsPlace;

typedef struct DnsName {
    VsName name;
    GArray *places; /* Of DnsPlace: the smaller ones first. */
} DnsName;

static const VsPrefix everywhere = {0, 0, true};

static void
place_clear(gpointer place)
{
    g_array_free(((DnsPlace *)place)->records, TRUE);
}

static void
name_free(gpointer name_)
{
    DnsName *name = name_;

    g_array_free(name->places, TRUE);
    g_free(name);
}

static VsKey
name_key(VsName name)
{
    return (VsKey){{name, 0}};
}

void
dns_answers_init(DnsAnswers *answers, VsRun *run, const char *owner)
{
    answers->run = run;
    answers->all = g_ptr_array_new_with_free_func(name_free);
    vs_table_init(&answers->names);
    vs_rng_init(&answers->rng, run->seed, owner, "weights");
}

void
dns_answers_clear(DnsAnswers *answers)
{
    if (answers->all) {
        vs_table_clear(&answers->names);
        g_ptr_array_free(answers->all, TRUE);
        answers->all = NULL;
    }
}

/* Adding. --------------------------------------------------------------------------- */

static DnsName *
name_get(DnsAnswers *answers, const char *text)
{
    g_autofree char *folded = dns_fold(text);
    DnsName *name;
    VsName handle;

    handle = vs_names_intern(&answers->run->packets->names, folded);
    name = vs_table_find(&answers->names, name_key(handle));
    if (!name) {
        name = g_new0(DnsName, 1);
        name->name = handle;
        name->places = g_array_new(FALSE, FALSE, sizeof(DnsPlace));
        g_array_set_clear_func(name->places, place_clear);
        g_ptr_array_add(answers->all, name);
        vs_table_insert(&answers->names, name_key(handle), name);
    }
    return name;
}

static DnsPlace *
place_get(DnsName *name, VsPrefix clients)
{
    DnsPlace made = {.clients = clients};
    unsigned at = 0;

    for (; at < name->places->len; at++) {
        DnsPlace *place = &g_array_index(name->places, DnsPlace, at);

        if (place->clients.address == clients.address &&
            place->clients.length == clients.length) {
            return place;
        }
        if (place->clients.length < clients.length) {
            break;
        }
    }
    made.records = g_array_new(FALSE, FALSE, sizeof(DnsRecord));
    g_array_insert_val(name->places, at, made);
    return &g_array_index(name->places, DnsPlace, at);
}

static VsDnsRecord
record_of(const DnsName *name, VsAddr address)
{
    return (VsDnsRecord){
        .owner = name->name, .type = VS_DNS_RECORD_A, .address = address};
}

static void
close_set(DnsAnswers *answers, VsDnsRecords *records)
{
    vs_dns_records_close(records, &answers->run->packets->names);
    g_ptr_array_add(answers->run->packets->dns_records, records);
}

static bool
add_to(DnsAnswers *answers, DnsName *name, VsPrefix clients, DnsRecord record)
{
    DnsPlace *place = place_get(name, clients);
    VsDnsRecord alone = record_of(name, record.address);

    if (place->records->len > 0 &&
        (g_array_index(place->records, DnsRecord, 0).weight == 0) !=
            (record.weight == 0)) {
        return false;
    }
    if (record.weight > 0) {
        record.alone = vs_dns_records_new(name->name);
        vs_dns_records_add(record.alone, VS_DNS_ANSWER, &alone);
        close_set(answers, record.alone);
    }
    g_array_append_val(place->records, record);
    return true;
}

bool
dns_answers_add(DnsAnswers *answers, const VsElement *element, VsAddr address,
                GError **error)
{
    const RecordConfig *config = element->config;
    DnsName *name = name_get(answers, config->name);
    DnsRecord record = {.address = address,
                        .ttl_s = (uint32_t)(config->ttl / VS_S),
                        .weight = config->weight,
                        .from = config->from,
                        .until = vs_element_has(element, "until") ? config->until
                                                                  : VS_TIME_NEVER};
    bool is_good =
        config->clients.n_prefixes > 0 || add_to(answers, name, everywhere, record);

    for (unsigned i = 0; is_good && i < config->clients.n_prefixes; i++) {
        is_good = add_to(answers, name, config->clients.prefixes[i], record);
    }
    if (!is_good) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "of the records \"%s\" for the same clients some have a weight "
                        "and some have none; give it to all or to none",
                        config->name);
    }
    return is_good;
}

/* Answering. ------------------------------------------------------------------------ */

static bool
is_there(const DnsRecord *record, VsTime now)
{
    return record->from <= now && now < record->until;
}

/* All records of 'place' that are there at 'now'. */
static void
make_answer(DnsAnswers *answers, const DnsName *name, DnsPlace *place, VsTime now)
{
    VsDnsRecords *records = vs_dns_records_new(name->name);

    place->until = VS_TIME_NEVER;
    place->answer = (VsDns){.records = records};
    for (unsigned i = 0; i < place->records->len; i++) {
        const DnsRecord *record = &g_array_index(place->records, DnsRecord, i);
        VsDnsRecord address = record_of(name, record->address);

        if (now < record->from) {
            place->until = MIN(place->until, record->from);
        } else if (is_there(record, now)) {
            place->until = MIN(place->until, record->until);
            place->answer.ttl_s = records->n_records == 0
                                      ? record->ttl_s
                                      : MIN(place->answer.ttl_s, record->ttl_s);
            vs_dns_records_add(records, VS_DNS_ANSWER, &address);
        }
    }
    close_set(answers, records);
}

static bool
has_address(DnsAnswers *answers, const DnsName *name, DnsPlace *place)
{
    VsTime now = vs_now(answers->run);

    if (now >= place->until) {
        make_answer(answers, name, place, now);
    }
    return place->answer.records->n_records > 0;
}

/* One of those that are there, as often as its weight says. */
static void
choose(DnsAnswers *answers, const DnsPlace *place, VsDns *ret_answer)
{
    VsTime now = vs_now(answers->run);
    uint64_t total = 0;
    uint64_t drawn;

    for (unsigned i = 0; i < place->records->len; i++) {
        const DnsRecord *record = &g_array_index(place->records, DnsRecord, i);

        total += is_there(record, now) ? record->weight : 0;
    }
    drawn = vs_rng_below(&answers->rng, total);
    for (unsigned i = 0; i < place->records->len; i++) {
        const DnsRecord *record = &g_array_index(place->records, DnsRecord, i);
        uint32_t weight = is_there(record, now) ? record->weight : 0;

        if (drawn < weight) {
            ret_answer->records = record->alone;
            ret_answer->ttl_s = record->ttl_s;
            return;
        }
        drawn -= weight;
    }
}

bool
dns_answers_find(DnsAnswers *answers, const VsDns *question, VsAddr client,
                 VsDns *ret_answer)
{
    DnsName *name = vs_table_find(&answers->names, name_key(question->name));
    VsAddr of = question->subnet_bits > 0 ? question->subnet : client;
    bool is_found = false;

    for (unsigned i = 0; name && i < name->places->len; i++) {
        DnsPlace *place = &g_array_index(name->places, DnsPlace, i);

        if (!has_address(answers, name, place)) {
            continue;
        }
        is_found = true;
        if (question->type != VS_DNS_A || !vs_prefix_holds(place->clients, of)) {
            continue;
        }
        *ret_answer = place->answer;
        if (g_array_index(place->records, DnsRecord, 0).weight > 0) {
            choose(answers, place, ret_answer);
        }
        break;
    }
    return is_found;
}
