#include "packet/drop.h"

static const struct {
    const char *word;
    const char *text;
} drops[VS_DROP_LENGTH] = {
#define VS_DROP(name, word, text) [VS_DROP_##name] = {word, text},
#include "packet/drop.def"
#undef VS_DROP
};

const char *
vs_drop_word(VsDrop drop)
{
    return drops[drop].word;
}

const char *
vs_drop_text(VsDrop drop)
{
    return drops[drop].text;
}
