/* Why packets are dropped. */
#pragma once

typedef enum VsDrop {
#define VS_DROP(name, word, text) VS_DROP_##name,
#include "packet/drop.def"
#undef VS_DROP
    VS_DROP_LENGTH
} VsDrop;

/* "queue-full": the word used in result files. */
const char *vs_drop_word(VsDrop drop);

/* A phrase for people. */
const char *vs_drop_text(VsDrop drop);
