#include "scenario/schema.h"

#include <string.h>

#include "model/element.h"
#include "scenario/reader_xml.h"

/* A value may be given by a parameter of the scenario. */
#define SUBSTITUTION ".*[$]\\{[^}]+\\}.*"

#define ID_PATTERN "[A-Za-z0-9][A-Za-z0-9_.\\-]*"

static void add(GString *xsd, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Appends text whose every string argument is escaped. */
static void
add(GString *xsd, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    g_string_append(xsd, text);
}

/* Types. --------------------------------------------------------------------------- */

/* A type of text that fits one of the patterns; blanks around it do not matter. */
static void
add_pattern_type(GString *xsd, const char *name, const char *pattern, const char *doc)
{
    add(xsd,
        "  <xs:simpleType name=\"%s\">\n"
        "    <xs:annotation><xs:documentation>%s</xs:documentation></xs:annotation>\n"
        "    <xs:restriction base=\"xs:token\">\n"
        "      <xs:pattern value=\"%s\"/>\n"
        "      <xs:pattern value=\"%s\"/>\n"
        "    </xs:restriction>\n"
        "  </xs:simpleType>\n",
        name, doc, pattern, SUBSTITUTION);
}

static void
add_simple_types(GString *xsd)
{
    add_pattern_type(xsd, "id-definition", ID_PATTERN,
                     "A name, unique among those it could be confused with.");
    add_pattern_type(
        xsd, "count", "[1-9][0-9]{0,5}",
        "How many of this element there are: ID-1, ID-2 and so on, with ${index} "
        "for the number.");
    for (VsParamType type = 0; type <= VS_PARAM_TYPE_FILE; type++) {
        const VsParamSyntax *syntax = vs_param_syntax(type);
        g_autofree char *doc = NULL;

        if (syntax->pattern) {
            doc = g_strdup_printf("Such as %s.", syntax->example);
            add_pattern_type(xsd, syntax->name, syntax->pattern, doc);
        }
    }
}

/* Attributes. ---------------------------------------------------------------------- */

static char *
param_doc(const VsParam *param)
{
    GString *doc = g_string_new(param->doc);
    g_autofree char *range = vs_param_print_range(param);

    if (param->def) {
        g_string_append_printf(doc, " Default: %s.", param->def);
    }
    if (range) {
        g_string_append_printf(doc, " Range: %s.", range);
    }
    if (param->to) {
        g_string_append_printf(doc, " Names elements: %s.", param->to);
    }
    return g_string_free(doc, FALSE);
}

/* Patterns rather than an enumeration, which would not let ${name} through. */
static void
add_choices(GString *xsd, const char *const *choices)
{
    add(xsd, "      <xs:simpleType>\n        <xs:restriction base=\"xs:token\">\n");
    for (; *choices; choices++) {
        g_autofree char *pattern = g_regex_escape_string(*choices, -1);

        /* A "-" is escaped by GLib and must not be here. */
        g_auto(GStrv) parts = g_strsplit(pattern, "\\-", -1);
        g_autofree char *joined = g_strjoinv("-", parts);

        add(xsd, "          <xs:pattern value=\"%s\"/>\n", joined);
    }
    add(xsd,
        "          <xs:pattern value=\"%s\"/>\n"
        "        </xs:restriction>\n      </xs:simpleType>\n",
        SUBSTITUTION);
}

static void
add_param(GString *xsd, const VsParam *param)
{
    const VsParamSyntax *syntax = vs_param_syntax(param->type);
    g_autofree char *doc = param_doc(param);

    add(xsd, "    <xs:attribute name=\"%s\"", param->name);
    if (!param->choices && syntax->pattern) {
        add(xsd, " type=\"v:%s\"", syntax->name);
    } else if (!param->choices) {
        add(xsd, " type=\"xs:string\"");
    }
    add(xsd, " use=\"%s\">\n", param->is_required ? "required" : "optional");
    add(xsd,
        "      "
        "<xs:annotation><xs:documentation>%s</xs:documentation></xs:annotation>\n",
        doc);
    if (param->choices) {
        add_choices(xsd, param->choices);
    }
    add(xsd, "    </xs:attribute>\n");
}

/* Elements. ------------------------------------------------------------------------ */

/* What may stand in 'parent', in any order: the models that fit and includes. */
static void
add_children(GString *xsd, const VsRegistry *registry, const char *parent)
{
    bool is_scenario = strcmp(parent, "scenario") == 0;
    bool has_any = is_scenario;

    for (const VsModel *const *model = registry->models; *model; model++) {
        has_any |= vs_model_fits(*model, parent);
    }
    if (!has_any) {
        return;
    }
    add(xsd, "    <xs:choice minOccurs=\"0\" maxOccurs=\"unbounded\">\n");
    if (is_scenario) {
        add(xsd, "      <xs:element ref=\"v:param\"/>\n"
                 "      <xs:element ref=\"v:profile\"/>\n");
    }
    for (const VsModel *const *model = registry->models; *model; model++) {
        if (vs_model_fits(*model, parent)) {
            add(xsd, "      <xs:element ref=\"v:%s\"/>\n", (*model)->element);
        }
    }
    add(xsd, "      <xs:any namespace=\"http://www.w3.org/2001/XInclude\" "
             "processContents=\"skip\"/>\n"
             "    </xs:choice>\n");
}

/* No two of the elements that 'selector' finds have the same id. */
static void
add_unique(GString *xsd, const char *name, const char *selector)
{
    add(xsd,
        "    <xs:unique name=\"%s\">\n"
        "      <xs:selector xpath=\"%s\"/>\n"
        "      <xs:field xpath=\"@id\"/>\n"
        "    </xs:unique>\n",
        name, selector);
}

/* Of the whole scenario: ids of one kind, and of all that share the scenario's scope. */
static void
add_uniques(GString *xsd, const VsRegistry *registry)
{
    g_autoptr(GString) shared = g_string_new(NULL);

    for (const VsModel *const *model = registry->models; *model; model++) {
        g_autofree char *selector = g_strdup_printf(".//v:%s", (*model)->element);

        if ((*model)->id_rule == VS_ID_NONE) {
            continue;
        }
        if ((*model)->id_scope == VS_ID_SCOPE_KIND) {
            g_autofree char *name = g_strdup_printf("ids-of-%s", (*model)->element);

            add_unique(xsd, name, selector);
        } else if ((*model)->id_scope == VS_ID_SCOPE_SCENARIO) {
            g_string_append_printf(shared, "%s%s", shared->len ? "|" : "", selector);
        }
    }
    if (shared->len > 0) {
        add_unique(xsd, "ids-of-hosts", shared->str);
    }
}

/* Ids that are unique among the children of one element. */
static void
add_unique_children(GString *xsd, const VsRegistry *registry, const VsModel *parent)
{
    g_autoptr(GString) children = g_string_new(NULL);

    for (const VsModel *const *model = registry->models; *model; model++) {
        if ((*model)->id_scope == VS_ID_SCOPE_PARENT &&
            vs_model_fits(*model, parent->element)) {
            g_string_append_printf(children, "%sv:%s", children->len ? "|" : "",
                                   (*model)->element);
        }
    }
    if (children->len > 0) {
        g_autofree char *name = g_strdup_printf("ids-in-%s", parent->element);

        add_unique(xsd, name, children->str);
    }
}

static void
add_model(GString *xsd, const VsRegistry *registry, const VsModel *model)
{
    add(xsd, "  <xs:element name=\"%s\" type=\"v:%s-element\">\n", model->element,
        model->element);
    add_unique_children(xsd, registry, model);
    add(xsd,
        "  </xs:element>\n"
        "  <xs:complexType name=\"%s-element\">\n"
        "    <xs:annotation><xs:documentation>%s</xs:documentation></xs:annotation>\n",
        model->element, model->summary);
    add_children(xsd, registry, model->element);
    if (model->id_rule != VS_ID_NONE) {
        add(xsd,
            "    <xs:attribute name=\"id\" type=\"v:id-definition\" use=\"%s\"/>\n",
            model->id_rule == VS_ID_REQUIRED ? "required" : "optional");
    }
    if (model->is_template) {
        add(xsd, "    <xs:attribute name=\"count\" type=\"v:count\"/>\n");
    }
    for (const VsParam *param = model->params; param && param->name; param++) {
        add_param(xsd, param);
    }
    add(xsd, "  </xs:complexType>\n");
}

/* The elements that are the reader's own. */
static void
add_frame(GString *xsd, const VsRegistry *registry)
{
    add(xsd,
        "  <xs:element name=\"scenario\">\n"
        "    <xs:complexType>\n"
        "      <xs:complexContent>\n"
        "        <xs:extension base=\"v:parts\">\n"
        "          <xs:attribute name=\"seed\" type=\"v:uint\" default=\"1\"/>\n"
        "          <xs:attribute name=\"until\" type=\"v:time\" use=\"required\"/>\n"
        "          <xs:attribute name=\"name\" type=\"xs:string\"/>\n"
        "        </xs:extension>\n"
        "      </xs:complexContent>\n"
        "    </xs:complexType>\n");
    add_uniques(xsd, registry);
    add(xsd,
        "  </xs:element>\n"
        "  <xs:element name=\"profile\" type=\"v:parts\"/>\n"
        "  <xs:element name=\"param\">\n"
        "    <xs:complexType>\n"
        "      <xs:attribute name=\"name\" type=\"v:id-definition\" "
        "use=\"required\"/>\n"
        "      <xs:attribute name=\"default\" type=\"xs:string\" use=\"required\"/>\n"
        "    </xs:complexType>\n"
        "  </xs:element>\n"
        "  <xs:complexType name=\"parts\">\n");
    add_children(xsd, registry, "scenario");
    add(xsd, "    <xs:attribute name=\"version\" use=\"required\">\n"
             "      <xs:simpleType>\n"
             "        <xs:restriction base=\"xs:string\">\n"
             "          <xs:enumeration value=\"1\"/>\n"
             "        </xs:restriction>\n"
             "      </xs:simpleType>\n"
             "    </xs:attribute>\n"
             "  </xs:complexType>\n");
}

char *
vs_schema_print(const VsRegistry *registry)
{
    GString *xsd = g_string_new(NULL);

    add(xsd,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:v=\"%s\"\n"
        "           targetNamespace=\"%s\" elementFormDefault=\"qualified\">\n",
        VS_SCENARIO_NAMESPACE, VS_SCENARIO_NAMESPACE);
    add_simple_types(xsd);
    add_frame(xsd, registry);
    for (const VsModel *const *model = registry->models; *model; model++) {
        add_model(xsd, registry, *model);
    }
    add(xsd, "</xs:schema>\n");
    return g_string_free(xsd, FALSE);
}
