#include "scenario/reader_xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdbool.h>
#include <string.h>

#include "model/element.h"
#include "scenario/arena.h"
#include "scenario/source.h"

#define XINCLUDE_NAMESPACE "http://www.w3.org/2001/XInclude"
#define XSI_NAMESPACE "http://www.w3.org/2001/XMLSchema-instance"

#define BLANKS " \t\r\n"

struct VsXmlTree {
    VsArena *arena;
    GStringChunk *strings;
    VsXmlNode *root;
};

/* What all files of one scenario share while they are read. */
typedef struct Reader {
    VsXmlTree *tree;
    /* The node that takes children, for each open tag: of <profile> that of its parent, of
     * <xi:include> none. */
    GPtrArray *open;
    GHashTable *ordinals; /* Name to how many there were. */
    unsigned n_nodes;
    unsigned n_includes;
    GError *error; /* The first. */
} Reader;

typedef struct File File;
struct File {
    Reader *reader;
    const File *includer; /* NULL for the scenario itself. */
    const char *name;
    dev_t device; /* Both zero for memory. */
    ino_t inode;
    unsigned base_depth; /* Tags open where it begins. */
    xmlParserCtxt *parser;
};

/* Keeps the first error and ends the parsing of 'file'. */
static void refuse(File *file, int line, VsScenarioError code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void
refuse(File *file, int line, VsScenarioError code, const char *format, ...)
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

/* Elements. ------------------------------------------------------------------------ */

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

/* The attribute's text from 'begin' to 'end'.  libxml2 leaves an ampersand as "&#38;". */
static const char *
copy_value(Reader *reader, const xmlChar *begin, const xmlChar *end)
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

/* The parser's array of attributes, five pointers each. */
typedef struct RawAttribute {
    const xmlChar *name, *prefix, *uri, *begin, *end;
} RawAttribute;

static bool
copy_attributes(File *file, VsXmlNode *node, const RawAttribute *raw, int n_raw)
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
            refuse(file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
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

static VsXmlNode *
new_node(File *file, const char *name, int line)
{
    Reader *reader = file->reader;
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
check_namespace(File *file, const char *name, const char *uri, int line)
{
    if (uri && strcmp(uri, VS_SCENARIO_NAMESPACE) == 0) {
        return true;
    }
    if (uri) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "<%s> is in the namespace \"%s\": write xmlns=\"" VS_SCENARIO_NAMESPACE
               "\"",
               name, uri);
    } else {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "<%s> is in no namespace: write <%s xmlns=\"" VS_SCENARIO_NAMESPACE
               "\" ...> at the top of the file",
               name, name);
    }
    return false;
}

/* <scenario> is the root of the whole and nothing else is. */
static bool
check_root(File *file, const char *name, int line)
{
    bool is_top = file->reader->open->len == 0;
    bool is_scenario = strcmp(name, "scenario") == 0;

    if (is_top && strcmp(name, "profile") == 0) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "a <profile> is a part of scenarios, for <xi:include>: a scenario "
               "starts with "
               "<scenario>");
    } else if (is_top && !is_scenario) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "the root element is <%s>: a scenario starts with <scenario>", name);
    } else if (!is_top && is_scenario) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "<scenario> cannot stand inside another: an included file starts with "
               "<profile>, or is one element");
    }
    return is_top == is_scenario;
}

/* <profile version="1">: what it holds takes its place. */
static void
open_profile(File *file, VsXmlNode *parent, const RawAttribute *raw, int n_raw,
             int line)
{
    VsXmlNode *node = new_node(file, "profile", line);
    const char *version;

    if (parent != file->reader->tree->root) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "<profile> may stand only in <scenario>, not in <%s>", parent->name);
        return;
    }
    if (!copy_attributes(file, node, raw, n_raw)) {
        return;
    }
    version = vs_xml_node_attribute(node, "version");
    if (!version || strcmp(version, "1") != 0 || node->n_attributes > 1) {
        refuse(file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
               "<profile> takes its version and nothing else: write <profile "
               "version=\"1\">");
        return;
    }
    g_ptr_array_add(file->reader->open, parent);
}

static void
open_element(File *file, VsXmlNode *parent, const char *name, const RawAttribute *raw,
             int n_raw, int line)
{
    Reader *reader = file->reader;
    VsXmlNode *node = new_node(file, name, line);

    if (reader->n_nodes++ >= VS_XML_NODES_MAX) {
        refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
               "the scenario has more than %d elements", VS_XML_NODES_MAX);
        return;
    }
    if (!copy_attributes(file, node, raw, n_raw)) {
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

/* Includes. ------------------------------------------------------------------------ */

static void parse_file(File *file, const char *text, size_t length);

/* The path that 'href' means in 'file', newly allocated, or NULL. */
static char *
resolve_href(File *file, const char *href, int line)
{
    g_autofree char *scheme = g_uri_parse_scheme(href);
    g_autofree char *path = NULL;
    g_autofree char *folder = NULL;

    if (scheme || g_str_has_prefix(href, "//")) {
        refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
               "href=\"%s\" is not a local file: write its path, relative to this file",
               href);
        return NULL;
    }
    path = g_uri_unescape_string(href, NULL);
    if (!path || !*path || strpbrk(href, "#?") || !g_utf8_validate(path, -1, NULL)) {
        refuse(
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
include_href(File *file, const RawAttribute *raw, int n_raw, int line)
{
    VsXmlNode *node = new_node(file, "xi:include", line);
    const char *href = NULL;

    if (!copy_attributes(file, node, raw, n_raw)) {
        return NULL;
    }
    for (unsigned i = 0; i < node->n_attributes; i++) {
        const VsXmlAttribute *attribute = &node->attributes[i];

        if (strcmp(attribute->name, "href") == 0) {
            href = attribute->value;
        } else if (strcmp(attribute->name, "parse") != 0 ||
                   strcmp(attribute->value, "xml") != 0) {
            refuse(file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
                   "<xi:include> takes no %s=\"%s\", only href", attribute->name,
                   attribute->value);
            return NULL;
        }
    }
    if (!href) {
        refuse(file, line, VS_SCENARIO_ERROR_ATTRIBUTE,
               "<xi:include> lacks href, the path of the file to include");
    }
    return href;
}

static bool
check_include(File *file, const char *name, const struct stat *status, int line)
{
    unsigned depth = 1;

    for (const File *f = file; f; f = f->includer, depth++) {
        if (f->inode == status->st_ino && f->device == status->st_dev && f->inode) {
            refuse(file, line, VS_SCENARIO_ERROR_SYNTAX, "%s includes itself", name);
            return false;
        }
    }
    if (depth > VS_XML_INCLUDE_DEPTH_MAX ||
        file->reader->n_includes >= VS_XML_INCLUDES_MAX) {
        refuse(file, line, VS_SCENARIO_ERROR_SYNTAX,
               "too many includes: at most %d, %d deep, are read", VS_XML_INCLUDES_MAX,
               VS_XML_INCLUDE_DEPTH_MAX);
        return false;
    }
    return true;
}

/* Reads the included file into the element that is open. */
static void
include(File *file, const RawAttribute *raw, int n_raw, int line)
{
    Reader *reader = file->reader;
    const char *href = include_href(file, raw, n_raw, line);
    g_autofree char *path = href ? resolve_href(file, href, line) : NULL;
    g_autofree char *reason = NULL;
    g_auto(VsSource) source = {0};
    File included = {.reader = reader, .includer = file};

    if (!path) {
        return;
    }
    if (!vs_source_read(path, true, &source, &reason)) {
        refuse(file, line, VS_SCENARIO_ERROR_IO, "%s cannot be read: %s", path, reason);
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
    parse_file(&included, (const char *)source.bytes->data, source.bytes->len);
    if (reader->error) {
        xmlStopParser(file->parser);
        return;
    }
    g_ptr_array_add(reader->open, NULL);
}

/* What libxml2 calls. -------------------------------------------------------------- */

static void
on_start(void *user, const xmlChar *name_, const xmlChar *prefix, const xmlChar *uri_,
         int n_namespaces, const xmlChar **namespaces, int n_attributes,
         int n_defaulted, const xmlChar **attributes)
{
    File *file = user;
    GPtrArray *open = file->reader->open;
    VsXmlNode *parent = open->len ? open->pdata[open->len - 1] : NULL;
    const char *name = (const char *)name_;
    const char *uri = (const char *)uri_;
    const RawAttribute *raw = (const RawAttribute *)attributes;
    int line = tag_line(file->parser);

    (void)prefix;
    (void)n_namespaces;
    (void)namespaces;
    (void)n_defaulted;
    if (file->reader->error) {
        return;
    }
    if (open->len >= VS_XML_DEPTH_MAX) {
        refuse(file, line, VS_SCENARIO_ERROR_SYNTAX, "elements nest more than %d deep",
               VS_XML_DEPTH_MAX);
    } else if (open->len && !parent) {
        refuse(file, line, VS_SCENARIO_ERROR_ELEMENT,
               "<xi:include> must be empty, not hold <%s>", name);
    } else if (uri && strcmp(uri, XINCLUDE_NAMESPACE) == 0) {
        if (strcmp(name, "include") != 0 || !parent || open->len == file->base_depth) {
            refuse(
                file, line, VS_SCENARIO_ERROR_ELEMENT,
                "<xi:%s> cannot stand here: <xi:include> stands inside other elements",
                name);
            return;
        }
        include(file, raw, n_attributes, line);
    } else if (check_root(file, name, line) && check_namespace(file, name, uri, line)) {
        if (strcmp(name, "profile") == 0) {
            open_profile(file, parent, raw, n_attributes, line);
        } else {
            open_element(file, parent, name, raw, n_attributes, line);
        }
    }
}

static void
on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    File *file = user;

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
    File *file = user;
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
    refuse(file, MAX(line, 1), VS_SCENARIO_ERROR_SYNTAX,
           "there is text between the elements, \"%s\": scenarios hold elements, "
           "attributes and <!-- comments -->",
           start);
}

static void
on_doctype(void *user, const xmlChar *name, const xmlChar *external,
           const xmlChar *system)
{
    File *file = user;

    (void)name;
    (void)external;
    (void)system;
    refuse(
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
    File *file = user;
    g_autofree char *message = NULL;

    if (cause->level < XML_ERR_ERROR || file->reader->error) {
        return;
    }
    message = g_strstrip(g_utf8_make_valid(cause->message ? cause->message : "", -1));
    vs_set_error_at_line(&file->reader->error, file->name, MAX(cause->line, 1),
                         VS_SCENARIO_ERROR_SYNTAX, "this is not well-formed XML: %s",
                         message);
}

/* Parses the whole file into the tree; the outcome is reader->error.
 *
 * Where libxml2 knows no parser, in the conversion of characters, it calls the thread's
 * handler of errors, which would print: that one is ours meanwhile. */
static void
parse_file(File *file, const char *text, size_t length)
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
        refuse(file, 1, VS_SCENARIO_ERROR_SYNTAX, "this is not well-formed XML");
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
read_tree(File *file, const char *text, size_t length, GError **error)
{
    g_autoptr(VsXmlTree) tree = g_new0(VsXmlTree, 1);
    g_autoptr(GPtrArray) open = g_ptr_array_new();
    g_autoptr(GHashTable) ordinals = g_hash_table_new(g_str_hash, g_str_equal);
    Reader reader = {.tree = tree, .open = open, .ordinals = ordinals};

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
    parse_file(file, text, length);
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
    File file = {.name = strcmp(path, "-") == 0 ? "<stdin>" : path};

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
    File file = {.name = name};

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
