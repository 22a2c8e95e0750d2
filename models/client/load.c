#include "models/client/client.h"

/* After a failure in no time at all (no port, no route) a user without a time to think waits
 * this long: else time would stand still. */
#define FAILURE_PAUSE (100 * VS_MS)

#define PS_IN_10_6_S ((unsigned __int128)1000000 * VS_S)

static void arrival_fire(VsTimer *timer);
static void user_fire(VsTimer *timer);

static bool
may_begin(const Client *client, VsTime at)
{
    return client->config->stop == 0 || at < client->config->stop;
}

/* When the n-th request begins; exact for constant arrivals, so that they never drift. */
static VsTime
next_arrival(Client *client, VsTime last)
{
    const VsArrivals *arrivals = &client->config->arrivals;

    client->n_arrivals++;
    if (arrivals->kind == VS_ARRIVALS_CONSTANT) {
        return client->config->start +
               (VsTime)(client->n_arrivals * PS_IN_10_6_S / arrivals->micro_per_s);
    }
    return last + (VsTime)(vs_draw_exponential(&client->arrival_rng) *
                               ((double)PS_IN_10_6_S / (double)arrivals->micro_per_s) +
                           0.5);
}

static void
start_users(Client *client)
{
    const VsArrivals *arrivals = &client->config->arrivals;

    client->users = g_new0(VsTimer, arrivals->n_users);
    for (uint32_t user = 0; user < arrivals->n_users; user++) {
        vs_timer_init(&client->users[user], &client->entity, user_fire);
        vs_timer_arm(&client->users[user],
                     client->config->start +
                         vs_dist_draw(&arrivals->think, &client->think_rng));
    }
}

void
client_load_start(Client *client)
{
    const char *name = client->host->name;
    VsRun *run = client->host->part.run;

    vs_rng_init(&client->arrival_rng, run->seed, name, "arrivals");
    vs_rng_init(&client->think_rng, run->seed, name, "think");
    if (client->config->arrivals.kind == VS_ARRIVALS_CLOSED) {
        start_users(client);
        return;
    }
    vs_timer_init(&client->arrival, &client->entity, arrival_fire);
    vs_timer_arm(&client->arrival, client->config->arrivals.kind == VS_ARRIVALS_CONSTANT
                                       ? client->config->start
                                       : next_arrival(client, client->config->start));
}

void
client_load_close(Client *client)
{
    g_free(client->users);
    client->users = NULL;
}

static void
arrival_fire(VsTimer *timer)
{
    Client *client = VS_CONTAINER_OF(timer, Client, arrival);
    VsTime now = timer->due;

    if (may_begin(client, now)) {
        vs_timer_arm(timer, next_arrival(client, now));
        client_begin(client, now, 0);
    }
}

static void
user_fire(VsTimer *timer)
{
    Client *client = VS_CONTAINER_OF(timer->entity, Client, entity);

    if (may_begin(client, timer->due)) {
        client_begin(client, timer->due, (uint32_t)(timer - client->users));
    }
}

void
client_load_next(const ClientRequest *request)
{
    Client *client = request->client;
    VsTime now = vs_now(client->host->part.run);
    VsTime think;

    if (client->users) {
        think = vs_dist_draw(&client->config->arrivals.think, &client->think_rng);
        if (think == 0 && now == request->journey.started) {
            think = FAILURE_PAUSE;
        }
        vs_timer_arm(&client->users[request->user], now + think);
    }
}
