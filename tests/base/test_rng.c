#include "base/rng.h"

#include "base/hash.h"
#include "tests/base/random_fixture.h"

static void
test_philox_gives_the_vectors_of_random123(void)
{
    /* kat_vectors of Random123, "philox4x32 10". */
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
        {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF},
         {0xFFFFFFFF, 0xFFFFFFFF},
         {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
        {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, /* Digits of pi. */
         {0xA4093822, 0x299F31D0},
         {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint32_t words[4];

        vs_philox4x32(rows[i].counter, rows[i].key, words);
        for (unsigned j = 0; j < 4; j++) {
            CU_ASSERT_EQUAL(words[j], rows[i].expected[j]);
        }
    }
}

static void
test_a_stream_is_philox_over_its_names(void)
{
    static const uint64_t first_blocks[] = {0, 4, UINT32_MAX - 1, UINT64_MAX - 6};
    static const char name[] = "pod-7\0service-time";
    const uint64_t seed = 7;
    uint64_t key = vs_siphash_2_4(name, sizeof(name) - 1, seed, 1);
    uint64_t stream = vs_siphash_2_4(name, sizeof(name) - 1, seed, 2);

    for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(first_blocks); i++) {
            VsRng rng;

            vs_rng_init_simd(&rng, seed, "pod-7", "service-time", simd);
            CU_ASSERT_EQUAL(rng.block, 0);
            rng.block = first_blocks[i];
            for (uint64_t j = 0; j < 40; j++) {
                uint64_t block = first_blocks[i] + j / 2;
                uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32),
                                       (uint32_t)stream, (uint32_t)(stream >> 32)};
                uint32_t words[4];

                vs_philox4x32(
                    counter, (uint32_t[]){(uint32_t)key, (uint32_t)(key >> 32)}, words);
                CU_ASSERT_EQUAL(vs_rng_u64(&rng),
                                words[j % 2 * 2] | (uint64_t)words[j % 2 * 2 + 1]
                                                       << 32);
            }
        }
    }
}

static void
test_streams_are_frozen(void)
{
    /* A change here changes the results of every scenario there is. */
    static const uint64_t expected[] = {
        0x8BA84F45275C886C, 0x9A92264671E12734, 0x83AFED212C0444DB,
        0x547275E5B65A2A95, 0xD7AEA1F448E707D5, 0x1EB71951952CAFB7,
        0xDCCF8ADB485349DB, 0xC9D5D7ECD5C58D96, 0xF676639FFCB4666E,
    };
    VsRng rng;

    vs_rng_init(&rng, 1, "users", "arrivals");
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        uint64_t number = vs_rng_u64(&rng);

        CU_ASSERT_EQUAL(number, expected[i]);
        if (number != expected[i]) {
            printf("\n    0x%016" G_GINT64_MODIFIER "X\n", number);
        }
    }
}

static void
test_seed_entity_and_purpose_each_change_the_stream(void)
{
    static const struct {
        uint64_t seed;
        const char *entity, *purpose;
    } rows[] = {
        {1, "ab", "c"}, {2, "ab", "c"}, {1, "a", "bc"}, {1, "abc", ""},
        {1, "", "abc"}, {1, "ab", "d"}, {1, "bb", "c"},
    };
    uint64_t first[G_N_ELEMENTS(rows)];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsRng rng;

        vs_rng_init(&rng, rows[i].seed, rows[i].entity, rows[i].purpose);
        first[i] = vs_rng_u64(&rng);
        for (unsigned j = 0; j < i; j++) {
            CU_ASSERT_NOT_EQUAL(first[i], first[j]);
        }
    }
}

static void
test_a_copy_continues_on_its_own(void)
{
    VsRng rng, copy;
    uint64_t expected[20];

    vs_rng_init(&rng, 3, "a", "b");
    for (unsigned i = 0; i < 5; i++) {
        vs_rng_u64(&rng);
    }
    copy = rng;
    for (unsigned i = 0; i < 20; i++) {
        expected[i] = vs_rng_u64(&rng);
    }
    for (unsigned i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(vs_rng_u64(&copy), expected[i]);
    }
}

static void
test_the_forms_of_a_draw_take_one_number_each(void)
{
    VsRng rng, twin;

    vs_rng_init(&rng, 5, "a", "b");
    twin = rng;
    for (unsigned i = 0; i < 1000; i++) {
        double x = vs_rng_double(&rng);

        CU_ASSERT_EQUAL(x, (double)(vs_rng_u64(&twin) >> 11) / 0x1p53);
        CU_ASSERT(x >= 0 && x < 1);
        CU_ASSERT_EQUAL(vs_rng_u32(&rng), vs_rng_u64(&twin) >> 32);
    }
}

static void
test_every_byte_of_a_number_is_uniform(void)
{
    static unsigned counts[8][256];
    const unsigned n = 500000;
    VsRng rng;

    vs_rng_init(&rng, 11, "a", "b");
    for (unsigned i = 0; i < n; i++) {
        uint64_t number = vs_rng_u64(&rng);

        for (unsigned j = 0; j < 8; j++) {
            counts[j][number >> (8 * j) & 255]++;
        }
    }
    for (unsigned j = 0; j < 8; j++) {
        double chance = get_chi_square_chance(counts[j], 256, n);

        CU_ASSERT(chance > 0.0005 && chance < 0.9995);
    }
}

static void
test_neighbouring_streams_are_independent(void)
{
    /* The top three bits of the first draws of two streams each: 64 cells. */
    unsigned counts[64] = {0};
    const unsigned n = 50000;
    double chance;

    for (unsigned i = 0; i < n; i++) {
        char name[16];
        VsRng a, b;

        g_snprintf(name, sizeof(name), "pod-%u", i);
        vs_rng_init(&a, 1, name, "arrivals");
        vs_rng_init(&b, 1, name, "service");
        counts[vs_rng_u64(&a) >> 61 << 3 | vs_rng_u64(&b) >> 61]++;
    }
    chance = get_chi_square_chance(counts, 64, n);
    CU_ASSERT(chance > 0.0005 && chance < 0.9995);
}

static void
test_below_is_unbiased(void)
{
    static const uint64_t bounds[] = {2, 3, 7, 10, 100};
    const unsigned n = 200000;
    VsRng rng;

    vs_rng_init(&rng, 13, "a", "b");
    for (unsigned i = 0; i < G_N_ELEMENTS(bounds); i++) {
        unsigned counts[100] = {0};
        double chance;

        for (unsigned j = 0; j < n; j++) {
            uint64_t draw = vs_rng_below(&rng, bounds[i]);

            CU_ASSERT_FATAL(draw < bounds[i]);
            counts[draw]++;
        }
        chance = get_chi_square_chance(counts, (unsigned)bounds[i], n);
        CU_ASSERT(chance > 0.0005 && chance < 0.9995);
    }
}

static void
test_below_rejects_what_would_favour_some(void)
{
    /* Of four numbers three fit 3 * 2^62, the upper halves of whose products are 3k, 3k,
     * 3k + 1, 3k + 2: one of the first two must be drawn again. */
    const uint64_t bound = UINT64_C(3) << 62;
    unsigned counts[3] = {0};
    const unsigned n = 90000;
    double chance;
    VsRng rng;

    vs_rng_init(&rng, 17, "a", "b");
    for (unsigned i = 0; i < n; i++) {
        counts[vs_rng_below(&rng, bound) % 3]++;
    }
    chance = get_chi_square_chance(counts, 3, n);
    CU_ASSERT(chance > 0.0005 && chance < 0.9995);
    CU_ASSERT_EQUAL(vs_rng_below(&rng, 1), 0);
    CU_ASSERT(vs_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static const VsTestCase tests[] = {
    {"Philox gives the vectors of Random123",
     test_philox_gives_the_vectors_of_random123},
    {"a stream is Philox over its names", test_a_stream_is_philox_over_its_names},
    {"streams are frozen", test_streams_are_frozen},
    {"seed, entity and purpose each change the stream",
     test_seed_entity_and_purpose_each_change_the_stream},
    {"a copy continues on its own", test_a_copy_continues_on_its_own},
    {"the forms of a draw take one number each",
     test_the_forms_of_a_draw_take_one_number_each},
    {"every byte of a number is uniform", test_every_byte_of_a_number_is_uniform},
    {"neighbouring streams are independent", test_neighbouring_streams_are_independent},
    {"below is unbiased", test_below_is_unbiased},
    {"below rejects what would favour some", test_below_rejects_what_would_favour_some},
    {0},
};

VS_TESTS("rng")
