/* DPDK beside bench_hash: rte_softrss_be(), rte_jhash(), rte_hash_crc().
 *
 * usage: peer_dpdk toeplitz|jhash|crc32c [BYTES [MILLION]]
 *
 * Its Toeplitz takes words in host order and a converted key; both are made beforehand. */
#include <rte_hash_crc.h>
#include <rte_jhash.h>
#include <rte_thash.h>

#include "base/hash.h"
#include "tests/bench/bench_hash.h"

#define N_WORDS (BENCH_HASH_BYTES / 4)

static uint32_t words[BENCH_HASH_INPUTS][N_WORDS];
static uint32_t rss_key[VS_TOEPLITZ_KEY_BYTES / 4];

static void
convert(const BenchInputs *inputs)
{
    for (unsigned i = 0; i < BENCH_HASH_INPUTS; i++) {
        memcpy(words[i], inputs->bytes[i], sizeof(words[i]));
        for (unsigned k = 0; k < N_WORDS; k++) {
            words[i][k] = rte_be_to_cpu_32(words[i][k]);
        }
    }
    memcpy(rss_key, vs_toeplitz_key_microsoft, sizeof(rss_key));
    for (unsigned k = 0; k < VS_TOEPLITZ_KEY_BYTES / 4; k++) {
        rss_key[k] = rte_be_to_cpu_32(rss_key[k]);
    }
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "toeplitz";
    uint32_t n = (uint32_t)bench_number(argc, argv, 2, "BYTES", 12);
    uint64_t n_hashes = (uint64_t)(1e6 * bench_number(argc, argv, 3, "MILLION", 20));
    BenchInputs *inputs = bench_inputs_new(argv[0], n);
    const uint8_t(*input)[BENCH_HASH_BYTES] = inputs->bytes;

    convert(inputs);
    if (strcmp(name, "toeplitz") == 0) {
        BENCH_HASH(n_hashes, rte_softrss_be(words[i], n / 4, (const uint8_t *)rss_key));
    } else if (strcmp(name, "jhash") == 0) {
        BENCH_HASH(n_hashes, rte_jhash(input[i], n, 1));
    } else if (strcmp(name, "crc32c") == 0) {
        BENCH_HASH(n_hashes, ~rte_hash_crc(input[i], n, 0xFFFFFFFF));
    } else {
        fprintf(stderr, "no hash \"%s\": toeplitz, jhash, crc32c\n", name);
        return EXIT_FAILURE;
    }
    free(inputs);
    return 0;
}
