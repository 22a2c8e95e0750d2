/* The list of models that a scenario may use: an explicit array, in path order. */
#pragma once

#include "model/model.h"

typedef struct VsRegistry {
    const VsModel *const *models; /* NULL-terminated. */
} VsRegistry;

/* The models that come with vethsim (models/models.def). */
const VsRegistry *vs_registry_builtin(void);

/* The model of XML element 'element', or NULL. */
const VsModel *vs_registry_find(const VsRegistry *registry, const char *element);

/* True when elements of 'model' may stand inside 'parent' ("scenario" for the top). */
bool vs_model_fits(const VsModel *model, const char *parent);
