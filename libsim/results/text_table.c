#include "results/text_table.h"

#include <string.h>

#define GAP "  "

struct VsTextTable {
    char *columns;
    GPtrArray *cells; /* Of char *, row after row. */
};

VsTextTable *
vs_text_table_new(const char *columns)
{
    VsTextTable *table = g_new0(VsTextTable, 1);

    table->columns = g_strdup(columns);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void
vs_text_table_free(VsTextTable *table)
{
    if (table) {
        g_ptr_array_free(table->cells, TRUE);
        g_free(table->columns);
        g_free(table);
    }
}

void
vs_text_table_put(VsTextTable *table, const char *text)
{
    g_ptr_array_add(table->cells, g_strdup(text));
}

void
vs_text_table_take(VsTextTable *table, char *text)
{
    g_ptr_array_add(table->cells, text);
}

void
vs_text_table_put_words(VsTextTable *table, const char *words)
{
    g_auto(GStrv) split = g_strsplit(words, "|", -1);

    for (char **word = split; *word; word++) {
        vs_text_table_put(table, *word);
    }
}

static void
append_blanks(GString *out, size_t n)
{
    for (; n > 0; n--) {
        g_string_append_c(out, ' ');
    }
}

static void
trim_end(GString *out)
{
    while (out->len > 0 && out->str[out->len - 1] == ' ') {
        g_string_truncate(out, out->len - 1);
    }
}

static size_t
cell_width(const VsTextTable *table, size_t cell)
{
    return (size_t)g_utf8_strlen(table->cells->pdata[cell], -1);
}

void
vs_text_table_print(const VsTextTable *table, unsigned indent, GString *out)
{
    size_t n_columns = strlen(table->columns);
    g_autofree size_t *widths = g_new0(size_t, n_columns);

    for (size_t i = 0; i < table->cells->len; i++) {
        widths[i % n_columns] = MAX(widths[i % n_columns], cell_width(table, i));
    }
    for (size_t i = 0; i < table->cells->len; i++) {
        size_t column = i % n_columns;
        size_t blanks = widths[column] - cell_width(table, i);

        if (column == 0) {
            append_blanks(out, indent);
        } else {
            g_string_append(out, GAP);
        }
        append_blanks(out, table->columns[column] == 'r' ? blanks : 0);
        g_string_append(out, table->cells->pdata[i]);
        append_blanks(out, table->columns[column] == 'r' ? 0 : blanks);
        if (column + 1 == n_columns) {
            trim_end(out);
            g_string_append_c(out, '\n');
        }
    }
}
