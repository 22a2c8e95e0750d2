#include "base/hash.h"

#include "vs_test.h"

#define CHECK_VALUE "123456789" /* What lists of CRCs give as an example. */

/* The reference vectors of SipHash: key bytes 00 01 .. 0f, input 00 01 .. of each length. */
#define SIP_K0 0x0706050403020100u
#define SIP_K1 0x0F0E0D0C0B0A0908u

static void
test_siphash_2_4_gives_its_authors_vectors(void)
{
    /* github.com/veorq/SipHash vectors.h, lengths 0 to 8, and the paper's for 15. */
    static const uint64_t expected[] = {
        0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A,
        0x85676696D7FB7E2D, 0xCF2794E0277187B7, 0x18765564CD99A68D,
        0xCBC9466E58FEE3CE, 0xAB0200F58B01D137, 0x93F5F5799A932462,
    };
    uint8_t input[15];

    for (unsigned i = 0; i < sizeof(input); i++) {
        input[i] = i;
    }
    for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        CU_ASSERT_EQUAL(vs_siphash_2_4(input, i, SIP_K0, SIP_K1), expected[i]);
    }
    CU_ASSERT_EQUAL(vs_siphash_2_4(input, 15, SIP_K0, SIP_K1), 0xA129CA6149BE45E5);
}

static void
test_siphash_1_3_differs_from_2_4_in_its_rounds_alone(void)
{
    /* Vectors of Rust's core::hash tests for SipHasher13, same key and inputs. */
    static const uint64_t expected[] = {0xABAC0158050FC4DC, 0xC9F49BF37D57CA93,
                                        0x82CB9B024DC7D44D, 0x8BF80AB8E7DDF7FB};
    static const uint8_t input[] = {0, 1, 2};

    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(vs_siphash_1_3(input, i, SIP_K0, SIP_K1), expected[i]);
    }
}

static void
test_ecmp_of_linux_chooses_by_siphash(void)
{
    /* 10.8.8.8 -> 203.0.113.5 under fib_multipath_hash_seed = 1, from `ip route get` on
     * Linux 6.18: the 48 bytes of flow keys hold the addresses at 36, the lesser first as
     * little-endian words; the low 32 bits are shifted right by one. */
    const uint64_t key = UINT64_C(1) << 32 | 1;
    uint8_t flow[48] = {0};
    static const uint8_t addresses[8] = {203, 0, 113, 5, 10, 8, 8, 8};

    memcpy(flow + 36, addresses, sizeof(addresses));
    CU_ASSERT_EQUAL((uint32_t)vs_siphash_2_4(flow, sizeof(flow), key, key) >> 1,
                    0x63D511D0u);
}

static void
test_ipvs_maglev_places_backends_by_siphash_1_3(void)
{
    /* 10.0.0.1:80 in ip_vs_mh's table of 4093: the hash of offset + port + address, then
     * key 2654435761 for the first slot and 2654446892 for the step. */
    const uint32_t input = 80 + 0x0A000001u;
    uint8_t bytes[4] = {input & 255, input >> 8 & 255, input >> 16 & 255, input >> 24};
    uint32_t offset = (uint32_t)vs_siphash_1_3(bytes, 4, 2654435761u, 2654435761u);
    uint32_t skip = (uint32_t)vs_siphash_1_3(bytes, 4, 2654446892u, 2654446892u);

    CU_ASSERT_EQUAL(offset % 4093, 3167);
    CU_ASSERT_EQUAL(skip % 4092 + 1, 700);
}

static void
test_jhash_gives_jenkins_lookup3_vectors(void)
{
    /* driver5() of lookup3.c: hashlittle("", 0, 0) and ("", 0, 0xdeadbeef); "Four score and
     * seven years ago", seeds 0 and 1.  Linux starts from the same state. */
    static const char text[] = "Four score and seven years ago";

    CU_ASSERT_EQUAL(vs_jhash("", 0, 0), 0xDEADBEEFu);
    CU_ASSERT_EQUAL(vs_jhash("", 0, 0xDEADBEEFu), 0xBD5B7DDEu);
    CU_ASSERT_EQUAL(vs_jhash(text, 30, 0), 0x17770551u);
    CU_ASSERT_EQUAL(vs_jhash(text, 30, 1), 0xCD628161u);
}

static void
test_jhash_of_words_is_that_of_their_bytes(void)
{
    uint32_t words[16];
    uint8_t bytes[64];

    for (unsigned i = 0; i < 16; i++) {
        words[i] = (uint32_t)vs_mix64(i + 1);
        for (unsigned j = 0; j < 4; j++) {
            bytes[4 * i + j] = words[i] >> (8 * j) & 255;
        }
    }
    for (unsigned n = 0; n <= 16; n++) {
        CU_ASSERT_EQUAL(vs_jhash_words(words, n, 7), vs_jhash(bytes, 4 * n, 7));
    }
    CU_ASSERT_EQUAL(vs_jhash_1word(words[0], 7), vs_jhash_words(words, 1, 7));
    CU_ASSERT_EQUAL(vs_jhash_2words(words[0], words[1], 7),
                    vs_jhash_words(words, 2, 7));
    CU_ASSERT_EQUAL(vs_jhash_3words(words[0], words[1], words[2], 7),
                    vs_jhash_words(words, 3, 7));
}

static void
test_crc32_gives_its_check_value(void)
{
    CU_ASSERT_EQUAL(vs_crc32(0, CHECK_VALUE, 9), 0xCBF43926u);
    CU_ASSERT_EQUAL(vs_crc32(0, "", 0), 0);
    /* nginx's hash of "/index.html" (ngx_http_upstream_hash_module): bits 16-30. */
    CU_ASSERT_EQUAL(vs_crc32(0, "/index.html", 11) >> 16 & 0x7FFF, 27170);
    CU_ASSERT_EQUAL(vs_crc32(0, "/index.html", 11), 0xEA224B42u);
}

static void
test_crc32c_gives_the_vectors_of_iscsi(void)
{
    /* RFC 3720, B.4. */
    uint8_t data[32];

    CU_ASSERT_EQUAL(vs_crc32c(0, CHECK_VALUE, 9), 0xE3069283u);
    memset(data, 0, sizeof(data));
    CU_ASSERT_EQUAL(vs_crc32c(0, data, sizeof(data)), 0x8A9136AAu);
    memset(data, 0xFF, sizeof(data));
    CU_ASSERT_EQUAL(vs_crc32c(0, data, sizeof(data)), 0x62A8AB43u);
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = i;
    }
    CU_ASSERT_EQUAL(vs_crc32c(0, data, sizeof(data)), 0x46DD794Eu);
}

static void
test_a_crc_goes_on_where_it_stopped(void)
{
    for (unsigned i = 0; i <= 9; i++) {
        CU_ASSERT_EQUAL(vs_crc32(vs_crc32(0, CHECK_VALUE, i), &CHECK_VALUE[i], 9 - i),
                        0xCBF43926u);
        CU_ASSERT_EQUAL(vs_crc32c(vs_crc32c(0, CHECK_VALUE, i), &CHECK_VALUE[i], 9 - i),
                        0xE3069283u);
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
    };
    /* clang-format on */

    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned n = rows[i].address_bytes;

        CU_ASSERT_EQUAL(vs_toeplitz(vs_toeplitz_key_microsoft, VS_TOEPLITZ_KEY_BYTES,
                                    rows[i].input, n),
                        rows[i].addresses_only);
        CU_ASSERT_EQUAL(vs_toeplitz(vs_toeplitz_key_microsoft, VS_TOEPLITZ_KEY_BYTES,
                                    rows[i].input, n + 4),
                        rows[i].with_ports);
    }
}

static void
test_fnv1a64_gives_its_authors_vectors(void)
{
    /* test_fnv.c of Landon Curt Noll. */
    CU_ASSERT_EQUAL(vs_fnv1a64("", 0), 0xCBF29CE484222325u);
    CU_ASSERT_EQUAL(vs_fnv1a64("a", 1), 0xAF63DC4C8601EC8Cu);
    CU_ASSERT_EQUAL(vs_fnv1a64("foobar", 6), 0x85944171F73967E8u);
}

static void
test_every_input_bit_of_mix64_reaches_every_output_bit(void)
{
    /* MurmurHash3's fmix64(1), and half of the outputs change for each input bit. */
    CU_ASSERT_EQUAL(vs_mix64(0), 0);
    CU_ASSERT_EQUAL(vs_mix64(1), 0xB456BCFC34C2CB2Cu);
    for (unsigned in = 0; in < 64; in++) {
        unsigned n_changes[64] = {0};

        for (uint64_t x = 0; x < 400; x++) {
            uint64_t change = vs_mix64(x) ^ vs_mix64(x ^ UINT64_C(1) << in);

            for (unsigned out = 0; out < 64; out++) {
                n_changes[out] += change >> out & 1;
            }
        }
        for (unsigned out = 0; out < 64; out++) {
            /* 200 expected, 10 the standard deviation. */
            CU_ASSERT(n_changes[out] > 140 && n_changes[out] < 260);
        }
    }
}

static const VsTestCase tests[] = {
    {"SipHash-2-4 gives its authors' vectors",
     test_siphash_2_4_gives_its_authors_vectors},
    {"SipHash-1-3 differs from 2-4 in its rounds alone",
     test_siphash_1_3_differs_from_2_4_in_its_rounds_alone},
    {"ECMP of Linux chooses by SipHash", test_ecmp_of_linux_chooses_by_siphash},
    {"IPVS Maglev places backends by SipHash-1-3",
     test_ipvs_maglev_places_backends_by_siphash_1_3},
    {"jhash gives Jenkins's lookup3 vectors", test_jhash_gives_jenkins_lookup3_vectors},
    {"jhash of words is that of their bytes",
     test_jhash_of_words_is_that_of_their_bytes},
    {"CRC-32 gives its check value", test_crc32_gives_its_check_value},
    {"CRC-32C gives the vectors of iSCSI", test_crc32c_gives_the_vectors_of_iscsi},
    {"a CRC goes on where it stopped", test_a_crc_goes_on_where_it_stopped},
    {"Toeplitz gives the datasheet's vectors",
     test_toeplitz_gives_the_datasheet_vectors},
    {"FNV-1a gives its authors' vectors", test_fnv1a64_gives_its_authors_vectors},
    {"every input bit of mix64 reaches every output bit",
     test_every_input_bit_of_mix64_reaches_every_output_bit},
    {0},
};

VS_TESTS("hash")
