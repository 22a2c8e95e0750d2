/* What the suites of balancers share. */
#pragma once

#include <glib.h>

#include "balance/balancer.h"
#include "vs_test.h"

/* A balancer without backends; 'settings' is a list "NAME=VALUE NAME=VALUE", or "". */
static inline VsBalancer
balancer_new_with(const char *kind, const char *settings)
{
    g_auto(GStrv) list = g_strsplit(settings, " ", *settings ? -1 : 0);
    g_autoptr(GError) error = NULL;
    VsBalancer balancer;
    VsRng rng;

    vs_rng_init(&rng, 7, "test", "backend");
    if (!vs_balancer_init(&balancer, vs_balancer_kind_find(kind),
                          (const char *const *)list, &rng, &error)) {
        g_error("%s", error->message);
    }
    return balancer;
}

/* The pick for the number 'n' as client address. */
static inline uint32_t
balancer_pick_number(VsBalancer *balancer, uint32_t n)
{
    const VsBalanceKey key = {.flow = {.saddr = n,
                                       .daddr = 0xc0000201,
                                       .sport = 1024,
                                       .dport = 80,
                                       .protocol = VS_PROTOCOL_TCP,
                                       .family = VS_FAMILY_IPV4}};

    return vs_balancer_pick(balancer, &key);
}

/* The pick for a key as people write it. */
static inline uint32_t
balancer_pick_text(VsBalancer *balancer, const char *text)
{
    g_autoptr(GError) error = NULL;
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;

    if (!vs_balance_key_parse(balancer->kind->key, text, &buffer, &key, &error)) {
        g_error("%s", error->message);
    }
    return vs_balancer_pick(balancer, &key);
}
