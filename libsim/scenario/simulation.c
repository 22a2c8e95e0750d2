#include "scenario/simulation.h"

#include "model/capture.h"
#include "model/topology.h"
#include "transport/socket.h"

struct VsSimulation {
    const VsScenario *scenario;
    VsRun run;
    VsBuild build;
    VsTime until;
};

typedef bool (*Sweep)(void *self, const VsElement *element, VsBuild *build,
                      GError **error);

static bool compile(VsSimulation *simulation, GError **error);

VsSimulation *
vs_simulation_new(const VsScenario *scenario, const VsSimulationOptions *options,
                  GError **error)
{
    VsSimulation *simulation = g_new0(VsSimulation, 1);
    uint64_t seed = vs_scenario_seed(scenario);

    simulation->scenario = scenario;
    simulation->until = vs_scenario_until(scenario);
    if (options && options->has_seed) {
        seed = options->seed;
    }
    if (options && options->until > 0) {
        simulation->until = options->until;
    }
    vs_run_init(&simulation->run, seed);
    simulation->run.is_plain = options && options->is_plain;
    vs_run_make_packets(&simulation->run);
    vs_build_init(&simulation->build, &simulation->run,
                  vs_scenario_n_elements(scenario));
    simulation->build.is_without_load = options && options->is_without_load;
    if (!compile(simulation, error)) {
        vs_simulation_free(simulation);
        return NULL;
    }
    return simulation;
}

void
vs_simulation_free(VsSimulation *simulation)
{
    if (!simulation) {
        return;
    }
    vs_run_stop(&simulation->run);
    /* Later elements may refer to earlier ones: the last goes first. */
    for (unsigned i = vs_scenario_n_elements(simulation->scenario); i-- > 0;) {
        const VsElement *element = vs_scenario_element(simulation->scenario, i);
        void *self = simulation->build.instances[i];

        if (self && element->model->close) {
            element->model->close(self);
        }
    }
    vs_build_clear_hosts(&simulation->build);
    for (unsigned i = 0; i < vs_scenario_n_elements(simulation->scenario); i++) {
        g_free(simulation->build.instances[i]);
    }
    vs_build_clear(&simulation->build);
    vs_run_free_packets(&simulation->run);
    vs_run_clear(&simulation->run);
    g_free(simulation);
}

/* Calls one function of every model that has it, in document order. */
static bool
sweep(VsSimulation *simulation, size_t function_offset, GError **error)
{
    for (unsigned i = 0; i < vs_scenario_n_elements(simulation->scenario); i++) {
        const VsElement *element = vs_scenario_element(simulation->scenario, i);
        Sweep function = G_STRUCT_MEMBER(Sweep, element->model, function_offset);

        if (function && !function(simulation->build.instances[i], element,
                                  &simulation->build, error)) {
            return false;
        }
    }
    return true;
}

static bool
compile(VsSimulation *simulation, GError **error)
{
    VsBuild *build = &simulation->build;

    for (unsigned i = 0; i < vs_scenario_n_elements(simulation->scenario); i++) {
        const VsElement *element = vs_scenario_element(simulation->scenario, i);

        if (element->model->size > 0) {
            build->instances[i] = g_malloc0(element->model->size);
        }
    }
    if (!sweep(simulation, G_STRUCT_OFFSET(VsModel, create), error) ||
        !sweep(simulation, G_STRUCT_OFFSET(VsModel, connect), error) ||
        !vs_topology_assign_addresses(build, error) ||
        !vs_topology_compute_routes(build, error) ||
        !sweep(simulation, G_STRUCT_OFFSET(VsModel, declare), error)) {
        return false;
    }
    vs_cluster_complete(build->cluster);
    return sweep(simulation, G_STRUCT_OFFSET(VsModel, open), error) &&
           vs_build_find_captured(build, error);
}

VsRunState
vs_simulation_advance_to(VsSimulation *simulation, VsTime time, uint64_t max_events)
{
    return vs_run_advance(&simulation->run, MIN(time, simulation->until), max_events);
}

VsRunState
vs_simulation_advance(VsSimulation *simulation, uint64_t max_events)
{
    return vs_run_advance(&simulation->run, simulation->until, max_events);
}

static uint64_t
count_held(const VsBuild *build)
{
    uint64_t n_held = 0;

    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        n_held += vs_host_n_held(host);
        for (const VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            n_held += vs_sockets_n_held(netns);
        }
    }
    for (unsigned i = 0; i < build->wires->len; i++) {
        n_held += vs_wire_n_held(g_array_index(build->wires, VsBuiltWire, i).wire);
    }
    return n_held;
}

static bool
check_queue(const VsQueueStat *stat, const char *name, VsTime now, GError **error)
{
    if (!vs_queue_stat_balances(stat, now)) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_CONFLICT,
                    "internal error: Little's law does not hold for %s", name);
        return false;
    }
    return true;
}

static bool
check_instance(const VsSimulation *simulation, const VsElement *element, GError **error)
{
    const void *self = simulation->build.instances[element->index];
    g_autofree char *name = vs_element_describe(element);

    for (const VsStat *stat = element->model->stats; self && stat && stat->name;
         stat++) {
        if (stat->kind == VS_STAT_QUEUE &&
            !check_queue(G_STRUCT_MEMBER_P(self, stat->offset), name,
                         vs_now(&simulation->run), error)) {
            return false;
        }
    }
    return true;
}

static bool
check_queues(const VsSimulation *simulation, GError **error)
{
    const VsBuild *build = &simulation->build;
    VsTime now = vs_now(&simulation->run);

    for (unsigned i = 0; i < build->wires->len; i++) {
        const VsWire *wire = g_array_index(build->wires, VsBuiltWire, i).wire;

        if (!check_queue(&wire->stat, wire->name, now, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < build->qdiscs->len; i++) {
        const VsBuiltQdisc *built = &g_array_index(build->qdiscs, VsBuiltQdisc, i);

        if (!built->qdisc->parent &&
            !check_queue(&built->qdisc->backlog, built->name, now, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (unsigned j = 0; j < host->n_cores; j++) {
            if (!check_queue(&host->cores[j].stat, host->name, now, error)) {
                return false;
            }
        }
    }
    for (unsigned i = 0; i < vs_scenario_n_elements(simulation->scenario); i++) {
        if (!check_instance(simulation, vs_scenario_element(simulation->scenario, i),
                            error)) {
            return false;
        }
    }
    return true;
}

bool
vs_simulation_check(const VsSimulation *simulation, GError **error)
{
    const VsPacketPool *pool = simulation->run.packets;
    uint64_t n_held = count_held(&simulation->build);
    uint64_t n_dropped = vs_packets_dropped(&simulation->run);

    if (pool->n_created != pool->n_delivered + n_dropped + n_held ||
        n_held != vs_packets_in_flight(&simulation->run)) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_CONFLICT,
                    "internal error: packets are not conserved: %" G_GUINT64_FORMAT
                    " created, %" G_GUINT64_FORMAT " delivered, %" G_GUINT64_FORMAT
                    " dropped, %" G_GUINT64_FORMAT " held, %" G_GUINT64_FORMAT
                    " in flight",
                    pool->n_created, pool->n_delivered, n_dropped, n_held,
                    vs_packets_in_flight(&simulation->run));
        return false;
    }
    return check_queues(simulation, error);
}

const VsScenario *
vs_simulation_scenario(const VsSimulation *simulation)
{
    return simulation->scenario;
}

VsRun *
vs_simulation_run(VsSimulation *simulation)
{
    return &simulation->run;
}

const VsBuild *
vs_simulation_build(const VsSimulation *simulation)
{
    return &simulation->build;
}

VsTime
vs_simulation_until(const VsSimulation *simulation)
{
    return simulation->until;
}

uint64_t
vs_simulation_seed(const VsSimulation *simulation)
{
    return simulation->run.seed;
}

char *
vs_simulation_digest(const VsSimulation *simulation)
{
    return g_strdup_printf("%016" G_GINT64_MODIFIER "x", simulation->run.digest.sum);
}

void *
vs_simulation_instance(const VsSimulation *simulation, const VsElement *element)
{
    return simulation->build.instances[element->index];
}
