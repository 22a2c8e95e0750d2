/* Prints what a balancer picks: nginx_pick KIND BACKENDS [PARAM=VALUE...] < LINES
 *
 * BACKENDS is NAME*WEIGHT[!down|!dead],...; requests to the dead fail and are sent on.  A
 * line of input is one of
 *
 *   =KEY           a request: prints all that it was sent to, the last that answered
 *   hold           one that goes on, without a key
 *   free NAME      one of those at NAME ends
 *   @SECONDS       the time from here on
 *   +NAME*WEIGHT   another backend */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/balancer.h"

typedef struct Picker {
    VsBalancer balancer;
    GHashTable *dead; /* Names. */
    VsTime now;
} Picker;

static void
add(Picker *picker, const char *text)
{
    g_auto(GStrv) state = g_strsplit(text, "!", 2);
    g_auto(GStrv) parts = g_strsplit(state[0], "*", 2);
    uint32_t backend = vs_balancer_add(&picker->balancer, parts[0],
                                       (uint32_t)strtoul(parts[1], NULL, 10));

    if (g_strcmp0(state[1], "dead") == 0) {
        g_hash_table_add(picker->dead, g_strdup(parts[0]));
    } else if (state[1]) {
        vs_balancer_set_up(&picker->balancer, backend, false);
    }
}

/* Requests that fail are sent on until there is nobody left. */
static uint32_t
request(Picker *picker, const char *text)
{
    g_autoptr(GError) error = NULL;
    const char *separator = "";
    VsBalanceKeyBuffer buffer;
    VsBalanceKey key;
    uint32_t pick;

    if (!vs_balance_key_parse(picker->balancer.kind->key, text, &buffer, &key,
                              &error)) {
        g_error("%s", error->message);
    }
    key.now = picker->now;
    while ((pick = vs_balancer_pick(&picker->balancer, &key)) != VS_BALANCER_NONE) {
        const char *name = picker->balancer.backends[pick].name;
        const VsBalanceOutcome outcome = {.now = picker->now, .has_failed = true};

        printf("%s%s", separator, name);
        separator = ", ";
        if (!g_hash_table_contains(picker->dead, name)) {
            break;
        }
        vs_balancer_release(&picker->balancer, pick, &outcome);
    }
    printf("%s\n", pick == VS_BALANCER_NONE ? "-" : "");
    return pick;
}

static void
obey(Picker *picker, const char *line)
{
    const VsBalanceOutcome outcome = {.now = picker->now};

    if (line[0] == '@') {
        picker->now = atoi(line + 1) * VS_S;
    } else if (line[0] == '+') {
        add(picker, line + 1);
    } else if (strcmp(line, "hold") == 0) {
        request(picker, "");
    } else if (g_str_has_prefix(line, "free ")) {
        vs_balancer_release(&picker->balancer,
                            vs_balancer_find(&picker->balancer, line + 5), &outcome);
    } else if (line[0] == '=') {
        uint32_t pick = request(picker, line + 1);

        if (pick != VS_BALANCER_NONE) {
            vs_balancer_release(&picker->balancer, pick, &outcome);
        }
    } else {
        g_error("what is \"%s\"?", line);
    }
}

int
main(int argc, char **argv)
{
    const VsBalancerKind *kind = argc > 2 ? vs_balancer_kind_find(argv[1]) : NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) backends = NULL;
    Picker picker = {0};
    char line[4096];
    VsRng rng;

    if (!kind) {
        fprintf(stderr, "usage: nginx_pick KIND BACKENDS [PARAM=VALUE...]\n");
        return 2;
    }
    vs_rng_init(&rng, 1, "pick", "backend");
    if (!vs_balancer_init(&picker.balancer, kind, (const char *const *)argv + 3, &rng,
                          &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 2;
    }
    picker.dead = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    backends = g_strsplit(argv[2], ",", -1);
    for (char **backend = backends; *backend; backend++) {
        add(&picker, *backend);
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(&picker, line);
    }
    g_hash_table_destroy(picker.dead);
    vs_balancer_clear(&picker.balancer);
    return 0;
}
