#include "balance/disruption.h"

#include <math.h>
#include <string.h>

static VsDisruptionServer *
server_at(const VsDisruption *disruption, uint32_t row)
{
    return &g_array_index(disruption->servers, VsDisruptionServer, row);
}

static uint32_t
row_named(VsDisruption *disruption, const char *name)
{
    const VsDisruptionServer server = {.name = name};
    uint32_t row = 0;

    while (row < disruption->servers->len &&
           strcmp(server_at(disruption, row)->name, name) != 0) {
        row++;
    }
    if (row == disruption->servers->len) {
        g_array_append_val(disruption->servers, server);
    }
    return row;
}

/* Gives each backend that is new since the last call its server. */
static void
note_backends(VsDisruption *disruption)
{
    const VsBalancer *balancer = disruption->balancer;

    for (uint32_t i = disruption->rows->len; i < balancer->n_backends; i++) {
        uint32_t row = row_named(disruption, balancer->backends[i].name);

        g_array_append_val(disruption->rows, row);
    }
}

static uint32_t
row_of(const VsDisruption *disruption, uint32_t backend)
{
    return backend == VS_BALANCER_NONE
               ? VS_BALANCER_NONE
               : g_array_index(disruption->rows, uint32_t, backend);
}

VsDisruption *
vs_disruption_new(const VsBalancer *balancer)
{
    VsDisruption *disruption = g_new0(VsDisruption, 1);

    disruption->balancer = balancer;
    disruption->is_by_key = balancer->kind->key != VS_BALANCE_BY_NOTHING;
    disruption->servers = g_array_new(FALSE, FALSE, sizeof(VsDisruptionServer));
    disruption->rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    disruption->picks = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    note_backends(disruption);
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        VsDisruptionServer *server = server_at(disruption, row_of(disruption, i));

        if (vs_backend_is_available(&balancer->backends[i])) {
            server->weight_before = balancer->backends[i].weight;
            server->start_before = disruption->total_before;
            disruption->total_before += server->weight_before;
        }
    }
    return disruption;
}

void
vs_disruption_free(VsDisruption *disruption)
{
    if (disruption) {
        g_array_free(disruption->servers, TRUE);
        g_array_free(disruption->rows, TRUE);
        g_array_free(disruption->picks, TRUE);
        g_free(disruption);
    }
}

void
vs_disruption_add_before(VsDisruption *disruption, uint32_t backend)
{
    uint32_t row = row_of(disruption, backend);

    if (row == VS_BALANCER_NONE) {
        disruption->n_unserved_before++;
    } else {
        server_at(disruption, row)->n_before++;
    }
    g_array_append_val(disruption->picks, row);
    disruption->n_keys++;
}

void
vs_disruption_change(VsDisruption *disruption)
{
    const VsBalancer *balancer = disruption->balancer;

    note_backends(disruption);
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        VsDisruptionServer *server = server_at(disruption, row_of(disruption, i));

        if (vs_backend_is_available(&balancer->backends[i])) {
            server->weight_after = balancer->backends[i].weight;
            server->start_after = disruption->total_after;
            disruption->total_after += server->weight_after;
        }
    }
}

void
vs_disruption_add_after(VsDisruption *disruption, uint32_t backend)
{
    uint32_t before = g_array_index(disruption->picks, uint32_t, disruption->n_again++);
    uint32_t after = row_of(disruption, backend);

    if (after == VS_BALANCER_NONE) {
        disruption->n_unserved_after++;
    } else {
        server_at(disruption, after)->n_after++;
    }
    if (disruption->is_by_key && before != VS_BALANCER_NONE && before != after) {
        disruption->n_remapped++;
        disruption->n_forced += server_at(disruption, before)->weight_after == 0;
    }
}

/* Of two arcs of a circle of 'around' points, how many points they share; each starts on
 * the circle and is shorter than it. */
static uint64_t
arc_overlap(uint64_t start_a, uint64_t length_a, uint64_t start_b, uint64_t length_b,
            uint64_t around)
{
    uint64_t shared = 0;

    /* On a line, 'a' once and 'b' a circle earlier, here and a circle later; all of it
     * shifted by a circle to stay positive. */
    for (uint64_t shift = 0; shift <= 2 * around; shift += around) {
        uint64_t low = MAX(start_a + around, start_b + shift);
        uint64_t high = MIN(start_a + around + length_a, start_b + shift + length_b);

        shared += high > low ? high - low : 0;
    }
    return shared;
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* The share of hashes that stay on 'server' when its range of the weights and their total
 * change.  With g the totals' common divisor, the pairs (hash mod before, hash mod after) are
 * those that agree mod g, all equally often (Chinese remainder theorem): counted by residue,
 * a range being whole circles of g and an arc. */
static double
modulo_stays(const VsDisruption *disruption, const VsDisruptionServer *server)
{
    uint64_t before = disruption->total_before, after = disruption->total_after;
    uint64_t g = common_divisor(before, after);
    uint64_t circles_a = server->weight_before / g, arc_a = server->weight_before % g;
    uint64_t circles_b = server->weight_after / g, arc_b = server->weight_after % g;
    double pairs = (double)(g * circles_a) * (double)circles_b +
                   (double)(circles_a * arc_b) + (double)(circles_b * arc_a) +
                   (double)arc_overlap(server->start_before % g, arc_a,
                                       server->start_after % g, arc_b, g);

    return pairs * (double)g / ((double)before * (double)after);
}

/* Zero where rounding left 1e-17 or less than nothing. */
static double
without_noise(double share)
{
    return share < 1e-12 ? 0 : share;
}

static void
find_theory(VsDisruption *disruption)
{
    double least = 0, modulo = 1, anew = 1;

    if (disruption->total_before == 0 || disruption->total_after == 0) {
        disruption->least = disruption->modulo = disruption->anew = NAN;
        return;
    }
    for (uint32_t i = 0; i < disruption->servers->len; i++) {
        const VsDisruptionServer *server = server_at(disruption, i);
        double before = server->weight_before / (double)disruption->total_before;
        double after = server->weight_after / (double)disruption->total_after;

        least += MAX(before - after, 0);
        modulo -= modulo_stays(disruption, server);
        anew -= before * after;
    }
    disruption->least = without_noise(least);
    disruption->modulo = without_noise(modulo);
    disruption->anew = without_noise(anew);
}

/* The greatest load for a weight over the mean; 'n_keys' are those served. */
static double
skew(uint64_t n_most, uint32_t weight, uint64_t n_keys, uint64_t total)
{
    return (double)n_most / weight * ((double)total / (double)n_keys);
}

static void
find_skews(VsDisruption *disruption)
{
    uint64_t n_before = disruption->n_keys - disruption->n_unserved_before;
    uint64_t n_after = disruption->n_again - disruption->n_unserved_after;

    disruption->skew_before = disruption->skew_after = NAN;
    for (uint32_t i = 0; i < disruption->servers->len; i++) {
        const VsDisruptionServer *server = server_at(disruption, i);

        if (server->weight_before > 0 && n_before > 0) {
            disruption->skew_before = fmax(disruption->skew_before,
                                           skew(server->n_before, server->weight_before,
                                                n_before, disruption->total_before));
        }
        if (server->weight_after > 0 && n_after > 0) {
            disruption->skew_after =
                fmax(disruption->skew_after, skew(server->n_after, server->weight_after,
                                                  n_after, disruption->total_after));
        }
    }
}

void
vs_disruption_finish(VsDisruption *disruption)
{
    find_skews(disruption);
    find_theory(disruption);
}
