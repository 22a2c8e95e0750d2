/* Hashes of flows, million a second.
 *
 * usage: bench_hash toeplitz|plain|jhash|siphash|crc32c [BYTES [MILLION]]
 *
 * Inputs are random, 4096 of them in turn: too many for branches to be learnt.  "toeplitz" is
 * by a prepared key, "plain" bit by bit. */
#include "tests/bench/bench_hash.h"
#include "base/hash.h"
#include "tests/bench/bench.h"

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "toeplitz";
    size_t n = (size_t)bench_number(argc, argv, 2, "BYTES", 12);
    uint64_t n_hashes = (uint64_t)(1e6 * bench_number(argc, argv, 3, "MILLION", 20));
    VsToeplitz *prepared =
        vs_toeplitz_new(vs_toeplitz_key_microsoft, VS_TOEPLITZ_KEY_BYTES);
    BenchInputs *inputs = bench_inputs_new(argv[0], n);
    const uint8_t(*input)[BENCH_HASH_BYTES] = inputs->bytes;

    if (strcmp(name, "toeplitz") == 0) {
        BENCH_HASH(n_hashes, vs_toeplitz_hash(prepared, input[i], n));
    } else if (strcmp(name, "plain") == 0) {
        BENCH_HASH(n_hashes, vs_toeplitz(vs_toeplitz_key_microsoft,
                                         VS_TOEPLITZ_KEY_BYTES, input[i], n));
    } else if (strcmp(name, "jhash") == 0) {
        BENCH_HASH(n_hashes, vs_jhash(input[i], n, 1));
    } else if (strcmp(name, "siphash") == 0) {
        BENCH_HASH(n_hashes, (uint32_t)vs_siphash_2_4(input[i], n, 1, 1));
    } else if (strcmp(name, "crc32c") == 0) {
        BENCH_HASH(n_hashes, vs_crc32c(0, input[i], n));
    } else {
        fprintf(stderr, "no hash \"%s\": toeplitz, plain, jhash, siphash, crc32c\n",
                name);
        return EXIT_FAILURE;
    }
    free(inputs);
    vs_toeplitz_free(prepared);
    return 0;
}
