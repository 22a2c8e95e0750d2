/* Receive side scaling: which of a card's receive queues a frame is put into.
 *
 * The card hashes addresses, and where it may ports, by Toeplitz; the lower bits of the hash
 * are a place in its indirection table, which has the queue.  Each queue interrupts a core of
 * its own as far as there are cores: queue i core i modulo their number.
 *
 * Sources: Microsoft, "RSS hashing types"; Linux include/linux/ethtool.h
 * (ethtool_rxfh_indir_default); ethtool(8), -X and -N rx-flow-hash. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "engine/stats.h"
#include "packet/packet.h"

enum { VS_RSS_MAX_QUEUES = 256 };

typedef struct VsRssConfig {
    unsigned n_queues;   /* 1 to VS_RSS_MAX_QUEUES. */
    unsigned table_size; /* A power of two. */
    const uint32_t
        *weights;       /* Of each queue, their sum 1 to table_size; or NULL: equal. */
    const uint8_t *key; /* VS_TOEPLITZ_KEY_BYTES; copied. */
    bool is_hashing_udp_ports; /* rx-flow-hash udp4 sdfn, not sd. */
} VsRssConfig;

typedef struct VsRss {
    VsToeplitz *toeplitz;
    bool is_hashing_udp_ports;
    unsigned table_size;
    uint16_t *table;
    VsShares packets; /* Of each queue. */
} VsRss;

VsRss *vs_rss_new(const VsRssConfig *config);
void vs_rss_free(VsRss *rss);

/* The hash of an IPv4 packet, by its outermost header: of addresses and ports for TCP, and
 * for UDP if that is hashed; of addresses alone for fragments and all else. */
uint32_t vs_rss_hash(const VsRss *rss, const VsLayer *layer);

/* The queue of a frame, which is counted there.  What is no IPv4 is put into queue 0. */
unsigned vs_rss_steer(VsRss *rss, const VsLayer *layer);

/* Fills the indirection table: in turn, or by weights in blocks, as ethtool -X does. */
void vs_rss_fill(const VsRssConfig *config, uint16_t *ret_table);
