#include <string.h>

#include "scenario/reader_xml_internal.h"

#define XSI_NAMESPACE "http://www.w3.org/2001/XMLSchema-instance"

/* The attribute's text from 'begin' to 'end'.  libxml2 leaves an ampersand as "&#38;". */
static const char *
copy_value(VsXmlReader *reader, const xmlChar *begin, const xmlChar *end)
{
    g_autofree char *value = g_strndup((const char *)begin, end - begin);
    char *to = value;

    for (const char *from = value; *from; to++) {
        bool is_escape = strncmp(from, "&#38;", 5) == 0;

        *to = *from;
        from += is_escape ? 5 : 1;
    }
    *to = '\0';
    return g_string_chunk_insert_const(reader->tree->strings, value);
}

bool
vs_xml_copy_attributes(VsXmlFile *file, VsXmlNode *node, const VsXmlRawAttribute *raw,
                       int n_raw)
{
    VsXmlTree *tree = file->reader->tree;

    if (n_raw > 0) {
        node->attributes =
            vs_arena_alloc(tree->arena, (size_t)n_raw * sizeof(VsXmlAttribute));
    }
    for (int i = 0; i < n_raw; i++) {
        VsXmlAttribute *attribute = &node->attributes[node->n_attributes];

        if (raw[i].uri && strcmp((const char *)raw[i].uri, XSI_NAMESPACE) == 0) {
            continue; /* Hints for editors. */
        }
        if (raw[i].prefix) {
            vs_xml_refuse(file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
                          "<%s> has no attribute \"%s:%s\"", node->name, raw[i].prefix,
                          raw[i].name);
            return false;
        }
        attribute->name =
            g_string_chunk_insert_const(tree->strings, (const char *)raw[i].name);
        attribute->value = copy_value(file->reader, raw[i].begin, raw[i].end);
        node->n_attributes++;
    }
    return true;
}

VsXmlNode *
vs_xml_new_node(VsXmlFile *file, const char *name, int line)
{
    VsXmlReader *reader = file->reader;
    VsXmlNode *node = vs_arena_alloc(reader->tree->arena, sizeof(VsXmlNode));

    node->name = g_string_chunk_insert_const(reader->tree->strings, name);
    node->file = file->name;
    node->line = line;
    node->ordinal =
        GPOINTER_TO_UINT(g_hash_table_lookup(reader->ordinals, node->name)) + 1;
    g_hash_table_insert(reader->ordinals, (char *)node->name,
                        GUINT_TO_POINTER(node->ordinal));
    return node;
}

static bool
check_namespace(VsXmlFile *file, const char *name, const char *uri, int line)
{
    if (uri && strcmp(uri, VS_SCENARIO_NAMESPACE) == 0) {
        return true;
    }
    if (uri) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_ELEMENT,
            "<%s> is in the namespace \"%s\": write xmlns=\"" VS_SCENARIO_NAMESPACE
            "\"",
            name, uri);
    } else {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_ELEMENT,
            "<%s> is in no namespace: write <%s xmlns=\"" VS_SCENARIO_NAMESPACE
            "\" ...> at the top of the file",
            name, name);
    }
    return false;
}

/* <scenario> is the root of the whole and nothing else is. */
static bool
check_root(VsXmlFile *file, const char *name, int line)
{
    bool is_top = file->reader->open->len == 0;
    bool is_scenario = strcmp(name, "scenario") == 0;

    if (is_top && strcmp(name, "profile") == 0) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_ELEMENT,
            "a <profile> is a part of scenarios, for <xi:include>: a scenario "
            "starts with "
            "<scenario>");
    } else if (is_top && !is_scenario) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
                      "the root element is <%s>: a scenario starts with <scenario>",
                      name);
    } else if (!is_top && is_scenario) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_ELEMENT,
            "<scenario> cannot stand inside another: an included file starts with "
            "<profile>, or is one element");
    }
    return is_top == is_scenario;
}

/* <profile version="1">: what it holds takes its place. */
static void
open_profile(VsXmlFile *file, VsXmlNode *parent, const VsXmlRawAttribute *raw,
             int n_raw, int line)
{
    VsXmlNode *node = vs_xml_new_node(file, "profile", line);
    const char *version;

    if (parent != file->reader->tree->root) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
                      "<profile> may stand only in <scenario>, not in <%s>",
                      parent->name);
        return;
    }
    if (!vs_xml_copy_attributes(file, node, raw, n_raw)) {
        return;
    }
    version = vs_xml_node_attribute(node, "version");
    if (!version || strcmp(version, "1") != 0 || node->n_attributes > 1) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
                      "<profile> takes its version and nothing else: write <profile "
                      "version=\"1\">");
        return;
    }
    g_ptr_array_add(file->reader->open, parent);
}

static void
open_element(VsXmlFile *file, VsXmlNode *parent, const char *name,
             const VsXmlRawAttribute *raw, int n_raw, int line)
{
    VsXmlReader *reader = file->reader;
    VsXmlNode *node = vs_xml_new_node(file, name, line);

    if (reader->n_nodes++ >= VS_XML_NODES_MAX) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
                      "the scenario has more than %d elements", VS_XML_NODES_MAX);
        return;
    }
    if (!vs_xml_copy_attributes(file, node, raw, n_raw)) {
        return;
    }
    if (!parent) {
        reader->tree->root = node;
    } else if (parent->last_child) {
        parent->last_child->next = node;
        parent->last_child = node;
    } else {
        parent->first_child = parent->last_child = node;
    }
    g_ptr_array_add(reader->open, node);
}

void
vs_xml_open(VsXmlFile *file, VsXmlNode *parent, const char *name, const char *uri,
            const VsXmlRawAttribute *raw, int n_raw, int line)
{
    if (!check_root(file, name, line) || !check_namespace(file, name, uri, line)) {
        return;
    }
    if (strcmp(name, "profile") == 0) {
        open_profile(file, parent, raw, n_raw, line);
    } else {
        open_element(file, parent, name, raw, n_raw, line);
    }
}
