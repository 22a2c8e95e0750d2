/* Reads iptables' text and prints it again, for iptables_restore.sh.
 *
 * usage: iptables_cat [--counters] [--ipset FILE] FILE */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "netfilter/ipset.h"
#include "netfilter/iptables.h"

static char *ipset_file;
static gboolean with_counters;

static const GOptionEntry entries[] = {
    {"ipset", 0, 0, G_OPTION_ARG_FILENAME, &ipset_file, "Sets the rules ask for",
     "FILE"},
    {"counters", 0, 0, G_OPTION_ARG_NONE, &with_counters, "Print counters", NULL},
    {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
};

typedef bool (*Read)(VsRuleset *ruleset, const char *text, const char *file_name,
                     GError **error);

static void
load(VsRuleset *ruleset, const char *file_name, Read read)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (!g_file_get_contents(file_name, &text, NULL, &error) ||
        !read(ruleset, text, file_name, &error)) {
        g_printerr("%s\n", error->message);
        exit(EXIT_FAILURE);
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("FILE");
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2) {
        g_printerr("usage: iptables_cat [--counters] [--ipset FILE] FILE\n");
        return EXIT_FAILURE;
    }
    if (ipset_file) {
        load(ruleset, ipset_file, vs_ipset_read);
    }
    load(ruleset, argv[1], vs_iptables_read);
    if (!vs_ruleset_link(ruleset, &error)) {
        g_printerr("%s:%s\n", argv[1], error->message);
        return EXIT_FAILURE;
    }
    text = vs_iptables_print(ruleset, with_counters);
    fputs(text, stdout); /* Comments are bytes: no conversion to the locale. */
    vs_ruleset_free(ruleset);
    return EXIT_SUCCESS;
}
