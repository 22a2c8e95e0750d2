/* The parameters of <rss>, and what they make of a host's receive queues. */
#pragma once

#include "model/model.h"
#include "net/rss.h"

typedef struct VsRssParams {
    uint32_t queues; /* 0: as many as weights, or as the host has cores. */
    uint32_t table_size;
    const char *weights; /* "6 2", or NULL: equal. */
    const char *key;     /* "6d:5a:...", or NULL: Microsoft's. */
    VsChoice udp;        /* VsRssUdp. */
} VsRssParams;

typedef enum VsRssUdp { VS_RSS_UDP_SD, VS_RSS_UDP_SDFN } VsRssUdp;

extern const VsParam vs_rss_params[];

/* Checks what the table cannot say.  False with 'error' set. */
bool vs_rss_params_check(const VsRssParams *params, const VsElement *element,
                         GError **error);

/* The receive queues of a host with so many cores, whose parameters were checked. */
VsRss *vs_rss_params_open(const VsRssParams *params, unsigned n_cores);
