#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/scenario/toy_scenario.h"
#include "tests/temporary_folder.h"
#include "tests/vs_test.h"

/* A folder of files. --------------------------------------------------------------- */

typedef struct Folder {
    char *path;
} Folder;

static Folder
folder_fixture(void)
{
    return (Folder){temporary_folder_new()};
}

static char *
folder_path(const Folder *folder, const char *name)
{
    return g_build_filename(folder->path, name, NULL);
}

static void
folder_write(const Folder *folder, const char *name, const char *text)
{
    g_autofree char *path = folder_path(folder, name);
    g_autofree char *parent = g_path_get_dirname(path);

    g_mkdir_with_parents(parent, 0700);
    g_assert(g_file_set_contents(path, text, -1, NULL));
}

static void
folder_clear(Folder *folder)
{
    temporary_folder_delete(folder->path);
}

/* True if reading the file fails with its name, "/" and 'message' after the folder. */
static bool
folder_fails(const Folder *folder, const char *name, const char *message)
{
    g_autofree char *path = folder_path(folder, name);
    g_autofree char *expected = folder_path(folder, message);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsScenario) scenario =
        vs_scenario_load(path, &toy_registry, NULL, &error);

    if (scenario || strcmp(error->message, expected) != 0) {
        printf("\n    %s\n    is not %s", scenario ? "success" : error->message,
               expected);
        return false;
    }
    return true;
}

/* The file itself. ----------------------------------------------------------------- */

static void
test_the_root_is_read(void)
{
    const char *text =
        "<?xml version=\"1.0\"?>\n<!-- A comment. -->\n"
        "<scenario version=\"1\" seed=\"18446744073709551615\" until=\"2s\"\n"
        "          name=\"shop\" " TOY_XMLNS "/>";
    g_autoptr(VsScenario) scenario =
        vs_scenario_parse(text, strlen(text), "a/b.xml", &toy_registry, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(scenario);
    CU_ASSERT_EQUAL(vs_scenario_seed(scenario), UINT64_MAX);
    CU_ASSERT_EQUAL(vs_scenario_until(scenario), 2 * VS_S);
    CU_ASSERT_STRING_EQUAL(vs_scenario_name(scenario), "shop");
    CU_ASSERT_STRING_EQUAL(vs_scenario_file(scenario), "a/b.xml");
    CU_ASSERT_EQUAL(vs_scenario_registry(scenario), &toy_registry);
    CU_ASSERT_EQUAL(vs_scenario_n_elements(scenario), 0);
    CU_ASSERT_EQUAL(vs_scenario_n_settings(scenario), 0);
}

static void
test_seed_is_1_and_the_name_is_the_files_by_default(void)
{
    const char *text = "<scenario version=\"1\" until=\"1ps\" " TOY_XMLNS "/>";
    g_autoptr(VsScenario) scenario =
        vs_scenario_parse(text, strlen(text), "a/b.xml", &toy_registry, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(scenario);
    CU_ASSERT_EQUAL(vs_scenario_seed(scenario), 1);
    CU_ASSERT_STRING_EQUAL(vs_scenario_name(scenario), "b");
}

static void
test_a_bad_root_says_what_to_write(void)
{
    CU_ASSERT(
        toy_text_fails("", NULL, VS_SCENARIO_ERROR_SYNTAX,
                       "1: the file is empty: a scenario starts with <scenario>"));
    CU_ASSERT(
        toy_text_fails("<scenario version=\"1\"/>", NULL, VS_SCENARIO_ERROR_ELEMENT,
                       "1: <scenario> is in no namespace: write <scenario " TOY_XMLNS
                       " ...> at the top of the file"));
    CU_ASSERT(toy_text_fails(
        "<scenario xmlns=\"urn:x\"/>", NULL, VS_SCENARIO_ERROR_ELEMENT,
        "1: <scenario> is in the namespace \"urn:x\": write " TOY_XMLNS));
    CU_ASSERT(toy_text_fails("<host " TOY_XMLNS "/>", NULL, VS_SCENARIO_ERROR_ELEMENT,
                             "1: the root element is <host>: a scenario starts with "
                             "<scenario>"));
    CU_ASSERT(
        toy_text_fails("<scenario " TOY_XMLNS "/>", NULL, VS_SCENARIO_ERROR_VALUE,
                       "1: <scenario> lacks its version: write <scenario version=\"1\" "
                       "...>"));
    CU_ASSERT(toy_text_fails(
        "<scenario version=\"2\" " TOY_XMLNS "/>", NULL, VS_SCENARIO_ERROR_VALUE,
        "1: version=\"2\" is not one that this program reads: write "
        "<scenario version=\"1\" ...>"));
    CU_ASSERT(toy_text_fails(
        "<scenario version=\"1\" " TOY_XMLNS "/>", NULL, VS_SCENARIO_ERROR_ATTRIBUTE,
        "1: <scenario> lacks until, the simulated time at which the run "
        "ends: write until=\"2s\""));
    CU_ASSERT(toy_text_fails("<scenario version=\"1\" until=\"2\" " TOY_XMLNS "/>",
                             NULL, VS_SCENARIO_ERROR_VALUE,
                             "1: until=\"2\" has no unit: write 2ms or 2us"));
    CU_ASSERT(toy_text_fails("<scenario version=\"1\" until=\"0s\" " TOY_XMLNS "/>",
                             NULL, VS_SCENARIO_ERROR_VALUE,
                             "1: until=\"0s\" is below the least, 1ps"));
    CU_ASSERT(toy_text_fails("<scenario version=\"1\" untill=\"2s\" " TOY_XMLNS "/>",
                             NULL, VS_SCENARIO_ERROR_ATTRIBUTE,
                             "1: <scenario> has no attribute \"untill\"; did you mean "
                             "\"until\"?"));
    CU_ASSERT(toy_text_fails(
        "<scenario version=\"1\" until=\"2s\" seed=\"-1\" " TOY_XMLNS "/>", NULL,
        VS_SCENARIO_ERROR_VALUE, "1: seed=\"-1\" is negative: write 0 or more"));
}

static void
test_bad_xml_has_its_line(void)
{
    CU_ASSERT(toy_fails(
        "<host id=\"a\">\n", VS_SCENARIO_ERROR_SYNTAX,
        "4: this is not well-formed XML: Opening and ending tag mismatch: host "
        "line 2 and scenario"));
    CU_ASSERT(toy_fails("\n<host id=\"a\" id=\"b\"/>", VS_SCENARIO_ERROR_SYNTAX,
                        "3: this is not well-formed XML: Attribute id redefined"));
    CU_ASSERT(toy_fails("&shop;", VS_SCENARIO_ERROR_SYNTAX,
                        "2: this is not well-formed XML: Entity 'shop' not defined"));
    CU_ASSERT(toy_fails("<host id=\"&shop;\"/>", VS_SCENARIO_ERROR_SYNTAX,
                        "2: this is not well-formed XML: Entity 'shop' not defined"));
}

/* What the fuzzer found: libxml2 reports these outside of its parser, to stderr if we let
 * it, and cannot be stopped then. */
static void
test_bad_encodings_are_errors(void)
{
    static const char lone_surrogate[] = "\377\376<\0a\0/\0>\0\0\330\0\0";
    static const char *const texts[] = {
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><scenario/>",
        "<?xml version=\"1.0\" encoding=\"UTF-32\"?><scenario aaaaaaaaaaaaaaaa/>",
        "<?xml version=\"1.0\" encoding=\"nonsense\"?><scenario/>",
        "<scenario a=\"\377\"/>",
    };
    g_autoptr(GError) first = NULL;

    CU_ASSERT_PTR_NULL(vs_scenario_parse(lone_surrogate, sizeof(lone_surrogate) - 1,
                                         "toy.xml", &toy_registry, NULL, &first));
    CU_ASSERT(g_str_has_prefix(first->message, "toy.xml:1: "));
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        CU_ASSERT_PTR_NULL(vs_scenario_parse(texts[i], strlen(texts[i]), "toy.xml",
                                             &toy_registry, NULL, &error));
        CU_ASSERT(g_str_has_prefix(error->message, "toy.xml:1: "));
    }
}

static void
test_messages_are_one_line_of_text(void)
{
    CU_ASSERT(
        toy_fails("<host id=\"a&#10;b\"/>", VS_SCENARIO_ERROR_VALUE,
                  "2: id=\"a b\" is not an id: write letters, digits, \"-\", \"_\" "
                  "and \".\", a letter or digit first"));
    CU_ASSERT(
        toy_fails("<host id=\"a\" cores=\"1&#10;2\"/>", VS_SCENARIO_ERROR_VALUE,
                  "2: cores=\"1 2\" is not a whole number: write it in digits, such "
                  "as 100"));
    CU_ASSERT(
        toy_fails(TOY_INCLUDE "\"%FF.xml\"/>", VS_SCENARIO_ERROR_SYNTAX,
                  "2: href=\"%FF.xml\" is not a path: write one without \"#\" and "
                  "\"?\", relative to this file"));
}

static void
test_document_types_and_entities_are_refused(void)
{
    const char *message =
        ": <!DOCTYPE> and entity declarations are refused: leave them out; "
        "<param> and <xi:include> serve instead";
    g_autofree char *in_line_1 = g_strconcat("1", message, NULL);
    g_autofree char *in_line_2 = g_strconcat("2", message, NULL);

    CU_ASSERT(toy_text_fails(
        "<!DOCTYPE scenario SYSTEM \"http://host.invalid/x.dtd\">" TOY_HEAD
        "</scenario>",
        NULL, VS_SCENARIO_ERROR_SYNTAX, in_line_1));
    CU_ASSERT(toy_text_fails(
        "<?xml version=\"1.0\"?>\n"
        "<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>\n" TOY_HEAD
        "&b;</scenario>",
        NULL, VS_SCENARIO_ERROR_SYNTAX, in_line_2));
    /* Unfinished, it once leaked. */
    CU_ASSERT(toy_text_fails("<!DOCTYPE x [<!ENTITY a \"aa", NULL,
                             VS_SCENARIO_ERROR_SYNTAX, in_line_1));
}

static void
test_text_between_elements_is_refused(void)
{
    const char *rest = "scenarios hold elements, attributes and <!-- comments -->";
    g_autofree char *first =
        g_strconcat("4: there is text between the elements, \"hello\": ", rest, NULL);
    g_autofree char *second =
        g_strconcat("2: there is text between the elements, \"<x/>\": ", rest, NULL);

    CU_ASSERT(toy_fails("\n\n  hello you\n", VS_SCENARIO_ERROR_SYNTAX, first));
    CU_ASSERT(toy_fails("<![CDATA[<x/>]]>", VS_SCENARIO_ERROR_SYNTAX, second));
}

static void
test_characters_of_attributes_are_unescaped(void)
{
    g_autoptr(VsScenario) s = toy_parse("<host id='h'><note text='&lt;a &amp; b&gt; "
                                        "&#38;amp; &quot;&#x41;&#10;'/></host>");
    const ToyNote *note;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    note = vs_scenario_element(s, 1)->config;
    CU_ASSERT_STRING_EQUAL(note->text, "<a & b> &amp; \"A\n");
}

/* The line of an element is where its tag begins, however long the tag and the file. */
static void
test_lines_are_exact(void)
{
    g_autofree char *blank = g_strnfill(100000, '\n');
    g_autofree char *body =
        g_strconcat("<host id=\"a\"/><!--\n\n-->\n<host\n\n  id=\"b\"\n"
                    "  cores=\"2\"\n/>",
                    blank, "<host id=\"c\"/>", NULL);
    g_autoptr(VsScenario) s = toy_parse(body);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "a")->line, 2);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "b")->line, 5);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "c")->line, 9 + 100000);
}

static void
test_depth_is_limited(void)
{
    g_autoptr(GString) body = g_string_new(NULL);

    for (int i = 0; i < 100; i++) {
        g_string_append(body, "<host id=\"a\">");
    }
    CU_ASSERT(toy_fails(body->str, VS_SCENARIO_ERROR_SYNTAX,
                        "2: elements nest more than 64 deep"));
}

static void
test_files_that_cannot_be_read_say_why(void)
{
    Folder folder = folder_fixture();

    CU_ASSERT(folder_fails(&folder, "none.xml",
                           "none.xml: cannot be read: No such file or directory"));
    CU_ASSERT(folder_fails(&folder, ".", ".: cannot be read: it is a directory"));
    folder_clear(&folder);
}

/* Includes. ------------------------------------------------------------------------ */

static void
test_includes_are_found_beside_the_file(void)
{
    Folder folder = folder_fixture();
    g_autofree char *path = folder_path(&folder, "main.xml");
    g_autofree char *two = folder_path(&folder, "parts/two two.xml");
    g_autoptr(VsScenario) s = NULL;

    folder_write(&folder, "main.xml",
                 TOY_HEAD "<host id=\"a\"/>" TOY_INCLUDE "\"parts/one.xml\"/>"
                          "<host id=\"d\" count=\"${n}\"/></scenario>");
    folder_write(
        &folder, "parts/one.xml",
        "<profile version=\"1\" " TOY_XMLNS ">\n<param name=\"n\" default=\"2\"/>"
        "<host id=\"b\"/>" TOY_INCLUDE "\"two%20two.xml\" parse=\"xml\"/></profile>");
    folder_write(&folder, "parts/two two.xml", "\n<host id=\"c\" " TOY_XMLNS "/>");

    s = vs_scenario_load(path, &toy_registry, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(vs_scenario_n_elements(s), 5);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "b")->index, 1);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "c")->index, 2);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "c")->line, 2);
    CU_ASSERT_STRING_EQUAL(vs_scenario_find(s, "c")->file, two);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "d-2")->index, 4);
    folder_clear(&folder);
}

static void
test_errors_name_the_included_file(void)
{
    Folder folder = folder_fixture();

    folder_write(&folder, "main.xml",
                 TOY_HEAD "\n" TOY_INCLUDE "\"parts/one.xml\"/></scenario>");
    folder_write(&folder, "parts/one.xml",
                 "<profile version=\"1\" " TOY_XMLNS ">\n\n"
                 "<hots id=\"b\"/></profile>");
    CU_ASSERT(folder_fails(&folder, "main.xml",
                           "parts/one.xml:3: unknown element <hots>; did "
                           "you mean <host>?"));
    folder_write(&folder, "parts/one.xml", "\n<host id=\"a\" " TOY_XMLNS ">");
    CU_ASSERT(
        folder_fails(&folder, "main.xml",
                     "parts/one.xml:2: this is not well-formed XML: Premature end of "
                     "data in tag host line 2"));
    folder_write(&folder, "parts/one.xml", TOY_HEAD "</scenario>");
    CU_ASSERT(
        folder_fails(&folder, "main.xml",
                     "parts/one.xml:1: <scenario> cannot stand inside another: an "
                     "included file starts with <profile>, or is one element"));
    folder_write(&folder, "parts/one.xml", "<!DOCTYPE host><host/>");
    CU_ASSERT(
        folder_fails(&folder, "main.xml",
                     "parts/one.xml:1: <!DOCTYPE> and entity declarations are refused: "
                     "leave them out; <param> and <xi:include> serve instead"));
    folder_clear(&folder);
}

static void
test_only_local_files_are_included(void)
{
    static const char *const hrefs[] = {"http://host.invalid/a.xml",
                                        "ftp://host.invalid/a", "file:///etc/passwd",
                                        "//host.invalid/a.xml"};

    for (unsigned i = 0; i < G_N_ELEMENTS(hrefs); i++) {
        g_autofree char *body = g_strdup_printf(TOY_INCLUDE "\"%s\"/>", hrefs[i]);
        g_autofree char *message = g_strdup_printf(
            "2: href=\"%s\" is not a local file: write its path, relative to this file",
            hrefs[i]);

        CU_ASSERT(toy_fails(body, VS_SCENARIO_ERROR_SYNTAX, message));
    }
    CU_ASSERT(toy_fails(TOY_INCLUDE "\"/dev/zero\"/>", VS_SCENARIO_ERROR_IO,
                        "2: /dev/zero cannot be read: it is not a plain file"));
    CU_ASSERT(toy_fails(TOY_INCLUDE "\"none.xml\"/>", VS_SCENARIO_ERROR_IO,
                        "2: none.xml cannot be read: No such file or directory"));
    CU_ASSERT(
        toy_fails(TOY_INCLUDE "\"a.xml#b\"/>", VS_SCENARIO_ERROR_SYNTAX,
                  "2: href=\"a.xml#b\" is not a path: write one without \"#\" and "
                  "\"?\", relative to this file"));
    CU_ASSERT(toy_fails(TOY_INCLUDE "\"a.xml\" parse=\"text\"/>",
                        VS_SCENARIO_ERROR_ATTRIBUTE,
                        "2: <xi:include> takes no parse=\"text\", only href"));
}

static void
test_includes_do_not_go_round(void)
{
    Folder folder = folder_fixture();
    g_autofree char *message = NULL;

    folder_write(&folder, "a.xml", TOY_HEAD "\n" TOY_INCLUDE "\"b.xml\"/></scenario>");
    folder_write(&folder, "b.xml",
                 "<profile version=\"1\" " TOY_XMLNS ">" TOY_INCLUDE
                 "\"./b.xml\"/></profile>");
    message = g_strdup_printf("b.xml:1: %s/./b.xml includes itself", folder.path);
    CU_ASSERT(folder_fails(&folder, "a.xml", message));
    folder_clear(&folder);
}

/* Two includes in each of twelve files would be 4096. */
static void
test_the_number_of_includes_is_limited(void)
{
    Folder folder = folder_fixture();
    g_autofree char *path = folder_path(&folder, "main.xml");
    g_autoptr(GError) error = NULL;

    folder_write(&folder, "main.xml", TOY_HEAD TOY_INCLUDE "\"0.xml\"/></scenario>");
    for (int i = 0; i < 12; i++) {
        g_autofree char *name = g_strdup_printf("%d.xml", i);
        g_autofree char *text =
            g_strdup_printf("<profile version=\"1\" " TOY_XMLNS ">" TOY_INCLUDE
                            "\"%d.xml\"/>" TOY_INCLUDE "\"%d.xml\"/></profile>",
                            i + 1, i + 1);

        folder_write(&folder, name, text);
    }
    folder_write(&folder, "12.xml", "<profile version=\"1\" " TOY_XMLNS "/>");
    CU_ASSERT_PTR_NULL(vs_scenario_load(path, &toy_registry, NULL, &error));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(error->message, "too many includes: at most 1000, 16 deep"));
    folder_clear(&folder);
}

/* The elements. -------------------------------------------------------------------- */

static void
test_elements_must_be_known_and_in_their_place(void)
{
    CU_ASSERT(toy_fails("<hots id=\"a\"/>", VS_SCENARIO_ERROR_ELEMENT,
                        "2: unknown element <hots>; did you mean <host>?"));
    CU_ASSERT(
        toy_fails("<firewall/>", VS_SCENARIO_ERROR_ELEMENT,
                  "2: unknown element <firewall>; <scenario> may hold host, wire, "
                  "gadget, hub, param"));
    CU_ASSERT(toy_fails("<hub id=\"a\"><x/></hub>", VS_SCENARIO_ERROR_ELEMENT,
                        "2: unknown element <x>; <hub> holds no elements"));
    CU_ASSERT(toy_fails("<note text=\"a\"/>", VS_SCENARIO_ERROR_ELEMENT,
                        "2: <note> cannot stand in <scenario>, only in <box>, <host>"));
    CU_ASSERT(toy_fails("<host id=\"a\"><param name=\"a\" default=\"b\"/></host>",
                        VS_SCENARIO_ERROR_ELEMENT,
                        "2: <param> cannot stand in <host>, only in <scenario>"));
    CU_ASSERT(
        toy_fails("<host id=\"a\"><slot/>\n<slot/></host>", VS_SCENARIO_ERROR_CONFLICT,
                  "3: a second <slot>: <host> takes one, and has it at toy.xml:2"));
}

static void
test_attributes_must_be_known_and_complete(void)
{
    CU_ASSERT(
        toy_fails("<host id=\"a\" corse=\"4\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                  "2: <host> has no attribute \"corse\"; did you mean \"cores\"?"));
    CU_ASSERT(
        toy_fails("<host id=\"a\" memory=\"4\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                  "2: <host> has no attribute \"memory\"; it takes id, cores, labels, "
                  "peer, friends, count"));
    CU_ASSERT(toy_fails("<host id=\"a\" xml:base=\"b\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                        "2: <host> has no attribute \"xml:base\""));
    CU_ASSERT(toy_fails("<host/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                        "2: <host> lacks its id: write <host id=\"NAME\" ...>"));
    CU_ASSERT(
        toy_fails("<wire to=\"a\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                  "2: <wire> lacks its attribute \"from\", such as from=\"n1\": One "
                  "end."));
    CU_ASSERT(toy_fails("<host id=\"a\"><slot id=\"b\"/></host>",
                        VS_SCENARIO_ERROR_ATTRIBUTE, "2: <slot> takes no id=\"\""));
    CU_ASSERT(toy_fails("<hub id=\"a\" count=\"3\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                        "2: <hub> takes no count=\"\": it cannot be multiplied"));
}

static void
test_hints_for_editors_are_skipped(void)
{
    const char *text = "<?xml-model href=\"vethsim.rnc\"?>\n"
                       "<scenario version=\"1\" until=\"2s\" " TOY_XMLNS
                       " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
                       " xsi:schemaLocation=\"urn:vethsim:scenario:1 vethsim.xsd\"/>";
    g_autoptr(VsScenario) scenario =
        vs_scenario_parse(text, strlen(text), "a", &toy_registry, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL(scenario);
}

static void
test_a_model_may_refuse_what_tables_cannot(void)
{
    CU_ASSERT(toy_fails("<host id=\"a\" peer=\"a\"/>", VS_SCENARIO_ERROR_CONFLICT,
                        "2: peer=\"a\" is the host itself"));
}

static const VsTestCase tests[] = {
    {"the root is read", test_the_root_is_read},
    {"seed is 1 and the name is the file's by default",
     test_seed_is_1_and_the_name_is_the_files_by_default},
    {"a bad root says what to write", test_a_bad_root_says_what_to_write},
    {"bad XML has its line", test_bad_xml_has_its_line},
    {"bad encodings are errors", test_bad_encodings_are_errors},
    {"messages are one line of text", test_messages_are_one_line_of_text},
    {"document types and entities are refused",
     test_document_types_and_entities_are_refused},
    {"text between elements is refused", test_text_between_elements_is_refused},
    {"characters of attributes are unescaped",
     test_characters_of_attributes_are_unescaped},
    {"lines are exact", test_lines_are_exact},
    {"depth is limited", test_depth_is_limited},
    {"files that cannot be read say why", test_files_that_cannot_be_read_say_why},
    {"includes are found beside the file", test_includes_are_found_beside_the_file},
    {"errors name the included file", test_errors_name_the_included_file},
    {"only local files are included", test_only_local_files_are_included},
    {"includes do not go round", test_includes_do_not_go_round},
    {"the number of includes is limited", test_the_number_of_includes_is_limited},
    {"elements must be known and in their place",
     test_elements_must_be_known_and_in_their_place},
    {"attributes must be known and complete",
     test_attributes_must_be_known_and_complete},
    {"hints for editors are skipped", test_hints_for_editors_are_skipped},
    {"a model may refuse what tables cannot",
     test_a_model_may_refuse_what_tables_cannot},
    {0}};
VS_TESTS("reader_xml")
