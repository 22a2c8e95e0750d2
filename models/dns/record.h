/* Configuration of <record> and <zone>, which the authoritative server reads. */
#pragma once

#include "vethsim-model.h"

typedef struct RecordConfig {
    const char *name;
    uint32_t address;
    const VsElement *to;
    const char *server; /* NS. */
    const char *alias;  /* CNAME: what the name is another name of. */
    VsTime ttl;
    VsTime from;
    VsTime until;
    uint32_t weight; /* 0: none. */
    VsPrefixes clients;
} RecordConfig;

typedef struct ZoneConfig {
    const char *name;
    VsTime negative_ttl;
} ZoneConfig;

/* Whether the <record> 'element' is there for a time, for some clients or by weight only. */
bool dns_record_is_conditional(const VsElement *element);

/* 'name' in small letters (RFC 4343), without the dot that may end it: "" is the root.  Newly
 * allocated. */
char *dns_fold(const char *name);
