/* What an authoritative server answers for its names: addresses that are there for some time, all
 * of them, or one by weight, and others for clients of some places.
 *
 * Of the places that hold a client the smallest counts that has an address at the time; records
 * that name no clients are for all.  The client is the subnet that its resolver tells (RFC 7871),
 * else whoever asks. */
#pragma once

#include "models/dns/record.h"

typedef struct DnsAnswers {
    VsRun *run;
    VsTable names; /* Name to DnsName. */
    GPtrArray *all;
    VsRng rng; /* Of weights. */
} DnsAnswers;

/* 'owner' names the random stream. */
void dns_answers_init(DnsAnswers *answers, VsRun *run, const char *owner);

/* Zeroed memory is fine. */
void dns_answers_clear(DnsAnswers *answers);

/* Adds what 'element', a <record>, says of 'address'; fails when only some records of a name and
 * place have weights. */
bool dns_answers_add(DnsAnswers *answers, const VsElement *element, VsAddr address,
                     GError **error);

/* The answer to 'question' of 'client', which may hold no address; false: there is no such name
 * now. */
bool dns_answers_find(DnsAnswers *answers, const VsDns *question, VsAddr client,
                      VsDns *ret_answer);
