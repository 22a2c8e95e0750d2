/* Plays tests/transport/scripts/, one script for each rule of TCP. */
#include <glib.h>

#include "script.h"
#include "vs_test.h"

static char *folder;

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The scripts' names in order; ended by NULL. */
static GPtrArray *
list_scripts(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".pkt")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    if (dir) {
        g_dir_close(dir);
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static void
test_scripts_play_as_written(void)
{
    g_autoptr(GPtrArray) names = list_scripts();

    CU_ASSERT_TRUE(names->len >= 100);
    for (unsigned i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        g_autofree char *text = NULL;
        g_autofree char *failure = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL)) {
            CU_FAIL("a script cannot be read");
            continue;
        }
        failure = script_play(names->pdata[i], text);
        if (failure) {
            fprintf(stderr, "%s\n", failure);
        }
        CU_ASSERT_PTR_NULL(failure);
    }
}

/* What the runner says to scripts that are wrong. */
static void
test_wrong_scripts_fail(void)
{
    static const struct {
        const char *text;
        const char *failure;
    } wrong[] = {
        {"# Nothing.\n+0 listen 1\n", "x:3: the script expects nothing"},
        {"+0 connect\n",
         "x:1: the first line is not a comment that says what the script shows"},
        {"# A word.\n+0 conect\n", "x:2: \"conect\" is not a word of scripts"},
        {"# A setting.\nset rto 1s\n", "x:2: no setting is \"rto\""},
        {"# Late.\n+0 connect\n+0 > S\nset mss 1\n",
         "x:4: set NAME VALUE, before anything else"},
        {"# Time.\n10ms connect\n",
         "x:2: \"10ms\" is not a time, such as +10ms, @3s, +1s~20ms"},
        {"# Flags.\n+0 connect\n+0 > SX\n",
         "x:3: flags are of S F R P and \".\", each once: \"SX\""},
        {"# Range.\n+0 connect\n+0 > S 0:1(2)\n",
         "x:3: not START:END(BYTES), with END = START + BYTES: \"0:1(2)\""},
        {"# Nothing comes.\n+0 > S\n", "x:2: expected > S, got nothing"},
        {"# A figure.\n+0 connect\n+0 > S 0:0(0) <mss 1400>\n",
         "x:3: expected @0s [1] > S 0:0(0) <mss 1400>, got @0s [1] > S 0:0(0) "
         "win 65535 <mss 1460, sackOK, wscale 2>: options"},
        {"# A time.\n+0 connect\n+0 > S\n+900ms~50ms > S\n",
         "x:4: expected > S, got nothing"},
        {"# Not expected.\n+0 connect\n+1s quiet\n",
         "x:3: expected nothing, got @0s [1] > S 0:0(0) win 65535 "
         "<mss 1460, sackOK, wscale 2>"},
        {"# Not expected at the end.\n+0 listen 1\n+0 state gone\n+0 < S 0:0(0)\n",
         "x:5: expected nothing, got @0s [1] > S. 0:0(0) ack 1 win 65535 "
         "<mss 1460>"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *failure = script_play("x", wrong[i].text);

        CU_ASSERT_STRING_EQUAL(failure ? failure : "none", wrong[i].failure);
        if (failure && strcmp(failure, wrong[i].failure) != 0) {
            fprintf(stderr, "%s\n", failure);
        }
    }
}

static const VsTestCase tests[] = {
    {"scripts play as written", test_scripts_play_as_written},
    {"wrong scripts fail, and say where", test_wrong_scripts_fail},
    {0},
};

int
main(int argc, char **argv)
{
    const char *top = g_getenv("top_srcdir");
    int status;

    folder = g_build_filename(top ? top : "..", "tests", "transport", "scripts", NULL);
    status = vs_test_main("transport/tcp: scripts", tests, argc > 1 ? argv[1] : NULL);
    g_free(folder);
    return status;
}
