/* Bulk TCP in ns-3, as in bench_bulk.
 *
 * usage: peer_ns3_tcp [FLOWS [SECONDS]]
 *        peer_ns3_tcp loss reno|cubic PPM RTT_MS SECONDS
 *
 * Two nodes and a point-to-point link, BulkSend and PacketSink, TCP as ns-3 has it (CUBIC,
 * SACK) but with segments of 1460 bytes, ten in the first window, and no time stamps.  With
 * "loss" each segment is acknowledged: ns-3 opens its window by acknowledgements (RFC 5681),
 * where Linux and we count what they acknowledge (RFC 3465), and would be slower for that
 * alone. */
#include <ns3/applications-module.h>
#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>

#include "tests/bench/bench.h"

using namespace ns3;

enum { MSS = 1460, PORT = 80 };

static uint64_t n_segments;

static void
count(Ptr<const Packet> packet)
{
    n_segments += packet->GetSize() > 100; /* No acknowledgement. */
}

static void
run(unsigned n_flows, const char *congestion, uint64_t bits_per_s, Time delay, double loss,
    const char *queue, uint32_t buffer, double seconds)
{
    NodeContainer nodes;
    PointToPointHelper link;
    InternetStackHelper stack;
    Ipv4AddressHelper addresses;

    Config::SetDefault("ns3::TcpL4Protocol::SocketType", StringValue(congestion));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(MSS));
    Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(buffer));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(buffer));
    Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(MilliSeconds(200)));
    Config::SetDefault("ns3::TcpSocketBase::Timestamp", BooleanValue(false));
    Config::SetDefault("ns3::TcpSocket::DelAckTimeout", TimeValue(MilliSeconds(40)));

    nodes.Create(2);
    link.SetDeviceAttribute("DataRate", DataRateValue(DataRate(bits_per_s)));
    link.SetChannelAttribute("Delay", TimeValue(delay));
    link.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue(queue));
    stack.SetIpv6StackInstall(false);
    NetDeviceContainer devices = link.Install(nodes);
    stack.Install(nodes);
    if (loss > 0) {
        Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();

        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(loss);
        DynamicCast<PointToPointNetDevice>(devices.Get(1))->SetReceiveErrorModel(errors);
    }
    devices.Get(1)->TraceConnectWithoutContext("MacRx", MakeCallback(&count));
    addresses.SetBase("10.0.0.0", "255.255.255.0");
    Ipv4InterfaceContainer interfaces = addresses.Assign(devices);

    PacketSinkHelper sink("ns3::TcpSocketFactory",
                          InetSocketAddress(Ipv4Address::GetAny(), PORT));
    sink.Install(nodes.Get(1)).Start(Seconds(0));
    BulkSendHelper source("ns3::TcpSocketFactory",
                          InetSocketAddress(interfaces.GetAddress(1), PORT));
    source.SetAttribute("SendSize", UintegerValue(MSS));
    for (unsigned i = 0; i < n_flows; i++) {
        source.Install(nodes.Get(0)).Start(Seconds(0));
    }
    Simulator::Stop(Seconds(seconds));
    Simulator::Run();
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "loss") == 0) {
        bool is_reno = argc > 2 && strcmp(argv[2], "reno") == 0;

        Config::SetDefault("ns3::TcpSocket::DelAckCount", UintegerValue(1));
        double seconds = bench_number(argc, argv, 5, "SECONDS", 100);

        run(1, is_reno ? "ns3::TcpNewReno" : "ns3::TcpCubic", 10000000000,
            MicroSeconds((uint64_t)(bench_number(argc, argv, 4, "RTT_MS", 20) * 500)),
            bench_number(argc, argv, 3, "PPM", 1000) / 1e6, "1000000p", 1 << 26, seconds);
        printf("%.4f\n", n_segments / seconds);
        return 0;
    }

    double seconds = -bench_seconds();
    run((unsigned)bench_number(argc, argv, 1, "FLOWS", 100), "ns3::TcpCubic", 1000000000,
        MilliSeconds(1), 0, "1000p", 4 * 65535, bench_number(argc, argv, 2, "SECONDS", 10));
    printf("%.4f\n", n_segments / (seconds + bench_seconds()) / 1e6);
    return 0;
}
