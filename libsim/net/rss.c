#include "net/rss.h"

#include <glib.h>

/* Of IPv4: two addresses and two ports; Toeplitz reads 4 bytes of the key beyond. */
enum { ADDRESSES_BYTES = 8, MAX_HASHED_BYTES = 12 };

/* The queue whose block has place 'i': the first that ends beyond it. */
static void
fill_by_weights(const VsRssConfig *config, uint16_t *ret_table)
{
    uint64_t total = 0, sum = 0;
    unsigned queue = 0;

    for (unsigned i = 0; i < config->n_queues; i++) {
        total += config->weights[i];
    }
    g_assert(total > 0 && total <= config->table_size);
    sum = config->weights[0];
    for (unsigned i = 0; i < config->table_size; i++) {
        while (i >= config->table_size * sum / total) {
            sum += config->weights[++queue];
        }
        ret_table[i] = (uint16_t)queue;
    }
}

void
vs_rss_fill(const VsRssConfig *config, uint16_t *ret_table)
{
    if (config->weights) {
        fill_by_weights(config, ret_table);
        return;
    }
    for (unsigned i = 0; i < config->table_size; i++) {
        ret_table[i] = (uint16_t)(i % config->n_queues);
    }
}

VsRss *
vs_rss_new(const VsRssConfig *config)
{
    VsRss *rss = g_new0(VsRss, 1);

    g_assert(config->n_queues > 0 && config->n_queues <= VS_RSS_MAX_QUEUES);
    g_assert((config->table_size & (config->table_size - 1)) == 0);
    rss->toeplitz = vs_toeplitz_new(config->key, MAX_HASHED_BYTES + 4);
    rss->is_hashing_udp_ports = config->is_hashing_udp_ports;
    rss->table_size = config->table_size;
    rss->table = g_new(uint16_t, config->table_size);
    vs_rss_fill(config, rss->table);
    for (unsigned i = 0; i < config->n_queues; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);

        vs_shares_add(&rss->packets, name);
    }
    return rss;
}

void
vs_rss_free(VsRss *rss)
{
    if (!rss) {
        return;
    }
    vs_toeplitz_free(rss->toeplitz);
    vs_shares_clear(&rss->packets);
    g_free(rss->table);
    g_free(rss);
}

static bool
has_hashed_ports(const VsRss *rss, const VsLayer *layer)
{
    if (layer->ip_fragment & (VS_IP_MF | VS_IP_OFFSET_MASK)) {
        return false;
    }
    return layer->flow.protocol == VS_PROTOCOL_TCP ||
           (layer->flow.protocol == VS_PROTOCOL_UDP && rss->is_hashing_udp_ports);
}

static void
put_be32(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)(word >> 24);
    at[1] = (uint8_t)(word >> 16);
    at[2] = (uint8_t)(word >> 8);
    at[3] = (uint8_t)word;
}

uint32_t
vs_rss_hash(const VsRss *rss, const VsLayer *layer)
{
    uint8_t bytes[MAX_HASHED_BYTES];

    put_be32(bytes, layer->flow.saddr);
    put_be32(bytes + 4, layer->flow.daddr);
    if (!has_hashed_ports(rss, layer)) {
        return vs_toeplitz_hash(rss->toeplitz, bytes, ADDRESSES_BYTES);
    }
    put_be32(bytes + ADDRESSES_BYTES,
             (uint32_t)layer->flow.sport << 16 | layer->flow.dport);
    return vs_toeplitz_hash(rss->toeplitz, bytes, MAX_HASHED_BYTES);
}

unsigned
vs_rss_steer(VsRss *rss, const VsLayer *layer)
{
    unsigned queue = 0;

    if (layer->ether_type == VS_ETHER_TYPE_IPV4) {
        queue = rss->table[vs_rss_hash(rss, layer) & (rss->table_size - 1)];
    }
    rss->packets.shares[queue].count++;
    return queue;
}
