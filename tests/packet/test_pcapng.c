/* The pcapng writer: its blocks byte by byte, and what is left of a file that was not
 * closed. */
#include "packet/pcapng.h"

#include <glib/gstdio.h>

#include "vs_test.h"

static const char section[] = "\x0a\x0d\x0d\x0a\x28\x00\x00\x00\x4d\x3c\x2b\x1a"
                              "\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
                              "\x04\x00\x03\x00try\x00\x00\x00\x00\x00"
                              "\x28\x00\x00\x00";
/* Name, description, 10 Gbit/s, nanoseconds. */
static const char iface_block[] = "\x01\x00\x00\x00\x40\x00\x00\x00\x01\x00\x00\x00"
                                  "\x00\x00\x00\x00"
                                  "\x02\x00\x04\x00"
                                  "eth0"
                                  "\x03\x00\x06\x00"
                                  "a wire\x00\x00"
                                  "\x08\x00\x08\x00\x00\xe4\x0b\x54\x02\x00\x00\x00"
                                  "\x09\x00\x01\x00\x09\x00\x00\x00"
                                  "\x00\x00\x00\x00\x40\x00\x00\x00";
/* Five bytes that went out at 2^32 + 2 ns. */
static const char packet_block[] = "\x06\x00\x00\x00\x3c\x00\x00\x00\x00\x00\x00\x00"
                                   "\x01\x00\x00\x00\x02\x00\x00\x00"
                                   "\x05\x00\x00\x00\x05\x00\x00\x00"
                                   "hello\x00\x00\x00"
                                   "\x02\x00\x04\x00\x02\x00\x00\x00"
                                   "\x01\x00\x03\x00one\x00"
                                   "\x00\x00\x00\x00\x3c\x00\x00\x00";

static char *
make_folder(void)
{
    char *folder = g_dir_make_tmp("vethsim-pcapng-XXXXXX", NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    return folder;
}

/* The only file in 'folder', with its contents; NULL when it is empty. */
static char *
read_only_file(const char *folder, char **ret_name, gsize *ret_bytes)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = g_dir_read_name(dir);
    char *contents = NULL;

    *ret_name = g_strdup(name);
    *ret_bytes = 0;
    if (name) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        CU_ASSERT(g_file_get_contents(path, &contents, ret_bytes, NULL));
        CU_ASSERT_PTR_NULL(g_dir_read_name(dir));
    }
    return contents;
}

static void
add_packet(VsPcapng *file)
{
    g_autoptr(GByteArray) block = g_byte_array_new();

    vs_pcapng_print_packet(&(VsPcapngPacket){.iface = 0,
                                             .time_ns = (UINT64_C(1) << 32) + 2,
                                             .direction = VS_PCAPNG_OUT,
                                             .comment = "one",
                                             .bytes = (const uint8_t *)"hello",
                                             .n_bytes = 5},
                           block);
    CU_ASSERT_EQUAL(block->len, sizeof(packet_block) - 1);
    CU_ASSERT_EQUAL(memcmp(block->data, packet_block, block->len), 0);
    vs_pcapng_add_blocks(file, block->data, block->len);
}

static VsPcapng *
begin(const char *path)
{
    GError *error = NULL;
    VsPcapng *file = vs_pcapng_new(path, "try", &error);

    CU_ASSERT_PTR_NULL(error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(vs_pcapng_add_interface(
                        file, &(VsPcapngInterface){.name = "eth0",
                                                   .description = "a wire",
                                                   .bits_per_s = 10000000000,
                                                   .link_type = VS_PCAPNG_ETHERNET}),
                    0);
    return file;
}

static void
test_blocks(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = g_build_filename(folder, "x.pcapng", NULL);
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_autofree char *found = NULL;
    g_autofree char *name = NULL;
    VsPcapng *file;
    gsize bytes;

    CU_ASSERT(g_file_set_contents(path, "old", -1, NULL)); /* Is replaced. */
    file = begin(path);
    add_packet(file);
    CU_ASSERT(vs_pcapng_close(file, NULL));
    vs_pcapng_free(file);

    g_byte_array_append(expected, (const guint8 *)section, sizeof(section) - 1);
    g_byte_array_append(expected, (const guint8 *)iface_block, sizeof(iface_block) - 1);
    g_byte_array_append(expected, (const guint8 *)packet_block,
                        sizeof(packet_block) - 1);
    found = read_only_file(folder, &name, &bytes);
    CU_ASSERT_STRING_EQUAL(name, "x.pcapng");
    CU_ASSERT_EQUAL_FATAL(bytes, expected->len);
    CU_ASSERT_EQUAL(memcmp(found, expected->data, bytes), 0);
    g_unlink(path);
    g_rmdir(folder);
}

/* The link type is the first thing in an interface's block, after its type and length. */
static void
test_raw_ip_interface(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = g_build_filename(folder, "x.pcapng", NULL);
    g_autofree char *found = NULL;
    g_autofree char *name = NULL;
    VsPcapng *file = begin(path);
    gsize at = sizeof(section) - 1 + sizeof(iface_block) - 1;
    gsize bytes;

    CU_ASSERT_EQUAL(
        vs_pcapng_add_interface(
            file, &(VsPcapngInterface){.name = "tunl0", .link_type = VS_PCAPNG_RAW_IP}),
        1);
    CU_ASSERT(vs_pcapng_close(file, NULL));
    vs_pcapng_free(file);
    found = read_only_file(folder, &name, &bytes);
    CU_ASSERT_FATAL(bytes > at + 12);
    CU_ASSERT_EQUAL(memcmp(found + at, "\x01\x00\x00\x00", 4), 0);
    CU_ASSERT_EQUAL(memcmp(found + at + 8, "\x65\x00\x00\x00", 4), 0); /* 101. */
    g_unlink(path);
    g_rmdir(folder);
}

/* Every state of the file on disk is the section, the interface and whole packets. */
static void
test_an_interrupted_file_ends_with_a_block(void)
{
    enum { N_PACKETS = 20000 };
    const gsize start = sizeof(section) - 1 + sizeof(iface_block) - 1;
    g_autofree char *folder = make_folder();
    g_autofree char *path = g_build_filename(folder, "x.pcapng", NULL);
    VsPcapng *file = begin(path);
    gsize last = 0;

    for (unsigned i = 0; i < N_PACKETS; i++) {
        add_packet(file);
        if (i % 1000 == 0) {
            g_autofree char *name = NULL;
            g_autofree char *found = read_only_file(folder, &name, &last);

            CU_ASSERT_PTR_NOT_NULL(found);
            CU_ASSERT(g_str_has_prefix(name, "x.pcapng.partial-"));
            CU_ASSERT(last == 0 || (last - start) % (sizeof(packet_block) - 1) == 0);
        }
    }
    CU_ASSERT(last > start);
    vs_pcapng_free(file);
    CU_ASSERT_EQUAL(g_rmdir(folder), 0); /* Nothing is left. */
}

static void
test_a_place_that_cannot_be_written(void)
{
    g_autofree char *folder = make_folder();
    g_autofree char *path = g_build_filename(folder, "none", "x.pcapng", NULL);
    GError *error = NULL;

    CU_ASSERT_PTR_NULL(vs_pcapng_new(path, "try", &error));
    CU_ASSERT(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    CU_ASSERT(error && g_str_has_prefix(error->message, path));
    g_clear_error(&error);
    CU_ASSERT_PTR_NULL(vs_pcapng_new(folder, "try", &error));
    CU_ASSERT(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR));
    g_clear_error(&error);
    CU_ASSERT_EQUAL(g_rmdir(folder), 0);
}

/* By a folder, made meanwhile. */
static void
test_a_name_that_is_taken(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = make_folder();
    g_autofree char *path = g_build_filename(folder, "x.pcapng", NULL);
    VsPcapng *file = begin(path);

    CU_ASSERT_EQUAL(g_mkdir(path, 0700), 0); /* No file can be renamed to this. */
    add_packet(file);
    CU_ASSERT_FALSE(vs_pcapng_close(file, &error));
    CU_ASSERT_PTR_NOT_NULL(error);
    vs_pcapng_free(file);
    CU_ASSERT_EQUAL(g_rmdir(path), 0);
    CU_ASSERT_EQUAL(g_rmdir(folder), 0);
}

static const VsTestCase tests[] = {
    {"blocks, byte by byte, replace what was there", test_blocks},
    {"a device without Ethernet says so", test_raw_ip_interface},
    {"an interrupted file ends with a whole block",
     test_an_interrupted_file_ends_with_a_block},
    {"a place that cannot be written is refused", test_a_place_that_cannot_be_written},
    {"a file that cannot get its name is an error", test_a_name_that_is_taken},
    {0},
};

VS_TESTS("packet/pcapng")
