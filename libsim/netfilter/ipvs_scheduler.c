/* Schedulers of IPVS: the balancers of balance/ipvs.h, told what the service's servers
 * have. */
#include <glib.h>

#include "base/units.h"
#include "netfilter/ipvs.h"
#include "netfilter/ipvs_internal.h"

static VsIpvsServer *
pick(VsIpvsService *service, const VsFlow *flow)
{
    VsBalancer *balancer = &service->balancer;
    const VsBalanceKey key = {.flow = *flow, .now = vs_now(service->ipvs->netns->run)};
    uint32_t backend = vs_balancer_pick(balancer, &key);

    if (backend == VS_BALANCER_NONE) {
        return NULL;
    }
    /* From here on the server counts its connections itself, by their states. */
    vs_balancer_release(balancer, backend, NULL);
    return service->by_backend->pdata[backend];
}

/* For those that look at the load of all servers anyway. */
static VsIpvsServer *
pick_by_load(VsIpvsService *service, const VsFlow *flow)
{
    for (unsigned i = 0; i < service->servers->len; i++) {
        const VsIpvsServer *server = service->servers->pdata[i];
        VsBackend *backend = &service->balancer.backends[server->backend];

        backend->n_active = server->n_active;
        backend->n_inactive = server->n_inactive;
    }
    return pick(service, flow);
}

const VsIpvsScheduler vs_ipvs_schedulers[] = {
    {"rr", "ipvs-rr", pick},
    {"wrr", "ipvs-wrr", pick},
    {"lc", "ipvs-lc", pick_by_load},
    {"wlc", "ipvs-wlc", pick_by_load},
    {"sh", "ipvs-sh", pick},
    {"dh", "ipvs-dh", pick},
    {"sed", "ipvs-sed", pick_by_load},
    {"nq", "ipvs-nq", pick_by_load},
    {"mh", "ipvs-mh", pick},
    {"lblc", "ipvs-lblc", pick_by_load},
    {"lblcr", "ipvs-lblcr", pick_by_load},
    {"fo", "ipvs-fo", pick},
    {"ovf", "ipvs-ovf", pick_by_load},
    {NULL, NULL, NULL},
};

const char *const vs_ipvs_scheduler_names[] = {
    "rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh", "lblc", "lblcr", NULL,
};

const VsIpvsScheduler *
vs_ipvs_scheduler_find(const char *name)
{
    for (const VsIpvsScheduler *s = vs_ipvs_schedulers; s->name; s++) {
        if (g_str_equal(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

/* ---- Flags ------------------------------------------------------------------------ */

/* As `ipvsadm -b` has them; each is a param of the scheduler's balancer. */
static const struct {
    const char *name;
    const char *scheduler;
    const char *setting;
} flags[] = {
    {"sh-fallback", "sh", "sh-fallback=yes"},
    {"sh-port", "sh", "sh-port=yes"},
    {"mh-fallback", "mh", "mh-fallback=yes"},
    {"mh-port", "mh", "mh-port=yes"},
};

bool
vs_ipvs_flags_parse(const VsIpvsScheduler *scheduler, const char *text, unsigned *ret)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);

    *ret = 0;
    for (unsigned i = 0; names[i]; i++) {
        unsigned at = 0;

        while (at < G_N_ELEMENTS(flags) &&
               !(g_str_equal(flags[at].name, names[i]) &&
                 g_str_equal(flags[at].scheduler, scheduler->name))) {
            at++;
        }
        if (at == G_N_ELEMENTS(flags)) {
            return false;
        }
        *ret |= 1u << at;
    }
    return true;
}

char *
vs_ipvs_flags_format(unsigned set)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (set & 1u << i) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "",
                                   flags[i].name);
        }
    }
    return g_string_free(text, FALSE);
}

/* ---- A service's balancer --------------------------------------------------------- */

void
vs_ipvs_balancer_open(VsIpvsService *service)
{
    const VsBalancerKind *kind = vs_balancer_kind_find(service->scheduler->kind);
    const char *settings[G_N_ELEMENTS(flags) + 1];
    unsigned n_settings = 0;
    const VsRng rng = {0}; /* Nothing is left to chance. */
    bool is_good;

    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (service->flags & 1u << i) {
            settings[n_settings++] = flags[i].setting;
        }
    }
    settings[n_settings] = NULL;
    is_good = vs_balancer_init(&service->balancer, kind, settings, &rng, NULL);
    g_assert(is_good);
    service->by_backend = g_ptr_array_new();
}

void
vs_ipvs_balancer_close(VsIpvsService *service)
{
    vs_balancer_clear(&service->balancer);
    g_ptr_array_free(service->by_backend, TRUE);
}

void
vs_ipvs_balancer_add(VsIpvsService *service, VsIpvsServer *server)
{
    g_autofree char *address = vs_format_ipv4(server->address);
    g_autofree char *name = g_strdup_printf("%s:%u", address, server->port);

    server->backend = vs_balancer_add(&service->balancer, name, server->weight);
    g_ptr_array_add(service->by_backend, server);
}
