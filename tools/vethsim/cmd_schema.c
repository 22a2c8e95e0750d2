/* vethsim schema: the XML schema of scenarios. */
#include <stdio.h>

#include "cmd.h"

int
cmd_schema(int argc, char **argv)
{
    const CmdUsage usage = {
        .arguments = "",
        .summary = "Prints the XML schema (XSD 1.0) of scenario files, for editors and "
                   "validators.",
        .examples = "  vethsim schema > vethsim.xsd\n"
                    "  xmllint --noout --schema vethsim.xsd shop.xml\n",
    };
    g_autofree char *schema = NULL;

    if (!cmd_parse(&usage, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    schema = vs_schema_print(vs_registry_builtin());
    fputs(schema, stdout);
    return CMD_OK;
}
