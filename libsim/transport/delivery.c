#include "transport/delivery.h"

#include <glib.h>

VsDelivery *
vs_delivery_new(VsPool *pool, uint64_t snd_una, VsTime now)
{
    VsDelivery *delivery = vs_pool_alloc(pool);

    delivery->pool = pool;
    delivery->delivered = snd_una;
    delivery->delivered_at = now;
    delivery->first_sent = now;
    delivery->app_limited_until = snd_una; /* Nothing was under way. */
    delivery->first = 0;
    vs_delivery_forget(delivery);
    return delivery;
}

void
vs_delivery_free(VsDelivery *delivery)
{
    vs_pool_free(delivery->pool, delivery);
}

void
vs_delivery_sent(VsDelivery *delivery, uint64_t snd_una, uint64_t end, uint32_t cwnd,
                 VsTime now)
{
    VsDeliveryMark *mark;

    if (end < delivery->next_end || delivery->n_marks == VS_DELIVERY_MARKS) {
        return;
    }
    mark = &delivery->marks[(delivery->first + delivery->n_marks) % VS_DELIVERY_MARKS];
    *mark = (VsDeliveryMark){.end = end,
                             .sent = now,
                             .delivered = delivery->delivered,
                             .delivered_at = delivery->delivered_at,
                             .first_sent = delivery->first_sent,
                             .is_app_limited = snd_una <= delivery->app_limited_until};
    delivery->n_marks++;
    delivery->next_end = end + cwnd / VS_DELIVERY_A_WINDOW;
}

void
vs_delivery_forget(VsDelivery *delivery)
{
    delivery->n_marks = 0;
    delivery->next_end = 0;
}

void
vs_delivery_set_app_limited(VsDelivery *delivery, uint64_t snd_nxt)
{
    delivery->app_limited_until = snd_nxt;
}

VsRateSample
vs_delivery_acked(VsDelivery *delivery, uint64_t snd_una, VsTime now)
{
    const VsDeliveryMark *latest = NULL;
    VsRateSample sample = {0};

    while (delivery->n_marks > 0 && delivery->marks[delivery->first].end <= snd_una) {
        latest = &delivery->marks[delivery->first];
        delivery->first = (uint8_t)((delivery->first + 1) % VS_DELIVERY_MARKS);
        delivery->n_marks--;
    }
    if (latest) {
        sample.rtt = MAX(now - latest->sent, VS_PS);
        sample.prior_delivered = latest->delivered;
        sample.delivered = snd_una - latest->delivered;
        sample.interval =
            MAX(now - latest->delivered_at, latest->sent - latest->first_sent);
        sample.is_app_limited = latest->is_app_limited;
        delivery->delivered = snd_una;
        delivery->delivered_at = now;
        delivery->first_sent = latest->sent;
    }
    return sample;
}
