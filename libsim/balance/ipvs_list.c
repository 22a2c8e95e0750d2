/* The destinations of IPVS (ip_vs_ctl.c, ip_vs_conn.c, ip_vs.h). */
#include "balance/ipvs.h"

bool
vs_ipvs_list_init(VsBalancer *balancer, GError **error)
{
    VsIpvsList *list = balancer->state;
    uint64_t upper = balancer->params[VS_IPVS_U_THRESHOLD];
    uint64_t lower = balancer->params[VS_IPVS_L_THRESHOLD];

    list->first = list->last = VS_BALANCER_NONE;
    if (lower > upper) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "l-threshold=%" G_GUINT64_FORMAT
                    " is above u-threshold=%" G_GUINT64_FORMAT
                    "; write no more than that",
                    lower, upper);
        return false;
    }
    return true;
}

static void
append(VsBalancer *balancer, uint32_t backend)
{
    VsIpvsList *list = balancer->state;
    VsIpvsDest *dest = vs_ipvs_dest(balancer, backend);

    dest->previous = list->last;
    dest->next = VS_BALANCER_NONE;
    if (list->last == VS_BALANCER_NONE) {
        list->first = backend;
    } else {
        vs_ipvs_dest(balancer, list->last)->next = backend;
    }
    list->last = backend;
}

static void
detach(VsBalancer *balancer, uint32_t backend)
{
    VsIpvsList *list = balancer->state;
    const VsIpvsDest *dest = vs_ipvs_dest(balancer, backend);

    if (dest->previous == VS_BALANCER_NONE) {
        list->first = dest->next;
    } else {
        vs_ipvs_dest(balancer, dest->previous)->next = dest->next;
    }
    if (dest->next == VS_BALANCER_NONE) {
        list->last = dest->previous;
    } else {
        vs_ipvs_dest(balancer, dest->next)->previous = dest->previous;
    }
}

void
vs_ipvs_list_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    const VsBackend *b = &balancer->backends[backend];

    if (change == VS_BALANCER_ADDED) {
        append(balancer, backend);
    } else if (change == VS_BALANCER_REMOVED) {
        detach(balancer, backend);
    }
    if (b->weight > 0) {
        vs_ipvs_dest(balancer, backend)->last_weight = b->weight;
    }
}

/* Between two picks of a destination its connections only become fewer, so that to look
 * when it is asked for is as good as at each end of one (ip_vs_unbind_dest). */
bool
vs_ipvs_is_overloaded(VsBalancer *balancer, uint32_t backend)
{
    VsIpvsDest *dest = vs_ipvs_dest(balancer, backend);
    const VsBackend *b = &balancer->backends[backend];
    uint64_t n_connections = (uint64_t)b->n_active + b->n_inactive;
    uint64_t upper = balancer->params[VS_IPVS_U_THRESHOLD];
    uint64_t lower = balancer->params[VS_IPVS_L_THRESHOLD];

    if (upper > 0 && n_connections >= upper) {
        dest->is_overloaded = true;
    } else if (lower > 0 ? n_connections < lower : n_connections * 4 < upper * 3) {
        dest->is_overloaded = false;
    }
    return dest->is_overloaded;
}

bool
vs_ipvs_is_usable(VsBalancer *balancer, uint32_t backend)
{
    return vs_backend_is_available(&balancer->backends[backend]) &&
           !vs_ipvs_is_overloaded(balancer, backend);
}

uint32_t
vs_ipvs_take(VsBalancer *balancer, uint32_t backend)
{
    if (backend != VS_BALANCER_NONE) {
        const VsBackend *b = &balancer->backends[backend];
        uint64_t upper = balancer->params[VS_IPVS_U_THRESHOLD];

        if (upper > 0 && (uint64_t)b->n_active + b->n_inactive + 1 >= upper) {
            vs_ipvs_dest(balancer, backend)->is_overloaded = true;
        }
    }
    return backend;
}

uint32_t
vs_ipvs_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}
