#include "scenario/probe.h"

#include "packet/dns.h"
#include "packet/http.h"
#include "packet/trace.h"
#include "scenario/probe_names.h"
#include "transport/http3.h"
#include "transport/stub.h"
#include "transport/tcp.h"
#include "transport/udp.h"

/* After the connection is closed: what is still on its way arrives. */
#define DRAIN (1 * VS_S)

typedef enum Phase {
    PHASE_DNS,
    PHASE_CONNECT,
    PHASE_REQUEST,
} Phase;

static const char *const phase_names[] = {"DNS", "connect", "request"};

struct VsProbe {
    VsSimulation *simulation;
    VsProbeResult result;
    char *from;
    char *to;
    VsTime until;
    VsTime timeout;
    VsEntity entity;
    VsTimer timer; /* The start; then the time-out. */
    VsJourney journey;
    VsStage wait_stage;
    VsStub stub;
    VsStubLookup lookup;
    VsResolvNames names;
    VsTcp *tcp; /* From connecting until both sides have closed; or NULL. */
    VsUdp udp;
    bool is_udp_open;
    VsHttpClient http3;
    VsHttpExchange exchange; /* Of 'http3'. */
    bool is_http3_open;
};

static void begin(VsTimer *timer);
static void time_out(VsTimer *timer);

VsTime
vs_probe_until(const VsProbeOptions *options)
{
    return options->at + options->timeout + DRAIN;
}

VsProbe *
vs_probe_new(VsSimulation *simulation, const VsProbeOptions *options, GError **error)
{
    g_autoptr(VsProbe) probe = g_new0(VsProbe, 1);
    VsRun *run = vs_simulation_run(simulation);
    VsProbeResult *result = &probe->result;
    g_autofree char *place = g_strdup_printf("probe %s", options->from);
    const VsElement *origin;

    probe->simulation = simulation;
    probe->until = vs_probe_until(options);
    probe->timeout = options->timeout;
    result->from = probe->from = g_strdup(options->from);
    result->to = probe->to = g_strdup(options->to);
    result->journey = &probe->journey;
    result->phase_names = phase_names;
    result->netns = vs_probe_find_origin(simulation, options->from, &origin, error);
    result->is_http3 = options->is_http3;
    if (!result->netns || !vs_probe_split_target(result, options->to, error)) {
        return NULL;
    }
    vs_probe_choose_resolution(result, simulation, origin);
    if (options->is_traced) {
        vs_run_start_trace(run);
    }
    probe->journey.is_traced = options->is_traced;
    probe->wait_stage =
        vs_stages_add(&run->packets->stages, place, "waiting", VS_STAGE_DELAY);
    vs_entity_init(&probe->entity, &result->netns->host->part);
    vs_timer_init(&probe->timer, &probe->entity, begin);
    vs_timer_arm(&probe->timer, options->at);
    return g_steal_pointer(&probe);
}

void
vs_probe_free(VsProbe *probe)
{
    if (!probe) {
        return;
    }
    if (probe->entity.run) {
        vs_timer_cancel(&probe->timer);
        vs_stub_cancel(&probe->lookup);
    }
    if (probe->tcp) {
        vs_tcp_set_user(probe->tcp, NULL);
    }
    if (probe->is_udp_open) {
        vs_udp_close(&probe->udp);
    }
    if (probe->is_http3_open) {
        vs_http_client_close(&probe->http3);
    }
    vs_stub_clear(&probe->stub);
    vs_resolv_names_clear(&probe->names);
    vs_journey_clear(&probe->journey);
    g_free(probe->result.host);
    g_free(probe->result.path);
    g_free(probe->from);
    g_free(probe->to);
    g_free(probe);
}

static void
enter_phase(VsProbe *probe, Phase phase)
{
    vs_journey_wait(&probe->journey, probe->wait_stage, vs_now(probe->entity.run));
    vs_journey_set_phase(&probe->journey, phase);
}

/* The request is over: all its time is accounted for. */
static void
end(VsProbe *probe, VsProbeOutcome outcome)
{
    if (probe->result.outcome != VS_PROBE_UNDER_WAY) {
        return;
    }
    probe->result.outcome = outcome;
    vs_timer_cancel(&probe->timer);
    vs_journey_wait(&probe->journey, probe->wait_stage, vs_now(probe->entity.run));
    vs_journey_end(&probe->journey);
}

/* HTTP. ---------------------------------------------------------------------------- */

static VsPayload
new_request(const VsProbe *probe, bool is_close)
{
    const VsProbeResult *result = &probe->result;
    g_autofree char *authority =
        vs_http_authority(result->host, result->port, result->is_http3);

    return vs_http_new_request(&probe->entity.run->packets->names, authority,
                               result->path, 0, is_close);
}

static void
http_connected(VsTcp *tcp)
{
    VsProbe *probe = vs_tcp_user(tcp);
    VsPayload payload = new_request(probe, true);

    enter_phase(probe, PHASE_REQUEST);
    vs_payload_set_journey(&payload, &probe->journey);
    vs_tcp_send(tcp, &payload, payload.http.head_bytes);
}

static void
http_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsProbe *probe = vs_tcp_user(tcp);

    (void)bytes;
    if (probe->result.outcome == VS_PROBE_UNDER_WAY) {
        probe->result.status = payload->http.status;
        probe->result.body_bytes = payload->http.body_bytes;
        end(probe, VS_PROBE_COMPLETED);
        vs_tcp_close(tcp);
    }
}

static void
http_finished(VsTcp *tcp)
{
    end(vs_tcp_user(tcp), VS_PROBE_RESET);
    vs_tcp_close(tcp);
}

static VsProbeOutcome
outcome_of(VsTcpEnd tcp_end)
{
    static const VsProbeOutcome outcomes[] = {
        [VS_TCP_END_REFUSED] = VS_PROBE_REFUSED,
        [VS_TCP_END_UNREACHABLE] = VS_PROBE_UNREACHABLE,
        [VS_TCP_END_TIMED_OUT] = VS_PROBE_TIMED_OUT,
        [VS_TCP_END_RESET] = VS_PROBE_RESET,
        [VS_TCP_END_NO_PORT] = VS_PROBE_NO_PORT,
    };

    return outcomes[tcp_end];
}

static void
http_broken(VsTcp *tcp, VsTcpEnd tcp_end)
{
    VsProbe *probe = vs_tcp_user(tcp);

    probe->tcp = NULL;
    end(probe, outcome_of(tcp_end));
}

static void
http_closed(VsTcp *tcp)
{
    ((VsProbe *)vs_tcp_user(tcp))->tcp = NULL;
}

static const VsTcpOps http_ops = {
    .connected = http_connected,
    .message = http_message,
    .finished = http_finished,
    .broken = http_broken,
    .closed = http_closed,
};

/* HTTP/3. -------------------------------------------------------------------------- */

static void
http3_sending(VsHttpExchange *exchange)
{
    enter_phase(VS_CONTAINER_OF(exchange, VsProbe, exchange), PHASE_REQUEST);
}

static void
http3_answered(VsHttpExchange *exchange, const VsHttp *answer)
{
    VsProbe *probe = VS_CONTAINER_OF(exchange, VsProbe, exchange);

    if (probe->result.outcome == VS_PROBE_UNDER_WAY) {
        probe->result.status = answer->status;
        probe->result.body_bytes = answer->body_bytes;
        end(probe, VS_PROBE_COMPLETED);
    }
}

static void
http3_failed(VsHttpExchange *exchange, VsTcpEnd tcp_end)
{
    end(VS_CONTAINER_OF(exchange, VsProbe, exchange), outcome_of(tcp_end));
}

static const VsHttpExchangeOps http3_ops = {
    .sending = http3_sending, .answered = http3_answered, .failed = http3_failed};

static void
send_by_http3(VsProbe *probe)
{
    VsHttp3Config http3 = {
        .quic = {.tls = {.version = VS_TLS_1_3}, .idle = probe->timeout}};
    VsHttpClientConfig config = {.netns = probe->result.netns, .http3 = &http3};

    enter_phase(probe, PHASE_CONNECT);
    vs_http_client_open(&probe->http3, &config);
    probe->is_http3_open = true;
    probe->exchange = (VsHttpExchange){.ops = &http3_ops,
                                       .client = &probe->http3,
                                       .address = probe->result.address,
                                       .port = probe->result.port,
                                       .payload = new_request(probe, false)};
    vs_payload_set_journey(&probe->exchange.payload, &probe->journey);
    vs_http_client_send(&probe->http3, &probe->exchange);
}

/* UDP. ----------------------------------------------------------------------------- */

static void
udp_receive(VsUdp *udp, VsPacket *packet)
{
    VsProbe *probe = udp->user;

    vs_packet_arrive(packet);
    probe->result.body_bytes = packet->payload_bytes;
    end(probe, VS_PROBE_COMPLETED);
}

static void
udp_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code)
{
    (void)sent;
    end(udp->user,
        icmp_code == VS_ICMP_CODE_PORT ? VS_PROBE_REFUSED : VS_PROBE_UNREACHABLE);
}

static const VsUdpOps udp_ops = {.receive = udp_receive, .refused = udp_refused};

static void
send_datagram(VsProbe *probe)
{
    VsPayload payload = {.kind = VS_PAYLOAD_NONE};

    enter_phase(probe, PHASE_REQUEST);
    if (vs_netns_source_for(probe->result.netns, probe->result.address) == 0) {
        end(probe, VS_PROBE_UNREACHABLE);
        return;
    }
    probe->is_udp_open =
        vs_udp_open(&probe->udp, probe->result.netns, VS_ADDR_ANY, 0, &udp_ops, probe);
    if (!probe->is_udp_open) {
        end(probe, VS_PROBE_NO_PORT);
        return;
    }
    vs_payload_set_journey(&payload, &probe->journey);
    vs_udp_send(&probe->udp, 0, probe->result.address, probe->result.port, &payload,
                VS_PROBE_UDP_BYTES);
}

/* From the start to the time-out. -------------------------------------------------- */

static void
send_request(VsProbe *probe)
{
    if (probe->result.is_udp) {
        send_datagram(probe);
        return;
    }
    if (probe->result.is_http3) {
        send_by_http3(probe);
        return;
    }
    enter_phase(probe, PHASE_CONNECT);
    probe->tcp = vs_tcp_connect(probe->result.netns, 0, probe->result.address,
                                probe->result.port, &probe->journey, &http_ops, probe);
}

static void
answered(VsStub *stub, VsStubLookup *lookup, const VsDns *answer)
{
    VsProbe *probe = VS_CONTAINER_OF(lookup, VsProbe, lookup);

    (void)stub;
    if (!answer || answer->code != VS_DNS_NOERROR || vs_dns_n_addresses(answer) == 0) {
        end(probe, VS_PROBE_UNRESOLVED);
        return;
    }
    probe->result.address = vs_dns_address(answer, 0);
    send_request(probe);
}

static void
resolve(VsProbe *probe)
{
    VsResolvConf conf;

    vs_resolv_conf_init(&conf, VS_LIBC_NONE);
    conf.servers[conf.n_servers++] = probe->result.server_address;
    vs_resolv_names_init(&probe->names, &conf, probe->result.host,
                         &probe->entity.run->packets->names);
    if (!vs_stub_open(&probe->stub, probe->result.netns, &probe->entity, &conf,
                      answered)) {
        end(probe, VS_PROBE_NO_PORT);
        return;
    }
    vs_stub_ask(&probe->stub, &probe->lookup, &probe->names, &probe->journey);
}

static void
begin(VsTimer *timer)
{
    VsProbe *probe = VS_CONTAINER_OF(timer, VsProbe, timer);

    timer->fire = time_out;
    vs_timer_arm(timer, timer->due + probe->timeout);
    vs_journey_start(&probe->journey, vs_now(probe->entity.run));
    if (probe->result.address != 0) {
        send_request(probe);
    } else if (probe->result.resolution == VS_PROBE_BY_NOBODY) {
        end(probe, VS_PROBE_UNRESOLVED);
    } else {
        resolve(probe);
    }
}

static void
time_out(VsTimer *timer)
{
    VsProbe *probe = VS_CONTAINER_OF(timer, VsProbe, timer);

    end(probe,
        vs_stub_is_asking(&probe->lookup) ? VS_PROBE_UNRESOLVED : VS_PROBE_TIMED_OUT);
    vs_stub_cancel(&probe->lookup);
    if (probe->tcp) {
        vs_tcp_abort(probe->tcp);
        probe->tcp = NULL;
    }
}

void
vs_probe_run(VsProbe *probe)
{
    const VsRun *run = probe->entity.run;

    while ((probe->result.outcome == VS_PROBE_UNDER_WAY || probe->tcp) &&
           vs_simulation_advance_to(probe->simulation, probe->until, 1) ==
               VS_RUN_PAUSED) {
    }
    vs_simulation_advance_to(probe->simulation, vs_now(run) + DRAIN, UINT64_MAX);
}

const VsProbeResult *
vs_probe_result(const VsProbe *probe)
{
    return &probe->result;
}

VsSimulation *
vs_probe_simulation(const VsProbe *probe)
{
    return probe->simulation;
}

const char *
vs_probe_outcome_name(VsProbeOutcome outcome)
{
    static const char *const names[] = {
        [VS_PROBE_UNDER_WAY] = "under way",
        [VS_PROBE_COMPLETED] = "completed",
        [VS_PROBE_UNRESOLVED] = "unresolved",
        [VS_PROBE_REFUSED] = "refused",
        [VS_PROBE_UNREACHABLE] = "unreachable",
        [VS_PROBE_TIMED_OUT] = "timed out",
        [VS_PROBE_RESET] = "reset",
        [VS_PROBE_NO_PORT] = "no port",
    };

    return names[outcome];
}
