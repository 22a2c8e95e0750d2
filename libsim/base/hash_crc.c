/* CRCs: eight bytes at a time by tables ("slicing", Kounavis and Berry, ISCC 2005), CRC-32C by
 * its instruction where there is one. */
#include <assert.h>

#include "base/hash.h"
#include "base/hash_bits.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

enum { SLICES = 8 };

/* The remainders of all bytes in one place of the eight, made up of those of bytes with one
 * bit set, lowest first. */
#define REMAINDER(n, a, b, c, d, e, f, g, h)                                 \
    (((n)&1 ? a : 0) ^ ((n)&2 ? b : 0) ^ ((n)&4 ? c : 0) ^ ((n)&8 ? d : 0) ^ \
     ((n)&16 ? e : 0) ^ ((n)&32 ? f : 0) ^ ((n)&64 ? g : 0) ^ ((n)&128 ? h : 0))
#define FOUR(n, ...)                                            \
    REMAINDER(n, __VA_ARGS__), REMAINDER((n) + 1, __VA_ARGS__), \
        REMAINDER((n) + 2, __VA_ARGS__), REMAINDER((n) + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                           \
    FOUR(n, __VA_ARGS__), FOUR((n) + 4, __VA_ARGS__), FOUR((n) + 8, __VA_ARGS__), \
        FOUR((n) + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                   \
    SIXTEEN(n, __VA_ARGS__), SIXTEEN((n) + 16, __VA_ARGS__), \
        SIXTEEN((n) + 32, __VA_ARGS__), SIXTEEN((n) + 48, __VA_ARGS__)
#define REMAINDERS(...)                                                \
    {                                                                  \
        SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__),       \
            SIXTY_FOUR(128, __VA_ARGS__), SIXTY_FOUR(192, __VA_ARGS__) \
    }

/* [bytes that follow][value of a byte].  Going from the last constant of the first row to its
 * first one, then to the last of the next, and so on, each is the one before shifted right by
 * a bit, less the polynomial if that bit was set.  The first of all is the polynomial. */
static const uint32_t ieee[SLICES][256] = {
    /* Of 0xEDB88320, reflected. */
    REMAINDERS(0x77073096, 0xEE0E612C, 0x076DC419, 0x0EDB8832, 0x1DB71064, 0x3B6E20C8,
               0x76DC4190, 0xEDB88320),
    REMAINDERS(0x191B3141, 0x32366282, 0x646CC504, 0xC8D98A08, 0x4AC21251, 0x958424A2,
               0xF0794F05, 0x3B83984B),
    REMAINDERS(0x01C26A37, 0x0384D46E, 0x0709A8DC, 0x0E1351B8, 0x1C26A370, 0x384D46E0,
               0x709A8DC0, 0xE1351B80),
    REMAINDERS(0xB8BC6765, 0xAA09C88B, 0x8F629757, 0xC5B428EF, 0x5019579F, 0xA032AF3E,
               0x9B14583D, 0xED59B63B),
    REMAINDERS(0x3D6029B0, 0x7AC05360, 0xF580A6C0, 0x30704BC1, 0x60E09782, 0xC1C12F04,
               0x58F35849, 0xB1E6B092),
    REMAINDERS(0xCB5CD3A5, 0x4DC8A10B, 0x9B914216, 0xEC53826D, 0x03D6029B, 0x07AC0536,
               0x0F580A6C, 0x1EB014D8),
    REMAINDERS(0xA6770BB4, 0x979F1129, 0xF44F2413, 0x33EF4E67, 0x67DE9CCE, 0xCFBD399C,
               0x440B7579, 0x8816EAF2),
    REMAINDERS(0xCCAA009E, 0x4225077D, 0x844A0EFA, 0xD3E51BB5, 0x7CBB312B, 0xF9766256,
               0x299DC2ED, 0x533B85DA),
};

static const uint32_t castagnoli[SLICES][256] = {
    /* Of 0x82F63B78, reflected. */
    REMAINDERS(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F, 0x20BD8EDE,
               0x417B1DBC, 0x82F63B78),
    REMAINDERS(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181, 0x7F8BE302,
               0xFF17C604, 0xFBC3FAF9),
    REMAINDERS(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A, 0xE144FB14,
               0xC76580D9, 0x8B277743),
    REMAINDERS(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D, 0xD725148B,
               0xABA65FE7, 0x52A0C93F),
    REMAINDERS(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91, 0x8F2261D3, 0x1BA8B557,
               0x37516AAE, 0x6EA2D55C),
    REMAINDERS(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F, 0xC00C303E, 0x85F4168D,
               0x0E045BEB, 0x1C08B7D6),
    REMAINDERS(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53, 0x9C5BFAA6, 0x3D5B83BD,
               0x7AB7077A, 0xF56E0EF4),
    REMAINDERS(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA, 0x847609B4, 0x0D006599,
               0x1A00CB32, 0x34019664),
};

static inline uint32_t
crc_by_slices(uint32_t crc, const uint32_t table[SLICES][256], const uint8_t *bytes,
              size_t n_bytes)
{
    crc = ~crc;
    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        uint64_t word = load_le64(bytes) ^ crc;

        crc = table[7][word & 255] ^ table[6][word >> 8 & 255] ^
              table[5][word >> 16 & 255] ^ table[4][word >> 24 & 255] ^
              table[3][word >> 32 & 255] ^ table[2][word >> 40 & 255] ^
              table[1][word >> 48 & 255] ^ table[0][word >> 56];
    }
    if (n_bytes >= 4) {
        crc ^= load_le32(bytes);
        crc = table[3][crc & 255] ^ table[2][crc >> 8 & 255] ^
              table[1][crc >> 16 & 255] ^ table[0][crc >> 24];
        n_bytes -= 4;
        bytes += 4;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        crc = crc >> 8 ^ table[0][(crc ^ bytes[i]) & 255];
    }
    return ~crc;
}

uint32_t
vs_crc32(uint32_t crc, const void *data, size_t n_bytes)
{
    return crc_by_slices(crc, ieee, data, n_bytes);
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const uint8_t *bytes, size_t n_bytes)
{
    uint64_t remainder = (uint32_t)~crc;

    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        remainder = _mm_crc32_u64(remainder, load_le64(bytes));
    }
    crc = (uint32_t)remainder;
    if (n_bytes >= 4) {
        crc = _mm_crc32_u32(crc, load_le32(bytes));
        n_bytes -= 4;
        bytes += 4;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        crc = _mm_crc32_u8(crc, bytes[i]);
    }
    return ~crc;
}
#endif

uint32_t
vs_crc32c_simd(uint32_t crc, const void *data, size_t n_bytes, VsSimd simd)
{
    assert(vs_simd_is_supported(simd));
#ifdef __x86_64__
    if (simd >= VS_SIMD_SSE42) {
        return crc32c_by_instruction(crc, data, n_bytes);
    }
#endif
    return crc_by_slices(crc, castagnoli, data, n_bytes);
}

uint32_t
vs_crc32c(uint32_t crc, const void *data, size_t n_bytes)
{
#ifdef __x86_64__
    if (vs_simd_is_supported(VS_SIMD_SSE42)) {
        return crc32c_by_instruction(crc, data, n_bytes);
    }
#endif
    return crc_by_slices(crc, castagnoli, data, n_bytes);
}
