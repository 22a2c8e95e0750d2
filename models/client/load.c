#include <math.h>

#include "models/client/client.h"

/* After a failure in no time at all (no port, no route) a user without a time to think waits
 * this long: else time would stand still. */
#define FAILURE_PAUSE (100 * VS_MS)

#define PS_IN_10_6_S ((unsigned __int128)1000000 * VS_S)

static void arrival_fire(VsTimer *timer);
static void trace_fire(VsTimer *timer);
static void user_fire(VsTimer *timer);

bool
client_may_begin(const Client *client, VsTime at)
{
    return client->config->stop == 0 || at < client->config->stop;
}

/* Rounded to the nearest ps; none in 10^6 years is as good as never. */
static VsTime
after(VsTime last, double ps)
{
    return ps < (double)VS_DIST_DRAW_MAX ? last + (VsTime)(ps + 0.5)
                                         : VS_TIME_NEVER / 2;
}

/* The mean time between arrivals, in ps. */
static double
mean_gap(uint64_t micro_per_s)
{
    return (double)PS_IN_10_6_S / (double)micro_per_s;
}

/* In time that is measured in expected arrivals, a Poisson process has the rate 1 (Law,
 * 8.6.2).  From the start to t, in s, they are m = a t + (b - a) t^2 / (2 over), and then b a
 * second: t = 2 m / (a + sqrt(a^2 + 2 m (b - a) / over)). */
static VsTime
next_of_ramp(Client *client)
{
    const VsArrivals *arrivals = &client->config->arrivals;
    double from = (double)arrivals->micro_per_s / 1e6;
    double to = (double)arrivals->to_micro_per_s / 1e6;
    double over = (double)arrivals->over / (double)VS_S;
    double mass_of_ramp = (from + to) / 2 * over;
    double mass = client->ramp_mass += vs_draw_exponential(&client->arrival_rng);
    double s =
        mass >= mass_of_ramp
            ? over + (mass - mass_of_ramp) / to
            : 2 * mass / (from + sqrt(from * from + 2 * mass * (to - from) / over));

    return after(client->config->start, s * (double)VS_S);
}

static void
enter_state(Client *client, unsigned state, VsTime now)
{
    double mean = (double)client->config->arrivals.states[state].mean_dwell;

    client->state = state;
    client->state_end = after(now, mean * vs_draw_exponential(&client->state_rng));
}

/* An arrival beyond the state's end does not happen: exponential times have no memory. */
static VsTime
next_of_mmpp(Client *client, VsTime last)
{
    const VsArrivals *arrivals = &client->config->arrivals;

    for (;;) {
        uint64_t rate = arrivals->states[client->state].micro_per_s;
        VsTime next = rate == 0
                          ? VS_TIME_NEVER
                          : after(last, vs_draw_exponential(&client->arrival_rng) *
                                            mean_gap(rate));

        if (next < client->state_end) {
            return next;
        }
        last = client->state_end;
        enter_state(client, (client->state + 1) % arrivals->n_states, last);
    }
}

/* When the n-th request begins; exact for constant arrivals, so that they never drift. */
static VsTime
next_arrival(Client *client, VsTime last)
{
    const VsArrivals *arrivals = &client->config->arrivals;

    client->n_arrivals++;
    switch (arrivals->kind) {
    case VS_ARRIVALS_CONSTANT:
        return client->config->start +
               (VsTime)(client->n_arrivals * PS_IN_10_6_S / arrivals->micro_per_s);
    case VS_ARRIVALS_RAMP:
        return next_of_ramp(client);
    case VS_ARRIVALS_MMPP:
        return next_of_mmpp(client, last);
    default:
        return last + (VsTime)(vs_draw_exponential(&client->arrival_rng) *
                                   mean_gap(arrivals->micro_per_s) +
                               0.5);
    }
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

bool
client_load_open(Client *client, const VsElement *element, const char *path,
                 GError **error)
{
    VsRun *run = client->host->part.run;
    VsRng rng;

    if (!client->config->trace.file) {
        return true;
    }
    vs_rng_init(&rng, run->seed, client->name, "trace-spread");
    return client_trace_open(&client->trace, &client->config->trace, element, path,
                             &run->packets->names, &rng, error);
}

static void
arm_next_of_trace(Client *client)
{
    VsTime at;

    if (client_trace_get(&client->trace, client->n_arrivals, &at)) {
        vs_timer_arm(&client->arrival, client->config->start + at);
    }
}

void
client_load_start(Client *client)
{
    const char *name = client->name;
    VsRun *run = client->host->part.run;

    vs_rng_init(&client->arrival_rng, run->seed, name, "arrivals");
    vs_rng_init(&client->think_rng, run->seed, name, "think");
    if (client->trace.requests) {
        vs_timer_init(&client->arrival, &client->entity, trace_fire);
        arm_next_of_trace(client);
        return;
    }
    if (client->config->arrivals.kind == VS_ARRIVALS_CLOSED) {
        start_users(client);
        return;
    }
    if (client->config->arrivals.kind == VS_ARRIVALS_MMPP) {
        vs_rng_init(&client->state_rng, run->seed, name, "states");
        enter_state(client, 0, client->config->start);
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
    client_trace_clear(&client->trace);
}

static void
arrival_fire(VsTimer *timer)
{
    Client *client = VS_CONTAINER_OF(timer, Client, arrival);
    VsTime now = timer->due;

    if (client_may_begin(client, now)) {
        vs_timer_arm(timer, next_arrival(client, now));
        client_begin(client, now, 0);
    }
}

static void
trace_fire(VsTimer *timer)
{
    Client *client = VS_CONTAINER_OF(timer, Client, arrival);
    VsTime now = timer->due;
    uint32_t which = (uint32_t)(client->n_arrivals % client->trace.requests->len);

    if (client_may_begin(client, now)) {
        client->n_arrivals++;
        arm_next_of_trace(client);
        client_begin(client, now, which);
    }
}

static void
user_fire(VsTimer *timer)
{
    Client *client = VS_CONTAINER_OF(timer->entity, Client, entity);

    if (client_may_begin(client, timer->due)) {
        client_begin(client, timer->due, (uint32_t)(timer - client->users));
    }
}

void
client_load_next(Client *client, uint32_t user, VsTime began)
{
    VsTime now = vs_now(client->host->part.run);
    VsTime think;

    if (client->users) {
        think = vs_dist_draw(&client->config->arrivals.think, &client->think_rng);
        if (think == 0 && now == began) {
            think = FAILURE_PAUSE;
        }
        vs_timer_arm(&client->users[user], now + think);
    }
}
