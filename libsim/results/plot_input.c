#include "results/plot_input.h"

#include "results/json_get.h"
#include "results/plot.h"

JsonObject *
vs_plot_input_root(const VsPlotInput *input)
{
    JsonNode *root = json_parser_get_root(input->summary);

    return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

static bool
read_summary(VsPlotInput *input, GError **error)
{
    g_autofree char *path = g_build_filename(input->folder, "summary.json", NULL);
    g_autoptr(GError) cause = NULL;
    g_autofree char *seed = NULL;
    const char *digest;
    JsonObject *root;

    if (!json_parser_load_from_file(input->summary, path, &cause)) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER,
                    "%s holds no results: %s", input->folder, cause->message);
        return false;
    }
    root = vs_plot_input_root(input);
    digest = vs_json_get_text(root, "digest");
    if (g_strcmp0(vs_json_get_text(root, "format"), "vethsim-summary") != 0 ||
        !digest || !vs_json_get_text(root, "scenario") ||
        !json_object_has_member(root, "seed")) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER,
                    "%s is not a summary of vethsim", path);
        return false;
    }
    seed = json_to_string(json_object_get_member(root, "seed"), FALSE);
    input->caption = g_strdup_printf("%s, seed %s, digest %.8s",
                                     vs_json_get_text(root, "scenario"), seed, digest);
    return true;
}

VsPlotInput *
vs_plot_input_new(const char *folder, GError **error)
{
    g_autoptr(VsPlotInput) input = g_new0(VsPlotInput, 1);
    GList *clients;

    input->folder = g_strdup(folder);
    input->summary = json_parser_new_immutable();
    input->clients = g_ptr_array_new();
    if (!read_summary(input, error)) {
        return NULL;
    }
    clients = vs_json_list_objects(vs_plot_input_root(input), "clients");
    for (GList *item = clients; item; item = item->next) {
        const char *id = vs_json_get_text(item->data, "id");

        if (id) {
            g_ptr_array_add(input->clients, (char *)id);
        }
    }
    g_list_free(clients);
    return g_steal_pointer(&input);
}

void
vs_plot_input_free(VsPlotInput *input)
{
    if (!input) {
        return;
    }
    g_ptr_array_free(input->clients, TRUE);
    g_object_unref(input->summary);
    g_free(input->caption);
    g_free(input->folder);
    g_free(input);
}

/* Stages. -------------------------------------------------------------------------- */

static void
free_stages(gpointer stages_)
{
    VsPlotStages *stages = stages_;

    vs_stage_table_clear(&stages->table);
    g_free(stages->client);
    g_free(stages);
}

static bool
read_stage(JsonObject *object, VsStageRow *ret)
{
    const char *kind = vs_json_get_text(object, "kind");
    const char *elapsed = vs_json_get_text(object, "elapsed_ps");

    ret->phase = vs_json_get_text(object, "phase");
    ret->place = vs_json_get_text(object, "place");
    ret->what = vs_json_get_text(object, "what");
    return ret->phase && ret->place && ret->what && kind && elapsed &&
           vs_stage_kind_find(kind, &ret->kind) &&
           vs_number_read_sum(elapsed, &ret->elapsed);
}

static void
add_stages(GPtrArray *all, JsonObject *client)
{
    JsonObject *object = vs_json_get_object(client, "stages");
    GList *rows = vs_json_list_objects(object, "rows");
    VsPlotStages *stages = g_new0(VsPlotStages, 1);

    stages->client = g_strdup(vs_json_get_text(client, "id"));
    vs_stage_table_init(&stages->table);
    stages->table.n_requests = (uint64_t)json_object_get_int_member_with_default(
        object ? object : client, "requests", 0);
    for (GList *item = rows; item; item = item->next) {
        VsStageRow row = {0};

        if (read_stage(item->data, &row)) {
            g_array_append_val(stages->table.rows, row);
        }
    }
    g_list_free(rows);
    stages->table.elapsed = vs_stage_table_sum(&stages->table);
    if (stages->client && stages->table.n_requests > 0 && stages->table.rows->len > 0) {
        g_ptr_array_add(all, stages);
    } else {
        free_stages(stages);
    }
}

GPtrArray *
vs_plot_input_read_stages(const VsPlotInput *input)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(free_stages);
    GList *clients = vs_json_list_objects(vs_plot_input_root(input), "clients");
    JsonObject *total = vs_json_get_object(vs_plot_input_root(input), "total");

    if (input->clients->len > VS_PLOT_MAX_STAGE_TABLES && total) {
        add_stages(all, total);
    } else {
        for (GList *item = clients; item; item = item->next) {
            add_stages(all, item->data);
        }
    }
    g_list_free(clients);
    return all;
}
