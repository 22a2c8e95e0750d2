#include "base/hash.h"

#include <glib.h>

#include "base/modulus.h"
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
test_hsiphash_gives_linuxs_vectors(void)
{
    /* lib/siphash_kunit.c of Linux, lengths 0 to 23, of kernels with 64 and with 32 bits. */
    static const uint32_t of_64_bits[24] = {
        0x050FC4DC, 0x7D57CA93, 0x4DC7D44D, 0xE7DDF7FB, 0x88D38328, 0x49533B67,
        0xC59F22A7, 0x9BB11140, 0x8D299A8E, 0x6C063DE4, 0x92FF097F, 0xF94DC352,
        0x57B4D9A2, 0x1229FFA7, 0xC0F95D34, 0x2A519956, 0x7D908B66, 0x63DBD80C,
        0xB473E63E, 0x8D297D1C, 0xA6CCE040, 0x2B45F844, 0xA320872E, 0xDAE6C123};
    static const uint32_t of_32_bits[24] = {
        0x5814C896, 0xE7E864CA, 0xBC4B0E30, 0x01539939, 0x7E059EA6, 0x88E3D89B,
        0xA0080B65, 0x9D38D9D6, 0x577999B1, 0xC839CAED, 0xE4FA32CF, 0x959246EE,
        0x6B28096C, 0x66DD9CD6, 0x16658A7C, 0xD0257B04, 0x8B31D501, 0x2B1CD04B,
        0x06712339, 0x522ACA67, 0x911BB605, 0x90A65F0E, 0xF826EF7B, 0x62512DEB};
    uint8_t input[24];

    for (unsigned i = 0; i < sizeof(input); i++) {
        input[i] = i;
    }
    for (unsigned i = 0; i < sizeof(input); i++) {
        CU_ASSERT_EQUAL(vs_hsiphash(input, i, SIP_K0, SIP_K1), of_64_bits[i]);
        CU_ASSERT_EQUAL(vs_half_siphash_1_3(input, i, 0x03020100, 0x07060504),
                        of_32_bits[i]);
    }
}

static void
test_ipvs_maglev_places_backends_by_siphash_1_3(void)
{
    /* 10.0.0.1:80 in ip_vs_mh's table of 4093: the hash of offset + port + address, then
     * key 2654435761 for the first slot and 2654446892 for the step. */
    const uint32_t input = 80 + 0x0A000001u;
    uint8_t bytes[4] = {input & 255, input >> 8 & 255, input >> 16 & 255, input >> 24};
    uint32_t offset = vs_hsiphash(bytes, 4, 2654435761u, 2654435761u);
    uint32_t skip = vs_hsiphash(bytes, 4, 2654446892u, 2654446892u);

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

static uint32_t
rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* Blocks of twelve bytes, the last one filled up with zeros and finished instead of mixed;
 * the steps as a table of (changed, by, rotation), as linux/jhash.h lists them. */
static uint32_t
get_plain_jhash(const uint8_t *data, unsigned n_bytes, uint32_t initval)
{
    static const uint8_t mix[6][4] = {{0, 2, 4, 1},  {1, 0, 6, 2},  {2, 1, 8, 0},
                                      {0, 2, 16, 1}, {1, 0, 19, 2}, {2, 1, 4, 0}};
    static const uint8_t finish[7][3] = {{2, 1, 14}, {0, 2, 11}, {1, 0, 25}, {2, 1, 16},
                                         {0, 2, 4},  {1, 0, 14}, {2, 1, 24}};
    uint32_t s[3] = {0xDEADBEEF + n_bytes + initval, 0xDEADBEEF + n_bytes + initval,
                     0xDEADBEEF + n_bytes + initval};
    unsigned n_blocks = (n_bytes + 11) / 12;

    for (unsigned block = 0; block < n_blocks; block++) {
        for (unsigned i = 12 * block; i < n_bytes && i < 12 * (block + 1); i++) {
            s[i / 4 % 3] += (uint32_t)data[i] << (8 * (i % 4));
        }
        for (unsigned i = 0; block + 1 < n_blocks && i < 6; i++) {
            s[mix[i][0]] -= s[mix[i][1]];
            s[mix[i][0]] ^= rotate(s[mix[i][1]], mix[i][2]);
            s[mix[i][1]] += s[mix[i][3]];
        }
        for (unsigned i = 0; block + 1 == n_blocks && i < 7; i++) {
            s[finish[i][0]] ^= s[finish[i][1]];
            s[finish[i][0]] -= rotate(s[finish[i][1]], finish[i][2]);
        }
    }
    return s[2];
}

static void
test_jhash_of_all_lengths_is_that_of_a_straightforward_twin(void)
{
    uint8_t data[64];

    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)vs_mix64(i + 1);
    }
    for (unsigned n = 0; n <= sizeof(data); n++) {
        CU_ASSERT_EQUAL(vs_jhash(data, n, 7), get_plain_jhash(data, n, 7));
    }
}

static void
test_jhash_of_many_pairs_is_that_of_each_at_every_level(void)
{
    enum { N = 100 };
    uint32_t a[N], b[N], hashes[N + 1];

    for (unsigned i = 0; i < N; i++) {
        a[i] = (uint32_t)vs_mix64(i + 1);
        b[i] = (uint32_t)vs_mix64(i + 1 + N);
    }
    for (VsSimd simd = VS_SIMD_PLAIN; vs_simd_is_supported(simd);
         simd = (VsSimd)(simd + 1)) {
        for (unsigned n = 0; n <= N; n++) {
            hashes[n] = 12345;
            vs_jhash_2words_bulk(a, b, n, 65537, simd, hashes);
            CU_ASSERT_EQUAL(hashes[n], 12345);
            for (unsigned i = 0; i < n; i++) {
                CU_ASSERT_EQUAL(hashes[i], vs_jhash_2words(a[i], b[i], 65537));
            }
        }
    }
}

/* The ends of every quotient, where a rounded reciprocal would show. */
static void
test_remainders_by_a_reciprocal_are_exact(void)
{
    static const uint32_t divisors[] = {
        1,     2,     3,     5,      7,       251,        4096,       16381,
        65521, 65537, 65539, 131071, 5000011, 0x40000000, 0x7FFFFFFF, 0xFFFFFFFB,
    };

    for (unsigned d = 0; d < G_N_ELEMENTS(divisors); d++) {
        uint32_t divisor = divisors[d];
        VsModulus modulus = vs_modulus(divisor);

        for (uint64_t i = 0; i < 2000; i++) {
            uint64_t x = vs_mix64(i + 1) >> i % 64;
            uint64_t multiple = x - x % divisor;

            CU_ASSERT_EQUAL(vs_modulus_reduce(modulus, x), x % divisor);
            CU_ASSERT_EQUAL(vs_modulus_reduce(modulus, multiple), 0);
            CU_ASSERT_EQUAL(vs_modulus_reduce(modulus, multiple - 1),
                            (multiple - 1) % divisor);
            if (divisor < UINT32_C(1) << 31) {
                CU_ASSERT_EQUAL(vs_modulus_reduce_32(modulus, (uint32_t)x),
                                (uint32_t)x % divisor);
                CU_ASSERT_EQUAL(vs_modulus_reduce_32(modulus, (uint32_t)~i),
                                (uint32_t)~i % divisor);
                CU_ASSERT_EQUAL(
                    vs_modulus_reduce_32(modulus, (uint32_t)x / divisor * divisor), 0);
            }
        }
    }
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
    uint8_t zeros[32], ones[32], numbers[32];

    memset(zeros, 0, sizeof(zeros));
    memset(ones, 0xFF, sizeof(ones));
    for (unsigned i = 0; i < sizeof(numbers); i++) {
        numbers[i] = i;
    }
    CU_ASSERT_EQUAL(vs_crc32c(0, CHECK_VALUE, 9), 0xE3069283u);
    CU_ASSERT_EQUAL(vs_crc32c(0, numbers, sizeof(numbers)), 0x46DD794Eu);
    for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
        CU_ASSERT_EQUAL(vs_crc32c_simd(0, CHECK_VALUE, 9, simd), 0xE3069283u);
        CU_ASSERT_EQUAL(vs_crc32c_simd(0, zeros, 32, simd), 0x8A9136AAu);
        CU_ASSERT_EQUAL(vs_crc32c_simd(0, ones, 32, simd), 0x62A8AB43u);
        CU_ASSERT_EQUAL(vs_crc32c_simd(0, numbers, 32, simd), 0x46DD794Eu);
    }
}

/* The definition, from 'crc' on: polynomials are reflected. */
static uint32_t
get_crc_bit_by_bit(uint32_t crc, uint32_t polynomial, const uint8_t *bytes, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (polynomial & -(crc & 1));
        }
    }
    return ~crc;
}

static void
test_crcs_are_those_bit_by_bit(void)
{
    unsigned n_wrong = 0;
    uint8_t bytes[160];

    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 0; i < 100000; i++) {
        size_t from = i % 16, n = i / 16 % (sizeof(bytes) - 16);
        uint32_t start = (uint32_t)vs_mix64(i), expected;

        for (unsigned k = 0; k < 4; k++) { /* Some other bytes than before. */
            bytes[vs_mix64(4 * i + k) % sizeof(bytes)] = (uint8_t)vs_mix64(~i - k);
        }
        n_wrong += vs_crc32(start, bytes + from, n) !=
                   get_crc_bit_by_bit(start, 0xEDB88320, bytes + from, n);
        expected = get_crc_bit_by_bit(start, 0x82F63B78, bytes + from, n);
        n_wrong += vs_crc32c(start, bytes + from, n) != expected;
        for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
            n_wrong += vs_crc32c_simd(start, bytes + from, n, simd) != expected;
        }
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
}

/* Of HAProxy 2.6; sdbm of "/index.html" is what the last vector is mixed from. */
static void
test_haproxys_hashes_give_its_values(void)
{
    CU_ASSERT_EQUAL(vs_sdbm("/index.html", 11), 0x33242976u);
    CU_ASSERT_EQUAL(vs_djb2("/index.html", 11), 0xE114B9CFu);
    CU_ASSERT_EQUAL(vs_wt6("/index.html", 11), 0x3101077Eu);
    CU_ASSERT_EQUAL(vs_avalanche(0), 0xAB4ED927u);
    CU_ASSERT_EQUAL(vs_avalanche(1), 0x348681B6u);
    CU_ASSERT_EQUAL(vs_avalanche(0x33242976u), 0xFB63160Cu);
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
    {"jhash of many pairs is that of each, at every level",
     test_jhash_of_many_pairs_is_that_of_each_at_every_level},
    {"remainders by a reciprocal are exact", test_remainders_by_a_reciprocal_are_exact},
    {"SipHash-2-4 gives its authors' vectors",
     test_siphash_2_4_gives_its_authors_vectors},
    {"SipHash-1-3 differs from 2-4 in its rounds alone",
     test_siphash_1_3_differs_from_2_4_in_its_rounds_alone},
    {"hsiphash gives Linux's vectors", test_hsiphash_gives_linuxs_vectors},
    {"IPVS Maglev places backends by SipHash-1-3",
     test_ipvs_maglev_places_backends_by_siphash_1_3},
    {"jhash gives Jenkins's lookup3 vectors", test_jhash_gives_jenkins_lookup3_vectors},
    {"jhash of all lengths is that of a straightforward twin",
     test_jhash_of_all_lengths_is_that_of_a_straightforward_twin},
    {"jhash of words is that of their bytes",
     test_jhash_of_words_is_that_of_their_bytes},
    {"CRC-32 gives its check value", test_crc32_gives_its_check_value},
    {"CRC-32C gives the vectors of iSCSI", test_crc32c_gives_the_vectors_of_iscsi},
    {"CRCs are those bit by bit", test_crcs_are_those_bit_by_bit},
    {"HAProxy's hashes give its values", test_haproxys_hashes_give_its_values},
    {"a CRC goes on where it stopped", test_a_crc_goes_on_where_it_stopped},
    {"every input bit of mix64 reaches every output bit",
     test_every_input_bit_of_mix64_reaches_every_output_bit},
    {0},
};

VS_TESTS("hash")
