/* HAProxy's dynamic weighted round robin (lb_fwrr.c).
 *
 * A round has as many positions as the servers have weight.  Each server is queued at the
 * position of its next turn, round's length / weight after its last.  Servers that have not
 * had a turn in this round wait apart, the heaviest first, and take positions that nobody
 * else has claimed; those whose next turn is beyond the round wait for the next.
 *
 * Positions are 32-bit words that wrap, as there. */
#include "balance/kinds.h"

#include "balance/haproxy.h"
#include "balance/queue.h"

typedef enum Place {
    NOWHERE,  /* Not available. */
    WAITING,  /* For the first turn of a round; two queues, which change roles. */
    WAITING2, /* The other of them. */
    CLAIMED,  /* In order of positions. */
    N_PLACES
} Place;

typedef struct Server {
    uint32_t weight; /* As queued; 0: nowhere. */
    uint32_t next;   /* Position of its next turn; 0: had none. */
    uint32_t last;   /* Position of its last turn. */
    uint32_t rest;   /* Of dividing the round by its weight, below it. */
    Place place;
} Server;

typedef struct Round {
    VsBalanceQueue queues[N_PLACES]; /* That of NOWHERE stays empty. */
    Place this_round;                /* Which queue waits for a turn in this round, */
    Place next_round;                /* and which in the next. */
    uint32_t position;
    uint32_t weight;      /* Of this round, in positions; it starts there, too. */
    uint32_t next_weight; /* Of the next, as servers are now. */
    bool has_begun;
} Round;

static Server *
server_of(const VsBalancer *balancer, uint32_t backend)
{
    return vs_balancer_backend_state(balancer, backend);
}

static void
leave(Round *round, Server *server, uint32_t backend)
{
    if (server->place != NOWHERE) {
        vs_balance_queue_remove(&round->queues[server->place], backend);
        server->place = NOWHERE;
    }
}

static void
wait_in(Round *round, Place place, Server *server, uint32_t backend)
{
    const uint32_t heaviest = VS_HAPROXY_WEIGHT_MAX * VS_HAPROXY_WEIGHT_SCALE;

    vs_balance_queue_push(&round->queues[place], backend, heaviest - server->weight);
    server->place = place;
}

/* Queues a server by its next position, in this round or for the next one. */
static void
enqueue(Round *round, Server *server, uint32_t backend)
{
    const uint32_t heaviest = VS_HAPROXY_WEIGHT_MAX * VS_HAPROXY_WEIGHT_SCALE;

    if (server->next >= 2 * round->weight ||
        server->next >= round->weight + round->next_weight) {
        server->next -= round->weight;
        wait_in(round, round->next_round, server, backend);
    } else {
        uint32_t key =
            server->next * VS_HAPROXY_WEIGHT_MAX +
            (heaviest + server->rest - server->weight) / VS_HAPROXY_WEIGHT_SCALE;

        vs_balance_queue_push(&round->queues[CLAIMED], backend, key);
        server->place = CLAIMED;
    }
}

/* Makes 'next' count from this round's start, whichever queue the server was in. */
static void
recount_position(const Round *round, Server *server)
{
    if (server->place == round->this_round) {
        server->next = server->rest = 0;
    } else if (server->place == round->next_round) {
        server->next += round->weight;
    }
}

static void
come_up(Round *round, Server *server, uint32_t backend, uint32_t weight)
{
    round->next_weight += weight;
    server->weight = weight;
    server->next = round->position +
                   (round->next_weight + round->weight - round->position) / weight;
    enqueue(round, server, backend);
}

static void
go_down(Round *round, Server *server, uint32_t backend)
{
    round->next_weight -= server->weight;
    server->weight = 0;
    leave(round, server, backend);
}

static void
change_weight(Round *round, Server *server, uint32_t backend, uint32_t weight)
{
    Place place = server->place;
    uint32_t step;
    uint32_t before;

    round->next_weight += weight - server->weight;
    server->weight = weight;
    if (place == round->this_round) {
        leave(round, server, backend);
        wait_in(round, place, server, backend);
        return;
    }
    recount_position(round, server);
    leave(round, server, backend);
    before = server->next;
    step = round->next_weight / weight;
    server->next = MIN(server->last + step, before);
    server->rest = 0;
    if (server->next < round->position + 2) {
        server->next = round->position + step;
    }
    enqueue(round, server, backend);
}

static void
roundrobin_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    Round *round = balancer->state;
    Server *server = server_of(balancer, backend);
    uint32_t weight = vs_haproxy_effective_weight(&balancer->backends[backend]);

    if (change == VS_BALANCER_ADDED) {
        for (Place place = WAITING; place < N_PLACES; place++) {
            vs_balance_queue_reserve(&round->queues[place], backend + 1);
        }
    }
    if (!round->has_begun || weight == server->weight) {
        return;
    }
    if (server->weight == 0) {
        come_up(round, server, backend, weight);
    } else if (weight == 0) {
        go_down(round, server, backend);
    } else {
        change_weight(round, server, backend, weight);
    }
}

/* What was said before the first pick is the configuration: all wait for their first turn. */
static void
roundrobin_rebuild(VsBalancer *balancer)
{
    Round *round = balancer->state;

    if (round->has_begun) {
        return;
    }
    round->has_begun = true;
    round->this_round = WAITING;
    round->next_round = WAITING2;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        Server *server = server_of(balancer, i);

        server->weight = vs_haproxy_effective_weight(&balancer->backends[i]);
        if (server->weight > 0) {
            round->next_weight += server->weight;
            wait_in(round, WAITING, server, i);
        }
    }
    round->weight = round->position = round->next_weight;
}

/* Whose turn it is: who has claimed the position or, when nobody has, who waits. */
static uint32_t
turn(VsBalancer *balancer, Round *round)
{
    uint32_t claimed = vs_balance_queue_first(&round->queues[CLAIMED]);
    uint32_t waiting = vs_balance_queue_first(&round->queues[round->this_round]);

    if (waiting != VS_BALANCER_NONE &&
        (claimed == VS_BALANCER_NONE ||
         server_of(balancer, claimed)->next > round->position)) {
        recount_position(round, server_of(balancer, waiting));
        return waiting;
    }
    return claimed;
}

static void
begin_round(Round *round)
{
    Place waited = round->this_round;

    round->this_round = round->next_round;
    round->next_round = waited;
    round->weight = round->position = round->next_weight;
}

static uint32_t
roundrobin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Round *round = balancer->state;
    Server *server;
    uint32_t backend;

    (void)key;
    if (round->weight == 0) {
        round->position = round->weight = round->next_weight;
    }
    backend = turn(balancer, round);
    if (backend == VS_BALANCER_NONE) {
        begin_round(round);
        backend = turn(balancer, round);
    }
    server = server_of(balancer, backend);
    server->last = server->next > 0 ? server->next : round->position;
    server->next = server->last + round->next_weight / server->weight;
    server->rest += round->next_weight % server->weight;
    if (server->rest >= server->weight) {
        server->rest -= server->weight;
        server->next++;
    }
    leave(round, server, backend);
    round->position++;
    enqueue(round, server, backend);
    return backend;
}

static void
roundrobin_clear(VsBalancer *balancer)
{
    Round *round = balancer->state;

    for (Place place = WAITING; place < N_PLACES; place++) {
        vs_balance_queue_clear(&round->queues[place]);
    }
}

const VsBalancerKind vs_balancer_kinds_haproxy_roundrobin[] = {
    {
        .name = "haproxy-roundrobin",
        .weight_max = VS_HAPROXY_WEIGHT_MAX,
        .doc =
            "Each server has a turn every total / weight turns, the heaviest first: a "
            "smooth order with exact shares.  Weights (0 to 256) and states may change "
            "at any time and take effect from the next turn on.",
        .source = "HAProxy 2.6, src/lb_fwrr.c, fwrr_get_next_server()",
        .formula =
            "next += (total + rest) div weight; rest = (total + rest) mod weight",
        .state_size = sizeof(Round),
        .backend_size = sizeof(Server),
        .clear = roundrobin_clear,
        .changed = roundrobin_changed,
        .rebuild = roundrobin_rebuild,
        .pick = roundrobin_pick,
    },
    {0},
};
