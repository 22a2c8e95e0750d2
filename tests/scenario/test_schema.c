#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "scenario/schema.h"
#include "tests/scenario/toy_scenario.h"
#include "tests/vs_test.h"

typedef struct Schema {
    xmlSchema *schema;
    xmlSchemaValidCtxt *validator;
} Schema;

static void G_GNUC_PRINTF(2, 3) be_quiet(void *user, const char *format, ...)
{
    (void)user;
    (void)format;
}

static Schema
schema_fixture(void)
{
    g_autofree char *text = vs_schema_print(&toy_registry);
    xmlSchemaParserCtxt *parser = xmlSchemaNewMemParserCtxt(text, (int)strlen(text));
    Schema schema = {xmlSchemaParse(parser), NULL};

    xmlSchemaFreeParserCtxt(parser);
    CU_ASSERT_PTR_NOT_NULL_FATAL(schema.schema);
    schema.validator = xmlSchemaNewValidCtxt(schema.schema);
    xmlSchemaSetValidErrors(schema.validator, be_quiet, be_quiet, NULL);
    return schema;
}

static void
schema_clear(Schema *schema)
{
    xmlSchemaFreeValidCtxt(schema->validator);
    xmlSchemaFree(schema->schema);
}

static bool
is_valid_text(const Schema *schema, const char *text)
{
    xmlDoc *doc =
        xmlReadMemory(text, (int)strlen(text), "toy.xml", NULL, XML_PARSE_NONET);
    bool is_valid = xmlSchemaValidateDoc(schema->validator, doc) == 0;

    xmlFreeDoc(doc);
    return is_valid;
}

static bool
is_valid(const Schema *schema, const char *body)
{
    g_autofree char *text = toy_text(body);

    return is_valid_text(schema, text);
}

/* Says of each body whether it is as 'expected'. */
static void
check_bodies(const char *const *bodies, bool expected)
{
    Schema schema = schema_fixture();

    for (; *bodies; bodies++) {
        bool is_good = is_valid(&schema, *bodies) == expected;

        if (!is_good) {
            printf("\n    %s is %svalid", *bodies, expected ? "not " : "");
        }
        CU_ASSERT(is_good);
    }
    schema_clear(&schema);
}

static void
test_good_scenarios_are_valid(void)
{
    static const char *const bodies[] = {
        "",
        "<!-- c --><host id='a' cores='4' labels='a=b c=d' peer='b' friends='b c'/>",
        "<host id='a' count='3' cores='${index}'><box id='b' "
        "count='${n}'/><slot/></host>",
        "<param name='n' default='3'/><wire from='a' to='b' rate='10 Gbit/s' delay=' "
        "2.5us '/>",
        "<wire from='a' to='${b}' queue='1ms'/><hub id='h${index}'/>",
        "<gadget string='any &lt; ${thing}' labels='' refs='a b-1 c.d'/>",
        "<gadget uint='3' bool='yes' time='1.5h' rate='100kbit/s' size='1.5KiB'/>",
        "<gadget frequency='20k/s' ratio='0.01%' dist='lognormal(2ms, 4)'/>",
        "<gadget frequency='6/min' dist='3ms' choice='green' ipv4='10.0.0.1'/>",
        "<gadget prefix='10.0.0.0/8' arrivals='closed(3,exponential(1s))' "
        "queue='64KiB'/>",
        "<gadget choice='${colour}' arrivals='${kind}(${rate}/s)' queue='unlimited'/>",
        "<host id='a'><box><note text='x'/></box><note text='y'/></host>",
        "<profile version='1'><host id='a'/></profile>",
        TOY_INCLUDE "'x.xml'/><host id='a'>" TOY_INCLUDE "'y.xml'/></host>",
        NULL,
    };

    check_bodies(bodies, true);
}

static void
test_bad_scenarios_are_not_valid(void)
{
    static const char *const bodies[] = {
        "<hots id='a'/>",
        "<box/>",
        "<hub id='a'><box/></hub>",
        "<host/>",
        "<host id='a b'/>",
        "<host id='a'/><hub id='a'/>",
        "<host id='a' corse='4'/>",
        "<host id='a' count='0'/>",
        "<hub id='a' count='2'/>",
        "<wire from='a'/>",
        "<wire from='a' to='b' rate='100'/>",
        "<wire from='a' to='b' rate='100Mbps'/>",
        "<wire from='a' to='b' delay='5'/>",
        "<gadget uint='-1'/>",
        "<gadget bool='true'/>",
        "<gadget choice='yellow'/>",
        "<gadget ipv4='10.0.0'/>",
        "<gadget labels='a'/>",
        "<gadget arrivals='poison(1/s)'/>",
        "<gadget queue='100'/>",
        "<param name='n'/>",
        "text",
        NULL,
    };

    check_bodies(bodies, false);
}

static void
test_the_root_is_checked(void)
{
    Schema schema = schema_fixture();

    CU_ASSERT(is_valid_text(&schema, TOY_HEAD "</scenario>"));
    CU_ASSERT(is_valid_text(&schema, "<profile version='1' " TOY_XMLNS "/>"));
    CU_ASSERT(is_valid_text(&schema, "<host id='a' " TOY_XMLNS "/>"));
    CU_ASSERT(!is_valid_text(&schema, "<scenario version='1' until='2s'/>"));
    CU_ASSERT(
        !is_valid_text(&schema, "<scenario version='2' until='2s' " TOY_XMLNS "/>"));
    CU_ASSERT(
        !is_valid_text(&schema, "<scenario version='1' until='2' " TOY_XMLNS "/>"));
    CU_ASSERT(!is_valid_text(&schema, "<scenario version='1' " TOY_XMLNS "/>"));
    CU_ASSERT(!is_valid_text(
        &schema, "<scenario version='1' until='2s' seed='x' " TOY_XMLNS "/>"));
    schema_clear(&schema);
}

static void
test_the_schema_documents_itself(void)
{
    g_autofree char *text = vs_schema_print(&toy_registry);

    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Has &lt;all&gt; &amp; everything."));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "Propagation delay. Default: 1us. Range: 1ns to 10s."));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "One end. Names elements: host hub."));
}

/* The schema of the models of the library is a schema. */
static void
test_the_library_has_a_schema(void)
{
    g_autofree char *text = vs_schema_print(vs_registry_builtin());
    xmlSchemaParserCtxt *parser = xmlSchemaNewMemParserCtxt(text, (int)strlen(text));
    xmlSchema *schema = xmlSchemaParse(parser);

    CU_ASSERT_PTR_NOT_NULL(schema);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(parser);
}

static const VsTestCase tests[] = {
    {"good scenarios are valid", test_good_scenarios_are_valid},
    {"bad scenarios are not valid", test_bad_scenarios_are_not_valid},
    {"the root is checked", test_the_root_is_checked},
    {"the schema documents itself", test_the_schema_documents_itself},
    {"the library has a schema", test_the_library_has_a_schema},
    {0}};
VS_TESTS("schema")
