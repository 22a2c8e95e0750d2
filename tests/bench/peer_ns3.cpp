/* The same loads in ns-3.
 *
 * usage: peer_ns3 set|events exponential|bimodal|equal N [MILLION_HOLDS]
 *        peer_ns3 chain CHAINS [MILLION_HOPS]
 *
 * "set" drives ns-3's default scheduler (a std::map) alone, "events" real events of the
 * simulator that schedule themselves again; increments are those of bench_hold.  "chain" is
 * bench_chain with the Internet stack: nodes joined by point-to-point links, global static
 * routes, UDP.  Prints millions per second of processor time, after a warm-up. */
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>
#include <ns3/core-module.h>

#include "tests/bench/bench.h"

using namespace ns3;

static int64_t increments[BENCH_N_INCREMENTS];
static uint64_t n_holds;

static int64_t
next_increment()
{
    return increments[n_holds++ % BENCH_N_INCREMENTS];
}

/* As large as the owners of bench_hold, its event apart. */
struct Owner {
    uint64_t n_fired;
    char rest[120];
};

// ---- The scheduler alone ----

struct Nothing : EventImpl {
    Owner owner;
    void Notify() override
    {
        owner.n_fired++;
    }
};

static void
hold_in_set(Scheduler &scheduler, uint64_t n, uint32_t &uid)
{
    for (uint64_t i = 0; i < n; i++) {
        Scheduler::Event event = scheduler.RemoveNext();

        event.impl->Invoke();
        event.key.m_ts += next_increment();
        event.key.m_uid = uid++;
        scheduler.Insert(event);
    }
}

static double
bench_set(BenchLaw law, size_t n_events, uint64_t n, uint64_t *random)
{
    Ptr<MapScheduler> scheduler = CreateObject<MapScheduler>();
    std::vector<Ptr<Nothing>> events(n_events);
    uint32_t uid = 4; /* As in ns-3, small ones mean something else. */

    for (auto &event : events) {
        event = Create<Nothing>();
        scheduler->Insert({PeekPointer(event),
                           {(uint64_t)bench_first(law, random), uid++, 0}});
    }
    hold_in_set(*scheduler, BENCH_WARM_UP_HOLDS(n_events), uid);

    double seconds = -bench_seconds();
    hold_in_set(*scheduler, n, uid);
    return n / (seconds + bench_seconds());
}

// ---- Events ----

static uint64_t n_holds_left;

static void
fire(Owner *owner)
{
    owner->n_fired++;
    Simulator::Schedule(TimeStep(next_increment()), &fire, owner);
    if (--n_holds_left == 0) {
        Simulator::Stop();
    }
}

static double
bench_events(BenchLaw law, size_t n_events, uint64_t n, uint64_t *random)
{
    std::vector<Owner> owners(n_events);
    double seconds;

    for (auto &owner : owners) {
        Simulator::Schedule(TimeStep(bench_first(law, random)), &fire, &owner);
    }
    n_holds_left = BENCH_WARM_UP_HOLDS(n_events);
    Simulator::Run();
    n_holds_left = n;
    seconds = -bench_seconds();
    Simulator::Run();
    seconds += bench_seconds();
    Simulator::Destroy();
    return n / seconds;
}

// ---- Chains ----

enum { N_LINKS = 8, UDP_PAYLOAD = 1500 - 28, PORT = 9 };

static uint64_t n_received;
static uint64_t n_wanted;

static void
receive(Ptr<Socket> socket)
{
    while (socket->Recv()) {
        if (++n_received == n_wanted) {
            Simulator::Stop();
        }
    }
}

struct Source {
    Ptr<Socket> socket;
    Ptr<ExponentialRandomVariable> gap;
};

static void
send(Source *source)
{
    source->socket->Send(Create<Packet>(UDP_PAYLOAD));
    Simulator::Schedule(PicoSeconds((int64_t)source->gap->GetValue()), &send, source);
}

static double
bench_chain(size_t n_chains, double n_hops)
{
    std::vector<Source> sources(n_chains);
    PointToPointHelper link;
    InternetStackHelper stack;
    Ipv4StaticRoutingHelper routing;
    double seconds;

    /* A frame of the point-to-point device is 1502 bytes, ours 1538 with preamble and gap. */
    link.SetDeviceAttribute("DataRate", DataRateValue(DataRate(10000000000)));
    link.SetChannelAttribute("Delay", TimeValue(MicroSeconds(1)));
    link.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("100000p"));
    stack.SetRoutingHelper(routing);
    stack.SetIpv6StackInstall(false);
    for (size_t i = 0; i < n_chains; i++) {
        NodeContainer nodes;
        Ipv4AddressHelper addresses;
        Ipv4Address sink;

        nodes.Create(N_LINKS + 1);
        stack.Install(nodes);
        addresses.SetBase(Ipv4Address((10u << 24) + (uint32_t)i * 256), "255.255.255.252");
        for (unsigned k = 0; k < N_LINKS; k++) {
            NetDeviceContainer devices = link.Install(nodes.Get(k), nodes.Get(k + 1));

            sink = addresses.Assign(devices).GetAddress(1);
            addresses.NewNetwork();
        }
        for (unsigned k = 0; k < N_LINKS; k++) {
            routing.GetStaticRouting(nodes.Get(k)->GetObject<Ipv4>())
                ->AddHostRouteTo(sink, Ipv4Address((10u << 24) + (uint32_t)i * 256 + 4 * k + 2), 1 + (k > 0));
        }

        Ptr<Socket> server = Socket::CreateSocket(nodes.Get(N_LINKS), UdpSocketFactory::GetTypeId());
        server->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        server->SetRecvCallback(MakeCallback(&receive));

        sources[i].socket = Socket::CreateSocket(nodes.Get(0), UdpSocketFactory::GetTypeId());
        sources[i].socket->Connect(InetSocketAddress(sink, PORT));
        sources[i].gap = CreateObject<ExponentialRandomVariable>();
        sources[i].gap->SetAttribute("Mean", DoubleValue((UDP_PAYLOAD + 28 + 2) * 800 / 0.9));
        Simulator::Schedule(PicoSeconds((int64_t)sources[i].gap->GetValue()), &send, &sources[i]);
    }

    n_wanted = n_chains * 40;
    Simulator::Run();
    n_received = 0;
    n_wanted = std::max<uint64_t>(1, n_hops / N_LINKS);
    seconds = -bench_seconds();
    Simulator::Run();
    seconds += bench_seconds();
    Simulator::Destroy();
    return n_received * N_LINKS / seconds;
}

int
main(int argc, char **argv)
{
    uint64_t random = 1;
    double rate;

    Time::SetResolution(Time::PS);
    if (argc > 1 && strcmp(argv[1], "chain") == 0) {
        rate = bench_chain(bench_number(argc, argv, 2, "CHAINS", 1),
                           bench_number(argc, argv, 3, "MILLION_HOPS", 0.5) * 1e6);
    } else {
        BenchLaw law = bench_law(argc > 2 ? argv[2] : "exponential");
        size_t n_events = bench_number(argc, argv, 3, "N", 1000);
        uint64_t n = bench_number(argc, argv, 4, "MILLION_HOLDS", 2) * 1e6;

        for (auto &increment : increments) {
            increment = bench_increment(law, &random);
        }
        if (argc > 1 && strcmp(argv[1], "set") == 0) {
            rate = bench_set(law, n_events, n, &random);
        } else {
            rate = bench_events(law, n_events, n, &random);
        }
    }
    printf("%.4f\n", rate / 1e6);
    return 0;
}
