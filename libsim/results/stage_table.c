#include "results/stage_table.h"

#include <string.h>

static const char *const kind_words[VS_STAGE_N_KINDS] = {
    [VS_STAGE_QUEUEING] = "queueing",
    [VS_STAGE_SERVICE] = "service",
    [VS_STAGE_DELAY] = "delay",
};

const char *
vs_stage_kind_word(VsStageKind kind)
{
    return kind_words[kind];
}

bool
vs_stage_kind_find(const char *word, VsStageKind *ret)
{
    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        if (strcmp(kind_words[kind], word) == 0) {
            *ret = (VsStageKind)kind;
            return true;
        }
    }
    return false;
}

void
vs_stage_table_init(VsStageTable *table)
{
    *table = (VsStageTable){.rows = g_array_new(FALSE, FALSE, sizeof(VsStageRow))};
}

void
vs_stage_table_clear(VsStageTable *table)
{
    g_array_free(table->rows, TRUE);
    *table = (VsStageTable){0};
}

/* Rows. ---------------------------------------------------------------------------- */

static bool
is_same_stage(const VsStageRow *a, const VsStageRow *b)
{
    return a->kind == b->kind && strcmp(a->place, b->place) == 0 &&
           strcmp(a->what, b->what) == 0 && strcmp(a->phase, b->phase) == 0;
}

static guint
hash_stage(gconstpointer row_)
{
    const VsStageRow *row = row_;

    return 31 * (31 * g_str_hash(row->place) + g_str_hash(row->what)) +
           g_str_hash(row->phase);
}

static gboolean
equal_stages(gconstpointer a, gconstpointer b)
{
    return is_same_stage(a, b);
}

static VsStageRow
make_row(const VsStageTotals *totals, const VsStages *stages, unsigned index)
{
    const VsStageTotal *total = &totals->rows[index];
    const VsStageName *name = vs_stages_get(stages, total->stage);

    return (VsStageRow){totals->phase_names[total->phase],
                        name->place,
                        name->what,
                        name->kind,
                        total->n_steps,
                        total->elapsed};
}

void
vs_stage_table_add(VsStageTable *table, const VsStageTotals *totals,
                   const VsStages *stages)
{
    g_autoptr(GHashTable) places =
        g_hash_table_new_full(hash_stage, equal_stages, g_free, NULL);

    for (guint i = 0; i < table->rows->len; i++) {
        const VsStageRow *row = &g_array_index(table->rows, VsStageRow, i);

        g_hash_table_insert(places, g_memdup2(row, sizeof(*row)),
                            GUINT_TO_POINTER(i + 1));
    }
    for (unsigned i = 0; i < totals->n_rows; i++) {
        VsStageRow row = make_row(totals, stages, i);
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, &row));

        if (place > 0) {
            VsStageRow *known = &g_array_index(table->rows, VsStageRow, place - 1);

            known->n_steps += row.n_steps;
            known->elapsed += row.elapsed;
        } else {
            g_array_append_val(table->rows, row);
            g_hash_table_insert(places, g_memdup2(&row, sizeof(row)),
                                GUINT_TO_POINTER(table->rows->len));
        }
    }
    table->n_requests += totals->n_journeys;
    table->elapsed += totals->elapsed;
}

VsSum
vs_stage_table_sum(const VsStageTable *table)
{
    VsSum sum = 0;

    for (guint i = 0; i < table->rows->len; i++) {
        sum += g_array_index(table->rows, VsStageRow, i).elapsed;
    }
    return sum;
}

/* Lines. --------------------------------------------------------------------------- */

/* A line in the making. */
typedef struct Fold {
    VsStageLine line;
    char *pattern;      /* What its places share; the place itself without folding. */
    GHashTable *places; /* All of them, as char *. */
} Fold;

VsSum
vs_stage_line_sum(const VsStageLine *line)
{
    VsSum sum = 0;

    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        sum += line->elapsed[kind];
    }
    return sum;
}

static void
clear_line(gpointer line)
{
    g_free(((VsStageLine *)line)->place);
}

static void
free_fold(gpointer fold_)
{
    Fold *fold = fold_;

    g_hash_table_destroy(fold->places);
    g_free(fold->pattern);
    g_free(fold);
}

/* "namespace edge/root" for "core edge/0". */
static char *
find_place(const VsStageRow *row)
{
    const char *slash = strrchr(row->place, '/');

    if (!g_str_has_prefix(row->place, "core ") || !slash) {
        return g_strdup(row->place);
    }
    return g_strdup_printf("namespace %.*s/root", (int)(slash - row->place) - 5,
                           row->place + 5);
}

/* 'place' with a star for each number. */
static char *
make_pattern(const char *place)
{
    GString *pattern = g_string_new(NULL);

    for (const char *c = place; *c; c++) {
        if (!g_ascii_isdigit(*c)) {
            g_string_append_c(pattern, *c);
        } else if (c == place || !g_ascii_isdigit(c[-1])) {
            g_string_append_c(pattern, '*');
        }
    }
    return g_string_free(pattern, FALSE);
}

static Fold *
make_fold(const char *phase, const char *pattern)
{
    Fold *fold = g_new0(Fold, 1);

    fold->line.phase = phase;
    fold->pattern = g_strdup(pattern);
    fold->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return fold;
}

/* The rows of one phase as folds; with 'is_tight', places that differ in numbers
 * share. */
static GPtrArray *
fold_phase(const VsStageTable *table, const char *phase, bool is_tight)
{
    GPtrArray *folds = g_ptr_array_new_with_free_func(free_fold);
    g_autoptr(GHashTable) by_pattern = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < table->rows->len; i++) {
        const VsStageRow *row = &g_array_index(table->rows, VsStageRow, i);
        char *place;
        g_autofree char *pattern = NULL;
        Fold *fold;

        if (strcmp(row->phase, phase) != 0) {
            continue;
        }
        place = find_place(row);
        pattern = is_tight ? make_pattern(place) : g_strdup(place);
        fold = g_hash_table_lookup(by_pattern, pattern);
        if (!fold) {
            fold = make_fold(phase, pattern);
            g_ptr_array_add(folds, fold);
            g_hash_table_insert(by_pattern, fold->pattern, fold);
        }
        fold->line.elapsed[row->kind] += row->elapsed;
        g_hash_table_add(fold->places, place);
    }
    return folds;
}

/* The name of the line: of its one place, or what several share. */
static char *
name_fold(const Fold *fold)
{
    GHashTableIter iter;
    gpointer place;

    g_hash_table_iter_init(&iter, fold->places);
    if (g_hash_table_size(fold->places) == 1 &&
        g_hash_table_iter_next(&iter, &place, NULL)) {
        return g_strdup(place);
    }
    return g_strdup(fold->pattern);
}

static GPtrArray *
list_phases(const VsStageTable *table)
{
    GPtrArray *phases = g_ptr_array_new();

    for (guint i = 0; i < table->rows->len; i++) {
        const char *phase = g_array_index(table->rows, VsStageRow, i).phase;

        if (!g_ptr_array_find_with_equal_func(phases, phase, g_str_equal, NULL)) {
            g_ptr_array_add(phases, (char *)phase);
        }
    }
    return phases;
}

static gint
compare_sums(gconstpointer a, gconstpointer b)
{
    VsSum sum_a = *(const VsSum *)a;
    VsSum sum_b = *(const VsSum *)b;

    return sum_a < sum_b ? 1 : sum_a > sum_b ? -1 : 0;
}

/* The time that a fold must take to have a line of its own when only 'max_lines' do. */
static VsSum
find_least_sum(const GPtrArray *folds, unsigned max_lines)
{
    g_autoptr(GArray) sums = g_array_new(FALSE, FALSE, sizeof(VsSum));

    for (guint i = 0; i < folds->len; i++) {
        VsSum sum = vs_stage_line_sum(&((const Fold *)folds->pdata[i])->line);

        g_array_append_val(sums, sum);
    }
    g_array_sort(sums, compare_sums);
    return g_array_index(sums, VsSum, MIN(max_lines, sums->len) - 1);
}

static void
append_lines(const GPtrArray *folds, unsigned max_lines, GArray *ret)
{
    VsSum least = folds->len > max_lines ? find_least_sum(folds, max_lines - 1) : 0;
    VsStageLine others = {0};
    unsigned n_own = 0;

    for (guint i = 0; i < folds->len; i++) {
        const Fold *fold = folds->pdata[i];
        VsStageLine line = fold->line;

        line.n_places = g_hash_table_size(fold->places);
        if (vs_stage_line_sum(&line) >= least &&
            (least == 0 || n_own < max_lines - 1)) {
            line.place = name_fold(fold);
            g_array_append_val(ret, line);
            n_own++;
            continue;
        }
        others.phase = line.phase;
        others.n_places += line.n_places;
        for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
            others.elapsed[kind] += line.elapsed[kind];
        }
    }
    if (others.n_places > 0) {
        others.place = g_strdup_printf("%u others", others.n_places);
        g_array_append_val(ret, others);
    }
}

/* The folds of each phase. */
static GPtrArray *
fold_phases(const VsStageTable *table, const GPtrArray *phases, bool is_tight)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);

    for (guint i = 0; i < phases->len; i++) {
        g_ptr_array_add(all, fold_phase(table, phases->pdata[i], is_tight));
    }
    return all;
}

static guint
find_most(const GPtrArray *all)
{
    guint most = 0;

    for (guint i = 0; i < all->len; i++) {
        most = MAX(most, ((const GPtrArray *)all->pdata[i])->len);
    }
    return most;
}

GArray *
vs_stage_table_fold(const VsStageTable *table, unsigned max_lines)
{
    g_autoptr(GPtrArray) phases = list_phases(table);
    g_autoptr(GPtrArray) all = fold_phases(table, phases, false);
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(VsStageLine));

    g_assert(max_lines > 1);
    g_array_set_clear_func(lines, clear_line);
    if (find_most(all) > max_lines) {
        g_ptr_array_unref(all);
        all = fold_phases(table, phases, true);
    }
    for (guint i = 0; i < all->len; i++) {
        append_lines(all->pdata[i], max_lines, lines);
    }
    return lines;
}
