/* The XML schema (XSD 1.0) of scenario files, generated from the model tables. */
#pragma once

#include <glib.h>

#include "model/registry.h"

/* The whole schema document for target namespace urn:vethsim:scenario:1.  Newly allocated. */
char *vs_schema_print(const VsRegistry *registry);
