/* haproxy_pick KIND NAME[=WEIGHT],... [PARAM=VALUE...]: prints the backend of each key on stdin.
 *
 * What was picked is released at once, unless "!hold" came before.  Lines that begin with
 * "!" are for the balancer:
 *
 *   !hold             !release N            !down NAME        !up NAME
 *   !weight NAME N    !add NAME[=WEIGHT]    !remove NAME
 *
 * N counts what is held, oldest first, from 0 on and in circles. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/balancer.h"

static void
add(VsBalancer *balancer, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);

    vs_balancer_add(balancer, parts[0], parts[1] ? (uint32_t)atoi(parts[1]) : 1);
}

static void
release(VsBalancer *balancer, GArray *held, unsigned n)
{
    if (held->len > 0) {
        n %= held->len;
        vs_balancer_release(balancer, g_array_index(held, uint32_t, n), NULL);
        g_array_remove_index(held, n);
    }
}

/* 'held' is what was not released, NULL until something is to be held. */
static void
obey(VsBalancer *balancer, const char *line, GArray **held)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    uint32_t backend = words[1] ? vs_balancer_find(balancer, words[1]) : 0;

    if (strcmp(words[0], "hold") == 0) {
        *held = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    } else if (strcmp(words[0], "release") == 0) {
        release(balancer, *held, (unsigned)atoi(words[1]));
    } else if (strcmp(words[0], "add") == 0) {
        add(balancer, words[1]);
    } else if (backend == VS_BALANCER_NONE) {
        g_error("no backend %s", words[1]);
    } else if (strcmp(words[0], "weight") == 0) {
        vs_balancer_set_weight(balancer, backend, (uint32_t)atoi(words[2]));
    } else if (strcmp(words[0], "remove") == 0) {
        vs_balancer_remove(balancer, backend);
    } else {
        vs_balancer_set_up(balancer, backend, strcmp(words[0], "up") == 0);
    }
}

static void
pick(VsBalancer *balancer, const char *line, GArray *held)
{
    g_autoptr(GError) error = NULL;
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;
    uint32_t backend;

    if (!vs_balance_key_parse(balancer->kind->key, line, &buffer, &key, &error)) {
        g_error("%s", error->message);
    }
    backend = vs_balancer_pick(balancer, &key);
    puts(backend == VS_BALANCER_NONE ? "-" : balancer->backends[backend].name);
    if (backend == VS_BALANCER_NONE) {
        return;
    }
    if (held) {
        g_array_append_val(held, backend);
    } else {
        vs_balancer_release(balancer, backend, NULL);
    }
}

int
main(int argc, char **argv)
{
    const VsBalancerKind *kind = argc >= 3 ? vs_balancer_kind_find(argv[1]) : NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) names = NULL;
    g_autoptr(GArray) held = NULL;
    char line[4096];
    VsBalancer balancer;
    VsRng rng;

    if (!kind) {
        g_printerr("usage: haproxy_pick KIND NAME[=WEIGHT],... [PARAM=VALUE...] < KEYS\n");
        return 2;
    }
    vs_rng_init(&rng, 1, "pick", "backend");
    if (!vs_balancer_init(&balancer, kind, (const char *const *)&argv[3], &rng,
                          &error)) {
        g_printerr("%s\n", error->message);
        return 2;
    }
    names = g_strsplit(argv[2], ",", -1);
    for (char **name = names; *name; name++) {
        add(&balancer, *name);
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '!') {
            obey(&balancer, &line[1], &held);
        } else {
            pick(&balancer, line, held);
        }
    }
    vs_balancer_clear(&balancer);
    return 0;
}
