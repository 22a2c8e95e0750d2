/* Gives files to a fuzz target: those named, or all of its corpus.  What once broke the
 * target is tried again by "make check", without a fuzzer. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    size_t length;

    if (!g_file_get_contents(path, &bytes, &length, &error)) {
        fprintf(stderr, "%s\n", error->message);
        exit(EXIT_FAILURE);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, length);
    printf("ok %s\n", path);
}

int
main(int argc, char **argv)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *folder = g_build_filename(top ? top : ".", VS_FUZZ_CORPUS, NULL);
    g_autoptr(GDir) dir = argc < 2 ? g_dir_open(folder, 0, NULL) : NULL;
    unsigned n_files = 0;
    const char *name;

    for (int i = 1; i < argc; i++, n_files++) {
        replay(argv[i]);
    }
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        replay(path);
        n_files++;
    }
    if (n_files == 0) {
        fprintf(stderr, "there are no files in %s\n", folder);
    }
    return n_files ? EXIT_SUCCESS : EXIT_FAILURE;
}
