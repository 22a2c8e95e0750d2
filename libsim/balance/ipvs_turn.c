/* IPVS' round robin: ip_vs_rr.c, ip_vs_wrr.c. */
#include "balance/ipvs.h"

bool
vs_ipvs_rr_init(VsBalancer *balancer, GError **error)
{
    VsIpvsRr *rr = balancer->state;

    rr->chosen = VS_BALANCER_NONE;
    return vs_ipvs_list_init(balancer, error);
}

void
vs_ipvs_rr_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    VsIpvsRr *rr = balancer->state;

    if (change == VS_BALANCER_REMOVED && rr->chosen == backend) {
        rr->chosen = vs_ipvs_dest(balancer, backend)->previous;
    }
    vs_ipvs_list_changed(balancer, change, backend);
}

/* Once to the end of the list, and once more as far as the last one chosen. */
uint32_t
vs_ipvs_rr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    VsIpvsRr *rr = balancer->state;
    uint32_t at = rr->chosen;
    bool has_wrapped = false;

    (void)key;
    for (;;) {
        at = vs_ipvs_next(balancer, at);
        if (at == VS_BALANCER_NONE) {
            if (has_wrapped) {
                return VS_BALANCER_NONE;
            }
            has_wrapped = true;
        } else if (vs_ipvs_is_usable(balancer, at)) {
            rr->chosen = at;
            return vs_ipvs_take(balancer, at);
        } else if (has_wrapped && at == rr->chosen) {
            return VS_BALANCER_NONE;
        }
    }
}

bool
vs_ipvs_wrr_init(VsBalancer *balancer, GError **error)
{
    VsIpvsWrr *wrr = balancer->state;

    wrr->chosen = VS_BALANCER_NONE;
    wrr->step = 1;
    return vs_ipvs_list_init(balancer, error);
}

/* ip_vs_wrr_dest_changed(): the pass begins anew. */
void
vs_ipvs_wrr_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    VsIpvsWrr *wrr = balancer->state;
    uint32_t step = 0;
    uint32_t max = 0;

    vs_ipvs_list_changed(balancer, change, backend);
    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        uint32_t weight = vs_ipvs_weight(balancer, at);

        step = vs_ipvs_divisor(weight, step);
        max = MAX(max, weight);
    }
    wrr->chosen = VS_BALANCER_NONE;
    wrr->step = MAX(step, 1);
    wrr->max = max >= wrr->step ? max - (wrr->step - 1) : 0;
    if (wrr->weight > wrr->max || wrr->weight == 0) {
        wrr->weight = wrr->max;
    } else if (wrr->step > 1) {
        wrr->weight = wrr->weight / wrr->step * wrr->step + 1;
    }
}

/* In each pass those of at least the present weight; from pass to pass that sinks by the
 * weights' common divisor.  Twice from the greatest weight down without one: all are
 * overloaded. */
uint32_t
vs_ipvs_wrr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    VsIpvsWrr *wrr = balancer->state;
    uint32_t at = wrr->chosen;
    unsigned n_restarts = 0;

    (void)key;
    for (;;) {
        at = vs_ipvs_next(balancer, at);
        if (at != VS_BALANCER_NONE) {
            if (vs_ipvs_weight(balancer, at) >= wrr->weight &&
                vs_ipvs_is_usable(balancer, at)) {
                wrr->chosen = at;
                return vs_ipvs_take(balancer, at);
            }
        } else if (wrr->weight > wrr->step) {
            wrr->weight -= wrr->step;
        } else {
            wrr->weight = wrr->max;
            if (++n_restarts == 2) {
                wrr->chosen = VS_BALANCER_NONE;
                return VS_BALANCER_NONE;
            }
        }
    }
}

void
vs_ipvs_wrr_describe(const VsBalancer *balancer, GString *out)
{
    const VsIpvsWrr *wrr = balancer->state;

    g_string_append_printf(out, "pass of weight %u, step %u, maximum %u\n", wrr->weight,
                           wrr->step, wrr->max);
}
