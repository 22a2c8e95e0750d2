#include "scenario/reader_xml.h"

#include <libxml/parserInternals.h>
#include <string.h>

#include "scenario/reader_xml_internal.h"
#include "scenario/source.h"

#define XINCLUDE_NAMESPACE "http://www.w3.org/2001/XInclude"

#define BLANKS " \t\r\n"

void
vs_xml_refuse(VsXmlFile *file, int line, VsScenarioError code, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    xmlStopParser(file->parser);
    if (file->reader->error) {
        return;
    }
    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    vs_set_error_at_line(&file->reader->error, file->name, line, code, "%s", message);
}

/* What libxml2 calls. -------------------------------------------------------------- */

/* The line of the "<" of the tag that has just been read: nearer to what is meant than the
 * line of its ">", where libxml2 stands.  No attribute can hold a "<". */
static int
tag_line(const xmlParserCtxt *parser)
{
    const xmlParserInput *input = parser->input;
    int line = input->line;

    for (const xmlChar *c = input->cur; c > input->base;) {
        c--;
        if (*c == '<') {
            return line;
        }
        line -= *c == '\n';
    }
    return input->line;
}

static void
on_start(void *user, const xmlChar *name_, const xmlChar *prefix, const xmlChar *uri_,
         int n_namespaces, const xmlChar **namespaces, int n_attributes,
         int n_defaulted, const xmlChar **attributes)
{
    VsXmlFile *file = user;
    GPtrArray *open = file->reader->open;
    VsXmlNode *parent = open->len ? open->pdata[open->len - 1] : NULL;
    const char *name = (const char *)name_;
    const char *uri = (const char *)uri_;
    const VsXmlRawAttribute *raw = (const VsXmlRawAttribute *)attributes;
    int line = tag_line(file->parser);

    (void)prefix;
    (void)n_namespaces;
    (void)namespaces;
    (void)n_defaulted;
    if (file->reader->error) {
        return;
    }
    if (open->len >= VS_XML_DEPTH_MAX) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
                      "elements nest more than %d deep", VS_XML_DEPTH_MAX);
    } else if (open->len && !parent) {
        vs_xml_refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
                      "<xi:include> must be empty, not hold <%s>", name);
    } else if (uri && strcmp(uri, XINCLUDE_NAMESPACE) == 0) {
        if (strcmp(name, "include") != 0 || !parent || open->len == file->base_depth) {
            vs_xml_refuse(
                file, line, VS_SCENARIO_ERROR_ELEMENT,
                "<xi:%s> cannot stand here: <xi:include> stands inside other elements",
                name);
            return;
        }
        vs_xml_include(file, raw, n_attributes, line);
    } else {
        vs_xml_open(file, parent, name, uri, raw, n_attributes, line);
    }
}

static void
on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    VsXmlFile *file = user;

    (void)name;
    (void)prefix;
    (void)uri;
    if (!file->reader->error) {
        g_ptr_array_set_size(file->reader->open, (int)file->reader->open->len - 1);
    }
}

static void
on_text(void *user, const xmlChar *text_, int length)
{
    VsXmlFile *file = user;
    g_autofree char *text = g_strndup((const char *)text_, (gsize)length);
    char *start = text + strspn(text, BLANKS);
    int line = file->parser->input->line;

    if (!*start || file->reader->error) {
        return;
    }
    for (const char *c = start; *c; c++) {
        line -= *c == '\n';
    }
    start[strcspn(start, BLANKS)] = '\0';
    if (g_utf8_strlen(start, -1) > 20) {
        *g_utf8_offset_to_pointer(start, 20) = '\0';
    }
    /* A lone carriage return is a line end in the text, but not to the parser's count. */
    vs_xml_refuse(
        file, MAX(line, 1), VS_SCENARIO_ERROR_SYNTAX,
        "there is text between the elements, \"%s\": scenarios hold elements, "
        "attributes and <!-- comments -->",
        start);
}

static void
on_doctype(void *user, const xmlChar *name, const xmlChar *external,
           const xmlChar *system)
{
    VsXmlFile *file = user;

    (void)name;
    (void)external;
    (void)system;
    vs_xml_refuse(
        file, file->parser->input->line, VS_SCENARIO_ERROR_SYNTAX,
        "<!DOCTYPE> and entity declarations are refused: leave them out; <param> and "
        "<xi:include> serve instead");
}

#if LIBXML_VERSION >= 21200
typedef const xmlError XmlError;
#else
typedef xmlError XmlError;
#endif

/* Only keeps the error: this may come from within the parser's buffers, where it must not
 * be stopped.  It stops by itself over most, and what it still calls does nothing. */
static void
on_error(void *user, XmlError *cause)
{
    VsXmlFile *file = user;
    g_autofree char *message = NULL;

    if (cause->level < XML_ERR_ERROR || file->reader->error) {
        return;
    }
    message = g_strstrip(g_utf8_make_valid(cause->message ? cause->message : "", -1));
    vs_set_error_at_line(&file->reader->error, file->name, MAX(cause->line, 1),
                         VS_SCENARIO_ERROR_SYNTAX, "this is not well-formed XML: %s",
                         message);
}

/* Where libxml2 knows no parser, in the conversion of characters, it calls the thread's
 * handler of errors, which would print: that one is ours meanwhile. */
void
vs_xml_parse_file(VsXmlFile *file, const char *text, size_t length)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .internalSubset = on_doctype,
        .serror = on_error,
    };
    xmlStructuredErrorFunc thread_handler = xmlStructuredError;
    void *thread_context = xmlStructuredErrorContext;

    if (length == 0) {
        vs_set_error_at_line(&file->reader->error, file->name, 1,
                             VS_SCENARIO_ERROR_SYNTAX,
                             "the file is empty: a scenario starts with <scenario>");
        return;
    }
    file->parser = xmlCreateMemoryParserCtxt(text, (int)length);
    g_assert(file->parser);
    xmlCtxtUseOptions(file->parser, XML_PARSE_NONET | XML_PARSE_BIG_LINES);
    *file->parser->sax = handler;
    file->parser->userData = file;

    xmlSetStructuredErrorFunc(file, on_error);
    xmlParseDocument(file->parser);
    xmlSetStructuredErrorFunc(thread_context, thread_handler);
    if (!file->parser->wellFormed && !file->reader->error) {
        vs_xml_refuse(file, 1, VS_SCENARIO_ERROR_SYNTAX, "this is not well-formed XML");
    }
    /* Entities, though refused, may have made the parser begin a document. */
    if (file->parser->myDoc) {
        xmlFreeDoc(file->parser->myDoc);
    }
    xmlFreeParserCtxt(file->parser);
    file->parser = NULL;
}

/* Trees. --------------------------------------------------------------------------- */

static VsXmlTree *
read_tree(VsXmlFile *file, const char *text, size_t length, GError **error)
{
    g_autoptr(VsXmlTree) tree = g_new0(VsXmlTree, 1);
    g_autoptr(GPtrArray) open = g_ptr_array_new();
    g_autoptr(GHashTable) ordinals = g_hash_table_new(g_str_hash, g_str_equal);
    VsXmlReader reader = {.tree = tree, .open = open, .ordinals = ordinals};

    tree->arena = vs_arena_new();
    tree->strings = g_string_chunk_new(4096);
    file->reader = &reader;
    file->name = g_string_chunk_insert_const(tree->strings, file->name);
    if (length > VS_SOURCE_BYTES_MAX) {
        vs_set_error_at_line(error, file->name, 1, VS_SCENARIO_ERROR_IO,
                             "cannot be read: " VS_SOURCE_TOO_LARGE);
        return NULL;
    }

    xmlInitParser();
    vs_xml_parse_file(file, text, length);
    if (reader.error) {
        g_propagate_error(error, reader.error);
        return NULL;
    }
    g_assert(tree->root);
    return g_steal_pointer(&tree);
}

VsXmlTree *
vs_xml_tree_load(const char *path, GError **error)
{
    g_autofree char *reason = NULL;
    g_auto(VsSource) source = {0};
    VsXmlFile file = {.name = strcmp(path, "-") == 0 ? "<stdin>" : path};

    if (!vs_source_read(path, false, &source, &reason)) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_IO,
                    "%s: cannot be read: %s", file.name, reason);
        return NULL;
    }
    file.device = source.status.st_dev;
    file.inode = source.status.st_ino;
    return read_tree(&file, (const char *)source.bytes->data, source.bytes->len, error);
}

VsXmlTree *
vs_xml_tree_parse(const char *text, size_t length, const char *name, GError **error)
{
    VsXmlFile file = {.name = name};

    return read_tree(&file, text, length, error);
}

void
vs_xml_tree_free(VsXmlTree *tree)
{
    if (tree) {
        vs_arena_free(tree->arena);
        if (tree->strings) {
            g_string_chunk_free(tree->strings);
        }
        g_free(tree);
    }
}

const VsXmlNode *
vs_xml_tree_root(const VsXmlTree *tree)
{
    return tree->root;
}

const char *
vs_xml_node_attribute(const VsXmlNode *node, const char *name)
{
    for (unsigned i = 0; i < node->n_attributes; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) {
            return node->attributes[i].value;
        }
    }
    return NULL;
}
