#include "model/registry.h"

#include <string.h>

#include "model/value.h"

const VsModel *
vs_registry_find(const VsRegistry *registry, const char *element)
{
    for (const VsModel *const *model = registry->models; *model; model++) {
        if (strcmp((*model)->element, element) == 0) {
            return *model;
        }
    }
    return NULL;
}

bool
vs_model_fits(const VsModel *model, const char *parent)
{
    return vs_word_list_has(model->parents, parent);
}
