/* Configuration of <record>, which the authoritative server reads. */
#pragma once

#include "vethsim-model.h"

typedef struct RecordConfig {
    const char *name;
    uint32_t address;
    const VsElement *to;
    VsTime ttl;
    VsTime from;
    VsTime until;
    uint32_t weight; /* 0: none. */
    VsPrefixes clients;
} RecordConfig;
