/* Trains of segments through whole networks, next to segments one by one. */
#include "models/fixture.h"

#define NODE                                                                \
    "<pod id='p' labels='app=web' nodes='n'><container service-time='0s' "  \
    "response='%s'/></pod>"                                                 \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080' " \
    "select='app=web'/>"

/* From no device in between to two: rates that fall, and rise again, on the way. */
static const char *const ways[] = {
    "<link from='c' to='n' rate='1Gbit/s' subnet='172.16.0.0/24'/>",
    "<switch id='sw'/><link from='n' to='sw' rate='10Gbit/s' subnet='172.16.0.0/24'/>"
    "<link from='sw' to='c' rate='1Gbit/s' subnet='172.16.0.0/24'/>",
    "<switch id='sw'/><link from='n' to='sw' rate='1Gbit/s' subnet='172.16.0.0/24'/>"
    "<link from='sw' to='c' rate='10Gbit/s' subnet='172.16.0.0/24'/>",
    "<switch id='sw'/><router id='r' costs='free'/>"
    "<link from='n' to='sw' rate='10Gbit/s' subnet='172.16.0.0/24'/>"
    "<link from='sw' to='r' rate='1Gbit/s' subnet='172.16.0.0/24'/>"
    "<link from='r' to='c' rate='2.5Gbit/s'/>",
};

static Model *
requests(const char *gso, const char *way, const char *response)
{
    return model_new("%s<client id='c' costs='free' gso='%s' arrivals='constant(10/s)' "
                     "to='http://s.example:30080/' resolver='d' stop='1s'/>"
                     "<node id='n' costs='free' gso='%s'/>%s"
                     "<dns id='d'><record name='s.example' to='n'/></dns>"
                     "<link from='d' to='c'/>" NODE,
                     model_free_costs, gso, gso, way, response);
}

/* Frames and bytes on all wires. */
static void
count_frames(const Model *model, uint64_t *n_frames, uint64_t *n_bytes)
{
    *n_frames = *n_bytes = 0;
    for (unsigned i = 0; i < model->build->wires->len; i++) {
        const VsWire *wire = g_array_index(model->build->wires, VsBuiltWire, i).wire;

        *n_frames += wire->n_packets;
        *n_bytes += wire->n_bytes;
    }
}

/* An answer that fits the first window: the same to the picosecond, whatever the way; of ACKs
 * there are fewer. */
static void
test_answers_take_the_same_time(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        Model *with = requests("yes", ways[i], "14000B");
        Model *without = requests("no", ways[i], "14000B");
        const VsHistogram *a = model_histogram(with, "c", "latency");
        const VsHistogram *b = model_histogram(without, "c", "latency");

        model_run(with, 2 * VS_S);
        model_run(without, 2 * VS_S);
        CU_ASSERT_EQUAL(a->count, 10);
        CU_ASSERT_EQUAL(b->count, 10);
        CU_ASSERT_EQUAL(vs_histogram_max(a), vs_histogram_max(b));
        CU_ASSERT_EQUAL(vs_histogram_min(a), vs_histogram_min(b));
        CU_ASSERT_EQUAL(a->sum, b->sum);
        CU_ASSERT(with->run->n_events < without->run->n_events);
        model_free(with);
        model_free(without);
    }
}

/* Pods reach one another through tunnels: each frame has the headers of the tunnel, and
 * the MTU is that of the segments. */
static void
check_tunnel(const char *cni)
{
    uint64_t n_frames[2], n_bytes[2], n_acks;

    for (unsigned is_gso = 0; is_gso < 2; is_gso++) {
        Model *model = model_new(
            "%s<cluster cni='%s'/>"
            "<node id='m' costs='free' gso='%s'/><node id='n' costs='free' gso='%s'/>"
            "<router id='r' costs='free'/>"
            "<link from='m' to='r' rate='1Gbit/s'/><link from='n' to='r'/>"
            "<pod id='q' nodes='m'><client id='c' arrivals='constant(10/s)' stop='1s' "
            "to='http://10.96.0.77/'/></pod>"
            "<pod id='p' labels='app=web' nodes='n'><container service-time='0s' "
            "response='14000B'/></pod>"
            "<service id='s' cluster-ip='10.96.0.77' target-port='8080' port='80' select='app=web'/>",
            model_free_costs, cni, is_gso ? "yes" : "no", is_gso ? "yes" : "no");

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
        CU_ASSERT_EQUAL(vs_packets_dropped(model->run), 0);
        count_frames(model, &n_frames[is_gso], &n_bytes[is_gso]);
        model_free(model);
    }
    /* 10 frames make one ACK instead of 10, each on two wires. */
    n_acks = n_frames[0] - n_frames[1];
    CU_ASSERT_EQUAL(n_acks, 10 * 9 * 2);
    CU_ASSERT_EQUAL((n_bytes[0] - n_bytes[1]) % n_acks, 0);
}

static void
test_tunnels_carry_trains(void)
{
    check_tunnel("calico-vxlan");
    check_tunnel("calico-ipip");
    check_tunnel("flannel-vxlan");
}

/* Loss, damage and reordering, by netem and by a short queue: every answer comes. */
static void
test_soak(void)
{
    Model *model = model_new(
        "<client id='c' gso='yes' arrivals='poisson(40/s)' stop='20s' timeout='600s' "
        "to='http://172.16.0.2:30080/' body='50kB'/><node id='n' gso='yes'/>"
        "<link from='c' to='n' rate='1Gbit/s' delay='1ms' subnet='172.16.0.0/24'>"
        "<qdisc kind='netem' delay='2ms' jitter='1ms' loss='1%%' corrupt='1%%' "
        "reorder='5%%' duplicate='1%%'/></link>" NODE,
        "300kB");

    model_run(model, 700 * VS_S);
    CU_ASSERT(model_counter(model, "c", "completed") > 700);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"),
                    model_counter(model, "c", "requests"));
    CU_ASSERT(model_dropped(model, VS_DROP_NETEM_LOSS) > 10);
    CU_ASSERT(model_dropped(model, VS_DROP_CORRUPTED) > 10);
    model_free(model);
}

static void
test_a_train_is_paid_for_once(void)
{
    VsTime busy[2];

    for (unsigned is_gso = 0; is_gso < 2; is_gso++) {
        Model *model =
            model_new("<client id='c' gso='%s' arrivals='constant(10/s)' stop='1s' "
                      "to='http://172.16.0.2:30080/'/><node id='n' cores='1' gso='%s'/>"
                      "<link from='c' to='n' subnet='172.16.0.0/24'/>" NODE,
                      is_gso ? "yes" : "no", is_gso ? "yes" : "no", "1MB");

        model_run(model, 2 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
        busy[is_gso] = model_host(model, "n")->cores[0].busy;
        model_free(model);
    }
    CU_ASSERT(busy[0] > 10 * busy[1]);
}

static const VsTestCase tests[] = {
    {"answers take the same time", test_answers_take_the_same_time},
    {"tunnels carry trains", test_tunnels_carry_trains},
    {"soak", test_soak},
    {"a train is paid for once", test_a_train_is_paid_for_once},
    {0},
};

VS_TESTS("models: gso")
