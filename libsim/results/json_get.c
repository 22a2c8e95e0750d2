#include "results/json_get.h"

JsonObject *
vs_json_get_object(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

const char *
vs_json_get_text(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

GList *
vs_json_list_objects(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    GList *nodes = NULL;
    GList *objects = NULL;

    if (node && JSON_NODE_HOLDS_ARRAY(node)) {
        nodes = json_array_get_elements(json_node_get_array(node));
    }
    for (GList *item = nodes; item; item = item->next) {
        if (JSON_NODE_HOLDS_OBJECT((JsonNode *)item->data)) {
            objects = g_list_prepend(objects, json_node_get_object(item->data));
        }
    }
    g_list_free(nodes);
    return g_list_reverse(objects);
}
