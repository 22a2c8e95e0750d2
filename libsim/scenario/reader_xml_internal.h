/* Within the reader of XML files: what its files share. */
#pragma once

#include <libxml/parser.h>
#include <stdbool.h>
#include <sys/types.h>

#include "model/element.h"
#include "scenario/arena.h"
#include "scenario/reader_xml.h"

struct VsXmlTree {
    VsArena *arena;
    GStringChunk *strings;
    VsXmlNode *root;
};

/* What all files of one scenario share while they are read. */
typedef struct VsXmlReader {
    VsXmlTree *tree;
    /* The node that takes children, for each open tag: of <profile> that of its parent, of
     * <xi:include> none. */
    GPtrArray *open;
    GHashTable *ordinals; /* Name to how many there were. */
    unsigned n_nodes;
    unsigned n_includes;
    GError *error; /* The first. */
} VsXmlReader;

typedef struct VsXmlFile VsXmlFile;
struct VsXmlFile {
    VsXmlReader *reader;
    const VsXmlFile *includer; /* NULL for the scenario itself. */
    const char *name;
    dev_t device; /* Both zero for memory. */
    ino_t inode;
    unsigned base_depth; /* Tags open where it begins. */
    xmlParserCtxt *parser;
};

/* The parser's array of attributes, five pointers each. */
typedef struct VsXmlRawAttribute {
    const xmlChar *name, *prefix, *uri, *begin, *end;
} VsXmlRawAttribute;

/* Keeps the first error and ends the parsing of 'file'. */
void vs_xml_refuse(VsXmlFile *file, int line, VsScenarioError code, const char *format,
                   ...) G_GNUC_PRINTF(4, 5);

/* Parses the whole file into the tree; the outcome is reader->error. */
void vs_xml_parse_file(VsXmlFile *file, const char *text, size_t length);

/* A node of the tree's that is nobody's child yet. */
VsXmlNode *vs_xml_new_node(VsXmlFile *file, const char *name, int line);

/* Gives 'node' what the parser read, without hints for editors; false if refused. */
bool vs_xml_copy_attributes(VsXmlFile *file, VsXmlNode *node,
                            const VsXmlRawAttribute *raw, int n_raw);

/* The start tag of an element of scenarios, in 'parent'; NULL: of the root. */
void vs_xml_open(VsXmlFile *file, VsXmlNode *parent, const char *name, const char *uri,
                 const VsXmlRawAttribute *raw, int n_raw, int line);

/* <xi:include>: reads the included file into the element that is open. */
void vs_xml_include(VsXmlFile *file, const VsXmlRawAttribute *raw, int n_raw, int line);
