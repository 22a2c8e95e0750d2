/* Configuration of <rule> and <path>, which the ingress reads. */
#pragma once

#include "vethsim-model.h"

typedef enum IngressPathType {
    INGRESS_PATH_EXACT,
    INGRESS_PATH_PREFIX,
} IngressPathType;

typedef struct IngressRuleConfig {
    const char *host; /* NULL: any. */
} IngressRuleConfig;

typedef struct IngressPathConfig {
    const char *path;
    VsChoice type; /* IngressPathType. */
    const VsElement *service;
} IngressPathConfig;

/* default-service of the ingress 'element', or NULL. */
const VsElement *ingress_default_service(const VsElement *element);
