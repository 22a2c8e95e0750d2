/* Toeplitz hashes: the published vectors, and a prepared key beside the plain function. */
#include "base/hash.h"

#include "vs_test.h"

static uint32_t
get_plain(const uint8_t *input, unsigned n_bytes)
{
    return vs_toeplitz(vs_toeplitz_key_microsoft, VS_TOEPLITZ_KEY_BYTES, input,
                       n_bytes);
}

static void
fill_random(uint8_t *bytes, unsigned n_bytes, uint64_t *state)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        bytes[i] = (uint8_t)vs_mix64(++*state);
    }
}

/* The verification suite of the Intel 82599 datasheet (also in DPDK's test_thash.c). */
static void
test_toeplitz_gives_the_datasheet_vectors(void)
{
    /* clang-format off */
    static const struct {
        uint8_t input[36];
        unsigned address_bytes;
        uint32_t addresses_only, with_ports;
    } rows[] = {
        { { 66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 },
          8, 0x323E8FC2, 0x51CCC178 },
        { { 199, 92, 111, 2, 65, 69, 140, 83, 14230 >> 8, 14230 & 255, 4739 >> 8, 4739 & 255 },
          8, 0xD718262A, 0xC626B0EA },
        { { 24, 19, 198, 95, 12, 22, 207, 184, 12898 >> 8, 12898 & 255, 38024 >> 8,
            38024 & 255 },
          8, 0xD2D0A5DE, 0x5C2B394A },
        { { 38, 27, 205, 30, 209, 142, 163, 6, 48228 >> 8, 48228 & 255, 2217 >> 8, 2217 & 255 },
          8, 0x82989176, 0xAFC7327F },
        { { 153, 39, 163, 191, 202, 188, 127, 2, 44251 >> 8, 44251 & 255, 1303 >> 8,
            1303 & 255 },
          8, 0x5D1809C5, 0x10E828A2 },
        /* 3ffe:2501:200:1fff::7 -> 3ffe:2501:200:3::1 */
        { { 0x3F, 0xFE, 0x25, 1, 2, 0, 0x1F, 0xFF, 0, 0, 0, 0, 0, 0, 0, 7, 0x3F, 0xFE, 0x25, 1,
            2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 },
          32, 0x2CC18CD5, 0x40207D3D },
        /* 3ffe:501:8::260:97ff:fe40:efab -> ff02::1 */
        { { 0x3F, 0xFE, 5, 1, 0, 8, 0, 0, 2, 0x60, 0x97, 0xFF, 0xFE, 0x40, 0xEF, 0xAB, 0xFF, 2,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 14230 >> 8, 14230 & 255, 4739 >> 8,
            4739 & 255 },
          32, 0x0F0C461C, 0xDDE51BBF },
        /* 3ffe:1900:4545:3:200:f8ff:fe21:67cf -> fe80::200:f8ff:fe21:67cf */
        { { 0x3F, 0xFE, 0x19, 0, 0x45, 0x45, 0, 3, 2, 0, 0xF8, 0xFF, 0xFE, 0x21, 0x67, 0xCF,
            0xFE, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0xF8, 0xFF, 0xFE, 0x21, 0x67, 0xCF, 44251 >> 8,
            44251 & 255, 38024 >> 8, 38024 & 255 },
          32, 0x4B61E985, 0x02D1FEEF },
    };
    /* clang-format on */

    for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
        VsToeplitz *prepared = vs_toeplitz_new_simd(vs_toeplitz_key_microsoft,
                                                    VS_TOEPLITZ_KEY_BYTES, simd);

        for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            unsigned n = rows[i].address_bytes;

            CU_ASSERT_EQUAL(get_plain(rows[i].input, n), rows[i].addresses_only);
            CU_ASSERT_EQUAL(get_plain(rows[i].input, n + 4), rows[i].with_ports);
            CU_ASSERT_EQUAL(vs_toeplitz_hash(prepared, rows[i].input, n),
                            rows[i].addresses_only);
            CU_ASSERT_EQUAL(vs_toeplitz_hash(prepared, rows[i].input, n + 4),
                            rows[i].with_ports);
        }
        vs_toeplitz_free(prepared);
    }
}

/* 10^6 random inputs of 0 to 48 bytes, under a thousand random keys as long as they need. */
static unsigned
count_wrong_hashes(VsSimd simd)
{
    uint64_t state = 1;
    unsigned n_wrong = 0;

    for (unsigned k = 0; k < 1000; k++) {
        size_t key_bytes = 5 + k % 48; /* The shortest is for a byte. */
        uint8_t key[52], input[48];
        VsToeplitz *prepared;

        fill_random(key, sizeof(key), &state);
        prepared = vs_toeplitz_new_simd(key, key_bytes, simd);
        for (unsigned i = 0; i < 1000; i++) {
            size_t n = i % (key_bytes - 3);

            fill_random(input, sizeof(input), &state);
            n_wrong += vs_toeplitz_hash(prepared, input, n) !=
                       vs_toeplitz(key, key_bytes, input, n);
        }
        vs_toeplitz_free(prepared);
    }
    return n_wrong;
}

static void
test_a_prepared_key_gives_what_the_plain_function_gives(void)
{
    for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
        CU_ASSERT_EQUAL(count_wrong_hashes(simd), 0);
    }
}

static void
test_one_set_bit_gives_the_key_from_there_on(void)
{
    /* The definition: bit 9 of the input gives key bits 9 to 40. */
    static const uint8_t key[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    static const uint8_t input[2] = {0, 0x40};
    const uint32_t expected = (uint32_t)(0x0123456789ABCDEFu << 9 >> 32);
    VsToeplitz *prepared = vs_toeplitz_new(key, sizeof(key));

    CU_ASSERT_EQUAL(vs_toeplitz(key, sizeof(key), input, 2), expected);
    CU_ASSERT_EQUAL(vs_toeplitz_hash(prepared, input, 2), expected);
    vs_toeplitz_free(prepared);
}

static const VsTestCase tests[] = {
    {"Toeplitz gives the datasheet's vectors",
     test_toeplitz_gives_the_datasheet_vectors},
    {"a prepared key gives what the plain function gives",
     test_a_prepared_key_gives_what_the_plain_function_gives},
    {"one set bit gives the key from there on",
     test_one_set_bit_gives_the_key_from_there_on},
    {0},
};

VS_TESTS("Toeplitz")
