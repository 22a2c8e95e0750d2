#include <string.h>

#include "scenario/reader_xml_internal.h"
#include "scenario/source.h"

/* The path that 'href' means in 'file', newly allocated, or NULL. */
static char *
resolve_href(VsXmlFile *file, const char *href, int line)
{
    g_autofree char *scheme = g_uri_parse_scheme(href);
    g_autofree char *path = NULL;
    g_autofree char *folder = NULL;

    if (scheme || g_str_has_prefix(href, "//")) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_SYNTAX,
            "href=\"%s\" is not a local file: write its path, relative to this file",
            href);
        return NULL;
    }
    path = g_uri_unescape_string(href, NULL);
    if (!path || !*path || strpbrk(href, "#?") || !g_utf8_validate(path, -1, NULL)) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_SYNTAX,
            "href=\"%s\" is not a path: write one without \"#\" and \"?\", relative to "
            "this file",
            href);
        return NULL;
    }
    folder = g_path_get_dirname(file->name);
    if (g_path_is_absolute(path) || strcmp(folder, ".") == 0) {
        return g_steal_pointer(&path);
    }
    return g_build_filename(folder, path, NULL);
}

/* The value of href, or NULL. */
static const char *
include_href(VsXmlFile *file, const VsXmlRawAttribute *raw, int n_raw, int line)
{
    VsXmlNode *node = vs_xml_new_node(file, "xi:include", line);
    const char *href = NULL;

    if (!vs_xml_copy_attributes(file, node, raw, n_raw)) {
        return NULL;
    }
    for (unsigned i = 0; i < node->n_attributes; i++) {
        const VsXmlAttribute *attribute = &node->attributes[i];

        if (strcmp(attribute->name, "href") == 0) {
            href = attribute->value;
        } else if (strcmp(attribute->name, "parse") != 0 ||
                   strcmp(attribute->value, "xml") != 0) {
            vs_xml_refuse(file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
                          "<xi:include> takes no %s=\"%s\", only href", attribute->name,
                          attribute->value);
            return NULL;
        }
    }
    if (!href) {
        vs_xml_refuse(
            file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
            "<xi:include> lacks href, the path of the file to vs_xml_include");
    }
    return href;
}

static bool
check_include(VsXmlFile *file, const char *name, const struct stat *status, int line)
{
    unsigned depth = 1;

    for (const VsXmlFile *f = file; f; f = f->includer, depth++) {
        if (f->inode == status->st_ino && f->device == status->st_dev && f->inode) {
            vs_xml_refuse(file, line, VS_SCENARIO_ERROR_SYNTAX, "%s includes itself",
                          name);
            return false;
        }
    }
    if (depth > VS_XML_INCLUDE_DEPTH_MAX ||
        file->reader->n_includes >= VS_XML_INCLUDES_MAX) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
                      "too many includes: at most %d, %d deep, are read",
                      VS_XML_INCLUDES_MAX, VS_XML_INCLUDE_DEPTH_MAX);
        return false;
    }
    return true;
}

void
vs_xml_include(VsXmlFile *file, const VsXmlRawAttribute *raw, int n_raw, int line)
{
    VsXmlReader *reader = file->reader;
    const char *href = include_href(file, raw, n_raw, line);
    g_autofree char *path = href ? resolve_href(file, href, line) : NULL;
    g_autofree char *reason = NULL;
    g_auto(VsSource) source = {0};
    VsXmlFile included = {.reader = reader, .includer = file};

    if (!path) {
        return;
    }
    if (!vs_source_read(path, true, &source, &reason)) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_IO, "%s cannot be read: %s", path,
                      reason);
        return;
    }
    if (!check_include(file, path, &source.status, line)) {
        return;
    }

    reader->n_includes++;
    included.name = g_string_chunk_insert_const(reader->tree->strings, path);
    included.device = source.status.st_dev;
    included.inode = source.status.st_ino;
    included.base_depth = reader->open->len;
    vs_xml_parse_file(&included, (const char *)source.bytes->data, source.bytes->len);
    if (reader->error) {
        xmlStopParser(file->parser);
        return;
    }
    g_ptr_array_add(reader->open, NULL);
}
