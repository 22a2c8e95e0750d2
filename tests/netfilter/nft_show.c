/* Prints the ruleset in a file of nft's text, as text or with -j as JSON: for
 * nft_restore.sh.  What is wrong with it goes to stderr.
 *
 * usage: nft_show [-j] FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/nft.h"

int
main(int argc, char **argv)
{
    bool is_json = argc == 3 && strcmp(argv[1], "-j") == 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree char *printed = NULL;
    VsRuleset *ruleset = vs_ruleset_new();
    const char *file;

    if (argc != 2 && !is_json) {
        fprintf(stderr, "usage: nft_show [-j] FILE\n");
        return EXIT_FAILURE;
    }
    file = argv[argc - 1];
    if (!g_file_get_contents(file, &text, NULL, &error) ||
        !vs_nft_read(ruleset, text, file, &error) ||
        !vs_ruleset_link(ruleset, &error)) {
        fprintf(stderr, "%s\n", error->message);
        vs_ruleset_free(ruleset);
        return EXIT_FAILURE;
    }
    printed = is_json ? vs_nft_print_json(ruleset) : vs_nft_print(ruleset);
    fputs(printed, stdout);
    vs_ruleset_free(ruleset);
    return EXIT_SUCCESS;
}
