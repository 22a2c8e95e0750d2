#include "balance/balancer.h"

#include <string.h>

#include "balance/kinds.h"
#include "balance/params.h"

G_DEFINE_QUARK(vs - balance - error - quark, vs_balance_error)

static const VsBalancerKind *const families[] = {
    vs_balancer_kinds_cloud,
    vs_balancer_kinds_ecmp,
    vs_balancer_kinds_ecmp_resilient,
    vs_balancer_kinds_envoy,
    vs_balancer_kinds_envoy_hash,
    vs_balancer_kinds_generic,
    vs_balancer_kinds_haproxy_hash,
    vs_balancer_kinds_haproxy_load,
    vs_balancer_kinds_haproxy_map,
    vs_balancer_kinds_haproxy_roundrobin,
    vs_balancer_kinds_ingress_nginx,
    vs_balancer_kinds_ipvs,
    vs_balancer_kinds_kong,
    vs_balancer_kinds_kong_load,
    vs_balancer_kinds_kube_proxy,
    vs_balancer_kinds_maglev,
    vs_balancer_kinds_maglev_programs,
    vs_balancer_kinds_nginx,
    vs_balancer_kinds_rendezvous,
    vs_balancer_kinds_traefik,
};

const VsBalancerKind *
vs_balancer_kind_next(unsigned *cursor)
{
    unsigned n = *cursor;

    for (unsigned i = 0; i < G_N_ELEMENTS(families); i++) {
        for (const VsBalancerKind *kind = families[i]; kind->name; kind++) {
            if (n-- == 0) {
                ++*cursor;
                return kind;
            }
        }
    }
    return NULL;
}

const VsBalancerKind *
vs_balancer_kind_find(const char *name)
{
    const VsBalancerKind *kind;
    unsigned cursor = 0;

    while ((kind = vs_balancer_kind_next(&cursor))) {
        if (strcmp(kind->name, name) == 0) {
            return kind;
        }
    }
    return NULL;
}

bool
vs_balancer_init(VsBalancer *balancer, const VsBalancerKind *kind,
                 const char *const *settings, const VsRng *rng, GError **error)
{
    memset(balancer, 0, sizeof(*balancer));
    balancer->kind = kind;
    balancer->rng = *rng;
    balancer->state = g_malloc0(kind->state_size);
    if (vs_balancer_params_read(kind, settings, balancer->params, error) &&
        (!kind->init || kind->init(balancer, error))) {
        return true;
    }
    g_free(balancer->state);
    return false;
}

void
vs_balancer_clear(VsBalancer *balancer)
{
    if (balancer->kind && balancer->kind->clear) {
        balancer->kind->clear(balancer);
    }
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        g_free(balancer->backends[i].name);
    }
    g_free(balancer->backends);
    g_free(balancer->backend_states);
    g_free(balancer->state);
    memset(balancer, 0, sizeof(*balancer));
}

static void
note_change(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    balancer->n_available = 0;
    balancer->total_weight = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            balancer->n_available++;
            balancer->total_weight += balancer->backends[i].weight;
        }
    }
    if (balancer->kind->changed) {
        balancer->kind->changed(balancer, change, backend);
    }
    balancer->is_stale = true;
}

uint32_t
vs_balancer_add(VsBalancer *balancer, const char *name, uint32_t weight)
{
    size_t bytes = balancer->kind->backend_size;
    uint32_t index = balancer->n_backends++;
    VsBackend *backend;

    balancer->backends = g_renew(VsBackend, balancer->backends, index + 1);
    backend = &balancer->backends[index];
    *backend = (VsBackend){.name = g_strdup(name), .weight = weight, .is_up = true};
    backend->address_bytes = (uint8_t)vs_balance_address_parse(
        name, VS_BALANCE_PORT_OPTIONAL, backend->address, &backend->port);
    if (bytes > 0) {
        balancer->backend_states =
            g_realloc(balancer->backend_states, (index + 1) * bytes);
        memset(vs_balancer_backend_state(balancer, index), 0, bytes);
    }
    note_change(balancer, VS_BALANCER_ADDED, index);
    return index;
}

void
vs_balancer_remove(VsBalancer *balancer, uint32_t backend)
{
    g_assert(!balancer->backends[backend].is_removed);
    balancer->backends[backend].is_removed = true;
    note_change(balancer, VS_BALANCER_REMOVED, backend);
}

void
vs_balancer_set_weight(VsBalancer *balancer, uint32_t backend, uint32_t weight)
{
    balancer->backends[backend].weight = weight;
    note_change(balancer, VS_BALANCER_WEIGHED, backend);
}

void
vs_balancer_set_up(VsBalancer *balancer, uint32_t backend, bool is_up)
{
    balancer->backends[backend].is_up = is_up;
    note_change(balancer, is_up ? VS_BALANCER_UP : VS_BALANCER_DOWN, backend);
}

uint32_t
vs_balancer_find(const VsBalancer *balancer, const char *name)
{
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!balancer->backends[i].is_removed &&
            strcmp(balancer->backends[i].name, name) == 0) {
            return i;
        }
    }
    return VS_BALANCER_NONE;
}

/* Makes good for changes; false if nobody is available. */
static inline bool
is_ready(VsBalancer *balancer)
{
    if (balancer->is_stale) {
        if (balancer->kind->rebuild) {
            balancer->kind->rebuild(balancer);
        }
        balancer->is_stale = false;
    }
    return balancer->n_available > 0;
}

static inline void
count_pick(VsBalancer *balancer, uint32_t backend)
{
    if (backend != VS_BALANCER_NONE) {
        balancer->backends[backend].n_active++;
        balancer->backends[backend].n_picked++;
    }
}

uint32_t
vs_balancer_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    uint32_t backend;

    if (!is_ready(balancer)) {
        return VS_BALANCER_NONE;
    }
    backend = balancer->kind->pick(balancer, key);
    count_pick(balancer, backend);
    return backend;
}

void
vs_balancer_pick_bulk(VsBalancer *balancer, const VsBalanceKey *keys, size_t n,
                      uint32_t *ret_backends)
{
    if (balancer->kind->pick_bulk && is_ready(balancer)) {
        balancer->kind->pick_bulk(balancer, keys, n, ret_backends);
        for (size_t i = 0; i < n; i++) {
            count_pick(balancer, ret_backends[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ret_backends[i] = vs_balancer_pick(balancer, &keys[i]);
    }
}

void
vs_balancer_release(VsBalancer *balancer, uint32_t backend,
                    const VsBalanceOutcome *outcome)
{
    g_assert(balancer->backends[backend].n_active > 0);
    balancer->backends[backend].n_active--;
    if (balancer->kind->released) {
        balancer->kind->released(balancer, backend, outcome);
    }
}

char *
vs_balancer_describe(const VsBalancer *balancer)
{
    GString *out = g_string_new(NULL);

    vs_balancer_params_print(balancer, out);
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        if (!backend->is_removed) {
            g_string_append_printf(
                out, "%s weight %u%s, %u active of %" G_GUINT64_FORMAT " picked\n",
                backend->name, backend->weight, backend->is_up ? "" : " down",
                backend->n_active, backend->n_picked);
        }
    }
    if (balancer->kind->describe) {
        balancer->kind->describe(balancer, out);
    }
    return g_string_free(out, FALSE);
}

bool
vs_is_prime(uint32_t number)
{
    for (uint32_t divisor = 2; (uint64_t)divisor * divisor <= number; divisor++) {
        if (number % divisor == 0) {
            return false;
        }
    }
    return number >= 2;
}

uint32_t
vs_next_prime(uint32_t number)
{
    while (!vs_is_prime(number)) {
        number++;
    }
    return number;
}
