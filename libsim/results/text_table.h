/* A table of text whose columns are as wide as they must be. */
#pragma once

#include <glib.h>

typedef struct VsTextTable VsTextTable;

/* One letter of 'columns' for each: 'l' for words, 'r' for numbers. */
VsTextTable *vs_text_table_new(const char *columns);
void vs_text_table_free(VsTextTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsTextTable, vs_text_table_free)

/* Fills the next cell, from left to right and row after row, with a copy of 'text'. */
void vs_text_table_put(VsTextTable *table, const char *text);

/* The same with a 'text' that the table frees. */
void vs_text_table_take(VsTextTable *table, char *text);

/* Fills cells with the words of 'words', which '|' separates. */
void vs_text_table_put_words(VsTextTable *table, const char *words);

/* Appends the lines to 'out', 'indent' blanks before each and none behind. */
void vs_text_table_print(const VsTextTable *table, unsigned indent, GString *out);
