#include "model/registry.h"

#define VS_MODEL(element) extern const VsModel vs_model_##element;
#include "models/models.def"
#undef VS_MODEL

static const VsModel *const models[] = {
#define VS_MODEL(element) &vs_model_##element,
#include "models/models.def"
#undef VS_MODEL
    NULL,
};

static const VsRegistry builtin = {models};

const VsRegistry *
vs_registry_builtin(void)
{
    return &builtin;
}
