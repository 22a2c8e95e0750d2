/* Hashes that programs take of texts: URIs, cookies, names of backends. */
#include "base/hash.h"

#include "vs_test.h"

#define URI "/index.html"

static void
test_fnv_gives_its_authors_vectors(void)
{
    /* test_fnv.c of Landon Curt Noll. */
    CU_ASSERT_EQUAL(vs_fnv32("", 0), 0x811C9DC5u);
    CU_ASSERT_EQUAL(vs_fnv32("a", 1), 0x050C5D7Eu);
    CU_ASSERT_EQUAL(vs_fnv32("foobar", 6), 0x31F0B262u);
    CU_ASSERT_EQUAL(vs_fnv1a32("", 0), 0x811C9DC5u);
    CU_ASSERT_EQUAL(vs_fnv1a32("a", 1), 0xE40C292Cu);
    CU_ASSERT_EQUAL(vs_fnv1a32("foobar", 6), 0xBF9CF968u);
    CU_ASSERT_EQUAL(vs_fnv64("", 0), 0xCBF29CE484222325u);
    CU_ASSERT_EQUAL(vs_fnv64("a", 1), 0xAF63BD4C8601B7BEu);
    CU_ASSERT_EQUAL(vs_fnv64("foobar", 6), 0x340D8765A4DDA9C2u);
    CU_ASSERT_EQUAL(vs_fnv1a64("", 0), 0xCBF29CE484222325u);
    CU_ASSERT_EQUAL(vs_fnv1a64("a", 1), 0xAF63DC4C8601EC8Cu);
    CU_ASSERT_EQUAL(vs_fnv1a64("foobar", 6), 0x85944171F73967E8u);
}

static void
test_haproxys_functions_hash_a_uri_as_haproxy_does(void)
{
    CU_ASSERT_EQUAL(vs_sdbm(URI, 11), 0x33242976u);
    CU_ASSERT_EQUAL(vs_djb2(URI, 11), 0xE114B9CFu);
    CU_ASSERT_EQUAL(vs_wt6(URI, 11), 0x3101077Eu);
    CU_ASSERT_EQUAL(vs_sdbm("", 0), 0);
    CU_ASSERT_EQUAL(vs_djb2("", 0), 5381);
    CU_ASSERT_EQUAL(vs_wt6("", 0), 0xA53C965Au ^ 0x5CA6953Au);
    CU_ASSERT_EQUAL(vs_avalanche(0x33242976u), 0xFB63160Cu);
    CU_ASSERT_EQUAL(vs_avalanche(0), 0xAB4ED927u);
    CU_ASSERT_EQUAL(vs_avalanche(1), 0x348681B6u);
}

static void
test_haproxys_functions_take_bytes_as_unsigned(void)
{
    /* By hand: 0xFF is 255, not -1. */
    CU_ASSERT_EQUAL(vs_sdbm("\xFF", 1), 255);
    CU_ASSERT_EQUAL(vs_djb2("\xFF", 1), 5381 * 33 + 255);
}

/* VerificationTest() of smhasher (KeysetTest.cpp): keys {}, {0}, {0,1}, ... of 256 lengths
 * with seeds 256 to 1, and the hash of all hashes, of which the first four bytes count. */
typedef void (*SmhasherHash)(const void *data, size_t bytes, uint32_t seed,
                             uint8_t *ret_bytes);

static void
put_le(uint8_t *bytes, uint64_t word, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(word >> (8 * i));
    }
}

static uint32_t
get_smhasher_value(SmhasherHash hash, unsigned hash_bytes)
{
    uint8_t key[256], hashes[256 * 16], final[16];

    for (unsigned i = 0; i < 256; i++) {
        key[i] = (uint8_t)i;
        hash(key, i, 256 - i, hashes + i * hash_bytes);
    }
    hash(hashes, 256 * hash_bytes, 0, final);
    return (uint32_t) final[0] | (uint32_t) final[1] << 8 | (uint32_t) final[2] << 16 |
           (uint32_t) final[3] << 24;
}

static void
put_murmur2_64(const void *data, size_t bytes, uint32_t seed, uint8_t *ret_bytes)
{
    put_le(ret_bytes, vs_murmur2_64(data, bytes, seed), 8);
}

static void
put_murmur3_32(const void *data, size_t bytes, uint32_t seed, uint8_t *ret_bytes)
{
    put_le(ret_bytes, vs_murmur3_32(data, bytes, seed), 4);
}

static void
put_murmur3_128(const void *data, size_t bytes, uint32_t seed, uint8_t *ret_bytes)
{
    uint64_t h1, h2;

    vs_murmur3_128(data, bytes, seed, &h1, &h2);
    put_le(ret_bytes, h1, 8);
    put_le(ret_bytes + 8, h2, 8);
}

static void
test_murmur_gives_smhashers_verification_values(void)
{
    /* main.cpp of smhasher: Murmur2B, Murmur3A, Murmur3F. */
    CU_ASSERT_EQUAL(get_smhasher_value(put_murmur2_64, 8), 0x1F0D3804u);
    CU_ASSERT_EQUAL(get_smhasher_value(put_murmur3_32, 4), 0xB0F57EE3u);
    CU_ASSERT_EQUAL(get_smhasher_value(put_murmur3_128, 16), 0x6384BA69u);
}

static void
test_murmur2_is_the_hash_of_strings_in_libstdcxx(void)
{
    /* std::_Hash_impl::hash() of GCC 12. */
    CU_ASSERT_EQUAL(vs_murmur2_64("", 0, VS_MURMUR2_STD_SEED), 0x553E93901E462A6Eu);
    CU_ASSERT_EQUAL(vs_murmur2_64("a", 1, VS_MURMUR2_STD_SEED), 0x454DDEE488C1ED6Bu);
    CU_ASSERT_EQUAL(vs_murmur2_64("abcdefg", 7, VS_MURMUR2_STD_SEED),
                    0xDEEE6830A3AF82AFu);
    CU_ASSERT_EQUAL(vs_murmur2_64("abcdefgh", 8, VS_MURMUR2_STD_SEED),
                    0x783DB3E38DB898BBu);
    CU_ASSERT_EQUAL(vs_murmur2_64(URI, 11, VS_MURMUR2_STD_SEED), 0x5EE33D6C3C6DA7D2u);
    CU_ASSERT_EQUAL(vs_murmur2_64(URI, 11, 0), 0x9A270EAA796FE76Cu);
}

#define XX_PRIME 2654435761u

/* The buffer of xxHash's own tests (xsum_sanity_check.c). */
static void
fill_xx_buffer(uint8_t *buffer, unsigned n)
{
    uint64_t generator = XX_PRIME;

    for (unsigned i = 0; i < n; i++) {
        buffer[i] = (uint8_t)(generator >> 56);
        generator *= 11400714785074694797u;
    }
}

static void
test_xxhash_gives_its_authors_vectors(void)
{
    /* clang-format off */
    static const struct {
        unsigned bytes;
        uint32_t seed;
        uint32_t h32;
        uint64_t h64;
    } rows[] = {
        { 0, 0, 0x02CC5D05, 0xEF46DB3751D8E999 }, { 0, XX_PRIME, 0x36B78AE7, 0xAC75FDA2929B17EF },
        { 1, 0, 0xCF65B03E, 0xE934A84ADB052768 }, { 1, XX_PRIME, 0xB4545AA4, 0x5014607643A9B4C3 },
        { 4, 0, 0xA9DE7CE9, 0x9136A0DCA57457EE }, { 4, XX_PRIME, 0x2BAAFE83, 0xCAAB286BD8E9FDB5 },
        { 14, 0, 0x1208E7E2, 0x8282DCC4994E35C8 },
        { 14, XX_PRIME, 0x6AF1D1FE, 0xC3BD6BF63DEB6DF0 },
        { 222, 0, 0x5BD11DBD, 0xB641AE8CB691C174 },
        { 222, XX_PRIME, 0x58803C5F, 0x20CB8AB7AE10C14A },
    };
    /* clang-format on */
    uint8_t buffer[222];

    fill_xx_buffer(buffer, sizeof(buffer));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        CU_ASSERT_EQUAL(vs_xxhash32(buffer, rows[i].bytes, rows[i].seed), rows[i].h32);
        CU_ASSERT_EQUAL(vs_xxhash64(buffer, rows[i].bytes, rows[i].seed), rows[i].h64);
    }
}

static void
test_xxhash_of_all_lengths_is_that_of_its_library(void)
{
    /* Lengths 0 to 100, the length as seed, summed up as sum * 31 + hash by libxxhash
     * 0.8.1. */
    uint8_t buffer[100];
    uint32_t sum32 = 0;
    uint64_t sum64 = 0;

    fill_xx_buffer(buffer, sizeof(buffer));
    for (unsigned n = 0; n <= sizeof(buffer); n++) {
        sum32 = sum32 * 31 + vs_xxhash32(buffer, n, n);
        sum64 = sum64 * 31 + vs_xxhash64(buffer, n, n);
    }
    CU_ASSERT_EQUAL(sum32, 0x7927A3F8u);
    CU_ASSERT_EQUAL(sum64, 0xDD1F0E2DC649D994u);
}

static void
test_envoys_maglev_places_hosts_by_xxhash(void)
{
    static const struct {
        const char *host;
        unsigned offset, skip;
    } rows[] = {{"10.0.0.1:80", 56687, 43667},
                {"10.0.0.2:80", 14925, 33890},
                {"10.0.0.3:80", 39718, 51496}};

    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(vs_xxhash64(rows[i].host, 11, 0) % 65537, rows[i].offset);
        CU_ASSERT_EQUAL(vs_xxhash64(rows[i].host, 11, 1) % 65536 + 1, rows[i].skip);
    }
}

static const VsTestCase tests[] = {
    {"FNV gives its authors' vectors", test_fnv_gives_its_authors_vectors},
    {"HAProxy's functions hash a URI as HAProxy does",
     test_haproxys_functions_hash_a_uri_as_haproxy_does},
    {"HAProxy's functions take bytes as unsigned",
     test_haproxys_functions_take_bytes_as_unsigned},
    {"MurmurHash gives smhasher's verification values",
     test_murmur_gives_smhashers_verification_values},
    {"MurmurHash2 is the hash of strings in libstdc++",
     test_murmur2_is_the_hash_of_strings_in_libstdcxx},
    {"xxHash gives its authors' vectors", test_xxhash_gives_its_authors_vectors},
    {"xxHash of all lengths is that of its library",
     test_xxhash_of_all_lengths_is_that_of_its_library},
    {"Envoy's Maglev places hosts by xxHash",
     test_envoys_maglev_places_hosts_by_xxhash},
    {0},
};

VS_TESTS("hash of text")
