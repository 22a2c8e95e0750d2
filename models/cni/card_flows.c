#include "models/cni/card_flows.h"

#define LIFETIME_ANY (60 * VS_S)
#define LIFETIME_SYN (60 * VS_S)
#define LIFETIME_TCP (8000 * VS_S)
#define LIFETIME_CLOSED (10 * VS_S)

enum { SLAB_FLOWS = 64 };

void
card_flows_init(CardFlows *flows, VsHost *host)
{
    flows->run = host->root->run;
    flows->entity = &host->entity;
    vs_table_init(&flows->table);
    vs_pool_init(&flows->pool, sizeof(CardFlow), SLAB_FLOWS);
}

void
card_flows_clear(CardFlows *flows)
{
    vs_table_clear(&flows->table);
    vs_pool_clear(&flows->pool);
}

CardFlow *
card_flows_find(const CardFlows *flows, const VsFlow *key, bool *ret_is_answer)
{
    CardFlow *flow = vs_table_find(&flows->table, vs_flow_key(key));

    *ret_is_answer = flow && !vs_flow_equals(&flow->original, key);
    return flow;
}

bool
card_flows_is_taken(const CardFlows *flows, const VsFlow *answer)
{
    return vs_table_find(&flows->table, vs_flow_key(answer)) != NULL;
}

static void
expire(VsTimer *timer)
{
    CardFlow *flow = VS_CONTAINER_OF(timer, CardFlow, timer);

    if (flow->expires > vs_now(flow->flows->run)) {
        vs_timer_arm(timer, flow->expires);
    } else {
        card_flows_remove(flow);
    }
}

CardFlow *
card_flows_add(CardFlows *flows, const VsFlow *original, const VsFlow *answer,
               const VsEndpoint *endpoint)
{
    CardFlow *flow;

    if (card_flows_is_taken(flows, original) ||
        (answer && card_flows_is_taken(flows, answer))) {
        return NULL;
    }
    flow = vs_pool_alloc(&flows->pool);
    *flow = (CardFlow){.flows = flows,
                       .original = *original,
                       .endpoint = endpoint,
                       .backend_closed = !answer};
    vs_timer_init(&flow->timer, flows->entity, expire);
    vs_table_insert(&flows->table, vs_flow_key(original), flow);
    if (answer) {
        flow->answer = *answer;
        vs_table_insert(&flows->table, vs_flow_key(answer), flow);
    }
    return flow;
}

void
card_flows_remove(CardFlow *flow)
{
    CardFlows *flows = flow->flows;

    vs_timer_cancel(&flow->timer);
    vs_table_remove(&flows->table, vs_flow_key(&flow->original));
    if (flow->answer.protocol != 0) {
        vs_table_remove(&flows->table, vs_flow_key(&flow->answer));
    }
    vs_pool_free(&flows->pool, flow);
}

bool
card_flow_is_closed(const CardFlow *flow)
{
    return flow->client_closed && flow->backend_closed;
}

static void
note_flags(CardFlow *flow, uint8_t flags, bool is_answer)
{
    bool is_reset = (flags & VS_TCP_RST) != 0;
    bool is_end = is_reset || (flags & VS_TCP_FIN) != 0;

    flow->is_open |= (flags & VS_TCP_SYN) == 0;
    flow->client_closed |= is_reset || (is_end && !is_answer);
    flow->backend_closed |= is_reset || (is_end && is_answer);
}

void
card_flow_touch(CardFlow *flow, const VsLayer *top, bool is_answer)
{
    VsTime lifetime = LIFETIME_ANY;

    if (top->flow.protocol == VS_PROTOCOL_TCP) {
        note_flags(flow, top->tcp.flags, is_answer);
        lifetime = card_flow_is_closed(flow) ? LIFETIME_CLOSED
                   : flow->is_open           ? LIFETIME_TCP
                                             : LIFETIME_SYN;
    }
    flow->expires = vs_now(flow->flows->run) + lifetime;
    if (!vs_timer_is_armed(&flow->timer) || flow->expires < flow->timer.due) {
        vs_timer_arm(&flow->timer, flow->expires);
    }
}
