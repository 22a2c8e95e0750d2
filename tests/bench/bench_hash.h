/* What bench_hash and its peer share: the inputs, and the loop with its clock. */
#pragma once

#include "tests/bench/bench.h"

#define BENCH_HASH_INPUTS 4096
#define BENCH_HASH_BYTES 36 /* The longest: addresses and ports of IPv6. */

typedef struct BenchInputs {
    uint8_t bytes[BENCH_HASH_INPUTS][BENCH_HASH_BYTES];
} BenchInputs;

static inline BenchInputs *
bench_inputs_new(const char *program, size_t n_bytes)
{
    BenchInputs *inputs = malloc(sizeof(*inputs));
    uint64_t state = 1;

    if (!inputs || n_bytes > BENCH_HASH_BYTES) {
        fprintf(stderr, "%s: BYTES must be at most %d\n", program, BENCH_HASH_BYTES);
        exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < BENCH_HASH_INPUTS; i++) {
        for (unsigned k = 0; k < BENCH_HASH_BYTES; k++) {
            inputs->bytes[i][k] = (uint8_t)(256 * bench_uniform(&state));
        }
    }
    return inputs;
}

/* Prints million hashes a second; 'hash' is an expression of the input's number 'i'.  The
 * sum keeps the compiler from leaving them out, and tells whether peers agree. */
#define BENCH_HASH(n_hashes, hash)                                     \
    do {                                                               \
        uint64_t n_rounds = (n_hashes) / BENCH_HASH_INPUTS + 1;        \
        uint32_t sum = 0, round_sum = 0;                               \
        double seconds;                                                \
                                                                       \
        for (unsigned i = 0; i < BENCH_HASH_INPUTS; i++) {             \
            round_sum += (hash);                                       \
        }                                                              \
        seconds = -bench_seconds();                                    \
        for (uint64_t round_ = 0; round_ < n_rounds; round_++) {       \
            for (unsigned i = 0; i < BENCH_HASH_INPUTS; i++) {         \
                sum += (hash);                                         \
            }                                                          \
        }                                                              \
        seconds += bench_seconds();                                    \
        printf("%.3f (sum of a round %08x, of all %08x)\n",            \
               (double)(n_rounds * BENCH_HASH_INPUTS) / seconds / 1e6, \
               (unsigned)round_sum, (unsigned)sum);                    \
    } while (0)
