/* XML files of scenarios as a plain tree: names, attributes and lines, nothing understood.
 *
 * Reading touches no network, loads no DTD and replaces no entities; document type and
 * entity declarations are refused.  <xi:include href="part.xml"/> is replaced by the root
 * element of that local file, found relative to the file that includes it; <profile> is
 * replaced by what it holds.  Comments and processing instructions are skipped. */
#pragma once

#include <glib.h>
#include <stddef.h>

#define VS_SCENARIO_NAMESPACE "urn:vethsim:scenario:1"

/* Limits on what one scenario may ask of memory and stack. */
#define VS_XML_NODES_MAX 4000000
#define VS_XML_DEPTH_MAX 64
#define VS_XML_INCLUDES_MAX 1000
#define VS_XML_INCLUDE_DEPTH_MAX 16

typedef struct VsXmlAttribute {
    const char *name;
    const char *value; /* References to characters replaced. */
} VsXmlAttribute;

typedef struct VsXmlNode VsXmlNode;
struct VsXmlNode {
    const char *name;
    const char *file;
    int line;         /* Of the "<" of its start tag. */
    unsigned ordinal; /* Place among the elements of its name, from 1. */
    unsigned n_attributes;
    VsXmlAttribute *attributes; /* In the order of the file. */
    VsXmlNode *first_child;
    VsXmlNode *last_child;
    VsXmlNode *next;
};

typedef struct VsXmlTree VsXmlTree;

/* Reads 'path' ("-": standard input), or 'length' bytes of memory that messages call
 * 'name'.  Returns NULL with 'error' set in the domain VS_SCENARIO_ERROR; its message
 * starts with "file:line: ". */
VsXmlTree *vs_xml_tree_load(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
VsXmlTree *vs_xml_tree_parse(const char *text, size_t length, const char *name,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vs_xml_tree_free(VsXmlTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsXmlTree, vs_xml_tree_free)

/* The element <scenario>. */
const VsXmlNode *vs_xml_tree_root(const VsXmlTree *tree);

/* The value of attribute 'name', or NULL. */
const char *vs_xml_node_attribute(const VsXmlNode *node, const char *name);
