/* The path of the article's requests in SimGrid: eight bare messages each.
 *
 * usage: peer_simgrid [REQUESTS]
 *
 * Nine hosts in a row, joined by links; an actor on each but the first hands every message
 * on to the next.  Requests arrive at 1000/s, Poisson; a request is done when its eighth
 * message arrives.  No protocol at all: neither DNS, TCP, NAT, load balancing nor servers.
 * Prints requests per second of processor time. */
#include <simgrid/s4u.hpp>

#include "tests/bench/bench.h"

namespace sg = simgrid::s4u;

enum { N_MESSAGES = 8, MESSAGE_BYTES = 1000 };

static uint64_t n_requests = 20000;
static int request;

static sg::Mailbox *
mailbox(unsigned i)
{
    return sg::Mailbox::by_name("h" + std::to_string(i));
}

static void
client()
{
    sg::Mailbox *next = mailbox(1);
    uint64_t random = 1;

    for (uint64_t i = 0; i < n_requests; i++) {
        sg::this_actor::sleep_for(-log(bench_uniform(&random)) * 1e-3);
        next->put_init(&request, MESSAGE_BYTES)->detach();
    }
}

static void
forwarder(unsigned i)
{
    sg::Mailbox *own = mailbox(i);
    sg::Mailbox *next = i < N_MESSAGES ? mailbox(i + 1) : nullptr;

    own->set_receiver(sg::Actor::self());
    for (uint64_t n = 0; n < n_requests; n++) {
        own->get<int>();
        if (next) {
            next->put_init(&request, MESSAGE_BYTES)->detach();
        }
    }
}

int
main(int argc, char **argv)
{
    static char quiet[] = "--log=root.thresh:error";
    char *arguments[] = {argv[0], quiet, nullptr};
    int n_arguments = 2;
    sg::Engine engine(&n_arguments, arguments);
    sg::NetZone *zone = sg::create_full_zone("zone");
    std::vector<sg::Host *> hosts;
    double seconds;

    n_requests = bench_number(argc, argv, 1, "REQUESTS", 20000);
    for (unsigned i = 0; i <= N_MESSAGES; i++) {
        hosts.push_back(zone->create_host("h" + std::to_string(i), 1e9)->seal());
    }
    for (unsigned i = 0; i < N_MESSAGES; i++) {
        sg::Link *link =
            zone->create_link("l" + std::to_string(i), 10e9 / 8)->set_latency(1e-6)->seal();

        zone->add_route(hosts[i]->get_netpoint(), hosts[i + 1]->get_netpoint(), nullptr,
                        nullptr, {sg::LinkInRoute(link)}, true);
    }
    zone->seal();
    sg::Actor::create("client", hosts[0], client);
    for (unsigned i = 1; i <= N_MESSAGES; i++) {
        sg::Actor::create("forwarder", hosts[i], forwarder, i);
    }
    seconds = -bench_seconds();
    engine.run();
    seconds += bench_seconds();
    printf("%.0f\n", (double)n_requests / seconds);
    return 0;
}
