/* The words for reasons to drop. */
#include <glib.h>

#include "packet/drop.h"
#include "vs_test.h"

static void
test_words_are_unique_and_hyphenated(void)
{
    g_autoptr(GHashTable) words = g_hash_table_new(g_str_hash, g_str_equal);

    for (int drop = 0; drop < VS_DROP_LENGTH; drop++) {
        const char *word = vs_drop_word((VsDrop)drop);

        CU_ASSERT(g_hash_table_add(words, (gpointer)word));
        CU_ASSERT(strlen(word) > 2);
        CU_ASSERT_EQUAL(strspn(word, "abcdefghijklmnopqrstuvwxyz-"), strlen(word));
        CU_ASSERT(word[0] != '-' && word[strlen(word) - 1] != '-');
    }
}

static void
test_texts_are_unique_phrases(void)
{
    g_autoptr(GHashTable) texts = g_hash_table_new(g_str_hash, g_str_equal);

    for (int drop = 0; drop < VS_DROP_LENGTH; drop++) {
        const char *text = vs_drop_text((VsDrop)drop);

        CU_ASSERT(g_hash_table_add(texts, (gpointer)text));
        CU_ASSERT_PTR_NOT_NULL(strchr(text, ' '));
        CU_ASSERT(text[strlen(text) - 1] != '.');
    }
    CU_ASSERT_STRING_EQUAL(vs_drop_word(VS_DROP_QUEUE_FULL), "queue-full");
    CU_ASSERT_STRING_EQUAL(vs_drop_text(VS_DROP_QUEUE_FULL),
                           "the queue before a wire was full");
}

/* The word is the constant's name: one who knows the one finds the other. */
static void
test_words_are_the_constants_names(void)
{
    static const char *const names[] = {
#define VS_DROP(name, word, text) #name,
#include "packet/drop.def"
#undef VS_DROP
    };

    CU_ASSERT_EQUAL(G_N_ELEMENTS(names), VS_DROP_LENGTH);
    for (int drop = 0; drop < VS_DROP_LENGTH; drop++) {
        g_autofree char *lower = g_ascii_strdown(names[drop], -1);

        g_strdelimit(lower, "_", '-');
        CU_ASSERT_STRING_EQUAL(vs_drop_word((VsDrop)drop), lower);
    }
}

static const VsTestCase tests[] = {
    {"words are unique and hyphenated", test_words_are_unique_and_hyphenated},
    {"texts are unique phrases", test_texts_are_unique_phrases},
    {"words are the names of the constants", test_words_are_the_constants_names},
    {0},
};
VS_TESTS("drop")
